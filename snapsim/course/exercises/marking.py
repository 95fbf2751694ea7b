"""Points for what a student handed in: the kit judges, the share that passes earns its share of the points.

>>> from snapsim.course.exercises import EXERCISES
>>> forget()
>>> marks = mark(EXERCISES["union-mount"], {"MyUnion": 7})
>>> marks.points, marks.lines[0]
(0.0, 'the union behaves: 0 of 10: MyUnion is 7, not a class that derives from the contract')

A submission has to be somebody's own work: it gets no points if it uses more of snapsim than the exercise gives
(`borrowed`), if it opened the solution (`snapsim.course.exercises.opened`), or if it changed the checker (`seals`).

What it leaves out: an adversary. What is handed in is run in a process of its own, but by the same user.
"""

import html
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.base.foreign_json import read_bytes
from snapsim.block.volume import Volume
from snapsim.course.exercises import EXERCISES, Check, Exercise, closed, forget, opened
from snapsim.course.exercises.own_work import borrowed
from snapsim.course.quiz.grading import Marks
from snapsim.testing import Failure, Report, Shape, Union, check_counts, check_properties, check_union, check_volume
from snapsim.testing.isolation import judged
from snapsim.testing.seals import seal, tampered
from snapsim.testing.volumes.planted import BUGS, CORRECT

_SHAPES = (Shape(4, 1), Shape(5, 1), Shape(1, 1))
"""Chunks of one block: no more is asked for."""


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
    exercise = choose(name, EXERCISES)
    (part,) = exercise.only(judge).checks or (None,)
    if part is None:
        raise InvalidInput(f"{judge!r} is no check of {name}: {', '.join(each.judge for each in exercise.checks)}")
    verdict = verdict_of(exercise, part, handed_in)
    lines = (verdict.message,) if verdict.share < 1 else ()
    return Judged(part.title, round(verdict.share * part.points, 2), part.points, lines, verdict.failure)


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
    points, lines, failures = 0.0, [], list[Failure]()
    for part in exercise.checks:
        verdict = verdict_of(exercise, part, handed_in)
        got, message = _points(verdict, part)
        points += got
        lines.append(f"{part.title}: {got:g} of {part.points}" + (f": {message}" if message else ""))
        failures += [verdict.failure] if verdict.failure else []
    return Judged(exercise.name, round(points, 2), exercise.points, tuple(lines), next(iter(failures), None))


def mark_check(exercise: Exercise, part: Check, handed_in: Mapping[str, Any]) -> tuple[float, str]:
    """The points of one check, and a message unless they are all."""
    return _points(verdict_of(exercise, part, handed_in), part)


def _points(verdict: Verdict, part: Check) -> tuple[float, str]:
    return round(verdict.share * part.points, 2), verdict.message if verdict.share < 1 else ""


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


def _finds_bugs(found: Any) -> Verdict:
    if not isinstance(found, list | tuple) or not all(callable(test) for test in found):
        return Verdict(0.0, f"tests is {found!r}, not a list of functions")
    try:
        report = check_properties(
            found, bugs=[_disguised(bug) for bug in BUGS], correct=[_disguised(each) for each in CORRECT]
        )
    except SnapsimError as error:
        return Verdict(0.0, str(error))
    return Verdict(report.points / report.of, f"\n{report}")


def _disguised(volume: type[Volume]) -> type[Volume]:
    """The same under a name that does not tell what is wrong with it."""
    return type("Disguised", (volume,), {"__doc__": volume.__doc__, "__module__": "exercise"})


JUDGES: Mapping[str, Judge] = MappingProxyType(
    {
        "keeps": _judged_by(Volume, lambda found: check_volume(found, shapes=_SHAPES, raise_on_failure=False)),
        "costs_as_cow": _judged_by(
            Volume, lambda found: check_counts(found, like="cow", chunks=(1,), raise_on_failure=False)
        ),
        "unites": _judged_by(Union, lambda found: check_union(found, raise_on_failure=False)),
        "finds_bugs": _finds_bugs,
    }
)


def mark_file(exercise: Exercise, path: str) -> Judged:
    """Judge a file of Python; it is run and judged in a process of its own.

    Raises
    ------
    InvalidInput
        The file cannot be read, or is a notebook.
    """
    if path.endswith(".ipynb"):
        raise InvalidInput("a notebook is not allowed: a file of Python (jupyter nbconvert --to python NOTEBOOK)", path)
    source = read_bytes(path, path, "a file of Python is allowed").decode("utf-8", "replace")
    report = judged(lambda: _marked(exercise, source, path), exercise.name)
    return _unpacked(report, exercise)


def _marked(exercise: Exercise, source: str, path: str) -> Report:
    names: dict[str, Any] = {"__name__": "submission"}
    forget()
    try:
        exec(exercise.setup, names)  # by itself: lines are counted in the student's file
        exec(compile(source, path, "exec"), names)
        marks = mark(exercise, names)
    except (Exception, SystemExit) as error:  # a student's file may raise anything
        marks = Judged(exercise.name, 0.0, exercise.points, (_raised(error, path),))
    return Report(exercise.name, (str(marks.points), *marks.lines), (marks.failure,) if marks.failure else ())


def _raised(error: BaseException, path: str) -> str:
    """The last line of an exception, and the line of the student's file that it came from."""
    last = traceback.format_exception_only(error)[-1].strip()
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    return last if line is None else f"{last} (line {line})"


def _unpacked(report: Report, exercise: Exercise) -> Judged:
    failure = report.failures[0] if report.failures else None
    if not report.passed:  # the process ended before it could say anything
        return Judged(exercise.name, 0.0, exercise.points, (str(failure),), failure)
    return Judged(exercise.name, float(report.passed[0]), exercise.points, report.passed[1:], failure)


def choose(name: str, exercises: Mapping[str, Exercise]) -> Exercise:
    """The exercise of a name; InvalidInput lists those that there are."""
    if name not in exercises:
        raise InvalidInput(f"{name!r} is no exercise: one of {', '.join(exercises)}")
    return exercises[name]


seal()  # this file and what it imports belong to the checker
