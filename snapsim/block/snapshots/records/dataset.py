"""ZFS datasets, snapshots and clones by birth times: what is shared, who pays for it, and what can be freed.

No reference is counted. A snapshot is the number of the transaction group it shows, and a copy of the pointers.
When a dataset lets go of a block, one comparison decides: if it was **born after the newest snapshot**, nobody else
can have it, and it is free. If not, it goes to the dataset's **deadlist**. A new snapshot inherits that list, and
the dataset begins an empty one. When a snapshot is deleted, the blocks on the *next* deadlist that were born after
the *previous* snapshot were its alone: they are freed, and what is left of the two lists becomes one.

>>> from snapsim.block.snapshots import Records
>>> data = Records.new(64, chunk_size=131072)
>>> data.write(slice(0, 64))
>>> one = data.snapshot()
>>> data.write(5)                                  # a record moves, and its old blocks stay with the snapshot
>>> data.flush()
>>> data.properties()["usedbysnapshots"], one.properties()["used"], data.properties()["written"]
(131072, 131072, 131072)
>>> clone = one.clone()
>>> one.delete()
Traceback (most recent call last):
snapsim.base.errors.InUse: snapshot has dependent clones
>>> clone.promote()                                # the snapshot is the clone's now, and the dataset depends on it
>>> one.origin is clone, data.origin is one, data.properties()["used"], clone.properties()["used"]
(True, True, 131072, 262144)

Sources: zfsprops(7), zfs-promote(8), zfs-destroy(8); openzfs module/zfs/dsl_deadlist.c, dsl_dataset.c, dsl_destroy.c;
lib/libzfs/libzfs_dataset.c `zvol_volsize_to_reservation`.

What it leaves out: metadata in the properties (see `snapsim.files.filesystems.zfs.pool_metadata`), children,
livelists, bookmarks, quotas.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, cast

import numpy as np

from snapsim.base.errors import InUse, InvalidInput, NotFound, Unsupported
from snapsim.block.device import Integers, distinct
from snapsim.block.paged_map import PagedMap
from snapsim.block.snapshots.records.zpool import Zpool
from snapsim.block.volume import Usage, Volume


def zvol_reservation(size: int, volblocksize: int) -> int:
    """refreservation of a zvol that is not sparse, bytes: its size, and room for its metadata in two copies.

    Indirect blocks of 128 KiB hold 1024 pointers, level over level; 7 more are for dnodes.

    Examples
    --------
    >>> zvol_reservation(64 << 20, 65536) - (64 << 20) == 2 * 131072 * (7 + 1)
    True
    """
    blocks, count = 7, size // volblocksize
    while count > 1:
        count = -(-count // 1024)
        blocks += count
    return size + 2 * blocks * (128 << 10)


class Dataset(Volume):
    """A dataset, a snapshot or a clone of a pool; what is read and written is the business of a subclass.

    Parameters
    ----------
    size, block_size, chunk_size : int
        As of `Volume`.
    pool : Zpool
        Where it lives.
    refreservation : int
        Bytes promised to the dataset itself.

    Attributes
    ----------
    origin : Dataset or None
        Of a snapshot its dataset; of a clone the snapshot it depends on.
    snapshots : list of Dataset
        The dataset's snapshots, oldest first.
    created : int
        Of a snapshot, the transaction group it shows.
    deferred : bool
        Of a snapshot: it goes with its last clone.
    """

    limits: ClassVar[Mapping[str, str]] = {
        "delete": "a snapshot with clones stays (promote one of them), and so does a dataset with snapshots",
        "rollback": "to the newest snapshot only: the ones after it have to be deleted first",
        "copies are read first": "the rest of a record is not read where the ARC has it",
    }

    def __init__(self, size: int, block_size: int, chunk_size: int, pool: Zpool, refreservation: int = 0) -> None:
        super().__init__(size, block_size, chunk_size, (pool.device,))
        if self.chunk_blocks & (self.chunk_blocks - 1) or block_size != pool.device.block_size:
            raise InvalidInput(
                f"records of {chunk_size} bytes over sectors of {pool.device.block_size}: a power of two of them"
            )
        records = -(-size // self.chunk_blocks)
        self._pointers = PagedMap(records * self.chunk_blocks)
        self._lengths = PagedMap(records, fill=self.chunk_blocks)
        self._dead: list[Integers] = []
        self._previous: Dataset | None = None
        self.snapshots: list[Dataset] = []
        self.pool, self.refreservation = pool, refreservation
        self.referenced_blocks, self.created, self.deferred = 0, 0, False
        self.family = pool.volumes
        self.family.append(self)

    # ---------------------------------------------------------------- births and deadlists

    @property
    def _horizon(self) -> int:
        """The group that the snapshot before shows: what was born later is shared with nothing older."""
        return self._previous.created if self._previous else 0

    def _kill(self, places: Integers) -> None:
        """The dataset lets go of blocks."""
        self.referenced_blocks -= places.size
        young = self.pool.birth[places] > self._horizon
        self.pool.free(places[young])
        if not young.all():
            self._dead.append(places[~young])

    def _dead_since(self, txg: int) -> tuple[Integers, Integers]:
        """The deadlist, parted: born after the group, and not after it."""
        dead = np.concatenate([np.zeros(0, np.int64), *self._dead])
        young = self.pool.birth[dead] > txg
        return dead[young], dead[~young]

    @property
    def dead_blocks(self) -> int:
        """Blocks on the deadlist."""
        return sum(places.size for places in self._dead)

    def records_held(self) -> Integers:
        """Numbers of the records that exist."""
        return distinct(self._pointers.items()[0] // self.chunk_blocks)

    # ---------------------------------------------------------------- snapshots and clones

    def _twin(self) -> "Dataset":
        twin = copy(self)
        twin._pointers, twin._lengths = self._pointers.share(), self._lengths.share()
        twin.snapshots, twin.refreservation, twin.deferred = [], 0, False
        return twin

    def _snapshot(self) -> "Dataset":
        if self.read_only:
            raise Unsupported("a snapshot has no snapshots: clone it")
        self.pool.sync()
        snapshot = self._twin()
        snapshot.created = self.pool.txg - 1
        self._dead, self._previous = [], snapshot
        self.snapshots.append(snapshot)
        return snapshot

    def clone(self) -> Volume:
        """A writable child of a snapshot. Of a dataset: of a new snapshot, which goes with its last clone."""
        if self.read_only:
            return super().clone()
        snapshot = cast(Dataset, self.snapshot())
        snapshot.deferred = True
        return snapshot.clone()

    def _clone(self) -> "Dataset":
        clone = self._twin()
        clone._dead, clone._previous = [], self
        return clone

    @property
    def clones(self) -> "list[Dataset]":
        """Living clones of this snapshot."""
        return [
            volume
            for volume in self.family
            if isinstance(volume, Dataset) and volume.origin is self and not volume.read_only
        ]

    def delete_later(self) -> None:
        """Delete the snapshot now, or with its last clone (``zfs destroy -d``)."""
        self._living()
        self.deferred = True
        if not self.clones:
            self.delete()

    def _delete(self) -> None:
        if self.read_only:
            self._delete_snapshot()
        elif self.snapshots:
            raise InUse("filesystem has children")
        else:
            self._kill(self._pointers.values())
        self._pointers.release()
        self._lengths.release()
        origin = self.origin
        if isinstance(origin, Dataset) and origin.read_only and origin.deferred and origin.clones == [self]:
            self.origin = None
            origin.delete()

    def _delete_snapshot(self) -> None:
        if self.clones:
            raise InUse("snapshot has dependent clones")
        dataset = self._dataset()
        after = [*dataset.snapshots, dataset][dataset.snapshots.index(self) + 1]
        free, kept = after._dead_since(self._horizon)
        self.pool.free(free)
        after._dead, after._previous = [kept, *self._dead], self._previous
        dataset.snapshots.remove(self)

    def _dataset(self) -> "Dataset":
        """The dataset that owns this snapshot."""
        assert isinstance(self.origin, Dataset)
        return self.origin

    def _rollback(self, snapshot: Volume) -> None:
        if not self.snapshots or snapshot is not self.snapshots[-1]:
            raise InUse("more recent snapshots exist" if snapshot in self.snapshots else "no snapshot of this dataset")
        newest, places = self.snapshots[-1], self._pointers.values()
        self.pool.free(places[self.pool.birth[places] > newest.created])
        self._pointers.release()
        self._lengths.release()
        self._pointers, self._lengths = newest._pointers.share(), newest._lengths.share()
        self._dead, self.referenced_blocks = [], newest.referenced_blocks

    def promote(self) -> None:
        """Take over the origin snapshot and all before it; the dataset that had them becomes the clone.

        Nothing moves, and no chain changes: only who owns the snapshots, and therefore pays for them.

        Raises
        ------
        NotFound
            This is no clone.
        """
        self._living()
        origin = self.origin
        if self.read_only or not isinstance(origin, Dataset):
            raise NotFound(f"{self!r} is not a clone")
        former = origin._dataset()
        number = former.snapshots.index(origin) + 1
        self.snapshots, former.snapshots = former.snapshots[:number] + self.snapshots, former.snapshots[number:]
        for snapshot in self.snapshots[:number]:
            snapshot.origin = self
        self.origin, former.origin = former.origin, origin

    # ---------------------------------------------------------------- the space book

    def properties(self) -> dict[str, Any]:
        """The space properties of ``zfs get -p``, bytes of data; `written`: born since the snapshot before.

        Of a dataset also what `used` consists of: usedbydataset, usedbysnapshots, usedbyrefreservation.
        """
        self._living()
        before = self._previous.referenced_blocks if self._previous else 0
        own = {"referenced": self.referenced_blocks, "written": self.referenced_blocks - before + self.dead_blocks}
        shared = {name: count * self.block_size for name, count in {**own, **self._used()}.items()}
        if self.read_only:
            return shared
        # What a snapshot shares with its dataset has to be kept room for a second time.
        reserved = max(0, self.refreservation - shared["written" if self.snapshots or self.origin else "referenced"])
        return {**shared, "usedbyrefreservation": reserved, "used": shared["used"] + reserved}

    def _gone_after(self) -> Integers:
        """Blocks of this snapshot that neither the one before nor the one after it has."""
        dataset = self._dataset()
        return [*dataset.snapshots, dataset][dataset.snapshots.index(self) + 1]._dead_since(self._horizon)[0]

    def _used(self) -> dict[str, int]:
        if self.read_only:
            return {"used": self._gone_after().size}
        origin = self.origin if isinstance(self.origin, Dataset) else None
        dead = [volume._dead_since(origin.created if origin else 0) for volume in (*self.snapshots, self)]
        snapshots, lost = (sum(part[n].size for part in dead) for n in (0, 1))  # what a clone lost is its origin's
        data = self.referenced_blocks - (origin.referenced_blocks - lost if origin else 0)
        return {"used": data + snapshots, "usedbydataset": data, "usedbysnapshots": snapshots}

    def usage(self) -> Usage:
        """Bytes held; exclusive by births and deadlists: of a snapshot, what its clones have let go of as well."""
        self._living()
        if self.read_only:
            alone = self._gone_after()
            for clone in self.clones:
                alone = np.intersect1d(alone, np.concatenate([alone[:0], *[*clone.snapshots, clone][0]._dead]))
            exclusive = alone.size * self.block_size
        else:
            exclusive = self.properties()["written"]
        allocated = self.referenced_blocks * self.block_size
        return Usage(allocated, exclusive, allocated - exclusive)

    @property
    def place_size(self) -> int:
        """Bytes a block: a record may be shorter than a chunk."""
        return self.block_size

    def places(self) -> Integers:
        """Device blocks of the records."""
        return self._pointers.values()

    def device_blocks(self, blocks: Integers) -> Integers:
        """Where the records lie."""
        return self._pointers.get(blocks)

    def allocated(self) -> int:
        """Bytes that the pool has in use for living records."""
        return self.pool.used * self.block_size
