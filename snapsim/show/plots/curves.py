"""Curves and clouds: amplification over write size, and the requests of a recording over time.

Both axes of the first are logarithmic, and say so; the second gives every device a band of its own, since offsets
on two devices cannot be compared.

What it leaves out: time; requests are drawn in their order, one after the other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from snapsim.base.errors import InvalidInput
from snapsim.base.units import format_size
from snapsim.block.device import IO, PURPOSES
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import (
    COLOURS,
    INK,
    LABEL,
    MARKERS,
    OKABE_ITO,
    PALE,
    SMALL,
    axes_or_new,
    legend_above,
    tidy,
)

_CURVE_MARKERS = "osD^vP*X"
_BAND = 1.25


def amplification(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], ax: Axes | None = None) -> Axes:
    """Write amplification over the size of a write, one curve for each mechanism; both axes logarithmic.

    Parameters
    ----------
    curves : mapping of str to (sizes, amplification)
        Sizes in bytes and amplifications, all above 0, as many of the one as of the other.
    ax : Axes, optional

    Raises
    ------
    InvalidInput
        No curve, or one whose values a logarithmic axis cannot show.

    Examples
    --------
    >>> panel = amplification({"thin pool": ([4096, 65536], [17.0, 1.0]), "in place": ([4096, 65536], [1.0, 1.0])})
    >>> [line.get_ydata().tolist() for line in panel.lines[:2]]
    [[17.0, 1.0], [1.0, 1.0]]
    """
    if not curves:
        raise InvalidInput("no curve to draw")
    ax = axes_or_new(ax, 7, 4.2)
    for number, (name, (sizes, values)) in enumerate(curves.items()):
        x, y = _positive(name, sizes), _positive(name, values)
        if x.shape != y.shape:
            raise InvalidInput(f"{x.size} sizes and {y.size} amplifications: as many of the one as of the other", name)
        ax.plot(
            x,
            y,
            color=OKABE_ITO[number % 8],
            marker=_CURVE_MARKERS[number % 8],
            linewidth=1.6,
            markersize=5,
            linestyle=("-", "--", ":")[number // 8 % 3],
            label=name,
            clip_on=False,
        )
    _log_axes(ax)
    ax.axhline(1, color=PALE, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    tidy(ax, "Write amplification over the size of a write")
    describe(
        ax,
        {
            name: ", ".join(f"{value:,.3g} at {format_size(size)}" for size, value in zip(*curve, strict=True))
            for name, curve in curves.items()
        },
    )
    ax.legend(fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return ax


def _positive(name: str, values: Sequence[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not array.size or not bool((np.isfinite(array) & (array > 0)).all()):
        raise InvalidInput(f"{values!r}: numbers above 0, for a logarithmic axis", name)
    return array


def _log_axes(ax: Axes) -> None:
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_size(value)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(bottom=min(0.8, ax.get_ylim()[0]))
    ax.set_xlabel("size of one write (logarithmic)", fontsize=LABEL)
    ax.set_ylabel("bytes written for each byte asked (logarithmic)", fontsize=LABEL)


def io_over_time(recording: Iterable[IO], ax: Axes | None = None, block_size: int = 4096) -> Axes:
    """Offset of each request over its number, a band for each device; colour is the purpose, marker the operation.

    Parameters
    ----------
    recording : iterable of IO
    ax : Axes, optional
    block_size : int
        Bytes a block, for the labels of the offsets.

    Raises
    ------
    InvalidInput
        Nothing was recorded.

    Examples
    --------
    >>> from snapsim.block.device import BlockDevice, recording
    >>> disk = BlockDevice(64)
    >>> with recording(disk) as story:
    ...     disk.write(slice(0, 4)); disk.write(40, why="copy")
    >>> len(io_over_time(story).collections)             # one cloud for each operation and purpose
    2
    """
    ios = list(recording)
    if not ios:
        raise InvalidInput("an empty recording: nothing to draw")
    devices = list(dict.fromkeys(io.device for io in ios))
    ends = {name: max(io.first + io.length for io in ios if io.device == name) for name in devices}
    ax = axes_or_new(ax, 8, 1.1 + 1.5 * len(devices))
    for kind in dict.fromkeys((io.operation, io.purpose) for io in ios):
        chosen = [(number, io) for number, io in enumerate(ios, 1) if (io.operation, io.purpose) == kind]
        _cloud(ax, chosen, devices, ends)
    _bands(ax, devices, ends, block_size, len(ios))
    tidy(ax, "I/O over time")
    counted = Counter(f"{io.operation} {io.purpose} on {io.device}" for io in ios)
    describe(ax, {what: f"{count} request{'s'[: count != 1]}" for what, count in counted.items()})
    legend_above(ax, _marks([io.operation for io in ios], [io.purpose for io in ios]))
    return ax


def _cloud(ax: Axes, chosen: Sequence[tuple[int, IO]], devices: Sequence[str], ends: Mapping[str, int]) -> None:
    """The requests of one operation and purpose: a bar over the blocks of each, a marker in its middle."""
    operation, colour = chosen[0][1].operation, COLOURS[chosen[0][1].purpose]
    x = [number for number, _ in chosen]
    low, high = (
        [
            devices.index(io.device) * _BAND + block / ends[io.device]
            for _, io in chosen
            for block in [io.first + extra * io.length]
        ]
        for extra in (0, 1)
    )
    ax.plot(
        np.repeat(x, 3),
        np.column_stack([low, high, np.full(len(x), np.nan)]).ravel(),
        color=colour,
        linewidth=2,
        alpha=0.6,
        solid_capstyle="butt",
        zorder=1,
    )
    ax.scatter(
        x,
        (np.array(low) + np.array(high)) / 2,
        marker=MARKERS[operation],
        s=20,
        linewidths=1.1,
        zorder=2,
        facecolors="white" if operation == "read" else colour,
        edgecolors=None if operation == "discard" else colour,
        rasterized=len(x) > 5000,
        label=f"{operation} {chosen[0][1].purpose}",
    )


def _bands(ax: Axes, devices: Sequence[str], ends: Mapping[str, int], block_size: int, requests: int) -> None:
    bottoms = [number * _BAND for number in range(len(devices))]
    ax.set_yticks(
        [bottom + part for bottom in bottoms for part in (0, 0.5, 1)],
        [
            f"{name}  {format_size(ends[name] * block_size * part)}"
            if part == 0.5
            else format_size(ends[name] * block_size * part)
            for name in devices
            for part in (0, 0.5, 1)
        ],
    )
    for bottom in bottoms[1:]:
        ax.axhline(bottom - (_BAND - 1) / 2, color=PALE, linewidth=0.6)
    ax.set_ylim(len(devices) * _BAND - 0.1, -0.1)
    ax.set_xlim(0, requests + 1)
    ax.set_xlabel("number of the request", fontsize=LABEL)
    ax.set_ylabel("offset on each device", fontsize=LABEL)


def _marks(operations: Sequence[str], purposes: Sequence[str]) -> list[Line2D]:
    """Legend entries: a line for each purpose, a black marker for each operation."""
    colours = [Line2D([], [], color=COLOURS[name], linewidth=4, label=name) for name in PURPOSES if name in purposes]
    return colours + [
        Line2D(
            [],
            [],
            linestyle="",
            marker=mark,
            markerfacecolor="white" if name == "read" else INK,
            markeredgecolor=INK,
            label=name,
        )
        for name, mark in MARKERS.items()
        if name in operations
    ]
