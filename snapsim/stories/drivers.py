"""The story of files in layers: a storage driver runs, and every request of its devices becomes a frame.

There is an image layer with three files, and containers on it. After each operation all dirty pages are written, and
the driver's own directories say which layer has which file, and where its blocks lie.

>>> from snapsim.stories.operations import parse
>>> story = tell("overlay2", parse("overlay2", "open /data/app.db"))
>>> [frame.sentence for frame in story.act(1) if frame.purpose != "metadata"]
['read the shared content', 'and write a second copy of it', 'c1 has a copy of /data/app.db; image no longer shows its \
/data/app.db']

What it leaves out: images of several layers but those that `commit` makes, links, and what a file system's own
metadata blocks hold.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Self

import numpy as np

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.base.units import KiB, format_size
from snapsim.block.device import Integers
from snapsim.drivers.driver import Driver
from snapsim.drivers.graphdrivers.branches import BranchDriver
from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode
from snapsim.files.mounts.marks import OPAQUE_NAME, OVERLAY_OPAQUE, OVERLAY_OPAQUE_USER, OVERLAY_WHITEOUT, hidden
from snapsim.files.mounts.mount import Mount
from snapsim.lab.stacks import FIRST
from snapsim.stories.operations import Step
from snapsim.stories.recorder import Reads, Recorder
from snapsim.stories.story import Owner, Story

FILES = {"/data/app.db": 256 * KiB, "/etc/app.conf": 4 * KiB, "/var/old.log": 64 * KiB}
"""Of the image of a story of one's own."""
_BLOCK = 4096


