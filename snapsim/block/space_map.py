"""Which blocks of a pool or a file system are in use: a reference count for each block.

dm-thin calls this a space map, btrfs an extent tree, XFS a reference-count B-tree; the idea is one array of counts.
A block is free when its count is 0.

>>> space = SpaceMap(8)
>>> space.allocate(3).tolist()
[0, 1, 2]
>>> space.take(np.array([1]))                      # a second owner
>>> space.release(np.array([0, 1])).tolist()       # block 1 still has one
[0]
>>> space.used, space.allocate(6).tolist()
(2, [3, 4, 5, 6, 7, 0])

What it leaves out: where the counts themselves are stored (bitmap blocks, B-tree nodes).
"""

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import NoSpace
from snapsim.block.requests import ordered

Integers = npt.NDArray[np.int64]


class SpaceMap:
    """Reference counts of `size` blocks; allocation goes on where the last one ended and wraps around (next fit).

    Parameters
    ----------
    size : int
        Number of blocks.
    name : str
        Named in the error when it is full.
    """

    def __init__(self, size: int, name: str = "space") -> None:
        self.size, self.name, self.used, self._cursor = size, name, 0, 0
        self._counts = np.zeros(0, np.int32)  # grows to the highest block in use

    def copy(self) -> "SpaceMap":
        """An independent copy; its cost grows with the blocks that were ever in use, not with the size."""
        twin = SpaceMap(self.size, self.name)
        twin.used, twin._cursor, twin._counts = self.used, self._cursor, self._counts.copy()
        return twin

    @property
    def free(self) -> int:
        """Number of free blocks."""
        return self.size - self.used

    def count(self, blocks: Integers) -> npt.NDArray[np.int32]:
        """Reference counts of the blocks, same shape."""
        known = blocks < self._counts.size
        return (
            np.where(known, self._counts[np.where(known, blocks, 0)], 0)
            if self._counts.size
            else np.zeros(np.shape(blocks), np.int32)
        )

    def allocate(self, count: int) -> Integers:
        """Allocate `count` free blocks, each with a reference count of 1.

        Raises
        ------
        NoSpace
            Fewer blocks are free; nothing was allocated. `done` says how many are free.
        """
        if count > self.free:
            raise NoSpace(f"{self.name}: {count} blocks wanted, {self.free} of {self.size} free", done=self.free)
        found: list[Integers] = []
        while count:
            part = self._next_free(count)
            self._counts[part] = 1
            found.append(part)
            count -= part.size
            self.used += part.size
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _next_free(self, count: int) -> Integers:
        """Up to `count` free blocks from the cursor on, and the cursor behind them."""
        if self._cursor >= self.size:
            self._cursor = 0
        end = min(self._cursor + max(2 * count, 64), self.size)
        self._grow(end)
        part = self._cursor + np.flatnonzero(self._counts[self._cursor : end] == 0)[:count]
        self._cursor = int(part[-1]) + 1 if part.size == count else end
        return part

    def _grow(self, size: int) -> None:
        if size > self._counts.size:
            room = np.zeros(min(self.size, max(size, 2 * self._counts.size)), np.int32)
            room[: self._counts.size] = self._counts
            self._counts = room

    def take(self, blocks: Integers) -> None:
        """Add a reference to each of the blocks (two to a block that is named twice)."""
        if not blocks.size:
            return
        self._grow(int(blocks.max()) + 1)
        self.used += ordered(blocks[self._counts[blocks] == 0]).size
        np.add.at(self._counts, blocks, 1)

    def release(self, blocks: Integers) -> Integers:
        """Drop a reference to each of the blocks; returns those that became free."""
        if not blocks.size:
            return blocks
        np.subtract.at(self._counts, blocks, 1)
        freed = ordered(blocks[self._counts[blocks] == 0])
        self.used -= freed.size
        return freed

    def in_use(self) -> Integers:
        """The allocated blocks, in ascending order."""
        return np.flatnonzero(self._counts)
