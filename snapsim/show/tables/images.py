"""Tables of an image for the terminal; the record is that of `snapsim.images.report`.

What it leaves out: calculation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from snapsim.base.units import format_size
from snapsim.images.archives.names import printable
from snapsim.show.tables.table import new_table, show

_SIZES = ("packed", "stored", "new", "rewritten", "again", "copied", "hides", "unseen")
_LAYERS = """\
new, rewritten: files under a new name, and under one that layers below show (again: bytes that are equal there).
copied: new files with the bytes of another file. hides: bytes of lower layers. unseen: its own that are hidden now."""


def image(answer: Mapping[str, Any]) -> None:
    """Layers, efficiency, and the largest hidden files."""
    name = ", ".join(answer["names"]) or answer["id"].partition(":")[2][:12]
    table = new_table(
        f"{name}: {format_size(answer['stored'])} in {len(answer['layers'])} layers, "
        f"{format_size(answer['unseen'])} of it unseen",
        f"layer>,made by,{'>,'.join(_SIZES)}>",
        _LAYERS,
    )
    for number, layer in enumerate(answer["layers"]):
        table.add_row(str(number), short(layer["created_by"], 24), *(format_size(layer[key]) for key in _SIZES))
    show(table)
    _efficiency(answer)
    _hidden(answer)


def _efficiency(answer: Mapping[str, Any]) -> None:
    found, dive = answer["efficiency"], answer["efficiency"]["dive"]
    table = new_table("Efficiency", "measure,value>,bytes unseen>,what it means", flow=True)
    table.add_row(
        "bytes that are seen",
        f"{found['seen']:.1%}",
        format_size(answer["unseen"]),
        "of all bytes of files in all layers",
    )
    table.add_row(
        "dive's score",
        f"{dive['score']:.1%}",
        format_size(dive["waste"]),
        "for each path, the smallest of its sizes over the sum of them",
    )
    for cause, size in found["causes"].items():
        table.add_row(f"  {cause}", "", f"{'+' if size > 0 else ''}{format_size(size)}", _CAUSES[cause])
    table.add_row(
        "dive's wasted space",
        "",
        format_size(dive["wasted_space"]),
        "all sizes of paths that come twice: the copy that is seen, too",
    )
    table.add_row(
        "attributes only",
        "",
        format_size(answer["attributes_only"]),
        "of the bytes unseen: chmod, chown or touch copied them, they are stored twice and equal",
    )
    show(table)


_CAUSES = {
    "gone with a directory": "one whiteout of a directory, or an opaque mark: dive does not count what was in it",
    "grew": "the smallest version is not the one that is seen",
    "came back after a whiteout": "dive counts the version that is seen as waste, too",
    "hard links": "0 bytes in one layer, the file in another: dive counts the path, not the file",
    "other": "one name as a file and as a directory, or twice in a layer",
}


def _hidden(answer: Mapping[str, Any]) -> None:
    files, every = answer["hidden"], answer["hidden_files"]
    table = new_table(f"The largest of {every:,} files that are stored and not seen", "path,bytes>,in>,why,by,which is")
    for file in files:
        table.add_row(
            short(file["path"], 48, True),
            format_size(file["size"]),
            str(file["layer"]),
            short(file["why"], 26),
            str(file["hider"]),
            short(file["hidden_by"], 26),
        )
    if files:
        show(table)


def trials(names: Sequence[str], containers: int, records: Sequence[Mapping[str, Any]]) -> None:
    """The space of images on each stack, as `snapsim.docker.image_trial` measured it by applying their layers."""
    first = records[0]["first_write"]
    table = new_table(
        f"{', '.join(names)} on each stack, with {containers} container{'s' * (containers != 1)} of each",
        "stack,images>,containers>,cache>,first write reads>,writes>,prune frees>,with images>",
        _TRIALS.format(path=printable(first["path"]), size=format_size(first["size"])),
    )
    for record in records:
        first = record["first_write"]
        table.add_row(
            record["stack"],
            *map(
                format_size,
                (
                    record["images"],
                    record["containers"],
                    record["cache"],
                    first["read"],
                    first["written"],
                    record["prune"],
                    record["prune_all"],
                ),
            ),
        )
    show(table)


_TRIALS = """\
first write: one byte of {path}, the largest file ({size}), in a new container.
images, containers: bytes of files on the disk, exact. cache: in memory, once all containers have read all their files.
prune frees: all containers after that write; with images: everything."""


def short(text: str, most: int, end: bool = False) -> str:
    """Shorten a text to so many characters, from its start or its end.

    Examples
    --------
    >>> short("RUN apt-get clean", 8), short("/usr/share/doc/f", 6, end=True)
    ('RUN apt…', '…doc/f')
    """
    if len(text) <= most:
        return text
    return "…" + text[1 - most :] if end else text[: most - 1] + "…"
