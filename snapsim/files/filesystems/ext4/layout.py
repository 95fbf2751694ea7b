"""Where ext4 keeps its metadata: block groups, inode tables, bitmaps, and the sizes that follow from them.

mkfs.ext4 cuts the disk into block groups of 32768 blocks (128 MiB: what one block of bitmap can name). Each has a
block bitmap, an inode bitmap and a table of 8192 inodes; with ``flex_bg`` those of 16 groups stand together in the
first of them. An inode has 256 bytes, so a block of the table holds 16, and whoever changes one inode writes its 15
neighbours as well. Source: Documentation/filesystems/ext4 (blockgroup, inodes), mke2fs.conf(5), `dumpe2fs`.

>>> layout = Ext4Layout(524288, first=0)                   # 2 GiB, as the measurements have it
>>> layout.groups, layout.journal_blocks, layout.inode_block(12) == layout.inode_block(16)
(16, 16384, True)
>>> layout.groups_of(np.array([0, 30719, 30720]))      # files begin in the second group
array([1, 2])

Places of files are numbered from 0, as if no metadata lay between them; `Ext4Layout.groups_of` says which group a place
would be in. A group with a backup of the superblock (1, and the powers of 3, 5 and 7) has 8 MiB less for them, since
mballoc gives large files aligned pieces of 8 MiB.

What it leaves out: ``meta_bg``, bigalloc, and the group that holds the journal.
"""

import numpy as np

from snapsim.block.device import Integers

GROUP = 32768  # blocks a group: 8 bits for each byte of a bitmap block
PIECE = 2048  # blocks that are placed at once: 8 MiB
FLEX = 16  # groups whose metadata stand together
INODES_PER_BLOCK = 16  # of 256 bytes
TABLE = 512  # blocks of an inode table: one inode for each 16 KiB
DESCRIPTORS = 64  # group descriptors of 64 bytes a block
READ_AHEAD = 32  # inode_readahead_blks, in blocks
ROOT, FIRST_FREE = 2, 12  # inode numbers; 11 is lost+found
SHORT_LINK = 60  # a shorter target of a symbolic link lies in the inode

_JOURNALS = [
    (1 << 15, 1 << 10),
    (1 << 18, 1 << 12),
    (1 << 19, 1 << 13),
    (1 << 22, 1 << 14),
    (1 << 23, 1 << 15),
    (1 << 24, 1 << 16),
    (1 << 25, 1 << 17),
]  # a disk of fewer blocks -> blocks of its journal (mke2fs)


class Ext4Layout:
    """Numbers of the metadata blocks, counted from `first`.

    Parameters
    ----------
    blocks : int
        Blocks of the disk.
    first : int
        Number of the superblock.

    Attributes
    ----------
    superblock, journal, free : int
        Where the superblock is, the journal begins, and the blocks of directories and extent trees begin.
    """

    def __init__(self, blocks: int, first: int) -> None:
        self.groups = -(-blocks // GROUP)
        self.superblock, self._descriptors = first, first + 1
        self._bitmaps = self._descriptors + -(-self.groups // DESCRIPTORS)
        self._tables = self._bitmaps + 2 * self.groups
        reserved = min(1024, self.groups * 1024 // DESCRIPTORS)  # for descriptors of a disk that has grown
        self._skew = (1 + max(reserved, 1) + 2 * min(self.groups, FLEX)) % READ_AHEAD
        self.journal = self._tables + self.groups * TABLE
        self.journal_blocks = journal_blocks(blocks)
        self.free = self.journal + self.journal_blocks
        self._ends = np.cumsum([GROUP - _taken(group, self.groups) for group in range(1, self.groups)])

    def descriptor(self, group: int) -> int:
        """The block with the descriptor of a group: free blocks, free inodes, checksums of the bitmaps."""
        return self._descriptors + group // DESCRIPTORS

    def block_bitmap(self, group: int) -> int:
        """The block that says which blocks of a group are in use."""
        return self._bitmaps + group

    def inode_bitmap(self, group: int) -> int:
        """The block that says which inodes of a group are in use."""
        return self._bitmaps + self.groups + group

    def inode_block(self, number: int) -> int:
        """The block of the inode table that holds an inode."""
        return self._tables + (number - 1) // INODES_PER_BLOCK

    def table_window(self, block: int, used: int) -> range:
        """The blocks of an inode table that are read with one of them: windows are aligned on the disk.

        Parameters
        ----------
        block : int
            The one that is needed.
        used : int
            Inodes in use, from the first on, in its group.
        """
        table = block - (block - self._tables) % TABLE
        start = max(table, block - (block - table + self._skew) % READ_AHEAD)
        return range(start, max(block, min(start + READ_AHEAD, table + used // INODES_PER_BLOCK)) + 1)

    def group_of_inode(self, number: int) -> int:
        """The group whose table holds an inode."""
        return (number - 1) // (TABLE * INODES_PER_BLOCK)

    def groups_of(self, places: Integers) -> Integers:
        """The groups that places of files lie in, each once: shape (groups,)."""
        return np.unique(np.minimum(np.searchsorted(self._ends, places, side="right") + 1, self.groups - 1))


def _taken(group: int, groups: int) -> int:
    """Blocks of a group that files do not get."""
    if group % FLEX == 0:
        return min(FLEX, groups - group) * (TABLE + 2)
    return PIECE if group == 1 or any(_is_power(group, base) for base in (3, 5, 7)) else 0


def _is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1


def journal_blocks(blocks: int) -> int:
    """What mke2fs gives the journal of a disk of so many blocks.

    Examples
    --------
    >>> journal_blocks(524288) * 4096 >> 20                # MiB for 2 GiB
    64
    """
    return next((size for limit, size in _JOURNALS if blocks < limit), 1 << 18)
