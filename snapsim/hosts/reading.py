"""What a real Docker host says about its storage, to stand beside what the simulator says.

The input is what Docker printed; its SDK is not imported.

Read are the bodies of the Engine API (``GET /info``, ``/system/df``, ``/containers/json?size=1``, ``/images/json``),
the JSON of the command line (``docker info --format '{{json .}}'``, ``docker system df [-v] --format json``), and
captures: several of these in one object. Outputs of the command line may also stand one after the other in one file.
Text as people paste it is read by `pasted_text`; sizes that Docker printed rounded keep both ends.
Ten captures ship in ``snapsim/data/hosts/``; its README says how they were taken.
Shapes: moby ``api/types``, docker/cli ``cli/command/formatter/disk_usage.go``.

**What is not listed is not absent.** ``docker system df`` counts all images that have a name or no child, so what it
counts and no list has exists (`Host.unlisted_images`). ``docker info`` also counts the steps of builds by the old
builder; its count says something of a list that may be a part (``docker images``), and nothing of a whole one.

LEAVES OUT: volumes, and talking to a daemon.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table, parse_json, read_bytes
from snapsim.base.schema import shown
from snapsim.base.shipped import SHIPPED
from snapsim.hosts import api_rows, pasted_text
from snapsim.hosts.host import ContainerSize, Host, ImageSize, LayerSize, TimelineStep, UsageTotals, status_block
from snapsim.hosts.sizes import bound

__all__ = [
    "ContainerSize",
    "Host",
    "ImageSize",
    "LayerSize",
    "TimelineStep",
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
    text = pasted_text.pasted(raw)
    if text is None:
        return host_of(parse_json(raw, file, several=True), label, file)
    return _host(_outputs(pasted_text.read(text, file)), label, file)


def host_of(value: Any, label: str, file: str = "") -> Host:
    """The same from parsed JSON, such as a capture that has not been written yet.

    Examples
    --------
    >>> host_of({"Driver": "btrfs", "DriverStatus": [["Btrfs", ""]]}, "mine").status
    (('Btrfs', ''),)
    """
    return _host(_fields(value, file), label, file)


def _host(fields: _Fields, label: str, file: str) -> Host:
    images, containers = fields.get("image_sizes", ()), fields.get("container_sizes", ())
    api_rows.agree(images, file)
    counts = {key: fields.pop(key, None) for key in ("in_df", "in_info", "whole_list")}
    in_df = fields["image_totals"].count if "image_totals" in fields else counts["in_df"]
    exist = in_df if in_df is not None else None if counts["whole_list"] else counts["in_info"]
    listed = len({image.id or number for number, image in enumerate(images)})
    told = [count for count in (counts["in_info"], in_df) if count is not None]
    if counts["whole_list"] and in_df is None and api_rows.lacks_owner(images):
        exist = listed + 1
    if told or images:
        fields["images"] = told[0] if told else listed
        fields["unlisted_images"] = max((exist or 0) - listed, 0)
    if containers:
        fields["containers"] = max(fields.get("containers", 0), len(containers))
    return Host(**{"name": label, "origin": f"read from {file or label}", **fields})


def _outputs(pasted: pasted_text.Pasted) -> _Fields:
    """What the text of several commands tells together."""
    empty: _Fields = {}
    if pasted.images is not None:
        empty["in_df" if pasted.images else "images"] = None if pasted.images else 0
    if pasted.containers is not None:
        empty |= {"containers": 0, "running_only": pasted.running_only}
    if pasted.cache_sum is not None:
        empty["cache_totals"] = api_rows.totals(Table({"Size": pasted.cache_sum}), "", "", "Size", "Reclaimable")
    if pasted.cache is not None:
        empty["cache_totals"] = api_rows.cache([api_rows.cache_record(row) for row in pasted.cache])
    tables = [rows for rows in (pasted.images, pasted.containers, pasted.totals) if rows]
    parts = [_listing(rows, "") for rows in (*tables, *([pasted.objects] if pasted.objects else []))]
    return _merge(empty, *parts, *([_info(pasted.info)] if pasted.info else []))


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


def _is_object(table: Table) -> bool:
    """Is it an answer with lists in it: a capture, or ``docker system df``?"""
    keys = ("info", "system_df", "LayersSize", "ImageUsage", "ContainerUsage")
    return table.has(*keys) or isinstance(table.value.get("Images"), list)


def _object(table: Table) -> _Fields:
    if table.has("info", "system_df"):
        return _capture(table)
    if table.has("Driver", "ServerErrors"):
        return _info(table)
    if _is_object(table):
        return _system_df(table)
    raise table.wrong(table.value, f"known to be Docker's: allowed are {_ALLOWED}")


def _listing(rows: list[Table], file: str) -> _Fields:
    """An array or several values: containers, images, totals of ``docker system df``, and whole objects among them."""
    if not rows:
        raise InvalidInput(f"an empty list: allowed are {_ALLOWED}", file)
    kinds: dict[str, list[Table]] = {}
    for row in rows:
        kinds.setdefault(_kind_of(row, file), []).append(row)
    parts: list[_Fields] = [_object(row) for row in kinds.get("object", ())]
    if "totals" in kinds:
        parts.append(_totals({row.text("Type"): row for row in kinds["totals"]}))
    if "containers" in kinds:
        found = tuple(map(api_rows.container, kinds["containers"]))
        parts.append({"container_sizes": found, "containers": len(found)})
    if "images" in kinds:
        images = kinds["images"]
        whole = any(row.has("RepoTags") or row.text("SharedSize", "N/A") != "N/A" for row in images)
        parts.append({"image_sizes": tuple(map(api_rows.image, images)), "whole_list": whole, **_content(images)})
    return _merge(*parts, *[_info(row) for row in kinds.get("info", ())])


def _kind_of(row: Table, file: str) -> str:
    if row.has("Driver", "ServerErrors"):
        return "info"
    if row.has("TotalCount") and row.has("Type"):
        return "totals"
    if row.has("Names"):
        return "containers"
    if row.has("RepoTags", "Repository", "Reference"):
        return "images"
    if _is_object(row):
        return "object"
    raise InvalidInput(
        f"a list that is not of containers (Names), images (RepoTags) or totals (TotalCount): allowed are {_ALLOWED}",
        file,
    )


def _content(images: list[Table]) -> _Fields:
    """Does DISK USAGE count compressed blobs, so that the images are in containerd's store?"""
    sizes = [api_rows.size(row, "ContentSize") for row in images if row.has("ContentSize")]
    return {"content_sizes": True} if any(bound(size).high != 0 for size in sizes if size is not None) else {}


