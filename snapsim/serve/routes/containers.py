"""``/containers``: their life, what they printed, and their files."""

import asyncio
import base64
import json
import re
import signal
from functools import partial
from typing import Any

from aiohttp import web

from snapsim.docker.containers import ACTIVE, Container
from snapsim.docker.engine import Engine
from snapsim.serve import containers, files, hijack, tars
from snapsim.serve.console import Client
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.names import check_container, made_up
from snapsim.serve.routes.reading import answer, archive, body, empty, filters, flag, has_labels, line, number, stream
from snapsim.serve.shapes import containers as shapes
from snapsim.serve.shapes import stats as stat_shapes
from snapsim.serve.shapes.times import stamp

_FILTERS = (
    *("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name", "network"),
    *("publish", "since", "status", "volume"),
)
_STOP_SECONDS = 10
DETACH = b"\x10\x11"
"""Ctrl-P, Ctrl-Q: leave a terminal, and let the container run."""


def _box(daemon: Daemon, request: web.Request) -> Container:
    return daemon.container(request.match_info["name"])


# -------------------------------------------------------------------- lists


async def listed(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker ps`."""
    wanted = filters(request, _FILTERS)
    all_, limit = flag(request, "all"), number(request, "limit", 0)
    with daemon.core:
        engine = daemon.engine
        shown = all_ or limit > 0 or "status" in wanted or "exited" in wanted
        boxes = [box for box in engine.containers() if (shown or box.state in ACTIVE) and _passes(daemon, box, wanted)]
        boxes = boxes[:limit] if limit > 0 else boxes
        with daemon.bills.of("ps --size" if flag(request, "size") else "ps"):
            rows = [
                shapes.summary(engine, box, daemon.mounts(box), daemon.now(),
                               daemon.sizes(box) if flag(request, "size") else None)
                for box in boxes
            ]  # fmt: skip
    return answer(rows)


def _passes(daemon: Daemon, box: Container, wanted: dict[str, list[str]]) -> bool:
    engine = daemon.engine
    mounted = {*daemon.live(box).mounts, *daemon.live(box).mounts.values()}
    return (
        ("id" not in wanted or any(box.id.startswith(id) for id in wanted["id"]))
        and ("name" not in wanted or any(_matches(name, f"/{box.name}") for name in wanted["name"]))
        and ("status" not in wanted or box.state in wanted["status"])
        and ("exited" not in wanted or (box.state == "exited" and str(box.exit_code) in wanted["exited"]))
        and ("network" not in wanted or box.network in wanted["network"])
        and ("volume" not in wanted or bool(mounted & set(wanted["volume"])))
        and ("ancestor" not in wanted or any(_descends(engine, box, name) for name in wanted["ancestor"]))
        and has_labels(box.asked.get("Labels"), wanted.get("label", []))
        and all(box.created < engine.container(name).created for name in wanted.get("before", []))
        and all(box.created > engine.container(name).created for name in wanted.get("since", []))
    )


def _matches(pattern: str, name: str) -> bool:
    """A filter by name is a regular expression; the slash of the name may stand or not."""
    try:
        return bool(re.search(pattern, name) or re.search(pattern, name[1:]))
    except re.error:
        return False


def _descends(engine: Engine, box: Container, name: str) -> bool:
    """Is the image that is called so the container's, or one that it was built on?"""
    store = engine.home.images
    try:
        wanted = engine.image(name).id
    except Exception:
        return False
    image = store.images.get(box.image_id)
    while image is not None and image.id != wanted:
        image = store.images.get(image.parent)
    return image is not None


async def inspect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker inspect`."""
    with daemon.core:
        box = _box(daemon, request)
        live = daemon.live(box)
        running = [exec.id for exec in live.execs.values() if exec.process is not None and exec.exit_code is None]
        return answer(shapes.inspected(
            daemon.engine, box, request["api"], pid=live.process.pid if live.process else 0, error=live.error,
            execs=running, mounts=daemon.mounts(box), network_ids=daemon.networks.ids, restarts=live.restarts,
            sizes=daemon.sizes(box) if flag(request, "size") else None))  # fmt: skip


# -------------------------------------------------------------------- life


async def create(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker create`."""
    said = await body(request)
    with daemon.core:
        daemon.tick()
        name = request.query.get("name", "")
        name = check_container(name) if name else _free_name(daemon)
        with daemon.bills.of(f"create {name}") as bill:
            box, warnings = containers.create(daemon, name, said)
            bill.container = box.id
    return answer({"Id": box.id, "Warnings": warnings}, 201)


def _free_name(daemon: Daemon) -> str:
    number = len(daemon.engine.events)
    while made_up(number) in daemon.engine.home.containers:
        number += 1
    return made_up(number)


async def start(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker start`."""
    with daemon.core:
        daemon.tick()
        containers.start(daemon, _box(daemon, request))
    return empty()


async def stop(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker stop`: TERM, and KILL when the time is over."""
    with daemon.core:
        box = _box(daemon, request)
        if box.state not in ACTIVE:
            return empty(304)
    await _stop(daemon, box, number(request, "t", _patience(box)))
    return empty()


def _patience(box: Container) -> int:
    said = box.asked.get("StopTimeout")
    return said if isinstance(said, int) else _STOP_SECONDS


async def _stop(daemon: Daemon, box: Container, seconds: int) -> None:
    live = daemon.live(box)
    exits = live.exits
    with daemon.core:
        containers.signal(daemon, box, _signal(box.asked.get("StopSignal") or "TERM"))
    if not await daemon.changes.until(lambda: live.exits > exits, None if seconds < 0 else seconds):
        with daemon.core:
            containers.signal(daemon, box, 9)
        await daemon.changes.until(lambda: live.exits > exits)
    with daemon.core:
        daemon.engine.note(box, "stop")


async def restart(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker restart`."""
    with daemon.core:
        box = _box(daemon, request)
    if box.state in ACTIVE:
        await _stop(daemon, box, number(request, "t", _patience(box)))
    with daemon.core:
        containers.start(daemon, box)
        daemon.engine.note(box, "restart")
    return empty()


async def kill(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker kill`."""
    wanted = _signal(request.query.get("signal", "") or "KILL")
    with daemon.core:
        name = request.match_info["name"]
        try:
            box = daemon.container(name)
            containers.must_run(box)
        except Exception as error:
            raise Refused(getattr(error, "status", 404), f"Cannot kill container: {name}: {error}") from None
        live = daemon.live(box)
        exits = live.exits
        containers.signal(daemon, box, wanted)
    if wanted == 9:
        await daemon.changes.until(lambda: live.exits > exits)
    return empty()


def _signal(name: str) -> int:
    """The number of a signal: ``9``, ``KILL`` or ``SIGKILL``; `Refused` (400)."""
    bare = name.upper().removeprefix("SIG")
    if bare.isascii() and bare.isdigit() and 0 < int(bare) < 65:
        return int(bare)
    try:
        return int(signal.Signals[f"SIG{bare}"])
    except KeyError:
        raise Refused(400, f"Invalid signal: {name}") from None


async def wait(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker wait`: the exit status, once it has ended."""
    condition = request.query.get("condition", "") or "not-running"
    if condition not in ("not-running", "next-exit", "removed"):
        raise Refused(400, f'invalid condition: "{condition}"')
    with daemon.core:
        box = _box(daemon, request)
        live, exits = daemon.live(box), daemon.live(box).exits
    done = {
        "not-running": lambda: box.state not in ACTIVE,
        "next-exit": lambda: live.exits > exits,
        "removed": lambda: box.id not in daemon.lives,
    }[condition]
    response = await stream(request, daemon)
    await daemon.changes.until(done)
    await response.write(line({"Error": None, "StatusCode": box.exit_code}))
    await response.write_eof()
    return response


async def pause(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker pause`."""
    with daemon.core:
        containers.pause(daemon, _box(daemon, request), True)
    return empty()


async def unpause(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker unpause`."""
    with daemon.core:
        containers.pause(daemon, _box(daemon, request), False)
    return empty()


async def rename(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker rename`."""
    with daemon.core:
        new = request.query.get("name", "")
        if not new:
            raise Refused(400, "Neither old nor new names may be empty")
        daemon.engine.rename(_box(daemon, request).name, check_container(new))
    return empty()


async def update(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker update`: limits are kept and change nothing."""
    raise unsupported("changing the limits of a container")


async def remove(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker rm`."""
    with daemon.core:
        box = _box(daemon, request)
        if flag(request, "link"):
            raise unsupported("a link")
        live = daemon.live(box)
        if box.state in ACTIVE and not flag(request, "force"):
            raise Refused(409, f"You cannot remove a running container {box.id}. Stop the container before attempting "
                               "removal or force remove")  # fmt: skip
        if box.state in ACTIVE:
            containers.signal(daemon, box, 9)
    await daemon.changes.until(lambda: box.state not in ACTIVE)
    with daemon.core:
        if daemon.lives.get(box.id) is live:
            with daemon.bills.of(f"rm {box.name}"):
                containers.remove(daemon, box, flag(request, "v"))
    return empty()


async def prune(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker container prune`."""
    wanted = filters(request, ("label", "label!", "until"))
    for name in ("label!", "until"):
        if name in wanted:
            raise unsupported(f"container prune with the filter {name}")
    with daemon.core, daemon.bills.of("container prune"):
        stopped = [box for box in daemon.engine.containers() if box.state not in ACTIVE]
        gone = [box for box in stopped if has_labels(box.asked.get("Labels"), wanted.get("label", []))]
        size = 0
        for box in gone:
            size += daemon.engine.size_rw(box.name)
            containers.remove(daemon, box)
        daemon.engine.events.note("container", "prune", reclaimed=str(size))
    return answer({"ContainersDeleted": [box.id for box in gone] or None, "SpaceReclaimed": size})


# -------------------------------------------------------------------- what it prints


async def attach(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker attach`, and the first half of `docker run`: the connection becomes the process's input and output."""
    with daemon.core:
        box = _box(daemon, request)
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
    raw = await hijack.hijack(request, kind, feed if take_input else _nothing, close if take_input else lambda: None)
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


def _nothing(data: bytes) -> None:
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
        containers.must_run(_box(daemon, request))
    return empty(200)


async def logs(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker logs`."""
    streams = [kind for kind, name in ((1, "stdout"), (2, "stderr")) if flag(request, name)]
    if not streams:
        raise Refused(400, "Bad parameters: you must choose at least one stream")
    since, until = _seconds(request, "since"), _seconds(request, "until")
    tail = request.query.get("tail", "all")
    with daemon.core:
        box = _box(daemon, request)
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
        box = _box(daemon, request)
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
        box = _box(daemon, request)
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


# -------------------------------------------------------------------- its files


async def changes(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker diff`."""
    kinds = {"C": 0, "A": 1, "D": 2}
    with daemon.core:
        box = _box(daemon, request)
        with daemon.bills.of(f"diff {box.name}"):
            found = [{"Path": each.path, "Kind": kinds[each.kind]} for each in daemon.engine.diff(box.name)]
    return answer(found or None)


async def export(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker export`."""
    with daemon.core:
        box = _box(daemon, request)
        with daemon.bills.of(f"export {box.name}", box.id), daemon.engine.driver.mounted(box.id) as mount:
            chunks = list(tars.packed(mount, "/", "."))
        daemon.engine.note(box, "export")
    response = await stream(request, daemon, "application/octet-stream")
    for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def path_stat(daemon: Daemon, request: web.Request) -> web.Response:
    """What is at a path of a container."""
    with daemon.core, files.seen(daemon, _box(daemon, request)) as mount:
        found = files.path_stat(mount, files.path_of(request.query.get("path", "")), _box(daemon, request).name)
    return web.Response(headers={"X-Docker-Container-Path-Stat": _encoded(found)})


def _encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


async def get_archive(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker cp` out of a container."""
    with daemon.core:
        box = _box(daemon, request)
        path = files.path_of(request.query.get("path", ""))
        with daemon.bills.of(f"cp {box.name}:{path} -", box.id), files.seen(daemon, box) as mount:
            found = files.path_stat(mount, path, box.name)
            chunks = list(files.get(mount, path))
        daemon.engine.note(box, "archive-path")
    more = {"X-Docker-Container-Path-Stat": _encoded(found)}
    response = await stream(request, daemon, "application/x-tar", more)
    for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


async def put_archive(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker cp` into a container."""
    with daemon.core:
        _box(daemon, request)
    with await archive(request) as file, daemon.core:
        daemon.tick()
        box = _box(daemon, request)
        path = files.path_of(request.query.get("path", ""))
        with daemon.bills.of(f"cp - {box.name}:{path}", box.id), files.seen(daemon, box) as mount:
            files.put(mount, path, box.name, file, not flag(request, "noOverwriteDirNonDir"))
        daemon.engine.note(box, "extract-to-dir")
    return empty(200)


ROUTES = (
    ("GET", "/containers/json", listed),
    ("POST", "/containers/create", create),
    ("POST", "/containers/prune", prune),
    ("GET", "/containers/{name}/json", inspect),
    ("POST", "/containers/{name}/start", start),
    ("POST", "/containers/{name}/stop", stop),
    ("POST", "/containers/{name}/restart", restart),
    ("POST", "/containers/{name}/kill", kill),
    ("POST", "/containers/{name}/wait", wait),
    ("POST", "/containers/{name}/pause", pause),
    ("POST", "/containers/{name}/unpause", unpause),
    ("POST", "/containers/{name}/rename", rename),
    ("POST", "/containers/{name}/update", update),
    ("POST", "/containers/{name}/attach", attach),
    ("POST", "/containers/{name}/resize", resize),
    ("GET", "/containers/{name}/logs", logs),
    ("GET", "/containers/{name}/top", top),
    ("GET", "/containers/{name}/stats", stats),
    ("GET", "/containers/{name}/changes", changes),
    ("GET", "/containers/{name}/export", export),
    ("HEAD", "/containers/{name}/archive", path_stat),
    ("GET", "/containers/{name}/archive", get_archive),
    ("PUT", "/containers/{name}/archive", put_archive),
    ("DELETE", "/containers/{name}", remove),
)
