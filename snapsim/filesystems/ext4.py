"""ext4: blocks are overwritten in place, and no two files share one.

Places are given out from a bitmap, next to each other where there is room; files that are new are placed when they
are written back (delayed allocation). Source: Documentation/filesystems/ext4.

>>> from snapsim.device import BlockDevice
>>> fs = Ext4(BlockDevice(64))
>>> old, new = fs.create(fs.root, "old", "file"), fs.create(fs.root, "new", "file")
>>> fs.write(old, 0, 8192), fs.sync()
(None, None)
>>> with fs.store.counting() as io:
...     fs.copy_data(old, new)                     # cp: nothing to clone with
...     fs.sync()
>>> io.counts                                      # read from the page cache, written once
IOCounts(write_copy=(1, 8192))

What it leaves out: the journal, inodes, directory blocks, bitmaps and group descriptors (no I/O, no space here).
"""

from ..filesystem import FileSystem


class Ext4(FileSystem):
    """ext4 on a device or a volume."""

    name = "extfs"
