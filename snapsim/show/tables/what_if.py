"""The answer of `what_if` for the terminal, and as one record for programs.

What it leaves out: calculation. An exact figure is printed as a number; of a bound the ends are printed, in words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size
from snapsim.docker.figures import parse_version
from snapsim.hosts.host import Host
from snapsim.hosts.inventory import Inventory, inventory
from snapsim.hosts.sizes import UNKNOWN, Bound, BoundRecord, Size, bound, size_text, total
from snapsim.hosts.what_if import ASSUMED, StackAnswer
from snapsim.show.tables.table import new_table, show
from snapsim.show.terminal import write

_STATUS = ("Data Space Used", "Metadata Space Used", "Space Used By Parent")
_WIDE = 120
_WORDS = {"yes": "*", "perhaps": "?"}


def answer(host: Host, rows: Sequence[StackAnswer], bill: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The whole answer as plain data.

    Returns
    -------
    dict
        host: name, driver, server_version, origin, rounded; daemon: what it says now; assumed: what the rules take for
        granted; stacks: a record for each row; bill: the workloads' runs.
    """
    held = inventory(host)
    told = {
        "name": host.name,
        "driver": host.driver,
        "server_version": host.server_version,
        "origin": host.origin,
        "rounded": host.rounded,
        "containerd_store": host.containerd_store,
    }
    return {
        "host": told,
        "daemon": daemon(host, held),
        "assumed": list(ASSUMED),
        "stacks": [row.record() for row in rows],
        "bill": list(bill),
    }


def daemon(host: Host, held: Inventory) -> dict[str, Any]:
    """The sizes that the daemon reports, those that it calls reclaimable, and those of its disk, where known."""
    images, containers = _reclaimable(host, held)
    status = {key: host.status_size(key) for key in _STATUS if host.status_size(key) is not None}
    size_rw = None if _boxes(host) is None else _size_rw(host, held).record()
    return {
        "layers_size": _told(host.layers_size),
        "size_rw": size_rw,
        "reclaimable_images": images,
        "reclaimable_containers": containers,
        "status": {key: _told(size) for key, size in status.items()},
        "disk": host.scenario_space,
    }


def _told(size: Size | None) -> BoundRecord | None:
    if size is None:
        return None
    return bound(size).record()


def _reclaimable(host: Host, held: Inventory) -> tuple[BoundRecord | None, BoundRecord | None]:
    """Reclaimable by the rule of the daemon's release; None if that is unknown, and for containerd's store."""
    if host.containerd_store:
        return None, None
    try:
        found = held.reclaimable(parse_version(host.server_version))
    except InvalidInput:
        return None, None
    return found[0].record(), found[1].record()


# -------------------------------------------------------------------- for people


def print_answer(host: Host, rows: Sequence[StackAnswer]) -> None:
    """Print what the daemon says, then two tables, the rules, and the assumptions."""
    held = inventory(host)
    write(_headline(host, held))
    _space(rows)
    _cost(rows)
    for line in (*_rules(rows), *_untold(host, held), *ASSUMED):
        write(fill(line, _WIDE))


def _headline(host: Host, held: Inventory) -> str:
    """What is there now, in three lines at most."""
    said = daemon(host, held)
    disk = f"; its disk grew by {docker_size(host.scenario_space)}" if host.scenario_space else ""
    lines = [
        f"{host.name}: {host.driver or 'driver not told'}, {_images(host, held)}, "
        f"{_containers(host, held)} ({host.origin})",
        f"The daemon says: layers {_layers(host, held)}, containers {_size_rw(host, held)}"
        + "".join(f", {key} {size_text(host.status_size(key) or 0)}" for key in said["status"])
        + disk
        + ".",
    ]
    told = _told_reclaimable(host)
    if said["reclaimable_images"] and not told:
        images, boxes = held.reclaimable(parse_version(host.server_version))
        told = f"of images {images}, of containers {boxes}"
    if told:
        lines.append(f"docker system df calls reclaimable: {told}.")
    return "\n".join(lines)


def _told_reclaimable(host: Host) -> str:
    """RECLAIMABLE as Docker itself printed it."""
    lines = (("images", host.image_totals), ("containers", host.container_totals), ("build cache", host.cache_totals))
    told = [(name, line.reclaimable) for name, line in lines if line and line.reclaimable is not None]
    if not any(name == "images" for name, _ in told):
        return ""
    words = ", ".join(f"of {name} {size_text(size)}" for name, size in told)
    below = bound(told[0][1]).low < 0
    return words + (" (what images share is taken off more than once: that is no size)" if below else "")


def _images(host: Host, held: Inventory) -> str:
    """How many there are, and how many of them are listed."""
    listed = len(held.images)
    if not host.unlisted_images:
        return _many(listed or host.images, "image")
    return f"{_many(listed + host.unlisted_images, 'image')}{f' ({listed} listed)' if listed else ''}"


