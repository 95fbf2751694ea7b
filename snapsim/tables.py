"""Tables for the terminal.

Level 12. What it leaves out: calculation; each cell is a field of a `Result`, a `Host` or a driver.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from .dockerdata import load_host
from .drivers import DRIVERS
from .host import Host
from .result import Result, Run
from .stacks import STACKS
from .units import docker_size, format_size
from .workload import Workload


def _show(table: Table) -> None:
    wide = None if sys.stdout.isatty() else 132
    Console(file=sys.stdout, width=wide, highlight=False, soft_wrap=False).print(table)


def _table(title: str, columns: str, caption: str = "") -> Table:
    """A table whose columns are named with commas; those that end with ">" are numbers."""
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for name in columns.split(","):
        table.add_column(name.rstrip(">").strip(), justify="right" if name.endswith(">") else "left")
    return table


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}x" if value >= 100 else f"{value:.3g}x"


def bill(result: Result, workloads: Sequence[Workload]) -> None:
    """A row for each run."""
    for workload in workloads:
        runs = [run for run in result if run.workload == workload.id]
        asked = f"asked to write {format_size(runs[0].asked_to_write)}, to read {format_size(runs[0].asked_to_read)}"
        table = _table(f"{workload.title or workload.id} ({asked})",
                       "stack,data>,copy>,metadata>,written>,times asked>,read>,space grown>,containers' own>,cache>,"
                       "seeks>,estimated>",
                       f"data, copy: exact by rule. metadata: of device-mapper, btrfs and ZFS maps by rule; that of ext4 and XFS is "
                       f"not counted. estimated: service time on one {runs[0].device}, no more than an order of magnitude.")
        for run in runs:
            table.add_row(*_bill_row(run))
        _show(table)
        for note in dict.fromkeys(f"{run.stack}: {note}" for run in runs for note in run.notes if not note.endswith("ok")):
            print(note)


def _bill_row(run: Run) -> list[str]:
    written, read = run.record()["written"], run.record()["read"]
    sizes = (written["data"], written["copy"], written["metadata"], written["total"])
    return [run.stack, *map(format_size, sizes), _times(run.record()["amplification"]["write"]), format_size(read["total"]),
            format_size(run.grown), format_size(run.space.exclusive), format_size(run.page_cache), f"{run.seeks:,}",
            f"{run.estimated_ms:,.1f} ms"]


def captured(stacks: Iterable[str]) -> list[Host]:
    """The shipped captures of real daemons with these stacks."""
    return [load_host(name) for name in dict.fromkeys(STACKS[stack].captured for stack in stacks) if name]


def hosts(found: Sequence[Host], result: Result, in_detail: bool = False) -> None:
    """What real daemons said; with `in_detail` also the status pairs beside the simulated driver's own."""
    table = _table("Real Docker hosts, each after its own scenario of images and containers (not this workload)",
                   "host,driver,kernel,Docker,images>,containers>,image layers>,containers' SizeRw>,disk used>,disk written>",
                   "image layers and SizeRw: what docker system df says; disk: what the block device said.")
    for host in found:
        writable = [size.size_rw for size in host.container_sizes if size.size_rw is not None]
        table.add_row(host.name, host.driver, host.kernel, host.server_version, _count(host.images), _count(host.containers),
                      _docker(host.layers_size), _docker(sum(writable) if writable else None),
                      _docker(host.scenario_space), _docker(host.scenario_written))
    if found:
        _show(table)
    for host in found if in_detail else ():
        _status(host, result)


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _docker(value: int | None) -> str:
    return "-" if value is None else docker_size(value)


def _status(host: Host, result: Result) -> None:
    """The pairs of `docker info`, real and simulated."""
    run = next((run for run in result if STACKS[run.stack].captured == host.name),
               next((run for run in result if run.driver == host.driver), None))
    simulated = dict(run.status) if run else {}
    table = _table(f"docker info of {host.name}, driver {host.driver or 'not told'}",
                   f"key,real,simulated ({run.stack if run else 'no stack of this driver'})")
    for key, value in host.status:
        table.add_row(key, value, simulated.get(key, "-"))
    _show(table)


def driver_facts() -> list[dict[str, str]]:
    """What each driver is, as plain records."""
    return [{"driver": name, **driver.about._asdict(),
             "stacks": " ".join(stack.name for stack in STACKS.values() if stack.driver == name)}
            for name, driver in DRIVERS.items()]


def drivers() -> None:
    """A row for each driver."""
    table = _table("Storage drivers", "driver,what it is,shares,copies at first change,fate in Docker,stacks")
    for facts in driver_facts():
        table.add_row(*facts.values())
    _show(table)


def generators(found: Mapping[str, Any]) -> None:
    """The generators of workloads with the first line of their documentation."""
    table = _table("snapsim workload NAME [--seed N] [--set KEY=VALUE]", "name,what it does")
    for name, generator in found.items():
        table.add_row(name, (generator.__doc__ or "").strip().split("\n")[0])
    _show(table)


def replay(found: Sequence[Mapping[str, Any]]) -> None:
    """Bytes by device for each row of a trace."""
    table = _table("Replay", "row>,scenario,workload,read and written")
    for row in found:
        bytes_ = {name: figures for name, figures in row["figures"].items()
                  if isinstance(figures, dict) and "written_bytes" in figures}
        table.add_row(str(row["row"]), row["scenario"], str(row["workload"] or ""), "  ".join(
            f"{name}: {figures['read_bytes']:,} / {figures['written_bytes']:,}" for name, figures in bytes_.items()))
    _show(table)
