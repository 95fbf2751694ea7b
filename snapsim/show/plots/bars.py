"""Cost bars: the bytes that each stack wrote, read and holds, and the estimated service time.

All bars start at zero on a linear axis, since only there do stacked parts have honest lengths; a part too thin to be
seen is also written beside its bar. Real hosts get a panel of their own: they ran another workload.

What it leaves out: the steps of a run (a `Result` has them), and the page cache.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from snapsim.base.errors import InvalidInput
from snapsim.base.units import format_size
from snapsim.block.device import PURPOSES
from snapsim.hosts.host import Host
from snapsim.hosts.sizes import Size, ends, size_text
from snapsim.lab.result import Result, Run
from snapsim.show.plots.alt import describe
from snapsim.show.plots.style import (
    COLOURS,
    HATCHES,
    INK,
    LABEL,
    PALE,
    SMALL,
    axes_or_new,
    legend_above,
    new_figure,
    purpose_legend,
    size_axis,
    tidy,
)

Parts = Mapping[str, float]

_ALONE, _REST = "containers alone", "the rest"
_SPACE_COLOURS = {_ALONE: "#CC79A7", _REST: "#56B4E9"}
_SPACE_HATCHES = {_ALONE: "\\\\\\\\", _REST: ""}
_HOST_BARS = (
    ("written to its disk", "#0072B2", ""),
    ("taken on its disk", "#CC79A7", "\\\\\\\\"),
    ("Docker's sizes of images and containers", "#BBBBBB", "...."),
)


class _Note(NamedTuple):
    """The text beside a bar: the bar's height on the page and its length, its value, and the parts of the value."""

    y: float
    length: float
    value: str
    detail: str

    @property
    def inches(self) -> float:
        """The estimated width of the text, in inches."""
        return 0.2 + 0.075 * len(self.value) + 0.056 * len(self.detail)


def cost_bars(result: Result, ax: Axes | None = None, hosts: Sequence[Host] = ()) -> Axes:
    """The bill: bytes written and read by purpose, space, estimated time; real hosts in a panel of their own.

    Parameters
    ----------
    result : Result
    ax : Axes, optional
        If given, only the bytes written are drawn, into these Axes. Otherwise a figure with all panels is made; it is
        ``cost_bars(result).figure``.
    hosts : sequence of Host
        Real hosts, each with its own scenario.

    Returns
    -------
    Axes
        The panel of the bytes written.

    Raises
    ------
    InvalidInput
        Nothing to draw; or hosts and an Axes, which has no room for their panel (`host_bars` draws it).

    Examples
    --------
    >>> from snapsim.block.device import IOCounts
    >>> from snapsim.lab.result import Step
    >>> from snapsim.block.volume import Usage
    >>> step = Step("write", IOCounts(write_data=1, write_copy=1), 2, 24.8)
    >>> run = Run("demo", "overlay2-ext4", "overlay2", "hdd", (step,), Usage(8192, 4096, 4096), 4096, 4096, 0, 4096)
    >>> panel = cost_bars(Result((run,)))
    >>> [int(bar.get_width()) for purpose in panel.containers for bar in purpose]     # data, copy
    [4096, 4096]
    """
    if ax is not None and hosts:
        raise InvalidInput("hosts need a panel of their own: leave ax out, or draw them with host_bars")
    if ax is not None:
        return io_bars(result, "write", ax)
    stacks = list(_drawable(result))
    heights = [0.3 * len(stacks)] * 2 + [0.62 * len(hosts)] * bool(hosts)
    notes = [*_notes(_io_rows(result, "write")), *_notes(_io_rows(result, "read"))]
    page = _Page(heights, [*stacks, *(_host_label(host) for host in hosts)], max(note.inches for note in notes))
    written = io_bars(result, "write", page.panel(0, "left"))
    io_bars(result, "read", page.panel(0, "right"))
    space_bars(result, page.panel(1, "left"))
    time_bars(result, page.panel(1, "right"))
    if hosts:
        host_bars(hosts, page.panel(2, "whole"))
    return written