def _containers(host: Host, held: Inventory) -> str:
    exist, listed = sum(box.count for box in held.boxes), len(host.container_sizes)
    if host.running_only and exist == listed:
        return f"{_many(exist, 'container')} that run{'s' if exist == 1 else ''} (of others nothing is told)"
    if _boxes(host) is None and exist <= 1:
        return _many(None, "container")
    return f"{_many(exist, 'container')}{f' ({listed} listed)' if 0 < listed < exist else ''}"


def _size_rw(host: Host, held: Inventory) -> Bound:
    """The sum of SizeRw as the daemon reports it; for containerd it says little about files."""
    if not host.containerd_store:
        return held.size_rw()
    if host.container_totals and host.container_totals.size is not None:
        return bound(host.container_totals.size)
    listed = total(bound(box.size_rw) for box in host.container_sizes)
    return listed if len(held.boxes) == len(host.container_sizes) else Bound(listed.low, None)


def _boxes(host: Host) -> int | None:
    return host.containers if host.containers is not None else len(host.container_sizes) or None


def _many(count: int | None, what: str) -> str:
    return f"{what}s not told" if count is None else f"{count} {what}{'' if count == 1 else 's'}"


def _layers(host: Host, held: Inventory) -> str:
    """LayersSize, or what the images' sizes say about it."""
    return str(held.content()) if host.layers_size is None else size_text(host.layers_size)


def _untold(host: Host, held: Inventory) -> Iterator[str]:
    """Sentences that say what the daemon did not report, so that there are bounds instead of exact figures."""
    if host.containerd_store:
        yield "containerd's store counts blocks, directories and compressed blobs: files have that at most."
    elif held.unlisted and host.images != 0:
        some = _many(host.unlisted_images, "image") if host.unlisted_images else "Images"
        yield f"{some} may be there that no list has, and keep what they share: docker system df -v lists all."
    elif any(image.chain is None for image in held.images) and not any(row.layers for row in host.image_sizes):
        yield "Which layers each image has is not told; a file of snapsim capture tells it."
    yield from _open(host, held)
    cache = host.cache_totals
    if cache is None:
        yield "Build cache is not told: what docker system prune frees of it comes on top."
    elif bound(cache.size).high != 0:
        size = "its size is not told" if cache.size is None else size_text(cache.size)
        yield f"Of the build cache ({size}) files have what images share; prune frees what no build uses."
    for warning in host.warnings:
        yield f"docker info warned: {warning}"
    if host.rounded:
        yield "Docker printed these sizes rounded; GET /system/df or snapsim capture gives them exactly."


def _open(host: Host, held: Inventory) -> Iterator[str]:
    """Images whose history does not say which step made which layer."""
    if host.containerd_store:
        return
    unfit = [row.tag for row in host.image_sizes if row.layers and row.layer_bounds is None]
    left = [row.tag for row in host.image_sizes if any(layer.open for layer in row.layer_bounds or ())]
    if unfit:
        yield f"The history does not fit the layers of {', '.join(unfit)}, so that only its size is taken."
    if left:
        yield f"The history leaves open which step made which layer of {', '.join(left)}: those layers have bounds."


def _space(rows: Sequence[StackAnswer]) -> None:
    table = new_table(
        "Space: bytes of files that the same images and containers keep on each stack",
        "stack,now,files>,on disk>,prune frees>,prune -a frees>,rule",
        "now: * the host stands on it, ? perhaps. A number is exact, a bound names its ends.\n"
        "prune: docker system prune, of these files.",
    )
    for row in rows:
        table.add_row(
            row.stack,
            _WORDS.get(row.now, ""),
            *map(str, (row.data, row.on_disk, row.prune, row.prune_all)),
            _letter(rows, row),
        )
    show(table)


def _cost(rows: Sequence[StackAnswer]) -> None:
    size = docker_size(rows[0].file_size) if rows else "-"
    table = new_table(
        "Cost: of a new container, of a first write of one byte, and memory once containers read all",
        "stack,now,new container>,first write: reads>,writes>,worst>,page cache>,pages",
        f"new container: bytes copied. first write: to a file of {size}; worst: bytes written for the "
        "largest\nfile that there can be here. pages of a file: in memory once, or by each container. "
        "Metadata is left out.",
    )
    for row in rows:
        table.add_row(
            row.stack,
            _WORDS.get(row.now, ""),
            str(row.new_container),
            docker_size(row.first_write.read),
            docker_size(row.first_write.written),
            str(row.worst),
            _cache(row.cache),
            row.cached,
        )
    show(table)


def _cache(size: Bound) -> str:
    return "not told" if size == UNKNOWN else str(size)


def _letter(rows: Sequence[StackAnswer], row: StackAnswer) -> str:
    return "abcdefgh"[list(dict.fromkeys(each.rules["data"] for each in rows)).index(row.rules["data"])]


def _rules(rows: Sequence[StackAnswer]) -> list[str]:
    found = dict.fromkeys(row.rules["data"] for row in rows)
    return [f"rule {letter}: {rule}." for letter, rule in zip("abcdefgh", found, strict=False)]
