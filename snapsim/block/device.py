"""A block device that keeps the books: every read and write is counted, with its purpose.

Everything in snapsim does its I/O through a `BlockDevice`, so that one rule counts for all mechanisms: *a request
is what the layer above handed down in one go; its bytes are its whole blocks*.

A block's content is one 64-bit **stamp**: equal stamps, equal content; 0 is a block never written (zeros).
`fresh_stamps` makes new ones, so that a test can tell any two writes apart without storing any bytes.

>>> disk = BlockDevice(8)
>>> with disk.counting() as io:
...     disk.write(slice(0, 4))                    # one request over a run of four blocks
...     disk.write(np.array([6, 1, 6]))            # three requests of one block each, in that order
>>> io.counts
IOCounts(write_data=(4, 28672))
>>> bool(disk.read(6) == disk.read(1))             # two writes, two contents
False
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np

from snapsim.base.errors import InvalidInput
from snapsim.block.counts import OPERATIONS, PURPOSES, IOCounts
from snapsim.block.requests import Blocks, Integers, Requests, Runs, Stamps, distinct

LEAVES_OUT = "time (see `costs`), caches and merging of requests above or below, failing media."
"""What this model leaves out, as `snapsim fidelity` lists it."""

__all__ = [
    "IO",
    "OPERATIONS",
    "PURPOSES",
    "BlockDevice",
    "Blocks",
    "Count",
    "IOCounts",
    "Integers",
    "Recording",
    "Requests",
    "Stamps",
    "counting",
    "distinct",
    "fresh_stamps",
    "recording",
]

_next_stamp = itertools.count(1)
_of_new_devices: "list[Recording]" = []
"""Recordings that also take in the devices that are made while they run."""


def fresh_stamps(count: int) -> Stamps:
    """New stamps, different from all others of this process.

    Examples
    --------
    >>> a, b = fresh_stamps(2)
    >>> bool(a != b)
    True
    """
    global _next_stamp
    first = next(_next_stamp)
    _next_stamp = itertools.count(first + count)
    return np.arange(first, first + count, dtype=np.uint64)


class IO(NamedTuple):
    """One recorded request; seeks, service times, causes and the step-by-step pictures are computed from it."""

    device: str
    operation: str
    first: int
    length: int
    purpose: str
    step: str
    rule: str
    size: int = 0
    """Bytes, where they are not whole blocks; else 0."""


class Recording:
    """The requests of one or several devices in the order in which they came.

    Attributes
    ----------
    made : list of BlockDevice
        Devices that were created during the recording, if it records those as well.
    """

    def __init__(self) -> None:
        self.made: list[BlockDevice] = []
        self._batches: list[tuple[str, str, Requests, str, str, str, int]] = []

    def __iter__(self) -> Iterator[IO]:
        for device, operation, asked, purpose, step, rule, size in self._batches:
            if isinstance(asked.where, slice):
                if asked.count:
                    yield IO(device, operation, asked.where.start, asked.count, purpose, step, rule, size)
            else:
                for block in asked.where[:: asked.length].tolist():
                    yield IO(device, operation, block, asked.length, purpose, step, rule, size)

    def __len__(self) -> int:
        return sum(len(batch[2]) for batch in self._batches)

    def note(self, device: "BlockDevice", operation: str, asked: Requests, purpose: str, rule: str, size: int) -> None:
        """Called by a device before it carries a request out; a recording that looks at contents overrides it."""
        self._batches.append((device.name, operation, asked, purpose, device.step, rule, size))

    def note_runs(self, device: "BlockDevice", operation: str, runs: Runs, rule: str) -> None:
        """The same for requests that are carried out together."""
        for run, purpose in runs.requests():
            self.note(device, operation, Requests(run, device.size), purpose, rule, 0)


class Count:
    """What `counting` yields: `counts` grows until the ``with`` block is left."""

    def __init__(self, devices: "Sequence[BlockDevice]") -> None:
        self._devices = devices
        self._before, self._after = self._now(), None

    _after: IOCounts | None

    def _now(self) -> IOCounts:
        return sum((device.counts for device in self._devices), IOCounts())

    @property
    def counts(self) -> IOCounts:
        """What was counted since the start, as `IOCounts`."""
        return (self._after or self._now()) - self._before

    def stop(self) -> None:
        """Stop counting: later requests are not added."""
        self._after = self._now()


class BlockDevice:
    """A disk, or a slice of one, of equal blocks.

    Parameters
    ----------
    size : int
        Number of blocks.
    block_size : int
        Bytes a block: the smallest I/O, 4 KiB unless said.
    name : str
        What records and error messages call it.

    Attributes
    ----------
    step : str
        The step of the workload that is going on; it is put into every recorded request.

    Examples
    --------
    >>> disk = BlockDevice(4, name="origin")
    >>> disk.write(2, why="copy")
    >>> disk.counts
    IOCounts(write_copy=(1, 4096))
    >>> disk.read(slice(0, 2)).tolist()
    [0, 0]
    """

    def __init__(self, size: int, block_size: int = 4096, name: str = "disk") -> None:
        if size < 0 or block_size < 1:
            raise InvalidInput(f"a device of {size} blocks of {block_size} bytes: both from 1 on")
        self.size, self.block_size, self.name, self.step = int(size), int(block_size), name, ""
        self._stamps: Stamps = np.zeros(self.size, np.uint64)
        self._tally: dict[str, list[int]] = {}
        self._recordings: list[Recording] = [*_of_new_devices]
        for recording in self._recordings:
            recording.made.append(self)

    def read(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> Stamps:
        """The stamps of the blocks, shape (number of blocks,)."""
        asked = self._count("read", blocks, why, rule)
        return self._stamps[asked.where]

    def write(self, blocks: Blocks | Requests, stamps: Any = None, why: str = "data", rule: str = "") -> None:
        """Write stamps (fresh ones when left out); of a block that is named twice the last stamp stays."""
        asked = self._count("write", blocks, why, rule)
        self._stamps[asked.where] = fresh_stamps(asked.count) if stamps is None else stamps

    def read_runs(self, runs: Runs, rule: str = "") -> Stamps:
        """The stamps of runs of blocks, read with one request for each run, shape (number of blocks,)."""
        return self._stamps[self._count_runs("read", runs, rule)]

    def write_runs(self, runs: Runs, stamps: Stamps, rule: str = "") -> None:
        """Write stamps to runs of blocks, one request for each run, in their order.

        Examples
        --------
        >>> disk = BlockDevice(8)
        >>> disk.write_runs(Runs(np.array([4, 0]), np.array([2, 1]), np.array([0, 1]), ("data", "copy")), np.arange(3))
        >>> disk.counts
        IOCounts(write_data=(1, 8192), write_copy=(1, 4096))
        """
        self._stamps[self._count_runs("write", runs, rule)] = stamps

    def _count_runs(self, operation: str, runs: Runs, rule: str) -> Integers:
        blocks = Requests(runs.blocks, self.size).blocks
        requests = np.bincount(runs.purpose, minlength=len(runs.purposes)).tolist()
        lengths = np.bincount(runs.purpose, runs.length, len(runs.purposes)).astype(np.int64).tolist()
        for why, count, length in zip(runs.purposes, requests, lengths, strict=True):
            if count:
                cell = self._tally.setdefault(f"{operation}_{why}", [0, 0])
                cell[0] += count
                cell[1] += length * self.block_size
        for recording in self._recordings:
            recording.note_runs(self, operation, runs, rule)
        return blocks

    def discard(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> None:
        """Tell the device that the blocks' content is no longer needed (TRIM); they read as zeros."""
        self._stamps[self._count("discard", blocks, why, rule).where] = 0

    def grow(self, size: int) -> None:
        """Give the device more blocks, of zeros; nothing is counted."""
        if size < self.size:
            raise InvalidInput(f"{size} blocks: {self!r} does not shrink")
        self._stamps = np.concatenate([self._stamps, np.zeros(size - self.size, np.uint64)])
        self.size = int(size)

    def peek(self, blocks: Blocks | Requests) -> Stamps:
        """Return contents without a request: for checks and pictures, never for a mechanism."""
        return self._stamps[Requests(blocks, self.size).where]

    def _count(self, operation: str, blocks: Blocks | Requests, why: str, rule: str, size: int = 0) -> Requests:
        asked = Requests(blocks, self.size)
        cell = self._tally.setdefault(f"{operation}_{why}", [0, 0])
        cell[0] += len(asked)
        cell[1] += size or asked.count * self.block_size
        for recording in self._recordings:
            recording.note(self, operation, asked, why, rule, size)
        return asked

    @property
    def counts(self) -> IOCounts:
        """All I/O since the device was made."""
        cells: dict[str, Any] = {name: tuple(cell) for name, cell in self._tally.items()}
        return IOCounts(**cells)

    def counting(self) -> AbstractContextManager[Count]:
        """Count the I/O of a ``with`` block on this device; `counting` takes several.

        Examples
        --------
        >>> disk = BlockDevice(4)
        >>> with disk.counting() as io:
        ...     disk.write(0)
        >>> io.counts == IOCounts(write_data=1)
        True
        """
        return counting(self)

    def __repr__(self) -> str:
        return f"BlockDevice({self.size}, {self.block_size}, {self.name!r})"


