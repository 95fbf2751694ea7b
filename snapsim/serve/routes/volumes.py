"""``/volumes``."""

from typing import Any

from aiohttp import web

from snapsim.serve.daemon import Daemon
from snapsim.serve.routes.reading import answer, body, empty, filters, flag, has_labels
from snapsim.serve.shapes.volumes import volume


async def listed(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker volume ls`."""
    wanted = filters(request, ("dangling", "driver", "label", "name"))
    with daemon.core:
        found = [volume(daemon, each) for each in daemon.volumes.all.values() if _passes(each, wanted)]
    return answer({"Volumes": found, "Warnings": None})


def _passes(each: Any, wanted: dict[str, list[str]]) -> bool:
    dangling = wanted.get("dangling", [])
    return (
        (not dangling or (dangling[0].lower() in ("1", "true")) != bool(each.users))
        and ("driver" not in wanted or "local" in wanted["driver"])
        and ("name" not in wanted or any(name in each.name for name in wanted["name"]))
        and has_labels(each.labels, wanted.get("label", []))
    )


async def create(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker volume create`; one that is there is given back."""
    said = await body(request, least=False)
    with daemon.core:
        new = said.get("Name", "") not in daemon.volumes.all
        made = daemon.volumes.create(said.get("Name", ""), said.get("Labels"), said.get("DriverOpts") or None)
        if new:
            daemon.engine.events.note("volume", "create", made.name, driver="local")
        return answer(volume(daemon, made), 201)


async def inspect(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker volume inspect`."""
    with daemon.core:
        return answer(volume(daemon, daemon.volumes.find(request.match_info["name"])))


async def remove(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker volume rm`."""
    name = request.match_info["name"]
    with daemon.core:
        if name in daemon.volumes.all or not flag(request, "force"):
            daemon.remove_volume(name)
    return empty()


async def prune(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker volume prune`."""
    wanted = filters(request, ("all", "label", "label!"))
    with daemon.core, daemon.bills.of("volume prune"):
        every = wanted.get("all", ["false"])[0].lower() in ("1", "true") or request["api"] < (1, 42)
        names, size = daemon.prune_volumes(every)
    return answer({"VolumesDeleted": names or None, "SpaceReclaimed": size})


ROUTES = (
    ("GET", "/volumes", listed),
    ("POST", "/volumes/create", create),
    ("POST", "/volumes/prune", prune),
    ("GET", "/volumes/{name}", inspect),
    ("DELETE", "/volumes/{name}", remove),
)
