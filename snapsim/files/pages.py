"""The page cache of one file: the stamps that were read or written, and which of them the device has not seen.

A page is absent, clean, or dirty for a purpose; the last write decides the purpose.

>>> pages = Pages(4)
>>> pages.put(slice(1, 3), np.array([7, 8], np.uint64), "copy")
>>> pages.put(slice(2, 3), np.array([9], np.uint64), "data")
>>> pages.dirty_for("copy").tolist(), pages.dirty_for("data").tolist(), pages.stamps.tolist()
([1], [2], [0, 7, 9, 0])

What it leaves out: eviction when memory is short, and the order in which the kernel writes back.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers, Stamps

Index = slice | Integers
Flags = npt.NDArray[np.bool_]
_ABSENT, _CLEAN, _DIRTY = 0, 1, {"data": 2, "copy": 3}


class Pages:
    """Pages of a file; arrays with one entry a block.

    Parameters
    ----------
    count : int
        Blocks of the file.

    Attributes
    ----------
    written : bool
        Some page may be dirty: a sync of many files passes over those that nobody wrote to.
    """

    __slots__ = ("stamps", "state", "written")

    def __init__(self, count: int = 0) -> None:
        self.stamps: Stamps = np.zeros(count, np.uint64)
        self.state = np.zeros(count, np.uint8)
        self.written = False

    def grow(self, count: int) -> None:
        """Room for more blocks."""
        more = count - self.state.size
        if more > 0:
            self.stamps = np.append(self.stamps, np.zeros(more, np.uint64))
            self.state = np.append(self.state, np.zeros(more, np.uint8))

    def cut(self, count: int) -> None:
        """Forget the pages from `count` on."""
        self.stamps, self.state = self.stamps[:count], self.state[:count]

    def present(self, where: Index) -> Flags:
        """Which of the blocks are in the cache."""
        return np.not_equal(self.state[where], _ABSENT)

    def dirty(self, where: Index) -> Flags:
        """Which of the blocks the device has not seen."""
        return np.greater(self.state[where], _CLEAN)

    def dirty_for(self, why: str) -> Integers:
        """Blocks that are dirty for a purpose, in order."""
        return np.flatnonzero(self.state == _DIRTY[why])

    def put(self, where: Index, stamps: Stamps, why: str) -> None:
        """Write pages; of a block that is named twice the last stamp stays."""
        self.stamps[where], self.state[where] = stamps, _DIRTY[why]
        self.written = True

    def load(self, blocks: Integers, stamps: Stamps) -> None:
        """Pages that were read."""
        self.stamps[blocks], self.state[blocks] = stamps, _CLEAN

    def clean(self, blocks: Integers) -> None:
        """The device has them now."""
        self.state[blocks] = _CLEAN
        self.written = bool((self.state > _CLEAN).any())

    def drop_clean(self) -> bool:
        """Forget what is clean; True if something dirty is left."""
        self.state[self.state == _CLEAN] = _ABSENT
        return bool(self.state.any())

    def count(self) -> int:
        """Pages in the cache."""
        return int(np.count_nonzero(self.state))


def runs(values: Integers) -> Iterator[tuple[int, int]]:
    """Where neighbours follow each other: (low, high) indices of each stretch of values that rise by 1.

    Examples
    --------
    >>> list(runs(np.array([4, 5, 6, 9, 2, 3])))
    [(0, 3), (3, 4), (4, 6)]
    """
    if values.size:
        bounds = np.flatnonzero(np.diff(values) != 1) + 1
        yield from zip([0, *bounds.tolist()], [*bounds.tolist(), int(values.size)], strict=True)


def digest_stamps(content: bytes, first: int, last: int, block_size: int) -> Stamps:
    """Stamps of real bytes: a 64-bit hash of each block, so that equal bytes are equal stamps (zeros: 0).

    Examples
    --------
    >>> a, b, zeros = digest_stamps(b"x" * 4096 + b"x" * 4096, 0, 3, 4096)
    >>> bool(a == b), int(zeros)
    (True, 0)
    """
    found = np.zeros(last - first, np.uint64)
    for number in range(first, last):
        block = content[number * block_size : (number + 1) * block_size]
        if block.strip(b"\0"):
            digest = hashlib.blake2b(block.ljust(block_size, b"\0"), digest_size=8).digest()
            found[number - first] = int.from_bytes(digest, "big") | 1 << 63  # apart from fresh stamps
    return found
