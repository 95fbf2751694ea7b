"""The metadata blocks of an ext4: through the buffer cache when they are read, through the journal when they change.

A block has to be in memory before it can be changed; one that is new, or that the journal still holds, is. The
superblock and the group descriptors are pinned while the file system is mounted.

>>> blocks = Ext4Blocks(Ext4Layout(524288, first=0), BlockDevice(524288))
>>> bitmap = blocks.layout.block_bitmap(1)
>>> with blocks.disk.counting() as io:
...     blocks.change_bitmap(bitmap, 1); blocks.change_bitmap(bitmap, 1); blocks.journal.commit()
>>> io.counts.bytes("read") // 4096, io.counts.bytes("write") // 4096   # log: superblock, descriptor, 2 blocks, commit
(1, 5)

What it leaves out: memory pressure (nothing is evicted before the caches are dropped), and where in a group a block
of a directory or an extent tree lies: they are numbered one after the other, behind the journal.
"""

from snapsim.block.device import BlockDevice
from snapsim.files.filesystems.ext4.journal import Journal
from snapsim.files.filesystems.ext4.layout import Ext4Layout


class Ext4Blocks:
    """Reads and changes of metadata blocks.

    Parameters
    ----------
    layout : Ext4Layout
    disk : BlockDevice
        Where they lie.

    Attributes
    ----------
    journal : Journal
    held : int
        Blocks in use for directories, extent trees and attributes since mkfs.
    """

    def __init__(self, layout: Ext4Layout, disk: BlockDevice) -> None:
        self.layout, self.disk, self.held = layout, disk, 0
        self.journal = Journal(disk, layout.journal, layout.journal_blocks)
        self._cached: set[int] = set()
        self._pinned = {layout.superblock, *map(layout.descriptor, range(layout.groups))}
        self._next = layout.free

    def is_cached(self, block: int) -> bool:
        """Is it in memory?"""
        return block in self._cached or block in self._pinned or self.journal.holds(block)

    def read(self, *blocks: int, rule: str) -> None:
        """Bring blocks into memory that are not there."""
        for block in blocks:
            if not self.is_cached(block):
                self.disk.read(block, why="metadata", rule=rule)
            self._cached.add(block)

    def change(self, *blocks: int, rule: str) -> None:
        """Put blocks into the running transaction; they are read first."""
        self.read(*blocks, rule=rule)
        self.journal.dirty(*blocks)

    def change_bitmap(self, bitmap: int, group: int) -> None:
        """A bitmap of a group changes, and with it the group's descriptor."""
        self.change(bitmap, self.layout.descriptor(group), rule="bitmap of a block group, and its descriptor")

    def know(self, block: int) -> None:
        """A block's content is known without a read, since nothing is in it yet."""
        self._cached.add(block)

    def take(self, group: int) -> int:
        """A block for a directory, an extent tree or attributes, in a group."""
        self.change_bitmap(self.layout.block_bitmap(group), group)
        block = self.number()
        self.held += 1
        self.know(block)
        self.journal.dirty(block)
        return block

    def number(self) -> int:
        """The number of a block that mkfs wrote, or that is about to be taken."""
        self._next += 1
        return self._next - 1

    def free(self, blocks: list[int], group: int) -> None:
        """Give blocks back; what the journal has of them is revoked."""
        if blocks:
            self.change_bitmap(self.layout.block_bitmap(group), group)
            self.journal.revoke(blocks)
            self.held -= len(blocks)

    def drop(self) -> None:
        """Caches are dropped."""
        self._cached = set()
