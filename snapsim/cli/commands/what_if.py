"""``snapsim what-if``: what a host's own images and containers would take and cost on every other stack."""

import argparse
from typing import Any

from snapsim.cli.host_option import host_options
from snapsim.cli.output import formats, save
from snapsim.show.terminal import write, write_json

TEXT = "what a host's own images and containers would take and cost under each driver, and how certain that is"
EXAMPLE = "overlay2"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    host_options(command)
    command.add_argument("--image", metavar="PATH", help="a real image: docker save's tar, or an OCI image layout")
    command.add_argument("--workload", metavar="FILE", help="also carry out these workloads and print their bill")
    command.add_argument("--stack", action="append", default=[], metavar="S", help="only this stack; may be repeated")
    command.add_argument("--driver", action="append", default=[], metavar="D", help="only the stacks of a driver")
    command.add_argument("--file-size", default="1M", metavar="N", help="of the file of the first write (1M)")
    command.add_argument("--containers", type=int, metavar="N", help="so many read each image; as many as there are")
    command.add_argument("--device", default="ssd", metavar="P", help="of the bill: hdd, ssd, nvme, network")
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    _of_image(options) if options.image else _of_host(options)


def _of_host(options: argparse.Namespace) -> None:
    """Sizes of layers and no file trees: figures where they are certain, bounds where they are not."""
    from snapsim.base.units import parse_size
    from snapsim.hosts import what_if
    from snapsim.lab import experiment
    from snapsim.lab.stacks import USUAL
    from snapsim.lab.workload import load
    from snapsim.show.tables import runs
    from snapsim.show.tables import what_if as what_if_tables

    place = "--docker" if options.docker is not None else f"--host {options.host or EXAMPLE}"
    host, stacks, size = _host(options), _stacks(options), parse_size(options.file_size, "--file-size")
    workloads = load(options.workload) if options.workload else []
    rows = what_if.what_if(host, stacks, size, options.containers, place)
    result = experiment.compare(workloads, stacks, options.device, options.workload) if workloads else None
    if options.plot:
        from snapsim.show import plots as plot

        save(plot.what_if_bars(rows, f"{host.name}: the same images and containers on each stack"), options.plot)
    if options.format == "json":
        write_json(what_if_tables.answer(host, rows, result.records() if result else ()))
        return
    what_if_tables.print_answer(host, rows)
    if result:
        runs.bill(result, workloads, USUAL)
    if options.plot:
        write(f"Figure: {options.plot}")


def _of_image(options: argparse.Namespace) -> None:
    """Real file trees, applied on every stack: no bounds are needed."""
    from snapsim.base.errors import InvalidInput
    from snapsim.docker.image_trial import of_images
    from snapsim.images.archive import read_images
    from snapsim.show.tables import images as image_tables

    for option in ("host", "docker", "workload", "plot"):
        if getattr(options, option) is not None:
            raise InvalidInput("not with --image, whose figures are exact and of the image alone", f"--{option}")
    images = [(image.name, [layer.diff for layer in image.layers]) for image in read_images(options.image)]
    number = 1 if options.containers is None else options.containers
    records = [trial.record() for trial in of_images(images, _stacks(options), number)]
    if options.format == "json":
        write_json({"archive": options.image, "images": [name for name, _ in images], "stacks": records})
    else:
        image_tables.trials([name for name, _ in images], number, records)


def _host(options: argparse.Namespace) -> Any:
    """The host that is named, else a shipped capture; then a table says which there are."""
    from snapsim.cli.host_option import chosen_host
    from snapsim.hosts.reading import captures, load_host

    host = chosen_host(options)
    if host is None and options.format == "table":
        write(f"No --host and no --docker: this is the shipped capture {EXAMPLE}, of {', '.join(captures())}.\n")
    return host or load_host(EXAMPLE)


def _stacks(options: argparse.Namespace) -> list[str]:
    """All that a daemon can stand on, unless some are named."""
    from snapsim.base.choose import choose
    from snapsim.hosts.what_if import CANDIDATES
    from snapsim.lab.stacks import STACKS

    drivers = dict.fromkeys(STACKS[name].driver for name in CANDIDATES)
    named = [choose(driver, dict(zip(drivers, drivers, strict=True)), "driver") for driver in options.driver]
    wanted = [name for driver in named for name in CANDIDATES if STACKS[name].driver == driver]
    wanted += [choose(name, STACKS, "stack").name for name in options.stack]
    return list(dict.fromkeys(wanted)) or list(CANDIDATES)
