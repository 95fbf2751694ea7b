"""Who holds what: a bar for each image, container or layer, in bytes that it alone holds and bytes that it shares.

A shared byte is in the bar of each holder, so that the bars together are longer than the bytes in use on the disk; the
line at the right end shows these. The figures stand right of all bars and of that line, which so crosses none.

What it leaves out: with whom a byte is shared (the table has it), and hidden files.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from snapsim.base.units import format_size
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import INK, LABEL, PALE, SMALL, WRONG, axes_or_new, legend_above, size_axis, tidy

_PARTS = {"exclusive": ("#CC79A7", "\\\\\\\\"), "shared": ("#56B4E9", "")}

Part = tuple[str, int, int]


def ledger_bars(parts: Sequence[Part], allocated: int, ax: Axes | None = None, title: str = "Who holds what") -> Axes:
    """Stacked bars of exclusive and shared bytes.

    Parameters
    ----------
    parts : sequence of (str, int, int)
        Name, exclusive and shared bytes of each owner, from the top down.
    allocated : int
        Bytes that are in use on the disk.
    ax : Axes, optional
        Where to draw; a new figure when left out.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = ledger_bars([("base:1", 0, 1 << 20), ("c1", 4096, 1 << 20)], (1 << 20) + 4096)
    >>> len(ax.patches), [label.get_text() for label in ax.get_yticklabels()]
    (4, ['base:1', 'c1'])
    """
    ax = axes_or_new(ax, 8, 1.1 + 0.27 * max(len(parts), 1))
    longest = max([allocated, *(alone + shared for _, alone, shared in parts), 1])
    for place, (_, alone, shared) in enumerate(parts):
        for left, size, name in ((0, alone, "exclusive"), (alone, shared, "shared")):
            colour, hatch = _PARTS[name]
            ax.barh(place, size, left=left, color=colour, hatch=hatch, edgecolor="white", height=0.7)
        ax.text(
            longest * 1.015,
            place,
            f"{format_size(alone)} + {format_size(shared)}",
            va="center",
            fontsize=SMALL,
            color=INK,
        )
    ax.axvline(allocated, color=WRONG, linestyle="--", linewidth=1, zorder=0)
    ax.annotate(
        f"disk in use: {format_size(allocated)}",
        (allocated, -0.6),
        ha="right",
        va="bottom",
        fontsize=SMALL,
        color=PALE,
        xytext=(-3, 0),
        textcoords="offset points",
        annotation_clip=False,
    )
    ax.set_yticks(range(len(parts)), [name for name, _, _ in parts])
    ax.set_ylim(len(parts) - 0.4, -1.3)
    ax.set_xlim(0, longest * 1.28)
    describe(
        ax,
        {
            **{name: f"{format_size(alone)} alone, {format_size(shared)} shared" for name, alone, shared in parts},
            "disk in use": format_size(allocated),
        },
    )
    tidy(ax, title)
    ax.tick_params(axis="y", labelsize=LABEL)
    size_axis(ax.xaxis, "bytes: its alone + shared with others")
    legend_above(
        ax,
        [
            Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name)
            for name, (colour, hatch) in _PARTS.items()
        ],
    )
    return ax
