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

No reference is counted. A snapshot is the number of the transaction group it shows, and a copy of the pointers. When a
dataset lets go of a block, one comparison decides: if it was **born after the newest snapshot**, no snapshot can hold
it, and it is free. If not, it goes to the dataset's **deadlist**. A new snapshot inherits that list, and the dataset
begins an empty one. When a snapshot is deleted, the blocks on the *next* deadlist that were born after the *previous*
snapshot belonged to it alone: they are freed, and what is left of the two lists becomes one.

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

Sources: zfsprops(7), zfs-promote(8), zfs-destroy(8); openzfs module/zfs/dbuf.c, dmu.c (`dmu_buf_will_dirty`,
`dmu_buf_will_fill`), dsl_deadlist.c, dsl_dataset.c, dsl_destroy.c; lib/libzfs/libzfs_dataset.c.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InUse, InvalidInput, NoSpace, NotFound, Unsupported
from snapsim.block.device import Integers, Requests, Stamps, distinct
from snapsim.block.requests import ordered
from snapsim.block.snapshots.records.pointers import RecordPointers
from snapsim.block.snapshots.records.zpool import Zpool
from snapsim.block.volume import Usage, Volume

LEAVES_OUT = (
    "compression, deduplication, `copies`, objects (one address space is one row of records; the file system "
    "above gives each file records of its own), metadata in the properties "
    "(`snapsim.files.filesystems.zfs.pool_metadata`), children, livelists, bookmarks, quotas."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""


class _Plan(NamedTuple):
    """What a write does to the records it touches; n records of r blocks."""

    records: Integers  # (n,) in order of first touch
    places: Integers  # (n, r) where their blocks lie, -1: nowhere
    fresh: npt.NDArray[np.bool_]  # (n, r) blocks to allocate
    partial: npt.NDArray[np.bool_]  # (n,) the old content is needed (dirty records are in the cache)


class Records(Volume):
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
        Bytes reserved for the dataset itself (`zvol_reservation` for a zvol that is not sparse).
    pool : Zpool, optional
        The pool of an existing dataset, in which to create this one; `device_size` is then ignored.

    Attributes
    ----------
    origin : Records or None
        For a snapshot its dataset; for a clone the snapshot that it depends on.
    snapshots : list of Records
        The dataset's snapshots, oldest first.
    created : int
        For a snapshot, the last transaction group whose writes it shows.
    deferred : bool
        For a snapshot, whether it is deleted with its last clone.
    pointers : RecordPointers
        Where its records lie.
    """

    limits: ClassVar[Mapping[str, str]] = {
        "delete": "a snapshot with clones stays (promote one of them), and so does a dataset with snapshots",
        "rollback": "to the newest snapshot only: the ones after it have to be deleted first",
        "copies are read first": "the rest of a record is not read where the ARC has it",
    }

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
        pool = pool or Zpool(device_size, block_size)
        super().__init__(size, block_size, chunk_size, (pool.device,))
        if self.chunk_blocks & (self.chunk_blocks - 1) or block_size != pool.device.block_size:
            raise InvalidInput(
                f"records of {chunk_size} bytes over sectors of {pool.device.block_size}: a power of two of them"
            )
        self.pointers = RecordPointers(size, self.chunk_blocks)
        self._dead: list[Integers] = []
        self._previous: Records | None = None
        self.snapshots: list[Records] = []
        self.pool, self.refreservation = pool, refreservation
        self.referenced_blocks, self.created, self.deferred = 0, 0, False
        self.family = pool.volumes
        self.family.append(self)

    def dataset(self, size: int | None = None, chunk_size: int | None = None, refreservation: int = 0) -> "Records":
        """A new, empty dataset in the same pool."""
        size, chunk_size = self.size if size is None else size, chunk_size or self.chunk_size
        return Records(size, self.block_size, chunk_size, refreservation=refreservation, pool=self.pool)

    # ---------------------------------------------------------------- reading and writing

    def _read(self, asked: Requests) -> Stamps:
        place = self.pointers.of_blocks(asked.blocks)
        missing = (place >= 0) & ~self.pool.cached(place)
        if missing.any():
            whole = self.pointers.of_records(ordered(asked.blocks[missing] // self.chunk_blocks))
            whole = whole[whole >= 0]
            self.pool.fetch(whole, np.isin(whole, place))
        return np.where(place >= 0, self.pool.content(place), np.uint64(0))

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
        self.pointers.set_lengths(np.array([record]), blocks)

    def _write(self, asked: Requests, stamps: Stamps, purpose: str = "data") -> None:
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
        places = self.pointers.of_records(records)
        exists = places[:, 0] >= 0
        end = np.maximum((places >= 0).sum(axis=1), self.pointers.lengths(records))
        end = np.minimum(end, self.size - records * self.chunk_blocks)
        np.maximum.at(end, at, first + length)
        covered = np.zeros(records.size, bool)
        covered[at[(first == 0) & (length == end[at])]] = True
        moves = ~exists | (self.pool.birth[places[:, 0]] != self.pool.txg)
        fresh = (number < end[:, None]) & (moves[:, None] | (places < 0))
        return _Plan(records, places, fresh, exists & ~covered)

    def _fitting(self, asked: Requests) -> int:
        """How many of the requests fit into the free space, after a sync if that frees blocks."""
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
        self.pointers.set(plan.records, new)
        self.pool.touch(self, plan.records)
        self.referenced_blocks += int(plan.fresh.sum())
        self.pool.put(self.pointers.of_blocks(asked.blocks), stamps, purpose)

    def _discard(self, asked: Requests) -> None:
        """Free records that are covered in whole; in others the discarded part is overwritten with zeros."""
        records = self.pointers.records_in(asked)
        places = self.pointers.of_records(records)
        blocks = self.pointers.blocks_of(records)
        held = places >= 0
        hit = held & (
            (blocks >= asked.where.start) & (blocks < asked.where.stop)
            if isinstance(asked.where, slice)
            else np.isin(blocks, asked.where)
        )
        whole = (hit == held).all(axis=1)
        part = blocks[hit & ~whole[:, None]]
        if part.size:
            self._write(Requests(part, self.size), np.zeros(part.size, np.uint64), "zero")
        if whole.any():
            self._kill(places[whole][held[whole]])
            self.pointers.set(records[whole], np.full_like(places[whole], -1))
            self.pool.touch(self, records[whole])
            self.pointers.set_lengths(records[whole], self.chunk_blocks)

    def flush(self) -> None:
        """``zpool sync``: end the transaction group of the pool."""
        self.pool.sync()

    def drop_caches(self) -> None:
        """As ``zpool export`` and ``import``: what is read next comes from the device."""
        self.pool.drop_caches()

    # ---------------------------------------------------------------- births and deadlists

    @property
    def _horizon(self) -> int:
        """Transaction group of the previous snapshot: no snapshot holds a block that was born later."""
        return self._previous.created if self._previous else 0

    def _kill(self, places: Integers) -> None:
        """Drop the dataset's pointers to blocks: each is freed, or goes to the deadlist."""
        self.referenced_blocks -= places.size
        young = self.pool.birth[places] > self._horizon
        self.pool.free(places[young])
        if not young.all():
            self._dead.append(places[~young])

    def _dead_since(self, txg: int) -> tuple[Integers, Integers]:
        """The deadlist in two parts: blocks that were born after the group, and the others."""
        dead = np.concatenate([np.zeros(0, np.int64), *self._dead])
        young = self.pool.birth[dead] > txg
        return dead[young], dead[~young]

    @property
    def dead_blocks(self) -> int:
        """Blocks on the deadlist."""
        return sum(places.size for places in self._dead)

    # ---------------------------------------------------------------- snapshots and clones

    def _twin(self) -> "Records":
        twin = copy(self)
        twin.pointers = self.pointers.share()
        twin.snapshots, twin.refreservation, twin.deferred = [], 0, False
        return twin

    def _snapshot(self) -> "Records":
        if self.read_only:
            raise Unsupported("a snapshot has no snapshots: clone it")
        self.pool.sync()
        snapshot = self._twin()
        snapshot.created = self.pool.txg - 1
        self._dead, self._previous = [], snapshot
        self.snapshots.append(snapshot)
        return snapshot

    def clone(self) -> Volume:
        """A writable child of a snapshot; a dataset first takes a snapshot, which is deleted with its last clone."""
        if self.read_only:
            return super().clone()
        snapshot = cast(Records, self.snapshot())
        snapshot.deferred = True
        return snapshot.clone()

    def _clone(self) -> "Records":
        clone = self._twin()
        clone._dead, clone._previous = [], self
        return clone

    @property
    def clones(self) -> "list[Records]":
        """Living clones of this snapshot."""
        found = [volume for volume in self.family if isinstance(volume, Records) and volume.origin is self]
        return [volume for volume in found if not volume.read_only]

    def delete_later(self) -> None:
        """Delete the snapshot now, or with its last clone (``zfs destroy -d``)."""
        self._living()
        self.deferred = bool(self.clones)
        if not self.deferred:
            self.delete()

    def _delete(self) -> None:
        if self.read_only:
            self._delete_snapshot()
        elif self.snapshots:
            raise InUse("filesystem has children")
        else:
            self._kill(self.pointers.places())
        self.pointers.release()
        origin = self.origin
        if isinstance(origin, Records) and origin.read_only and origin.deferred and origin.clones == [self]:
            self.origin = None
            origin.delete()

    def _delete_snapshot(self) -> None:
        if self.clones:
            raise InUse("snapshot has dependent clones")
        dataset = self._dataset()
        after = self._next()
        free, kept = after._dead_since(self._horizon)
        self.pool.free(free)
        after._dead, after._previous = [kept, *self._dead], self._previous
        dataset.snapshots.remove(self)

    def _dataset(self) -> "Records":
        """The dataset that owns this snapshot."""
        assert isinstance(self.origin, Records)
        return self.origin

    def _next(self) -> "Records":
        """What comes after this snapshot: the next one, or the dataset."""
        dataset = self._dataset()
        return [*dataset.snapshots, dataset][dataset.snapshots.index(self) + 1]

    def _rollback(self, snapshot: Volume) -> None:
        if not self.snapshots or snapshot is not self.snapshots[-1]:
            raise InUse("more recent snapshots exist" if snapshot in self.snapshots else "no snapshot of this dataset")
        newest, places = self.snapshots[-1], self.pointers.places()
        self.pool.free(places[self.pool.birth[places] > newest.created])
        self.pointers.release()
        self.pointers = newest.pointers.share()
        self._dead, self.referenced_blocks = [], newest.referenced_blocks

    def promote(self) -> None:
        """Take over the origin snapshot and all before it; the dataset that had them becomes the clone.

        No block moves and no deadlist changes: only the dataset to which the snapshots belong, and are charged, does.

        Raises
        ------
        NotFound
            This is no clone.
        """
        self._living()
        origin = self.origin
        if self.read_only or not isinstance(origin, Records):
            raise NotFound(f"{self!r} is not a clone")
        former = origin._dataset()
        number = former.snapshots.index(origin) + 1
        self.snapshots, former.snapshots = former.snapshots[:number] + self.snapshots, former.snapshots[number:]
        for snapshot in self.snapshots[:number]:
            snapshot.origin = self
        self.origin, former.origin = former.origin, origin

    # ---------------------------------------------------------------- the space book

    def properties(self) -> dict[str, Any]:
        """The space properties of ``zfs get -p``, in bytes of data; for a dataset also the parts of `used`.

        `written` counts the blocks born since the previous snapshot.
        """
        self._living()
        born = self.referenced_blocks - (self._previous.referenced_blocks if self._previous else 0)
        own = {"referenced": self.referenced_blocks, "written": born + self.dead_blocks}
        shared = {name: count * self.block_size for name, count in {**own, **self._used()}.items()}
        if self.read_only:
            return shared
        # What a snapshot shares needs its room a second time.
        reserved = max(0, self.refreservation - shared["written" if self.snapshots or self.origin else "referenced"])
        return {**shared, "usedbyrefreservation": reserved, "used": shared["used"] + reserved}

    def _gone_after(self) -> Integers:
        """Blocks of this snapshot that neither the previous one nor the next one holds."""
        return self._next()._dead_since(self._horizon)[0]

    def _used(self) -> dict[str, int]:
        if self.read_only:
            return {"used": self._gone_after().size}
        origin = self.origin if isinstance(self.origin, Records) else None
        dead = [volume._dead_since(origin.created if origin else 0) for volume in (*self.snapshots, self)]
        snapshots, lost = (sum(part[n].size for part in dead) for n in (0, 1))  # what a clone lost is its origin's
        data = self.referenced_blocks - (origin.referenced_blocks - lost if origin else 0)
        return {"used": data + snapshots, "usedbydataset": data, "usedbysnapshots": snapshots}

    def usage(self) -> Usage:
        """Bytes referenced; a block is exclusive to a snapshot if its dataset and all its clones have dropped it."""
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
        return self.pointers.places()

    def device_blocks(self, blocks: Integers) -> Integers:
        """Where the records lie."""
        return self.pointers.of_blocks(blocks)

    def allocated(self) -> int:
        """Bytes that the pool has in use for living records."""
        return self.pool.used * self.block_size
