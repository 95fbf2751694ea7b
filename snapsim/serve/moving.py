"""Images that come and go: pull, import, load, save, commit, remove, prune: the engine's verbs in Docker's words.

What it leaves out: registries, signatures, and images of another platform.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from snapsim.base.errors import InvalidInput
from snapsim.docker.containers import Container
from snapsim.docker.disk_usage import usage
from snapsim.docker.engine import Engine
from snapsim.docker.images import Image
from snapsim.docker.layer_store import Layer
from snapsim.docker.removal import pruned_images, rmi
from snapsim.drivers.diff import Diff
from snapsim.images.archive import ArchivedImage, read_images
from snapsim.serve import dockerfile, tars
from snapsim.serve.catalog import Offer
from snapsim.serve.daemon import Daemon
from snapsim.serve.errors import Refused
from snapsim.serve.names import familiar
from snapsim.serve.shapes import configs
from snapsim.serve.shapes.times import stamp


def pull(daemon: Daemon, name: str, offer: Offer) -> Iterator[dict[str, Any]]:
    """`docker pull`: the lines of its progress; layers that are here are not fetched again."""
    repository, _, tag = name.rpartition(":")
    full = (
        repository if "." in repository.partition("/")[0] else f"{'' if '/' in repository else 'library/'}{repository}"
    )
    yield {"status": f"Pulling from {full}", "id": tag}
    before = daemon.engine.home.images.tags.get(name)
    shorts = [_short_of(diff, number) for number, diff in enumerate(offer.layers)]
    known = _known(daemon.engine, offer)
    for short, here in zip(shorts, known, strict=True):
        yield {"status": "Already exists" if here else "Pulling fs layer", "progressDetail": {}, "id": short}
    image = daemon.engine.pull(name, offer.layers, offer.history, offer.id)
    if not image.config:
        image.config = dict(offer.config)
    for short, here, diff in zip(shorts, known, offer.layers, strict=True):
        if not here:
            total = diff.tar_size
            yield {"status": "Downloading", "progressDetail": {"current": total, "total": total}, "id": short}
            yield {"status": "Download complete", "progressDetail": {}, "id": short}
    for short, here in zip(shorts, known, strict=True):
        if not here:
            yield {"status": "Pull complete", "progressDetail": {}, "id": short}
    yield {"status": f"Digest: {_digest_of(image)}"}
    fresh = "Image is up to date for" if before == image.id else "Downloaded newer image for"
    yield {"status": f"Status: {fresh} {name}"}


def _known(engine: Engine, offer: Offer) -> list[bool]:
    """Which of the layers are here."""
    found: list[bool] = []
    below: Layer | None = None
    for diff in offer.layers:
        layer = engine.home.layers.find(diff, below) if not found or found[-1] else None
        found.append(layer is not None)
        below = layer
    return found


def _short_of(diff: Diff, number: int) -> str:
    return hashlib.sha256(f"{number} {diff.digest} {diff.tar_size} {len(diff.entries)}".encode()).hexdigest()[:12]


def _digest_of(image: Image) -> str:
    return "sha256:" + hashlib.sha256(f"manifest {image.id}".encode()).hexdigest()


def import_image(daemon: Daemon, file: BinaryIO, name: str, changes: Sequence[str], message: str) -> Image:
    """`docker import`: an archive of a tree becomes an image of one layer."""
    engine = daemon.engine
    diff = Diff(tars.entries(file))
    image = engine.import_(diff, name)
    image.config = dockerfile.changed(configs.for_image({}), changes)
    image.about = {"comment": message}
    return image


def load(daemon: Daemon, file: BinaryIO) -> list[str]:
    """`docker load`: the texts that it prints."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as copy:
        while piece := file.read(1 << 20):
            copy.write(piece)
        copy.flush()
        try:
            images = read_images(copy.name)
        except InvalidInput as error:
            raise Refused(400, f"Error processing tar file: {error.problem}") from None
        configs_of = archived_configs(Path(copy.name))
    texts = []
    for image in images:
        texts += _load(daemon, image, configs_of.get(image.id, {}))
    return texts


def _load(daemon: Daemon, archived: ArchivedImage, said: Mapping[str, Any]) -> list[str]:
    engine = daemon.engine
    names = [familiar(name) for name in archived.names]
    diffs = [layer.diff for layer in archived.layers]
    image = engine.load(names, diffs, archived.history, archived.id)
    if not image.config:
        image.config = dict(said.get("config") or {})
    return [f"Loaded image: {name}" for name in names] or [f"Loaded image ID: {image.id}"]


