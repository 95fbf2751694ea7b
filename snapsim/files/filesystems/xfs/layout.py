"""Where XFS keeps its metadata: allocation groups, chunks of inodes, and which group a new inode goes to.

mkfs.xfs cuts a disk into four allocation groups (from 4 TiB on, one for each TiB). Each manages itself: a superblock,
AGF, AGI and AGFL of a sector each, and B-trees of free blocks, inodes and shared blocks. Inodes have 512 bytes, are
made in chunks of 64 when they are needed, and are read and written in clusters of 32: who changes one writes 16 KiB.

**Where.** Each new directory goes to the next group in turn; a file goes to the group of its directory, into the chunk
next to that of the directory which has a free inode. The data of a file go into the group of its inode.

Source: Documentation/filesystems/xfs; fs/xfs/libxfs/xfs_ialloc.c (``xfs_dialloc``, ``m_agirotor``); seen in traces of
Linux 6.18.

>>> layout = XfsLayout(Sectors(1 << 20), first=0, sectors=1 << 22)
>>> root, made = layout.take(layout.next_group(None, True), None)
>>> first, second = (layout.take(layout.next_group(root, is_directory=True), root)[0] for _ in range(2))
>>> file, made = layout.take(layout.next_group(second, is_directory=False), second)
>>> first.group.number, second.group.number, file.group.number, file.cluster == second.cluster
(0, 1, 1, True)
>>> layout.blocks_held                                 # a chunk in the second group; mkfs made that of the root
8

What it leaves out: sparse chunks, groups that are full, real-time devices, and that on a disk the data lie between the
metadata (here these have numbers of their own).
"""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from snapsim.files.filesystems.xfs.btree import Leaves
from snapsim.files.filesystems.xfs.log import CLUSTER_SECTORS, SECTOR, Sectors

GROUPS = 4
CHUNK_INODES, CLUSTER_INODES, CHUNK_BLOCKS = 64, 32, 8
INODE_ROOM = 512 - 176  # for extents or names, and attributes
BLOCK_SECTORS = 8
LOG_SECTORS = (64 << 20) // SECTOR
FULL = (1 << CHUNK_INODES) - 1
MOST_BUSY = 3


class Edge:
    """Where the free space of a group begins, behind the blocks that were taken last.

    A block that was freed is *busy* until the checkpoint that says so is in the log. Three busy blocks in a row make
    the search for a free one give up (it looks at them as a tree: the free space is cut before the one in the middle,
    and what is left is busy): then the log is forced, a checkpoint. So it is where one directory after the other gets
    a block and gives it back, as when a tree is removed.

    Source: fs/xfs/xfs_extent_busy.c ``xfs_extent_busy_trim``, libxfs/xfs_alloc.c ``xfs_alloc_ag_vextent_near``; seen in
    traces of Linux 6.18.

    Examples
    --------
    >>> edge = Edge()
    >>> for block in (8, 16, 24):
    ...     edge.taken(block)
    ...     edge.freed([block])
    >>> edge.is_busy(), edge.settled(), edge.is_busy()
    (True, None, False)
    """

    def __init__(self) -> None:
        self._taken: dict[int | None, bool] = {}  # the last blocks in their order -> is it busy

    def taken(self, block: int | None) -> None:
        """A block was taken; None: by a file."""
        self._taken.pop(block, None)
        self._taken[block] = False

    def freed(self, blocks: list[int]) -> None:
        """Blocks were freed."""
        self._taken.update((block, True) for block in blocks if block in self._taken)

    def _busy(self) -> list[int | None]:
        return list(takewhile(self._taken.__getitem__, reversed(self._taken)))

    def is_busy(self) -> bool:
        """Whether the search for a block gives up."""
        return len(self._busy()) >= MOST_BUSY

    def settled(self) -> None:
        """A checkpoint is in the log."""
        for block in self._busy():
            del self._taken[block]


