"""The parts of a pipeline take turns, and hand bytes to each other through pipes.

The parts of ``a | b`` run at the same time. Here each is a *task* with a thread of its own, of which exactly one runs;
a task gives its turn away only where it has to wait: for a pipe that is empty or full, or for its children. The next
is the first in the pipeline that can go on, so that the order of all I/O is the same each time. An endless producer
ends as it does on Linux: its reader has gone, and its next write fails (SIGPIPE, exit status 141).

>>> tasks = Tasks()
>>> pipe, seen = Pipe(tasks), []
>>> def producer():
...     while True:
...         pipe.write(b"y" * 40_000)                  # the second write does not fit, and waits
>>> def consumer():
...     seen.append(pipe.read(100_000)); pipe.close_reader()
>>> tasks.run([producer, consumer])
[BrokenPipe(), None]
>>> len(seen[0])
40000

What it leaves out: what a scheduler does, and parts that really run at the same time.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial

from snapsim.shell.streams import Stream

CAPACITY = 65536
"""Bytes in a pipe: the kernel's default, 16 pages (pipe(7))."""


class BrokenPipe(Exception):
    """A write to a pipe that nobody reads any more: SIGPIPE."""


class _Stopped(BaseException):
    """The whole pipeline is taken down."""


class _Task:
    def __init__(self, ready: Callable[[], bool]) -> None:
        self.turn, self.ready, self.done = threading.Semaphore(0), ready, False
        self.failure: BaseException | None = None


class Tasks:
    """The tasks of one shell, each in its own thread, one at a time."""

    def __init__(self) -> None:
        self._tasks = [_Task(lambda: True)]  # the thread that everything began in
        self._current = self._tasks[0]
        self._stopped = False

    def run(self, parts: Sequence[Callable[[], None]]) -> list[BaseException | None]:
        """Run the parts of a pipeline to their ends; the exceptions with which they ended."""
        parent = self._current
        children = [_Task(lambda: True) for _ in parts]
        at = self._tasks.index(parent) + 1
        self._tasks[at:at] = children
        threads = [
            threading.Thread(target=self._body, args=(task, part), daemon=True)
            for task, part in zip(children, parts, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            self.wait(lambda: all(task.done for task in children))
        except BaseException:
            self._stop()
            raise
        finally:
            for thread in threads:
                thread.join()
            for task in children:
                self._tasks.remove(task)
            self._current = parent
            self._stopped = self._stopped and len(self._tasks) > 1
        return [task.failure for task in children]

    def _body(self, task: _Task, part: Callable[[], None]) -> None:
        task.turn.acquire()
        try:
            if not self._stopped:
                part()
        except BaseException as failure:
            task.failure = failure
        task.done = True
        if not self._stopped:
            self._give_away()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Let others run until something is so; at once, if it is so already."""
        if ready():
            return
        task = self._current
        task.ready = ready
        self._give_away()
        task.turn.acquire()  # Ctrl-C reaches the first thread while it waits here
        task.ready = lambda: True
        if self._stopped:
            raise _Stopped

    def _give_away(self) -> None:
        for task in self._tasks:
            if not task.done and task.ready():
                self._current = task
                task.turn.release()
                return
        raise RuntimeError("every part of the pipeline waits for another")

    def _stop(self) -> None:
        self._stopped = True
        for task in self._tasks:
            task.turn.release()


class Pipe(Stream):
    """A pipe between two tasks: the writer waits while it is full, the reader while it is empty."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks, self._held = tasks, bytearray()
        self._writing = self._reading = True

    def write(self, data: bytes) -> None:
        """All of the data; `BrokenPipe` as soon as nobody reads."""
        for start in range(0, len(data), CAPACITY):
            piece = data[start : start + CAPACITY]
            self._tasks.wait(partial(self._has_room, len(piece)))
            if not self._reading:
                raise BrokenPipe
            self._held += piece

    def _has_room(self, size: int) -> bool:
        return not self._reading or len(self._held) + size <= CAPACITY

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, at least one; none when nobody writes any more and all is read."""
        self._tasks.wait(lambda: bool(self._held) or not self._writing)
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def read_line(self) -> bytes:
        """Up to the next end of a line, or of the input."""
        found = b""
        while not found.endswith(b"\n"):
            self._tasks.wait(lambda: bool(self._held) or not self._writing)
            end = self._held.find(b"\n") + 1 or len(self._held)
            piece = self.read(end) if end else b""
            if not piece:
                break
            found += piece
        return found

    def close_writer(self) -> None:
        """Nothing more will come."""
        self._writing = False

    def close_reader(self) -> None:
        """Nobody will read on."""
        self._reading = False
