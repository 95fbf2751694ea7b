"""Records with birth times, as ZFS: a snapshot is a number, and a block is free if it was born after the newest one.

A dataset points to *records* (recordsize bytes, the chunk), and a changed record is written anew in whole. A write
of a part therefore reads the record first (read-modify-write), unless it is in the cache or new; several changes in
one transaction group (txg) are one write (`snapsim.block.snapshots.records.zpool`).

>>> data = Records.new(64, chunk_size=131072)
>>> data.write(slice(0, 64))
>>> snapshot = data.snapshot()
>>> data.drop_caches()
>>> with data.counting() as io:
...     data.write(5)                              # record 0: read in whole
...     data.write(6)                              # same group: it is dirty already
...     data.flush()
>>> io.counts.bytes("read", "copy"), io.counts.bytes("write", "data"), io.counts.bytes("write", "copy")
(131072, 8192, 122880)

What snapshots cost, and whether a block is free, is decided by its birth: `snapsim.block.snapshots.records.dataset`.

Source: zfsprops(7) "recordsize"; openzfs module/zfs/dbuf.c, dmu.c (`dmu_buf_will_dirty`, `dmu_buf_will_fill`).

What it leaves out: compression, deduplication, `copies`, objects (one address space is one row of records; the file
system above gives each file records of its own).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.block.device import Integers, Requests, Stamps, distinct
from snapsim.block.snapshots.records.dataset import Dataset
from snapsim.block.snapshots.records.zpool import Zpool

POINTERS = 1024
"""Block pointers in an indirect block of 128 KiB."""
CHECKSUM_BYTES = 32
"""Of the 128 bytes of a pointer, those that no compression can shrink."""


class _Plan(NamedTuple):
    """What a write does to the records it touches; n records of r blocks."""

    records: Integers  # (n,) in order of first touch
    places: Integers  # (n, r) where their blocks lie, -1: nowhere
    fresh: npt.NDArray[np.bool_]  # (n, r) blocks to allocate
    partial: npt.NDArray[np.bool_]  # (n,) the old content is needed (dirty records are in the cache)


class Records(Dataset):
    """A ZFS dataset (file system or zvol), or a snapshot of one.

    Parameters
    ----------
    size : int
        Number of blocks that can be addressed; costs nothing.
    block_size : int
        Bytes a block (the sector, ashift).
    chunk_size : int, optional
        recordsize or volblocksize: a power of two times the block; 128 KiB when left out.
    device_size : int, optional
        Blocks for records on the device; 16 times `size` when left out, at most 2**24.
    refreservation : int
        Bytes promised to the dataset itself (`zvol_reservation` for a zvol that is not sparse).
    pool : Zpool, optional
        The pool of another dataset, to live in; `device_size` does not count then.
    """

    def __init__(
        self,
        size: int,
        block_size: int = 4096,
        chunk_size: int | None = None,
        *,
        device_size: int | None = None,
        refreservation: int = 0,
        pool: Zpool | None = None,
    ) -> None:
        chunk_size = max(128 << 10, block_size) if chunk_size is None else chunk_size
        device_size = min(16 * max(size, chunk_size // block_size), 1 << 24) if device_size is None else device_size
        super().__init__(size, block_size, chunk_size, pool or Zpool(device_size, block_size), refreservation)

    def dataset(self, size: int | None = None, chunk_size: int | None = None, refreservation: int = 0) -> "Records":
        """A new, empty dataset in the same pool."""
        return Records(
            self.size if size is None else size,
            self.block_size,
            chunk_size or self.chunk_size,
            refreservation=refreservation,
            pool=self.pool,
        )

    # ---------------------------------------------------------------- reading and writing

    def _read(self, asked: Requests) -> Stamps:
        place = self._pointers.get(asked.blocks)
        missing = (place >= 0) & ~self.pool.cached(place)
        if missing.any():
            whole = self._places_of(np.unique(asked.blocks[missing] // self.chunk_blocks))
            whole = whole[whole >= 0]
            self.pool.fetch(whole, np.isin(whole, place))
        return np.where(place >= 0, self.pool.content(place), np.uint64(0))

    def _places_of(self, records: Integers) -> Integers:
        """Places of all blocks of the records, shape (n, r)."""
        places: Integers = self._pointers.get(records[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks))
        return places

    def set_record_length(self, record: int, blocks: int) -> None:
        """The record is an object of its own, of so many blocks: what a file shorter than a record takes.

        A record that exists does not get shorter.

        Examples
        --------
        >>> files = Records.new(1 << 20, device_size=100)
        >>> files.set_record_length(3, 2)
        >>> files.write(slice(96, 98))
        >>> files.allocated()
        8192
        """
        if not 1 <= blocks <= self.chunk_blocks:
            raise InvalidInput(f"a record of {blocks} blocks: 1 to {self.chunk_blocks}")
        self._lengths.set(np.array([record]), blocks)

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        self._write_for(asked, stamps, "data")

    def _write_for(self, asked: Requests, stamps: Stamps, purpose: str) -> None:
        done = 0
        while done < asked.count:
            rest = asked if asked.one else Requests(asked.blocks[done:], self.size)
            fit = self._fitting(rest)
            if not fit:
                raise NoSpace(f"zfs: {self.pool.space.free} of {self.pool.space.size} blocks free", done=done)
            part = rest if asked.one else Requests(rest.blocks[:fit], self.size)
            self._put(part, self._plan(part), stamps[done : done + fit], purpose)
            done += fit

    def _plan(self, asked: Requests) -> _Plan:
        record, first, length = asked.parts(self.chunk_blocks)
        records, number = distinct(record), np.arange(self.chunk_blocks)
        at = np.argsort(records)[np.searchsorted(np.sort(records), record)]
        places = self._places_of(records)
        exists = places[:, 0] >= 0
        end = np.maximum((places >= 0).sum(axis=1), self._lengths.get(records))
        end = np.minimum(end, self.size - records * self.chunk_blocks)
        np.maximum.at(end, at, first + length)
        covered = np.zeros(records.size, bool)
        covered[at[(first == 0) & (length == end[at])]] = True
        moves = ~exists | (self.pool.birth[places[:, 0]] != self.pool.txg)
        fresh = (number < end[:, None]) & (moves[:, None] | (places < 0))
        return _Plan(records, places, fresh, exists & ~covered)

    def _fitting(self, asked: Requests) -> int:
        """How many of the requests there is room for; ends the transaction group if that makes room."""
        plan = self._plan(asked)
        if plan.fresh.sum() > self.pool.space.free and self.pool.reclaimable:
            self.pool.sync()
            plan = self._plan(asked)
        if plan.fresh.sum() <= self.pool.space.free:
            return asked.count
        if asked.one:
            return 0
        need = np.zeros(asked.count, np.int64)
        need[np.sort(np.unique(asked.blocks // self.chunk_blocks, return_index=True)[1])] = plan.fresh.sum(axis=1)
        return int(np.searchsorted(np.cumsum(need), self.pool.space.free, "right"))

    def _put(self, asked: Requests, plan: _Plan, stamps: Stamps, purpose: str) -> None:
        old = plan.places[plan.partial]
        cold = old[(old[:, 0] >= 0) & ~self.pool.cached(old[:, 0])]
        if cold.size:
            self.pool.fetch(cold[cold >= 0], np.zeros(int((cold >= 0).sum()), bool))
        new = np.where(plan.fresh, -1, plan.places)
        new[plan.fresh] = self.pool.allocate(int(plan.fresh.sum()))
        self.pool.starts[new[:, 0]] = True
        was = plan.fresh & (plan.places >= 0)
        self.pool.put(new[plan.fresh & ~was], 0, "zero")
        self.pool.put(new[was], self.pool.content(plan.places[was]), "copy")
        self._kill(plan.places[was])
        self._point(plan.records, new)
        self.referenced_blocks += int(plan.fresh.sum())
        self.pool.put(self._pointers.get(asked.blocks), stamps, purpose)

    def _point(self, records: Integers, places: Integers) -> None:
        blocks = records[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        self._pointers.set(blocks.ravel(), places.ravel())
        self.pool.touch(self, records)

    def _discard(self, asked: Requests) -> None:
        """Records that are covered in whole go; of others the part becomes zeros, which rewrites the record."""
        records = self._records_in(asked)
        places = self._places_of(records)
        blocks = records[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        held = places >= 0
        hit = held & (
            (blocks >= asked.where.start) & (blocks < asked.where.stop)
            if isinstance(asked.where, slice)
            else np.isin(blocks, asked.where)
        )
        whole = (hit == held).all(axis=1)
        part = blocks[hit & ~whole[:, None]]
        if part.size:
            self._write_for(Requests(part, self.size), np.zeros(part.size, np.uint64), "zero")
        if whole.any():
            self._kill(places[whole][held[whole]])
            self._point(records[whole], np.full_like(places[whole], -1))
            self._lengths.set(records[whole], self.chunk_blocks)

    def _records_in(self, asked: Requests) -> Integers:
        """The records that the requests touch and that exist."""
        if not isinstance(asked.where, slice):
            touched: Integers = np.unique(asked.where // self.chunk_blocks)
            return touched
        low, high = asked.where.start // self.chunk_blocks, -(-asked.where.stop // self.chunk_blocks)
        if high - low <= POINTERS:
            return np.arange(low, high)
        known: Integers = np.unique(self._pointers.items()[0] // self.chunk_blocks)
        return known[np.searchsorted(known, low) : np.searchsorted(known, high)]

    def flush(self) -> None:
        """``zpool sync``: end the transaction group of the pool."""
        self.pool.sync()

    def drop_caches(self) -> None:
        """``zpool export`` and ``import``: what is read from here on comes from the device."""
        self.pool.drop_caches()

    def indirect_blocks(self, records: Integers) -> Integers:
        """Bytes of the indirect blocks (level 1) over the records, at least: checksums in the pointers that are set.

        Objects of one record have none: the dnode points to it.
        """
        above = np.unique(records[self._lengths.get(records) == self.chunk_blocks] // POINTERS)
        below = above[:, None] * POINTERS + np.arange(POINTERS)
        known = below < self._lengths.length
        set_ = self._pointers.get(np.where(known, below, 0) * self.chunk_blocks) >= 0
        pointers: Integers = (known & set_).sum(axis=1)
        return pointers * CHECKSUM_BYTES
