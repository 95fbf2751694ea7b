"""Redirect-on-write with one bug each: maps, counts of owners, parts of chunks, discards, the order of requests.

LEAVES OUT: why; a docstring says what kind of thing is wrong, for those who look for it.
"""

# ruff: noqa: D102 (what differs from the class above is all there is to say)

from typing import Any

import numpy as np

from snapsim.block.device import Requests
from snapsim.testing.volumes.planted.models import Row


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
        self.space._cursor = 0  # reuses at once what was freed


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
