"""The blocks of a metadata device, in transactions: what device-mapper's persistent-data library does below its trees.

A block (4 KiB) of the last transaction is never written in place. To change it is to *shadow* it: a new block takes its
place, and the old one is free after the commit, which writes the new blocks and, last, the superblock. So a crash loses
at most one transaction. A block with several references (a snapshot shares the nodes of a tree) is copied instead of
moved. References are counted in bitmap blocks of 2 bits a block, which are shadowed like any other.

>>> blocks = MetadataBlocks(BlockDevice(64))
>>> node = MetadataNode(blocks.new(), blocks.number, keys=[1, 2, 3])
>>> blocks.commit()
>>> blocks.used                                    # superblock, bitmap, its index, the node
4
>>> moved = blocks.shadow(node)                    # a new block, the old one still in use; the bitmap likewise
>>> blocks.used, moved is node
(6, True)
>>> blocks.commit()
>>> blocks.used
4

What it leaves out: checksums, caches, and what stands in a block.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.block.device import BlockDevice

BLOCK_SIZE = 4096
MOST_BLOCKS = 255 * ((1 << 14) - 64)  # 15.875 GiB: what is more of a device is not used
COUNTS_PER_BITMAP = (BLOCK_SIZE - 16) * 4  # 2 bits a block; counts from 3 on are in a tree of their own
Keys = list[int]


class Counts(Protocol):
    """Where reference counts from 3 on are kept: a tree whose keys are block numbers."""

    def insert(self, key: int) -> None:
        """Store the count of a block, which may have had another one."""

    def remove(self, key: int) -> None:
        """The block's count is below 3 again."""


class MetadataNode:
    """A node in its block: sorted keys, and children unless it is a leaf."""

    __slots__ = ("block", "children", "keys", "owners", "transaction")

    def __init__(self, block: int, transaction: int, keys: Keys, children: "list[MetadataNode] | None" = None) -> None:
        self.block, self.transaction, self.keys, self.children, self.owners = block, transaction, keys, children, 1


class MetadataBlocks:
    """The blocks of a metadata device, allocated in transactions.

    Parameters
    ----------
    device : BlockDevice
        Of 4 KiB blocks; block 0 is the superblock.

    Attributes
    ----------
    counts : object with insert(block) and remove(block)
        Where counts from 3 on are kept, once it is set.
    used : int
        Blocks in use, including those that this transaction freed: they can be allocated after its commit.

    Raises
    ------
    NoSpace
        By any method that needs a block when there is none.
    """

    def __init__(self, device: BlockDevice) -> None:
        if device.block_size != BLOCK_SIZE:
            raise InvalidInput(f"metadata in blocks of {device.block_size} bytes: {BLOCK_SIZE} it has to be")
        self.device, self.total, self.number = device, min(device.size, MOST_BLOCKS), 0
        self._busy, self._cursor, self._committed = bytearray(self.total), 1, 1
        self._busy[:1] = b"\1"
        self._allocated: list[int] = []
        self._freed: list[int] = []
        self._bitmaps: dict[int, tuple[int, int]] = {}  # which -> block, transaction
        self.counts: Counts | None = None
        for which in range(-(-self.total // COUNTS_PER_BITMAP)):
            self._touch(which * COUNTS_PER_BITMAP)
        self._index, self._index_of = self.new(), self.number

    @property
    def used(self) -> int:
        """Blocks in use, as `dmsetup status` counts them but for the reserve."""
        return self._committed + len(self._allocated)

    def new(self) -> int:
        """Allocate a block that is free now and was before this transaction; the search wraps around (next fit)."""
        block = self._busy.find(0, self._cursor)
        block = self._busy.find(0, 0, self._cursor) if block < 0 else block
        if block < 0:
            raise NoSpace(f"{self.device.name}: all {self.total} metadata blocks are in use")
        self._busy[block], self._cursor = 1, block + 1
        self._allocated.append(block)
        self._touch(block)
        return block

    def free(self, block: int) -> None:
        """Free a block; it can be allocated again after the commit."""
        self._freed.append(block)
        self._touch(block)

    def _touch(self, block: int) -> None:
        """Shadow the bitmap block that holds a count that changes, once a transaction."""
        which = block // COUNTS_PER_BITMAP
        old, transaction = self._bitmaps.get(which, (-1, -1))
        if transaction != self.number:
            self._bitmaps[which] = (old, self.number)
            self._bitmaps[which] = (self.new(), self.number)
            if old >= 0:
                self.free(old)

    def hold(self, node: MetadataNode) -> None:
        """Add a reference to the block."""
        node.owners += 1
        self._touch(node.block)
        if node.owners > 2 and self.counts is not None:
            self.counts.insert(node.block)

    def drop(self, node: MetadataNode) -> None:
        """Drop a reference to the block; without any the block is freed."""
        node.owners -= 1
        self._touch(node.block)
        if not node.owners:
            self.free(node.block)
        if node.owners > 1 and self.counts is not None:
            (self.counts.insert if node.owners > 2 else self.counts.remove)(node.block)

    def shadow(self, node: MetadataNode, held: Callable[[Keys], object] | None = None) -> MetadataNode:
        """The node where it may be changed: in place if its block is new, else moved to a new block (copied if
        shared)."""
        if node.owners == 1 and node.transaction == self.number:
            return node
        block = self.new()
        if node.owners == 1:
            self.free(node.block)
            node.block, node.transaction = block, self.number
            return node
        self.drop(node)
        copy = MetadataNode(block, self.number, list(node.keys), None if node.children is None else list(node.children))
        for child in copy.children or ():
            self.hold(child)
        if copy.children is None and held is not None:
            held(copy.keys)
        return copy

    def commit(self) -> None:
        """Write what is new, then the superblock."""
        if (self._allocated or self._freed) and self._index_of != self.number:
            self.free(self._index)
            self._index, self._index_of = self.new(), self.number
        self.device.write(np.array(self._allocated, np.int64), why="metadata", rule="new metadata blocks")
        self.device.write(0, why="metadata", rule="superblock")
        for block in self._freed:
            self._busy[block] = 0
        self._committed += len(self._allocated) - len(self._freed)
        self._allocated, self._freed = [], []
        self.number += 1

    def abort(self) -> None:
        """Forget what was allocated since the last commit. Trees that changed since then are of no use any more."""
        self._allocated, self._freed = [], []
