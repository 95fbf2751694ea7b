"""`check_properties`: are these tests any good? They have to find planted bugs and to leave correct volumes alone.

A test is a function with the parameter ``make``, which gives a fresh volume of zeros, ``make(size, chunk_blocks=1)``;
it fails as tests do, by an assertion or another exception. It may be a property of Hypothesis: ``@given`` fills the
parameters behind ``make``. Each test meets each volume in a process of its own.

A test that fails on a correct volume is a false alarm and finds nothing. The score is the number of bugs that the
other tests find.

>>> def test_a_snapshot_keeps_its_content(make):
...     volume = make(4)
...     snapshot = volume.snapshot()
...     volume.write(0)
...     assert snapshot.read(0) == 0
>>> report = check_properties([test_a_snapshot_keeps_its_content])
>>> report.false_alarms, "OriginForgetsToCopyOut" in report.found, 0 < report.points < report.of
((), True, True)

LEAVES OUT: why a bug was not found. The report says what kind of thing is wrong, not where.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from snapsim.base.errors import InvalidInput
from snapsim.block.volume import Volume
from snapsim.testing.failure import Failure, Report, broken_by
from snapsim.testing.isolation import judged
from snapsim.testing.settled import settle
from snapsim.testing.volumes.planted import BUGS, CORRECT

Test = Callable[..., object]
Meets = Callable[[Test, type[Volume]], str]
_BLOCK = 4096


@dataclass(frozen=True)
class PropertiesReport:
    """What tests are worth.

    Attributes
    ----------
    found : tuple of str
        The bugs that a test found.
    survived : tuple of str
        What kind of thing is wrong with those that nobody found.
    false_alarms : tuple of str
        Tests that fail on a correct volume, with what they said.
    by_test : dict of str to int
        How many bugs each test found.
    """

    found: tuple[str, ...]
    survived: tuple[str, ...]
    false_alarms: tuple[str, ...]
    by_test: dict[str, int]

    @property
    def points(self) -> int:
        """Bugs that were found."""
        return len(self.found)

    @property
    def of(self) -> int:
        """Bugs that there are."""
        return len(self.found) + len(self.survived)

    def __str__(self) -> str:
        lines = [f"{self.points} of {self.of} bugs found"]
        lines += [f"false alarm: {told}" for told in self.false_alarms]
        lines += [f"{name} finds {count}" for name, count in self.by_test.items()]
        return "\n".join([*lines, *(f"not found: {words}" for words in self.survived)])

    __repr__ = __str__


def check_properties(
    tests: Iterable[Test],
    *,
    bugs: Sequence[type[Volume]] = BUGS,
    correct: Sequence[type[Volume]] = CORRECT,
    meets: Meets | None = None,
) -> PropertiesReport:
    """Judge tests of volumes.

    Parameters
    ----------
    tests : iterable of callable
        See the top of the file; of a module, those whose names begin with ``test``.
    bugs, correct : sequence of type
        Volumes with a bug, and without.
    meets : callable, optional
        What a test says of a volume, "" if it passes; in a process of its own when left out.

    Raises
    ------
    InvalidInput
        There is no test.
    """
    chosen = {getattr(test, "__name__", f"test {number}"): test for number, test in enumerate(tests)}
    if not chosen:
        raise InvalidInput("no test: functions with the parameter make are needed")
    meets = meets or _fails
    alarms = {name: told for name, test in chosen.items() if (told := _first(test, correct, meets))}
    finds = {name: [bug for bug in bugs if meets(test, bug)] for name, test in chosen.items() if name not in alarms}
    found = [bug for bug in bugs if any(bug in each for each in finds.values())]
    survived = [(bug.__doc__ or "a bug").strip() for bug in bugs if bug not in found]
    return PropertiesReport(
        tuple(bug.__name__ for bug in found),
        tuple(survived),
        tuple(f"{name}: {told}" for name, told in alarms.items()),
        {name: len(each) for name, each in finds.items()},
    )


def _first(test: Test, volumes: Sequence[type[Volume]], meets: Meets) -> str:
    """What a test says of the first of these volumes on which it fails, "" if on none."""
    return next((told for volume in volumes if (told := meets(test, volume))), "")


def _fails(test: Test, volume: type[Volume]) -> str:
    """What a test says of a volume, "" if it passes."""
    report = judged(partial(_run, test, volume), volume.__name__)
    return str(report.failures[0].actual) if report.failures else ""


def _run(test: Test, volume: type[Volume]) -> Report:
    """One test on one volume; the same every time, and nothing is written to disk."""

    def make(size: int, chunk_blocks: int = 1) -> Volume:
        return volume.new(size, _BLOCK, chunk_blocks * _BLOCK)

    settle()
    try:
        test(make=make)
    except (Exception, SystemExit) as error:  # a test fails by whatever it raises
        told = broken_by(error)
        return Report(volume.__name__, (), (Failure(volume.__name__, "the test passes", (), 0, "", told.actual),))
    return Report(volume.__name__, ("the test",))
