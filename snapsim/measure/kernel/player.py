"""The operations of a workload on real files: what `executor` does on the model, done with system calls.

The error of a refused rename is noted; any other failure is an error that names the operation.

What it leaves out: what is in the files (noise that does not compress) and times.
"""

import errno
import os
import random
import shutil
import stat
from collections.abc import Callable, Iterable

from snapsim.base.errors import InvalidInput
from snapsim.lab.operations import FileSpec, Op
from snapsim.measure.kernel import syscalls
from snapsim.measure.kernel.disk import MOUNTPOINT, command
from snapsim.measure.kernel.layers import LayersOnDisk

MIB = 1 << 20
_FORMATS = {
    "device": stat.S_IFCHR,
    "block": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "file": stat.S_IFREG,
}
_NOISE = random.Random(1).randbytes(MIB)


class WorkloadPlayer:
    """Carries operations out on the layers of one disk.

    Attributes
    ----------
    notes : list of str
        ``rename: EXDEV`` and the like.
    """

    def __init__(self, layers: LayersOnDisk) -> None:
        self.layers, self.notes = layers, list[str]()

    def run(self, ops: Iterable[Op]) -> None:
        """Carry operations out in their order.

        Raises
        ------
        InvalidInput
            One that cannot be done.
        """
        for number, op in enumerate(ops):
            try:
                self._run(op)
            except (OSError, shutil.Error) as error:
                said = error.strerror if isinstance(error, OSError) and error.strerror else error
                raise InvalidInput(f"{op.op} {op.path or op.name}: {said}", f"operation {number}") from None

    def _run(self, op: Op) -> None:
        if op.op in ("layer", "snapshot"):
            fill(getattr(self.layers, op.op)(op.name, op.parent), op.files)
        elif op.op == "seal":
            self.layers.seal(op.name)
        else:
            _DO[op.op](self, self.layers.places[op.in_].path, op)

    def rename(self, old: str, new: str) -> None:
        """rename(2), and a note of how it went."""
        try:
            os.rename(old, new)
            self.notes.append("rename: ok")
        except OSError as error:
            self.notes.append(f"rename: {errno.errorcode[error.errno or 0]}")


def fill(directory: str, files: Iterable[FileSpec]) -> None:
    """Write files, and the directories above them, below a directory."""
    for spec in files:
        for path, size, data in spec.expand():
            full = os.path.join(directory, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb", buffering=0) as file:
                for start in range(0, data, MIB):
                    file.write(_NOISE[: data - start])
                file.truncate(size)


def _noise(length: int) -> bytes:
    """Bytes that differ from those that `fill` puts at the same place."""
    return (_NOISE * (length // MIB + 2))[1 : length + 1]


def _write(player: WorkloadPlayer, root: str, op: Op) -> None:
    every = {"each": 1, "end": len(op.offsets)}.get(op.fsync, 0) if isinstance(op.fsync, str) else op.fsync or 0
    content = _noise(op.length)
    with syscalls.opened(os.path.join(root, op.path), os.O_WRONLY) as file:
        for number, offset in enumerate(op.offsets, start=1):
            _whole(os.pwrite(file, content, offset), op.length)
            if every and number % every == 0:
                os.fsync(file)


def _append(player: WorkloadPlayer, root: str, op: Op) -> None:
    with syscalls.opened(os.path.join(root, op.path), os.O_WRONLY | os.O_APPEND) as file:
        _whole(os.write(file, _noise(op.length)), op.length)


def _whole(written: int, wanted: int) -> None:
    if written != wanted:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open(player: WorkloadPlayer, root: str, op: Op) -> None:
    flags = 0
    for name in op.flags:
        flags |= getattr(os, name)
    os.close(os.open(os.path.join(root, op.path), flags, 0o644))


def _read(player: WorkloadPlayer, root: str, op: Op) -> None:
    with syscalls.opened(os.path.join(root, op.path)) as file:
        while os.read(file, MIB):
            continue


def _unlink(player: WorkloadPlayer, root: str, op: Op) -> None:
    for path in op.paths:
        os.unlink(os.path.join(root, path))


def _remove(player: WorkloadPlayer, root: str, op: Op) -> None:
    path = os.path.join(root, op.path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _fsync(player: WorkloadPlayer, root: str, op: Op) -> None:
    with syscalls.opened(os.path.join(root, op.path)) as file:
        os.fsync(file)


def _chown(path: str, op: Op) -> None:
    """As `executor` does it: names in order, a directory after what is in it."""
    if op.recursive:
        _chown_tree(path, op.uid, op.gid)
    else:
        os.chown(path, op.uid, op.gid)


def _chown_tree(path: str, uid: int, gid: int) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)):
            _chown_tree(os.path.join(path, name), uid, gid)
    os.lchown(path, uid, gid)


def _mknod(path: str, op: Op) -> None:
    os.mknod(path, _FORMATS[op.kind] | (op.mode or 0o644), os.makedev(op.major, op.minor))


def _two(act: Callable[[str, str], object]) -> Callable[[WorkloadPlayer, str, Op], object]:
    return lambda player, root, op: act(os.path.join(root, op.path), os.path.join(root, op.destination))


def _one(act: Callable[[str, Op], object]) -> Callable[[WorkloadPlayer, str, Op], object]:
    return lambda player, root, op: act(os.path.join(root, op.path), op)


_DO: dict[str, Callable[[WorkloadPlayer, str, Op], object]] = {
    "write": _write,
    "append": _append,
    "open": _open,
    "read": _read,
    "unlink": _unlink,
    "remove": _remove,
    "fsync": _fsync,
    "sync": lambda player, root, op: syscalls.sync_filesystem(MOUNTPOINT),
    "rename": lambda player, root, op: _two(player.rename)(player, root, op),
    "mv": _two(lambda old, new: command("mv", old, new)),
    "link": _two(os.link),
    "create": _one(lambda path, op: fill(path, op.files)),
    "chmod": _one(lambda path, op: os.chmod(path, op.mode)),
    "chown": _one(_chown),
    "setxattr": _one(lambda path, op: os.setxattr(path, op.attribute, os.fsencode(op.value))),
    "removexattr": _one(lambda path, op: os.removexattr(path, op.attribute)),
    "mknod": _one(_mknod),
    "truncate": _one(lambda path, op: os.truncate(path, op.size)),
    "utime": _one(lambda path, op: os.utime(path, (op.seconds, op.seconds))),
    "symlink": _one(lambda path, op: os.symlink(op.target, path)),
    "mkdir": _one(lambda path, op: os.mkdir(path)),
    "rmdir": _one(lambda path, op: os.rmdir(path)),
}