@contextmanager
def counting(*devices: BlockDevice) -> Iterator[Count]:
    """Count the I/O of a ``with`` block on several devices together.

    Examples
    --------
    >>> origin, store = BlockDevice(4), BlockDevice(4)
    >>> with counting(origin, store) as io:
    ...     store.write(0, origin.read(3, why="copy"), why="copy")
    >>> io.counts == IOCounts(read_copy=1, write_copy=1)
    True
    """
    count = Count(devices)
    try:
        yield count
    finally:
        count.stop()


@contextmanager
def recording(*devices: BlockDevice, into: Recording | None = None, new: bool = False) -> Iterator[Recording]:
    """Record the requests of the devices, in the order in which they come.

    Parameters
    ----------
    *devices : BlockDevice
    into : Recording, optional
        The recording to fill; a new one when left out.
    new : bool
        Also record devices that are created meanwhile (a snapshot may have a device of its own).

    Examples
    --------
    >>> origin, store = BlockDevice(4, name="origin"), BlockDevice(4, name="store")
    >>> with recording(origin, store) as story:
    ...     store.write(0, origin.read(3, why="copy"), why="copy", rule="copy out before the write")
    ...     origin.write(3)
    >>> [f"{io.operation} {io.device}:{io.first} {io.purpose}" for io in story]
    ['read origin:3 copy', 'write store:0 copy', 'write origin:3 data']
    """
    story = Recording() if into is None else into
    for device in devices:
        device._recordings.append(story)
    if new:
        _of_new_devices.append(story)
    try:
        yield story
    finally:
        if new:
            _of_new_devices.remove(story)
        for device in (*devices, *story.made):
            device._recordings.remove(story)
        story.made.clear()
