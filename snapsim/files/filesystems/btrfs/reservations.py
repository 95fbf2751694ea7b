"""Room that btrfs keeps for changes that wait, and when there is so much of it that they are carried out early.

Whatever waits in memory has room for the blocks that it may change one day, on the safe side: a path of eight blocks
for an item that changes, twice that for one that is new. When all of this is more than 128 MiB, a worker carries out
what holds most of it, without a commit (*preemptive reclaim*): it writes data back, or sets delayed items, or runs
delayed references. So some 200 new files are written before any sync asks for them, and of many that are removed the
references are counted one after the other and not all at the end.

>>> waiting = Reservations()
>>> waiting.files.update((257, number) for number in range(200)); waiting.next(items=0, references=0) is None
True
>>> waiting.files.update((257, number) for number in range(210)); waiting.next(items=0, references=0)
'data'
>>> waiting.files.clear(); waiting.next(items=1 << 20, references=300)
'references'

Source: fs/btrfs/space-info.c `need_preemptive_reclaim`, `btrfs_preempt_reclaim_metadata_space`; delalloc-space.c
`btrfs_calculate_inode_block_rsv_size`; delayed-ref.h `btrfs_calc_delayed_ref_bytes`.

What it leaves out: that the worker runs beside the program, and so a little later: one that makes files faster than
the worker writes them waits for room at last, and the kernel commits; that it does a part at a time; room for each of
many places in one file; and a disk so small or full that it begins earlier.
"""

from collections.abc import Hashable

from snapsim.files.filesystems.btrfs.tree_block import NODE_BYTES

CHANGE = 8 * NODE_BYTES
NEW = 2 * CHANGE
FILE = NEW + CHANGE + NEW
"""Of a file with dirty pages: an extent, the inode, a leaf of checksums."""
REFERENCE = 2 * NEW
"""Of a delayed reference: in the extent tree and in the free-space tree."""
MOST = 128 << 20


class Reservations:
    """What waits on one file system.

    Attributes
    ----------
    files : set
        Files with dirty pages.
    """

    def __init__(self) -> None:
        self.files: set[Hashable] = set()

    def next(self, items: int, references: int) -> str | None:
        """What is carried out now: "data", "items" or "references", or nothing.

        Parameters
        ----------
        items : int
            Bytes kept for delayed items.
        references : int
            Extents and blocks with delayed references.
        """
        data, counted = FILE * len(self.files), REFERENCE * references
        if data + items + counted <= MOST:
            return None
        if data > items + counted:
            return "data"
        return "items" if items > counted else "references"
