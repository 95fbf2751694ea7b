"""What a ZFS pool writes beside records, and what its metadata hold: by the structure of objects, datasets and pool.

**A dataset that changed** writes, twice each (ditto copies): the indirect blocks above its changed records, level over
level; a block of dnodes for each 32 files that changed, one more where a name changed (the directory's); the five
levels above the dnodes; its object set. **A command** (snapshot, clone, ...) is a group of its own, with a block of
the pool's history for the event, and one in the next group for the command line; `zfs create` with properties is two,
since they are set when the dataset is there.

**A group** writes, besides, the pool's own objects (MOS), three copies each, and the uberblock in four labels. That
goes in passes, until nothing changes any more: the first writes what datasets changed, the second the log of what the
first allocated, the third that of the second. From the second on, frees are put off to the next group, and a block
that the group has written already is written in its place again, so that the third pass allocates nothing, and ends
it. Each pass writes the object set, the level above its dnodes, blocks of dnodes and the log of space maps; what was
put on deadlists comes once. **Three** blocks of dnodes are the least that was measured, and not derived: each CPU makes
objects in chunks of 128 numbers (4 blocks), so that it depends on CPUs how many blocks those of the datasets, of the
log and of the frees lie in, and no trace tells those. Old pools write up to six blocks more in a group.

**A file system** of the zfs driver says itself which file is which object, and which directories changed
(`snapsim.files.filesystems.zfs.objects`); in a trace, files lie in stretches of addresses
(`snapsim.files.filesystems.zfs.pointers`).

**A zvol** has an intent log (`snapsim.files.filesystems.zfs.intent_log`); a flush, or the last close, commits it. The
first commit finds no log block: it makes one, and waits for the group to end, since the object set points to it; the
block is written empty, which changes the object set once more, in the next group.

Metadata are compressed with lz4 always. A small block takes a sector. What is left of an indirect block depends on
where its records lie, when they were written and whether they are alike
(`snapsim.files.filesystems.zfs.indirect_block`). Of a pointer on a deadlist, which has no checksum, 6 bytes are left:
the address, 2 bytes, with a token, an offset of two bytes and a length byte.

>>> from snapsim.block.snapshots.records.volume import Records
>>> from snapsim.block.snapshots.records.zpool import Zpool
>>> pool = Zpool(1 << 20)
>>> metadata = PoolMetadata(pool)
>>> data = Records(1 << 16, chunk_size=131072, pool=pool)
>>> metadata.created(data, files=True)
>>> data.write(slice(0, 1 << 14))                  # 64 MiB, 512 records
>>> with pool.device.counting() as io:
...     pool.sync()
>>> io.counts.bytes("write", "metadata") // 4096   # 2 x (6 + 2 + 5 + 1 + 4 of a new file system), 3 x 18, 4
94
>>> metadata.properties(data)["referenced"] - data.properties()["referenced"] == 2 * 18 * 4096
True

How space is shared between datasets, snapshots and clones, and what has to be read, is in
`snapsim.files.filesystems.zfs.shadows`.

Sources: openzfs module/zfs/dbuf.c `dbuf_sync_indirect`, dmu_objset.c `dmu_objset_create_impl_dnstats`,
`dmu_objset_sync`, dmu_object.c ``dmu_object_alloc_chunk_shift``, spa.c `spa_sync_iterate_to_convergence`,
``zfs_sync_pass_deferred_free``, ``zfs_sync_pass_rewrite``, zfs_ioctl.c `zfs_ioc_create`, vdev_label.c, zil.c
`zil_create`, dsl_dataset.c `dsl_dataset_zero_zil`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from snapsim.block.device import Integers
from snapsim.block.snapshots.records.volume import Records
from snapsim.block.snapshots.records.zpool import Zpool
from snapsim.files.filesystems.zfs.intent_log import IntentLog
from snapsim.files.filesystems.zfs.pointers import Objects, Stretches, indirect_blocks
from snapsim.files.filesystems.zfs.shadows import COPIES, Key, Shadows

LEAVES_OUT = (
    "the intent log of a file system, reads of the pool's own objects and more than three blocks of their "
    "dnodes in a pass, blocks of dnodes and levels above them that take more than a sector, quotas by owner."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

DEAD_BYTES = 6
_POOL_COPIES, _LABELS = 3, 4
_PASSES, _POOL_DNODES = 3, 3
_POOL_BLOCKS = 1 + 1 + _POOL_DNODES + 1
"""In each pass: object set, level, dnodes, log of space maps."""
_META_LEVELS, _FILE_SYSTEM_BLOCKS, DNODES = 5, 4, 32
_DIRECTORY = -1
ROOT = _DIRECTORY * DNODES
"""The root directory's dnode lies among those of the file system's own objects."""
_OF_DATASETS = "indirect blocks, dnodes, object set"
_SUMS = ("used", "referenced", "written", "usedbydataset", "usedbysnapshots")


class PoolMetadata:
    """The metadata of a pool: told of datasets and commands, it says what each group writes.

    Parameters
    ----------
    pool : Zpool
        Whose groups it accounts for; it enters itself as ``pool.metadata``.
    stretch : int, optional
        Blocks of addresses that each object of a dataset has; all of it one object when left out.
    """

    def __init__(self, pool: Zpool, stretch: int | None = None) -> None:
        self.pool, self._stretches = pool, Stretches(stretch)
        self._objects: dict[Records, Objects] = {}  # of file systems that know theirs
        self._shadows = Shadows(pool.block_size)
        self._roots: dict[Records, int] = {}  # pointers to blocks that the dnode of an object holds
        self._dead: dict[Records, int] = {}  # blocks on deadlists at the end of the last group
        self._named: set[Records] = set()
        self._headers: set[Records] = set()  # whose object set changes for its log alone
        self._logs: dict[Records, IntentLog] = {}
        self._logged = False
        pool.metadata = self

    # ---------------------------------------------------------------- datasets

    def created(self, dataset: Records, files: bool) -> None:
        """A new dataset: a file system (with its master node and attribute tables) or a zvol."""
        self._shadows.add(dataset)
        self._roots[dataset] = 1 if files else 3
        if not files:
            self._logs[dataset] = IntentLog(dataset.chunk_size)
        for number in range(_FILE_SYSTEM_BLOCKS if files else 0):
            self._put(dataset, ("system", number), 1)
        self._chain(dataset, {_DIRECTORY if files else 0})

    def tell(self, dataset: Records, objects: Objects) -> None:
        """Say who knows the objects of a dataset; what there is of it already stays."""
        self._objects[dataset] = objects

    def named(self, dataset: Records) -> None:
        """A name in the dataset came or went."""
        self._named.add(dataset)

    def snapshot(self, dataset: Records, snapshot: Records) -> None:
        """A snapshot was taken."""
        self._sync_shadows()
        self._shadows.snapshot(dataset, snapshot)
        self._adopt(snapshot, dataset)
        if dataset in self._logs:
            self._logs[snapshot].exists = self._logs[dataset].exists

    def clone(self, snapshot: Records, clone: Records) -> None:
        """A clone was made; to mount it, or to make its device, its first dnodes are read.

        It has no log: where the snapshot shows one, an object set of its own says so.
        """
        self._shadows.clone(snapshot, clone)
        self._adopt(clone, snapshot)
        self.mounted(clone)
        if snapshot in self._logs and self._logs[snapshot].exists:
            self._put(clone, ("object set", 0), 1)

    def deferred(self, snapshot: Records) -> None:
        """A snapshot goes with its last clone (``zfs destroy -d``)."""
        self._shadows.of(snapshot).delete_later()

    def mounted(self, dataset: Records) -> None:
        """Object set, levels and the first blocks of dnodes are in the cache; read if they are not."""
        self.reading(dataset, [("dnodes", _DIRECTORY), ("dnodes", 0)])

    def reading(self, dataset: Records, keys: Iterable[Key]) -> None:
        """Blocks are in the cache, and with them object set and levels; read if they are not."""
        self.asked(dataset)
        for key in (*[("levels", level) for level in range(_META_LEVELS)], *keys):
            self._fetch(dataset, key)

    def asked(self, dataset: Records) -> None:
        """The properties of a dataset or snapshot are asked: its object set is in the cache."""
        self._fetch(dataset, ("object set", 0))

    def drop_caches(self) -> None:
        """``zpool export``; the import mounts what there is."""
        self.pool.drop_caches()
        self._shadows.drop_caches()

    def _adopt(self, new: Records, of: Records) -> None:
        self._roots[new] = self._roots[of]
        if of in self._logs:
            self._logs[new] = IntentLog(new.chunk_size)

    def promoted(self, clone: Records) -> None:
        """A clone took over its origin."""
        self._shadows.of(clone).promote()

    def destroyed(self, dataset: Records) -> None:
        """A dataset or snapshot is gone."""
        self._shadows.delete(dataset)
        for kept in (self._logs, self._objects, self._roots, self._dead):
            kept.pop(dataset, None)

    def properties(self, dataset: Records) -> dict[str, Any]:
        """`Records.properties` with the metadata."""
        own, shadow = dataset.properties(), self._shadows.of(dataset).properties()
        told = {name: own[name] + shadow[name] for name in _SUMS if name in own}
        promised = own.get("usedbyrefreservation", 0)
        if promised:  # what the metadata take, the promise gives
            since = "written" if dataset.snapshots or dataset.origin else "referenced"
            kept = max(0, promised - shadow[since])
            told["used"], told["usedbyrefreservation"] = told["used"] + kept - promised, kept
        return {**own, **told}

    def space(self) -> int:
        """Bytes that the metadata of all datasets and snapshots hold, without the pool's own objects."""
        return self._shadows.space()

    # ---------------------------------------------------------------- the intent log

    def log(self, dataset: Records) -> IntentLog:
        """The intent log of a zvol, to note writes in."""
        return self._logs[dataset]

    def commit(self, dataset: Records) -> None:
        """A flush of a zvol: its log is written."""
        log = self._logs[dataset]
        if not log.pending:
            return
        if not log.exists:
            self.pool.sync()
        for size in log.commit():
            self.pool.write_around(-(-size // self.pool.block_size), "intent log")
        self._headers.add(dataset)

    def closed(self) -> None:
        """All zvols are closed: what was written is logged, and its group ends."""
        for dataset, log in self._logs.items():
            wait = log.pending or dataset in self._headers
            self.commit(dataset)
            log.close()
            if wait:
                self.pool.sync()

    # ---------------------------------------------------------------- groups

    def command(self, groups: int = 1) -> None:
        """A command: groups of its own, and a line of history in the next."""
        self._sync_shadows()
        for number in range(groups):
            self._write_pool(0 if number else 1)
        self._logged = True

    def sync(self, changed: Mapping[Any, list[Integers]]) -> None:
        """What the group that ends writes, by the records that changed in each dataset."""
        dead = 0
        told = [dataset for dataset, objects in self._objects.items() if objects.dirty]
        for dataset in filter(self._shadows.alive, dict.fromkeys([*changed, *self._named, *told])):
            records = np.concatenate(changed.get(dataset, [np.zeros(0, np.int64)]))
            dead += self._dataset(dataset, np.unique(records))
        for dataset in self._headers - {*changed, *self._named}:
            self._put(dataset, ("object set", 0), 1)
        self._named.clear()
        self._headers.clear()
        for log in self._logs.values():
            log.home()
        if changed or self._logged or self._shadows.dirty:
            self._sync_shadows()
            self._write_pool(self._logged - (-dead * DEAD_BYTES // self.pool.block_size))
        self._logged = False

    def _sync_shadows(self) -> None:
        self._write(COPIES, _OF_DATASETS, self._shadows.sync())

    def _write_pool(self, more: int) -> None:
        for number in range(_PASSES):
            self._write(_POOL_COPIES, "the pool's own objects", _POOL_BLOCKS + (0 if number else more))
        self._write(_LABELS, "uberblock", 1)

    def _write(self, copies: int, rule: str, sectors: int) -> None:
        """Each copy is one request, as neighbours are aggregated."""
        for _ in range(copies if sectors else 0):
            self.pool.write_around(sectors, rule)

    # ---------------------------------------------------------------- blocks of a dataset

    def _dataset(self, dataset: Records, records: Integers) -> int:
        """The blocks above changed records; returns how many pointers its deadlist has gained."""
        shadow = self._shadows.of(dataset)
        before, dnodes = shadow.dead_blocks, {_DIRECTORY} if dataset in self._named else set()
        for change in self._objects.get(dataset, self._stretches).changes(dataset, records):
            for key, size in (*indirect_blocks(dataset, change, self._roots[dataset]), *change.blocks.items()):
                self._put(dataset, key, -(-size // self.pool.block_size))
            dnodes.add(change.number // DNODES)
        if dnodes:
            self._chain(dataset, dnodes)
        return self._newly_dead(dataset) // dataset.chunk_blocks + (shadow.dead_blocks - before) // COPIES

    def _newly_dead(self, dataset: Records) -> int:
        """Blocks on the deadlist since the last group; a snapshot begins an empty list."""
        now, before = dataset.dead_blocks, self._dead.get(dataset, 0)
        self._dead[dataset] = now
        return now - before if now >= before else now

    def _chain(self, dataset: Records, dnodes: set[int]) -> None:
        """Blocks of dnodes, the levels above them, the object set."""
        for number in dnodes:
            self._put(dataset, ("dnodes", number), 1)
        for level in range(_META_LEVELS):
            self._put(dataset, ("levels", level), 1)
        self._put(dataset, ("object set", 0), 1)

    def _put(self, dataset: Records, key: Key, sectors: int) -> None:
        """Write a block of a dataset anew."""
        self._read(self._shadows.put(dataset, key, sectors))

    def _fetch(self, dataset: Records, key: Key) -> None:
        self._read(self._shadows.fetch(dataset, key))

    def _read(self, sectors: int) -> None:
        if sectors:
            self.pool.read_around(sectors, _OF_DATASETS)
