"""`check_thin_pool`: is this a thin pool? The contract in small, held against dictionaries.

>>> from snapsim.testing.pools.contract import SmallThinPool
>>> check_thin_pool(SmallThinPool, examples=20).failures
()

LEAVES OUT: what `snapsim.block.snapshots.ThinPool` has beyond the small contract; `check_volume` judges its volumes.
"""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from snapsim.testing.checking import Checking, conduct, importing, name_of
from snapsim.testing.failure import Failure, Report
from snapsim.testing.isolation import Doing
from snapsim.testing.playing import LOOKS, OFTEN, looks_after, play_list
from snapsim.testing.pools.book import PoolAct, PoolStage
from snapsim.testing.pools.contract import PoolFactory, PoolShape
from snapsim.testing.pools.stories import (
    NAMING,
    POOL_PROBES,
    POOL_STORIES,
    PoolProbe,
    create,
    delete,
    discard,
    snapshot,
    write,
)
from snapsim.testing.programs import program_of
from snapsim.testing.search import every_list

POOL_SHAPES = (PoolShape(16, 1, 4), PoolShape(16, 2, 4), PoolShape(3, 1, 4), PoolShape(8, 4, 8))
"""One block a chunk; two; a pool that is smaller than a volume; two chunks of four blocks."""


def check_thin_pool(
    factory: PoolFactory,
    *,
    examples: int = 200,
    seed: int = 0,
    time_limit: float = 30.0,
    length: int = 3,
    raise_on_failure: bool = True,
) -> Report:
    """Judge an implementation of `Pool`.

    Parameters
    ----------
    factory : type[Pool] or callable
        Called with the number of pool blocks, blocks a pool block, and blocks of each thin volume.
    examples, seed, time_limit, length, raise_on_failure
        As for `check_volume`.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    """
    return conduct(
        _PoolCheck, factory, _again, time_limit, raise_on_failure, examples=examples, seed=seed, length=length
    )


def _again(factory: PoolFactory, doing: Doing, acts: Sequence[PoolAct]) -> Failure | None:
    shape, looks = doing.shape
    return play_pool(factory, acts, shape, doing.behaviour, looks)


class _PoolCheck(Checking):
    """One run of `check_thin_pool`."""

    naming = NAMING

    def all(self, **options: Any) -> None:
        """Probes and stories, on every shape; then the searches, only as long as nothing failed."""
        for probe in POOL_PROBES:
            self.note(probe.__name__, None if self.limit.over else self._probe(probe))
        for story in POOL_STORIES:
            self.story(story.__name__, (((shape, OFTEN), story(shape)) for shape in POOL_SHAPES))
        self.shrink_shortest()
        if not self.again:
            self.every(
                f"every list of up to {options['length']} operations",
                (
                    ((shape, OFTEN), acts)
                    for shape in POOL_SHAPES[1:2]
                    for acts in every_list(few_pool_acts(), options["length"])
                ),
            )
        if not self.failures:
            self.random(
                options["examples"],
                options["seed"],
                st.tuples(st.tuples(st.sampled_from(POOL_SHAPES), st.sampled_from(LOOKS)), pool_operations(6, 14)),
            )

    def play(self, operations: Sequence[PoolAct], setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on a fresh pool."""
        shape, looks = setting
        return play_pool(self.factory, operations, shape, behaviour, looks)

    def reachable(self) -> Iterator[tuple[str, str]]:
        """Each verb on each kind of chunks, or of volume, in a pool with room and in a full one."""
        return iter(()) if self.failures or self.limit.over else reachable_pairs()

    def _probe(self, probe: PoolProbe) -> Failure | None:
        name = probe.__name__
        for shape in POOL_SHAPES[:2]:
            lines = [*pool_source(self.factory, shape), *program_of(probe)]
            failure = self.attempt(lambda shape=shape: probe(self.factory(*shape)), name, lines)  # type: ignore[misc]
            if failure:
                return failure
        return None


def play_pool(
    factory: PoolFactory,
    operations: Sequence[PoolAct],
    shape: PoolShape = PoolShape(),  # noqa: B008
    behaviour: str = "",
    looks: str = OFTEN,
) -> Failure | None:
    """Play operations on a fresh pool with one thin volume; compare everything after each step, or as `looks` says.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    lines = pool_source(factory, shape)
    return play_list(
        name_of(factory),
        operations,
        partial(PoolStage, factory, shape, lines),
        lambda stage, act: stage.do(act, looks_after(looks, stage.steps + 1)),
        PoolStage.compare,
        lines,
        behaviour,
        (shape, looks),
    )


def pool_source(factory: PoolFactory, shape: PoolShape) -> list[str]:
    """The lines of Python that make a fresh pool."""
    return [*importing(factory), f"pool = {getattr(factory, '__qualname__', 'factory')}{tuple(shape)}"]


def reachable_pairs() -> Iterator[tuple[str, str]]:
    """The verbs, and what they can meet.

    Examples
    --------
    >>> [state for verb, state in reachable_pairs() if verb == "delete"][:2]
    ['an empty volume', 'a volume']
    """
    kinds = ("its own", "shared", "unmapped")
    chunks = [" and ".join(some) for count in (1, 2, 3) for some in itertools.combinations(kinds, count)]
    volumes = ("an empty volume", "a volume", "a volume that shares")
    for full in ("", " of a full pool"):
        yield from ((verb, f"chunks that are {kind}{full}") for verb in ("write", "discard") for kind in chunks)
        yield from ((verb, f"{kind}{full}") for verb in ("snapshot", "create", "delete") for kind in volumes)


def few_pool_acts() -> tuple[PoolAct, ...]:
    """A small alphabet for `every_list`, for two chunks of two blocks."""
    return (
        write(0, [0]),
        write(0, [1, 0]),
        write(1, [0]),
        snapshot(),
        create(),
        delete(0),
        delete(1),
        discard(0, [0, 1]),
        discard(0, [1, 2]),
    )


def pool_operations(least: int = 1, most: int = 12) -> st.SearchStrategy[list[PoolAct]]:
    """Lists of operations, for properties of one's own."""
    thins, blocks = st.integers(0, 3), st.lists(st.integers(0, 7), min_size=1, max_size=4, unique=True).map(tuple)
    runs = st.sampled_from([range(0, 4), range(0, 2), range(2, 4), range(0, 8), range(1, 4)]).map(tuple)
    asked = st.one_of(runs, blocks)
    act = st.one_of(
        st.builds(write, thins, asked),
        st.builds(snapshot, thins),
        st.builds(write, thins, asked),
        st.builds(discard, thins, asked),
        st.builds(delete, thins),
        st.builds(create),
    )
    return st.lists(act, min_size=least, max_size=most)
