"""A live Docker daemon, asked what it stores, through Docker's own Python SDK.

Asked are ``GET /version``, ``/info``, ``/system/df``, and of each image ``/images/ID/json`` and ``/images/ID/history``:
requests that change nothing (though on devicemapper, asking for sizes mounts file systems, which writes a little).
Where the daemon is comes from the SDK's own rules: a URL, or ``DOCKER_HOST``, ``DOCKER_TLS_VERIFY``, and
``DOCKER_CERT_PATH``. Containers are not asked for once more: ``/system/df`` has them with their sizes.

What answers may be anything, so each answer is bounded in bytes and in time, and has to be JSON before the SDK
reads it. ``/system/df`` is asked at API 1.51 at most: later ones leave the images out of it.

LEAVES OUT: contexts of the command line (``docker context``). A server that sends its *header* a byte at a time is
stopped by the patience of the user alone.
"""

import io
import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from snapsim.base import foreign_json as jsonfile
from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table, parse_json
from snapsim.base.units import format_size

TIMEOUT, PATIENCE = 30.0, 600.0
NEWEST_API = (1, 51)
_OLDEST_API = "1.24"
_FILE_INSTEAD = (
    "give a file instead, made with: docker info --format '{{json .}}' > host.json; "
    "docker system df -v --format '{{json .}}' >> host.json"
)


def ask(url: str | None = None, timeout: float = TIMEOUT, patience: float = PATIENCE) -> dict[str, Any]:
    """Everything that a daemon tells about its storage.

    Parameters
    ----------
    url : str, optional
        ``unix:///var/run/docker.sock``, ``tcp://host:2376``, ...; the environment's daemon when left out.
    timeout : float
        Seconds of silence after which a daemon is given up.
    patience : float
        Seconds for all answers together.

    Returns
    -------
    dict
        The answers: ``version``, ``info``, ``system_df``, and ``images``, each as inspected, with its ``History``.

    Raises
    ------
    InvalidInput
        No SDK, no daemon, no answer in time, or one that is too large or not JSON; says how to give a file instead.

    Examples
    --------
    >>> ask("unix:///no/such.sock")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: unix:///no/such.sock: No such file or directory: give a file instead, made with: \
docker info --format '{{json .}}' > host.json; docker system df -v --format '{{json .}}' >> host.json
    """
    place = url or os.environ.get("DOCKER_HOST") or "the Docker daemon"
    place = place if place.isprintable() else ascii(place)
    until = time.monotonic() + patience
    with _one_line(place, timeout):
        with closing(_client(url, timeout, _OLDEST_API, _bounded(place, until))) as client:
            version = client.version(api_version=False)
        with closing(_client(url, timeout, _api(Table(version, place)), _bounded(place, until))) as client:
            system_df = client.df()
            rows = Table(system_df, place, "GET /system/df").rows("Images")
            images = [_image(client, row.text("Id")) for row in rows]
            return {"version": version, "info": client.info(), "system_df": system_df, "images": images}


def _client(url: str | None, timeout: float, api: str, bounded: Callable[..., Any]) -> Any:
    """The SDK's client, with `bounded` between it and every answer; it has sent nothing yet."""
    try:
        from docker import APIClient
        from docker.utils import kwargs_from_env
    except ImportError:
        raise InvalidInput(f"needs Docker's SDK (pip install docker), or {_FILE_INSTEAD}") from None
    settings = {**kwargs_from_env(), **({"base_url": url} if url else {})}
    client = APIClient(version=api, timeout=timeout, **settings)
    client.headers["Accept-Encoding"] = "identity"  # a short answer cannot unpack to a long one
    client.headers["Connection"] = "close"  # what is read piece by piece, urllib3 does not use again
    client.hooks["response"].append(bounded)
    return client


def _api(version: Table) -> str:
    """The API version to ask with: the daemon's own, but no newer than `NEWEST_API` if it still speaks that."""
    own, oldest = (_numbers(version, key) for key in ("ApiVersion", "MinAPIVersion"))
    major, minor = max(min(own, NEWEST_API), oldest)
    return f"{major}.{minor}"


def _numbers(version: Table, key: str) -> tuple[int, int]:
    text = version.text(key, _OLDEST_API)
    major, _, minor = text.partition(".")
    if not (text.isascii() and major.isdigit() and minor.isdigit() and len(text) < 10):
        raise version.wrong(text, "an API version such as 1.41", key)
    return int(major), int(minor)


def _image(client: Any, name: str) -> dict[str, Any]:
    return {**client.inspect_image(name), "History": client.history(name)}


def _bounded(place: str, until: float) -> Callable[..., Any]:
    """A hook that reads an answer in pieces and hands it on when it is whole, small enough, and JSON."""

    def read(response: Any, **_: Any) -> Any:
        body = bytearray()
        while piece := response.raw.read1(1 << 16, decode_content=False):
            body += piece
            if len(body) > jsonfile.FILE_LIMIT or time.monotonic() > until:
                response.close()
                limit = format_size(jsonfile.FILE_LIMIT) if time.monotonic() <= until else "time"
                raise InvalidInput(f"an answer that takes more than the {limit} allowed: {_FILE_INSTEAD}", place)
        if time.monotonic() > until:
            raise InvalidInput(f"more answers than fit the time allowed: {_FILE_INSTEAD}", place)
        answer = parse_json(bytes(body), f"{place}: {response.request.method} {response.request.path_url}")
        if response.status_code != 200:
            raise InvalidInput(_refusal(response.status_code, answer), place)
        response.close()
        response.raw = io.BytesIO(body)
        return response

    return read


def _refusal(status: int, answer: object) -> str:
    message = answer.get("message") if isinstance(answer, dict) else None
    return f"the daemon answered with status {status}" + (f": {_short(message)}" if isinstance(message, str) else "")


@contextmanager
def _one_line(place: str, timeout: float) -> Iterator[None]:
    """Turn what the SDK and the libraries below it raise into one line."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(error.problem, error.place or place) from None
    except Exception as error:  # the SDK lets pass what requests, urllib3, ssl and paramiko raise: no common parent
        chain = _chain(error)
        reason = _reason(chain, timeout)
        _let_go(chain)
        raise InvalidInput(f"{reason}: {_FILE_INSTEAD}", place) from None


def _chain(error: BaseException) -> list[BaseException]:
    """The error, and what led to it, innermost last."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    return chain


def _let_go(chain: list[BaseException]) -> None:
    """Free the socket that the SDK leaves open where a connection fails, and that its frames hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for link in chain:
            traceback.clear_frames(link.__traceback__)


def _reason(chain: list[BaseException], timeout: float) -> str:
    """The innermost cause: what the system said, if it said something."""
    if any(isinstance(link, TimeoutError) for link in chain):
        return f"no answer within {timeout:g} s"
    told = [link.strerror for link in chain if isinstance(link, OSError) and link.strerror]
    return _short(told[-1] if told else str(chain[-1]) or type(chain[-1]).__name__)


def _short(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= 120 else line[:117] + "..."
