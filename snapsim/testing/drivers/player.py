"""Playing a list of operations on a driver.

Trees are expensive to compare, and most lists hold: a list is played with few comparisons first, and one that fails is
played again with every layer compared after every step, so that the first step that shows it is found.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> from snapsim.testing.drivers import operations as on
>>> play_driver(Vfs, [on.write("/a"), on.child(), on.unlink("/a"), on.apply()]) is None
True

LEAVES OUT: code that never returns (see `isolation`).
"""

from collections.abc import Sequence
from functools import partial

from snapsim.testing.checking import name_of
from snapsim.testing.drivers.books import finish, step
from snapsim.testing.drivers.layers import DriverFactory, driver_source
from snapsim.testing.drivers.operations import Act
from snapsim.testing.drivers.scene import SeenLayers
from snapsim.testing.failure import Failure
from snapsim.testing.playing import OFTEN, looks_after, play_list


def play_driver(
    factory: DriverFactory, operations: Sequence[Act], behaviour: str = "", looks: str = OFTEN
) -> Failure | None:
    """Play the operations on a fresh driver and on flat trees, and compare the two.

    Parameters
    ----------
    factory : type[Driver] or callable
        What gives a fresh driver when it is called without arguments.
    operations : sequence of Act
        See `operations`; there is one layer to start with.
    behaviour : str
        Named in the failure.
    looks : {"often", "seldom", "once"}
        After every step, after some of them, or at the end only: a look can make what was put off.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    name, lines = name_of(factory), driver_source(factory)

    def sparse(layers: SeenLayers, act: Act) -> None:
        step(layers, act, everything=False, look=looks_after(looks, layers.steps))

    begin = partial(SeenLayers, factory)
    quick = play_list(name, operations, begin, sparse, finish, lines, behaviour, scenes=False)
    again = quick and play_list(name, operations, begin, step, finish, lines, behaviour)
    shown = again or (quick and play_list(name, operations, begin, sparse, finish, lines, behaviour))
    return shown or quick
