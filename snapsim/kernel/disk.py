"""A real block device for one measurement: a loop device over a sparse file, its file system, and its counters.

The file has no name and the loop device detaches itself, so that nothing remains when the process ends, however it
ends. Read-ahead is set to 128 KiB, the kernel's usual default, since a loop device may have another.

What it leaves out: other block devices. Bytes on a loop device are those that the file system asked for; how the
disk below carries them out is not seen.
"""

import errno
import os
import subprocess
import tempfile
from typing import Self

from ..errors import SnapsimError
from . import syscalls
from .needs import Need, environment

READ_AHEAD_KIB = 128
MOUNTPOINT = "/mnt"
_TRIES = 20


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
        Whether the loop device passes the page cache of the file below by.
    """

    def __init__(self, need: Need, size: int, directory: str | None = None) -> None:
        self.need, self.size = need, size
        with tempfile.TemporaryFile(dir=directory) as file:
            file.truncate(size)
            self.name, self._device, self.direct = _attach(file.fileno())
        self._set_read_ahead()
        command(*need.mkfs, f"/dev/{self.name}")
        self.mount()

    def _set_read_ahead(self) -> None:
        with open(f"/sys/block/{self.name}/queue/read_ahead_kb", "w") as control:
            control.write(str(READ_AHEAD_KIB))

    def mount(self) -> None:
        """Mount it with the defaults of the file system."""
        syscalls.mount(f"/dev/{self.name}", MOUNTPOINT, self.need.kind)

    def remount(self) -> None:
        """Unmount and mount: ends preallocations."""
        syscalls.unmount(MOUNTPOINT)
        self.mount()

    def quiesce(self) -> None:
        """Write everything home."""
        syscalls.sync_filesystem(MOUNTPOINT)
        syscalls.freeze_and_thaw(MOUNTPOINT)

    def options(self) -> str:
        """The mount options, as the kernel tells them."""
        with open("/proc/self/mounts", encoding="utf-8") as table:
            return next(line.split()[3] for line in table if line.split()[1] == MOUNTPOINT)

    def used(self) -> int:
        """Bytes in use, as df reports them."""
        told = os.statvfs(MOUNTPOINT)
        return (told.f_blocks - told.f_bfree) * told.f_frsize

    def counters(self) -> dict[str, int]:
        """Requests and bytes since the device was made (Documentation/block/stat.rst; sectors of 512 bytes)."""
        with open(f"/sys/block/{self.name}/stat", encoding="ascii") as table:
            told = [int(word) for word in table.read().split()]
        return {
            "read_requests": told[0],
            "bytes_read": told[2] * 512,
            "write_requests": told[4],
            "bytes_written": told[6] * 512,
            "bytes_discarded": told[13] * 512,
            "flush_requests": told[15],
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        syscalls.unmount(MOUNTPOINT)
        os.close(self._device)


def _attach(file: int) -> tuple[str, int, bool]:
    """A loop device for a file: its name, a descriptor that keeps it, and whether its I/O is direct."""
    for direct in (True, False):
        for _ in range(_TRIES):
            name = f"loop{syscalls.free_loop()}"
            device = os.open(f"/dev/{name}", os.O_RDWR)
            try:
                syscalls.set_up_loop(device, file, direct)
                return name, device, direct
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # not taken by others: this file cannot have direct I/O
                    break
    raise SnapsimError("no loop device could be set up: all are taken, or the file system below does not allow it")


def command(*words: str) -> str:
    """Run a command and give what it printed; SnapsimError with its last line where it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment())
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise SnapsimError(f"{' '.join(words)}: {said[-1] if said else f'status {done.returncode}'}")
    return done.stdout
