"""The generators of workloads, with what each does."""

from collections.abc import Mapping
from typing import Any

from snapsim.show.tables.table import new_table, show


def generators(found: Mapping[str, Any]) -> None:
    """The generators of workloads with the first line of their documentation."""
    table = new_table("snapsim workload NAME [--seed N] [--set KEY=VALUE]", "name,what it does", flow=True)
    for name, generator in found.items():
        table.add_row(name, (generator.__doc__ or "").strip().split("\n")[0])
    show(table)
