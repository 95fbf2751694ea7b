"""The HTTP side: versions, errors, and the table of routes.

A path may begin with a version (``/v1.41``), which is checked before the route is asked. Whatever a route raises
becomes a status and Docker's ``{"message": ...}``; nothing becomes a traceback.

What it leaves out: sockets (`server`).
"""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from aiohttp import web

from snapsim.base.errors import SnapsimError
from snapsim.serve import releases
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import status_of
from snapsim.serve.routes import build, containers, exec, images, left_out, networks, own, system, volumes
from snapsim.serve.routes.reading import BEGUN, answer, headers

DAEMON = web.AppKey("daemon", Daemon)
MOST_BODY = 4 << 20
"""Bytes of a JSON body; archives are read as they come."""
_VERSION = re.compile(r"/v([0-9][^/]*)(/.*)")
_PARTS = (system, images, containers, exec, volumes, networks, build, own, left_out)
log = logging.getLogger("snapsim.serve")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(daemon: Daemon, all: Sequence[Daemon] = ()) -> web.Application:
    """All routes over one daemon; `all` are the daemons whose bills it tells, itself where none is given."""
    app = web.Application(middlewares=[_answer], client_max_size=MOST_BODY)
    app[DAEMON], app[own.ALL] = daemon, tuple(all) or (daemon,)
    for part in _PARTS:
        for method, path, handler in part.ROUTES:
            app.router.add_route(method, path, _with(daemon, handler))
            app.router.add_route(method, "/v{version:[0-9][^/]*}" + path, _with(daemon, handler))
    return app


def _with(daemon: Daemon, handler: Callable[[Daemon, web.Request], Awaitable[web.StreamResponse]]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked = request.match_info.get("version")
        request["api"] = releases.check_api(asked or daemon.release.api, daemon.release)
        return await handler(daemon, request)

    return handle


@web.middleware
async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    daemon = request.app[DAEMON]
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = _refusal(*_of_http(error))
    except (SnapsimError, OSError) as error:
        response = _refusal(*status_of(error))
    except json.JSONDecodeError as error:
        response = _refusal(400, f"invalid JSON: {error}")
    except Exception as error:  # a defect of ours: told as such, and in the log
        log.exception("%s %s", request.method, request.path)
        response = _refusal(500, f"snapsim: {type(error).__name__}: {error}")
    log.debug("%s %s %s", request.method, request.path_qs, response.status)
    if BEGUN in request and response is not request[BEGUN]:
        if request.transport is not None:
            request.transport.close()
        return cast(web.StreamResponse, request[BEGUN])
    if not response.prepared:
        response.headers.update(headers(daemon))
    return response


def _of_http(error: web.HTTPException) -> tuple[int, str]:
    if error.status in (404, 405):
        return 404, "page not found"
    return error.status, error.text or error.reason


def _refusal(status: int, message: str) -> web.Response:
    if status in (204, 304):
        return web.Response(status=status)
    return answer({"message": message}, status)
