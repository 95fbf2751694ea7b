"""``snapsim bill``: what the last commands of a simulated daemon cost, by purpose, and the story of their I/O."""

import argparse

from snapsim.cli.output import count, formats
from snapsim.show.terminal import write, write_json

TEXT = "what the last commands of a simulated daemon cost, by purpose, and the story of their I/O"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("--last", type=count, default=1, metavar="N", help="so many commands (1)")
    command.add_argument("--container", default="", metavar="C", help="of one container")
    command.add_argument("--host", default="", metavar="URL", help="the daemon; that of DOCKER_HOST when left out")
    formats(command, "table", "json")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.serve.client import default_url, get
    from snapsim.show.tables.bills import bills

    asked = {"last": str(options.last), "container": options.container}
    found = get(options.host or default_url(), "/snapsim/bill", **{key: value for key, value in asked.items() if value})
    if options.format == "json":
        write_json(found)
    elif not found:
        write("No command has cost anything yet.")
    else:
        bills(found)
