"""The requests of one call to a device or a volume: which blocks, in how many requests."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput

LEAVES_OUT = "contents; only `Runs` have purposes, since one row of them may have several."
"""What this model leaves out, as `snapsim fidelity` lists it."""

Integers = npt.NDArray[np.int64]
Stamps = npt.NDArray[np.uint64]
Blocks = int | slice | Sequence[int] | npt.NDArray[np.integer[Any]]


class Requests:
    """The requests of one call of `read`, `write` or `discard`, with block numbers checked against a size.

    An **int** is one request of one block, a **slice** one request over a run of blocks, an **integer array**
    (or list) as many one-block requests in that order. The difference matters: one request that covers a whole
    chunk and many that fill it are different things to a mechanism that copies what a request does not cover.
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
        True for one request over a run, false for an array, which is many requests.
    length : int
        Blocks in each request of an array: 1, except for rows.

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


def _numbers(blocks: object) -> Integers:
    array = np.asarray(blocks)
    if array.ndim not in (1, 2) or 0 in array.shape[1:] or (array.size and array.dtype.kind not in "iu"):
        raise InvalidInput(f"{blocks!r} are no blocks: an int, a slice, or an array of integers (or of rows of them)")
    return array.astype(np.int64, copy=False)


class Runs(NamedTuple):
    """Requests over runs of neighbouring blocks, n of them in the order in which they come, each with its purpose.

    Examples
    --------
    >>> runs = Runs(np.array([7, 2]), np.array([3, 1]), np.array([0, 1]), ("data", "copy"))
    >>> runs.blocks.tolist(), list(runs.requests())
    ([7, 8, 9, 2], [(slice(7, 10, None), 'data'), (slice(2, 3, None), 'copy')])
    """

    first: Integers
    """(n,) the first block of each."""
    length: Integers
    """(n,) how many blocks."""
    purpose: Integers
    """(n,) numbers of purposes."""
    purposes: Sequence[str]

    @property
    def blocks(self) -> Integers:
        """The blocks of all runs, one run after the other."""
        return spans(self.first, self.length)

    def requests(self) -> Iterator[tuple[slice, str]]:
        """Each run as a slice, with its purpose, in their order."""
        for first, length, purpose in zip(*(column.tolist() for column in self[:3]), strict=True):
            yield slice(first, first + length), self.purposes[purpose]


def spans(first: Integers, length: Integers) -> Integers:
    """The block numbers of runs, one run after the other.

    Examples
    --------
    >>> spans(np.array([7, 2]), np.array([3, 1])).tolist()
    [7, 8, 9, 2]
    """
    before = np.cumsum(length) - length
    numbers: Integers = np.repeat(first - before, length) + np.arange(int(length.sum()), dtype=np.int64)
    return numbers


def ordered(values: Integers) -> Integers:
    """Each value once, in ascending order, as `numpy.unique` but with a single sort.

    Examples
    --------
    >>> ordered(np.array([7, 3, 7, 5, 3])).tolist()
    [3, 5, 7]
    """
    values = np.sort(values, axis=None)
    return values[np.append(True, values[1:] != values[:-1])] if values.size else values


def distinct(values: Integers) -> Integers:
    """Each value once, in the order of first occurrence (blocks are allocated so; sorting would change layouts).

    Examples
    --------
    >>> distinct(np.array([7, 3, 7, 5, 3])).tolist()
    [7, 3, 5]
    """
    if values.size < 2:
        return values
    found, first = np.unique(values, return_index=True)
    return found if found.size == values.size and bool((first[1:] > first[:-1]).all()) else values[np.sort(first)]
