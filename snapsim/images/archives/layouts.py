"""Which images an archive holds, and where their parts lie, by the manifest of `docker save` or an OCI image layout.

- **docker save**: ``manifest.json`` names, for each image, a configuration, its tags and its layers. Old releases call
  a configuration ``DIGEST.json`` and a layer ``ID/layer.tar``; since 25.0 both are blobs of an OCI layout.
- **OCI image layout**: ``index.json`` names manifests (or indexes of more of them, one for each platform), a manifest
  names a configuration and layers, each by digest: a blob lies at ``blobs/ALGORITHM/DIGEST``.

An archive that is both is read by ``manifest.json``, as `docker load` does.
Sources: moby `image/tarexport`, OCI image-spec `image-layout.md`, `image-index.md`, `manifest.md`.

What it leaves out: archives of before Docker 1.10 (``repositories`` alone), layers that lie elsewhere (``urls``),
signatures, and manifests that are no images (attestations of BuildKit: passed over).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from snapsim.base.errors import InvalidInput
from snapsim.base.foreign_json import Table
from snapsim.images.archives.blobs import Blobs
from snapsim.images.archives.names import clean, printable

ALGORITHMS = {"sha256": 64, "sha512": 128}  # and their hexadecimal digits
_DEEPEST = 4  # indexes in indexes
_MOST = 1000  # images, and layers of one
_LIST = "manifest.list.v2+json", "image.index.v1+json"


@dataclass(frozen=True)
class Blob:
    """A part of an archive: its name, its digest (ALGORITHM:HEX, empty if not given), its size (-1 if not given)."""

    name: str
    digest: str = ""
    size: int = -1

    @property
    def algorithm(self) -> str:
        """The hash algorithm of the digest; sha256 if no digest is given."""
        return self.digest.partition(":")[0] or "sha256"


@dataclass(frozen=True)
class Parts:
    """An image: its names, and where its configuration and its layers lie, from the base up."""

    names: tuple[str, ...]
    config: Blob
    layers: tuple[Blob, ...]


def find_images(blobs: Blobs) -> list[Parts]:
    """All images of an archive, in its order.

    Raises
    ------
    InvalidInput
        Neither of the two layouts, no image in it, or a manifest that is not as its format says.
    """
    if blobs.has("manifest.json"):
        found = list(_docker(blobs))
    elif blobs.has("index.json"):
        found = list(_index(blobs, "index.json", _DEEPEST))
    else:
        raise InvalidInput(
            "neither manifest.json nor index.json in it: a docker save archive or an OCI image layout is allowed",
            blobs.place,
        )
    if not found:
        raise InvalidInput("names no image: one or more are allowed", blobs.place)
    return found


def _docker(blobs: Blobs) -> Iterator[Parts]:
    place = blobs.where("manifest.json")
    for row in _rows(Table({"images": blobs.json("manifest.json")}, place), "images"):
        tags = [printable(tag) for tag in row.items("RepoTags") if isinstance(tag, str)]
        layers = [_text(name, row, f"Layers[{number}]") for number, name in enumerate(_bounded(row, "Layers"))]
        config = _text(row.value.get("Config"), row, "Config")
        yield Parts(tuple(tags), _named(config), tuple(_named(name) for name in layers))


def _text(value: object, row: Table, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise row.wrong(value, "the name of a part", key)
    clean(value, f"{row.file}: {key}")
    return value


def _named(name: str) -> Blob:
    """A part whose name may be its digest."""
    match = re.fullmatch(r"(?:blobs/sha256/([0-9a-f]{64})|([0-9a-f]{64})\.json)", name)
    return Blob(name, f"sha256:{match[1] or match[2]}" if match else "")


# ---------------------------------------------------------------- OCI


def _index(blobs: Blobs, name: str, levels: int, called: str = "") -> Iterator[Parts]:
    """The images of an index; an image without a name of its own gets that of the index (`called`)."""
    index = Table(blobs.json(name), blobs.where(name))
    if not levels:
        raise InvalidInput(f"an index in {_DEEPEST} indexes: fewer are allowed", index.file)
    rows = [row for row in _rows(index, "manifests") if row.table("platform").value.get("os") != "unknown"]
    there = [row for row in rows if blobs.has(_blob(row).name)]
    for row in there or rows[:1]:  # an index may name platforms that were not saved
        blob = _blob(row)
        if row.text("mediaType").endswith(_LIST):
            yield from _index(blobs, checked(blobs, blob), levels - 1, _name(row) or called)
        else:
            yield _manifest(blobs, blob, _name(row) or called)


def _manifest(blobs: Blobs, blob: Blob, name: str) -> Parts:
    manifest = Table(blobs.json(checked(blobs, blob)), blobs.where(blob.name))
    if not manifest.value.get("layers") and manifest.has("manifests"):
        raise InvalidInput("an index that is called a manifest: mediaType says which it is", manifest.file)
    layers = tuple(_blob(row) for row in _rows(manifest, "layers"))
    return Parts((name,) if name else (), _blob(manifest.table("config")), layers)


def checked(blobs: Blobs, blob: Blob) -> str:
    """The name of a small part, after a check that its bytes have the digest that they should have."""
    raw, digest = blobs.read(blob.name, blob.algorithm)
    compare(blob, digest, len(raw), blobs.where(blob.name))
    return blob.name


def compare(blob: Blob, digest: str, size: int, place: str) -> None:
    """Check that a part is what the archive says it is; InvalidInput if not."""
    if blob.size not in (-1, size):
        raise InvalidInput(f"has {size:,} bytes, and {blob.size:,} by its descriptor", place)
    if blob.digest and blob.digest.partition(":")[2] != digest:
        raise InvalidInput(f"its digest is {blob.algorithm}:{digest}, and should be {blob.digest}", place)


def _rows(table: Table, key: str) -> list[Table]:
    _bounded(table, key)
    return table.rows(key)


def _bounded(table: Table, key: str) -> list[object]:
    items = table.items(key)
    if len(items) > _MOST:
        raise table.wrong(items, f"a list of at most {_MOST}", key)
    return items


def _name(row: Table) -> str:
    notes = row.table("annotations")
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return next((printable(notes.value[key]) for key in keys if isinstance(notes.value.get(key), str)), "")


def _blob(row: Table) -> Blob:
    digest = row.text("digest")
    algorithm, _, digits = digest.partition(":")
    if not re.fullmatch(r"[0-9a-f]{64,128}", digits) or len(digits) != ALGORITHMS.get(algorithm):
        raise row.wrong(digest, f"a digest: {' or '.join(ALGORITHMS)}, a colon and its hexadecimal digits", "digest")
    size = row.whole("size")
    return Blob(f"blobs/{algorithm}/{digits}", digest, -1 if size is None else size)
