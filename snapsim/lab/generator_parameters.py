"""The parameters of the generators of workloads, and the decorator that makes a generator of a function.

The generators themselves are in `generators`. A generator is a function whose parameters are described in `PARAMETERS`,
in one table for all generators. The workload that it returns records the generator's name, version and parameters in
`params`. The same parameters always give the same workload: a change to what a generator does raises
`GENERATOR_VERSION`.

What it leaves out: combinations of generators (a workload is a list of operations: add two lists).
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple, ParamSpec

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import Described, Integer, Number, inside
from snapsim.base.units import parse_size
from snapsim.lab.operations import KEYS, LARGEST_SIZE, MOST, FileSpec, Op
from snapsim.lab.workload import Workload

GENERATOR_VERSION = 1

PARAMETERS: Mapping[str, Described] = {
    "seed": Described(Integer(0, (1 << 64) - 1), "of the random numbers"),
    "size": Described(Integer(1, LARGEST_SIZE), "bytes of the file (of each file)"),
    "length": Described(Integer(1, LARGEST_SIZE), "bytes of each write; offsets are multiples of it"),
    "writes": Described(Integer(1, MOST), "how many writes"),
    "fsync": Described(KEYS["fsync"].field, KEYS["fsync"].means),
    "exponent": Described(Number(0, 10), "how skewed: 0 is even, 1 is Zipf's law"),
    "records": Described(Integer(1, MOST), "how many records are appended"),
    "sync_every": Described(Integer(0, MOST), "fsync after so many records; 0: never"),
    "transactions": Described(Integer(1, 10_000), "how many, each ended by fsync"),
    "pages": Described(Integer(1, 10_000), "distinct pages that a transaction overwrites"),
    "packages": Described(Integer(1, 1000), "how many packages are installed"),
    "files": Described(Integer(1, 10_000), "new files of each package or step"),
    "layers": Described(Integer(1, 1000), "how many layers"),
    "containers": Described(Integer(1, 10_000), "how many are started"),
}


class Body(NamedTuple):
    """The part of a workload that a generator makes; `generator` adds id, title and params."""

    layers: tuple[tuple[FileSpec, ...], ...]
    ops: tuple[Op, ...]
    snapshots: tuple[str, ...] = ("s0",)


P = ParamSpec("P")


def generator(function: Callable[P, Body]) -> Callable[P, Workload]:
    """Make a generator of a function: its parameters are checked by `PARAMETERS` and recorded in the workload."""
    signature, name = inspect.signature(function), function.__name__.replace("_", "-")
    title = inspect.getdoc(function) or name

    @wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> Workload:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for key, value in bound.arguments.items():
            bound.arguments[key] = _checked(key, value)
        body = function(*bound.args, **bound.kwargs)
        params = {"generator": name, "generator_version": GENERATOR_VERSION, **bound.arguments}
        return Workload(name, title.splitlines()[0].rstrip("."), params, body.layers, body.snapshots, (), body.ops)

    return made


def _checked(key: str, value: Any) -> Any:
    try:
        return PARAMETERS[key].read(value)
    except InvalidInput as error:
        raise inside(key, error) from None


def from_text(key: str, value: Any) -> Any:
    """A parameter from a command line: a number, a size such as ``64M``, ``null``; a value that is no text stays as it
    is.

    Examples
    --------
    >>> from_text("size", "64M"), from_text("fsync", "end"), from_text("fsync", "4"), from_text("fsync", "null")
    (67108864, 'end', 4, None)
    """
    field = PARAMETERS[key].field
    if isinstance(value, str) and isinstance(field, Integer):
        return parse_size(value, key)
    if isinstance(value, str) and isinstance(field, Number):
        try:
            return float(value)
        except ValueError:
            return value
    if value == "null":
        return None
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value
