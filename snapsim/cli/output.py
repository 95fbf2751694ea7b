"""What commands print and write: text, JSON, figures; and the option that says in which form.

What it leaves out: tables, which are made in `tables`.
"""

import argparse
from pathlib import Path
from typing import Any


def formats(command: argparse.ArgumentParser, *names: str) -> None:
    """The option --format, whose default is the first name."""
    command.add_argument("--format", choices=names, default=names[0], help="how to print")


def count(text: str) -> int:
    """A whole number, as `argparse` takes its types."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: a whole number from 0 on")
    return int(text)


def save(figure: Any, path: str) -> None:
    """Write a figure, its folder made where it is missing; InvalidInput where that cannot be."""
    from snapsim.base.errors import InvalidInput
    from snapsim.show import plots as plot

    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot be written: {error.strerror}", path) from None
    plot.save(figure, path)