def _capture(table: Table) -> _Fields:
    parts = [_listing(table.rows(key), table.file) for key in ("containers", "images") if table.items(key)]
    details = {row.text("Id"): row for row in table.rows("images") if row.text("Id")}
    if table.has("system_df"):
        parts.append(_system_df(table.table("system_df"), details))
    if table.has("info"):
        parts.append(_info(table.table("info")))
    own = {key: table.text(key) for key in ("name", "origin", "backing_filesystem")}
    disk = {
        "layers": tuple(map(api_rows.layer, table.rows("layers"))),
        "timeline": tuple(map(api_rows.step, table.rows("timeline"))),
    }
    return _merge(*parts, own, disk)


def _merge(*parts: _Fields) -> _Fields:
    """What several outputs tell together; a later one wins, unless it does not know. Lists of both are joined."""
    found: _Fields = {}
    for part in parts:
        for key, value in part.items():
            if key in ("image_sizes", "container_sizes") and found.get(key):
                found[key] = _joined(found[key], value)
            elif key == "containers" and value is not None:
                found[key] = max(found.get(key) or 0, value)
            elif value not in (None, "", ()):
                found[key] = value
    return found


_Listed = TypeVar("_Listed", ImageSize, ContainerSize)


def _joined(first: tuple[_Listed, ...], second: tuple[_Listed, ...]) -> tuple[_Listed, ...]:
    """Two lists of images or of containers: what both have is one row, of which the first list knows more."""
    rows = {_key(row, number): row for number, row in enumerate(first)}
    for number, row in enumerate(second, len(first)):
        key = _key(row, number)
        rows[key] = (
            replace(row, **{name: value for name, value in vars(rows[key]).items() if _told(value)})
            if key in rows
            else row
        )
    return tuple(rows.values())


