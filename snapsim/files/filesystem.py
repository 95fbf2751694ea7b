"""THE CONTRACT of files on a volume: inodes, a page cache, and where the blocks go.

A file is a row of blocks; each block has a place on the volume below (or is a hole) and perhaps a page in the
cache. A write changes pages only; the device sees it at `fsync`, at `sync`, or at the end of a step: several writes
of one block are one block on the device. A partly written block is read first, unless the cache has it.

`FileSystem` is written once; the files in `filesystems/` say what differs: whether blocks may be shared between files
(reflink), in which unit places are given out, and whether the volume below is told what was freed.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(1024))
>>> file = fs.create(fs.root, "f", "file")
>>> with fs.store.counting() as io:
...     fs.write(file, 0, 10_000)
...     fs.write(file, 4096, 1)                    # the same block again, still in the cache
...     fs.fsync(file)
>>> io.counts                                      # three blocks, side by side: one request
IOCounts(write_data=(1, 12288))

What inodes, directories, bitmaps and journals cost is told to `metadata` (`snapsim.files.metadata`), which costs
nothing unless a file system knows its rules.
"""

import errno
import itertools
from collections.abc import Iterator
from typing import ClassVar, Self

from snapsim.block.device import BlockDevice
from snapsim.block.volume import Volume
from snapsim.files.data import Files
from snapsim.files.inode import Inode, clone_tree, fail

LEAVES_OUT = "read-ahead, write-back before a sync, permissions, and what fsync does to the data of other files."
"""What this model leaves out, as `snapsim fidelity` lists it."""

CAPABILITY = "security.capability"

__all__ = ["FileSystem", "Inode", "fail"]


