"""What a container prints, and what it uses: attach, logs, top and stats, as streams."""

import asyncio
import re
from functools import partial

from aiohttp import web

from snapsim.docker.containers import ACTIVE
from snapsim.serve import containers, hijack
from snapsim.serve.console import Client
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused
from snapsim.serve.routes.reading import answer, empty, flag, line, stream
from snapsim.serve.shapes import containers as shapes
from snapsim.serve.shapes import stats as stat_shapes
from snapsim.serve.shapes.times import stamp

DETACH = b"\x10\x11"
"""Ctrl-P, Ctrl-Q: leave a terminal, and let the container run."""


async def attach(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker attach`, and the first half of `docker run`: the connection becomes the process's input and output."""
    with daemon.core:
        box = daemon.container(request.match_info["name"])
        if box.state == "paused":
            raise Refused(409, f"container {box.id} is paused, unpause the container before attach")
        live = daemon.live(box)
        daemon.engine.note(box, "attach")
        tty, exits = bool(box.asked["Tty"]), live.exits
        before = list(live.console.log) if flag(request, "logs") else []
    once = bool(box.asked["StdinOnce"])
    waiting = bytearray()
    left = asyncio.Event()

    def feed(data: bytes) -> None:
        process = live.process
        if tty and data.endswith(DETACH):
            left.set()
        elif process is not None:
            process.stdin.feed(data)
        else:
            waiting.extend(data[: 1 << 20])

    def close() -> None:
        ended.set()
        if live.process is not None and once:
            live.process.stdin.close()

    ended = asyncio.Event()
    kind = hijack.RAW if tty or request["api"] < (1, 42) else hijack.MULTIPLEXED
    take_input = flag(request, "stdin") and bool(box.asked["OpenStdin"])
    raw = await hijack.hijack(request, kind, feed if take_input else nothing, close if take_input else lambda: None)
    if not flag(request, "stream"):
        for each in before:
            await raw.send(each.data if tty else hijack.frame(each.stream, each.data))
        return hijack.Hijacked()
    for each in before:
        await raw.send(each.data if tty else hijack.frame(each.stream, each.data))

    def begun() -> bool:
        """The process is there (or the container is gone): what was typed before goes to it."""
        process = live.process
        if process is not None and waiting:
            process.stdin.feed(bytes(waiting))
            waiting.clear()
        if process is not None and ended.is_set() and once:
            process.stdin.close()
        return process is not None or live.exits > exits or box.id not in daemon.lives

    with live.console.attached() as client:
        waiter = asyncio.create_task(daemon.changes.until(begun))
        try:
            await pump(client, raw, tty, left, (flag(request, "stdout"), flag(request, "stderr")))
        finally:
            waiter.cancel()
    return hijack.Hijacked()


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    """Called by the thread of a process."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(ready.set)


def nothing(data: bytes) -> None:
    """Input that nobody takes."""


async def pump(
    client: Client, raw: hijack.RawStream, tty: bool, left: asyncio.Event, wanted: tuple[bool, bool]
) -> None:
    """Send output to an attached client until the process ends, or the client leaves."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    client.ready = partial(_wake, loop, ready)
    gone = [asyncio.create_task(each.wait()) for each in (left, raw.lost)]
    try:
        while not (left.is_set() or raw.lost.is_set()):
            ready.clear()
            over = client.ended
            for kind, data in client.take():
                if wanted[kind - 1] or tty:
                    await raw.send(data if tty else hijack.frame(kind, data))
            if over:
                return
            if not client.bytes and not client.ended:
                waiting = asyncio.create_task(ready.wait())
                await asyncio.wait([waiting, *gone], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
    finally:
        for each in gone:
            each.cancel()


async def resize(daemon: Daemon, request: web.Request) -> web.Response:
    """The size of the terminal: no simulated program asks for it."""
    with daemon.core:
        containers.must_run(daemon.container(request.match_info["name"]))
    return empty(200)


async def logs(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker logs`."""
    streams = [kind for kind, name in ((1, "stdout"), (2, "stderr")) if flag(request, name)]
    if not streams:
        raise Refused(400, "Bad parameters: you must choose at least one stream")
    since, until = _seconds(request, "since"), _seconds(request, "until")
    tail = request.query.get("tail", "all")
    with daemon.core:
        box = daemon.container(request.match_info["name"])
        console, tty = daemon.live(box).console, bool(box.asked["Tty"])
        found = [each for each in console.log if each.stream in streams or tty]
        found = [each for each in found if each.time >= since and (not until or each.time <= until)]
        found = found[len(found) - int(tail) :] if tail.isdigit() and int(tail) < len(found) else found
        running = box.state in ACTIVE
    times, follow = flag(request, "timestamps"), flag(request, "follow")

    def shaped(kind: int, data: bytes, time: int) -> bytes:
        data = f"{stamp(time)} ".encode() + data if times else data
        return data if tty else hijack.frame(kind, data)

    kind = hijack.RAW if tty or request["api"] < (1, 42) else hijack.MULTIPLEXED
    response = await stream(request, daemon, kind)
    with console.attached() as client:
        for each in found:
            await response.write(shaped(each.stream, each.data, each.time))
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        client.ready = partial(_wake, loop, ready)
        while follow and running and not client.ended:
            ready.clear()
            for kind_of, data in client.take():
                if kind_of in streams or tty:
                    await response.write(shaped(kind_of, data, daemon.now()))
            if not client.ended and not client.bytes:
                await ready.wait()
        for kind_of, data in client.take() if follow else ():
            await response.write(shaped(kind_of, data, daemon.now()))
    await response.write_eof()
    return response


def _seconds(request: web.Request, name: str) -> int:
    text = request.query.get(name, "0") or "0"
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
        raise Refused(400, f'invalid value for "{name}": "{text[:60]}"')
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0") or 0)


async def top(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker top`."""
    with daemon.core:
        box = daemon.container(request.match_info["name"])
        containers.must_run(box)
        daemon.engine.note(box, "top")
        live = daemon.live(box)
        rows = [(live.process.pid, shapes.program(box.asked))] if live.process else []
        rows += [(each.process.pid, each.words) for each in live.execs.values()
                 if each.process is not None and each.exit_code is None]  # fmt: skip
        return answer({"Titles": stat_shapes.TITLES, "Processes": [stat_shapes.process(box, *row) for row in rows]})


async def stats(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker stats`: I/O that reached the devices, page cache, number of processes; CPU and network are nothing."""
    with daemon.core:
        box = daemon.container(request.match_info["name"])
    last = 0
    response = await stream(request, daemon)
    while True:
        with daemon.core:
            shape = stat_shapes.stats(daemon, box, last)
        last = daemon.now()
        await response.write(line(shape))
        if not flag(request, "stream", True) or box.id not in daemon.lives:
            break
        await asyncio.sleep(1)
    await response.write_eof()
    return response
