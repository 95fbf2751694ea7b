"""`GET /system/df` of an engine: its figures in the shape that the Engine API of a release gives them.

Up to Docker 28 the answer has lists of images, containers, volumes and cache records; 29 has totals, and the
lists as ``Items``. Shapes: moby `api/types`; that of 20.10 was captured (tests/data/system-df). Asking for sizes is
not free: each container is mounted and looked through.

>>> from snapsim.docker.daemon_config import DaemonConfig
>>> from snapsim.drivers.graphdrivers import DRIVERS
>>> from snapsim.drivers.diff import Diff, Entry
>>> engine = Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig("vfs"))
>>> image = engine.pull("base:1", [Diff((Entry("/f", size=5),))])
>>> with engine.running("base:1", "box") as mount:
...     mount.write("/g", 0, 7)
7
>>> found = usage(engine)
>>> body(found, (20, 10))["Containers"][0]["SizeRootFs"], body(found, (29, 4, 1))["ImageUsage"]["TotalSize"]
(12, 5)

What it leaves out: ports, networks and labels, and times but for their order.
"""

from typing import Any

from snapsim.docker.containers import Container
from snapsim.docker.engine import Engine
from snapsim.docker.figures import CacheUse, ContainerUse, DiskUsage, ImageUse, Total, VolumeUse, totals
from snapsim.docker.image_name import full_name
from snapsim.docker.listing import status

_KINDS = ("ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage")


def usage(engine: Engine, build_cache: tuple[CacheUse, ...] = ()) -> DiskUsage:
    """The figures of an engine now; the cache of BuildKit is not the engine's and has to be given."""
    boxes = engine.containers()
    images = tuple(
        ImageUse(
            image.id,
            tuple(engine.home.images.tags_of(image.id)),
            tuple((layer.chain_id, layer.size) for layer in image.layers()),
            sum(box.image_id == image.id for box in boxes),
            image.parent,
            image.created,
        )
        for image in engine.images()
    )
    volumes = tuple(
        VolumeUse(name, size, sum(name in box.volumes for box in boxes)) for name, size in engine.volumes.items()
    )
    return DiskUsage(images, tuple(_use(engine, box) for box in boxes), volumes, build_cache)


def _use(engine: Engine, box: Container) -> ContainerUse:
    size = engine.size_rw(box.name)
    return ContainerUse(
        box.id,
        box.name,
        _called(engine, box),
        box.image_id,
        size,
        size + engine.home.layers.size_below(box.id),
        box.state,
        box.exit_code,
        box.command,
        box.created,
        box.volumes,
    )


def _called(engine: Engine, box: Container) -> str:
    """The image as it was called at `create`, or its id if that name is another image's now, or nobody's."""
    tagged = engine.home.images.tags.get(full_name(box.image))
    return box.image if box.image_id in (tagged, box.image) else box.image_id


def body(found: DiskUsage, version: tuple[int, ...]) -> dict[str, Any]:
    """The JSON object of ``GET /system/df``."""
    items = [
        [_image(found, image, version) for image in found.images],
        [_container(box) for box in found.containers],
        [_volume(volume) for volume in found.volumes],
        [_record(record) for record in found.build_cache],
    ]
    if version >= (29,):
        rows = zip(_KINDS, totals(found, version), items, strict=True)
        return {kind: _summary(total, each) for kind, total, each in rows}
    answer: dict[str, Any] = {
        "LayersSize": found.layers_size,
        "Images": items[0],
        "Containers": items[1],
        "Volumes": items[2],
        "BuildCache": items[3] or None,
    }
    return answer if version >= (23,) else {**answer, "BuilderSize": sum(record.size for record in found.build_cache)}


def _summary(total: Total, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "ActiveCount": total.active,
        "TotalCount": total.count,
        "TotalSize": total.size,
        "Reclaimable": total.reclaimable,
        "Items": items,
    }


def _image(found: DiskUsage, image: ImageUse, version: tuple[int, ...]) -> dict[str, Any]:
    """VirtualSize, always the same as Size, is gone with API 1.44 (Docker 25)."""
    row = {
        "Containers": image.containers,
        "Created": image.created,
        "Id": image.id,
        "Labels": None,
        "ParentId": image.parent,
        "RepoDigests": None if image.tags else ["<none>@<none>"],
        "RepoTags": list(image.tags) or ["<none>:<none>"],
        "SharedSize": found.shared(image),
        "Size": image.size,
    }
    return row if version >= (25,) else {**row, "VirtualSize": image.size}


def _container(box: ContainerUse) -> dict[str, Any]:
    """Sizes of 0 are left out, as Go's ``omitempty`` does."""
    sizes = {"SizeRw": box.size_rw, "SizeRootFs": box.size_root_fs}
    return {
        "Id": box.id,
        "Names": [f"/{box.name}"],
        "Image": box.image,
        "ImageID": box.image_id,
        "Command": box.command,
        "Created": box.created,
        "Ports": [],
        **{key: size for key, size in sizes.items() if size},
        "Labels": {},
        "State": box.state,
        "Status": status(box),
        "HostConfig": {"NetworkMode": "none"},
        "Mounts": [{"Type": "volume", "Name": name} for name in box.volumes],
    }


def _volume(volume: VolumeUse) -> dict[str, Any]:
    return {
        "Driver": "local",
        "Name": volume.name,
        "Scope": "local",
        "Labels": None,
        "Options": None,
        "UsageData": {"RefCount": volume.links, "Size": volume.size},
    }


def _record(record: CacheUse) -> dict[str, Any]:
    return {"ID": record.id, "Type": "regular", "InUse": record.in_use, "Shared": record.shared, "Size": record.size}
