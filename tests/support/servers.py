"""Servers that stand in for a Docker daemon, in a thread, on a unix socket or on loopback: a good one and bad ones."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LAYERS = ["sha256:" + letter * 64 for letter in "abc"]
ROW = {"Id": "sha256:1", "RepoTags": ["a:1"], "Size": 70, "SharedSize": 0, "Containers": 1}
INSPECT = {
    "Id": "sha256:1",
    "RepoTags": ["a:1"],
    "RootFS": {"Type": "layers", "Layers": LAYERS[:2]},
    "Config": {"Env": ["S=x"]},
}
HISTORY = [
    {"Id": "sha256:1", "CreatedBy": "RUN rm /f\t&& true", "Size": 0},
    {"Id": "<missing>", "CreatedBy": "", "Size": 70},
]
BODIES = {
    "/version": {"ApiVersion": "1.41", "MinAPIVersion": "1.12"},
    "/info": {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]], "Images": 1, "Containers": 1,
              "ServerVersion": "20.10.24", "KernelVersion": "6.1.0", "Name": "lab7",
              "DockerRootDir": "/var/lib/docker"},
    "/system/df": {"LayersSize": 70, "Images": [ROW], "Volumes": None, "BuildCache": None, "Containers": [
        {"Id": "c" * 64, "Names": ["/web"], "Image": "a:1", "ImageID": "sha256:1", "SizeRw": 5, "SizeRootFs": 75,
         "State": "running"}]},
    "/images/sha256:1/json": INSPECT,
    "/images/sha256:1/history": HISTORY,
}  # fmt: skip
"""What a daemon with one image of 70 bytes and one container of it answers."""
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b'{"a": "'


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None], address: Path | None = None) -> Iterator[str]:
    """The URL of a server that hands each connection to `answer`, until the block ends."""
    family, where = (socket.AF_UNIX, str(address)) if address else (socket.AF_INET, ("127.0.0.1", 0))
    ended = threading.Event()
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind(where)
        server.listen()
        server.settimeout(0.05)
        thread = threading.Thread(target=_serve, args=(server, answer, ended))
        thread.start()
        try:
            yield f"unix://{address}" if address else f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def _serve(server: socket.socket, answer: Callable[[socket.socket], None], ended: threading.Event) -> None:
    while not ended.is_set():
        with contextlib.suppress(TimeoutError, ConnectionError):
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                answer(connection)


def daemon(bodies: dict[str, object], asked: list[str] | None = None) -> Callable[[socket.socket], None]:
    """Answers like a daemon: `bodies` by the path without its version; what was asked goes to `asked`."""

    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while request := stream.readline().decode():
                headers = b"".join(iter(lambda: stream.readline().strip(), b"")).lower()
                method, path, _ = request.split(" ")
                if asked is not None:
                    asked.append(f"{method} {path}")
                name = "/" + path.lstrip("/").partition("/")[2] if path.startswith("/v1.") else path
                known = name in bodies
                body = bodies[name] if known else {"message": f"no such thing: {name}"}
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                close = b"connection: close" in headers
                head = f"HTTP/1.1 {'200 OK' if known else '404 Not Found'}\r\nContent-Length: {len(raw)}\r\n"
                connection.sendall(head.encode() + b"Connection: close\r\n" * close + b"\r\n" + raw)
                if close:
                    return

    return answer


def forwarding(socket_path: str, asked: Callable[[str], None]) -> Callable[[socket.socket], None]:
    """Hands each request to the daemon on a unix socket, calls `asked` with its path, and hands the answer back."""

    def answer(connection: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
            request = connection.recv(65536)
            daemon.connect(socket_path)
            daemon.sendall(request)
            asked(request.split(b" ")[1].decode())
            while piece := daemon.recv(65536):
                connection.sendall(piece)

    return answer


def silent(connection: socket.socket) -> None:
    """Accepts, reads, and says nothing until the other side gives up."""
    while connection.recv(4096):
        pass


def says(raw: bytes) -> Callable[[socket.socket], None]:
    """Says `raw` whatever is asked, and hangs up."""

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(raw)

    return answer


def endless(connection: socket.socket) -> None:
    """An answer without end."""
    connection.recv(4096)
    connection.sendall(ENDLESS)
    while True:
        connection.sendall(b"a" * 65536)


def slow(connection: socket.socket) -> None:
    """An answer without end, a byte at a time, so that there is never silence."""
    connection.recv(4096)
    connection.sendall(ENDLESS)
    while True:
        connection.sendall(b"a")
        time.sleep(0.02)
