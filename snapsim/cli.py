"""The command line: one function a command; errors are one line on standard error and exit status 2.

Heavy modules are imported by the command that needs them, so that ``snapsim --help`` is quick.

What it leaves out: any calculation. Every figure that is printed here can be had from the same functions in Python.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .errors import SnapsimError

DEFAULT_STACKS = ("overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "vfs-ext4", "ext4-plain")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process when left out.

    Returns
    -------
    int
        0, or 2 for an argument or a file that is not allowed.

    Examples
    --------
    >>> main(["info", "overlay2"])
     Storage Driver: overlay2
      Backing Filesystem: extfs
      Supports d_type: true
      Native Overlay Diff: true
      userxattr: false
    0
    """
    options = parser().parse_args(arguments)
    try:
        options.command(options)
        sys.stdout.flush()
    except SnapsimError as error:
        sys.stderr.write(f"snapsim: {' '.join(str(error).split())}\n")
        return 2
    except BrokenPipeError:  # the reader has seen enough, as in `snapsim ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="snapsim", description="What does a write cost under each storage driver?")
    top.add_argument("--version", action="version", version=f"snapsim {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=run)
        return made

    compare = command("compare", _compare, "carry a workload out on several stacks and print the bill")
    compare.add_argument(
        "workload", nargs="?", help="a workload file, - for standard input; the shipped one when left out"
    )
    compare.add_argument("--stack", action="append", default=[], metavar="S", help="a stack, or all; may be repeated")
    compare.add_argument("--driver", action="append", default=[], metavar="D", help="all stacks of a driver")
    compare.add_argument(
        "--device", default="ssd", metavar="P", help="profile of the estimate: hdd, ssd, nvme, network"
    )
    compare.add_argument("--host", metavar="FILE", help="docker info or system df of a real host, or a shipped capture")
    compare.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    _formats(compare, "table", "json", "csv")

    workload = command("workload", _workload, "write a workload of a generator to standard output")
    workload.add_argument("name", nargs="?", help="the generator; a list of them when left out")
    workload.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers")
    workload.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the generator"
    )

    why = command("why", _why, "who pins which bytes after a scenario of images and containers, and what hides files")
    why.add_argument("scenario", help="a scenario file, - for standard input")
    where = why.add_mutually_exclusive_group()
    where.add_argument("--driver", default="overlay2", metavar="D", help="on the first stack of a driver (overlay2)")
    where.add_argument("--stack", metavar="S", help="on a stack")
    why.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    _formats(why, "table", "json")

    explain = command("explain", _explain, "tell the story of one write, step by step")
    explain.add_argument("mechanism", nargs="?", help="a mechanism or a driver; a list of them when left out")

    drivers = command("drivers", _drivers, "what each storage driver is, what it shares, and its fate in Docker")
    _formats(drivers, "table", "json")

    df = command("df", _df, "what `docker system df` would say after a scenario of images and containers")
    df.add_argument("scenario", nargs="?", default="", help="a scenario file, - for standard input, or the shipped one")
    df.add_argument("--driver", default="", metavar="D", help="a driver, or overlayfs for containerd's image store")
    df.add_argument("--stack", default="", metavar="S", help="a stack")
    df.add_argument("--docker-version", default="", metavar="V", help="whose rules: 20.10 (default) to 29")
    _formats(df, "table", "json")

    info = command("info", _info, "the storage part of `docker info`, as the simulated driver prints it")
    info.add_argument("driver", help="a driver or a stack")

    replay = command("replay", _replay, "play a recorded trace of a real target and print the model's figures")
    replay.add_argument("trace", help="a trace file, - for standard input")
    _formats(replay, "table", "json")
    return top


def _formats(command: argparse.ArgumentParser, *names: str) -> None:
    command.add_argument("--format", choices=names, default=names[0], help="how to print")


