"""The bytes that a replay read and wrote, row by row."""

from collections.abc import Mapping, Sequence
from typing import Any

from snapsim.show.tables.table import new_table, show


def replay(found: Sequence[Mapping[str, Any]]) -> None:
    """Bytes by device for each row of a trace."""
    table = new_table("Replay", "row>,scenario,workload,read and written")
    for row in found:
        bytes_ = {
            name: figures
            for name, figures in row["figures"].items()
            if isinstance(figures, dict) and "written_bytes" in figures
        }
        table.add_row(
            str(row["row"]),
            row["scenario"],
            str(row["workload"] or ""),
            "  ".join(f"{name}: {figures['read_bytes']:,} / {_written(figures)}" for name, figures in bytes_.items()),
        )
    show(table)


def _written(figures: Mapping[str, Any]) -> str:
    """Bytes, or from the least to the most where timing decides."""
    least = f"{figures['written_bytes']:,}"
    return f"{least} to {figures['written_bytes_at_most']:,}" if "written_bytes_at_most" in figures else least