class LayerTeller:
    """Carries operations out on the layers of a driver and records them.

    Parameters
    ----------
    driver : Driver
        With the layers that are there when the story begins.
    containers : collection of str
        Which of its layers are containers'; asked again whenever a layer is new.

    Attributes
    ----------
    recorder : Recorder
    image : str
        The newest image layer.
    """

    def __init__(self, driver: Driver, containers: Collection[str] = ()) -> None:
        self.driver, self.image, self._containers = driver, "image", containers
        self.names: dict[int, str] = {}
        self._versions: dict[tuple[str, int], int] = {}
        self._numbers: dict[str, int] = {}
        self._union = isinstance(driver, BranchDriver)
        self.recorder = Recorder(driver.devices)
        reads = self.reads()
        shown: dict[str, list[int]] = {}
        for device, block in reads.held:
            shown.setdefault(device, []).append(block)
        self.recorder.begin(reads, shown)

    @classmethod
    def on_image(cls, driver: Driver, files: Mapping[str, int]) -> Self:
        """On a fresh driver, with an image layer "image" of files (path: bytes) on the disk, none of them in memory."""
        driver.create("image")
        with driver.mounted("image") as mount:
            for path, size in files.items():
                for end in [end for end in range(1, len(path)) if path[end] == "/" and not mount.exists(path[:end])]:
                    mount.mkdir(path[:end])
                mount.write(path, 0, size)
        driver.sync()
        driver.drop_caches()
        return cls(driver)

    def _own(self, id: str, kind: str, title: str) -> None:
        self._numbers[id] = len(self.recorder.owners)
        self.recorder.owners.append(Owner(id, kind, title))

    # ---------------------------------------------------------------- acts

    def act(self, title: str, work: Callable[[], object], operation: str = "", sync: bool = True) -> None:
        """Record anything that is done to the driver, and write what is dirty; what is refused is said."""
        with self.recorder.act(title, operation):
            try:
                work()
            except (SnapsimError, OSError) as error:
                self.recorder.says(f"Refused: {error.strerror if isinstance(error, OSError) else error}")
            if sync:
                self.driver.sync()
        self.recorder.now(self.reads())

    def do(self, step: Step) -> None:
        """Carry one operation out."""
        work = getattr(self, f"_{step.verb}", None)
        if work is not None:
            self.act(str(step), lambda: work(step), str(step))
        else:
            self.act(str(step), lambda: self._in_container(step), str(step))

    def container(self, id: str) -> None:
        """Make a container on the newest image."""
        self.driver.create_read_write(id, self.image)
        self._own(id, "container", f"the layer of container {id}")

    def _container(self, step: Step) -> None:
        self.container(step.to)

    def _commit(self, step: Step) -> None:
        parent = self.driver.parent(step.name)
        diff = self.driver.diff(step.name, parent)
        self.driver.create(step.to, parent)
        self._own(step.to, "image", f"image layer {step.to}")
        self.driver.apply_diff(step.to, parent, diff)
        self.image = step.to

    def _remove(self, step: Step) -> None:
        self.driver.remove(step.name)

    def _cold(self, step: Step) -> None:
        self.driver.sync()
        self.driver.drop_caches()

    def _in_container(self, step: Step) -> None:
        with self.driver.mounted(step.name) as mount:
            _WORK[step.verb](mount, step)

    # ---------------------------------------------------------------- who reads what

    def reads(self) -> Reads:
        """Which layer's files lie where, what they are called, and which layer has what under a path."""
        for id in self.driver.ids():
            if id not in self._numbers:
                kind = "container" if id in self._containers else "image"
                self._own(id, kind, f"the layer of {kind} {id}")
        found, held = Reads(living={self._numbers[id] for id in self.driver.ids()}), dict[tuple[str, int], set[int]]()
        systems = list(self.driver.filesystems())
        systems = systems * len(self.driver.ids()) if len(systems) == 1 else systems
        files: dict[str, dict[str, Inode]] = {}
        for id, system in zip(self.driver.ids(), systems, strict=True):
            files[id] = dict(_walk(self.driver.directory(id), ""))
            for path, inode in files[id].items():
                self._note(id, path, inode, system, held)
                found.marks.update(_marks(self._numbers[id], path, inode))
        self._relations(files, found)
        found.held = {where: tuple(sorted(owners)) for where, owners in held.items()}
        return found

    def _note(
        self, id: str, path: str, inode: Inode, system: FileSystem, held: dict[tuple[str, int], set[int]]
    ) -> None:
        """The places of one file's blocks, and names for the contents that have none."""
        if inode.kind != "file":
            return
        device = self.driver.devices[0]
        places = system.device_blocks(inode)
        known = np.flatnonzero((places >= 0) & (places < device.size))
        for index, place, stamp in zip(
            known.tolist(), places[known].tolist(), device.peek(places[known]).tolist(), strict=True
        ):
            held.setdefault((device.name, place), set()).add(self._numbers[id])
            if stamp and stamp not in self.names:
                key = path.rpartition("/")[2], index
                self._versions[key] = self._versions.get(key, -1) + 1
                self.names[stamp] = f"{key[0]} {index}" + "'" * min(self._versions[key], 3)

    def _relations(self, files: dict[str, dict[str, Inode]], found: Reads) -> None:
        """Marks that a layer has because of another: hidden by the layer above, copied up, or shared with it."""
        for id, mine in files.items():
            parent = self.driver.parent(id)
            while parent is not None:
                for path in [path for path, inode in mine.items() if inode.kind == "file"]:
                    self._relate(found, id, parent, path, files)
                parent = self.driver.parent(parent)
        if self._union:
            self._hide(files, found)

    def _hide(self, files: dict[str, dict[str, Inode]], found: Reads) -> None:
        """A lower file is hidden if it is so from every layer on top that stands on it."""
        tops = [id for id in files if not any(self.driver.parent(other) == id for other in files)]
        shown, below = set[tuple[int, str]](), set[tuple[int, str]]()
        for top in tops:
            gone, at = set[str](), self.driver.parent(top)
            above = self._numbers[top]
            while at is not None:
                gone |= {path for (owner, path), mark in found.marks.items() if owner == above}
                for path in files[at]:
                    (below if any(path == name or path.startswith(name + "/") for name in gone) else shown).add(
                        (self._numbers[at], path)
                    )
                above, at = self._numbers[at], self.driver.parent(at)
        for key in below - shown:
            if found.marks.get(key) in ("file", "copy-up"):
                found.marks[key] = "hidden"

    def _relate(self, found: Reads, id: str, parent: str, path: str, files: dict[str, dict[str, Inode]]) -> None:
        below = files[parent].get(path)
        if below is None or below.kind != "file":
            return
        if self._union:
            found.marks[self._numbers[id], path] = "copy-up"
        elif np.array_equal(self._places_of(id, path, files), self._places_of(parent, path, files)):
            found.marks[self._numbers[id], path] = "shared"

    def _places_of(self, id: str, path: str, files: dict[str, dict[str, Inode]]) -> Integers:
        systems = list(self.driver.filesystems())
        system = systems[0] if len(systems) == 1 else systems[self.driver.ids().index(id)]
        return system.device_blocks(files[id][path])

    def story(self, title: str, subject: str, intro: tuple[str, ...] = ()) -> Story:
        """All acts so far."""
        return self.recorder.story(title, subject, self.names, intro)


