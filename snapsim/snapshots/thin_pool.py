"""Redirect-on-write as dm-thin does it: thin volumes that take their blocks from one pool.

Level 3. A pool cuts a data device into *pool blocks* (64 KiB to 1 GiB). A thin volume is a map, virtual block to
pool block; a block that was never written has none and reads as zeros. A snapshot is a copy of the map. A block is
shared if it was mapped before the device's newest snapshot: each mapping remembers the pool's *time*, which counts
snapshots, and nobody looks whether the other owner still exists. The first write after a snapshot therefore always
goes to a new pool block: the rest of it is copied, unless the request covers it whole. That costs the same for one
snapshot or a hundred, and at any depth: a snapshot of a snapshot is a map like any other.

>>> disk = ThinVolume.new(64, chunk_size=65536)                # 4 pool blocks of 16 blocks
>>> with disk.counting() as first:
...     disk.write(3)
>>> first.counts.cells()["write_zero"], first.counts.cells()["write_data"]     # provisioned: zeros, then the data
((1, 65536), (1, 4096))
>>> snapshot = disk.snapshot()
>>> with disk.devices[0].counting() as shared:
...     disk.write(4)
>>> shared.counts == IOCounts(read_copy=(1, 65536), write_copy=(1, 65536), write_data=1)
True
>>> with disk.devices[0].counting() as whole:
...     disk.snapshot() and disk.write(slice(0, 16))           # covers the pool block: nothing to copy
>>> whole.counts == IOCounts(write_data=(1, 65536))
True

A pool block that nobody owns any more is used again after the next commit, and not before the search, which goes on
where it stopped and wraps around, comes by. A pool commits at each message (create, snapshot, delete), at a flush of
a volume that changed, and at `status`.

What it leaves out: the commit that the kernel makes once a second, external origins, metadata snapshots, I/O that
waits in queue mode (a write that would wait fails as it does when the time-out is over).
"""

from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from ..device import BlockDevice, Integers, IOCounts, Requests, Stamps, distinct
from ..errors import AlreadyExists, InUse, InvalidInput, NoSpace, NotFound, ReadOnly, Unsupported
from ..paged_map import PagedMap
from ..units import GiB, KiB
from ..volume import Volume
from .thin_metadata import ThinMetadata

__all__ = ["IOCounts", "ThinPool", "ThinVolume"]

SECTOR = 512
HIGHEST_ID = (1 << 24) - 1
_TIME = 40                                                     # bits of a mapping below its time: the pool block
_BLOCK = (1 << _TIME) - 1


