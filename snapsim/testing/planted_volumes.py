"""Two volumes as a student would write them, and the same with one bug each.

They judge tests: a student's properties have to find the bugs and to leave the correct ones alone
(`snapsim.testing.check_properties`); and they judge the kit. Slow on purpose: a loop over chunks and a dictionary, as
one says it aloud.

LEAVES OUT: clones of a clone under copy-on-write.
"""

# ruff: noqa: D102 (what differs from the class above is all there is to say)

from typing import Any

import numpy as np

from ..device import BlockDevice, Requests, distinct
from ..errors import InUse, Unsupported
from ..space_map import SpaceMap
from ..volume import Volume


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

    def __init__(self, size: int, block_size: int = 4096, chunk_size: int | None = None,
                 parent: "Row | None" = None) -> None:
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


# ---------------------------------------------------------------- one bug each

class OriginForgetsToCopyOut(Cow):
    """Something gets lost when the origin is written after a snapshot."""

    def copy_out(self, chunk: Any) -> Any:
        pass


class CopiesOutForTheNewestOnly(Cow):
    """Something is wrong when there is more than one snapshot."""

    def copy_out(self, chunk: Any) -> Any:
        for snapshot in self.snapshots[-1:]:
            snapshot.keep(chunk)


class CopiesOutAfterTheWrite(Cow):
    """Something happens in the wrong order at a write."""

    def _write(self, asked: Any, stamps: Any) -> Any:
        self.devices[0].write(asked, stamps)
        for chunk in distinct(asked.blocks // self.chunk_blocks).tolist():
            self.copy_out(chunk)


class CopiesOutAgain(Cow):
    """Something is wrong at the second write of the same place."""

    def copy_out(self, chunk: Any) -> Any:
        for snapshot in self.snapshots:
            if chunk in snapshot.saved:
                self.copy(chunk, snapshot.saved[chunk])
            snapshot.keep(chunk)


class CopiesOutTheFirstChunkOnly(Cow):
    """Something is wrong with a write of many blocks."""

    def _write(self, asked: Any, stamps: Any) -> Any:
        self.copy_out(int(asked.blocks[0]) // self.chunk_blocks)
        self.devices[0].write(asked, stamps)


class CopiesOutHalfAChunk(Cow):
    """Something is wrong with chunks of more than one block."""

    def copy(self, source: Any, target: Any) -> Any:
        half = max(1, self.chunk_blocks // 2)
        old, new = (slice(place * self.chunk_blocks, place * self.chunk_blocks + half) for place in (source, target))
        self.devices[0].write(new, self.devices[0].read(old, "copy"), "copy")


class CountsACopyTwice(Cow):
    """The contents are right, the bill is not."""

    def copy(self, source: Any, target: Any) -> Any:
        super().copy(source, target)
        self.devices[0].write(self.chunk(target), self.devices[0].peek(self.chunk(source)), "copy")


class CallsACopyData(Cow):
    """The bytes are right, their purposes are not."""

    def copy(self, source: Any, target: Any) -> Any:
        self.devices[0].write(self.chunk(target), self.devices[0].read(self.chunk(source)))


class InventsAPurpose(Cow):
    """The bill has a word that nobody knows."""

    def copy(self, source: Any, target: Any) -> Any:
        self.devices[0].write(self.chunk(target), self.devices[0].read(self.chunk(source), "copy-out"), "copy")


class LeaksAtDeletion(Cow):
    """Something stays behind when a snapshot is deleted."""

    def _snapshot(self) -> Any:
        child = super()._snapshot()
        child._delete = lambda: self.snapshots.remove(child)  # type: ignore[method-assign]
        return child


class RollbackForgetsChunks(Cow):
    """A rollback does not bring everything back."""

    def _rollback(self, snapshot: Any) -> Any:
        for chunk, place in list(snapshot.saved.items())[:1]:
            self.copy_out(chunk)
            self.copy(place, chunk)


class RollbackHurtsOtherSnapshots(Cow):
    """A rollback touches what it should not."""

    def _rollback(self, snapshot: Any) -> Any:
        for chunk, place in snapshot.saved.items():
            self.copy(place, chunk)


class SharesTheLiveMap(Row):
    """A snapshot is not the picture of one moment."""

    def _snapshot(self) -> Any:
        child = super()._snapshot()
        child.map = self.map
        return child


class PartialWriteNotFilled(Row):
    """Something is wrong with small writes into large chunks."""

    def fill(self, old: Any, new: Any) -> Any:
        pass


class StaleRestOfAFreshChunk(Row):
    """What was never written does not always read as zeros."""

    def own(self, chunk: Any, whole: Any) -> Any:
        return super().own(chunk, whole or chunk not in self.map)

    def _discard(self, asked: Any) -> Any:
        super()._discard(asked)
        self.space._cursor = 0                             # reuses at once what was freed


class WritesInPlaceBelowAClone(Row):
    """A snapshot or clone sees what it should not."""

    def shared(self, place: Any) -> Any:
        return bool(self.space.count(np.array([place]))[0] > 2)


class LeaksACountAtDeletion(Row):
    """Space does not come back."""

    def _delete(self) -> Any:
        self.space.release(self.held()[1:])


class DeletionFreesWhatIsShared(Row):
    """A deletion frees too much."""

    def _delete(self) -> Any:
        self.space.release(self.held())
        self.space.release(self.held())
        self.space._cursor = 0


class DiscardFreesWhatIsShared(Row):
    """A discard hurts somebody else."""

    def give_up(self, place: Any) -> Any:
        while self.space.count(np.array([place]))[0] > 0:
            self.space.release(np.array([place]))


class DiscardForgetsToFree(Row):
    """A discard gives no space back."""

    def give_up(self, place: Any) -> Any:
        pass


class DiscardTakesANeighbour(Row):
    """A discard goes too far."""

    def _discard(self, asked: Any) -> Any:
        super()._discard(Requests(slice(int(asked.blocks.min()), self.size), self.size))


class RollbackForgetsTheCounts(Row):
    """After a rollback something is freed that is still in use."""

    def _rollback(self, snapshot: Any) -> Any:
        self.space.release(self.held())
        self.map = dict(snapshot.map)


class FirstDuplicateWins(Row):
    """The order of a request's blocks is not respected at a write."""

    def _write(self, asked: Any, stamps: Any) -> Any:
        back = Requests(asked.blocks[::-1].copy(), self.size)
        super()._write(back, stamps[::-1])


class ReadsInOrderOfPlaces(Row):
    """The order of a request's blocks is not respected at a read."""

    def _read(self, asked: Any) -> Any:
        return super()._read(Requests(np.sort(asked.blocks), self.size))


class SnapshotsCanBeWritten(Row):
    """A snapshot is not read-only."""

    def snapshot(self) -> Any:
        child = super().snapshot()
        child.read_only = False
        return child


class DividesByZeroAtTheSecondSnapshot(Row):
    """An ordinary operation fails with an exception."""

    def _snapshot(self) -> Any:
        1 / (3 - len(self.family))
        return super()._snapshot()


CORRECT = (Cow, Row)
BUGS = (
    OriginForgetsToCopyOut, CopiesOutForTheNewestOnly, CopiesOutAfterTheWrite, CopiesOutAgain,
    CopiesOutTheFirstChunkOnly, CopiesOutHalfAChunk, CountsACopyTwice, CallsACopyData, InventsAPurpose, LeaksAtDeletion,
    RollbackForgetsChunks, RollbackHurtsOtherSnapshots, SharesTheLiveMap, PartialWriteNotFilled, StaleRestOfAFreshChunk,
    WritesInPlaceBelowAClone, LeaksACountAtDeletion, DeletionFreesWhatIsShared, DiscardFreesWhatIsShared,
    DiscardForgetsToFree, DiscardTakesANeighbour, RollbackForgetsTheCounts, FirstDuplicateWins, ReadsInOrderOfPlaces,
    SnapshotsCanBeWritten, DividesByZeroAtTheSecondSnapshot)
