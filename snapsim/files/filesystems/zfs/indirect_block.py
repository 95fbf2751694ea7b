"""What lz4 leaves of an indirect block of ZFS: a row of block pointers, each much like the one before.

A pointer has 128 bytes: size and address of up to three copies, properties, birth, fill count, checksum. lz4 writes a
sequence wherever a pointer stops to equal an earlier one: a token, the bytes that differ (literals), two bytes of
offset, and length bytes for 15 literals or a match of 19 bytes and more. So there remain, of each pointer,

* the **address**: the low bytes in which it differs from its neighbour's, usually one or two, and 4;
* the **birth**, where it is another than the neighbour's: 3 or 4, and its low byte where no near pointer had it;
* the **checksum**: 36, of which 32 are its own. Blocks with equal content have equal checksums: then nothing, or 4
  where another pointer than the neighbour had it.

Metadata are compressed always, whatever the dataset's ``compression``. Near is what lz4's offset reaches: 64 KiB. Of
the zeros behind the last pointer, each 255 bytes leave one.

>>> rows = np.arange(1024)
>>> compressed_bytes(16 * rows, np.full(1024, 7), rows)              # all different: 41 bytes each, and now and then 42
42069
>>> compressed_bytes(16 * rows, np.full(1024, 7), np.zeros(1024))    # all alike: 5 bytes each, or 6
5241

Sources: openzfs include/sys/spa.h (``blkptr_t``), module/zfs/lz4.c, dmu.c (`dmu_write_policy`: metadata); the lz4
block format.

What it leaves out: the second address of a pointer to metadata, matches that start inside an address by chance, and
the length of a short record.
"""

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers

POINTER_BYTES, BLOCK_BYTES = 128, 128 << 10
_OFFSET_REACH = (64 << 10) - 1
_SEQUENCE = 1 + 2
"""Token and offset: what a sequence takes without literals and length bytes."""
_LENGTH = 1
_CHECKSUM = 32
_ADDRESS_BYTES = 8
_HEADER = 4
"""The compressed length, which ZFS puts before what lz4 makes."""


def compressed_bytes(addresses: npt.ArrayLike, births: npt.ArrayLike, contents: npt.ArrayLike) -> int:
    """Bytes that a block of so many pointers takes, before it is rounded up to sectors.

    Parameters
    ----------
    addresses : array_like of int, shape (n,)
        Where each block lies, in 512 bytes; n is 1024 at most.
    births : array_like of int, shape (n,)
        The transaction group in which each was written.
    contents : array_like, shape (n,)
        Equal where the blocks are equal.

    Examples
    --------
    One pointer among 512 alike has an address, a birth and a content of its own; its neighbour has those of the rest.

    >>> alike = compressed_bytes(np.arange(512), np.full(512, 7), np.zeros(512))
    >>> one = np.arange(512) == 100
    >>> compressed_bytes(np.arange(512), np.where(one, 9, 7), one) - alike     # 4 and 36; then 4 for the old birth
    44
    """
    where, born = np.asarray(addresses, np.uint64), np.asarray(births, np.uint64)
    what = np.unique(np.asarray(contents), return_inverse=True)[1]
    if not where.size:
        return 0
    before = np.arange(where.size) - 1
    again = np.append(False, born[1:] == born[:-1])  # the birth of the neighbour
    like = np.where(again, before, _last_equal(born))  # the pointer that the match goes on with
    new_birth = _SEQUENCE + np.where(like >= 0, 0, _differing(born, before))
    other = (like < 0) | (what != what[like])
    checksum = np.where(_last_equal(what) >= 0, _SEQUENCE + _LENGTH, _SEQUENCE + _LENGTH + _CHECKSUM)
    address = _SEQUENCE + _LENGTH + np.minimum(_differing(where, before), _differing(where, like))
    each = address + np.where(again, 0, new_birth + ~other * _LENGTH) + np.where(other, checksum, 0)
    zeros = BLOCK_BYTES - where.size * POINTER_BYTES
    return int(each.sum()) + zeros // 255 + _HEADER


def _last_equal(values: npt.NDArray[np.integer]) -> Integers:
    """The number of the nearest pointer before with the same value, -1 where none is in reach."""
    order = np.argsort(values, kind="stable")
    found = np.full(values.size, -1, np.int64)
    same = values[order[1:]] == values[order[:-1]]
    found[order[1:][same]] = order[:-1][same]
    found[(np.arange(values.size) - found) * POINTER_BYTES > _OFFSET_REACH] = -1
    return found


def _differing(values: npt.NDArray[np.uint64], others: Integers) -> Integers:
    """Bytes from the lowest to the highest in which each value differs from another; all where there is none (-1)."""
    bits = values ^ np.where(others < 0, ~values, values[others])
    shifts = 8 * np.arange(_ADDRESS_BYTES, dtype=np.uint64)
    differs = (bits[:, None] >> shifts & np.uint64(255)) != 0
    low, high = differs.argmax(axis=1), _ADDRESS_BYTES - 1 - differs[:, ::-1].argmax(axis=1)
    span: Integers = np.where(bits == 0, 0, high - low + 1)
    return span
