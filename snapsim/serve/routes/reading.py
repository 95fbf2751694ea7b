"""Reading a request: parameters, filters, JSON bodies, archives; and giving an answer.

>>> parse_filters('{"label": {"a=b": true}, "status": ["exited"]}')
{'label': ['a=b'], 'status': ['exited']}

What it leaves out: form-encoded bodies.
"""

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, cast

from aiohttp import web

from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused

MOST_ARCHIVE = 4 << 30
"""Bytes of an archive that a client may send."""
_SPOOL = 16 << 20
BEGUN = "begun"
"""Where a request keeps the answer that was begun: what fails from then on can only end the connection."""


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=line(value), status=status, content_type="application/json")


def empty(status: int = 204) -> web.Response:
    """An answer without a body."""
    return web.Response(status=status)


def flag(request: web.Request, name: str, default: bool = False) -> bool:
    """A parameter that is true or false, as moby's httputils reads it: nothing, 0, no, false and none are false."""
    value = request.query.get(name)
    return default if value is None else value.strip().lower() not in ("", "0", "no", "false", "none")


def number(request: web.Request, name: str, default: int) -> int:
    """A parameter that is a whole number; `Refused` (400)."""
    value = request.query.get(name, "")
    if not value:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise Refused(400, f'strconv.Atoi: parsing "{value[:60]}": invalid syntax')
    return int(value)


async def body(request: web.Request, least: bool = True) -> dict[str, Any]:
    """The JSON object of a body; `Refused` (400) where it is none."""
    raw = await request.read()
    if not raw.strip():
        if least:
            raise Refused(400, "EOF")
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        text = "unexpected EOF" if _cut_off(error, raw) else f"invalid JSON: {error}"
        raise Refused(400, text) from None
    if not isinstance(found, dict):
        raise Refused(400, f"json: cannot unmarshal {_kind(found)} into Go value")
    return found


def _cut_off(error: Exception, raw: bytes) -> bool:
    return isinstance(error, json.JSONDecodeError) and error.pos >= len(raw.decode(errors="replace").rstrip())


def _kind(value: Any) -> str:
    kinds: Mapping[type, str] = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return kinds.get(type(value), "null")


def filters(request: web.Request, known: tuple[str, ...]) -> dict[str, list[str]]:
    """The filters of a request; `Refused` (400) for one that is not known."""
    found = parse_filters(request.query.get("filters", ""))
    for name in found:
        if name not in known:
            raise Refused(400, f"invalid filter '{name}'")
    return found


def parse_filters(text: str) -> dict[str, list[str]]:
    """Filters as clients spell them, in the newer or the older form; `Refused` (400)."""
    if not text:
        return {}
    found: Any = None
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
    if not isinstance(found, dict):
        raise Refused(400, "invalid filter")
    result = {}
    for name, values in found.items():
        chosen = [value for value, on in values.items() if on] if isinstance(values, dict) else values
        if not isinstance(chosen, list) or not all(isinstance(value, str) for value in chosen):
            raise Refused(400, "invalid filter")
        result[name] = chosen
    return result


def has_labels(labels: Mapping[str, str] | None, wanted: list[str]) -> bool:
    """Are all the labels there, each as ``key`` or ``key=value``?"""
    labels = labels or {}
    for each in wanted:
        key, equals, value = each.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    return True


async def archive(request: web.Request, refuse: Callable[[int], None] | None = None) -> BinaryIO:
    """The body as a file: small ones in memory, larger ones on disk, too large ones refused (413)."""
    found = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 (the caller closes it)
    size = 0
    async for piece in request.content.iter_chunked(1 << 16):
        size += len(piece)
        if size > MOST_ARCHIVE:
            found.close()
            raise Refused(413, f"an archive of more than {MOST_ARCHIVE} bytes is not taken")
        found.write(piece)
    found.seek(0)
    return cast(BinaryIO, found)


def headers(daemon: Daemon) -> dict[str, str]:
    """What every answer has."""
    return {
        "Api-Version": daemon.release.api,
        "Docker-Experimental": "false",
        "Ostype": "linux",
        "Server": f"Docker/{daemon.release.version} (linux)",
    }


async def stream(
    request: web.Request, daemon: Daemon, kind: str = "application/json", extra: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """An answer that is written piece by piece; its header goes out at once."""
    response = web.StreamResponse(headers={"Content-Type": kind, **headers(daemon), **(extra or {})})
    response.enable_chunked_encoding()
    await response.prepare(request)
    request[BEGUN] = response
    return response


def line(value: Any) -> bytes:
    """A JSON value in a line of a stream."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
