"""Sheets of problems as Markdown, as a Jupyter notebook, or as JSON that is filled in and graded.

What it leaves out: judging answers (`grading`).
"""

import json
from collections.abc import Sequence
from typing import Any

from snapsim.course.notebooks.cells import Cell, notebook
from snapsim.course.quiz.topic import VERSION, Answer, Problem, label, shown

NAME = ("topic", "seed", "level", "direction")


def markdown(problems: Sequence[Problem], solved: bool = False) -> str:
    """A sheet for people; "?" where the answers go, unless `solved`.

    Examples
    --------
    >>> from snapsim.course.quiz.problems import make
    >>> print(markdown([make("deletion", 7)]).splitlines()[-1])
    | d | blocks freed if all snapshots are deleted | ? |
    """
    return "\n\n".join(_one(number, problem, solved) for number, problem in enumerate(problems, start=1)) + "\n"


def _one(number: int, problem: Problem, solved: bool) -> str:
    parts = [
        f"## {number}. {problem.title}",
        f"*{_named(problem)}*",
        problem.draft.story.strip(),
        _asked(problem, solved),
    ]
    return "\n\n".join([*parts, *([f"**Rule.** {problem.draft.rule}"] if solved else [])])


def _named(problem: Problem) -> str:
    return (
        f"topic {problem.topic}, seed {problem.seed}, level {problem.level}, direction {problem.direction}, "
        f"version {VERSION}"
    )


def _asked(problem: Problem, solved: bool) -> str:
    goal = problem.draft.goal
    if goal:
        listed = "\n".join(f"1. `{line}`" for line in goal.example) if solved else "1. ?"
        return f"Write operations that lead there; there are {goal.words}.\n\n{listed}"
    rows = (
        f"| {label(number)} | {question.prompt} | {shown(question.answer if solved else None)} |"
        for number, question in enumerate(problem.questions)
    )
    return "\n".join(["| | asked | answer |", "|---|---|---|", *rows])


def record(problems: Sequence[Problem], solved: bool = False) -> dict[str, Any]:
    """A sheet for programs: fill in ``answers`` and give the file to ``snapsim grade``."""
    return {"snapsim_quiz": VERSION, "problems": [_record(problem, solved) for problem in problems]}


def _record(problem: Problem, solved: bool) -> dict[str, Any]:
    goal = problem.draft.goal
    answers: Any = (
        (list(goal.example) if solved else [])
        if goal
        else {
            label(number): plain(question.answer) if solved else None
            for number, question in enumerate(problem.questions)
        }
    )
    asked = (
        {"operations": goal.words}
        if goal
        else {label(number): question.prompt for number, question in enumerate(problem.questions)}
    )
    rule = {"rule": problem.draft.rule} if solved else {}
    return {
        **{key: getattr(problem, key) for key in NAME},
        "title": problem.title,
        "story": problem.draft.story.strip(),
        "asked": asked,
        "answers": answers,
        **rule,
    }


def plain(answer: Answer) -> Any:
    """An answer as JSON has it: lists for tuples and sets.

    Examples
    --------
    >>> plain(frozenset({"b", "a"})), plain((1, "-")), plain(3)
    (['a', 'b'], [1, '-'], 3)
    """
    return sorted(answer) if isinstance(answer, frozenset) else list(answer) if isinstance(answer, tuple) else answer


def cells(problems: Sequence[Problem], solved: bool = False) -> list[Cell]:
    """A sheet as the cells of a notebook: each problem, and a cell that judges its answers at once."""
    found = [Cell("from snapsim.course.notebooks import Sheet\n\nsheet = Sheet()")]
    for number, problem in enumerate(problems, start=1):
        found += [Cell(_one(number, problem, solved), code=False), Cell(_call(problem, solved))]
    return [*found, Cell("sheet")]


def _call(problem: Problem, solved: bool) -> str:
    goal = problem.draft.goal
    name = f'"{problem.topic}", {problem.seed}, {problem.level}, "{problem.direction}"'
    if goal:
        return f"sheet.answer({name}, [\n" + "".join(f"    {line!r},\n" for line in goal.example if solved) + "])"
    lines = (
        f"    {label(number)}={plain(question.answer) if solved else None!r},  # {question.prompt}\n"
        for number, question in enumerate(problem.questions)
    )
    return f"sheet.answer({name},\n{''.join(lines)})"


def written(problems: Sequence[Problem], form: str, solved: bool) -> str:
    """The text of a sheet in the form "md", "ipynb" or "json"."""
    if form == "md":
        return markdown(problems, solved)
    if form == "ipynb":
        return notebook(cells(problems, solved))
    return json.dumps(record(problems, solved), indent=1, ensure_ascii=False) + "\n"
