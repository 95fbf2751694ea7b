"""The mappings of device-mapper that one process makes, by `dmsetup`.

A mapping outlives the process that made it. Its name therefore says which process made it (``snapsim-PID-origin``), and
`clear` removes all mappings with such a name: what is suspended is resumed, and everything is removed *deferred*, which
means that the kernel removes what is still held (a pool by its thin devices, a thin device by a process that has it
open) when it is let go.

`DM_DISABLE_UDEV` makes dmsetup keep the names in /dev/mapper itself, so that it works where no udev runs. Where one
does, it looks at each new mapping all the same, and what it reads is counted: `settle` waits until it has done so.

What it leaves out: two processes that measure in containers with a /dev each: they do not see one another's lock
(`syscalls.be_the_only_one`), and the second one takes the mappings of the first for left behind.
"""

import os
import subprocess
import time
from collections.abc import Sequence

from snapsim.base.errors import SnapsimError
from snapsim.measure.kernel.loop import counters
from snapsim.measure.kernel.needs import environment

PREFIX = "snapsim-"
_PATIENCE = 120  # seconds; a write that waits for room in a full pool is let go after 60, as a rule


_UDEV = "/run/udev/control"


class Refused(SnapsimError):
    """What the kernel refused: a message to a pool, a table that it does not take."""


class Mapper:
    """The mappings of this process.

    Parameters
    ----------
    held : int, optional
        A descriptor that every dmsetup keeps open while it runs, so that `reaper` waits for the last one.

    Examples
    --------
    >>> mapper = Mapper()
    >>> mapper.path("origin") == f"/dev/mapper/{mapper.prefix}origin"
    True
    """

    def __init__(self, held: int | None = None) -> None:
        self.prefix, self._held = f"{PREFIX}{os.getpid()}-", held

    def path(self, name: str) -> str:
        """The device of a mapping."""
        return os.path.join(os.environ.get("DM_DEV_DIR", "/dev"), "mapper", self.prefix + name)

    def create(self, name: str, table: str) -> None:
        """Make a mapping of one line; `Refused`, as all of these, where the kernel does not."""
        self._run("create", self.prefix + name, "--table", table)

    def load(self, name: str, table: str) -> None:
        """Another table for it, which counts from the next resume on."""
        self._run("load", self.prefix + name, "--table", table)

    def suspend(self, name: str) -> None:
        """Suspend a mapping: its requests wait."""
        self._run("suspend", self.prefix + name)

    def resume(self, name: str) -> None:
        """Resume a mapping: its requests go on."""
        self._run("resume", self.prefix + name)

    def message(self, name: str, text: str) -> None:
        """Send a message to the target of a mapping."""
        self._run("message", self.prefix + name, "0", text)

    def status(self, name: str, flush: bool = True) -> str:
        """The status line of the target; with `flush` a pool commits first."""
        return self._run("status", *([] if flush else ["--noflush"]), self.prefix + name).strip()

    def remove(self, name: str) -> None:
        """Remove a mapping; tried again while another process has it open."""
        self._run("remove", "--retry", self.prefix + name)

    def counters(self, name: str) -> dict[str, int]:
        """Requests and bytes since it was made, as `loop.counters` has them."""
        number = os.stat(self.path(name)).st_rdev
        return counters(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")

    def clear(self) -> None:
        """Take down all that this process has made."""
        clear(self.prefix, self._held)

    def _run(self, *words: str) -> str:
        try:
            return dmsetup(*words, held=self._held)
        except Refused as error:
            raise Refused(str(error).replace(self.prefix, "")) from None


def clear(prefix: str, held: int | None = None, patience: float = _PATIENCE) -> None:
    """Take down all mappings whose names begin so, and wait until they are gone.

    Raises
    ------
    SnapsimError
        Some are in use for longer than `patience` seconds; they go when they are let go.
    """
    until = time.monotonic() + patience
    while (names := left(prefix, held)) and time.monotonic() < until:
        for name, suspended in names.items():
            for verb in (["resume"] if suspended else []), ["remove", "--deferred"]:
                if verb:
                    _try(*verb, name, held=held)
        time.sleep(0.02 if len(left(prefix, held)) < len(names) else 0.2)
    if names:
        raise SnapsimError(f"still in use, the kernel removes them when they are let go: {', '.join(names)}")


def left(prefix: str, held: int | None = None) -> dict[str, bool]:
    """The mappings whose names begin so, the last one made first: whether each is suspended."""
    lines = dmsetup("info", "-c", "--noheadings", "--separator", ":", "-o", "name,suspended", held=held).splitlines()
    found = [line.rpartition(":") for line in lines if line.startswith(prefix)]
    return {name: state == "Suspended" for name, _, state in reversed(found)}


def _try(*words: str, held: int | None) -> None:
    """Call dmsetup and ignore a failure: another process may have removed the mapping first."""
    _called(words, held)


def udev_runs() -> bool:
    """Whether udev runs, which reads from new devices."""
    return os.path.exists(_UDEV)


def settle() -> None:
    """Wait until udev has handled all new devices."""
    if udev_runs():
        subprocess.run(["udevadm", "settle"], check=False, capture_output=True, env=environment())


def dmsetup(*words: str, held: int | None = None) -> str:
    """Call dmsetup and return its output.

    Raises
    ------
    Refused
        It failed; with what it said.
    """
    done = _called(words, held)
    if done.returncode:
        said = [line for line in done.stderr.strip().splitlines() if line != "Command failed."]
        raise Refused(f"dmsetup {words[0]}: {said[-1] if said else f'status {done.returncode}'}")
    return done.stdout


def _called(words: Sequence[str], held: int | None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["dmsetup", *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**environment(), "DM_DISABLE_UDEV": "1"},
        pass_fds=() if held is None else (held,),
    )
