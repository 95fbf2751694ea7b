"""What requests cost besides their bytes: seeks, estimated service time, amplification.

The input is what a `recording` of devices holds. One rule gives the *estimated* service time of a request::

    positioning + bytes / bandwidth,  but at least 1 / requests_per_second

Positioning is the profile's `sequential_ms` for a request that starts where the one before on the same device ended,
else its `random_ms`; reads and writes have their own figures. Requests are served one after the other, and a device's
first request has to be positioned too. All times are called *estimated*: compare stacks by them, never a stack with
a stopwatch.

>>> from snapsim.block.device import BlockDevice, recording
>>> disk = BlockDevice(1000)
>>> with recording(disk) as story:
...     disk.write(slice(0, 100))            # one request of 409,600 bytes: 8.2 + 4.16 + 2.731 ms
...     disk.write(100)                      # starts where that ended: 0.027 ms
...     _ = disk.read(7)                     # a seek: 7.4 + 4.16 + 0.027 ms
>>> seeks(story), round(service_time(story, PROFILES["hdd"]), 3)
(2, 26.705)

What it leaves out: queues and requests in flight together, caches of the drive, read-ahead and merging by the kernel,
the distance of a seek, garbage collection and wear of flash, flushes, the computing time of the file system.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IO, Integers, IOCounts

Booleans = npt.NDArray[np.bool_]
Milliseconds = npt.NDArray[np.float64]


class Access(NamedTuple):
    """One direction, reads or writes, of a device.

    Attributes
    ----------
    random_ms, sequential_ms : float
        Positioning or latency of a request, in milliseconds.
    bandwidth : float
        Bytes a second.
    requests_per_second : float
        Upper limit, which small requests reach.
    """

    random_ms: float
    sequential_ms: float
    bandwidth: float
    requests_per_second: float = math.inf


@dataclass(frozen=True)
class DeviceProfile:
    """The figures of a device that an estimate is made with.

    Parameters
    ----------
    name, title : str
        A short name, and what it is.
    read, write : Access
    source : str
        Where the figures come from.
    assumption : str
        What has no source.

    Raises
    ------
    InvalidInput
        A negative latency, or a bandwidth or rate that is not above zero.

    Examples
    --------
    >>> floppy = DeviceProfile("floppy", "3.5 inch", Access(80, 0, 60e3), Access(80, 0, 60e3), assumption="all of it")
    >>> floppy.read.bandwidth
    60000.0
    """

    name: str
    title: str
    read: Access
    write: Access
    source: str = ""
    assumption: str = ""

    def __post_init__(self) -> None:
        for access in (self.read, self.write):
            if not (min(access[:2]) >= 0 and min(access[2:]) > 0):
                raise InvalidInput(f"{access}: latencies from 0 on, bandwidth and rate above 0", f"profile {self.name}")


def _beyond_transfer(requests_per_second: float, bandwidth: float, size: int = 4096) -> float:
    """Milliseconds of a request that are not transfer, of a drive that serves so many of this size one by one."""
    return 1000 / requests_per_second - 1000 * size / bandwidth


PROFILES = {
    profile.name: profile
    for profile in (
        DeviceProfile(
            "hdd",
            "hard disk, 7200 rpm",
            read=Access(7.4 + 4.16, 0, 150e6),
            write=Access(8.2 + 4.16, 0, 150e6),
            source="WD Ultrastar DC HC310, specification: average seek 7.4 ms (read), 8.2 ms (write), rotation 4.16 ms",
            assumption="sustained 150 MB/s, for which no source was found",
        ),
        DeviceProfile(
            "ssd",
            "SATA SSD",
            read=Access(_beyond_transfer(13_000, 560e6), 0, 560e6, 98_000),
            write=Access(_beyond_transfer(36_000, 530e6), 0, 530e6, 88_000),
            source="Samsung 870 EVO, reviews: 560 and 530 MB/s; 4 KiB random one by one 13,000 and 36,000 a second, "
            "at most 98,000 and 88,000",
            assumption="a sequential request waits for nothing but its transfer and the highest rate",
        ),
        DeviceProfile(
            "nvme",
            "NVMe SSD",
            read=Access(0.115, 0.010, 3.2e9, 645_000),
            write=Access(0.020, 0.013, 1.8e9, 62_500),
            source="Intel P4500 4 TB, Lenovo product guide: latency 115 and 20 us random, 10 and 13 us sequential, "
            "3.2 and 1.8 GB/s, 645,000 and 62,500 requests a second",
            assumption="the latency does not contain the transfer",
        ),
        DeviceProfile(
            "network",
            "network disk",
            read=Access(1, 1, 125e6, 3_000),
            write=Access(1, 1, 125e6, 3_000),
            assumption="all of it: 1 ms a request, 125 MB/s, 3,000 requests a second (never reached one by one)",
        ),
    )
}


class _Columns(NamedTuple):
    """Recorded requests as arrays; all of shape (number of requests,)."""

    device: Integers
    moves: Booleans
    reads: Booleans
    first: Integers
    length: Integers
    size: Integers


def _columns(ios: Iterable[IO]) -> _Columns:
    devices, operations, firsts, lengths, _, _, _, sizes = list(zip(*ios, strict=True)) or [()] * 8
    codes = {name: code for code, name in enumerate(dict.fromkeys(devices))}
    kinds = np.array([{"read": 0, "write": 1}.get(operation, 2) for operation in operations], np.int64)
    return _Columns(
        np.array([codes[name] for name in devices], np.int64),
        kinds < 2,
        kinds == 0,
        np.array(firsts, np.int64),
        np.array(lengths, np.int64),
        np.array(sizes, np.int64),
    )


def _positioned(columns: _Columns) -> Booleans:
    """For each request, whether the head moves: true unless it starts where the device's last request ended."""
    moving = np.flatnonzero(columns.moves)
    order = moving[np.argsort(columns.device[moving], kind="stable")]
    device, first, end = (column[order] for column in (columns.device, columns.first, columns.first + columns.length))
    follows = np.zeros(order.size, np.bool_)
    follows[1:] = (device[1:] == device[:-1]) & (first[1:] == end[:-1])
    positioned = np.zeros(columns.moves.size, np.bool_)
    positioned[order] = ~follows
    return positioned


