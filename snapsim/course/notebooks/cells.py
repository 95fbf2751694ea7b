"""Cells of a notebook: read from text (jupytext's percent form), written as a file of Jupyter (nbformat 4.5).

A cell begins with ``# %%``, followed by ``[markdown]`` and by facts in the form ``key=value``, values in terms of JSON.
The text between ``# BEGIN SOLUTION`` and ``# END SOLUTION`` is for instructors: students find ``...`` there. nbgrader
and otter-grader use the same two marks.

>>> text = '''# %% [markdown]
... # # Half
... # %% tags=["work"] wanted="half"
... def half(number):
...     # BEGIN SOLUTION
...     return number / 2
...     # END SOLUTION
... '''
>>> title, work = read_cells(text)
>>> title.source, work.facts["wanted"], work.code, cleared(work.source) == work.source
('# Half', 'half', True, False)
>>> print(cleared(work.source))
def half(number):
    ...
>>> print(solved(work.source))
def half(number):
    return number / 2

What it leaves out: outputs, raw cells, magics, and everything else of jupytext's form that no notebook here uses.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BEGIN, END, STUB = "# BEGIN SOLUTION", "# END SOLUTION", "..."
WATCHED = "\n\nimport snapsim.course.exercises.marking  # the judge looks on from here"
"""For the cell of imports that graded notebooks begin with."""
_CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)
_FACT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d+)')


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    source : str
    code : bool
        Whether the cell is code; otherwise it is Markdown.
    facts : mapping of str to object
        The facts of its first line, tags among them.
    metadata : mapping of str to object
        For tools that read the notebook.
    """

    source: str
    code: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def has(self, tag: str) -> bool:
        """Whether it has a tag."""
        return tag in self.facts.get("tags", ())


def read_cells(text: str) -> list[Cell]:
    """The cells of a text form; what stands before the first one is its header."""
    begins = list(_CELL.finditer(text))
    ends = [each.start() for each in begins[1:]] + [len(text)]
    return [_cell(begin[1], text[begin.end() : end].strip("\n")) for begin, end in zip(begins, ends, strict=True)]


def _cell(first: str, body: str) -> Cell:
    facts = {name: json.loads(value) for name, value in _FACT.findall(first)}
    if not first.strip().startswith("[markdown]"):
        return Cell(body, True, facts)
    return Cell("\n".join(re.sub("^# ?", "", line) for line in body.splitlines()), False, facts)


def cleared(source: str) -> str:
    """The source as students find it: each solution is ``...``."""
    lines, inside = [], False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            lines.append(line.replace(BEGIN, STUB))
        inside = (inside or line.strip() == BEGIN) and line.strip() != END
        if not inside and line.strip() != END:
            lines.append(line)
    return "\n".join(lines)


def solved(source: str) -> str:
    """The source with its solutions and without their marks."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))


def notebook(cells: Iterable[Cell], metadata: Mapping[str, Any] | None = None) -> str:
    """The text of a file of Jupyter, without outputs."""
    rows = [_row(number, cell) for number, cell in enumerate(cells)]
    kernel = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = {"cells": rows, "metadata": {**kernel, **(metadata or {})}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _row(number: int, cell: Cell) -> dict[str, Any]:
    row = {
        "cell_type": "code" if cell.code else "markdown",
        "id": f"cell-{number}",
        "metadata": dict(cell.metadata),
        "source": _lines(cell.source),
    }
    return {**row, "execution_count": None, "outputs": []} if cell.code else row


def _lines(source: str) -> Sequence[str]:
    return source.splitlines(keepends=True)


def student_cells(text: str) -> list[Cell]:
    """The cells of a text form as students find them."""
    return [Cell(cleared(cell.source), cell.code, cell.facts) for cell in read_cells(text)]
