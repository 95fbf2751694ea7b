"""What a ZFS pool writes beside records, and what its metadata hold: by the structure of objects, datasets and pool.

**A dataset that changed** writes, twice each (ditto copies): the indirect blocks above its changed records, level over
level; a block of dnodes for each 32 files that changed, one more where a name changed (the directory's); the five
levels above the dnodes; its object set. **A group** writes, besides: the pool's own object set (MOS), three times
each, in passes until nothing changes any more, which takes three: object set, the level above its dnodes, three blocks
of dnodes, the log of space maps; what was put on deadlists; and the uberblock in four labels. **A command** (snapshot,
clone, ...) is a group of its own, with a block of the pool's history for the event, and one in the next group for the
command line.

Metadata are compressed with lz4 always. A small block takes a sector. Of an indirect block, lz4 copies what equals the
pointer before; of each pointer there remain the checksum, 32 bytes, and the address, 2 bytes, each with a token, an
offset of two bytes and a length byte: 42 bytes, if no two records are alike. Pointers on a deadlist have no checksum.

>>> from snapsim.zpool import Zpool
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

How space is shared between datasets, snapshots and clones is decided as for records: each dataset has a *shadow*, a
dataset of sectors that stand for its metadata.

Sources: openzfs module/zfs/dbuf.c `dbuf_sync_indirect`, dmu_objset.c `dmu_objset_create_impl_dnstats`, spa.c
`spa_sync_iterate_to_convergence`, vdev_label.c; lz4 block format; include/sys/spa.h (block pointer).

What it leaves out: contents that repeat (equal checksums compress to almost nothing: the measured zvols were filled
with one byte a MiB), the intent log, reads of metadata, dnode blocks that take more than a sector, quotas by owner.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .dataset import Dataset
from .device import Integers
from .snapshots.records import POINTERS, Records
from .zpool import Zpool

POINTER_BYTES, DEAD_BYTES = 42, 6
_COPIES, _POOL_COPIES, _LABELS = 2, 3, 4
_PASSES, _POOL_BLOCKS = 3, 6
_META_LEVELS, _FILE_SYSTEM_BLOCKS, _DNODES = 5, 4, 32
_DIRECTORY = -1
_MOST_SECTORS = 64
"""Sectors of addresses for each metadata block of a shadow: two copies of 128 KiB."""
_SHADOW_BLOCKS = 1 << 24
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
        self.pool, self.stretch = pool, stretch
        self._sectors = Zpool(_SHADOW_BLOCKS, pool.block_size)
        self._shadows: dict[Dataset, Records] = {}
        self._roots: dict[Dataset, int] = {}               # pointers to blocks that the dnode of an object holds
        self._addresses: dict[tuple[Any, ...], int] = {}   # of each metadata block, in any shadow
        self._dead: dict[Dataset, int] = {}                # blocks on deadlists at the end of the last group
        self._named: set[Dataset] = set()
        self._logged = False
        pool.metadata = self

    # ---------------------------------------------------------------- datasets

    def created(self, dataset: Dataset, files: bool) -> None:
        """A new dataset: a file system (with its master node and attribute tables) or a zvol."""
        size, sector = _SHADOW_BLOCKS * _MOST_SECTORS, self.pool.block_size
        self._shadows[dataset] = Records(size, sector, sector, pool=self._sectors)
        self._roots[dataset] = 1 if files else 3
        for number in range(_FILE_SYSTEM_BLOCKS if files else 0):
            self._put(dataset, ("system", number), 1)
        self._chain(dataset, {_DIRECTORY if files else 0})

    def named(self, dataset: Dataset) -> None:
        """A name in the dataset came or went."""
        self._named.add(dataset)

    def snapshot(self, dataset: Dataset, snapshot: Dataset) -> None:
        """A snapshot was taken."""
        self._sync_shadows()
        self._adopt(snapshot, dataset, self._shadows[dataset].snapshot())

    def clone(self, snapshot: Dataset, clone: Dataset) -> None:
        """A clone was made."""
        self._adopt(clone, snapshot, self._shadows[snapshot].clone())

    def _adopt(self, new: Dataset, of: Dataset, shadow: Any) -> None:
        self._shadows[new], self._roots[new] = shadow, self._roots[of]

    def promoted(self, clone: Dataset) -> None:
        """A clone took over its origin."""
        self._shadows[clone].promote()

    def destroyed(self, dataset: Dataset) -> None:
        """A dataset or snapshot is gone."""
        self._shadows.pop(dataset).delete()

    def properties(self, dataset: Dataset) -> dict[str, Any]:
        """`Dataset.properties` with the metadata."""
        own, shadow = dataset.properties(), self._shadows[dataset].properties()
        told = {name: own[name] + shadow[name] for name in _SUMS if name in own}
        promised = own.get("usedbyrefreservation", 0)
        if promised:                                       # what the metadata take, the promise gives
            since = "written" if dataset.snapshots or dataset.origin else "referenced"
            kept = max(0, promised - shadow[since])
            told["used"], told["usedbyrefreservation"] = told["used"] + kept - promised, kept
        return {**own, **told}

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
        for dataset in dict.fromkeys([*changed, *self._named]):
            records = np.concatenate(changed.get(dataset, [np.zeros(0, np.int64)]))
            dead += self._dataset(dataset, np.unique(records))
        self._named.clear()
        if changed or self._logged or self._sectors.dirty:
            self._sync_shadows()
            self._write_pool(self._logged - (-dead * DEAD_BYTES // self.pool.block_size))
        self._logged = False

    def _sync_shadows(self) -> None:
        before = self._sectors.device.counts
        self._sectors.sync()
        written = (self._sectors.device.counts - before).bytes("write", "data") // self.pool.block_size
        for _ in range(0, written, _COPIES):
            self._write(_COPIES, "indirect blocks, dnodes, object set")

    def _write_pool(self, more: int) -> None:
        for _ in range(_PASSES * _POOL_BLOCKS + more):
            self._write(_POOL_COPIES, "the pool's own objects")
        self._write(_LABELS, "uberblock")

    def _write(self, copies: int, rule: str) -> None:
        for _ in range(copies):
            self.pool.write_around(1, rule)

    # ---------------------------------------------------------------- blocks of a dataset

    def _dataset(self, dataset: Dataset, records: Integers) -> int:
        """The blocks above changed records; returns how many pointers its deadlist has gained."""
        shadow = self._shadows[dataset]
        before = shadow.dead_blocks
        each = self.stretch // dataset.chunk_blocks if self.stretch else int(records.max(initial=0)) + 1
        objects = np.unique(records // each).tolist()
        for number in objects:
            self._indirect(dataset, number, records[records // each == number] - number * each, each)
        blocks = {number // _DNODES for number in objects}
        self._chain(dataset, blocks | ({_DIRECTORY} if dataset in self._named else set()))
        return self._newly_dead(dataset) // dataset.chunk_blocks + (shadow.dead_blocks - before) // _COPIES

    def _newly_dead(self, dataset: Dataset) -> int:
        """Blocks on the deadlist since the last group; a snapshot begins an empty list."""
        now, before = dataset.dead_blocks, self._dead.get(dataset, 0)
        self._dead[dataset] = now
        return now - before if now >= before else now

    def _indirect(self, dataset: Dataset, number: int, changed: Integers, each: int) -> None:
        """Level over level: blocks above the changed records of one object, as many pointers as are set in each."""
        held = dataset.records_held()
        pointers = held[(held >= number * each) & (held < (number + 1) * each)] - number * each
        for level in range(1, _META_LEVELS + 1):
            needed = int(pointers.max(initial=-1)) >= self._roots[dataset]
            changed = np.unique(changed // POINTERS)
            counts = np.bincount(pointers // POINTERS if needed else pointers[:0], minlength=int(changed.max()) + 1)
            for index in changed.tolist():
                sectors = -(-int(counts[index]) * POINTER_BYTES // self.pool.block_size)
                self._put(dataset, (level, number, index), sectors)
            pointers = np.flatnonzero(counts)

    def _chain(self, dataset: Dataset, dnodes: set[int]) -> None:
        """Blocks of dnodes, the levels above them, the object set."""
        for number in dnodes:
            self._put(dataset, ("dnodes", number), 1)
        for level in range(_META_LEVELS):
            self._put(dataset, ("levels", level), 1)
        self._put(dataset, ("object set", 0), 1)

    def _put(self, dataset: Dataset, key: tuple[Any, ...], sectors: int) -> None:
        """Write a block of the shadow anew; it may get longer or shorter."""
        if not sectors and key not in self._addresses:
            return
        shadow, base = self._shadows[dataset], self._addresses.setdefault(key, len(self._addresses)) * _MOST_SECTORS
        end = base + _COPIES * sectors
        shadow.discard(slice(end, base + _MOST_SECTORS))
        if sectors:
            shadow.write(slice(base, end))
