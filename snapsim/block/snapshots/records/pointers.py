"""Where the records of a dataset lie: a block pointer for each block of a record, and the length of each record.

>>> pointers = RecordPointers(size=64, chunk_blocks=32)
>>> pointers.set(np.array([1]), np.arange(100, 132)[None, :])
>>> pointers.of_blocks(np.array([31, 32, 33])).tolist(), pointers.records().tolist()
([-1, 100, 101], [1])
>>> before = pointers.share()                      # a snapshot's: nothing is copied until one of the two changes
>>> pointers.set(np.array([1]), np.full((1, 32), -1))
>>> before.of_blocks(np.array([32])).tolist(), pointers.records().size
([100], 0)

What it leaves out: births, checksums and the levels of indirect blocks (`snapsim.files.filesystems.zfs.pointers`).
"""

from typing import Self

import numpy as np

from snapsim.block.device import Integers, Requests, distinct
from snapsim.block.paged_map import PagedMap
from snapsim.block.requests import ordered

POINTERS = 1024
"""Block pointers in an indirect block of 128 KiB."""
CHECKSUM_BYTES = 32
"""Of the 128 bytes of a pointer, those that no compression can shrink."""


class RecordPointers:
    """The pointers of one dataset, snapshot or clone.

    Parameters
    ----------
    size : int
        Blocks of the dataset.
    chunk_blocks : int
        Blocks of a whole record.
    """

    def __init__(self, size: int, chunk_blocks: int) -> None:
        records = -(-size // chunk_blocks)
        self.chunk_blocks = chunk_blocks
        self._places = PagedMap(records * chunk_blocks)
        self._lengths = PagedMap(records, fill=chunk_blocks)

    def share(self) -> Self:
        """The same pointers for a snapshot or a clone; each side changes its own."""
        twin = type(self).__new__(type(self))
        twin.chunk_blocks = self.chunk_blocks
        twin._places, twin._lengths = self._places.share(), self._lengths.share()
        return twin

    def release(self) -> None:
        """Drop all pointers, as the deletion of the dataset does."""
        self._places.release()
        self._lengths.release()

    def of_blocks(self, blocks: Integers) -> Integers:
        """Where blocks lie, -1 where nothing was written; shape as `blocks`."""
        return self._places.get(blocks)

    def of_records(self, records: Integers) -> Integers:
        """Where all blocks of records lie, shape (records, blocks of a record)."""
        return self._places.get(self.blocks_of(records))

    def blocks_of(self, records: Integers) -> Integers:
        """The blocks of records, shape (records, blocks of a record)."""
        blocks: Integers = records[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        return blocks

    def places(self) -> Integers:
        """All places that are pointed to."""
        return self._places.values()

    def records(self) -> Integers:
        """Numbers of the records that exist, in order."""
        return distinct(self._places.items()[0] // self.chunk_blocks)

    def records_in(self, asked: Requests) -> Integers:
        """Numbers of the records that the requests touch; of a very long request only records that exist."""
        if not isinstance(asked.where, slice):
            return ordered(asked.where // self.chunk_blocks)
        low, high = asked.where.start // self.chunk_blocks, -(-asked.where.stop // self.chunk_blocks)
        if high - low <= POINTERS:
            return np.arange(low, high)
        known = self.records()
        return known[np.searchsorted(known, low) : np.searchsorted(known, high)]

    def set(self, records: Integers, places: Integers) -> None:
        """Let records point to these places, shape (records, blocks of a record)."""
        self._places.set(self.blocks_of(records).ravel(), places.ravel())

    def lengths(self, records: Integers) -> Integers:
        """Blocks of each record: a file shorter than a record is one record of its own length."""
        return self._lengths.get(records)

    def set_lengths(self, records: Integers, blocks: int) -> None:
        """Set the lengths of records, in blocks."""
        self._lengths.set(records, blocks)

    def indirect_blocks(self, records: Integers) -> Integers:
        """Bytes of the indirect blocks (level 1) over the records, at least: checksums in the pointers that are set.

        Objects of one record have none: the dnode points to it.
        """
        above = ordered(records[self.lengths(records) == self.chunk_blocks] // POINTERS)
        below = above[:, None] * POINTERS + np.arange(POINTERS)
        known = below < self._lengths.length
        pointed = self._places.get(np.where(known, below, 0) * self.chunk_blocks) >= 0
        pointers: Integers = (known & pointed).sum(axis=1)
        return pointers * CHECKSUM_BYTES
