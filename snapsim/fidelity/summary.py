"""What all judged rows say together: shares within the demand, correlation, mean error, the worst rows.

>>> spearman([1, 2, 3, 4], [10, 20, 40, 30])
0.8
>>> mean_absolute_percentage_error([110, 90], [100, 100])
10.0

What it leaves out: reasons.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.fidelity.comparison import Comparison, Figure
from snapsim.fidelity.ranking import of_stack, pairs
from snapsim.fidelity.tolerances import CLASSES

Floats = npt.NDArray[np.float64]


class Share(NamedTuple):
    """Rows (for "order": pairs) of one stack and class, those within the demand, and those without metadata.

    `near`: those whose figures are all as near to the median as the demand says, and `spread`: those whose figures are
    all within the spread of the repetitions; the demand is met by either, and by what is that near to the spread.
    """

    stack: str
    kind: str
    rows: int
    ok: int
    ok_without: int
    near: int = 0
    spread: int = 0


def shares(rows: Sequence[Comparison]) -> list[Share]:
    """For each stack and class; a row is within the demand if all its figures of the class are.

    Classes that a stack has no figures of are left out. The order of stacks is judged among all rows given.
    """
    order = pairs(rows)
    found = []
    for stack in dict.fromkeys(row.stack for row in rows):
        mine = [row for row in rows if row.stack == stack]
        found += [_share(stack, kind, [row.of(kind) for row in mine]) for kind in CLASSES if kind != "order"]
        told = of_stack(order, stack)
        found.append(
            Share(stack, "order", len(told), sum(pair.ok for pair in told), sum(pair.ok_without for pair in told))
        )
    return [share for share in found if share.rows]


def _share(stack: str, kind: str, groups: Iterable[Sequence[Figure]]) -> Share:
    told = [figures for figures in groups if figures]
    return Share(
        stack,
        kind,
        len(told),
        sum(all(figure.ok for figure in figures) for figures in told),
        sum(all(figure.ok_without for figure in figures) for figures in told),
        sum(all(figure.near for figure in figures) for figures in told),
        sum(all(figure.met_once for figure in figures) for figures in told),
    )


def whole(rows: Sequence[Comparison]) -> list[Share]:
    """For each stack the rows that meet the demand in every class ("order" left out, a matter of pairs)."""
    return [
        _share(stack, "all", [row.figures for row in rows if row.stack == stack])
        for stack in dict.fromkeys(row.stack for row in rows)
    ]


class Fit(NamedTuple):
    """How well the bytes written are predicted on one stack: by the model, and by one without metadata."""

    stack: str
    rows: int
    rank: float | None
    rank_without: float | None
    percent: float | None
    percent_without: float | None


def fits(rows: Sequence[Comparison]) -> list[Fit]:
    """Rank correlation and mean absolute percentage error of the bytes written, for each stack."""
    found = []
    for stack in dict.fromkeys(row.stack for row in rows):
        totals = [row.written for row in rows if row.stack == stack and row.written is not None]
        told = [total.measured.median for total in totals]
        mine, none = [total.predicted for total in totals], [total.without for total in totals]
        found.append(
            Fit(
                stack,
                len(totals),
                spearman(mine, told),
                spearman(none, told),
                mean_absolute_percentage_error(mine, told),
                mean_absolute_percentage_error(none, told),
            )
        )
    return [fit for fit in found if fit.rows]


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation: that of the ranks, where equal values share their mean rank.

    Returns
    -------
    float or None
        From -1 to 1; None where one of the two does not vary.
    """
    a, b = _ranks(one), _ranks(other)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else None


def _ranks(values: Sequence[float]) -> Floats:
    _, which, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return ranks


def mean_absolute_percentage_error(predicted: Sequence[float], measured: Sequence[float]) -> float | None:
    """The mean of |predicted - measured| / measured, in percent, over what is above 0; None where nothing is."""
    mine, told = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    some = told > 0
    return float((np.abs(mine - told)[some] / told[some]).mean() * 100) if some.any() else None


class Miss(NamedTuple):
    """A figure, its row, and how often its error holds what is allowed."""

    row: Comparison
    figure: Figure
    times: float


def worst(rows: Iterable[Comparison], count: int = 10) -> list[Miss]:
    """The rows furthest outside their demands, each with its worst figure; the worst first."""
    missed = (max(map(_miss(row), row.figures), key=_times, default=None) for row in rows)
    found = [miss for miss in missed if miss is not None and miss.times > 0]
    return sorted(found, key=_times, reverse=True)[:count]


def _times(miss: Miss) -> float:
    return miss.times


def _miss(row: Comparison) -> Callable[[Figure], Miss]:
    return lambda figure: Miss(row, figure, 0.0 if figure.ok else abs(figure.outside) / max(figure.allowed, 4096))


def report(rows: Sequence[Comparison]) -> dict[str, Any]:
    """All of it as plain data, for JSON."""
    return {
        "shares": [share._asdict() for share in (*shares(rows), *whole(rows))],
        "fits": [fit._asdict() for fit in fits(rows)],
        "worst": [{"stack": miss.row.stack, "workload": miss.row.name, **miss.figure.record()} for miss in worst(rows)],
        "rows": [row.record() for row in rows],
    }
