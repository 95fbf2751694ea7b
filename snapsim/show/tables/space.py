"""The table of `tool_totals`: each tool's figures, and below one line for each on how it differs from the book.

What it leaves out: calculation.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .grid import new_table, show
from .units import format_size

_FIGURES = ("images", "containers", "in_all", "unused_images", "stopped_containers")


def tools(rows: Sequence[Mapping[str, Any]], basis: str) -> None:
    """A row for each tool; `basis` says whose rules Docker's are."""
    table = new_table("What each tool says of this state",
                      "tool,images>,containers>,in all>,unused images give back>,stopped containers give back>", basis)
    for row in rows:
        table.add_row(row["tool"], *(_size(row[figure]) for figure in _FIGURES))
    show(table)
    for row in rows:
        sys.stdout.write(f"{row['tool']}: {row['why']}.\n")
    sys.stdout.write("\n")


def _size(size: int | None) -> str:
    return "-" if size is None else format_size(size)
