"""Several daemons behind one socket: all carry out every command, the first one answers.

A connection of a client becomes a connection to each daemon. What the client sends goes to all of them, byte for byte,
so that a build context, the input of `docker exec` and a terminal's keys need no care of their own. What the first
daemon sends goes to the client, once the others have answered as well: the next command finds all of them ready.

Ids of containers, volumes and execs are the same in all daemons, since all see the same commands. An image that was
made here may have another id in each, so that commands name it by its tag.

What it leaves out: daemons of different releases, and waiting longer than `PATIENCE` seconds for one that is busy.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

PATIENCE = 5.0
"""Seconds that the client waits for the slower daemons."""
_PIECE = 1 << 16


class _Side:
    """One daemon's end of a client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.owes = asyncio.Event()  # set: it has answered what it was last asked
        self.owes.set()

    def ask(self, data: bytes) -> None:
        self.owes.clear()
        if not self.writer.is_closing():
            self.writer.write(data)

    async def swallow(self) -> None:
        """Read what nobody will see."""
        with suppress(OSError):
            while await self.reader.read(_PIECE):
                self.owes.set()
        self.owes.set()


async def tee(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paths: Sequence[str]) -> None:
    """Serve one connection of a client, with the daemons that listen on these sockets."""
    sides = [_Side(*await asyncio.open_unix_connection(path)) for path in paths]
    first, others = sides[0], sides[1:]
    swallowing = [asyncio.create_task(side.swallow()) for side in others]
    asking = asyncio.create_task(_ask(reader, sides))
    try:
        with suppress(OSError):
            while data := await first.reader.read(_PIECE):
                await _ready(others)
                writer.write(data)
                await writer.drain()
    finally:
        asking.cancel()
        for task in swallowing:
            task.cancel()
        for side in sides:
            side.writer.close()
        writer.close()


async def _ask(reader: asyncio.StreamReader, sides: Sequence[_Side]) -> None:
    with suppress(OSError):
        while data := await reader.read(_PIECE):
            for side in sides:
                side.ask(data)
            for side in sides:
                await side.writer.drain()
    for side in sides:
        with suppress(OSError):
            if not side.writer.is_closing():
                side.writer.write_eof()


async def _ready(sides: Sequence[_Side]) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(side.owes.wait() for side in sides)), PATIENCE)
