"""A process of its own for code that may not return, may end the process, may print, or may change the checker.

The check runs in a child process that was forked, so that classes defined in a notebook can be judged. Before every
step the child notes in shared memory what it is about to do; when it has used `PATIENCE` seconds of processor time
since the last note (8, or what the environment says as ``SNAPSIM_PATIENCE``), or sleeps for something that does not
come (`processes`), it is killed, and the note is the counter-example. What is printed there goes nowhere, and memory
is bounded. What comes back is data (`wire`): it cannot execute, and has a bound.

A checker that was changed (by assignment to the functions and classes of snapsim) cannot judge (`seals`). Where the
child cannot be made, or is killed for want of memory, nothing is said about the code: `CannotJudge`.

>>> report = judged(lambda: Report("Mine", ("a",)), "Mine")
>>> report.passed
('a',)

Code that runs elsewhere already (`snapsim.course.exercises.session`) needs no second process: `elsewhere`.

LEAVES OUT: systems that cannot fork (Windows, a browser): there the check runs in this process. Code that is out to
deceive can still forge the answer of its own process, since the checker is in the same one; ``snapsim mark`` keeps the
two apart.
"""

import contextlib
import dataclasses
import mmap
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.testing.failure import Failure, Report
from snapsim.testing.processes import Patience, kills
from snapsim.testing.seals import tampered
from snapsim.testing.wire import LONGEST, Garbled, decode, dump, encode, load


def _patience() -> float:
    said = os.environ.get("SNAPSIM_PATIENCE", "8")
    if not said.replace(".", "", 1).isdecimal() or not 0.5 <= float(said) <= 3600:
        raise InvalidInput(f"{said!r} is not allowed: seconds of processor time, 0.5 to 3600", "SNAPSIM_PATIENCE")
    return float(said)


PATIENCE = _patience()
MEMORY, ADDRESSES = 8 << 30, 64 << 30
"""Bytes of memory and of addresses that the child may take beyond what it starts with."""
_SLOT = 1 << 16
_SHORT, _SHORT_SLEEP = 0.7, 2.0
"""Seconds of processor time, and asleep, when a hanging list is made shorter."""
RETURNS, GOES_ON, FORM = "every call returns", "the process goes on", "the answer is in the form that was agreed"


class CannotJudge(SnapsimError):
    """The judge could not finish, for a reason that is not in the code that is judged: this is no zero."""


class Undecided(BaseException):
    """`CannotJudge`, from within what is judged: raised through everything that handles exceptions there.

    An `Exception` would be taken for the submission's, and cost it its points.
    """


class Stopped(BaseException):
    """Code that runs elsewhere does not go on; raised through everything that handles its exceptions.

    Parameters
    ----------
    promise, expected, actual : str
        As of a `Failure`.
    hangs : bool
        It did not return: a shorter list may not return either.
    """

    def __init__(self, promise: str, expected: str, actual: str, hangs: bool = False) -> None:
        super().__init__(promise, expected, actual)
        self.end = _End(None, promise, expected, actual, None, hangs)

    def failure(self, name: str) -> Failure:
        """As the failure of what is judged."""
        return _failure(name, self.end.promise, self.end.expected, self.end.actual, None)


class Doing(NamedTuple):
    """What is about to be done: the step of a list of operations, and the program so far."""

    mechanism: str
    behaviour: str
    operations: tuple[Any, ...]
    step: int
    lines: tuple[str, ...]
    shape: Any = None


def records(name: str) -> type | None:
    """The types of the kit that are plain data: named tuples and dataclasses of `snapsim.testing`."""
    module, _, path = name.partition(":")
    found = getattr(sys.modules.get(module), path, None)
    plain = isinstance(found, type) and (hasattr(found, "_fields") or dataclasses.is_dataclass(found))
    return found if plain and module.startswith("snapsim.testing.") else None


class _Slot:
    """Shared memory: a counter of 8 bytes, a length of 8 bytes, a `Doing` as a line."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, _SLOT)
        self._kept: Doing | None = None

    def note(self, doing: Doing) -> None:
        self._kept = doing
        text = dump(encode(doing))
        count = int.from_bytes(self.memory[:8], "big") + 1
        if len(text) <= _SLOT - 16:
            self.memory[8 : 16 + len(text)] = len(text).to_bytes(8, "big") + text
        self.memory[:8] = (count % 2**64).to_bytes(8, "big")

    @property
    def count(self) -> bytes:
        return self.memory[:8]

    def last(self) -> Doing | None:
        length = int.from_bytes(self.memory[8:16], "big")
        try:
            found = decode(load(self.memory[16 : 16 + length]), records) if length else None
        except (Garbled, RecursionError):
            return None
        return found if isinstance(found, Doing) and _is_doing(found) else None


def _is_doing(found: Doing) -> bool:
    lines = isinstance(found.lines, tuple) and all(isinstance(line, str) for line in found.lines)
    return lines and isinstance(found.operations, tuple) and isinstance(found.step, int)


class Note:
    """What is about to be done, in this process: for code that runs elsewhere."""

    def __init__(self) -> None:
        self.doing: Doing | None = None

    def note(self, doing: Doing) -> None:
        """Keep it."""
        self.doing = doing


_slot: _Slot | Note | None = None


class Elsewhere(Protocol):
    """Where code runs that is not in this process: how long it may compute, and sleep, without an answer."""

    patience: float
    asleep: float | None


_there: Elsewhere | None = None


@contextlib.contextmanager
def elsewhere(there: Elsewhere) -> Iterator[None]:
    """What is judged in this block runs elsewhere: no child is forked, and `Stopped` says that it does not go on."""
    global _there, _slot
    before, _there, _slot = (_there, _slot), there, Note()
    try:
        yield
    finally:
        _there, _slot = before


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

    Raises
    ------
    CannotJudge
        The process cannot be made, or the machine ran out of memory.
    """
    changed = tampered()
    if changed:
        return Report(name, (), (_failure(name, "the checker is as it was shipped", "", changed, None),))
    if _there is None and not hasattr(os, "fork"):
        with _quiet():
            return run()
    attempt = _in_a_child if _there is None else _here
    end = attempt(run, None)
    if isinstance(end.report, Report):
        return end.report
    found = _failure(name, end.promise, end.expected, end.actual, end.doing)
    if end.hangs and end.doing and replay:
        found = _shorter(found, end.doing, replay, attempt)
    return Report(name, (), (found,), {"the rest": "not looked at after this"}, 1)


