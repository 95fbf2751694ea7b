"""The instructor's notebook for nbgrader (with metadata of schema 3), and the configuration of the course.

The work is a solution cell: the text between the two marks is removed for students. Each check is a test cell, which
nbgrader restores before it grades. Its last line is a number, which nbgrader takes as partial credit.

>>> from snapsim.course.exercises import EXERCISES
>>> sorted(nbgrader_files([EXERCISES["cow-volume"]]))
['nbgrader_config.py', 'source/cow-volume/cow-volume.ipynb']

What it leaves out: hidden tests. The judge is public, and so is the solution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from snapsim.course.exercises import Exercise
from snapsim.course.notebooks.cells import STUB, WATCHED, Cell, notebook

CELL_TIMEOUT = 120
"""Seconds for each cell: several times what the judge needs for one check, of code that hangs included."""

CONFIG = f'''\
"""nbgrader's settings for the exercises of snapsim."""
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "snapsim"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", ".hypothesis"]
# Students find this in place of a solution: it can be run, and the judge says what is missing.
c.ClearSolutions.code_stub = {{"python": "{STUB}"}}
# Seconds for each cell: the judge ends loops inside of what it judges, this ends those at the top of a cell.
c.Execute.timeout = {CELL_TIMEOUT}
c.ExecutePreprocessor.timeout = {CELL_TIMEOUT}
'''


def nbgrader_files(exercises: Sequence[Exercise]) -> dict[str, str]:
    """One assignment with a notebook for all of these exercises, and the configuration of the course."""
    name = exercises[0].name if len(exercises) == 1 else "exercises"
    cells = [cell for exercise in exercises for cell in _cells(exercise)]
    return {"nbgrader_config.py": CONFIG, f"source/{name}/{name}.ipynb": notebook(cells)}


def _cells(exercise: Exercise) -> Iterator[Cell]:
    checks = iter(exercise.checks)
    for number, cell in enumerate(exercise.cells()):
        if cell.has("check"):
            check = next(checks)
            yield Cell(
                f"# {check.title}: {check.points} points\nfrom runpy import run_module\n\nrun_module("
                f'"snapsim.course.exercises.fresh_check")["points"]("{exercise.name}", "{check.judge}", globals())',
                metadata=_metadata(f"{exercise.name}-{check.judge}", grade=True, points=check.points),
            )
        elif cell.has("work"):
            yield replace(cell, metadata=_metadata(f"{exercise.name}-work", solution=True))
        else:
            watched = WATCHED if cell.has("setup") else ""
            yield replace(
                cell, source=cell.source + watched, metadata=_metadata(f"{exercise.name}-given-{number}", locked=True)
            )


def _metadata(
    grade_id: str, grade: bool = False, solution: bool = False, locked: bool = False, points: int | None = None
) -> dict[str, Any]:
    worth = {} if points is None else {"points": points}
    return {
        "nbgrader": {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": grade,
            "solution": solution,
            "locked": locked or grade,
            "task": False,
            **worth,
        }
    }
