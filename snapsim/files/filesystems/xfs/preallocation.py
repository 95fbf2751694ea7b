"""Space that XFS gives to a file before it is needed.

* **Behind a shared block.** The first write to a block that another file has too gives its file the whole window of
  128 KiB around it (``cowextsize``, 32 blocks) in the copy-on-write fork. The blocks that are not written stay there.
* **Behind the end.** A write that needs a new block at the end of a file that has 64 KiB gives it as much again as
  the extent that ends there (rounded down to a power of two; 64 KiB at least). It gets places with the blocks that
  were written, at write-back; what is written there later has them already.

The first close that finds any of it frees what lies behind the end of the file; a later one does not
(``XFS_EOFBLOCKS_RELEASED``). The rest is free when the inode leaves the memory, and counts as used until then. Source:
fs/xfs/xfs_reflink.c, ``xfs_iomap_prealloc_size``, ``xfs_file_release``; measured on Linux 6.18.

>>> ahead = Preallocation()
>>> ahead.copy_on_write(np.array([5, 6, 40])), ahead.blocks            # two windows, three blocks of them used
(2, 61)
>>> ahead.copy_on_write(np.array([7])), ahead.blocks                   # 7 waits there already
(0, 60)
>>> ahead.closed(end=42), ahead.blocks                                 # 22 lay behind the end; none had a place
(0, 38)
>>> ahead.drop(), ahead.blocks
(38, 0)

A file that truncate(2) makes longer keeps what it was given behind its old end, unwritten.

What it leaves out: less of all this on a disk that is nearly full, that it is freed after five minutes by itself, and
the extent of its own that unwritten blocks are in the inode.
"""

import numpy as np

from snapsim.block.device import Integers
from snapsim.files.pages import Flags

BLOCK = 4096
WINDOW = 32
SMALLEST = 16  # blocks: 64 KiB
LONGEST = (1 << 21) - 1  # blocks of an extent


class Preallocation:
    """What one file has in advance.

    Attributes
    ----------
    unwritten : range
        Blocks in the file that it was given and that were never written: zeros that take space.
    """

    def __init__(self) -> None:
        self._windows: Integers = np.zeros(0, np.int64)  # blocks of the file that wait in the copy-on-write fork
        self._end = 0  # block behind what was given behind the end
        self._file_end = 0
        self._given = range(0)  # blocks behind the end, as it was then, that got places
        self.released, self.unwritten = False, range(0)
        self.staged = False  # the windows have places
        self._moving: set[int] = set()  # blocks that go, or went, to places in windows

    @property
    def blocks(self) -> int:
        """How many blocks, of both kinds."""
        return self._windows.size + max(self._end - self._file_end, 0)

    def copy_on_write(self, blocks: Integers) -> int:
        """Shared blocks of a file move; how many windows that leaves something of, beside those that there are."""
        windows = np.unique(blocks[~np.isin(blocks, self._windows)] // WINDOW)
        around = (windows[:, None] * WINDOW + np.arange(WINDOW)).ravel()
        self._windows = np.setdiff1d(np.union1d(self._windows, around), blocks)
        self._moving.update(blocks.tolist())
        return int(np.isin(windows, self._windows // WINDOW).sum())

    def fill(self, blocks: Integers) -> None:
        """Blocks get places: where they lie in a window, those of the window."""
        self.staged |= bool(self._moving)
        if self._windows.size:
            self._moving.update(np.intersect1d(self._windows, blocks).tolist())
            self._windows = np.setdiff1d(self._windows, blocks)

    def stages_behind(self, end: int) -> bool:
        """Whether a window has places behind block `end`."""
        return self.staged and bool((self._windows >= end).any())

    def takes(self, block: int) -> bool:
        """Does a block go to a place that it was given in a window?"""
        return int(block) in self._moving

    def extended(self, places: Integers, waiting: Flags, old: int, size: int, piece: int) -> None:
        """Writes of `piece` bytes each made a file longer.

        Parameters
        ----------
        places : ndarray of int64
            Of the file's blocks before, -1 where there is none.
        waiting : ndarray of bool
            Which of them wait for a place (delayed allocation).
        old, size : int
            Bytes of the file before and after.
        piece : int
        """
        first = -(-old // BLOCK)
        run = first - run_length(places[:first], waiting[:first], self._given)
        for at in range(old, size, piece):
            start, end = max(-(-at // BLOCK), self._end), -(-min(at + piece, size) // BLOCK)
            if end > start and at >= SMALLEST * BLOCK:
                self._end = max((min(at + piece, size) - 1) // (SMALLEST * BLOCK) * SMALLEST + wanted(start - run), end)
            if start == first and (self.has_place(first - 1) or not waiting[first - 1 : first].any()):
                run = first  # what is new is an extent of its own until it has a place
        self._file_end = -(-size // BLOCK)

    def has_place(self, block: int) -> bool:
        """Was a block given a place together with blocks before it?"""
        return int(block) in self._given

    def placed(self, end: int) -> None:
        """Blocks of the file got places, up to block `end`, and so did what is behind them."""
        if self._end > end and self._end > self._given.stop:
            self._given = range(end, self._end)

    def lengthened(self, end: int) -> None:
        """A file was made longer by truncate(2): what it was given behind its end is inside now, and unwritten."""
        if end == self._file_end:
            return
        if self._end > self._file_end:
            self.unwritten = range(self._file_end, min(self._end, end))
        self._end, self._file_end = 0, end

    def closed(self, end: int) -> int:
        """A file of `end` blocks was closed; how many places behind that are free again."""
        if self.released or not self.blocks:
            return 0
        self.released = True
        return self.cut(end)

    def cut(self, end: int) -> int:
        """Nothing is behind block `end` any more; how many places there are free again."""
        freed = len(range(max(end, self._given.start), self._given.stop))
        self._windows, self._end, self._file_end = self._windows[self._windows < end], 0, end
        self._given = range(0)
        self.unwritten = range(self.unwritten.start, min(self.unwritten.stop, end))
        return freed

    def drop(self) -> int:
        """The inode leaves the memory; how many blocks are free again."""
        freed, self._windows = self.blocks, self._windows[:0]
        self._end, self._given, self.released = 0, range(0), False
        self._moving.clear()
        self.staged = False
        return freed


def run_length(places: Integers, waiting: Flags, given: range = range(0)) -> int:
    """Blocks of the extent that ends with the last of these, where those in `given` follow what is before them.

    Examples
    --------
    >>> def placed(places):
    ...     return run_length(np.array(places), np.zeros(len(places), bool))
    >>> placed(range(100)), placed([4, 8, 9]), placed([9, -1])
    (100, 2, 0)
    >>> run_length(np.array([7, -1, -1]), np.array([False, True, True]))            # two that have no place yet
    2
    """
    if not places.size or not (places[-1] >= 0 or waiting[-1]):
        return 0
    goes_on = waiting[:-1] & waiting[1:] | (places[:-1] >= 0) & (np.diff(places) == 1)
    goes_on[max(given.start - 1, 0) : max(given.stop - 1, 0)] = True
    breaks = np.flatnonzero(~goes_on)
    return places.size - (int(breaks[-1]) + 1 if breaks.size else 0)


def wanted(length: int) -> int:
    """Blocks that XFS wants to have behind an extent of so many.

    Examples
    --------
    >>> wanted(100), wanted(0)
    (128, 16)
    """
    return max(1 << max(min(2 * length, LONGEST).bit_length() - 1, 0), SMALLEST)
