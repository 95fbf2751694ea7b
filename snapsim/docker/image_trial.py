"""Images whose file trees are known, really applied on every driver: exact figures in the place of bounds.

>>> from snapsim.drivers.diff import Diff, Entry
>>> image = ("web:1", [Diff((Entry("/big", size=1 << 20),)), Diff((Entry("/.wh.big"), Entry("/small", size=10))) ])
>>> for trial in of_images([image], ["overlay2-ext4", "vfs-ext4"], containers=2):
...     print(trial.stack, trial.images, trial.containers, trial.first_write.path, trial.first_write.written)
overlay2-ext4 1052672 0 /small 8192
vfs-ext4 1052672 16384 /small 4096

What it leaves out: metadata, as the drivers do, and what the containers do after they were made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.block.device import counting
from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.drivers.diff import Diff
from snapsim.files.mounts.mount import Mount
from snapsim.lab.stacks import STACKS, Stack

Named = tuple[str, Sequence[Diff]]


class LargestFile(NamedTuple):
    """The largest file that the first image shows, and what writing its first byte in a container reads and writes."""

    path: str
    size: int
    read: int
    written: int


@dataclass(frozen=True)
class Trial:
    """Bytes on one stack, all exact but for metadata.

    Attributes
    ----------
    stack, driver : str
    images : int
        What all images take.
    containers : int
        What all containers take on top, as long as they did nothing.
    cache : int
        In memory, once each container has read all its files.
    first_write : LargestFile
    prune, prune_all : int
        What removing all containers gives back after that write; and the images, too.
    """

    stack: str
    driver: str
    images: int
    containers: int
    cache: int
    first_write: LargestFile
    prune: int
    prune_all: int

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "first_write": self.first_write._asdict()}


def of_images(images: Sequence[Named], stacks: Iterable[str] | None = None, containers: int = 1) -> list[Trial]:
    """Apply images on stacks, make so many containers of each, let them read all, and write one byte.

    Parameters
    ----------
    images : sequence of (str, sequence of Diff)
        Names and layers, from the base up; equal layers on equal layers are shared.
    stacks : iterable of str, optional
        Names of `snapsim.lab.stacks.STACKS`; all that a daemon can stand on when left out.
    containers : int
        Of each image, 1 at least.

    Raises
    ------
    InvalidInput
        No image, no container, a name that is twice there, or no room on a stack.
    """
    if not images or containers < 1:
        raise InvalidInput(f"{len(images)} images and {containers} containers are not allowed: 1 at least of both")
    names = [stack.name for stack in STACKS.values() if stack.driver != "plain"] if stacks is None else stacks
    return [_trial(STACKS[name], images, containers) for name in names]


def _trial(stack: Stack, images: Sequence[Named], containers: int) -> Trial:
    engine = Engine(lambda driver, options: stack.make(), DaemonConfig(stack.driver))
    try:
        return _carried_out(stack, engine, images, containers)
    except OSError as error:
        raise InvalidInput(f"no room on {stack.name}: {error.strerror}") from None


def _carried_out(stack: Stack, engine: Engine, images: Sequence[Named], containers: int) -> Trial:
    driver = engine.driver
    for name, layers in images:
        engine.pull(name, layers)
    driver.sync()
    space = [driver.space()]
    boxes = [
        engine.create(name, f"c{place}-{number}").id
        for place, (name, _) in enumerate(images)
        for number in range(containers)
    ]
    driver.sync()
    space.append(driver.space())
    cache = _all_read(engine, boxes)
    first = _first_write(engine, boxes[0])
    book = engine.ledger()
    owners = book.owners()
    made = [name for name, kind in owners.items() if kind == "container"]
    return Trial(
        stack.name, stack.driver, space[0], space[1] - space[0], cache, first, book.frees(*made), book.frees(*owners)
    )


def _all_read(engine: Engine, boxes: Sequence[str]) -> int:
    """Bytes in memory while all containers are mounted and each has read all its files."""
    engine.driver.drop_caches()
    for box in boxes:
        mount = engine.driver.get(box)
        for path in _files(mount):
            mount.read(path)
    cached = engine.driver.page_cache_bytes()
    for box in boxes:
        engine.driver.put(box)
    return cached


def _first_write(engine: Engine, box: str) -> LargestFile:
    driver = engine.driver
    with driver.mounted(box) as mount:
        sizes = {path: mount.stat(path).size for path in _files(mount)}
        path = max(sizes, key=lambda name: (sizes[name], name))
        driver.sync()
        driver.drop_caches()
        with counting(*driver.devices) as bill:
            mount.write(path, 0, 1)
            driver.sync()
    written = sum(bill.counts.bytes("write", purpose) for purpose in ("copy", "data", "zero"))
    read = sum(bill.counts.bytes("read", purpose) for purpose in ("copy", "data"))
    return LargestFile(path, sizes[path], read, written)


def _files(mount: Mount[Any]) -> list[str]:
    """All regular files."""
    found, waiting = [], [""]
    while waiting:
        directory = waiting.pop()
        for name in mount.listdir(directory or "/"):
            kind = mount.stat(f"{directory}/{name}", follow=False).kind
            if kind == "file":
                found.append(f"{directory}/{name}")
            elif kind == "directory":
                waiting.append(f"{directory}/{name}")
    return found
