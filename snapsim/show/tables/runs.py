"""Tables of runs, hosts and drivers for the terminal.

What it leaves out: calculation; each cell is a field of a `Result`, a `Host` or a driver.
"""

import sys
from collections.abc import Sequence

from snapsim.base.units import format_size
from snapsim.lab.result import Result, Run
from snapsim.lab.stacks import USUAL, Assumed
from snapsim.lab.workload import Workload
from snapsim.show.tables.table import new_table, show


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}x" if value >= 100 else f"{value:.3g}x"


def bill(result: Result, workloads: Sequence[Workload], assumed: Assumed = USUAL) -> None:
    """A row for each run, and the assumptions about the disk."""
    for workload in workloads:
        runs = [run for run in result if run.workload == workload.id]
        asked = f"asked to write {format_size(runs[0].asked_to_write)}, to read {format_size(runs[0].asked_to_read)}"
        table = new_table(
            f"{workload.title or workload.id} ({asked})",
            "stack,data>,copy>,other>,written>,x asked>,read>,space>,cache>,seeks>,estimated>",
            _LEGEND.format(device=runs[0].device, assumed=assumed.words),
        )
        for run in runs:
            table.add_row(*_bill_row(run))
        show(table)
        for note in dict.fromkeys(
            f"{run.stack}: {note}" for run in runs for note in run.notes if not note.endswith("ok")
        ):
            sys.stdout.write(note + "\n")


_LEGEND = (  # one paragraph: it flows in tables of any width
    "data: blocks that were asked for; copy: moved because they were shared (both exact, by rule); other: zeros, and "
    "metadata (journals, inodes, directories, bitmaps, trees, maps, by rules of their own; of a ZFS pool's own objects "
    "the least that a group takes, and no intent log; of the file system in a volume of devicemapper none). "
    "space: allocated for data, less freed. cache: file data in memory. "
    "estimated: service time on one {device}, no more than an order of magnitude. "
    "Assumed: {assumed}."
)


def _bill_row(run: Run) -> list[str]:
    written, read = run.record()["written"], run.record()["read"]
    sizes = (written["data"], written["copy"], written["metadata"] + written["zero"], written["total"])
    return [
        run.stack,
        *map(format_size, sizes),
        _times(run.record()["amplification"]["write"]),
        format_size(read["total"]),
        format_size(run.grown),
        format_size(run.page_cache),
        f"{run.seeks:,}",
        f"{run.estimated_ms:,.1f} ms",
    ]
