"""Sizes that Docker reports: of images that share layers, and of containers."""

from snapsim.base.units import KiB
from snapsim.course.quiz.topic import Dice, Draft, Question, Topic
from snapsim.course.quiz.topics.volume_words import traps
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.disk_usage import usage
from snapsim.docker.engine import Engine
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.graphdrivers.overlay2 import Overlay2

_RULE = (
    "An image's Size is the sum of its layers; SharedSize is the part in layers that another image has, too. "
    "SizeRw counts the container's own files whole, so a copied-up file counts in full; SizeRootFs adds the "
    "image's Size. Layers that images share lie on disk once."
)
_ONCE = "a layer that two images have is there once"
_UP = "the changed file is copied up: all of it counts"


def _state(dice: Dice, level: int) -> Draft:
    engine = Engine(lambda name, options: Overlay2(), DaemonConfig("overlay2"))
    base = [_layer(dice, number) for number in range(level)]
    own = {name: _layer(dice, 10 + number) for number, name in enumerate(("web", "db"))}
    for name, layer in own.items():
        engine.pull(name, [_diff(part) for part in [*base, layer]])
    changed = dice.pick(sorted(base[0]))
    fresh = 4 * dice.between(1, 20)
    with engine.running("web", "box") as mount:
        mount.append(changed, 1)
        mount.write("/new", 0, fresh * KiB)
    found = usage(engine)
    (box,) = found.containers
    images = {tag.partition(":")[0]: image for image in found.images for tag in image.tags}
    size, shared = images["web"].size // KiB, found.shared(images["web"]) // KiB
    rw, whole = box.size_rw - 1, box.size_root_fs - 1
    layers = "\n".join(
        [f"- base layer {number}: {_told(part)}" for number, part in enumerate(base, start=1)]
        + [f"- layer of {name}: {_told(part)}" for name, part in own.items()]
    )
    total = found.layers_size // KiB
    both = size + images["db"].size // KiB
    return Draft(
        f"Two images, web and db, on the same base:\n\n{layers}\n\nA container of web appends a few bytes to "
        f"`{changed}` and writes a new file of {fresh} KiB. Driver: overlay2; in KiB, the appended bytes left out:",
        _RULE,
        (
            Question("Size of web", size, traps(size, {size - shared: "the base counts, too"})),
            Question(
                "SharedSize of web", shared, traps(shared, {0: "both have the base", size: "its own layer is its own"})
            ),
            Question("SizeRw of the container", rw // KiB, traps(rw // KiB, {fresh: _UP})),
            Question(
                "SizeRootFs of the container",
                whole // KiB,
                traps(whole // KiB, {size + fresh: _UP, rw // KiB: "and the image"}),
            ),
            Question("LayersSize: all layers on disk", total, traps(total, {both: _ONCE})),
        ),
    )


def _layer(dice: Dice, number: int) -> dict[str, int]:
    """Path -> KiB."""
    return {f"/f{number}{letter}": 4 * dice.between(1, 40) for letter in "xyz"[: dice.between(1, 2)]}


def _diff(layer: dict[str, int]) -> Diff:
    return Diff(tuple(Entry(path, size=size * KiB, mtime=0) for path, size in layer.items()))


def _told(layer: dict[str, int]) -> str:
    return ", ".join(f"`{path}` {size} KiB" for path, size in layer.items())


TOPIC = Topic("docker-sizes", "Sizes that Docker reports", _state)
