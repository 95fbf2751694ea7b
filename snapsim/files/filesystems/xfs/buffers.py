"""The buffers of XFS: which metadata are in memory, which have to be read, which go into the log.

A buffer is a sector (a header of a group), a block (a leaf of a B-tree, a directory block) or a cluster of inodes.
It is read before it is changed, unless it is cached or new, and stays in memory until it is home.

>>> buffers = Buffers(BlockDevice(4096), SpaceMap(4096))
>>> with buffers.disk.counting() as io:
...     buffers.allocate(buffers.layout.groups[2])       # AGF, AGFL; two blocks of B-trees
...     buffers.allocate(buffers.layout.groups[2])
>>> io.counts
IOCounts(read_metadata=(4, 9216))

What it leaves out: read-ahead of buffers, and the order in which the kernel forgets them.
"""

from collections.abc import Iterable

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.space_map import SpaceMap
from snapsim.files.filesystems.xfs.btree import Change
from snapsim.files.filesystems.xfs.layout import BLOCK_SECTORS, LOG_SECTORS, Group, XfsLayout
from snapsim.files.filesystems.xfs.log import SECTOR, Log, Sectors
from snapsim.files.filesystems.xfs.references import XfsReferences


class Buffers:
    """What is in memory of the metadata of one XFS on a `BlockDevice`.

    Parameters
    ----------
    store : BlockDevice
    space : SpaceMap
        How many files have each block.

    Attributes
    ----------
    disk : Sectors
        The metadata.
    layout : XfsLayout
    log : Log
    references : XfsReferences
        Who has which block.
    """

    def __init__(self, store: BlockDevice, space: SpaceMap) -> None:
        share = store.block_size // SECTOR
        blocks = max(store.size // 8, 4096) + LOG_SECTORS // share
        self.disk = Sectors(store.size + blocks, store.block_size, store.name)
        self.layout = XfsLayout(self.disk, store.size * share, blocks * share)
        self.log = Log(self.disk, self.layout.log, LOG_SECTORS)
        self.references = XfsReferences(space, self.layout)
        self._cached: set[int] = set()

    def know(self, first: int) -> None:
        """A buffer is new: its content need not be read."""
        self._cached.add(first)

    def drop(self) -> None:
        """Nothing is in memory but what is not home yet."""
        self._cached = set()

    def read(self, first: int, sectors: int, rule: str) -> None:
        """Bring a buffer of so many sectors into memory."""
        if first not in self._cached and not self.log.not_home(first):
            self.disk.move("read", first, sectors, rule)
        self._cached.add(first)

    def read_blocks(self, blocks: Iterable[int], rule: str) -> None:
        """Bring blocks into memory."""
        for first in blocks:
            self.read(first, BLOCK_SECTORS, rule)

    def change(self, changes: Iterable[Change], rule: str) -> None:
        """Blocks that have to be known, and change."""
        for first, mask in changes:
            self.read(first, BLOCK_SECTORS, rule)
            self.log.change_buffer(first, BLOCK_SECTORS, mask)

    def change_header(self, first: int, rule: str, mask: int = 1) -> None:
        """A header of a group: a sector."""
        self.read(first, 1, rule)
        if mask:
            self.log.change_buffer(first, 1, mask)

    def new_block(self, group: Group) -> int:
        """A block for a directory or an extent tree: its content need not be read."""
        if group.edge.is_busy():
            self.checkpoint()
        self.allocate(group)
        first = self.layout.new(BLOCK_SECTORS)
        group.edge.taken(first)
        self.layout.blocks_held += 1
        self._cached.add(first)
        return first

    def give_back(self, group: Group, blocks: list[int]) -> None:
        """Blocks of directories or trees are free; what the log has of them need not go home."""
        if blocks:
            self.allocate(group)
            self.log.forget(blocks)
            self.layout.blocks_held -= len(blocks)
            group.edge.freed(blocks)

    def allocate(self, group: Group) -> None:
        """Free blocks of a group become used, or the other way round."""
        self.change_header(group.agf, "AGF: free blocks of a group")
        self.change_header(group.agfl, "AGFL: blocks kept for the trees of a group", mask=0)
        self.change([(group.by_size, 1), (group.by_block, 1)], "cntbt and bnobt: free extents by size and by place")

    def know_inodes(self, group: Group) -> None:
        """Header and trees of a group's inodes are needed."""
        self.change_header(group.agi, "AGI: inodes of a group", mask=0)
        for tree, name in ((group.free_inodes, "finobt"), (group.inodes, "inobt")):
            self.read_blocks(tree.blocks, f"{name}: chunks of inodes")

    def count_references(self, places: Integers) -> None:
        """Blocks have an owner more, or one less."""
        for group in self.references.groups_of(places):
            self.change_header(group.agf, "AGF: roots of the trees of a group", mask=0)
            self.read_blocks(group.shared.blocks_of(places), "refcountbt: shared blocks")
        self.references.changed(places)

    def checkpoint(self) -> None:
        """Work out which records of the trees changed, and write the list of changes to the log."""
        for group in self.layout.groups:
            chunks = np.array(sorted(group.changed_chunks), np.int64)
            group.changed_chunks.clear()
            self.change(group.inodes.touch(chunks), "inobt: chunks of inodes")
            self.change(group.free_inodes.touch(chunks), "finobt: chunks with a free inode")
        self.change(self.references.settle(), "refcountbt: shared blocks")
        self.log.checkpoint()
        for group in self.layout.groups:
            group.edge.settled()
