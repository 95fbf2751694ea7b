"""Tables of what was measured on a kernel.

What it leaves out: judging it.
"""

from collections.abc import Mapping
from typing import Any

from snapsim.base.units import format_size
from snapsim.show.tables.table import new_table, show


def figures(measurement: Mapping[str, Any]) -> None:
    """A row for each workload of a measurement: medians, and the range of the repetitions where there is one."""
    header = measurement["header"]
    times = f"medians of {header['repetitions']} (lowest to highest)"
    table = new_table(
        f"{header['stack']} measured on Linux {header['kernel']}, {times}",
        "workload,asked>,written>,with what a freeze wrote home>,read>,space>,after remount>",
    )
    for row in measurement["rows"]:
        keys = (
            "logical_bytes",
            "bytes_written",
            "bytes_written_after_freeze",
            "bytes_read",
            "space_delta",
            "space_delta_after_remount",
        )
        table.add_row(row["workload"], *(_cell(row, key) for key in keys))
    show(table)


def traces(measurement: Mapping[str, Any]) -> None:
    """A line for each disk of each row: what it moved between `begin` and `end`."""
    header = measurement["header"]
    table = new_table(
        f"{header['stack']} measured on Linux {header['kernel']}, the middle of {header['repetitions']}",
        "scenario,workload,disk,read>,written>,discarded>",
    )
    for row in measurement["rows"]:
        told = {name: figure for name, figure in row["figures"].items() if _counted(figure)}
        for name, figure in told.items():
            first = (row["scenario"], row["workload"]) if name == next(iter(told)) else ("", "")
            cells = (f"{figure.get(key, 0):,}" for key in ("read_bytes", "written_bytes", "discarded_bytes"))
            table.add_row(*first, name, *cells)
    show(table)


def _counted(figure: Any) -> bool:
    return isinstance(figure, dict) and "written_bytes" in figure


def _cell(row: Mapping[str, Any], key: str) -> str:
    told = [run[key] for run in row["repetitions"]]
    text = format_size(row["figures"][key])
    return text if min(told) == max(told) else f"{text} ({format_size(min(told))} to {format_size(max(told))})"
