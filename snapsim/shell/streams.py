"""What a descriptor stands for: an open file with a position, a device, or something of the world outside.

All have `read` and `write`, as read(2) and write(2) do it, and fail with `OSError`. Descriptors that were made from
one another (``2>&1``, a subshell) are the same object, so they share its position, as on Linux.

A file in the model has *real bytes* as long as all of it was written as bytes; of others (large files of zeros or
random data, files of images that only say a size) it knows a stamp for each block. Such a block reads as its stamp,
eight bytes again and again: equal blocks read alike, different ones do not.

>>> import os
>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> mount = TreeMount(fs, fs.root)
>>> file = FileStream(mount.open("/f", os.O_RDWR | os.O_CREAT))
>>> file.write(b"one\\ntwo\\n"); file.seek(0)
>>> file.read_line(), file.read(100), file.read(100)
(b'one\\n', b'two\\n', b'')

What it leaves out: non-blocking and asynchronous I/O, sockets, terminals' line discipline.
"""

import errno
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from snapsim.base.splitmix import SplitMix64
from snapsim.files.inode import fail
from snapsim.files.mounts.mount import File

PIECE = 65536
"""Bytes that a command moves at once where nothing else is said."""
_KNOWN_BYTES = 16 << 20  # of longer files the stamps alone are kept
_REAL_BYTES = 1 << 20  # as much of a device's bytes a file keeps as real ones


class Stream:
    """An open description (open(2)): what descriptors point to."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        raise fail(errno.EBADF)

    def write(self, data: bytes) -> None:
        """All of the data."""
        raise fail(errno.EBADF)

    def read_line(self) -> bytes:
        """Up to the next end of a line, or of the input."""
        found = b""
        while not found.endswith(b"\n"):
            byte = self.read(1)
            if not byte:
                break
            found += byte
        return found

    def seek(self, position: int) -> None:
        """Go to a position; ESPIPE where there is none."""
        raise fail(errno.ESPIPE)

    def close(self) -> None:
        """Give it back."""


class FileStream(Stream):
    """An open file of a mount, with the position that read(2) and write(2) go on from.

    Parameters
    ----------
    file : File
    append : bool
        It was opened with O_APPEND.
    """

    def __init__(self, file: File[Any], append: bool = False) -> None:
        self.file, self.append, self.position = file, append, 0

    @property
    def size(self) -> int:
        """Bytes of the file now."""
        return self.file.stat().size

    def read(self, size: int) -> bytes:
        """The bytes from the position on; the blocks that hold them are read."""
        found = self._bytes(size)
        self.position += len(found)
        return found

    def _bytes(self, size: int) -> bytes:
        if self.file.stat().kind == "directory":
            raise fail(errno.EISDIR)
        length = max(min(size, self.size - self.position), 0)
        stamps = self.file.read(self.position, length)
        known = self.file.content()
        if known is not None:
            return known[self.position : self.position + length]
        return _stand_in(stamps, self.position, length, self.file.block_size)

    def read_line(self) -> bytes:
        """Up to the next end of a line, or of the file."""
        found = b""
        while piece := self._bytes(4096):
            end = piece.find(b"\n") + 1
            found += piece[:end] if end else piece
            self.position += end or len(piece)
            if end:
                break
        return found

    def write(self, data: bytes) -> None:
        """At the position, or at the end; beyond 16 MiB the file no longer keeps its bytes, only stamps."""
        start = self.size if self.append else self.position
        known = start + len(data) <= _KNOWN_BYTES
        self.file.write(start, len(data), data if known else None)
        self.position = start + len(data)

    def seek(self, position: int) -> None:
        """Go to a position."""
        self.position = position

    def close(self) -> None:
        """Give the descriptor back."""
        self.file.close()


def _stand_in(stamps: np.ndarray, position: int, length: int, block_size: int) -> bytes:
    """Bytes for blocks of which only the stamps are known."""
    start = position % block_size
    return np.repeat(stamps, block_size // 8).tobytes()[start : start + length]


class Null(Stream):
    """/dev/null."""

    def read(self, size: int) -> bytes:
        """Nothing."""
        return b""

    def write(self, data: bytes) -> None:
        """Into nowhere."""


class Full(Null):
    """/dev/full."""

    def write(self, data: bytes) -> None:
        """ENOSPC, always."""
        raise fail(errno.ENOSPC)


class Zero(Null):
    """/dev/zero."""

    def read(self, size: int) -> bytes:
        """Zeros."""
        return bytes(size)


class Random(Null):
    """/dev/urandom, from a seed: the same bytes in each run."""

    def __init__(self, numbers: SplitMix64) -> None:
        self._numbers = numbers

    def read(self, size: int) -> bytes:
        """Random bytes."""
        return self._numbers.bits(-(-size // 8)).tobytes()[:size]


class Capture(Stream):
    """Output that is kept: what ``$(...)`` reads."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        """One more piece."""
        self.data += data


class Output(Stream):
    """Output that goes to a function of the world outside, piece by piece."""

    def __init__(self, give: Callable[[bytes], object]) -> None:
        self._give = give

    def write(self, data: bytes) -> None:
        """Hand it on."""
        self._give(data)


class Source(Protocol):
    """What standard input may be: a binary file, or anything else with its `read`."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, waiting for the first; none at the end."""
        ...


