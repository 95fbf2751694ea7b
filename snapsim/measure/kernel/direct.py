"""Requests to a block device, one at a time, past the page cache.

A request is one system call of a program: at most 1 MiB, which the kernel hands down as one *bio*, and which
device-mapper splits where a chunk or block ends.

What it leaves out: more than one request on the way at a time; what is in them (noise).
"""

import errno
import fcntl
import mmap
import os
import random
import struct

LARGEST = 1 << 20
_NOISE = random.Random(2).randbytes(LARGEST)
_DISCARD = 0x1277  # include/uapi/linux/fs.h: BLKDISCARD


class Direct:
    """A block device that is open for requests.

    Parameters
    ----------
    path : str
        Of the device.

    Examples
    --------
    >>> device = Direct("/dev/zero")
    Traceback (most recent call last):
    OSError: [Errno 22] Invalid argument: '/dev/zero'
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_DIRECT)
        self._buffer = mmap.mmap(-1, LARGEST)  # a page's start, as direct requests want it
        self._buffer[:] = _NOISE
        self._into = mmap.mmap(-1, LARGEST)

    def request(self, kind: str, offset: int = 0, length: int = 0) -> str:
        """One ``read``, ``write`` or ``discard``, or a ``flush``: "ok", or the name of the error."""
        try:
            moved = self._ask(kind, offset, length)
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, str(error))
        return "ok" if moved == length else "EIO"

    def _ask(self, kind: str, offset: int, length: int) -> int:
        if kind == "write":
            return os.pwritev(self._file, [memoryview(self._buffer)[:length]], offset)
        if kind == "read":
            return os.preadv(self._file, [memoryview(self._into)[:length]], offset)
        if kind == "discard":
            fcntl.ioctl(self._file, _DISCARD, struct.pack("QQ", offset, length))
        else:
            os.fsync(self._file)
        return length

    def close(self) -> None:
        """Close the device."""
        os.close(self._file)
        self._into.close()
        self._buffer.close()
