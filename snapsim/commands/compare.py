"""``snapsim compare``: carry a workload out on several stacks and print the bill."""

import argparse
from pathlib import Path

from ..output import formats, save, write, write_json

TEXT = "carry a workload out on several stacks and print the bill"

DEFAULT_STACKS = ("overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "vfs-ext4", "ext4-plain")


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "workload", nargs="?", help="a workload file, - for standard input; the shipped one when left out"
    )
    command.add_argument("--stack", action="append", default=[], metavar="S", help="a stack, or all; may be repeated")
    command.add_argument("--driver", action="append", default=[], metavar="D", help="all stacks of a driver")
    command.add_argument(
        "--device", default="ssd", metavar="P", help="profile of the estimate: hdd, ssd, nvme, network"
    )
    command.add_argument("--host", metavar="FILE", help="docker info or system df of a real host, or a shipped capture")
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    formats(command, "table", "json", "csv")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from .. import experiment, tables
    from ..dockerdata import load_host
    from ..workload import load

    path = options.workload or str(Path(__file__).parents[1] / "data/workloads/demo.json")
    workloads, stacks = load(path), _stacks(options)
    host = load_host(options.host, "--host") if options.host else None
    result = experiment.compare(workloads, stacks, options.device, path)
    hosts = [host] if host else tables.captured(stacks)
    if options.plot:
        from .. import plot

        save(plot.cost_bars(result, hosts=hosts), options.plot)
    if options.format == "json":
        write_json(result.records())
    elif options.format == "csv":
        write(result.to_csv())
    else:
        tables.bill(result, workloads)
        tables.hosts(hosts, result, in_detail=host is not None)
        if options.plot:
            write(f"Figure: {options.plot}")


def _stacks(options: argparse.Namespace) -> list[str]:
    from ..experiment import choose
    from ..stacks import STACKS

    drivers = {stack.driver for stack in STACKS.values()}
    wanted = [
        name
        for driver in options.driver
        for name in STACKS
        if STACKS[name].driver == choose(driver, dict.fromkeys(sorted(drivers), driver), "driver")
    ]
    for name in options.stack:
        wanted += list(STACKS) if name == "all" else [choose(name, STACKS, "stack").name]
    return list(dict.fromkeys(wanted)) or list(DEFAULT_STACKS)
