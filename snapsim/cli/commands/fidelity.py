"""``snapsim fidelity``: every measured row beside its prediction, and how many are within the demand."""

import argparse
from typing import TYPE_CHECKING

from snapsim.cli.output import formats, save
from snapsim.show.terminal import write, write_json

if TYPE_CHECKING:
    from snapsim.fidelity.comparison import Comparison

TEXT = "how near are the predictions to what was measured on real kernels"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument(
        "--stack",
        action="append",
        default=[],
        metavar="S",
        help="a measured stack or target; may be repeated; all when left out",
    )
    command.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="FILE",
        help="a measurement of your own (snapsim measure --output), - for standard input",
    )
    command.add_argument("--rows", action="store_true", help="print every figure of every row")
    command.add_argument("--plot", metavar="FILE", help="write a figure: .png, .svg or .pdf")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.fidelity import summary as agreement

    judged = [row for name in _paths(options) for row in _judge(name)]
    if options.plot:
        from snapsim.show import plots as plot

        save(plot.fidelity(judged), options.plot)
    if options.format == "json":
        write_json(agreement.report(judged))
    else:
        _print(judged, options)


def _paths(options: argparse.Namespace) -> list[str]:
    from snapsim.measure.measurements import names, shipped

    chosen = options.stack or ([] if options.measured else names())
    return [*map(shipped, chosen), *options.measured]


def _judge(path: str) -> "list[Comparison]":
    from snapsim.fidelity.judge import judge_all
    from snapsim.measure.measurements import load

    return judge_all(load(path), path)


def _print(judged: "list[Comparison]", options: argparse.Namespace) -> None:
    from snapsim.fidelity import limitations as left_out
    from snapsim.fidelity import summary as agreement
    from snapsim.show.tables import fidelity as fidelity_tables

    if options.rows:
        fidelity_tables.rows(judged)
    shares = [*agreement.shares(judged), *agreement.whole(judged)]
    fidelity_tables.shares(shares)
    fidelity_tables.both(shares)
    fidelity_tables.fits(agreement.fits(judged))
    fidelity_tables.worst(agreement.worst(judged))
    for stack in options.stack:
        fidelity_tables.differences(left_out.left_out(stack), stack)
    if options.plot:
        write(f"Figure: {options.plot}")
