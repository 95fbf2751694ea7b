"""The command line: one file a command, in `commands/`; errors are one line on standard error and exit status 2.

What it leaves out: any calculation. Every figure that is printed here can be had from the same functions in Python.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO, cast

from snapsim import __version__
from snapsim.base.errors import SnapsimError
from snapsim.cli.commands import (
    bill,
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
    serve,
    shell,
    what_if,
    why,
    workload,
)

COMMANDS = {
    "compare": compare,
    "workload": workload,
    "df": df,
    "why": why,
    "what-if": what_if,
    "image": image,
    "explain": explain,
    "shell": shell,
    "drivers": drivers,
    "info": info,
    "capture": capture,
    "replay": replay,
    "serve": serve,
    "bill": bill,
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
        The arguments of the process when left out.

    Returns
    -------
    int
        0, or 2 for an argument or a file that is not allowed; that of the script from `snapsim shell`; 3 from
        `snapsim mark` where somebody could not be judged.

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
        with contextlib.redirect_stdout(cast(TextIO, _StandardOutput(sys.stdout))):
            status: int | None = options.command(options)
            sys.stdout.flush()
    except SnapsimError as error:
        sys.stderr.write(f"snapsim: {' '.join(str(error).split())}\n")
        return 2
    except KeyboardInterrupt:
        return 130  # as shells say of what SIGINT ended
    except BrokenPipeError:  # the reader has seen enough, as in `snapsim ... | head`
        _say_no_more()
    except _CannotBeWritten as error:
        _say_no_more()
        sys.stderr.write(f"snapsim: standard output: cannot be written: {error}\n")
        return 2
    else:
        return status or 0
    return 0


class _CannotBeWritten(Exception):
    """Standard output fails, as on a full disk."""


class _StandardOutput:
    """Standard output, with errors of its own kind, so that they are not taken for errors of a file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _told():
            return self._stream.write(text)

    def flush(self) -> None:
        with _told():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _CannotBeWritten(error.strerror) from None


def _say_no_more() -> None:
    """Discard further output: Python flushes the stream when it ends, and would print the error again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
