"""A real Docker host's storage as plain data: the driver, its status pairs, Docker's sizes, and what the disk said.

`dockerdata` fills it from what Docker prints; tables and figures put it beside a simulated driver. Values of the
status pairs stay the strings that Docker made of them: devicemapper prints ``194.8MB``, zfs raw bytes.

LEAVES OUT: volumes, build cache, networks, security options.
"""

import re
from dataclasses import dataclass

from snapsim.base.errors import InvalidInput
from snapsim.hosts.sizes import Bound, Size, printed_size

_MAKES_NO_LAYER = re.compile(
    r"(?:/bin/sh -c )?(?:#\(nop\) +)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|"
    r"STOPSIGNAL|USER|VOLUME)\b"
)


@dataclass(frozen=True)
class HistoryStep:
    """One step of an image's history: the instruction as Docker keeps it, and the bytes that it added."""

    created_by: str
    size: Size

    @property
    def only_configures(self) -> bool:
        """Whether its instruction can make no layer (``ENV``, ``CMD``, ...), old builder or BuildKit."""
        return self.size == 0 and _MAKES_NO_LAYER.match(self.created_by) is not None


@dataclass(frozen=True)
class ImageSize:
    """One image in ``docker system df -v``, in bytes; `None` where Docker did not work it out.

    `told_unique` is Docker's own "UNIQUE SIZE" where it printed one. `layers` are DiffIDs and `history` is what made
    them, both from the bottom up, empty where the input has neither.

    Examples
    --------
    >>> steps = HistoryStep("ADD rootfs.tar /", 70), HistoryStep("CMD [sh]", 0), HistoryStep("RUN rm /f", 0)
    >>> image = ImageSize("a:1", 70, 0, layers=("sha256:1", "sha256:2"), history=steps)
    >>> image.unique, image.layer_sizes
    (70, (70, 0))
    """

    tag: str
    size: Size | None
    shared: Size | None = None
    containers: int | None = None
    id: str = ""
    told_unique: Size | None = None
    layers: tuple[str, ...] = ()
    history: tuple[HistoryStep, ...] = ()

    @property
    def unique(self) -> Size | None:
        """Bytes of the layers that no other image has: as told, else size - shared."""
        if self.told_unique is not None or self.size is None or self.shared is None:
            return self.told_unique
        return self.size - self.shared

    @property
    def layer_sizes(self) -> tuple[Size, ...] | None:
        """Bytes of each layer, from the bottom up; `None` where the history does not settle which step made which.

        A step of 0 bytes may have made an empty layer (``RUN rm``) or none (``ENV``), and Docker's API does not say.
        Settled it is where all of them did, none did, or the instructions that never do leave the right number.
        """
        without = len(self.history) - len(self.layers)
        kept = (
            [step for step in self.history if step not in drop]
            for drop in (
                [],
                [step for step in self.history if step.only_configures],
                [step for step in self.history if step.size == 0],
            )
        )
        settled = (steps for steps in kept if len(steps) == len(self.layers))
        found = next(settled, None) if self.layers and without >= 0 else None
        return tuple(step.size for step in found) if found else None


@dataclass(frozen=True)
class ContainerSize:
    """One container in ``docker ps -s``: bytes of its writable layer, and of that plus its image ("virtual")."""

    name: str
    image: str
    size_rw: Size | None
    size_root_fs: Size | None
    state: str = ""
    id: str = ""
    image_id: str = ""


@dataclass(frozen=True)
class LayerSize:
    """One layer as the driver keeps it: the size that Docker recorded, and what the driver's own tools say.

    `figures` are pairs of a name and bytes, such as ``("du", 35627008)``, ``("btrfs_exclusive", 0)``,
    ``("mapped_bytes", 142016512)``; which names there are depends on the driver.
    """

    role: str
    name: str
    recorded: int | None
    figures: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Step:
    """One step on the real host, as its disk saw it: bytes of space taken (or freed), written and read."""

    name: str
    space_delta: int
    bytes_written: int
    bytes_read: int

    @property
    def builds_or_runs(self) -> bool:
        """Whether the step makes an image or a container; the others ask questions, or remove."""
        return self.name.startswith(("image ", "container "))


