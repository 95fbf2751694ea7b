"""Inodes: what `stat` tells of a file, where its blocks lie, and which of its pages are in the cache.

What it leaves out: the change time (`read_since_change` is all that anybody asks of it), and everything on disk
(`snapsim.files.metadata`).
"""

import os

import numpy as np

from snapsim.block.device import Integers
from snapsim.files.pages import Pages

KINDS = ("file", "directory", "symlink", "device", "block", "fifo", "socket")
"""What a name can stand for; "device" is a character device."""


def fail(number: int, path: str = "") -> OSError:
    """The OSError of an errno, with Linux's words.

    Examples
    --------
    >>> fail(18, "/d")
    OSError(18, 'Invalid cross-device link')
    """
    return OSError(number, os.strerror(number), path) if path else OSError(number, os.strerror(number))


class Inode:
    """A file, directory, symbolic link or device node: what stat(2) says, and where the blocks lie.

    Attributes
    ----------
    number, kind, mode, uid, gid, nlink, mtime, atime : as in stat(2); times are ticks of the logical clock
    read_since_change : bool
        It was read since it last changed, so that another read leaves `atime` as it is (relatime).
    xattrs : dict of str to str
    entries : dict of str to Inode
        The names of a directory.
    target : str
        Of a symbolic link.
    rdev : (int, int)
        Of a device; the character device (0, 0) is overlayfs' whiteout.
    size : int
        Bytes.
    blocks : ndarray of int64
        Place of each block on the volume, -1 for a hole.
    pages : Pages
        The page cache of the file.
    content : bytes or None
        The real bytes, where they are known.
    flush_at_close : bool
        The file was cut: its new data go to the device at the next close, not at the next sync.
    opened : int
        Open descriptors; a file without names lives until the last one is closed.
    project : int
        Whose quota its blocks count for; inherited from the directory, 0 for none.
    """

    __slots__ = (
        "atime",
        "blocks",
        "content",
        "entries",
        "flush_at_close",
        "gid",
        "kind",
        "mode",
        "mtime",
        "nlink",
        "number",
        "opened",
        "pages",
        "project",
        "rdev",
        "read_since_change",
        "size",
        "target",
        "uid",
        "xattrs",
    )

    def __init__(self, number: int, kind: str, mode: int, uid: int = 0, gid: int = 0, mtime: int = 0) -> None:
        self.number, self.kind, self.mode, self.uid, self.gid, self.mtime = number, kind, mode, uid, gid, mtime
        self.atime, self.read_since_change = mtime, False
        self.nlink, self.size, self.opened, self.target, self.rdev = 0, 0, 0, "", (0, 0)
        self.project, self.flush_at_close = 0, False
        self.xattrs: dict[str, str] = {}
        self.entries: dict[str, Inode] = {}
        self.blocks: Integers = np.full(0, -1, np.int64)
        self.pages = Pages()
        self.content: bytes | None = b"" if kind == "file" else None

    def twin(self) -> "Inode":
        """A copy with the same number, without entries and with a cold cache (the same file in a clone)."""
        twin = Inode(self.number, self.kind, self.mode, self.uid, self.gid, self.mtime)
        for name in ("nlink", "size", "target", "rdev", "content", "project", "atime", "read_since_change"):
            setattr(twin, name, getattr(self, name))
        twin.xattrs, twin.blocks, twin.pages = dict(self.xattrs), self.blocks.copy(), Pages(self.blocks.size)
        return twin

    def __repr__(self) -> str:
        return f"<inode {self.number}: {self.kind}, {self.size} bytes, nlink {self.nlink}>"


def clone_tree(inode: Inode, seen: dict[int, Inode]) -> Inode:
    """Twins of a tree's inodes; hard links stay hard links."""
    if inode.number not in seen:
        twin = seen[inode.number] = inode.twin()
        twin.entries = {name: clone_tree(child, seen) for name, child in inode.entries.items()}
    return seen[inode.number]


def tree_places(directory: Inode) -> Integers:
    """The places of all files under a directory, each inode's once."""
    found: dict[int, Integers] = {}
    waiting = [directory]
    while waiting:
        inode = waiting.pop()
        found[inode.number] = inode.blocks[inode.blocks >= 0]
        waiting += inode.entries.values()
    return np.unique(np.concatenate(list(found.values())))
