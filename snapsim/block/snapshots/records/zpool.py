"""The pool below ZFS datasets: one device, its space, the birth of each block, the cache, and transaction groups.

A write allocates new blocks at once and leaves their content in memory; `sync` writes what is dirty, once, and
begins the next transaction group (txg). Blocks that are freed can be written again from the next group on. Every
block has a **birth**: the group in which it was allocated. A record that is read or written stays in the cache
(ARC) until `drop_caches`, as after an export and import; the cache is as large as it needs to be, and all datasets
share it.

>>> pool = Zpool(100)
>>> fresh = pool.allocate(2)
>>> pool.put(fresh, 7, "data")
>>> with pool.device.counting() as io:
...     pool.sync()
>>> io.counts.bytes("write", "data"), pool.birth[fresh].tolist(), pool.txg
(8192, [1, 1], 2)

**Metadata of a group** are modelled in full in `snapsim.files.filesystems.zfs.pool_metadata`, which the zfs driver and
traces of ZFS attach to their pool. A pool without it (a volume that stands alone, as in exercises) counts a lower
bound: for each dataset that changed, the indirect blocks over its changed records, one sector of dnodes and one of the
object set, each twice (ditto copies); and the uberblock in four labels. Metadata is always compressed with lz4: here an
indirect block is counted with the 32 bytes of checksum of each pointer that is set, which cannot be compressed (a
pointer has 128 bytes). The pool's own objects (MOS: space maps, dataset directories, deadlists; three copies) are left
out there, as is what it takes to note a command such as a snapshot: some 0.3 MB a group were measured (ZFS 2.1.11).
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from snapsim.block.device import PURPOSES, BlockDevice, Integers, Stamps
from snapsim.block.requests import Runs
from snapsim.block.snapshots.records.pointers import RecordPointers
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume

LEAVES_OUT = (
    "the intent log (`snapsim.files.filesystems.zfs.intent_log`), RAID-Z and mirrors, gang blocks, the two "
    "groups by which ZFS defers reuse, the limit of the cache, prefetch, and metadata as a user of space (it "
    "lies in a region behind the data, written around)."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

_METADATA_BYTES = 16 << 20
_COPIES = 2
_LABELS = 4
_ABSENT, _CLEAN = 0, 1
_DIRTY = {purpose: number for number, purpose in enumerate(PURPOSES, 2)}


class Changed(Protocol):
    """A dataset that changed: when the group ends, the pool asks its pointers for the indirect blocks over them."""

    pointers: RecordPointers


class MetadataWriter(Protocol):
    """What knows the metadata of a pool in full (`snapsim.files.filesystems.zfs.pool_metadata`)."""

    def sync(self, changed: Mapping[Any, list[Integers]]) -> None:
        """Write the metadata of the group that ends, given the records that changed in each dataset."""


class Zpool:
    """A pool of one device.

    Parameters
    ----------
    size : int
        Blocks for records.
    block_size : int
        Bytes a block: the sector (ashift).

    Attributes
    ----------
    birth : ndarray of int64, shape (size,)
        Transaction group in which each block was allocated.
    records_written, records_read : int
        Numbers of records written to and read from the device so far.
    metadata : MetadataWriter or None
        Says what a group writes beside records, in place of the lower bound above.
    """

    def __init__(self, size: int, block_size: int = 4096) -> None:
        self.metadata_blocks = max(_METADATA_BYTES // block_size, 1)
        self.device = BlockDevice(size + self.metadata_blocks, block_size, "zfs")
        self.space, self.txg = SpaceMap(size, "zfs"), 1
        self.birth: Integers = np.zeros(size, np.int64)
        self.starts: npt.NDArray[np.bool_] = np.zeros(size, bool)  # blocks that begin a record
        self._content: Stamps = np.zeros(size, np.uint64)
        self._state = np.zeros(size, np.uint8)
        self._fresh: list[Integers] = []
        self._freed: list[Integers] = []
        self._changed: dict[Changed, list[Integers]] = {}
        self.volumes: list[Volume] = []
        self.metadata: MetadataWriter | None = None
        self.records_written = self.records_read = self._cursor = 0

    @property
    def used(self) -> int:
        """Blocks of records that are alive."""
        return self.space.used - sum(places.size for places in self._freed)

    @property
    def block_size(self) -> int:
        """Bytes a sector."""
        return self.device.block_size

    @property
    def dirty(self) -> bool:
        """Whether blocks were allocated in this group."""
        return bool(self._fresh)

    @property
    def reclaimable(self) -> bool:
        """Whether a sync would free blocks."""
        return bool(self._freed)

    def allocate(self, count: int) -> Integers:
        """Allocate blocks, whose birth is the current group."""
        places = self.space.allocate(count)
        self.birth[places], self.starts[places], self._state[places] = self.txg, False, _ABSENT
        self._fresh.append(places)
        return places

    def free(self, places: Integers) -> None:
        """Free blocks without references: they leave the cache, and can be allocated from the next group on."""
        if places.size:
            self._state[places] = _ABSENT
            self._freed.append(places)

    def touch(self, dataset: Changed, records: Integers) -> None:
        """Note that pointers to these records of the dataset changed in this group."""
        self._changed.setdefault(dataset, []).append(records)

    # ---------------------------------------------------------------- the cache

    def put(self, places: Integers, stamps: npt.ArrayLike, purpose: str) -> None:
        """Keep the content of blocks of this group in memory, dirty until the sync."""
        self._content[places], self._state[places] = stamps, _DIRTY[purpose]

    def content(self, places: Integers) -> Stamps:
        """The stamps of blocks that are in the cache."""
        found: Stamps = self._content[places]
        return found

    def cached(self, places: Integers) -> npt.NDArray[np.bool_]:
        """Whether the blocks are in the cache."""
        found: npt.NDArray[np.bool_] = self._state[places] != _ABSENT
        return found

    def fetch(self, places: Integers, wanted: npt.NDArray[np.bool_]) -> None:
        """Read whole records into the cache: requested blocks count as data, the rest of the records as copy."""
        runs = self._requests(places, np.where(wanted, _DIRTY["data"], _DIRTY["copy"]))
        self._content[runs.blocks] = self.device.read_runs(runs, "whole records are read")
        self._state[places] = _CLEAN
        self.records_read += int(self.starts[places].sum())

    def forget(self, places: Integers) -> None:
        """Evict blocks from the cache, which all datasets share."""
        self._state[places] = _ABSENT

    def drop_caches(self) -> None:
        """Write what is dirty and forget all content, as ``zpool export`` and ``import`` do."""
        self.sync()
        self._state = np.zeros(self.space.size, np.uint8)

    def _requests(self, places: Integers, purposes: npt.NDArray[np.integer]) -> Runs:
        """Requests by purpose; neighbours on the device are one request, as a vdev aggregates them."""
        order = np.argsort(places, kind="stable")
        places, purposes = places[order], purposes[order]
        begins = np.append(True, (np.diff(places) != 1) | (np.diff(purposes) != 0))[: places.size]
        first = np.flatnonzero(begins)
        return Runs(
            places[first], np.diff(np.append(first, places.size)), purposes[first].astype(np.int64) - 2, PURPOSES
        )

    # ---------------------------------------------------------------- transaction groups

    def sync(self) -> None:
        """End the transaction group: write its dirty records and their metadata, and free what it gave up."""
        fresh = np.concatenate([np.zeros(0, np.int64), *self._fresh])
        fresh = fresh[self._state[fresh] > _CLEAN]
        runs = self._requests(fresh, self._state[fresh].astype(np.int64))
        self.device.write_runs(runs, self._content[runs.blocks], "sync of the transaction group")
        self.records_written += int(self.starts[fresh].sum())
        self._state[fresh] = _CLEAN
        self._write_metadata()
        for places in self._freed:
            self.space.release(places)
        self._fresh, self._freed = [], []
        self.txg += 1

    def _write_metadata(self) -> None:
        if self.metadata is not None:
            self.metadata.sync(self._changed)
            self._changed = {}
            return
        for dataset, records in self._changed.items():
            indirect = -(-dataset.pointers.indirect_blocks(np.concatenate(records)) // self.device.block_size)
            for size in [*indirect.tolist(), 1, 1] * _COPIES:
                self.write_around(size, "indirect blocks, dnodes, object set")
        for _ in range(_LABELS if self._changed else 0):
            self.write_around(1, "uberblock")
        self._changed = {}

    def write_around(self, blocks: int, rule: str) -> None:
        """Write metadata to their region."""
        for first in range(0, blocks, self.metadata_blocks):
            self.device.write(self._around(blocks - first), why="metadata", rule=rule)

    def read_around(self, blocks: int, rule: str) -> None:
        """Read metadata from their region."""
        for first in range(0, blocks, self.metadata_blocks):
            self.device.read(self._around(blocks - first), why="metadata", rule=rule)

    def _around(self, blocks: int) -> slice:
        """The next blocks of the region, all of it at most."""
        blocks = min(blocks, self.metadata_blocks)
        if self._cursor + blocks > self.metadata_blocks:
            self._cursor = 0
        first = self.space.size + self._cursor
        self._cursor += blocks
        return slice(first, first + blocks)


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
