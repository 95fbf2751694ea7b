"""The indirect blocks of a ZFS object: which are written when pointers change, and how large each is.

An object is a row of records. Its dnode points to the first few of them, or to a tree of *indirect blocks* of 1024
pointers each, level over level. A record that is written anew changes the pointer to it, and so one indirect block of
each level. What is left of such a block is in `snapsim.files.filesystems.zfs.indirect_block`.

Which records of a dataset are whose: in a trace, each file has a *stretch* of the dataset's addresses, or all is one
object (a zvol); in a file system, the inode says it (`snapsim.files.filesystems.zfs.objects`).

>>> from snapsim.block.snapshots.records.volume import Records
>>> data = Records.new(1 << 16, chunk_size=131072)
>>> data.write(slice(0, 64))                       # two records
>>> data.flush()
>>> change = next(Stretches(None).changes(data, np.array([1])))
>>> dict(indirect_blocks(data, change, roots=1))[1, 0, 0]    # two pointers, 101 bytes; zeros and length, 516
617
>>> dict(indirect_blocks(data, change, roots=3))             # the dnode of a zvol has room for three
{}

Sources: openzfs module/zfs/dbuf.c `dbuf_sync_indirect`, dnode.c `dnode_increase_indirection`.

What it leaves out: indirect blocks that stay when a file gets short again.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from snapsim.block.device import Integers
from snapsim.block.snapshots.records.pointers import POINTERS
from snapsim.block.snapshots.records.volume import Records
from snapsim.files.filesystems.zfs.indirect_block import compressed_bytes
from snapsim.files.filesystems.zfs.shadows import Key

LEVELS = 5
"""Of indirect blocks, at most."""
_ADDRESS_UNIT = 512
"""Bytes that an address in a pointer counts in."""
_NONE: Integers = np.zeros(0, np.int64)


class ObjectChange(NamedTuple):
    """What a group changes in one object; of n records that changed, and m that there are."""

    number: int
    changed: Integers = _NONE  # (n,) which in the object, whether they are there now or not
    pointers: Integers = _NONE  # (m,) those that are there, in order
    records: Integers = _NONE  # (m,) their numbers in the dataset
    blocks: Mapping[Key, int] = {}  # further blocks of its own (a directory's): bytes of each, 0 if it goes


class Objects(Protocol):
    """Who knows the objects of a dataset."""

    @property
    def dirty(self) -> bool:
        """Has the group changed any, apart from records that were written?"""

    def changes(self, dataset: Records, records: Integers) -> Iterator[ObjectChange]:
        """The objects that the group changed, by the records that were written or given up in it; each once."""


class Stretches:
    """Objects that lie side by side in the addresses of a dataset.

    Parameters
    ----------
    stretch : int or None
        Blocks of addresses that each object has; None: all of it is one object.
    """

    dirty = False

    def __init__(self, stretch: int | None) -> None:
        self.stretch = stretch

    def changes(self, dataset: Records, records: Integers) -> Iterator[ObjectChange]:
        """See `Objects`."""
        each = self.stretch // dataset.chunk_blocks if self.stretch else int(records.max(initial=0)) + 1
        held = dataset.pointers.records() if records.size else records
        for number in np.unique(records // each).tolist():
            mine = held[(held >= number * each) & (held < (number + 1) * each)]
            yield ObjectChange(number, records[records // each == number] - number * each, mine - number * each, mine)


def indirect_blocks(dataset: Records, change: ObjectChange, roots: int) -> Iterator[tuple[Key, int]]:
    """Level over level: the blocks above the changed records of an object.

    Parameters
    ----------
    dataset : Records
        Where the records are.
    change : ObjectChange
        What changed.
    roots : int
        Pointers that the object's dnode holds; with no more records there are no indirect blocks.

    Yields
    ------
    key : (int, int, int)
        Level, object, number of the block in the level.
    size : int
        Bytes, compressed; 0 if the block goes.
    """
    changed, pointers, records = change.changed, change.pointers, change.records
    if max(int(changed.max(initial=-1)), int(pointers.max(initial=-1))) < roots:
        return
    for level in range(1, LEVELS + 1):
        needed = int(pointers.max(initial=-1)) >= roots
        changed = np.unique(changed // POINTERS)
        for index in changed.tolist():
            below = pointers // POINTERS == index if needed else np.zeros(pointers.size, bool)
            yield (
                (level, change.number, index),
                (_lowest(dataset, records[below]) if level == 1 else _above(pointers[below])),
            )
        pointers = np.unique(pointers // POINTERS)


def indirect_keys(number: int, records: int) -> list[Key]:
    """Names of all indirect blocks of an object of so many records, where the dnode has room for one pointer.

    Examples
    --------
    >>> indirect_keys(7, 1), indirect_keys(7, 1025)
    ([], [(1, 7, 0), (1, 7, 1), (2, 7, 0)])
    """
    keys: list[Key] = []
    level = 0
    while records > 1:
        level, records = level + 1, -(-records // POINTERS)
        keys += [(level, number, index) for index in range(records)]
    return keys


def _above(pointers: Integers) -> int:
    """Bytes of a block that points to indirect blocks, no two of which are alike."""
    return compressed_bytes(pointers, np.zeros_like(pointers), pointers)


def _lowest(dataset: Records, records: Integers) -> int:
    """Bytes of the block that points to these records."""
    pool, blocks = dataset.pool, records[:, None] * dataset.chunk_blocks + np.arange(dataset.chunk_blocks)
    places = dataset.device_blocks(np.minimum(blocks, dataset.size - 1))
    contents = np.where(places >= 0, pool.content(places), np.uint64(0))
    alike = np.unique(contents, axis=0, return_inverse=True)[1].ravel()
    first = places[:, 0]
    return compressed_bytes(first * (pool.block_size // _ADDRESS_UNIT), pool.birth[first], alike)
