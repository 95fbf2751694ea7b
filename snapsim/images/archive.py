"""Real images: read the archive that a tool wrote, check every digest, and give its layers to an engine.

The tools are `docker save` (both layouts that it has had), `skopeo copy`, `umoci`, `buildah push`, `podman
save`: what they write is a docker archive or an OCI image layout, as a folder or a tar, and its layers are plain, gzip
or zstd. Three digests are checked: of each blob against its name, of the configuration (the image's id), and of each
layer's uncompressed tar against the DiffID in the configuration; a ChainID follows from those.

>>> image, = read_images(str(EXAMPLE))
>>> image.name, image.steps[1], [layer.diff.tar_size for layer in image.layers]
('example:1', 'RUN apt-get clean', [43342, 1092, 24278, 18893])
>>> read_images("nowhere.tar")  # doctest: +ELLIPSIS
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: nowhere.tar: No such file or directory: a tar of docker save, ...

What it leaves out: all of the configuration but DiffIDs and history (environment, entry point, platform), and writing.
"""

from dataclasses import dataclass

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table, parse_json
from snapsim.base.schema import shown
from snapsim.base.shipped import SHIPPED
from snapsim.drivers.diff import Diff, HistoryStep
from snapsim.images.archives.blobs import Blobs, open_blobs
from snapsim.images.archives.layer_tar import Contents, read_layer
from snapsim.images.archives.layouts import Blob, Parts, compare, find_images
from snapsim.images.archives.limits import Budget, Limits
from snapsim.images.archives.names import printable
from snapsim.images.archives.stream import compression, unpacked

EXAMPLE = SHIPPED / "images" / "example.tar"
"""An OCI image layout of four layers, built with buildah."""


@dataclass(frozen=True)
class ArchivedLayer:
    """A layer as an archive holds it.

    Attributes
    ----------
    contents : Contents
        The layer's diff, whose `digest` is the DiffID, and the numbers of members that were left out.
    packed : int
        Bytes in the archive.
    compression : str
        "gzip", "zstd", or empty.
    """

    contents: Contents
    packed: int
    compression: str = ""

    @property
    def diff(self) -> Diff:
        """The entries of the layer."""
        return self.contents.diff


@dataclass(frozen=True)
class ArchivedImage:
    """An image in an archive.

    Attributes
    ----------
    names : tuple of str
        The image's tags; empty for an image without a name.
    id : str
        Digest of the configuration: what Docker calls the image's id.
    layers : tuple of ArchivedLayer
        From the base up.
    history : tuple of HistoryStep
        The image's build steps; those that are not `empty` are as many as the layers.
    """

    names: tuple[str, ...]
    id: str
    layers: tuple[ArchivedLayer, ...]
    history: tuple[HistoryStep, ...]

    @property
    def name(self) -> str:
        """The first tag, or the start of the id."""
        return self.names[0] if self.names else self.id.partition(":")[2][:12]

    @property
    def steps(self) -> list[str]:
        """The command that made each layer."""
        return [step.created_by or step.comment for step in self.history if not step.empty]


def read_images(path: str, limits: Limits | None = None) -> list[ArchivedImage]:
    """Read all images of an archive.

    Parameters
    ----------
    path : str
        A tar file, which may be compressed; a folder; or ``-`` for standard input.
    limits : Limits, optional
        Upper limits for what is unpacked.

    Returns
    -------
    list of ArchivedImage
        A layer that two images share is one object.

    Raises
    ------
    InvalidInput
        No archive of images, or one that is damaged, hostile, or does not match its digests; the error names file and
        part.
    """
    limits = limits or Limits()
    with open_blobs(path, limits) as blobs:
        reader = _Reader(blobs, Budget(limits))
        return [reader.image(parts) for parts in find_images(blobs)]


class _Reader:
    """Reads images and keeps each layer by its blob and DiffID, since images share layers."""

    def __init__(self, blobs: Blobs, budget: Budget) -> None:
        self.blobs, self.budget = blobs, budget
        self.layers: dict[tuple[str, str], ArchivedLayer] = {}

    def image(self, parts: Parts) -> ArchivedImage:
        place = self.blobs.where(parts.config.name)
        raw, digest = self.blobs.read(parts.config.name, parts.config.algorithm)
        compare(parts.config, digest, len(raw), place)
        config = Table(parse_json(raw, place), place)
        ids = config.table("rootfs").items("diff_ids")
        if len(ids) != len(parts.layers):
            raise InvalidInput(f"{len(ids)} DiffIDs for {len(parts.layers)} layers: one for each is allowed", place)
        layers = tuple(self._layer(blob, id, place) for blob, id in zip(parts.layers, ids, strict=True))
        return ArchivedImage(parts.names, f"{parts.config.algorithm}:{digest}", layers, _history(config, len(layers)))

    def _layer(self, blob: Blob, id: object, place: str) -> ArchivedLayer:
        known = self.layers.get((blob.name, str(id)))
        if known is None:
            known = self.layers[blob.name, str(id)] = self._read(blob)
        if known.diff.digest != id:
            raise InvalidInput(
                f"its DiffID is {known.diff.digest}, and {shown(id)} by {place}", self.blobs.where(blob.name)
            )
        return known

    def _read(self, blob: Blob) -> ArchivedLayer:
        with self.blobs.open(blob.name, blob.algorithm) as packed:
            kind = compression(packed)
            with unpacked(packed, self.budget) as stream:
                contents = read_layer(stream, self.budget)
            packed.drain()
            compare(blob, packed.digest(blob.algorithm), packed.position, packed.place)
            return ArchivedLayer(contents, packed.position, kind)


def _history(config: Table, layers: int) -> tuple[HistoryStep, ...]:
    """The build steps, if they match the layers; a history is optional, and some tools write half of one."""
    steps = tuple(
        HistoryStep(_line(row, "created_by"), bool(row.value.get("empty_layer")), _line(row, "comment"))
        for row in config.rows("history")
    )
    return steps if sum(not step.empty for step in steps) == layers else (HistoryStep(""),) * layers


def _line(row: Table, key: str) -> str:
    value = row.value.get(key)
    return printable(value) if isinstance(value, str) else ""
