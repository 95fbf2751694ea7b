"""System calls of Linux that Python's standard library lacks.

Source: mount(2), unshare(2), prctl(2), loop(4), and of the kernel: Documentation/filesystems/fiemap.rst,
include/uapi/linux/{loop,fs,btrfs}.h.

What it leaves out: other systems; the module can be imported there, the calls fail with OSError.
"""

import ctypes
import errno
import fcntl
import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_MS_REC, _MS_PRIVATE, _CLONE_NEWNS, _MNT_DETACH, _PR_SET_PDEATHSIG = 1 << 14, 1 << 18, 0x20000, 2, 1
_LOOP_CONFIGURE, _LOOP_CTL_GET_FREE, _AUTOCLEAR, _DIRECT_IO = 0x4C0A, 0x4C82, 4, 16
_LOOP_CLR_FD, _LOOP_GET_STATUS64, _LOOP_STATUS = 0x4C01, 0x4C05, 232
LABEL = b"snapsim measure "
"""What the loop devices of measurements are called, with the number of the process behind it: if that was killed, they
are found."""
_FREEZE, _THAW, _FIEMAP = 0xC0045877, 0xC0045878, 0xC020660B
_SUBVOLUME, _SNAPSHOT = 0x5000940E, 0x50009417
_MOST_EXTENTS = 1 << 14


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


@contextmanager
def opened(path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor for as long as the block lasts."""
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def mount(source: str, target: str, kind: str, options: str = "") -> None:
    """mount(2) with the default flags."""
    _call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(0), options.encode())


def remount_without_access_times(target: str) -> None:
    """Remount with noatime, so that reading a directory does not change it."""
    _call("mount", None, target.encode(), None, ctypes.c_ulong(32 | 1024), None)


def unmount(target: str) -> None:
    """umount2(2); what is still in use is detached and goes when it is let go."""
    try:
        _call("umount2", target.encode(), 0)
    except OSError:
        _call("umount2", target.encode(), _MNT_DETACH)


def own_mounts() -> None:
    """Give this process mounts of its own: they are gone when it is, and nobody else sees them."""
    _call("unshare", _CLONE_NEWNS)
    _call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)


def die_with_parent() -> None:
    """Be killed when the process that started this one dies."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def sync_filesystem(path: str) -> None:
    """syncfs(2)."""
    with opened(path) as descriptor:
        _call("syncfs", descriptor)


def freeze_and_thaw(path: str) -> None:
    """Freeze and thaw the file system, which checkpoints its journal or log.

    A separate process does it, in a session of its own: if this process were killed between the two calls, the file
    system would stay frozen, and could not be unmounted any more.
    """
    with opened(path) as descriptor:
        process = os.fork()
        if process == 0:
            _freeze_and_exit(descriptor)
        _, status = os.waitpid(process, 0)
    if status:
        number = os.waitstatus_to_exitcode(status)
        raise OSError(number, os.strerror(number), path)


def _freeze_and_exit(descriptor: int) -> None:
    try:
        os.setsid()
        fcntl.ioctl(descriptor, _FREEZE, 0)
        fcntl.ioctl(descriptor, _THAW, 0)
        os._exit(0)
    except OSError as error:
        os._exit(error.errno or 1)


def drop_caches() -> None:
    """Drop clean pages and unused inodes and names (dentries) of the whole machine."""
    with open("/proc/sys/vm/drop_caches", "w") as control:
        control.write("3")


def be_the_only_one() -> None:
    """Wait until no other process measures: caches are dropped for the whole machine. Held until this process ends."""
    fcntl.flock(os.open("/dev/loop-control", os.O_RDONLY), fcntl.LOCK_EX)


def free_loop() -> int:
    """The number of a loop device that is free now; somebody else may take it first."""
    with opened("/dev/loop-control", os.O_RDWR) as control:
        return fcntl.ioctl(control, _LOOP_CTL_GET_FREE)


def set_up_loop(device: int, file: int, direct: bool) -> None:
    """Attach a loop device (a descriptor) to a file until no process has it open any more (EBUSY: it is in use)."""
    flags = _AUTOCLEAR | (_DIRECT_IO if direct else 0)
    fcntl.ioctl(device, _LOOP_CONFIGURE, struct.pack("=II52xI64s112x64x", file, 0, flags, LABEL + b"%d" % os.getpid()))


def loop_label(device: str) -> bytes:
    """What a loop device says of its file: `LABEL` and a number if it was set up here; nothing if it has none."""
    told = bytearray(_LOOP_STATUS)
    try:
        with opened(device) as descriptor:
            fcntl.ioctl(descriptor, _LOOP_GET_STATUS64, told)
    except OSError:
        return b""
    return bytes(struct.unpack_from("=52xI64s", told)[1].rstrip(b"\0"))


def detach_loop(device: str) -> None:
    """Detach a loop device, now or when no process has it open any more."""
    try:
        with opened(device) as descriptor:
            fcntl.ioctl(descriptor, _LOOP_CLR_FD, 0)
    except OSError:
        return  # it is gone already


def thaw(path: str) -> None:
    """FITHAW; nothing happens if the file system is not frozen."""
    with opened(path) as descriptor:
        try:
            fcntl.ioctl(descriptor, _THAW, 0)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise


def extents(path: str) -> list[tuple[int, int, int]]:
    """(logical, physical, length) of each extent of a file, in bytes; at most 16,384 of them."""
    request = bytearray(struct.pack("=QQIIII", 0, 2**64 - 1, 1, 0, _MOST_EXTENTS, 0) + bytes(56 * _MOST_EXTENTS))
    with opened(path) as descriptor:
        fcntl.ioctl(descriptor, _FIEMAP, request)
    found = struct.unpack_from("=QQIIII", request)[3]
    return [struct.unpack_from("=QQQ", request, 32 + 56 * number) for number in range(found)]


def make_subvolume(directory: str, name: str, parent: str | None) -> None:
    """An empty btrfs subvolume, or a writable snapshot of another."""
    with opened(directory) as where:
        if parent is None:
            fcntl.ioctl(where, _SUBVOLUME, bytearray(struct.pack("=q4088s", 0, name.encode())))
            return
        with opened(parent) as source:
            fcntl.ioctl(where, _SNAPSHOT, bytearray(struct.pack("=qQQ32x4040s", source, 0, 0, name.encode())))