def seeks(ios: Iterable[IO]) -> int:
    """Number of requests that did not start where the one before on the same device ended.

    Each device has its own head, and its first request counts; discards move nothing. On flash there is no head: there
    it is the number of random accesses.

    Parameters
    ----------
    ios : iterable of IO
        A `Recording`, or any part of it.

    Examples
    --------
    >>> scattered = [IO("pool", "read", block, 1, "data", "", "") for block in (2, 10, 4, 5)]
    >>> seeks(scattered)                                 # to 2, to 10, to 4; 5 follows
    3
    """
    return int(_positioned(_columns(ios)).sum())


def request_times(ios: Iterable[IO], profile: DeviceProfile, block_size: int = 4096) -> Milliseconds:
    """Estimated service time of each request, in milliseconds.

    Parameters
    ----------
    ios : iterable of IO
    profile : DeviceProfile
        The same profile is assumed of all devices of the recording.
    block_size : int
        Bytes a block, which the recorded lengths count in.

    Returns
    -------
    ndarray of float64, shape (number of requests,)
        In the order of the recording; 0 for a discard.

    Raises
    ------
    InvalidInput
        A block size below 1.

    Examples
    --------
    >>> two = [IO("disk", "read", 0, 1, "data", "", ""), IO("disk", "read", 1, 1, "data", "", "")]
    >>> request_times(two, PROFILES["network"]).round(3).tolist()        # 1 + 4096 / 125 MB/s
    [1.033, 1.033]
    """
    if block_size < 1:
        raise InvalidInput(f"{block_size} bytes a block: from 1 on")
    columns = _columns(ios)
    positioned = _positioned(columns)
    sizes = np.where(columns.size > 0, columns.size, columns.length * block_size).astype(np.float64)
    times = np.where(columns.reads, _times(profile.read, positioned, sizes), _times(profile.write, positioned, sizes))
    return np.where(columns.moves, times, 0.0)


def _times(access: Access, positioned: Booleans, sizes: Milliseconds) -> Milliseconds:
    waiting = np.where(positioned, access.random_ms, access.sequential_ms)
    return np.maximum(waiting + 1000 * sizes / access.bandwidth, 1000 / access.requests_per_second)


def service_time(ios: Iterable[IO], profile: DeviceProfile, block_size: int = 4096) -> float:
    """Estimated service time of all requests together, in milliseconds: the sum of `request_times`.

    Examples
    --------
    >>> one = [IO("disk", "read", 5, 1, "data", "", "")]
    >>> round(service_time(one, PROFILES["ssd"]), 4)     # 1 / 13,000 s, as the reviews measured
    0.0769
    """
    return float(request_times(ios, profile, block_size).sum())


class Amplification(NamedTuple):
    """Bytes transferred or allocated for each byte that the application requested; None where it requested none."""

    write: float | None
    read: float | None
    space: float | None


def amplification(counts: IOCounts, asked_to_write: int, asked_to_read: int = 0, grown: int = 0) -> Amplification:
    """Write, read and space amplification.

    Parameters
    ----------
    counts : IOCounts
        What the devices did.
    asked_to_write, asked_to_read : int
        Bytes that the application wrote and read.
    grown : int
        Bytes of storage newly held, over `asked_to_write`.

    Examples
    --------
    >>> amplification(IOCounts(read_copy=1, write_copy=1, write_data=1), asked_to_write=4096, grown=4096)
    Amplification(write=2.0, read=None, space=1.0)
    """

    def per(moved: int, asked: int) -> float | None:
        return moved / asked if asked else None

    return Amplification(
        per(counts.bytes("write"), asked_to_write), per(counts.bytes("read"), asked_to_read), per(grown, asked_to_write)
    )
