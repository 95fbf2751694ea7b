"""The metadata of a thin pool: which trees there are, and what each operation changes in them.

A part of the pool that can be skipped at a first reading: it says how many metadata blocks are in use and which are
written at a commit; data I/O does not depend on it. It follows drivers/md/dm-thin-metadata.c and
drivers/md/persistent-data, and is compared with measurements on Linux 6.1 (snapsim/data/measured/dm-thin.json).

What lies on a metadata device (`snapsim.block.snapshots.thin.btree` has the trees themselves):

* the superblock;
* the metadata space map: bitmap blocks (2 bits a block), their index, a tree of the counts from 3 on;
* the data space map: bitmap blocks, a tree that is their index, a tree of the counts from 3 on;
* a tree of the thin devices, each with the root of its mapping tree; a tree of their details;
* a mapping tree for each thin device: 252 mappings a leaf, shared between snapshots until written.

The reference count of a data block is the number of leaves that map to it. A snapshot therefore changes no count; the
first write below a shared leaf copies that leaf and adds a reference to each of its data blocks.

>>> metadata = ThinMetadata(BlockDevice(4096), data_blocks=4096)
>>> metadata.used - metadata.reserve
9

What it leaves out: the pool's transaction id, metadata snapshots, external origins, repair.
"""

from collections.abc import Callable, Iterable

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.snapshots.thin.btree import BTree, capacity, counted_blocks
from snapsim.block.snapshots.thin.metadata_blocks import BLOCK_SIZE, COUNTS_PER_BITMAP, MOST_BLOCKS
from snapsim.block.space_map import SpaceMap

Blocks = Callable[[Integers], Integers]


def recommended(data_blocks: int) -> int:
    """Bytes of a metadata device as the kernel's documentation recommends: 48 a pool block, 2 MiB to 15.875 GiB.

    Examples
    --------
    >>> recommended(100 * 2**30 // 65536)                      # 100 GiB in pool blocks of 64 KiB
    78643200
    """
    return min(max(48 * data_blocks, 2 << 20), MOST_BLOCKS * BLOCK_SIZE)


