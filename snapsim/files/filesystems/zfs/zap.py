"""The directories of ZFS: a ZAP, which is one block of names while they are few and short, and a hash table then.

A **micro ZAP** is one block: a header of 64 bytes, and an entry of 64 bytes for each name (8 of value: the object and
its kind; a name of up to 49 bytes). It is written anew in whole when a name comes or goes. With more names than fit
128 KiB, or a longer name, it becomes a **fat ZAP**: a header block, and leaves of 16 KiB, in which an entry takes
chunks of 24 bytes: one for itself, one for the value, one for each 21 bytes of the name. A name is hashed to a leaf, so
that a change writes this leaf and the header.

Both are metadata, and compressed with lz4. What is left of an entry of a micro ZAP are two sequences: the object's
number and the name, where entries differ; zeros equal those of the entry before. An entry of a leaf keeps its hash (8
bytes) besides, and the two bytes by which each chunk points to the next. What shrinks to 112 bytes is put into the
pointer in the dnode (embedded data), and has no block.

>>> zap_blocks(["a", "b"]).tolist(), zap_blocks([f"name{number}" for number in range(10, 99)]).tolist()
([0], [1354])
>>> zap_blocks([f"name{number}" for number in range(3000)]).size         # 3 chunks each, 638 a leaf: 15, and the header
16

Sources: openzfs module/zfs/zap_micro.c, zap_leaf.c, include/sys/zap_impl.h, zap_leaf.h, spa.h (``BPE_PAYLOAD_SIZE``).

What it leaves out: the salt by which real names are hashed (so that it cannot be known which names share a leaf),
leaves that are less full than others, names that repeat parts of each other; and that a table that lost names stays
a table (here the directory is a single block again).
"""

import zlib
from collections.abc import Collection

import numpy as np

from snapsim.block.device import Integers

_ENTRY, _LONGEST_BLOCK, _LONGEST_NAME = 64, 128 << 10, 49
MOST_NAMES = _LONGEST_BLOCK // _ENTRY - 1
_LEAF, _CHUNK, _CHUNK_ROOM = 16 << 10, 24, 21
_LEAF_CHUNKS = (_LEAF - 2 * (_LEAF // 32) - 2 * _CHUNK) // _CHUNK
"""Behind a header of two chunks, and two bytes of hash table for each 32 bytes of the leaf."""
_EMBEDDED = 112
_SEQUENCE, _LENGTH = 1 + 2, 1
"""lz4: token and offset; a length byte, for a match of 19 bytes and more or 15 literals and more."""
_MANY_LITERALS = 15
_NUMBER, _HASH, _NEXT = 2, 8, 2
_MICRO_HEADER = _SEQUENCE + 8 + 8
"""Type and salt."""
_FAT_HEADER, _POINTER = 128, 8
"""Counters, and the number of each leaf."""


def zap_blocks(names: Collection[str]) -> Integers:
    """Bytes of each block of a directory, compressed: the only one, 0 if it is embedded; or the header and the leaves.

    Parameters
    ----------
    names : collection of str
        Those in the directory.

    Returns
    -------
    ndarray of int64, shape (n,)
        n is 1, or 1 and the number of leaves.
    """
    if len(names) <= MOST_NAMES and all(len(name.encode()) <= _LONGEST_NAME for name in names):
        size = _MICRO_HEADER + sum(map(_entry, names))
        return np.array([size if size > _EMBEDDED else 0])
    count = max(1, -(-sum(map(_chunks, names)) // _LEAF_CHUNKS))
    where = [leaf_of(name, 1 + count) for name in names]
    sizes = [_entry(name) + _HASH + _chunks(name) * (_SEQUENCE + _NEXT) for name in names]
    found = np.bincount(where, sizes, 1 + count).astype(np.int64)
    found[0] = _FAT_HEADER + _POINTER * count
    return found


def leaf_of(name: str, blocks: int) -> int:
    """The block, of so many, in which a name is: 0 of one, else one of the leaves behind the header.

    Examples
    --------
    >>> leaf_of("a", 1), 1 <= leaf_of("a", 16) <= 15
    (0, True)
    """
    return 1 + zlib.crc32(name.encode()) % (blocks - 1) if blocks > 1 else 0


def _entry(name: str) -> int:
    """Bytes that lz4 leaves of an entry of a micro ZAP."""
    literals = len(name.encode())
    return 2 * _SEQUENCE + _NUMBER + literals + _LENGTH * (1 + (literals >= _MANY_LITERALS))


def _chunks(name: str) -> int:
    return 2 + -(-(len(name.encode()) + 1) // _CHUNK_ROOM)
