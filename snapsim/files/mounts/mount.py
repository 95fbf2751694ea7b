"""A mounted tree: the POSIX calls by path, once for all drivers.

`Mount` checks what rename(2) and its kin check; an open file is a `File` (`open_file`). What differs between a plain
tree and a union of layers is in a dozen hooks (`paths`) that speak of *nodes*: for a `TreeMount` a node is an inode,
for a union it is a name with a stack of inodes. Every failure is an `OSError` with the errno that Linux gives.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> mount = TreeMount(fs, fs.root)
>>> mount.mkdir("/etc"); mount.write("/etc/motd", 0, data=b"hello")
5
>>> mount.rename("/etc/motd", "/motd"); mount.read_bytes("/motd"), mount.listdir("/")
(b'hello', ['etc', 'motd'])
>>> mount.rmdir("/motd")
Traceback (most recent call last):
NotADirectoryError: [Errno 20] Not a directory: '/motd'

What it leaves out: permissions (everybody is root), working directories, locks, and mmap.
"""

import errno
import os
from typing import Any

from snapsim.block.device import Stamps
from snapsim.files.filesystem import fail
from snapsim.files.mounts.open_file import File
from snapsim.files.mounts.paths import N, Paths, Stat

__all__ = ["File", "Mount", "Stat"]


