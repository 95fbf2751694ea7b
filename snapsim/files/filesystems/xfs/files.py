"""What is known of one inode on an XFS: its slot, what lies in it, and what of it is logged.

An inode of 512 bytes has 176 for its core and 336 for two forks: extents, names or a link's target in one, extended
attributes in the other. A file or directory is made with a boundary between them that leaves 192 bytes to the first
(where the kernel has security modules, as a rule); a link, the root, and a file that was made without a name have none
before their first attribute. What does not fit goes to blocks: names to directory blocks, extents to a B-tree, a long
target of a link to a block of its own. Only what changed since the inode went home is logged: always the core; a fork
if it changed.

>>> from itertools import count
>>> from snapsim.block.device import BlockDevice
>>> layout = XfsLayout(Sectors(1 << 20), first=0, sectors=1 << 22)
>>> slot, made = layout.take(layout.next_group(None, True), None)
>>> file = FileOnDisk(Inode(7, "file", 0o644), slot, count(1).__next__)
>>> file.parts(), file.extents_changed(np.array([4, 5, -1, 9]), np.array([0, 1, 3])), file.parts()
([188], ([], []), [188, 44])
>>> changes, freed = file.extents_changed(np.arange(0, 60, 2), np.arange(30))      # 30 extents: a leaf, and its root
>>> {block for block, _ in changes}, file.parts()
({1}, [188, 36])
>>> link = Inode(8, "symlink", 0o777)
>>> link.size = 400; link = FileOnDisk(link, slot, count(9).__next__)
>>> link.size_fits, link.long_target(), link.parts()
(False, [(9, 15)], [188, 28])

What it leaves out: attributes that do not fit into the inode.
"""

import os
from collections.abc import Callable

import numpy as np

from snapsim.block.device import Integers
from snapsim.files.filesystems.xfs.btree import BLOCK, Change, Leaves, chunks, extent_starts
from snapsim.files.filesystems.xfs.directory import XfsDirectory
from snapsim.files.filesystems.xfs.layout import INODE_ROOM, Slot, XfsLayout
from snapsim.files.filesystems.xfs.log import OP_HEADER, Sectors
from snapsim.files.filesystems.xfs.preallocation import Preallocation
from snapsim.files.inode import Inode

__all__ = ["FileOnDisk", "Inode", "Sectors", "XfsLayout"]
CORE, EXTENT = 176, 16
BOUNDARY, LINK_HEADER = 192, 56
_KERNEL_BYTES = {"trusted.overlay.origin": 33}  # values that the simulation keeps in a shorter form


class FileOnDisk:
    """One inode.

    Parameters
    ----------
    inode : Inode
    slot : Slot
    new : callable
        Gives the number of a new block of its group.
    """

    def __init__(self, inode: Inode, slot: Slot, new: Callable[[], int]) -> None:
        self.number, self.slot, self._new = inode.number, slot, new
        self.names = XfsDirectory(new) if inode.kind == "directory" else None
        self.tree: Leaves | None = None
        self.ahead = Preallocation()
        self.freed: list[Integers] = []  # places to be freed with the inode
        self.fork_logged, self.attributes_logged = inode.kind in ("directory", "symlink"), False
        self._fork = inode.size if inode.kind == "symlink" else 0
        self._attributes = self._blocks_seen = 0
        self.boundary = inode.kind != "symlink"
        self.target: list[int] = []  # the block of a long link
        self.in_memory, self.reflink, self.unlinked, self.read_since_change = True, False, False, False
        self.tick, self.size = -1, 0
        self.moving: Integers = np.zeros(0, np.int64)  # shared blocks that wait for places of their own
        self.windows = 0  # places around those that it will be given
        self.busy = 0, 0  # the log's checkpoints before blocks behind the end went

    @property
    def room(self) -> int:
        """Bytes for names, extents or a target."""
        left = (INODE_ROOM - self._attributes) // 8 * 8
        return min(left, BOUNDARY) if self.boundary else left

    def long_target(self) -> list[Change]:
        """The target of a link, which does not fit: it goes to a block, behind a header."""
        self.target, size, self._fork = [self._new()], self._fork, EXTENT
        return [(self.target[0], chunks(0, min(LINK_HEADER + size, BLOCK)))]

    @property
    def size_fits(self) -> bool:
        """Whether the target of a link fits."""
        return self._fork <= self.room

    def parts(self) -> list[int]:
        """Bytes of what is logged of the inode beside its format."""
        fork = self._fork
        if self.names is not None:
            blocks = len(self.names.blocks) + len(self.names.index)
            fork = EXTENT * blocks if blocks else self.names.short_bytes
        found = [CORE] + [fork] * (self.fork_logged and fork > 0) + [self._attributes] * self.attributes_logged
        return [OP_HEADER + -(-part // 4) * 4 for part in found]

    def names_changed(self) -> None:
        """A directory has a name more or less; only names in the inode are logged with it, or a block that is new."""
        assert self.names is not None
        blocks = len(self.names.blocks) + len(self.names.index)
        self.fork_logged |= not blocks or blocks != self._blocks_seen
        self._blocks_seen = blocks

    def blocks(self) -> list[int]:
        """All blocks of its directory or extent tree."""
        found = self.tree.blocks if self.tree is not None else []
        return [*found, *self.names.blocks, *self.names.index] if self.names is not None else [*found, *self.target]

    def went_home(self) -> None:
        """The inode was written to its cluster."""
        self.fork_logged = self.attributes_logged = False

    def attributes_changed(self, inode: Inode) -> None:
        """Attributes, size, times or mode changed."""
        held = attribute_bytes(inode.xattrs)
        self.attributes_logged |= held != self._attributes
        self._attributes = held

    def extents_changed(self, places: Integers, blocks: Integers) -> tuple[list[Change], list[int]]:
        """Blocks of the file got other places: what changes in the extent tree, and its blocks that are free now.

        Parameters
        ----------
        places : ndarray of int64
            Of all blocks of the file.
        blocks : ndarray of int64
            Which of them changed.
        """
        starts, self.fork_logged = extent_starts(places), True
        if EXTENT * starts.size <= self.room:
            freed, self.tree, self._fork = self.tree.blocks if self.tree else [], None, EXTENT * starts.size
            return [], freed
        if self.tree is None:
            self.tree = Leaves(EXTENT, 72, self._new)
        changes = self.tree.remove(np.setdiff1d(self.tree.keys, starts, assume_unique=True))
        changes += self.tree.insert(np.setdiff1d(starts, self.tree.keys, assume_unique=True))
        self._fork = 8 + EXTENT * len(self.tree.blocks)
        return changes + self.tree.touch(np.sort(blocks)), []


def attribute_bytes(attributes: dict[str, str]) -> int:
    """Bytes of extended attributes in short form: 4, and for each 3, its name without the class, its value.

    Examples
    --------
    >>> attribute_bytes({}), attribute_bytes({"trusted.overlay.opaque": "y"})
    (0, 22)
    """
    if not attributes:
        return 0
    return 4 + sum(
        3 + len(os.fsencode(name.partition(".")[2])) + _KERNEL_BYTES.get(name, len(os.fsencode(value)))
        for name, value in attributes.items()
    )
