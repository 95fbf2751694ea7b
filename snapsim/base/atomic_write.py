"""Files that are written whole or not at all: an older file stays as it was until the new one is complete.

What it leaves out: keeping the mode and the owner of the file that is replaced.
"""

import contextlib
import os
from pathlib import Path

from snapsim.base.errors import InvalidInput


def replace_file(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file in one step: whoever reads it sees the old content or the new. Text is written in UTF-8.

    Raises
    ------
    InvalidInput
        The file cannot be written, or the path is no regular file (``/dev/stdout``); nothing was written then.

    Examples
    --------
    >>> replace_file("/proc/nowhere/figure.png", b"")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: /proc/nowhere/figure.png: cannot be written: No such file or directory
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise InvalidInput("cannot be written: it is there, and is no file", str(target))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open(beside, "xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            beside.unlink()
        raise InvalidInput(f"cannot be written: {getattr(error, 'strerror', None) or error}", str(target)) from None
