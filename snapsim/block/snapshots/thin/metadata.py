"""The metadata of a thin pool: which trees there are, and what each operation changes in them.

A part of the pool that can be left out at a first reading: it says how many metadata blocks are in use and which
are written at a commit; data I/O does not depend on it. After drivers/md/dm-thin-metadata.c and
drivers/md/persistent-data, and held against measurements on Linux 6.1 (snapsim/data/measured/dm-thin.json).

What lies on a metadata device (`snapsim.block.snapshots.thin.btree` has the trees themselves):

* the superblock;
* the metadata space map: bitmap blocks (2 bits a block), their index, a tree of the counts from 3 on;
* the data space map: bitmap blocks, a tree that is their index, a tree of the counts from 3 on;
* a tree of the thin devices, each with the root of its mapping tree; a tree of their details;
* a mapping tree for each thin device: 252 mappings a leaf, shared between snapshots until written.

Owners of a data block are counted by the leaves that name it: a snapshot counts nothing, the first write below a
shared leaf copies that leaf and gives all its data blocks one owner more.

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
        Owners of the data blocks; those given up stay in use until the commit.
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
        """Data blocks that nobody owns any more but that are not free before the commit."""
        return sum(part.size for part in self._freed)

    def resize(self, data_blocks: int) -> None:
        """The data device has this many blocks from now on: bitmap blocks for those that are new."""
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
        """Go back to the last commit: only counts of used blocks are right from here on, nothing can be changed."""
        for part in self._allocated:
            self.space.release(part)
        self._allocated, self._freed = [], []
        self.blocks.abort()

    # ---------------------------------------------------------------- data blocks

    def allocate(self, count: int) -> Integers:
        """Data blocks that were free at the last commit, in order from the last one on."""
        blocks = self.space.allocate(count)
        self._allocated.append(blocks)
        self._touch(blocks)
        return blocks

    def take(self, blocks: Integers) -> None:
        """One owner more for each data block."""
        self.space.take(blocks)
        self._touch(blocks)
        for block in blocks[self.space.count(blocks) > 2].tolist():
            self._counts.insert(block)

    def release(self, blocks: Integers) -> Integers:
        """One owner less for each data block; returns those that nobody owns any more."""
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
        """A count changes: its bitmap block is shadowed, once a transaction; the index learns of it at the commit."""
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
        """Forget a thin device: what only its leaves named is free."""
        self._details.remove(device)
        self._devices.remove(device)
        self._trees.pop(device).delete()

    def _owners(self, lies: Blocks) -> tuple[Callable[[list[int]], object], Callable[[list[int]], object]]:
        return (
            lambda keys: self.take(lies(np.array(keys, np.int64))),
            lambda keys: self.release(lies(np.array(keys, np.int64))),
        )

    def map(self, device: int, chunks: Integers, new: bool) -> None:
        """Virtual blocks get other data blocks, in this order; `new` says whether some of them had none."""
        self._devices.insert(device)
        if not new:
            self._trees[device].rewrite(np.sort(chunks))
            return
        for key in chunks.tolist():
            self._trees[device].insert(key)

    def unmap(self, device: int, chunks: Integers) -> None:
        """Virtual blocks have no data blocks any more."""
        root = self._trees[device].root
        self._devices.insert(device)
        self.blocks.hold(root)  # the kernel takes the tree out of the devices' tree
        self.blocks.drop(root)  # for it, and holds it meanwhile
        for key in np.sort(chunks).tolist():
            self._trees[device].remove(key)

    def enough_for(self, chunks: int) -> bool:
        """Whether that many mappings surely fit without a commit in between: leaves copied, leaves split, paths."""
        return self.room > min(chunks, self.blocks.used) + chunks // 60 + 64
