"""A mounted tree: the POSIX calls by path, once for all drivers.

`Mount` does what the kernel's VFS does: it walks the path (`namei`), makes the checks of the system call in the
kernel's order, and leaves what remains to the verbs of a `Tree` (`contract`), in which a plain tree and a union of
layers differ. An open file is a `File` (`open_file`). Every failure is an `OSError` with the errno that Linux gives;
all calls are made by root, so that no permission is missing.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> mount = TreeMount(fs, fs.root)
>>> mount.mkdir("/etc"); mount.write("/etc/motd", 0, data=b"hello")
5
>>> mount.rename("/etc/motd", "/motd"); mount.read_bytes("/motd"), mount.listdir("/")
(b'hello', ['etc', 'motd'])
>>> mount.unlink("/motd/")
Traceback (most recent call last):
NotADirectoryError: [Errno 20] Not a directory: '/motd/'

What it leaves out: permissions, working directories, locks, mmap, and waiting: a call that would wait (the open of a
FIFO) behaves as with O_NONBLOCK. Source: Linux 6.18, fs/namei.c, fs/open.c, fs/xattr.c.
"""

import errno
import os
from collections.abc import Iterator
from typing import Any, Generic, Unpack

from snapsim.block.device import Stamps
from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts import xattr
from snapsim.files.mounts.contract import Making, N, Stat, Tree
from snapsim.files.mounts.namei import Last, Walk
from snapsim.files.mounts.open_file import File

__all__ = ["RENAME_EXCHANGE", "RENAME_NOREPLACE", "File", "Mount", "Stat"]

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
MADE_BY_MKNOD = ("file", "device", "block", "fifo", "socket")
_SETUID, _SETGID, _GROUP_EXECUTE = 0o4000, 0o2000, 0o010


