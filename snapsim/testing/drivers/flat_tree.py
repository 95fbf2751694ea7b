"""The simplest thing that can be right about a layer: a flat table, path -> node, with the calls of a `Mount`.

Hard links are two paths with one node. A new layer is a copy of the whole table.

>>> tree = FlatTree()
>>> tree.mkdir("/d"); tree.write("/d/a", 0, data=b"hello"); tree.rename("/d", "/e"); sorted(tree.nodes)
['', '/e', '/e/a']

Times are not known in advance: a change gives a *moment*, a negative number of its own, and the time that is seen
first stands for that moment in every layer from then on.

LEAVES OUT: extended attributes but one, and "." and ".." in paths.
"""

import errno
import itertools
import os
from dataclasses import dataclass, replace

from snapsim.files.filesystem import fail

_MOST_LINKS = 40
BLOCK = 4096
NOTE = "user.note"
"""The one extended attribute."""


@dataclass(eq=False)
class FlatNode:
    """A file, directory, symbolic link or device.

    Attributes
    ----------
    mtime : int
        What `utime` set; a moment, which is a negative number, if something else set it.
    made, changed : int
        The layers in which the node was made, and changed last (a union copies it up there).
    note : str or None
        The value of the extended attribute, None where there is none.
    cut : frozenset of int
        Blocks that it was cut within: a file system zeroes the rest at once, or leaves it until the file grows again.
    """

    kind: str
    mode: int
    mtime: int
    made: int
    changed: int
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    target: str = ""
    rdev: tuple[int, int] = (0, 0)
    cut: frozenset[int] = frozenset()
    note: str | None = None


