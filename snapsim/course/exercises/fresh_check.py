"""The judge as nbgrader and otter-grader call it: a fresh copy of this file, which first looks at the checker.

A test cell runs in the kernel in which the submission ran, so whatever is in memory may have been changed. This file
is read from disk for each check (``runpy``), under a name that nobody imports, and so is the code that compares the
checker with what it was when it was loaded. Nothing is written to standard error, and points are plain numbers: both
would cost the points in nbgrader.

>>> points("union-mount", "unites", {})
the union behaves: 0 of 10
  MyUnion is not defined
0.0

What it leaves out: code that changes Python itself, or that edits what the seals remember.
"""

from collections.abc import Mapping, MutableMapping
from math import floor
from runpy import run_path
from typing import Any


def points(name: str, judge: str, handed_in: Mapping[str, Any]) -> float:
    """Print what the judge says, and give the points: the last line of a test cell of nbgrader.

    Parameters
    ----------
    name, judge : str
        Of the exercise and of the check.
    handed_in : mapping of str to object
        ``globals()`` of the notebook.
    """
    earned, told = _judged(name, judge, handed_in)
    print(told)
    return earned


def at_least(point: int, name: str, judge: str, handed_in: Mapping[str, Any], memory: MutableMapping[str, Any]) -> None:
    """Fail unless so many points are earned: a test of otter-grader, which knows passed and failed only.

    Parameters
    ----------
    point : int
    name, judge, handed_in
        As for `points`.
    memory : mutable mapping
        ``globals()`` of the test file: its tests share one judgement.

    Raises
    ------
    AssertionError
        With the message, for the first point that is missing; the others point to it.
    """
    key = f"{name} {judge}"
    if key not in memory:
        memory[key] = _judged(name, judge, handed_in)
    earned, told = memory[key]
    if missing := shortfall(earned, told, point):
        raise AssertionError(missing)


def shortfall(earned: float, told: str, point: int) -> str:
    """Why a point was not earned, "" if it was: the message for the first one, and for others that it is there.

    Examples
    --------
    >>> [shortfall(1.5, "a counter-example", point) for point in (1, 2, 3)]
    ['', 'a counter-example', '1.5 points: the first test that fails says why']
    """
    if earned >= point:
        return ""
    return told if point == floor(earned) + 1 else f"{earned:g} points: the first test that fails says why"


def _judged(name: str, judge: str, handed_in: Mapping[str, Any]) -> tuple[float, str]:
    if changed := _changed():
        return 0.0, f"the checker is not as it was shipped: {changed}"
    from snapsim.course.exercises.marking import check

    marks = check(name, judge, handed_in)
    return float(marks.points), str(marks)


def _changed() -> str:
    """What is different, told by the code on disk from the seals in memory."""
    from snapsim.testing import seals

    fresh = run_path(seals.__file__)
    return str(fresh["tampered"](seals.remembered()))
