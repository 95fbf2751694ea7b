"""A host's images and containers on every stack: what is certain in full colour, what is possible hatched.

An exact figure is a bar with an end. A bound is drawn as a full bar up to the lower end, hatching up to the
upper one, and an arrow where there is no upper end. Sizes are decimal, as Docker prints them.

What it leaves out: the rules, which the table has, and whatever a metadata block takes.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from snapsim.base.units import docker_size
from snapsim.hosts.sizes import Bound
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import (
    INK,
    LABEL,
    OKABE_ITO,
    PALE,
    SMALL,
    Picture,
    axes_or_new,
    legend_above,
    new_figure,
    tidy,
)

_SURE, _PERHAPS, _HATCH = OKABE_ITO[0], "#BFDCEC", "////"


class _Row(Protocol):
    """What is drawn of a `snapsim.hosts.what_if.StackAnswer`."""

    @property
    def stack(self) -> str: ...
    @property
    def now(self) -> str: ...
    @property
    def data(self) -> Bound: ...
    @property
    def cache(self) -> Bound: ...
    @property
    def file_size(self) -> int: ...
    @property
    def first_write(self) -> Any: ...


def what_if_bars(rows: Sequence[_Row], title: str = "The same images and containers on each stack") -> Picture:
    """Three panels: files that are kept, memory once all containers have read all, a first write of one byte.

    Parameters
    ----------
    rows : sequence of StackAnswer
        As `snapsim.hosts.what_if.what_if` gives them.
    title : str

    Returns
    -------
    Figure
        The panels from the left are its `axes`.

    Examples
    --------
    >>> from snapsim.hosts.reading import load_host
    >>> from snapsim.hosts.what_if import what_if
    >>> panels = what_if_bars(what_if(load_host("overlay2"), ["overlay2-ext4", "btrfs"])).axes
    >>> [label.get_text() for label in panels[0].get_yticklabels()], len(panels)
    (['overlay2-ext4 (now)', 'btrfs'], 3)
    """
    figure = new_figure(13, 1.6 + 0.32 * max(len(rows), 1))
    panels = list(figure.subplots(1, 3, sharey=True))
    written = [Bound(row.first_write.written, row.first_write.written) for row in rows]
    size = docker_size(rows[0].file_size) if rows else "a file"
    names = [row.stack + {"yes": " (now)", "perhaps": " (now?)"}.get(row.now, "") for row in rows]
    for ax, bounds, words in (
        (panels[0], [row.data for row in rows], "files kept on disk"),
        (panels[1], [row.cache for row in rows], "page cache, all containers read all"),
        (panels[2], written, f"written by a first write of 1 byte, to {size}"),
    ):
        bound_bars(bounds, names, ax, words)
    figure.suptitle(title, x=0.01, ha="left", fontsize=LABEL + 3, fontweight="bold", color=INK)
    legend_above(
        panels[2],
        [
            Patch(facecolor=_SURE, label="certain"),
            Patch(facecolor=_PERHAPS, hatch=_HATCH, edgecolor=_SURE, label="possible"),
        ],
    )
    return figure


def bound_bars(bounds: Sequence[Bound], names: Sequence[str], ax: Axes | None = None, label: str = "bytes") -> Axes:
    """One panel: a bar for each bound, with its ends in words.

    Examples
    --------
    >>> ax = bound_bars([Bound(5000, 5000), Bound(5000, 9000), Bound(5000, None)], ["a", "b", "c"])
    >>> [text.get_text() for text in ax.texts], len(ax.patches)
    (['5kB', '5kB to 9kB', '', 'at least 5kB'], 4)
    """
    ax = axes_or_new(ax, 6, 1.2 + 0.32 * max(len(names), 1))
    longest = max([1, *(end for bound in bounds for end in (bound.low, bound.high) if end is not None)])
    for place, bound in enumerate(bounds):
        _bar(ax, place, bound, longest)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0, longest * 1.65)
    tidy(ax, "")
    ax.tick_params(axis="y", labelsize=LABEL)
    ax.set_xticks([tick for tick in MaxNLocator(4).tick_values(0, longest) if tick <= longest * 1.2])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: docker_size(value)))
    ax.set_xlabel(label, fontsize=LABEL)
    describe(ax, f"{label}: " + "; ".join(f"{name} {bound}" for name, bound in zip(names, bounds, strict=False)))
    return ax


def _bar(ax: Axes, place: int, bound: Bound, longest: int) -> None:
    ax.barh(place, bound.low, color=_SURE, height=0.66)
    end = bound.low if bound.high is None else bound.high
    if end > bound.low:
        ax.barh(
            place,
            end - bound.low,
            left=bound.low,
            color=_PERHAPS,
            hatch=_HATCH,
            edgecolor=_SURE,
            linewidth=0.6,
            height=0.66,
        )
    if bound.high is None:
        ax.annotate(
            "",
            (bound.low + longest * 0.12, place),
            (bound.low, place),
            arrowprops={"arrowstyle": "-|>", "color": _SURE, "linestyle": "--"},
        )
        end += round(longest * 0.12)
    ax.text(end + longest * 0.015, place, str(bound), va="center", fontsize=SMALL, color=INK if bound.exact else PALE)
