"""Redirect-on-write as dm-thin does it: thin volumes that take their blocks from one pool.

A pool cuts a data device into *pool blocks* (64 KiB to 1 GiB). A thin volume is a map, virtual block to pool block;
a block that was never written has none and reads as zeros. A snapshot is a copy of the map. A block is shared if it
was mapped before the device's newest snapshot: each mapping remembers the pool's *time*, which counts snapshots,
and whether the other owner still exists is not checked. The first write after a snapshot therefore always goes to a
new pool block: the rest of it is copied, unless the request covers it whole. That costs the same for one snapshot
or a hundred, and at any depth: a snapshot of a snapshot is a map like any other.

>>> from snapsim.block.device import IOCounts
>>> from snapsim.block.snapshots.thin.volume import ThinVolume
>>> disk = ThinVolume.new(64, chunk_size=65536)                # 4 pool blocks of 16 blocks
>>> with disk.counting() as first:
...     disk.write(3)
>>> first.counts.cells()["write_zero"], first.counts.cells()["write_data"]     # zeros, then the data
((1, 65536), (1, 4096))
>>> snapshot = disk.snapshot()
>>> with disk.devices[0].counting() as shared:
...     disk.write(4)
>>> shared.counts == IOCounts(read_copy=(1, 65536), write_copy=(1, 65536), write_data=1)
True
>>> with disk.devices[0].counting() as whole:
...     _ = disk.snapshot()
...     disk.write(slice(0, 16))                               # covers the pool block: nothing to copy
>>> whole.counts == IOCounts(write_data=(1, 65536))
True

Here are a pool's messages and how it gives out its blocks; reading and writing through a map is in
`snapsim.block.snapshots.thin.volume`, and what the metadata device holds in `snapsim.block.snapshots.thin.metadata`.

A pool block without references is free after the next commit; the search for free ones goes on where the last
one was found, across commits, and wraps around at the end, so that freed blocks stay unused for long. A pool commits
at each message (create, snapshot, delete), at a flush of a volume that changed, and at `status`.

A pool is in one of three modes. ``rw``: all is well. ``out_of_data_space``: a write found no free pool block, not even
after a commit; what is mapped can be written, messages work, and the pool comes back by itself when blocks become free,
or when it grows. ``ro``: there was no metadata block (or, at a commit, none but the reserve); reads and writes to what
is mapped and not shared go on, the rest fails until the pool is checked. When a metadata block is missing, all mappings
since the last commit are lost, as in a crash: they were not yet durable, since a flush would have committed them.
"""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NoSpace, NotFound, ReadOnly
from snapsim.base.units import GiB, KiB
from snapsim.block.device import BlockDevice, Integers
from snapsim.block.snapshots.thin.metadata import ThinMetadata
from snapsim.block.snapshots.thin.volume import BLOCK, SECTOR, TIME, ThinVolume
from snapsim.block.volume import Volume

