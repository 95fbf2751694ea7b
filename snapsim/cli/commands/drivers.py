"""``snapsim drivers``: what each storage driver is, what it shares, and its fate in Docker."""

import argparse

from ..output import formats, write_json

TEXT = "what each storage driver is, what it shares, and its fate in Docker"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from .. import tables

    if options.format == "json":
        write_json(tables.driver_facts())
    else:
        tables.drivers()
