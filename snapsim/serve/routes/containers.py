"""``/containers``: their life, and their files."""

import base64
import json
import re
import signal
from typing import Any

from aiohttp import web

from snapsim.docker.containers import ACTIVE, Container
from snapsim.docker.engine import Engine
from snapsim.serve import containers, files, tars
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.names import check_container, made_up
from snapsim.serve.routes.container_output import attach, logs, resize, stats, top
from snapsim.serve.routes.reading import answer, archive, body, empty, filters, flag, has_labels, line, number, stream
from snapsim.serve.shapes import containers as shapes

_FILTERS = (
    *("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name", "network"),
    *("publish", "since", "status", "volume"),
)
_STOP_SECONDS = 10


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
