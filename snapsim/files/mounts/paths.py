"""Paths and nodes: what a mounted tree has to give, and how a path is walked through it.

Under `mount`, which adds the POSIX calls. A *node* is what a name stands for: an inode in a plain tree, a name with
a stack of inodes in a union.

What it leaves out: working directories and permissions on the way.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from snapsim.files.filesystem import FileSystem, Inode, fail

N = TypeVar("N")
_MOST_LINKS = 40  # symbolic links on one path, then ELOOP: path_resolution(7)


class Stat(NamedTuple):
    """What stat(2) tells; `blocks` counts 512-byte sectors, `mtime` ticks of the logical clock."""

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


class Paths(ABC, Generic[N]):
    """A tree of nodes that paths lead through.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    read_only : bool
        Every change is EROFS.
    """

    def __init__(self, fs: FileSystem, read_only: bool = False) -> None:
        self.fs, self.read_only = fs, read_only

    # ---------------------------------------------------------------- what a kind of tree gives

    @abstractmethod
    def _root(self) -> N:
        """The node of "/"."""

    @abstractmethod
    def _child(self, directory: N, name: str) -> N | None:
        """The node of a name in a directory, None if there is none."""

    @abstractmethod
    def _names(self, directory: N) -> list[str]:
        """The names in a directory."""

    @abstractmethod
    def _inode(self, node: N) -> Inode:
        """The inode that is seen at a node now."""

    @abstractmethod
    def _change(self, node: N, what: str, keep: int | None = None) -> Inode:
        """The inode of a node that may be changed (a union copies it up here).

        `what`: "data", "attributes" (chmod, chown, utime) or "name" (link, rename). `keep`: how many bytes of the
        data are wanted, all when left out.
        """

    @abstractmethod
    def _create(self, directory: N, name: str, kind: str, **attributes: Any) -> N:
        """Make a name that is free: keywords as of `FileSystem.create`."""

    @abstractmethod
    def _remove(self, directory: N, name: str, node: N) -> None:
        """Take a name away; a directory is empty."""

    @abstractmethod
    def _link(self, node: N, directory: N, name: str) -> None:
        """Another name, which is free, for a file."""

    @abstractmethod
    def _rename(self, old: N, name: str, node: N, new: N, to: str, over: N | None) -> None:
        """Move a name; all checks of rename(2) have passed; `over` is what `to` names now."""

    def _opened(self, node: N, flags: int) -> None:
        """A descriptor is about to be opened (overlayfs copies up here if it is for writing)."""

    def _accessed(self, inode: Inode) -> None:
        """A program reads a file or a directory (a union does it without access times: O_NOATIME)."""
        self.fs.metadata.accessed(inode)

    def _data(self, node: N) -> Inode:
        """The inode that holds the data: another one where a union copied up the attributes alone."""
        return self._inode(node)

    def _stat(self, node: N) -> Stat:
        inode = self._inode(node)
        blocks = self.fs.charged(self._data(node)) * (self.fs.block_size // 512)
        return Stat(
            inode.number,
            inode.kind,
            inode.mode,
            inode.nlink,
            inode.uid,
            inode.gid,
            inode.size,
            inode.mtime,
            inode.rdev,
            blocks,
        )

    def files(self, directory: str = "") -> Iterator[tuple[str, Inode]]:
        """All that is seen below a directory: the path, and the inode that holds the data; no I/O."""
        node = self._walk(directory or "/", follow=False)
        for name in sorted(self._names(node)):
            child = self._child(node, name)
            if child is not None:
                yield f"{directory}/{name}", self._data(child)
                if self._inode(child).kind == "directory":
                    yield from self.files(f"{directory}/{name}")

    # ---------------------------------------------------------------- paths

    def _walk(self, path: str, follow: bool = True, links: int = 0) -> N:
        """The node of a path; ENOENT, ENOTDIR, ELOOP."""
        node = self._find(path, follow, links)
        if node is None:
            raise fail(errno.ENOENT, path)
        return node

    def _find(self, path: str, follow: bool = True, links: int = 0) -> N | None:
        directory, name, links = self._parent(path, links)
        node = directory if name == "." else self._child(directory, name)
        if node is None or not follow or self._inode(node).kind != "symlink":
            return node
        return self._find(self._target(path, node, links), True, links + 1)

    def _target(self, path: str, node: N, links: int) -> str:
        if links >= _MOST_LINKS:
            raise fail(errno.ELOOP, path)
        target = self._inode(node).target
        return target if target.startswith("/") else f"{os.path.dirname(path)}/{target}"

    def _end(self, path: str, links: int = 0) -> str:
        """The path that dangling symbolic links lead to: where open(2) makes the file."""
        directory, name, links = self._parent(path, links)
        node = self._child(directory, name) if name != "." else None
        if node is None or self._inode(node).kind != "symlink":
            return path
        return self._end(self._target(path, node, links), links + 1)

    def _parent(self, path: str, links: int = 0) -> tuple[N, str, int]:
        """The directory node of a path's last component, and that component ("." for the root)."""
        if "\0" in path:
            raise fail(errno.EINVAL, path.replace("\0", "?"))
        node, parts = [self._root()], [part for part in path.split("/") if part not in ("", ".")]
        for number, part in enumerate(parts[:-1]):
            if part == "..":
                node = node[:-1] or node
                continue
            child = self._child(node[-1], part) if self._inode(node[-1]).kind == "directory" else None
            if child is not None and self._inode(child).kind == "symlink":
                head = self._target("/".join(parts[: number + 1]), child, links)
                return self._parent("/".join([head, *parts[number + 1 :]]), links + 1)
            node.append(self._directory(child, path))
        if parts and parts[-1] == "..":
            return (node[:-1] or node)[-1], ".", links
        self._directory(node[-1], path)
        return node[-1], parts[-1] if parts else ".", links

    def _directory(self, node: N | None, path: str) -> N:
        if node is None:
            raise fail(errno.ENOENT, path)
        if self._inode(node).kind != "directory":
            raise fail(errno.ENOTDIR, path)
        return node

    def _free_name(self, path: str) -> tuple[N, str]:
        """Where a new name goes; EEXIST if it is taken."""
        self._check_writable(path)
        directory, name, _ = self._parent(path)
        if name == "." or self._child(directory, name) is not None:
            raise fail(errno.EEXIST, path)
        return directory, name

    def _check_writable(self, path: str = "") -> None:
        if self.read_only:
            raise fail(errno.EROFS, path)
