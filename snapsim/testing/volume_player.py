"""Playing a list of operations: the bridge from a `Broken` promise to a `Failure`.

>>> from snapsim.snapshots import FullCopy
>>> from snapsim.testing import snapshot, write
>>> play(FullCopy, [write(0, 1), snapshot(), write(0, 1)]) is None
True

LEAVES OUT: code that never returns (see `isolation`).
"""

from collections.abc import Sequence

from .failure import Broken, Failure, broken_by
from .isolation import doing
from .on_volumes import Operation
from .volume_books import check_usage, step
from .volume_family import Factory, Family, Shape, source


def play(factory: Factory, operations: Sequence[Operation], shape: Shape = Shape(),  # noqa: B008
         skipped: dict[str, str] | None = None, behaviour: str = "") -> Failure | None:
    """Play the operations on a fresh volume and on dictionaries, and compare everything after each step.

    Parameters
    ----------
    factory : type[Volume] or callable
        A class (its `new` is used), or what is called with size, block_size and chunk_size.
    operations : sequence of Operation
        See `on_volumes`.
    shape : Shape
        Blocks of the volume, blocks a chunk, bytes a block.
    skipped : dict, optional
        Gets the verbs that the mechanism does not have, with its reasons.
    behaviour : str
        Named in the failure.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    number, lines = 0, source(factory, shape)
    doing(name_of(factory), behaviour, operations, 0, lines, shape)
    try:
        family = Family(factory, shape)
        lines = family.lines
        for number, operation in enumerate(operations):
            doing(name_of(factory), behaviour, operations, number, lines, shape)
            step(family, operation)
        doing(name_of(factory), behaviour, operations, number, lines, shape)
        check_usage(family)
    except Broken as error:
        return _failure(factory, operations, number, error, lines, behaviour)
    except (Exception, SystemExit) as error:                   # a student's code may raise anything
        return _failure(factory, operations, number, broken_by(error), lines, behaviour)
    if skipped is not None:
        skipped.update(family.skipped)
    return None


def name_of(factory: Factory) -> str:
    """What reports call it."""
    return getattr(factory, "__name__", "factory")


def _failure(factory: Factory, operations: Sequence[Operation], number: int, error: Broken, lines: list[str],
             behaviour: str) -> Failure:
    return Failure(name_of(factory), error.promise, tuple(operations[:number + 1]), number, error.expected,
                   error.actual, tuple(lines), error.call, behaviour)
