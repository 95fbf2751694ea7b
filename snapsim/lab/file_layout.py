"""Where a file lies after a workload: its extents, and what a later sequential read costs.

A file is read with a cold cache, from front to back, and the requests are recorded where they reach a disk, below file
system, B-tree, thin pool or records. A run of neighbouring blocks on the disk is an extent; every extent is one more
positioning of the head. Where the kernel's own count is known (FIEMAP, `extents` in the measurements), the two can be
compared.

>>> from snapsim.lab.generators import generate
>>> for stack in ("overlay2-ext4", "btrfs"):           # 1 MiB, 10 writes of 4 KiB in ten different places
...     print(stack, file_layout(generate("random", size="1M", writes=10, seed=3), stack).extents)
overlay2-ext4 1
btrfs 19

What it leaves out: read-ahead (a request is as long as the model's file is contiguous), other load between the
requests, and free space that is fragmented before the file is written: the model's disk is new.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from snapsim.base.choose import choose
from snapsim.block.costs import PROFILES, DeviceProfile, seeks, service_time
from snapsim.block.device import IO, recording
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.mount import Mount
from snapsim.lab.experiment import prepare
from snapsim.lab.stacks import STACKS
from snapsim.lab.workload import Workload

LONGEST = {"extfs": 32768}
"""Most blocks of one extent, where the file system has a limit (ext4: 15 bits of length, initialised)."""


@dataclass(frozen=True)
class FileLayout:
    """The requests of a sequential read of a file with a cold cache.

    Attributes
    ----------
    requests : tuple of IO
        The reads of data, in their order.
    longest : int or None
        Blocks of the longest extent that the file system allows; None without a limit.
    block_size : int
        Bytes a block.
    """

    requests: tuple[IO, ...]
    longest: int | None
    block_size: int

    @property
    def extents(self) -> int:
        """Number of runs of neighbouring blocks on the disk, cut at the longest extent."""
        if self.longest is None:
            return seeks(self.requests)
        return sum(-(-length // self.longest) for length in self._runs())

    def _runs(self) -> Iterator[int]:
        """Blocks of each run."""
        length, end = 0, None
        for io in self.requests:
            if length and (io.device, io.first) != end:
                yield length
                length = 0
            length, end = length + io.length, (io.device, io.first + io.length)
        if length:
            yield length

    def read_time(self, device: DeviceProfile | str = "hdd") -> float:
        """Estimated milliseconds of the sequential read."""
        profile = choose(device, PROFILES, "device profile") if isinstance(device, str) else device
        return service_time(self.requests, profile, self.block_size)


def file_layout(workload: Workload, stack: str, path: str = "f", container: str = "s0") -> FileLayout:
    """Carry out a workload, and return where a file lies afterwards.

    Parameters
    ----------
    workload : Workload
    stack : str
        A name of `snapsim.lab.stacks.STACKS`.
    path, container : str
        Which file, seen from which container.

    Raises
    ------
    InvalidInput
        An operation that cannot be done, or a stack or container that does not exist.
    OSError
        There is no such file.
    """
    driver: Driver = choose(stack, STACKS, "stack").make()
    playing = prepare(workload, driver)
    for number, op in enumerate(workload.ops):
        playing.run(op, f"ops[{number}]")
    driver.freeze()
    return look(driver, choose(container, playing.mounts, "container"), path)


def look(driver: Driver, mount: Mount[Any], path: str, offset: int = 0, length: int | None = None) -> FileLayout:
    """Where a file, or a part of it, lies now; all caches are dropped first."""
    driver.drop_caches()
    with recording(*driver.devices) as story:
        mount.read(path, offset, length)
    return FileLayout(_data(list(story)), LONGEST.get(mount.fs.name), driver.devices[0].block_size)


def _data(ios: Sequence[IO]) -> tuple[IO, ...]:
    return tuple(io for io in ios if io.operation == "read" and io.purpose != "metadata")
