"""``snapsim capture``: keep a live Docker host in one file."""

import argparse

from snapsim.show.terminal import write

TEXT = "keep what a live Docker host stores (sizes, layers, history) in one file"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "--docker", nargs="?", metavar="URL", help="the daemon: unix:///..., tcp://...; DOCKER_HOST's when left out"
    )
    command.add_argument("--anonymous", action="store_true", help="replace names, ids and digests by numbers")
    command.add_argument("--output", "-o", metavar="FILE", help="write a file, whole or not at all; else print")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.hosts.capture import capture, dumps, save

    kept = capture(options.docker, options.anonymous)
    if options.output is None:
        write(dumps(kept))
    else:
        save(kept, options.output)
