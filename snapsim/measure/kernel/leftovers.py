"""What measuring processes left behind that were all killed at the same moment: frozen file systems, and their disks.

A frozen file system stays frozen when the process that froze it is killed before it thaws it. Its mounts vanish with
the processes, but the file system does not, and neither does the loop device below it: since nothing can be written to
it, it cannot be shut down. It is found by the label of its loop device, mounted once more, which gives the same file
system, thawed and unmounted; then the loop device detaches itself, and the file below it is gone.

Whoever calls this holds the lock of all that measure (`syscalls.be_the_only_one`), so that no disk in use is taken for
one that was left, and has mounts of its own.

What it leaves out: mappings of device-mapper (`mapper`), and loop devices of others.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.measure.kernel import syscalls
from snapsim.measure.kernel.disk import MOUNTPOINT

KINDS = ("ext4", "xfs", "btrfs")
_SECONDS = 5.0


def clean() -> list[str]:
    """Thaw and remove what was left; the names of the loop devices.

    Raises
    ------
    SnapsimError
        One could not be removed.
    """
    found = left()
    for name in found:
        _thaw(f"/dev/{name}")
    if still := _after(_SECONDS):
        raise SnapsimError(f"{', '.join(still)} could not be removed: a process still uses what was left")
    return found


def left() -> list[str]:
    """The loop devices with the label of a measurement whose process is gone."""
    devices = sorted(path.parent.name for path in Path("/sys/block").glob("loop*/loop"))
    return [name for name in devices if _is_left(syscalls.loop_label(f"/dev/{name}"))]


def _is_left(label: bytes) -> bool:
    number = label.removeprefix(syscalls.LABEL)
    return label.startswith(syscalls.LABEL) and number.isdigit() and not _lives(int(number))


def _lives(process: int) -> bool:
    """A process that is dead and not yet waited for does not live."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _thaw(device: str) -> None:
    for kind in KINDS:
        try:
            syscalls.mount(device, MOUNTPOINT, kind)
        except OSError:
            continue  # another kind, or nothing was made on it yet
        try:
            syscalls.thaw(MOUNTPOINT)
        finally:
            syscalls.unmount(MOUNTPOINT)
        return


def _after(seconds: float) -> list[str]:
    """The loop devices that are still there after the kernel had so much time to detach them."""
    end = time.monotonic() + seconds
    while (still := left()) and time.monotonic() < end:
        for name in still:
            syscalls.detach_loop(f"/dev/{name}")
        time.sleep(0.05)
    return still


def clean_up() -> list[str]:
    """The same in a process of its own, when nobody measures any more; the names of the loop devices.

    Raises
    ------
    InvalidInput
        It cannot be done here: the message says why.
    """
    words = [sys.executable, "-m", "snapsim.measure.kernel.leftovers"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise InvalidInput(f"cannot be done here: {said[-1] if said else f'status {done.returncode}'}", "--clean")
    return done.stdout.split()


def main() -> None:
    """Clean in a process of its own, and say what there was, a name a line."""
    syscalls.die_with_parent()
    try:
        syscalls.own_mounts()
        syscalls.be_the_only_one()
        for name in clean():
            os.write(1, f"{name}\n".encode())
    except (SnapsimError, OSError) as error:
        os.write(2, f"{error}\n".encode())
        os._exit(1)


if __name__ == "__main__":
    main()
