"""A union of directory trees: several of them seen as one, of which only the top one is ever written.

The layers are trees of one file system: layer 0 is the **upper**, the others are **lowers**, nearest first. What a
reader sees:

- a name is looked up from the top down and the first hit wins;
- directories of one name merge, down to an *opaque* one;
- a *whiteout* ends the search: the name is gone.

What happens at a change, in the upper layer alone:

- a lower file is **copied up** before it changes, its missing parent directories first;
- a lower name that is deleted is covered by a whiteout, and so is one that was renamed;
- a directory that is made where a whiteout was is opaque, or the old content would shine through again;
- a directory of a lower layer cannot be renamed (EXDEV): its whole tree would have to be copied.

How a mark looks on disk, when a file is copied up, and what becomes of hard links, differs:
`snapsim.files.mounts.overlayfs`, `snapsim.files.mounts.aufs`.

What it leaves out: memory maps (an old one goes stale at copy-up), and changes of a layer behind the mount's back,
which the kernel calls undefined as well.
"""

import errno
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple, Unpack

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts.contract import Making, Tree


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

    @property
    def is_pure_upper(self) -> bool:
        """Whether no lower layer has a part in it."""
        return self.stack[-1].layer == 0

    def __repr__(self) -> str:
        return f"<node {self.name!r}: {', '.join(f'layer {layer} {inode}' for layer, inode in self.stack)}>"


