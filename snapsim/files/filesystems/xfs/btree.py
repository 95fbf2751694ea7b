"""The leaves of a B-tree of XFS: sorted records, and which bytes of which block change with one.

Free space, inodes, reference counts and long extent lists are kept in B-trees of 4 KiB blocks. A record that comes or
goes moves all behind it within its leaf, so the leaf is changed from there to its end; a full leaf is cut in two.

| tree | one in | header, record | key |
|---|---|---|---|
| bnobt, cntbt (free extents) | allocation group | 56, 8 | block; length |
| inobt, finobt (inodes; chunks with a free one) | allocation group | 56, 16 | chunk of 64 inodes |
| refcountbt (blocks that are shared, or wait to be) | allocation group | 56, 12 | block |
| bmbt (extents of a file that do not fit into its inode) | file | 72, 16 | block of the file |

Source: Documentation/filesystems/xfs/xfs-online-fsck-design.rst; fs/xfs/libxfs/xfs_btree.c.

>>> from itertools import count
>>> tree = Leaves(record=12, header=56, new=count(100).__next__)
>>> tree.insert(np.arange(0, 300, 3)), tree.blocks     # 100 records: bytes 0 to 1255, ten chunks of 128
([(100, 1023)], [100])
>>> tree.insert(np.arange(1, 900, 3)), len(tree.keys)  # too many for one leaf: two, each changed from its start
([(100, 1048575), (101, 1048575)], 400)

What it leaves out: the levels above the leaves (one block more as a rule), and how siblings share records before a
leaf is cut.
"""

from collections.abc import Callable

import numpy as np

from snapsim.block.device import Integers

BLOCK = 4096
CHUNK = 128
Change = tuple[int, int]  # block, map of its changed chunks


def chunks(first: int, end: int) -> int:
    """The map of the chunks that hold these bytes.

    Examples
    --------
    >>> bin(chunks(0, 1)), bin(chunks(127, 257))
    ('0b1', '0b111')
    """
    return (1 << -(-end // CHUNK)) - (1 << first // CHUNK)


class Leaves:
    """The leaves of one tree.

    Parameters
    ----------
    record, header : int
        Bytes of a record and of what stands before them.
    new : callable
        Gives the number of a new block.

    Attributes
    ----------
    keys : ndarray of int64
        Of all records, sorted.
    blocks : list of int
        The leaves in order.
    """

    def __init__(self, record: int, header: int, new: Callable[[], int]) -> None:
        self.record, self.header, self._new = record, header, new
        self.room = (BLOCK - header) // record
        self.keys: Integers = np.zeros(0, np.int64)
        self.blocks = [new()]
        self._lows: Integers = np.array([np.iinfo(np.int64).min])  # least key that goes into each leaf

    def insert(self, keys: Integers) -> list[Change]:
        """New records (sorted keys); what changed."""
        if not keys.size:
            return []
        self.keys = np.insert(self.keys, np.searchsorted(self.keys, keys), keys)
        cut = self._cut()
        return self._from(np.union1d(keys, cut))

    def remove(self, keys: Integers) -> list[Change]:
        """Records that go; what changed."""
        keys = keys[np.isin(keys, self.keys)]
        if not keys.size:
            return []
        changes = self._from(keys)
        self.keys = np.setdiff1d(self.keys, keys, assume_unique=True)
        return changes

    def touch(self, keys: Integers) -> list[Change]:
        """Records that change where they are: those that hold the keys."""
        if not keys.size:
            return []
        leaves = self._leaf(keys)
        index = np.maximum(np.searchsorted(self.keys, keys, "right") - 1 - self._starts()[leaves], 0)
        found: dict[int, int] = {}
        for leaf, place in sorted(set(zip(leaves.tolist(), index.tolist(), strict=True))):
            start = self.header + place * self.record
            found[leaf] = found.get(leaf, 0) | chunks(start, start + self.record)
        return [(self.blocks[leaf], mask) for leaf, mask in found.items()]

    def blocks_of(self, keys: Integers) -> list[int]:
        """The leaves that have, or would have, these keys."""
        return [self.blocks[leaf] for leaf in np.unique(self._leaf(keys)).tolist()]

    def _leaf(self, keys: Integers) -> Integers:
        return np.searchsorted(self._lows, keys, "right") - 1

    def _starts(self) -> Integers:
        return np.searchsorted(self.keys, self._lows)

    def _counts(self) -> Integers:
        return np.diff(np.append(self._starts(), self.keys.size))

    def _from(self, keys: Integers) -> list[Change]:
        """Each leaf with one of the keys changed from the first of them to its end, and in its header."""
        leaves, starts, counts = self._leaf(keys), self._starts(), self._counts()
        changed, first = np.unique(leaves, return_index=True)
        places = np.searchsorted(self.keys, keys[first]) - starts[changed]
        return [
            (
                self.blocks[leaf],
                1 | chunks(self.header + place * self.record, self.header + max(count, place + 1) * self.record),
            )
            for leaf, place, count in zip(changed.tolist(), places.tolist(), counts[changed].tolist(), strict=True)
        ]

    def _cut(self) -> Integers:
        """Cut leaves that are too full into equal parts; the first keys of all parts."""
        counts, starts, cut = self._counts(), self._starts(), []
        for leaf in np.flatnonzero(counts > self.room)[::-1].tolist():
            parts = -(-int(counts[leaf]) // self.room)
            bounds = starts[leaf] + np.arange(parts) * counts[leaf] // parts
            cut.append(self.keys[bounds])
            self._lows = np.insert(self._lows, leaf + 1, self.keys[bounds[1:]])
            self.blocks[leaf + 1 : leaf + 1] = [self._new() for _ in range(parts - 1)]
        return np.concatenate(cut) if cut else self.keys[:0]


def extent_starts(places: Integers) -> Integers:
    """The blocks of a file at which an extent begins.

    Parameters
    ----------
    places : ndarray of int64, shape (blocks of the file,)
        Place of each block; -1 for a hole.

    Examples
    --------
    >>> extent_starts(np.array([7, 8, -1, -1, 9, 20])).tolist()
    [0, 4, 5]
    """
    before = np.concatenate([[-2], places[:-1]])
    return np.flatnonzero((places >= 0) & (places != before + 1))
