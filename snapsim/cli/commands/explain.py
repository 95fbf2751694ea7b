"""``snapsim explain``: tell the story of one write, step by step."""

import argparse

from snapsim.show.terminal import write

TEXT = "tell the story of one write, step by step"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("mechanism", nargs="?", help="a mechanism or a driver; a list of them when left out")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.course.stories import explain

    if options.mechanism is None:
        write("\n".join(explain.STORIES))
    else:
        write(explain.explain(options.mechanism))
