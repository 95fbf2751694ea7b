"""Who pins which byte: the ledger, the hidden files, and what each tool says of the same state.

What it leaves out: calculation.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from snapsim.base.units import format_size
from snapsim.show.tables.table import new_table, show

_FIGURES = ("images", "containers", "in_all", "unused_images", "stopped_containers")


def tools(rows: Sequence[Mapping[str, Any]], basis: str) -> None:
    """A row for each tool; `basis` says whose rules Docker's are."""
    table = new_table(
        "What each tool says of this state",
        "tool,images>,containers>,in all>,unused images give back>,stopped containers give back>",
        basis,
    )
    for row in rows:
        table.add_row(row["tool"], *(_size(row[figure]) for figure in _FIGURES))
    show(table)
    for row in rows:
        sys.stdout.write(f"{row['tool']}: {row['why']}.\n")
    sys.stdout.write("\n")


def _size(size: int | None) -> str:
    return "-" if size is None else format_size(size)


def why(answer: Mapping[str, Any]) -> None:
    """The ledger of a driver, as `snapsim.docker.who_pins.why` gives it: owners, layers, hidden files."""
    seen = answer["bytes"]
    table = new_table(
        f"Who pins which bytes, on {answer['driver']}: {format_size(answer['allocated'])} in use",
        "kind,name,made by,holds>,alone>,shared>,with>,frees>,du>,Docker's>",
        _WHY.format(
            du=format_size(answer["du"]),
            unseen=format_size(seen["unseen"]),
            rest=format_size(seen["in_no_file"]),
            containers=format_size(answer["prune"]["containers"]),
        ),
    )
    for row in (*answer["owners"], *answer["layers"]):
        sizes = [row["held"], row["exclusive"], row["shared"], row["frees"], row.get("du"), _docker_size(row)]
        cells = ["-" if size is None else format_size(size) for size in sizes]
        cells.insert(3, str(len(row["partners"])))
        table.add_row(row["kind"], _name(row["name"]), _short(row["step"], 22), *cells)
    show(table)
    _hidden(answer["hidden"])


def _docker_size(row: Mapping[str, Any]) -> int | None:
    """For a layer the size that Docker records, for an image its Size, for a container its SizeRw."""
    told: dict[str, int] = {**row, **row.get("docker", {})}
    return told.get("apparent", told.get("Size", told.get("SizeRw")))


_WHY = """\
frees: what removing this one alone gives back; all containers together give {containers}. All du add up to {du}.
Docker's: the size that it recorded for a layer, SIZE of an image, SIZE of a container in docker ps -s.
{unseen} are in files that no image and no container shows, {rest} in no file (the rest of pool blocks, extents)."""


def _hidden(files: Sequence[Mapping[str, Any]]) -> None:
    """Hidden files; and apart from them hard links that a layer broke, whose old data are still visible."""
    unseen = [file for file in files if file["size"]]
    broken = [file for file in files if not file["size"]]
    if unseen:
        _files("Files that occupy space unseen (again: bytes that the hiding layer holds once more, the same)", unseen)
    if broken:
        _files("Hard links that a copy broke (again: bytes that are there twice now)", broken)


def _files(title: str, files: Sequence[Mapping[str, Any]]) -> None:
    table = new_table(title, "file,bytes>,made by,in layer,why,hidden by,again>,seen by")
    for file in files:
        seen_by = ", ".join(file["seen_by"]) or "nobody"
        table.add_row(
            _short(file["path"], 16),
            format_size(file["size"]),
            _short(file["step"], 17),
            _name(file["holder"]),
            _short(file["why"], 20),
            _short(file["hiding_step"], 20),
            format_size(file["again"]),
            _short(seen_by, 16),
        )
    show(table)


def _name(id: str) -> str:
    """A name of up to 18 characters: of an id of 64 digits the first 12, with a mark for an init layer."""
    digits, dash, rest = id.partition("-")
    return f"{digits[:12]}{dash}{rest}" if len(digits) == 64 else _short(id, 18)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
