"""Files of a container from outside: `docker cp`.

What it leaves out: ownership as the client asks for it (``copyUIDGID``).
"""

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from snapsim.docker.containers import Container
from snapsim.drivers.naive_diff import lstat
from snapsim.serve import containers, tars
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused
from snapsim.serve.shapes.times import stamp

_BITS = {"directory": 1 << 31, "symlink": 1 << 27, "device": 1 << 26 | 1 << 21, "file": 0}


@contextmanager
def seen(daemon: Daemon, box: Container) -> Iterator[Any]:
    """What its processes see, or would see."""
    with daemon.engine.driver.mounted(box.id) as mount:
        live = daemon.live(box)
        yield live.seen if live.seen is not None else containers.see(daemon, box, mount)


def path_of(text: str) -> str:
    """A path from the root; `Refused` (400) where none is given."""
    if not text or "\0" in text:
        raise Refused(400, "bad parameter: path cannot be empty")
    clean = posixpath.normpath("/" + text.lstrip("/"))
    return clean if not text.endswith(("/", "/.")) or clean == "/" else f"{clean}/"


def path_stat(mount: Any, path: str, name: str) -> dict[str, Any]:
    """What `docker cp` asks first; `Refused` (404)."""
    bare = path.rstrip("/") or "/"
    stat = lstat(mount, bare)
    if stat is None:
        raise Refused(404, f"Could not find the file {path} in container {name}")
    target = mount.readlink(bare) if stat.kind == "symlink" else ""
    if target and not target.startswith("/"):
        target = posixpath.normpath(f"{posixpath.dirname(bare)}/{target}")
    size = stat.size if stat.kind == "file" else len(target) if target else 4096
    sticky = (stat.mode & 0o1000) << 11 | (stat.mode & 0o2000) << 11 | (stat.mode & 0o4000) << 11
    return {
        "name": posixpath.basename(bare) or "/",
        "size": size,
        "mode": _BITS[stat.kind] | stat.mode & 0o777 | sticky,
        "mtime": stamp(max(1, stat.mtime) * 10**9),
        "linkTarget": target,
    }


def get(mount: Any, path: str) -> Iterator[bytes]:
    """A file or a tree as an archive, under its own name."""
    bare = path.rstrip("/") or "/"
    return tars.packed(mount, bare, posixpath.basename(bare) or "/")


def put(mount: Any, path: str, name: str, archive: BinaryIO, overwrite: bool) -> None:
    """Unpack an archive into a directory; `Refused` (404, 400)."""
    bare = path.rstrip("/") or "/"
    if not mount.exists(bare):
        raise Refused(404, f"Could not find the file {path} in container {name}")
    if mount.stat(bare).kind != "directory":
        raise Refused(400, "extraction point is not a directory")
    tars.unpack(archive, mount, bare, overwrite=overwrite)
