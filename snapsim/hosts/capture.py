"""Keep a Docker host in one file, with names and ids made anonymous on demand.

A capture holds what `reading` reads and a few figures more (volumes, build cache): ``info``, ``system_df`` with the
sizes of images and containers, and each image's layers and history. No environment, label, command, network or
time of day is kept. `load_host` on the file and `live_host` on the daemon give the same `Host`.

To make it anonymous, names, ids and digests are numbered in the order in which they first appear (a hash of a DiffID
would still tell which public image it is), one number for one name, so that one can still see who shares a layer.
Sizes, counts, instructions' first words and version numbers stay.

LEAVES OUT: hiding a host by its figures; someone who knows the sizes of your images will recognise them.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from snapsim.base.atomic_write import replace_file
from snapsim.base.foreign_json import Table
from snapsim.hosts import live as docker_live
from snapsim.hosts.api_rows import one_line, pair
from snapsim.hosts.host import Host
from snapsim.hosts.reading import host_of

_INFO = ("Driver", "DockerRootDir", "ServerVersion", "KernelVersion", "OperatingSystem")
_WORD = re.compile(
    r"(?:/bin/sh -c #\(nop\) +)?(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|"
    r"STOPSIGNAL|USER|VOLUME|WORKDIR)\b"
)
_SAYS_NOTHING = re.compile(
    r"(?:[\d.]+(?: ?[kMGTP]?B)?|true|false|yes|no|on|off|<unknown>|none|ext[234]|extfs|xfs|btrfs|zfs|tmpfs|overlayfs|"
    r"ONLINE|DEGRADED|lz4|zstd|io\.containerd\.snapshotter\.v1|[\d.]+ \([\d-]+\))?"
)


def capture(
    source: Mapping[str, Any] | str | None = None, anonymous: bool = False, timeout: float = docker_live.TIMEOUT
) -> dict[str, Any]:
    """A host as one object, ready for JSON.

    Parameters
    ----------
    source : mapping or str, optional
        Answers of a daemon as `live.ask` gives them, or the URL of a daemon; the environment's when left out.
    anonymous : bool
        Replace names, ids and digests.
    timeout : float
        Seconds of silence after which a daemon is given up.

    Raises
    ------
    InvalidInput
        No daemon, or answers that are not Docker's.

    Examples
    --------
    >>> answers = {"info": {"Driver": "vfs", "Name": "lab7", "ServerVersion": "20.10.24", "KernelVersion": "6.18.0"},
    ...            "system_df": {"LayersSize": 0}}
    >>> kept = capture(answers)
    >>> kept["name"], kept["origin"]
    ('lab7', 'Docker Engine 20.10.24 on Linux 6.18.0, as its daemon told')
    >>> capture(answers, anonymous=True)["name"]
    'host'
    """
    answers = source if isinstance(source, Mapping) else docker_live.ask(source, timeout)
    place = source if isinstance(source, str) else "the Docker daemon"
    kept = _kept(Table(dict(answers), place))
    host_of(kept, "host", place)  # what no one could load is not kept
    return anonymised(kept) if anonymous else kept


def live_host(url: str | None = None, timeout: float = docker_live.TIMEOUT) -> Host:
    """The host of a live daemon; arguments and errors as for `capture`."""
    return host_of(capture(url, timeout=timeout), "host", url or "the Docker daemon")


def dumps(kept: Mapping[str, Any]) -> str:
    """A capture as text, one line for each image and container.

    Examples
    --------
    >>> print(dumps({"name": "lab7", "images": [{"Id": "a"}, {"Id": "b"}]}), end="")
    {"name": "lab7",
     "images": [
      {"Id": "a"},
      {"Id": "b"}]}
    """
    return "{" + ",\n ".join(f"{json.dumps(key)}: {_lines(value, 2)}" for key, value in kept.items()) + "}\n"


def _lines(value: object, depth: int) -> str:
    pad = "\n" + " " * depth
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"[{pad}" + f",{pad}".join(json.dumps(row, allow_nan=False) for row in value) + "]"
    if isinstance(value, dict):
        rows = (f"{json.dumps(key)}: {_lines(inner, depth + 1)}" for key, inner in value.items())
        return f"{{{pad}" + f",{pad}".join(rows) + "}"
    return json.dumps(value, allow_nan=False)


def save(kept: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a capture, whole or not at all: an older file stays as it was until the new one is complete.

    Raises
    ------
    InvalidInput
        It cannot be written, or what is there is no file (``/dev/stdout``).
    """
    replace_file(path, dumps(kept))


# ----------------------------------------------------------------- what is kept


def _kept(answers: Table) -> dict[str, Any]:
    info, system_df = answers.table("info"), answers.table("system_df")
    origin = f"Docker Engine {info.text('ServerVersion')} on Linux {info.text('KernelVersion')}, as its daemon told"
    return {
        "name": info.text("Name", "host"),
        "origin": origin,
        "info": {
            **_texts(info, *_INFO),
            "DriverStatus": [list(pair(info, *row)) for row in enumerate(info.items("DriverStatus"))],
            **_wholes(info, "Images", "Containers"),
        },
        "system_df": {
            **_wholes(system_df, "LayersSize"),
            "Images": [_size(row) for row in system_df.rows("Images")],
            "Containers": [_container(row) for row in system_df.rows("Containers")],
            "Volumes": [_volume(row) for row in system_df.rows("Volumes")],
            "BuildCache": [_cache(row) for row in system_df.rows("BuildCache")],
        },
        "images": [_image(row) for row in answers.rows("images")],
    }


