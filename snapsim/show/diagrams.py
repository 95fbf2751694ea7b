"""Pictures as plain data: `snapsim.course.stories` makes them, and `snapsim.show.plots` draws them.

A picture of blocks is rows of cells with links between them; a picture of layers is rows of paths with marks.

What it leaves out: colours and places on paper (`plot`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LAYER_MARKS = ("file", "copy-up", "whiteout", "opaque", "hidden")


class Cell(NamedTuple):
    """One cell of a block map: a row's name, and the number of the cell in it."""

    row: str
    number: int


@dataclass(frozen=True)
class BlockMap:
    """What lies where at one moment.

    Parameters
    ----------
    rows : mapping of str to sequence of str
        From the top down: a volume, a snapshot, a device; for each cell the name of its content, "" if it is free.
    links : sequence of (Cell, Cell)
        Which cell of a volume or snapshot is read from which cell of a device.

    Examples
    --------
    >>> shared = BlockMap({"volume": ["A"], "snapshot": ["A"], "pool": ["A", ""]},
    ...                   [(Cell("volume", 0), Cell("pool", 0)), (Cell("snapshot", 0), Cell("pool", 0))])
    >>> len(shared.links)
    2
    """

    rows: Mapping[str, Sequence[str]]
    links: Sequence[tuple[Cell, Cell]] = field(default=())


class Move(NamedTuple):
    """An arrow from a cell before to a cell after, such as a chunk that is copied out; `purpose` is the I/O's.

    `source` is `None` for new data, which comes from the user.
    """

    source: Cell | None
    target: Cell
    purpose: str


class BeforeAfter(NamedTuple):
    """One write in pictures: the blocks before it, the blocks after it, and the moves between them."""

    before: BlockMap
    after: BlockMap
    moves: Sequence[Move]
