"""The table of extents: runs of device blocks that were written in one go, and how many items point to each.

An extent is one thing: it stays allocated in full while any item of any tree points to any part of it. (Overwriting
1 MB inside an extent of 128 MB therefore frees nothing.) An *item* is such a pointer: start (a block number),
length, extent, offset in the extent.

>>> extents = Extents()
>>> run = extents.add(np.array([40]), np.array([100]), birth=1, owner=0)         # 100 blocks from device block 40 on
>>> extents.take(np.array([0, 0]))                                              # a head and a tail point to it
>>> extents.drop(run)
>>> extents.references(run).tolist(), len(extents.dead)
([1], 0)
>>> extents.drop(run)
>>> extents.dead[0].size
100

What it leaves out: back-references (which leaf points here), compressed extents.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers
from snapsim.block.requests import ordered, spans

START, LENGTH, EXTENT, OFFSET = range(4)
FIRST, BLOCKS, REFERENCES, BIRTH, OWNER = range(5)


def items(start: npt.ArrayLike, length: npt.ArrayLike, extent: npt.ArrayLike, offset: npt.ArrayLike = 0) -> Integers:
    """A table of items, shape (4, number of items): rows start, length, extent, offset."""
    return np.array(np.broadcast_arrays(start, length, extent, offset), dtype=np.int64)


def runs(*columns: Integers, same: Integers | None = None) -> list[slice]:
    """Slices of positions in which every column goes up by one and `same` does not change.

    Examples
    --------
    >>> runs(np.array([7, 8, 9, 3]), np.array([0, 1, 5, 6]))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    if not columns[0].size:
        return []
    broken = np.any([np.diff(column) != 1 for column in columns], axis=0)
    if same is not None:
        broken |= np.diff(same) != 0
    cuts = [0, *(np.flatnonzero(broken) + 1).tolist(), columns[0].size]
    return [slice(a, b) for a, b in pairwise(cuts)]


class Extents:
    """The table of extents: first block, blocks, references, birth (generation), owner (the subvolume that made it).

    Attributes
    ----------
    dead : list of ndarray
        Device blocks of extents that lost their last reference, for the allocator to take back.
    """

    def __init__(self) -> None:
        self.table = np.zeros((5, 64), np.int64)
        self.dead: list[Integers] = []
        self._unused = np.arange(64, dtype=np.int64)

    def add(self, first: Integers, length: Integers, birth: int, owner: int) -> Integers:
        """Add extents without references, and return their numbers."""
        while self._unused.size < first.size:
            old = self.table.shape[1]
            self.table = np.concatenate([self.table, np.zeros_like(self.table)], axis=1)
            self._unused = np.concatenate([self._unused, np.arange(old, 2 * old)])
        found, self._unused = self._unused[: first.size], self._unused[first.size :]
        self.table[:, found] = items(first, length, 0)[[0, 1, 2, 3, 3]]
        self.table[BIRTH, found], self.table[OWNER, found] = birth, owner
        return found

    def references(self, extents: npt.ArrayLike) -> Integers:
        """Reference counts of the extents: how many items point to each."""
        counts: Integers = self.table[REFERENCES, np.asarray(extents, np.int64)]
        return counts

    def take(self, extents: Integers) -> None:
        """Add a reference to each of the extents (two to one that is named twice)."""
        np.add.at(self.table[REFERENCES], extents, 1)

    def drop(self, extents: Integers) -> None:
        """Drop a reference to each of the extents; one that loses its last reference is freed as a whole."""
        np.subtract.at(self.table[REFERENCES], extents, 1)
        self.reap(extents)

    def reap(self, extents: Integers) -> None:
        """Free those of the extents that have no reference: their blocks go to `dead`."""
        gone = ordered(extents[self.table[REFERENCES, extents] == 0])
        if gone.size:
            self.dead.append(spans(self.table[FIRST, gone], self.table[BLOCKS, gone]))
            self.table[:, gone] = 0
            self._unused = np.concatenate([self._unused, gone])
