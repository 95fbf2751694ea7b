"""Predicted against measured: one mark for each row, on logarithmic axes, for the total and for the metadata alone.

In the total the data hide the metadata: a row that copies 64 MiB lies on the diagonal, however large its metadata are.
So the metadata have a panel of their own. A value of zero lies on the axis, at "0".

What it leaves out: by how much a row is beyond its range; rows where more data was predicted than measured at all,
whose metadata would be below zero, lie at "0" too.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from snapsim.base.errors import InvalidInput
from snapsim.base.units import format_size
from snapsim.fidelity.comparison import Comparison
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import INK, LABEL, OKABE_ITO, PALE, SMALL, Picture, new_figure, tidy

FLOOR = 512
"""Bytes: the place of "0" on a logarithmic axis."""
BAND = 0.25
_MARKS = "osD^vPpX<>dh"
_TICKS = [FLOOR, *(1 << power for power in range(12, 40, 4))]


def fidelity(rows: Iterable[Comparison]) -> Picture:
    """Two panels: the bytes written of each row, and the metadata among them.

    Parameters
    ----------
    rows : iterable of Comparison

    Raises
    ------
    InvalidInput
        No row counts bytes.

    Examples
    --------
    >>> from snapsim.measure.range import Range
    >>> from snapsim.fidelity.comparison import ComparedTotal
    >>> total = ComparedTotal(307200, 4096, Range(307200, 307200, 307200))
    >>> picture = fidelity([Comparison("btrfs", 0, "w", "{}", total, ())])
    >>> [axes.get_title(loc="left") for axes in picture.axes]
    ['All bytes written', 'Metadata among them']
    """
    told = [row for row in rows if row.written is not None]
    if not told:
        raise InvalidInput("no row to draw: none counts bytes written")
    figure = new_figure(10.5, 5.2)
    left, right = figure.subplots(1, 2)
    _panel(left, "All bytes written", {stack: _totals(told, stack) for stack in _stacks(told)})
    _panel(right, "Metadata among them", {stack: _metadata(told, stack) for stack in _stacks(told)})
    _legend(figure, _stacks(told))
    return figure


def _stacks(rows: Sequence[Comparison]) -> list[str]:
    return list(dict.fromkeys(row.stack for row in rows))


def _totals(rows: Sequence[Comparison], stack: str) -> npt.NDArray[np.float64]:
    return np.array(
        [
            (row.written.measured.median, row.written.predicted)
            for row in rows
            if row.stack == stack and row.written is not None
        ],
        np.float64,
    )


def _metadata(rows: Sequence[Comparison], stack: str) -> npt.NDArray[np.float64]:
    found = [row.of("metadata") for row in rows if row.stack == stack]
    return np.array([(figures[0].measured.median, figures[0].predicted) for figures in found if figures], np.float64)


def _panel(ax: Axes, title: str, clouds: dict[str, npt.NDArray[np.float64]]) -> None:
    low, high = FLOOR / 1.6, max([1 << 16, *(float(cloud.max()) for cloud in clouds.values() if cloud.size)]) * 2
    line = np.array([FLOOR * 2, high])
    ax.fill_between(line, line * (1 - BAND), line * (1 + BAND), color="#DDDDDD", linewidth=0, zorder=0)
    ax.plot(line, line, color=PALE, linewidth=0.8, zorder=1)
    for number, cloud in enumerate(clouds.values()):
        if cloud.size:
            x, y = np.maximum(cloud, FLOOR).T
            ax.scatter(
                x,
                y,
                s=22,
                marker=_MARKS[number % 12],
                facecolors=OKABE_ITO[number % 7],
                edgecolors="white",
                linewidths=0.4,
                alpha=0.85,
                zorder=2,
            )
    _axes(ax, low, high)
    tidy(ax, title)
    describe(ax, {stack: _near(cloud) for stack, cloud in clouds.items() if cloud.size})


def _near(cloud: npt.NDArray[np.float64]) -> str:
    """How many rows lie within the band, of how many."""
    measured, predicted = cloud.T
    inside = int((np.abs(predicted - measured) <= BAND * measured).sum())
    return f"{inside} of {len(cloud)} rows predicted within {BAND:.0%} of what was measured"


def _axes(ax: Axes, low: float, high: float) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, words in ((ax.xaxis, "measured (logarithmic)"), (ax.yaxis, "predicted (logarithmic)")):
        axis.set_major_locator(FixedLocator(_TICKS))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value == FLOOR else format_size(value)))
        axis.set_label_text(words, fontsize=LABEL)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")


def _legend(figure: Picture, stacks: Sequence[str]) -> None:
    marks = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=_MARKS[number % 12],
            markerfacecolor=OKABE_ITO[number % 7],
            markeredgecolor="white",
            markersize=6,
            label=stack,
        )
        for number, stack in enumerate(stacks)
    ]
    band = Patch(facecolor="#DDDDDD", label=f"within {100 * BAND:.0f} %")
    figure.legend(
        handles=[*marks, band], loc="outside lower center", ncols=5, frameon=False, fontsize=SMALL, labelcolor=INK
    )