LEAVES_OUT = (
    "the commit that the kernel makes once a second, external origins, metadata snapshots, and waiting: in "
    "queue mode a write waits for space until the time-out; here it fails at once, and the pool is as it is "
    "after that."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

AT_ONCE = 1 << 20  # blocks that are provided in one go
HIGHEST_ID = (1 << 24) - 1
_DISCARD = {
    "passdown": "discard_passdown",
    "no_discard_passdown": "no_discard_passdown",
    "ignore_discard": "ignore_discard",
}


class ThinPool:
    """A pool over a data and a metadata device.

    Parameters
    ----------
    data, metadata : BlockDevice
        The metadata device has blocks of 4 KiB.
    chunk_size : int
        Bytes a pool block: a multiple of 64 KiB from 64 KiB to 1 GiB.
    zeroing : bool
        Fill a new pool block with zeros before a write that covers a part of it (else the rest keeps what was there).
    low_water : int
        Free pool blocks at which the pool raises its one event.
    no_space : {"queue", "error"}
        What a write that finds no pool block does: wait for `no_space_timeout` seconds (0: for ever), or fail.
    discard : {"passdown", "no_discard_passdown", "ignore_discard"}
        Whether discards free blocks, and whether they are passed down to the data device.
    strict : bool
        False allows pool blocks that the kernel refuses, down to one block: easier to draw.

    Attributes
    ----------
    mode : {"rw", "out_of_data_space", "ro"}
        As ``dmsetup status`` prints it; "ro" after the metadata device was full.
    events : int
        How often the low-water mark was reported.

    Raises
    ------
    InvalidInput
        A pool block, a mode or a device that is not allowed.
    """

    def __init__(
        self,
        data: BlockDevice,
        metadata: BlockDevice,
        chunk_size: int = 64 * KiB,
        *,
        zeroing: bool = True,
        low_water: int = 0,
        no_space: str = "queue",
        no_space_timeout: int = 60,
        discard: str = "passdown",
        strict: bool = True,
    ) -> None:
        if strict and (chunk_size % (64 * KiB) or not 64 * KiB <= chunk_size <= GiB):
            raise InvalidInput(f"a pool block of {chunk_size} bytes: a multiple of 65536 from 65536 to 1073741824")
        _one_of("no_space", no_space, "queue", "error")
        _one_of("discard", discard, *_DISCARD)
        if chunk_size < data.block_size or chunk_size % data.block_size:
            raise InvalidInput(f"a pool block of {chunk_size} bytes on blocks of {data.block_size}: whole blocks")
        self.data, self.metadata_device, self.chunk_size = data, metadata, chunk_size
        self.chunk_blocks = chunk_size // data.block_size
        self.mode, self.events, self.time, self.needs_check = "rw", 0, 0, False
        self.volumes: dict[int, ThinVolume] = {}
        self.family: list[Volume] = []
        self._low = self._timed_out = False
        self._changes: list[tuple[ThinVolume, Integers, Integers]] = []  # mappings as of the last commit
        try:
            self.metadata = ThinMetadata(metadata, data.size // self.chunk_blocks)
        except NoSpace:
            raise InvalidInput(f"a metadata device of {metadata.size} blocks: too small for an empty pool") from None
        self.zeroing, self.discard, self.low_water = zeroing, discard, low_water
        self.no_space, self.no_space_timeout = no_space, no_space_timeout

    # ---------------------------------------------------------------- messages

    def create(self, size: int, id: int | None = None) -> "ThinVolume":
        """A thin volume of `size` blocks that holds nothing; `id` is its device number, the lowest free if left out.

        Raises
        ------
        AlreadyExists, InvalidInput
            The id is taken, or above 2**24 - 1.
        """
        volume = ThinVolume(size, self, self._new_id(id))
        self.attach(volume)
        return volume

    def attach(self, volume: "ThinVolume") -> None:
        """Register a new volume without mappings."""
        self._message(lambda: self.metadata.create(volume.id, volume.lies))
        self.family.append(volume)
        self._add(volume)

    def snapshot(self, origin: "ThinVolume", id: int | None = None) -> "ThinVolume":
        """A thin volume with the present mappings of another, which can be written, with a device number of choice.

        Raises
        ------
        NotFound
            The pool has no such origin.
        """
        volume = self.duplicate(origin, id)
        volume.origin = origin
        self.family.append(volume)
        return volume

    def duplicate(self, origin: "ThinVolume", id: int | None = None) -> "ThinVolume":
        """What `snapshot`, and a volume's own `snapshot` and `clone`, do in the pool: both share all mappings."""
        self._known(origin)
        volume = type(origin)(origin.size, self, self._new_id(id))
        self._message(lambda: self.metadata.snapshot(volume.id, origin.id, volume.lies))
        self.time += 1
        origin.share_with(volume, self.time)
        origin.changed = True
        self._add(volume)
        return volume

    def replace(self, volume: "ThinVolume", other: "ThinVolume") -> None:
        """Give a volume the device number and mappings of another, and delete the device that it had before."""
        self._message(lambda: self.metadata.delete(volume.id))
        volume.release()
        del self.volumes[volume.id]
        volume.take_over(other)
        self.volumes[volume.id] = volume
        self.commit()

    def delete(self, volume: "ThinVolume") -> None:
        """Delete a thin volume, as its own `delete` does; blocks that only it held are free.

        Raises
        ------
        NotFound
            The pool has no such volume.
        InUse
            It is active: `ThinVolume.active` is true until something closes it.
        """
        self._known(volume)
        volume.delete()

    def drop(self, volume: "ThinVolume") -> None:
        """Delete a volume's device and mappings, for `delete` and for the volume's own `delete`."""
        if volume.active:
            raise InUse(f"thin device {volume.id} is active")
        self._message(lambda: self.metadata.delete(volume.id))
        volume.release()
        del self.volumes[volume.id]
        self.commit()

    def _known(self, volume: "ThinVolume") -> None:
        if self.volumes.get(volume.id) is not volume:
            raise NotFound(f"{self!r} has no {volume!r}")

    def _message(self, work: Callable[[], None]) -> None:
        if self.mode == "ro":
            raise ReadOnly(f"{self!r} is read-only: no messages")
        self._needs_metadata(work)

    def _add(self, volume: "ThinVolume") -> None:
        self.volumes[volume.id] = volume
        volume.changed = True
        self.commit()

    def _new_id(self, id: int | None) -> int:
        if id is None:
            id = next(n for n in range(len(self.volumes) + 1) if n not in self.volumes)
        if not 0 <= id <= HIGHEST_ID:
            raise InvalidInput(f"device id {id}: 0 to {HIGHEST_ID}")
        if id in self.volumes:
            raise AlreadyExists(f"thin device {id} exists")
        return id

    # ---------------------------------------------------------------- resize, status

    def resume(self, data_blocks: int | None = None) -> None:
        """Go on after a suspend, with a data device of so many pool blocks: I/O that found no space works again."""
        blocks = self.data.size // self.chunk_blocks if data_blocks is None else data_blocks
        if not self.metadata.space.size <= blocks <= self.data.size // self.chunk_blocks:
            raise InvalidInput(
                f"{blocks} pool blocks: a pool does not shrink below {self.metadata.space.size}, "
                f"and its data device has {self.data.size // self.chunk_blocks}"
            )
        if self.mode == "ro":
            return
        self._low = False
        if blocks > self.metadata.space.size:
            self._writable()
            self.metadata.resize(blocks)
        self.commit()

    def status(self, commit: bool = True) -> str:
        """The line of `dmsetup status`, after a commit unless `commit` is false (``--noflush``)."""
        if commit:
            with suppress(ReadOnly):  # a status never fails; it shows what became of the pool
                self.commit()
        space, used, total = self.metadata.space, self.metadata.used, self.metadata.blocks.total
        full = "error_if_no_space" if self.no_space == "error" or self._timed_out else "queue_if_no_space"
        check = "needs_check" if self.needs_check else "-"
        return (
            f"0 {space.size * self.chunk_size // SECTOR} thin-pool 0 {used}/{total} {space.used}/{space.size} - "
            f"{self.mode} {_DISCARD[self.discard]} {full} {check} {min(1024, total // 4)}"
        )

    # ---------------------------------------------------------------- pool blocks

    def commit(self) -> None:
        """Write the metadata; blocks that were given up are free from here on."""
        if self.mode == "ro":
            return
        self._needs_metadata(lambda: self.metadata.commit(n for n, each in self.volumes.items() if each.changed))
        for volume in self.volumes.values():
            volume.changed = False
        self._changes = []
        if not self.metadata.room:
            self.mode = "ro"
        elif self.mode == "out_of_data_space" and self.metadata.space.free:
            self._writable()

    def _writable(self) -> None:
        self.mode, self._timed_out = "rw", False

    def _needs_metadata(self, work: Callable[[], None]) -> None:
        """Make a change; if no metadata block is free, undo all since the last commit and make the pool read-only."""
        try:
            work()
        except NoSpace:
            self._abort()
            raise ReadOnly(f"{self!r}: out of metadata space, read-only until it is checked") from None

    def _abort(self) -> None:
        for volume, chunks, before in reversed(self._changes):
            volume.mappings.set(chunks, before)
        self._changes, self.mode, self.needs_check = [], "ro", True
        self.metadata.abort()

    def provide(self, volume: ThinVolume, chunks: Integers, whole: npt.NDArray[np.bool_] | np.bool_) -> None:
        """Allocate pool blocks for virtual blocks, in this order, and fill what the requests do not cover.

        Raises
        ------
        NoSpace, ReadOnly
            No pool block is free, or no metadata block; what was provided before stays.
        """
        whole, done = np.broadcast_to(whole, chunks.shape), 0
        while done < chunks.size:
            step = slice(done, done + self._room(chunks.size - done))
            self._provide(volume, chunks[step], whole[step])
            done = step.stop

    def _room(self, wanted: int) -> int:
        """How many pool blocks can be allocated in one step without a check of space or metadata in between."""
        if self.mode != "rw":
            raise ReadOnly(f"{self!r} is read-only") if self.mode == "ro" else NoSpace(f"{self!r} is full")
        space = self.metadata.space
        if not space.free:
            self._watch(0)
            self.commit()  # some may have been given up
        if not space.free:
            self.mode, self._timed_out = "out_of_data_space", self.no_space_timeout > 0
            raise NoSpace(f"{self!r}: all {space.size} pool blocks are in use")
        most = min(wanted, space.free, max(AT_ONCE // self.chunk_blocks, 1))
        return most if self.metadata.enough_for(most) else 1

    def _provide(self, volume: ThinVolume, chunks: Integers, whole: npt.NDArray[np.bool_]) -> None:
        self._watch(self.metadata.space.free - chunks.size + 1)
        before = volume.mappings.get(chunks)
        blocks = self._allocate(chunks.size)
        self._fill(before, blocks, whole)
        self._needs_metadata(lambda: self._redirect(volume, chunks, before))
        self._remember(volume, chunks, before)
        volume.remap(chunks, before, blocks | self.time << TIME)

    def _allocate(self, count: int) -> Integers:
        found: list[Integers] = []
        self._needs_metadata(lambda: found.append(self.metadata.allocate(count)))
        if not self.metadata.room:  # better now than when the reserve is used up too
            self.commit()
        return found[0]

    def _redirect(self, volume: ThinVolume, chunks: Integers, before: Integers) -> None:
        old = before[before >= 0] & BLOCK
        self.metadata.map(volume.id, chunks, new=old.size < before.size)
        if old.size:
            self.metadata.release(old)

    def forget(self, volume: ThinVolume, chunks: Integers) -> None:
        """Discard virtual blocks that are mapped; pool blocks that become free may be discarded on the data device."""
        before = volume.mappings.get(chunks)
        freed: list[Integers] = []
        self._needs_metadata(lambda: freed.append(self._unmap(volume, chunks, before)))
        self._remember(volume, chunks, before)
        volume.remap(chunks, before, np.full(chunks.size, -1))
        if self.discard == "passdown" and freed[0].size:
            self.data.discard(self.rows(freed[0]), rule="passed down")

    def _unmap(self, volume: ThinVolume, chunks: Integers, before: Integers) -> Integers:
        self.metadata.unmap(volume.id, chunks)
        return self.metadata.release(before & BLOCK)

    def _watch(self, free: int) -> None:
        """Raise the low-water event when a block is requested with so few free ones; the next only after `resume`."""
        if not self._low and free <= self.low_water:
            self._low, self.events = True, self.events + 1

    def _fill(self, before: Integers, blocks: Integers, whole: npt.NDArray[np.bool_]) -> None:
        """Fill the rest of new pool blocks, with a copy of the shared ones or with zeros."""
        copied = (before >= 0) & ~whole
        if copied.any():
            stamps = self.data.read(self.rows(before[copied] & BLOCK), why="copy", rule="break sharing")
            self.data.write(self.rows(blocks[copied]), stamps, why="copy", rule="break sharing")
        empty = (before < 0) & ~whole
        if self.zeroing and empty.any():
            self.data.write(self.rows(blocks[empty]), 0, why="zero", rule="provision")

    def rows(self, blocks: Integers) -> Integers:
        """The blocks of the data device that pool blocks cover, shape (pool blocks, blocks of each)."""
        rows: Integers = blocks[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        return rows

    def _remember(self, volume: ThinVolume, chunks: Integers, before: Integers) -> None:
        volume.changed = True
        self._changes.append((volume, chunks, before))

    def __repr__(self) -> str:
        return f"<ThinPool of {self.metadata.space.size} blocks of {self.chunk_size} bytes>"


def _one_of(key: str, value: str, *allowed: str) -> None:
    if value not in allowed:
        raise InvalidInput(f"{key} {value!r}: {', '.join(allowed)}")
