"""The format of trace files: the operations that were carried out on a real target, row by row, read and checked.

A trace file has the form of the measurements: ``{"header": ..., "rows": [...]}`` or a list of rows, each row
with ``scenario`` (one set of fresh devices), ``workload`` and ``trace`` (all operations since the previous row of
the scenario, hidden ones included). The kernel harness carries it out, the replays play it on a model.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import load_json
from snapsim.base.schema import shown

_SIZES = ("bytes", "offset", "stride", "chunk", "block", "cow_bytes", "data_bytes")
_LARGEST = 1 << 50


def offsets(op: Mapping[str, Any], place: str) -> list[int]:
    """The offsets of an I/O operation, in bytes: ``offset``, ``offsets``, or ``offset`` with ``stride`` and ``count``.

    Examples
    --------
    >>> offsets({"offset": 4096, "stride": -4096, "count": 2}, "")
    [4096, 0]
    """
    if "offsets" in op:
        return (
            [number(op, "offsets", place, item) for item in op["offsets"]]
            if isinstance(op["offsets"], list)
            else [number(op, "offsets", place)]
        )
    first, count = number(op, "offset", place), number(op, "count", place, op.get("count", 1))
    stride = op.get("stride", 0)
    if isinstance(stride, bool) or not isinstance(stride, int) or count > 10**7:
        raise InvalidInput(f"stride {shown(stride)}, count {count}: whole numbers, at most 10000000 requests", place)
    if not 0 <= first + stride * max(count - 1, 0) <= _LARGEST:
        raise InvalidInput(f"the last offset is not between 0 and {_LARGEST}", place)
    return [first + stride * n for n in range(count)]


def number(op: Mapping[str, Any], key: str, place: str, value: Any = None) -> int:
    """A key's whole number from 0 to 2**50.

    Examples
    --------
    >>> number({"bytes": -1}, "bytes", "trace[0]")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: trace[0].bytes: -1 is not allowed: a whole number from 0 to 1125899906842624
    """
    value = op.get(key) if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise InvalidInput(f"{shown(value)} is not allowed: a whole number from 0 to {_LARGEST}", f"{place}.{key}")
    return value


def text(op: Mapping[str, Any], key: str, place: str, allowed: Sequence[str] | None = None) -> str:
    """A key's text of up to 255 printable letters, one of `allowed` where that is given.

    Examples
    --------
    >>> text({"id": "s1"}, "id", "trace[3]", ["s0"])
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: trace[3].id: 's1' is not allowed: s0
    """
    value = op.get(key)
    fits = isinstance(value, str) and len(value) <= 255 and value.isprintable()
    if not isinstance(value, str) or not fits or (allowed is not None and value not in allowed):
        words = (
            "one line of up to 255 printable letters" if allowed is None else ", ".join(allowed) or "there is none yet"
        )
        told = repr(value) if fits else shown(value)
        raise InvalidInput(f"{told} is not allowed: {words}", f"{place}.{key}")
    return value


def block_size(rows: Sequence[Mapping[str, Any]]) -> int:
    """The largest block that divides every size and offset of the rows: 4096 at most, 512 at least.

    Examples
    --------
    >>> block_size([{"trace": [{"op": "write", "bytes": 8192, "offset": 512}]}])
    512
    """
    found = 4096
    for row in rows:
        for op in row["trace"]:
            listed = op.get("offsets")
            for value in [op.get(key) for key in _SIZES] + (listed if isinstance(listed, list) else []):
                if isinstance(value, int) and not isinstance(value, bool):
                    found = math.gcd(found, value)
    return max(found, 512)


def load(path: str) -> list[dict[str, Any]]:
    """Read and check a trace file ("-": standard input); returns its rows.

    Raises
    ------
    InvalidInput
        It cannot be read, is no JSON, or its rows lack ``scenario`` or ``trace``.
    """
    data = load_json(path, path, "a trace file is allowed")
    return check_rows(data["rows"] if isinstance(data, dict) and "rows" in data else data, path)


def check_rows(data: Any, path: str) -> list[dict[str, Any]]:
    """The rows of a trace file that are about a device, each with its number as ``_row``; errors as of `load`."""
    return list(_rows(data, path))


def _rows(data: Any, path: str) -> Iterator[dict[str, Any]]:
    if not isinstance(data, list):
        raise InvalidInput("a list of rows, or an object with 'rows', is wanted", path)
    for number_, row in enumerate(data):
        place = f"{path}: rows[{number_}]"
        if not isinstance(row, dict):
            raise InvalidInput(f"{type(row).__name__} is no row: an object with 'scenario' and 'trace'", place)
        if row.get("scenario") is None and not row.get("trace"):
            continue  # a row about no device, such as the sizes a tool computes
        text(row, "scenario", place)
        if not isinstance(row.get("trace"), list) or not all(isinstance(op, dict) for op in row["trace"]):
            raise InvalidInput("'trace' has to be a list of operations", place)
        if not isinstance(row.get("figures", {}), dict | None):
            raise InvalidInput(f"{shown(row['figures'])} is not allowed: an object", f"{place}.figures")
        yield {**row, "_row": number_}
