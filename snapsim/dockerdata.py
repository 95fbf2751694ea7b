"""What a real Docker host says about its storage, to stand beside what the simulator says.

The input is text that Docker printed; its SDK is not imported.

Read are the bodies of the Engine API (``GET /info``, ``/system/df``, ``/containers/json?size=1``, ``/images/json``),
the JSON of the command line (``docker info --format '{{json .}}'``, ``docker system df [-v] --format json``), and
captures: several of these in one object. Outputs of the command line may also stand one after the other in one file.
Ten captures ship in ``snapsim/data/hosts/``; its README says how they were taken.
Shapes: moby ``api/types``, docker/cli ``cli/command/formatter/disk_usage.go``.

LEAVES OUT: volumes and build cache, and talking to a daemon.
"""

import os
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from .errors import InvalidInput
from .fields import join, shown
from .host import ContainerSize, Host, ImageSize, LayerSize, Step, status_block
from .jsonfile import LARGEST, Table, parse_json, read_bytes

__all__ = ["ContainerSize", "Host", "ImageSize", "LayerSize", "Step",
           "captures", "load_host", "parse_host", "status_block"]

_ALLOWED = ("docker info, docker system df, GET /info, /system/df, /containers/json or /images/json, "
            "or a capture with the key 'info' or 'system_df'")
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_Fields = dict[str, Any]


def captures() -> tuple[str, ...]:
    """Names of the shipped captures of real hosts.

    Examples
    --------
    >>> captures()[:3]
    ('aufs', 'btrfs', 'devicemapper')
    """
    return tuple(sorted(path.name[:-5] for path in _shipped().iterdir() if path.name.endswith(".json")))


def load_host(path_or_name: str | os.PathLike[str], place: str = "") -> Host:
    """Read a host from a shipped capture, a file, or standard input.

    Parameters
    ----------
    path_or_name : str or path
        One of `captures()`, else a file (``./overlay2`` for a file with a shipped name), or ``-``.
    place : str, optional
        Put before the file's name in errors, such as ``--host``.

    Raises
    ------
    InvalidInput
        The file cannot be read, or does not hold what Docker prints; names the file and the key.

    Examples
    --------
    >>> load_host("vfs").status, load_host("vfs").scenario_space
    ((), 531267584)
    >>> load_host("no-such-file")
    Traceback (most recent call last):
    snapsim.errors.InvalidInput: no-such-file: No such file or directory: a file, '-', or one of aufs, btrfs, \
devicemapper, devicemapper-direct-lvm, fuse-overlayfs, overlay2, overlay2-xfs, vfs, vfs-xfs, zfs
    """
    name = os.fspath(path_or_name)
    printed = name if name.isprintable() else ascii(name)
    file = f"{place} {printed}".strip()
    label = "stdin" if name == "-" else os.path.splitext(os.path.basename(printed))[0]
    return parse_host(_read(name, file), label, file)


def parse_host(raw: bytes, label: str, file: str = "") -> Host:
    """The host that Docker's output describes.

    Parameters
    ----------
    raw : bytes
        JSON, or one JSON object a line, in UTF-8 or UTF-16 (a shell on Windows).
    label : str
        The host's name, unless the capture has one.
    file : str, optional
        Named in errors.

    Raises
    ------
    InvalidInput
        It is none of the shapes that the module lists, or a value has another type than Docker gives it.

    Examples
    --------
    >>> parse_host(b'{"Driver": "vfs", "DriverStatus": null}', "mine").driver
    'vfs'
    >>> parse_host(b'{"Driver": "vfs", "Images": -3}', "mine", "info.json")
    Traceback (most recent call last):
    snapsim.errors.InvalidInput: info.json: Images: -3 is not a whole number from 0 to 9223372036854775807
    """
    fields = _fields(parse_json(raw, file), file)
    return Host(**{"name": label, "origin": f"read from {file or label}", **fields})


def _shipped() -> Traversable:
    return files(__package__).joinpath("data", "hosts")


def _read(name: str, file: str) -> bytes:
    shipped = captures()
    if name in shipped:
        return _shipped().joinpath(f"{name}.json").read_bytes()
    return read_bytes(name, file, f"a file, '-', or one of {', '.join(shipped)}")


def _fields(value: Any, file: str) -> _Fields:
    """The fields of `Host` that any of the shapes gives."""
    if isinstance(value, list):
        return _listing([Table(row, file, f"[{number}]") for number, row in enumerate(value)], file)
    return _object(Table(value, file))


def _object(table: Table) -> _Fields:
    if table.has("info", "system_df"):
        return _capture(table)
    if table.has("Driver", "ServerErrors"):
        return _info(table)
    if table.has("LayersSize", "ImageUsage", "ContainerUsage") or isinstance(table.value.get("Images"), list):
        return _system_df(table)
    raise table.wrong(table.value, f"known to be Docker's: allowed are {_ALLOWED}")


def _listing(rows: list[Table], file: str) -> _Fields:
    """An array or several values: containers, images, totals of ``docker system df``; ``info`` may be among them."""
    info, others = [row for row in rows if row.has("Driver")], [row for row in rows if not row.has("Driver")]
    if info and others:
        return _merge(_listing(others, file), _info(info[-1]))
    if rows and all(row.has("TotalCount") for row in rows):
        return _totals({row.text("Type"): row for row in rows})
    if rows and all(row.has("Names") for row in rows):
        return {"container_sizes": tuple(map(_container, rows)), "containers": len(rows), "rounded": _rounded(rows)}
    if rows and all(row.has("RepoTags", "Repository") for row in rows):
        return {"image_sizes": tuple(map(_image, rows)), "images": len(rows), "rounded": _rounded(rows)}
    if len(rows) == 1:
        return _object(rows[0])
    raise InvalidInput(f"a list that is not of containers (Names), images (RepoTags) or totals (TotalCount): "
                       f"allowed are {_ALLOWED}", file)


