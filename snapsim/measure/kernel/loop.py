"""A block device for one measurement: a loop device over a sparse file without a name, and its counters.

The loop device detaches itself when no process has it open, so that nothing remains when the process ends, however it
ends. Read-ahead is set to 128 KiB, the kernel's usual default, since a loop device may have another.

What it leaves out: other block devices. Bytes on a loop device are those that it was asked for; how the disk below
carries them out is not seen.
"""

import errno
import os
import tempfile

from snapsim.base.errors import SnapsimError
from snapsim.measure.kernel import syscalls

READ_AHEAD_KIB = 128
SECTOR = 512
_TRIES = 20


class Loop:
    """A fresh loop device, full of zeros.

    Parameters
    ----------
    size : int
        Bytes.
    directory : str, optional
        Where the file lies; the system's directory for temporary files when left out.

    Attributes
    ----------
    name, path : str
        "loop3", "/dev/loop3".
    direct : bool
        Whether the loop device uses direct I/O, past the page cache of the file below.
    """

    def __init__(self, size: int, directory: str | None = None) -> None:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.truncate(size)
            self.name, self._device, self.direct = _attach(file.fileno())
        self.path = f"/dev/{self.name}"
        with open(f"/sys/block/{self.name}/queue/read_ahead_kb", "w") as control:
            control.write(str(READ_AHEAD_KIB))
        self.count_from_now()

    def count_from_now(self) -> None:
        """Forget what was counted."""
        self._start = self._counted()

    def counters(self) -> dict[str, int]:
        """Requests and bytes since `count_from_now`; the kernel's counters include earlier uses of the device."""
        return {name: now - self._start[name] for name, now in self._counted().items()}

    def _counted(self) -> dict[str, int]:
        return counters(f"/sys/block/{self.name}/stat")

    def close(self) -> None:
        """Close the device; it is detached, and the file deleted, when no other process has it open."""
        os.close(self._device)


def counters(path: str) -> dict[str, int]:
    """What a `stat` file of a block device says (Documentation/block/stat.rst; in sectors of 512 bytes always).

    Parameters
    ----------
    path : str
        "/sys/block/loop3/stat".

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w+") as file:
    ...     _ = file.write("3 0 24 1 5 0 40 2 0 3 3 1 0 16 0 2 1"), file.flush()
    ...     counters(file.name)["bytes_written"]
    20480
    """
    with open(path, encoding="ascii") as table:
        told = [int(word) for word in table.read().split()]
    return {
        "read_requests": told[0],
        "bytes_read": told[2] * SECTOR,
        "write_requests": told[4],
        "bytes_written": told[6] * SECTOR,
        "bytes_discarded": told[13] * SECTOR,
        "flush_requests": told[15],
    }


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
