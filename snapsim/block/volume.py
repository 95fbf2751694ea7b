"""THE CONTRACT of block-level snapshots.

**What a volume is.** A volume is a row of equal blocks that can be read and overwritten, and of which a
*snapshot* can be taken: the picture of the volume at one moment, taken in no time, which stays as it is while
the volume goes on changing. All mechanisms of this package (`snapsim.block.snapshots`) keep the same promise and
differ only in the bill.

**The promise.** *After* ``s = v.snapshot()``, ``s.read(b)`` *returns what* ``v.read(b)`` *returned then, for
ever, whatever is written to* ``v``, to any clone of it, or to any other snapshot, and whatever of these is deleted.

**The names.** A *block* is the smallest I/O of a user (4 KiB). A *chunk* (a pool block, a record) is the unit in which
a mechanism shares and copies; it is one block or many. The *origin* of a snapshot is the volume it was taken of. A
*snapshot* is read-only, a *clone* is a snapshot that can be written. *Copy-on-write* copies the old chunk aside and
then writes in place; *redirect-on-write* writes elsewhere and moves a pointer. Each I/O has a *purpose*: ``data`` is
what the user asked for, ``copy`` what moved because of sharing, ``metadata`` the maps, ``zero`` the zeros that a
mechanism writes by itself.

**What can never happen.** A read that fails or changes because another volume was written or deleted (but see
`Invalidated`: a full exception store gives its snapshot up, and says so); a write that is lost; a block that is
allocated and that no living volume holds; two volumes that see each other's writes.

**Three scenarios, with their bills.** One block, one snapshot: copy-on-write pays 1 read and 2 writes at the first
overwrite, redirect-on-write 1 write. The second write of the same block costs 1 write in both.

>>> from snapsim.block.snapshots import ExceptionStore, ThinVolume
>>> cow, row = ExceptionStore.new(8, store="N"), ThinVolume.new(8, chunk_size=4096)
>>> for volume in (cow, row):
...     volume.write(slice(0, 8))
...     before = volume.read(3)
...     snapshot = volume.snapshot()
...     with volume.counting() as first:
...         volume.write(3)
...     with volume.counting() as second:
...         volume.write(3)
...     print(first.counts, second.counts, snapshot.read(3) == before)
IOCounts(read_copy=(1, 4096), write_data=(1, 4096), write_copy=(1, 4096)) IOCounts(write_data=(1, 4096)) True
IOCounts(write_data=(1, 4096)) IOCounts(write_data=(1, 4096)) True

Two more snapshots, which are all older than the next write: copy-on-write copies once for each, since every
snapshot has its own store; redirect-on-write still writes once.

>>> for volume in (cow, row):
...     more = volume.snapshot(), volume.snapshot()
...     with volume.counting() as third:
...         volume.write(3)
...     print(third.counts)
IOCounts(read_copy=(2, 8192), write_data=(1, 4096), write_copy=(2, 8192))
IOCounts(write_data=(1, 4096))

Deletion costs no data I/O in either; what it frees is what only the deleted one held.

>>> for volume in (cow, row):
...     volume.write(5)                            # now no older snapshot has what block 5 holds
...     newest = volume.snapshot()
...     volume.write(5)
...     held = newest.usage().exclusive
...     with volume.counting() as bill:
...         newest.delete()
...     print(held, bill.counts.bytes(purpose="data") + bill.counts.bytes(purpose="copy"))
4096 0
4096 0

And the price of redirection: blocks 2, 3, 4 lie side by side in the origin of copy-on-write for ever, but no longer
in the pool, so that one sequential read becomes several requests (seeks, on a disk that turns).

>>> from snapsim.block.device import recording
>>> for volume in (cow, row):
...     with recording(*volume.devices) as story:
...         _ = volume.read(slice(2, 5))
...     print([(io.first, io.length) for io in story])
[(2, 3)]
[(2, 1), (9, 1), (4, 1)]

**To write one of your own**, derive from `Volume` and give `_read`, `_write` and `_snapshot`; the base class checks
block numbers, makes stamps and refuses writes to snapshots. Its method `places` says where its content lies: a number
for each chunk of storage, the same number in all volumes that share the chunk, so that the space of any set of volumes
is the size of a union of sets. Optional are `_clone`, `_discard`, `_delete`, `_rollback`, `flush`, and `places` with
`allocated`, whose answers agree at any time and are exact after a `flush`. `InUse` is for the deletion or the rollback
of what a living volume was made from; a discard of a part of a chunk leaves the old content or zeros.
`snapsim.testing.check_volume` judges it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from snapsim.base.errors import InvalidInput, NotFound, ReadOnly, Unsupported
from snapsim.block.device import BlockDevice, Blocks, Count, Requests, Stamps, counting, fresh_stamps
from snapsim.block.requests import Integers

LEAVES_OUT = "requests in flight together, crashes, and barriers other than `flush`."
"""What this model leaves out, as `snapsim fidelity` lists it."""


class Usage(NamedTuple):
    """Bytes of storage that a volume holds; `exclusive` is what its deletion would free."""

    allocated: int
    exclusive: int
    shared: int


class Volume(ABC):
    """A row of blocks with snapshots; see the top of this file for the promise.

    Parameters
    ----------
    size : int
        Number of blocks.
    block_size : int
        Bytes a block.
    chunk_size : int, optional
        Bytes a chunk, the unit of sharing; a multiple of block_size. One block when left out.
    devices : tuple of BlockDevice
        Where the I/O goes, in a fixed order.

    Attributes
    ----------
    origin : Volume or None
        What this snapshot or clone was taken of.
    read_only : bool
        True for a snapshot.
    deleted : bool
        True after `delete`.
    family : list of Volume
        The living volumes that share storage, this one included.
    limits : mapping of str to str
        Verbs or behaviours that the mechanism does not have, each with the reason.
    """

    limits: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, size: int, block_size: int = 4096, chunk_size: int | None = None, devices: tuple[BlockDevice, ...] = ()
    ) -> None:
        chunk_size = block_size if chunk_size is None else chunk_size
        if size < 0 or block_size < 1 or chunk_size < block_size or chunk_size % block_size:
            raise InvalidInput(
                f"{size} blocks of {block_size} bytes in chunks of {chunk_size}: a chunk is a whole number of blocks"
            )
        self.size, self.block_size, self.chunk_size, self.devices = size, block_size, chunk_size, devices
        self.origin: Volume | None = None
        self.read_only = self.deleted = False
        self.family: list[Volume] = [self]

    @classmethod
    def new(cls, size: int, block_size: int = 4096, chunk_size: int | None = None, **options: Any) -> Self:
        """A fresh volume of zeros on devices of its own, large enough for some snapshots.

        A mechanism that needs more than its constructor gives (a pool, a store) overrides this.
        """
        return cls(size, block_size, chunk_size, **options)

    @property
    def chunk_blocks(self) -> int:
        """Blocks a chunk."""
        return self.chunk_size // self.block_size

    # ---------------------------------------------------------------- what users call

    def read(self, blocks: Blocks) -> Any:
        """Stamps of the blocks: an int for an int, else an array of uint64, shape (number of blocks,).

        Raises
        ------
        InvalidInput
            A block outside the volume.
        NotFound
            The volume was deleted.
        Invalidated
            A snapshot that was given up because its store is full.
        """
        self._living()
        stamps = self._read(Requests(blocks, self.size))
        return int(stamps[0]) if isinstance(blocks, int | np.integer) else stamps

    def write(self, blocks: Blocks, data: Any = None) -> None:
        """Overwrite blocks with stamps: a scalar or one for each block; fresh ones when left out.

        Of a block that is named twice the last stamp stays.

        Raises
        ------
        ReadOnly
            This is a snapshot.
        NoSpace
            No space is left: earlier requests stay written, and `NoSpace.done` says how many they are.
        """
        self._living()
        if self.read_only:
            raise ReadOnly(f"{self!r} is a snapshot: write to its origin or to a clone")
        asked = Requests(blocks, self.size)
        self._write(asked, fresh_stamps(asked.count) if data is None else self._stamps_for(asked, data))

    def _stamps_for(self, asked: Requests, data: Any) -> Stamps:
        stamps = np.asarray(data, np.uint64)
        if stamps.ndim and stamps.shape != (asked.count,):
            raise InvalidInput(f"{stamps.shape} stamps for {asked.count} blocks: one a block, or one for all")
        return np.broadcast_to(stamps, asked.count)

    def discard(self, blocks: Blocks) -> None:
        """Discard blocks: whole chunks read as zeros from then on, and are freed if no other volume holds them."""
        self._living()
        if self.read_only:
            raise ReadOnly(f"{self!r} is a snapshot: its blocks stay")
        self._discard(Requests(blocks, self.size))

    def snapshot(self) -> "Volume":
        """The picture of the volume as it is now, read-only."""
        self._living()
        return self._join(self._snapshot(), read_only=True)

    def clone(self) -> "Volume":
        """A writable child: starts as the picture of the volume as it is now."""
        self._living()
        return self._join(self._clone(), read_only=False)

    def _join(self, child: "Volume", read_only: bool) -> "Volume":
        child.origin, child.read_only = self, read_only
        child.family = self.family
        self.family.append(child)
        return child

    def delete(self) -> None:
        """Delete the volume: storage that only it held becomes free; volumes that share with it do not change.

        Raises
        ------
        InUse
            Something needs it (the origin of living dm-snapshots, a ZFS snapshot with clones).
        """
        self._living()
        self._delete()
        self.deleted = True
        self.family.remove(self)

    def rollback(self, snapshot: "Volume") -> None:
        """Make this volume what it was when the snapshot was taken.

        A mechanism that merges (dm-snapshot) uses the snapshot up: it is deleted then, and `limits` say so.
        """
        self._living()
        snapshot._living()
        if snapshot not in self.family:
            raise NotFound(f"{snapshot!r} shares nothing with {self!r}")
        self._rollback(snapshot)

    def flush(self) -> None:
        """Commit metadata that is still in memory, where the mechanism keeps any."""

    def drop_caches(self) -> None:
        """Drop cached content, where the mechanism has a cache (a ZFS pool): the next read goes to the device."""

    def counting(self) -> AbstractContextManager[Count]:
        """Count the I/O of a ``with`` block on all devices of the volume together."""
        return counting(*self.devices)

    # ---------------------------------------------------------------- what a mechanism gives

    @abstractmethod
    def _read(self, asked: Requests) -> Stamps:
        """Stamps of the requested blocks, shape (asked.count,)."""

    @abstractmethod
    def _write(self, asked: Requests, stamps: Stamps) -> None:
        """Write the stamps, keeping the promise to every snapshot."""

    @abstractmethod
    def _snapshot(self) -> "Volume":
        """A new volume that keeps the present content."""

    def _clone(self) -> "Volume":
        raise Unsupported(f"{type(self).__name__} has no clones: {self.limits.get('clone', 'not part of it')}")

    def _discard(self, asked: Requests) -> None:
        raise Unsupported(f"{type(self).__name__} has no discard: {self.limits.get('discard', 'not part of it')}")

    def _delete(self) -> None:
        """Free what only this volume holds."""

    def _rollback(self, snapshot: "Volume") -> None:
        raise Unsupported(f"{type(self).__name__} has no rollback: {self.limits.get('rollback', 'not part of it')}")

    def _living(self) -> None:
        if self.deleted:
            raise NotFound(f"{self!r} was deleted")

    def __repr__(self) -> str:
        kind = "snapshot" if self.read_only else "clone" if self.origin is not None else "volume"
        return f"<{type(self).__name__} {kind} of {self.size} blocks, chunk {self.chunk_size}>"

    # ---------------------------------------------------------------- space

    def usage(self) -> Usage:
        """Bytes that the volume holds, alone and with others of its family, by its `places`.

        Examples
        --------
        >>> from snapsim.block.snapshots import FullCopy
        >>> FullCopy.new(4).usage()
        Usage(allocated=16384, exclusive=16384, shared=0)
        """
        mine = np.unique(self.places())
        others = [volume.places() for volume in self.family if volume is not self]
        shared = int(np.isin(mine, np.concatenate(others)).sum()) if others else 0
        return Usage(*(count * self.place_size for count in (mine.size, mine.size - shared, shared)))

    @property
    def place_size(self) -> int:
        """Bytes that each of the `places` stands for: a chunk, unless a mechanism allocates smaller pieces."""
        return self.chunk_size

    def places(self) -> Integers:
        """Where the content lies: a number for each chunk of storage held, the same number for the same chunk.

        The number of distinct places in a family, times `place_size`, is the space that is allocated.
        """
        raise Unsupported(f"{type(self).__name__} does not say where its chunks lie")

    def device_blocks(self, blocks: Integers) -> Integers:
        """Where each of the blocks lies on the first device, -1 where nothing was ever written; no I/O."""
        raise Unsupported(f"{type(self).__name__} does not say where its blocks lie")

    def allocated(self) -> int:
        """Bytes of storage that the mechanism itself has marked as in use for the whole family, maps not counted.

        It is counted independently of `places`, so that each can be checked against the other.
        """
        raise Unsupported(f"{type(self).__name__} does not count its allocations")
