"""Playing a list of operations on a driver: the bridge from a `Broken` promise to a `Failure`.

>>> from snapsim.drivers import Vfs
>>> from snapsim.testing import on_drivers as on
>>> play_driver(Vfs, [on.write("/a"), on.child(), on.unlink("/a"), on.apply()]) is None
True

LEAVES OUT: code that never returns (see `isolation`).
"""

from collections.abc import Sequence

from .driver_books import finish, step
from .driver_layers import DriverFactory, Layers, driver_source
from .failure import Broken, Failure, broken_by
from .isolation import doing
from .on_drivers import Act


def play_driver(factory: DriverFactory, operations: Sequence[Act], behaviour: str = "") -> Failure | None:
    """Play the operations on a fresh driver and on flat trees, and compare everything after each step.

    Parameters
    ----------
    factory : type[Driver] or callable
        What gives a fresh driver when it is called without arguments.
    operations : sequence of Act
        See `on_drivers`; there is one layer to start with.
    behaviour : str
        Named in the failure.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    name, number, lines = getattr(factory, "__name__", "factory"), 0, driver_source(factory)
    doing(name, behaviour, operations, 0, lines)
    try:
        layers = Layers(factory)
        lines = layers.lines
        for number, act in enumerate(operations):
            doing(name, behaviour, operations, number, lines)
            step(layers, act)
        doing(name, behaviour, operations, number, lines)
        finish(layers)
    except Broken as error:
        broken = error
    except (Exception, SystemExit) as error:                   # a student's code may raise anything
        broken = broken_by(error)
    else:
        return None
    return Failure(name, broken.promise, tuple(operations[:number + 1]), number, broken.expected, broken.actual,
                   tuple(lines), broken.call, behaviour)
