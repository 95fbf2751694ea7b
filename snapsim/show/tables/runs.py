"""Tables for the terminal.

What it leaves out: calculation; each cell is a field of a `Result`, a `Host` or a driver.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .dockerdata import load_host
from .drivers import DRIVERS
from .grid import new_table as _table
from .grid import show as _show
from .host import Host
from .result import Result, Run
from .sizes import Size, size_text
from .stacks import STACKS
from .units import format_size
from .workload import Workload


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}x" if value >= 100 else f"{value:.3g}x"


def bill(result: Result, workloads: Sequence[Workload]) -> None:
    """A row for each run."""
    for workload in workloads:
        runs = [run for run in result if run.workload == workload.id]
        asked = f"asked to write {format_size(runs[0].asked_to_write)}, to read {format_size(runs[0].asked_to_read)}"
        table = _table(
            f"{workload.title or workload.id} ({asked})",
            "stack,data>,copy>,other>,written>,x asked>,read>,space>,cache>,seeks>,estimated>",
            _LEGEND.format(device=runs[0].device),
        )
        for run in runs:
            table.add_row(*_bill_row(run))
        _show(table)
        for note in dict.fromkeys(
            f"{run.stack}: {note}" for run in runs for note in run.notes if not note.endswith("ok")
        ):
            sys.stdout.write(note + "\n")


_LEGEND = (                                                # one paragraph: it flows in tables of any width
    "data: blocks that were asked for; copy: moved because they were shared (both exact, by rule); other: zeros, and "
    "metadata (journals, inodes, directories, bitmaps, trees, maps, by rules of their own; of a ZFS pool's own objects "
    "the least that a group takes, and no intent log; of the file system in a volume of devicemapper none). "
    "space: allocated for data, less freed. cache: file data in memory. "
    "estimated: service time on one {device}, no more than an order of magnitude.")


def _bill_row(run: Run) -> list[str]:
    written, read = run.record()["written"], run.record()["read"]
    sizes = (written["data"], written["copy"], written["metadata"] + written["zero"], written["total"])
    return [
        run.stack,
        *map(format_size, sizes),
        _times(run.record()["amplification"]["write"]),
        format_size(read["total"]),
        format_size(run.grown),
        format_size(run.page_cache),
        f"{run.seeks:,}",
        f"{run.estimated_ms:,.1f} ms",
    ]


def captured(stacks: Iterable[str]) -> list[Host]:
    """The shipped captures of real daemons with these stacks."""
    return [load_host(name) for name in dict.fromkeys(STACKS[stack].captured for stack in stacks) if name]


def hosts(found: Sequence[Host], result: Result, in_detail: bool = False) -> None:
    """What real daemons said; with `in_detail` also the status pairs beside the simulated driver's own."""
    table = _table(
        "Real Docker hosts, each after its own scenario of images and containers (not this workload)",
        "host,driver,kernel,Docker,images>,containers>,layers>,SizeRw>,disk used>,disk written>",
        "layers (of images) and SizeRw (of containers): what docker system df says; disk: what the block device said.",
    )
    for host in found:
        writable = [size.size_rw for size in host.container_sizes if size.size_rw is not None]
        table.add_row(
            host.name,
            host.driver,
            host.kernel,
            host.server_version.partition("+")[0],
            _count(host.images),
            _count(host.containers),
            _docker(host.layers_size),
            _docker(sum(writable) if writable else None),
            _docker(host.scenario_space),
            _docker(host.scenario_written),
        )
    if found:
        _show(table)
    for host in found if in_detail else ():
        _status(host, result)


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _docker(value: Size | None) -> str:
    return "-" if value is None else size_text(value)


def _status(host: Host, result: Result) -> None:
    """The pairs of `docker info`, real and simulated."""
    run = next(
        (run for run in result if STACKS[run.stack].captured == host.name),
        next((run for run in result if run.driver == host.driver), None),
    )
    simulated = dict(run.status) if run else {}
    table = _table(
        f"docker info of {host.name}, driver {host.driver or 'not told'}",
        f"key,real,simulated ({run.stack if run else 'no stack of this driver'})",
        flow=True,
    )
    table.columns[0].no_wrap = True
    for key, value in host.status:
        table.add_row(key, value, simulated.get(key, "-"))
    _show(table)