class FlatTree:
    """A tree of files as a table.

    Parameters
    ----------
    breaks_links : bool
        A change of a file from below makes it a file of its own, and its other names keep the old one.
    parts_names : bool
        Two names of one file from below are two files to rename(2), which does nothing if both are one.

    Attributes
    ----------
    nodes : dict of str to FlatNode
        By path, "" for the root.
    times : dict of int to int
        Moment -> the time that was seen for it; one for all layers.
    earlier : dict of int to int
        Moment -> the moment, or time, that was before it; one for all layers.
    """

    def __init__(self, breaks_links: bool = False, parts_names: bool = False) -> None:
        self.breaks_links, self.parts_names = breaks_links, parts_names
        self.layer, self._moments = 0, itertools.count(-1, -1)
        self.times: dict[int, int] = {}
        self.earlier: dict[int, int] = {}
        self.nodes: dict[str, FlatNode] = {"": FlatNode("directory", 0o755, next(self._moments), 0, 0)}

    def child(self) -> "FlatTree":
        """The tree of a new layer on top: the same, for now."""
        tree = FlatTree(self.breaks_links, self.parts_names)
        twins = {id(node): replace(node) for node in self.nodes.values()}
        tree.nodes = {path: twins[id(node)] for path, node in self.nodes.items()}
        tree.layer, tree._moments, tree.times, tree.earlier = self.layer + 1, self._moments, self.times, self.earlier
        tree.nodes[""].mtime = next(self._moments)  # a union has a root directory of its own
        return tree

    def time_of(self, node: FlatNode) -> int | None:
        """The time of a node, as far as it is known."""
        return node.mtime if node.mtime >= 0 else self.times.get(node.mtime)

    def see(self, node: FlatNode, time: int) -> bool:
        """A time is seen for the first time: is it another one than before the change?"""
        before = self.earlier.get(node.mtime)
        self.times[node.mtime] = time
        return before is None or time != (before if before >= 0 else self.times.get(before))

    def _touch(self, node: FlatNode) -> None:
        """It changes now."""
        now = next(self._moments)
        self.earlier[now], node.mtime = node.mtime, now

    # ---------------------------------------------------------------- looking

    def names(self, path: str) -> list[str]:
        """The paths directly below one."""
        return sorted(p for p in self.nodes if p.rpartition("/")[0] == path and p)

    def paths_of(self, node: FlatNode) -> list[str]:
        """All names of a node."""
        return [path for path, other in self.nodes.items() if other is node]

    def key(self, path: str, follow: bool = True, links: int = 0) -> str:
        """The path without symbolic links; its last part need not exist."""
        here, parts = "", [part for part in path.split("/") if part]
        for number, part in enumerate(parts):
            self._check_directory(here, path)
            node, last = self.nodes.get(f"{here}/{part}"), number == len(parts) - 1
            if node and node.kind == "symlink" and (follow or not last):
                if links == _MOST_LINKS:
                    raise fail(errno.ELOOP, path)
                start = node.target if node.target.startswith("/") else f"{here}/{node.target}"
                return self.key("/".join([start, *parts[number + 1 :]]), follow, links + 1)
            here = f"{here}/{part}"
        return here

    def _check_directory(self, key: str, path: str) -> None:
        if key not in self.nodes:
            raise fail(errno.ENOENT, path)
        if self.nodes[key].kind != "directory":
            raise fail(errno.ENOTDIR, path)

    def _existing(self, path: str, follow: bool = True) -> str:
        key = self.key(path, follow)
        if key not in self.nodes:
            raise fail(errno.ENOENT, path)
        return key

    def _free(self, path: str) -> str:
        key = self.key(path, follow=False)
        if key in self.nodes:
            raise fail(errno.EEXIST, path)
        return key

    # ---------------------------------------------------------------- changing

    def _changing(self, key: str) -> FlatNode:
        node = self.nodes[key]
        if node.changed != self.layer and self.breaks_links and node.kind != "directory":
            node = self.nodes[key] = replace(node)
        node.changed = self.layer
        return node

    def _make(self, key: str, kind: str, mode: int, target: str = "", rdev: tuple[int, int] = (0, 0)) -> None:
        now = next(self._moments)
        self.nodes[key] = FlatNode(kind, mode, now, self.layer, self.layer, target=target, rdev=rdev)
        self._entry_changed(key)

    def _entry_changed(self, key: str) -> None:
        """A name came or went: that is a change of the directory, whose time is no longer what `utime` set."""
        self._touch(self.nodes[key.rpartition("/")[0]])

    def open(self, path: str, flags: int = os.O_RDWR) -> "FlatTree":
        """Open a file for writing and close it: no change that can be seen, but by O_CREAT and O_TRUNC."""
        if flags & os.O_CREAT and flags & os.O_EXCL:
            self._make(self._free(path), "file", 0o644)
            return self
        key = self._existing(path)
        if self.nodes[key].kind == "directory":
            raise fail(errno.EISDIR, path)
        if flags & os.O_TRUNC:
            self.truncate(path, 0)
        elif self.breaks_links:
            self._changing(key)
        return self

    def close(self) -> None:
        """Nothing."""

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Write at an offset, or at the end (-1); the file is made if it is not there."""
        key = self.key(path)
        if key not in self.nodes:
            self._make(key, "file", 0o644)
        if self.nodes[key].kind == "directory":
            raise fail(errno.EISDIR, path)
        node = self._changing(key)
        if not data:
            return  # write(2) of nothing changes nothing, wherever it is
        offset = len(node.content) if offset < 0 else offset
        before = node.content.ljust(offset, b"\0")
        node.content = before[:offset] + data + before[offset + len(data) :]
        node.cut -= set(range(offset // BLOCK, (offset + len(data) - 1) // BLOCK + 1))
        self._touch(node)

    def append(self, path: str, data: bytes) -> None:
        """Write at the end."""
        self.write(path, -1, data)

    def truncate(self, path: str, size: int) -> None:
        """truncate(2)."""
        key = self._existing(path)
        if self.nodes[key].kind == "directory":
            raise fail(errno.EISDIR, path)
        node = self._changing(key)
        within = {size // BLOCK} if size < len(node.content) and size % BLOCK else set()
        node.cut = frozenset({block for block in node.cut if block * BLOCK < size} | within)
        node.content = node.content[:size].ljust(size, b"\0")
        self._touch(node)

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """mkdir(2)."""
        self._make(self._free(path), "directory", mode)

    def symlink(self, target: str, path: str) -> None:
        """symlink(2)."""
        self._make(self._free(path), "symlink", 0o777, target)

    def mknod(self, path: str, mode: int = 0o644, rdev: tuple[int, int] = (0, 0)) -> None:
        """mknod(2): a device with these numbers."""
        self._make(self._free(path), "device", mode, rdev=rdev)

    def rmdir(self, path: str) -> None:
        """rmdir(2)."""
        key = self._existing(path, follow=False)
        self._check_directory(key, path)
        if self.names(key):
            raise fail(errno.ENOTEMPTY, path)
        del self.nodes[key]
        self._entry_changed(key)

    def unlink(self, path: str) -> None:
        """unlink(2)."""
        key = self._existing(path, follow=False)
        if self.nodes[key].kind == "directory":
            raise fail(errno.EISDIR, path)
        del self.nodes[key]
        self._entry_changed(key)

    def remove_tree(self, path: str) -> None:
        """rm -r."""
        key = self._existing(path, follow=False)
        for below in [p for p in self.nodes if p == key or p.startswith(f"{key}/")]:
            del self.nodes[below]
        self._entry_changed(key)

    def link(self, path: str, to: str) -> None:
        """link(2)."""
        key = self._existing(path, follow=False)
        free = self._free(to)
        if self.nodes[key].kind == "directory":
            raise fail(errno.EPERM, path)
        self.nodes[free] = self._changing(key)
        self._entry_changed(free)

    def rename(self, path: str, to: str) -> None:
        """rename(2)."""
        key, new = self.key(path, follow=False), self.key(to, follow=False)  # both directories before either name
        if key not in self.nodes:
            raise fail(errno.ENOENT, path)
        if key.startswith(f"{new}/"):  # a directory above: do_renameat2() of fs/namei.c, before the kinds are compared
            raise fail(errno.ENOTEMPTY, to)
        self._check_rename(self.nodes[key], key, new, to)
        node = self.nodes[key]
        parted = self.parts_names and node.changed != self.layer and key != new
        if self.nodes.get(new) is node and not parted:
            return
        if self.nodes[key].kind != "directory":
            self._changing(key)
        self.nodes.pop(new, None)
        moved = {p: node for p, node in self.nodes.items() if p == key or p.startswith(f"{key}/")}
        self.nodes = {p: node for p, node in self.nodes.items() if p not in moved}
        self.nodes.update({new + p.removeprefix(key): node for p, node in moved.items()})
        self._entry_changed(key)
        self._entry_changed(new)

    def _check_rename(self, node: FlatNode, key: str, new: str, to: str) -> None:
        over = self.nodes.get(new)
        if over is node:
            return
        if node.kind == "directory" and new.startswith(f"{key}/"):
            raise fail(errno.EINVAL, to)
        if over and node.kind == "directory" != over.kind:
            raise fail(errno.ENOTDIR, to)
        if over and over.kind == "directory" != node.kind:
            raise fail(errno.EISDIR, to)
        if over and self.names(new):
            raise fail(errno.ENOTEMPTY, to)

    def chmod(self, path: str, mode: int) -> None:
        """chmod(2)."""
        self._changing(self._existing(path)).mode = mode

    def chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        """chown(2), or lchown(2) with follow=False: not even root keeps set-user-id (chown_common() of fs/open.c)."""
        node = self._changing(self._existing(path, follow))
        node.uid, node.gid = uid, gid
        if node.kind != "directory":  # set-user-id goes, and set-group-id of what the group may execute
            node.mode &= ~(0o6000 if node.mode & 0o010 else 0o4000)

    def utime(self, path: str, mtime: int, follow: bool = True) -> None:
        """utimensat(2)."""
        self._changing(self._existing(path, follow)).mtime = mtime

    def setxattr(self, path: str, name: str, value: str) -> None:
        """setxattr(2) of the one attribute."""
        self._changing(self._with_a_note(path)).note = value

    def removexattr(self, path: str, name: str) -> None:
        """removexattr(2)."""
        key = self._with_a_note(path)
        if self.nodes[key].note is None:
            raise fail(errno.ENODATA, path)
        self._changing(key).note = None

    def _with_a_note(self, path: str) -> str:
        """What may have one: ``user.`` is for files and directories (xattr_permission(), fs/xattr.c)."""
        key = self._existing(path)
        if self.nodes[key].kind not in ("file", "directory"):
            raise fail(errno.EPERM, path)
        return key