class Group:
    """An allocation group: sectors and B-trees, and its inodes."""

    def __init__(self, number: int, layout: "XfsLayout") -> None:
        self.number, self._layout = number, layout
        header = layout.new(BLOCK_SECTORS)
        self.superblock, self.agf, self.agi, self.agfl = range(header, header + 4)
        self.by_block, self.by_size = layout.new(BLOCK_SECTORS), layout.new(BLOCK_SECTORS)
        self.inodes, self.free_inodes, self.shared = (
            Leaves(record, 56, lambda: layout.new(BLOCK_SECTORS)) for record in (16, 16, 12)
        )
        self.edge = Edge()
        self.changed_chunks: set[int] = set()  # their records are not in the log yet
        self.chunks: list[int] = []  # map of the inodes in use in each chunk; -1: given back
        self.clusters: list[int] = []  # first sector of the first cluster of each chunk

    def chunk_near(self, number: int) -> int | None:
        """The chunk with a free inode that is next to a given one."""
        free = self.free_inodes.keys
        return int(free[np.argmin(np.abs(free - number))]) if free.size else None

    def new_chunk(self) -> int:
        """Make 64 inodes."""
        self.chunks.append(0)
        self.clusters.append(self._layout.new(CHUNK_BLOCKS * BLOCK_SECTORS))
        return len(self.chunks) - 1


@dataclass(frozen=True)
class Slot:
    """An inode on disk: its group, its number there, and the first sector of its cluster."""

    group: Group
    number: int
    cluster: int

    @property
    def chunk(self) -> int:
        """The chunk of 64 inodes that it is in."""
        return self.number // CHUNK_INODES


class XfsLayout:
    """The groups of one file system, and the numbers of its metadata sectors.

    Parameters
    ----------
    disk : Sectors
    first, sectors : int
        Which sectors of the disk are for metadata; the disk grows if they do not suffice.

    Attributes
    ----------
    log : int
        First sector of the log.
    blocks_held : int
        Blocks of inode chunks, directories and extent trees that ``df`` counts as used.
    """

    def __init__(self, disk: Sectors, first: int, sectors: int) -> None:
        self._disk, self._next, self._end, self.blocks_held = disk, first, first + sectors, 0
        self.log = self.new(LOG_SECTORS)
        self.groups = [Group(number, self) for number in range(GROUPS)]
        self._turn = 0

    def new(self, sectors: int) -> int:
        """The first of so many sectors that nothing else has."""
        first, self._next = self._next, self._next + sectors
        if self._next > self._end:
            self._end += max(self._end, sectors)
            self._disk.grow(-(-self._end // BLOCK_SECTORS))
        return first

    def next_group(self, parent: Slot | None, is_directory: bool) -> Group:
        """The group that the next new inode goes to; None as parent is for the root."""
        if parent is None:
            return self.groups[0]
        if not is_directory:
            return parent.group
        self._turn += 1
        return self.groups[(self._turn - 1) % GROUPS]

    def take(self, group: Group, parent: Slot | None) -> tuple[Slot, bool]:
        """A free inode of a group, and whether a chunk had to be made for it."""
        near = parent.chunk if parent is not None and parent.group is group else len(group.chunks)
        chunk = group.chunk_near(near)
        if chunk is not None:
            return self._take(group, chunk), False
        return self._take(group, self._new_chunk(group, made_by_mkfs=parent is None)), True

    def clusters(self, slot: Slot) -> tuple[int, int]:
        """Both clusters of the chunk of an inode."""
        first = slot.group.clusters[slot.chunk]
        return first, first + CLUSTER_SECTORS

    def _new_chunk(self, group: Group, made_by_mkfs: bool) -> int:
        chunk = group.new_chunk()
        for tree in (group.inodes, group.free_inodes):
            tree.insert(np.array([chunk]))
        if made_by_mkfs:
            group.chunks[chunk] = 0b110  # inodes of bitmap and summary of the real-time device
        else:
            self.blocks_held += CHUNK_BLOCKS
        return chunk

    def _take(self, group: Group, chunk: int) -> Slot:
        used = group.chunks[chunk]
        free = (~used & (used + 1)).bit_length() - 1  # the lowest bit that is 0
        group.chunks[chunk] |= 1 << free
        if group.chunks[chunk] == FULL:
            group.free_inodes.remove(np.array([chunk]))
        cluster = group.clusters[chunk] + free // CLUSTER_INODES * CLUSTER_SECTORS
        return Slot(group, chunk * CHUNK_INODES + free, cluster)

    def give_back(self, slot: Slot) -> bool:
        """Free an inode; True if that was the last one of its chunk, which is free then as well."""
        group, chunk, key = slot.group, slot.chunk, np.array([slot.chunk])
        if group.chunks[chunk] == FULL:
            group.free_inodes.insert(key)
        group.chunks[chunk] &= ~(1 << slot.number % CHUNK_INODES)
        if group.chunks[chunk] & FULL:
            return False
        group.chunks[chunk] = -1
        for tree in (group.inodes, group.free_inodes):
            tree.remove(key)
        self.blocks_held -= CHUNK_BLOCKS
        return True