def _told(value: object) -> bool:
    return value not in (None, "", ())


def _key(row: ImageSize | ContainerSize, number: int) -> tuple[str, ...]:
    id = row.id.removeprefix("sha256:")[:12] or f"row {number}"
    return (id, row.tag) if isinstance(row, ImageSize) else (id,)


def _info(table: Table) -> _Fields:
    if table.items("ServerErrors"):
        raise InvalidInput(f"no daemon answered docker info: {shown(table.items('ServerErrors')[0])}", table.file)
    if not table.text("Driver"):
        raise table.wrong(table.text("Driver"), "the name of a storage driver", "Driver")
    status = tuple(api_rows.pair(table, number, pair) for number, pair in enumerate(table.items("DriverStatus")))
    return {
        "driver": table.text("Driver"),
        "status": status,
        "root": table.text("DockerRootDir"),
        "server_version": table.text("ServerVersion"),
        "kernel": table.text("KernelVersion"),
        "operating_system": table.text("OperatingSystem"),
        "in_info": table.whole("Images"),
        "containers": table.whole("Containers"),
        "backing_filesystem": dict(status).get("Backing Filesystem", ""),
        "warnings": tuple(filter(str.isprintable, table.items("Warnings"))),
    }


def _system_df(table: Table, details: dict[str, Table] | None = None) -> _Fields:
    """Up to API 1.51 lists beside ``LayersSize``, later a table of totals and ``Items`` for each kind.

    `details` are what a capture also keeps of each image, by its id. A table of totals leaves out what is 0.
    """
    usage, used = table.table("ImageUsage"), table.table("ContainerUsage")
    images = [_with(row, details or {}) for row in table.rows("Images") or usage.rows("Items")]
    containers = table.rows("Containers") or used.rows("Items")
    found: _Fields = {
        "image_sizes": tuple(map(api_rows.image, images)),
        "container_sizes": tuple(map(api_rows.container, containers)),
        "layers_size": table.whole("LayersSize"),
        "in_df": len(images),
        "containers": len(containers),
        "whole_list": True,
    }
    if table.has("ImageUsage"):
        found["image_totals"] = _usage(usage)
        found["layers_size"] = found["image_totals"].size
    if table.has("ContainerUsage"):
        found["container_totals"] = _usage(used)
        found["containers"] = max(found["container_totals"].count or 0, len(containers))
    if table.has("BuildCache"):
        found["cache_totals"] = api_rows.cache(table.rows("BuildCache"))
    if table.has("BuildCacheUsage"):
        found["cache_totals"] = _usage(table.table("BuildCacheUsage"))
    return found


def _usage(table: Table) -> UsageTotals:
    keys = ("TotalCount", "ActiveCount", "TotalSize", "Reclaimable")
    whole = Table({**dict.fromkeys(keys, 0), **table.value}, table.file, table.path)
    return api_rows.totals(whole, *keys)


def _with(row: Table, details: dict[str, Table]) -> Table:
    more = details.get(row.text("Id"))
    return Table({**more.value, **row.value}, row.file, row.path) if more else row


def _totals(kinds: dict[str, Table]) -> _Fields:
    keys = ("TotalCount", "Active", "Size", "Reclaimable")
    images, containers, cache = (
        api_rows.totals(kinds[kind], *keys) if kind in kinds else UsageTotals()
        for kind in ("Images", "Containers", "Build Cache")
    )
    told: _Fields = {"layers_size": images.size, "containers": containers.count}
    for name, line in (("image_totals", images), ("container_totals", containers), ("cache_totals", cache)):
        if line != UsageTotals():
            told[name] = line
    return told
