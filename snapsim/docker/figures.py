"""Docker's rules for its own figures, by version: what counts, what is shared, what could be reclaimed.

Plain data in, plain data out; `disk_usage` fills it from an engine. The rules, and the bugs among them:

| figure | rule |
|---|---|
| image Size | recorded sizes of all its layers |
| SharedSize | of those that another *listed* image has too; intermediate images of a build do not count |
| LayersSize | of all layers that a listed image has, each once |
| images reclaimable, up to 28 | LayersSize less the unique part of each image that has a container: so the shared \
layers of an image in use count as reclaimable, and are not |
| 29.0.0 to 29.3.1 | total less the unique part of each image *without* a container: inverted, a bug |
| 29.4.0 | the unique parts of images without a container, and of those whose containers were not counted (-1) |
| from 29.4.1 | the unique parts of images without a container: what two unused images share is in neither |
| SizeRw | the driver's DiffSize of a container's layer: apparent bytes, no space |
| SizeRootFs | SizeRw and the image's Size, though the API's description speaks of the image alone |
| percent | reclaimable * 100 / total, cut off |
| build cache, up to 28 | the command line adds up what is not shared; 29's daemon adds up all |
| build cache reclaimable | what is neither in use nor shared |

Sources: moby `daemon/images`, `daemon/disk_usage.go`, `daemon/server/router/system`, docker/cli
`cli/command/formatter/disk_usage.go`, `cli/command/system/df.go`. What 20.10 says
was held against real daemons (docs/reference/docker-figures.md); 23 to 29 rest on reading the source.

LEAVES OUT: containerd's image store (`containerd_figures`), and what Docker prints when it could not work a size out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size

ACTIVE = ("running", "paused", "restarting")
CAPTURED = (20, 10)
OLDEST, NEWEST = (20, 10), (29, 99)


@dataclass(frozen=True)
class ImageUse:
    """An image in `docker system df -v`; `layers` are pairs of a ChainID and the layer's recorded size."""

    id: str
    tags: tuple[str, ...]
    layers: tuple[tuple[str, int], ...]
    containers: int = 0
    parent: str = ""
    created: int = 0

    @property
    def size(self) -> int:
        """Bytes of all its layers."""
        return sum(size for _, size in self.layers)


@dataclass(frozen=True)
class ContainerUse:
    """A container in `docker system df -v`."""

    id: str
    name: str
    image: str
    image_id: str
    size_rw: int
    size_root_fs: int
    state: str = "exited"
    exit_code: int = 0
    command: str = ""
    created: int = 0
    volumes: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Running, paused or restarting."""
        return self.state in ACTIVE


@dataclass(frozen=True)
class VolumeUse:
    """A local volume: the bytes of its directory, and how many containers mount it."""

    name: str
    size: int = 0
    links: int = 0


@dataclass(frozen=True)
class CacheUse:
    """A record of BuildKit's cache; the classic builder has none."""

    id: str
    size: int = 0
    in_use: bool = False
    shared: bool = False


@dataclass(frozen=True)
class DiskUsage:
    """All that `docker system df` is made from."""

    images: tuple[ImageUse, ...] = ()
    containers: tuple[ContainerUse, ...] = ()
    volumes: tuple[VolumeUse, ...] = ()
    build_cache: tuple[CacheUse, ...] = ()

    def shared(self, image: ImageUse) -> int:
        """SharedSize of one of the images."""
        others = {layer for other in self.images if other is not image for layer in other.layers}
        return sum(layer[1] for layer in image.layers if layer in others)

    @property
    def layers_size(self) -> int:
        """LayersSize."""
        return sum(size for _, size in {layer for image in self.images for layer in image.layers})


@dataclass(frozen=True)
class Total:
    """A row of `docker system df`; the percentage is None where Docker prints none."""

    type: str
    count: int
    active: int
    size: int
    reclaimable: int
    percent: int | None


def parse_version(text: str) -> tuple[int, int, int]:
    """A release such as ``20.10``, ``28.5.2`` or ``29``; what is left out is 0.

    Raises
    ------
    InvalidInput
        No release from 20.10 to 29.

    Examples
    --------
    >>> parse_version("29.4"), parse_version("20.10.24+dfsg1")
    ((29, 4, 0), (20, 10, 24))
    """
    parts = text.removeprefix("v").partition("+")[0].split(".")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 4]
    if not 1 <= len(parts) <= 3 or len(numbers) < len(parts) or not OLDEST <= tuple(numbers) <= NEWEST:
        raise InvalidInput(
            f"{text[:40]!r} is not allowed: a Docker release from 20.10 to 29, such as 20.10, 28.5.2 or 29.4.1",
            "--docker-version",
        )
    major, minor, patch = [*numbers, 0, 0][:3]
    return major, minor, patch


