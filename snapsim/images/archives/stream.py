"""The bytes of an archive as a stream, which is counted, hashed and read forwards only: plain, gzip, bzip2, xz or zstd.

A layer is read by two streams: compressed, where the digest of the blob is computed, and uncompressed, where the DiffID
is computed. A `Stream` has just the methods that Python's `tarfile` asks of a file; it refuses to go back (a header
with a negative size would send `tarfile` round in circles) and to read a header that is too long.

>>> import gzip, io
>>> packed = Stream(io.BytesIO(gzip.compress(b"hello")), "layer.tar.gz")
>>> with unpacked(packed) as stream:
...     stream.peek(2), b"".join(stream.pieces(5)), b"".join(stream.rest())
(b'he', b'hello', b'')
>>> stream.digest("sha256") == hashlib.sha256(b"hello").hexdigest()
True

The first bytes of a stream tell how it is compressed (moby ``pkg/archive`` `DetectCompression`); a zstd stream may
begin with a frame that decoders skip, as eStargz' successor zstd:chunked and others have it. Behind gzip's last member
there is nothing, not even the zeros that some readers pass over (Go's `compress/gzip`).

What it leaves out: the .lzma format of before xz, which Docker does not read either.
"""

import bz2
import contextlib
import hashlib
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

from snapsim.base.errors import InvalidInput
from snapsim.images.archives.limits import Budget

PIECE = 1 << 20
"""Most bytes that are read at once."""
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)  # RFC 8878: 0x184D2A50 to 0x184D2A5F, low byte first
_MEMORY = 1 << 27  # most memory that a zstd frame or an xz block may ask for
_DIGITS = re.compile(rb"\d{256}")  # tarfile's patterns take n * n steps on n of them


class Source(Protocol):
    """A source of bytes: a file, a part of one, a decompressor."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Stream:
    """A stream of bytes, read in order.

    Parameters
    ----------
    source : Source
        Where the bytes come from; its errors become `InvalidInput`.
    place : str
        The name of the stream in errors.
    budget : Budget, optional
        Limits for unpacked bytes, against which every byte is counted.
    algorithms : tuple of str
        Digests to compute, by their names in `hashlib`.
    skip : callable, optional
        Function that goes forwards without reading, where the source can; skipped bytes are in no digest.
    """

    def __init__(
        self,
        source: Source,
        place: str,
        budget: Budget | None = None,
        algorithms: tuple[str, ...] = ("sha256",),
        skip: Callable[[int], object] | None = None,
    ) -> None:
        self.source, self.place, self.budget, self.position, self.last = source, place, budget, 0, b""
        self._skip = skip
        self._hashes = {name: hashlib.new(name) for name in algorithms}
        self._ahead = b""
        self._longest = (budget or Budget()).limits.header

    def wrong(self, problem: str) -> InvalidInput:
        """The error, to be raised."""
        return InvalidInput(problem, self.place)

    # ---------------------------------------------------------------- as tarfile reads

    def tell(self) -> int:
        """How many bytes were read."""
        return self.position

    def read(self, size: int) -> bytes:
        """At most `size` bytes, fewer only at the end: a header."""
        if not 0 <= size <= self._longest:
            raise self.wrong(f"a header of {size:,} bytes at {self.position:,}: at most {self._longest:,} are allowed")
        self.last = b"".join(self._upto(size))
        if size > 512 and _DIGITS.search(self.last):
            raise self.wrong(f"a header with more than 255 digits in a row at {self.position:,}")
        return self.last

    def seek(self, position: int) -> None:
        """Go forwards, and no further than the end."""
        if position < self.position:
            raise self.wrong(f"a header at {self.position:,} leads back to {position:,}: members follow each other")
        if self._skip is not None:
            self._skip(position - self.position)
            self.position = position
        for _ in self._upto(position - self.position):
            continue

    # ---------------------------------------------------------------- as we read

    def pieces(self, size: int) -> Iterator[bytes]:
        """Exactly so many bytes, in pieces of at most 1 MiB."""
        start = self.position
        yield from self._upto(size)
        if self.position - start < size:
            raise self.wrong(f"ends at {self.position:,}, {size - self.position + start:,} bytes too early")

    def rest(self, most: int = sys.maxsize) -> Iterator[bytes]:
        """What is left, at most so many bytes, in pieces."""
        return self._upto(most)

    def drain(self) -> None:
        """Read to the end, for the digest."""
        for _ in self.rest():
            continue

    def peek(self, size: int) -> bytes:
        """The next bytes, which are read again later: at most `size`."""
        while len(self._ahead) < size and (more := self._raw(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def digest(self, algorithm: str) -> str:
        """Digest of the bytes read so far, in hexadecimal."""
        return self._hashes[algorithm].hexdigest()

    def _upto(self, size: int) -> Iterator[bytes]:
        while size > 0 and (piece := self._pull(min(size, PIECE))):
            size -= len(piece)
            yield piece

    def _pull(self, size: int) -> bytes:
        piece, self._ahead = (self._ahead[:size], self._ahead[size:]) if self._ahead else (self._raw(size), b"")
        self.position += len(piece)
        if self.budget is not None:
            self.budget.spend(len(piece), self.place)
        for each in self._hashes.values():
            each.update(piece)
        return piece

    def _raw(self, size: int) -> bytes:
        try:
            return self.source.read(size)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise self.wrong(f"cannot be read: {error}") from None


def compression(stream: Stream) -> str:
    """The compression of a stream, by its first bytes; empty for none."""
    start = stream.peek(8)
    if _SKIPPABLE.match(start) and len(start) == 8:
        return "zstd"
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


@contextlib.contextmanager
def unpacked(packed: Stream, budget: Budget | None = None) -> Iterator[Stream]:
    """The bytes of a stream as they were before gzip or zstd packed them; those of any other as they are.

    Raises
    ------
    InvalidInput
        Another compression; zstd without the package that reads it; from reading: damage, and too many bytes.
    """
    kind, whole = compression(packed), _Whole(packed)
    source: Source = whole
    if kind == "zstd":
        source = _zstd(whole, packed)
    elif kind:
        source = _Joined(whole, _DECODERS[kind])
    yield Stream(source, packed.place, budget)


class _Decoder(Protocol):
    """What Python's decompressors have in common: one frame of a stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, size: int, /) -> bytes: ...


