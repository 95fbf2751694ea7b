"""``snapsim compare``: carry a workload out on several stacks and print the bill."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from snapsim.base.errors import InvalidInput
from snapsim.base.shipped import SHIPPED
from snapsim.cli.host_option import host_options
from snapsim.cli.output import formats, save
from snapsim.show.terminal import write, write_json

if TYPE_CHECKING:
    from snapsim.drivers.diff import Diff
    from snapsim.lab.stacks import Assumed
    from snapsim.lab.workload import Workload

TEXT = "carry a workload out on several stacks and print the bill"

LEAST_DISK, MOST_DISK = 300 << 20, 16 << 40
"""Bytes of a disk: what mkfs.xfs asks for, and the most that the volumes of btrfs and ZFS are made for."""
MOST_MS = 3_600_000
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
    command.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="FILE",
        help="lay what `snapsim measure` counted for this workload beside its prediction",
    )
    command.add_argument(
        "--image",
        nargs="?",
        const="",
        metavar="PATH",
        help="a real image (docker save's tar, or an OCI image layout; the shipped one without PATH) "
        "on which the workload's layers and containers stand",
    )
    command.add_argument(
        "--disk", metavar="SIZE", help="size of the disk, such as 2G (64 GiB, for devicemapper 100 GiB)"
    )
    command.add_argument(
        "--notes",
        action=argparse.BooleanOptionalAction,
        help="with the files that Docker keeps beside the layers of overlay2, or without (with them)",
    )
    command.add_argument(
        "--pace",
        metavar="MS",
        help="milliseconds from a write with an fsync to the next: time stamps depend on it (those of an SSD)",
    )
    host_options(command)
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    command.add_argument(
        "--html", metavar="FILE", help="of one workload on two stacks: write a page to step through both side by side"
    )
    formats(command, "table", "json", "csv")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.cli.host_option import chosen_host
    from snapsim.lab import experiment
    from snapsim.lab.workload import load
    from snapsim.show.tables import hosts as host_tables
    from snapsim.show.tables import runs

    path = options.workload or str(SHIPPED / "workloads" / "demo.json")
    if options.measured:
        _refuse_what_has_no_part(options)
        _beside_measurements(load(path), path, options)
        return
    workloads, stacks = load(path), _stacks(options)
    host = chosen_host(options)
    image = [] if options.image is None else _layers(options.image)
    assumed = _assumed(options)
    result = experiment.compare(workloads, stacks, options.device, path, image, assumed)
    hosts = [host] if host else host_tables.captured(stacks)
    if options.html:
        _page(workloads, stacks, options)
    if options.plot:
        from snapsim.show import plots as plot

        save(plot.cost_bars(result, hosts=hosts), options.plot)
    if options.format == "json":
        write_json(result.records())
    elif options.format == "csv":
        write(result.to_csv())
    else:
        runs.bill(result, workloads, assumed)
        host_tables.hosts(hosts, result, in_detail=host is not None)
        if options.plot:
            write(f"Figure: {options.plot}")
        if options.html:
            write(f"Page: {options.html}")


def _page(workloads: "list[Workload]", stacks: list[str], options: argparse.Namespace) -> None:
    """The workload on both stacks, in step."""
    from snapsim.show.player import save_page
    from snapsim.stories.workloads import tell

    if len(workloads) != 1 or len(stacks) != 2 or options.image is not None:
        raise InvalidInput(
            f"{len(workloads)} workloads on {len(stacks)} stacks: a page is of one workload on two "
            "stacks (--stack A --stack B), without --image",
            "--html",
        )
    save_page(options.html, [tell(workloads[0], stack, options.workload or "") for stack in stacks], beside=True)


def _assumed(options: argparse.Namespace) -> "Assumed":
    """What is said of the disk, and what is taken for granted."""
    from snapsim.base.units import parse_size
    from snapsim.lab.stacks import Assumed

    disk = None if options.disk is None else parse_size(options.disk, "--disk")
    if disk is not None and not LEAST_DISK <= disk <= MOST_DISK:
        raise InvalidInput(f"{options.disk} is not allowed: 300 MiB to 16 TiB", "--disk")
    return Assumed(disk, options.notes is not False, None if options.pace is None else _milliseconds(options.pace))


def _milliseconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= MOST_MS:
        raise InvalidInput(f"{text!r} is not allowed: milliseconds, above 0 and up to {MOST_MS:,}", "--pace")
    return found


def _layers(path: str) -> "list[Diff]":
    """The layers of the one image that an archive holds."""
    from snapsim.images import archive as image_archive

    found = image_archive.read_images(path or str(image_archive.EXAMPLE))
    if len(found) != 1:
        raise InvalidInput(
            f"{len(found)} images ({', '.join(image.name for image in found)}): an archive of one is allowed", path
        )
    return [layer.diff for layer in found[0].layers]


def _refuse_what_has_no_part(options: argparse.Namespace) -> None:
    """Options that a comparison with measurements would have to ignore: each measurement names its stack and device."""
    given = {
        "--stack": options.stack,
        "--driver": options.driver,
        "--image": options.image,
        "--host": options.host,
        "--docker": options.docker,
        "--html": options.html,
        "--disk": options.disk,
        "--notes/--no-notes": options.notes,
        "--pace": options.pace,
    }
    for name in (name for name, value in given.items() if value not in (None, [])):
        raise InvalidInput("is not allowed with --measured: the measurement says on what it was taken", name)
    if options.format == "csv":
        raise InvalidInput("csv is not allowed with --measured: table or json", "--format")


def _beside_measurements(workloads: "list[Workload]", path: str, options: argparse.Namespace) -> None:
    """Predicted and measured, with the error, of the rows in which these workloads were measured."""
    from snapsim.fidelity import summary as agreement
    from snapsim.fidelity.judge import device_of, judge
    from snapsim.lab.stacks import Assumed
    from snapsim.lab.workload import from_row
    from snapsim.measure.measurements import load as load_measurement
    from snapsim.measure.measurements import stack_of
    from snapsim.show import plots as plot
    from snapsim.show.tables import fidelity as fidelity_tables

    wanted = [_did(workload) for workload in workloads]
    judged, assumed = [], {}
    for name in options.measured:
        found = load_measurement(name)
        stack = stack_of(found, name)
        device = device_of(found, stack, name)
        assumed[stack] = Assumed(device.disk_bytes, notes=False, fsync_ms=device.fsync_ms)
        for number, row in enumerate(found["rows"]):
            if row.get("figures") and row.get("trace") and _did(from_row(row, f"{name}: rows[{number}]")) in wanted:
                judged.append(judge(row, stack, number, f"{name}: rows[{number}]", device))
    if not judged:
        raise InvalidInput(f"no row of {', '.join(options.measured)} measured a workload of this file", path)
    if options.plot:
        save(plot.fidelity(judged), options.plot)
    if options.format == "json":
        write_json(agreement.report(judged))
    else:
        fidelity_tables.rows(judged, {stack: each.words for stack, each in assumed.items()})
        if options.plot:
            write(f"Figure: {options.plot}")


def _did(workload: "Workload") -> "Workload":
    """What a workload does, whatever it is called."""
    return replace(workload, id="", title="", params={})


def _stacks(options: argparse.Namespace) -> list[str]:
    from snapsim.base.choose import choose
    from snapsim.lab.stacks import STACKS

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
