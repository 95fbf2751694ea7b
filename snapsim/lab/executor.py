"""Carries out the operations of a workload on a driver, as the measuring harness does on a kernel.

Image layers are unpacked straight into the driver (`apply_diff`, no mount), containers are read-write layers that stay
mounted. A failure that a real system would show as well (the EXDEV of `rename`) is noted; an operation that cannot be
carried out is an error that names it.

What it leaves out: Docker's second (init) layer of a container; that is the engine's business.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from posixpath import dirname

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import Driver
from snapsim.files.data import LONGEST
from snapsim.files.inode import fail
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.programs import copy_tree
from snapsim.lab.workload import FileSpec, Op

AnyMount = Mount[object]
_BLOCK = 4096


class Executor:
    """The layers and containers of one workload on one driver.

    Parameters
    ----------
    driver : Driver
    place : str
        Where the operations stand, as errors say it: ``w.json: [0]``.

    Attributes
    ----------
    notes : list of str
        ``rename: EXDEV`` and the like.
    read_bytes : int
        Bytes that the application read.
    containers, layers : list of str
        Ids, in the order in which they were made.
    base : str or None
        The parent of layers and containers that name none.
    """

    def __init__(self, driver: Driver, place: str = "") -> None:
        self.driver, self.place = driver, place
        self.mounts: dict[str, Mount[object]] = {}
        self.notes: list[str] = []
        self.layers: list[str] = []
        self.containers: list[str] = []
        self.read_bytes = 0
        self.base: str | None = None

    def unpack(self, image: Iterable[Diff]) -> None:
        """Put the layers of a real image below all that the workload makes.

        Raises
        ------
        InvalidInput
            The driver cannot hold it.
        """
        for number, diff in enumerate(image):
            name = f"image:{number}"  # no name of a workload has a colon
            with _telling(f"layer {number} of the image"):
                self.driver.create(name, self.base)
                self.driver.apply_diff(name, self.base, diff)
            self.base = name
            self.layers.append(name)

    def run(self, op: Op, where: str) -> None:
        """Carry out one operation.

        Raises
        ------
        InvalidInput
            The operation cannot be carried out: no such file, no space left, too many layers.
        """
        with _telling(self._at(where), op.op, op.path or op.name):
            if op.op in ("layer", "snapshot", "seal"):
                getattr(self, f"_{op.op}")(op)
            else:
                _DO[op.op](self, self.mounts[op.in_], op)

    def settle(self, verb: str) -> None:
        """Write back all dirty pages and metadata of the driver, by a "sync" or a "freeze".

        Raises
        ------
        InvalidInput
            There is no room for it.
        """
        with _telling(self.place, verb):
            getattr(self.driver, verb)()

    def _at(self, where: str) -> str:
        return f"{self.place}.{where}" if self.place else where

    # ---------------------------------------------------------------- layers

    def _layer(self, op: Op) -> None:
        parent = op.parent or self.base
        self.driver.create(op.name, parent)
        self.driver.apply_diff(op.name, parent, Diff(tuple(_entries(op.files))))
        self.layers.append(op.name)

    def _snapshot(self, op: Op) -> None:
        self.driver.create_read_write(op.name, op.parent or self.base)
        self.mounts[op.name] = self.driver.get(op.name)
        self.containers.append(op.name)
        _fill(self.mounts[op.name], "", op.files)

    def _seal(self, op: Op) -> None:
        self.driver.put(op.name)


@contextmanager
def _telling(place: str, verb: str = "", name: str = "") -> Iterator[None]:
    """Turn an error of a driver or a mount into an `InvalidInput` that names operation, file and place."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(_sentence(verb, error.filename or name, error.strerror), place) from None
    except SnapsimError as error:
        raise InvalidInput(_sentence(verb, name, str(error)), place) from None


def _sentence(verb: str, name: str, why: str | None) -> str:
    what = " ".join(filter(None, (verb, name)))
    return f"{what}: {why}" if what else f"{why}"


def _entries(files: tuple[FileSpec, ...]) -> Iterator[Entry]:
    """The entries of an image layer: directories first, then their files."""
    made = {""}
    for spec in files:
        for path, size, data in spec.expand():
            for parent in [str(p) for p in PurePosixPath(path).parents][-2::-1] if dirname(path) not in made else ():
                if parent not in made:
                    made.add(parent)
                    yield Entry(f"/{parent}", "directory")
            yield Entry(f"/{path}", size=size, holes=_holes(size, data) if data < size else None)


