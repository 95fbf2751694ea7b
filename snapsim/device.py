"""A block device that keeps the books: every read and write is counted, with its purpose.

Level 1. Everything in snapsim does its I/O through a `BlockDevice`, so that one rule counts for all
mechanisms: *a request is what the layer above handed down in one go; its bytes are its whole blocks*.

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

What it leaves out: time (see `costs`), caches and merging of requests above or below, failing media.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InvalidInput

OPERATIONS = ("read", "write", "discard")
PURPOSES = ("data", "copy", "metadata", "zero")
_CELLS = tuple(f"{operation}_{purpose}" for operation in OPERATIONS for purpose in PURPOSES)

Integers = npt.NDArray[np.int64]
Stamps = npt.NDArray[np.uint64]
Blocks = int | slice | Sequence[int] | npt.NDArray[np.integer[Any]]

_next_stamp = itertools.count(1)


def fresh_stamps(count: int) -> Stamps:
    """New contents, equal to no other of this process.

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


class IOCounts:
    """An immutable table, operation x purpose -> requests and bytes.

    Parameters
    ----------
    block_size : int
        What a plain number of requests is multiplied with.
    **cells : int or (int, int)
        ``read_copy=1`` is one request of one block; ``read_copy=(1, 65536)`` says the bytes as well.
        Names: ``read_``, ``write_`` or ``discard_`` with ``data``, ``copy``, ``metadata`` or ``zero``.

    Examples
    --------
    >>> cow = IOCounts(read_copy=1, write_copy=1, write_data=1)
    >>> cow.requests("write"), cow.bytes("write"), cow.bytes("read", "copy")
    (2, 8192, 4096)
    >>> cow + cow - cow == cow
    True
    """

    __slots__ = ("_cells",)

    def __init__(self, *, block_size: int = 4096, **cells: int | tuple[int, int]) -> None:
        for name in cells:
            if name not in _CELLS:
                raise InvalidInput(f"{name} is not counted: one of {', '.join(_CELLS)}")
        full = {name: (cell, cell * block_size) if isinstance(cell, int) else cell for name, cell in cells.items()}
        self._cells = {name: (int(full[name][0]), int(full[name][1])) for name in _CELLS if any(full.get(name, ()))}

    def requests(self, operation: str | None = None, purpose: str | None = None) -> int:
        """Number of requests, of one operation or purpose or of all."""
        return self._sum(0, operation, purpose)

    def bytes(self, operation: str | None = None, purpose: str | None = None) -> int:
        """Number of bytes, of one operation or purpose or of all."""
        return self._sum(1, operation, purpose)

    def _sum(self, part: int, operation: str | None, purpose: str | None) -> int:
        wanted = [f"{o}_{p}" for o in OPERATIONS if operation in (None, o) for p in PURPOSES if purpose in (None, p)]
        if not wanted:
            raise InvalidInput(f"{operation} {purpose} is not counted: {OPERATIONS} and {PURPOSES}")
        return sum(self._cells[name][part] for name in wanted if name in self._cells)

    def cells(self) -> dict[str, tuple[int, int]]:
        """The cells that are not empty: name -> (requests, bytes)."""
        return dict(self._cells)

    def _combine(self, other: "IOCounts", sign: int) -> "IOCounts":
        cells: dict[str, Any] = {}
        for name in _CELLS:
            mine, theirs = self._cells.get(name, (0, 0)), other._cells.get(name, (0, 0))
            cells[name] = (mine[0] + sign * theirs[0], mine[1] + sign * theirs[1])
        return IOCounts(**cells)

    def __add__(self, other: "IOCounts") -> "IOCounts":
        return self._combine(other, 1)

    def __sub__(self, other: "IOCounts") -> "IOCounts":
        return self._combine(other, -1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IOCounts) and self._cells == other._cells

    def __hash__(self) -> int:
        return hash(tuple(self._cells.items()))

    def __repr__(self) -> str:
        return f"IOCounts({', '.join(f'{name}={cell}' for name, cell in self._cells.items())})"


