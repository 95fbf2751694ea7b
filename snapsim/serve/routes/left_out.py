"""Endpoints that are not simulated: each answers as Docker does for what it does not have, or says that it is left out.

The table is the source of docs/reference/engine-api.md.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused, unsupported
from snapsim.serve.routes.reading import answer

NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_SWARM = "a node of no swarm: 503, in Docker's words"
REASONS = {
    "/swarm": _SWARM,
    "/nodes": _SWARM,
    "/services": _SWARM,
    "/tasks": _SWARM,
    "/secrets": _SWARM,
    "/configs": _SWARM,
    "/plugins": "there are none, and none can be installed",
    "/distribution": "there is no registry",
    "/containers/{id}/attach/ws": "websockets",
    "/grpc": "BuildKit",
}
"""Why an endpoint is left out, by the beginning of its path."""

Handler = Callable[[Daemon, web.Request], Awaitable[web.Response]]


async def no_swarm(daemon: Daemon, request: web.Request) -> web.Response:
    """What a daemon outside of a swarm says."""
    raise Refused(503, NO_SWARM)


async def no_plugins(daemon: Daemon, request: web.Request) -> web.Response:
    """The plugins: none."""
    return answer([])


async def no_plugin(daemon: Daemon, request: web.Request) -> web.Response:
    """A plugin by name: there is none."""
    raise Refused(404, f'plugin "{request.match_info["name"]}" not found')


def _left_out(what: str) -> Handler:
    async def refuse(daemon: Daemon, request: web.Request) -> web.Response:
        raise unsupported(what)

    return refuse


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/plugins", no_plugins),
    ("GET", "/plugins/{name:.+}/json", no_plugin),
    ("*", "/plugins/{rest:.*}", _left_out("plugins")),
    ("*", "/distribution/{name:.+}/json", _left_out("a registry")),
    ("GET", "/containers/{name}/attach/ws", _left_out("a websocket")),
    ("POST", "/grpc", _left_out("BuildKit")),
    *(("*", path, no_swarm) for path in ("/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs")),
    *(("*", f"{path}/{{rest:.*}}", no_swarm)
      for path in ("/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs")),
)  # fmt: skip
