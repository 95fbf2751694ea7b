"""A reader's own prediction of what a kernel wrote, judged against a shipped measurement, beside the model's.

>>> [guess("overlay2-ext4", 2, said).points for said in ("64M", "4K", None)]       # one byte of a file of 64 MiB
[1.0, 0.0, 0.0]

What it leaves out: everything but the bytes written.
"""

from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import parse_size
from snapsim.course.quiz.grading import Marks
from snapsim.fidelity.comparison import ComparedTotal, Comparison
from snapsim.fidelity.judge import judge
from snapsim.measure.measurements import Row, label, load, shipped

NEAR, FAR = 1.1, 2.0
"""Worth the whole point, and half of it: so many times too much or too little."""
SLACK = 64 << 10
"""Bytes that are near in any case: metadata, which nobody knows by heart."""


def measured_row(stack: str, number: int) -> Row:
    """A row of a shipped measurement, by its number from 0 on.

    Raises
    ------
    InvalidInput
        No such measurement or row, or a row that counts nothing.
    """
    rows = load(shipped(stack))["rows"]
    if not 0 <= number < len(rows) or not rows[number].get("figures") or "trace" not in rows[number]:
        raise InvalidInput(f"{number} is not allowed: a row of {len(rows)} that has figures", f"{stack}: row")
    found: Row = rows[number]
    return found


def guess(stack: str, number: int, written: str | int | None, sheet: Any = None) -> Marks:
    """Judge a reader's prediction of the bytes that a measured workload wrote.

    Parameters
    ----------
    stack : str
        A shipped measurement of a stack.
    number : int
        Its row.
    written : int or str, optional
        Bytes, or a size such as ``"64M"``; None for no answer.
    sheet : snapsim.course.quiz.grading.Sheet, optional
        Remembers the marks.
    """
    row = measured_row(stack, number)
    name = f"{stack}: {label(row)}"
    marks = Marks(name, 0.0, 1, ("no answer",)) if written is None else _judged(name, row, stack, written)
    if sheet is not None:
        sheet.marks[name] = marks
    return marks


def _judged(name: str, row: Row, stack: str, written: str | int) -> Marks:
    said, total = parse_size(str(written), "written"), _total(judge(row, stack))
    lines = (
        f"written: {total.measured.median:,} measured, {total.predicted:,} predicted, "
        f"{total.without:,} of it data and copies",
    )
    share = _share(said, total.measured.least, total.measured.most)
    hint = "" if share == 1 else f"{said:,} is too {'much' if said > total.measured.most else 'little'}"
    return Marks(name, share, 1, (*lines, hint) if hint else lines)


def _total(judged: Comparison) -> ComparedTotal:
    assert judged.written is not None
    return judged.written


def _share(said: int, least: int, most: int) -> float:
    """The share of a point that a prediction earns.

    Examples
    --------
    >>> [_share(said, 10 << 20, 10 << 20) for said in (10 << 20, 15 << 20, 30 << 20)]
    [1.0, 0.5, 0.0]
    """
    if least / NEAR - SLACK <= said <= most * NEAR + SLACK:
        return 1.0
    return 0.5 if least / FAR <= said <= most * FAR else 0.0
