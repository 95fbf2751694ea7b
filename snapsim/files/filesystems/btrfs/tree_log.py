"""The log trees of btrfs: what an fsync writes instead of a commit.

An fsync puts the items of the file that changed into a log tree of its subvolume (its inode, its new extents, their
checksums), and the log tree into a tree of log trees; it writes the blocks of both, twice with DUP, and one superblock
that points there. A block of a log that was written is shadowed like any other. The commit throws the logs away.

>>> from snapsim.files.filesystems.btrfs.trees import BtrfsTrees
>>> trees = BtrfsTrees(2 << 30)
>>> log, before = TreeLog(trees), trees.written
>>> log.inode(256, 257)
>>> log.extent(256, 257, 0, 4096, 13631488)
>>> log.write()
>>> trees.written - before                         # a leaf of the log tree, and one of the tree of logs
2

Source: fs/btrfs/tree-log.c `btrfs_log_inode`, `btrfs_sync_log`.

What it leaves out: names that are logged because an inode was renamed or linked, replay.
"""

from snapsim.files.filesystems.btrfs.checksum_tree import Checksums
from snapsim.files.filesystems.btrfs.delayed_items import INODE_ITEM
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.trees import INODE_REF, ROOT_ITEM, BtrfsTrees

EXTENT_DATA = 108
EXTENT_BYTES = 53
_TREE_LOG = (1 << 64) - 6


class TreeLog:
    """The logs of one transaction."""

    def __init__(self, trees: BtrfsTrees) -> None:
        self.trees, self._generation = trees, trees.generation
        self._logs: dict[int, ItemTree] = {}
        self._roots: ItemTree | None = None
        self._touched: set[int] = set()

    def _log(self, subvolume: int) -> ItemTree:
        if self._generation != self.trees.generation:
            self._generation, self._roots = self.trees.generation, None
            self._logs.clear()
        if subvolume not in self._logs:
            self._logs[subvolume] = ItemTree(self.trees, f"log {subvolume}", logs=True)
        self._touched.add(subvolume)
        return self._logs[subvolume]

    def inode(self, subvolume: int, inode: int, ref_bytes: int = 0) -> None:
        """The inode as it is now, with its name if that is new."""
        log = self._log(subvolume)
        if log.size_of((inode, INODE_ITEM, 0)) < 0:
            log.insert((inode, INODE_ITEM, 0), 160)
        else:
            log.touch((inode, INODE_ITEM, 0))
        if ref_bytes and log.size_of((inode, INODE_REF, 0)) < 0:
            log.insert((inode, INODE_REF, 0), ref_bytes)

    def extent(self, subvolume: int, inode: int, offset: int, size: int, start: int) -> None:
        """A new extent of the file, and its checksums."""
        log = self._log(subvolume)
        for key, _, _ in log.range((inode, EXTENT_DATA, offset), (inode, EXTENT_DATA, offset + size)):
            log.delete(key)
        log.insert((inode, EXTENT_DATA, offset), EXTENT_BYTES)
        Checksums(log).add(start, size, apart=True)

    def write(self) -> None:
        """Write the logs that changed, the tree of logs, and one superblock."""
        if self._roots is None:
            self._roots = ItemTree(self.trees, "log roots", logs=True)
        for subvolume in self._touched:
            key = (_TREE_LOG, ROOT_ITEM, subvolume)
            if self._roots.size_of(key) < 0:
                self._roots.insert(key, 439)
            else:
                self._roots.touch(key)
        self._touched.clear()
        self.trees.write_dirty(logs=True)
