"""Has this process opened a file with solutions? An audit hook of Python notes it, whatever the file was called.

>>> forget()
>>> opened()
()

While a submission is judged they cannot be opened at all, since its code runs in other processes by then, whose notes
are lost: the hook refuses.

>>> with closed():
...     open(next(iter(_watched.values())))
Traceback (most recent call last):
PermissionError: solutions cannot be opened while a submission is judged

What it leaves out: other processes, a hook that is installed too late, copies of such a file, and code that empties
the note; and nobody can tell a solution that was copied by hand.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_watched: dict[tuple[int, int], Path] = {}  # device and inode: a link is the same file
_opened: list[str] = []
_closed = False


def watch(paths: Iterable[Path]) -> None:
    """Note from now on when one of these files is opened; a hook can not be taken away again."""
    if not _watched:
        sys.addaudithook(_hook)
    _watched.update((_identity(path), path) for path in paths)


def _identity(path: str | bytes | os.PathLike[str]) -> tuple[int, int]:
    told = os.stat(path)
    return told.st_dev, told.st_ino


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike) and _is_watched(arguments[0]):
        if _closed:
            raise PermissionError("solutions cannot be opened while a submission is judged")
        _opened.append(os.fsdecode(arguments[0]))


def _is_watched(path: str | bytes | os.PathLike[str]) -> bool:
    try:
        return _identity(path) in _watched
    except (OSError, ValueError):  # there is no such file: whoever opens it is told
        return False


def opened() -> tuple[str, ...]:
    """The files with solutions that were opened since the last `forget`."""
    return tuple(_opened)


def forget() -> None:
    """Begin anew: what was opened before the submission ran does not count."""
    _opened.clear()


@contextmanager
def closed() -> Iterator[None]:
    """No file with solutions can be opened meanwhile, in this process and those that it forks."""
    global _closed
    before, _closed = _closed, True
    try:
        yield
    finally:
        _closed = before
