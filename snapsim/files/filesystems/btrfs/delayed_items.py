"""Delayed items of btrfs: changes that inodes and directories keep in memory until the commit.

A new name is put into its directory by hash at once, but by number, with the directory's new size, at the commit; an
inode that changes ten times has its item set once. When many wait (128), they are carried out early.

>>> from snapsim.files.filesystems.btrfs.item_tree import ItemTree
>>> from snapsim.files.filesystems.btrfs.tree_blocks import TreeBlocks
>>> tree, delayed = ItemTree(TreeBlocks(), 256), DelayedItems()
>>> tree.insert((256, INODE_ITEM, 0), 160)
>>> index = delayed.add_name(tree, 256, "f")
>>> delayed.remove_name(tree, 256, "f", index)     # of the name by number nothing was ever written
>>> delayed.run()
>>> [key[1] for leaf in tree.leaves() for key in leaf.keys]
[1]

Source: fs/btrfs/delayed-inode.c; dir-item.c `btrfs_insert_dir_item`.

What it leaves out: that carrying out early happens in the background, and the insertion of several items at a time.
"""

from snapsim.files.filesystems.btrfs.crc32c import name_hash
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.reservations import CHANGE, NEW
from snapsim.files.filesystems.btrfs.tree_block import Key

INODE_ITEM, DIR_ITEM, DIR_INDEX = 1, 84, 96
_MOST = 128


class DelayedItems:
    """What is delayed, inode by inode."""

    def __init__(self) -> None:
        self._changes: dict[tuple[ItemTree, int], dict[Key, int | None]] = {}
        self._index = 1

    @property
    def waiting(self) -> bool:
        """Is anything delayed?"""
        return bool(self._changes)

    @property
    def reserved(self) -> int:
        """Bytes of room that are kept for it (`reservations`); new names of a directory share a leaf."""
        return sum(_room(list(changes.values())) for changes in self._changes.values())

    def add_name(self, tree: ItemTree, directory: int, name: str) -> int:
        """A name in a directory: its item now, its index and the directory's inode at the commit. Returns the index."""
        size, key = 30 + len(name.encode()), (directory, DIR_ITEM, name_hash(name))
        self._index += 1
        there = tree.size_of(key)
        if there < 0:
            tree.insert(key, size)
        else:  # two names of one hash share an item
            tree.resize(key, there + size)
        self.put(tree, (directory, DIR_INDEX, self._index), size)
        self.put(tree, (directory, INODE_ITEM, 0))
        return self._index

    def remove_name(self, tree: ItemTree, directory: int, name: str, index: int) -> None:
        """Take a name out of a directory."""
        size, key = 30 + len(name.encode()), (directory, DIR_ITEM, name_hash(name))
        if tree.size_of(key) > size:
            tree.resize(key, tree.size_of(key) - size)
        else:
            tree.delete(key)
        at = (directory, DIR_INDEX, index)
        if self._changes.get((tree, directory), {}).pop(at, None) is None:
            self.put(tree, at, -1)
        self.put(tree, (directory, INODE_ITEM, 0))

    def put(self, tree: ItemTree, key: Key, size: int | None = None) -> None:
        """Change an item at the commit: set it (None), insert it with a size, or delete it (-1)."""
        changes = self._changes.setdefault((tree, key[0]), {})
        changes[key] = size
        if sum(map(len, self._changes.values())) >= _MOST:
            self.run()

    def forget(self, tree: ItemTree, inode: int | None = None) -> None:
        """The inode, or all of the tree, is gone: nothing is delayed for it any more."""
        for where in [(tree, inode)] if inode is not None else [where for where in self._changes if where[0] is tree]:
            self._changes.pop(where, None)

    def run(self) -> None:
        """Carry out what is delayed, one inode after the other."""
        delayed, self._changes = self._changes, {}
        for (tree, _), changes in delayed.items():
            for key, size in changes.items():
                if size is None:
                    tree.touch(key)
                elif size < 0:
                    tree.delete(key)
                else:
                    tree.insert(key, size)


def _room(sizes: list[int | None]) -> int:
    new = sum(size is not None and size >= 0 for size in sizes)
    return CHANGE * (len(sizes) - new) + NEW * (new > 0)
