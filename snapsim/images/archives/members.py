"""The members of a tar archive: Python's `tarfile` reads the headers, and this module checks what it reads.

`tarfile` knows all dialects (long names of GNU and pax, the four ways of sparse files), and it is lenient where a
reader of other people's archives must not be: it stops without an error at a damaged header, and raises various
exceptions of Python for numbers that make no sense. Here both are one `InvalidInput` that names archive and place.

Values of pax records are bytes as of `os.fsdecode`, so that nothing of them is lost. A name is text that can be
printed: its bytes that are no UTF-8 are ``\\xNN``. Records that a global header gives are not a member's own, as in
Go's reader.

>>> import io, tarfile
>>> with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
...     archive.addfile(tarfile.TarInfo("etc/" + "x" * 200))
>>> stream = Stream(io.BytesIO(file.getvalue()), "a.tar")
>>> [len(member.name) for member in members(stream)]
[204]

What it leaves out: multi-volume and incremental archives; a pax header that gives the size of a sparse file of more
than 8 GiB in GNU's format 1.0 (`tarfile` then looks for the next header too late, which is an error here).
"""

import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from snapsim.base.errors import InvalidInput
from snapsim.images.archives.stream import Stream

_WRONG = (tarfile.TarError, ValueError, IndexError, KeyError, OverflowError, RecursionError)


def members(stream: Stream) -> Iterator[tarfile.TarInfo]:
    """The headers in order; content of a member that was not read before the next header is requested is skipped.

    Raises
    ------
    InvalidInput
        No tar archive, a damaged or truncated one, or a header that is too long.
    """
    if not stream.peek(1):
        return  # no bytes are an archive without members, as Go's reader has it
    reader = partial(tarfile.TarFile, fileobj=cast(Any, stream), encoding="utf-8", errors="surrogateescape")
    archive = _next(stream, reader)
    while (member := _next(stream, archive.next)) is not None:
        archive.members = []  # else tarfile keeps them all
        if stream.position != member.offset_data or archive.offset < stream.position:
            raise stream.wrong(f"the member before {stream.position:,} has no sensible size")
        member.name, member.linkname = _printable(member.name), _printable(member.linkname)
        member.pax_headers = {
            key: value for key, value in member.pax_headers.items() if archive.pax_headers.get(key) != value
        }
        yield member
    if stream.last.strip(b"\0") or len(stream.last) % tarfile.BLOCKSIZE:
        raise stream.wrong(f"no tar header at {stream.position - len(stream.last):,}: a whole tar archive is allowed")


def _printable(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _next(stream: Stream, step: Callable[[], Any]) -> Any:
    try:
        return step()
    except InvalidInput:
        raise  # of the stream itself: it is a ValueError, too
    except _WRONG as error:
        raise stream.wrong(f"no tar archive that can be read, at {stream.position:,}: {error}") from None


def stored(member: tarfile.TarInfo, stream: Stream) -> list[tuple[int, int]]:
    """The parts of a file that the archive holds, in ascending order: (offset in the file, bytes); one part if there
    are no holes.

    Raises
    ------
    InvalidInput
        Parts that overlap, go back, or lie outside the file.
    """
    parts: list[tuple[int, int]] | None = member.sparse  # type: ignore[assignment]  # typeshed has a bare int there
    if parts is None:
        return [(0, member.size)]
    at, parts = 0, [(offset, size) for offset, size in parts if size]  # pairs that are not used are zeros
    for offset, size in parts:
        if offset < at or size < 0:
            raise stream.wrong(f"a sparse map that goes back at {offset:,}: rising parts are allowed")
        at = offset + size
    if at > member.size:
        raise stream.wrong(f"a sparse map up to {at:,} in a file of {member.size:,} bytes")
    return parts
