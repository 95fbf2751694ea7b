"""``snapsim measure``: carry a workload or a trace out on the running kernel and count what reaches a block device."""

import argparse
from collections.abc import Callable
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.cli.output import formats
from snapsim.show.terminal import to_json, write, write_json

TEXT = "carry a workload out on the running kernel (as root, on Linux) and count what reaches a block device"
_DISK = "2G"
_LEAST_DISK = 300 << 20
"""What mkfs.xfs asks for; one limit for all, since measurements are laid beside each other."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "workload",
        nargs="?",
        help="a workload file, - for standard input; a trace file, or dm-snapshot, dm-thin: the shipped one",
    )
    command.add_argument(
        "--stack",
        metavar="S",
        help="overlay2-ext4, overlay2-xfs, btrfs, vfs-ext4, ...; for a trace dm-snapshot, dm-thin",
    )
    command.add_argument(
        "--clean", action="store_true", help="thaw and remove what killed measurements left behind; nothing else"
    )
    command.add_argument("--repetitions", type=int, default=3, metavar="N", help="each on a fresh disk (3)")
    command.add_argument("--disk", metavar="SIZE", help=f"size of the disk, a sparse file ({_DISK}); a trace says it")
    command.add_argument("--directory", metavar="DIR", help="where that file lies; the directory for temporary files")
    command.add_argument(
        "--scenario", action="append", default=[], metavar="NAME", help="of a trace; may be repeated; all when left out"
    )
    command.add_argument("--output", "-o", metavar="FILE", help="keep the measurement, for compare and fidelity")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from rich.console import Console
    from rich.progress import Progress

    from snapsim.base.atomic_write import replace_file
    from snapsim.measure.kernel import TARGETS

    if options.clean:
        _clean(options)
        return
    for name in ("workload", "stack"):
        if getattr(options, name) is None:
            raise InvalidInput("is missing", {"workload": "WORKLOAD", "stack": "--stack"}[name])
    traced = options.stack in TARGETS
    total, measure = _trace(options) if traced else _workloads(options)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(options.stack, total=total * max(options.repetitions, 0))
        found = measure(lambda name: bar.advance(task))
    if options.output:
        replace_file(options.output, to_json(found) + "\n")
    if options.format == "json":
        write_json(found)
    else:
        _print(found, traced)
        if options.output:
            write(f"Measurement: {options.output}")


def _clean(options: argparse.Namespace) -> None:
    from snapsim.measure.kernel.leftovers import clean_up

    for name in ("workload", "stack", "output", "disk", "directory"):
        if getattr(options, name) is not None:
            raise InvalidInput("goes with nothing else", "--clean")
    found = clean_up()
    write(f"Removed: {', '.join(found)}" if found else "Nothing was left behind.")


_Measure = Callable[[Callable[[str], object]], dict[str, Any]]


def _workloads(options: argparse.Namespace) -> tuple[int, _Measure]:
    """How many there are, and what measures them."""
    from snapsim.base.units import parse_size
    from snapsim.lab.workload import load
    from snapsim.measure.kernel import measure

    if options.scenario:
        raise InvalidInput(f"{options.stack} is measured with a workload, which has no scenarios", "--scenario")
    workloads, size = load(options.workload), parse_size(options.disk or _DISK, "--disk")
    if size < _LEAST_DISK:
        raise InvalidInput(f"{options.disk} is not allowed: 300 MiB at least, or XFS cannot be made on it", "--disk")
    return len(workloads), lambda progress: measure(
        workloads, options.stack, options.repetitions, size, options.directory, progress
    )


def _trace(options: argparse.Namespace) -> tuple[int, _Measure]:
    """How many scenarios there are, and what measures them."""
    from snapsim.base.choose import choose
    from snapsim.measure.kernel import measure_trace
    from snapsim.measure.measurements import TRACES, shipped
    from snapsim.measure.trace import load

    if options.disk:
        raise InvalidInput("a trace says how large its disks are", "--disk")
    rows = load(shipped(options.workload) if options.workload in TRACES else options.workload)
    names = dict.fromkeys([row["scenario"] for row in rows])
    wanted = {choose(name, dict.fromkeys(names, name), "scenario") for name in options.scenario} or set(names)
    rows = [row for row in rows if row["scenario"] in wanted]
    return len(wanted), lambda progress: measure_trace(
        rows, options.stack, options.repetitions, options.directory, progress
    )


def _print(found: dict[str, Any], traced: bool) -> None:
    from snapsim.show.tables import measured as measured_tables

    if traced:
        measured_tables.traces(found)
    else:
        measured_tables.figures(found)
