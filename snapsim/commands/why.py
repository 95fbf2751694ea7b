"""``snapsim why``: who pins which bytes after a scenario of images and containers, and what hides files."""

import argparse
from typing import Any

from ..output import formats, save, write, write_json

TEXT = "who pins which bytes after a scenario of images and containers, and what hides files"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("scenario", nargs="?", default="", help="a scenario file, or -; the shipped one when left out")
    where = command.add_mutually_exclusive_group()
    where.add_argument("--driver", default="overlay2", metavar="D", help="on the first stack of a driver (overlay2)")
    where.add_argument("--stack", metavar="S", help="on a stack")
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from .. import plot, scenario, scenario_player, tables
    from ..df import SCENARIO
    from ..why import why

    stack, engine = _engine(options)
    scenario_player.play(scenario.load(options.scenario or str(SCENARIO)), engine, options.scenario)
    answer = {"stack": stack.name, **why(engine.driver, engine.ledger())}
    if options.plot:
        parts = [(row["name"], row["exclusive"], row["shared"]) for row in answer["owners"]]
        save(plot.ledger_bars(parts, answer["allocated"], title=f"Who holds what on {stack.name}"), options.plot)
    if options.format == "json":
        write_json(answer)
    else:
        tables.why(answer)
        if options.plot:
            write(f"Figure: {options.plot}")


def _engine(options: argparse.Namespace) -> tuple[Any, Any]:
    """The stack that --stack or --driver names (the first one of a driver), and a fresh engine on it."""
    from ..daemon_config import DaemonConfig
    from ..engine import Engine
    from ..experiment import choose
    from ..stacks import STACKS

    first = {stack.driver: stack for stack in reversed(STACKS.values())}
    stack = choose(options.stack, STACKS, "stack") if options.stack else choose(options.driver, first, "driver")
    return stack, Engine(lambda driver, opts: stack.make(), DaemonConfig(stack.driver))
