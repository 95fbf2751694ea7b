"""A real Docker host's storage as plain data: the driver, its status pairs, Docker's sizes, and what the disk said.

`reading` fills it from what Docker prints; tables and figures put it beside a simulated driver. Values of the status
pairs stay the strings that Docker made of them: devicemapper prints ``194.8MB``, zfs raw bytes. How many images and
containers exist, and which of them are listed, are two things: a list may be a part (``docker images NAME``), and the
totals of ``docker system df`` come without any list.

LEAVES OUT: volumes, single records of the build cache, networks, security options.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.hosts.sizes import ZERO, Bound, Size, bound, printed_size

_MAKES_NO_LAYER = re.compile(
    r"(?:/bin/sh -c )?(?:#\(nop\) +)?(?:ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|"
    r"STOPSIGNAL|USER|VOLUME)\b"
)


@dataclass(frozen=True)
class HistorySize:
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

    `told_unique` is Docker's own "UNIQUE SIZE" where it printed one, and `in_use` the mark that releases from 29 on
    print instead of a count of containers. `layers` are DiffIDs and `history` is what made
    them, both from the bottom up, empty where the input has neither.

    Examples
    --------
    >>> steps = HistorySize("ADD rootfs.tar /", 70), HistorySize("CMD [sh]", 0), HistorySize("RUN rm /f", 0)
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
    history: tuple[HistorySize, ...] = ()
    in_use: bool | None = None
    other_tags: tuple[str, ...] = ()

    @property
    def unique(self) -> Size | None:
        """Bytes of the layers that no other image has: as told, else size - shared."""
        if self.told_unique is not None or self.size is None or self.shared is None:
            return self.told_unique
        return self.size - self.shared

    @property
    def used(self) -> bool | None:
        """Has it containers, running or not? None where that is not told."""
        return self.in_use if self.containers is None else self.containers > 0

    @cached_property
    def layer_bounds(self) -> tuple["LayerBound", ...] | None:
        """What is known of each layer, from the bottom up; `None` where the history and the layers do not fit.

        A step of 0 bytes may have made an empty layer (``RUN rm``) or none (``WORKDIR`` of a directory that exists),
        and Docker's API does not say. Steps with bytes made one each, in their order. So a layer is made by one of the
        steps before which there can be as many layers as lie below it, and behind which as many as lie above; it has
        the bytes of one of those. Layers that are not between such steps are known exactly.

        >>> steps = [HistorySize(*step) for step in (("ADD", 7), ("WORKDIR /a", 0), ("COPY", 5), ("RUN rm", 0))]
        >>> image = ImageSize("a:1", 12, layers=("sha256:1", "sha256:2", "sha256:3"), history=tuple(steps))
        >>> [(layer.own.low, layer.own.high) for layer in image.layer_bounds], image.layer_sizes
        ([(7, 7), (0, 5), (0, 5)], None)
        """
        wanted = len(self.layers)
        for optional in (_may_be_empty, lambda step: bound(step.size).low == 0):
            steps = [step for step in self.history if bound(step.size).low > 0 or optional(step)]
            if wanted == len(self.history):
                steps = list(self.history)
            if self.layers and len(steps) >= wanted >= sum(bound(step.size).low > 0 for step in steps):
                return tuple(_between(steps, wanted, number) for number in range(wanted))
        return None

    @property
    def layer_sizes(self) -> tuple[Size, ...] | None:
        """Bytes of each layer, from the bottom up; `None` where the history leaves one open (see `layer_bounds`)."""
        found = self.layer_bounds
        if found is None or any(layer.open for layer in found):
            return None
        return tuple(layer.own.low if layer.own.exact else layer.own for layer in found)


class LayerBound(NamedTuple):
    """A layer of an image: its own bytes, those with all layers below, and whether several steps may have made it."""

    own: Bound
    below: Bound
    open: bool


def _may_be_empty(step: HistorySize) -> bool:
    return bound(step.size).low == 0 and not step.only_configures


def _between(steps: Sequence[HistorySize], layers: int, number: int) -> LayerBound:
    """What the layer of this number has, by all the steps that can have made it."""
    sizes = [bound(step.size) for step in steps]
    filled = [0, *accumulate(size.low > 0 for size in sizes)]  # steps with bytes before each step: those made layers
    sums = [ZERO, *accumulate(sizes)]
    able = [
        at
        for at, size in enumerate(sizes)
        if filled[at] <= number <= at
        and filled[-1] - filled[at] - (size.low > 0) <= layers - 1 - number <= len(steps) - 1 - at
    ]
    own, below = [sizes[at] for at in able], [sums[at + 1] for at in able]
    return LayerBound(_hull(own), _hull(below), len(set(own)) > 1)


def _hull(bounds: Sequence[Bound]) -> Bound:
    highs = [each.high for each in bounds if each.high is not None]
    return Bound(min(each.low for each in bounds), max(highs) if len(highs) == len(bounds) else None)


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
class UsageTotals:
    """A line of ``docker system df``: how many there are, how many in use, their bytes, and those "reclaimable".

    `reclaimable` may be negative: releases around 1.13, and 23 to 25 with containerd's store, took off more than once
    what images share.
    """

    count: int | None = None
    active: int | None = None
    size: Size | None = None
    reclaimable: Size | None = None


@dataclass(frozen=True)
class TimelineStep:
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
    unlisted_images : int
        Images that exist, by ``docker system df`` or ``docker info``, and are not among `image_sizes`.
    image_totals, container_totals, cache_totals
        Lines of ``docker system df``; of the build cache also what its list adds up to.
    content_sizes : bool
        Whether sizes count compressed blobs, too, as containerd's store does.
    running_only : bool
        Whether the containers come from a list that may have left out those that do not run (``docker ps`` without -a).
    warnings : tuple of str
        What the client wrote between the status pairs.

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
    timeline: tuple[TimelineStep, ...] = ()
    origin: str = ""
    unlisted_images: int = 0
    image_totals: UsageTotals | None = None
    container_totals: UsageTotals | None = None
    cache_totals: UsageTotals | None = None
    content_sizes: bool = False
    running_only: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def containerd_store(self) -> bool:
        """Whether containerd's snapshotters keep the images (the default of a fresh Docker 29), and no graph driver."""
        return self.content_sizes or ("driver-type", "io.containerd.snapshotter.v1") in self.status

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
