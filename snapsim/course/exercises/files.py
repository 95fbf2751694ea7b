"""Points for a file that a student handed in: it runs in one process, behind walls, and is judged in another.

The judge's process (`mark_file` forks it) holds the kit, and knows what is right. The submission's process holds a copy
of the file, and a snapsim with what the exercise gives (`worker`). Between the two there are lines of JSON (`session`),
and the kit plays its lists on what answers there (`remote`). So a submission can spoil its own answers, and no others.

No clock decides: what computes too long or sleeps for ever is told by its processor time. Where the judge itself cannot
finish, the marks say that they are none (`Marks.judged`), which is not the same as no points.

What it leaves out: notebooks, which have to be made into files, and systems that cannot fork.
"""

import ctypes
import functools
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import Any

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.block.volume import Volume
from snapsim.course.exercises import Check, Exercise
from snapsim.course.exercises.marking import JUDGES, Judged, Verdict, finds_bugs, summed
from snapsim.course.exercises.remote import Desk, remote_class
from snapsim.course.exercises.session import Session
from snapsim.course.exercises.walls import Walls, strongest
from snapsim.testing.failure import Failure, broken_by
from snapsim.testing.isolation import FORM, CannotJudge, Stopped, Undecided, elsewhere, records
from snapsim.testing.processes import descendants
from snapsim.testing.volumes.planted import BUGS, CORRECT
from snapsim.testing.wire import LONGEST, as_text, decode, dump, encode, load

LARGEST_FILE = 1 << 20
"""Bytes of a file that is handed in."""


def mark_file(exercise: Exercise, path: str, walls: Walls | None = None) -> Judged:
    """Judge a file of Python: a copy of it runs in a process of its own, behind walls.

    Parameters
    ----------
    exercise : Exercise
    path : str
    walls : Walls, optional
        The strongest that this system has when left out.

    Returns
    -------
    Judged
        Not `judged` if the file cannot be read, is a notebook, or the judge could not finish; the message says why.
    """
    walls = walls or strongest(os.environ.get("PATH", ""))
    try:
        return _marks(
            exercise, _apart(functools.partial(_marked, exercise, path, _source(path), walls), exercise.points)
        )
    except TooLarge as error:
        return Judged(exercise.name, 0.0, exercise.points, (str(error),))
    except SnapsimError as error:
        return Judged(exercise.name, 0.0, exercise.points, (f"could not judge: {as_text(error)}",), judged=False)


class TooLarge(SnapsimError):
    """A file that nobody writes by hand."""


def _source(path: str) -> bytes:
    if path.endswith(".ipynb"):
        raise InvalidInput("a notebook is not allowed: a file of Python (jupyter nbconvert --to python NOTEBOOK)")
    try:
        if Path(path).is_symlink():
            raise InvalidInput("a symbolic link, which may lead to a neighbour's file: a file of Python is allowed")
        if not Path(path).is_file() and Path(path).exists():
            raise InvalidInput("not a file: a file of Python is allowed")
        with open(path, "rb") as file:
            source = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"{problem}: a file of Python is allowed") from None
    if len(source) > LARGEST_FILE:
        raise TooLarge(f"the file is larger than the {LARGEST_FILE >> 20} MiB that are allowed")
    return source


def _apart(run: Callable[[], Judged], most: int) -> bytes:
    """What it gives, as a line of JSON, from a process of the judge's that takes all its descendants with it.

    `most` are the points that there are.

    Raises
    ------
    CannotJudge
        The process cannot be made, or did not come to an end.
    """
    if not hasattr(os, "fork"):
        raise CannotJudge("this system cannot fork")
    try:
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the judge does not use
            process = os.fork()
    except OSError as error:
        raise CannotJudge(f"no process for the judge: {error.strerror}") from None
    if process == 0:
        os.close(reader)
        _be_the_judge(run, writer, most)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as answer:
            line = answer.read()
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status:
        raise CannotJudge(f"the judge's own process ended with status {status}")
    return line


def _be_the_judge(run: Callable[[], Judged], writer: int, most: int) -> None:
    """In the child: run, answer, and end with all that was started meanwhile."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        with _all_descendants_end():
            try:
                marks = run()
                told = {"points": marks.points, "of": marks.of, "lines": list(marks.lines)}
                failure = encode(marks.failure)
                told["failure"] = failure if len(dump(failure)) < LONGEST // 2 else None
            except Stopped as stopped:  # wherever that was: it is the submission that does not go on
                told = {"points": 0.0, "of": most, "lines": [str(stopped.end.actual)], "failure": None}
            except (CannotJudge, Undecided) as error:
                told = {"cannot": str(error)}
            except Exception as error:  # a mistake of the judge's is no zero of the student's
                told = {"cannot": f"a mistake of the judge: {broken_by(error).actual}"}
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with os.fdopen(writer, "wb") as answer:
            answer.write(dump(told))
        status = 0
    finally:
        os._exit(status)


@contextmanager
def _all_descendants_end() -> Iterator[None]:
    """What was started meanwhile ends, also what left its parent: on Linux it becomes a child of this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    try:
        yield
    finally:
        while left := descendants(os.getpid()):
            for number in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(number, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)


