"""A process of its own for code that may not return, may end the process, may print, or may change the checker.

The check runs in a child process that was forked, so that classes defined in a notebook can be judged. Before every
step the child notes in shared memory what it is about to do; when it has used `PATIENCE` seconds of processor time
since the last note (8, or what the environment says as ``SNAPSIM_PATIENCE``), or `SILENCE` seconds have gone by, it is
killed, and the note is the counter-example. What is printed there goes nowhere, and memory is bounded.

A checker that was changed (by assignment to the functions and classes of snapsim) cannot judge (`seals`).

>>> report = judged(lambda: Report("Mine", ("a",)), "Mine")
>>> report.passed
('a',)

LEAVES OUT: systems that cannot fork (Windows, a browser): there the check runs in this process. Code that is out to
deceive can still forge the answer of its own process; an instructor who has to expect that runs the whole check under
another user.
"""

import contextlib
import mmap
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.testing.failure import Failure, Report
from snapsim.testing.seals import tampered


def _patience() -> float:
    said = os.environ.get("SNAPSIM_PATIENCE", "8")
    if not said.replace(".", "", 1).isdecimal() or not 0.5 <= float(said) <= 3600:
        raise InvalidInput(f"{said!r} is not allowed: seconds of processor time, 0.5 to 3600", "SNAPSIM_PATIENCE")
    return float(said)


PATIENCE, SILENCE = _patience(), 30.0
MEMORY, ADDRESSES = 8 << 30, 64 << 30
"""Bytes of memory and of addresses that the child may take beyond what it starts with."""
_SLOT = 1 << 16
_SHORT = 0.7
"""Seconds of processor time when a hanging list is made shorter."""


class Doing(NamedTuple):
    """What is about to be done: the step of a list of operations, and the program so far."""

    mechanism: str
    behaviour: str
    operations: tuple[Any, ...]
    step: int
    lines: tuple[str, ...]
    shape: Any = None


