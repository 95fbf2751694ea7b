"""Values as lines of JSON, for answers of processes that nobody has to trust: data that cannot execute, and no pickle.

What JSON has is itself; of the rest, each kind is an object with one key that names it. What is of no known kind comes
over as the text of its ``repr``. A line is bounded in length, in depth and in the digits of a number, and a line that
is not of this form is `Garbled`.

>>> value = {"blocks": (1, slice(0, 2)), "data": b"ab"}
>>> decode(load(dump(encode(value)))) == value
True
>>> decode(encode(complex(1, 2)))
'(1+2j)'

This file imports nothing of snapsim: a copy of it stands behind walls where there is no snapsim.

LEAVES OUT: types of one's own, but for the records that the reader names.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

LONGEST = 4 << 20
"""Bytes of a line."""
_DEPTH, _TEXT = 60, 1000


class Garbled(Exception):
    """A line that is not of the form that was agreed."""


def encode(value: Any, depth: int = 0) -> Any:
    """The value in terms of JSON; a named tuple or a dataclass is a record with its fields.

    Parameters
    ----------
    value : object
    depth : int
        Of what is around it.

    Examples
    --------
    >>> encode((1, b"a", np.uint64(7)))
    {'tuple': [1, {'bytes': '61'}, 7]}
    """
    deeper = depth + 1
    if value is None or type(value) in (bool, int, str):
        return value
    if deeper > _DEPTH:
        return {"odd": "..."}
    if isinstance(value, np.ndarray):
        whole = value.dtype.kind in "iu"
        return {"array": value.tolist(), "of": value.dtype.name} if whole else encode(value.tolist(), deeper)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else {"odd": repr(float(value))}
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, bytes | bytearray):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, slice):
        return {"slice": [encode(part, deeper) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if not isinstance(value, type) and (is_dataclass(value) or hasattr(value, "_fields")):
        return _record(value, deeper)
    if isinstance(value, list):
        return [encode(part, deeper) for part in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(part, deeper) for part in value]}
    if isinstance(value, set | frozenset):
        return {"set": [encode(part, deeper) for part in sorted(value, key=repr)]}
    if isinstance(value, Mapping):
        return {"dict": [[encode(key, deeper), encode(part, deeper)] for key, part in value.items()]}
    return {"odd": repr(value)[:_TEXT]}


def _record(value: Any, depth: int) -> Any:
    kind = type(value)
    names = value._fields if hasattr(value, "_fields") else [field.name for field in fields(value)]
    whole = {name: encode(getattr(value, name), depth) for name in names}
    return {"record": f"{kind.__module__}:{kind.__qualname__}", "fields": whole}


def decode(value: Any, records: Callable[[str], type | None] = lambda name: None) -> Any:
    """What `encode` was given.

    Parameters
    ----------
    value : object
        As `load` gives it.
    records : callable
        The type of a record, by ``module:name``; None for one that is not allowed, which stays a tuple of its fields.

    Raises
    ------
    Garbled
        An object that `encode` does not make.
    """
    if isinstance(value, list):
        return [decode(part, records) for part in value]
    if not isinstance(value, dict):
        return value
    kind = next(iter(value), "")
    try:
        return _DECODERS[kind](value, lambda part: decode(part, records), records)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Garbled(f"an object that nobody agreed on: {str(value)[:80]}") from error


def _array(value: Any, inner: Any, records: Any) -> Any:
    if value["of"] not in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        raise ValueError(value["of"])
    return np.array(value["array"], value["of"])


def _recorded(value: Any, inner: Any, records: Any) -> Any:
    parts = {str(name): inner(part) for name, part in value["fields"].items()}
    kind = records(value["record"])
    return tuple(parts.values()) if kind is None else kind(**parts)


_DECODERS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "array": _array,
    "record": _recorded,
    "bytes": lambda value, inner, _: bytes.fromhex(value["bytes"]),
    "slice": lambda value, inner, _: slice(*map(inner, value["slice"])),
    "range": lambda value, inner, _: range(*value["range"]),
    "tuple": lambda value, inner, _: tuple(map(inner, value["tuple"])),
    "set": lambda value, inner, _: frozenset(map(inner, value["set"])),
    "dict": lambda value, inner, _: {inner(key): inner(part) for key, part in value["dict"]},
    "odd": lambda value, inner, _: str(value["odd"]),
}


def dump(value: Any) -> bytes:
    """A value in terms of JSON as a line.

    Raises
    ------
    Garbled
        It is longer than `LONGEST`.
    """
    line = json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > LONGEST:
        raise Garbled(f"an answer of {len(line)} bytes: at most {LONGEST} are allowed")
    return line


def load(line: bytes) -> Any:
    """The value of a line.

    Raises
    ------
    Garbled
        It is no JSON, too deep, or has a number that no processor holds.

    Examples
    --------
    >>> load(b"[" * 100000)
    Traceback (most recent call last):
    snapsim.testing.wire.Garbled: no line of JSON: b'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['
    """
    try:
        return json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # a number of many thousand digits is a ValueError, too
        raise Garbled(f"no line of JSON: {line[:40]!r}") from error


def _refuse(word: str) -> Any:
    raise ValueError(word)


def as_text(text: object, most: int = 500) -> str:
    """Text of a stranger as one line that harms no terminal: control characters are shown as their escape sequences.

    Examples
    --------
    >>> print(as_text("a\\nb\\x1b[31m"))
    a\\nb\\x1b[31m
    """
    said = "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in str(text))
    return said if len(said) <= most else said[: most - 3] + "..."
