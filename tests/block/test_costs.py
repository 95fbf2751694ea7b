"""Costs by hand: seeks, estimated service time, amplification."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapsim.base.errors import InvalidInput
from snapsim.block.costs import PROFILES, Access, DeviceProfile, amplification, request_times, seeks, service_time
from snapsim.block.device import IO, BlockDevice, IOCounts, recording

# 10 ms to position a read, 20 a write; 1 ms and 2 ms where it follows; 4 and 2 blocks of 1000 bytes a millisecond.
TOY = DeviceProfile("toy", "for sums in the head", Access(10, 1, 4e6), Access(20, 2, 2e6))


def io(operation: str, first: int, length: int = 1, device: str = "disk") -> IO:
    return IO(device, operation, first, length, "data", "", "")


def by_loop(ios: list[IO], profile: DeviceProfile, block_size: int) -> tuple[int, float]:
    """The rule of the module once more, said as a loop."""
    ends: dict[str, int] = {}
    moved, total = 0, 0.0
    for request in ios:
        if request.operation == "discard":
            continue
        away = ends.get(request.device) != request.first
        access = profile.read if request.operation == "read" else profile.write
        wait = access.random_ms if away else access.sequential_ms
        total += max(wait + request.length * block_size * 1000 / access.bandwidth, 1000 / access.requests_per_second)
        moved += away
        ends[request.device] = request.first + request.length
    return moved, total


def test_a_sequential_run_is_one_seek() -> None:
    """Blocks 5, 6, 7-9, 10: the head goes to 5 once; every other request starts where the last one ended."""
    assert seeks([io("write", 5), io("write", 6), io("write", 7, 3), io("write", 10)]) == 1


def test_reading_the_same_block_twice_is_two_seeks() -> None:
    """After block 5 the head stands at 6, so 5 once more is a seek (a turn of the disk)."""
    assert seeks([io("read", 5), io("read", 5)]) == 2


def test_every_device_has_a_head_of_its_own() -> None:
    """origin 3, store 0, origin 4, store 1: two first positions; on one device it would be four seeks."""
    two = [
        io("read", 3, device="origin"),
        io("write", 0, device="store"),
        io("read", 4, device="origin"),
        io("write", 1, device="store"),
    ]
    assert seeks(two) == 2
    assert seeks([request._replace(device="disk") for request in two]) == 4


def test_a_discard_moves_no_head_and_takes_no_time() -> None:
    """Write 0, discard 50, write 1: block 1 still follows block 0. 20 + 0.5 and 2 + 0.5 ms."""
    ios = [io("write", 0), io("discard", 50, 10), io("write", 1)]
    assert seeks(ios) == 1
    assert request_times(ios, TOY, 1000).tolist() == [20.5, 0.0, 2.5]


def test_service_time_by_hand() -> None:
    """Read 8 blocks at 0: 10 + 8/4 = 12. Read 4 at 8 (follows): 1 + 1 = 2. Write 2 at 12 (follows): 2 + 1 = 3.
    Write 2 at 0: 20 + 1 = 21. Together 38 ms."""
    ios = [io("read", 0, 8), io("read", 8, 4), io("write", 12, 2), io("write", 0, 2)]
    assert request_times(ios, TOY, 1000).tolist() == [12, 2, 3, 21]
    assert service_time(ios, TOY, 1000) == 38


def test_the_rate_is_a_floor() -> None:
    """100 requests a second: none takes less than 10 ms, and one that takes 12 stays as it is."""
    slow = DeviceProfile("slow", "", Access(0, 0, 1e6, 100), Access(0, 0, 1e6, 100))
    assert request_times([io("read", 0), io("read", 1, 12)], slow, 1000).tolist() == [10, 12]


def test_no_requests_cost_nothing() -> None:
    """An empty recording: no seek, 0 ms."""
    assert seeks([]) == 0
    assert service_time([], TOY) == 0


def test_a_recording_of_a_device() -> None:
    """A slice is one request, an array one for each block: 0-3 | 4 | 4 again: seeks to 0 and back to 4."""
    disk = BlockDevice(16)
    with recording(disk) as story:
        disk.write(slice(0, 4))
        disk.read(np.array([4, 4]))
    assert seeks(story) == 2
    assert service_time(story, TOY, 1000) == (20 + 2) + (1 + 0.25) + (10 + 0.25)


@pytest.mark.parametrize(
    ("name", "operation", "expected"),
    [
        ("hdd", "read", 7.4 + 4.16 + 4096 / 150e3),
        ("hdd", "write", 8.2 + 4.16 + 4096 / 150e3),
        ("ssd", "read", 1000 / 13_000),
        ("ssd", "write", 1000 / 36_000),
        ("nvme", "read", 0.115 + 4096 / 3.2e6),
        ("nvme", "write", 0.020 + 4096 / 1.8e6),
        ("network", "read", 1 + 4096 / 125e3),
        ("network", "write", 1 + 4096 / 125e3),
    ],
)
def test_one_random_block_on_each_profile(name: str, operation: str, expected: float) -> None:
    """Positioning + 4096 bytes over the bandwidth; of the SATA SSD the measured rate of single requests itself."""
    assert service_time([io(operation, 77)], PROFILES[name]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_every_figure_has_a_source_or_is_an_assumption(profile: DeviceProfile) -> None:
    assert profile.source or profile.assumption.startswith("all of it")
    assert PROFILES[profile.name] is profile


def test_bytes_cost_by_bandwidth_alone() -> None:
    """1 MiB in one request on the hard disk, read: 11.56 ms + 1,048,576 B / 150 MB/s = 6.990507 ms."""
    assert service_time([io("read", 0, 256)], PROFILES["hdd"]) == pytest.approx(11.56 + 6.990507, abs=1e-6)


def test_amplification_by_hand() -> None:
    """Exception store, first write: 4096 data + 4096 copy + 4096 metadata over 4096 asked is 3; it read 1 block for
    2 blocks asked is 0.5; it holds 8192 new bytes, 2. Nothing asked: None."""
    counts = IOCounts(read_copy=1, write_data=1, write_copy=1, write_metadata=1)
    assert amplification(counts, 4096, 8192, 8192) == (3.0, 0.5, 2.0)
    assert amplification(counts, 0) == (None, None, None)


@pytest.mark.parametrize("access", [Access(-1, 0, 1), Access(0, 0, 0), Access(0, 0, 1, 0), Access(math.nan, 0, 1)])
def test_a_profile_that_cannot_be(access: Access) -> None:
    with pytest.raises(InvalidInput, match="profile broken"):
        DeviceProfile("broken", "", TOY.read, access)


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInput, match="0 bytes a block"):
        service_time([], TOY, 0)


REQUESTS = st.builds(
    io,
    st.sampled_from(["read", "write", "discard"]),
    st.integers(0, 6),
    st.integers(1, 4),
    st.sampled_from(["origin", "store", "pool"]),
)


@given(st.lists(REQUESTS, max_size=40), st.sampled_from([TOY, *PROFILES.values()]))
def test_the_vectors_say_what_the_loop_says(ios: list[Any], profile: DeviceProfile) -> None:
    moved, total = by_loop(ios, profile, 512)
    assert seeks(ios) == moved
    assert service_time(ios, profile, 512) == pytest.approx(total, rel=1e-9, abs=1e-12)


def test_a_hundred_thousand_requests() -> None:
    """At 8 ms or more each."""
    disk = BlockDevice(1 << 20)
    with recording(disk) as story:
        disk.write(np.random.default_rng(7).integers(0, disk.size, 100_000))
    assert service_time(story, PROFILES["hdd"]) > 100_000 * 8
