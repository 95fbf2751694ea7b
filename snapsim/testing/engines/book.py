"""An engine beside flat trees: what images and containers should show, and how many layers there should be.

An image is a chain of layers, each with a key, and two chains share as long as their keys are the same; so the driver
holds one layer for each different beginning of a chain that something needs, and two for each container. What a
container shows is a flat tree. Removals are held against the ledger: what it said would be freed is freed.

LEAVES OUT: which lists to play (`engine_stories`, `engines`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from snapsim.base.errors import InUse, NotFound
from snapsim.drivers.diff import Change
from snapsim.files.mounts.mount import Mount
from snapsim.testing.drivers.flat_changes import flat_changes, size_bounds
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.drivers.seen import shown
from snapsim.testing.engines.contract import ContainerEngine, EngineFactory
from snapsim.testing.engines.images import DIFFS, IMAGES, PATHS, unpacked
from snapsim.testing.engines.operations import EngineAct
from snapsim.testing.failure import Broken, same
from snapsim.testing.playing import refused
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


RUNS = "a container that runs is not started again"


class EngineStage:
    """A fresh engine, and what it should be.

    Attributes
    ----------
    lines : list of str
        The program so far.
    """

    def __init__(self, factory: EngineFactory, lines: list[str]) -> None:
        self.engine: ContainerEngine = factory()
        self.lines = lines
        self.limits = self.engine.driver.limits
        self.images: dict[str, _Image] = {}
        self.boxes: dict[str, _Box] = {}
        self.steps, self._made, self.asking = 0, 0, ""
        self._tags: list[str] = []  # of every pull and commit
        self.space: int | None = None  # what should be in use now, if the last step removed

    # ---------------------------------------------------------------- one operation

    def do(self, act: EngineAct, look: bool = True) -> None:
        """Carry an operation out on the engine and on the book, and compare everything if a look is wanted."""
        self.steps, self.space = self.steps + 1, None
        getattr(self, f"_{act.verb}")(act)
        if look:
            self.compare()

    def state(self, act: EngineAct) -> str:
        """What an operation meets, for `coverage`."""
        if act.verb == "pull":
            return "a tag that is there" if list(IMAGES)[act.number % len(IMAGES)] in self.images else "a new tag"
        if act.verb in ("run", "rmi"):
            tag = self._image(act)
            needed = any(box.tag == tag for box in self.boxes.values())
            made = "a committed" if tag.startswith("made") else "a pulled"
            return f"{made} image{' with containers' if needed else ''}" if tag else "no image"
        name = self._box(act)
        if not name:
            return "no container"
        box = self.boxes[name]
        return f"{'a changed' if box.changes else 'a fresh'} container{' that runs' if box.mount else ''}"

    def look(self, call: str, look: Callable[[], Any]) -> Any:
        """Look at the engine; what is raised by it is shown with the expression."""
        self.asking = call
        found = look()
        self.asking = ""
        return found

    def _image(self, act: EngineAct) -> str:
        made = self._tags[act.number] if 0 <= act.number < len(self._tags) else ""
        return made if made in self.images else _counted(act, list(self.images))

    def _box(self, act: EngineAct) -> str:
        return f"box{act.number}" if f"box{act.number}" in self.boxes else _counted(act, list(self.boxes))

    def _pull(self, act: EngineAct) -> None:
        tag = list(IMAGES)[act.number % len(IMAGES)]
        self._tags.append(tag)
        self.lines.append(f"engine.pull({tag!r}, IMAGES[{tag!r}])")
        self.engine.pull(tag, IMAGES[tag])
        size = sum(diff.tar_size for diff in IMAGES[tag])
        keys = tuple(f"layer {DIFFS.index(diff)}" for diff in IMAGES[tag])
        self.images.setdefault(tag, _Image(keys, (size, size), unpacked(IMAGES[tag])))

    def _run(self, act: EngineAct) -> None:
        tag = self._image(act)
        name, self._made = f"box{self._made}", self._made + 1
        if tag:
            self.lines.append(f"engine.create({tag!r}, {name!r})")
            self.engine.create(tag, name)
            image = self.images[tag]
            self.boxes[name] = _Box(image, tag, image.tree.child())

    def _start(self, act: EngineAct) -> None:
        name = self._box(act)
        if not name:
            return
        self.lines.append(f"engine.start({name!r})")
        if self.boxes[name].mount is None:
            self.boxes[name].mount = self.engine.start(name)
            return
        try:
            self.engine.start(name)
        except InUse:
            self.lines[-1] = refused(self.lines[-1], "InUse", "it runs")
        else:
            raise Broken(RUNS, "InUse", "success")

    def _stop(self, act: EngineAct) -> None:
        name = self._box(act)
        if name:
            self.lines.append(f"engine.stop({name!r})")
            self.engine.stop(name)
            self.boxes[name].mount = None

    def _write(self, act: EngineAct) -> None:
        self._change(act, "write", {"path": act.path, "offset": 0, "data": f"step {self.steps}".encode()})

    def _unlink(self, act: EngineAct) -> None:
        self._change(act, "unlink", {"path": act.path})

    def _chmod(self, act: EngineAct) -> None:
        self._change(act, "chmod", {"path": act.path, "mode": 0o4750})

    def _change(self, act: EngineAct, verb: str, arguments: dict[str, Any]) -> None:
        name = self._box(act)
        if not name:
            return
        needed = act.path.rpartition("/")[0] if verb == "write" else act.path  # a file is made, its directory is not
        if needed not in self.boxes[name].tree.nodes:
            return
        box, told = self.boxes[name], ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        runs, text = box.mount is not None, told if verb != "chmod" else f"{act.path!r}, 0o4750"
        at = f"engine.driver.get(engine.container({name!r}).id)"
        self.lines.append(
            f"{at}.{verb}({text}); engine.driver.put(engine.container({name!r}).id)"
            if runs
            else f"engine.start({name!r}).{verb}({text}); engine.stop({name!r})"
        )
        mount = box.mount or self.engine.start(name)
        getattr(mount, verb)(**arguments)
        if not runs:
            self.engine.stop(name)
        same_mode = verb == "chmod" and box.tree.nodes[act.path].mode == arguments["mode"]
        getattr(box.tree, verb)(**arguments)
        box.changes += not same_mode  # the mode that a file has is no change: no archive would be another one

    def _commit(self, act: EngineAct) -> None:
        name = self._box(act)
        self._tags.append(f"made{self.steps}:1")
        if not name or "diff" in self.limits:
            return
        tag, box = f"made{self.steps}:1", self.boxes[name]
        self.lines.append(f"engine.commit({name!r}, {tag!r})")
        self.engine.commit(name, tag)
        chain = (*box.image.chain, f"{name}, {box.changes} changes") if self._changed(box) else box.image.chain
        low, high = size_bounds(box.tree, box.image.tree)
        self.images[tag] = _Image(chain, (box.image.sizes[0] + low, box.image.sizes[1] + high), box.tree.child())

    @staticmethod
    def _changed(box: _Box) -> bool:
        return bool(flat_changes(box.tree, box.image.tree))

    def _rm(self, act: EngineAct) -> None:
        name = self._box(act)
        if name:
            needed = self.boxes[name].mount is not None
            self._remove(name, lambda: self.engine.rm(name), f"engine.rm({name!r})", needed, self.boxes)

    def _rmi(self, act: EngineAct) -> None:
        tag = self._image(act)
        if tag:
            needed = any(box.tag == tag for box in self.boxes.values())
            self._remove(tag, lambda: self.engine.rmi(tag), f"engine.rmi({tag!r})", needed, self.images)

    def _remove(self, owner: str, remove: Callable[[], object], call: str, needed: bool, among: dict[str, Any]) -> None:
        """It has to go if nothing needs it, and what it frees is what the ledger said."""
        self.lines.append(call)
        driver, frees = self.engine.driver, self.engine.ledger().frees(owner)
        driver.sync()
        before = driver.space()
        try:
            remove()
        except InUse:
            self.lines[-1] = refused(call, "InUse")
            gone = False
        else:
            gone = True
        if gone == needed:
            self.lines[-1] = call
            raise Broken(NEEDED, "InUse" if needed else "success", "success" if gone else "InUse")
        if gone:
            del among[owner]
        driver.sync()
        self.space = before - frees if gone else before
        same(FREED, self.space, driver.space(), "engine.driver.sync() or engine.driver.space()")

    # ---------------------------------------------------------------- comparison

    def compare(self) -> None:
        """Everything that can be seen of the engine."""
        for tag, image in self.images.items():
            call = f"engine.image({tag!r}).size"
            actual = self.look(call, partial(_size, self.engine, tag))
            if actual is None:
                raise Broken(TAGS, "an image", "NotFound", f"engine.image({tag!r})")
            if not image.sizes[0] <= actual <= image.sizes[1]:
                raise Broken(SIZES, image.sizes[0], actual, call)
        for tag in IMAGES.keys() - self.images.keys():
            if _size(self.engine, tag) is not None:
                raise Broken(TAGS, "NotFound", "an image", f"engine.image({tag!r})")
        call = "len(engine.driver.ids())"
        same(LAYERS, self._layers(), self.look(call, lambda: len(self.engine.driver.ids())), call)
        for name, box in self.boxes.items():
            self._compare_box(name, box)

    def _layers(self) -> int:
        chains = [image.chain for image in (*self.images.values(), *(box.image for box in self.boxes.values()))]
        return len({chain[: depth + 1] for chain in chains for depth in range(len(chain))}) + 2 * len(self.boxes)

    def _compare_box(self, name: str, box: _Box) -> None:
        call = f"engine.driver.get(engine.container({name!r}).id)"
        wanted, seen = _files(box.tree), self.look(f'{call}.listdir("/")', lambda: self._seen(name))
        for path in PATHS:
            if wanted.get(path) != seen.get(path):
                raise Broken(
                    f"{SHOWS} ({name}:{path})",
                    wanted.get(path, "nothing"),
                    seen.get(path, "nothing"),
                    f"{call}.{_how_to_look(wanted.get(path), seen.get(path), path)}",
                )
        if "diff" in self.limits:
            return
        if "changes" not in self.limits:
            expected = sorted(map(str, flat_changes(box.tree, box.image.tree)))
            call = f"sorted(map(str, engine.diff({name!r})))"
            actual = self.look(call, lambda: sorted(map(str, self.engine.diff(name))))
            same(DIFF, expected, actual, call)
        low, high = size_bounds(box.tree, box.image.tree)
        size = self.look(f"engine.size_rw({name!r})", lambda: self.engine.size_rw(name))
        if not low <= size <= high:
            raise Broken(SIZE_RW, low, size, f"engine.size_rw({name!r})")

    def _seen(self, name: str) -> dict[str, str]:
        with self.engine.driver.mounted(self.engine.container(name).id) as mount:
            return {path: _words_of(mount, path) for path in PATHS if mount.exists(path)}

    def finish(self) -> Iterator[None]:
        """Everything goes, and nothing is left; yields before each removal."""
        self.compare()
        for name, box in list(self.boxes.items()):
            yield
            number = int(name.removeprefix("box"))
            if box.mount is not None:
                self._stop(EngineAct("stop", number))
            self._rm(EngineAct("rm", number))
            self.compare()
        while self.images:
            yield
            self._rmi(EngineAct("rmi", -1))
            self.compare()
        self.engine.driver.sync()
        if self.engine.driver.ids() or self.engine.driver.space():
            held = self.engine.driver.ids(), self.engine.driver.space()
            raise Broken(NOTHING, ([], 0), held, "engine.driver.ids(), engine.driver.space()")

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


def _counted(act: EngineAct, names: Sequence[str]) -> str:
    return names[act.number % len(names)] if names else ""


def _words_of(mount: Mount[Any], path: str) -> str:
    stat = mount.stat(path)
    return _words(mount.read_bytes(path), stat.mode, stat.uid, stat.gid)


def _words(content: bytes, mode: int, uid: int, gid: int) -> str:
    """A content, and what is unusual about mode and owner."""
    usual = (mode, uid, gid) == (0o644, 0, 0)
    return shown(content) + ("" if usual else f" {mode:o} of {uid}:{gid}")


def _how_to_look(wanted: str | None, seen: str | None, path: str) -> str:
    if wanted and seen and wanted.rpartition("'")[0] == seen.rpartition("'")[0]:
        return f"stat({path!r})"
    return f"read_bytes({path!r})" if seen else f"exists({path!r})"


def _files(tree: FlatTree) -> dict[str, str]:
    found = {path: tree.nodes[path] for path in PATHS if path in tree.nodes}
    return {path: _words(node.content, node.mode, node.uid, node.gid) for path, node in found.items()}