class _Gzip:
    """A member of a gzip file, under the names that bzip2 and xz have."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, size: int, /) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, size)


_DECODERS: Mapping[str, Callable[[], _Decoder]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY),
}


class _Joined:
    """Uncompressed content of frames, each of which begins where the last one ended; the last must be complete."""

    def __init__(self, packed: "_Whole", decoder: Callable[[], _Decoder]) -> None:
        self._packed, self._make, self._decoder, self._left = packed, decoder, decoder(), b""
        self._starved = True

    def read(self, size: int, /) -> bytes:
        while True:
            if self._decoder.eof:
                more = self._decoder.unused_data or self._packed.read(1 << 16)
                if not more:
                    return b""
                self._decoder, self._left, self._starved = self._make(), more, False
            elif self._starved:
                self._left = self._packed.read(1 << 16)
                if not self._left:
                    raise EOFError("it ends too early")
            found = self._decoder.decompress(self._left, size)
            self._left, self._starved = b"", len(found) < size
            if found:
                return found


class _Whole:
    """A stream with the interface that decompressors expect: `read` of any number of bytes."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        return self._stream._pull(PIECE if size < 0 else min(size, PIECE))

    def close(self) -> None:
        """The file below stays open; it is another's."""


class _Zstd:
    """A zstd reader whose errors are those of other files."""

    def __init__(self, reader: Any, error: type[Exception]) -> None:
        self._reader, self._error, self.close = reader, error, reader.close

    def read(self, size: int, /) -> bytes:
        try:
            return bytes(self._reader.read(size))
        except self._error as error:
            raise OSError(str(error)) from None


def _zstd(source: _Whole, packed: Stream) -> _Zstd:
    try:
        import zstandard
    except ImportError:
        raise packed.wrong("zstd compression needs a package more: pip install zstandard") from None
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MEMORY)
    reader = unpacker.stream_reader(cast(Any, source), read_across_frames=True)
    return _Zstd(reader, zstandard.ZstdError)
