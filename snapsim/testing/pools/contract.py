"""The contract of a thin pool in small, for students, and snapsim's own pool in that form.

A pool is a row of *pool blocks*. A thin volume is a map from its chunks to pool blocks; a chunk that was never written
has none and reads as zeros. A snapshot of a thin volume is another thin volume with the same map, and can be written
like any other. A pool block that two of them map is *shared*: the first write to it gives the writer a pool block of
its own, and what the request leaves out is copied.

>>> pool = SmallThinPool(8, 2, 4)
>>> pool.create(0); pool.write(0, [0, 1], [7, 8]); pool.snapshot(1, 0); pool.write(1, [0], [9])
>>> pool.read(0, [0, 1, 2]), pool.read(1, [0, 1, 2]), pool.copied, pool.used, pool.exclusive(1)
([7, 8, 0], [9, 8, 0], 1, 2, 1)

**What is exact at once, and what is not.** The books (`mapping`, `references`, `exclusive`, `used`, `copied`) are right
after every call: a pool that puts its work off does it before it answers. A discard of a part of a chunk does nothing.
A request of no blocks does nothing. All methods are needed, none may refuse but as it is said here, and `InUse` comes
from none of them. A chunk that was shared once may move at its next write, although nobody shares it any more.

LEAVES OUT: metadata blocks, commits, zeroing modes and the low-water mark (`snapsim.block.snapshots.ThinPool` has
them).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from snapsim.base.errors import NotFound
from snapsim.block.device import BlockDevice, Requests
from snapsim.block.snapshots import ThinPool, ThinVolume

BLOCK = 4096
METADATA = 256
"""Blocks of the metadata device: more than any of these pools needs."""


class PoolShape(NamedTuple):
    """Pool blocks, blocks a pool block, blocks of each thin volume (whole pool blocks)."""

    blocks: int = 16
    chunk_blocks: int = 1
    size: int = 4

    @property
    def chunks(self) -> int:
        """Chunks of a thin volume."""
        return self.size // self.chunk_blocks


class Pool(ABC):
    """THE CONTRACT of the exercise.

    Parameters
    ----------
    blocks : int
        Pool blocks.
    chunk_blocks : int
        Blocks a pool block.
    size : int
        Blocks of every thin volume, a multiple of `chunk_blocks`.

    Attributes
    ----------
    copied : int
        Pool blocks that were copied so far: one when sharing is broken by a request that does not cover the chunk.
    """

    def __init__(self, blocks: int, chunk_blocks: int, size: int) -> None:
        self.blocks, self.chunk_blocks, self.size = blocks, chunk_blocks, size
        self.copied = 0

    # ---------------------------------------------------------------- messages

    @abstractmethod
    def create(self, id: int) -> None:
        """A thin volume of zeros. AlreadyExists: the id is taken; InvalidInput: it is not in 0 to 2**24 - 1."""

    @abstractmethod
    def snapshot(self, id: int, origin: int) -> None:
        """A thin volume `id` with the map of another. NotFound: no such origin; and as for `create`."""

    @abstractmethod
    def delete(self, id: int) -> None:
        """Give a thin volume up; what only it held is free. NotFound: no such thin volume."""

    # ---------------------------------------------------------------- requests

    @abstractmethod
    def read(self, id: int, blocks: Sequence[int]) -> Sequence[int]:
        """The stamps of these blocks, in their order. NotFound; InvalidInput: a block outside."""

    @abstractmethod
    def write(self, id: int, blocks: Sequence[int], stamps: Sequence[int]) -> None:
        """One request: an array of different blocks in any order, and a stamp for each.

        A chunk that has no pool block, or one that is shared, gets one of its own. NoSpace: there is none left; then
        each chunk of the request is written whole or not at all. NotFound, InvalidInput: as for `read`.
        """

    @abstractmethod
    def discard(self, id: int, blocks: Sequence[int]) -> None:
        """Chunks that the request covers are unmapped and read as zeros; of the others nothing changes."""

    # ---------------------------------------------------------------- books

    @abstractmethod
    def ids(self) -> list[int]:
        """Of the thin volumes, sorted."""

    @abstractmethod
    def mapping(self, id: int) -> dict[int, int]:
        """Chunk -> pool block, of the chunks that are mapped."""

    @abstractmethod
    def references(self, block: int) -> int:
        """How many chunks are mapped to a pool block."""

    @abstractmethod
    def exclusive(self, id: int) -> int:
        """Pool blocks that only this thin volume maps: what its deletion frees."""

    @property
    @abstractmethod
    def used(self) -> int:
        """Pool blocks that are mapped by anything."""


PoolFactory = Callable[[int, int, int], Pool]


class SmallThinPool(Pool):
    """snapsim's model of dm-thin behind the small contract."""

    def __init__(self, blocks: int, chunk_blocks: int, size: int) -> None:
        data, metadata = BlockDevice(blocks * chunk_blocks, BLOCK, "data"), BlockDevice(METADATA, BLOCK, "metadata")
        self.pool = ThinPool(data, metadata, chunk_blocks * BLOCK, no_space="error", strict=False)
        super().__init__(blocks, chunk_blocks, size)

    @property
    def copied(self) -> int:
        """By the bill of the data device."""
        return self.pool.data.counts.bytes("write", "copy") // self.pool.chunk_size

    @copied.setter
    def copied(self, value: int) -> None:
        """It is counted on the device."""

    def _thin(self, id: int) -> ThinVolume:
        if id not in self.pool.volumes:
            raise NotFound(f"no thin device {id}: {self.ids()}")
        found: ThinVolume = self.pool.volumes[id]
        return found

    def create(self, id: int) -> None:
        """`dmsetup message pool 0 "create_thin ID"`."""
        self.pool.create(self.size, id)

    def snapshot(self, id: int, origin: int) -> None:
        """`dmsetup message pool 0 "create_snap ID ORIGIN"`."""
        self.pool.snapshot(self._thin(origin), id)

    def delete(self, id: int) -> None:
        """`dmsetup message pool 0 "delete ID"`."""
        self.pool.delete(self._thin(id))

    def read(self, id: int, blocks: Sequence[int]) -> list[int]:
        """As of `Pool`."""
        return [int(stamp) for stamp in self._thin(id).read(np.asarray(blocks, np.int64))]

    def write(self, id: int, blocks: Sequence[int], stamps: Sequence[int]) -> None:
        """Each run of neighbours is one request, so that a chunk that is covered is covered by one."""
        thin, order = self._thin(id), np.argsort(blocks)
        if self.pool.mode == "out_of_data_space":
            self.pool.commit()  # what was given up since is free then, as a second later in the kernel
        for run, part in self._runs(blocks, np.asarray(stamps)[order]):
            thin.write(run, part)

    def discard(self, id: int, blocks: Sequence[int]) -> None:
        """Each run of neighbours is one request."""
        thin = self._thin(id)
        for run, _ in self._runs(blocks, np.zeros(len(blocks))):
            thin.discard(run)

    def _runs(self, blocks: Sequence[int], stamps: Any) -> Iterator[tuple[slice, Any]]:
        """Runs of neighbours among the blocks, sorted, and what belongs to them."""
        asked = np.sort(Requests(np.asarray(blocks, np.int64), self.size).blocks)
        gaps = np.flatnonzero(np.diff(asked) != 1) + 1
        for run, part in zip(np.split(asked, gaps), np.split(stamps, gaps), strict=True):
            if run.size:
                yield slice(int(run[0]), int(run[-1]) + 1), part

    def ids(self) -> list[int]:
        """As of `Pool`."""
        return sorted(self.pool.volumes)

    def mapping(self, id: int) -> dict[int, int]:
        """By the volume's map."""
        thin = self._thin(id)
        lies = thin.device_blocks(np.arange(0, self.size, self.chunk_blocks))
        return {chunk: int(first) // self.chunk_blocks for chunk, first in enumerate(lies) if first >= 0}

    def references(self, block: int) -> int:
        """By all maps: the counts of the kernel's space map are those of B-tree leaves, which are shared as well."""
        return sum(each == block for id in self.ids() for each in self.mapping(id).values())

    def exclusive(self, id: int) -> int:
        """By the books of all volumes."""
        return self._thin(id).usage().exclusive // self.pool.chunk_size

    @property
    def used(self) -> int:
        """By the space map, after a commit: what was given up before is free then."""
        self.pool.commit()
        return self.pool.metadata.space.used
