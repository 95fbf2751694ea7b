"""``snapsim replay``: play a recorded trace of a real target and print the model's figures."""

import argparse
from pathlib import Path

from ..output import formats, write_json

TEXT = "play a recorded trace of a real target and print the model's figures"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("trace", help="a trace file, - for standard input; or dm-snapshot, dm-thin, zfs")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from .. import replay, tables
    from ..errors import InvalidInput
    from ..measurements import TRACES, shipped
    from ..replays import PLAYERS

    if options.trace not in (*TRACES, "-") and not Path(options.trace).exists():
        raise InvalidInput(f"no such file: a trace file, - or one of {', '.join(TRACES)} is allowed", options.trace)
    path = shipped(options.trace) if options.trace in TRACES else options.trace
    found = replay.replay(replay.load(path), PLAYERS, path)
    if options.format == "json":
        write_json(found)
    else:
        tables.replay(found)
