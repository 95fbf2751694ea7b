"""The file system below btrfs subvolumes: one device, its space, its forest of trees, and the running transaction.

**A commit** writes each node that the transaction made, in two copies with DUP. It also writes the leaves that change
in the other trees: one each of the root tree and the free-space tree, as many of the extent tree as the new extents
fill, and as many of the checksum tree as the new blocks fill (4 bytes a data block). Last come those superblocks that
lie within the device (at 64 KiB, 64 MiB and 256 GiB). Blocks that the transaction freed can be allocated only after its
commit.

>>> from snapsim.block.device import IOCounts
>>> store = ExtentStore(size=1000, block_size=4096, dup=True, checksums=True)
>>> root = store.forest.leaf()                     # one dirty node
>>> with store.device.counting() as io:
...     store.commit()                             # 1 + 3 nodes twice, and one superblock
...     store.commit()                             # nothing is dirty: nothing is written
>>> io.counts == IOCounts(write_metadata=(9, 2 * 4 * 16384 + 4096))
True

This is a lower bound of what btrfs writes (the other trees are taken to be of one level, their old items to lie in the
leaves of the new ones); a small commit was measured at 140 to 300 KiB (Linux 6.18).

What it leaves out: the log tree (an fsync is a commit here), chunk and device tree, metadata as a user of space (it is
in a region of its own behind the data, 16 MiB that are written around).
"""

from typing import Protocol

from snapsim.block.device import BlockDevice
from snapsim.block.snapshots.cow_btree.tree import LEAF_ITEMS, NODE_BYTES, Forest
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume

_METADATA_BYTES = 16 << 20
_SUPERBLOCKS = (64 << 10, 64 << 20, 256 << 30)
_SUPERBLOCK_BYTES = 4096
_CHECKSUM_BYTES = 4


class Trees(Protocol):
    """The trees of a file system that models all their items."""

    def commit(self) -> None:
        """Write what the transaction changed, and the superblocks."""


class ExtentStore:
    """The file system below the subvolumes: device, space, trees and the running transaction.

    Parameters
    ----------
    size : int
        Blocks for data.
    block_size : int
        Bytes a block.
    dup : bool
        Metadata is written twice.
    checksums : bool
        Data has checksums (not with nodatacow).

    Attributes
    ----------
    trees : Trees or None
        Trees with all items of a file system (`snapsim.files.filesystems.btrfs.disk`); they say what a commit writes,
        in place of the rule above.
    """

    def __init__(self, size: int, block_size: int, dup: bool, checksums: bool) -> None:
        self.node_blocks = -(-NODE_BYTES // block_size)
        self.metadata_blocks = max(_METADATA_BYTES // block_size, self.node_blocks)
        self.device = BlockDevice(size + self.metadata_blocks, block_size, "btrfs")
        self.space, self.forest = SpaceMap(size, "btrfs"), Forest()
        self.copies, self.checksums = 1 + dup, checksums
        self.volumes: list[Volume] = []
        self.subvolumes = self.new_blocks = self.new_extents = self._cursor = 0
        self.trees: Trees | None = None

    @property
    def used(self) -> int:
        """Blocks of extents that have references; those that the running transaction freed do not count."""
        return self.space.used - sum(blocks.size for blocks in self.forest.extents.dead)

    def subvolume_id(self) -> int:
        """A number that no subvolume had before."""
        self.subvolumes += 1
        return self.subvolumes

    def room_for(self, count: int) -> bool:
        """Whether so many blocks are free, after a commit if that can free enough."""
        if count > self.space.free and self.forest.extents.dead:
            self.commit()
        return count <= self.space.free

    def commit(self) -> None:
        """End the transaction: write its nodes and the superblocks, and free its dead extents."""
        if self.trees is not None:
            self.trees.commit()
        elif self.forest.dirty:
            for _ in range(len(self.forest.dirty) + self._other_nodes()):
                self.write_node()
            self.write_superblocks()
        for blocks in self.forest.extents.dead:
            self.space.release(blocks)
        self.forest.extents.dead.clear()
        self.forest.dirty.clear()
        self.forest.generation += 1
        self.new_blocks = self.new_extents = 0

    def _other_nodes(self) -> int:
        """Root, free-space, extent and checksum tree: one leaf each, or as many as the new items fill."""
        checksums = -(-self.new_blocks * _CHECKSUM_BYTES // (NODE_BYTES - 126)) if self.checksums else 0
        return 2 + max(1, -(-self.new_extents // LEAF_ITEMS)) + checksums

    def write_node(self) -> None:
        """Write a node of a tree, in each of its copies."""
        for _ in range(self.copies):
            self._write_metadata(self.node_blocks, "node")

    def read_node(self) -> None:
        """Read a node of a tree, from one of its copies."""
        first = self.space.size
        self.device.read(slice(first, first + self.node_blocks), why="metadata", rule="node")

    def write_superblocks(self, most: int = len(_SUPERBLOCKS)) -> None:
        """Write the superblocks that lie within the device, the first `most` of them."""
        for place in _SUPERBLOCKS[:most]:
            if place < self.device.size * self.device.block_size:
                self._write_metadata(-(-_SUPERBLOCK_BYTES // self.device.block_size), "superblock")

    def _write_metadata(self, blocks: int, rule: str) -> None:
        if self._cursor + blocks > self.metadata_blocks:
            self._cursor = 0
        first = self.space.size + self._cursor
        self.device.write(slice(first, first + blocks), why="metadata", rule=rule)
        self._cursor += blocks