class Mount(Generic[N]):
    """A mounted tree of files, with the calls that a program makes.

    Parameters
    ----------
    tree : Tree
        What is mounted.
    """

    def __init__(self, tree: Tree[N]) -> None:
        self.tree = tree

    @property
    def fs(self) -> FileSystem:
        """What the files lie on."""
        return self.tree.fs

    @property
    def read_only(self) -> bool:
        """Every change is EROFS."""
        return self.tree.read_only

    @read_only.setter
    def read_only(self, value: bool) -> None:
        self.tree.read_only = value

    def node(self, path: str, follow: bool = True) -> N:
        """What a path stands for; ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG."""
        return Walk(self.tree, path).find(follow)

    def _kind(self, node: N | None) -> str:
        return "" if node is None else self.tree.inode(node).kind

    # ---------------------------------------------------------------- files

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> File[N]:
        """open(2): access mode, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW.

        Examples
        --------
        >>> from snapsim.block.device import BlockDevice
        >>> from snapsim.files.filesystems import Ext4
        >>> from snapsim.files.mounts.tree import TreeMount
        >>> fs = Ext4(BlockDevice(64)); mount = TreeMount(fs, fs.root)
        >>> mount.symlink("nowhere", "/l")
        >>> mount.open("/l", os.O_WRONLY | os.O_CREAT).close(); mount.listdir("/")
        ['l', 'nowhere']
        >>> mount.open("/l", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        Traceback (most recent call last):
        FileExistsError: [Errno 17] File exists: '/l'
        """
        if flags & os.O_CREAT and flags & os.O_DIRECTORY:
            raise fail(errno.EINVAL, path)
        node, made = self._open_last(path, flags, mode)
        if not made:
            self._check_open(node, path, flags)
        self.tree.opened(node, flags)
        if flags & os.O_TRUNC and not made and self._kind(node) == "file":
            inode = self.tree.change(node, "data", keep=0)
            self.fs.drop_capabilities(inode)
            self.fs.truncate(inode, 0)
        return File(self.tree, node, flags)

    def _open_last(self, path: str, flags: int, mode: int) -> tuple[N, bool]:
        """What is opened, and whether it was made now: a link at the end may lead to where there is nothing yet."""
        create = bool(flags & os.O_CREAT)
        follow = not (flags & os.O_NOFOLLOW or (create and flags & os.O_EXCL))
        walk = Walk(self.tree, path)
        while True:
            last = walk.to_last()
            if create and last.slash and last.is_name:
                raise fail(errno.EISDIR, path)
            node = walk.look(last)
            if node is None:
                if not create:
                    raise fail(errno.ENOENT, path)
                self.tree.check_writable(path)
                return self._make(last, "file", mode=mode & 0o7777), True
            if self._kind(node) != "symlink" or not (follow or last.slash):
                break
            walk.follow_last(node)
        directory = self._kind(node) == "directory"
        if create and (directory or flags & os.O_EXCL):
            raise fail(errno.EEXIST if flags & os.O_EXCL else errno.EISDIR, path)
        if not directory and (flags & os.O_DIRECTORY or (last.slash and last.is_name)):
            raise fail(errno.ENOTDIR, path)
        return node, False

    def _check_open(self, node: N, path: str, flags: int) -> None:
        kind, access = self._kind(node), flags & os.O_ACCMODE
        changes = access != os.O_RDONLY or bool(flags & os.O_TRUNC)
        if kind == "symlink":
            raise fail(errno.ELOOP, path)
        if kind == "directory" and changes:
            raise fail(errno.EISDIR, path)
        if kind == "file" and changes:
            self.tree.check_writable(path)
        unread = kind == "fifo" and access == os.O_WRONLY and not self.tree.fifo_readers[node]
        if kind == "socket" or unread:
            raise fail(errno.ENXIO, path)
        if kind == "block" or (
            kind == "device" and self.tree.inode(node).rdev[0] != 1
        ):  # of drivers only mem(4) is here
            raise fail(errno.ENXIO, path)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> Stamps:
        """Stamps of the blocks that hold these bytes, shape (blocks,)."""
        with self.open(path) as file:
            return file.read(offset, length)

    def read_bytes(self, path: str) -> bytes:
        """The real bytes of a file, where they are known (the read is counted); ENODATA where they are not."""
        with self.open(path) as file:
            return file.read_bytes()

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
        if size < 0:
            raise fail(errno.EINVAL, path)
        node = self.node(path)
        if self._kind(node) != "file":
            raise fail(errno.EISDIR if self._kind(node) == "directory" else errno.EINVAL, path)
        self.tree.check_writable(path)
        inode = self.tree.change(node, "data", keep=size)
        self.fs.drop_capabilities(inode)
        same, time, read = inode.size == size, inode.mtime, inode.read_since_change
        self.fs.truncate(inode, size)
        if same and self.fs.keeps_time:  # unlike ftruncate(2)
            inode.mtime, inode.read_since_change = time, read
        self.tree.ended()

    def fsync(self, path: str) -> None:
        """open, fsync(2): write the file's dirty pages."""
        inode = self.tree.to_sync(self.node(path))
        if inode is not None:
            self.fs.fsync(inode)

    def sync(self) -> None:
        """syncfs(2): write all dirty pages of the file system below."""
        self.fs.sync()

    # ---------------------------------------------------------------- names

    def free_name(self, path: str, directory: bool = False) -> Last[N]:
        """Where a new name goes; EEXIST if it is taken, ENOENT if a slash asks for a directory and none is made."""
        walk = Walk(self.tree, path)
        last = walk.to_last()
        if not last.is_name or walk.look(last) is not None:
            raise fail(errno.EEXIST, path)
        if last.slash and not directory:
            raise fail(errno.ENOENT, path)
        self.tree.check_writable(path)
        return last

    def _make(self, last: Last[N], kind: str, **attributes: Unpack[Making]) -> N:
        """What is made in a directory with the setgid bit belongs to its group, and a directory hands the bit on."""
        directory = self.tree.inode(last.directory)
        if directory.mode & _SETGID:
            attributes["gid"] = directory.gid
            if kind == "directory":
                attributes["mode"] |= _SETGID
        return self.tree.create(last.directory, last.name, kind, **attributes)

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """mkdir(2)."""
        last = self.free_name(path, directory=True)
        self._make(last, "directory", mode=mode & 0o1777)

    def symlink(self, target: str, path: str) -> None:
        """symlink(2): `path` will point to `target`."""
        if not target or len(os.fsencode(target)) > 4095:
            raise fail(errno.ENAMETOOLONG if target else errno.ENOENT, path)
        last = self.free_name(path)
        self._make(last, "symlink", target=target)

    def mknod(self, path: str, mode: int = 0o644, rdev: tuple[int, int] = (0, 0), kind: str = "device") -> None:
        """mknod(2): a character device ("device"), a "block" device, a "fifo", a "socket", or an empty "file".

        Raises
        ------
        OSError
            EPERM for a directory, EINVAL for any other kind; EEXIST, ENOENT and the errors of a path.
        """
        if kind not in MADE_BY_MKNOD:
            raise fail(errno.EPERM if kind == "directory" else errno.EINVAL, path)
        last = self.free_name(path)
        numbers = rdev if kind in ("device", "block") else (0, 0)
        self._make(last, kind, mode=mode & 0o7777, rdev=numbers)

    def readlink(self, path: str) -> str:
        """readlink(2); EINVAL if it is no symbolic link."""
        node = self.node(path, follow=False)
        if self._kind(node) != "symlink":
            raise fail(errno.EINVAL, path)
        self.tree.accessed(node)
        return self.tree.inode(node).target

    def rmdir(self, path: str) -> None:
        """rmdir(2): ENOTDIR, ENOTEMPTY; by "." EINVAL, by ".." ENOTEMPTY, EBUSY for the root."""
        walk = Walk(self.tree, path)
        last = walk.to_last()
        if not last.is_name:
            raise fail({"": errno.EBUSY, ".": errno.EINVAL, "..": errno.ENOTEMPTY}[last.name], path)
        self.tree.check_writable(path)
        node = self._there(walk.look(last), path)
        if self._kind(node) != "directory":
            raise fail(errno.ENOTDIR, path)
        if self.tree.names(node):
            raise fail(errno.ENOTEMPTY, path)
        self.tree.remove(last.directory, last.name, node)

    def unlink(self, path: str) -> None:
        """unlink(2): EISDIR for a directory, ENOTDIR for another file with a slash behind it."""
        walk = Walk(self.tree, path)
        last = walk.to_last()
        if not last.is_name:
            raise fail(errno.EISDIR, path)
        self.tree.check_writable(path)
        node = self._there(walk.look(last), path)
        if self._kind(node) == "directory" or last.slash:
            raise fail(errno.EISDIR if self._kind(node) == "directory" else errno.ENOTDIR, path)
        self.tree.remove(last.directory, last.name, node)

    def _there(self, node: N | None, path: str) -> N:
        if node is None:
            raise fail(errno.ENOENT, path)
        return node

    def link(self, path: str, to: str, follow: bool = False) -> None:
        """link(2), or linkat(2) with AT_SYMLINK_FOLLOW: EPERM for a directory, after all that is wrong with `to`."""
        node = self.node(path, follow)
        last = self.free_name(to)
        if self._kind(node) == "directory":
            raise fail(errno.EPERM, path)
        self.tree.link(node, last.directory, last.name)

    def rename(self, path: str, to: str, flags: int = 0) -> None:
        """renameat2(2).

        Parameters
        ----------
        flags : int
            RENAME_NOREPLACE: EEXIST if there is something. RENAME_EXCHANGE: both names stay, and change places.

        Raises
        ------
        OSError
            EBUSY for "/", "." and "..", EINVAL into a directory's own tree, ENOTEMPTY, EISDIR, ENOTDIR; EXDEV from a
            union for a directory of a lower layer.

        Examples
        --------
        >>> from snapsim.block.device import BlockDevice
        >>> from snapsim.files.filesystems import Ext4
        >>> from snapsim.files.mounts.tree import TreeMount
        >>> fs = Ext4(BlockDevice(64)); mount = TreeMount(fs, fs.root)
        >>> mount.mkdir("/d"); mount.write("/f", 0, data=b"1")
        1
        >>> mount.rename("/d", "/f", RENAME_EXCHANGE); mount.stat("/f").kind, mount.read_bytes("/d")
        ('directory', b'1')
        """
        exchange = bool(flags & RENAME_EXCHANGE)
        if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) or flags == RENAME_NOREPLACE | RENAME_EXCHANGE:
            raise fail(errno.EINVAL, path)
        walk = Walk(self.tree, path)
        old = walk.to_last()
        walk_to = Walk(self.tree, to)
        new = walk_to.to_last()
        if not old.is_name or not new.is_name:
            raise fail(errno.EEXIST if old.is_name and flags & RENAME_NOREPLACE else errno.EBUSY, path)
        self.tree.check_writable(path)
        node, over = self._there(walk.look(old), path), walk_to.look(new)
        if over is not None and flags & RENAME_NOREPLACE:
            raise fail(errno.EEXIST, to)
        if over is None and exchange:
            raise fail(errno.ENOENT, to)
        moving, replaced = self._kind(node) == "directory", self._kind(over) == "directory"
        if (old.slash and not moving) or (new.slash and not (replaced if exchange else moving)):
            raise fail(errno.ENOTDIR, path)
        if node in new.above:
            raise fail(errno.EINVAL, to)
        if over in old.above:
            raise fail(errno.EINVAL if exchange else errno.ENOTEMPTY, to)
        if over is None:
            self.tree.rename(old.directory, old.name, node, new.directory, new.name, None)
        elif self.tree.same(node, over):
            return
        elif exchange:
            self.tree.exchange(old.directory, old.name, node, new.directory, new.name, over)
        elif moving != replaced:
            raise fail(errno.ENOTDIR if moving else errno.EISDIR, to)
        else:
            self.tree.rename(old.directory, old.name, node, new.directory, new.name, over)

    def listdir(self, path: str = "/") -> list[str]:
        """The names in a directory, sorted."""
        node = self.node(path)
        if self._kind(node) != "directory":
            raise fail(errno.ENOTDIR, path)
        names = sorted(self.tree.listed(node))
        self.tree.accessed(node)
        return names

    # ---------------------------------------------------------------- attributes

    def stat(self, path: str, follow: bool = True) -> Stat:
        """stat(2), or lstat(2) with follow=False."""
        return self.tree.stat(self.node(path, follow))

    def exists(self, path: str) -> bool:
        """Is there such a path?"""
        try:
            self.node(path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise
            return False
        return True

    def chmod(self, path: str, mode: int) -> None:
        """chmod(2)."""
        self._set(self.node(path), path, mode=mode & 0o7777)

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        """chown(2), or lchown(2) with follow=False; -1 leaves an owner as it is.

        Even then it takes away the right to run a file as its owner: the setuid bit, the setgid bit of what the group
        may execute, and capabilities; not of a directory.
        """
        node = self.node(path, follow)
        inode, values = self.tree.inode(node), {}
        if inode.kind != "directory":
            lost = _SETUID | (_SETGID if inode.mode & _GROUP_EXECUTE else 0)
            if inode.mode & lost:
                values["mode"] = inode.mode & ~lost
        values |= {name: value for name, value in (("uid", uid), ("gid", gid)) if value != -1}
        changed = self._set(node, path, **values)
        if inode.kind != "directory":
            self.fs.drop_capabilities(changed)

    def utime(self, path: str, mtime: int, follow: bool = True, atime: int | None = None) -> None:
        """utimensat(2): set the time of the last change, and of the last access (the same where it is left out)."""
        self._set(self.node(path, follow), path, mtime=mtime, atime=mtime if atime is None else atime)

    def _set(self, node: N, path: str, **values: int) -> Inode:
        self.tree.check_writable(path)
        inode = self.tree.change(node, "attributes")
        self.fs.set_attributes(inode, **values)
        return inode

    def setxattr(self, path: str, name: str, value: str, flags: int = 0, follow: bool = True) -> None:
        """setxattr(2), or lsetxattr(2) with follow=False.

        Parameters
        ----------
        name : str
            ``user.``, ``trusted.`` or ``security.`` and more.
        value : str
            Bytes as of `os.fsdecode`.
        flags : int
            os.XATTR_CREATE (EEXIST if it is there), os.XATTR_REPLACE (ENODATA if it is not).
        """
        xattr.set_value(self.tree, self.node(path, follow), name, value, flags, path)

    def getxattr(self, path: str, name: str, follow: bool = True) -> str:
        """getxattr(2): the value of an extended attribute, ENODATA if there is none of that name."""
        return xattr.get_value(self.tree, self.node(path, follow), name, path)

    def listxattr(self, path: str, follow: bool = True) -> list[str]:
        """listxattr(2): the names of all extended attributes, sorted."""
        return sorted(self.tree.attributes(self.node(path, follow)))

    def removexattr(self, path: str, name: str, follow: bool = True) -> None:
        """removexattr(2); ENODATA if there is none of that name."""
        xattr.remove(self.tree, self.node(path, follow), name, path)

    # ---------------------------------------------------------------- whole trees, as programs move them

    def files(self, directory: str = "") -> Iterator[tuple[str, Inode]]:
        """All that is seen below a directory: the path, and the inode that holds the data; no I/O but lookups."""
        return self.tree.files(directory, self.node(directory or "/", follow=False))

    def remove_tree(self, path: str) -> None:
        """rm -r."""
        node = self.node(path, follow=False)
        if self._kind(node) != "directory":
            return self.unlink(path)
        self.tree.accessed(node)
        for name in sorted(self.tree.names(node)):
            self.remove_tree(f"{path}/{name}")
        self.rmdir(path)
