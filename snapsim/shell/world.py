"""What a program sees beside its descriptors: files below a working directory, users, a clock, a host's name.

`World` is one container, or one machine: what all its processes share. `Files` are the system calls that one process
makes, by path; a path that does not begin with ``/`` goes on from its working directory. Each call goes to the mount,
and so to the page cache and the file system of the model.

The devices ``/dev/null``, ``/dev/zero``, ``/dev/full`` and ``/dev/urandom`` are there whether the mount has them or
not, as in a container.

What it leaves out: permissions (every program may do what root may), /proc and /sys, limits of resources.
"""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

from snapsim.base.splitmix import SplitMix64
from snapsim.files.inode import fail
from snapsim.files.mounts.mount import Mount, Stat
from snapsim.files.mounts.tree import TreeMount
from snapsim.shell.streams import FileStream, Full, Null, Random, Stream, Zero

DEVICES = {"/dev/null": (1, 3), "/dev/zero": (1, 5), "/dev/full": (1, 7), "/dev/urandom": (1, 9), "/dev/random": (1, 8)}


class StillRunning(Exception):
    """The program waits for what never comes (``sleep infinity``, ``tail -f``); all before that has been done.

    Attributes
    ----------
    what : str
        What it waits in.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not end")
        self.what = what


class Seconds:
    """A simulated clock: it moves when somebody sleeps.

    A driver's `Clock` may be used instead, so that files get their times from it.

    >>> clock = Seconds(100)
    >>> clock.see(160); clock.now
    160
    """

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def see(self, time: int | None) -> None:
        """Go on to a time, if it is later."""
        self.now = max(self.now, time or 0)


class World:
    """What all processes of one container share.

    Parameters
    ----------
    mount : Mount
        Its tree of files.
    user : str
        ``name``, ``uid``, ``name:group`` or ``uid:gid``; names are looked up in the mount's /etc/passwd and /etc/group.
    clock : Seconds or a driver's Clock, optional
        What ``date`` shows and ``sleep`` moves.
    hostname : str
    sleep : callable, optional
        Called with the seconds of each ``sleep``; may raise `StillRunning`. The clock moves on when left out.
    seed : int
        Of /dev/urandom.
    """

    def __init__(
        self,
        mount: Mount[Any],
        user: str = "",
        clock: Any = None,
        hostname: str = "snapsim",
        sleep: Callable[[float], None] | None = None,
        seed: int = 1,
    ) -> None:
        self.mount, self.clock, self.hostname = mount, clock if clock is not None else Seconds(), hostname
        self.sleep = sleep if sleep is not None else self._sleep
        self.random = Random(SplitMix64(seed))
        self._slept = 0.0
        self.filesystem = mount.fs.name if isinstance(mount, TreeMount) else "overlay"
        self.uid, self.gid = self.identity(user)

    def _sleep(self, seconds: float) -> None:
        if seconds == float("inf"):
            raise StillRunning("sleep infinity")
        self._slept += seconds
        whole, self._slept = divmod(self._slept, 1)
        self.clock.see(self.clock.now + int(whole))

    # ---------------------------------------------------------------- users

    def names(self, file: str) -> dict[int, str]:
        """The numbers and names in /etc/passwd or /etc/group."""
        return {int(row[2]): row[0] for row in self._rows(file) if len(row) > 2 and row[2].isdigit()}

    def number(self, file: str, name: str) -> int | None:
        """The number of a user or a group, by name or as digits; None if it is unknown."""
        if name.isdigit():
            return int(name)
        return next((number for number, known in self.names(file).items() if known == name), None)

    def _rows(self, file: str) -> Iterator[list[str]]:
        try:
            text = self.mount.read_bytes(file).decode(errors="replace")
        except OSError:  # there need not be any users
            return
        for line in text.splitlines():
            yield line.split(":")

    def home(self) -> str:
        """The home directory of the user; ``/`` where /etc/passwd does not tell."""
        rows = (row for row in self._rows("/etc/passwd") if len(row) > 5 and row[2] == str(self.uid))
        return next((row[5] for row in rows), "/root" if not self.uid and self.mount.exists("/root") else "/")

    def identity(self, user: str) -> tuple[int, int]:
        """The numbers of a user and a group; LookupError in Docker's words."""
        name, _, group = user.partition(":")
        if name in ("", "root", "0") and group in ("", "root", "0"):
            return 0, 0
        uid = self.number("/etc/passwd", name)
        if uid is None:
            raise LookupError(f"unable to find user {name}: no matching entries in passwd file")
        if group:
            gid = self.number("/etc/group", group)
            if gid is None:
                raise LookupError(f"unable to find group {group}: no matching entries in group file")
            return uid, gid
        rows = (row for row in self._rows("/etc/passwd") if len(row) > 3 and row[2] == str(uid))
        return uid, next((int(row[3]) for row in rows if row[3].isdigit()), 0)


