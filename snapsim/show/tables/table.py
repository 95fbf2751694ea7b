"""One table on the terminal: its columns, its width.

What it leaves out: what stands in it.
"""

import shutil
import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_NARROW, _WIDE = 126, 160  # a table is cut below, and its text flows up to


def show(table: Table) -> None:
    """Print a table."""
    wide = min(max(shutil.get_terminal_size((120, 24)).columns, _NARROW), _WIDE)
    Console(file=sys.stdout, width=wide, highlight=False, markup=False, emoji=False).print(table)


def new_table(title: str, columns: str, caption: str = "", flow: bool = False) -> Table:
    """A table with these columns, separated by commas; ">" ends the name of a column of numbers; `flow` folds text."""
    table = Table(
        title=title,
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        title_style="bold",
        caption_style="",
    )
    for name in columns.split(","):
        table.add_column(
            name.rstrip(">").strip(),
            justify="right" if name.endswith(">") else "left",
            no_wrap=not flow,
            overflow="fold",
        )
    return table