class _End(NamedTuple):
    """How a check ended: with a report, or not."""

    report: object = None
    promise: str = ""
    expected: str = ""
    actual: str = ""
    doing: Doing | None = None
    hangs: bool = False


def _here(run: Callable[[], object], patience: float | None) -> _End:
    assert _there is not None
    assert isinstance(_slot, Note)
    before = _there.patience, _there.asleep
    if patience is not None:
        _there.patience, _there.asleep = patience, _SHORT_SLEEP
    try:
        return _End(run())
    except Stopped as stopped:
        return stopped.end._replace(doing=_slot.doing)
    finally:
        _there.patience, _there.asleep = before


def _failure(name: str, promise: str, expected: str, actual: str, doing: Doing | None) -> Failure:
    if doing is None:
        return Failure(name, promise, (), 0, expected or "unchanged", actual)
    operations = doing.operations[: doing.step + 1]
    last = (f"# {operations[-1]}",) if operations else ()
    return Failure(name, promise, operations, doing.step, expected, actual, doing.lines + last, "", doing.behaviour)


def _in_a_child(run: Callable[[], object], patience: float | None) -> _End:
    try:
        slot, (reader, writer) = _Slot(), os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the child does not use
            process = os.fork()
    except OSError as error:
        raise CannotJudge(f"no process for what is judged: {error.strerror}") from None
    if process == 0:
        _child(run, slot, writer)
    os.close(writer)
    ended, before = False, kills()
    try:
        end = _wait(process, reader, slot, patience)
        ended = end.promise == GOES_ON
    finally:
        os.close(reader)
        if not ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if ended and status == -signal.SIGKILL and kills() != before:
        raise CannotJudge("a process was killed since the machine is short of memory")
    return end


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
            answer.write(dump(encode(report)))
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


def _wait(process: int, reader: int, slot: _Slot, seconds: float | None) -> _End:
    """The report that comes through the pipe, or how the child failed to give one."""
    patience = Patience(process, PATIENCE) if seconds is None else Patience(process, seconds, _SHORT_SLEEP)
    seen, received, most, quiet = slot.count, bytearray(), _memory(os.getpid()) + MEMORY, 0
    while True:
        doing("", "", (), 0, ())  # a check within a check: the outer one is alive
        if select.select([reader], [], [], 0.05)[0]:
            piece = os.read(reader, 1 << 16)
            if not piece:
                break
            received += piece
            if len(received) > LONGEST:
                return _End(None, FORM, "a report", f"more than {LONGEST} bytes", slot.last())
        if _memory(process) > most:
            return _End(None, "memory is bounded", f"at most {MEMORY >> 30} GiB more", "more than that", slot.last())
        quiet += 1
        if slot.count != seen:
            seen, quiet = slot.count, 0
            patience.begin()
        elif quiet % 4 == 0 and (why := patience.over()):
            return _End(None, RETURNS, "an answer", why, slot.last(), True)
    if not received:
        return _End(None, GOES_ON, "an answer", "the code ended the process", slot.last())
    try:
        report = decode(load(bytes(received)), records)
    except (Garbled, RecursionError) as error:
        return _End(None, FORM, "a report", str(error), slot.last())
    if not (isinstance(report, Report) or report is None or isinstance(report, Failure)):
        return _End(None, FORM, "a report", type(report).__name__, slot.last())
    return _End(report)


def _memory(process: int) -> int:
    """Bytes of memory that a child has; where the system does not tell, nothing."""
    try:
        with open(f"/proc/{process}/statm", encoding="ascii") as told:
            return int(told.read().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError):
        return 0


def _shorter(
    found: Failure,
    doing: Doing,
    replay: Callable[[Doing, Sequence[Any]], object],
    attempt: Callable[[Callable[[], object], float | None], _End],
) -> Failure:
    """Leave out operations, from the first on, as long as the list still does not return."""
    number = 0
    while number < len(found.operations) - 1:
        fewer = found.operations[:number] + found.operations[number + 1 :]
        end = attempt(partial(replay, doing, fewer), _SHORT)
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
