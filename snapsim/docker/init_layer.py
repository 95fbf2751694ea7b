"""The layer between a container and its image: places for what the daemon mounts into every container.

Docker makes it, as `<id>-init`, so that ``/etc/hosts`` and its kin, which are bind-mounted from outside, have
something to be mounted on without showing up in `docker diff`. Source: moby `daemon/initlayer/setup_unix.go`; the
captures of overlay2 and aufs list its names (tests/data/docker-layers).

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024)); mount = TreeMount(fs, fs.root)
>>> set_up(mount); mount.listdir("/"), mount.listdir("/etc"), mount.readlink("/etc/mtab")
(['.dockerenv', 'dev', 'etc', 'proc', 'sys'], ['hostname', 'hosts', 'mtab', 'resolv.conf'], '/proc/mounts')

What it leaves out: owners under user namespaces, and the mounts themselves.
"""

from typing import Any

from snapsim.drivers.naive_diff import lstat
from snapsim.files.mounts.mount import Mount

PLACES = {
    "/dev/pts": "directory",
    "/dev/shm": "directory",
    "/proc": "directory",
    "/sys": "directory",
    "/.dockerenv": "file",
    "/etc/resolv.conf": "file",
    "/etc/hosts": "file",
    "/etc/hostname": "file",
    "/dev/console": "file",
    "/etc/mtab": "/proc/mounts",
}
_MODE = 0o755


def set_up(mount: Mount[Any]) -> None:
    """Make all places; a file of the image that stands where one has to be goes, a directory stays."""
    for path, kind in PLACES.items():
        _clear(mount, path)
        if lstat(mount, path) is None:
            _make(mount, path, kind)


def _clear(mount: Mount[Any], path: str) -> None:
    """Unlink whatever is no directory on the way to a place, the place included."""
    for step in _steps(path):
        stat = lstat(mount, step)
        if stat is not None and stat.kind != "directory":
            mount.unlink(step)


def _make(mount: Mount[Any], path: str, kind: str) -> None:
    for step in _steps(path)[:-1]:
        if lstat(mount, step) is None:
            mount.mkdir(step, _MODE)
    if kind == "directory":
        mount.mkdir(path, _MODE)
    elif kind == "file":
        mount.write(path, 0, 0)
        mount.chmod(path, _MODE)
    else:
        mount.symlink(kind, path)


def _steps(path: str) -> list[str]:
    """Every prefix of a path: ``/etc``, ``/etc/hosts``."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
