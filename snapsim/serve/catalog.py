"""What `docker pull` finds: the images of ``--images``, which no registry is asked for.

>>> catalog = Catalog([Offer("busybox:1", "sha256:1f", (), ())])
>>> catalog.find("busybox:1").id
'sha256:1f'
>>> catalog.find("nope:1")
Traceback (most recent call last):
snapsim.serve.errors.Refused: pull access denied for nope, repository does not exist or may require 'docker login': \
denied: requested access to the resource is denied

What it leaves out: registries.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.drivers.diff import Diff, HistoryStep
from snapsim.images.archive import read_images
from snapsim.serve.course_images import course
from snapsim.serve.errors import Refused
from snapsim.serve.names import familiar


@dataclass(frozen=True)
class Offer:
    """An image that can be pulled: its name, the id that it will have (empty: the model's own), layers and steps."""

    name: str
    id: str
    layers: tuple[Diff, ...]
    history: tuple[HistoryStep, ...]
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)


class Catalog:
    """Images by their names."""

    def __init__(self, offers: Iterable[Offer] = ()) -> None:
        self.offers = {offer.name: offer for offer in offers}

    def find(self, name: str) -> Offer:
        """The image of this name and tag; `Refused` (404), in Docker's words, where there is none."""
        if name in self.offers:
            return self.offers[name]
        repository, _, tag = name.rpartition(":")
        if any(offer.rpartition(":")[0] == repository for offer in self.offers):
            full = repository if "." in repository.partition("/")[0] else f"docker.io/{_library(repository)}"
            raise Refused(404, f"manifest for {name} not found: manifest unknown: manifest unknown ({full}:{tag})")
        raise Refused(
            404,
            f"pull access denied for {repository}, repository does not exist or may require 'docker login': denied: "
            "requested access to the resource is denied",
        )


def _library(repository: str) -> str:
    return repository if "/" in repository else f"library/{repository}"


def open_catalog(where: str) -> Catalog:
    """The images of ``--images``: ``course``, an archive, a folder of archives, or nothing.

    Raises
    ------
    InvalidInput
        No such file, or an archive that cannot be read.
    """
    if not where:
        return Catalog()
    if where == "course":
        return Catalog(Offer(image.name, "", image.layers, image.history, image.config) for image in course())
    return Catalog(_read(Path(where)))


def _read(path: Path) -> Iterable[Offer]:
    if not path.exists():
        raise InvalidInput(f"{str(path)!r} is not there: course, an archive of images, or a folder of archives",
                           "--images")  # fmt: skip
    folder = path.is_dir() and not (path / "oci-layout").exists() and not (path / "manifest.json").exists()
    for archive in sorted(path.iterdir()) if folder else [path]:
        for image in read_images(str(archive)):
            for name in image.names:
                yield Offer(familiar(name), image.id, tuple(layer.diff for layer in image.layers), image.history)
