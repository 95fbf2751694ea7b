"""A file system for one measurement: a loop device, made and mounted with the defaults.

What it leaves out: file systems on more than one device.
"""

import os
import subprocess
from typing import Self

from snapsim.base.errors import SnapsimError
from snapsim.measure.kernel import syscalls
from snapsim.measure.kernel.loop import Loop
from snapsim.measure.kernel.needs import Need, environment

MOUNTPOINT = "/mnt"


class Disk:
    """A fresh file system on a fresh device, mounted at `MOUNTPOINT`; a context manager.

    Parameters
    ----------
    need : Need
        Which file system.
    size : int
        Bytes.
    directory : str, optional
        Where the file lies; the system's directory for temporary files when left out.

    Attributes
    ----------
    name : str
        Of the device: "loop3".
    direct : bool
        Whether the loop device uses direct I/O, past the page cache of the file below.
    """

    def __init__(self, need: Need, size: int, directory: str | None = None) -> None:
        self.need, self.size = need, size
        self._loop = Loop(size, directory)
        self.name, self.direct = self._loop.name, self._loop.direct
        command(*need.mkfs, self._loop.path)
        self.mount()

    def mount(self) -> None:
        """Mount it with the defaults of the file system."""
        syscalls.mount(self._loop.path, MOUNTPOINT, self.need.kind)

    def remount(self) -> None:
        """Unmount and mount: ends preallocations."""
        syscalls.unmount(MOUNTPOINT)
        self.mount()

    def quiesce(self) -> None:
        """Write back all dirty pages and the journal."""
        syscalls.sync_filesystem(MOUNTPOINT)
        syscalls.freeze_and_thaw(MOUNTPOINT)

    def options(self) -> str:
        """The mount options, as the kernel lists them."""
        with open("/proc/self/mounts", encoding="utf-8") as table:
            return next(line.split()[3] for line in table if line.split()[1] == MOUNTPOINT)

    def used(self) -> int:
        """Bytes in use, as df reports them."""
        told = os.statvfs(MOUNTPOINT)
        return (told.f_blocks - told.f_bfree) * told.f_frsize

    def counters(self) -> dict[str, int]:
        """Requests and bytes since the device was made, as `loop.counters` has them."""
        return self._loop.counters()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        syscalls.unmount(MOUNTPOINT)
        self._loop.close()


def command(*words: str) -> str:
    """Run a command and return its output; SnapsimError with the last line of its output if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise SnapsimError(f"{' '.join(words)}: {said[-1] if said else f'status {done.returncode}'}")
    return done.stdout
