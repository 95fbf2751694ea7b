"""A counter-example as a picture: the operations, and the contents before and after the step that failed.

Each of the two is a table: a row for each volume, layer, image or container, a column for each block or path. A cell
that the step changed has a heavy frame. A wrong cell is hatched, begins with a cross, and says what was expected: three
marks that need no colour.

The functions read plain attributes, so that they need not import the kit that found the failure.

What it leaves out: more columns and rows than can be read, and long operations, which are cut; ``print(failure)`` has
the program in full, `failure.difference` every cell.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import INK, PALE, SMALL, TEXT, WRONG, axes_or_new, bare

_MISSING = "-"
_LONGEST = 88
"""Letters of an operation, and of a promise."""
_CELL = 16
"""Letters of a line in a cell; there are two."""
_MOST = 9
"""Columns, and rows."""
_LETTER, _LINE = 0.078, 0.21
"""Inches: the units of the drawing, a letter across and a line down."""
_HATCH = "////"
_TINT = "#FBE9DF"


class _Table(NamedTuple):
    """A title, rows of cells, the expected content of wrong cells, and the cells before the step, if there are any."""

    title: str
    rows: Mapping[str, Mapping[str, str]]
    wrong: Mapping[str, Mapping[str, str]]
    older: Mapping[str, Mapping[str, str]] | None


def failure(found: Any, ax: Axes | None = None) -> Axes:
    """Draw a failure of `snapsim.testing`: before and after the failing step, with wrong blocks (or paths) marked.

    Parameters
    ----------
    found : object
        `operations` (a sequence), `step` (the index of the one after which it was seen), `expected` and `actual`
        (arrays of stamps, or mappings of a path to content; anything else is shown as one cell); and where there are
        such, `program` (lines), `promise`, and `before` and `after` (scenes: `rows` and `wrong`, each a mapping of a
        row to a mapping of a column to text).
    ax : Axes, optional

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> found = SimpleNamespace(operations=[("write", 0), ("snapshot",), ("write", 1)], step=2,
    ...                         expected=[7, 8], actual=[7, 9])
    >>> panel = failure(found)
    >>> [text.get_text() for text in panel.texts if text.get_color() == WRONG]
    ["3  ('write', 1)  <- seen here", '✗ 9']
    """
    lines, here = _program(found)
    tables = _tables(found)
    columns = _columns(tables)
    left = 2 + max([_CELL, *(min(len(row), _CELL) for table in tables for row in table.rows)])
    widths = {column: _width(column, tables) for column in columns}
    width = max(left + sum(widths.values()), *(len(line) for line in lines), 50)
    height = len(lines) + 1 + sum(2.2 * min(len(table.rows), _MOST) + 2.6 for table in tables)
    ax = axes_or_new(ax, 0.3 + _LETTER * width, 0.9 + _LINE * height)
    for number, line in enumerate(lines):
        ax.text(
            0,
            -number,
            line,
            fontsize=SMALL + 0.5,
            va="center",
            color=WRONG if number == here else INK,
            fontweight="bold" if number == here else "normal",
        )
    y = -float(len(lines)) - 0.6
    for table in tables:
        y = _draw(ax, table, columns, widths, left, y)
    title = getattr(found, "promise", "") or f"{len(found.operations)} operations"
    bare(ax, "\n".join(textwrap.wrap(title, int(0.8 * width))))
    ax.set_xlim(-0.5, width + 0.5)
    ax.set_ylim(y, 0.8)
    _legend(ax, tables)
    describe(ax, "; ".join([*lines, *(said for table in tables for said in _in_words(table))]))
    return ax


def _in_words(table: _Table) -> list[str]:
    """The table row by row, in words; a wrong cell says what was expected."""
    return [
        f"{table.title}, {row}: " + ", ".join(f"{column} {' '.join(_content(table, row, column))}" for column in cells)
        for row, cells in table.rows.items()
    ]


def _program(found: Any) -> tuple[list[str], int]:
    """The lines, numbered, and which of them is the step that failed."""
    told = [line for line in getattr(found, "program", ()) if not line.startswith("from ")]
    lines, here = (told, len(told) - 1) if told else ([str(each) for each in found.operations], found.step)
    words = [_short(f"{number}  {line}", _LONGEST) for number, line in enumerate(lines, 1)]
    return [line + ("  <- seen here" if number == here else "") for number, line in enumerate(words)], here


def _tables(found: Any) -> list[_Table]:
    """The tables before and after the step; and expected beside actual, where no cell of the two shows it."""
    before, after = getattr(found, "before", None), getattr(found, "after", None)
    tables = [] if before is None else [_Table("before this step", before.rows, {}, None)]
    if after is not None:
        rows = {**after.rows, **{row: {} for row in after.wrong if row not in after.rows}}
        tables.append(_Table("after it", rows, after.wrong, before.rows if before is not None else None))
    if after is None or not after.wrong:
        expected, actual = _cells(found.expected), _cells(found.actual)
        wrong = {
            name: expected.get(name, _MISSING)
            for name in dict.fromkeys([*expected, *actual])
            if expected.get(name, _MISSING) != actual.get(name, _MISSING)
        }
        rows = {"actual": {name: actual.get(name, _MISSING) for name in dict.fromkeys([*expected, *actual])}}
        tables.append(_Table(getattr(found, "call", "") or "what came", rows, {"actual": wrong}, None))
    return tables


def _columns(tables: Sequence[_Table]) -> list[str]:
    """All columns in order; if there are too many, those that are wrong, then those that changed, then the others."""
    every = [row for table in tables for rows in (table.rows, table.wrong) for row in rows.values()]
    names = {column for row in every for column in row}
    order = sorted(names, key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name))
    wrong = {column for table in tables for cells in table.wrong.values() for column in cells}
    changed = {column for table in tables for row in table.rows for column in order if _changed(table, row, column)}
    chosen = sorted(order, key=lambda name: (name not in wrong, name not in changed))[:_MOST]
    return [name for name in order if name in chosen]


def _changed(table: _Table, row: str, column: str) -> bool:
    return table.older is not None and table.rows[row].get(column, _MISSING) != table.older.get(row, {}).get(
        column, _MISSING
    )


def _width(column: str, tables: Sequence[_Table]) -> int:
    texts = [text for table in tables for row in table.rows for text in _content(table, row, column)]
    return 2 + max([5, min(len(column), _CELL), *map(len, texts)])


def _content(table: _Table, row: str, column: str) -> list[str]:
    """The lines of a cell: at most two of its content; in a wrong cell a cross, and what was expected."""
    text = table.rows[row].get(column, "")
    if column not in table.wrong.get(row, {}):
        return textwrap.wrap(_short(text, 2 * _CELL), _CELL)[:2]
    wanted = table.wrong[row][column]
    return [
        _short(f"✗ {'nothing' if text in ('', _MISSING) else text}", 2 * _CELL),
        _short(f"expected {'nothing' if wanted == _MISSING else wanted}", 2 * _CELL),
    ]


def _draw(ax: Axes, table: _Table, columns: Sequence[str], widths: Mapping[str, int], left: int, y: float) -> float:
    """Draw one table from `y` down; returns where it ends."""
    ax.text(0, y - 0.5, table.title, fontsize=TEXT, color=INK, fontweight="normal", va="center", fontstyle="italic")
    x = float(left)
    for column in columns:
        ax.text(
            x + widths[column] / 2, y - 0.5, _short(column, _CELL), ha="center", va="center", fontsize=SMALL, color=PALE
        )
        x += widths[column]
    y -= 1.2
    for row in _rows(table):
        x = float(left)
        ax.text(left - 1, y - 1, _short(row, _CELL), ha="right", va="center", fontsize=SMALL + 0.5, color=INK)
        for column in columns:
            _cell(ax, table, row, column, (x, y - 2, widths[column]))
            x += widths[column]
        y -= 2.2
    return y - 1


def _rows(table: _Table) -> list[str]:
    """All rows in order; if there are too many, those with something wrong, or changed, come first."""
    changed = [row for row in table.rows if any(_changed(table, row, column) for column in table.rows[row])]
    chosen = sorted(table.rows, key=lambda row: (row not in table.wrong, row not in changed))[:_MOST]
    return [row for row in table.rows if row in chosen]


def _cell(ax: Axes, table: _Table, row: str, column: str, place: tuple[float, float, int]) -> None:
    x, y, width = place
    lines = _content(table, row, column)
    wrong, changed = column in table.wrong.get(row, {}), _changed(table, row, column)
    if not lines:
        return
    ax.add_patch(
        Rectangle(
            (x, y),
            width,
            2,
            facecolor=_TINT if wrong else "white",
            hatch=_HATCH if wrong else "",
            edgecolor=WRONG if wrong else INK if changed else PALE,
            zorder=1 + wrong + changed,
            linewidth=1.8 if wrong or changed else 0.7,
        )
    )
    for number, line in enumerate(lines):
        first = wrong and number == 0
        ax.text(
            x + width / 2,
            y + 1 + (len(lines) - 1) * 0.42 - 0.84 * number,
            line,
            ha="center",
            va="center",
            fontsize=SMALL,
            color=WRONG if first else INK,
            fontweight="bold" if first else "normal",
            zorder=5,
            bbox={"facecolor": _TINT, "edgecolor": "none", "pad": 0.6} if wrong else None,
        )


def _legend(ax: Axes, tables: Sequence[_Table]) -> None:
    changed = any(_changed(table, row, column) for table in tables for row in table.rows for column in table.rows[row])
    handles = [Patch(facecolor=_TINT, hatch=_HATCH, edgecolor=WRONG, label="✗ wrong")]
    handles += [Patch(facecolor="white", edgecolor=INK, linewidth=1.8, label="changed by the step")] if changed else []
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=2, frameon=False, fontsize=SMALL)


def _cells(content: Any) -> dict[str, str]:
    """Name of a block or path -> its content as text."""
    if isinstance(content, Mapping):
        return {str(name): str(value) for name, value in content.items()}
    if isinstance(content, np.ndarray | Sequence) and not isinstance(content, str | bytes):
        return {str(number): str(value) for number, value in enumerate(content)}
    return {"": str(content)}


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