class Requests:
    """What `read`, `write` and `discard` were asked for, checked against a size.

    An **int** is one request of one block, a **slice** one request over a run of blocks, an **integer array**
    (or list) as many one-block requests in that order. The difference matters: one request that covers a whole
    chunk and many that fill it are different things to a mechanism that copies what a request leaves out.
    A mechanism itself may hand a device an array of **rows**, shape (n, length): n requests, each over a run.

    Parameters
    ----------
    blocks : int, slice, sequence of int, or rows
        Block numbers, 0 <= block < size. A slice has no step.
    size : int
        Number of blocks there are.

    Attributes
    ----------
    where : slice or ndarray of int64
        The blocks as an index.
    one : bool
        One request over a run, rather than a request a block.
    length : int
        Blocks a request of an array: 1, but for rows.

    Examples
    --------
    >>> asked = Requests(slice(2, 7), size=16)
    >>> [part.tolist() for part in asked.parts(4)]         # as split at chunk bounds: chunk, first block in it, length
    [[0, 1], [2, 0], [2, 3]]
    >>> [part.tolist() for part in Requests([5, 4, 5], 16).parts(4)]
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    >>> len(Requests(np.array([[4, 5, 6, 7], [0, 1, 2, 3]]), 16))
    2
    """

    __slots__ = ("count", "length", "one", "where")

    def __init__(self, blocks: "Blocks | Requests", size: int) -> None:
        self.where: slice | Integers
        self.length: int = 1
        if isinstance(blocks, Requests):
            blocks = blocks.where if blocks.length == 1 else blocks.blocks.reshape(-1, blocks.length)
        if isinstance(blocks, int | np.integer):
            blocks = slice(int(blocks), int(blocks) + 1)
        self.one = isinstance(blocks, slice)
        if isinstance(blocks, slice):
            self.where, low, high = _run(blocks, size)
            self.count = high - low
        else:
            numbers = _numbers(blocks)
            self.length = numbers.shape[1] if numbers.ndim == 2 else 1
            self.where = numbers.reshape(-1)
            self.count = self.where.size
            low, high = (int(self.where.min()), int(self.where.max()) + 1) if self.count else (0, 0)
        if low < 0 or high > size:
            raise InvalidInput(f"block {low if low < 0 else high - 1} is outside: 0 to {size - 1}")

    @property
    def blocks(self) -> Integers:
        """The block numbers, one by one."""
        if isinstance(self.where, slice):
            return np.arange(self.where.start, self.where.stop, dtype=np.int64)
        return self.where

    def __len__(self) -> int:
        return 1 if self.one and self.count else self.count // self.length

    def parts(self, chunk_blocks: int) -> tuple[Integers, Integers, Integers]:
        """The requests as split at chunk bounds, as device-mapper splits a bio.

        Returns
        -------
        chunk, first, length : ndarray of int64, same shape
            Chunk number, first block within the chunk, number of blocks.

        Raises
        ------
        InvalidInput
            Rows, which are for devices and not for volumes.
        """
        if self.length != 1:
            raise InvalidInput(f"{len(self)} requests of {self.length} blocks: ask for one run at a time")
        if not isinstance(self.where, slice):
            chunk = self.where // chunk_blocks
            return chunk, self.where - chunk * chunk_blocks, np.ones(self.count, np.int64)
        low, high = self.where.start, self.where.stop
        chunk = np.arange(low // chunk_blocks, -(-high // chunk_blocks) if self.count else low // chunk_blocks)
        first = np.maximum(low - chunk * chunk_blocks, 0)
        return chunk, first, np.minimum(high - chunk * chunk_blocks, chunk_blocks) - first


def _run(run: slice, size: int) -> tuple[slice, int, int]:
    if run.step not in (None, 1):
        raise InvalidInput(f"a request covers a run of blocks: no step, not {run.step}")
    low, high = int(run.start or 0), size if run.stop is None else int(run.stop)
    if high < low:
        raise InvalidInput(f"a run of blocks ends where it starts or later, not {low}:{high}")
    return slice(low, high), low, high


def _numbers(blocks: Any) -> Integers:
    array = np.asarray(blocks)
    if array.ndim not in (1, 2) or 0 in array.shape[1:] or (array.size and array.dtype.kind not in "iu"):
        raise InvalidInput(f"{blocks!r} are no blocks: an int, a slice, or an array of integers (or of rows of them)")
    return array.astype(np.int64, copy=False)


def distinct(values: Integers) -> Integers:
    """Each value once, in the order of first touch (allocation follows it, so sorting would change layouts).

    Examples
    --------
    >>> distinct(np.array([7, 3, 7, 5, 3])).tolist()
    [7, 3, 5]
    """
    if values.size < 2:
        return values
    found, first = np.unique(values, return_index=True)
    return found if found.size == values.size and bool((first[1:] > first[:-1]).all()) else values[np.sort(first)]


class IO(NamedTuple):
    """One recorded request: what the step-by-step pictures, the seeks and the cause book are made from."""

    device: str
    operation: str
    first: int
    length: int
    purpose: str
    step: str
    rule: str


class Recording:
    """The requests of one or several devices in the order in which they came."""

    def __init__(self) -> None:
        self._batches: list[tuple[str, str, Requests, str, str, str]] = []

    def __iter__(self) -> Iterator[IO]:
        for device, operation, asked, purpose, step, rule in self._batches:
            if isinstance(asked.where, slice):
                if asked.count:
                    yield IO(device, operation, asked.where.start, asked.count, purpose, step, rule)
            else:
                for block in asked.where[::asked.length].tolist():
                    yield IO(device, operation, block, asked.length, purpose, step, rule)

    def __len__(self) -> int:
        return sum(len(batch[2]) for batch in self._batches)


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
        """No more is added from here on."""
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
        self._recordings: list[Recording] = []

    def read(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> Stamps:
        """The stamps of the blocks, shape (number of blocks,)."""
        asked = self._count("read", blocks, why, rule)
        return self._stamps[asked.where]

    def write(self, blocks: Blocks | Requests, stamps: Any = None, why: str = "data", rule: str = "") -> None:
        """Put stamps (fresh ones when left out) into the blocks; of equal blocks the last one stays."""
        asked = self._count("write", blocks, why, rule)
        self._stamps[asked.where] = fresh_stamps(asked.count) if stamps is None else stamps

    def discard(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> None:
        """Tell the device that the blocks' content is no longer needed (TRIM); they read as zeros."""
        self._stamps[self._count("discard", blocks, why, rule).where] = 0

    def peek(self, blocks: Blocks | Requests) -> Stamps:
        """Look without I/O: for checks and pictures, never for a mechanism."""
        return self._stamps[Requests(blocks, self.size).where]

    def _count(self, operation: str, blocks: Blocks | Requests, why: str, rule: str) -> Requests:
        asked = Requests(blocks, self.size)
        cell = self._tally.setdefault(f"{operation}_{why}", [0, 0])
        cell[0] += len(asked)
        cell[1] += asked.count * self.block_size
        for recording in self._recordings:
            recording._batches.append((self.name, operation, asked, why, self.step, rule))
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
def recording(*devices: BlockDevice) -> Iterator[Recording]:
    """Record the requests of the devices, in the order in which they come.

    Examples
    --------
    >>> origin, store = BlockDevice(4, name="origin"), BlockDevice(4, name="store")
    >>> with recording(origin, store) as story:
    ...     store.write(0, origin.read(3, why="copy"), why="copy", rule="copy out before the write")
    ...     origin.write(3)
    >>> [f"{io.operation} {io.device}:{io.first} {io.purpose}" for io in story]
    ['read origin:3 copy', 'write store:0 copy', 'write origin:3 data']
    """
    story = Recording()
    for device in devices:
        device._recordings.append(story)
    try:
        yield story
    finally:
        for device in devices:
            device._recordings.remove(story)
