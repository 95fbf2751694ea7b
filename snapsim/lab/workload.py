"""The workload file: which files an image holds, which containers run on it, and what they do.

A workload is plain data in JSON, the same file that the measuring harness runs on a real kernel:

    {"id": "...", "title": "...", "params": {...},
     "layers":    [[FILE, ...], ...],   image layers, bottom first
     "snapshots": ["s0", ...],          containers made from the top layer; ["s0"] unless told
     "prepare":   [OP, ...],            done before counting
     "ops":       [OP, ...]}            counted

The operations are those of `operations.OPS`. Parser, JSON Schema (``docs/reference/workload.schema.json``) and the
documentation (``docs/reference/workload.md``) follow from that table.

What it leaves out: whether a path exists and whether a file fits the device: only a driver knows.

>>> w, = parse({"id": "one-byte", "layers": [[{"path": "f", "size": 67108864}]],
...             "ops": [{"op": "write", "path": "f", "offsets": [33554432], "length": 1}]})
>>> w.snapshots, w.ops[0].in_, w.ops[0].logical_bytes
(('s0',), 's0', 1)
>>> parse({"id": "w", "ops": [{"op": "truncate", "path": "../f", "size": 0}]}, "w.json")
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: w.json: ops[0].path: "../f" is not allowed: a path below the root of the \
file system, without "..", ".", empty parts or NUL
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import load_json
from snapsim.base.schema import Anything, Field, ListOf, Named, Record, Text, inside, shown
from snapsim.lab.operations import FILE, KEYS, MOST, NAME, OPERATION, OPS, FileSpec, Op, file_object, op_object

__all__ = [
    "KEYS",
    "OPS",
    "FileSpec",
    "Op",
    "Workload",
    "dump",
    "from_row",
    "keys_table",
    "load",
    "operations_table",
    "parse",
    "schema",
]

MOST_LAYERS = 1000
_LINE = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"


@dataclass(frozen=True)
class Workload:
    """A workload, checked: every snapshot, layer and parent that it names exists at that step.

    Raises
    ------
    InvalidInput
        A name that does not exist, exists already or cannot be used there; more than `MOST` files.
    """

    id: str
    title: str = ""
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    layers: tuple[tuple[FileSpec, ...], ...] = ()
    snapshots: tuple[str, ...] = ()
    prepare: tuple[Op, ...] = ()
    ops: tuple[Op, ...] = ()

    def __post_init__(self) -> None:
        _check_steps(
            [
                *_image_steps(self),
                *((f"prepare[{i}]", op) for i, op in enumerate(self.prepare)),
                *((f"ops[{i}]", op) for i, op in enumerate(self.ops)),
            ]
        )

    def image_ops(self) -> tuple[Op, ...]:
        """Its layers and snapshots, spelt out as ``layer`` and ``snapshot`` operations.

        Examples
        --------
        >>> w = Workload("w", layers=((FileSpec("f", 4096),),), snapshots=("s0", "s1"))
        >>> [(op.op, op.name, op.parent) for op in w.image_ops()]
        [('layer', 'layer0', None), ('snapshot', 's0', 'layer0'), ('snapshot', 's1', 'layer0')]
        """
        return tuple(op for _, op in _image_steps(self))


def _image_steps(workload: Workload) -> Iterator[tuple[str, Op]]:
    top = None
    for number, files in enumerate(workload.layers):
        yield f"layers[{number}]", Op("layer", name=f"layer{number}", parent=top, files=files)
        top = f"layer{number}"
    for number, name in enumerate(workload.snapshots):
        yield f"snapshots[{number}]", Op("snapshot", name=name, parent=top)


def _check_steps(steps: list[tuple[str, Op]]) -> None:
    states: dict[str, str] = {}
    files = 0
    for place, op in steps:
        try:
            _check_names(op, states)
        except InvalidInput as error:
            raise inside(place, error) from None
        files += op.files_made
        if files > MOST:
            raise InvalidInput(f"{files} files so far are not allowed: a workload makes up to {MOST}", place)


def _check_names(op: Op, states: dict[str, str]) -> None:
    """Check that the names of one step exist, and record the names that the step creates or removes."""
    if op.op in ("layer", "snapshot"):
        if op.name in states:
            raise InvalidInput(f"{shown(op.name)} exists already: a {states[op.name]}", "name")
        if op.parent is not None:
            _need(op.parent, "parent", states, ("layer", "sealed snapshot"))
        states[op.name] = op.op
    elif op.op == "seal":
        _need(op.name, "name", states, ("snapshot",))
        states[op.name] = "sealed snapshot"
    else:
        _need(op.in_, "in", states, ("snapshot",))


def _need(name: str, key: str, states: dict[str, str], kinds: tuple[str, ...]) -> None:
    if (state := states.get(name)) not in kinds:
        known = [other for other, kind in states.items() if kind in kinds]
        is_what = f"is a {state}" if state else "does not exist"
        listed = ", ".join(known[:10]) or "none so far"
        raise InvalidInput(f"{shown(name)} {is_what}: a {' or a '.join(kinds)} is needed ({listed})", key)


def _make(keys: dict[str, Any]) -> Workload:
    keys.setdefault("snapshots", ("s0",) if keys.get("layers") else ())
    return Workload(**keys)


_STEPS = ListOf(OPERATION, MOST)
_OPTIONAL: Mapping[str, Field] = {
    "title": Text(f"{_LINE}*", 1000, "one line of up to 1000 bytes"),
    "params": Anything(),
    "layers": ListOf(ListOf(FILE, MOST), MOST_LAYERS),
    "snapshots": ListOf(NAME, MOST),
    "prepare": _STEPS,
}
_REQUIRED: Mapping[str, Field] = {"id": Text(f"{_LINE}+", 200, "one line of 1 to 200 bytes"), "ops": _STEPS}
WORKLOAD = Named("workload", Record("a workload", _REQUIRED, _OPTIONAL, _make))
_WORKLOADS = ListOf(WORKLOAD, 10_000, shortest=1)


def parse(data: object, place: str = "") -> list[Workload]:
    """Workloads from JSON values: one object, or a list of them.

    Parameters
    ----------
    data : object
        What ``json.load`` returned.
    place : str, optional
        The file, named in errors.

    Raises
    ------
    InvalidInput
        Something that is not allowed, with its place, such as ``w.json: [0].ops[3].offsets[2]``.
    """
    try:
        if isinstance(data, dict):
            return [WORKLOAD.read(data)]
        return list(_WORKLOADS.read(data))
    except InvalidInput as error:
        raise InvalidInput(error.problem, ": ".join(part for part in (place, error.place) if part)) from None


def load(path: str) -> list[Workload]:
    """Workloads from a file, or from standard input for ``-``; errors as `parse`, and those of reading."""
    place = "standard input" if path == "-" else path
    return parse(load_json(path, place, "a readable workload file (JSON) is allowed"), place)


def from_row(row: Mapping[str, Any], place: str = "") -> Workload:
    """The workload of one row of a measurement (``workload``, ``title``, ``params`` and the ``trace`` that was run)."""
    keys = {"id": row.get("workload"), "title": row.get("title", ""), "params": row.get("params", {})}
    trace = row.get("trace")
    if not isinstance(trace, dict):
        raise InvalidInput(f"{shown(trace)} is not allowed: an object with the operations", place or "trace")
    return parse({**keys, **trace}, place)[0]


def dump(workloads: Sequence[Workload]) -> str:
    """JSON text that `parse` and the measuring harness read: a list, one file or operation a line.

    Examples
    --------
    >>> print(dump([Workload("w", layers=((FileSpec("f", 1),),), snapshots=("s0",), ops=(Op("unlink", "f"),))]), end="")
    [{"id": "w", "title": "", "params": {}, "snapshots": ["s0"],
      "layers": [
       [{"path": "f", "size": 1}]],
      "prepare": [],
      "ops": [
       {"op": "unlink", "path": "f"}]}]
    """
    return "[" + ",\n ".join(_text(workload) for workload in workloads) + "]\n"


def _text(workload: Workload) -> str:
    head = {key: getattr(workload, key) for key in ("id", "title", "params", "snapshots")}
    lists: dict[str, list[Any]] = {
        "layers": [[file_object(file) for file in files] for files in workload.layers],
        "prepare": [op_object(op) for op in workload.prepare],
        "ops": [op_object(op) for op in workload.ops],
    }
    return json.dumps(head)[:-1] + "".join(f',\n  "{key}": {_lines(items)}' for key, items in lists.items()) + "}"


def _lines(items: Sequence[object]) -> str:
    return "[" + ",".join(f"\n   {json.dumps(item)}" for item in items) + "]"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a workload file, as ``docs/reference/workload.schema.json`` holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "snapsim workload",
        "description": "One workload or a list of them: layers and snapshots to make, operations to run.",
        "anyOf": [WORKLOAD.schema(), _WORKLOADS.schema()],
        "$defs": {named.name: named.field.schema() for named in (WORKLOAD, OPERATION, FILE)},
    }


def operations_table() -> str:
    """The operations as a table in Markdown, as ``docs/reference/workload.md`` holds it."""
    rows = ["| operation | keys | optional | what it does |", "|---|---|---|---|"]
    for name, row in OPS.items():
        keys, optional = (", ".join(f"`{key}`" for key in text.split()) for text in (row.required, row.optional))
        rows.append(f"| `{name}` | {keys} | {optional} | {row.does} |")
    return "\n".join(rows) + "\n"


def keys_table() -> str:
    """The keys of operations as a table in Markdown, as ``docs/reference/workload.md`` holds it."""
    rows = (f"| `{key}` | {row.means} |\n" for key, row in KEYS.items())
    return "| key | what it is |\n|---|---|\n" + "".join(rows)
