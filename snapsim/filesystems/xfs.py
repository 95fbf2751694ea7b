"""XFS: with reflink two files may share blocks; a shared block moves at its first write, and stays from then on.

A clone (`cp --reflink`, FICLONE, overlayfs' copy-up, Docker's vfs) moves no data: it copies the extent list and
counts one more owner for each block. Source: Documentation/filesystems/xfs, "reflink".

>>> from snapsim.device import BlockDevice
>>> fs = Xfs(BlockDevice(64))
>>> old, new = fs.create(fs.root, "old", "file"), fs.create(fs.root, "new", "file")
>>> fs.write(old, 0, 8192), fs.sync()
(None, None)
>>> with fs.store.counting() as io:
...     fs.copy_data(old, new)
...     fs.sync()
>>> io.counts, fs.used                             # nothing moved, nothing allocated
(IOCounts(), 8192)
>>> fs.write(new, 0, 4096); fs.sync(); first = new.blocks.copy()
>>> fs.write(new, 0, 4096); fs.sync()
>>> old.blocks.tolist(), first.tolist(), new.blocks.tolist(), fs.used
([0, 1], [2, 1], [2, 1], 12288)

A file that was cut, or "cut" to the size that it has, is written back when it is closed, so that a crash does
not leave a file of zeros where there were data.

What it leaves out: the log, the B-trees, and the 128 KiB that a small copy-on-write preallocates until the inode is
dropped (no I/O, no space here).
"""

from ..filesystem import FileSystem


class XfsNoReflink(FileSystem):
    """XFS made with ``-m reflink=0``."""

    name = "xfs"

    def flushes_at_close(self, old: int, new: int) -> bool:
        """A file that was cut, though it may have kept its size, unless it was empty."""
        return new <= old and old > 0


class Xfs(XfsNoReflink):
    """XFS as mkfs.xfs makes it today: with reflink."""

    reflink = True
