"""Judge answers to problems: they are computed anew from the problem's name, so no answers are kept anywhere.

Whoever knows the name knows the answers: ``snapsim quiz --answers`` prints them. On a sheet of a class the name is the
instructor's secret (`snapsim.course.quiz.classes`).

A question is worth a point; a list or a set of names earns the share of it that is right. A wrong answer to which a
known mistake leads gets a message about that mistake.

>>> from snapsim.course.quiz.problems import make
>>> problem = make("deletion", 7)
>>> print(judge(problem, {"a": "nothing"}).lines[0])
a: 'nothing' is no whole number

What it leaves out: who may see what when; an instructor's platform does that.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.base.foreign_json import read_bytes
from snapsim.base.schema import shown
from snapsim.course.quiz.classes import Course
from snapsim.course.quiz.problems import make
from snapsim.course.quiz.reading import sheet_of
from snapsim.course.quiz.sheet import NAME, NAME_IN_CLASS
from snapsim.course.quiz.topic import VERSION, Answer, Problem, Question, label

MOST_PROBLEMS = 1000
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Marks:
    """What answers to one problem are worth.

    Attributes
    ----------
    name : str
        Of the problem.
    points : float
    of : int
        Points that there are.
    lines : tuple of str
        A message for each question that was not answered rightly.
    judged : bool
        False where the judge could not finish: then there are no points, which is not the same as none earned.
    """

    name: str
    points: float
    of: int
    lines: tuple[str, ...] = ()
    judged: bool = True

    def __str__(self) -> str:
        earned = f"{self.points:g} of {self.of}" if self.judged else "no points yet"
        return "\n".join([f"{self.name}: {earned}", *(f"  {line}" for line in self.lines)])

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """The same in terms of JSON."""
        points = self.points if self.judged else None
        return {"problem": self.name, "points": points, "of": self.of, "messages": list(self.lines)}


def judge(problem: Problem, answers: Any, name: str = "") -> Marks:
    """Judge the answers to a problem.

    Parameters
    ----------
    problem : Problem
    answers : mapping of str to object, or sequence of str
        Letter of the question -> answer; operations where a state is to be reached.
    name : str
        What the marks call it; with its seed when left out.
    """
    name = name or f"{problem.topic} {problem.seed} (level {problem.level}, {problem.direction})"
    if problem.draft.goal:
        return _judge_operations(name, problem, answers)
    if not isinstance(answers, Mapping):
        return Marks(name, 0.0, len(problem.questions), ("answers are wanted by letter: a, b, ...",))
    points, lines = 0.0, []
    for number, question in enumerate(problem.questions):
        share, message = _judge(question, answers.get(label(number)))
        points += share
        if message:
            lines.append(f"{label(number)}: {message}")
    if any(not line.endswith(NO_ANSWER) for line in lines):
        lines.append(f"rule: {problem.draft.rule}")
    return Marks(name, round(points, 2), len(problem.questions), tuple(lines))


def _judge_operations(name: str, problem: Problem, answers: Any) -> Marks:
    goal = problem.draft.goal
    assert goal is not None
    if isinstance(answers, str) or not isinstance(answers, Sequence) or not all(isinstance(op, str) for op in answers):
        return Marks(name, 0.0, 1, (f"a list of operations is wanted: {goal.words}",))
    if not answers:
        return Marks(name, 0.0, 1, (NO_ANSWER,))
    try:
        message, share = goal.reach(answers)
    except SnapsimError as error:
        return Marks(name, 0.0, 1, (str(error),))
    return Marks(
        name, round(share if message else 1.0, 2), 1, (message, f"rule: {problem.draft.rule}") if message else ()
    )


def _judge(question: Question, said: object) -> tuple[float, str]:
    """The share of a point, and a message unless it is the whole point."""
    if said is None or said == "" or said == "?":
        return 0.0, NO_ANSWER
    try:
        answer = read(said, question.answer)
    except InvalidInput as error:
        return 0.0, str(error)
    if answer == question.answer:
        return 1.0, ""
    share = _share(answer, question.answer)
    why = question.traps.get(answer, "look at the rule")
    return share, f"{_told(said)} is not right: {why}"


def read(said: object, like: Answer) -> Answer:
    """What somebody wrote as an answer of the same kind as the right one.

    Examples
    --------
    >>> read(" 12 ", 0), read("3, 0,-", (1, "-")), read(["b", "a"], frozenset()) == read("a, b", frozenset())
    (12, (3, 0, '-'), True)
    """
    if isinstance(like, int):
        return _whole(said)
    if isinstance(like, str):
        return str(said).strip().lower()
    parts = said if isinstance(said, list | tuple | set | frozenset) else str(said).strip("[](){} ").split(",")
    words = [str(part).strip().strip("'\"`") for part in parts]
    words = [] if words in ([""], ["none"]) else words
    if isinstance(like, frozenset):
        return frozenset(words)
    return tuple(int(word) if word.lstrip("-").isdecimal() and len(word) < 20 else word for word in words)


def _whole(said: object) -> int:
    if isinstance(said, float) and said.is_integer():
        return int(said)
    text = str(said).strip().replace("_", "")
    if isinstance(said, bool) or not text.lstrip("-").isdecimal() or len(text) > 30:
        raise InvalidInput(f"{_told(said)} is no whole number")
    return int(text)


def _told(said: object) -> str:
    text = repr(said)
    return text if len(text) <= 60 else text[:57] + "..."


def _share(answer: Answer, right: Answer) -> float:
    """Of a list the places that are right; of names those that are right less those that are wrong."""
    if isinstance(right, tuple) and isinstance(answer, tuple) and right and len(answer) == len(right):
        return float(sum(a == b for a, b in zip(answer, right, strict=True)) / len(right))
    if isinstance(right, frozenset) and isinstance(answer, frozenset) and right:
        return max(0.0, (len(answer & right) - len(answer - right)) / len(right))
    return 0.0


class Sheet:
    """Marks of a notebook's sheet, as they come.

    Examples
    --------
    >>> sheet = Sheet()
    >>> sheet.answer("places", 1, 1, "operations", ["snapshot", "wirte 3"]).points
    0.0
    >>> print(sheet)
    0 of 1 points
    """

    def __init__(self) -> None:
        self.marks: dict[str, Marks] = {}

    def answer(
        self, topic: str, seed: int, level: int, direction: str, operations: Sequence[str] = (), **answers: object
    ) -> Marks:
        """Judge the answers to one problem, and remember the marks; the last ones count."""
        problem = make(topic, seed, level, direction)
        marks = judge(problem, list(operations) if problem.draft.goal else answers)
        self.marks[marks.name] = marks
        return marks

    def __str__(self) -> str:
        points, of = sum(marks.points for marks in self.marks.values()), sum(marks.of for marks in self.marks.values())
        return f"{points:g} of {of} points"

    __repr__ = __str__


class Graded(NamedTuple):
    """What a sheet is worth, and whose it is; "" where it names nobody."""

    marks: list[Marks]
    student: str = ""


def grade(path: str, course: Course | None = None) -> Graded:
    """Judge a file that ``snapsim quiz`` made, in any of its forms, and that somebody filled in.

    Parameters
    ----------
    path : str
        Or ``-`` for standard input.
    course : Course, optional
        The class whose sheet it has to be; without, a sheet that names its seeds.

    Raises
    ------
    InvalidInput
        No such file, of no form that is known, not a sheet, or not that student's.
    """
    place = "standard input" if path == "-" else path
    return grade_data(sheet_of(read_bytes(path, place, "a sheet with answers is allowed"), place), place, course)


def grade_data(data: object, place: str = "", course: Course | None = None) -> Graded:
    """The same for what ``json.load`` gave."""
    if not isinstance(data, dict) or data.get("snapsim_quiz") != VERSION:
        told = shown(data.get("snapsim_quiz")) if isinstance(data, dict) else shown(data)
        raise InvalidInput(f'{told} is no sheet: an object with "snapsim_quiz": {VERSION}', place)
    problems = data.get("problems")
    if not isinstance(problems, list) or len(problems) > MOST_PROBLEMS:
        raise InvalidInput(
            f"{shown(problems)} is not allowed: a list of up to {MOST_PROBLEMS} problems", f"{place}: problems"
        )
    if "class" in data or "student" in data or "seal" in data:
        if course is None:
            raise InvalidInput("a sheet of a class: --class FILE is needed to grade it", place)
        return _grade_in_class(data, problems, place, course)
    if course is not None:
        raise InvalidInput(f"no sheet of {course.name}: anybody can have its answers, since it names its seeds", place)
    return Graded([_grade_one(row, f"{place}: problems[{number}]") for number, row in enumerate(problems)])


def _grade_in_class(data: dict[str, Any], problems: list[Any], place: str, course: Course) -> Graded:
    """By the seeds of the student whom the sheet names, if the seal says that it was given out so."""
    student = course.admitted(data.get("student"), f"{place}: student")
    for number, row in enumerate(problems):
        _check_row(row, NAME_IN_CLASS, f"{place}: problems[{number}]")
    seal, right = data.get("seal"), course.seal(student, [[row[key] for key in NAME_IN_CLASS] for row in problems])
    if not isinstance(seal, str) or not hmac.compare_digest(seal.encode("utf-8", "replace"), right.encode()):
        raise InvalidInput(f"not the sheet that {student} was given in {course.name}: the seal does not fit", place)
    marks = []
    for row in problems:
        topic, level, direction, number = (row[key] for key in NAME_IN_CLASS)
        problem = make(topic, course.seed(student, topic, level, direction, number), level, direction)
        marks.append(judge(problem, row["answers"], f"{topic} {number + 1} (level {level}, {direction})"))
    return Graded(marks, student)


def _grade_one(row: Any, place: str) -> Marks:
    _check_row(row, NAME, place)
    try:
        problem = make(row["topic"], row["seed"], row["level"], row["direction"])
    except InvalidInput as error:
        raise InvalidInput(error.problem, f"{place}.{error.place}") from None
    return judge(problem, row["answers"])


def _check_row(row: object, name: Sequence[str], place: str) -> None:
    if not isinstance(row, dict):
        raise InvalidInput(f"{shown(row)} is not allowed: a problem with its answers", place)
    missing = [key for key in (*name, "answers") if key not in row]
    if missing:
        raise InvalidInput(f'"{missing[0]}" is missing: {", ".join((*name, "answers"))} are needed', place)
    if not all(isinstance(row[key], str) for key in ("topic", "direction")):
        raise InvalidInput("topic and direction have to be words", place)
    if "number" in name and type(row["number"]) is not int:
        raise InvalidInput("has to be a whole number", f"{place}.number")


def summary(marks: Sequence[Marks]) -> dict[str, Any]:
    """All marks and their sum, in terms of JSON."""
    return {
        "points": round(sum(each.points for each in marks), 2),
        "of": sum(each.of for each in marks),
        "problems": [each.to_dict() for each in marks],
    }