class _Change(NamedTuple):
    """Mappings before a change: what is gone back to if the metadata fails before the next commit."""

    volume: "ThinVolume"
    chunks: Integers
    entries: Integers


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
        Whether discards free blocks, and whether the data device is told.
    strict : bool
        False allows pool blocks that the kernel refuses, down to one block: easier to draw.

    Attributes
    ----------
    mode : {"rw", "out_of_data_space", "ro"}
        As the status has it; "ro" after the metadata device was full.
    events : int
        How often the low-water mark was reported.

    Raises
    ------
    InvalidInput
        A pool block, a mode or a device that is not allowed.
    """

    def __init__(self, data: BlockDevice, metadata: BlockDevice, chunk_size: int = 64 * KiB, *, zeroing: bool = True,
                 low_water: int = 0, no_space: str = "queue", no_space_timeout: int = 60, discard: str = "passdown",
                 strict: bool = True) -> None:
        if strict and (chunk_size % (64 * KiB) or not 64 * KiB <= chunk_size <= GiB):
            raise InvalidInput(f"a pool block of {chunk_size} bytes: a multiple of 65536 from 65536 to 1073741824")
        if chunk_size < data.block_size or chunk_size % data.block_size:
            raise InvalidInput(f"a pool block of {chunk_size} bytes on blocks of {data.block_size}: whole blocks")
        _one_of("no_space", no_space, "queue", "error")
        _one_of("discard", discard, "passdown", "no_discard_passdown", "ignore_discard")
        self.data, self.chunk_size, self.zeroing, self.discard_mode = data, chunk_size, zeroing, discard
        self.chunk_blocks = chunk_size // data.block_size
        self.low_water, self.no_space, self.no_space_timeout = low_water, no_space, no_space_timeout
        self.mode, self.events, self.time, self.needs_check = "rw", 0, 0, False
        self.volumes: dict[int, ThinVolume] = {}
        self.family: list[Volume] = []
        self.metadata_device, self.metadata = metadata, ThinMetadata(metadata, data.size // self.chunk_blocks)
        self._low = self._timed_out = False
        self._changes: list[_Change] = []

    # ---------------------------------------------------------------- messages

    def create(self, size: int, id: int | None = None) -> "ThinVolume":
        """A thin volume of `size` blocks that holds nothing; `id` is its device number, the lowest free one if left out.

        Raises
        ------
        AlreadyExists, InvalidInput
            The id is taken, or above 2**24 - 1.
        """
        volume = ThinVolume(size, self, self._new_id(id))
        self._message(lambda: self.metadata.create(volume.id, volume.lies))
        return self._add(volume)

    def snapshot(self, origin: "ThinVolume", id: int | None = None) -> "ThinVolume":
        """A thin volume with the present mappings of another: both share all of them from here on."""
        volume = ThinVolume(origin.size, self, self._new_id(id), origin)
        self._message(lambda: self.metadata.snapshot(volume.id, origin.id, volume.lies))
        self.time += 1
        origin._age = volume._age = self.time << _TIME
        return self._add(volume)

    def delete(self, volume: "ThinVolume") -> None:
        """Forget a thin volume; blocks that only it held are free.

        Raises
        ------
        InUse
            It is active: `ThinVolume.active` is true until something closes it.
        """
        if volume.active:
            raise InUse(f"thin device {volume.id} is active")
        self._message(lambda: self.metadata.delete(volume.id))
        volume._map.release()
        del self.volumes[volume.id]
        self.commit()

    def _message(self, work: Any) -> None:
        if self.mode == "ro":
            raise ReadOnly(f"{self!r} is read-only: no messages")
        try:
            work()
        except NoSpace:
            self._fail()

    def _add(self, volume: "ThinVolume") -> "ThinVolume":
        self.volumes[volume.id] = volume
        volume.changed = True
        self.commit()
        return volume

    def _new_id(self, id: int | None) -> int:
        if id is None:
            id = next(n for n in range(len(self.volumes) + 1) if n not in self.volumes)
        if not 0 <= id <= HIGHEST_ID:
            raise InvalidInput(f"device id {id}: 0 to {HIGHEST_ID}")
        if id in self.volumes:
            raise AlreadyExists(f"thin device {id} exists")
        return id

    # ---------------------------------------------------------------- commit, resize, status

    def commit(self) -> None:
        """Write the metadata; blocks that were given up are free from here on."""
        if self.mode == "ro":
            return
        try:
            self.metadata.commit([volume.id for volume in self.volumes.values() if volume.changed])
        except NoSpace:
            self._fail()
        for volume in self.volumes.values():
            volume.changed = False
        self._changes = []
        if not self.metadata.room:
            self.mode = "ro"
        elif self.mode == "out_of_data_space" and self.metadata.space.free:
            self._writable()

    def _writable(self) -> None:
        self.mode, self._timed_out = "rw", False

    def _fail(self) -> None:
        """No metadata block: what was not committed is lost, and the pool is read-only until it is checked."""
        for change in reversed(self._changes):
            change.volume._map.set(change.chunks, change.entries)
        self._changes, self.mode, self.needs_check = [], "ro", True
        self.metadata.blocks.abort()
        raise ReadOnly(f"{self!r}: out of metadata space, read-only until it is checked")

    def resume(self, data_blocks: int | None = None) -> None:
        """Go on after a suspend, with a data device of so many pool blocks: I/O that found no space works again."""
        blocks = self.data.size // self.chunk_blocks if data_blocks is None else data_blocks
        if blocks < self.metadata.space.size:
            raise InvalidInput(f"{blocks} pool blocks: a data device does not shrink below {self.metadata.space.size}")
        if self.mode == "ro":
            return
        self._low = False
        if blocks > self.metadata.space.size:
            self._writable()
            self.metadata.resize(blocks)
        self.commit()

    def status(self, commit: bool = True) -> str:
        """The line of `dmsetup status`: it commits first, unless told not to (``--noflush``)."""
        if commit:
            self.commit()
        space, error = self.metadata.space, self.no_space == "error" or self._timed_out
        return (f"0 {space.size * self.chunk_size // SECTOR} thin-pool 0 {self.metadata.used}/{self.metadata.blocks.total} "
                f"{space.used}/{space.size} - {self.mode} {self.discard_mode} "
                f"{'error' if error else 'queue'}_if_no_space {'needs_check' if self.needs_check else '-'} "
                f"{min(1024, self.metadata.blocks.total // 4)}")

    # ---------------------------------------------------------------- blocks

    def provide(self, volume: "ThinVolume", chunks: Integers, whole: Any) -> None:
        """Give virtual blocks pool blocks of their own, in this order, and fill what the request leaves out.

        Raises
        ------
        NoSpace, ReadOnly
            `done` says for how many of the virtual blocks it went well.
        """
        whole, done = np.broadcast_to(whole, chunks.shape), 0
        while done < chunks.size:
            try:
                step = slice(done, done + self._room(chunks.size - done))
                self._provide(volume, chunks[step], whole[step])
            except (NoSpace, ReadOnly) as error:
                error.done = done                              # type: ignore[union-attr]
                raise
            done = step.stop

    def _room(self, wanted: int) -> int:
        """How many pool blocks can be had before something has to be looked at again."""
        if self.mode != "rw":
            raise ReadOnly(f"{self!r} is read-only") if self.mode == "ro" else NoSpace(f"{self!r} is full")
        space = self.metadata.space
        if not space.free:
            self.commit()
        if not space.free:
            self.mode, self._timed_out = "out_of_data_space", self.no_space_timeout > 0
            raise NoSpace(f"{self!r}: all {space.size} pool blocks are in use")
        return min(wanted, space.free, 4096) if self.metadata.enough_for(min(wanted, 4096)) else 1

    def _provide(self, volume: "ThinVolume", chunks: Integers, whole: Any) -> None:
        entries = volume._map.get(chunks)
        try:
            blocks = self.metadata.allocate(chunks.size)
            if not self.metadata.room:
                self.commit()
            self._fill(entries, blocks, whole)
            self.metadata.map(volume.id, chunks, bool((entries < 0).any()))
            self.metadata.release(entries[entries >= 0] & _BLOCK)
        except NoSpace:
            self._fail()
        volume._remap(chunks, entries, blocks | self.time << _TIME)
        self._watch()

    def _watch(self) -> None:
        if not self._low and self.metadata.space.free <= self.low_water and self.low_water:
            self._low, self.events = True, self.events + 1

    def _fill(self, entries: Integers, blocks: Integers, whole: Any) -> None:
        """The rest of new pool blocks: copied from the shared ones, or zeros."""
        copied = (entries >= 0) & ~whole
        if copied.any():
            stamps = self.data.read(self.rows(entries[copied] & _BLOCK), why="copy", rule="break sharing")
            self.data.write(self.rows(blocks[copied]), stamps, why="copy", rule="break sharing")
        empty = (entries < 0) & ~whole
        if self.zeroing and empty.any():
            self.data.write(self.rows(blocks[empty]), 0, why="zero", rule="provision")

    def rows(self, blocks: Integers) -> Integers:
        """The blocks of the data device that pool blocks cover, shape (pool blocks, blocks of each)."""
        rows: Integers = blocks[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        return rows

    def remember(self, volume: "ThinVolume", chunks: Integers, entries: Integers) -> None:
        """Note the mappings before a change, for a failure before the next commit."""
        volume.changed = True
        self._changes.append(_Change(volume, chunks, entries))

    def __repr__(self) -> str:
        return f"<ThinPool of {self.metadata.space.size} blocks of {self.chunk_size} bytes>"