class _Page:
    """A page of panels, laid out in inches: rows of these heights, with room for the longest label and note."""

    ABOVE, BELOW, EDGE = 0.4, 0.5, 0.15

    def __init__(self, heights: Sequence[float], labels: Sequence[str], note: float) -> None:
        self.heights, self.height = heights, sum(heights) + len(heights) * (self.ABOVE + self.BELOW)
        self.labels = 0.25 + 0.059 * max(len(line) for label in labels for line in label.split("\n"))
        self.width = max(12, 2 * (self.labels + 1.35 * note + self.EDGE))
        self.figure = new_figure(self.width, self.height, constrained=False)

    def panel(self, row: int, where: str) -> Axes:
        """New Axes in a row, on its left or right half or over the whole of it."""
        half = self.width / 2
        left = self.labels + (half if where == "right" else 0)
        right = half if where == "left" else self.width
        bottom = self.height - sum(self.heights[: row + 1]) - (row + 1) * self.ABOVE - row * self.BELOW
        return self.figure.add_axes(
            (
                left / self.width,
                bottom / self.height,
                (right - self.EDGE - left) / self.width,
                self.heights[row] / self.height,
            )
        )


def io_bars(result: Result, operation: str = "write", ax: Axes | None = None) -> Axes:
    """Bytes that each stack wrote (or read), stacked by purpose.

    Parameters
    ----------
    result : Result
    operation : "write" or "read"
    ax : Axes, optional
    """
    rows = _io_rows(result, operation)
    ax = axes_or_new(ax, 7, 0.3 * len(rows) + 1.3)
    _bars(ax, rows, COLOURS, HATCHES)
    tidy(ax, {"write": "Bytes written", "read": "Bytes read"}[operation])
    size_axis(ax.xaxis, "all devices of the stack together; metadata where it is modelled")
    purpose_legend(ax, [name for name in PURPOSES if any(parts[name] for parts in rows.values())])
    return ax


def _io_rows(result: Result, operation: str) -> dict[str, Parts]:
    return {
        label: {purpose: run.counts.bytes(operation, purpose) for purpose in PURPOSES}
        for label, run in _drawable(result).items()
    }


def space_bars(result: Result, ax: Axes | None = None) -> Axes:
    """Bytes that each stack holds at the end: what removing the containers would free, and the rest."""
    rows = {label: {_ALONE: run.space.exclusive, _REST: run.space.shared} for label, run in _drawable(result).items()}
    ax = axes_or_new(ax, 7, 0.3 * len(rows) + 1.3)
    _bars(ax, rows, _SPACE_COLOURS, _SPACE_HATCHES)
    tidy(ax, "Space held at the end")
    size_axis(ax.xaxis, "bytes allocated by all layers and containers")
    legend_above(ax, ax.get_legend_handles_labels()[0])
    return ax


def time_bars(result: Result, ax: Axes | None = None) -> Axes:
    """Estimated service time of each stack on its device profile, with the number of seeks."""
    runs = _drawable(result)
    ax = axes_or_new(ax, 7, 0.3 * len(runs) + 1.3)
    seconds = [run.estimated_ms / 1000 for run in runs.values()]
    ax.barh(range(len(runs)), seconds, color=PALE, height=0.7)
    notes = [
        _Note(y, length, f"{length:,.3g} s", f"{run.seeks:,} seeks")
        for y, (run, length) in enumerate(zip(runs.values(), seconds, strict=True))
    ]
    _beside(ax, notes)
    _rows(ax, list(runs))
    describe(ax, {label: ", ".join(note[2:]) for label, note in zip(runs, notes, strict=True)})
    devices = ", ".join(dict.fromkeys(run.device for run in runs.values()))
    tidy(ax, f"Estimated service time ({devices})")
    ax.set_xlabel("seconds, estimated: one request after the other", fontsize=LABEL)
    return ax