def _capture(table: Table) -> _Fields:
    parts = [_listing(table.rows(key), table.file) for key in ("containers", "images") if table.items(key)]
    parts += [read(table.table(key)) for key, read in (("system_df", _system_df), ("info", _info)) if table.has(key)]
    own = {key: table.text(key) for key in ("name", "origin", "backing_filesystem")}
    disk = {"layers": tuple(map(_layer, table.rows("layers"))), "timeline": tuple(map(_step, table.rows("timeline")))}
    return _merge(*parts, own, disk)


def _merge(*parts: _Fields) -> _Fields:
    """What several outputs tell together; a later one wins, unless it does not know.

    ``docker info`` comes last: it counts intermediate images too, where listings have only those with a tag.
    """
    known = {key: value for part in parts for key, value in part.items() if value not in (None, "", ())}
    return known | {"rounded": any(part.get("rounded") for part in parts)}


def _info(table: Table) -> _Fields:
    if table.items("ServerErrors"):
        raise InvalidInput(f"no daemon answered docker info: {shown(table.items('ServerErrors')[0])}", table.file)
    if not table.text("Driver"):
        raise table.wrong(table.text("Driver"), "the name of a storage driver", "Driver")
    status = tuple(_pair(table, number, pair) for number, pair in enumerate(table.items("DriverStatus")))
    return {"driver": table.text("Driver"), "status": status, "root": table.text("DockerRootDir"),
            "server_version": table.text("ServerVersion"), "kernel": table.text("KernelVersion"),
            "operating_system": table.text("OperatingSystem"), "images": table.whole("Images"),
            "containers": table.whole("Containers"), "backing_filesystem": dict(status).get("Backing Filesystem", "")}


def _pair(table: Table, number: int, pair: object) -> tuple[str, str]:
    if not (isinstance(pair, list) and len(pair) == 2):
        raise table.wrong(pair, "a pair of a key and a value, both text", f"DriverStatus[{number}]")
    row = Table({"[0]": pair[0], "[1]": pair[1]}, table.file, join(table.path, f"DriverStatus[{number}]"))
    return row.text("[0]"), row.text("[1]")


def _system_df(table: Table) -> _Fields:
    """Up to API 1.51 lists beside ``LayersSize``, later a table of totals and ``Items`` for each kind."""
    images = table.rows("Images") or table.table("ImageUsage").rows("Items")
    containers = table.rows("Containers") or table.table("ContainerUsage").rows("Items")
    usage = table.table("ImageUsage")
    layers_size = table.whole("LayersSize")
    return {"image_sizes": tuple(map(_image, images)), "container_sizes": tuple(map(_container, containers)),
            "images": usage.whole("TotalCount") or len(images),
            "containers": table.table("ContainerUsage").whole("TotalCount") or len(containers),
            "layers_size": usage.whole("TotalSize") if layers_size is None else layers_size,
            "rounded": _rounded(images + containers)}


def _totals(kinds: dict[str, Table]) -> _Fields:
    return {"images": _number(kinds.get("Images"), "TotalCount"), "layers_size": _number(kinds.get("Images"), "Size"),
            "containers": _number(kinds.get("Containers"), "TotalCount"), "rounded": True}


def _rounded(rows: list[Table]) -> bool:
    return any(isinstance(row.value.get("Size"), str) for row in rows)


def _image(row: Table) -> ImageSize:
    tags = row.items("RepoTags")
    tag = Table({"RepoTags[0]": tags[0]}, row.file, row.path).text("RepoTags[0]") if tags else \
        f"{row.text('Repository', '<none>')}:{row.text('Tag', '<none>')}"
    return ImageSize(tag, _number(row, "Size"), _number(row, "SharedSize"), _number(row, "Containers"))


def _container(row: Table) -> ContainerSize:
    names = row.value.get("Names")
    if isinstance(names, list):
        row = Table({**row.value, "Names": names[0] if names else ""}, row.file, row.path)
    # The API omits a SizeRw of zero, and both sizes when it was not asked for them (size=1).
    size_rw = _number(row, "SizeRw" if not row.has("Size") else "Size")
    root_fs = _number(row, "SizeRootFs")
    return ContainerSize(row.text("Names").lstrip("/"), row.text("Image"),
                         0 if size_rw is None and root_fs is not None else size_rw, root_fs, row.text("State"))


def _number(row: Table | None, key: str) -> int | None:
    """A number as the API gives it (-1: not worked out), or as the command line prints it (``38.8MB``, ``N/A``)."""
    value = row.value.get(key) if row else None
    if row is None or value in (-1, "N/A", ""):
        return None
    match = re.match(r"(\d{1,18}(?:\.\d{1,9})?) ?([kMGTP]?B)?(?: \(|\Z)", value, re.ASCII) \
        if isinstance(value, str) else None
    if not match:
        return row.whole(key)
    size = round(float(match[1]) * 1000 ** _UNITS.index(match[2] or "B"))
    return Table({key: size}, row.file, row.path).whole(key)


def _layer(row: Table) -> LayerSize:
    names = [key for key in row.value if key not in ("role", "name", "size_recorded")]
    for name in names:
        Table({"a figure's name": name}, row.file, row.path).text("a figure's name")
    figures = ((name, row.whole(name)) for name in names)
    return LayerSize(row.text("role"), row.text("name"), row.whole("size_recorded"),
                     tuple((name, figure) for name, figure in figures if figure is not None))


def _step(row: Table) -> Step:
    return Step(row.text("step"), row.whole("space_delta", -LARGEST) or 0,
                row.whole("bytes_written") or 0, row.whole("bytes_read") or 0)
