"""Has this process opened a file with solutions? An audit hook of Python notes it, however the path was spelled.

>>> forget()
>>> opened()
()

What it leaves out: other processes, a hook that is installed too late, and code that empties the note; and nobody can
tell a solution that was copied by hand.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

_watched: set[str] = set()
_opened: list[str] = []


def watch(paths: Iterable[Path]) -> None:
    """Note from now on when one of these files is opened; a hook can not be taken away again."""
    if not _watched:
        sys.addaudithook(_hook)
    _watched.update(os.path.realpath(path) for path in paths)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes):
        path = os.fsdecode(arguments[0])
        if path.endswith(".py") and os.path.realpath(path) in _watched:
            _opened.append(path)


def opened() -> tuple[str, ...]:
    """The files with solutions that were opened since the last `forget`."""
    return tuple(_opened)


def forget() -> None:
    """Begin anew: what was opened before the submission ran does not count."""
    _opened.clear()