@dataclass(frozen=True)
class Host:
    """A real Docker host's storage. What the input did not tell is empty or `None`.

    Parameters
    ----------
    name : str
        A label, for tables and figures.
    driver, status
        The storage driver's name (empty: not told) and the pairs under it in ``docker info``, in order, as text.
    root, server_version, kernel, operating_system
        As ``docker info`` prints them.
    images, containers : int or None
        How many there are. ``docker info`` counts the intermediate images of a build, a listing those with a tag.
    backing_filesystem : str
        As Docker prints it (``extfs`` is ext2, 3 or 4), or as a capture states it; of devicemapper, the one that is in
        each thin volume.
    layers_size : int, Bound or None
        Bytes of all image layers, each once.
    image_sizes, container_sizes
        The rows of ``docker system df -v``.
    layers, timeline
        Only in captures: what each layer takes on disk, and what each step took.
    origin : str
        One sentence: where all this is from.

    Examples
    --------
    >>> host = Host("mine", "overlayfs", (("driver-type", "io.containerd.snapshotter.v1"),))
    >>> host.containerd_store, host.scenario_space
    (True, None)
    """

    name: str
    driver: str = ""
    status: tuple[tuple[str, str], ...] = ()
    root: str = ""
    server_version: str = ""
    kernel: str = ""
    operating_system: str = ""
    images: int | None = None
    containers: int | None = None
    backing_filesystem: str = ""
    layers_size: Size | None = None
    image_sizes: tuple[ImageSize, ...] = ()
    container_sizes: tuple[ContainerSize, ...] = ()
    layers: tuple[LayerSize, ...] = ()
    timeline: tuple[Step, ...] = ()
    origin: str = ""

    @property
    def containerd_store(self) -> bool:
        """Whether containerd's snapshotters keep the images (the default of a fresh Docker 29), and no graph driver."""
        return ("driver-type", "io.containerd.snapshotter.v1") in self.status

    @property
    def rounded(self) -> bool:
        """Whether some size comes from the command line's text, which has four digits or fewer."""
        sizes: list[Size | None] = [self.layers_size]
        sizes += [size for image in self.image_sizes for size in (image.size, image.shared, image.told_unique)]
        sizes += [size for container in self.container_sizes for size in (container.size_rw, container.size_root_fs)]
        return any(isinstance(size, Bound) for size in sizes)

    def status_size(self, key: str) -> Size | None:
        """The bytes that a status pair tells, such as ``Data Space Used``; `None` where it is missing or no size.

        Docker prints them with four digits (devicemapper), or as plain bytes (zfs).

        Examples
        --------
        >>> host = Host("mine", "devicemapper", (("Data Space Used", "194.8MB"), ("Library Version", "1.02.185")))
        >>> host.status_size("Data Space Used"), host.status_size("Library Version")
        (Bound(low=194750000, high=194850000), None)
        """
        value = dict(self.status).get(key, "")
        if re.fullmatch(r"\d{1,18}", value, re.ASCII):
            return int(value)
        try:
            return printed_size(value, digits=4)
        except InvalidInput:
            return None

    @property
    def scenario_space(self) -> int | None:
        """Bytes of disk that the images and containers took, before anyone asked for sizes or removed them."""
        return sum(step.space_delta for step in self.timeline if step.builds_or_runs) if self.timeline else None

    @property
    def scenario_written(self) -> int | None:
        """Bytes written to the disk while the images and containers were made."""
        return sum(step.bytes_written for step in self.timeline if step.builds_or_runs) if self.timeline else None


def status_block(host: Host) -> str:
    r"""The storage lines of ``docker info``, as its ``Server:`` block prints them.

    Examples
    --------
    >>> status_block(Host("mine", "btrfs", (("Btrfs", ""),)))
    ' Storage Driver: btrfs\n  Btrfs: \n'
    """
    return f" Storage Driver: {host.driver}\n" + "".join(f"  {key}: {value}\n" for key, value in host.status)