class _Slot:
    """Shared memory: a counter of 8 bytes, a length of 8 bytes, a pickled `Doing`."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, _SLOT)

    def note(self, doing: Doing) -> None:
        text = pickle.dumps(doing)
        count = int.from_bytes(self.memory[:8], "big") + 1
        if len(text) <= _SLOT - 16:
            self.memory[8 : 16 + len(text)] = len(text).to_bytes(8, "big") + text
        self.memory[:8] = count.to_bytes(8, "big")

    @property
    def count(self) -> bytes:
        return self.memory[:8]

    def last(self) -> Doing | None:
        length = int.from_bytes(self.memory[8:16], "big")
        found: Doing | None = pickle.loads(self.memory[16 : 16 + length]) if length else None
        return found


_slot: _Slot | None = None


def doing(
    mechanism: str, behaviour: str, operations: Sequence[Any], step: int, lines: Sequence[str], shape: Any = None
) -> None:
    """Note what is about to be done, in case it never ends."""
    if _slot is not None:
        _slot.note(Doing(mechanism, behaviour, tuple(operations), step, tuple(lines), shape))


def judged(
    run: Callable[[], Report], name: str, replay: Callable[[Doing, Sequence[Any]], object] | None = None
) -> Report:
    """Run a check in a process of its own.

    Parameters
    ----------
    run : callable
        The check.
    name : str
        Of what is judged.
    replay : callable, optional
        Plays another list of operations where a `Doing` was; then a list that hangs is made shorter.

    Returns
    -------
    Report
        With a failure that says so if the code does not return, ends its process, or has changed the checker.
    """
    changed = tampered()
    if changed:
        return Report(name, (), (_failure(name, "the checker is as it was shipped", "", changed, None),))
    if not hasattr(os, "fork"):
        with _quiet():
            return run()
    end = _in_a_child(run, PATIENCE)
    if isinstance(end.report, Report):
        return end.report
    found = _failure(name, end.promise, end.expected, end.actual, end.doing)
    if end.hangs and end.doing and replay:
        found = _shorter(found, end.doing, replay)
    return Report(name, (), (found,), {"the rest": "not looked at after this"}, 1)


class _End(NamedTuple):
    """How a child ended: with a report, or not."""

    report: object = None
    promise: str = ""
    expected: str = ""
    actual: str = ""
    doing: Doing | None = None
    hangs: bool = False


def _failure(name: str, promise: str, expected: str, actual: str, doing: Doing | None) -> Failure:
    if doing is None:
        return Failure(name, promise, (), 0, expected or "unchanged", actual)
    operations = doing.operations[: doing.step + 1]
    last = (f"# {operations[-1]}",) if operations else ()
    return Failure(name, promise, operations, doing.step, expected, actual, doing.lines + last, "", doing.behaviour)


def _in_a_child(run: Callable[[], object], patience: float) -> _End:
    slot, (reader, writer) = _Slot(), os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of threads, which the child does not use
        process = os.fork()
    if process == 0:
        _child(run, slot, writer)
    os.close(writer)
    try:
        return _wait(process, reader, slot, patience)
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _child(run: Callable[[], object], slot: _Slot, writer: int) -> None:
    global _slot
    status, changes = 1, tampered  # `run` may put another function in its place
    try:
        _slot = slot
        _close_standard_streams()
        _bound_memory()
        report = run()
        if changed := changes():
            last = slot.last()
            mine = report.mechanism if isinstance(report, Report) else ""
            report = Report(mine, (), (_failure(mine, "the checker is as it was shipped", "unchanged", changed, last),))
        with os.fdopen(writer, "wb") as answer:
            answer.write(pickle.dumps(report))
        status = 0
    finally:
        os._exit(status)


def _close_standard_streams() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _bound_memory() -> None:
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as told:
            now = int(told.read().split()[0]) * mmap.PAGESIZE
    except (ImportError, OSError):
        return  # not on this system
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or now + ADDRESSES < most:
        resource.setrlimit(resource.RLIMIT_AS, (now + ADDRESSES, most))


def _wait(process: int, reader: int, slot: _Slot, patience: float) -> _End:
    """The report that comes through the pipe, or how the child failed to give one."""
    seen, since, used, received = slot.count, time.monotonic(), _processor_time(process), bytearray()
    most = _memory(os.getpid()) + MEMORY
    while True:
        doing("", "", (), 0, ())  # a check within a check: the outer one is alive
        if select.select([reader], [], [], 0.05)[0]:
            piece = os.read(reader, 1 << 16)
            if not piece:
                break
            received += piece
        if _memory(process) > most:
            return _End(None, "memory is bounded", f"at most {MEMORY >> 30} GiB more", "more than that", slot.last())
        if slot.count != seen:
            seen, since, used = slot.count, time.monotonic(), _processor_time(process)
        elif (
            time.monotonic() - since > (SILENCE if patience == PATIENCE else 5 * patience)
            or _processor_time(process) - used > patience
        ):
            return _End(
                None, "every call returns", "an answer", f"none after {patience:g} s of computing", slot.last(), True
            )
    if not received:
        return _End(None, "the process goes on", "an answer", "the code ended the process", slot.last())
    return _End(pickle.loads(bytes(received)))


def _processor_time(process: int) -> float:
    """Seconds that a child has used so far; where the system does not tell, nothing."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as told:
            words = told.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> int:
    """Bytes of memory that a child has; where the system does not tell, nothing."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as told:
            return int(told.read().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0


def _shorter(found: Failure, doing: Doing, replay: Callable[[Doing, Sequence[Any]], object]) -> Failure:
    """Leave out operations, from the first on, as long as the list still does not return."""
    number = 0
    while number < len(found.operations) - 1:
        fewer = found.operations[:number] + found.operations[number + 1 :]
        end = _in_a_child(partial(replay, doing, fewer), _SHORT)
        if end.hangs and end.doing:
            found = _failure(found.mechanism, found.promise, str(found.expected), str(found.actual), end.doing)
        else:
            number += 1
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield
