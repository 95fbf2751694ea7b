"""Docker's rows, one by one: an image, a container, a layer, a history step, a status pair.

Each function takes one JSON object, of the Engine API or of the command line's ``--format json``, and gives the plain
data of `host`. The API tells bytes and -1 for "not worked out"; the command line prints ``38.8MB`` and ``N/A``.
Shapes: moby ``api/types``, docker/cli ``cli/command/formatter``.

LEAVES OUT: which output a row stands in (`reading` knows).
"""

import re
from collections.abc import Sequence

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import LARGEST, Table
from snapsim.base.schema import join
from snapsim.hosts.host import ContainerSize, HistorySize, ImageSize, LayerSize, TimelineStep, UsageTotals
from snapsim.hosts.sizes import Size, bound, printed_difference, printed_size

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VIRTUAL = re.compile(r"(.*?) \(virtual (.*)\)")


def pair(table: Table, number: int, value: object) -> tuple[str, str]:
    """One pair of ``DriverStatus``, both text."""
    if not (isinstance(value, list) and len(value) == 2):
        raise table.wrong(value, "a pair of a key and a value, both text", f"DriverStatus[{number}]")
    row = Table({"[0]": value[0], "[1]": value[1]}, table.file, join(table.path, f"DriverStatus[{number}]"))
    return row.text("[0]"), row.text("[1]")


def image(row: Table) -> ImageSize:
    """An image of ``/system/df``, ``/images/json``, ``docker system df -v`` or a capture."""
    return ImageSize(
        _tag(row),
        size(row, "Size"),
        size(row, "SharedSize"),
        count(row, "Containers"),
        row.text("Id") or row.text("ID"),
        size(row, "UniqueSize"),
        _layers(row),
        tuple(_history_step(step) for step in reversed(row.rows("History"))),
        "U" in row.text("Extra").split() if row.has("Extra") else None,
        tuple(Table({"RepoTags": tag}, row.file, row.path).text("RepoTags") for tag in row.items("RepoTags")[1:]),
    )


def _tag(row: Table) -> str:
    tags = row.items("RepoTags")
    if tags:
        return Table({"RepoTags[0]": tags[0]}, row.file, row.path).text("RepoTags[0]")
    if row.has("Reference"):  # docker images since 29: NAME@DIGEST
        return row.text("Reference")
    return f"{row.text('Repository', '<none>')}:{row.text('Tag', '<none>')}"


def _layers(row: Table) -> tuple[str, ...]:
    layers = row.items("Layers")
    for number, digest in enumerate(layers):
        if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
            raise row.wrong(digest, "a DiffID, sha256: and 64 hexadecimal digits", f"Layers[{number}]")
    added = [step for step in row.rows("History") if size(step, "Size")]
    if layers and len(added) > len(layers):
        problem = f"{len(added)} steps of the history added bytes, but {len(layers)} layers are named: one is missing"
        raise InvalidInput(problem, ": ".join(place for place in (row.file, row.path) if place))
    return tuple(layers)


def _history_step(row: Table) -> HistorySize:
    created_by = row.value.get("CreatedBy") or ""
    if not isinstance(created_by, str):
        raise row.wrong(created_by, "text", "CreatedBy")
    return HistorySize(one_line(created_by), size(row, "Size") or 0)


