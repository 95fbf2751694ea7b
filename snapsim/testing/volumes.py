"""`check_volume`: is this a volume? Named behaviours, every short list of operations, and random ones.

Level 9; knows the contract `snapsim.volume` only.

>>> from snapsim.snapshots import FullCopy
>>> report = check_volume(FullCopy, examples=20)
>>> report.failures, report.skipped["discard"]
((), 'a full copy has no map that a block could be missing from')

LEAVES OUT: code that never returns (the time limit is looked at between two lists), and processes of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from .failure import Broken, CheckFailed, Failure, Report, broken_by
from .search import Clock, Play, every_list, first_failure, random_failure, shrink
from .volume_family import Factory, Shape, make, possible, source
from .volume_operations import VERBS, few_operations, volume_operations
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
        Seconds; then what was found so far is reported.
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
    return _Check(factory, examples, seed, time_limit, length, shapes).run(raise_on_failure)


class _Check:
    """One run of `check_volume`: gathers passed, failures, skipped."""

    def __init__(self, factory: Factory, examples: int, seed: int, time_limit: float, length: int,
                 shapes: Sequence[Shape]) -> None:
        self.factory, self.examples, self.seed, self.length = factory, examples, seed, length
        self.clock, self.played = Clock(time_limit), 0
        self.skipped: dict[str, str] = {}
        self.passed: list[str] = []
        self.failures: list[Failure] = []
        self.again: dict[int, Play] = {}                   # how to play the failure of that number once more
        self.shapes = list(self._possible(shapes))

    def _possible(self, shapes: Sequence[Shape]) -> Iterator[Shape]:
        for shape in shapes:
            try:
                why = possible(self.factory, shape)
            except (Exception, SystemExit) as error:
                broken, program = broken_by(error), tuple(source(self.factory, shape))
                self.failures.append(Failure(name_of(self.factory), broken.promise, (), 0, broken.expected,
                                             broken.actual, program, behaviour="make a fresh volume"))
                return
            if why:
                self.skipped[f"{shape.size} blocks in chunks of {shape.chunk_blocks}"] = why
            else:
                yield shape

    def run(self, raise_on_failure: bool) -> Report:
        for function in PROBES if self.shapes else ():
            self._note(function.__name__, self._probe(function))
        for told in STORIES if self.shapes else ():
            self._note(told.__name__, self._story(told))
        self._shrink_shortest()
        if self.shapes and not self.again:
            self._note(f"every list of up to {self.length} operations", self._every())
        if self.shapes and not self.failures:
            self._note(f"{self.examples} random lists of operations", self._random())
        report = Report(name_of(self.factory), tuple(self.passed), tuple(self.failures), self.skipped, self.played)
        if self.failures and raise_on_failure:
            raise CheckFailed(report)
        return report

    def _shrink_shortest(self) -> None:
        if self.again:
            number = min(self.again, key=lambda number: len(self.failures[number].operations))
            self.failures[number] = shrink(self.failures[number], self.again[number], self.clock)

    def _note(self, behaviour: str, failure: Failure | None) -> None:
        if failure:
            self.failures.append(failure)
        elif self.clock.over:
            self.skipped[behaviour] = "the time was over"
        elif behaviour not in self.skipped:
            self.passed.append(behaviour)

    def _story(self, told: Story) -> Failure | None:
        missing: dict[str, str] = {}
        for shape in self.shapes:
            def once(operations: Sequence[Any], shape: Shape = shape) -> Failure | None:
                self.played += 1
                return play(self.factory, operations, shape, missing, told.__name__)
            failure = first_failure([told(shape.size)], once, self.clock)
            if failure:
                self.again[len(self.failures)] = once
                return failure
        verbs = [f"{verb}: {why}" for verb, why in missing.items() if verb in VERBS]
        self.skipped.update({told.__name__: "; ".join(verbs)} if verbs else {}, **missing)
        return None

    def _play(self, operations: Sequence[Any], shape: Shape) -> Failure | None:
        self.played += 1
        return play(self.factory, operations, shape, self.skipped)

    def _probe(self, function: Probe) -> Failure | None:
        for shape in self.shapes:
            try:
                if why := lacks(make(self.factory, shape), PROBES[function]):
                    self.skipped[function.__name__] = why
                    return None
                function(make(self.factory, shape))
            except Broken as error:
                return self._probe_failure(function, shape, error)
            except (Exception, SystemExit) as error:
                return self._probe_failure(function, shape, broken_by(error))
        return None

    def _probe_failure(self, function: Probe, shape: Shape, error: Broken) -> Failure:
        lines = [*source(self.factory, shape), f"from {function.__module__} import {function.__name__}",
                 f"{function.__name__}(v0)"]
        return Failure(name_of(self.factory), error.promise, (), 0, error.expected, error.actual, tuple(lines),
                       error.call, function.__name__)

    def _every(self) -> Failure | None:
        lists = ((shape, operations) for shape in self.shapes[:2]
                 for operations in every_list(few_operations(shape.size), self.length))
        return first_failure(lists, lambda pair: self._play(pair[1], pair[0]), self.clock)

    def _random(self) -> Failure | None:
        pairs = st.sampled_from(self.shapes).flatmap(
            lambda shape: st.tuples(st.just(shape), volume_operations(shape.size, 8, 16)))
        found = random_failure(pairs, lambda pair: self._play(pair[1], pair[0]), self.examples, self.seed, self.clock)
        if found is None:
            return None
        (shape, _), failure = found
        return shrink(failure, lambda operations: self._play(operations, shape), self.clock)
