"""What a real Docker host says about its storage, to stand beside what the simulator says.

The input is what Docker printed; its SDK is not imported.

Read are the bodies of the Engine API (``GET /info``, ``/system/df``, ``/containers/json?size=1``, ``/images/json``),
the JSON of the command line (``docker info --format '{{json .}}'``, ``docker system df [-v] --format json``), and
captures: several of these in one object. Outputs of the command line may also stand one after the other in one file.
Text as people paste it is read by `docker_text`; sizes that Docker printed rounded stay intervals.
Ten captures ship in ``snapsim/data/hosts/``; its README says how they were taken.
Shapes: moby ``api/types``, docker/cli ``cli/command/formatter/disk_usage.go``.

LEAVES OUT: volumes and build cache, and talking to a daemon.
"""

import os
from pathlib import Path
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table, parse_json, read_bytes
from snapsim.base.schema import shown
from snapsim.base.shipped import SHIPPED
from snapsim.hosts import api_rows as docker_rows
from snapsim.hosts import pasted_text as docker_text
from snapsim.hosts.host import ContainerSize, Host, ImageSize, LayerSize, Step, status_block

__all__ = [
    "ContainerSize",
    "Host",
    "ImageSize",
    "LayerSize",
    "Step",
    "captures",
    "load_host",
    "parse_host",
    "status_block",
]

_ALLOWED = (
    "docker info, docker system df, GET /info, /system/df, /containers/json or /images/json, "
    "or a capture with the key 'info' or 'system_df'"
)
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
    snapsim.base.errors.InvalidInput: no-such-file: No such file or directory: a file, '-', or one of aufs, btrfs, \
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
        JSON, or one JSON object a line, or text that the command line printed; UTF-8 or UTF-16 (a shell on Windows).
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
    snapsim.base.errors.InvalidInput: info.json: Images: -3 is not a whole number from 0 to 9223372036854775807
    """
    text = docker_text.pasted(raw)
    if text is None:
        return host_of(parse_json(raw, file), label, file)
    return _host(_outputs(docker_text.read(text, file)), label, file)


def host_of(value: Any, label: str, file: str = "") -> Host:
    """The same from parsed JSON, such as a capture that has not been written yet.

    Examples
    --------
    >>> host_of({"Driver": "btrfs", "DriverStatus": [["Btrfs", ""]]}, "mine").status
    (('Btrfs', ''),)
    """
    return _host(_fields(value, file), label, file)


def _host(fields: _Fields, label: str, file: str) -> Host:
    docker_rows.agree(fields.get("image_sizes", ()), file)
    return Host(**{"name": label, "origin": f"read from {file or label}", **fields})


def _outputs(pasted: docker_text.Pasted) -> _Fields:
    """What the text of several commands tells together."""
    empty = {
        kind: 0 for kind, rows in (("images", pasted.images), ("containers", pasted.containers)) if rows is not None
    }
    listings = [_listing(rows, "") for rows in (pasted.images, pasted.containers, pasted.totals) if rows]
    return _merge(empty, *listings, *([_info(pasted.info)] if pasted.info else []))


def _shipped() -> Path:
    return SHIPPED / "hosts"


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
        return {"container_sizes": tuple(map(docker_rows.container, rows)), "containers": len(rows)}
    if rows and all(row.has("RepoTags", "Repository") for row in rows):
        return {"image_sizes": tuple(map(docker_rows.image, rows)), "images": len(rows)}
    if len(rows) == 1:
        return _object(rows[0])
    raise InvalidInput(
        f"a list that is not of containers (Names), images (RepoTags) or totals (TotalCount): allowed are {_ALLOWED}",
        file,
    )


def _capture(table: Table) -> _Fields:
    parts = [_listing(table.rows(key), table.file) for key in ("containers", "images") if table.items(key)]
    details = {row.text("Id"): row for row in table.rows("images") if row.text("Id")}
    if table.has("system_df"):
        parts.append(_system_df(table.table("system_df"), details))
    if table.has("info"):
        parts.append(_info(table.table("info")))
    own = {key: table.text(key) for key in ("name", "origin", "backing_filesystem")}
    disk = {
        "layers": tuple(map(docker_rows.layer, table.rows("layers"))),
        "timeline": tuple(map(docker_rows.step, table.rows("timeline"))),
    }
    return _merge(*parts, own, disk)


def _merge(*parts: _Fields) -> _Fields:
    """What several outputs tell together; a later one wins, unless it does not know.

    ``docker info`` comes last: it counts intermediate images too, where listings have only those with a tag.
    """
    return {key: value for part in parts for key, value in part.items() if value not in (None, "", ())}


def _info(table: Table) -> _Fields:
    if table.items("ServerErrors"):
        raise InvalidInput(f"no daemon answered docker info: {shown(table.items('ServerErrors')[0])}", table.file)
    if not table.text("Driver"):
        raise table.wrong(table.text("Driver"), "the name of a storage driver", "Driver")
    status = tuple(docker_rows.pair(table, number, pair) for number, pair in enumerate(table.items("DriverStatus")))
    return {
        "driver": table.text("Driver"),
        "status": status,
        "root": table.text("DockerRootDir"),
        "server_version": table.text("ServerVersion"),
        "kernel": table.text("KernelVersion"),
        "operating_system": table.text("OperatingSystem"),
        "images": table.whole("Images"),
        "containers": table.whole("Containers"),
        "backing_filesystem": dict(status).get("Backing Filesystem", ""),
    }


def _system_df(table: Table, details: dict[str, Table] | None = None) -> _Fields:
    """Up to API 1.51 lists beside ``LayersSize``, later a table of totals and ``Items`` for each kind.

    `details` are what a capture also keeps of each image, by its id.
    """
    usage, used = table.table("ImageUsage"), table.table("ContainerUsage")
    images = [_with(row, details or {}) for row in table.rows("Images") or usage.rows("Items")]
    containers = table.rows("Containers") or used.rows("Items")
    layers_size = table.whole("LayersSize")
    return {
        "image_sizes": tuple(map(docker_rows.image, images)),
        "container_sizes": tuple(map(docker_rows.container, containers)),
        "images": usage.whole("TotalCount") or len(images),
        "containers": used.whole("TotalCount") or len(containers),
        "layers_size": usage.whole("TotalSize") if layers_size is None else layers_size,
    }


def _with(row: Table, details: dict[str, Table]) -> Table:
    more = details.get(row.text("Id"))
    return Table({**more.value, **row.value}, row.file, row.path) if more else row


def _totals(kinds: dict[str, Table]) -> _Fields:
    images, containers = (kinds.get(kind, Table({})) for kind in ("Images", "Containers"))
    return {
        "images": docker_rows.count(images, "TotalCount"),
        "layers_size": docker_rows.size(images, "Size"),
        "containers": docker_rows.count(containers, "TotalCount"),
    }