def _walk(directory: Inode, path: str) -> Iterator[tuple[str, Inode]]:
    """All names below a directory of a layer, its marks included, without I/O."""
    for name, inode in sorted(directory.entries.items()):
        yield f"{path}/{name}", inode
        if inode.kind == "directory":
            yield from _walk(inode, f"{path}/{name}")


def _marks(owner: int, path: str, inode: Inode) -> Iterator[tuple[tuple[int, str], str]]:
    """What a name in a layer's own directory means: a file, or a mark of its union mount."""
    gone = hidden(path)
    if gone is not None:
        yield (owner, gone), "whiteout"
    elif path.endswith("/" + OPAQUE_NAME):
        yield (owner, path.rpartition("/")[0]), "opaque"
    elif inode.kind == "device" and inode.rdev == OVERLAY_WHITEOUT:
        yield (owner, path), "whiteout"
    elif inode.kind == "file" and "/.wh." not in path:
        yield (owner, path), "file"
    elif any(inode.xattrs.get(name) == value for name, value in (OVERLAY_OPAQUE, OVERLAY_OPAQUE_USER)):
        yield (owner, path), "opaque"


def _write(mount: Mount[object], step: Step) -> None:
    asked = 0 if step.asked is None else step.asked
    for part in asked if isinstance(asked, list) else [asked]:
        first, length = (part.start, part.stop - part.start) if isinstance(part, slice) else (part, 1)
        mount.write(step.path, first * _BLOCK, length * _BLOCK)


def _read(mount: Mount[object], step: Step) -> None:
    if step.asked is None:
        mount.read(step.path)
        return
    for part in step.asked if isinstance(step.asked, list) else [step.asked]:
        first, length = (part.start, part.stop - part.start) if isinstance(part, slice) else (part, 1)
        mount.read(step.path, first * _BLOCK, length * _BLOCK)


_WORK: dict[str, Callable[[Mount[object], Step], object]] = {
    "write": _write,
    "read": _read,
    "open": lambda mount, step: mount.open(step.path, os.O_RDWR).close(),
    "delete": lambda mount, step: mount.unlink(step.path),
    "rename": lambda mount, step: mount.rename(step.path, step.to),
    "chmod": lambda mount, step: mount.chmod(step.path, 0o600),
    "mkdir": lambda mount, step: mount.mkdir(step.path),
}


def tell(name: str, steps: list[Step], title: str = "") -> Story:
    """The story of operations on containers of the first stack of a driver.

    Parameters
    ----------
    name : str
        A storage driver.
    steps : list of Step
    title : str, optional

    Raises
    ------
    InvalidInput
        No such driver.
    """
    if name not in FIRST:
        raise InvalidInput(f"{name!r} is no storage driver: one of {', '.join(FIRST)}")
    teller = LayerTeller.on_image(FIRST[name].make(), FILES)
    for step in steps:
        teller.do(step)
    sizes = ", ".join(f"{path} ({format_size(size)})" for path, size in FILES.items())
    return teller.story(
        title or f"{name}: {'; '.join(map(str, steps))}",
        name,
        (f"An image layer with the files {sizes}; nothing of them is in the page cache.",),
    )
