"""Redirections: what a descriptor leads to, for one command or for good.

The messages are those of BusyBox ash, which has words of its own for a file that is not there.

What it leaves out: ``set -C`` (noclobber).
"""

import errno
import os

from snapsim.shell.expansion import ExpansionFailure
from snapsim.shell.process import encoded
from snapsim.shell.streams import Input, Stream
from snapsim.shell.syntax import Redirect
from snapsim.shell.world import Files

_CUT = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_FLAGS = {
    "<": os.O_RDONLY,
    ">": _CUT,
    ">|": _CUT,
    ">>": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "<>": os.O_RDWR | os.O_CREAT,
}


class RedirectFailure(Exception):
    """A descriptor that cannot be had: the command is not run."""


def apply(streams: dict[int, Stream], redirect: Redirect, target: str, files: Files, opened: list[Stream]) -> None:
    """Make a redirection in a table of descriptors.

    Parameters
    ----------
    streams : dict of int to Stream
        The table; it is changed.
    redirect : Redirect
    target : str
        Its word, expanded.
    files : Files
        Opens what it names.
    opened : list of Stream
        What was opened is added, to be closed later.

    Raises
    ------
    RedirectFailure
        No such file, or no such descriptor.
    """
    number, operator = redirect.descriptor, redirect.operator
    if operator == "<<":
        streams[number] = Input(encoded(target))
    elif operator in (">&", "<&"):
        _duplicate(streams, number, target)
    else:
        try:
            stream = files.open(target, _FLAGS[operator])
        except OSError as error:
            verb = "open" if operator == "<" else "create"
            missing = "no such file" if operator == "<" else "nonexistent directory"
            why = missing if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.strerror
            raise RedirectFailure(f"can't {verb} {target}: {why}") from None
        opened.append(stream)
        streams[number] = stream


def _duplicate(streams: dict[int, Stream], number: int, target: str) -> None:
    """``2>&1``, and ``3>&-``, which closes."""
    if target == "-":
        streams.pop(number, None)
    elif not target.isdigit():
        raise ExpansionFailure("syntax error: bad fd number")
    elif int(target) not in streams:
        raise RedirectFailure(f"{target}: Bad file descriptor")
    else:
        streams[number] = streams[int(target)]
