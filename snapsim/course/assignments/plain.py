"""A file that students fill in, and a test file for pytest beside it. Each point is a test.

>>> from snapsim.course.exercises import EXERCISES
>>> list(pytest_files([EXERCISES["cow-volume"]]))
['cow_volume.py', 'test_cow_volume.py']

What it leaves out: a report in points (``snapsim mark``); here they are the number of tests that pass.
"""

from collections.abc import Sequence

from snapsim.course.exercises import Exercise

_TESTS = '''\
"""Judges {name}.py in a process of its own: `pytest test_{name}.py`. Each test is worth a point."""

from functools import cache
from pathlib import Path

import pytest
from snapsim.course.exercises import EXERCISES
from snapsim.course.exercises.fresh_check import shortfall
from snapsim.course.exercises.files import mark_file

SUBMISSION = Path(__file__).with_name("{name}.py")
POINTS = [(check.judge, point) for check in EXERCISES["{exercise}"].checks for point in range(1, check.points + 1)]


@cache
def judged(judge):
    marks = mark_file(EXERCISES["{exercise}"].only(judge), str(SUBMISSION))
    if not marks.judged:
        pytest.skip(str(marks))  # the judge could not finish: neither passed nor failed
    return marks.points, str(marks)


@pytest.mark.parametrize(("judge", "point"), POINTS)
def test_{name}(judge, point):
    missing = shortfall(*judged(judge), point)
    if missing:
        pytest.fail(missing, pytrace=False)
'''


def pytest_files(exercises: Sequence[Exercise]) -> dict[str, str]:
    """Two files for each exercise."""
    files = {}
    for exercise in exercises:
        name = exercise.name.replace("-", "_")
        files[f"{name}.py"] = as_file(exercise, exercise.starter, f"pytest test_{name}.py")
        files[f"test_{name}.py"] = _TESTS.format(name=name, exercise=exercise.name)
    return files


def as_file(exercise: Exercise, body: str, command: str) -> str:
    """The exercise as a file of Python: the task as its docstring, what is given, and the work."""
    task = f"{exercise.title}\n\n{exercise.text}\n    {command}\n".replace("\\", "\\\\")
    return f'"""{task}"""\n\n{exercise.setup}\n\n{body}'