def _texts(row: Table, *keys: str) -> dict[str, str]:
    return {key: row.text(key) for key in keys if row.has(key)}


def _wholes(row: Table, *keys: str) -> dict[str, int | None]:
    return {key: row.whole(key, -1) for key in keys if row.has(key)}


def _names(row: Table, key: str) -> list[str]:
    return [Table({key: name}, row.file, row.path).text(key) for name in row.items(key)]


def _size(row: Table) -> dict[str, Any]:
    return {
        **_texts(row, "Id"),
        "RepoTags": _names(row, "RepoTags"),
        **_wholes(row, "Size", "SharedSize", "Containers"),
    }


def _image(row: Table) -> dict[str, Any]:
    history = [
        {"CreatedBy": one_line(str(step.value.get("CreatedBy") or "")), **_wholes(step, "Size")}
        for step in row.rows("History")
    ]
    return {
        **_texts(row, "Id"),
        "RepoTags": _names(row, "RepoTags"),
        "Layers": _names(row.table("RootFS"), "Layers"),
        "History": history,
    }


def _container(row: Table) -> dict[str, Any]:
    sizes = _wholes(row, "SizeRw", "SizeRootFs")
    return {"Names": _names(row, "Names"), **_texts(row, "Id", "Image", "ImageID", "State"), **sizes}


def _volume(row: Table) -> dict[str, Any]:
    return {**_texts(row, "Name"), "UsageData": _wholes(row.table("UsageData"), "Size", "RefCount")}


def _cache(row: Table) -> dict[str, Any]:
    flags = {key: row.value[key] is True for key in ("InUse", "Shared") if row.has(key)}
    return {**_texts(row, "Type"), **flags, **_wholes(row, "Size")}


# -------------------------------------------------------------------- anonymous


def anonymised(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A capture with every name, id and digest replaced; doing it again changes nothing.

    Examples
    --------
    >>> two = [{"Id": "sha256:7a", "RepoTags": ["shop/web:7"], "Layers": ["sha256:5e", "sha256:91"], "History": []},
    ...        {"Id": "sha256:7b", "RepoTags": ["shop/db:2"], "Layers": ["sha256:5e"], "History": []}]
    >>> images = anonymised({"images": two})["images"]
    >>> [image["RepoTags"] for image in images], images[0]["Layers"][0] == images[1]["Layers"][0]
    ([['image1:1'], ['image2:1']], True)
    """
    names = _Names()
    replace: dict[str, Callable[[Any], Any]] = {
        "name": lambda _: "host",
        "DockerRootDir": lambda _: "/var/lib/docker",
        "KernelVersion": _numbers_only,
        "origin": _numbers_only_within,
        "DriverStatus": lambda pairs: [[key, names.value(value)] for key, value in pairs],
        "RepoTags": lambda tags: [names.numbered("image{}:1", tag) for tag in tags],
        "Image": lambda tag: names.numbered("image{}:1", tag),
        "Names": lambda all_names: [names.numbered("/container{}", name) for name in all_names],
        "Name": lambda name: names.numbered("volume{}", name),
        "CreatedBy": _instruction,
        "Layers": lambda layers: [names.digest(layer) for layer in layers],
        **dict.fromkeys(("Id", "ImageID"), names.digest),
    }
    found: dict[str, Any] = _replaced(kept, replace)
    return found


def _replaced(value: Any, new: Mapping[str, Callable[[Any], Any]]) -> Any:
    if isinstance(value, Mapping):
        return {key: new[key](inner) if key in new else _replaced(inner, new) for key, inner in value.items()}
    return [_replaced(inner, new) for inner in value] if isinstance(value, list) else value


class _Names:
    """New names, numbered in the order of first appearance, of each kind apart."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, str]] = {}

    def numbered(self, kind: str, name: str) -> str:
        if name in ("", "<none>:<none>"):
            return name
        known = self.known.setdefault(kind, {})
        return known.setdefault(name, kind.format(len(known) + 1))

    def digest(self, name: str) -> str:
        return self.numbered("sha256:{:064x}", name) if name.startswith("sha256:") else self.numbered("{:064x}", name)

    def value(self, text: str) -> str:
        return text if _SAYS_NOTHING.fullmatch(text) else self.numbered("name{}", text)


def _numbers_only(version: str) -> str:
    """A kernel's version without its builder's suffix."""
    found = re.match(r"\d+(\.\d+)*", version)
    return found[0] if found else ""


def _numbers_only_within(origin: str) -> str:
    return re.sub(r"(on Linux )(\S*?),", lambda found: f"{found[1]}{_numbers_only(found[2])},", origin)


def _instruction(created_by: str) -> str:
    """The first word of an instruction, without what it did."""
    found = _WORD.match(created_by)
    return found[1] if found else "RUN" if created_by.startswith("/bin/sh -c ") else ""
