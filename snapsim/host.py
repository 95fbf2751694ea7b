"""A real Docker host's storage as plain data: the driver, its status pairs, Docker's sizes, and what the disk said.

`dockerdata` fills it from what Docker prints; tables and figures put it beside a simulated driver. Values of the
status pairs stay the strings that Docker made of them: devicemapper prints ``194.8MB``, zfs raw bytes.

LEAVES OUT: volumes, build cache, networks, security options.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSize:
    """One image in ``docker system df -v``, in bytes; `None` where Docker did not work it out."""

    tag: str
    size: int | None
    shared: int | None = None
    containers: int | None = None

    @property
    def unique(self) -> int | None:
        """Bytes of the layers that no other image has: size - shared."""
        return None if self.size is None or self.shared is None else self.size - self.shared


@dataclass(frozen=True)
class ContainerSize:
    """One container in ``docker ps -s``: bytes of its writable layer, and of that plus its image ("virtual")."""

    name: str
    image: str
    size_rw: int | None
    size_root_fs: int | None
    state: str = ""


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
    layers_size : int or None
        Bytes of all image layers, each once.
    image_sizes, container_sizes
        The rows of ``docker system df -v``.
    rounded : bool
        Whether the sizes come from the command line's text, which has four digits or fewer.
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
    layers_size: int | None = None
    image_sizes: tuple[ImageSize, ...] = ()
    container_sizes: tuple[ContainerSize, ...] = ()
    rounded: bool = False
    layers: tuple[LayerSize, ...] = ()
    timeline: tuple[Step, ...] = ()
    origin: str = ""

    @property
    def containerd_store(self) -> bool:
        """Whether containerd's snapshotters keep the images (the default of a fresh Docker 29), and no graph driver."""
        return ("driver-type", "io.containerd.snapshotter.v1") in self.status

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
