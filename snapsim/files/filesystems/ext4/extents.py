"""The extent tree of an ext4 file: four extents lie in the inode, more need blocks of their own.

An extent is a run of blocks that lie side by side on disk, of at most 32768. A leaf block holds 340 of them; from
five leaves on there is a block of index above them. Source: Documentation/filesystems/ext4/ifork.rst.

>>> places = np.arange(10)
>>> extent_count(places), leaf_count(extent_count(places))
(1, 0)
>>> extent_count(np.arange(0, 20, 2)), leaf_count(10)
(10, 1)

What it leaves out: extents that are allocated and not written yet (they are split and joined again while a file is
written back), and leaves that are half full after splits.
"""

import numpy as np

from snapsim.block.device import Integers

IN_INODE = 4
PER_BLOCK = (4096 - 12 - 4) // 12
LONGEST = 32768


def extent_starts(places: Integers) -> Integers:
    """Indices of the blocks that begin an extent, where `places` has one entry for each block, -1 for a hole."""
    there = places >= 0
    follows = there[1:] & (places[1:] == places[:-1] + 1)
    starts = there.copy()
    starts[1:] &= ~follows
    return np.flatnonzero(starts)


def extent_count(places: Integers) -> int:
    """Number of extents of a file."""
    starts = extent_starts(places)
    if places.size <= LONGEST:
        return int(starts.size)
    before = np.cumsum(places >= 0)
    firsts = np.append(before[starts], before[-1] + 1)
    return int((-(-np.diff(firsts) // LONGEST)).sum())


def leaf_count(extents: int) -> int:
    """Leaf blocks that so many extents need."""
    return 0 if extents <= IN_INODE else -(-extents // PER_BLOCK)


def tree_blocks(extents: int) -> int:
    """All blocks of the tree: leaves, and the index above them once there are more than four.

    Examples
    --------
    >>> tree_blocks(4), tree_blocks(5), tree_blocks(5 * 340)
    (0, 1, 6)
    """
    leaves = leaf_count(extents)
    return leaves + tree_blocks(leaves) if leaves else 0


def leaves_of(places: Integers, blocks: Integers) -> set[int]:
    """Which leaves hold the extents of these blocks of a file."""
    number = np.searchsorted(extent_starts(places), blocks, side="right") - 1
    return set(np.unique(np.maximum(number, 0) // PER_BLOCK).tolist())
