"""The intent log of ZFS: sizes of its blocks by hand (zil.c, zvol.c; no measurement)."""

import pytest

from snapsim.files.filesystems.zfs.intent_log import CHAIN_BYTES, TRUNCATE_BYTES, WRITE_BYTES, IntentLog

KIB = 1 << 10


def opened(volblocksize=8192):
    """A log whose first block is there, empty, 4 KiB."""
    log = IntentLog(volblocksize)
    log.write(1)
    assert log.commit() == [4 * KIB]
    return log


def test_sizes_of_the_structures():
    """A pointer of 128 bytes, and 8-byte words: 1 + 16 + 1 + (1 + 4); 4 + 4 + 16; 4 + 3."""
    assert (CHAIN_BYTES, WRITE_BYTES, TRUNCATE_BYTES) == (23 * 8, 24 * 8, 7 * 8)


def test_nothing_noted_is_nothing_written():
    log = opened()
    assert (log.pending, log.commit()) == (False, [])


def test_the_end_of_the_group_leaves_nothing_to_log():
    log = opened()
    log.write(4096)
    log.home()
    assert log.commit() == []


def test_small_notes_share_a_block():
    """4096 - 184 = 3912 bytes: 19 notes of 200 bytes (192 and 8) fit."""
    log = opened()
    for _ in range(19):
        log.write(5)
    assert log.commit() == [4 * KIB]


def test_one_note_more():
    """The 20th has its own block, of 184 + 200 bytes."""
    log = opened()
    for _ in range(20):
        log.write(5)
    assert log.commit() == [4 * KIB, 4 * KIB]


def test_a_hundred_writes_of_4_kib():
    """Notes of 4288 bytes. Blocks of 12, 36, 68, 128, 128 and 128 KiB, as much as the commit had taken; they hold
    2, 8, 16, 30, 30 and 14: 8760, 34488, 68792, 128824, 128824, 60216 bytes, in 4 KiB: 3, 9, 17, 32, 32, 15."""
    log = opened()
    log.write(4096)
    assert log.commit() == [4 * KIB, 8 * KIB]
    log.close()
    for _ in range(100):
        log.write(4096)
    assert [size // (4 * KIB) for size in log.commit()] == [3, 9, 17, 32, 32, 15]


def test_a_large_write_is_cut():
    """1 MiB in blocks of 8 KiB. A block of 128 KiB has room for 131072 - 184 - 192 = 130696 bytes of data. The one
    that is there has 3912 left; a rest of 1048576 mod 130696 = 3008 and its note, 3200, fit it: so the data begin
    there, with 3720. Then 7 whole ones, 914872, and 129984 in the eighth."""
    log = opened()
    log.write(1 << 20)
    assert 3720 + 7 * 130696 + 129984 == 1 << 20
    assert log.commit() == [4 * KIB] + [128 * KIB] * 8


def test_guesses_are_kept_until_the_close():
    """After 1 MiB the next block has 128 KiB: 29 notes of 4288 go into one. After a close the block that is there is
    still large, the next one is not: 40 writes are 30 and then 10, which need 42880 and 184."""
    log = opened()
    log.write(1 << 20)
    log.commit()
    for _ in range(29):
        log.write(4096)
    assert log.commit() == [124 * KIB]
    log.close()
    for _ in range(40):
        log.write(4096)
    assert log.commit() == [128 * KIB, 44 * KIB]


@pytest.mark.parametrize(
    ("volblocksize", "length", "written"),
    [
        (64 * KIB, 64 * KIB, [4]),  # 184 + 192
        (64 * KIB, 60 * KIB, [4, 64]),  # 184, empty; 184 + 192 + 61440 = 61816
        (32 * KIB, 32 * KIB, [4, 36]),  # 184; 184 + 192 + 32768 = 33144
        (64 * KIB, 1 << 20, [4]),
    ],
)  # 184 + 16 x 192 = 3256
def test_whole_large_blocks_are_not_copied(volblocksize, length, written):
    """The note says where they are; above 32 KiB only."""
    log = opened(volblocksize)
    log.write(length)
    assert log.commit() == [size * KIB for size in written]


def test_a_discard_has_a_note():
    log = opened()
    log.truncate()
    assert log.commit() == [4 * KIB]
