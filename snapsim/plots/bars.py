"""Cost bars: what each stack wrote, read and holds, and how long that is estimated to take.

Level 11. All bars start at zero on a linear axis, since only there do stacked parts have honest lengths; what is too
thin to see is written out beside its bar. Real hosts get a panel of their own: they ran another workload.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ..device import PURPOSES
from ..errors import InvalidInput
from ..host import Host
from ..result import Result, Run
from ..units import docker_size, format_size
from .style import COLOURS, HATCHES, INK, PALE, SMALL, TEXT, axes_or_new, new_figure, purpose_legend, size_axis, tidy

Parts = Mapping[str, float]

_SPACE_COLOURS = {"exclusive": "#CC79A7", "shared": "#56B4E9"}
_SPACE_HATCHES = {"exclusive": "\\\\\\\\", "shared": ""}
_HOST_BARS = (("written to its disk", "#0072B2", ""), ("taken on its disk", "#CC79A7", "\\\\\\\\"),
              ("Docker's own sizes", "#BBBBBB", "...."))


def cost_bars(result: Result, ax: Axes | None = None, hosts: Sequence[Host] = ()) -> Axes:
    """The bill: bytes written and read by purpose, space, estimated time; real hosts in a panel of their own.

    Parameters
    ----------
    result : Result
    ax : Axes, optional
        With it only the bytes written are drawn, into it. Without it a figure with all panels is made; it is
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
    >>> from snapsim.device import IOCounts
    >>> from snapsim.result import Step
    >>> from snapsim.volume import Usage
    >>> step = Step("write", IOCounts(write_data=1, write_copy=1), 2, 24.8)
    >>> run = Run("demo", "overlay2-ext4", "overlay2", "hdd", (step,), Usage(8192, 4096, 4096), 4096, 4096, 0, 4096)
    >>> panel = cost_bars(Result((run,)))
    >>> [bar.get_width() for container in panel.containers for bar in container]
    [4096.0, 4096.0]
    """
    if ax is not None and hosts:
        raise InvalidInput("hosts need a panel of their own: leave ax out, or draw them with host_bars")
    if ax is not None:
        return io_bars(result, "write", ax)
    rows, extra = max(len(_drawable(result)), 1), 0.62 * len(hosts) + 1.1 if hosts else 0.0
    panel = 0.3 * rows + 1.15
    figure = new_figure(12, 2 * panel + extra)
    places = figure.add_gridspec(3 if hosts else 2, 2, height_ratios=[panel, panel, extra] if hosts else [panel, panel])
    written = io_bars(result, "write", figure.add_subplot(places[0, 0]))
    io_bars(result, "read", figure.add_subplot(places[0, 1]))
    space_bars(result, figure.add_subplot(places[1, 0]))
    time_bars(result, figure.add_subplot(places[1, 1]))
    if hosts:
        host_bars(hosts, figure.add_subplot(places[2, :]))
    return written


def io_bars(result: Result, operation: str = "write", ax: Axes | None = None) -> Axes:
    """Bytes that each stack wrote (or read), stacked by purpose.

    Parameters
    ----------
    result : Result
    operation : "write" or "read"
    ax : Axes, optional
    """
    rows = {label: {purpose: run.counts.bytes(operation, purpose) for purpose in PURPOSES}
            for label, run in _drawable(result).items()}
    ax = axes_or_new(ax, 7, 0.3 * len(rows) + 1.3)
    _bars(ax, rows, COLOURS, HATCHES)
    tidy(ax, {"write": "Written to the devices", "read": "Read from the devices"}[operation])
    size_axis(ax.xaxis, "bytes, all devices of the stack together")
    purpose_legend(ax, [name for name in PURPOSES if any(parts[name] for parts in rows.values())])
    return ax


def space_bars(result: Result, ax: Axes | None = None) -> Axes:
    """Bytes that each stack holds at the end: what removing the containers would free, and the rest."""
    rows = {label: {"shared": run.space.shared, "exclusive": run.space.exclusive}
            for label, run in _drawable(result).items()}
    ax = axes_or_new(ax, 7, 0.3 * len(rows) + 1.3)
    _bars(ax, rows, _SPACE_COLOURS, _SPACE_HATCHES)
    tidy(ax, "Space held at the end")
    size_axis(ax.xaxis, "bytes allocated by all layers and containers")
    ax.legend(loc="lower right", fontsize=SMALL, frameon=False)
    return ax


def time_bars(result: Result, ax: Axes | None = None) -> Axes:
    """Estimated service time of each stack on its device profile, with the number of seeks."""
    runs = _drawable(result)
    ax = axes_or_new(ax, 7, 0.3 * len(runs) + 1.3)
    seconds = [run.estimated_ms / 1000 for run in runs.values()]
    ax.barh(range(len(runs)), seconds, color=PALE, height=0.7)
    for y, (run, length) in enumerate(zip(runs.values(), seconds, strict=True)):
        _beside(ax, y, length, f"{length:,.3g} s", f"{run.seeks:,} seeks")
    _rows(ax, list(runs), max(seconds))
    devices = ", ".join(dict.fromkeys(run.device for run in runs.values()))
    tidy(ax, f"Estimated service time ({devices})")
    ax.set_xlabel("seconds, estimated: one request after the other", fontsize=TEXT)
    return ax


def host_bars(hosts: Sequence[Host], ax: Axes | None = None) -> Axes:
    """What real hosts say of their own scenario: bytes of their disk, and Docker's sizes.

    Docker's sizes are ``LayersSize`` of the images plus ``SizeRw`` of all containers. What a host did not tell has no
    bar.
    """
    if not hosts:
        raise InvalidInput("no host to draw")
    ax = axes_or_new(ax, 9, 0.62 * len(hosts) + 1.1)
    rows = [(host.scenario_written, host.scenario_space, _docker_says(host)) for host in hosts]
    longest = max((value for row in rows for value in row if value), default=1)
    for part, (name, colour, hatch) in enumerate(_HOST_BARS):
        known = [(y + (part - 1) * 0.27, row[part]) for y, row in enumerate(rows)]
        ax.barh([y for y, _ in known], [value or 0 for _, value in known], height=0.25, color=colour, hatch=hatch,
                edgecolor="white", label=name)
        for y, value in known:
            _beside(ax, y, value or 0, "not told" if value is None else docker_size(value), name)
    _rows(ax, [_host_label(host) for host in hosts], longest, room=1.35)
    tidy(ax, "Real hosts: docker info, docker system df and the disk, each of its own scenario (not the workload above)")
    size_axis(ax.xaxis, "bytes")
    return ax


def _docker_says(host: Host) -> int | None:
    sizes = [container.size_rw for container in host.container_sizes]
    if host.layers_size is None or None in sizes:
        return None
    return host.layers_size + sum(size for size in sizes if size)


def _host_label(host: Host) -> str:
    counted = [f"{number} {noun}" for number, noun in ((host.images, "images"), (host.containers, "containers"))
               if number is not None]
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
    """A bar for each row, its parts end to end, with the total and what it is made of beside it."""
    lengths = [0.0] * len(rows)
    for name in (name for name in colours if any(parts[name] for parts in rows.values())):
        values = [parts[name] for parts in rows.values()]
        ax.barh(range(len(rows)), values, left=lengths, height=0.7, color=colours[name], hatch=hatches[name],
                edgecolor="white", linewidth=0.4, label=name)
        lengths = [length + value for length, value in zip(lengths, values, strict=True)]
    for y, (parts, length) in enumerate(zip(rows.values(), lengths, strict=True)):
        made_of = [f"{format_size(value)} {name}" for name, value in parts.items() if value]
        _beside(ax, y, length, format_size(length), " + ".join(made_of))
    _rows(ax, list(rows), max(lengths))


def _beside(ax: Axes, y: float, length: float, value: str, detail: str) -> None:
    text = ax.annotate(value, (length, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=SMALL,
                       color=INK, fontweight="bold")
    ax.annotate(detail, (1, 0.5), xycoords=text, xytext=(5, 0), textcoords="offset points", va="center",
                fontsize=SMALL - 1, color=PALE)


def _rows(ax: Axes, labels: list[str], longest: float, room: float = 1.9) -> None:
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlim(0, (longest or 1) * room)

