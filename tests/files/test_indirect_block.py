"""Indirect blocks of ZFS under lz4: the rule beside a greedy lz4 that packs the very bytes."""

import struct

import numpy as np
import pytest

from snapsim.files.filesystems.zfs.indirect_block import BLOCK_BYTES, compressed_bytes

ROWS = np.arange(1024)
MIB_SECTORS = 2048


def packed(data):
    """Bytes of an lz4 block: the nearest 4 equal bytes within 64 KiB, as long as they go on; every literal is tried."""
    seen, size, at, literals = {}, 0, 0, 0
    while at < len(data) - 12:
        key = data[at : at + 4]
        found = seen.get(key)
        seen[key] = at
        if found is None or at - found > 65535:
            at, literals = at + 1, literals + 1
            continue
        length = 4
        while at + length < len(data) - 5 and data[found + length] == data[at + length]:
            length += 1
        size += 3 + (literals >= 15) + (literals - 15) // 255 * (literals >= 15) + literals
        size += (length >= 19) + (length - 19) // 255 * (length >= 19)
        at, literals = at + length, 0
        seen[data[at - 2 : at + 2]] = at - 2
    return size + 1 + literals + len(data) - at


def block(addresses, births, contents):
    """The bytes of the pointers: 16 sectors at an address, properties, birth, fill count 1, checksum."""
    random = np.random.default_rng(5)
    sums = {content: random.bytes(32) for content in sorted(set(contents.tolist()))}
    pointers = b"".join(
        struct.pack("<12Q", 16, address, *[0] * 4, 0x800704020F000F, 0, 0, 0, birth, 1) + sums[what]
        for address, birth, what in zip(addresses.tolist(), births.tolist(), contents.tolist(), strict=True)
    )
    return pointers + bytes(BLOCK_BYTES - len(pointers))


@pytest.mark.parametrize("count", [1024, 500])
@pytest.mark.parametrize("changed", [0, 12, 97])
@pytest.mark.parametrize("sectors", [16, 32, 128])
@pytest.mark.parametrize("alike", [False, True])
def test_beside_lz4(count, changed, sectors, alike):
    """Within a tenth: records of 8, 16 and 64 KiB, whole MiB alike or none; some changed in a later group."""
    rows = ROWS[:count]
    which = np.sort(np.random.default_rng(changed).choice(count, changed, replace=False))
    addresses, births = 0x12345 + sectors * rows, np.full(count, 37)
    contents = rows * sectors // MIB_SECTORS if alike else rows.copy()
    addresses[which], births[which], contents[which] = 0x912345 + sectors * np.arange(changed), 60, 5000 + which
    real = packed(block(addresses, births, contents))
    assert compressed_bytes(addresses, births, contents) == pytest.approx(real, rel=0.1)


def test_by_hand():
    """Addresses 16 apart: 1023 times the low byte differs from the neighbour's, and 63 times the second one too. The
    first pointer has no neighbour: 8 bytes of address, 8 of birth, and a checksum. 256 apart: the second byte, and 3
    times the third."""
    births, alike = np.full(1024, 7), np.zeros(1024)
    first = (4 + 8) + (3 + 8) + 36
    assert compressed_bytes(16 * ROWS, births, alike) == first + 1023 * (4 + 1) + 63 + 4
    assert compressed_bytes(16 * ROWS, births, ROWS) == first + 1023 * (4 + 1 + 36) + 63 + 4
    assert compressed_bytes(256 * ROWS, births, alike) == first + 1023 * (4 + 1) + 3 + 4
    assert compressed_bytes(16 * ROWS[:1], births[:1], alike[:1]) == first + 1023 * 128 // 255 + 4


def test_what_is_out_of_reach():
    """511 pointers are 64 KiB: a content that was seen 511 pointers ago costs 4, one of 512 ago 36."""
    births = np.full(600, 7)
    contents = np.arange(600)
    base = compressed_bytes(ROWS[:600], births, contents)
    for back, saved in ((511, 32), (512, 0)):
        again = contents.copy()
        again[550] = again[550 - back]
        assert base - compressed_bytes(ROWS[:600], births, again) == saved


def test_no_pointer_no_block():
    assert compressed_bytes([], [], []) == 0
