"""Points for what a student handed in: the kit judges, the share that passes earns its share of the points.

>>> from snapsim.course.exercises import EXERCISES, forget
>>> forget()
>>> marks = mark(EXERCISES["union-mount"], {"MyUnion": 7})
>>> marks.points, marks.lines[0]
(0.0, 'the union behaves: 0 of 10: MyUnion is 7, not a class that derives from the contract')

A submission has to be somebody's own work: it gets no points if it uses more of snapsim than the exercise gives
(`borrowed`), if it opened the solution (`snapsim.course.exercises.opened`), or if it changed the checker (`seals`).

Those are for a notebook, where the judge and what it judges are in one process. A file is judged across a
line, in two processes: `snapsim.course.exercises.files`.

What it leaves out: an adversary in a notebook, who has all of the judge in reach.
"""

import functools
import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from snapsim.base.choose import choose
from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.block.volume import Volume
from snapsim.course.exercises import EXERCISES, Check, Exercise, closed, opened
from snapsim.course.exercises.judges_volume import Judge as FarJudge
from snapsim.course.exercises.own_work import borrowed
from snapsim.course.exercises.remote import Desk
from snapsim.course.quiz.grading import Marks
from snapsim.testing import Failure, Report, Shape, Union, check_counts, check_properties, check_union, check_volume
from snapsim.testing.seals import seal, tampered
from snapsim.testing.volumes.properties import Meets

_SHAPES = (Shape(4, 1), Shape(5, 1), Shape(1, 1))
"""Chunks of one block: no more is asked for."""
_NO_CLOCK = 1e9
"""Seconds for a search: all of it is done, however long that takes. Each call has patience of its own."""


class Verdict(NamedTuple):
    """What a judge says: the share that is right, a message, and a counter-example where there is one."""

    share: float
    message: str = ""
    failure: Failure | None = None


Judge = Callable[[Any], Verdict]


@dataclass(frozen=True)
class Judged(Marks):
    """Marks of one check; a notebook shows the counter-example with its picture."""

    failure: Failure | None = None

    __repr__ = Marks.__repr__

    def _repr_html_(self) -> str:
        if self.failure is None:
            return f"<pre>{html.escape(str(self))}</pre>"
        return f"<pre>{html.escape(str(self).splitlines()[0])}</pre>{self.failure._repr_html_()}"


def check(name: str, judge: str, handed_in: Mapping[str, Any]) -> Judged:
    """Judge one part of an exercise, in a notebook.

    Parameters
    ----------
    name : str
        Of the exercise.
    judge : str
        Of the check: one of `JUDGES`.
    handed_in : mapping of str to object
        The names that are defined: ``globals()``.

    Examples
    --------
    >>> check("cow-volume", "keeps", {})
    every snapshot keeps its content: 0 of 6
      MyVolume is not defined
    """
    exercise = choose(name, EXERCISES, "exercise")
    (part,) = exercise.only(judge).checks or (None,)
    if part is None:
        raise InvalidInput(f"{judge!r} is no check of {name}: {', '.join(each.judge for each in exercise.checks)}")
    verdict = verdict_of(exercise, part, handed_in)
    lines = (verdict.message,) if verdict.share < 1 else ()
    return Judged(part.title, round(verdict.share * part.points, 2), part.points, lines, failure=verdict.failure)


def mark(exercise: Exercise, handed_in: Mapping[str, Any]) -> Judged:
    """Judge what a submission defines.

    Parameters
    ----------
    exercise : Exercise
    handed_in : mapping of str to object
        The names that the submission defines, such as ``globals()``.

    Returns
    -------
    Judged
        With the first counter-example, where there is one.
    """
    return summed(exercise, ((part, verdict_of(exercise, part, handed_in)) for part in exercise.checks))


def summed(exercise: Exercise, verdicts: Iterable[tuple[Check, Verdict]]) -> Judged:
    """The points of all checks, a line for each, and the first counter-example."""
    points, lines, failures = 0.0, [], list[Failure]()
    for part, verdict in verdicts:
        got, message = round(verdict.share * part.points, 2), verdict.message if verdict.share < 1 else ""
        points += got
        lines.append(f"{part.title}: {got:g} of {part.points}" + (f": {message}" if message else ""))
        failures += [verdict.failure] if verdict.failure else []
    first = next(iter(failures), None)
    return Judged(exercise.name, round(points, 2), exercise.points, tuple(lines), failure=first)


def verdict_of(exercise: Exercise, part: Check, handed_in: Mapping[str, Any]) -> Verdict:
    """What the judge of a check says, if the submission is somebody's own work."""
    if exercise.wanted not in handed_in:
        return Verdict(0.0, f"{exercise.wanted} is not defined")
    if why := _not_own_work(exercise, handed_in[exercise.wanted]):
        return Verdict(0.0, why)
    with closed():
        return JUDGES[part.judge](handed_in[exercise.wanted])


def _not_own_work(exercise: Exercise, found: Any) -> str:
    if changed := tampered():
        return f"the checker is not as it was shipped: {changed}"
    if opened():
        return f"a file with solutions was opened while the submission ran: {opened()[0]}"
    if used := borrowed(found, exercise.gives):
        return f"it uses {used}: of snapsim, this exercise gives {', '.join(sorted(exercise.gives))} and no more"
    return ""


def _judged_by(kind: type, *checks: Callable[[Any], Report]) -> Judge:
    def judge(found: Any) -> Verdict:
        if not (isinstance(found, type) and issubclass(found, kind)):
            return Verdict(0.0, f"My{kind.__name__} is {found!r}, not a class that derives from the contract")
        reports = [check(found) for check in checks]
        passed = sum(len(report.passed) for report in reports)
        failed = sum(len(report.failures) for report in reports)
        first = next((report.shortest for report in reports if report.shortest), None)
        hopeless = any("the rest" in report.skipped for report in reports)
        share = 0.0 if hopeless else passed / max(passed + failed, 1)
        # Most behaviours hold of a volume that does nothing for its snapshots: what counts is the last half.
        return Verdict(max(0.0, 2 * share - 1), f"a counter-example:\n{first}" if first else "", first)

    return judge


def finds_bugs(found: Any, meets: Meets | None = None) -> Verdict:
    """Judge tests by the share of bugs that they find; `meets` as for `check_properties`."""
    if not isinstance(found, list | tuple) or not all(callable(test) for test in found):
        return Verdict(0.0, f"tests is {found!r}, not a list of functions")
    try:
        report = check_properties(found if meets else [_veiled(test) for test in found], meets=meets)
    except SnapsimError as error:
        return Verdict(0.0, str(error))
    return Verdict(report.points / report.of, f"\n{report}")


def _veiled(test: Any) -> Any:
    """The same test; the volumes that it meets do not tell of what class they are."""

    @functools.wraps(test, updated=())
    def veiled(make: Callable[..., Volume]) -> object:
        return test(make=FarJudge(Desk(make).serve).make)

    del veiled.__wrapped__
    return veiled


JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "keeps": _judged_by(
            Volume, lambda found: check_volume(found, shapes=_SHAPES, time_limit=_NO_CLOCK, raise_on_failure=False)
        ),
        "costs_as_cow": _judged_by(
            Volume, lambda found: check_counts(found, like="cow", chunks=(1,), raise_on_failure=False)
        ),
        "unites": _judged_by(Union, lambda found: check_union(found, time_limit=_NO_CLOCK, raise_on_failure=False)),
        "finds_bugs": finds_bugs,
    }
)


seal()  # this file and what it imports belong to the checker
