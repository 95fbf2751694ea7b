"""ext4: blocks are overwritten in place, and no two files share one.

Places are given out from a bitmap, next to each other where there is room; files that are new are placed when they
are written back (delayed allocation). Source: Documentation/filesystems/ext4.

>>> from snapsim.block.device import BlockDevice
>>> fs = Ext4(BlockDevice(64))
>>> old, new = fs.create(fs.root, "old", "file"), fs.create(fs.root, "new", "file")
>>> fs.write(old, 0, 8192), fs.sync()
(None, None)
>>> with fs.store.counting() as io:
...     fs.copy_data(old, new)                     # cp: nothing to clone with
...     fs.sync()
>>> io.counts                                      # read from the page cache, written once
IOCounts(write_copy=(1, 8192))

A program that replaces a file expects the new data to be safe soon, so ext4 does not wait for a sync: a file
that was cut to nothing is written back when it is closed, one that is moved over another at the rename (the
mount option auto_da_alloc, on by default). A file that is replaced ten times is written ten times.

>>> with fs.store.counting() as io:
...     for version in range(10):
...         fs.open(new); fs.truncate(new, 0); fs.write(new, 0, 8192); fs.close(new)
>>> io.counts
IOCounts(write_data=(10, 81920))

What its metadata costs: `snapsim.files.filesystems.ext4.metadata`.
"""

from typing import Any

from snapsim.block.device import BlockDevice
from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.filesystems.ext4.metadata import Ext4Metadata
from snapsim.files.metadata import Metadata

LEAVES_OUT = "metadata on anything but a `BlockDevice`, and where mballoc would really put a file."
"""What this model leaves out, as `snapsim fidelity` lists it."""


class Ext4(FileSystem):
    """ext4 on a device or a volume."""

    name = "extfs"

    def make_metadata(self) -> Metadata:
        """ext4's own, on a disk."""
        return Ext4Metadata(self.store) if isinstance(self.store, BlockDevice) else super().make_metadata()

    def write(self, inode: Inode, offset: int, length: int, data: Any = None, why: str = "data") -> None:
        """As of `Files`; behind the end, the rest of the last block is made zeros first."""
        self._zero_end(inode, offset)
        super().write(inode, offset, length, data, why)

    def truncate(self, inode: Inode, size: int) -> None:
        """As of `Files`; so it is for a file that becomes longer. One that does not is an orphan for the time being."""
        old = inode.size
        self._zero_end(inode, size)
        super().truncate(inode, size)
        if size <= old and isinstance(self.metadata, Ext4Metadata):
            self.metadata.cut()

    def flush_early(self, inode: Inode) -> None:
        """As of `Files`; long before the next commit all of it is written."""
        super().flush_early(inode)
        if isinstance(self.metadata, Ext4Metadata):
            self.metadata.arrived(inode)

    def flushes_at_close(self, old: int, new: int) -> bool:
        """A file that was cut to nothing."""
        return new == 0

    def flushes_at_rename(self, replaced: Inode) -> bool:
        """Whatever is replaced."""
        return True
