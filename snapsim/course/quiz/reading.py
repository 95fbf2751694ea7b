"""A sheet that somebody filled in, in each form in which ``snapsim quiz`` writes it: JSON, a notebook, Markdown.

What is read is the record that `snapsim.course.quiz.sheet.record` makes, with its answers.

>>> from snapsim.course.quiz.problems import make
>>> from snapsim.course.quiz.sheet import markdown
>>> text = markdown([make("deletion", 7)], solved=True)
>>> sheet_of(text.encode(), "sheet.md")["problems"][0]["seed"]
7

What it leaves out: a form of one's own; a notebook's cell is read, never run.
"""

import ast
import json
import re
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import parse_json
from snapsim.course.quiz.sheet import NAME
from snapsim.course.quiz.topic import VERSION

_HEAD = re.compile(
    r"^\*topic (?P<topic>[\w-]+), seed (?P<seed>\d{1,30}), level (?P<level>\d), direction (?P<direction>\w+), "
    r"version (?P<version>\d+)\*$",
    re.MULTILINE,
)
_ROW = re.compile(r"^\| *([a-z]) *\|.*\| *(.*?) *\|\s*$", re.MULTILINE)
_STEP = re.compile(r"^\d+\. *`?(.*?)`?\s*$", re.MULTILINE)
_FORMS = "json, ipynb or md, as snapsim quiz writes them"


def sheet_of(raw: bytes, place: str) -> Any:
    """The record of a sheet.

    Raises
    ------
    InvalidInput
        It is of none of the three forms.
    """
    text = raw.decode("utf-8-sig", "replace").lstrip()
    if not text.startswith(("{", "[")):
        return _of_markdown(text, place) if _HEAD.search(text) else parse_json(raw, f"{place} ({_FORMS})")
    data = parse_json(raw, place)
    return _of_notebook(data, place) if isinstance(data, dict) and "cells" in data else data


def _of_markdown(text: str, place: str) -> dict[str, Any]:
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    rows = []
    for head, end in zip(heads, ends, strict=True):
        if int(head["version"]) != VERSION:
            raise InvalidInput(f"version {head['version']} is not allowed: {VERSION}", place)
        body = text[head.end() : end]
        answers: Any = _STEP.findall(body.rpartition("Write operations that lead there")[2])
        if head["direction"] != "operations":
            table = body[body.rfind("| | asked | answer |") :]
            answers = dict(_ROW.findall(table))
        rows.append({**head.groupdict(), "seed": int(head["seed"]), "level": int(head["level"]), "answers": answers})
    for row in rows:
        row["answers"] = [] if row["answers"] == ["?"] else row["answers"]
    return {"snapsim_quiz": VERSION, "problems": rows}


def _of_notebook(data: dict[str, Any], place: str) -> dict[str, Any]:
    """From the calls of its cells, whose arguments have to be plain values."""
    rows = []
    for number, cell in enumerate(data["cells"] if isinstance(data["cells"], list) else ()):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            where = f"{place}: cells[{number}]"
            source = cell.get("source", "")
            source = "".join(map(str, source)) if isinstance(source, list) else str(source)
            rows += [_call(node, where) for node in _calls(source, where)]
    if not rows:
        raise InvalidInput(f"no notebook of a sheet: {_FORMS}", place)
    return {"snapsim_quiz": VERSION, "problems": rows}


def _calls(source: str, place: str) -> list[ast.Call]:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidInput(f"no Python: {type(error).__name__}", place) from None
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "answer"]


def _call(node: ast.Call, place: str) -> dict[str, Any]:
    try:
        named = [ast.literal_eval(argument) for argument in node.args]
        answers: Any = {each.arg: ast.literal_eval(each.value) for each in node.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise InvalidInput("an answer is no plain value: a number, a text or a list is allowed", place) from None
    if len(named) not in (4, 5) or None in answers:
        raise InvalidInput("the call is not as the notebook had it: topic, seed, level, direction, answers", place)
    row = dict(zip(NAME, named, strict=False))
    return {**row, "answers": _plain(named[4] if len(named) == 5 else answers)}


def _plain(answers: Any) -> Any:
    """In terms of JSON: sets as lists; what JSON has not, as text."""
    return json.loads(
        json.dumps(
            answers, default=lambda value: sorted(value, key=repr) if isinstance(value, set | frozenset) else str(value)
        )
    )
