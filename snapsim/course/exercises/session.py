"""The judge's end of the line to a submission: a process behind walls, one message to it, one answer back.

The judge waits as long as the process computes with patience left (`snapsim.testing.processes`), whatever the clock
says. What comes back is a line of JSON of bounded length; a line that is not what was agreed, an end of the process,
or no patience left is `Stopped`, and costs the author of the submission alone.

What it leaves out: what the answers mean (`remote`).
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snapsim.course.exercises import EXERCISES, Exercise
from snapsim.course.exercises.library import WORKER, library, modules
from snapsim.course.exercises.walls import LIMITS, PACKAGE, Walls, furnish, libraries, python
from snapsim.testing import isolation, wire
from snapsim.testing.isolation import FORM, GOES_ON, RETURNS, Stopped, Undecided
from snapsim.testing.processes import Patience, awake, descendants, kills
from snapsim.testing.wire import LONGEST, Garbled, dump, encode, load

BUDGET = 600.0
"""Seconds that a submission may compute and sleep altogether, in calls that take long enough to be looked at."""
SLEEP = 60.0
"""Seconds that it may sleep altogether, a little in each call; then it is not judged."""
_LOOK = 0.2
"""Seconds between two looks at a process that has not answered."""


class Session:
    """A submission, and the process that runs it; a new one when the last one did not go on.

    Parameters
    ----------
    exercise : Exercise
    name : str
        Of its file, as messages call it.
    source : bytes
    walls : Walls

    Attributes
    ----------
    patience : float
        Seconds of processor time for each answer.
    asleep : float or None
        Seconds that it may sleep; as `Patience` has it when None.
    """

    def __init__(self, exercise: Exercise, name: str, source: bytes, walls: Walls) -> None:
        self.exercise, self.name, self.source, self.walls = exercise, name, source, walls
        self.patience, self.asleep = isolation.PATIENCE, None
        self.dropped: list[int] = []
        self.uses = self.opens = ""
        self.number = 0
        """Of the process: what was made in an earlier one is gone."""
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._received = bytearray()
        self._looked, self._kills, self._spent = 0.0, "", 0.0
        self._calls, self._waited, self._rested = 0, 0.0, 0.0

    asleep: float | None

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # ---------------------------------------------------------------- the process

    def ready(self) -> int:
        """The number of the process that runs, a new one where the last one is gone.

        Raises
        ------
        Stopped
            The submission does not load this time, though it did before.
        """
        if self._process is None and "value" not in self.start():
            raise Stopped(GOES_ON, "the same file loads again", "it does not")
        return self.number

    def start(self) -> dict[str, Any]:
        """Start a process, load the submission there, and give what it defines."""
        self.stop()
        self.number += 1
        self._calls, self._waited, self._rested = 0, 0.0, 0.0
        self._folder = Path(tempfile.mkdtemp(prefix="snapsim-"))
        place = furnish(self._folder, self.walls)
        files = library(self.exercise)
        for name, text in files.items():
            file = place.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        begin = f"import sys; sys.path[:0] = {[str(place.home), *libraries()]!r}; import {WORKER}; {WORKER}.main()"
        self._kills = kills()
        command = [*self.walls.before(place), *python("-c", begin)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=place.work,
                start_new_session=True, bufsize=0, env={"PATH": os.environ.get("PATH", os.defpath)},
            )  # fmt: skip
        except OSError as error:
            raise Undecided(f"no process for the submission: {error.strerror}") from None
        self._say({"dict": [[key, encode(value)] for key, value in self._task(files).items()]})
        if self._answer(None) != {"ready": True}:
            raise Undecided("the process for the submission does not start")
        return self.exchange({"load": True})

    def _task(self, files: dict[str, str]) -> dict[str, Any]:
        solutions = [[told.st_dev, told.st_ino] for told in (os.stat(each.path) for each in EXERCISES.values())]
        return {
            "file": Path(self.name).name,
            "source": self.source,
            "setup": self.exercise.setup,
            "wanted": self.exercise.wanted,
            "contract": self.exercise.contract,
            "given": modules(files),
            "hidden": [str(PACKAGE) + os.sep],
            "solutions": solutions,
            "limits": LIMITS,
        }

    def stop(self) -> None:
        """End the process and all that it started, and take its folder away."""
        if self._process is not None:
            mine = descendants(self._process.pid)
            for number in (self._process.pid, *mine):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._received.clear()
        self.dropped.clear()

    @property
    def number_running(self) -> int:
        """As `number`, and 0 where the process is gone."""
        return self.number if self._process is not None else 0

    def not_own_work(self) -> str:
        """Why what it did so far is nobody's own work, "" if it may be."""
        if self.opens:
            return f"a file with solutions was opened while the submission ran: {self.opens}"
        if self.uses:
            gives = ", ".join(sorted(self.exercise.gives))
            return f"it uses {self.uses}: of snapsim, this exercise gives {gives} and no more"
        return ""

    # ---------------------------------------------------------------- messages

    def exchange(self, message: dict[str, Any], serve: Callable[[Any], dict[str, Any]] | None = None) -> dict[str, Any]:
        """Say something, and give the answer.

        Parameters
        ----------
        message : dict
            In terms of JSON.
        serve : callable, optional
            Answers what is asked meanwhile.

        Raises
        ------
        Stopped
            There is no answer, or none of the form that was agreed.
        """
        self._looked = began = time.monotonic()
        self._say(message)
        patience: list[Patience] = []
        while True:
            told = self._answer(patience)
            if serve is None or "ask" not in told:
                break
            self._say(serve(told))
        self._spent += sum(each.spent for each in patience)
        self._calls, self._waited = self._calls + 1, self._waited + time.monotonic() - began
        self._check_sleep()
        if told.get("gone"):
            raise Stopped(GOES_ON, "an answer", "the code ended the process")
        self.uses = _text(told, "uses") or self.uses
        self.opens = _text(told, "opens") or self.opens
        return told

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            line = memoryview(dump(message))
            while line:
                line = line[self._process.stdin.write(line) or 0 :]
        except BrokenPipeError:
            self._ended()

    def _answer(self, patience: list[Patience] | None) -> dict[str, Any]:
        """The next line; with a list for the patience with the process, which begins with the first look."""
        assert self._process is not None
        assert self._process.stdout is not None
        searched = 0
        while self._received.find(b"\n", searched) < 0:
            searched = len(self._received)
            if select.select([self._process.stdout], [], [], _LOOK)[0]:
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    self._ended()
                self._received += piece
                if len(self._received) > LONGEST:
                    raise Stopped(FORM, "an answer", f"more than {LONGEST} bytes")
            self._look(patience)
        self._look(patience)  # who asks without an end never makes the judge wait
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        if rest:
            raise Stopped(FORM, "one answer", f"something more: {rest[:40]!r}")
        try:
            told = load(line)
        except Garbled as error:
            raise Stopped(FORM, "an answer", str(error)) from None
        if not isinstance(told, dict):
            raise Stopped(FORM, "an answer", type(told).__name__)
        return told

    def _look(self, patience: list[Patience] | None) -> None:
        assert self._process is not None
        if patience is None or time.monotonic() - self._looked < _LOOK:
            return  # a start on a busy machine takes as long as it takes
        self._looked = time.monotonic()
        if self._spent > BUDGET:
            self.stop()
            raise Stopped(RETURNS, "an answer", f"none: {BUDGET:g} s of computing or sleeping are used up", hangs=True)
        if not patience:
            patience.append(Patience(self._process.pid, self.patience, self.asleep))
        if why := patience[0].over():
            self._spent += patience[0].spent
            self.stop()
            raise Stopped(RETURNS, "an answer", why, hangs=True)

    def _check_sleep(self) -> None:
        """Does it sleep a little in each call, where neither its processor time nor its silence tells?

        While the judge waits for an answer, either the submission runs or is ready to, or the answer is there and the
        judge is ready to run; what is left of the time was slept. So no load makes a sleep of nothing, and even so it
        is never a zero.
        """
        assert self._process is not None
        if self._waited - self._rested < 1.0:
            return  # a look at all processes takes as long as many calls
        self._rested = self._waited
        known = awake([self._process.pid, *descendants(self._process.pid), os.getpid()])
        if known is not None and self._waited - known > SLEEP:
            self.stop()
            told = f"it slept for {SLEEP:g} s in {self._calls} calls, a little in each"
            raise Undecided(f"{told}: look at the file")

    def _ended(self) -> None:
        assert self._process is not None
        status = self._process.wait()
        self.stop()
        if status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            raise Stopped(RETURNS, "an answer", f"none after {LIMITS['RLIMIT_CPU']} s of computing", hangs=True)
        if status in (-signal.SIGKILL, 128 + signal.SIGKILL) and kills() != self._kills:
            raise Undecided("a process was killed since the machine is short of memory")
        raise Stopped(GOES_ON, "an answer", "the code ended the process")


def _text(told: dict[str, Any], key: str) -> str:
    text = told.get(key, "")
    return wire.as_text(text, 200) if isinstance(text, str) else ""
