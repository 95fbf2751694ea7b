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

What it leaves out: a position (every call says where), flags that open(2) has used up (O_CREAT, O_EXCL, O_TRUNC), and
what is behind a device node or a FIFO: a device takes what is written and gives nothing back, as /dev/null, a FIFO has
no positions (ESPIPE).
"""

import errno
import os
from typing import Any, Generic, Self

import numpy as np

from snapsim.block.device import Integers, Stamps
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts.contract import N, Stat, Tree


class File(Generic[N]):
    """An open descriptor; a context manager.

    It follows the *name's node*, not one inode: after a copy-up it reads the new data, as Linux 6.18 does
    (older kernels and the documentation say otherwise; an old memory map stays stale).

    Parameters
    ----------
    tree : Tree
    node : node of the tree
        What was opened.
    flags : int
        As of open(2).
    """

    def __init__(self, tree: Tree[N], node: N, flags: int) -> None:
        self._tree, self._node, self._flags, self._inode = tree, node, flags, tree.data(node)
        tree.fs.open(self._inode)
        if not tree.descriptors[node]:
            tree.hold(node)
        tree.descriptors[node] += 1
        self.closed = False
        self._reads_fifo = self._inode.kind == "fifo" and flags & os.O_ACCMODE != os.O_WRONLY
        tree.fifo_readers[node] += self._reads_fifo

    def _current(self) -> Inode:
        if self.closed:
            raise fail(errno.EBADF)
        inode = self._tree.data(self._node)
        if inode is not self._inode:
            self._tree.fs.open(inode)
            self._tree.fs.close(self._inode)
            self._inode = inode
        return inode

    def _readable(self) -> Inode:
        """The inode; ESPIPE, EBADF for a descriptor that only writes, EISDIR."""
        inode = self._current()
        if inode.kind == "fifo":
            raise fail(errno.ESPIPE)
        if self._flags & os.O_ACCMODE == os.O_WRONLY:
            raise fail(errno.EBADF)
        if inode.kind == "directory":
            raise fail(errno.EISDIR)
        return inode

    def read(self, offset: int = 0, length: int | None = None) -> Stamps:
        """Stamps of the blocks that hold these bytes."""
        inode = self._readable()
        if inode.kind != "file":
            return np.zeros(0, np.uint64)
        stamps = self._tree.fs.read(inode, offset, length)
        self._tree.accessed(self._node)
        return stamps

    def read_bytes(self, offset: int = 0, length: int | None = None) -> bytes:
        """The real bytes, where they are known (the read is counted); ENODATA where they are not."""
        self.read(offset, length)
        inode = self._readable()
        content = inode.content if inode.kind == "file" else b""
        if content is None:
            raise fail(errno.ENODATA)
        return content[offset : None if length is None else offset + length]

    def write(self, offset: int, length: int | None = None, data: Any = None) -> int:
        """Write bytes at an offset (O_APPEND: at the end); returns how many."""
        inode = self._current()
        if inode.kind == "fifo":
            raise fail(errno.ESPIPE)
        if self._flags & os.O_ACCMODE == os.O_RDONLY:
            raise fail(errno.EBADF)
        length = len(data) if length is None else length
        if offset < 0 or length < 0:
            raise fail(errno.EINVAL)
        if inode.kind != "file":
            return length
        self._tree.check_writable()
        if length:
            inode = self._changing()
            self._tree.fs.write(inode, inode.size if self._flags & os.O_APPEND else offset, length, data)
        return length

    def _changing(self, keep: int | None = None) -> Inode:
        """The inode, copied up if it has to be, and without the capabilities that a change takes away."""
        self._tree.change(self._node, "data", keep)
        inode = self._current()
        self._tree.fs.drop_capabilities(inode)
        return inode

    def write_at(self, offsets: Integers, length: int) -> None:
        """pwrite(2) of `length` bytes at each of the offsets, in that order, fresh contents each."""
        if offsets.size:
            self.write(int(offsets[0]), length)  # checks, and copies up
            self._tree.fs.write_many(self._current(), offsets[1:], length)

    def truncate(self, size: int) -> None:
        """ftruncate(2): EINVAL where the descriptor does not write, or is of no regular file."""
        inode = self._current()
        if size < 0 or self._flags & os.O_ACCMODE == os.O_RDONLY or inode.kind != "file":
            raise fail(errno.EINVAL)
        self._tree.check_writable()
        self._tree.fs.truncate(self._changing(keep=size), size)

    def fsync(self) -> None:
        """Write the file's dirty pages; EINVAL where there are none to have: a FIFO, a device."""
        inode = self._current()
        if inode.kind not in ("file", "directory"):
            raise fail(errno.EINVAL)
        wanted = self._tree.to_sync(self._node)
        if wanted is not None:
            self._tree.fs.fsync(wanted)

    def stat(self) -> Stat:
        """fstat(2)."""
        self._current()
        return self._tree.stat(self._node)

    def content(self) -> bytes | None:
        """All the real bytes of the file, None where they are not known; no I/O."""
        return self._current().content

    @property
    def block_size(self) -> int:
        """Bytes a block of the file system below."""
        return self._tree.fs.block_size

    def close(self) -> None:
        """Give the descriptor back; a file without names is freed with its last one."""
        if not self.closed:
            self._tree.descriptors[self._node] -= 1
            if not self._tree.descriptors[self._node]:
                del self._tree.descriptors[self._node]
                self._tree.release(self._node)
            self._tree.fs.close(self._inode)
            self._tree.fifo_readers[self._node] -= self._reads_fifo
            self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()