class Input(Stream):
    """Input from the world outside, or from bytes.

    Parameters
    ----------
    source : bytes or Source
        A source is asked as soon as something is read, for as much as it has.
    """

    def __init__(self, source: "bytes | Source") -> None:
        self._source = None if isinstance(source, bytes) else source
        self._held = source if isinstance(source, bytes) else b""

    @property
    def live(self) -> bool:
        """More may come while a program runs."""
        return self._source is not None

    def _fill(self) -> bool:
        if self._source is not None:
            read = getattr(self._source, "read1", self._source.read)
            piece = read(PIECE)
            self._held += piece
            return bool(piece)
        return False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        if not self._held:
            self._fill()
        found, self._held = self._held[:size], self._held[size:]
        return found

    def read_line(self) -> bytes:
        """Up to the next end of a line, or of the input."""
        while b"\n" not in self._held and self._fill():
            pass
        end = self._held.find(b"\n") + 1 or len(self._held)
        return self.read(end) if end else b""


# ---------------------------------------------------------------- from one to another


def pieces(stream: Stream, size: int = PIECE) -> Iterator[bytes]:
    """All that is left to read."""
    while piece := stream.read(size):
        yield piece


def transfer(source: Stream, target: Stream, size: int) -> int:
    """Move up to `size` bytes with one read and one write; returns how many.

    Between two files of which the bytes are not known, and from /dev/zero and /dev/urandom into a large file, no bytes
    are made: blocks are read and written by their stamps.
    """
    if isinstance(target, FileStream):
        if isinstance(source, FileStream) and _by_stamps(source, target):
            return _move_blocks(source, target, size)
        start = target.size if target.append else target.position
        large = start + size > _REAL_BYTES or target.file.content() is None
        if large and isinstance(source, Zero | Random):
            block = target.file.block_size
            blocks = -(-(start + size) // block) - start // block
            aligned = start % block == 0 and isinstance(source, Zero)
            target.file.write(start, size, np.zeros(blocks, np.uint64) if aligned else None)
            target.position = start + size
            return size
    piece = source.read(size)
    if piece:
        target.write(piece)
    return len(piece)


def _by_stamps(source: FileStream, target: FileStream) -> bool:
    block = source.file.block_size
    start = target.size if target.append else target.position
    return (
        source.file.stat().kind == "file"
        and source.file.content() is None
        and block == target.file.block_size
        and source.position % block == 0
        and start % block == 0
    )


def _move_blocks(source: FileStream, target: FileStream, size: int) -> int:
    length = max(min(size, source.size - source.position), 0)
    if length:
        stamps = source.file.read(source.position, length)
        start = target.size if target.append else target.position
        target.file.write(start, length, stamps)
        target.position = start + length
        source.position += length
    return length
