"""``/exec``: commands in a running container."""

import asyncio

from aiohttp import web

from snapsim.serve import containers, hijack
from snapsim.serve.containers import Exec
from snapsim.serve.daemon import Daemon
from snapsim.serve.programs import NotStarted
from snapsim.serve.routes.container_output import DETACH, nothing, pump
from snapsim.serve.routes.reading import answer, body, empty


async def create(daemon: Daemon, request: web.Request) -> web.Response:
    """The first half of `docker exec`."""
    said = await body(request)
    with daemon.core:
        made = containers.make_exec(daemon, daemon.container(request.match_info["name"]), said)
    return answer({"Id": made.id}, 201)


async def start(daemon: Daemon, request: web.Request) -> web.StreamResponse:
    """The second half: run it, on this connection or apart from it."""
    said = await body(request, least=False)
    with daemon.core:
        found = containers.find_exec(daemon, request.match_info["id"])
        tty = bool(said.get("Tty", found.config.get("Tty", False)))
        if said.get("Detach"):
            daemon.tick()
            containers.start_exec(daemon, found, tty)
            return empty(200)
        containers.must_run(daemon.container(found.container))
    return await _attached(daemon, request, found, tty)


async def _attached(daemon: Daemon, request: web.Request, found: Exec, tty: bool) -> web.StreamResponse:
    left, early = asyncio.Event(), bytearray()
    closed = False

    def feed(data: bytes) -> None:
        if tty and data.endswith(DETACH):
            left.set()
        elif found.process is not None:
            found.process.stdin.feed(data)
        else:
            early.extend(data[: 1 << 20])

    def close() -> None:
        nonlocal closed
        closed = True
        if found.process is not None:
            found.process.stdin.close()

    kind = hijack.RAW if tty or request["api"] < (1, 42) else hijack.MULTIPLEXED
    wants = bool(found.config.get("AttachStdin"))
    raw = await hijack.hijack(request, kind, feed if wants else nothing, close if wants else lambda: None)
    with found.console.attached() as client:
        try:
            with daemon.core:
                daemon.tick()
                containers.start_exec(daemon, found, tty)
        except NotStarted as error:
            text = f"{error.message}\r\n".encode()
            await raw.send(text if tty else hijack.frame(1, text))
            return hijack.Hijacked()
        if found.process is not None:
            found.process.stdin.feed(bytes(early))
            if closed:
                found.process.stdin.close()
        await pump(client, raw, tty, left, (bool(found.config.get("AttachStdout", True)),
                                            bool(found.config.get("AttachStderr", True))))  # fmt: skip
    return hijack.Hijacked()


async def inspect(daemon: Daemon, request: web.Request) -> web.Response:
    """How an exec stands."""
    with daemon.core:
        found = containers.find_exec(daemon, request.match_info["id"])
        said = found.config
        process = {
            "tty": bool(said.get("Tty")),
            "entrypoint": found.words[0],
            "arguments": found.words[1:],
            "privileged": bool(said.get("Privileged")),
            **({"user": said["User"]} if said.get("User") else {}),
        }
        return answer({
            "ID": found.id,
            "Running": found.process is not None and found.exit_code is None,
            "ExitCode": found.exit_code,
            "ProcessConfig": process,
            "OpenStdin": bool(said.get("AttachStdin")),
            "OpenStderr": bool(said.get("AttachStderr")),
            "OpenStdout": bool(said.get("AttachStdout")),
            "CanRemove": False,
            "ContainerID": found.container,
            "DetachKeys": said.get("DetachKeys") or "",
            "Pid": found.process.pid if found.process else 0,
        })  # fmt: skip


async def resize(daemon: Daemon, request: web.Request) -> web.Response:
    """The size of the terminal: no simulated program asks for it."""
    with daemon.core:
        containers.find_exec(daemon, request.match_info["id"])
    return empty(200)


ROUTES = (
    ("POST", "/containers/{name}/exec", create),
    ("POST", "/exec/{id}/start", start),
    ("POST", "/exec/{id}/resize", resize),
    ("GET", "/exec/{id}/json", inspect),
)
