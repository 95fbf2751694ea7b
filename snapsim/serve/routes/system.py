"""``/_ping``, ``/version``, ``/info``, ``/events``, ``/system/df``, ``/auth``: the daemon itself."""

import asyncio
import re
from typing import Any

from aiohttp import web

from snapsim.docker.disk_usage import usage
from snapsim.docker.events import Event
from snapsim.docker.image_name import full_name
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.routes.reading import answer, body, filters, has_labels, headers, line, stream
from snapsim.serve.shapes import containers as container_shapes
from snapsim.serve.shapes import images as image_shapes
from snapsim.serve.shapes import system as system_shapes
from snapsim.serve.shapes import volumes as volume_shapes

_FILTERS = ("config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret",
            "service", "type", "volume")  # fmt: skip


async def ping(daemon: Daemon, request: web.Request) -> web.Response:
    """Is anybody there, and which version do they speak?"""
    more = {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", **headers(daemon)}
    if daemon.release.numbers >= (23,):
        more |= {"Builder-Version": "1", "Swarm": "inactive"}
    return web.Response(text="" if request.method == "HEAD" else "OK", headers=more)


async def version(daemon: Daemon, request: web.Request) -> web.Response:
    """Which release the daemon says it is."""
    return answer(system_shapes.version(daemon.release))


async def info(daemon: Daemon, request: web.Request) -> web.Response:
    """What `docker info` shows."""
    with daemon.core:
        found = system_shapes.info(daemon.engine, daemon.release, request["api"], daemon.now(), daemon.listeners,
                                   "snapsim")  # fmt: skip
    return answer(found)


async def auth(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker login`: there is no registry."""
    await body(request)
    raise unsupported("a registry")


async def disk_usage(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker system df`."""
    kinds = request.query.getall("type", ["container", "image", "volume", "build-cache"])
    with daemon.core, daemon.bills.of("system df"):
        daemon.engine.volumes = {volume.name: volume.size for volume in daemon.volumes.all.values()}
        found = usage(daemon.engine)
        api, engine = request["api"], daemon.engine
        images = []
        for image in found.images:
            shape = image_shapes.summary(engine, engine.image(image.id), api, found.shared(image), image.containers)
            images.append(shape)
        boxes = [
            container_shapes.summary(engine, box, daemon.mounts(box), daemon.now(), (use.size_rw, use.size_root_fs))
            for box, use in zip(engine.containers(), found.containers, strict=True)
        ]
        volumes = [volume_shapes.volume(daemon, each, usage=True) for each in daemon.volumes.all.values()]
    whole: dict[str, Any] = {
        "LayersSize": found.layers_size,
        "Images": images if "image" in kinds else None,
        "Containers": boxes if "container" in kinds else None,
        "Volumes": volumes if "volume" in kinds else None,
        "BuildCache": [] if api >= (1, 42) else None,
    }
    return answer(whole if daemon.release.numbers >= (26,) else {**whole, "BuilderSize": 0})


# -------------------------------------------------------------------- events


async def events(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """What happened, and what happens until the client has enough."""
    wanted = filters(request, _FILTERS)
    since, until = _time(request, "since"), _time(request, "until")
    if since is not None and until is not None and until < since:
        raise Refused(400, f"`since` time ({request.query['since']}) cannot be after `until` time "
                           f"({request.query['until']})")  # fmt: skip
    queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=100_000)
    loop = asyncio.get_running_loop()

    def listen(event: Event) -> None:
        loop.call_soon_threadsafe(_put, queue, event)

    with daemon.core:
        past = [event for event in daemon.recent_events() if since is not None and event.time >= since]
        daemon.engine.events.listeners.append(listen)
        daemon.listeners += 1
    try:
        response = await stream(request, daemon)
        for event in past:
            if (until is None or event.time <= until) and _passes(daemon, event, wanted):
                await response.write(line(system_shapes.event(event, daemon.networks.ids)))
        while until is None or daemon.now() < until:
            try:
                left = None if until is None else max(0.0, (until - daemon.now()) / 1e9)
                event = await asyncio.wait_for(queue.get(), left)
            except TimeoutError:
                break
            if (until is None or event.time <= until) and _passes(daemon, event, wanted):
                await response.write(line(system_shapes.event(event, daemon.networks.ids)))
        await response.write_eof()
        return response
    finally:
        with daemon.core:
            daemon.engine.events.listeners.remove(listen)
            daemon.listeners -= 1


def _put(queue: "asyncio.Queue[Event]", event: Event) -> None:
    if not queue.full():  # a client that does not read loses events, as with Docker
        queue.put_nowait(event)


def _time(request: web.Request, name: str) -> int | None:
    """A time stamp ``seconds[.nanoseconds]`` in nanoseconds."""
    text = request.query.get(name, "")
    if text in ("", "0"):
        return 0 if text == "0" and name == "since" else None
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
        raise Refused(400, f'strconv.ParseInt: parsing "{text[:60]}": invalid syntax')
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0") or 0)


def _passes(daemon: Daemon, event: Event, wanted: dict[str, list[str]]) -> bool:
    """Do all filters let it through? Values of one filter are alternatives; labels have to be there all."""
    named = {"container", "volume", "network", "daemon", "plugin", "service", "node", "secret", "config"}
    for name, values in wanted.items():
        if name == "type" and event.type not in values:
            return False
        if name == "scope" and "local" not in values:
            return False
        if name == "event" and not any(_action(event.action, value) for value in values):
            return False
        if name == "label" and not has_labels(event.attributes, values):
            return False
        if name == "image" and not any(_of_image(event, value) for value in values):
            return False
        if name in named and not (event.type == name and any(_of(event, value) for value in values)):
            return False
    return True


def _action(action: str, wanted: str) -> bool:
    return action == wanted or action.split(":")[0] == wanted


def _of(event: Event, wanted: str) -> bool:
    name = event.attributes.get("name", "")
    return event.id == wanted or name == wanted or bool(wanted and event.id.startswith(wanted))


def _of_image(event: Event, wanted: str) -> bool:
    """By name or id of the image, with or without a tag."""
    name = event.attributes.get("image" if event.type == "container" else "name", "")
    found = {name, name.rpartition(":")[0] if ":" in name else name, event.id if event.type == "image" else ""}
    return event.type in ("image", "container") and (wanted in found or full_name(wanted) in found)


ROUTES = (
    ("GET", "/_ping", ping),
    ("HEAD", "/_ping", ping),
    ("GET", "/version", version),
    ("GET", "/info", info),
    ("POST", "/auth", auth),
    ("GET", "/system/df", disk_usage),
    ("GET", "/events", events),
)
