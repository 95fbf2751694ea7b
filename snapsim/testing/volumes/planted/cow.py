"""Copy-on-write with one bug each: what is copied out, when, how much of it, and how it is billed.

LEAVES OUT: why; a docstring says what kind of thing is wrong, for those who look for it.
"""

# ruff: noqa: D102 (what differs from the class above is all there is to say)

from typing import Any

from snapsim.block.device import distinct
from snapsim.testing.volumes.planted.models import Cow


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
