"""`check_volume`: is this a volume? Named behaviours, every short list of operations, and random ones.

Knows the contract `snapsim.block.volume` only.

>>> from snapsim.block.snapshots import FullCopy
>>> report = check_volume(FullCopy, examples=20)
>>> report.failures, report.skipped["discard"]
((), 'a full copy has no map that a block could be missing from')

LEAVES OUT: processes of its own for code that never returns (see `isolation`).
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.testing.checking import Checking, conduct
from snapsim.testing.failure import Failure, Report
from snapsim.testing.isolation import Doing
from snapsim.testing.playing import LOOKS, OFTEN, SELDOM
from snapsim.testing.programs import program_of
from snapsim.testing.search import every_list
from snapsim.testing.volumes.counts import MODELS
from snapsim.testing.volumes.family import Factory, Shape, make, possible, source
from snapsim.testing.volumes.operations import NAMING, VERBS, few_operations, volume_operations
from snapsim.testing.volumes.player import play
from snapsim.testing.volumes.probes import PROBES, Probe, lacks
from snapsim.testing.volumes.stories import LONG, STORIES, Story

SHAPES = (Shape(4, 1), Shape(4, 2), Shape(5, 4), Shape(1, 1), Shape(4, 4), Shape(16, 4))
"""Four blocks; chunks of two; a last chunk that is not full; one block; one chunk; four chunks of four blocks."""


def check_volume(
    factory: Factory,
    *,
    examples: int = 300,
    seed: int = 0,
    time_limit: float = 30.0,
    length: int = 2,
    shapes: Sequence[Shape] = SHAPES,
    like: str = "",
    raise_on_failure: bool = True,
) -> Report:
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
    like : {"cow", "row", "full-copy"}, optional
        The model whose bill is exact (`check_counts` has the table); a bound holds for every mechanism.
    raise_on_failure : bool
        Raise, or leave it to the reader of the report.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    InvalidInput
        There is no such model.
    """
    if like and like not in MODELS:
        raise InvalidInput(f"{like!r} is no model: one of {', '.join(MODELS)}", "like")
    return conduct(
        _VolumeCheck,
        factory,
        _again,
        time_limit,
        raise_on_failure,
        shapes=shapes,
        like=like,
        length=length,
        examples=examples,
        seed=seed,
    )


def _again(factory: Factory, doing: Doing, operations: Sequence[Any]) -> Failure | None:
    """Another list on a volume of the same shape."""
    shape, looks = doing.shape
    return play(factory, operations, shape, behaviour=doing.behaviour, looks=looks)


class _VolumeCheck(Checking):
    """One run of `check_volume`."""

    naming = NAMING
    shapes: list[Shape]

    def all(self, **options: Any) -> None:
        """Probes and stories, on every shape; then the searches."""
        self.like = options["like"]
        if not self._choose(options["shapes"]):
            return
        for probe in PROBES:
            self.note(probe.__name__, None if self.limit.over else self._probe(probe))
        for story in STORIES:
            if story not in LONG or not self.failures:
                self._story(story)
        self.shrink_shortest()
        self._search(options["length"], options["examples"], options["seed"])

    def _choose(self, shapes: Sequence[Shape]) -> bool:
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
        self.skipped.update(
            {f"{shape.size} blocks in chunks of {shape.chunk_blocks}": why for shape, why in refused.items() if why}
        )
        return True

    def _search(self, length: int, examples: int, seed: int) -> None:
        """Every short list, then random ones; only as long as nothing failed."""
        if not self.again:
            self.every(
                f"every list of up to {length} operations",
                (
                    ((shape, OFTEN), operations)
                    for shape in self.shapes[:2]
                    for operations in every_list(few_operations(shape.size), length)
                ),
            )
        if not self.failures:
            self.random(
                examples,
                seed,
                st.sampled_from(self.shapes).flatmap(
                    lambda shape: st.tuples(
                        st.tuples(st.just(shape), st.sampled_from(LOOKS)), volume_operations(shape.size, 8, 16)
                    )
                ),
            )

    def play(self, operations: Sequence[Any], setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on a fresh volume; what it lacks is reported, by a story as its own."""
        shape, looks = setting
        like = self.like if shape.chunk_blocks in MODELS.get(self.like, ()) else ""
        return play(
            self.factory, operations, shape, self._missing if behaviour else self.skipped, behaviour, looks, like
        )

    def reachable(self) -> Iterator[tuple[str, str]]:
        """Each verb that the mechanism has, on each kind of volume that it has."""
        kinds = ["a volume that shares nothing", "a volume with children", "a snapshot"]
        kinds += [] if "clone" in self.skipped else ["a clone", "a clone with children"]
        verbs = [verb for verb in VERBS if verb not in self.skipped]
        return itertools.product(verbs, kinds) if not self.failures and not self.limit.over else iter(())

    def _story(self, story: Story) -> None:
        self._missing: dict[str, str] = {}
        looks = SELDOM if story in LONG else OFTEN
        self.story(story.__name__, (((shape, looks), story(shape.size)) for shape in self.shapes))
        verbs = [f"{verb}: {why}" for verb, why in self._missing.items() if verb in VERBS]
        if verbs and story.__name__ in self.passed:
            self.passed.remove(story.__name__)
            self.skipped[story.__name__] = "; ".join(verbs)
        self.skipped.update(self._missing)

    def _probe(self, probe: Probe) -> Failure | None:
        def run(shape: Shape) -> None:
            if why := lacks(make(self.factory, shape), PROBES[probe]):
                self.skipped[name] = why
            else:
                try:
                    probe(make(self.factory, shape))
                except NoSpace as error:
                    self.skipped[name] = f"no room: {error}"

        name = probe.__name__
        lines = ["volume = v0", *program_of(probe)]
        found = (
            self.attempt(partial(run, shape), name, [*source(self.factory, shape), *lines]) for shape in self.shapes
        )
        return next(filter(None, found), None)
