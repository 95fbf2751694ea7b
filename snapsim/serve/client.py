"""A client for what no Docker client asks: the bills of a simulated daemon.

>>> get("unix:///no/such.sock", "/snapsim/bill")
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: unix:///no/such.sock: No such file or directory: start one with: snapsim serve

What it leaves out: TLS.
"""

import http.client
import json
import os
import socket
from typing import Any
from urllib.parse import urlencode, urlsplit

from snapsim.base.errors import InvalidInput

TIMEOUT = 30.0
MOST = 64 << 20


class _Unix(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


def default_socket() -> str:
    """Where a daemon listens when nothing is said: in the user's run-time directory.

    Examples
    --------
    >>> default_socket().endswith("/snapsim.sock")
    True
    """
    return f"{os.environ.get('XDG_RUNTIME_DIR') or '/tmp'}/snapsim.sock"


def default_url() -> str:
    """The daemon of ``DOCKER_HOST``, or the one that `snapsim serve` starts when nothing is said."""
    return os.environ.get("DOCKER_HOST") or f"unix://{default_socket()}"


def get(url: str, path: str, **parameters: str) -> Any:
    """The JSON that a daemon answers.

    Raises
    ------
    InvalidInput
        No daemon there, a daemon that is not simulated, or its refusal.
    """
    connection = _connection(url)
    query = f"?{urlencode(parameters)}" if parameters else ""
    try:
        connection.request("GET", path + query)
        response = connection.getresponse()
        raw = response.read(MOST + 1)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InvalidInput(f"{reason}: start one with: snapsim serve", url) from None
    finally:
        connection.close()
    try:
        found = json.loads(raw)
    except ValueError:
        raise InvalidInput("does not answer in JSON: a simulated daemon is asked", url) from None
    if response.status == 404 and isinstance(found, dict) and found.get("message") == "page not found":
        raise InvalidInput("is a real Docker daemon, and has no bills: snapsim serve starts a simulated one", url)
    if response.status >= 300:
        raise InvalidInput(str(found.get("message") if isinstance(found, dict) else found), url)
    return found


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path:
        return _Unix(parts.path)
    if parts.scheme in ("tcp", "http") and parts.hostname:
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=TIMEOUT)
    raise InvalidInput(f"{url!r} is not allowed: unix://PATH or tcp://HOST:PORT", "--host")
