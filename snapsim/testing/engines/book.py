"""An engine beside flat trees: what images and containers should show, and how many layers there should be.

An image is a chain of layers, each with a key, and two chains share as long as their keys are the same; so the driver
holds one layer for each different beginning of a chain that something needs, and two for each container. What a
container shows is a flat tree. Removals are held against the ledger: what it said would be freed is freed.

LEAVES OUT: which lists to play (`engine_stories`, `engines`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InUse, NotFound
from snapsim.drivers.diff import Change
from snapsim.files.mounts.mount import Mount
from snapsim.testing.drivers.books import flat_changes, size_bounds
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.drivers.rows import shown
from snapsim.testing.engines.contract import ContainerEngine, EngineFactory, RemoveImage
from snapsim.testing.engines.images import IMAGES, PATHS, unpacked
from snapsim.testing.engines.operations import EngineAct
from snapsim.testing.failure import Broken, same
from snapsim.testing.scene import Scene, looked, scene_of

SHOWS = "a container shows its image's files with its own changes, and nothing else"
LAYERS = "images share layers that are equal, a container has two of its own, and what nobody needs goes"
SIZES = "the Size of an image is the sum of what its layers brought"
SIZE_RW = "SizeRw is the size of what the container changed"
DIFF = "diff lists what the container changed"
FREED = "a removal frees what the ledger said it would"
TAGS = "an image is there from its pull or commit to its removal"
NEEDED = "what is in use cannot be removed, what is not can"
NOTHING = "when all is removed, nothing is held"


@dataclass(eq=False)
class _Image:
    """The keys of its layers, their sizes together (at least, at most), and what it shows."""

    chain: tuple[str, ...]
    sizes: tuple[int, int]
    tree: FlatTree


@dataclass(eq=False)
class _Box:
    """A container: its image and the tag that it was made from, what it shows, and its mount while it runs."""

    image: _Image
    tag: str
    tree: FlatTree
    mount: Mount[Any] | None = None
    changes: int = 0


class EngineStage:
    """A fresh engine, and what it should be.

    Attributes
    ----------
    lines : list of str
        The program so far.
    """

    def __init__(self, factory: EngineFactory, rmi: RemoveImage, lines: list[str]) -> None:
        self.engine: ContainerEngine = factory()
        self.rmi, self.lines = rmi, lines
        self.limits = self.engine.driver.limits
        self.images: dict[str, _Image] = {}
        self.boxes: dict[str, _Box] = {}
        self._step = self._made = 0
        self.space: int | None = None  # what should be in use now, if the last step removed

    # ---------------------------------------------------------------- one operation

    def do(self, act: EngineAct) -> None:
        """Carry an operation out on the engine and on the book, and compare everything."""
        self._step, self.space = self._step + 1, None
        getattr(self, f"_{act.verb}")(act)
        self.compare()

    def _name(self, act: EngineAct, names: Sequence[str]) -> str:
        return names[act.number % len(names)] if names else ""

    def _pull(self, act: EngineAct) -> None:
        tag = self._name(act, list(IMAGES))
        self.lines.append(f"engine.pull({tag!r}, IMAGES[{tag!r}])")
        self.engine.pull(tag, IMAGES[tag])
        size = sum(diff.tar_size for diff in IMAGES[tag])
        keys = tuple(f"layer {number}" for number in range(len(IMAGES[tag])))
        self.images.setdefault(tag, _Image(keys, (size, size), unpacked(IMAGES[tag])))

    def _run(self, act: EngineAct) -> None:
        tag = self._name(act, list(self.images))
        if tag:
            name, self._made = f"box{self._made}", self._made + 1
            self.lines.append(f"engine.create({tag!r}, {name!r})")
            self.engine.create(tag, name)
            image = self.images[tag]
            self.boxes[name] = _Box(image, tag, image.tree.child())

    def _start(self, act: EngineAct) -> None:
        name = self._name(act, list(self.boxes))
        if name and self.boxes[name].mount is None:
            self.lines.append(f"engine.start({name!r})")
            self.boxes[name].mount = self.engine.start(name)

    def _stop(self, act: EngineAct) -> None:
        name = self._name(act, list(self.boxes))
        if name:
            self.lines.append(f"engine.stop({name!r})")
            self.engine.stop(name)
            self.boxes[name].mount = None

    def _write(self, act: EngineAct) -> None:
        self._change(act, "write", {"path": act.path, "offset": 0, "data": f"step {self._step}".encode()})

    def _unlink(self, act: EngineAct) -> None:
        self._change(act, "unlink", {"path": act.path})

    def _change(self, act: EngineAct, verb: str, arguments: dict[str, Any]) -> None:
        name = self._name(act, list(self.boxes))
        if not name or (verb == "unlink" and act.path not in self.boxes[name].tree.nodes):
            return
        box, told = self.boxes[name], ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        runs = box.mount is not None
        self.lines.append(f"engine.start({name!r}).{verb}({told}); engine.stop({name!r})")
        mount = box.mount or self.engine.start(name)
        getattr(mount, verb)(**arguments)
        if not runs:
            self.engine.stop(name)
        getattr(box.tree, verb)(**arguments)
        box.changes += 1

    def _commit(self, act: EngineAct) -> None:
        name = self._name(act, list(self.boxes))
        if not name or "diff" in self.limits:
            return
        tag, box = f"made{self._step}:1", self.boxes[name]
        self.lines.append(f"engine.commit({name!r}, {tag!r})")
        self.engine.commit(name, tag)
        chain = (*box.image.chain, f"{name}, {box.changes} changes") if self._changed(box) else box.image.chain
        low, high = size_bounds(box.tree, box.image.tree)
        self.images[tag] = _Image(chain, (box.image.sizes[0] + low, box.image.sizes[1] + high), box.tree.child())

    @staticmethod
    def _changed(box: _Box) -> bool:
        return bool(flat_changes(box.tree, box.image.tree))

    def _rm(self, act: EngineAct) -> None:
        name = self._name(act, list(self.boxes))
        if name:
            needed = self.boxes[name].mount is not None
            self._remove(name, lambda: self.engine.rm(name), f"engine.rm({name!r})", needed, self.boxes)

    def _rmi(self, act: EngineAct) -> None:
        tag = self._name(act, list(self.images))
        if tag:
            needed = any(box.tag == tag for box in self.boxes.values())
            self._remove(tag, lambda: self.rmi(self.engine, tag), f"rmi(engine, {tag!r})", needed, self.images)

    def _remove(self, owner: str, remove: Callable[[], object], call: str, needed: bool, among: dict[str, Any]) -> None:
        """It has to go if nothing needs it, and what it frees is what the ledger said."""
        self.lines.append(call)
        driver, frees = self.engine.driver, self.engine.ledger().frees(owner)
        driver.sync()
        before = driver.space()
        try:
            remove()
        except InUse:
            self.lines[-1] = f"# {call}: in use"
            gone = False
        else:
            gone = True
        if gone == needed:
            raise Broken(NEEDED, "InUse" if needed else "success", "success" if gone else "InUse")
        if gone:
            del among[owner]
        driver.sync()
        self.space = before - frees if gone else before
        same(FREED, self.space, driver.space(), "engine.driver.space()")

    # ---------------------------------------------------------------- comparison

    def compare(self) -> None:
        """Everything that can be seen of the engine."""
        for tag, image in self.images.items():
            actual = _size(self.engine, tag)
            if actual is None:
                raise Broken(TAGS, "an image", "NotFound", f"engine.image({tag!r})")
            if not image.sizes[0] <= actual <= image.sizes[1]:
                raise Broken(SIZES, image.sizes[0], actual, f"engine.image({tag!r}).size")
        for tag in IMAGES.keys() - self.images.keys():
            if _size(self.engine, tag) is not None:
                raise Broken(TAGS, "NotFound", "an image", f"engine.image({tag!r})")
        same(LAYERS, self._layers(), len(self.engine.driver.ids()), "len(engine.driver.ids())")
        for name, box in self.boxes.items():
            self._compare_box(name, box)

    def _layers(self) -> int:
        chains = [image.chain for image in (*self.images.values(), *(box.image for box in self.boxes.values()))]
        return len({chain[: depth + 1] for chain in chains for depth in range(len(chain))}) + 2 * len(self.boxes)

    def _compare_box(self, name: str, box: _Box) -> None:
        wanted, seen = _files(box.tree), self._seen(name)
        for path in PATHS:
            if wanted.get(path) != seen.get(path):
                raise Broken(
                    f"{SHOWS} ({name}:{path})",
                    wanted.get(path, "nothing"),
                    seen.get(path, "nothing"),
                    f"engine.driver.get(engine.container({name!r}).id).read_bytes({path!r})",
                )
        if "diff" in self.limits:
            return
        if "changes" not in self.limits:
            expected = sorted(map(str, flat_changes(box.tree, box.image.tree)))
            actual = sorted(map(str, self.engine.diff(name)))
            same(DIFF, expected, actual, f"engine.diff({name!r})")
        low, high = size_bounds(box.tree, box.image.tree)
        if not low <= self.engine.size_rw(name) <= high:
            raise Broken(SIZE_RW, low, self.engine.size_rw(name), f"engine.size_rw({name!r})")

    def _seen(self, name: str) -> dict[str, str]:
        with self.engine.driver.mounted(self.engine.container(name).id) as mount:
            return {path: shown(mount.read_bytes(path)) for path in PATHS if mount.exists(path)}

    def finish(self) -> Iterator[None]:
        """Everything goes, and nothing is left; yields before each removal."""
        for name, box in list(self.boxes.items()):
            yield
            if box.mount is not None:
                self._stop(EngineAct("stop", list(self.boxes).index(name)))
            self._rm(EngineAct("rm", list(self.boxes).index(name)))
            self.compare()
        while self.images:
            yield
            self._rmi(EngineAct("rmi", -1))
            self.compare()
        self.engine.driver.sync()
        if self.engine.driver.ids() or self.engine.driver.space():
            raise Broken(NOTHING, ([], 0), (self.engine.driver.ids(), self.engine.driver.space()))

    # ---------------------------------------------------------------- pictures

    def wanted_scene(self) -> Scene:
        """A row for each image and container: its files and its figures; and one for the driver."""
        return scene_of("path", self._wanted())

    def _wanted(self) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for name, box in reversed(self.boxes.items()):
            rows[name] = {
                **_files(box.tree),
                **self._figures(size_bounds(box.tree, box.image.tree)[0], flat_changes(box.tree, box.image.tree)),
            }
        for tag, image in reversed(self.images.items()):
            rows[tag] = {"Size": image.sizes[0], "layers": len(image.chain)}
        return {**rows, "driver": {"layers": self._layers(), **({} if self.space is None else {"space": self.space})}}

    def _figures(self, size: int, changes: Sequence[Change]) -> dict[str, Any]:
        diff = {} if "changes" in self.limits else {"diff": ", ".join(sorted(map(str, changes))) or "none"}
        return {} if "diff" in self.limits else {"SizeRw": size, **diff}

    def seen_scene(self) -> Scene:
        """The same of the engine, and what is wrong about it."""
        wanted = self._wanted()
        seen: dict[str, Any] = {}
        for name, box in reversed(self.boxes.items()):
            seen[name] = looked(
                lambda name=name, box=box: {  # type: ignore[misc]
                    **self._seen(name),
                    **self._figures(
                        self._inside(self.engine.size_rw(name), size_bounds(box.tree, box.image.tree)),
                        self.engine.diff(name),
                    ),
                },
                wanted[name],
            )
        for tag, image in reversed(self.images.items()):
            seen[tag] = looked(
                lambda tag=tag, image=image: {  # type: ignore[misc]
                    "Size": self._inside(self.engine.image(tag).size, image.sizes),
                    "layers": len(image.chain),
                },
                wanted[tag],
            )
        seen["driver"] = looked(
            lambda: {
                "layers": len(self.engine.driver.ids()),
                **({} if self.space is None else {"space": self.engine.driver.space()}),
            },
            wanted["driver"],
        )
        return scene_of("path", seen, wanted)

    @staticmethod
    def _inside(actual: int, bounds: tuple[int, int]) -> int:
        return bounds[0] if bounds[0] <= actual <= bounds[1] else actual


def _size(engine: ContainerEngine, tag: str) -> int | None:
    try:
        return engine.image(tag).size
    except NotFound:
        return None


def _files(tree: FlatTree) -> dict[str, str]:
    return {path: shown(tree.nodes[path].content) for path in PATHS if path in tree.nodes}
