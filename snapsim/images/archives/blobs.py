"""Where the parts of an image lie: in a folder, or in a tar file, which is read in place or copied from a pipe first.

Both give their parts by name, as bounded streams. A name that leads elsewhere (a link out of the folder, a link that
climbs out of the archive) is refused; links inside are followed, since old versions of `docker save` wrote a layer that
two images share as a link.

What it leaves out: checks of what the parts say (`layouts`) and of their digests (`snapsim.images.archive`).
"""

# ruff: noqa: D102 (has and open are described once, in Blobs)

import os
import posixpath
import stat
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import parse_json
from snapsim.base.schema import shown
from snapsim.base.units import format_size
from snapsim.images.archives.limits import Budget, Limits
from snapsim.images.archives.members import members
from snapsim.images.archives.names import clean
from snapsim.images.archives.stream import Stream, compression, unpacked

_MOST_LINKS = 8
_HINT = "a tar of docker save, an OCI image layout, or -"


class Blobs(ABC):
    """The named parts of an image archive; errors name the archive by its `place`."""

    place: str
    limits: Limits

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is such a part."""

    @abstractmethod
    @contextmanager
    def open(self, name: str, algorithm: str = "sha256") -> Iterator[Stream]:
        """Open a part as a stream that computes a digest; InvalidInput if the part is missing."""

    def where(self, name: str) -> str:
        """The name of a part in errors."""
        return f"{self.place}: {name if name.isprintable() else shown(name)}"

    def read(self, name: str, algorithm: str = "sha256") -> tuple[bytes, str]:
        """A small part, and its digest in hexadecimal."""
        with self.open(name, algorithm) as stream:
            raw = b"".join(stream.rest(self.limits.json + 1))
            if len(raw) > self.limits.json:
                raise stream.wrong(f"larger than the {format_size(self.limits.json)} that are allowed")
            return raw, stream.digest(algorithm)

    def json(self, name: str) -> Any:
        """A small part that is JSON."""
        return parse_json(self.read(name)[0], self.where(name))


class Folder(Blobs):
    """A folder whose files are the parts."""

    def __init__(self, path: str, limits: Limits) -> None:
        self.path, self.place, self.limits = os.path.realpath(path), path, limits

    def has(self, name: str) -> bool:
        return os.path.lexists(self._find(name))

    def _find(self, name: str) -> str:
        found = os.path.realpath(self.path + clean(name, self.place))
        if os.path.commonpath([self.path, found]) != self.path:
            raise InvalidInput("a link that leads out of the folder: a file in it is allowed", self.where(name))
        return found

    @contextmanager
    def open(self, name: str, algorithm: str = "sha256") -> Iterator[Stream]:
        path = self._find(name)
        with ExitStack() as stack:
            try:
                if not stat.S_ISREG(os.stat(path).st_mode):
                    raise InvalidInput("no file: a file is allowed", self.where(name))
                file = stack.enter_context(open(path, "rb"))
            except OSError as error:
                raise InvalidInput(f"{error.strerror}: the archive names this part", self.where(name)) from None
            yield Stream(file, self.where(name), algorithms=(algorithm,))


class TarFile(Blobs):
    """A tar file whose members are the parts; if a name comes twice, the last one counts."""

    def __init__(self, file: IO[bytes], place: str, limits: Limits) -> None:
        self.file, self.place, self.limits = file, place, limits
        self._parts: dict[str, tuple[int, int] | str] = dict(self._index())

    def _index(self) -> Iterator[tuple[str, tuple[int, int] | str]]:
        stream = Stream(self.file, self.place, algorithms=(), skip=self._skip)
        budget = Budget(self.limits)
        for member in members(stream):
            budget.member(self.place)
            name = clean(member.name, self.place, self.limits)
            if member.issym() or member.islnk():
                start = posixpath.dirname(name).rstrip("/") if member.issym() else ""
                place = f"{self.place}: {shown(member.name)}"
                yield name, clean(f"{start}/{member.linkname}", place, self.limits)
            elif member.isreg() and member.sparse is None:
                yield name, (member.offset_data, member.size)

    def _skip(self, count: int) -> None:
        """Go forwards, no further than the end."""
        self.file.seek(min(self.file.tell() + count, os.fstat(self.file.fileno()).st_size))

    def has(self, name: str) -> bool:
        return clean(name, self.place) in self._parts

    @contextmanager
    def open(self, name: str, algorithm: str = "sha256") -> Iterator[Stream]:
        part: tuple[int, int] | str | None = clean(name, self.place)
        for _ in range(_MOST_LINKS):
            part = self._parts.get(part) if isinstance(part, str) else part
        if part is None or isinstance(part, str):
            raise InvalidInput("not in the archive, which names this part", self.where(name))
        yield Stream(_Section(self.file, *part), self.where(name), algorithms=(algorithm,))


class _Section:
    """A run of bytes of a file."""

    def __init__(self, file: IO[bytes], at: int, size: int) -> None:
        self._file, self._at, self._end = file, at, at + size

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._at)
        piece = self._file.read(min(size, self._end - self._at))
        self._at += len(piece)
        return piece


@contextmanager
def open_blobs(path: str, limits: Limits) -> Iterator[Blobs]:
    """The parts of the archive at a path, or of the one that comes on standard input (``-``).

    A compressed archive, or one from a pipe, is copied into a temporary file first, within the limits.

    Raises
    ------
    InvalidInput
        Nothing can be read there, or it is no tar archive.
    """
    if path != "-" and os.path.isdir(path):
        yield Folder(path, limits)
        return
    with ExitStack() as stack:
        try:
            file = sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))
            kind = os.fstat(file.fileno()).st_mode
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{error.strerror if isinstance(error, OSError) else error}: {_HINT}", path) from None
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
            raise InvalidInput(f"a device or socket: {_HINT}", path)
        yield TarFile(stack.enter_context(_plain(file, path, limits, stat.S_ISREG(kind))), path, limits)


@contextmanager
def _plain(file: IO[bytes], place: str, limits: Limits, seekable: bool) -> Iterator[IO[bytes]]:
    packed = Stream(file, place, algorithms=())
    if not compression(packed) and seekable:
        file.seek(0)
        yield file
        return
    with unpacked(packed, Budget(limits)) as stream, _copy(stream) as copy:
        yield copy


def _copy(stream: Stream) -> IO[bytes]:
    copy = tempfile.TemporaryFile(prefix="snapsim-")  # noqa: SIM115 (the caller closes it)
    try:
        for piece in stream.rest():
            copy.write(piece)
        copy.seek(0)
    except OSError as error:
        copy.close()
        raise stream.wrong(f"cannot be copied into a temporary file: {error.strerror}") from None
    except InvalidInput:
        copy.close()
        raise
    return copy
