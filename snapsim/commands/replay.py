"""``snapsim replay``: play a recorded trace of a real target and print the model's figures."""

import argparse

from ..output import formats, write_json

TEXT = "play a recorded trace of a real target and print the model's figures"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("trace", help="a trace file, - for standard input")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from .. import replay, tables
    from ..replays import PLAYERS

    found = replay.replay(replay.load(options.trace), PLAYERS, options.trace)
    if options.format == "json":
        write_json(found)
    else:
        tables.replay(found)
