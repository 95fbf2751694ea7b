"""What a machine has to have before anything can be measured on it, and how to get what is missing.

What it leaves out: room on the disk, which the measurement itself runs into.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_NOT_LINUX = f"{sys.platform} is not Linux: measure in a virtual machine with Linux"
_NO_MAPPER = (
    "modprobe dm-mod; where there is no such module, measure in a virtual machine whose kernel has it (Debian: "
    "apt-get install linux-image-amd64)"
)


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
        return [_NOT_LINUX]
    found = _for_all()
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


def missing_targets(modules: Mapping[str, str]) -> list[str]:
    """Sentences, one for each thing that is missing to measure targets of device-mapper.

    Parameters
    ----------
    modules : mapping of str to str
        The targets, and the kernel's modules that have them.

    Examples
    --------
    >>> all(":" in line for line in missing_targets({"nosuch": "dm-nosuch"}))
    True
    """
    if not sys.platform.startswith("linux"):
        return [_NOT_LINUX]
    found = _for_all()
    if shutil.which("dmsetup", path=_path()) is None:
        return [*found, "no dmsetup: apt-get install dmsetup"]
    if found:
        return found
    told, _ = _targets()
    for module in {module for target, module in modules.items() if target not in told}:
        _modprobe(module)
    told, said = _targets()
    if not told:
        return [f"no device-mapper{said}: {_NO_MAPPER}"]
    return [
        f"device-mapper has no {target}: modprobe {module}" for target, module in modules.items() if target not in told
    ]


def _targets() -> tuple[set[str], str]:
    """The targets that device-mapper has. None: there is no device-mapper, and what dmsetup said of it, in brackets."""
    done = subprocess.run(["dmsetup", "targets"], capture_output=True, text=True, check=False, env=environment())
    said = "".join(f" ({line})" for line in done.stderr.splitlines()[:1])
    return set() if done.returncode else {line.split()[0] for line in done.stdout.splitlines() if line.strip()}, said


def _for_all() -> list[str]:
    """What is missing for every measurement."""
    found = [] if os.geteuid() == 0 else ["not root: use sudo"]
    if not os.path.exists("/dev/loop-control"):
        found.append("no /dev/loop-control: modprobe loop, or a container that may use loop devices")
    return found


def _path() -> str:
    """Where commands are, with those of the superuser, which a bare environment leaves out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def environment() -> dict[str, str]:
    """The environment of commands: messages in English, the superuser's commands found."""
    return {**os.environ, "PATH": _path(), "LC_ALL": "C"}


def _known(kind: str) -> bool:
    """Whether the kernel knows a file system, its module loaded if that can be."""
    if not _listed(kind):
        _modprobe(kind)
    return _listed(kind)


def _modprobe(module: str) -> None:
    """Load a module, where that can be done; whether it helped, the caller sees."""
    if os.geteuid() == 0 and (modprobe := shutil.which("modprobe", path=_path())):
        subprocess.run([modprobe, "-q", module], check=False, capture_output=True)


def _listed(kind: str) -> bool:
    with open("/proc/filesystems", encoding="ascii") as table:
        return any(line.split()[-1] == kind for line in table)
