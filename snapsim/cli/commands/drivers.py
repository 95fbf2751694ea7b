"""``snapsim drivers``: what each storage driver is, what it shares, and its fate in Docker."""

import argparse

from snapsim.cli.output import formats
from snapsim.show.terminal import write_json

TEXT = "what each storage driver is, what it shares, and its fate in Docker"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.show.tables import drivers as driver_table

    if options.format == "json":
        write_json(driver_table.driver_facts())
    else:
        driver_table.drivers()
