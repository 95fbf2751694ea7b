"""The books of a device, by hand."""

import numpy as np
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IO, BlockDevice, IOCounts, Requests, counting, distinct, fresh_stamps, recording


def test_three_ways_to_name_blocks():
    """An int: 1 request, 1 block. A slice 2..5: 1 request, 4 blocks. An array of 3: 3 requests, 3 blocks."""
    disk = BlockDevice(16, block_size=512)
    disk.write(7)
    disk.write(slice(2, 6), why="copy")
    disk.write(np.array([1, 9, 1]), why="zero")
    assert disk.counts == IOCounts(write_data=(1, 512), write_copy=(1, 4 * 512), write_zero=(3, 3 * 512))
    assert disk.counts.requests() == 5
    assert disk.counts.bytes("write") == 8 * 512


def test_of_equal_blocks_the_last_stamp_stays():
    disk = BlockDevice(4)
    disk.write([2, 2], np.array([11, 12], np.uint64))
    assert disk.peek(2).tolist() == [12]


def test_counts_are_python_ints():
    disk = BlockDevice(4, np.int64(4096))
    disk.write(np.arange(4))
    assert all(type(number) is int for cell in disk.counts.cells().values() for number in cell)


def test_a_discard_reads_as_zeros_and_is_no_write():
    disk = BlockDevice(4)
    disk.write(slice(0, 4))
    disk.discard(slice(1, 3))
    assert (disk.peek(slice(0, 4)) == 0).tolist() == [False, True, True, False]
    assert disk.counts.bytes("write") == 4 * 4096
    assert disk.counts.bytes("discard") == 2 * 4096


def test_nested_counting_and_recording():
    """The inner count sees 1 of the 2 writes; the recording has both, in order, with their step."""
    disk = BlockDevice(8, name="d")
    with disk.counting() as outer, recording(disk) as story:
        disk.step = "one"
        disk.write(3)
        with disk.counting() as inner:
            disk.step = "two"
            disk.write(slice(4, 6), rule="because")
    disk.write(0)
    assert inner.counts == IOCounts(write_data=(1, 8192))
    assert outer.counts == IOCounts(write_data=(2, 12288))
    assert list(story) == [IO("d", "write", 3, 1, "data", "one", ""), IO("d", "write", 4, 2, "data", "two", "because")]
    assert len(story) == 2


def test_counting_several_devices():
    one, two = BlockDevice(4), BlockDevice(4)
    with counting(one, two) as io:
        one.write(0)
        two.read(0, why="copy")
    assert io.counts == IOCounts(write_data=1, read_copy=1)


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        (8, "block 8 is outside: 0 to 7"),
        (-1, "block -1 is outside"),
        (slice(5, 9), "block 8 is outside"),
        (slice(5, 3), "not 5:3"),
        (slice(0, 4, 2), "no step"),
        ([0.5], "are no blocks"),
        ([[[1]]], "are no blocks"),
        ("3", "are no blocks"),
    ],
)
def test_what_is_no_block(blocks, problem):
    with pytest.raises(InvalidInput, match=problem):
        BlockDevice(8).read(blocks)


def test_what_is_not_counted():
    with pytest.raises(InvalidInput, match="write_nothing"):
        IOCounts(write_nothing=1)
    with pytest.raises(InvalidInput, match="is not counted"):
        IOCounts().bytes("write", "rumour")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (slice(0, 0), ([], [], [])),
        (slice(3, 4), ([0], [3], [1])),
        (slice(3, 9), ([0, 1, 2], [3, 0, 0], [1, 4, 1])),
        (slice(4, 8), ([1], [0], [4])),
    ],
)
def test_a_run_is_split_at_chunk_bounds(run, expected):
    """Chunks of 4 blocks: 3..8 is block 3 of chunk 0, all of chunk 1, block 0 of chunk 2."""
    assert tuple(part.tolist() for part in Requests(run, 16).parts(4)) == expected


def test_distinct_keeps_the_order_of_first_touch():
    values = np.array([5, 1, 5, 9, 1, 0])
    assert distinct(values).tolist() == [5, 1, 9, 0]
    assert distinct(np.arange(5)).tolist() == [0, 1, 2, 3, 4]


def test_fresh_stamps_never_repeat():
    seen = np.concatenate([fresh_stamps(3), fresh_stamps(0), fresh_stamps(2)])
    assert len(set(seen.tolist())) == 5
    assert 0 not in seen
