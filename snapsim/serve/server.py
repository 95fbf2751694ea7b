"""The daemon's sockets: where clients connect, who may, and how it ends.

The unix socket is made for its owner alone (0600); one on which somebody listens is not taken away. At SIGTERM and
SIGINT streams end, processes are killed, and the socket is gone.

What it leaves out: socket activation, and `-H fd://`.
"""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from snapsim.base.errors import InvalidInput
from snapsim.serve.app import application
from snapsim.serve.daemon import Daemon
from snapsim.serve.sides import tee
from snapsim.serve.tls import Certificates, Relay, check


def unix_socket(path: str) -> socket.socket:
    """A socket that listens, for its owner alone; `InvalidInput` where the path is taken."""
    file = Path(path)
    if len(path.encode()) > 107:
        raise InvalidInput(f"{path!r} is not allowed: a socket's path has at most 107 bytes", "--socket")
    if file.exists() or file.is_symlink():
        _take_away(file)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(path)
        made.listen(128)
    except OSError as error:
        made.close()
        raise InvalidInput(f"{path!r} cannot be made: {error.strerror}", "--socket") from None
    finally:
        os.umask(before)
    return made


def tcp_socket(where: tuple[str, int], certificates: Certificates | None) -> socket.socket:
    """A socket on TCP; `InvalidInput` where it would let anybody in, or cannot be made."""
    check(where[0], certificates)
    try:
        return socket.create_server(where, family=socket.AF_INET6 if ":" in where[0] else socket.AF_INET)
    except OSError as error:
        raise InvalidInput(f"{where[0]}:{where[1]} cannot be made: {error.strerror}", "--tcp") from None


def _take_away(file: Path) -> None:
    """A socket that nobody listens on may go; whatever else stands there stays."""
    if not file.is_socket():
        raise InvalidInput(f"{str(file)!r} is there and is no socket", "--socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(file))
        except ConnectionRefusedError:
            file.unlink()
            return
        except OSError as error:
            raise InvalidInput(f"{str(file)!r} is there: {error.strerror or error}", "--socket") from None
    raise InvalidInput(f"{str(file)!r} is in use: another daemon listens there", "--socket")


def serve(
    daemons: Sequence[Daemon],
    path: str,
    ready: Callable[[], None] = lambda: None,
    tcp: tuple[str, int] | None = None,
    certificates: Certificates | None = None,
) -> None:
    """Answer on a unix socket, and on TCP where that is asked for, until SIGTERM or SIGINT.

    Parameters
    ----------
    daemons : sequence of Daemon
        One; or several, of which the first answers and all carry out every command.
    path : str
        Of the socket.
    ready : callable, optional
        Called once clients can connect.
    tcp : (str, int), optional
        Host and port.
    certificates : Certificates, optional
        With them TCP is TLS, and clients have to show one.

    Raises
    ------
    InvalidInput
        The socket cannot be made.
    """
    context = certificates.context() if certificates else None
    outside = tcp_socket(tcp, certificates) if tcp is not None else None
    with ExitStack() as stack:
        if outside is not None:
            stack.callback(outside.close)
        listening = unix_socket(path)
        stack.callback(_take_mine_away, path, _identity(path))
        stack.callback(listening.close)
        if outside is not None and context is not None:
            stack.callback(Relay(outside, context, path).close)
        plain = [listening, *([outside] if outside is not None and context is None else [])]
        asyncio.run(_serve(daemons, plain, ready))


def _take_mine_away(path: str, mine: tuple[int, ...] | None) -> None:
    """The socket goes with its daemon, unless another one has been made in its place."""
    if _identity(path) == mine:
        os.unlink(path)


def _identity(path: str) -> tuple[int, ...] | None:
    """What tells a socket from another one that was made in its place; None where there is none."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_ctime_ns


async def _serve(daemons: Sequence[Daemon], doors: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        if len(daemons) == 1:
            await stack.enter_async_context(_answering(daemons, daemons[0], doors))
        else:
            await stack.enter_async_context(_side_by_side(daemons, doors))
        ready()
        await stopped.wait()
        for daemon in daemons:
            daemon.stop()
            daemon.changes.tell()


@asynccontextmanager
async def _answering(all: Sequence[Daemon], daemon: Daemon, doors: Sequence[socket.socket]) -> AsyncIterator[None]:
    """One daemon on sockets that listen; `all` are those whose bills it tells."""
    app = application(daemon, all)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        for door in doors:
            await web.SockSite(runner, door).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _side_by_side(daemons: Sequence[Daemon], doors: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Each daemon on a socket of its own, in a private folder, and the one socket before them."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="snapsim-"))
        paths = [f"{folder}/{number}.sock" for number in range(len(daemons))]
        for daemon, path in zip(daemons, paths, strict=True):
            await stack.enter_async_context(_answering(daemons, daemon, [unix_socket(path)]))
        open_ones: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(tee(reader, writer, paths))
            open_ones.add(task)
            task.add_done_callback(open_ones.discard)

        servers = [await asyncio.start_server(connected, sock=door) for door in doors]
        try:
            yield
        finally:
            for server in servers:
                server.close()
            for task in list(open_ones):
                task.cancel()
            await asyncio.gather(*open_ones, return_exceptions=True)
