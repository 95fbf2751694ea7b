"""An open file: what read(2), pwrite(2), ftruncate(2), fsync(2) and close(2) do to it, once for all drivers.

>>> import os
>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> mount = TreeMount(fs, fs.root)
>>> with mount.open("/f", os.O_RDWR | os.O_CREAT | os.O_APPEND) as file:
...     mount.unlink("/f")                                     # it lives on until it is closed
...     file.write(0, 4096), file.write(0, 4096), file.stat().size
(4096, 4096, 8192)
>>> file.read()
Traceback (most recent call last):
OSError: [Errno 9] Bad file descriptor

What it leaves out: a position (every call says where), and flags that open(2) has used up (O_CREAT, O_EXCL, O_TRUNC).
"""

import errno
import os
from typing import Any, Self

from snapsim.block.device import Integers, Stamps
from snapsim.files.filesystem import Inode, fail
from snapsim.files.mounts.paths import Paths, Stat


class File:
    """An open descriptor; a context manager.

    It follows the *name's node*, not one inode: after a copy-up it reads the new data, as Linux 6.18 does
    (older kernels and the documentation say otherwise; an old memory map stays stale).
    """

    def __init__(self, mount: Paths[Any], node: Any, flags: int) -> None:
        self._mount, self._node, self._flags, self._inode = mount, node, flags, mount._data(node)
        mount.fs.open(self._inode)
        self.closed = False

    def _current(self) -> Inode:
        if self.closed:
            raise fail(errno.EBADF)
        inode = self._mount._data(self._node)
        if inode is not self._inode:
            self._mount.fs.open(inode)
            self._mount.fs.close(self._inode)
            self._inode = inode
        return inode

    def read(self, offset: int = 0, length: int | None = None) -> Stamps:
        """Stamps of the blocks that hold these bytes."""
        if self._flags & os.O_ACCMODE == os.O_WRONLY:
            raise fail(errno.EBADF)
        inode = self._current()
        self._mount._accessed(inode)
        return self._mount.fs.read(inode, offset, length)

    def write(self, offset: int, length: int | None = None, data: Any = None) -> int:
        """Write bytes at an offset (O_APPEND: at the end); returns how many."""
        if self._flags & os.O_ACCMODE == os.O_RDONLY:
            raise fail(errno.EBADF)
        length = len(data) if length is None else length
        if offset < 0 or length < 0:
            raise fail(errno.EINVAL)
        self._mount._check_writable()
        self._current()
        self._mount._change(self._node, "data")
        inode = self._current()
        self._mount.fs.write(inode, inode.size if self._flags & os.O_APPEND else offset, length, data)
        return length

    def write_at(self, offsets: Integers, length: int) -> None:
        """pwrite(2) of `length` bytes at each of the offsets, in that order, fresh contents each."""
        if offsets.size:
            self.write(int(offsets[0]), length)  # checks, and copies up
            self._mount.fs.write_many(self._current(), offsets[1:], length)

    def truncate(self, size: int) -> None:
        """ftruncate(2)."""
        if self._flags & os.O_ACCMODE == os.O_RDONLY:
            raise fail(errno.EINVAL)
        self._mount._check_writable()
        self._mount._change(self._node, "data", keep=size)
        self._mount.fs.truncate(self._current(), size)

    def fsync(self) -> None:
        """Write the file's dirty pages."""
        self._mount.fs.fsync(self._current())

    def stat(self) -> Stat:
        """fstat(2)."""
        self._current()
        return self._mount._stat(self._node)

    def content(self) -> bytes | None:
        """All the real bytes of the file, None where they are not known; no I/O."""
        return self._current().content

    @property
    def block_size(self) -> int:
        """Bytes a block of the file system below."""
        return self._mount.fs.block_size

    def close(self) -> None:
        """Give the descriptor back; a file without names is freed with its last one."""
        if not self.closed:
            self._mount.fs.close(self._inode)
            self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
