"""THE CONTRACT of a mounted tree: what a name stands for, and what has to happen before something changes.

`snapsim.files.mounts.mount.Mount` makes the system calls of these verbs, once for all kinds of trees. A *node* is what
a name stands for: an inode in a plain tree, a name with a stack of inodes in a union. Whoever calls a verb has made
the checks of the system call before: a name to be made is free, a directory to be removed is empty.

What it leaves out: paths (`snapsim.files.mounts.namei`), and several mounts of one tree.
"""

import errno
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypedDict, TypeVar, Unpack

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail

N = TypeVar("N")


class Stat(NamedTuple):
    """What stat(2) says; `blocks` counts 512-byte sectors, `mtime` and `atime` are ticks of the logical clock."""

    ino: int
    kind: str
    mode: int
    nlink: int
    uid: int
    gid: int
    size: int
    mtime: int
    rdev: tuple[int, int]
    blocks: int
    atime: int = 0


class Making(TypedDict, total=False):
    """What a new inode is given, as of `FileSystem.create`."""

    mode: int
    uid: int
    gid: int
    target: str
    rdev: tuple[int, int]


class Tree(ABC, Generic[N]):
    """A tree of nodes that can be mounted.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    read_only : bool
        Every change is EROFS.
    """

    def __init__(self, fs: FileSystem, read_only: bool = False) -> None:
        self.fs, self.read_only = fs, read_only
        self.descriptors: Counter[N] = Counter()  # that are open
        self.fifo_readers: Counter[N] = Counter()  # open descriptors that read from a FIFO

    def hold(self, node: N) -> None:
        """The first descriptor of a node is open: what it stands for outlives its names until `release`."""

    def release(self, node: N) -> None:
        """The last descriptor of a node goes."""

    # ---------------------------------------------------------------- looking

    @abstractmethod
    def root(self) -> N:
        """The node of "/"."""

    @abstractmethod
    def child(self, directory: N, name: str) -> N | None:
        """The node of a name in a directory, None if there is none."""

    @abstractmethod
    def names(self, directory: N) -> list[str]:
        """The names in a directory."""

    def listed(self, directory: N) -> list[str]:
        """What readdir(3) gives: the names, and perhaps some that nothing is found under."""
        return self.names(directory)

    @abstractmethod
    def inode(self, node: N) -> Inode:
        """The inode that is seen at a node now."""

    def data(self, node: N) -> Inode:
        """The inode that holds the data: another one where a union copied up the attributes alone."""
        return self.inode(node)

    def same(self, one: N, other: N) -> bool:
        """Whether two names are one file as rename(2) sees it, so that there is nothing to do."""
        return self.inode(one) is self.inode(other)

    def stat(self, node: N) -> Stat:
        """What stat(2) says of a node."""
        found = self.inode(node)
        blocks = self.fs.charged(self.data(node)) * (self.fs.block_size // 512)
        return Stat(
            found.number,
            found.kind,
            found.mode,
            self.fs.link_count(found),
            found.uid,
            found.gid,
            found.size,
            found.mtime,
            found.rdev,
            blocks,
            found.atime,
        )

    def attributes(self, node: N) -> dict[str, str]:
        """The extended attributes that a program sees."""
        return self.inode(node).xattrs

    def stored_name(self, name: str) -> str:
        """Under which name the file system below keeps an extended attribute."""
        return name

    # ---------------------------------------------------------------- before and after a call

    def opened(self, node: N, flags: int) -> None:
        """A descriptor is about to be opened (overlayfs copies up here if it is for writing)."""

    def accessed(self, node: N) -> None:
        """A program has read a file or a link, or listed a directory."""
        self.fs.access(self.inode(node))

    def to_sync(self, node: N) -> Inode | None:
        """The inode that fsync(2) writes back; None if there is nothing to do."""
        return self.data(node)

    def ended(self) -> None:
        """A truncate(2) is over."""

    # ---------------------------------------------------------------- changing

    @abstractmethod
    def change(self, node: N, what: str, keep: int | None = None) -> Inode:
        """The inode of a node that may be changed (a union copies it up here).

        `what`: "data", "attributes" (chmod, chown, utime, setxattr) or "name" (link, rename). `keep`: how many bytes of
        the data are wanted, all when left out.
        """

    @abstractmethod
    def create(self, directory: N, name: str, kind: str, **attributes: Unpack[Making]) -> N:
        """Make a name that is free."""

    @abstractmethod
    def remove(self, directory: N, name: str, node: N) -> None:
        """Take a name away; a directory is empty."""

    @abstractmethod
    def link(self, node: N, directory: N, name: str) -> None:
        """Another name, which is free, for a file."""

    @abstractmethod
    def rename(self, old: N, name: str, node: N, new: N, to: str, over: N | None) -> None:
        """Move a name; `over` is what `to` names now, of the same sort (a directory or none).

        Raises
        ------
        OSError
            ENOTEMPTY: `over` is a directory with names in it; EXDEV: a union cannot move it.
        """

    @abstractmethod
    def exchange(self, old: N, name: str, node: N, new: N, to: str, over: N) -> None:
        """Two names change what they stand for (RENAME_EXCHANGE)."""

    # ---------------------------------------------------------------- all of it

    def files(self, directory: str = "", at: N | None = None) -> Iterator[tuple[str, Inode]]:
        """All that is seen below a directory: the path, and the inode that holds the data; no I/O but lookups."""
        node = self.root() if at is None else at
        for name in sorted(self.names(node)):
            found = self.child(node, name)
            if found is not None:
                yield f"{directory}/{name}", self.data(found)
                if self.inode(found).kind == "directory":
                    yield from self.files(f"{directory}/{name}", found)

    def check_writable(self, path: str = "") -> None:
        """EROFS where nothing may be changed."""
        if self.read_only:
            raise fail(errno.EROFS, path)
