"""``snapsim why``: who pins which bytes after a scenario of images and containers, and what hides files."""

import argparse
from typing import Any

from snapsim.cli.output import count, formats, save
from snapsim.show.terminal import write, write_json

TEXT = "who pins which bytes after a scenario of images and containers, and what hides files"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("scenario", nargs="?", default="", help="a scenario file, or -; the shipped one when left out")
    what.add_argument(
        "--image",
        nargs="?",
        const="",
        metavar="PATH",
        help="a real image: docker save's tar, or an OCI image layout; the shipped one without PATH",
    )
    where = command.add_mutually_exclusive_group()
    where.add_argument("--driver", default="overlay2", metavar="D", help="on the first stack of a driver (overlay2)")
    where.add_argument("--stack", metavar="S", help="on a stack")
    command.add_argument(
        "--top", type=count, metavar="N", help="so many hidden files, the largest (all; 20 in the table of an --image)"
    )
    command.add_argument("--docker-version", default="20.10", metavar="V", help="whose rules: 20.10 (default) to 29")
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.docker.disk_usage import usage
    from snapsim.docker.who_pins import why
    from snapsim.show import plots as plot
    from snapsim.show.tables import space

    stack, engine = _engine(options)
    _fill(options, engine)
    book = engine.ledger()  # before Docker is asked, which mounts what it measures
    answer = {"stack": stack.name, **why(engine.driver, book, usage(engine), engine.version)}
    top = 20 if options.image is not None and options.top is None and options.format == "table" else options.top
    if top is not None:
        answer["hidden"] = sorted(answer["hidden"], key=lambda file: -file["size"])[:top]
    if options.plot:
        parts = [(row["name"], row["exclusive"], row["shared"]) for row in answer["owners"]]
        save(plot.ledger_bars(parts, answer["allocated"], title=f"Who holds what on {stack.name}"), options.plot)
    if options.format == "json":
        write_json(answer)
    else:
        space.tools(answer["tools"], answer["basis"])
        space.why(answer)
        if options.plot:
            write(f"Figure: {options.plot}")


def _fill(options: argparse.Namespace, engine: Any) -> None:
    """Load the images of the archive, or play the scenario."""
    from snapsim.docker import scenario, scenario_player
    from snapsim.docker.df import SCENARIO
    from snapsim.docker.load_image import load
    from snapsim.images import archive as image_archive

    if options.image is not None:
        for image in image_archive.read_images(options.image or str(image_archive.EXAMPLE)):
            load(engine, image)
    else:
        scenario_player.play(scenario.load(options.scenario or str(SCENARIO)), engine, options.scenario)


def _engine(options: argparse.Namespace) -> tuple[Any, Any]:
    """The stack that --stack or --driver names (the first one of a driver), and a fresh engine on it."""
    from snapsim.base.choose import choose
    from snapsim.docker.daemon_config import DaemonConfig
    from snapsim.docker.engine import Engine
    from snapsim.docker.figures import parse_version
    from snapsim.lab.stacks import FIRST, STACKS

    release = parse_version(options.docker_version)
    stack = choose(options.stack, STACKS, "stack") if options.stack else choose(options.driver, FIRST, "driver")
    return stack, Engine(lambda driver, opts: stack.make(), DaemonConfig(stack.driver), release)
