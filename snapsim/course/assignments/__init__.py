"""Exercises as assignments for the tools that courses use: nbgrader, otter-grader, and plain pytest.

Each format is a function from exercises to files: path below the folder -> text. The points are the same everywhere,
because the same judge gives them.

What it leaves out: handing out, collecting and returning, which is what those tools are for.
"""

from collections.abc import Callable, Mapping, Sequence

from snapsim.course.assignments.nbgrader import nbgrader_files
from snapsim.course.assignments.otter import otter_files
from snapsim.course.assignments.plain import as_file, pytest_files
from snapsim.course.exercises import Exercise

FORMATS: Mapping[str, Callable[[Sequence[Exercise]], dict[str, str]]] = {
    "nbgrader": nbgrader_files,
    "otter": otter_files,
    "pytest": pytest_files,
}

__all__ = ["FORMATS", "as_file"]
