"""Sheets of problems as Markdown, as a Jupyter notebook, or as JSON that is filled in and graded.

What it leaves out: judging answers (`grading`).
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.course.notebooks.cells import Cell, notebook
from snapsim.course.quiz.classes import Course
from snapsim.course.quiz.topic import VERSION, Answer, Problem, label, shown

NAME = ("topic", "seed", "level", "direction")
NAME_IN_CLASS = ("topic", "level", "direction", "number")
"""What names a problem of a class for its student; the seed is the instructor's."""


class Owner(NamedTuple):
    """Whose sheet it is.

    Attributes
    ----------
    course : Course
    student : str
    numbers : sequence of int
        Of each problem of the sheet, among those of its topic.
    """

    course: Course
    student: str
    numbers: Sequence[int]


def markdown(problems: Sequence[Problem], solved: bool = False, owner: Owner | None = None) -> str:
    """A sheet for people; "?" where the answers go, unless `solved`.

    Examples
    --------
    >>> from snapsim.course.quiz.problems import make
    >>> print(markdown([make("deletion", 7)]).splitlines()[-1])
    | d | blocks freed if all snapshots are deleted | ? |
    """
    head = [f"# {owner.course.name}: {owner.student}"] if owner else []
    named = [_named(problem) if owner is None else _named_in_class(problem) for problem in problems]
    parts = [
        _one(number, each, name, solved) for number, (each, name) in enumerate(zip(problems, named, strict=True), 1)
    ]
    return "\n\n".join([*head, *parts]) + "\n"


def _one(number: int, problem: Problem, named: str, solved: bool) -> str:
    parts = [
        f"## {number}. {problem.title}",
        f"*{named}*",
        problem.draft.story.strip(),
        _asked(problem, solved),
    ]
    return "\n\n".join([*parts, *([f"**Rule.** {problem.draft.rule}"] if solved else [])])


def _named(problem: Problem) -> str:
    return (
        f"topic {problem.topic}, seed {problem.seed}, level {problem.level}, direction {problem.direction}, "
        f"version {VERSION}"
    )


def _named_in_class(problem: Problem) -> str:
    return f"topic {problem.topic}, level {problem.level}, direction {problem.direction}, version {VERSION}"


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


def record(problems: Sequence[Problem], solved: bool = False, owner: Owner | None = None) -> dict[str, Any]:
    """A sheet for programs: fill in ``answers`` and give the file to ``snapsim grade``.

    That of a class has no seeds, but the student and a seal, by which it is known again.
    """
    if owner is None:
        names = [{key: getattr(problem, key) for key in NAME} for problem in problems]
        head: dict[str, Any] = {}
    else:
        names = [
            {"topic": each.topic, "level": each.level, "direction": each.direction, "number": number}
            for each, number in zip(problems, owner.numbers, strict=True)
        ]
        seal = owner.course.seal(owner.student, [tuple(name.values()) for name in names])
        head = {"class": owner.course.name, "student": owner.student, "seal": seal}
    rows = [_record(problem, name, solved) for problem, name in zip(problems, names, strict=True)]
    return {"snapsim_quiz": VERSION, **head, "problems": rows}


def _record(problem: Problem, name: dict[str, Any], solved: bool) -> dict[str, Any]:
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
        **name,
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
        found += [Cell(_one(number, problem, _named(problem), solved), code=False), Cell(_call(problem, solved))]
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


def written(problems: Sequence[Problem], form: str, solved: bool, owner: Owner | None = None) -> str:
    """The text of a sheet in the form "md", "ipynb" or "json".

    Raises
    ------
    InvalidInput
        A notebook for a class: it judges answers at once, so it has the seeds, and who has these has the answers.
    """
    if form == "md":
        return markdown(problems, solved, owner)
    if form == "ipynb" and owner is not None:
        raise InvalidInput("ipynb is not allowed with --class, since it judges by the seeds: md or json", "--format")
    if form == "ipynb":
        return notebook(cells(problems, solved))
    return json.dumps(record(problems, solved, owner), indent=1, ensure_ascii=False) + "\n"