class Files:
    """The system calls of one process, by path; errors are `OSError`, as of `Mount`.

    Parameters
    ----------
    world : World
    directory : str
        The working directory.
    mask : int
        Permissions that new files do not get (umask(2)).
    """

    def __init__(self, world: World, directory: str = "/", mask: int = 0o022) -> None:
        self.world, self.mount, self.directory, self.mask = world, world.mount, directory, mask

    def path(self, name: str) -> str:
        """The path from the root on."""
        if not name:
            raise fail(errno.ENOENT, name)
        return name if name.startswith("/") else f"{self.directory.rstrip('/')}/{name}"

    def open(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> Stream:
        """open(2)."""
        path = self.path(name)
        device = self._device(path)
        if device is not None:
            return {3: Null(), 5: Zero(), 7: Full()}.get(device, self.world.random)
        self._check_slash(path)
        new = bool(flags & os.O_CREAT) and not self.mount.exists(path)
        if new and path.endswith("/"):
            raise fail(errno.EISDIR, path)
        file = self.mount.open(path, flags, mode & ~self.mask)
        if new:
            self._own(path)
        return FileStream(file, bool(flags & os.O_APPEND))

    def _device(self, path: str) -> int | None:
        """Its minor number, if it is one of the devices of memory."""
        path = os.path.normpath(path)
        if path in DEVICES:
            return DEVICES[path][1]
        if path.startswith("/dev/") or not self.mount.exists(path):
            return None
        stat = self.mount.stat(path)
        return stat.rdev[1] if stat.kind == "device" and stat.rdev in DEVICES.values() else None

    def _check_slash(self, path: str) -> None:
        """A path that ends with a slash is a directory's."""
        if (
            path.endswith("/")
            and path.strip("/")
            and self.mount.exists(path)
            and self.mount.stat(path).kind != "directory"
        ):
            raise fail(errno.ENOTDIR, path)

    def _own(self, path: str) -> None:
        if self.world.uid or self.world.gid:
            self.mount.chown(path, self.world.uid, self.world.gid, follow=False)

    def stat(self, name: str, follow: bool = True) -> Stat:
        """stat(2), or lstat(2)."""
        path = self.path(name)
        rdev = DEVICES.get(os.path.normpath(path))
        if rdev and not self.mount.exists(path):
            return Stat(rdev[1], "device", 0o666, 1, 0, 0, 0, 0, rdev, 0)
        self._check_slash(path)
        return self.mount.stat(path, follow or path.endswith("/"))

    def exists(self, name: str, follow: bool = True) -> bool:
        """Is there such a path?"""
        return self.kind(name, follow) != ""

    def kind(self, name: str, follow: bool = True) -> str:
        """ "file", "directory", "symlink" or "device"; empty where there is nothing."""
        try:
            return self.stat(name, follow).kind
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            return ""

    def listed(self, name: str) -> list[str]:
        """The names in a directory, sorted."""
        return self.mount.listdir(self.path(name))

    def mkdir(self, name: str, mode: int = 0o777) -> None:
        """mkdir(2)."""
        path = self.path(name)
        self.mount.mkdir(path, mode & ~self.mask)
        self._own(path)

    def symlink(self, target: str, name: str) -> None:
        """symlink(2)."""
        path = self.path(name)
        self.mount.symlink(target, path)
        self._own(path)

    def link(self, name: str, to: str) -> None:
        """link(2)."""
        self.mount.link(self.path(name), self.path(to))

    def readlink(self, name: str) -> str:
        """readlink(2)."""
        return self.mount.readlink(self.path(name))

    def rename(self, name: str, to: str) -> None:
        """rename(2)."""
        self.mount.rename(self.path(name), self.path(to))

    def unlink(self, name: str) -> None:
        """unlink(2)."""
        path = self.path(name)
        self._check_slash(path)
        self.mount.unlink(path)

    def rmdir(self, name: str) -> None:
        """rmdir(2)."""
        if os.path.basename(name) == ".":
            raise fail(errno.EINVAL, name)
        self.mount.rmdir(self.path(name))

    def chmod(self, name: str, mode: int) -> None:
        """chmod(2)."""
        self.mount.chmod(self.path(name), mode)

    def chown(self, name: str, uid: int, gid: int, follow: bool = True) -> None:
        """chown(2), or lchown(2)."""
        self.mount.chown(self.path(name), uid, gid, follow)

    def utime(self, name: str, mtime: int, follow: bool = True) -> None:
        """utimensat(2)."""
        self.mount.utime(self.path(name), mtime, follow)

    def truncate(self, name: str, size: int) -> None:
        """truncate(2)."""
        self.mount.truncate(self.path(name), size)
