"""Simulated processes: each is a thread that holds the machine's only core while it runs.

The engine and the file systems are used by one at a time. Whoever uses them holds the `Core`: a request for as long as
it is carried out, a process while it computes. A process gives the core away between two commands, while it sleeps,
waits for input, is paused, or has to wait until its output is read.

>>> core, seen = Core(), []
>>> def program(process):
...     process.write(1, process.read(5))
...     process.sleep(0.01)
...     return 3
>>> process = Process(core, program, lambda stream, data: seen.append((stream, data)))
>>> process.start(); process.stdin.feed(b"hello"); process.join(), seen
(3, [(1, b'hello')])

What it leaves out: children (a pipeline is one process), signals other than KILL and TERM, scheduling.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

KILLED = 137
MOST_INPUT = 1 << 20
"""Bytes of input that wait for a process."""


class Core:
    """The right to use the engine: a context manager. Who has it does not enter it again.

    It is no lock of a thread: the parts of a pipeline are threads of one process, and whichever runs may give it away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *unused: object) -> None:
        self._lock.release()


class Killed(BaseException):
    """The process was killed; no program catches it."""


class Input:
    """Standard input: bytes that were sent, until it is closed."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed, self._bytes, self.closed = changed, bytearray(), False

    def feed(self, data: bytes) -> None:
        """More input; what a process does not read is bounded, and the rest is lost as in a full terminal."""
        with self._changed:
            if not self.closed and len(self._bytes) + len(data) <= MOST_INPUT:
                self._bytes += data
            self._changed.notify_all()

    def close(self) -> None:
        """The end of the input."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Bytes that were not read yet."""
        return len(self._bytes)

    def _take(self, count: int) -> bytes | None:
        if not self._bytes and not self.closed:
            return None
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        return taken


class Process:
    """A process.

    Parameters
    ----------
    core : Core
    program : callable
        What it does, given the process; returns its exit status.
    output : callable
        Takes 1 or 2 (0: what a terminal shows of its keys) and bytes.
    pid : int

    Attributes
    ----------
    stdin : Input
    exit_code : int or None
        None while it runs.
    on_end : list of callable
        Called with the exit status, by the thread of the process, which holds the core.
    """

    def __init__(
        self, core: Core, program: Callable[["Process"], int], output: Callable[[int, bytes], None], pid: int = 1
    ) -> None:
        self._core, self._program, self._output, self.pid = core, program, output, pid
        self._changed = threading.Condition()
        self.stdin = Input(self._changed)
        self._killed: int | None = None
        self._paused = False
        self.exit_code: int | None = None
        self.on_end: list[Callable[[int], None]] = []
        self.on_give: Callable[[], None] = lambda: None
        self.on_take: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Let it run."""
        self._thread.start()

    def _run(self) -> None:
        with self._core:
            self.on_take()
            try:
                code = self._program(self)
            except Killed:
                code = self._killed if self._killed is not None else KILLED
            self.on_give()
            self.exit_code = code
            for end in self.on_end:
                end(code)

    def kill(self, code: int = KILLED) -> None:
        """End it at the next command, or at once where it waits; its exit status will be `code`."""
        with self._changed:
            self._killed = code
            self._changed.notify_all()

    def pause(self, paused: bool = True) -> None:
        """Freeze it at the next command, or let it go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def join(self, timeout: float | None = None) -> int | None:
        """Wait for its end; gives the exit status, None where it still runs."""
        self._thread.join(timeout)
        return self.exit_code

    # ---------------------------------------------------------------- for the program

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The core is given away meanwhile; `Killed` when it comes back and the process is to end."""
        self.on_give()
        self._core.__exit__()
        try:
            yield
            with self._changed:
                while self._paused and self._killed is None:
                    self._changed.wait()
        finally:
            self._core.__enter__()
            self.on_take()
        self.check()

    def check(self) -> None:
        """Raise `Killed` if it was killed."""
        if self._killed is not None:
            raise Killed

    def breathe(self) -> None:
        """Between two commands: others may use the core."""
        with self.waiting():
            pass

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until it is killed; a day at most goes into one wait of the platform."""
        with self.waiting(), self._changed:
            self._changed.wait_for(lambda: self._killed is not None, min(seconds, threading.TIMEOUT_MAX))

    def read(self, count: int = 65536) -> bytes:
        """Up to so many bytes of input; none at its end."""
        found: bytes | None = None
        with self.waiting(), self._changed:
            while found is None and self._killed is None:
                found = self.stdin._take(count)
                if found is None:
                    self._changed.wait()
        return found or b""

    def write(self, stream: int, data: bytes) -> None:
        """Bytes for standard output (1) or standard error (2)."""
        self.check()
        if data:
            self._output(stream, data)
