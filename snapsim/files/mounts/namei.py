"""Walking a path through a tree, component by component, as Linux does in fs/namei.c.

A path is a row of components; each is looked up in the directory where the walk stands. The rules:

- Every component but the last has to be a directory (ENOTDIR), or a symbolic link to one: its text is put in front of
  the components that are left, and the walk goes on from the directory of the link, or from the root.
- "." stays, ".." goes to where the walk came from, and at the root stays as well. Both are components like others, so
  ``/file/..`` is ENOTDIR.
- The **last** component is the caller's: mkdir(2) makes it, unlink(2) takes it away, stat(2) looks it up and follows
  it. `Walk.to_last` stops in front of it.
- A slash at the end says that the last component is a directory: a link is followed then, any other file is ENOTDIR.
- More than 40 links on one way are ELOOP, whether they turn in a circle or not.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> mount = TreeMount(fs, fs.root)
>>> mount.mkdir("/d"); mount.symlink(".", "/d/here"); mount.write("/d/f", 0, data=b"hello")
5
>>> mount.read_bytes("/d/here/here/../d/f")            # through the link twice, up to the root, and down again
b'hello'
>>> last = Walk(mount.tree, "/d/here/new/").to_last()
>>> last.directory is fs.root.entries["d"], last.name, last.slash
(True, 'new', True)

What it leaves out: working directories (a path without a slash in front starts at the root as well), permissions on the
way, and other mounts below.
"""

import errno
import os
from dataclasses import dataclass
from typing import Generic

from snapsim.files.inode import fail
from snapsim.files.mounts.contract import N, Tree

MOST_LINKS = 40  # MAXSYMLINKS
LONGEST_PATH, LONGEST_NAME = 4095, 255  # bytes: PATH_MAX with its end mark, NAME_MAX
NO_NAMES = ("", ".", "..")  # a last component that names nothing: LAST_ROOT, LAST_DOT, LAST_DOTDOT


@dataclass(frozen=True)
class Last(Generic[N]):
    """The last component of a path, before it is looked up.

    Attributes
    ----------
    directory : node
        Where it is looked up.
    name : str
        "" for the root, "." and ".." as they are.
    slash : bool
        The path ends with a slash.
    above : tuple of nodes
        The directories from the root down to `directory`, which is the last of them.
    """

    directory: N
    name: str
    slash: bool
    above: tuple[N, ...]

    @property
    def is_name(self) -> bool:
        """Whether it is a name that could be made or taken away (LAST_NORM)."""
        return self.name not in NO_NAMES


class Walk(Generic[N]):
    """One path on its way through a tree.

    Parameters
    ----------
    tree : Tree
    path : str
        At most 4095 bytes of UTF-8 (ENAMETOOLONG), not empty (ENOENT), without NUL (EINVAL).
    """

    def __init__(self, tree: Tree[N], path: str) -> None:
        if "\0" in path:
            raise fail(errno.EINVAL, path.replace("\0", "?"))
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise fail(errno.ENAMETOOLONG, f"{path[:40]}...")
        if not path:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        self.tree, self.path = tree, path
        self._at = [tree.root()]  # the directories that lead to where the walk stands
        self._left = [part for part in path.split("/") if part]
        self._slash = path.endswith("/")
        self._links = 0

    def to_last(self) -> Last[N]:
        """Walk all components but the last.

        Raises
        ------
        OSError
            ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        while len(self._left) > 1:
            part = self._left.pop(0)
            if part == "..":
                self._at[1:] = self._at[1:-1]
            elif part != ".":
                self._enter(part)
        return Last(self._at[-1], self._left[0] if self._left else "", self._slash, tuple(self._at))

    def _enter(self, name: str) -> None:
        """Go to a name in the directory where the walk stands, which has to be a directory too."""
        node = self._look(name)
        kind = None if node is None else self.tree.inode(node).kind
        if node is None:
            raise fail(errno.ENOENT, self.path)
        if kind == "symlink":
            self.follow(node)
        elif kind == "directory":
            self._at.append(node)
        else:
            raise fail(errno.ENOTDIR, self.path)

    def _look(self, name: str) -> N | None:
        if len(os.fsencode(name)) > LONGEST_NAME:
            raise fail(errno.ENAMETOOLONG, self.path)
        return self.tree.child(self._at[-1], name)

    def follow(self, link: N) -> None:
        """Put the text of a symbolic link in front of what is left, in place of the link itself."""
        self._links += 1
        if self._links > MOST_LINKS:
            raise fail(errno.ELOOP, self.path)
        self.tree.accessed(link)
        target = self.tree.inode(link).target
        if target.startswith("/"):
            del self._at[1:]
        self._slash = self._slash or (not self._left and target.endswith("/"))
        self._left[:0] = [part for part in target.split("/") if part]

    def look(self, last: Last[N]) -> N | None:
        """The node of the last component; None if there is none."""
        if last.name == "..":
            return last.above[-2] if len(last.above) > 1 else last.directory
        return self._look(last.name) if last.is_name else last.directory

    def find(self, follow: bool = True) -> N:
        """Walk to the end: what the path stands for.

        Parameters
        ----------
        follow : bool
            A symbolic link at the end is followed (stat), or found (lstat).

        Raises
        ------
        OSError
            ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        while True:
            last = self.to_last()
            node = self.look(last)
            if node is None:
                raise fail(errno.ENOENT, self.path)
            kind = self.tree.inode(node).kind
            if kind != "symlink" or not (follow or last.slash):
                break
            self._left.clear()
            self.follow(node)
        if last.slash and last.is_name and kind != "directory":
            raise fail(errno.ENOTDIR, self.path)
        return node

    def follow_last(self, link: N) -> None:
        """Go on from a link that is the last component, as open(2) does."""
        self._left.clear()
        self.follow(link)
