"""A union of directory trees: several of them seen as one, of which only the top one is ever written.

The layers are trees of one file system: layer 0 is the **upper**, the others are **lowers**, nearest first. A name
is looked up from the top down and the first hit wins; directories of one name merge, down to an *opaque* one; a
*whiteout* ends the search: the name is gone. This file is what a reader sees; `snapsim.files.mounts.copy_up` is what
happens at a change; `snapsim.files.mounts.overlayfs` and `snapsim.files.mounts.aufs` say how a mark looks on disk.

What it leaves out: memory maps (an old one goes stale at copy-up), and changes of a layer behind the mount's back,
which the kernel calls undefined as well.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.mounts.mount import Mount


class Part(NamedTuple):
    """What one layer has under a name; layer 0 is the upper."""

    layer: int
    inode: Inode


class Node:
    """A name in the merged tree, with the inodes that stand behind it, topmost first.

    An open file holds on to its node, so it sees a copy-up; a directory's node knows the nodes of its names that were
    looked up before (the kernel's dentries).
    """

    __slots__ = ("children", "name", "parent", "stack")

    def __init__(self, name: str, parent: "Node | None", stack: list[Part]) -> None:
        self.name, self.parent, self.stack = name, parent, stack
        self.children: dict[str, Node] = {}

    @property
    def upper(self) -> Inode | None:
        """The inode in the upper layer."""
        return self.stack[0].inode if self.stack[0].layer == 0 else None

    def __repr__(self) -> str:
        return f"<node {self.name!r}: {', '.join(f'layer {layer} {inode}' for layer, inode in self.stack)}>"


class Union(Mount[Node]):
    """A union of directory trees, to read.

    Parameters
    ----------
    fs : FileSystem
        What all of them lie on.
    lowers : sequence of Inode
        Root directories of the lower layers, nearest first.
    upper : Inode, optional
        Root directory of the upper layer; the mount is read-only without one.
    """

    def __init__(self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None) -> None:
        super().__init__(fs, read_only=upper is None)
        parts = [Part(0, upper)] if upper is not None else []
        self._top = Node("", None, parts + [Part(number, inode) for number, inode in enumerate(lowers, start=1)])

    # ---------------------------------------------------------------- what the marks look like: overlayfs, aufs

    @abstractmethod
    def _entry(self, directory: Inode, name: str) -> Inode | None:
        """What one layer's directory has under a name; marks are nothing."""

    @abstractmethod
    def _hides(self, directory: Inode, name: str) -> bool:
        """Is there a whiteout for the name?"""

    @abstractmethod
    def _listing(self, directory: Inode) -> tuple[Iterable[str], Iterable[str]]:
        """The names that one layer's directory has, and those that it whites out."""

    @abstractmethod
    def _is_opaque(self, directory: Inode) -> bool:
        """Does it hide the directories below?"""

    # ---------------------------------------------------------------- looking up and merging

    def _accessed(self, inode: Inode) -> None:
        pass  # the layers' files are opened with O_NOATIME

    def _root(self) -> Node:
        return self._top

    def _inode(self, node: Node) -> Inode:
        return node.stack[0].inode

    def _child(self, directory: Node, name: str) -> Node | None:
        if name not in directory.children:
            stack = self._look_up(directory, name)
            if not stack:
                return None
            directory.children[name] = Node(name, directory, stack)
        return directory.children[name]

    def _look_up(self, directory: Node, name: str) -> list[Part]:
        """The inodes behind a name, topmost first."""
        found: list[Part] = []
        for layer, place in directory.stack:
            self.fs.look(place, name)
            inode, hidden = self._entry(place, name), self._hides(place, name)
            if inode is not None:
                if found and inode.kind != "directory":
                    break  # a file under a directory is never seen
                found.append(Part(layer, inode))
                hidden = hidden or inode.kind != "directory" or self._is_opaque(inode)
            if hidden:
                break
        return found

    def _names(self, directory: Node) -> list[str]:
        names: dict[str, None] = {}
        gone: set[str] = set()
        for _, place in directory.stack:
            self.fs.metadata.listed(place)
            there, whited_out = self._listing(place)
            names.update((name, None) for name in there if name not in gone)
            gone.update(name for name in whited_out if name not in names)
        return list(names)
