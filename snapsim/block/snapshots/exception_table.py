"""The exceptions of one dm-snapshot, and where they lie on its COW device.

An *exception* says: chunk `old` of the origin is kept in chunk `new` of the COW device. Chunks of the COW device are
allocated in order and never freed one by one, so exception number i (from 0) has a fixed place. With E = chunk bytes /
16 exceptions a metadata chunk (an *area*), a persistent store looks like this::

    chunk 0   1        2 ... E+1         E+2      E+3 ... 2E+2      2E+3
    header    area 0   E data chunks     area 1   E data chunks     area 2 ...

so that exception i is listed in area i // E and kept in chunk i + i // E + 2, and n exceptions have used
n + n // E + 2 chunks, n // E + 2 of them for metadata. A transient store keeps its table in memory: exception i
lies in chunk i, and nothing else is written. The whole state is therefore the list of old chunks.

>>> table = ExceptionTable(BlockDevice(512, name="cow"), chunk_blocks=1, chunks=1000)
>>> table.device.counts                            # a new store: read for a header, write one, zero the first area
IOCounts(read_metadata=(1, 4096), write_metadata=(1, 4096), write_zero=(1, 4096))
>>> table.allocate(np.array([700, 3])).tolist()
[2, 3]
>>> table.commit(2, together=False)                # each alone: the whole metadata chunk for 16 bytes, twice
>>> table.status(sectors=8000), table.device.counts.bytes("write", "metadata")
('0 8000 snapshot 32/4096 16', 12288)
>>> _ = table.allocate(np.array([8, 9]))
>>> table.commit(2, together=True)                 # of one request: one commit, or two
>>> table.device.counts.bytes("write", "metadata"), table.spared
(16384, 4096)

**The rule of commits.** The kernel writes an area when no exception is in flight any more, or when the area is full.
Requests that come one at a time (queue depth 1) commit one by one; the parts of one request, which device-mapper splits
at chunk bounds, are in flight together and share a commit here. How many really share one is a matter of timing:
measured on Linux 6.1, requests that touch several new chunks differ from run to run. What is written here is the least;
`ExceptionTable.spared` says how much more it is at most, if each has a commit of its own.

Sources: dm-snap-persistent.c, dm-snap-transient.c and dm-exception-store.c of Linux 6.1;
Documentation/admin-guide/device-mapper/snapshot.rst.

What it leaves out: the bytes of header and areas themselves; a store that ends right where a metadata area would
begin (the kernel copies one chunk more before it notices that it cannot zero that area).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput
from snapsim.block.device import BlockDevice, Integers

STORES = ("P", "PO", "N")
SECTOR = 512
EXCEPTION_BYTES = 16
PREFETCH = 12
"""Areas that the kernel reads ahead when it opens a store."""


def store_chunks(chunks: int, chunk_size: int) -> int:
    """Chunks of a persistent store that can never overflow, for an origin of so many chunks (lvcreate's limit).

    Examples
    --------
    >>> store_chunks(1 << 18, 4096)                # an origin of 1 GiB
    263170
    """
    return 1 + chunks + (chunks * EXCEPTION_BYTES + chunk_size) // chunk_size


def rows_of(length: Integers, chosen: Any, *firsts: Integers) -> Iterator[tuple[Integers, ...]]:
    """Runs of blocks that lie in several places, as rows of equal length: for a device a row is one request.

    Parameters
    ----------
    length : ndarray of int64, shape (n,)
        Number of blocks of each run.
    chosen : ndarray of bool, shape (n,), or True
        Which runs are wanted.
    *firsts : ndarray of int64, shape (n,)
        First block of each run, in each place.

    Yields
    ------
    *blocks : ndarray of int64, shape (m, blocks of a run)
        The blocks of m runs, in each place.

    Examples
    --------
    >>> for old, new in rows_of(np.array([1, 2]), True, np.array([7, 0]), np.array([30, 40])):
    ...     print(old.tolist(), new.tolist())
    [[7]] [[30]]
    [[0, 1]] [[40, 41]]
    """
    if not length.size:
        return
    if chosen is True and length.min() == length.max():  # all whole chunks: what mostly comes
        yield tuple(first[:, None] + np.arange(length[0]) for first in firsts)
        return
    for blocks in np.unique(length[chosen]):
        runs = np.flatnonzero(chosen & (length == blocks))
        if runs.size:
            yield tuple(first[runs][:, None] + np.arange(blocks) for first in firsts)


class ExceptionTable:
    """The exceptions of one snapshot.

    Parameters
    ----------
    device : BlockDevice
        The COW device; taken as zeroed.
    chunk_blocks : int
        Blocks a chunk; a chunk has a power of two of bytes.
    chunks : int
        Chunks of the origin.
    store : {"P", "PO", "N"}
        Persistent, persistent with overflow reported to user space, transient.

    Attributes
    ----------
    count : int
        Exceptions in the table.
    valid, overflowed : bool
        A table that is not valid lacks a chunk that it should have kept: its snapshot cannot be read any more.
        Overflowed: a write to the snapshot itself found no room, and what was there before is still right (PO only).
    spared : int
        Bytes of metadata that would have been written beyond those that were, if no two exceptions had shared a commit.

    Raises
    ------
    InvalidInput
        An unknown store, a chunk that is no power of two, or a device too small for header and first area.
    """

    def __init__(self, device: BlockDevice, chunk_blocks: int, chunks: int, store: str = "P") -> None:
        chunk_bytes = chunk_blocks * device.block_size
        if store not in STORES:
            raise InvalidInput(f"{store!r} is no exception store: one of {', '.join(STORES)}")
        if chunk_bytes < SECTOR or chunk_bytes & (chunk_bytes - 1):
            raise InvalidInput(f"chunks of {chunk_bytes} bytes: a power of two from {SECTOR} on")
        self.device, self.store, self.chunk_blocks = device, store, chunk_blocks
        self.chunk_bytes, self.per_area = chunk_bytes, chunk_bytes // EXCEPTION_BYTES
        self.size = device.size // chunk_blocks
        self.count, self.valid, self.overflowed = 0, True, False
        self.spared = 0
        self._held = np.zeros(chunks, np.bool_)  # chunks that have an exception,
        self._number = np.zeros(chunks, np.int32)  # its number, where they have one,
        self._old: Integers = np.zeros(chunks, np.int64)  # and the chunk of each exception
        if self.persistent:
            self._create()

    def _create(self) -> None:
        if self.size < 2:
            raise InvalidInput(f"a COW device of {self.size} chunks: a persistent store needs header and first area")
        self._header("read", "is there a store?")
        self._header("write", "a new store's header")
        self._areas("write", np.zeros(1, np.int64), "zero", "zero the first metadata area")

    @property
    def persistent(self) -> bool:
        """Whether the table survives closing (stores P and PO)."""
        return self.store != "N"

    # ---------------------------------------------------------------- look-up and allocation

    def lacks(self, chunks: Integers) -> npt.NDArray[np.bool_]:
        """True for chunks that have no exception yet, same shape."""
        return ~self._held[chunks]

    def fresh(self, chunks: Integers) -> Integers:
        """The distinct chunks that have no exception yet, in the order of their first occurrence."""
        held = self._held[chunks]
        if held.all():
            return chunks[:0]
        fresh = chunks[~held]
        order = np.arange(fresh.size, dtype=np.int32)
        self._number[fresh[::-1]] = order[::-1]  # the last assignment stays: the first touch
        first: Integers = fresh[self._number[fresh] == order]
        return first

    def places(self, chunks: Integers) -> Integers:
        """Chunks of the COW device where these chunks, which all have exceptions, are kept."""
        return self._place(self._number[chunks].astype(np.int64))

    def used(self) -> Integers:
        """Chunks of the COW device that hold data, shape (count,)."""
        return self._place(np.arange(self.count))

    def _place(self, numbers: Integers) -> Integers:
        return numbers + numbers // self.per_area + 2 if self.persistent else numbers

    @property
    def room(self) -> int:
        """How many more exceptions the device has room for."""
        if not self.persistent:
            return self.size - self.count
        strides, rest = divmod(self.size - 1, self.per_area + 1)
        return max(strides * self.per_area + rest - 1, 0) - self.count

    def allocate(self, chunks: Integers) -> Integers:
        """Give each of the chunks (distinct, without exception) the next place; returns the places."""
        numbers = np.arange(self.count, self.count + chunks.size)
        self._old[numbers], self._number[chunks], self._held[chunks] = chunks, numbers, True
        self.count += chunks.size
        return self._place(numbers)

    # ---------------------------------------------------------------- the metadata on the device

    def commit(self, count: int, together: bool) -> None:
        """Write the areas that list the last `count` exceptions, which were in flight together or one by one."""
        if not (count and self.persistent):
            return
        numbers = np.arange(self.count - count, self.count)
        filling = numbers[(numbers + 1) % self.per_area == 0]
        self._areas("write", filling // self.per_area + 1, "zero", "the area is full: zero the next one")
        written = np.union1d(filling, numbers[-1:]) if together else numbers
        self.spared += (numbers.size - written.size) * self.chunk_bytes
        self._areas("write", written // self.per_area, "metadata", "commit the exceptions")

    def invalidate(self) -> None:
        """Mark the snapshot invalid; a persistent store records this in its header."""
        self.valid = False
        if self.persistent:
            self._header("write", "the snapshot is invalid")

    def overflow(self) -> None:
        """Record that a write to the snapshot itself found no free chunk."""
        if self.store == "PO":
            self.overflowed = True
        else:
            self.invalidate()

    def load(self) -> None:
        """Open the store again: read header and areas. Exceptions that were only in memory are lost."""
        self.overflowed = False
        if not self.persistent:
            self.count, self.valid = 0, True
            self._held[:] = False
            return
        self._header("read", "open the store")
        if self.valid:
            inside = (self.size - 2) // (self.per_area + 1) + 1
            ahead = self.count // self.per_area + 1 + PREFETCH
            self._areas("read", np.arange(min(inside, ahead)), "metadata", "load the exceptions")

    def merge_runs(self) -> Iterator[tuple[Integers, Integers]]:
        """Runs of neighbours from the last exception backwards, as (old chunks, new chunks).

        The exceptions of a run are removed, with one commit, when the next run is requested. A run stays within its
        area; when an area is empty, the one before is read from the COW device.
        """
        while self.count:
            area = (self.count - 1) // self.per_area
            if self.count % self.per_area == 0:
                self._areas("read", np.array([area]), "metadata", "the area is merged: read the one before")
            low = area * self.per_area
            breaks = np.flatnonzero(np.diff(self._old[low : self.count]) != 1)
            first = low + (int(breaks[-1]) + 1 if breaks.size else 0)
            numbers = np.arange(first, self.count)
            yield self._old[numbers], self._place(numbers)
            self._held[self._old[numbers]] = False
            self.count = first
            self._areas("write", np.array([area]), "metadata", "commit the merged run")

    def _areas(self, operation: str, areas: Integers, why: str, rule: str) -> None:
        self._io(operation, 1 + areas * (self.per_area + 1), why, rule)

    def _header(self, operation: str, rule: str) -> None:
        self._io(operation, np.zeros(1, np.int64), "metadata", rule)

    def _io(self, operation: str, chunks: Integers, why: str, rule: str) -> None:
        rows = chunks[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        if operation == "read":
            self.device.read(rows, why, rule)
        else:
            self.device.write(rows, 0, why, rule)

    # ---------------------------------------------------------------- what dmsetup prints

    def usage(self) -> tuple[int, int]:
        """Allocated and metadata sectors, as the status has them."""
        metadata = self.count // self.per_area + 2 if self.persistent else 0
        return (self.count + metadata) * self.chunk_bytes // SECTOR, metadata * self.chunk_bytes // SECTOR

    def status(self, sectors: int, target: str = "snapshot") -> str:
        """What ``dmsetup status`` prints for a snapshot of an origin of so many sectors."""
        allocated, metadata = self.usage()
        state = f"{allocated}/{self.device.size * self.device.block_size // SECTOR} {metadata}"
        if not self.valid or self.overflowed:
            state = "Overflow" if self.valid else "Invalid"
        return f"0 {sectors} {target} {state}"
