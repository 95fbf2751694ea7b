"""TCP, and who may use it: loopback without TLS; from elsewhere only with client certificates (dockerd's --tlsverify).

>>> address("tcp://127.0.0.1:2375"), loopback("127.0.0.1"), loopback("0.0.0.0")
(('127.0.0.1', 2375), True, False)
>>> check("0.0.0.0", None)
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: --tcp: '0.0.0.0' is not allowed without TLS and client certificates: a loopback \
address, or --tlsverify with --tlscacert, --tlscert and --tlskey

TLS is carried out by threads, one relay for each connection, since a client that has said all it has to say closes its
half of the connection and waits for the rest of the output: asyncio's TLS would close both halves.

What it leaves out: TLS that asks for no client certificate (``--tls``).
"""

import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from snapsim.base.errors import InvalidInput

HANDSHAKE = 10.0
"""Seconds in which a client has to show who it is."""


@dataclass(frozen=True)
class Certificates:
    """Files of PEM: who signs clients, and the daemon's own certificate and key."""

    authority: str
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """TLS that asks clients for a certificate of the authority; `InvalidInput` for files that are none."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.verify_mode = ssl.CERT_REQUIRED
        try:
            made.load_verify_locations(self.authority)
            made.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(f"cannot be used: {error}", "--tlscacert, --tlscert, --tlskey") from None
        return made


def address(text: str) -> tuple[str, int]:
    """Host and port of ``tcp://HOST:PORT`` or ``HOST:PORT``; `InvalidInput`."""
    try:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or not text.removeprefix("tcp://") or "/" in text.removeprefix("tcp://"):
        raise InvalidInput(f"{text!r} is not allowed: HOST:PORT", "--tcp")
    return host, port


def loopback(host: str) -> bool:
    """Does the address lead to this machine alone?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check(host: str, certificates: Certificates | None) -> None:
    """Refuse what would let anybody in."""
    if certificates is None and not loopback(host):
        raise InvalidInput(
            f"{host!r} is not allowed without TLS and client certificates: a loopback address, or --tlsverify with "
            "--tlscacert, --tlscert and --tlskey",
            "--tcp",
        )


class Relay:
    """TLS before a unix socket: takes connections, asks for a certificate, and passes bytes on, until it is closed.

    Parameters
    ----------
    listening : socket
        On TCP.
    context : SSLContext
    path : str
        Of the unix socket where the daemon listens.
    """

    def __init__(self, listening: socket.socket, context: ssl.SSLContext, path: str) -> None:
        self._listening, self._context, self._path = listening, context, path
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(HANDSHAKE)
        with suppress(OSError), self._context.wrap_socket(client, server_side=True) as secure:
            secure.settimeout(None)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
                daemon.connect(self._path)
                asking = threading.Thread(target=_pass_on, args=(secure, daemon), daemon=True)
                asking.start()
                _pass_on(daemon, secure)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Bytes as they come; the end of them is a half-close."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        if not isinstance(target, ssl.SSLSocket):
            target.shutdown(socket.SHUT_WR)
