"""`check_engine`: is this a container engine? Images, containers and removals over any storage driver.

Knows the verbs of `engine_contract` only; snapsim's own engine has them:

>>> from snapsim.docker.engine import DaemonConfig, Engine
>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> def engine():
...     return Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("overlay2"))
>>> check_engine(engine, examples=5).failures
()

LEAVES OUT: what the driver below does with files; `check_driver` judges it.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from snapsim.testing.checking import Checking, conduct, importing, name_of
from snapsim.testing.engines.book import EngineStage
from snapsim.testing.engines.contract import EngineFactory
from snapsim.testing.engines.images import __name__ as MODULE
from snapsim.testing.engines.operations import (
    NAMING,
    EngineAct,
    engine_operations,
    few_engine_acts,
    pull,
    reachable_pairs,
    run,
)
from snapsim.testing.engines.stories import ENGINE_PROBES, ENGINE_STORIES, EngineProbe
from snapsim.testing.failure import Failure, Report
from snapsim.testing.isolation import Doing
from snapsim.testing.playing import LOOKS, OFTEN, looks_after, play_list
from snapsim.testing.programs import program_of
from snapsim.testing.search import every_list


def check_engine(
    factory: EngineFactory,
    *,
    examples: int = 40,
    seed: int = 0,
    time_limit: float = 30.0,
    length: int = 2,
    raise_on_failure: bool = True,
) -> Report:
    """Judge a container engine.

    Parameters
    ----------
    factory : type or callable
        What gives a fresh engine when it is called without arguments (`engine_contract.ContainerEngine`).
    examples, seed, time_limit, raise_on_failure
        As for `check_volume`.
    length : int
        Every list of up to so many operations is tried on a container of the second image.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    """
    return conduct(
        _EngineCheck,
        factory,
        _again,
        time_limit,
        raise_on_failure,
        examples=examples,
        seed=seed,
        length=length,
    )


def _again(factory: EngineFactory, doing: Doing, acts: Sequence[EngineAct]) -> Failure | None:
    return play_engine(factory, acts, doing.behaviour, doing.shape)


class _EngineCheck(Checking):
    """One run of `check_engine`."""

    naming = NAMING

    def all(self, **options: Any) -> None:
        """Probes and stories, then the searches; only as long as nothing failed."""
        for probe in ENGINE_PROBES:
            self.note(probe.__name__, None if self.limit.over else self._probe(probe))
        for story in ENGINE_STORIES:
            self.story(story.__name__, [(None, story())])
        self.shrink_shortest()
        if not self.again:
            self.every(
                f"every list of up to {options['length']} operations",
                ((None, (*WITH_A_BOX, *acts)) for acts in every_list(few_engine_acts(), options["length"])),
            )
        if not self.failures:
            self.random(
                options["examples"],
                options["seed"],
                st.tuples(st.sampled_from(LOOKS), engine_operations(5, 12).map(lambda acts: (*WITH_A_BOX, *acts))),
            )

    def play(self, operations: Sequence[EngineAct], setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on a fresh engine."""
        return play_engine(self.factory, operations, behaviour, setting or OFTEN)

    def reachable(self) -> Iterator[tuple[str, str]]:
        """Pulls of what is there and is not, each verb of an image and of a container on each kind of one."""
        return iter(()) if self.failures or self.limit.over else reachable_pairs()

    def _probe(self, probe: EngineProbe) -> Failure | None:
        name = probe.__name__
        lines = [*engine_source(self.factory), *program_of(probe)]
        return self.attempt(lambda: probe(self.factory()), name, lines)


WITH_A_BOX = (pull(1), run())
"""Every list is played on a container."""


def play_engine(
    factory: EngineFactory,
    operations: Sequence[EngineAct],
    behaviour: str = "",
    looks: str = OFTEN,
) -> Failure | None:
    """Play operations on a fresh engine, compare everything after each step, or as `looks` says, and remove all.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    lines = engine_source(factory)
    return play_list(
        name_of(factory),
        operations,
        partial(EngineStage, factory, lines),
        lambda stage, act: stage.do(act, looks_after(looks, stage.steps + 1)),
        EngineStage.finish,
        lines,
        behaviour,
        looks,
    )


def engine_source(factory: EngineFactory) -> list[str]:
    """The lines of Python that make a fresh engine."""
    name = getattr(factory, "__qualname__", "factory")
    return [*importing(factory), f"from {MODULE} import IMAGES", f"engine = {name}()"]
