"""The checksum tree of btrfs: 4 bytes for each block of data, in items as long as a leaf.

Checksums of blocks that follow each other share an item, which grows as long as there is room.

>>> from snapsim.files.filesystems.btrfs.item_tree import ItemTree
>>> from snapsim.files.filesystems.btrfs.tree_blocks import TreeBlocks
>>> sums = Checksums(ItemTree(TreeBlocks(), "csum"))
>>> sums.add(0, 4096)
>>> sums.add(4096, 8192)
>>> [(key[2], size) for key, size, _ in sums.tree.range((0, 0, 0), (1 << 65, 0, 0))]
[(0, 12)]
>>> sums.remove(4096, 4096)
>>> [(key[2], size) for key, size, _ in sums.tree.range((0, 0, 0), (1 << 65, 0, 0))]
[(0, 4), (8192, 4)]

Source: fs/btrfs/file-item.c `btrfs_csum_file_blocks`, `btrfs_del_csums`.

What it leaves out: checksums other than CRC-32C.
"""

from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.tree_block import ITEM_BYTES, LEAF_BYTES, Key

SECTOR, CHECKSUM = 4096, 4
MOST = (LEAF_BYTES - 2 * ITEM_BYTES) // CHECKSUM - 1
EXTENT_CSUM = (1 << 64) - 10, 128


class Checksums:
    """Checksums by address in a tree: the checksum tree, or the log tree."""

    def __init__(self, tree: ItemTree) -> None:
        self.tree = tree

    def add(self, start: int, size: int, apart: bool = False) -> None:
        """Put the checksums of a run there, behind those that it follows where there is room, or apart from them."""
        end = start + size
        while start < end:
            start += (0 if apart else self._extend(start, end)) or self._insert(start, end)

    def _extend(self, start: int, end: int) -> int:
        last = self.tree.before(_key(start))
        if last is None or last[0][:2] != EXTENT_CSUM:
            return 0
        held = last[1] // CHECKSUM
        if last[0][2] + held * SECTOR != start or held >= MOST:
            return 0
        room = self.tree.room(last[0], CHECKSUM) // CHECKSUM
        more = min(MOST - held, room, (end - start) // SECTOR)
        self.tree.resize(last[0], last[1] + more * CHECKSUM)
        return more * SECTOR

    def _insert(self, start: int, end: int) -> int:
        count = min(MOST, (end - start) // SECTOR)
        self.tree.insert(_key(start), count * CHECKSUM)
        return count * SECTOR

    def remove(self, start: int, size: int) -> None:
        """Take the checksums of a run away: items go, get shorter, or are cut in two."""
        end = start + size
        last = self.tree.before(_key(start))
        found = [last] if last is not None and last[0][:2] == EXTENT_CSUM else []
        for key, held, _ in found + self.tree.range(_key(start), _key(end)):
            first, stop = key[2], key[2] + held // CHECKSUM * SECTOR
            if stop <= start:
                continue
            if first < start:
                self.tree.resize(key, (start - first) // SECTOR * CHECKSUM)
                if stop > end:
                    self.tree.insert(_key(end), (stop - end) // SECTOR * CHECKSUM)
            elif stop > end:
                self.tree.rekey(key, _key(end), (stop - end) // SECTOR * CHECKSUM)
            else:
                self.tree.delete(key)

    def look(self, start: int, size: int) -> None:
        """Look checksums up, as a read of the data does."""
        self.tree.before(_key(start + 1))
        self.tree.range(_key(start), _key(start + size))


def _key(start: int) -> Key:
    return (*EXTENT_CSUM, start)
