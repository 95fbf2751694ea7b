"""A process that outlives the one that measures, and takes down what the kernel does not take back by itself.

It waits until no process has its pipe open any more: neither the process that started it nor a command of that process.
It is in a session of its own, so that Ctrl-C does not reach it, and holds other signals back. It has the lock of its
parent (`syscalls.be_the_only_one`), so that nobody begins to measure before it is done. If it is killed itself, the
next measurement finds what it left, by name.

What it leaves out: what to take down; its caller says so.
"""

import os
import signal
from collections.abc import Callable

from snapsim.base.errors import SnapsimError

_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class Reaper:
    """Calls `work` when this process and every command that holds the pipe have ended, or when `finish` is called.

    Parameters
    ----------
    work : callable
        What to do; it raises SnapsimError if it fails.

    Attributes
    ----------
    held : int
        The pipe, for commands to hold.

    Examples
    --------
    >>> reaper = Reaper(lambda: None)
    >>> reaper.finish()
    """

    def __init__(self, work: Callable[[], None]) -> None:
        reads, self.held = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)  # from the first moment on
        self._process = os.fork()
        if self._process == 0:
            os.close(self.held)
            _wait_and_work(reads, work)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(reads)

    def finish(self) -> None:
        """Do the work now, and wait for its end.

        Raises
        ------
        SnapsimError
            It could not do all.
        """
        if self.let_go():
            raise SnapsimError("not everything could be taken down; `dmsetup ls` tells what is left")

    def let_go(self) -> int:
        """Close the pipe, so that the work is done now, and wait for its end; returns the exit status."""
        os.close(self.held)
        return os.waitpid(self._process, 0)[1]


def _wait_and_work(reads: int, work: Callable[[], None]) -> None:
    status = 1
    try:
        os.setsid()
        os.read(reads, 1)
        work()
        status = 0
    except (SnapsimError, OSError) as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(status)