class ThinMetadata:
    """Trees and space maps of a pool.

    Parameters
    ----------
    device : BlockDevice
        The metadata device, of 4 KiB blocks.
    data_blocks : int
        Pool blocks of the data device.

    Attributes
    ----------
    space : SpaceMap
        Reference counts of the data blocks; a block that was freed stays in use until the commit.
    reserve : int
        Blocks that are kept back, and reported as used: a tenth of the device, at most 4096.
    """

    def __init__(self, device: BlockDevice, data_blocks: int) -> None:
        self.space = SpaceMap(0, "data device")
        device.read(0, why="metadata", rule="is there a superblock?")
        self.blocks = counted_blocks(device)
        self.reserve = min(4096, self.blocks.total // 10)
        self._index, self._counts = BTree(self.blocks, capacity(16)), BTree(self.blocks, capacity(4))
        self._devices, self._details = BTree(self.blocks, capacity(8)), BTree(self.blocks, capacity(24))
        self._trees: dict[int, BTree] = {}
        self._bitmaps: dict[int, tuple[int, int]] = {}  # which -> block, transaction
        self._changed_bitmaps: set[int] = set()
        self._allocated: list[Integers] = []
        self._freed: list[Integers] = []
        self.commit([])
        self.resize(data_blocks)
        self.commit([])

    @property
    def used(self) -> int:
        """Metadata blocks that `dmsetup status` reports as used."""
        return min(self.blocks.used + self.reserve, self.blocks.total)

    @property
    def room(self) -> int:
        """Metadata blocks that `dmsetup status` reports as free."""
        return self.blocks.total - self.used

    @property
    def given_up(self) -> int:
        """Data blocks without references, which become free at the commit."""
        return sum(part.size for part in self._freed)

    def resize(self, data_blocks: int) -> None:
        """Set the number of blocks of the data device; new ones get bitmap blocks."""
        for which in range(-(-self.space.size // COUNTS_PER_BITMAP), -(-data_blocks // COUNTS_PER_BITMAP)):
            self._touch_bitmap(which)
        self.space.size = data_blocks

    def commit(self, changed: Iterable[int]) -> None:
        """Write what changed since the last commit, and the details of the devices that changed.

        Raises
        ------
        NoSpace
            The metadata device is full; nothing is committed.
        """
        for device in changed:
            self._details.insert(device)
        for which in sorted(self._changed_bitmaps):
            self._index.insert(which)
        self.blocks.commit()
        self._changed_bitmaps.clear()
        for part in self._freed:
            self.space.release(part)
        self._allocated, self._freed = [], []

    def abort(self) -> None:
        """Go back to the last commit; after that only the numbers of used blocks are right, and nothing can change."""
        for part in self._allocated:
            self.space.release(part)
        self._allocated, self._freed = [], []
        self.blocks.abort()

    # ---------------------------------------------------------------- data blocks

    def allocate(self, count: int) -> Integers:
        """Allocate data blocks that were free at the last commit; the search goes on where the last one ended."""
        blocks = self.space.allocate(count)
        self._allocated.append(blocks)
        self._touch(blocks)
        return blocks

    def take(self, blocks: Integers) -> None:
        """Add a reference to each data block."""
        self.space.take(blocks)
        self._touch(blocks)
        for block in blocks[self.space.count(blocks) > 2].tolist():
            self._counts.insert(block)

    def release(self, blocks: Integers) -> Integers:
        """Drop a reference to each data block; returns those that have none any more."""
        freed = self.space.release(blocks)
        self._touch(blocks)
        counts = self.space.count(blocks)
        for block in blocks[counts > 2].tolist():
            self._counts.insert(block)
        for block in blocks[counts == 2].tolist():
            self._counts.remove(block)
        self.space.take(freed)
        self._freed.append(freed)
        return freed

    def _touch(self, blocks: Integers) -> None:
        for which in np.flatnonzero(np.bincount(blocks // COUNTS_PER_BITMAP)).tolist():
            self._touch_bitmap(which)

    def _touch_bitmap(self, which: int) -> None:
        """Shadow the bitmap block of a count that changes, once a transaction; the index is updated at the commit."""
        old, transaction = self._bitmaps.get(which, (-1, -1))
        self._changed_bitmaps.add(which)
        if transaction != self.blocks.number:
            self._bitmaps[which] = (self.blocks.new(), self.blocks.number)
            if old >= 0:
                self.blocks.free(old)

    # ---------------------------------------------------------------- thin devices

    def create(self, device: int, lies: Blocks) -> None:
        """A thin device without mappings; `lies` gives the data blocks of virtual blocks."""
        self._trees[device] = BTree(self.blocks, capacity(8), None, *self._owners(lies))
        self._devices.insert(device)

    def snapshot(self, device: int, origin: int, lies: Blocks) -> None:
        """A thin device with the mappings of another."""
        self._trees[device] = self._trees[origin].copy(*self._owners(lies))
        self._devices.insert(device)

    def delete(self, device: int) -> None:
        """Delete a thin device; data blocks that only its leaves mapped are freed."""
        self._details.remove(device)
        self._devices.remove(device)
        self._trees.pop(device).delete()

    def _owners(self, lies: Blocks) -> tuple[Callable[[list[int]], object], Callable[[list[int]], object]]:
        return (
            lambda keys: self.take(lies(np.array(keys, np.int64))),
            lambda keys: self.release(lies(np.array(keys, np.int64))),
        )

    def map(self, device: int, chunks: Integers, new: bool) -> None:
        """Map virtual blocks to other data blocks, in this order; `new` says whether some of them had no mapping."""
        self._devices.insert(device)
        if not new:
            self._trees[device].rewrite(np.sort(chunks))
            return
        for key in chunks.tolist():
            self._trees[device].insert(key)

    def unmap(self, device: int, chunks: Integers) -> None:
        """Remove the mappings of virtual blocks."""
        root = self._trees[device].root
        self._devices.insert(device)
        self.blocks.hold(root)  # the kernel takes the tree out of the devices' tree
        self.blocks.drop(root)  # for it, and holds it meanwhile
        for key in np.sort(chunks).tolist():
            self._trees[device].remove(key)

    def enough_for(self, chunks: int) -> bool:
        """Whether that many mappings surely fit without a commit in between: leaves copied, leaves split, paths."""
        return self.room > min(chunks, self.blocks.used) + chunks // 60 + 64
