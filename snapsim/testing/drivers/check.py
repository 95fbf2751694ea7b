"""`check_driver`: is this a graph driver? Named behaviours, every short list of operations, and random ones.

Knows the contracts `snapsim.drivers.driver` and `snapsim.files.mounts.mount` only.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> check_driver(Vfs, examples=5, length=1).failures
()

LEAVES OUT: processes of its own for code that never returns (see `isolation`), and what a container engine does with
a driver.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from snapsim.base.errors import Unsupported
from snapsim.testing.checking import Checking, conduct
from snapsim.testing.drivers import file_stories, kind_stories, use_stories  # noqa: F401 - they register stories
from snapsim.testing.drivers.layers import DriverFactory, driver_source
from snapsim.testing.drivers.operations import (
    Act,
    child,
    chmod,
    driver_operations,
    few_acts,
    link,
    made_by,
    mkdir,
    named_by,
    reachable_pairs,
    with_numbers,
    write,
)
from snapsim.testing.drivers.player import play_driver
from snapsim.testing.drivers.probes import DRIVER_PROBES, DriverProbe
from snapsim.testing.drivers.stories import DRIVER_STORIES
from snapsim.testing.failure import Failure, Report
from snapsim.testing.isolation import Doing
from snapsim.testing.playing import LOOKS, OFTEN
from snapsim.testing.programs import program_of
from snapsim.testing.search import every_list
from snapsim.testing.shrinking import Naming

IN_A_CHILD = (write("/a"), child())
"""Every short list is played on the second layer, with a file in the first."""
FURNISHED = (mkdir("/d", 0o750), write("/d/a"), write("/a"), chmod("/a", 0o640), link("/a", "/b"), child())
"""Random lists are played on the second layer, with a tree in the first."""
NAMING = Naming(made_by, named_by, {"layer": 1}, with_numbers=with_numbers)


def check_driver(
    factory: DriverFactory,
    *,
    examples: int = 200,
    seed: int = 0,
    time_limit: float = 30.0,
    length: int = 2,
    raise_on_failure: bool = True,
) -> Report:
    """Judge an implementation of `Driver`.

    Parameters
    ----------
    factory : type[Driver] or callable
        What gives a fresh driver when it is called without arguments.
    examples : int
        Lists of operations that the random search tries.
    seed : int
        Of the search: the same seed, the same lists.
    time_limit : float
        Seconds of processor time; then what was found so far is reported.
    length : int
        Every list of up to so many operations is tried in a second layer.
    raise_on_failure : bool
        Raise, or leave it to the reader of the report.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    """
    return conduct(
        _DriverCheck, factory, _again, time_limit, raise_on_failure, length=length, examples=examples, seed=seed
    )


def _again(factory: DriverFactory, doing: Doing, operations: Sequence[Act]) -> Failure | None:
    """Another list on a fresh driver."""
    return play_driver(factory, operations, doing.behaviour)


class _DriverCheck(Checking):
    """One run of `check_driver`."""

    naming = NAMING

    def all(self, **options: Any) -> None:
        """Probes and stories, then the searches; only as long as nothing failed."""
        if not self._fresh():
            return
        for probe, unless in DRIVER_PROBES.items():
            self.note(probe.__name__, None if self.limit.over else self._probe(probe, unless))
        for story in DRIVER_STORIES:
            self.story(story.__name__, [(None, story())])
        self.shrink_shortest()
        if not self.again:
            self.every(
                f"every list of up to {options['length']} operations",
                ((None, (*IN_A_CHILD, *acts)) for acts in every_list(few_acts(), options["length"])),
            )
        if not self.failures:
            self.random(
                options["examples"],
                options["seed"],
                st.tuples(st.sampled_from(LOOKS), driver_operations(6, 14).map(lambda acts: (*FURNISHED, *acts))),
            )

    def _fresh(self) -> bool:
        """Can it be made, and does it keep the promise at all?"""
        failure = self.attempt(
            lambda: self.skipped.update({"everything": why} if (why := self.factory().limits.get("immutable")) else {}),
            "make a fresh driver",
            driver_source(self.factory),
        )
        self.failures += [failure] if failure else []
        return not failure and not self.skipped

    def play(self, operations: Sequence[Act], setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on a fresh driver."""
        return play_driver(self.factory, operations, behaviour, setting or OFTEN)

    def reachable(self) -> Iterator[tuple[str, str]]:
        """Each verb of layers on each kind of layer, and each call of a mount on each kind of path."""
        return iter(()) if self.failures or self.skipped.get("everything") or self.limit.over else reachable_pairs()

    def _probe(self, probe: DriverProbe, unless: str) -> Failure | None:
        name, driver = probe.__name__, self.factory()
        if unless in driver.limits:
            self.skipped[name] = driver.limits[unless]
            return None

        def run() -> None:
            try:
                probe(driver)
            except Unsupported as error:
                self.skipped[name] = str(error)

        lines = [*driver_source(self.factory), *program_of(probe)]
        return self.attempt(run, name, lines)
