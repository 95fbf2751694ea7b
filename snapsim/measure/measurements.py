"""Measurements: the shipped ones, and those that `snapsim measure` writes.

A measurement is ``{"header": ..., "rows": [...]}``. A row has the `trace` that was carried out, the `figures` that
were counted, and as a rule all `repetitions`; rows that only observe something (a probe) have no figures.

>>> rows = load(shipped("overlay2-ext4"))["rows"]
>>> label(rows[0]), rows[0]["figures"]["bytes_written"]
('a-modify-1-byte file_mib=1', 1142784)

What it leaves out: what the figures mean, which each header says, and judging them (`fidelity`).
"""

from collections.abc import Mapping
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import load_json
from snapsim.base.shipped import SHIPPED
from snapsim.measure.range import Range, spread

Row = Mapping[str, Any]
FOLDER = SHIPPED / "measured"
"""Where the shipped measurements lie."""
TRACES = ("dm-snapshot", "dm-thin", "zfs")
"""Those that were taken of a target, not of a stack: their rows follow each other on one set of devices."""


def names() -> list[str]:
    """The shipped measurements: stacks, then targets."""
    found = sorted(path.stem for path in FOLDER.glob("*.json"))
    return [name for name in found if name not in TRACES] + [name for name in found if name in TRACES]


def shipped(name: str) -> str:
    """The path of a shipped measurement.

    Examples
    --------
    >>> shipped("qcow2")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: 'qcow2' was not measured: one of aufs-ext4, btrfs, ext4-plain, overlay2-ext4, \
overlay2-ext4-metacopy, overlay2-xfs, overlay2-xfs-noreflink, vfs-ext4, xfs-reflink, dm-snapshot, dm-thin, zfs
    """
    if name not in names():
        raise InvalidInput(f"{name!r} was not measured: one of {', '.join(names())}")
    return str(FOLDER / f"{name}.json")


def load(path: str) -> dict[str, Any]:
    """Read a measurement ("-": standard input).

    Raises
    ------
    InvalidInput
        It cannot be read, is no JSON, or has no header and rows.
    """
    data: dict[str, Any] = load_json(path, path, "a measurement is allowed")
    if not isinstance(data, dict) or not isinstance(data.get("header"), dict):
        raise InvalidInput("is no measurement: an object with 'header' and 'rows' is wanted", path)
    _check_rows(data.get("rows"), path)
    return data


def _check_rows(rows: Any, path: str) -> None:
    if not isinstance(rows, list):
        raise InvalidInput("is no measurement: 'rows' has to be a list", path)
    for number, row in enumerate(rows):
        place = f"{path}: rows[{number}]"
        if not isinstance(row, dict) or not isinstance(row.get("workload"), str):
            raise InvalidInput("is no row: an object with 'workload' is wanted", place)
        for key in ("figures", "params", "snapshots"):
            if not isinstance(row.get(key, {}), dict):
                raise InvalidInput(f"{row[key]!r} is not allowed: an object", f"{place}.{key}")
        repetitions = row.get("repetitions", [])
        if not isinstance(repetitions, list) or not all(isinstance(run, dict) for run in repetitions):
            raise InvalidInput("'repetitions' has to be a list of objects", place)


def stack_of(measurement: Mapping[str, Any], path: str) -> str:
    """The stack that was measured, as its header says.

    Raises
    ------
    InvalidInput
        The header names none.
    """
    name = measurement["header"].get("stack")
    if not isinstance(name, str):
        raise InvalidInput(f"{name!r} is no stack: a name is wanted", f"{path}: header.stack")
    return name


def measured(row: Row, key: str, place: str = "row") -> Range:
    """The range of a figure over the repetitions.

    Raises
    ------
    InvalidInput
        A value that is no whole number, or is missing.
    """
    runs = row.get("repetitions") or [row["figures"]]
    values = [run.get(key) for run in [row["figures"], *runs]]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidInput(f"{value!r} is not allowed: a whole number of bytes", f"{place}.{key}")
    return spread(values[1:], values[0])


def label(row: Row) -> str:
    """A name of the row for tables: the workload and its short parameters, behind the scenario where there is one."""
    told = {key: str(value) for key, value in (row.get("params") or {}).items()}
    params = " ".join(f"{key}={value}" for key, value in told.items() if len(value) <= 24)
    return " ".join(part for part in (row.get("scenario", ""), row["workload"], params) if part)
