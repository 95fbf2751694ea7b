"""Exception store: copy-on-write as the kernel's dm-snapshot does it.

The origin is written in place and keeps its layout for ever. Each snapshot has a COW device of its own; before a
chunk of the origin changes for the first time since a snapshot was taken, the old chunk is copied there. One write
to the origin thus costs a read and two writes, and with n snapshots n reads and 1 + 2n writes with their metadata:

>>> origin = ExceptionStore.new(1024)
>>> snapshot = origin.snapshot()
>>> with origin.counting() as io:
...     origin.write(7)
>>> io.counts
IOCounts(read_copy=(1, 4096), write_data=(1, 4096), write_copy=(1, 4096), write_metadata=(1, 4096))
>>> snapshot.status()
'0 8192 snapshot 24/8240 16'

A snapshot's reads go to its COW device where that has the chunk, else to the origin. It can be written too (`clone`):
a whole chunk just goes to the COW device, a part of one needs the rest copied from the origin first.

>>> clone = ExceptionStore.new(1024, chunk_size=16384).clone()
>>> with clone.counting() as io:
...     clone.write(7)
>>> io.counts
IOCounts(read_copy=(1, 16384), write_data=(1, 4096), write_copy=(1, 16384), write_metadata=(1, 16384))

**No room.** When a COW device is full, the next new chunk makes the snapshot *invalid*: the kernel would rather lose
the picture than stop the origin. With the store "PO" a write to the snapshot itself only *overflows* it: it can still
be read, until the origin has to copy out.

**Rollback is a merge.** The exceptions go back into the origin in runs of neighbouring chunks, the newest first;
afterwards the snapshot is used up. A clone's own writes are merged as well: the origin becomes what the clone is.

Read `snapsim.block.snapshots.exception_table` first: where exceptions lie, and when they are committed. Source:
dm-snap.c of Linux 6.1.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from snapsim.base.errors import InUse, Invalidated, NoSpace, NotFound, Unsupported
from snapsim.block.device import BlockDevice, Integers, Requests, Stamps
from snapsim.block.snapshots.exception_table import SECTOR, ExceptionTable, rows_of, store_chunks
from snapsim.block.volume import Volume

LEAVES_OUT = (
    "snapshots of one origin with different chunk sizes; discards; requests in flight together but the parts of "
    "one; the I/O of taking a snapshot belongs to the new COW device, ``snapshot.devices[1]``."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

ORIGINS_ONLY = "dm-snapshot takes snapshots of an origin only"


class ExceptionStore(Volume):
    """The origin: a volume that is written in place.

    Parameters
    ----------
    device : BlockDevice
        The origin device; its content is the volume's.
    chunk_size : int
        Bytes a chunk; the kernel's default is 16 KiB. A snapshot refuses what is no power of two (`InvalidInput`).
    store : {"P", "PO", "N"}
        Exception stores of new snapshots: persistent, with overflow, transient.
    store_size : int, optional
        Blocks of a new COW device; when left out, so many that it cannot overflow.

    Attributes
    ----------
    snapshots : list of ExceptionSnapshot
        The open snapshots, in the order in which chunks are copied to them.
    """

    limits: ClassVar[dict[str, str]] = {
        "discard": "snapshot-origin passes no discards on",
        "snapshot of a snapshot": ORIGINS_ONLY,
        "rollback keeps the snapshot": "a merge uses the snapshot up",
    }

    def __init__(
        self, device: BlockDevice, chunk_size: int = 16384, store: str = "P", store_size: int | None = None
    ) -> None:
        super().__init__(device.size, device.block_size, chunk_size, (device,))
        self.store, self.chunks = store, -(-self.size // self.chunk_blocks)
        enough = store_chunks(self.chunks, self.chunk_size) * self.chunk_blocks
        self.store_size = enough if store_size is None else store_size
        self.snapshots: list[ExceptionSnapshot] = []
        self.taken = 0

    @classmethod
    def new(cls, size: int, block_size: int = 4096, chunk_size: int | None = None, **options: Any) -> "ExceptionStore":
        """An origin of zeros on a device of its own; a chunk is one block unless said, options as the constructor's."""
        return cls(BlockDevice(size, block_size, "origin"), chunk_size or block_size, **options)

    def _read(self, asked: Requests) -> Stamps:
        return self.devices[0].read(asked)

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        if self.snapshots:
            per = self.chunk_blocks
            self._copy_out(asked.parts(per)[0] if asked.one else asked.blocks // per, asked.one)
        self.devices[0].write(asked, stamps)

    def _copy_out(self, chunks: Integers, together: bool) -> None:
        """Copy the chunks, which are about to change, to the COW device of every snapshot that lacks them."""
        for snapshot in self.snapshots:
            snapshot.save(chunks, together)

    def _snapshot(self) -> "ExceptionSnapshot":
        device = BlockDevice(self.store_size, self.block_size, f"cow{self.taken}")
        return ExceptionSnapshot(self, device, self.store)

    _clone = _snapshot

    def clone_on(self, device: BlockDevice, store: str) -> "ExceptionSnapshot":
        """As `clone`, on a COW device and with a store of one's own choice."""
        clone = ExceptionSnapshot(self, device, store)
        self._join(clone, read_only=False)
        return clone

    def enter(self, snapshot: "ExceptionSnapshot") -> None:
        """Register an open snapshot: from now on the origin copies chunks out to it."""
        self.snapshots.append(snapshot)
        self.devices += (snapshot.table.device,)

    def leave(self, snapshot: "ExceptionSnapshot") -> None:
        """Unregister a snapshot: no more chunks are copied out to it."""
        self.snapshots = [other for other in self.snapshots if other is not snapshot]
        self.devices = tuple(device for device in self.devices if device is not snapshot.table.device)

    def _delete(self) -> None:
        if len(self.family) > 1:
            raise InUse(f"{self!r} has {len(self.family) - 1} snapshots, which read from it")

    def _rollback(self, snapshot: Volume) -> None:
        if not isinstance(snapshot, ExceptionSnapshot):
            raise Unsupported("an origin goes back to one of its snapshots, not to itself")
        runs = snapshot.merging()
        self.leave(snapshot)
        for chunks, places in runs:
            self._copy_out(chunks, together=True)
            snapshot.move(places, chunks)
        snapshot.delete()

    def places(self) -> Integers:
        """The chunks of the origin device."""
        return np.arange(self.chunks)

    def allocated(self) -> int:
        """Bytes of the origin's chunks and of all exceptions; those of an invalid snapshot do not count."""
        tables = (volume.table for volume in self.family if isinstance(volume, ExceptionSnapshot))
        return (self.chunks + sum(table.count for table in tables if table.valid)) * self.chunk_size


class ExceptionSnapshot(Volume):
    """A snapshot or clone of an `ExceptionStore`, with its COW device.

    Parameters
    ----------
    parent : ExceptionStore
        The origin.
    device : BlockDevice
        The COW device.
    store : {"P", "PO", "N"}
        See `ExceptionTable`, which is its attribute `table`.

    Attributes
    ----------
    opened : bool
        False between `close` and `reopen`: it cannot be read, and the origin does not copy out to it.
    """

    limits: ClassVar[dict[str, str]] = {
        "snapshot": ORIGINS_ONLY,
        "clone": ORIGINS_ONLY,
        "rollback": "a merge goes into the origin only",
        "discard": "snapshots were not made with discard_zeroes_cow",
    }

    def __init__(self, parent: ExceptionStore, device: BlockDevice, store: str) -> None:
        super().__init__(parent.size, parent.block_size, parent.chunk_size, (parent.devices[0], device))
        self.parent, self.opened = parent, True
        self.table = ExceptionTable(device, self.chunk_blocks, parent.chunks, store)
        parent.taken += 1
        self._first_place = parent.taken << 40  # so that places of different devices differ
        parent.enter(self)

    def _read(self, asked: Requests) -> Stamps:
        self._usable()
        chunk, first, length = asked.parts(self.chunk_blocks)
        lacking = self.table.lacks(chunk)
        stamps = np.empty(asked.count, np.uint64)
        where = np.where(lacking, chunk, self.table.places(chunk)) * self.chunk_blocks + first
        for device, chosen in zip(self.devices, (lacking, ~lacking), strict=True):
            for at, blocks in rows_of(length, chosen, np.cumsum(length) - length, where):
                stamps[at] = device.read(blocks).reshape(at.shape)
        return stamps

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        self._usable()
        chunk, first, length = asked.parts(self.chunk_blocks)
        fresh, room = self.table.fresh(chunk), self.table.room
        if self.table.overflowed or fresh.size > room:
            fits = 0 if self.table.overflowed else int(np.argmax(chunk == fresh[room]))
            self._put(chunk[:fits], first[:fits], length[:fits], stamps, asked.one)
            self.table.overflow()
            raise NoSpace(f"{self.table.device.name}: no room for a chunk: {self.status()}", 0 if asked.one else fits)
        self._put(chunk, first, length, stamps, asked.one)

    def _put(self, chunk: Integers, first: Integers, length: Integers, stamps: Stamps, together: bool) -> None:
        """Write parts of chunks: new ones are filled up from the origin, unless they are written whole."""
        lacking = self.table.lacks(chunk)
        whole = lacking & (length == self._lengths(chunk))
        fresh = self.table.fresh(chunk)
        places = self.table.allocate(fresh)
        partly = ~np.isin(fresh, chunk[whole]) if whole.any() else np.ones(fresh.size, np.bool_)
        self._copy(fresh[partly], places[partly], "fill the rest of a partly written chunk")
        where = self.table.places(chunk) * self.chunk_blocks + first
        self._store(where, length, whole, stamps)
        self.table.commit(fresh.size, together)
        self._store(where, length, ~whole, stamps)

    def _store(self, where: Integers, length: Integers, chosen: Any, stamps: Stamps) -> None:
        for at, blocks in rows_of(length, chosen, np.cumsum(length) - length, where):
            self.devices[1].write(blocks, stamps[at].ravel())

    def save(self, chunks: Integers, together: bool) -> None:
        """Copy the chunks to the COW device, before the origin changes them."""
        fresh = self.table.fresh(chunks)
        if not fresh.size or not self.table.valid:
            return
        kept = fresh[: self.table.room]
        self._copy(kept, self.table.allocate(kept), "copy out before the origin's first write")
        self.table.commit(kept.size, together)
        if kept.size < fresh.size:
            self.table.invalidate()

    def _copy(self, chunks: Integers, places: Integers, rule: str) -> None:
        for old, new in rows_of(self._lengths(chunks), True, chunks * self.chunk_blocks, places * self.chunk_blocks):
            self.devices[1].write(new, self.devices[0].read(old, "copy", rule), "copy", rule)

    def _lengths(self, chunks: Integers) -> Integers:
        """Blocks of each chunk: the origin's last one may be short."""
        return np.minimum(self.size - chunks * self.chunk_blocks, self.chunk_blocks)

    def _usable(self) -> None:
        if not self.opened:
            raise NotFound(f"{self!r} is closed")
        if not self.table.valid:
            raise Invalidated(f"{self!r} is invalid: {self.table.device.name} had no room for a chunk")

    def close(self) -> None:
        """Remove the snapshot's device, but keep its store. While it is closed the origin copies nothing out to it."""
        self.parent.leave(self)
        self.opened = False

    _delete = close

    def reopen(self) -> None:
        """Open the store again: a persistent one as it was, a transient one empty."""
        self._living()
        if self.opened:
            raise InUse(f"{self!r} is open")
        self.table.load()
        self.opened = True
        self.parent.enter(self)

    def merging(self) -> Iterator[tuple[Integers, Integers]]:
        """The runs of a merge, as (old chunks, new chunks): a closed store is loaded first."""
        if not self.table.persistent:
            raise Unsupported(f"{self!r} has a transient store: only persistent ones can be merged")
        if not self.opened:
            self.table.load()
        if not self.table.valid:
            raise Invalidated(f"{self!r} is invalid: nothing to merge")
        return self.table.merge_runs()

    def move(self, places: Integers, chunks: Integers) -> None:
        """Copy a run of the COW device back into the origin."""
        count = int(self._lengths(chunks).sum())
        old, new = (int(numbers[0]) * self.chunk_blocks for numbers in (chunks, places))
        stamps = self.devices[1].read(slice(new, new + count), "copy", "merge a run")
        self.devices[0].write(slice(old, old + count), stamps, "copy", "merge a run")

    def _snapshot(self) -> Volume:
        raise Unsupported(ORIGINS_ONLY)

    def status(self, target: str = "snapshot") -> str:
        """The line of ``dmsetup status``: allocated/total and metadata sectors, or Invalid or Overflow."""
        return self.table.status(self.size * self.block_size // SECTOR, target)

    def places(self) -> Integers:
        """Its own chunks of the COW device, and those of the origin that it still shares."""
        if not self.table.valid:
            return np.zeros(0, np.int64)
        shared = np.flatnonzero(self.table.lacks(np.arange(self.parent.chunks)))
        return np.concatenate([self._first_place + self.table.used(), shared])

    def allocated(self) -> int:
        """Bytes of the whole family, as the origin says."""
        return self.parent.allocated()
