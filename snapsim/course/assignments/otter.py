"""The master notebook of otter-grader: ``otter assign`` makes the students' notebook and the autograder from it.

A test of otter-grader only passes or fails. So that work that is partly right earns points, each point of a check is a
test of its own ("at least 3 of 6 points"). The tests share one judgement, and the first that fails shows the
counter-example.

>>> from snapsim.course.exercises import EXERCISES
>>> list(otter_files([EXERCISES["cow-volume"]]))
['cow-volume.ipynb']

What it leaves out: hidden tests. The judge is public, and so is the solution.
"""

from collections.abc import Iterator, Sequence

from snapsim.course.exercises import Check, Exercise
from snapsim.course.notebooks.cells import WATCHED, Cell, notebook


def otter_files(exercises: Sequence[Exercise]) -> dict[str, str]:
    """One master notebook with all of these exercises."""
    name = exercises[0].name if len(exercises) == 1 else "exercises"
    cells = [
        _raw(
            "ASSIGNMENT CONFIG",
            f"name: {name}",
            "init_cell: true",
            "export_cell: false",
            "run_tests: true",
            "solutions_pdf: false",
            "tests:",
            "    ok_format: false",
            "requirements:",
            "    - snapsim[testing]",
        )
    ]
    return {f"{name}.ipynb": notebook([*cells, *(cell for exercise in exercises for cell in _cells(exercise))])}


def _raw(*lines: str) -> Cell:
    """A setting of otter-grader, as a cell of Markdown that holds nothing else."""
    return Cell("\n".join(["```otter", f"# {lines[0]}", *lines[1:], "```"]), False)


def _cells(exercise: Exercise) -> Iterator[Cell]:
    checks = {check.title: check for check in exercise.checks}
    work = next(cell for cell in exercise.cells() if cell.has("work"))
    for cell in exercise.cells():
        if cell.has("check"):
            yield from _question(exercise, checks[cell.facts["title"]], work)
            work = Cell("")
        elif not cell.has("work"):
            yield Cell(cell.source + (WATCHED if cell.has("setup") else ""), cell.code)


def _question(exercise: Exercise, check: Check, work: Cell) -> Iterator[Cell]:
    """A question; the first one of an exercise holds the work."""
    name = f"{exercise.name}-{check.judge}".replace("-", "_")
    yield _raw("BEGIN QUESTION", f"name: {name}", f"points: {check.points}")
    yield Cell(f"**{check.title}**: {check.points} points", False)
    if work.source:
        yield from (_raw("BEGIN SOLUTION"), Cell(work.source), _raw("END SOLUTION"))
    yield _raw("BEGIN TESTS")
    for point in range(1, check.points + 1):
        yield Cell(
            f'""" # BEGIN TEST CONFIG\npoints: 1\n""" # END TEST CONFIG\ndef {name}_{point}(env):\n'
            "    from runpy import run_module\n"
            f'    run_module("snapsim.course.exercises.fresh_check")["at_least"]({point}, '
            f'"{exercise.name}", "{check.judge}", env, globals())'
        )
    yield from (_raw("END TESTS"), _raw("END QUESTION"))
