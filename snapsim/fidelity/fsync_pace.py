"""How long a write with an fsync took where a row was measured: time stamps depend on it (`filesystems.kernel_clock`).

A row that consists of such writes, and copies nothing, gives this pace directly: its time divided by the number of its
fsyncs. A row that copies a file up first does not, since the time of the copy is unknown. For such a row the pace of
the same device where it was **least** disturbed is taken: the least over the repetitions of all rows of the measurement
that give one, since other load on the machine only adds time. (That is a lower bound: where the machine was busy, the
row itself saw more ticks.)

>>> write = {"op": "write", "path": "f", "offsets": [0, 4096], "length": 4096, "fsync": "each"}
>>> row = {"trace": {"ops": [write]}, "figures": {"op_ms": 3.0}, "repetitions": [{"op_ms": 2.0}, {"op_ms": 9.0}]}
>>> pace(row, copied=0), least_pace(row, copied=0), pace(row, copied=4096)
(1.5, 1.0, None)

What it leaves out: times of rows that do anything else beside.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from snapsim.measure.measurements import Row

_MOST_MS = 1 << 53
"""A clock that is a float counts milliseconds no further."""


def operations(trace: Any) -> list[Mapping[str, Any]]:
    """The operations of a trace; empty for something that is no trace, which is an error only where it is carried out.

    Examples
    --------
    >>> operations({"ops": [{"op": "sync"}]}), operations({"ops": [{"offsets": 7}]}), operations(3)
    ([{'op': 'sync'}], [], [])
    """
    ops = trace.get("ops") if isinstance(trace, dict) else None
    return ops if isinstance(ops, list) and all(map(_may_be_one, ops)) else []


def _may_be_one(op: Any) -> bool:
    if not isinstance(op, dict) or not isinstance(op.get("offsets", []), list):
        return False
    often = op.get("fsync")
    return often in (None, "each", "end") or (isinstance(often, int) and often > 0)


def syncs_often(ops: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the operations have an fsync after each write, or each few.

    Examples
    --------
    >>> write = {"op": "write", "path": "f", "offsets": [0, 4096], "length": 1}
    >>> syncs_often([{**write, "fsync": "end"}]), syncs_often([{**write, "fsync": "each"}])
    (False, True)
    """
    often = [op for op in ops if op.get("fsync") not in (None, "end") and len(op.get("offsets", ())) > 1]
    return bool(often) or sum(op.get("op") == "fsync" for op in ops) > 1


def fsyncs(ops: Iterable[Mapping[str, Any]]) -> int:
    """How many fsyncs the operations have.

    Examples
    --------
    >>> write = {"op": "write", "path": "f", "offsets": [0, 4096, 8192], "length": 1}
    >>> [fsyncs([{**write, "fsync": when}, {"op": "fsync", "path": "f"}]) for when in (None, "end", "each", 2)]
    [1, 2, 4, 2]
    """
    found = 0
    for op in ops:
        often, writes = op.get("fsync"), len(op.get("offsets", ()))
        if often == "end":
            found += writes > 0
        elif often is not None:
            found += writes // (1 if often == "each" else often)
        found += op.get("op") == "fsync"
    return found


def pace(row: Row, copied: int) -> float | None:
    """Milliseconds from a write with an fsync to the next, of a row that does nothing else.

    Parameters
    ----------
    row : mapping
        A row with `trace` and `figures`, which usually have ``op_ms``, the time of the operations.
    copied : int
        Bytes that were read to be copied.
    """
    return _of(row, copied, row["figures"])


def least_pace(row: Row, copied: int) -> float | None:
    """The pace of the quickest repetition."""
    found = [_of(row, copied, run) for run in row.get("repetitions") or [row["figures"]]]
    return min((each for each in found if each is not None), default=None)


def _of(row: Row, copied: int, figures: Mapping[str, Any]) -> float | None:
    ops, time = operations(row["trace"]), figures.get("op_ms")
    if copied or not isinstance(time, int | float) or isinstance(time, bool) or not 0 < time < _MOST_MS:
        return None
    if fsyncs(ops) < 2 or not all(op.get("op") in ("write", "append", "fsync") for op in ops):
        return None
    return time / fsyncs(ops)
