"""What commands of a simulated daemon cost: a row for each command and driver, and the story of the last one.

>>> bills([{"Driver": "vfs", "Number": 1, "Command": "exec c touch /f", "Container": "1f", "Story": ["  write vfs 3"],
...         "Bytes": {"write_data": 4096}, "Requests": {"write_data": 1}}])     # doctest: +ELLIPSIS
<BLANKLINE>
  driver  command          read  written   data  copied  metadata  requests
...
  vfs     exec c touch /f   0 B    4 KiB  4 KiB     0 B       0 B         1
<BLANKLINE>
exec c touch /f on vfs
  write vfs 3

What it leaves out: times.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from snapsim.base.units import format_size
from snapsim.show.tables.table import new_table, show
from snapsim.show.terminal import write

_LONGEST = 60


def bills(found: Sequence[Mapping[str, Any]]) -> None:
    """Print bills as a daemon gives them, oldest first."""
    table: Table = new_table("", "driver,command,read>,written>,data>,copied>,metadata>,requests>")
    for bill in found:
        sizes, requests = bill["Bytes"], bill["Requests"]
        cells = [
            _sum(sizes, "read_"),
            _sum(sizes, "write_"),
            *(sum(sizes.get(f"{operation}_{purpose}", 0) for operation in ("read", "write"))
              for purpose in ("data", "copy", "metadata")),
        ]  # fmt: skip
        row = [bill["Driver"], _short(bill["Command"]), *map(format_size, cells), str(sum(requests.values()))]
        table.add_row(*row)
    show(table)
    last = found[-1]
    write(f"{last['Command']} on {last['Driver']}")
    for line in last["Story"]:
        write(line)


def _sum(sizes: Mapping[str, int], start: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(start))


def _short(command: str) -> str:
    return command if len(command) <= _LONGEST else command[: _LONGEST - 1] + "…"
