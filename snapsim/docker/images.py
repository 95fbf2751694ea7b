"""Images: a stack of layers, a history, and the tags that point to it.

An image is its configuration, and its id is the digest of that. The builder makes an image of every step, so
there are **intermediate** images, without a tag, that are the parents of others: `docker images` hides them, `docker
info` counts them. Source: moby 20.10 `image/store.go`, `daemon/images`.

What it leaves out: digests of repositories. Of the configuration the engine knows layers and history alone (so that ids
are the model's own); what a client says of environment and command is kept, and not looked into.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snapsim.base.errors import NotFound
from snapsim.docker.image_name import full_name
from snapsim.docker.layer_store import Layer
from snapsim.drivers.diff import HistoryStep


@dataclass
class Image:
    """An image.

    Attributes
    ----------
    id : str
        SHA-256 of the model's configuration; Docker's has more in it.
    layer : Layer or None
        The top one; None for an image without layers.
    history : tuple of HistoryStep
        From the first step on.
    parent : str
        Id of the image that the builder or commit started from; empty where there is none (pull, import).
    created : int
        A number that grows from image to image.
    config : mapping
        Environment, command and so on, as the Engine API calls them; the engine does not look into it.
    made, tagged : int
        Nanoseconds since 1970 by the clock of the event log: when it was made, and when it last got a tag.
    about : mapping of str to str
        ``author``, ``comment`` and ``container`` where they are known.
    """

    id: str
    layer: Layer | None
    history: tuple[HistoryStep, ...]
    parent: str = ""
    created: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    made: int = 0
    tagged: int = 0
    about: Mapping[str, str] = field(default_factory=dict)

    def layers(self) -> list[Layer]:
        """From the base up."""
        return self.layer.chain() if self.layer else []

    @property
    def size(self) -> int:
        """Docker's Size: the recorded sizes of all layers."""
        return sum(layer.size for layer in self.layers())


def image_id(layer: Layer | None, history: tuple[HistoryStep, ...], created: int = 0) -> str:
    """SHA-256 over the configuration that the model has: DiffIDs, history, and what stands in for the time.

    The same container committed twice gives two images, since the time is in the configuration; `created` is 0 for
    an image that comes from elsewhere, where it was made once.
    """
    diff_ids = [each.diff_id for each in (layer.chain() if layer else [])]
    config = {
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [[step.created_by, step.empty, step.comment] for step in history],
    }
    return "sha256:" + hashlib.sha256(json.dumps(config).encode()).hexdigest()


@dataclass
class ImageStore:
    """The images of one driver, and their tags."""

    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # name:tag -> id

    def find(self, name: str) -> Image:
        """An image by its tag, its id, or the start of its id.

        Raises
        ------
        NotFound
            No image, or more than one, has that name.
        """
        if full_name(name) in self.tags:
            return self.images[self.tags[full_name(name)]]
        bare = name.removeprefix("sha256:")
        found = [id for id in self.images if bare and id.removeprefix("sha256:").startswith(bare)]
        if len(found) != 1:
            raise NotFound(f"No such image: {full_name(name)}")
        return self.images[found[0]]

    def tags_of(self, id: str) -> list[str]:
        """All its tags, sorted."""
        return sorted(tag for tag, tagged in self.tags.items() if tagged == id)

    def children(self, id: str) -> list[Image]:
        """Images that have it as their parent."""
        return [image for image in self.images.values() if image.parent == id]

    def dangling(self, image: Image) -> bool:
        """No tag, and no child: nothing but an id is left of its name."""
        return not self.tags_of(image.id) and not self.children(image.id)

    def listed(self) -> list[Image]:
        """What `docker images` and `docker system df` list, newest first: all but intermediate images."""
        shown = [image for image in self.images.values() if self.tags_of(image.id) or not self.children(image.id)]
        return sorted(shown, key=lambda image: -image.created)
