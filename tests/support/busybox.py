"""The real busybox in a directory of its own, to hold the simulated shell against.

Debian's busybox-static, in a chroot; files of `data/shell` hold the scripts. A script may not show what the two cannot
have in common: sizes of directories, numbers of inodes, the time of day, names in the order of a directory.
"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

from places import DATA

from snapsim.drivers.graphdrivers import Overlay2
from snapsim.shell import Shell
from snapsim.shell.world import Seconds

SCRIPTS = DATA / "shell"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/"}


class Outcome(NamedTuple):
    """What a script wrote, and how it ended."""

    out: str
    err: str
    status: int


def missing() -> str:
    """Why there is no busybox to compare with; empty if there is."""
    path = shutil.which("busybox")
    if path is None:
        return "busybox is not installed"
    if os.geteuid() != 0:
        return "a chroot needs root"
    told = subprocess.run(["file", "-L", path], capture_output=True, text=True, check=False).stdout
    return "" if "statically" in told or "static-pie" in told else "busybox is not static (busybox-static)"


def make_box(folder: Path) -> Path:
    """A root directory with busybox, its links and the devices of memory."""
    box = folder / "box"
    for name in ("bin", "dev", "etc", "usr/bin", "w"):
        (box / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", box / "bin" / "busybox")
    subprocess.run([_chroot(), str(box), "/bin/busybox", "--install", "-s", "/bin"], check=True)
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        os.mknod(box / "dev" / name, 0o20666, os.makedev(1, minor))
    return box


def run_real(box: Path, script: str) -> Outcome:
    """A script in an empty directory /w of the box."""
    shutil.rmtree(box / "w")
    (box / "w").mkdir()
    process = subprocess.Popen(
        [_chroot(), str(box), "/bin/busybox", "sh", "-c", f"cd /w; {script}"],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=20)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    return Outcome(_text(out), plain(_text(err)), process.returncode)


def run_simulated(script: str) -> Outcome:
    """The same in the simulated shell, on a container of overlay2."""
    driver = Overlay2()
    driver.create("image")
    driver.create_read_write("box", parent="image")
    mount = driver.get("box")
    for path in ("/bin", "/dev", "/etc", "/usr", "/usr/bin", "/w"):
        mount.mkdir(path)
    shell = Shell(mount, env=ENVIRONMENT, clock=Seconds(1_800_000_000))
    out: list[bytes] = []
    err: list[bytes] = []
    status = shell.run(["sh", "-c", f"cd /w; {script}"], out=out.append, err=err.append)
    return Outcome(_text(b"".join(out)), plain(_text(b"".join(err))), status)


def plain(text: str) -> str:
    """Standard error without what follows a usage error: the banner, and the options explained."""
    kept, explaining = [], False
    for line in text.splitlines(keepends=True):
        if line.startswith(("BusyBox v", "snapsim's shell")):
            explaining = True
        elif explaining and (not re.match(r"[a-z]+: ", line) or line.startswith("or: ")):
            continue
        else:
            explaining = False
            kept.append(line)
    return "".join(kept)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def scripts(name: str) -> list[str]:
    """The scripts of a file: one a line, or what stands between {{{ and }}}."""
    text = (SCRIPTS / f"{name}.txt").read_text()
    found: list[str] = []
    several: list[str] | None = None
    for line in text.splitlines():
        if line == "{{{":
            several = []
        elif line == "}}}" and several is not None:
            found.append("\n".join(several))
            several = None
        elif several is not None:
            several.append(line)
        elif line:
            found.append(line)
    return found


def _chroot() -> str:
    return shutil.which("chroot") or "/usr/sbin/chroot"
