"""A connection that leaves HTTP: attach and exec take it over and send raw bytes both ways.

The client asks with ``Upgrade: tcp`` (older clients without), the daemon answers with a header, and from there on the
connection is a stream of bytes: the client's are standard input, and its half-close is the end of it; the daemon's are
output, on a terminal as they are, else in frames with a header of eight bytes: stream, 0, 0, 0, length in big endian.

aiohttp speaks HTTP up to the header; then the connection's transport is given to `RawStream`.

>>> frame(1, b"hello")
b'\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x05hello'

What it leaves out: websockets (``/attach/ws``).
"""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
HEADER_WAIT = 30.0
"""Most seconds that output waits for a client on a Unix socket to read the header before it."""


def frame(stream: int, data: bytes) -> bytes:
    """Bytes of one stream (1 output, 2 errors) as a connection without a terminal carries them."""
    return struct.pack(">BxxxL", stream, len(data)) + data


class _Tail:
    """Takes the bytes that aiohttp read behind the request."""

    def __init__(self) -> None:
        self.bytes = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.bytes += data
        return False, b""

    def feed_eof(self) -> None:
        """The client has half-closed already."""

    def set_exception(self, *unused: Any) -> None:
        """The connection is lost: the stream learns it from its own protocol."""


class RawStream(asyncio.Protocol):
    """The rest of a connection.

    Parameters
    ----------
    on_data : callable
        Takes what the client sends.
    on_eof : callable
        The client sends no more.
    """

    def __init__(self, http: Any, on_data: Callable[[bytes], None], on_eof: Callable[[], None]) -> None:
        self._http, self._on_data, self._on_eof = http, on_data, on_eof
        self.lost, self._header_read = asyncio.Event(), False
        self._room = asyncio.Event()
        self._room.set()

    def begin(self, transport: asyncio.Transport, ahead: bytes) -> None:
        """Take the connection over, with what was read of it already."""
        self.transport = transport
        transport.set_protocol(self)
        if ahead:
            self._on_data(ahead)

    def data_received(self, data: bytes) -> None:
        """More input."""
        self._on_data(data)

    def eof_received(self) -> bool:
        """The client's end of the input; output goes on."""
        self._on_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone: aiohttp has to know as well."""
        self.lost.set()
        self._room.set()
        self._on_eof()
        self._http.connection_lost(error)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._room.set()

    async def send(self, data: bytes) -> None:
        """Output, as fast as the client reads it, and not before it has read the header."""
        await self._header_is_read()
        await self._room.wait()
        if not self.lost.is_set():
            self.transport.write(data)

    async def _header_is_read(self) -> None:
        """Wait until the client on a Unix socket has taken the header out of it.

        Docker's SDK for Python reads the header through a buffer and the output past it: what had come by then would
        be lost. A real daemon is slower to start a process than a client is to read a line; here the process may have
        ended already. On TCP the kernel does not tell what the client has read.
        """
        connection = self.transport.get_extra_info("socket")
        if self._header_read or connection.family != socket.AF_UNIX:
            return
        end = time.monotonic() + HEADER_WAIT
        while not (self.lost.is_set() or self.transport.is_closing()) and time.monotonic() < end:
            (unread,) = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))
            if not unread:
                break
            await asyncio.sleep(0.001)
        self._header_read = True


class Hijacked(web.StreamResponse):
    """The answer after which the connection is no longer HTTP: its header is written by hand."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Nothing: the header has gone out."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing more is written."""


async def hijack(
    request: web.Request, kind: str, on_data: Callable[[bytes], None], on_eof: Callable[[], None]
) -> RawStream:
    """Answer a request with the header of a raw stream, and take its connection over."""
    http = cast(Any, request.protocol)
    transport = cast(asyncio.Transport, request.transport)
    tail = _Tail()
    if request.headers.get("Upgrade", "").lower() == "tcp":
        http.set_parser(tail)
        header = f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {kind}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    else:
        header = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n"
    transport.write(header.encode())
    stream = RawStream(http, on_data, on_eof)
    stream.begin(transport, tail.bytes)
    return stream
