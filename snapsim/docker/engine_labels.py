"""What the layers of a driver are to the engine: of which image or container, and made by which step.

What it leaves out: intermediate images, which go with the last image that was built on them.
"""

from collections.abc import Iterator

from snapsim.docker.containers import Home
from snapsim.docker.images import Image
from snapsim.drivers.ledger import Label


def labels_of(home: Home) -> dict[str, Label]:
    """A label for every layer of an image that is listed, and for both layers of every container.

    Two images that have a layer in common are both its users; the step is that of the older one.

    Examples
    --------
    >>> from snapsim.drivers.graphdrivers import Vfs
    >>> from snapsim.drivers.diff import HistoryStep
    >>> from snapsim.drivers.diff import Diff, Entry
    >>> from snapsim.docker.layer_store import LayerStore
    >>> home = Home(LayerStore(Vfs()), {})
    >>> layer = home.layers.register(Diff((Entry("/f", size=5),)))
    >>> steps = (HistoryStep("ENV a=b", empty=True), HistoryStep("COPY f /f"))
    >>> home.images.images["sha256:1"] = Image("sha256:1", layer, steps)
    >>> home.images.tags["base:1"] = "sha256:1"
    >>> list(labels_of(home).values())
    [Label(users=('base:1',), step='COPY f /f', kind='image')]
    """
    found: dict[str, Label] = {}
    for image in reversed(home.images.listed()):
        for id, step in _layers(image):
            label = found.get(id, Label((), step))
            found[id] = label._replace(users=(*label.users, _name(home, image)))
    for box in home.containers.values():
        for id, step in ((f"{box.id}-init", f"create {box.name}"), (box.id, f"run {box.name}")):
            found[id] = Label((box.name,), step, "container")
    return found


def _name(home: Home, image: Image) -> str:
    """All its tags, or the start of its id."""
    return ", ".join(home.images.tags_of(image.id)) or f"<none>@{image.id.removeprefix('sha256:')[:12]}"


def _layers(image: Image) -> Iterator[tuple[str, str]]:
    """Each layer's cache id and its step: those of the history that made a layer, in order."""
    steps = [step.created_by or step.comment for step in image.history if not step.empty]
    layers = image.layers()
    yield from zip((layer.cache_id for layer in layers), steps + [""] * (len(layers) - len(steps)), strict=False)