class Mount(Paths[N]):
    """A mounted tree of files, with the calls that a program makes; `snapsim.files.mounts.paths.Paths` says what a
    tree has to give.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    read_only : bool
        Every change is EROFS.
    """

    # ---------------------------------------------------------------- POSIX

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> File:
        """open(2): access mode, O_CREAT, O_EXCL, O_TRUNC, O_APPEND."""
        writing = flags & os.O_ACCMODE != os.O_RDONLY
        node = self._find(path)
        cut = writing and flags & os.O_TRUNC and node is not None
        if node is None:
            if not flags & os.O_CREAT:
                raise fail(errno.ENOENT, path)
            node = self._create(*self._free_name(path if flags & os.O_EXCL else self._end(path)), "file", mode=mode)
        elif flags & os.O_CREAT and flags & os.O_EXCL:
            raise fail(errno.EEXIST, path)
        elif writing and self._inode(node).kind == "directory":
            raise fail(errno.EISDIR, path)
        if writing:
            self._check_writable(path)
        self._opened(node, flags)
        if cut:
            self.fs.truncate(self._change(node, "data", keep=0), 0)
        return File(self, node, flags)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> Stamps:
        """Stamps of the blocks that hold these bytes, shape (blocks,)."""
        node = self._walk(path)
        if self._inode(node).kind == "directory":
            raise fail(errno.EISDIR, path)
        with self.open(path) as file:
            return file.read(offset, length)

    def read_bytes(self, path: str) -> bytes:
        """The real bytes of a file, where they are known (the read is counted); ENODATA where they are not."""
        self.read(path)
        content = self._data(self._walk(path)).content
        if content is None:
            raise fail(errno.ENODATA, path)
        return content

    def write(self, path: str, offset: int, length: int | None = None, data: Any = None) -> int:
        """open, pwrite, close; the file is made if it is not there. Data: bytes, or a stamp for each block touched."""
        with self.open(path, os.O_WRONLY | os.O_CREAT) as file:
            return file.write(offset, length, data)

    def append(self, path: str, length: int | None = None, data: Any = None) -> int:
        """open with O_APPEND, write, close."""
        with self.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            return file.write(0, length, data)

    def truncate(self, path: str, size: int) -> None:
        """truncate(2)."""
        self._check_writable(path)
        node = self._walk(path)
        if self._inode(node).kind != "file" or size < 0:
            raise fail(errno.EISDIR if self._inode(node).kind == "directory" else errno.EINVAL, path)
        self.fs.truncate(self._change(node, "data", keep=size), size)

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """mkdir(2)."""
        self._create(*self._free_name(path), "directory", mode=mode)

    def symlink(self, target: str, path: str) -> None:
        """symlink(2): `path` will point to `target`."""
        self._create(*self._free_name(path), "symlink", target=target)

    def mknod(self, path: str, mode: int = 0o644, rdev: tuple[int, int] = (0, 0)) -> None:
        """mknod(2): a device with these numbers."""
        self._create(*self._free_name(path), "device", mode=mode, rdev=rdev)

    def readlink(self, path: str) -> str:
        """readlink(2); EINVAL if it is no symbolic link."""
        inode = self._inode(self._walk(path, follow=False))
        if inode.kind != "symlink":
            raise fail(errno.EINVAL, path)
        return inode.target

    def rmdir(self, path: str) -> None:
        """rmdir(2): ENOTDIR, ENOTEMPTY, EBUSY for the root."""
        self._check_writable(path)
        node = self._directory(self._walk(path, follow=False), path)
        directory, name, _ = self._parent(path)
        if name == ".":
            raise fail(errno.EBUSY, path)
        if self._names(node):
            raise fail(errno.ENOTEMPTY, path)
        self._remove(directory, name, node)

    def unlink(self, path: str) -> None:
        """unlink(2): EISDIR for a directory."""
        self._check_writable(path)
        node = self._walk(path, follow=False)
        if self._inode(node).kind == "directory":
            raise fail(errno.EISDIR, path)
        directory, name, _ = self._parent(path)
        self._remove(directory, name, node)

    def link(self, path: str, to: str) -> None:
        """link(2): EPERM for a directory."""
        node = self._walk(path, follow=False)
        directory, name = self._free_name(to)
        if self._inode(node).kind == "directory":
            raise fail(errno.EPERM, path)
        self._link(node, directory, name)

    def rename(self, path: str, to: str) -> None:
        """rename(2): EINVAL, EISDIR, ENOTDIR, ENOTEMPTY; EXDEV from a union for a directory of a lower layer."""
        self._check_writable(path)
        node = self._walk(path, follow=False)
        old, name, _ = self._parent(path)
        new, new_name, _ = self._parent(to)
        if "." in (name, new_name):
            raise fail(errno.EBUSY, path)
        over = self._child(new, new_name)
        if over is not None and self._inode(over) is self._inode(node):
            return
        self._check_rename(node, new, over, to)
        self._rename(old, name, node, new, new_name, over)

    def _check_rename(self, node: N, new: N, over: N | None, to: str) -> None:
        moving = self._inode(node).kind == "directory"
        if moving and self._contains(node, new):
            raise fail(errno.EINVAL, to)
        if over is not None:
            replaced = self._inode(over).kind == "directory"
            if moving != replaced:
                raise fail(errno.ENOTDIR if moving else errno.EISDIR, to)
            if replaced and self._names(over):
                raise fail(errno.ENOTEMPTY, to)

    def _contains(self, directory: N, wanted: N) -> bool:
        if self._inode(directory) is self._inode(wanted):
            return True
        children = [child for name in self._names(directory) if (child := self._child(directory, name)) is not None]
        return any(self._contains(child, wanted) for child in children if self._inode(child).kind == "directory")

    def chmod(self, path: str, mode: int) -> None:
        """chmod(2)."""
        self._attributes(path, mode=mode & 0o7777)

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        """chown(2), or lchown(2) with follow=False."""
        self._attributes(path, follow, uid=uid, gid=gid)

    def utime(self, path: str, mtime: int, follow: bool = True) -> None:
        """utimensat(2): set the time of the last change."""
        self._attributes(path, follow, mtime=mtime)

    def _attributes(self, path: str, follow: bool = True, **values: int) -> None:
        self._check_writable(path)
        inode = self._change(self._walk(path, follow), "attributes")
        self.fs.set_attributes(inode, **values)

    def listdir(self, path: str = "/") -> list[str]:
        """The names in a directory, sorted."""
        node = self._directory(self._walk(path), path)
        self._accessed(self._inode(node))
        return sorted(self._names(node))

    def stat(self, path: str, follow: bool = True) -> Stat:
        """stat(2), or lstat(2) with follow=False."""
        return self._stat(self._walk(path, follow))

    def exists(self, path: str) -> bool:
        """Is there such a path?"""
        try:
            return self._find(path) is not None
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            return False

    def fsync(self, path: str) -> None:
        """Write the file's dirty pages."""
        self.fs.fsync(self._data(self._walk(path)))

    def sync(self) -> None:
        """Write all dirty pages of the file system below."""
        self.fs.sync()

    # ---------------------------------------------------------------- whole trees, as programs move them

    def copy_tree(self, path: str, to: str, copied: dict[int, str] | None = None) -> None:
        """cp -a: attributes, holes and hard links kept, clones where the file system has them."""
        node, inode = self._walk(path, follow=False), self._inode(self._walk(path, follow=False))
        copied = {} if copied is None else copied
        if inode.kind != "directory" and copied.setdefault(inode.number, to) != to:
            return self.link(copied[inode.number], to)
        copy = self._create(
            *self._free_name(to),
            inode.kind,
            mode=inode.mode,
            uid=inode.uid,
            gid=inode.gid,
            target=inode.target,
            rdev=inode.rdev,
        )
        self._accessed(self._data(node))
        if inode.kind == "file":
            self.fs.copy_data(self._data(node), self._inode(copy))
        for name in sorted(self._names(node)) if inode.kind == "directory" else ():
            self.copy_tree(f"{path}/{name}", f"{to}/{name}", copied)
        self.fs.set_attributes(self._inode(copy), mtime=inode.mtime)

    def remove_tree(self, path: str) -> None:
        """rm -r."""
        node = self._walk(path, follow=False)
        if self._inode(node).kind != "directory":
            return self.unlink(path)
        self._accessed(self._inode(node))
        for name in sorted(self._names(node)):
            self.remove_tree(f"{path}/{name}")
        self.rmdir(path)
