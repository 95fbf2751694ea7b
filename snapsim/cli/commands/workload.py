"""``snapsim workload``: write a workload of a generator to standard output."""

import argparse
import re

from snapsim.show.terminal import write

TEXT = "write a workload of a generator to standard output"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("name", nargs="?", help="the generator; a list of them when left out")
    command.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers")
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the generator")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.errors import InvalidInput
    from snapsim.lab.generators import GENERATORS, generate
    from snapsim.lab.workload import dump
    from snapsim.show.tables import generators as generator_table

    if options.name is None:
        generator_table.generators(GENERATORS)
        return
    parameters = {}
    for setting in options.set:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InvalidInput(f"{setting!r} is not allowed: KEY=VALUE", "--set")
        parameters[key] = int(value) if re.fullmatch("-?[0-9]{1,18}", value) else value
    write(dump([generate(options.name, options.seed, **parameters)]))
