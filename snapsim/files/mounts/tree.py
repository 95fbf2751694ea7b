"""A plain tree of one file system, mounted: what vfs, btrfs, zfs and devicemapper give.

A node is an inode. What it leaves out: whatever `mount` and `filesystem` leave out.
"""

from typing import Any

from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.mounts.mount import Mount


class TreeMount(Mount[Inode]):
    """A plain tree of one file system: what vfs, btrfs, zfs and devicemapper give.

    Parameters
    ----------
    fs : FileSystem
        What the files lie on.
    root : Inode
        The directory that is seen as "/".
    name : str, optional
        Its name in the root of the file system, where it is no mount point of its own but the beginning of each path.
    """

    def __init__(self, fs: FileSystem, root: Inode, read_only: bool = False, name: str | None = None) -> None:
        super().__init__(fs, read_only)
        self.top, self.name = root, name

    def _root(self) -> Inode:
        if self.name is not None:
            self.fs.look(self.fs.root, self.name)  # every path is walked from there
        return self.top

    def _child(self, directory: Inode, name: str) -> Inode | None:
        return self.fs.look(directory, name)

    def _names(self, directory: Inode) -> list[str]:
        return self.fs.names(directory)

    def _inode(self, node: Inode) -> Inode:
        return node

    def _change(self, node: Inode, what: str, keep: int | None = None) -> Inode:
        return node

    def _create(self, directory: Inode, name: str, kind: str, **attributes: Any) -> Inode:
        return self.fs.create(directory, name, kind, **attributes)

    def _remove(self, directory: Inode, name: str, node: Inode) -> None:
        self.fs.unlink(directory, name)

    def _link(self, node: Inode, directory: Inode, name: str) -> None:
        self.fs.link(node, directory, name)

    def _rename(self, old: Inode, name: str, node: Inode, new: Inode, to: str, over: Inode | None) -> None:
        self.fs.rename(old, name, new, to)
