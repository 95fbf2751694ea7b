"""What problems about layers share: small images on overlay2, and operations in a container.

A container's operation is one of ``append PATH``, ``chmod PATH``, ``create PATH``, ``rm PATH``, ``mkdir PATH``
(``rm`` of a directory takes all of it).
"""

from collections.abc import Sequence

from snapsim.base.errors import InvalidInput
from snapsim.base.units import KiB
from snapsim.course.quiz.topic import Dice
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.files.mounts.marks import whiteout

NAMES = ("a", "b", "c", "e", "f", "g", "h", "k")
DIRECTORIES = ("d", "lib", "var")
VERBS = ("append", "chmod", "create", "rm", "mkdir")
Layer = dict[str, int | None]
"""Path -> KiB of a file, -1 for a directory, None for a whiteout."""


def some_layers(dice: Dice, count: int) -> list[Layer]:
    """Layers of an image, the lowest first; each but the first changes, hides or adds something."""
    below: set[str] = set()
    layers: list[Layer] = []
    directories = dice.some(DIRECTORIES, 2)
    for number in range(count):
        layer: Layer = {}
        for name in dice.some(NAMES, dice.between(2, 4)):
            path = f"/{dice.pick(['', f'{directories[0]}/', f'{directories[1]}/'])}{name}"
            gone = number > 0 and path in below and dice.chance(55)
            layer[path] = None if gone else 4 * dice.between(1, 16)
            (below.discard if gone else below.add)(path)
        layers.append(layer)
    return layers


def told(layers: Sequence[Layer]) -> str:
    """The layers as a list, the lowest first."""
    lines = []
    for number, layer in enumerate(layers, start=1):
        parts = (
            f"`{path}` {'is deleted' if size is None else f'({size} KiB)'}" for path, size in sorted(layer.items())
        )
        lines.append(f"- layer {number}: {', '.join(parts)}")
    return "\n".join(lines)


def on_overlay(layers: Sequence[Layer]) -> Overlay2:
    """The image on overlay2, with a container "c" that is mounted; everything written and the caches cold."""
    driver, parent = Overlay2(), None
    for number, layer in enumerate(layers):
        driver.create(f"l{number}", parent)
        driver.apply_diff(f"l{number}", parent, Diff(tuple(_entries(layer))))
        parent = f"l{number}"
    driver.create_read_write("c", parent)
    driver.sync()
    driver.drop_caches()
    return driver


def _entries(layer: Layer) -> list[Entry]:
    made: dict[str, Entry] = {}
    for path, size in sorted(layer.items()):
        directory = path.rpartition("/")[0]
        if directory:
            made.setdefault(directory, Entry(directory, "directory"))
        made[path] = Entry(whiteout(path)) if size is None else Entry(path, size=size * KiB)
    return list(made.values())


def act(driver: Overlay2, operation: str) -> None:
    """Carry out an operation in the container.

    Raises
    ------
    InvalidInput
        It is not one, or it cannot be done.
    """
    verb, _, path = operation.strip().partition(" ")
    if verb not in VERBS or not path.startswith("/"):
        raise InvalidInput(f"{operation!r} is not allowed: one of {', '.join(VERBS)} and a path from / on")
    mount = driver.get("c")
    try:
        if verb == "append":
            mount.append(path, 1)
        elif verb == "chmod":
            mount.chmod(path, 0o600)
        elif verb == "create":
            mount.write(path, 0, 4 * KiB)
        elif verb == "rm":
            mount.remove_tree(path)
        else:
            mount.mkdir(path)
    except OSError as error:
        raise InvalidInput(f"{operation!r} cannot be done: {error.strerror}") from None
    finally:
        driver.put("c")


def files_of(driver: Overlay2) -> list[str]:
    """All files that the container sees, as paths."""
    mount, found, waiting = driver.get("c"), [], ["/"]
    while waiting:
        directory = waiting.pop()
        for name in mount.listdir(directory):
            path = f"{directory.rstrip('/')}/{name}"
            if mount.stat(path).kind == "directory":
                waiting.append(path)
            else:
                found.append(path)
    driver.put("c")
    return sorted(found)
