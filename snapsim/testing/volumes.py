"""`check_volume`: is this a volume? Named behaviours, every short list of operations, and random ones.

Knows the contract `snapsim.volume` only.

>>> from snapsim.snapshots import FullCopy
>>> report = check_volume(FullCopy, examples=20)
>>> report.failures, report.skipped["discard"]
((), 'a full copy has no map that a block could be missing from')

LEAVES OUT: processes of its own for code that never returns (see `isolation`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from .checking import Checking, told
from .failure import Failure, Report
from .isolation import Doing, judged
from .on_volumes import VERBS, few_operations, volume_operations
from .search import every_list, first_failure, random_failure, shrink
from .volume_family import Factory, Shape, make, possible, source
from .volume_player import name_of, play
from .volume_probes import PROBES, Probe, lacks
from .volume_stories import STORIES, Story

SHAPES = (Shape(4, 1), Shape(4, 2), Shape(5, 4), Shape(1, 1), Shape(4, 4), Shape(16, 4))
"""Four blocks; chunks of two; a last chunk that is not full; one block; one chunk; four chunks of four blocks."""


def check_volume(factory: Factory, *, examples: int = 300, seed: int = 0, time_limit: float = 30.0, length: int = 2,
                 shapes: Sequence[Shape] = SHAPES, raise_on_failure: bool = True) -> Report:
    """Judge an implementation of `Volume`.

    Parameters
    ----------
    factory : type[Volume] or callable
        A class (its `new` is used), or what is called with (size, block_size, chunk_size) and gives a fresh volume
        of zeros.
    examples : int
        Lists of operations that the random search tries.
    seed : int
        Of the search: the same seed, the same lists.
    time_limit : float
        Seconds of processor time; then what was found so far is reported.
    length : int
        Every list of up to so many operations is tried.
    shapes : sequence of Shape
        Sizes and chunk sizes to try; those that the factory refuses with `InvalidInput` are reported as skipped.
    raise_on_failure : bool
        Raise, or leave it to the reader of the report.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    """
    def run() -> Report:
        check = _VolumeCheck(name_of(factory), time_limit)
        check.factory = factory
        if check.choose(shapes):
            check.behaviours()
            check.search(length, examples, seed)
        return check.report()

    return told(judged(run, name_of(factory), partial(_again, factory)), raise_on_failure)


def _again(factory: Factory, doing: Doing, operations: Sequence[Any]) -> Failure | None:
    """Another list on a volume of the same shape."""
    return play(factory, operations, doing.shape, behaviour=doing.behaviour)


class _VolumeCheck(Checking):
    """One run of `check_volume`."""

    factory: Factory
    shapes: list[Shape]

    def choose(self, shapes: Sequence[Shape]) -> bool:
        """The shapes that the factory takes."""
        refused: dict[Shape, str] = {}
        def try_one(shape: Shape) -> None:
            refused[shape] = possible(self.factory, shape)

        for shape in shapes:
            failure = self.attempt(partial(try_one, shape), "make a fresh volume", source(self.factory, shape))
            if failure:
                self.failures.append(failure)
                return False
        self.shapes = [shape for shape in shapes if not refused[shape]]
        self.skipped.update({f"{shape.size} blocks in chunks of {shape.chunk_blocks}": why
                             for shape, why in refused.items() if why})
        return True

    def behaviours(self) -> None:
        """Probes and stories, on every shape."""
        for probe in PROBES:
            self.note(probe.__name__, None if self.clock.over else self._probe(probe))
        for story in STORIES:
            self.note(story.__name__, self._story(story))
        self.shrink_shortest()

    def search(self, length: int, examples: int, seed: int) -> None:
        """Every short list, then random ones; only as long as nothing failed."""
        if not self.again:
            self.note(f"every list of up to {length} operations", self._every(length))
        if not self.failures:
            self.note(f"{examples} random lists of operations", self._random(examples, seed))

    def play(self, operations: Sequence[Any], shape: Shape, behaviour: str = "",
             skipped: dict[str, str] | None = None) -> Failure | None:
        """One list on a fresh volume."""
        self.played += 1
        return play(self.factory, operations, shape, self.skipped if skipped is None else skipped, behaviour)

    def _story(self, story: Story) -> Failure | None:
        missing: dict[str, str] = {}
        for shape in self.shapes:
            again = partial(self.play, shape=shape, behaviour=story.__name__, skipped=missing)
            failure = first_failure([story(shape.size)], again, self.clock)
            if failure:
                self.again[len(self.failures)] = again
                return failure
        verbs = [f"{verb}: {why}" for verb, why in missing.items() if verb in VERBS]
        self.skipped.update({story.__name__: "; ".join(verbs)} if verbs else {}, **missing)
        return None

    def _probe(self, probe: Probe) -> Failure | None:
        def run(shape: Shape) -> None:
            if why := lacks(make(self.factory, shape), PROBES[probe]):
                self.skipped[name] = why
            else:
                probe(make(self.factory, shape))

        name = probe.__name__
        lines = [f"from {probe.__module__} import {name}", f"{name}(v0)"]
        found = (self.attempt(partial(run, shape), name, [*source(self.factory, shape), *lines])
                 for shape in self.shapes)
        return next(filter(None, found), None)

    def _every(self, length: int) -> Failure | None:
        lists = ((shape, operations) for shape in self.shapes[:2]
                 for operations in every_list(few_operations(shape.size), length))
        return first_failure(lists, lambda pair: self.play(pair[1], pair[0]), self.clock)

    def _random(self, examples: int, seed: int) -> Failure | None:
        pairs = st.sampled_from(self.shapes).flatmap(
            lambda shape: st.tuples(st.just(shape), volume_operations(shape.size, 8, 16)))
        found = random_failure(pairs, lambda pair: self.play(pair[1], pair[0]), examples, seed, self.clock)
        return shrink(found[1], partial(self.play, shape=found[0][0]), self.clock) if found else None
