"""Points for what a student handed in: the kit judges, the share that passes earns its share of the points.

>>> from snapsim.exercises import EXERCISES
>>> marks = mark(EXERCISES["union-mount"], {"MyUnion": 7})
>>> marks.points, marks.lines[0]
(0.0, 'the union behaves: 0 of 10: MyUnion is 7, not a class that derives from the contract')

What it leaves out: an adversary. What is handed in is run in a process of its own, but by the same user.
"""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from .errors import InvalidInput, SnapsimError
from .exercises import Check, Exercise
from .grading import Marks
from .jsonfile import read_bytes
from .testing import Report, Shape, Union, check_counts, check_properties, check_union, check_volume
from .testing.isolation import judged
from .volume import Volume

_SHAPES = (Shape(4, 1), Shape(5, 1), Shape(1, 1))
"""Chunks of one block: no more is asked for."""

Judge = Callable[[Any], tuple[float, str]]
"""What was handed in -> the share that is right, and a message."""


def mark(exercise: Exercise, handed_in: Mapping[str, Any]) -> Marks:
    """Judge what a submission defines.

    Parameters
    ----------
    exercise : Exercise
    handed_in : mapping of str to object
        The names that the submission defines, such as ``globals()``.
    """
    points, lines = 0.0, []
    for check in exercise.checks:
        got, message = mark_check(exercise, check, handed_in)
        points += got
        lines.append(f"{check.title}: {got:g} of {check.points}" + (f": {message}" if message else ""))
    return Marks(exercise.name, round(points, 2), exercise.points, tuple(lines))


def mark_check(exercise: Exercise, check: Check, handed_in: Mapping[str, Any]) -> tuple[float, str]:
    """The points of one check, and a message unless they are all."""
    if exercise.wanted not in handed_in:
        return 0.0, f"{exercise.wanted} is not defined"
    share, message = JUDGES[check.judge](handed_in[exercise.wanted])
    return round(share * check.points, 2), message if share < 1 else ""


def _judged_by(kind: type, *checks: Callable[[Any], Report]) -> Judge:
    def judge(found: Any) -> tuple[float, str]:
        if not (isinstance(found, type) and issubclass(found, kind)):
            return 0.0, f"My{kind.__name__} is {found!r}, not a class that derives from the contract"
        reports = [check(found) for check in checks]
        passed = sum(len(report.passed) for report in reports)
        failed = sum(len(report.failures) for report in reports)
        first = next((report.shortest for report in reports if report.shortest), None)
        hopeless = any("the rest" in report.skipped for report in reports)
        share = 0.0 if hopeless else passed / max(passed + failed, 1)
        # Most behaviours hold of a volume that does nothing for its snapshots: what counts is the last half.
        return max(0.0, 2 * share - 1), f"a counter-example:\n{first}" if first else ""
    return judge


def _finds_bugs(found: Any) -> tuple[float, str]:
    if not isinstance(found, list | tuple) or not all(callable(test) for test in found):
        return 0.0, f"tests is {found!r}, not a list of functions"
    try:
        report = check_properties(found)
    except SnapsimError as error:
        return 0.0, str(error)
    return report.points / report.of, f"\n{report}"


JUDGES: dict[str, Judge] = {
    "keeps": _judged_by(Volume, lambda found: check_volume(found, shapes=_SHAPES, raise_on_failure=False)),
    "costs_as_cow": _judged_by(Volume, lambda found: check_counts(found, like="cow", chunks=(1,),
                                                                  raise_on_failure=False)),
    "unites": _judged_by(Union, lambda found: check_union(found, raise_on_failure=False)),
    "finds_bugs": _finds_bugs,
}


def mark_file(exercise: Exercise, path: str) -> Marks:
    """Judge a file of Python; it is run and judged in a process of its own.

    Raises
    ------
    InvalidInput
        The file cannot be read.
    """
    source = read_bytes(path, path, "a file of Python is allowed").decode("utf-8", "replace")
    report = judged(lambda: _marked(exercise, source, path), exercise.name)
    return _unpacked(report, exercise)


def _marked(exercise: Exercise, source: str, path: str) -> Report:
    names: dict[str, Any] = {"__name__": "submission"}
    try:
        exec(compile(exercise.setup + source, path, "exec"), names)
        marks = mark(exercise, names)
    except (Exception, SystemExit) as error:               # a student's file may raise anything
        marks = Marks(exercise.name, 0.0, exercise.points, (traceback.format_exception_only(error)[-1].strip(),))
    return Report(exercise.name, (str(marks.points), *marks.lines))


def _unpacked(report: Report, exercise: Exercise) -> Marks:
    if report.failures:
        return Marks(exercise.name, 0.0, exercise.points, (str(report.failures[0]),))
    return Marks(exercise.name, float(report.passed[0]), exercise.points, report.passed[1:])


def choose(name: str, exercises: Mapping[str, Exercise]) -> Exercise:
    """The exercise of a name; InvalidInput lists those that there are."""
    if name not in exercises:
        raise InvalidInput(f"{name!r} is no exercise: one of {', '.join(exercises)}")
    return exercises[name]
