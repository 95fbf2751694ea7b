"""XFS: with reflink two files may share blocks; a shared block moves at its first write, and stays from then on.

A clone (`cp --reflink`, FICLONE, overlayfs' copy-up, Docker's vfs) moves no data: it copies the extent list and
counts one more owner for each block. Source: Documentation/filesystems/xfs, "reflink".

>>> from snapsim.block.device import BlockDevice
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

What the log and the B-trees cost is in `xfs_metadata`, and what a file is given before it needs it in
`xfs_preallocation`; on a `Volume` (devicemapper) neither is counted.
"""

import errno
from collections.abc import Iterator
from typing import Any

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.volume import Volume
from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.filesystems.xfs.metadata import XfsMetadata
from snapsim.files.metadata import Metadata

LEAVES_OUT = "where on the disk the groups lie: places are given out one after the other."
"""What this model leaves out, as `snapsim fidelity` lists it."""

WRITE = 1 << 20  # most bytes that a program hands to one write(2)
SPLICE = 64 << 10  # what the kernel copies in one go: a pipe of 16 pages


class XfsNoReflink(FileSystem):
    """XFS made with ``-m reflink=0``."""

    name = "xfs"
    keeps_time = dates_exchanged = whiteout_at_target = True
    not_empty = errno.EEXIST

    def __init__(
        self, store: BlockDevice | Volume, limit: int | None = None, clock: Iterator[int] | None = None
    ) -> None:
        self._sizes: dict[int, int] = {}
        super().__init__(store, limit, clock)

    def make_metadata(self) -> Metadata:
        """The log and the B-trees, where they are counted."""
        return XfsMetadata(self.store, self.space) if isinstance(self.store, BlockDevice) else super().make_metadata()

    def write(self, inode: Inode, offset: int, length: int, data: Any = None, why: str = "data") -> None:
        """As of `Files`; a file that grows is given more than it needs."""
        self._zero_end(inode, offset)
        old, places = inode.size, inode.blocks
        waiting = (places < 0) & inode.pages.dirty(slice(0, places.size))
        super().write(inode, offset, length, data, why)
        if inode.size > old and isinstance(self.metadata, XfsMetadata):
            self.metadata.extended(inode, places, waiting, old, SPLICE if why == "copy" else WRITE)

    def truncate(self, inode: Inode, size: int) -> None:
        """As of `Files`; of a file that becomes longer, too, the rest of the last block is made zeros.

        What is behind the size that the disk knows goes out at once, these zeros included: the new size is logged, and
        a crash must not show what was there before.
        """
        old, known = inode.size, self._known_size(inode)
        self._zero_end(inode, size)
        super().truncate(inode, size)
        if known < size and (known != old or self._zeroed(inode, min(old, size))):
            self._write_all(inode, known // self.block_size)
        self._sizes[inode.number] = size
        if isinstance(self.metadata, XfsMetadata):
            (self.metadata.cut if size <= old else self.metadata.lengthened)(inode)

    def _zeroed(self, inode: Inode, end: int) -> bool:
        """Whether a block was zeroed from here on: not if it is a hole."""
        block = slice(end // self.block_size, end // self.block_size + 1)
        return bool(end % self.block_size and ((inode.blocks[block] >= 0) | inode.pages.dirty(block)).any())

    def _known_size(self, inode: Inode) -> int:
        """The size that the inode on disk has: it grows when data behind it arrive (``i_disk_size``)."""
        return self._sizes.get(inode.number, 0 if inode.pages.written else inode.size)

    def _write_back(self, inode: Inode, wanted: Integers, why: str) -> None:
        super()._write_back(inode, wanted, why)
        if wanted.size:
            arrived = min((int(wanted[-1]) + 1) * self.block_size, inode.size)
            self._sizes[inode.number] = max(self._known_size(inode), arrived)

    def copy_data(self, source: Inode, target: Inode, length: int | None = None, piece: int = 1) -> None:
        """As of `Files`; the copy of a file with a hole at its end is made longer after it was written."""
        super().copy_data(source, target, length, piece)
        if isinstance(self.metadata, XfsMetadata):
            self.metadata.lengthened(target)

    def _seen_as_data(self, inode: Inode, filled: Integers) -> Integers:
        """Unwritten blocks behind data: read-ahead has brought their zeros into the cache, so they are no hole."""
        if not isinstance(self.metadata, XfsMetadata):
            return filled
        unwritten = self.metadata.unwritten(inode)
        follows = np.isin(unwritten.start - 1, filled)
        return np.union1d(filled, np.arange(unwritten.start, unwritten.stop)) if follows else filled

    def close(self, inode: Inode) -> None:
        """As of `FileSystem`; what a file was given behind its end may be free again."""
        super().close(inode)
        if isinstance(self.metadata, XfsMetadata):
            self.metadata.closed(inode)

    def flushes_at_close(self, old: int, new: int) -> bool:
        """A file that was cut, though it may have kept its size, unless it was empty."""
        return new <= old and old > 0


class Xfs(XfsNoReflink):
    """XFS as mkfs.xfs makes it today: with reflink."""

    reflink = True

    def copy_data(self, source: Inode, target: Inode, length: int | None = None, piece: int = 1) -> None:
        """A clone: both files are marked to share blocks."""
        super().copy_data(source, target, length, piece)
        if target.size and isinstance(self.metadata, XfsMetadata):
            self.metadata.cloned(source)

    def _reserve(self, inode: Inode, blocks: Integers) -> None:
        before = inode.blocks[blocks]
        super()._reserve(inode, blocks)
        moved = blocks[(before >= 0) & (inode.blocks[blocks] < 0)]
        if moved.size and isinstance(self.metadata, XfsMetadata):
            self.metadata.moved(inode, moved)