def basis(version: tuple[int, ...]) -> str:
    """What the rules of a release rest on, in one sentence.

    Examples
    --------
    >>> basis((28, 5, 2))
    'Docker 28.5.2: by reading its source alone; real daemons were asked with 20.10 only.'
    """
    name = ".".join(map(str, version))
    if tuple(version[:2]) == CAPTURED:
        return f"Docker {name}: the rules were held against real daemons of 20.10.24."
    return f"Docker {name}: by reading its source alone; real daemons were asked with 20.10 only."


# -------------------------------------------------------------------- the four rows


def totals(usage: DiskUsage, version: tuple[int, ...]) -> list[Total]:
    """The rows of `docker system df`, as a release works them out.

    Examples
    --------
    >>> base, child = ImageUse("b", ("base",), (("1", 30),)), ImageUse("c", ("child",), (("1", 30), ("2", 10)), 1)
    >>> usage = DiskUsage((child, base), (ContainerUse("x", "x", "child", "c", 5, 45),))
    >>> [(total.size, total.reclaimable, total.percent) for total in totals(usage, (20, 10))[:2]]
    [(40, 30, 75), (5, 5, 100)]
    """
    boxes, volumes, cache = usage.containers, usage.volumes, usage.build_cache
    cached = sum(record.size for record in cache if version >= (29,) or not record.shared)
    unused = sum(record.size for record in cache if not record.in_use and not record.shared)
    return [
        _total(
            "Images",
            usage.images,
            sum(image.containers > 0 for image in usage.images),
            usage.layers_size,
            reclaimable_images(usage, version),
        ),
        _total(
            "Containers",
            boxes,
            sum(box.active for box in boxes),
            sum(box.size_rw for box in boxes),
            sum(box.size_rw for box in boxes if not box.active),
        ),
        _total(
            "Local Volumes",
            volumes,
            sum(volume.links > 0 for volume in volumes),
            sum(volume.size for volume in volumes),
            sum(volume.size for volume in volumes if not volume.links),
        ),
        Total("Build Cache", len(cache), sum(record.in_use for record in cache), cached, unused, None),
    ]


def _total(type: str, items: tuple[object, ...], active: int, size: int, reclaimable: int) -> Total:
    return Total(type, len(items), active, size, reclaimable, reclaimable * 100 // size if size > 0 else None)


def reclaimable_images(usage: DiskUsage, version: tuple[int, ...]) -> int:
    """Bytes that `docker system df` calls reclaimable; see the table at the top of this file.

    Examples
    --------
    Two unused images share a layer of 30; a third has a container and 7 of its own:

    >>> a, b = ImageUse("a", (), (("1", 30), ("2", 1))), ImageUse("b", (), (("1", 30),))
    >>> usage = DiskUsage((a, b, ImageUse("c", (), (("3", 7),), containers=1)))
    >>> [reclaimable_images(usage, version) for version in ((20, 10), (29, 0, 0), (29, 4, 0), (29, 4, 1))]
    [31, 37, 1, 1]
    """
    version = (*version, 0, 0)[:3]

    def unique(wanted: list[ImageUse]) -> int:
        return sum(image.size - usage.shared(image) for image in wanted)

    if version < (29, 0, 0):
        return usage.layers_size - unique([image for image in usage.images if image.containers])
    if version < (29, 4, 0):
        return usage.layers_size - unique([image for image in usage.images if image.containers == 0])
    if version < (29, 4, 1):
        return unique([image for image in usage.images if image.containers <= 0])
    return unique([image for image in usage.images if image.containers == 0])


# -------------------------------------------------------------------- as the command line prints it


def table(usage: DiskUsage, version: tuple[int, ...]) -> str:
    """What `docker system df` prints.

    Examples
    --------
    >>> print(table(DiskUsage(), (20, 10)), end="")
    TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE
    Images          0         0         0B        0B
    Containers      0         0         0B        0B
    Local Volumes   0         0         0B        0B
    Build Cache     0         0         0B        0B
    """
    rows = [("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE")]
    for row in totals(usage, version):
        percent = "" if row.percent is None else f" ({row.percent}%)"
        rows.append(
            (row.type, str(row.count), str(row.active), docker_size(row.size), docker_size(row.reclaimable) + percent)
        )
    return columns(rows)


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Cells three spaces apart, and ten wide at least; the last one is not filled."""
    widths = [max(10, *(len(row[column]) + 3 for row in rows)) for column in range(len(rows[0]) - 1)]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + f"{row[-1]}\n" for row in rows
    )