class FileSystem(Files):
    """Files on a `BlockDevice` or a `Volume`.

    Parameters
    ----------
    store : BlockDevice or Volume
        What the blocks lie on; its block size is the file system's.
    limit : int, optional
        Most bytes that files may hold (a quota): EDQUOT beyond.
    clock : iterator of int, optional
        The logical clock, where several file systems share one.

    Attributes
    ----------
    root : Inode
        The root directory, mode 0755.
    space : SpaceMap
        Which places are in use, in units.
    metadata : Metadata
        What its own metadata cost.
    """

    counts_directories: ClassVar[bool] = True  # a directory's link count is that of its subdirectories and two
    keeps_time: ClassVar[bool] = False  # truncate(2) to the size that a file has leaves the time of its last change
    not_empty: ClassVar[int] = errno.ENOTEMPTY  # of rename(2) over a directory with names in it
    whiteout_at_target: ClassVar[bool] = False  # what RENAME_WHITEOUT leaves has the new directory's group, if setgid
    dates_exchanged: ClassVar[bool] = False  # an exchange counts as a change of a directory that it moves elsewhere

    def __init__(
        self, store: BlockDevice | Volume, limit: int | None = None, clock: Iterator[int] | None = None
    ) -> None:
        super().__init__(store, limit, clock)
        self._numbers = itertools.count(2)
        self._dentries: set[tuple[int, str]] = set()
        self.root = self._inode("directory", 0o755, 0, 0)
        self.root.nlink = 2
        self.metadata.made(self.root, None)

    def _inode(self, kind: str, mode: int, uid: int, gid: int) -> Inode:
        return Inode(next(self._numbers), kind, mode, uid, gid, self.tick())

    # ---------------------------------------------------------------- names

    def lookup(self, directory: Inode, name: str) -> Inode:
        """The inode of a name; ENOENT, or ENOTDIR where `directory` is none."""
        if directory.kind != "directory":
            raise fail(errno.ENOTDIR, name)
        inode = self.look(directory, name)
        if inode is None:
            raise fail(errno.ENOENT, name)
        return inode

    def look(self, directory: Inode, name: str) -> Inode | None:
        """What a directory has under a name, None if nothing; the answer stays in the cache of names (dcache)."""
        where = directory.number, name
        if where not in self._dentries:
            self._dentries.add(where)
            self.metadata.looked_up(directory, name)
        return directory.entries.get(name)

    def drop_caches(self) -> None:
        """Forget all clean pages, and all names."""
        self._dentries.clear()
        super().drop_caches()

    def names(self, directory: Inode) -> list[str]:
        """The names in a directory, in the order in which they came."""
        self.metadata.listed(directory)
        return list(directory.entries)

    def create(
        self,
        directory: Inode,
        name: str,
        kind: str,
        mode: int | None = None,
        uid: int = 0,
        gid: int = 0,
        target: str = "",
        rdev: tuple[int, int] = (0, 0),
    ) -> Inode:
        """A new inode under a new name; EEXIST if the name is taken. Mode: 0644, directories 0755, links 0777."""
        mode = {"directory": 0o755, "symlink": 0o777}.get(kind, 0o644) if mode is None else mode
        inode = self._inode(kind, mode, uid, gid)
        inode.target, inode.rdev, inode.size = target, rdev, len(target.encode())
        inode.project = directory.project
        self._check_new_name(directory, name)
        self.metadata.made(inode, directory)
        self.link(inode, directory, name)
        return inode

    def tmpfile(self, directory: Inode, mode: int, uid: int = 0, gid: int = 0) -> Inode:
        """A file without a name yet (O_TMPFILE), to be linked when it is finished."""
        inode = self._inode("file", mode, uid, gid)
        inode.project = directory.project
        self.metadata.made(inode, directory)
        self.metadata.orphaned(inode)
        return inode

    def link(self, inode: Inode, directory: Inode, name: str) -> None:
        """One more name for an inode; EEXIST, ENOTDIR, ENAMETOOLONG."""
        self._check_new_name(directory, name)
        directory.entries[name] = inode
        self._dentries.add((directory.number, name))
        inode.nlink += 2 if inode.kind == "directory" else 1
        directory.nlink += inode.kind == "directory"
        directory.mtime = self.tick()
        directory.read_since_change = inode.read_since_change = False
        self.metadata.linked(directory, name, inode)

    def _check_new_name(self, directory: Inode, name: str) -> None:
        if directory.kind != "directory":
            raise fail(errno.ENOTDIR, name)
        if name in directory.entries:
            raise fail(errno.EEXIST, name)
        if len(name.encode()) > 255:
            raise fail(errno.ENAMETOOLONG, name)

    def unlink(self, directory: Inode, name: str) -> None:
        """Take a name away (of a directory too: it has to be empty, ENOTEMPTY); the last one frees the file."""
        inode = self.lookup(directory, name)
        if inode.entries:
            raise fail(errno.ENOTEMPTY, name)
        del directory.entries[name]
        inode.nlink -= 2 if inode.kind == "directory" else 1
        directory.nlink -= inode.kind == "directory"
        directory.mtime = self.tick()
        directory.read_since_change = inode.read_since_change = False
        self.metadata.unlinked(directory, name, inode)
        self.forget(inode)

    def rename(self, old: Inode, name: str, new: Inode, to: str) -> None:
        """Move a name over another, as rename(2) does when all checks have passed."""
        inode = self.lookup(old, name)
        if new.entries.get(to) is inode:
            return
        if to in new.entries:
            if new.entries[to].entries:
                raise fail(self.not_empty, to)
            if inode.kind == "file" and self.flushes_at_rename(new.entries[to]):
                self.flush_early(inode)
            self.unlink(new, to)
        del old.entries[name]
        new.entries[to] = inode
        self._dentries.add((new.number, to))
        if inode.kind == "directory":
            old.nlink -= 1
            new.nlink += 1
        old.mtime = new.mtime = self.tick()
        old.read_since_change = new.read_since_change = inode.read_since_change = False
        self.metadata.unlinked(old, name, inode)
        self.metadata.linked(new, to, inode)
        self.metadata.changed(inode)

    def exchange(self, old: Inode, name: str, new: Inode, to: str) -> None:
        """Two names change what they stand for (RENAME_EXCHANGE)."""
        one, other = self.lookup(old, name), self.lookup(new, to)
        old.entries[name], new.entries[to] = other, one
        moved = (one.kind == "directory") - (other.kind == "directory")
        old.nlink -= moved
        new.nlink += moved
        old.mtime = new.mtime = self.tick()
        if self.dates_exchanged and old is not new:
            for inode in (one, other):
                inode.mtime = new.mtime if inode.kind == "directory" else inode.mtime
        for inode in (old, new, one, other):
            inode.read_since_change = False
        self.metadata.unlinked(old, name, one)
        self.metadata.unlinked(new, to, other)
        self.metadata.linked(old, name, other)
        self.metadata.linked(new, to, one)

    def open(self, inode: Inode) -> None:
        """One more descriptor: the file outlives its names until `close`."""
        inode.opened += 1

    def close(self, inode: Inode) -> None:
        """One descriptor less; a file that was cut may be written back now, as the file system's rule is."""
        inode.opened -= 1
        if inode.flush_at_close:
            inode.flush_at_close = False
            self.flush_early(inode)
        self.forget(inode)

    def release(self, inode: Inode) -> None:
        """One user less that is no descriptor: nothing is written back; a file that nobody has any more is freed."""
        inode.opened -= 1
        self.forget(inode)

    def forget(self, inode: Inode) -> None:
        """Free a file that has neither a name nor a descriptor."""
        if inode.nlink <= 0 and inode.opened == 0:
            if inode.kind == "file":
                self.truncate(inode, 0)
                self._cached.pop(inode.number, None)
            self.metadata.gone(inode)

    # ---------------------------------------------------------------- attributes

    def link_count(self, inode: Inode) -> int:
        """How many names stat(2) says an inode has; of a directory 2 and its subdirectories where they are counted."""
        return inode.nlink if inode.kind != "directory" or self.counts_directories else 1

    def access(self, inode: Inode) -> None:
        """A program has read a file or a link, or listed a directory: the first time after each change moves `atime`.

        That is the mount option relatime, Linux' default; its other rule, once a day, is left out, as days are.
        """
        if not inode.read_since_change:
            inode.atime, inode.read_since_change = self.now, True
        self.metadata.accessed(inode)

    def set_attributes(self, inode: Inode, **values: int) -> None:
        """Change `mode`, `uid`, `gid`, `mtime` or `atime`."""
        for name, value in values.items():
            setattr(inode, name, value)
        inode.read_since_change = False
        self.metadata.changed(inode)

    def set_xattr(self, inode: Inode, name: str, value: str) -> None:
        """Give an inode an extended attribute, or another value of one."""
        inode.xattrs[name] = value
        inode.read_since_change = False
        self.metadata.changed(inode)

    def remove_xattr(self, inode: Inode, name: str) -> None:
        """Take an extended attribute away, which must be there."""
        del inode.xattrs[name]
        inode.read_since_change = False
        self.metadata.changed(inode)

    def drop_capabilities(self, inode: Inode) -> None:
        """Who changes a program takes its capabilities away: before a write, a cut, and with a new owner."""
        if CAPABILITY in inode.xattrs:
            self.remove_xattr(inode, CAPABILITY)

    # ---------------------------------------------------------------- clones

    def on(self, volume: Volume) -> Self:
        """The same files on a clone of the volume below (which has to be flushed: `sync` first)."""
        twin = type(self)(volume, self.limit, self.clock)
        twin.space, twin._numbers = self.space.copy(), self._numbers
        twin.root = clone_tree(self.root, {})
        return twin