def _marks(exercise: Exercise, line: bytes) -> Judged:
    told = load(line)
    if "cannot" in told:
        raise CannotJudge(told["cannot"])
    failure = decode(told["failure"], records)
    lines = tuple(map(str, told["lines"]))
    shown = failure if isinstance(failure, Failure) else None
    return Judged(exercise.name, float(told["points"]), int(told["of"]), lines, failure=shown)


def _marked(exercise: Exercise, path: str, source: bytes, walls: Walls) -> Judged:
    """In the judge's process: load the file elsewhere, then judge what is there."""

    def nothing(why: str) -> Judged:
        return Judged(exercise.name, 0.0, exercise.points, (why,))

    with Session(exercise, path, source, walls) as session:
        try:
            told = session.start()
        except Stopped as stopped:
            return nothing(str(stopped.failure(exercise.name)))
        if why := session.not_own_work():
            return nothing(why)
        if not _is_described(told):
            return nothing(str(Stopped(FORM, "what the file defines", "something else").failure(exercise.name)))
        if "raised" in told:
            return nothing(_raised(told["raised"]))
        found = told["value"]
        with elsewhere(session):
            verdicts = [(part, _far_verdict(session, part, found)) for part in exercise.checks]
        if why := session.not_own_work():
            return nothing(why)
        return summed(exercise, verdicts)


def _is_described(told: Mapping[str, Any]) -> bool:
    """Whether this says what a file defines, or what it raised, as a worker that was left alone says it."""
    if "raised" in told:
        error = told["raised"]
        return isinstance(error, dict) and isinstance(error.get("last"), str) and "line" in error
    found = told.get("value")
    if not isinstance(found, dict) or len(found) != 1:
        return False
    ((key, value),) = found.items()
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return {
        "missing": value is True,
        "tests": texts,
        "not": isinstance(value, str),
        "class": isinstance(value, str),
    }.get(key, False)


def _raised(told: Mapping[str, Any]) -> str:
    """The last line of an exception, and the line of the student's file that it came from."""
    last, line = as_text(told["last"]), told["line"]
    return f"{last} (line {line})" if type(line) is int else last


def _far_verdict(session: Session, part: Check, found: Mapping[str, Any]) -> Verdict:
    """What the judge of a check says of what is defined elsewhere."""
    exercise = session.exercise
    if "missing" in found:
        return Verdict(0.0, f"{exercise.wanted} is not defined")
    if "not" in found:
        kind = "a list of functions" if exercise.contract == "tests" else "a class that derives from the contract"
        return Verdict(0.0, f"{exercise.wanted} is {as_text(found['not'])}, not {kind}")
    if exercise.contract == "tests":
        return _far_tests(session, [as_text(name, 80) for name in found["tests"]])
    return JUDGES[part.judge](remote_class(session, as_text(found["class"], 80), exercise.contract))


def _far_tests(session: Session, names: Sequence[str]) -> Verdict:
    """Judge tests that are elsewhere."""
    tests = [_Named(name, number) for number, name in enumerate(names)]
    said = {test: _far_meetings(session, test) for test in tests}
    return finds_bugs(tests, lambda test, volume: said[test].get(volume, ""))  # type: ignore[index]


def _far_meetings(session: Session, test: "_Named") -> dict[type[Volume], str]:
    """What a test says of each volume, "" if it passes.

    The order is one that nobody can know, since which volumes are right is what is asked. A false alarm ends it. A test
    that does not go on meets the right ones next: most of those that hang do so always, and each time is dear.
    """
    waiting: list[type[Volume]] = [*CORRECT, *BUGS]
    SystemRandom().shuffle(waiting)
    said: dict[type[Volume], str] = {}
    while waiting:
        volume = waiting.pop(0)
        said[volume] = _far_meets(session, test, volume)
        if said[volume] and volume in CORRECT:
            break
        if said[volume] and session.number_running == 0:
            waiting.sort(key=lambda each: each not in CORRECT)
    return said


class _Named:
    """A test that is elsewhere."""

    def __init__(self, name: str, number: int) -> None:
        self.__name__, self.number = name, number

    def __call__(self, make: Callable[..., Volume]) -> object:
        raise AssertionError("it runs elsewhere")


def _far_meets(session: Session, test: _Named, volume: type[Volume]) -> str:
    """What a test says of a volume, "" if it passes."""

    def make(size: int, chunk_blocks: int = 1) -> Volume:
        return volume.new(size, 4096, chunk_blocks * 4096)

    try:
        session.ready()
        told = session.exchange({"test": test.number}, Desk(make).serve)
    except Stopped as stopped:
        session.stop()
        return str(stopped.end.actual)
    return as_text(told["raised"]["last"]) or "an exception" if "raised" in told else ""
