"""Has a process run out of patience? Told by its processor time, and by whether it sleeps: never by the wall's clock.

A machine that is busy makes a process wait for a processor: it is *runnable* then, and uses no time. So what a process
has computed does not depend on what else there is to do, and neither does whether it sleeps. A process that sleeps
with all its threads and children, look after look, waits for something that does not come.

>>> patience = Patience(os.getpid(), seconds=3600)
>>> patience.over()
''

LEAVES OUT: systems without ``/proc``: there nobody loses patience here, and the limit of the system ends what computes.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_ASLEEP = "STtZXxIP"
"""Letters of ``/proc/PID/stat`` for what neither runs, nor could, nor waits for a disk."""
_LOOKS = 20
"""So many times in a row it has to be found asleep."""


class Look(NamedTuple):
    """At a process and all that it started: seconds of processor time so far, and whether one of them is awake."""

    used: float
    awake: bool


class Patience:
    """With one process and its descendants, from the first look on.

    Parameters
    ----------
    process : int
        Its number.
    seconds : float
        Of processor time that it may use until `begin` is called again.
    asleep : float, optional
        Seconds that it may sleep without computing at all; 2.5 times as many when left out, and 5 at least.

    Attributes
    ----------
    spent : float
        Seconds that it has computed, or slept on end, as far as it was looked at.
    """

    def __init__(self, process: int, seconds: float, asleep: float | None = None) -> None:
        self.process, self.seconds = process, seconds
        self.asleep = max(2.5 * seconds, 5.0) if asleep is None else asleep
        self.begin()

    def begin(self) -> None:
        """It did something: count anew."""
        self._first: Look | None = None
        self._still, self._since, self._last = 0, time.monotonic(), -1.0
        self.spent = 0.0

    def over(self) -> str:
        """Why there is no patience left, "" if there is; to be asked again and again."""
        now = look(self.process)
        if self._first is None:
            self._first = now
        self.spent = max(now.used - self._first.used, time.monotonic() - self._since)
        if now.awake or now.used != self._last:
            self._still, self._since = 0, time.monotonic()
        self._still, self._last = self._still + 1, now.used
        if now.used - self._first.used > self.seconds:
            return f"none after {self.seconds:g} s of computing"
        if self._still > _LOOKS and time.monotonic() - self._since > self.asleep:
            return "none: it sleeps, and waits for something that does not come"
        return ""


def look(process: int) -> Look:
    """Look at a process and its descendants; where the system does not tell, it is awake and uses nothing.

    Examples
    --------
    >>> look(os.getpid()).awake
    True
    """
    used, awake, found = 0.0, False, descendants(process)
    for number in [process, *found]:
        try:
            words = _words(Path(f"/proc/{number}/stat"))
            used += sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")
            threads = [_words(path)[0] for path in Path(f"/proc/{number}/task").glob("*/stat")]
        except (OSError, IndexError):
            awake = awake or not Path("/proc/self/stat").exists()
            continue
        awake = awake or any(letter not in _ASLEEP for letter in threads)
    return Look(used, awake)


def awake(processes: Iterable[int]) -> float | None:
    """Seconds that these processes ran, or were ready to run and waited for a processor (schedstat of proc(5)).

    A machine that is busy makes it larger, where a sleep leaves it as it is; None where the system does not tell.

    Examples
    --------
    >>> before = awake([os.getpid()])
    >>> time.sleep(0.2)
    >>> before is None or awake([os.getpid()]) - before < 0.15
    True
    """
    if not Path("/proc/self/schedstat").exists():
        return None
    found = 0.0
    for number in processes:
        for path in Path(f"/proc/{number}/task").glob("*/schedstat"):
            try:
                ran, waited, _ = map(int, path.read_text(encoding="ascii").split())
            except (OSError, ValueError):  # it ended meanwhile
                continue
            found += (ran + waited) / 1e9
    return found


def _words(path: Path) -> list[str]:
    """The words of a ``stat`` file behind the name: the letter of the state is the first."""
    return path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()


def descendants(process: int) -> list[int]:
    """All that it started and that still is there, and what those started.

    Examples
    --------
    >>> descendants(2**22 + 1)
    []
    """
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(_words(path)[1]), []).append(int(path.parent.name))
        except (OSError, IndexError):  # it ended meanwhile
            continue
    found, waiting = [], [process]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def kills() -> str:
    """How many processes Linux has killed for want of memory since it started; "" where it does not tell.

    Examples
    --------
    >>> kills() == kills()
    True
    """
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith("oom_kill ")), "")
