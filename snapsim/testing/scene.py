"""What is seen at one moment, row by row: the volumes and their blocks, the layers and their paths.

A failure has two of them, before and after the step that broke; the later one says what should be there instead, cell
by cell. That is the difference of the trees (or of the blocks), and `snapsim.show.plots.failure` draws both.

LEAVES OUT: how rows come about (each player knows its own), and drawing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

MISSING = "-"
UNREADABLE = "?"


class Scene(NamedTuple):
    """One moment.

    Attributes
    ----------
    unit : str
        What a column is, unless it is a figure: "block" (numbers), "path", "name".
    rows : mapping of str to (mapping of str to str)
        Of each volume or layer: column -> what is seen there; a column that is missing is empty.
    wrong : mapping of str to (mapping of str to str)
        What should be seen, where it is something else.

    Examples
    --------
    >>> seen = scene_of("block", {"v0": {"0": 7}, "v1": {"0": 7}}, {"v0": {"0": 7}, "v1": {"0": 0}})
    >>> seen.wrong, seen.lines()
    ({'v1': {'0': '0'}}, ('v1, block 0: expected 0, got 7',))
    """

    unit: str
    rows: Mapping[str, Mapping[str, str]]
    wrong: Mapping[str, Mapping[str, str]] = {}

    def lines(self) -> tuple[str, ...]:
        """A line for each cell that is wrong."""
        return tuple(
            f"{row}, {self._named(column)}: expected {wanted}, got {self.cell(row, column)}"
            for row, cells in self.wrong.items()
            for column, wanted in cells.items()
        )

    def _named(self, column: str) -> str:
        """A column of that unit with it, a figure without."""
        one_of_them = (
            column.startswith("/")
            if self.unit == "path"
            else column.isdecimal() or (self.unit == "name" and column != "bytes")
        )
        return f"{self.unit} {column}" if one_of_them else column

    def cell(self, row: str, column: str) -> str:
        """What is seen there."""
        return self.rows.get(row, {}).get(column, MISSING)


Rows = Mapping[str, Mapping[Any, Any]]


def scene_of(unit: str, seen: Rows, wanted: Rows | None = None) -> Scene:
    """A scene of values, and what is wrong about them.

    Parameters
    ----------
    unit : str
        What a column is.
    seen, wanted : mapping of str to (mapping of str to object)
        What is there, and what should be; without the latter nothing is wrong.
    """
    order = [row for row in dict.fromkeys([*(wanted or {}), *seen]) if row in seen]
    rows = {row: {str(column): str(value) for column, value in seen[row].items()} for row in order}  # names, too
    wrong: dict[str, dict[str, str]] = {}
    for row in dict.fromkeys([*(wanted or {}), *(seen if wanted is not None else ())]):
        mine, right = rows.get(row, {}), (wanted or {}).get(row, {})
        differing = {
            column: str(right.get(column, MISSING))
            for column in dict.fromkeys([*right, *mine])
            if str(right.get(column, MISSING)) != mine.get(column, MISSING)
        }
        wrong.update({row: differing} if differing else {})
    return Scene(unit, rows, wrong)


def looked(look: Callable[[], Mapping[str, Any]], columns: Iterable[str]) -> Mapping[str, Any]:
    """What a look at one row gives; "?" everywhere if it cannot be looked at, since students' code may raise anything.

    Examples
    --------
    >>> looked(lambda: {"0": 1 // 0}, ["0", "1"])
    {'0': '?', '1': '?'}
    """
    try:
        return look()
    except (Exception, SystemExit):
        return dict.fromkeys(columns, UNREADABLE)
