"""`check_driver`: is this a graph driver? Named behaviours, every short list of operations, and random ones.

Knows the contracts `snapsim.driver` and `snapsim.mount` only.

>>> from snapsim.drivers import Vfs
>>> check_driver(Vfs, examples=5, length=1).failures
()

LEAVES OUT: processes of its own for code that never returns (see `isolation`), and what a container engine does with
a driver.
"""

from collections.abc import Sequence
from functools import partial

from ..errors import Unsupported
from .checking import Checking, told
from .driver_layers import DriverFactory, driver_source
from .driver_player import play_driver
from .driver_probes import DRIVER_PROBES, DriverProbe
from .driver_stories import DRIVER_STORIES
from .failure import Failure, Report
from .isolation import Doing, judged
from .on_drivers import Act, child, driver_operations, few_acts, link, mkdir, write
from .search import every_list, first_failure, random_failure, shrink

IN_A_CHILD = (write("/a"), child())
"""Every short list is played on the second layer, with a file in the first."""
FURNISHED = (mkdir("/d"), write("/d/a"), write("/a"), link("/a", "/b"), child())
"""Random lists are played on the second layer, with a tree in the first."""


def check_driver(factory: DriverFactory, *, examples: int = 200, seed: int = 0, time_limit: float = 30.0,
                 length: int = 2, raise_on_failure: bool = True) -> Report:
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
    name = getattr(factory, "__name__", "factory")

    def run() -> Report:
        check = _DriverCheck(name, time_limit)
        check.factory = factory
        if check.fresh():
            check.behaviours()
            check.search(length, examples, seed)
        return check.report()

    return told(judged(run, name, partial(_again, factory)), raise_on_failure)


def _again(factory: DriverFactory, doing: Doing, operations: Sequence[Act]) -> Failure | None:
    """Another list on a fresh driver."""
    return play_driver(factory, operations, doing.behaviour)


class _DriverCheck(Checking):
    """One run of `check_driver`."""

    factory: DriverFactory

    def fresh(self) -> bool:
        """Can it be made, and does it keep the promise at all?"""
        failure = self.attempt(lambda: self.skipped.update(
            {"everything": why} if (why := self.factory().limits.get("immutable")) else {}),
            "make a fresh driver", driver_source(self.factory))
        self.failures += [failure] if failure else []
        return not failure and not self.skipped

    def behaviours(self) -> None:
        """Probes and stories."""
        for probe, unless in DRIVER_PROBES.items():
            self.note(probe.__name__, None if self.clock.over else self._probe(probe, unless))
        for story in DRIVER_STORIES:
            again = partial(self.play, behaviour=story.__name__)
            failure = None if self.clock.over else again(story())
            if failure:
                self.again[len(self.failures)] = again
            self.note(story.__name__, failure)
        self.shrink_shortest()

    def search(self, length: int, examples: int, seed: int) -> None:
        """Every short list, then random ones; only as long as nothing failed."""
        if not self.again:
            lists = ((*IN_A_CHILD, *acts) for acts in every_list(few_acts(), length))
            failure = first_failure(lists, self.play, self.clock)
            self.note(f"every list of up to {length} operations",
                      shrink(failure, self.play, self.clock) if failure else None)
        if not self.failures:
            found = random_failure(driver_operations(6, 14).map(lambda acts: (*FURNISHED, *acts)), self.play, examples,
                                   seed, self.clock)
            self.note(f"{examples} random lists of operations",
                      shrink(found[1], self.play, self.clock) if found else None)

    def play(self, acts: Sequence[Act], behaviour: str = "") -> Failure | None:
        """One list on a fresh driver."""
        self.played += 1
        return play_driver(self.factory, acts, behaviour)

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
        lines = [*driver_source(self.factory), f"from {probe.__module__} import {name}", f"{name}(driver)"]
        return self.attempt(run, name, lines)
