"""Copy-up and whiteouts: what a container's own layer holds after some operations, and what was copied for it."""

from collections.abc import Sequence

from snapsim.base.errors import InvalidInput
from snapsim.base.units import KiB
from snapsim.block.device import counting
from snapsim.course.quiz.topic import Dice, Draft, Goal, Question, Topic
from snapsim.course.quiz.topics.layer_words import Layer, act, on_overlay, some_layers
from snapsim.course.quiz.topics.layer_words import told as layers_told
from snapsim.course.quiz.topics.volume_words import told, traps
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.files.inode import Inode

_RULE = (
    "overlay2 copies a whole file into the container's layer before its first change, if only the mode changes, "
    "too. A file of the image that is deleted leaves a whiteout; one that only the container had leaves nothing."
)
_VERBS = "`append /path`, `chmod /path`, `create /path`, `rm /path`"


def _state(dice: Dice, level: int) -> Draft:
    layers, operations = _story(dice, level)
    driver = on_overlay(layers)
    with counting(*driver.devices) as io:
        for operation in operations:
            act(driver, operation)
        driver.sync()
    copied = io.counts.bytes("write", "copy") // KiB
    files, whiteouts = _own(driver)
    changed = frozenset(op.split()[1] for op in operations if op.startswith(("append", "chmod", "create")))
    removed = frozenset(op.split()[1] for op in operations if op.startswith("rm"))
    return Draft(
        f"{_image(layers)} In a container on overlay2 (ext4):\n\n{told(operations)}\n\n"
        "`append` adds one byte, `create` makes a file of 4 KiB.",
        _RULE,
        (
            Question(
                "files in the container's own layer",
                files,
                traps(
                    files,
                    {changed: "what was deleted afterwards is gone", frozenset(): "a change takes the whole file up"},
                ),
            ),
            Question(
                "whiteouts in it",
                whiteouts,
                traps(
                    whiteouts,
                    {
                        removed: "a whiteout hides something of the image; without that there is nothing to hide",
                        frozenset(): "the image cannot be changed: that a file is gone has to be written down",
                    },
                ),
            ),
            Question(
                "KiB copied up",
                copied,
                traps(
                    copied,
                    {0: "the file is copied before it is changed", 4 * len(changed): "the whole file, not a block"},
                ),
            ),
        ),
    )


def _operations(dice: Dice, level: int) -> Draft:
    layers, operations = _story(dice, level)
    files, whiteouts = _own(_played(layers, operations))
    words = (
        f"files {', '.join(f'`{path}`' for path in sorted(files)) or 'none'}; "
        f"whiteouts {', '.join(f'`{path}`' for path in sorted(whiteouts)) or 'none'}"
    )

    def reach(said: Sequence[str]) -> tuple[str, float]:
        got_files, got_whiteouts = _own(_played(layers, said))
        wanted, got = files | {f"-{path}" for path in whiteouts}, got_files | {f"-{path}" for path in got_whiteouts}
        share = len(wanted & got) / max(len(wanted | got), 1)
        problem = f"that leaves files {sorted(got_files)} and whiteouts {sorted(got_whiteouts)}"
        return ("" if wanted == got else problem), share

    story = f"{_image(layers)}\n\nAfter some operations the layer of a container on overlay2 holds: {words}."
    return Draft(story, _RULE, goal=Goal(_VERBS, tuple(operations), reach))


def _image(layers: Sequence[Layer]) -> str:
    return f"An image, the lowest layer first:\n\n{layers_told(layers)}\n\n"


def _story(dice: Dice, level: int) -> tuple[list[Layer], list[str]]:
    layers = some_layers(dice, 1 + level)
    there = _files(layers)
    operations: list[str] = []
    for _ in range(3 + level):
        verb = dice.pick(("append", "chmod", "rm", "create"))
        if verb == "create" or not there:
            path = f"/new{len(operations)}"
            operations.append(f"create {path}")
            there.append(path)
            continue
        path = dice.pick(there)
        operations.append(f"{verb} {path}")
        if verb == "rm":
            there.remove(path)
    return layers, operations


def _files(layers: Sequence[Layer]) -> list[str]:
    """What a container sees of an image's files."""
    seen: dict[str, None] = {}
    for layer in layers:
        for path, size in layer.items():
            seen.pop(path, None)
            if size is not None:
                seen[path] = None
    return list(seen)


def _played(layers: Sequence[Layer], operations: Sequence[str]) -> Overlay2:
    if len(operations) > 50:
        raise InvalidInput("more than 50 operations are not allowed")
    driver = on_overlay(layers)
    for operation in operations:
        act(driver, operation)
    return driver


def _own(driver: Overlay2) -> tuple[frozenset[str], frozenset[str]]:
    """The files and the whiteouts of the container's layer, as paths."""
    files: set[str] = set()
    whiteouts: set[str] = set()
    waiting = [("", driver.directory("c"))]
    while waiting:
        path, directory = waiting.pop()
        for name, inode in directory.entries.items():
            _sort(f"{path}/{name}", inode, files, whiteouts, waiting)
    return frozenset(files), frozenset(whiteouts)


def _sort(path: str, inode: Inode, files: set[str], whiteouts: set[str], waiting: list[tuple[str, Inode]]) -> None:
    if inode.kind == "directory":
        waiting.append((path, inode))
    elif inode.kind == "device" and inode.rdev == (0, 0):
        whiteouts.add(path)
    else:
        files.add(path)


TOPIC = Topic("copy-up", "Copy-up and whiteouts", _state, _operations)