class Union(Tree[Node]):
    """A union of directory trees.

    Parameters
    ----------
    fs : FileSystem
        What all of them lie on.
    lowers : sequence of Inode
        Root directories of the lower layers, nearest first.
    upper : Inode, optional
        Root directory of the upper layer; the mount is read-only without one.
    work : Inode, optional
        A directory for copies that are not finished.
    """

    piece: ClassVar[int] = 0  # bytes that are copied in one go, with the holes in them

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(fs, read_only=upper is None)
        parts = [Part(0, upper)] if upper is not None else []
        self._top = Node("", None, parts + [Part(number, inode) for number, inode in enumerate(lowers, start=1)])
        self._work = work

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

    @abstractmethod
    def _set_opaque(self, directory: Inode) -> None:
        """Mark an upper directory."""

    @abstractmethod
    def _cover(self, directory: Inode, name: str) -> None:
        """Put a whiteout into an upper directory, where nothing has that name."""

    @abstractmethod
    def _uncover(self, directory: Inode, name: str) -> None:
        """Take a whiteout away."""

    @abstractmethod
    def _clear(self, directory: Inode) -> None:
        """Take all marks out of an upper directory that is about to go."""

    # ---------------------------------------------------------------- looking up and merging

    def root(self) -> Node:
        """The node of "/"."""
        return self._top

    def inode(self, node: Node) -> Inode:
        """The topmost inode of the stack."""
        return node.stack[0].inode

    def accessed(self, node: Node) -> None:
        """Nothing: the layers' files are opened with O_NOATIME."""

    def child(self, directory: Node, name: str) -> Node | None:
        """See `Tree`; what was looked up once is known."""
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

    def names(self, directory: Node) -> list[str]:
        """The names of all layers, without those that a higher one hides."""
        names: dict[str, None] = {}
        gone: set[str] = set()
        for _, place in directory.stack:
            self.fs.metadata.listed(place)
            there, whited_out = self._listing(place)
            names.update((name, None) for name in there if name not in gone)
            gone.update(name for name in whited_out if name not in names)
        return list(names)

    # ---------------------------------------------------------------- copy-up

    def change(self, node: Node, what: str, keep: int | None = None) -> Inode:
        """The node's inode in the upper layer."""
        return self._copy_up(node, what, keep)

    def _copy_up(self, node: Node, what: str = "name", keep: int | None = None) -> Inode:
        """The node's inode in the upper layer, made there if it is missing; `what` and `keep` as of `Tree.change`."""
        if node.upper is not None:
            return node.upper
        directory = self._copy_up(node.parent) if node.parent is not None else None
        upper = self._copy(node, what, keep)
        self._put(upper, directory, node.name)
        below = node.stack if self._keeps_below(upper) else []
        node.stack = [Part(0, upper), *below]
        if self.descriptors[node]:
            self.hold(node)
        return upper

    def hold(self, node: Node) -> None:
        """A descriptor holds the inode in the upper layer, even one that was opened before the copy-up."""
        if node.upper is not None:
            self.fs.open(node.upper)

    def release(self, node: Node) -> None:
        """See `Tree`."""
        if node.upper is not None:
            self.fs.release(node.upper)

    def _keeps_below(self, upper: Inode) -> bool:
        """Do the lower parts of a node stay in sight after its copy-up? A directory goes on to merge."""
        return upper.kind == "directory"

    def _copy(self, node: Node, what: str, keep: int | None) -> Inode:
        """A copy with all attributes, in the work directory; nothing stays behind if there is no room for it."""
        source = self.inode(node)
        copy = self._begin(source)
        try:
            if source.kind == "file":
                self._fill(copy, self.data(node), what, keep)
        except OSError:
            self._give_up(copy)
            raise
        self._copy_attributes(copy, source)
        self.fs.set_attributes(copy, mtime=source.mtime, atime=source.atime)
        return copy

    def _begin(self, source: Inode) -> Inode:
        """A new inode for a copy, in the work directory."""
        assert self._work is not None
        name = f"#{source.number}"
        return self.fs.create(
            self._work, name, source.kind, source.mode, source.uid, source.gid, source.target, source.rdev
        )

    def _temporary(self, copy: Inode) -> str:
        """Its name there."""
        assert self._work is not None
        return next(name for name, inode in self._work.entries.items() if inode is copy)

    def _give_up(self, copy: Inode) -> None:
        assert self._work is not None
        self.fs.unlink(self._work, self._temporary(copy))

    def _fill(self, copy: Inode, source: Inode, what: str, keep: int | None) -> None:
        self.fs.copy_data(source, copy, keep, self.piece // self.fs.block_size or 1)

    def _copy_attributes(self, copy: Inode, source: Inode) -> None:
        for name, value in source.xattrs.items():
            self.fs.set_xattr(copy, name, value)

    def _put(self, copy: Inode, directory: Inode | None, name: str) -> None:
        """Move a finished copy into place; without a place (the name is gone already) it lives while it is open."""
        assert self._work is not None
        temporary = self._temporary(copy)
        if directory is None:
            del self._work.entries[temporary]
            copy.nlink -= 1
            self.fs.metadata.unlinked(self._work, temporary, copy)
            return
        times = {"mtime": directory.mtime, "atime": directory.atime}  # nothing happened that a user would see
        self.fs.rename(self._work, temporary, directory, name)
        self.fs.set_attributes(directory, **times)

    # ---------------------------------------------------------------- changing names

    def _is_below(self, directory: Node, name: str) -> bool:
        """Would a lower layer show the name if the upper had nothing? Then its removal needs a whiteout."""
        for layer, place in directory.stack:
            if layer and self._entry(place, name) is not None:
                return True
            if layer and self._hides(place, name):
                return False
        return False

    def _make_room(self, directory: Node, name: str) -> tuple[Inode, bool]:
        """The upper directory for a new name, and whether a whiteout had to go there."""
        upper = self._copy_up(directory)
        covered = self._hides(upper, name)
        if covered:
            self._uncover(upper, name)
        return upper, covered

    def create(self, directory: Node, name: str, kind: str, **attributes: Unpack[Making]) -> Node:
        """See `Tree`; ENAMETOOLONG before anything is copied up."""
        if len(name.encode()) > 255:
            raise fail(errno.ENAMETOOLONG, name)
        upper, covered = self._make_room(directory, name)
        inode = self.fs.create(upper, name, kind, **attributes)
        if kind == "directory" and (covered or self._new_is_opaque(directory)):
            self._set_opaque(inode)
        return self._name(directory, name, [Part(0, inode)])

    def _new_is_opaque(self, directory: Node) -> bool:
        """Is a new directory marked opaque although nothing is below it?"""
        return False

    def _name(self, directory: Node, name: str, stack: list[Part]) -> Node:
        node = directory.children[name] = Node(name, directory, stack)
        return node

    def remove(self, directory: Node, name: str, node: Node) -> None:
        """See `Tree`; a whiteout stays where a lower layer has the name."""
        below, upper = self._is_below(directory, name), self._copy_up(directory)
        if self._entry(upper, name) is not None:
            self._drop(upper, name)
        if below:
            self._cover(upper, name)
        self._forget(node)

    def _drop(self, upper: Inode, name: str) -> None:
        """Unlink an upper name; a directory may still hold marks."""
        if upper.entries[name].kind == "directory":
            self._clear(upper.entries[name])
        self.fs.unlink(upper, name)

    def _forget(self, node: Node) -> None:
        """The name is gone; an open descriptor may still hold the node."""
        if node.parent is not None:
            node.parent.children.pop(node.name, None)
            node.parent = None

    def link(self, node: Node, directory: Node, name: str) -> None:
        """See `Tree`; the file is copied up first."""
        inode = self.change(node, "name")
        upper, _ = self._make_room(directory, name)
        self.fs.link(inode, upper, name)
        self._name(directory, name, list(node.stack))

    def rename(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node | None) -> None:
        """See `Tree`; the file is copied up first, and a whiteout stays where a lower layer has the old name."""
        if not self._can_move(node):
            raise fail(errno.EXDEV, name)
        self._check_replaced(node, new, over, to)
        self.change(node, "name")
        source, below = self._copy_up(old), self._is_below(old, name)
        target, covered = self._make_room(new, to)
        covered = covered or self._is_below(new, to)
        replaced = self._entry(target, to)
        if replaced is not None and replaced.kind == "directory":  # with the marks that it holds
            self._drop(target, to)
        self.fs.rename(source, name, target, to)
        if below:
            self._cover_moved(source, name)
        if over is not None:
            self._forget(over)
        self._moved(node, new, covered)
        self._put_node(node, new, to)

    def _check_replaced(self, node: Node, new: Node, over: Node | None, to: str) -> None:
        """ENOTEMPTY for a directory with names in it."""
        if over is not None and self.inode(over).kind == "directory" and self.names(over):
            raise fail(errno.ENOTEMPTY, to)

    def _put_node(self, node: Node, directory: Node, name: str) -> None:
        """The node has another name now."""
        self._forget(node)
        node.name, node.parent, directory.children[name] = name, directory, node

    def _can_move(self, node: Node) -> bool:
        """Not a directory that a lower layer has: `mv` copies it with all that is in it, the kernel does not."""
        return node.is_pure_upper or self.inode(node).kind != "directory"

    def _cover_moved(self, directory: Inode, name: str) -> None:
        """Put a whiteout where something was moved away."""
        self._cover(directory, name)

    def _moved(self, node: Node, new: Node, covered: bool) -> None:
        """A node was moved, over something of a lower layer if `covered`."""
        if covered and self.inode(node).kind == "directory":
            self._set_opaque(self.inode(node))

    def exchange(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node) -> None:
        """See `Tree`; both are copied up first."""
        if not (self._can_move(node) and self._can_move(over)):
            raise fail(errno.EXDEV, name)
        self.change(node, "name")
        target = self._copy_up(new)
        self.change(over, "name")
        self.fs.exchange(self._copy_up(old), name, target, to)
        self._moved(node, new, self._is_below(new, to))
        self._moved(over, old, self._is_below(old, name))
        self._forget(node)
        self._put_node(over, old, name)
        node.name, node.parent, new.children[to] = to, new, node