def host_bars(hosts: Sequence[Host], ax: Axes | None = None) -> Axes:
    """What real hosts say of their own scenario: bytes of their disk, and Docker's sizes.

    Docker's sizes are ``LayersSize`` of the images plus ``SizeRw`` of all containers. A figure that a host does not
    report has no bar.
    """
    if not hosts:
        raise InvalidInput("no host to draw")
    ax = axes_or_new(ax, 9, 0.62 * len(hosts) + 1.1)
    rows = [(host.scenario_written, host.scenario_space, _docker_says(host)) for host in hosts]
    notes = []
    for part, (name, colour, hatch) in enumerate(_HOST_BARS):
        known = [(y + (part - 1) * 0.27, row[part]) for y, row in enumerate(rows)]
        lengths = [ends(value or 0)[1] for _, value in known]
        ax.barh([y for y, _ in known], lengths, height=0.25, color=colour, hatch=hatch, edgecolor="white", label=name)
        notes += [_host_note(y, value, name) for y, value in known]
    _beside(ax, notes)
    _rows(ax, [_host_label(host) for host in hosts])
    describe(
        ax,
        {
            host.name: ", ".join(
                f"{value if value is None else size_text(value)} {name}".replace("None", "not told")
                for value, (name, _, _) in zip(row, _HOST_BARS, strict=True)
            )
            for host, row in zip(hosts, rows, strict=True)
        },
    )
    tidy(ax, "Real hosts: docker info, docker system df, and the disk, of their own scenario (not the workload above)")
    size_axis(ax.xaxis, "bytes")
    return ax


def _host_note(y: float, value: Size | None, name: str) -> _Note:
    if value is None:
        return _Note(y, 0, "not told", name)
    least, most = ends(value)
    figure = format_size(most) if least == most else f"at most {format_size(most)}"
    return _Note(y, most, figure, f"{size_text(value)} {name}")


def _docker_says(host: Host) -> Size | None:
    sizes = [container.size_rw for container in host.container_sizes]
    if host.layers_size is None or None in sizes:
        return None
    return host.layers_size + sum(size for size in sizes if size)


def _host_label(host: Host) -> str:
    counted = [
        f"{number} {noun}"
        for number, noun in ((host.images, "images"), (host.containers, "containers"))
        if number is not None
    ]
    return f"{host.name}\n" + (", ".join(counted) or host.driver)


def _drawable(result: Result) -> dict[str, Run]:
    """The runs by the label of their row, each label once."""
    if not result.runs:
        raise InvalidInput("a result without runs: nothing to draw")
    one_workload = len({run.workload for run in result}) == 1
    labels: dict[str, Run] = {}
    for run, varied in zip(result, result.parameters or ({},) * len(result), strict=True):
        parts = ([] if one_workload else [run.workload]) + [run.stack] + [f"{key}={varied[key]}" for key in varied]
        label = ", ".join(parts)
        labels[label if label not in labels else f"{label} ({len(labels) + 1})"] = run
    return labels


def _bars(ax: Axes, rows: Mapping[str, Parts], colours: Mapping[str, str], hatches: Mapping[str, str]) -> None:
    """A bar for each row, its parts end to end, with the total and the parts written beside it."""
    lengths = [0.0] * len(rows)
    for name in (name for name in colours if any(parts[name] for parts in rows.values())):
        values = [parts[name] for parts in rows.values()]
        ax.barh(
            range(len(rows)),
            values,
            left=lengths,
            height=0.7,
            color=colours[name],
            hatch=hatches[name],
            edgecolor="white",
            linewidth=0.4,
            label=name,
        )
        lengths = [length + value for length, value in zip(lengths, values, strict=True)]
    notes = _notes(rows)
    _beside(ax, notes)
    _rows(ax, list(rows))
    describe(ax, {label: " = ".join(filter(None, note[2:])) for label, note in zip(rows, notes, strict=True)})


def _notes(rows: Mapping[str, Parts]) -> list[_Note]:
    """The total of each row, and the parts of which it consists."""
    return [
        _Note(
            y,
            sum(parts.values()),
            format_size(sum(parts.values())),
            " + ".join(f"{format_size(value)} {name}" for name, value in parts.items() if value),
        )
        for y, parts in enumerate(rows.values())
    ]


def _beside(ax: Axes, notes: Sequence[_Note]) -> None:
    """Write the notes beside their bars, and end the axis where the longest of them ends."""
    width = ax.get_position().width * ax.figure.bbox.width / ax.figure.dpi
    ends = [note.length / max(1 - note.inches / width, 0.25) for note in notes]
    ax.set_xlim(0, max(ends) or 1)
    for y, length, value, detail in notes:
        text = ax.annotate(
            value,
            (length, y),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=INK,
            fontweight="bold",
        )
        ax.annotate(
            detail,
            (1, 0.5),
            xycoords=text,
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL - 1,
            color=PALE,
        )


def _rows(ax: Axes, labels: list[str]) -> None:
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