def one_line(text: str) -> str:
    r"""Text of several lines, with tabs and colours, as one printable line.

    Examples
    --------
    >>> one_line("RUN make \t&&\n  make install")
    'RUN make && make install'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def agree(images: Sequence[ImageSize], place: str) -> None:
    """Check that layers which are one and the same (equal DiffIDs from the bottom up) have one size.

    Raises
    ------
    InvalidInput
        Two images give two sizes; names both.
    """
    known: dict[tuple[int, str], tuple[int, Size, str]] = {}
    for each in images:
        chain = 0  # a layer is known by its parent and its DiffID, as a ChainID is made
        for digest, told in zip(each.layers, each.layer_sizes or (), strict=False):
            chain, first, owner = known.setdefault((chain, digest), (len(known) + 1, told, each.tag))
            if first != told:
                where = f"{each.tag} and {owner} share the layer {digest[:19]}"
                raise InvalidInput(f"{where}, but it has {told} bytes in one and {first} in the other", place)


def lacks_owner(images: Sequence[ImageSize]) -> bool:
    """Does an image share more than the others of the list share, so that one that shares with it is not listed?"""
    once = {image.id or number: bound(image.shared) for number, image in enumerate(images)}
    highs = [each.high for each in once.values() if each.high is not None]
    return len(highs) == len(once) and any(each.low + (each.high or 0) > sum(highs) for each in once.values())


def container(row: Table) -> ContainerSize:
    """A container of ``/system/df``, ``/containers/json?size=1``, ``docker ps -s`` or ``docker system df -v``."""
    names = row.value.get("Names")
    if isinstance(names, list):
        row = Table({**row.value, "Names": names[0] if names else ""}, row.file, row.path)
    size_rw, root_fs = _container_sizes(row)
    ids = row.text("Id") or row.text("ID"), row.text("ImageID")
    return ContainerSize(row.text("Names").lstrip("/"), row.text("Image"), size_rw, root_fs, row.text("State"), *ids)


def _container_sizes(row: Table) -> tuple[Size | None, Size | None]:
    """SizeRw and SizeRootFs; the API omits a SizeRw of zero, and both sizes when it was not asked for them (size=1)."""
    printed = row.value.get("Size")
    both = _VIRTUAL.fullmatch(printed) if isinstance(printed, str) else None
    if both:
        split = Table({"Size": both[1], "virtual Size": both[2]}, row.file, row.path)
        return size(split, "Size"), size(split, "virtual Size")
    size_rw, root_fs = size(row, "Size" if row.has("Size") else "SizeRw"), size(row, "SizeRootFs")
    return 0 if size_rw is None and root_fs is not None else size_rw, root_fs


def size(row: Table, key: str) -> Size | None:
    """Bytes as the API gives them (-1: not worked out), or as the command line prints them (``38.8MB``, ``N/A``)."""
    value = row.value.get(key)
    if value in (-1, "N/A", ""):
        return None
    if isinstance(value, str):
        place = ": ".join(part for part in (row.file, join(row.path, key)) if part)
        return printed_size(value, place=place)
    return row.whole(key)


def totals(row: Table, count_key: str, active_key: str, size_key: str, reclaimable_key: str) -> UsageTotals:
    """A line of ``docker system df``, under the keys that its command line or its API has."""
    return UsageTotals(count(row, count_key), count(row, active_key), size(row, size_key), _gain(row, reclaimable_key))


def _gain(row: Table, key: str) -> Size | None:
    """What is "reclaimable": ``11.63MB (70%)``, or a number that may be negative."""
    value = row.value.get(key)
    if value in ("", "N/A"):
        return None
    if isinstance(value, str):
        place = ": ".join(part for part in (row.file, join(row.path, key)) if part)
        return printed_difference(re.sub(r" ?\(-?\d+%\)$", "", value), place)
    return row.whole(key, -LARGEST)


def cache_record(row: Table) -> Table:
    """A row of the build cache in ``docker system df -v``, which marks what a build uses with a star, as the API has
    it."""
    told = {
        "Size": row.value.get("Size"),
        "InUse": row.text("ID").endswith("*"),
        "Shared": row.text("Shared") == "true",
    }
    return Table(told, row.file, row.path)


def cache(rows: Sequence[Table]) -> UsageTotals:
    """What the records of the build cache add up to; one that is shared has the bytes of an image's layer."""
    sizes = [(size(row, "Size"), row.value.get("InUse") is True) for row in rows if row.value.get("Shared") is not True]
    told = [(bytes, used) for bytes, used in sizes if bytes is not None]
    everything, unused = sum(bytes for bytes, _ in told), sum(bytes for bytes, used in told if not used)
    active = sum(row.value.get("InUse") is True for row in rows)
    return UsageTotals(len(rows), active, everything, unused) if len(told) == len(sizes) else UsageTotals(len(rows))


def count(row: Table, key: str) -> int | None:
    """How many; the command line prints numbers as text."""
    value = row.value.get(key)
    if value in (-1, "N/A", ""):
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value, re.ASCII):
        return int(value)
    return row.whole(key)


def layer(row: Table) -> LayerSize:
    """A layer of a capture: its recorded size, and every other key a figure of the driver's own tools."""
    names = [key for key in row.value if key not in ("role", "name", "size_recorded")]
    for name in names:
        Table({"a figure's name": name}, row.file, row.path).text("a figure's name")
    figures = ((name, row.whole(name)) for name in names)
    return LayerSize(
        row.text("role"),
        row.text("name"),
        row.whole("size_recorded"),
        tuple((name, figure) for name, figure in figures if figure is not None),
    )


def step(row: Table) -> TimelineStep:
    """A step of a capture's timeline."""
    return TimelineStep(
        row.text("step"),
        row.whole("space_delta", -LARGEST) or 0,
        row.whole("bytes_written") or 0,
        row.whole("bytes_read") or 0,
    )
