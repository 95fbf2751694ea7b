"""``/build``: the classic builder."""

import json

from aiohttp import web

from snapsim.serve.build import Asked, Builder
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.names import reference
from snapsim.serve.routes.reading import answer, archive, flag, line, stream


async def build(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """`docker build`."""
    if request.query.get("remote"):
        raise unsupported("a build context from elsewhere")
    if request.query.get("version", "1") == "2":
        raise unsupported("BuildKit (set DOCKER_BUILDKIT=0)")
    asked = _asked(daemon, request)
    with await archive(request) as file:
        with daemon.core:
            daemon.tick()
            builder = Builder(daemon, file, asked)
        response = await stream(request, daemon)
        lines, held = builder.run(), list[dict[str, object]]()
        while True:
            with daemon.core, daemon.bills.of(f"build {' '.join(asked.tags)}"):
                one = next(lines, None)
            if one is None:
                break
            if asked.quiet and "error" not in one:
                held.append(one)
                continue
            for each in [*held, one]:  # a quiet build that fails shows what it did
                await response.write(line(each))
            held = []
    if asked.quiet and builder.done is not None:
        await response.write(line({"stream": f"{builder.done.id}\n"}))
    await response.write_eof()
    return response


def _asked(daemon: Daemon, request: web.Request) -> Asked:
    network = request.query.get("networkmode", "") or "default"
    return Asked(
        tags=tuple(reference(tag) for tag in request.query.getall("t", []) if tag),
        dockerfile=request.query.get("dockerfile", "") or "Dockerfile",
        args=_texts(request, "buildargs"),
        labels=_texts(request, "labels"),
        target=request.query.get("target", ""),
        cache=not flag(request, "nocache"),
        network=daemon.networks.of_mode(network).name,
        quiet=flag(request, "q"),
    )


def _texts(request: web.Request, name: str) -> dict[str, str]:
    """A parameter that is an object of texts; `Refused` (400)."""
    try:
        found = json.loads(request.query.get(name, "") or "{}")
    except (ValueError, RecursionError):
        raise Refused(400, f"invalid {name}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str | None) for value in found.values()):
        raise Refused(400, f"invalid {name}")
    return {key: value for key, value in found.items() if value is not None}


async def prune(daemon: Daemon, request: web.Request) -> web.Response:
    """`docker builder prune`: the classic builder has no cache of its own."""
    with daemon.core:
        daemon.engine.events.note("builder", "prune", reclaimed="0")
    return answer({"CachesDeleted": None, "SpaceReclaimed": 0})


async def session(daemon: Daemon, request: web.Request) -> web.Response:
    """The channel of BuildKit."""
    raise unsupported("BuildKit (set DOCKER_BUILDKIT=0)")


ROUTES = (
    ("POST", "/build", build),
    ("POST", "/build/prune", prune),
    ("POST", "/session", session),
)
