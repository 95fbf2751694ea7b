"""``snapsim measure``: carry a workload out on the running kernel and count what reaches a block device."""

import argparse
import sys

from ..output import formats, to_json, write, write_json

TEXT = "carry a workload out on the running kernel (as root, on Linux) and count what reaches a block device"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("workload", help="a workload file, - for standard input")
    command.add_argument(
        "--stack", required=True, metavar="S", help="overlay2-ext4, overlay2-xfs, btrfs, vfs-ext4, ..."
    )
    command.add_argument("--repetitions", type=int, default=3, metavar="N", help="each on a fresh disk (3)")
    command.add_argument("--disk", default="2G", metavar="SIZE", help="size of the disk, a sparse file (2G)")
    command.add_argument("--directory", metavar="DIR", help="where that file lies; the directory for temporary files")
    command.add_argument("--output", "-o", metavar="FILE", help="keep the measurement, for compare --measured")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from tqdm import tqdm

    from ..kernel import measure
    from ..replacing import replace_file
    from ..units import parse_size
    from ..workload import load

    workloads = load(options.workload)
    with tqdm(total=len(workloads) * max(options.repetitions, 0), disable=not sys.stderr.isatty()) as bar:
        found = measure(
            workloads,
            options.stack,
            options.repetitions,
            parse_size(options.disk, "--disk"),
            options.directory,
            lambda name: bar.update(),
        )
    if options.output:
        replace_file(options.output, to_json(found) + "\n")
    if options.format == "json":
        write_json(found)
    else:
        from .. import measured_tables

        measured_tables.figures(found)
        if options.output:
            write(f"Measurement: {options.output}")
