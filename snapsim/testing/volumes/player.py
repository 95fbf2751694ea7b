"""Playing a list of operations on a family of volumes.

>>> from snapsim.block.snapshots import FullCopy
>>> from snapsim.testing import snapshot, write
>>> play(FullCopy, [write(0, 1), snapshot(), write(0, 1)]) is None
True

LEAVES OUT: code that never returns (see `isolation`).
"""

from collections.abc import Sequence
from functools import partial

from snapsim.testing.checking import name_of
from snapsim.testing.failure import Failure
from snapsim.testing.playing import OFTEN, looks_after, play_list
from snapsim.testing.volumes.bills import Bills
from snapsim.testing.volumes.books import check_usage, step
from snapsim.testing.volumes.family import Factory, Family, Shape, source
from snapsim.testing.volumes.operations import Operation


def play(
    factory: Factory,
    operations: Sequence[Operation],
    shape: Shape = Shape(),  # noqa: B008
    skipped: dict[str, str] | None = None,
    behaviour: str = "",
    looks: str = OFTEN,
    like: str = "",
) -> Failure | None:
    """Play the operations on a fresh volume and on dictionaries, and compare the two.

    Parameters
    ----------
    factory : type[Volume] or callable
        A class (its `new` is used), or what is called with size, block_size and chunk_size.
    operations : sequence of Operation
        See `operations`.
    shape : Shape
        Blocks of the volume, blocks a chunk, bytes a block.
    skipped : dict, optional
        Gets the verbs that the mechanism does not have, with its reasons.
    behaviour : str
        Named in the failure.
    looks : {"often", "seldom", "once"}
        After every step, after some of them, or at the end only: a look can make what was put off.
    like : str
        The model whose bill is exact, "" if none is.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    bills: dict[Family, Bills] = {}

    def take(family: Family, operation: Operation) -> None:
        bill = bills.setdefault(family, Bills(family, like))
        step(family, operation, bill, looks_after(looks, family.steps + 1))

    def finish(family: Family) -> None:
        if looks != OFTEN:
            family.check_all()
        check_usage(family)
        if skipped is not None:
            skipped.update(family.skipped)

    return play_list(
        name_of(factory),
        operations,
        partial(Family, factory, shape),
        take,
        finish,
        source(factory, shape),
        behaviour,
        (shape, looks),
    )