def archived_configs(path: Path) -> dict[str, dict[str, Any]]:
    """The configurations in an archive that was checked, by the id of their images."""
    import tarfile

    found: dict[str, dict[str, Any]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isreg() and member.size < 1 << 20:
                source = archive.extractfile(member)
                raw = source.read() if source else b""
                if raw.startswith(b"{") and b'"rootfs"' in raw:
                    found["sha256:" + hashlib.sha256(raw).hexdigest()] = json.loads(raw)
    return found


def save(daemon: Daemon, names: Sequence[str]) -> Iterator[bytes]:
    """`docker save`: an archive of images, in the layout that docker load of all releases takes."""
    engine = daemon.engine
    images = [(engine.image(name), name) for name in names]
    return _save(engine, images)


def _save(engine: Engine, images: Sequence[tuple[Image, str]]) -> Iterator[bytes]:
    manifest: list[dict[str, Any]] = []
    written: dict[str, str] = {}
    for image, name in images:
        layers = []
        for layer in image.layers():
            if layer.chain_id not in written:
                content = layer_archive(engine, layer)
                diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
                written[layer.chain_id] = diff_id
                yield from _member(f"{diff_id[7:]}.tar", content)
            layers.append(written[layer.chain_id])
        config = json.dumps(saved_config(image, layers)).encode()
        named = f"{hashlib.sha256(config).hexdigest()}.json"
        yield from _member(named, config)
        tags = engine.home.images.tags_of(image.id)
        by_id = name.removeprefix("sha256:") and image.id.removeprefix("sha256:").startswith(
            name.removeprefix("sha256:")
        )
        shown = None if by_id else [tag for tag in tags if tag in (name, f"{name}:latest")] or tags
        manifest.append({"Config": named, "RepoTags": shown, "Layers": [f"{each[7:]}.tar" for each in layers]})
    yield from _member("manifest.json", json.dumps(manifest).encode())
    yield tars.END


def saved_config(image: Image, diff_ids: Sequence[str]) -> dict[str, Any]:
    """The configuration of an image that is saved."""
    history = [
        {
            "created": stamp(step.made),
            **({"created_by": step.created_by} if step.created_by else {}),
            **({"comment": step.comment} if step.comment else {}),
            **({"empty_layer": True} if step.empty else {}),
        }
        for step in image.history
    ]
    return {
        "architecture": "amd64",
        "config": configs.for_image(image.config),
        "created": stamp(image.made),
        "history": history,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }


def layer_archive(engine: Engine, layer: Layer) -> bytes:
    """The archive of a layer, as it is read back from the driver: its entries with their bytes."""
    below = layer.parent.cache_id if layer.parent else None
    return b"".join(tars.of_diff(engine.driver.diff(layer.cache_id, below)))


def _member(name: str, content: bytes) -> Iterator[bytes]:
    import tarfile

    info = tarfile.TarInfo(name)
    info.size = len(content)
    yield info.tobuf(tarfile.PAX_FORMAT)
    yield content
    yield bytes(-len(content) % tarfile.BLOCKSIZE)


# -------------------------------------------------------------------- commit and remove


_OF_CONTAINERS = ("HostConfig", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce")


def commit(
    daemon: Daemon, box: Container, name: str, said: Mapping[str, Any], changes: Sequence[str], *, author: str,
    comment: str, pause: bool
) -> Image:  # fmt: skip
    """`docker commit`: the container's configuration, and what `changes` say, are the image's."""
    asked = {key: value for key, value in box.asked.items() if key not in _OF_CONTAINERS}
    config = dockerfile.changed(configs.for_image(asked), changes)
    image = daemon.engine.commit(box.id, name, pause=pause)
    image.config = config
    image.about = {"author": author, "comment": comment, "container": box.id}
    return image


def remove_image(daemon: Daemon, name: str, force: bool) -> list[str]:
    """`docker rmi`: the records that it prints."""
    return rmi(daemon.engine, name, force)


def prune_images(daemon: Daemon, every: bool) -> tuple[list[str], int]:
    """`docker image prune`: records and bytes."""
    return pruned_images(daemon.engine, every)


def shared_sizes(engine: Engine) -> dict[str, int]:
    """SharedSize of every listed image."""
    found = usage(engine)
    return {image.id: found.shared(image) for image in found.images}