def _holes(size: int, data: int) -> npt.NDArray[np.bool_]:
    if size > LONGEST:
        raise fail(errno.EFBIG)
    return np.arange(-(-size // _BLOCK)) * _BLOCK >= data


# -------------------------------------------------------------------- operations in a container


def _fill(mount: AnyMount, directory: str, files: tuple[FileSpec, ...]) -> None:
    for spec in files:
        for path, size, data in spec.expand():
            full = os.path.join(directory, path)
            _parents(mount, full)
            with mount.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as file:
                file.write(0, data)
                file.truncate(size)  # always, as the harness: XFS flushes at close after it


def _parents(mount: AnyMount, path: str) -> None:
    for parent in list(PurePosixPath(path).parents)[-2::-1]:
        if not mount.exists(str(parent)):
            mount.mkdir(str(parent))


def _write(run: Executor, mount: AnyMount, op: Op) -> None:
    every = {"each": 1, "end": len(op.offsets)}.get(op.fsync, 0) if isinstance(op.fsync, str) else op.fsync or 0
    with mount.open(op.path, os.O_WRONLY) as file:
        step = every or max(len(op.offsets), 1)
        for first in range(0, len(op.offsets), step):
            part = op.offsets[first : first + step]
            file.write_at(np.array(part, np.int64), op.length)
            if every and len(part) == every:
                file.fsync()


def _append(run: Executor, mount: AnyMount, op: Op) -> None:
    with mount.open(op.path, os.O_WRONLY | os.O_APPEND) as file:
        file.write(0, op.length)


def _open(run: Executor, mount: AnyMount, op: Op) -> None:
    flags = 0
    for name in op.flags:
        flags |= getattr(os, name)
    mount.open(op.path, flags).close()


def _read(run: Executor, mount: AnyMount, op: Op) -> None:
    run.read_bytes += mount.stat(op.path).size
    mount.read(op.path)


def _unlink(run: Executor, mount: AnyMount, op: Op) -> None:
    for path in op.paths:
        mount.unlink(path)


def _rename(run: Executor, mount: AnyMount, op: Op) -> None:
    try:
        mount.rename(op.path, op.destination)
        run.notes.append("rename: ok")
    except OSError as error:
        run.notes.append(f"rename: {errno.errorcode[error.errno or 0]}")


def _move(run: Executor, mount: AnyMount, op: Op) -> None:
    try:
        mount.rename(op.path, op.destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy_tree(mount, op.path, op.destination)
        mount.remove_tree(op.path)


def _chown(run: Executor, mount: AnyMount, op: Op) -> None:
    if op.recursive:
        _chown_tree(mount, op.path, op.uid, op.gid)
    else:
        mount.chown(op.path, op.uid, op.gid)


def _chown_tree(mount: AnyMount, path: str, uid: int, gid: int) -> None:
    """chown -R: links themselves, and a directory after what is in it."""
    if mount.stat(path, follow=False).kind == "directory":
        for name in mount.listdir(path):
            _chown_tree(mount, f"{path}/{name}", uid, gid)
    mount.chown(path, uid, gid, follow=False)


_DO: dict[str, Callable[[Executor, AnyMount, Op], None]] = {
    "write": _write,
    "append": _append,
    "open": _open,
    "read": _read,
    "unlink": _unlink,
    "create": lambda run, mount, op: _fill(mount, op.path, op.files),
    "rename": _rename,
    "mv": _move,
    "chmod": lambda run, mount, op: mount.chmod(op.path, op.mode),
    "chown": _chown,
    "setxattr": lambda run, mount, op: mount.setxattr(op.path, op.attribute, op.value),
    "removexattr": lambda run, mount, op: mount.removexattr(op.path, op.attribute),
    "mknod": lambda run, mount, op: mount.mknod(op.path, op.mode or 0o644, (op.major, op.minor), op.kind),
    "truncate": lambda run, mount, op: mount.truncate(op.path, op.size),
    "utime": lambda run, mount, op: mount.utime(op.path, op.seconds),
    "link": lambda run, mount, op: mount.link(op.path, op.destination),
    "symlink": lambda run, mount, op: mount.symlink(op.target, op.path),
    "mkdir": lambda run, mount, op: mount.mkdir(op.path),
    "rmdir": lambda run, mount, op: mount.rmdir(op.path),
    "remove": lambda run, mount, op: mount.remove_tree(op.path),
    "fsync": lambda run, mount, op: mount.fsync(op.path),
    "sync": lambda run, mount, op: mount.sync(),
}
