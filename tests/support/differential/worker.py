"""Carries sequences of calls out on the running kernel; a program of its own that reads and writes lines of JSON.

It makes a mount namespace of its own, so that nobody else sees its mounts and all of them go with it, and keeps one
image of each file system on a tmpfs from its start to its end. Each request is one sequence (its keys: stack, layers,
calls); the answer holds what every call gave and what the trees hold in the end. Calls are made inside a chroot of the
mounted tree, since a path from the root and ``..`` must not leave it.

Run it as root: ``python worker.py DIRECTORY``, an empty directory for the images.
"""

import ctypes
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_NAMESPACE, RECURSIVE, PRIVATE = 0x20000, 1 << 14, 1 << 18
AT_CWD, AT_FOLLOW = -100, 0x400
RENAME_FLAGS = {"": 0, "NOREPLACE": 1, "EXCHANGE": 2}
KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
FORMATS = {kind: number for number, kind in KINDS.items()}
MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-O", "^metadata_csum"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
SIZES = {"ext4": 256 << 20, "xfs": 320 << 20, "btrfs": 320 << 20}
OVERLAYS = {  # stack -> the file system below, options
    "overlay": ("ext4", "metacopy=off,redirect_dir=off"),
    "overlay-xfs": ("xfs", "metacopy=off,redirect_dir=off"),
    "metacopy": ("ext4", "metacopy=on,redirect_dir=on"),
}
AGAIN = (
    "remount",
    "restack",
)  # of a union: mount it anew; the same, with the upper as the nearest lower of a new upper
EARLY = 10**6  # seconds: a time below it was set by a call, one above is of the clock


