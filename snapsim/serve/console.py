"""What a container's processes print: the log that `docker logs` shows, and the clients that are attached.

>>> console = Console(lambda: 7)
>>> with console.attached() as client:
...     console.write(1, b"hello\\n"); client.take(), list(console.log)
([(1, b'hello\\n')], [Line(time=7, stream=1, data=b'hello\\n')])

What it leaves out: log drivers other than json-file, and rotation: the oldest lines go when `MOST_LOG` bytes are full.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

MOST_LOG = 16 << 20
MOST_PENDING = 1 << 20
"""Bytes that a slow client may leave unread before the process has to wait for it."""


class Line(NamedTuple):
    """A line of the log: nanoseconds since 1970, 1 (output) or 2 (errors), and its bytes."""

    time: int
    stream: int
    data: bytes


class Client:
    """Somebody who is attached: output that waits for them."""

    def __init__(self, room: threading.Condition) -> None:
        self._room, self._waiting, self.bytes = room, deque[tuple[int, bytes]](), 0
        self.ready: Callable[[], None] = lambda: None
        self.ended = False

    def take(self) -> list[tuple[int, bytes]]:
        """All output that waits."""
        with self._room:
            found = list(self._waiting)
            self._waiting.clear()
            self.bytes = 0
            self._room.notify_all()
        return found

    def _put(self, stream: int, data: bytes) -> None:
        self._waiting.append((stream, data))
        self.bytes += len(data)


class Console:
    """The output of a container.

    Parameters
    ----------
    now : callable
        Gives the time in nanoseconds since 1970.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now, self.log, self._size = now, deque[Line](), 0
        self._partial = {1: b"", 2: b""}
        self._room = threading.Condition()
        self._clients: list[Client] = []

    def write(self, stream: int, data: bytes) -> None:
        """Output of a process: to the clients as it comes, to the log by lines."""
        lines = (self._partial[stream] + data).splitlines(keepends=True)
        self._partial[stream] = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(self._partial[stream]) > 16384:  # Docker, too, cuts lines that are longer
            lines.append(self._partial[stream])
            self._partial[stream] = b""
        self._keep(stream, lines)
        self._send(stream, data)

    def _keep(self, stream: int, lines: list[bytes]) -> None:
        for line in lines:
            self.log.append(Line(self._now(), stream, line))
            self._size += len(line)
        while self._size > MOST_LOG:
            self._size -= len(self.log.popleft().data)

    def _send(self, stream: int, data: bytes) -> None:
        with self._room:
            clients = list(self._clients)
            for client in clients:
                client._put(stream, data)
        for client in clients:
            client.ready()

    def crowded(self) -> bool:
        """Does a client have so much to read that the process should wait?"""
        return any(client.bytes > MOST_PENDING for client in self._clients)

    def wait_for_room(self, timeout: float) -> None:
        """Wait until the clients have read on."""
        with self._room:
            self._room.wait_for(lambda: not self.crowded(), timeout)

    def end(self) -> None:
        """The process has ended: the rest of the log is kept, and clients are told."""
        for stream, rest in self._partial.items():
            self._keep(stream, [rest] if rest else [])
            self._partial[stream] = b""
        for client in list(self._clients):
            client.ended = True
            client.ready()

    @contextmanager
    def attached(self) -> Iterator[Client]:
        """A client for the length of a ``with`` block."""
        client = Client(self._room)
        self._clients.append(client)
        try:
            yield client
        finally:
            with self._room:
                self._clients.remove(client)
                client.bytes = 0
                self._room.notify_all()