def driver_facts() -> list[dict[str, str]]:
    """What each driver is, as plain records."""
    return [
        {
            "driver": name,
            **driver.about._asdict(),
            "stacks": " ".join(stack.name for stack in STACKS.values() if stack.driver == name),
        }
        for name, driver in DRIVERS.items()
    ]


def drivers() -> None:
    """A row for each driver."""
    table = _table("Storage drivers", "driver,what it is,shares,copies at first change,fate in Docker", flow=True)
    for facts in driver_facts():
        table.add_row(*list(facts.values())[:-1], end_section=True)
    _show(table)


def generators(found: Mapping[str, Any]) -> None:
    """The generators of workloads with the first line of their documentation."""
    table = _table("snapsim workload NAME [--seed N] [--set KEY=VALUE]", "name,what it does", flow=True)
    for name, generator in found.items():
        table.add_row(name, (generator.__doc__ or "").strip().split("\n")[0])
    _show(table)


def why(answer: Mapping[str, Any]) -> None:
    """The ledger of a driver, as `snapsim.why.why` gives it: owners, layers, hidden files."""
    seen = answer["bytes"]
    table = _table(f"Who pins which bytes, on {answer['driver']}: {format_size(answer['allocated'])} in use",
                   "kind,name,made by,holds>,alone>,shared>,with>,frees>,du>,Docker's>", _WHY.format(
                       du=format_size(answer["du"]), unseen=format_size(seen["unseen"]),
                       rest=format_size(seen["in_no_file"]), containers=format_size(answer["prune"]["containers"])))
    for row in (*answer["owners"], *answer["layers"]):
        sizes = [row["held"], row["exclusive"], row["shared"], row["frees"], row.get("du"), _docker_size(row)]
        cells = ["-" if size is None else format_size(size) for size in sizes]
        cells.insert(3, str(len(row["partners"])))
        table.add_row(row["kind"], _name(row["name"]), _short(row["step"], 22), *cells)
    _show(table)
    _hidden(answer["hidden"])


def _docker_size(row: Mapping[str, Any]) -> int | None:
    """Of a layer what Docker records, of an image its Size, of a container its SizeRw."""
    told: dict[str, int] = {**row, **row.get("docker", {})}
    return told.get("apparent", told.get("Size", told.get("SizeRw")))


_WHY = """\
frees: what removing this one alone gives back; all containers together give {containers}. All du add up to {du}.
Docker's: the size that it recorded for a layer, SIZE of an image, SIZE of a container in docker ps -s.
{unseen} are in files that no image and no container shows, {rest} in no file (the rest of pool blocks, extents)."""


def _hidden(files: Sequence[Mapping[str, Any]]) -> None:
    table = _table("Files that occupy space unseen (again: bytes that the hiding layer holds once more, the same)",
                   "file,bytes>,made by,in layer,why,hidden by,again>,seen by")
    for file in files:
        seen_by = ", ".join(file["seen_by"]) or "nobody"
        table.add_row(_short(file["path"], 16), format_size(file["size"]), _short(file["step"], 17),
                      _name(file["holder"]), _short(file["why"], 20), _short(file["hiding_step"], 20),
                      format_size(file["again"]), _short(seen_by, 16))
    if files:
        _show(table)


def _name(id: str) -> str:
    """A name of up to 18 characters; of Docker's 64 digits the first 12, and whether it is an init layer."""
    digits, dash, rest = id.partition("-")
    return f"{digits[:12]}{dash}{rest}" if len(digits) == 64 else _short(id, 18)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most - 1] + "…"


def replay(found: Sequence[Mapping[str, Any]]) -> None:
    """Bytes by device for each row of a trace."""
    table = _table("Replay", "row>,scenario,workload,read and written")
    for row in found:
        bytes_ = {
            name: figures
            for name, figures in row["figures"].items()
            if isinstance(figures, dict) and "written_bytes" in figures
        }
        table.add_row(
            str(row["row"]),
            row["scenario"],
            str(row["workload"] or ""),
            "  ".join(
                f"{name}: {figures['read_bytes']:,} / {figures['written_bytes']:,}" for name, figures in bytes_.items()
            ),
        )
    _show(table)
