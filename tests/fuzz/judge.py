"""The verdict on one input: used, refused, or what is wrong; with limits on processor time and memory."""

import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from targets import FILE, Target

import snapsim
from snapsim.base.errors import InvalidInput

PACKAGE = Path(snapsim.__file__).parent
"""Frames in here are snapsim's own; the folder of a checkout may have that name, too."""

PARSE = (2, 200 << 20)
"""Seconds of processor time and bytes that a parser may take."""
USE = (20, 3 << 30)
"""The same for the use: a scenario of a few lines may ask for large files."""


class TooLong(BaseException):
    """The time is up."""


def verdict(target: Target, raw: bytes, use: bool = True) -> str:
    """ "used", "read" (not to be used), "refused" (by the parser), "refused in use"; all else tells of a defect."""
    try:
        with limits(*PARSE):
            value = target.parse(raw)
    except InvalidInput as error:
        return _line(error, True) or "refused"
    except (Exception, TooLong) as error:
        return _told("parse", error)
    if not use:
        return "read"
    try:
        with limits(*USE):
            target.use(value)
    except InvalidInput as error:
        return _line(error, False) or "refused in use"
    except (Exception, TooLong) as error:
        return _told("use", error)
    return "used"


def _line(error: InvalidInput, parsing: bool) -> str:
    """What is wrong with the error's text; empty for nothing."""
    text = str(error)
    if not text.isprintable() or len(text) > 1000:
        return f"error of {len(text)} letters, not one printable line: {text[:300]!a}"
    return "" if FILE in error.place or (error.place and not parsing) else f"error without place: {text!a}"


def _told(stage: str, error: BaseException) -> str:
    places = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [f"{file.relative_to(PACKAGE)}:{line}" for file, line in places if file.is_relative_to(PACKAGE)]
    where = " < ".join(inside[:-6:-1])
    return f"{stage}: {type(error).__name__}: {str(error)[:200]!a} at {where}"


@contextmanager
def limits(seconds: float, more: int) -> Iterator[None]:
    """At most so much processor time, and so many bytes more than now."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_data() + more, before[1]))
    handler: Any = signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _ring(number: int, frame: Any) -> None:
    raise TooLong("more processor time than allowed")


def _data() -> int:
    """Bytes of private memory that the process has now."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[5]) * resource.getpagesize()
