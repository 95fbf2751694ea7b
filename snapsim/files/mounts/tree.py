"""A plain tree of one file system, mounted: what vfs, btrfs, zfs and devicemapper give.

A node is an inode. What it leaves out: whatever `mount` and `filesystem` leave out.
"""

from typing import Unpack

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode
from snapsim.files.mounts.contract import Making, Tree
from snapsim.files.mounts.mount import Mount


class PlainTree(Tree[Inode]):
    """A directory of a file system, and what is in it.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    top : Inode
        The directory that is seen as "/".
    name : str, optional
        Its name in the root of the file system, where it is no mount point of its own but the beginning of each path.
    """

    def __init__(self, fs: FileSystem, top: Inode, read_only: bool = False, name: str | None = None) -> None:
        super().__init__(fs, read_only)
        self.top, self.name = top, name

    def root(self) -> Inode:
        """The directory that is seen as "/"."""
        if self.name is not None:
            self.fs.look(self.fs.root, self.name)  # every path is walked from there
        return self.top

    def child(self, directory: Inode, name: str) -> Inode | None:
        """See `Tree`."""
        return self.fs.look(directory, name)

    def names(self, directory: Inode) -> list[str]:
        """See `Tree`."""
        return self.fs.names(directory)

    def inode(self, node: Inode) -> Inode:
        """The node itself."""
        return node

    def change(self, node: Inode, what: str, keep: int | None = None) -> Inode:
        """The node itself."""
        return node

    def create(self, directory: Inode, name: str, kind: str, **attributes: Unpack[Making]) -> Inode:
        """See `Tree`."""
        return self.fs.create(directory, name, kind, **attributes)

    def remove(self, directory: Inode, name: str, node: Inode) -> None:
        """See `Tree`."""
        self.fs.unlink(directory, name)

    def link(self, node: Inode, directory: Inode, name: str) -> None:
        """See `Tree`."""
        self.fs.link(node, directory, name)

    def rename(self, old: Inode, name: str, node: Inode, new: Inode, to: str, over: Inode | None) -> None:
        """See `Tree`."""
        self.fs.rename(old, name, new, to)

    def exchange(self, old: Inode, name: str, node: Inode, new: Inode, to: str, over: Inode) -> None:
        """See `Tree`."""
        self.fs.exchange(old, name, new, to)


class TreeMount(Mount[Inode]):
    """A plain tree of one file system, mounted.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    root : Inode
        The directory that is seen as "/".
    name : str, optional
        As of `PlainTree`.
    """

    def __init__(self, fs: FileSystem, root: Inode, read_only: bool = False, name: str | None = None) -> None:
        super().__init__(PlainTree(fs, root, read_only, name))
