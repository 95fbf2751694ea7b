"""Redirect-on-write as dm-thin does it: thin volumes that take their blocks from one pool.

A pool cuts a data device into *pool blocks* (64 KiB to 1 GiB). A thin volume is a map, virtual block to pool block;
a block that was never written has none and reads as zeros. A snapshot is a copy of the map. A block is shared if it
was mapped before the device's newest snapshot: each mapping remembers the pool's *time*, which counts snapshots,
and nobody looks whether the other owner still exists. The first write after a snapshot therefore always goes to a
new pool block: the rest of it is copied, unless the request covers it whole. That costs the same for one snapshot
or a hundred, and at any depth: a snapshot of a snapshot is a map like any other.

>>> from snapsim.block.device import IOCounts
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

Here are a pool's messages and its volumes; how its blocks are given out is `thin_blocks`, reading and writing through
a map `thin_map`, and what the metadata device holds `thin_metadata`.

A pool block that nobody owns any more is free after the next commit; the search for free ones goes on where the last
one was found, across commits, and wraps around at the end, so that freed blocks stay unused for long. A pool commits
at each message (create, snapshot, delete), at a flush of a volume that changed, and at `status`.

What it leaves out: the commit that the kernel makes once a second, external origins, metadata snapshots.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound, ReadOnly
from snapsim.base.units import GiB, KiB
from snapsim.block.device import BlockDevice
from snapsim.block.snapshots.thin.blocks import PoolBlocks
from snapsim.block.snapshots.thin.metadata import recommended
from snapsim.block.snapshots.thin.volume import SECTOR, Mapped
from snapsim.block.volume import Volume

HIGHEST_ID = (1 << 24) - 1
_DISCARD = {
    "passdown": "discard_passdown",
    "no_discard_passdown": "no_discard_passdown",
    "ignore_discard": "ignore_discard",
}


class ThinPool(PoolBlocks):
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
        super().__init__(data, metadata, chunk_size)
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
        """The pool learns of a new volume without mappings."""
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
        """Let a volume have the device, and the mappings, of another, and delete the device it had."""
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
        """What deleting a volume does in the pool."""
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
        """The line of `dmsetup status`: it commits first, unless told not to (``--noflush``)."""
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

    def __repr__(self) -> str:
        return f"<ThinPool of {self.metadata.space.size} blocks of {self.chunk_size} bytes>"


def _one_of(key: str, value: str, *allowed: str) -> None:
    if value not in allowed:
        raise InvalidInput(f"{key} {value!r}: {', '.join(allowed)}")


class ThinVolume(Mapped):
    """A thin volume of a pool; made by `ThinPool.create`, `snapshot` and `clone`, or with a pool of its own by `new`.

    Attributes
    ----------
    pool : ThinPool
    id : int
        Device number in the pool.
    active : bool
        Whether something has it open: then it cannot be deleted. Nobody has, unless told so.
    changed : bool
        Whether its mappings changed since the last commit.

    Examples
    --------
    >>> volume = ThinVolume.new(64)
    >>> volume.write(slice(16, 48))
    >>> volume.status(), volume.pool.metadata.space.used
    ('0 512 thin 256 383', 2)
    """

    pool: ThinPool

    @classmethod
    def new(cls, size: int, block_size: int = 4096, chunk_size: int | None = None, **options: Any) -> Self:
        """A thin volume with a pool of its own, 16 times as large; see `ThinPool` for the options.

        Pool blocks are 64 KiB when left out, and may be smaller than the kernel allows, down to a block.
        """
        chunk_size = max(64 * KiB, block_size) if chunk_size is None else chunk_size
        chunks = 16 * (-(-size * block_size // chunk_size) + 1)
        data = BlockDevice(chunks * max(chunk_size // block_size, 1), block_size, "data")
        metadata = BlockDevice(4 * recommended(chunks) // 4096, 4096, "metadata")
        pool = ThinPool(data, metadata, chunk_size, **{"strict": False, **options})
        volume = cls(size, pool, 0)
        pool.attach(volume)
        return volume

    def _snapshot(self) -> "ThinVolume":
        return self.pool.duplicate(self)

    def _clone(self) -> "ThinVolume":
        return self.pool.duplicate(self)

    def _delete(self) -> None:
        self.pool.drop(self)

    def _rollback(self, snapshot: Volume) -> None:
        """As LVM does it: a new thin snapshot of the snapshot takes this volume's place, and the old device goes."""
        assert isinstance(snapshot, ThinVolume)
        self.pool.replace(self, self.pool.duplicate(snapshot))

    def flush(self) -> None:
        """Make the pool commit if the mappings of this volume changed since its last commit."""
        if self.changed:
            self.pool.commit()
