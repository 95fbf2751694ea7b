"""Two volumes as a student would write them: copy-on-write and redirect-on-write.

Slow on purpose: a loop over chunks and a dictionary, as one says it aloud. The bugs of `planted_cow` and `planted_row`
are planted in them.

LEAVES OUT: clones of a clone under copy-on-write.
"""

# ruff: noqa: D102 (the contract says what the methods do)

from typing import Any

import numpy as np

from snapsim.base.errors import InUse, Unsupported
from snapsim.block.device import BlockDevice, Requests, distinct
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume


class Cow(Volume):
    """Copy-on-write: the origin in place, old chunks in a store behind it."""

    def __init__(self, size: int, block_size: int = 4096, chunk_size: int | None = None) -> None:
        per = (chunk_size or block_size) // block_size
        self.chunks = -(-size // per)
        self.snapshots: list[CowSnapshot] = []
        self.space = SpaceMap(40 * self.chunks)
        self.space.allocate(self.chunks)
        super().__init__(size, block_size, chunk_size, (BlockDevice(40 * self.chunks * per, block_size),))

    def chunk(self, number: int) -> slice:
        return slice(number * self.chunk_blocks, (number + 1) * self.chunk_blocks)

    def _read(self, asked: Requests) -> Any:
        return self.devices[0].read(asked)

    def _write(self, asked: Requests, stamps: Any) -> None:
        for chunk in distinct(asked.blocks // self.chunk_blocks).tolist():
            self.copy_out(chunk)
        self.devices[0].write(asked, stamps)

    def copy_out(self, chunk: int) -> None:
        for snapshot in self.snapshots:
            snapshot.keep(chunk)

    def _snapshot(self) -> "CowSnapshot":
        return CowSnapshot(self)

    def _rollback(self, snapshot: Any) -> None:
        for chunk, place in list(snapshot.saved.items()):
            self.copy_out(chunk)
            self.copy(place, chunk)

    def copy(self, source: int, target: int) -> None:
        self.devices[0].write(self.chunk(target), self.devices[0].read(self.chunk(source), "copy"), "copy")

    def _delete(self) -> None:
        if self.snapshots:
            raise InUse("it has snapshots")

    def places(self) -> Any:
        return np.arange(self.chunks)

    def allocated(self) -> int:
        return self.space.used * self.chunk_size


class CowSnapshot(Volume):
    """What was there when it was taken: chunks that were kept, the rest on the origin."""

    def __init__(self, parent: Cow) -> None:
        super().__init__(parent.size, parent.block_size, parent.chunk_size, parent.devices)
        self.parent = parent
        self.saved: dict[int, int] = {}
        parent.snapshots.append(self)

    def keep(self, chunk: int) -> None:
        if chunk not in self.saved:
            self.saved[chunk] = int(self.parent.space.allocate(1)[0])
            self.parent.copy(chunk, self.saved[chunk])

    def _read(self, asked: Requests) -> Any:
        chunks, inside = asked.blocks // self.chunk_blocks, asked.blocks % self.chunk_blocks
        places = np.array([self.saved.get(chunk, chunk) for chunk in chunks.tolist()], np.int64)
        return self.devices[0].read(places * self.chunk_blocks + inside)

    def _write(self, asked: Requests, stamps: Any) -> None:
        raise AssertionError("a snapshot is not written")

    def _snapshot(self) -> Volume:
        raise Unsupported("snapshots are taken of the origin")

    def _delete(self) -> None:
        self.parent.snapshots.remove(self)
        self.parent.space.release(np.array(list(self.saved.values()), np.int64))

    def places(self) -> Any:
        return np.array([self.saved.get(chunk, chunk) for chunk in range(self.parent.chunks)], np.int64)

    def allocated(self) -> int:
        return self.parent.allocated()


class Row(Volume):
    """Redirect-on-write: a map from chunks to places of a pool, and counts of owners."""

    def __init__(
        self, size: int, block_size: int = 4096, chunk_size: int | None = None, parent: "Row | None" = None
    ) -> None:
        chunks = -(-size // ((chunk_size or block_size) // block_size))
        room = 40 * chunks * (chunk_size or block_size) // block_size
        super().__init__(size, block_size, chunk_size, parent.devices if parent else (BlockDevice(room, block_size),))
        self.space: SpaceMap = parent.space if parent else SpaceMap(40 * chunks)
        self.map: dict[int, int] = dict(parent.map) if parent else {}
        if parent:
            self.space.take(self.held())

    def held(self) -> Any:
        return np.array(list(self.map.values()), np.int64)

    def _read(self, asked: Requests) -> Any:
        return np.array([self.read_block(block) for block in asked.blocks.tolist()], np.uint64)

    def read_block(self, block: int) -> int:
        place = self.map.get(block // self.chunk_blocks)
        return 0 if place is None else int(self.devices[0].read(self.at(place, block))[0])

    def at(self, place: int, block: int) -> int:
        return place * self.chunk_blocks + block % self.chunk_blocks

    def _write(self, asked: Requests, stamps: Any) -> None:
        whole = self.chunk_blocks == 1
        for block, stamp in zip(asked.blocks.tolist(), stamps, strict=True):
            self.devices[0].write(self.at(self.own(block // self.chunk_blocks, whole), block), stamp)

    def own(self, chunk: int, whole: bool) -> int:
        """A place of the chunk that may be written; what a request leaves out is zeroed or copied."""
        old = self.map.get(chunk)
        if old is None:
            self.map[chunk] = int(self.space.allocate(1)[0])
            if not whole:
                self.devices[0].write(self.run(self.map[chunk]), 0, "zero")
        elif self.shared(old):
            self.map[chunk] = int(self.space.allocate(1)[0])
            if not whole:
                self.fill(old, self.map[chunk])
            self.space.release(np.array([old]))
        place: int = self.map[chunk]
        return place

    def run(self, place: int) -> slice:
        return slice(place * self.chunk_blocks, (place + 1) * self.chunk_blocks)

    def shared(self, place: int) -> bool:
        return bool(self.space.count(np.array([place]))[0] > 1)

    def fill(self, old: int, new: int) -> None:
        self.devices[0].write(self.run(new), self.devices[0].read(self.run(old), "copy"), "copy")

    def _snapshot(self) -> "Row":
        return type(self)(self.size, self.block_size, self.chunk_size, self)

    def _clone(self) -> "Row":
        return self._snapshot()

    def _delete(self) -> None:
        self.space.release(self.held())

    def _discard(self, asked: Requests) -> None:
        chunk, _, length = asked.parts(self.chunk_blocks)
        for number in chunk[length == self.chunk_blocks].tolist():
            if number in self.map:
                self.give_up(self.map.pop(number))

    def give_up(self, place: int) -> None:
        self.space.release(np.array([place]))

    def _rollback(self, snapshot: Any) -> None:
        self.space.take(snapshot.held())
        self.space.release(self.held())
        self.map = dict(snapshot.map)

    def places(self) -> Any:
        return self.held()

    def allocated(self) -> int:
        return self.space.used * self.chunk_size