def system(name: str, *arguments: object) -> int:
    """A function of the C library; its error as OSError."""
    result: int = getattr(LIBC, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return result


def mount(source: str, target: str, kind: str, options: str = "", flags: int = 0) -> None:
    """mount(2)."""
    system("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


class Kernel:
    """The stacks on the kernel; `run` does one sequence."""

    def __init__(self, directory: str) -> None:
        system("unshare", NEW_NAMESPACE)
        system("mount", None, b"/", None, ctypes.c_ulong(RECURSIVE | PRIVATE), None)
        os.umask(0)
        self.home, self.number = directory, 0
        self.root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        mount("none", directory, "tmpfs", "size=1g")
        self.places: dict[str, str] = {}

    def place(self, kind: str) -> str:
        """Where a file system of this kind is mounted; it is made when it is first asked for."""
        if kind not in self.places:
            image, point = f"{self.home}/{kind}.image", f"{self.home}/{kind}"
            with open(image, "wb") as file:
                file.truncate(SIZES[kind])
            subprocess.run([*MAKE[kind], image], check=True, capture_output=True)
            os.mkdir(point)
            device = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
            name = device.stdout.strip()
            try:
                mount(name, point, kind)
            finally:
                subprocess.run(["losetup", "--detach", name], check=True)  # the loop device goes with its last user
            self.places[kind] = point
        return self.places[kind]

    def run(self, stack: str, layers: list[list[list[object]]], calls: list[list[object]]) -> dict[str, object]:
        """Do one sequence from an empty directory on."""
        self.number += 1
        base = f"{self.place(OVERLAYS[stack][0] if stack in OVERLAYS else stack)}/{self.number}"
        os.mkdir(base)
        try:
            return self._on_union(stack, base, layers, calls) if stack in OVERLAYS else self._plain(base, calls)
        finally:
            shutil.rmtree(base)

    def _plain(self, base: str, calls: list[list[object]]) -> dict[str, object]:
        with Chroot(self.root, base) as inside:
            results = inside.calls(calls)
            inside.close_all()
        return {"calls": results, "trees": dump([base])}

    def _on_union(
        self, stack: str, base: str, layers: list[list[list[object]]], calls: list[list[object]]
    ) -> dict[str, object]:
        places = [f"{base}/layer{number}" for number in range(len(layers))]
        for place, building in zip(places, layers, strict=True):
            os.mkdir(place)
            with Chroot(self.root, place) as inside:
                inside.calls(building)
                inside.close_all()
        merged, results, first = f"{base}/merged", list[object](), list[object]()
        os.mkdir(merged)
        rest, upper, work = [*calls], "", ""
        while True:
            if not upper:
                upper, work = f"{base}/upper{len(places)}", f"{base}/work{len(places)}"
                os.mkdir(upper)
                os.mkdir(work)
            lowers = ":".join(places[::-1])
            options = f"lowerdir={lowers},upperdir={upper},workdir={work},{OVERLAYS[stack][1]},index=off,xino=off"
            stop = next((at for at, call in enumerate(rest) if call[0] in AGAIN), len(rest))
            with mounted(merged, options):
                first = first or dump([merged], contents=False)
                with Chroot(self.root, merged) as inside:
                    results += inside.calls(rest[:stop])
                    inside.close_all()
                if stop == len(rest):
                    last = dump([merged, upper, f"{work}/work"])
                    break
            if rest[stop][0] == "restack":
                places, upper = [*places, upper], ""
            results.append(None)
            rest = rest[stop + 1 :]
        with mounted(merged, options):
            return {"calls": results, "trees": [*first, *last, *dump([merged])]}


@contextmanager
def mounted(merged: str, options: str) -> Iterator[None]:
    """An overlay, for as long as the block lasts."""
    mount("overlay", merged, "overlay", options)
    try:
        yield
    finally:
        system("umount2", merged.encode(), 0)


def text(short: str) -> bytes:
    """What a call writes: ``y*4096`` is the letter 4096 times."""
    letter, star, count = short.partition("*")
    return (letter * int(count) if star else short).encode()


class Chroot:
    """Calls inside a directory that is the root for as long as the block lasts."""

    def __init__(self, root: int, directory: str) -> None:
        self.root, self.directory = root, directory
        self.slots: dict[int, int] = {}

    def __enter__(self) -> "Chroot":
        os.chroot(self.directory)
        os.chdir("/")
        return self

    def __exit__(self, *unused: object) -> None:
        self.close_all()
        os.fchdir(self.root)
        os.chroot(".")

    def close_all(self) -> None:
        for descriptor in self.slots.values():
            os.close(descriptor)
        self.slots.clear()

    def calls(self, calls: list[list[object]]) -> list[object]:
        return [self.call(*call) for call in calls]

    def call(self, verb: str, *arguments: object) -> object:
        try:
            return getattr(self, f"do_{verb}")(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno or 0]

    # ---------------------------------------------------------------- by descriptor

    def do_open(self, slot: int, path: str, flags: list[str], mode: int = 0o644) -> None:
        number = os.O_NONBLOCK
        for flag in flags:
            number |= getattr(os, flag)
        descriptor = os.open(path, number, mode)
        self.do_close(slot)
        self.slots[slot] = descriptor

    def slot(self, slot: int) -> int:
        if slot not in self.slots:
            raise OSError(errno.EBADF, "")
        return self.slots[slot]

    def do_close(self, slot: int) -> None:
        if slot in self.slots:
            os.close(self.slots.pop(slot))

    def do_pwrite(self, slot: int, offset: int, data: str) -> int:
        return os.pwrite(self.slot(slot), text(data), offset)

    def do_pread(self, slot: int, offset: int, length: int) -> str:
        return os.pread(self.slot(slot), length, offset).decode("latin-1")

    def do_ftruncate(self, slot: int, size: int) -> None:
        os.ftruncate(self.slot(slot), size)

    def do_fsync(self, slot: int) -> None:
        os.fsync(self.slot(slot))

    def do_fstat(self, slot: int) -> list[object]:
        return facts(os.fstat(self.slot(slot)))

    # ---------------------------------------------------------------- by path

    def do_write(self, path: str, offset: int, data: str) -> int:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o644)
        try:
            return os.pwrite(descriptor, text(data), offset)
        finally:
            os.close(descriptor)

    def do_read(self, path: str) -> str:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.pread(descriptor, 1 << 16, 0).decode("latin-1")
        finally:
            os.close(descriptor)

    def do_truncate(self, path: str, size: int) -> None:
        os.truncate(path, size)

    def do_mkdir(self, path: str, mode: int = 0o755) -> None:
        os.mkdir(path, mode)

    def do_rmdir(self, path: str) -> None:
        os.rmdir(path)

    def do_unlink(self, path: str) -> None:
        os.unlink(path)

    def do_symlink(self, target: str, path: str) -> None:
        os.symlink(target, path)

    def do_mknod(self, path: str, kind: str, mode: int, rdev: list[int]) -> None:
        os.mknod(path, FORMATS[kind] | mode, os.makedev(*rdev))

    def do_link(self, path: str, to: str, follow: bool = False) -> None:
        system("linkat", AT_CWD, path.encode(), AT_CWD, to.encode(), AT_FOLLOW if follow else 0)

    def do_rename(self, path: str, to: str, flags: str = "") -> None:
        system("renameat2", AT_CWD, path.encode(), AT_CWD, to.encode(), RENAME_FLAGS[flags])

    def do_chmod(self, path: str, mode: int) -> None:
        os.chmod(path, mode)

    def do_chown(self, path: str, uid: int, gid: int, follow: bool = True) -> None:
        os.chown(path, uid, gid, follow_symlinks=follow)

    def do_utime(self, path: str, seconds: int, follow: bool = True) -> None:
        os.utime(path, (seconds, seconds), follow_symlinks=follow)

    def do_stat(self, path: str, follow: bool = True) -> list[object]:
        return facts(os.stat(path, follow_symlinks=follow))

    def do_readdir(self, path: str) -> list[str]:
        return sorted(name for name in os.listdir(path) if name != "lost+found")

    def do_readlink(self, path: str) -> str:
        return os.readlink(path)

    def do_setxattr(self, path: str, name: str, value: str, flags: str = "", follow: bool = True) -> None:
        number = getattr(os, f"XATTR_{flags}") if flags else 0
        os.setxattr(path, name, value.encode("latin-1"), number, follow_symlinks=follow)

    def do_getxattr(self, path: str, name: str, follow: bool = True) -> str:
        return os.getxattr(path, name, follow_symlinks=follow).decode("latin-1")

    def do_listxattr(self, path: str, follow: bool = True) -> list[str]:
        return sorted(os.listxattr(path, follow_symlinks=follow))

    def do_removexattr(self, path: str, name: str, follow: bool = True) -> None:
        os.removexattr(path, name, follow_symlinks=follow)

    def do_sync(self) -> None:
        os.sync()


def facts(found: os.stat_result) -> list[object]:
    """What stat(2) says and the model has to say as well; times only if a call set them."""
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    return [
        kind,
        stat.S_IMODE(found.st_mode),
        found.st_nlink,
        found.st_uid,
        found.st_gid,
        found.st_size if kind not in ("directory",) else 0,
        [os.major(found.st_rdev), os.minor(found.st_rdev)],
        early(found.st_mtime),
        early(found.st_atime),
    ]


def early(seconds: float) -> int | str:
    return int(seconds) if seconds < EARLY else "now"


def dump(roots: list[str], contents: bool = True) -> list[list[list[object]]]:
    """All that lies below each of the roots; reading changes access times, so all of them are taken down first."""
    listed = [list(walk(os.open(root, os.O_RDONLY | os.O_NOATIME), "", root)) for root in roots]
    for root, rows in zip(roots, listed, strict=True):
        for row in rows if contents else ():
            if row[1]:
                row += content(root + str(row[0]), str(row[2]))
    return listed


def walk(descriptor: int, path: str, root: str):  # type: ignore[no-untyped-def]
    try:
        found = os.fstat(descriptor)
        yield [path, found.st_ino, *facts(found)]
        for name in sorted(os.listdir(descriptor)):
            full = f"{path}/{name}"
            try:
                status = os.lstat(root + full)
            except FileNotFoundError:
                yield [full, 0, "listed, not found"]
                continue
            if stat.S_ISDIR(status.st_mode):
                inner = os.open(root + full, os.O_RDONLY | os.O_NOATIME | os.O_DIRECTORY)
                yield from walk(inner, full, root)
            else:
                yield [full, status.st_ino, *facts(status)]
    finally:
        os.close(descriptor)


def content(path: str, kind: str) -> list[object]:
    """What a file holds or a link says, and the extended attributes."""
    text = ""
    if kind == "symlink":
        text = os.readlink(path)
    elif kind == "file":
        descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
        try:
            text = os.pread(descriptor, 1 << 16, 0).decode("latin-1")
        finally:
            os.close(descriptor)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return [text, {name: os.getxattr(path, name, follow_symlinks=False).decode("latin-1") for name in names}]


def main() -> None:
    kernel = Kernel(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(kernel.run(request["stack"], request["layers"], request["calls"])), flush=True)


if __name__ == "__main__":
    main()
