"""What all checks do: behaviours that pass, fail or are skipped, and a report.

LEAVES OUT: what is checked.
"""

from collections.abc import Callable

from .failure import Broken, CheckFailed, Failure, Report, broken_by
from .isolation import doing
from .search import Clock, Play, shrink


class Checking:
    """One run of a check.

    Parameters
    ----------
    mechanism : str
        What is checked.
    time_limit : float
        Seconds; what comes later is skipped.
    """

    def __init__(self, mechanism: str, time_limit: float) -> None:
        self.mechanism, self.clock, self.played = mechanism, Clock(time_limit), 0
        self.skipped: dict[str, str] = {}
        self.passed: list[str] = []
        self.failures: list[Failure] = []
        self.again: dict[int, Play] = {}                   # how to play the failure of that number once more

    def note(self, behaviour: str, failure: Failure | None) -> None:
        """A behaviour failed; or holds, unless there was no time for it or it was skipped."""
        if failure:
            self.failures.append(failure)
        elif self.clock.over:
            self.skipped[behaviour] = "the time was over"
        elif behaviour not in self.skipped:
            self.passed.append(behaviour)

    def attempt(self, probe: Callable[[], None], behaviour: str, program: list[str]) -> Failure | None:
        """Run a probe, and turn what it raises into a failure."""
        doing(self.mechanism, behaviour, (), 0, program)
        try:
            probe()
        except Broken as error:
            broken = error
        except (Exception, SystemExit) as error:               # a student's code may raise anything
            broken = broken_by(error)
        else:
            return None
        return Failure(self.mechanism, broken.promise, (), 0, broken.expected, broken.actual, tuple(program),
                       broken.call, behaviour)

    def shrink_shortest(self) -> None:
        """Leave out what can be left out of the shortest list that failed."""
        if self.again:
            number = min(self.again, key=lambda number: len(self.failures[number].operations))
            self.failures[number] = shrink(self.failures[number], self.again[number], self.clock)

    def report(self) -> Report:
        """What was found."""
        return Report(self.mechanism, tuple(self.passed), tuple(self.failures), self.skipped, self.played)


def told(report: Report, raise_on_failure: bool) -> Report:
    """The report; raises `CheckFailed` if there are failures and that was asked for."""
    if report.failures and raise_on_failure:
        raise CheckFailed(report)
    return report
