"""``snapsim replay``: play a recorded trace of a real target and print the model's figures."""

import argparse
from pathlib import Path

from snapsim.cli.output import formats
from snapsim.show.terminal import write_json

TEXT = "play a recorded trace of a real target and print the model's figures"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("trace", help="a trace file, - for standard input; or dm-snapshot, dm-thin, zfs")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.errors import InvalidInput
    from snapsim.fidelity import replay
    from snapsim.fidelity.replays import PLAYERS
    from snapsim.measure import trace
    from snapsim.measure.measurements import TRACES, shipped
    from snapsim.show.tables import replay as replay_table

    if options.trace not in (*TRACES, "-") and not Path(options.trace).exists():
        raise InvalidInput(f"no such file: a trace file, - or one of {', '.join(TRACES)} is allowed", options.trace)
    path = shipped(options.trace) if options.trace in TRACES else options.trace
    found = replay.replay(trace.load(path), PLAYERS, path)
    if options.format == "json":
        write_json(found)
    else:
        replay_table.replay(found)
