"""What all checks do: behaviours that pass, fail or are skipped, searches, and a report.

A check is a class with `play` (one list of operations on something fresh) and `all` (which behaviours, which lists);
`conduct` runs it in a process of its own. A *setting* is what a list is played on: the shape of a volume, the lower
layers of a union, and when to look; None where there is but one.

LEAVES OUT: what is checked.
"""

import gc
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from hypothesis.strategies import SearchStrategy

from snapsim.testing.failure import CheckFailed, Failure, Report, broken_by
from snapsim.testing.isolation import Doing, doing, judged
from snapsim.testing.playing import reached
from snapsim.testing.search import Operations, Play, TimeLimit, first_failure, random_failure
from snapsim.testing.shrinking import Naming, nothing_simpler, shrink

Settings = Iterable[tuple[Any, Operations]]


class Checking(ABC):
    """One run of a check.

    Parameters
    ----------
    factory : callable
        What is checked.
    time_limit : float
        Seconds; what comes later is skipped.

    Attributes
    ----------
    naming : Naming
        How the operations name what they act on.
    """

    naming = Naming()

    def __init__(self, factory: Any, time_limit: float) -> None:
        reached.clear()
        self.factory, self.mechanism = factory, name_of(factory)
        self.limit, self.played = TimeLimit(time_limit), 0
        self.skipped: dict[str, str] = {}
        self.passed: list[str] = []
        self.failures: list[Failure] = []
        self.again: dict[int, Play] = {}  # how to play the failure of that number once more

    @abstractmethod
    def all(self, **options: Any) -> None:
        """Every behaviour and every search of this check."""

    @abstractmethod
    def play(self, operations: Operations, setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on something fresh."""

    def _counted(self, operations: Operations, setting: Any = None, behaviour: str = "") -> Failure | None:
        self.played += 1
        return self.play(operations, setting, behaviour)

    # ---------------------------------------------------------------- behaviours

    def note(self, behaviour: str, failure: Failure | None) -> None:
        """A behaviour failed; or holds, unless there was no time for it or it was skipped."""
        if failure:
            self.failures.append(failure)
        elif self.limit.over:
            self.skipped[behaviour] = "the time was over"
        elif behaviour not in self.skipped:
            self.passed.append(behaviour)

    def attempt(self, probe: Callable[[], None], behaviour: str, program: list[str]) -> Failure | None:
        """Run a probe, and turn what it raises into a failure."""
        doing(self.mechanism, behaviour, (), 0, program)
        try:
            probe()
        except (Exception, SystemExit) as error:  # a student's code may raise anything
            broken = broken_by(error)
        else:
            return None
        return Failure(
            self.mechanism,
            broken.promise,
            (),
            0,
            broken.expected,
            broken.actual,
            tuple(program),
            broken.call,
            behaviour,
        )

    def story(self, behaviour: str, lists: Settings) -> None:
        """A named behaviour as a list of operations, in each of the settings."""
        for setting, operations in lists:
            again = partial(self._counted, setting=setting, behaviour=behaviour)
            failure = first_failure([operations], again, self.limit)
            if failure:
                self.again[len(self.failures)] = again
                return self.note(behaviour, failure)
        self.note(behaviour, None)

    def shrink_shortest(self) -> None:
        """Leave out what can be left out of the shortest list that failed; what is left is as the story has it."""
        if self.again:
            number = min(self.again, key=lambda number: len(self.failures[number].operations))
            self.failures[number] = shrink(
                self.failures[number], self.again[number], self.limit, self.naming._replace(simpler=nothing_simpler)
            )

    # ---------------------------------------------------------------- searches

    def every(self, behaviour: str, lists: Settings) -> None:
        """Lists that are tried one after the other; the first that fails is made shorter."""
        for setting, operations in lists:
            again = partial(self._counted, setting=setting)
            failure = first_failure([operations], again, self.limit)
            if failure:
                return self.note(behaviour, shrink(failure, again, self.limit, self.naming))
            if self.limit.over:
                break
        self.note(behaviour, None)

    def random(self, examples: int, seed: int, pairs: SearchStrategy[tuple[Any, Operations]]) -> None:
        """Random pairs of a setting and a list."""
        found = random_failure(pairs, lambda pair: self._counted(pair[1], pair[0]), examples, seed, self.limit)
        failure = (
            shrink(found[1], partial(self._counted, setting=found[0][0]), self.limit, self.naming) if found else None
        )
        self.note(f"{examples} random lists of operations", failure)

    def report(self) -> Report:
        """What was found."""
        return Report(
            self.mechanism,
            tuple(self.passed),
            tuple(self.failures),
            self.skipped,
            self.played,
            dict(sorted(reached.items())),
            tuple(sorted(set(self.reachable()) - reached.keys())),
        )

    def reachable(self) -> Iterable[tuple[str, str]]:
        """The pairs of a verb and what it meets that the searches are made to reach."""
        return ()


Again = Callable[[Any, Doing, Sequence[Any]], Failure | None]


def conduct(
    kind: type[Checking], factory: Any, again: Again | None, time_limit: float, raise_on_failure: bool, **options: Any
) -> Report:
    """Run a check in a process of its own, and report.

    Parameters
    ----------
    kind : type[Checking]
        The check.
    factory : callable
        What is judged.
    again : callable or None
        ``again(factory, doing, operations)`` plays another list where one never ended.
    time_limit : float
        Seconds of processor time.
    raise_on_failure : bool
        Raise `CheckFailed` if there are failures.
    **options
        Of the check's `all`.
    """

    def run() -> Report:
        gc.freeze()  # what the caller holds is no garbage: a collection looks at what the check made, no more
        try:
            check = kind(factory, time_limit)
            check.all(**options)
            return check.report()
        finally:
            gc.unfreeze()

    return told(judged(run, name_of(factory), partial(again, factory) if again else None), raise_on_failure)


def name_of(factory: Any) -> str:
    """What reports call it.

    Examples
    --------
    >>> name_of(Report), name_of(partial(Report))
    ('Report', 'factory')
    """
    return str(getattr(factory, "__name__", "factory"))


def importing(factory: Any) -> list[str]:
    """The lines of Python that import what a program makes; none for what was written in a notebook.

    Examples
    --------
    >>> importing(Report), importing(partial(Report, "Mine"))[-1]
    (['from snapsim.testing.failure import Report'], "factory = partial(Report, 'Mine')")
    """
    if isinstance(factory, partial):
        words = [getattr(factory.func, "__qualname__", "factory"), *map(repr, factory.args)]
        words += [f"{key}={value!r}" for key, value in factory.keywords.items()]
        return ["from functools import partial", *importing(factory.func), f"factory = partial({', '.join(words)})"]
    module, name = inspect.getmodule(factory), getattr(factory, "__qualname__", "factory")
    if module is None or module.__name__ in ("__main__", "builtins") or getattr(module, name, None) is not factory:
        return []
    return [f"from {module.__name__} import {name}"]


def told(report: Report, raise_on_failure: bool) -> Report:
    """The report; raises `CheckFailed` if there are failures and that was asked for."""
    if report.failures and raise_on_failure:
        raise CheckFailed(report)
    return report
