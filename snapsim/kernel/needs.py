"""What a machine has to have before anything can be measured on it, and how to get what is missing.

What it leaves out: room on the disk, which the measurement itself runs into.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """The file system that a stack stands on, and who makes it.

    Attributes
    ----------
    kind : str
        As mount(2) calls it.
    mkfs : tuple of str
        The command, without the device.
    package : str
        Debian's package that has the command.
    also : tuple of str
        More file systems that the kernel has to know.
    """

    kind: str
    mkfs: tuple[str, ...]
    package: str
    also: tuple[str, ...] = ()


def missing(need: Need) -> list[str]:
    """Sentences, one for each thing that is missing; none: it can be measured here.

    Examples
    --------
    >>> [line for line in missing(Need("nofs", ("mkfs.nofs",), "nofs-tools")) if "mkfs" in line]
    ['no mkfs.nofs: apt-get install nofs-tools']
    """
    if not sys.platform.startswith("linux"):
        return [f"{sys.platform} is not Linux: measure in a virtual machine with Linux"]
    found = [] if os.geteuid() == 0 else ["not root: use sudo"]
    if not os.path.exists("/dev/loop-control"):
        found.append("no /dev/loop-control: modprobe loop, or a container that may use loop devices")
    found += [
        f"no {tool}: apt-get install {package}"
        for tool, package in (
            (need.mkfs[0], need.package),
            ("cp", "coreutils"),
            ("mv", "coreutils"),
            ("du", "coreutils"),
        )
        if shutil.which(tool, path=_path()) is None
    ]
    found += [f"this kernel has no {kind}: modprobe {kind}" for kind in (need.kind, *need.also) if not _known(kind)]
    return found


def _path() -> str:
    """Where commands are, with those of the superuser, which a bare environment leaves out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def environment() -> dict[str, str]:
    """The environment of commands: messages in English, the superuser's commands found."""
    return {**os.environ, "PATH": _path(), "LC_ALL": "C"}


def _known(kind: str) -> bool:
    """Whether the kernel knows a file system, its module loaded if that can be."""
    if not _listed(kind) and os.geteuid() == 0 and (modprobe := shutil.which("modprobe", path=_path())):
        subprocess.run([modprobe, "-q", kind], check=False, capture_output=True)
    return _listed(kind)


def _listed(kind: str) -> bool:
    with open("/proc/filesystems", encoding="ascii") as table:
        return any(line.split()[-1] == kind for line in table)
