"""The btrfs file system that subvolumes share: its trees, where their blocks go, and the order of a sync.

`sync` (and syncfs) writes in this order: tree blocks that are dirty already (they are dirty pages like others), data of
files, tree blocks that giving places to data has changed. When the data are on the disk, their extents and checksums
go into the trees, and a commit ends the transaction. What a commit changes again is written a second time.

>>> from snapsim.block.counts import IOCounts
>>> from snapsim.drivers.graphdrivers import Btrfs
>>> driver = Btrfs()
>>> driver.create("layer0")
>>> driver.sync()
>>> with driver.mounted("layer0") as mount, driver.devices[0].counting() as io:
...     mount.mkdir("/d")                          # the tree's leaf is dirty at once
...     driver.sync()                              # written; and again at the commit, with the new number of names
>>> io.counts == IOCounts(write_metadata=(12, 10 * 16384 + 2 * 4096))
True

Source: fs/sync.c, fs/btrfs/super.c `btrfs_sync_fs`, disk-io.c `write_all_supers`; order seen by tracing Linux 6.18.

What it leaves out: data that finish before others are sent, so that a tree block may be written a third time (in a row
with a thousand new files some 15 of 80), commits forced by little room for metadata.
"""

from typing import Protocol, cast

from snapsim.block.snapshots.cow_btree.store import ExtentStore
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.reservations import Reservations
from snapsim.files.filesystems.btrfs.subvolume import SubvolumeItems
from snapsim.files.filesystems.btrfs.tree_log import TreeLog
from snapsim.files.filesystems.btrfs.trees import BtrfsTrees

LONGEST_EXTENT = 128 << 20


class Writer(Protocol):
    """A file system with dirty data."""

    def write_data(self) -> None:
        """Write them back."""


class BtrfsDisk:
    """The trees of one btrfs file system, kept beside the store of its data.

    Parameters
    ----------
    store : ExtentStore
        Whose commits these trees are told of, and whose device counts their blocks.
    device_bytes : int
        Size of the device.
    """

    def __init__(self, store: ExtentStore, device_bytes: int) -> None:
        self.store = store
        self.trees = BtrfsTrees(device_bytes, self._write, store.read_node)
        self.made = self.trees.held
        self.log = TreeLog(self.trees)
        self.next_name = "subvolume"
        self._ordered: list[tuple[SubvolumeItems, int, int, int, int]] = []
        self._subvolumes: list[SubvolumeItems] = []
        self._reservations = Reservations()
        self._snapshot_of: SubvolumeItems | None = None
        self._twin: ItemTree | None = None
        store.trees = self

    def _write(self, what: str) -> None:
        if what == "tree block":
            self.store.write_node()
        else:
            self.store.write_superblocks()

    # ---------------------------------------------------------------- subvolumes

    def open(self, items: SubvolumeItems) -> tuple[ItemTree, SubvolumeItems | None]:
        """The tree of a new subvolume; of a snapshot that was just made, with the items it was made of."""
        self._subvolumes.append(items)
        parent, twin = self._snapshot_of, self._twin
        self._snapshot_of = self._twin = None
        return (twin, parent) if twin else (self.trees.create_subvolume(self.next_name), None)

    def prepare_snapshot(self, items: SubvolumeItems) -> None:
        """The next commit makes a snapshot of the subvolume."""
        self.finish()
        self._snapshot_of = items

    def remove(self, items: SubvolumeItems) -> None:
        """Drop a subvolume."""
        self.finish()
        self._subvolumes.remove(items)
        self.trees.delete_subvolume(items.tree)

    # ---------------------------------------------------------------- data

    def order(self, items: SubvolumeItems, number: int, low: int, high: int) -> None:
        """Extents for bytes of a file that are written back."""
        while low < high:
            size = min(high - low, LONGEST_EXTENT)
            self.trees.groups.reserve(size)
            address = self.trees.references.new_data(size, (items.tree.name, number, low))
            self.trees.new_chunks()
            self._ordered.append((items, number, low, size, address))
            low += size

    def finish(self) -> None:
        """All writes are done: their items."""
        ordered, self._ordered = self._ordered, []
        for items, number, low, size, address in ordered:
            items.finish(number, low, size, address)

    # ---------------------------------------------------------------- what waits

    def waits(self, items: SubvolumeItems, number: int, dirty: bool) -> None:
        """A file has dirty pages, or none any more."""
        (self._reservations.files.add if dirty else self._reservations.files.discard)((items, number))

    def relieve(self) -> None:
        """Carry out what waits, if it is too much."""
        trees = self.trees
        while what := self._reservations.next(trees.delayed.reserved, trees.references.waiting):
            if what == "data":
                self._write_data()
                self.finish()
                self._reservations.files.clear()
            else:
                (trees.delayed if what == "items" else trees.references).run()

    # ---------------------------------------------------------------- syncs

    def sync(self) -> None:
        """What sync(2) does before the commit."""
        self.trees.write_dirty()
        self._write_data()
        self.trees.write_dirty()
        self.finish()

    def _write_data(self) -> None:
        for items in self._subvolumes:
            cast(Writer, items.fs).write_data()

    def commit(self) -> None:
        """End the transaction, with a snapshot if one is asked for."""
        if self._snapshot_of is not None:
            self._twin = self.trees.snapshot(self._snapshot_of.tree, self.next_name)
        else:
            self.trees.commit()
        for items in self._subvolumes:
            items.committed()

    def log_inode(self, items: SubvolumeItems, number: int, new: bool) -> None:
        """fsync(2) of a file."""
        subvolume = int(items.tree.name)
        self.log.inode(subvolume, number, 20 if new else 0)
        for owner, written, low, size, address in self._ordered:
            if owner is items and written == number:
                self.log.extent(subvolume, number, low, size, address)
        self.log.write()
        self.store.write_superblocks(1)
        self.finish()

    def space(self) -> int:
        """Bytes of tree blocks beyond those that mkfs made."""
        return (self.trees.held - self.made) * self.store.node_blocks * self.store.device.block_size * self.store.copies