def _write(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _json(records: Any) -> None:
    _write(json.dumps(records, indent=1, allow_nan=False))


# -------------------------------------------------------------------- compare


def _compare(options: argparse.Namespace) -> None:
    from . import experiment, tables
    from .dockerdata import load_host
    from .workload import load

    path = options.workload or str(Path(__file__).parent / "data/workloads/demo.json")
    workloads, stacks = load(path), _stacks(options)
    host = load_host(options.host, "--host") if options.host else None
    result = experiment.compare(workloads, stacks, options.device, path)
    hosts = [host] if host else tables.captured(stacks)
    if options.plot:
        _plot(result, hosts, options.plot)
    if options.format == "json":
        _json(result.records())
    elif options.format == "csv":
        _write(result.to_csv())
    else:
        tables.bill(result, workloads)
        tables.hosts(hosts, result, in_detail=host is not None)
        if options.plot:
            _write(f"Figure: {options.plot}")


def _stacks(options: argparse.Namespace) -> list[str]:
    from .experiment import choose
    from .stacks import STACKS

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


def _plot(result: Any, hosts: Any, path: str) -> None:
    from . import plot

    _save(plot.cost_bars(result, hosts=hosts), path)


def _save(figure: Any, path: str) -> None:
    from . import plot
    from .errors import InvalidInput

    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot be written: {error.strerror}", path) from None
    plot.save(figure, path)


# -------------------------------------------------------------------- the others


def _workload(options: argparse.Namespace) -> None:
    from . import tables
    from .errors import InvalidInput
    from .generators import GENERATORS, generate
    from .workload import dump

    if options.name is None:
        tables.generators(GENERATORS)
        return
    parameters = {}
    for setting in options.set:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"{setting!r} is not allowed: KEY=VALUE", "--set")
        parameters[key] = int(value) if value.lstrip("-").isdigit() else value
    _write(dump([generate(options.name, options.seed, **parameters)]))


def _why(options: argparse.Namespace) -> None:
    from . import plot, scenario, scenario_player, tables
    from .why import why

    stack, engine = _engine(options)
    scenario_player.play(scenario.load(options.scenario), engine, options.scenario)
    answer = {"stack": stack.name, **why(engine.driver, engine.ledger())}
    if options.plot:
        parts = [(row["name"], row["exclusive"], row["shared"]) for row in answer["owners"]]
        _save(plot.ledger_bars(parts, answer["allocated"], title=f"Who holds what on {stack.name}"), options.plot)
    if options.format == "json":
        _json(answer)
    else:
        tables.why(answer)
        if options.plot:
            _write(f"Figure: {options.plot}")


def _engine(options: argparse.Namespace) -> tuple[Any, Any]:
    """The stack that --stack or --driver names (the first one of a driver), and a fresh engine on it."""
    from .daemon_config import DaemonConfig
    from .engine import Engine
    from .experiment import choose
    from .stacks import STACKS

    first = {stack.driver: stack for stack in reversed(STACKS.values())}
    stack = choose(options.stack, STACKS, "stack") if options.stack else choose(options.driver, first, "driver")
    return stack, Engine(lambda driver, opts: stack.make(), DaemonConfig(stack.driver))


def _explain(options: argparse.Namespace) -> None:
    from . import explain

    if options.mechanism is None:
        _write("\n".join(explain.STORIES))
    else:
        _write(explain.explain(options.mechanism))


def _drivers(options: argparse.Namespace) -> None:
    from . import tables

    if options.format == "json":
        _json(tables.driver_facts())
    else:
        tables.drivers()


def _df(options: argparse.Namespace) -> None:
    from .df import report

    _write(report(options.scenario, options.driver, options.stack, options.docker_version, options.format))


def _info(options: argparse.Namespace) -> None:
    from .experiment import choose
    from .host import Host, status_block
    from .stacks import STACKS

    first = {stack.driver: stack for stack in reversed(STACKS.values())}
    stack = choose(options.driver, {**first, **STACKS}, "driver or stack")
    sys.stdout.write(status_block(Host("simulated", stack.driver, tuple(stack.make().status()))))


def _replay(options: argparse.Namespace) -> None:
    from . import replay, tables
    from .replays import PLAYERS

    found = replay.replay(replay.load(options.trace), PLAYERS, options.trace)
    if options.format == "json":
        _json(found)
    else:
        tables.replay(found)
