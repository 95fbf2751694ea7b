"""Measured rows beside their predictions, figure by figure, each with the demand that it has to meet (`tolerances`).

>>> from snapsim.measure.measurements import load, shipped
>>> row = load(shipped("overlay2-ext4"))["rows"][2]                  # one byte of 64 MiB
>>> for figure in judge(row, "overlay2-ext4").of("data"):
...     print(figure.name, f"{figure.predicted:,} of {figure.measured.median:,}", figure.ok)
data written 67,112,960 of 67,215,360 True
data read 67,108,864 of 67,133,440 True

What it leaves out: the rules for rows of dm-snapshot, dm-thin and ZFS (`trace_figures`), the order of stacks
(`stack_order`), and what all rows say together (`agreement`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from snapsim.base.choose import choose
from snapsim.fidelity.comparison import ComparedTotal, Comparison, Figure, data_figure, metadata_figure
from snapsim.fidelity.fsync_pace import fsyncs, least_pace, operations, pace, syncs_often
from snapsim.fidelity.prediction import Device, Prediction, predict
from snapsim.fidelity.tolerances import EXACT, FSYNC_EACH, METADATA, READS, SPACE, Demand
from snapsim.fidelity.trace_rows import judge_traces, target_of
from snapsim.lab.stacks import STACKS
from snapsim.measure.measurements import Row, label, measured, stack_of


def filesystem_of(stack: str) -> str:
    """The file system of a stack, as `METADATA` calls it.

    Examples
    --------
    >>> filesystem_of("overlay2-xfs-noreflink"), filesystem_of("zfs")
    ('xfs', 'zfs')
    """
    found = re.match(r"\w+", choose(stack, STACKS, "stack").below)
    return found[0] if found else ""


def judge_all(measurement: Mapping[str, Any], place: str = "") -> list[Comparison]:
    """Predict and judge all rows of a measurement that have figures.

    Parameters
    ----------
    measurement : mapping
        As `measurements.load` gives it.
    place : str
        Where the measurement was read, for errors.

    Raises
    ------
    InvalidInput
        A row cannot be carried out, or a figure is no whole number; or there is no model of what was measured.
    """
    rows = measurement["rows"]
    if any("scenario" in row for row in rows):
        return judge_traces(rows, target_of(rows), place or "trace")
    stack = stack_of(measurement, place or "measurement")
    device = device_of(measurement, stack, place)
    return [
        judge(row, stack, number, _at(place, number), device)
        for number, row in enumerate(rows)
        if row.get("figures") and row.get("trace")
    ]


def device_of(measurement: Mapping[str, Any], stack: str, place: str = "") -> Device:
    """The device of a measurement: its size, and how long a write with an fsync takes, if that follows from any row.

    Raises
    ------
    InvalidInput
        A row from which it would follow cannot be carried out.

    Examples
    --------
    >>> from snapsim.measure.measurements import load, shipped
    >>> device = device_of(load(shipped("aufs-ext4")), "aufs-ext4")                # an emulated machine
    >>> device.disk_bytes >> 30, round(device.fsync_ms, 1)
    (2, 4.6)
    """
    size = measurement["header"].get("disk_bytes")
    device = Device(size) if isinstance(size, int) and size > 0 else Device()
    told = (
        least_pace(row, predict(row["trace"], stack, f"{_at(place, number)}.trace", device).copied)
        for number, row in enumerate(measurement["rows"])
        if _timed(row, stack) and least_pace(row, 0) is not None
    )
    return device._replace(fsync_ms=min((each for each in told if each is not None), default=None))


def _timed(row: Row, stack: str) -> bool:
    """Whether the number of clock ticks that pass decides what is written."""
    return (
        bool(row.get("figures"))
        and filesystem_of(stack) in ("ext4", "xfs")
        and fsyncs(operations(row.get("trace"))) > 1
    )


def _at(place: str, number: int) -> str:
    return f"{place}: rows[{number}]" if place else f"rows[{number}]"


def judge(row: Row, stack: str, number: int = 0, place: str = "row", device: Device | None = None) -> Comparison:
    """Predict and judge one row of a stack.

    Parameters
    ----------
    row : mapping
        With `trace`, `figures` and, where there are any, `repetitions` and `snapshots`.
    stack : str
        A name of `snapsim.lab.stacks.STACKS`.
    number : int
        Which row of its measurement it is.
    place : str
        Where the row stands, for errors.
    device : Device, optional
        What `device_of` found of its measurement.

    Raises
    ------
    InvalidInput
        The row cannot be carried out, or a figure is no whole number.
    """
    found = predict(row["trace"], stack, f"{place}.trace", device)
    own = pace(row, found.copied) if _timed(row, stack) else None
    if own is not None:
        found = predict(row["trace"], stack, f"{place}.trace", (device or Device())._replace(fsync_ms=own))
    figures = (*_written(row, stack, place, found), *_read(row, place, found), *_space(row, place, found))
    total = ComparedTotal(found.written.total, found.written.moved, measured(row, "bytes_written", place))
    return Comparison(stack, number, label(row), json.dumps(row["trace"], sort_keys=True), total, figures)


def _written(row: Row, stack: str, place: str, found: Prediction) -> Iterator[Figure]:
    demand = _metadata_demand(row, stack)
    total = measured(row, "bytes_written", place)
    yield data_figure("data written", found.written, total)
    yield metadata_figure("bytes_written", found.written, total, demand)
    if "bytes_written_after_freeze" in row["figures"]:
        total = measured(row, "bytes_written_after_freeze", place)
        yield metadata_figure("bytes_written_after_freeze", found.frozen, total, demand)


def _read(row: Row, place: str, found: Prediction) -> Iterator[Figure]:
    total = measured(row, "bytes_read", place)
    yield data_figure("data read", found.read, total)
    yield Figure("reads", "bytes_read", found.read.total, found.read.moved, total, READS)


def _space(row: Row, place: str, found: Prediction) -> Iterator[Figure]:
    for key, space in (("space_delta", found.space), ("space_delta_after_remount", found.remounted)):
        if key in row["figures"]:
            yield Figure("space", key, space.total, space.data, measured(row, key, place), SPACE)
    if "btrfs_data_used_delta" in row["figures"]:
        told = measured(row, "btrfs_data_used_delta", place)
        yield Figure("data", "btrfs_data_used_delta", found.space.data, found.space.data, told, EXACT)
    for name, own in (row.get("snapshots") or {}).items():
        if isinstance(own, dict) and "btrfs_exclusive" in own and name in found.exclusive:
            told = measured({"figures": own}, "btrfs_exclusive", f"{place}.snapshots.{name}")
            yield Figure("space", f"exclusive {name}", found.exclusive[name], found.exclusive[name], told, SPACE)


def _metadata_demand(row: Row, stack: str) -> Demand:
    filesystem = filesystem_of(stack)
    return FSYNC_EACH if filesystem == "ext4" and syncs_often(row["trace"].get("ops", ())) else METADATA[filesystem]
