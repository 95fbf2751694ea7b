"""ZFS: files in a dataset; every file is a row of records, and the record tree below decides where they lie.

Level 4. Addresses are given out in whole records, so that no two files share one. A file of one record has a
record of its own size, rounded up to the sector; a longer file has full records only. Source: zfsprops(7),
"recordsize".

>>> from snapsim.snapshots import Records
>>> fs = Zfs(Records.new(1 << 20, chunk_size=131072, device_size=4096))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.write(file, 0, 262144), fs.sync()
(None, None)
>>> with fs.store.counting() as io:
...     fs.write(file, 0, 1)
...     fs.sync()
>>> io.counts.bytes("write", "data"), io.counts.bytes("write", "copy")       # one block changed, 31 moved along
(4096, 126976)

What it leaves out: the intent log (fsync is a transaction group here), compression, deduplication.
"""

import errno

import numpy as np

from ..device import Integers
from ..errors import NoSpace
from ..filesystem import FileSystem, Inode, fail


class Zfs(FileSystem):
    """A ZFS dataset."""

    name = "zfs"
    discards = True

    def allocation_unit(self) -> int:
        """Blocks a record."""
        return getattr(self.store, "chunk_size", self.block_size) // self.block_size

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

    def _free(self, places: Integers) -> None:
        """Records go when their first block goes."""
        for record in self.space.release(places[places % self.unit == 0] // self.unit).tolist():
            self.store.discard(slice(record * self.unit, (record + 1) * self.unit))
