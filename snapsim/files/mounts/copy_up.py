"""The union mount: what happens in the upper layer when something changes.

The rules that overlayfs and aufs share:

- a lower file is **copied up** before it changes, its missing parent directories first;
- a lower name that is deleted is covered by a **whiteout**, and so is one that was renamed;
- a directory that is made where a whiteout was is **opaque**, or the old content would shine through again;
- a directory of a lower layer cannot be renamed (EXDEV): its whole tree would have to be copied.

When a file is copied up, and what becomes of hard links, differs: `snapsim.files.mounts.overlayfs`,
`snapsim.files.mounts.aufs`.

What it leaves out: see `snapsim.files.mounts.union`.
"""

import errno
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from snapsim.files.filesystem import FileSystem, Inode, fail
from snapsim.files.mounts.union import Node, Part, Union


class UnionMount(Union):
    """A union whose upper layer can be written.

    Parameters
    ----------
    fs, lowers, upper
        As of `Union`.
    work : Inode, optional
        A directory for copies that are not finished.
    """

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(fs, lowers, upper)
        self._work = work

    # ---------------------------------------------------------------- how marks are made: overlayfs, aufs

    piece: ClassVar[int] = 0  # bytes that are copied in one go, with the holes in them

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

    # ---------------------------------------------------------------- copy-up

    def _change(self, node: Node, what: str, keep: int | None = None) -> Inode:
        return self._copy_up(node, what, keep)

    def _copy_up(self, node: Node, what: str = "name", keep: int | None = None) -> Inode:
        """The node's inode in the upper layer, made there if it is missing.

        `what` is about to change, and `keep` bytes of the data are wanted (all if None): see `Paths._change`.
        """
        if node.upper is not None:
            return node.upper
        directory = self._copy_up(node.parent) if node.parent is not None else None
        upper = self._copy(node, what, keep)
        self._put(upper, directory, node.name)
        below = node.stack if self._keeps_below(upper) else []
        node.stack = [Part(0, upper), *below]
        return upper

    def _keeps_below(self, upper: Inode) -> bool:
        """Do the lower parts of a node stay in sight after its copy-up? A directory goes on to merge."""
        return upper.kind == "directory"

    def _copy(self, node: Node, what: str, keep: int | None) -> Inode:
        """A copy with all attributes, in the work directory; nothing stays behind if there is no room for it."""
        source = self._inode(node)
        copy = self._begin(source)
        try:
            if source.kind == "file":
                self._fill(copy, self._data(node), what, keep)
        except OSError:
            self._give_up(copy)
            raise
        self._copy_attributes(copy, source)
        self.fs.set_attributes(copy, mtime=source.mtime)
        return copy

    def _begin(self, source: Inode) -> Inode:
        """A new inode for a copy, in the work directory."""
        assert self._work is not None
        return self.fs.create(
            self._work,
            f"#{source.number}",
            source.kind,
            source.mode,
            source.uid,
            source.gid,
            source.target,
            source.rdev,
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
        time = directory.mtime  # nothing happened to the directory that a user would see
        self.fs.rename(self._work, temporary, directory, name)
        self.fs.set_attributes(directory, mtime=time)

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

    def _create(self, directory: Node, name: str, kind: str, **attributes: Any) -> Node:
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

    def _remove(self, directory: Node, name: str, node: Node) -> None:
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

    def _link(self, node: Node, directory: Node, name: str) -> None:
        inode = self._change(node, "name")
        upper, _ = self._make_room(directory, name)
        self.fs.link(inode, upper, name)
        self._name(directory, name, list(node.stack))

    def _rename(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node | None) -> None:
        if not self._can_move(node):
            raise fail(errno.EXDEV, name)
        self._change(node, "name")
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
        self._forget(node)
        node.name, node.parent, new.children[to] = to, new, node

    def _can_move(self, node: Node) -> bool:
        """Not a directory that a lower layer has: `mv` copies it with all that is in it, the kernel does not."""
        return node.stack[-1].layer == 0 or self._inode(node).kind != "directory"

    def _cover_moved(self, directory: Inode, name: str) -> None:
        """Put a whiteout where something was moved away."""
        self._cover(directory, name)

    def _moved(self, node: Node, new: Node, covered: bool) -> None:
        """A node was moved, over something of a lower layer if `covered`."""
        if covered and self._inode(node).kind == "directory":
            self._set_opaque(self._inode(node))
