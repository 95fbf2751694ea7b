"""What an exercise is made of, read from its text form, ``notebooks/exercises/NAME.py``.

There is one text for each exercise: the task, what is given, the work with its solution, and the checks with their
points. Everything else follows from it: the notebook of students, the files for nbgrader, otter-grader and pytest.

The solution is not kept in memory: each use of `Exercise.solution` opens the file, so that `opened` can tell.

What it leaves out: how it is judged (`marking`).
"""

import ast
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from snapsim.course.notebooks.cells import Cell, read_cells, solved, student_cells


@dataclass(frozen=True)
class Check:
    """One judgement, worth some points.

    Attributes
    ----------
    title : str
    judge : str
        The function of `snapsim.course.exercises.marking` that gives a report.
    points : int
    """

    title: str
    judge: str
    points: int


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    name, title : str
    wanted : str
        The name that a submission has to define.
    text : str
        The task, in Markdown.
    setup : str
        Imports that are given.
    starter : str
        What students begin with.
    checks : tuple of Check
    path : Path
        Where its text form lies.
    """

    name: str
    title: str
    wanted: str
    text: str
    setup: str
    starter: str
    checks: tuple[Check, ...]
    path: Path

    @property
    def points(self) -> int:
        """All that can be had."""
        return sum(check.points for check in self.checks)

    @property
    def solution(self) -> str:
        """One right answer."""
        return next(solved(cell.source) for cell in self.cells() if cell.has("work")) + "\n"

    def cells(self) -> list[Cell]:
        """All cells, with the solution."""
        return read_cells(self.path.read_text(encoding="utf-8"))

    @property
    def contract(self) -> str:
        """What a submission derives from: "Volume" or "Union"; or "tests", where it is a list of them."""
        return self.wanted.removeprefix("My")

    def only(self, judge: str) -> "Exercise":
        """The same with one of its checks."""
        return replace(self, checks=tuple(check for check in self.checks if check.judge == judge))

    @property
    def gives(self) -> frozenset[str]:
        """The modules of snapsim that a submission may use: those that its setup imports from.

        Of what comes from ``snapsim`` itself, which has names of all its packages, the modules where it is at home.
        """
        nodes = [node for node in ast.walk(ast.parse(self.setup)) if isinstance(node, ast.ImportFrom)]
        named = [(node.module, alias.name) for node in nodes for alias in node.names if node.module]
        homes = {
            getattr(import_module(module), name).__module__ if module == "snapsim" else module
            for module, name in named
            if module.partition(".")[0] == "snapsim"
        }
        return frozenset(homes)


def read_exercise(path: Path) -> Exercise:
    """The exercise of a text form; the solution is left where it is."""
    cells = student_cells(path.read_text(encoding="utf-8"))
    tagged = {tag: cell for cell in cells for tag in cell.facts.get("tags", ())}
    checks = tuple(
        Check(cell.facts["title"], cell.facts["judge"], cell.facts["points"]) for cell in cells if cell.has("check")
    )
    return Exercise(
        path.stem,
        cells[0].source.removeprefix("# "),
        tagged["work"].facts["wanted"],
        tagged["task"].source + "\n",
        tagged["setup"].source + "\n",
        tagged["work"].source + "\n",
        checks,
        path,
    )
