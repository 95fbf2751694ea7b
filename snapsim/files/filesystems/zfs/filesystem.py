"""ZFS: files in a dataset; every file is a row of records, and the record tree below decides where they lie.

Addresses are given out in whole records, so that no two files share one. A file of one record has a record of its
own size, rounded up to the sector; a longer file has full records only. Source: zfsprops(7), "recordsize".

>>> from snapsim.block.snapshots import Records
>>> fs = ZfsDataset(Records.new(1 << 20, chunk_size=131072, device_size=4096))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.write(file, 0, 262144), fs.sync()
(None, None)
>>> with fs.store.counting() as io:
...     fs.write(file, 0, 1)
...     fs.sync()
>>> io.counts.bytes("write", "data"), io.counts.bytes("write", "copy")       # one block changed, 31 moved along
(4096, 126976)

In a pool whose metadata are known in full (`snapsim.files.filesystems.zfs.pool_metadata`: that of the driver) the
file system tells what becomes of its files, directories and links (`snapsim.files.filesystems.zfs.objects`).

What it leaves out: the intent log (fsync is a transaction group here), compression, deduplication, and that a short
first record is written anew when the file grows past it.
"""

import errno
from typing import Self

import numpy as np

from snapsim.base.errors import NoSpace
from snapsim.block.device import Integers
from snapsim.block.snapshots.records.volume import Records
from snapsim.block.volume import Volume
from snapsim.files.filesystem import FileSystem, Inode, fail
from snapsim.files.filesystems.zfs.objects import ZfsObjects
from snapsim.files.filesystems.zfs.pool_metadata import PoolMetadata
from snapsim.files.metadata import Metadata


class ZfsDataset(FileSystem):
    """A ZFS dataset."""

    name = "zfs"
    discards = True

    def charged(self, inode: Inode) -> int:
        """Blocks that stat(2) counts: ZFS knows them when the transaction group has been written, and not before."""
        return int((inode.blocks >= 0).sum())

    def allocation_unit(self) -> int:
        """Blocks a record."""
        return getattr(self.store, "chunk_size", self.block_size) // self.block_size

    def make_metadata(self) -> Metadata:
        """The objects of the dataset, where its pool accounts for them."""
        if isinstance(self.store, Records) and isinstance(self.store.pool.metadata, PoolMetadata):
            return ZfsObjects(self.store, self.store.pool.metadata)
        return super().make_metadata()

    def on(self, volume: Volume) -> Self:
        """The same files on a clone of the dataset."""
        twin = super().on(volume)
        if isinstance(twin.metadata, ZfsObjects) and isinstance(self.metadata, ZfsObjects):
            twin.metadata.adopt(self.metadata)
        return twin

    def write_data(self) -> None:
        """Bring all dirty pages to the pool, whose group does not end by that."""
        for inode in list(self._cached.values()):
            self._write_all(inode)

    def held(self) -> int:
        """What a quota limits: the dataset's own `used`, without what a clone shares with its origin."""
        properties = getattr(self.store, "properties", None)
        return super().held() if properties is None else int(properties()["used"]) // self.block_size

    def _allocate(self, inode: Inode, fresh: Integers) -> None:
        """Addresses for the whole records that hold the blocks."""
        record = np.unique(fresh // self.unit)
        base = inode.blocks[record * self.unit]
        try:
            base[base < 0] = self.space.allocate(int((base < 0).sum())) * self.unit
        except NoSpace:
            raise fail(errno.ENOSPC) from None
        block = (record[:, None] * self.unit + np.arange(self.unit)).ravel()
        place = (base[:, None] + np.arange(self.unit)).ravel()
        inside = block < inode.blocks.size
        inode.blocks[block[inside]] = place[inside]
        self._set_length(int(base[0]) // self.unit, -(-inode.size // self.block_size))

    def _set_length(self, record: int, blocks: int) -> None:
        """The only record of a short file is as long as the file."""
        tell = getattr(self.store, "set_record_length", None)
        if tell is not None and blocks <= self.unit:
            tell(record, blocks)

    def _free(self, places: Integers) -> None:
        """Records go when their first block goes."""
        for record in self.space.release(places[places % self.unit == 0] // self.unit).tolist():
            self.store.discard(slice(record * self.unit, (record + 1) * self.unit))
