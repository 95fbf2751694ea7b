"""``snapsim df``: what `docker system df` would say after a scenario of images and containers."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write

TEXT = "what `docker system df` would say after a scenario of images and containers"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("scenario", nargs="?", default="", help="a scenario file, or -; the shipped one when left out")
    command.add_argument("--driver", default="", metavar="D", help="a driver; overlayfs: containerd's image store")
    command.add_argument("--stack", default="", metavar="S", help="a stack")
    command.add_argument("--docker-version", default="", metavar="V", help="whose rules: 20.10 (default) to 29")
    command.add_argument("--verbose", "-v", action="store_true", help="each image, container, volume and cache record")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.docker.df import report

    write(
        report(options.scenario, options.driver, options.stack, options.docker_version, options.format, options.verbose)
    )
