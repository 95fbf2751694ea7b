"""The command line: one file a command, in `commands/`; errors are one line on standard error and exit status 2.

What it leaves out: any calculation. Every figure that is printed here can be had from the same functions in Python.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from . import __version__
from .commands import (
    capture,
    compare,
    df,
    drivers,
    exercise,
    explain,
    fidelity,
    grade,
    image,
    info,
    mark,
    measure,
    notebooks,
    quiz,
    replay,
    what_if,
    why,
    workload,
)
from .errors import SnapsimError

COMMANDS = {
    "compare": compare,
    "workload": workload,
    "df": df,
    "why": why,
    "what-if": what_if,
    "image": image,
    "explain": explain,
    "drivers": drivers,
    "info": info,
    "capture": capture,
    "replay": replay,
    "measure": measure,
    "fidelity": fidelity,
    "notebooks": notebooks,
    "quiz": quiz,
    "grade": grade,
    "exercise": exercise,
    "mark": mark,
}


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
    except KeyboardInterrupt:
        return 130                                         # as shells say of what SIGINT ended
    except BrokenPipeError:  # the reader has seen enough, as in `snapsim ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="snapsim", description="What does a write cost under each storage driver?")
    top.add_argument("--version", action="version", version=f"snapsim {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.TEXT, description=module.TEXT)
        command.set_defaults(command=module.run)
        module.arguments(command)
    return top
