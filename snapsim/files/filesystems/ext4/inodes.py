"""Which number a new inode gets on ext4, and so which block of which inode table it shares with 15 others.

A file goes where its directory is, a directory where its parent is, except in the root: those directories are spread
over the disk (Orlov's allocator), each to the flex group with the fewest directories among those with at least the
average of free inodes. Within a flex group the first group with free inodes takes it, at the lowest number that is
free: one that was freed a moment ago is taken again (only without a journal it would be passed over for a minute).
Source: fs/ext4/ialloc.c.

The average comes from a counter that each CPU brings up to date only every 32 inodes. Where there is one flex group
(a disk of 2 GiB) it has less than that average as soon as one inode was taken, no flex group fits, and the kernel
falls back: to the first single group, from the root's on, that has the average of a group. So the second directory in
the root lies in the next group, and its inode in another table than the inodes of its files.

>>> tables = InodeTables(Ext4Layout(524288, first=0))
>>> [tables.take(parent=2, top_directory=True, seed=1) for _ in range(4)]
[12, 8193, 8194, 16385]
>>> tables.take(parent=8193, top_directory=False, seed=1)
13
>>> tables.free(12); tables.take(parent=2, top_directory=False, seed=1)
12

What it leaves out: a second CPU (each has a counter of its own), the same average of free blocks, and the limits beyond
which a subdirectory leaves its parent's flex group.
"""

import heapq

from snapsim.files.filesystems.ext4.directory import Ext4Directory
from snapsim.files.filesystems.ext4.layout import FIRST_FREE, FLEX, INODES_PER_BLOCK, TABLE, Ext4Layout

PER_GROUP = TABLE * INODES_PER_BLOCK
BATCH = 32  # percpu_counter_batch


class OnDisk:
    """What is known of one inode on disk.

    Attributes
    ----------
    number, block, group : int
        Its number, its block of the inode table, the group of that.
    home : int
        The group in which blocks of its own begin: of a file the second group of the flex group, else the first.
    names : Ext4Directory or None
        Of a directory.
    tree : list of int
        Blocks of the extent tree (of a long symbolic link: the block of its target).
    attributes : int or None
        Block of the extended attributes.
    transaction, tick, size : int
        The last transaction that changed it, as far as is known; the tick of its time stamp; its bytes.
    era : int
        How often the caches had been dropped when it came into memory.
    orphan, accessed : bool
        It is in the list of orphans; its access time is newer than its last change.
    """

    def __init__(self, number: int, block: int, group: int, home: int) -> None:
        self.number, self.block, self.group, self.home = number, block, group, home
        self.names: Ext4Directory | None = None
        self.tree: list[int] = []
        self.attributes: int | None = None
        self.transaction, self.tick, self.size, self.era = 0, -1, 0, -1
        self.orphan = self.accessed = False


class InodeTables:
    """The inodes in use, by group.

    Parameters
    ----------
    layout : Ext4Layout
    """

    def __init__(self, layout: Ext4Layout) -> None:
        self._used = [0] * layout.groups
        self._freed: list[list[int]] = [[] for _ in range(layout.groups)]  # heaps
        self._used[0] = FIRST_FREE - 1
        self._recent = 0  # inodes taken and not yet in the counter
        self._directories = [0] * -(-layout.groups // FLEX)

    def used(self, group: int) -> int:
        """Inodes of a group that were ever in use: they are the first ones."""
        return self._used[group]

    def take(self, parent: int, top_directory: bool, seed: int) -> int:
        """The number of a new inode.

        Parameters
        ----------
        parent : int
            Number of the directory's inode.
        top_directory : bool
            It is a directory in the root.
        seed : int
            Where the search for a flex group begins (a hash of the name on ext4, with a secret of the file system).
        """
        start = (parent - 1) // PER_GROUP // FLEX * FLEX
        group = self._first_free(self._spread(seed) if top_directory else start)
        self._directories[group // FLEX] += top_directory
        self._recent = (self._recent + 1) % BATCH
        if self._freed[group]:
            return heapq.heappop(self._freed[group])
        self._used[group] = min(self._used[group] + 1, PER_GROUP)  # of a table that is full the last is shared
        return group * PER_GROUP + self._used[group]

    def free(self, number: int) -> None:
        """An inode is free again."""
        heapq.heappush(self._freed[(number - 1) // PER_GROUP], number)

    def _first_free(self, start: int) -> int:
        groups = len(self._used)
        order = ((start + step) % groups for step in range(groups))
        return next((group for group in order if self._used[group] < PER_GROUP or self._freed[group]), start)

    def _spread(self, seed: int) -> int:
        """The group at which the search for a directory of the root begins."""
        counted = sum(self._used) - self._recent  # what the counter knows of
        flexes = len(self._directories)
        used = [sum(self._used[flex * FLEX : (flex + 1) * FLEX]) for flex in range(flexes)]
        roomy = [flex for step in range(flexes) if used[flex := (seed + step) % flexes] * flexes <= counted]
        if roomy:
            return min(roomy, key=self._directories.__getitem__) * FLEX
        average = (len(self._used) * PER_GROUP - counted) // len(self._used)
        return next((group for group, taken in enumerate(self._used) if PER_GROUP - taken >= average), 0)
