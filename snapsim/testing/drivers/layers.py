"""The layers of a driver beside flat trees: one operation on both, and every difference between them.

What a driver's `limits` name is let through, and nothing else:

| key | what is let through |
|---|---|
| "rename" | EXDEV for a directory that came from below |
| "hard links" | a change of a file from below breaks its links |
| "linked names" | rename(2) of one name of a file from below onto another moves it |
| "link counts" | `nlink` of files is not compared |
| "directory nlink" | `nlink` of directories is not compared |
| "changes" | `changes` is not compared |
| "depth" | a deep stack is refused |

Where there is no room (ENOSPC, EDQUOT), nothing has happened.

LEAVES OUT: sizes and space (`driver_books`).
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InUse
from snapsim.drivers.driver import Driver
from snapsim.files.mounts.mount import Mount
from snapsim.testing.checking import importing
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.drivers.operations import Act
from snapsim.testing.drivers.rows import Row, difference, expected_rows, rows
from snapsim.testing.failure import Broken

DriverFactory = Callable[[], Driver]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SHOWS = "every layer shows its parent's tree with its own changes, and nothing else"
ERRORS = "a call succeeds, or fails with the errno that Linux gives"
SEALED = "a layer that has a child is read-only"
PARENTS = "the parent of layers cannot be removed"
APPLIED = "a diff that is unpacked in a sibling makes the same tree"


def driver_source(factory: DriverFactory) -> list[str]:
    """The lines of Python that make a driver."""
    return [*importing(factory), f"driver = {getattr(factory, '__qualname__', 'factory')}()"]


@dataclass(eq=False)
class Layer:
    """A layer, what it should show, and its mount if it is held."""

    id: str
    parent: "Layer | None"
    tree: FlatTree
    held: Mount[Any] | None = None


class Layers:
    """The layers of one fresh driver.

    Attributes
    ----------
    layers : list of Layer
        In the order in which they were made.
    lines : list of str
        The program so far.
    steps : int
        Operations so far.
    """

    def __init__(self, factory: DriverFactory) -> None:
        self.driver, self.lines = factory(), driver_source(factory)
        self.limits = self.driver.limits
        self._made, self.steps = 0, 0
        self._parents: set[str] = set()
        self.layers: list[Layer] = []
        self.sibling: Layer | None = None  # in which a diff is unpacked just now
        self._add(None)

    def _add(self, parent: Layer | None) -> None:
        id, verb = f"l{self._made}", "create_read_write" if self._made % 2 else "create"
        below = "" if parent is None else f', parent="{parent.id}"'
        self.lines.append(f'driver.{verb}("{id}"{below})')
        try:
            getattr(self.driver, verb)(id, parent=parent and parent.id)
        except OSError as error:
            if error.errno not in NO_ROOM or parent is None:
                raise
            self.lines[-1] = f"# {self.lines[-1]}: no room"
            return
        self._made += 1
        tree = (
            FlatTree("hard links" in self.limits, "linked names" in self.limits)
            if parent is None
            else parent.tree.child()
        )
        self.layers.append(Layer(id, parent, tree))

    def layer(self, act: Act) -> Layer:
        """The layer that an operation names."""
        return self.layers[-1 - act.layer % len(self.layers)]

    # ---------------------------------------------------------------- one operation

    def do(self, act: Act) -> None:
        """Carry an operation out on the driver and on the flat tree."""
        self.steps += 1
        getattr(self, f"_{act.verb}", self._call)(act)

    def _child(self, act: Act) -> None:
        parent, count = self.layer(act), len(self.layers)
        self._add(parent)
        if len(self.layers) > count:
            self._parents.add(parent.id)

    def _hold(self, act: Act) -> None:
        layer = self.layer(act)
        self.lines.append(f'driver.{"put" if layer.held else "get"}("{layer.id}")')
        if layer.held:
            self.driver.put(layer.id)
            layer.held = None
        else:
            layer.held = self.driver.get(layer.id)

    def _sync(self, act: Act) -> None:
        self.lines.append("driver.sync(); driver.drop_caches()")
        self.driver.sync()
        self.driver.drop_caches()

    def _remove(self, act: Act) -> None:
        layer = self.layer(act)
        if len(self.layers) == 1:
            return
        if layer.held:
            self._hold(act)
        self.lines.append(f'driver.remove("{layer.id}")')
        try:
            self.driver.remove(layer.id)
        except InUse:
            self.lines[-1] = f"# {self.lines[-1]}: in use"
            removed = False
        else:
            removed = True
        if removed == any(other.parent is layer for other in self.layers):
            raise Broken(PARENTS, "InUse" if removed else "removed", "removed" if removed else "InUse")
        if removed:
            self.layers.remove(layer)

    def _apply(self, act: Act) -> None:
        layer = self.layer(act)
        if layer.parent is None or "diff" in self.limits:
            return
        parent, id = layer.parent.id, f"s{self.steps}"
        self.lines += [
            f'driver.create("{id}", parent="{parent}")',
            f'driver.apply_diff("{id}", "{parent}", driver.diff("{layer.id}", "{parent}"))',
        ]
        self.driver.create(id, parent=parent)
        self.sibling = Layer(id, layer.parent, layer.tree)
        self.driver.apply_diff(id, parent, self.driver.diff(layer.id, parent))
        with self.driver.mounted(id) as mount:
            wanted = expected_rows(layer.tree, self.limits)
            self._compare(id, wanted, rows(mount, wanted), APPLIED, skip=("nlink",))
        self.driver.remove(id)
        self.sibling = None
        self.lines.append(f'driver.remove("{id}")')

    # ---------------------------------------------------------------- calls of the mount

    def _call(self, act: Act) -> None:
        layer, (name, arguments) = self.layer(act), call_of(act, self.steps)
        text = ", ".join([f"{key}={value!r}" if key == "data" else repr(value) for key, value in arguments.items()])
        tail = ".close()" if name == "open" else ""
        self.lines.append(f'with driver.mounted("{layer.id}") as mount: mount.{name}({text}){tail}')
        with self.driver.mounted(layer.id) as mount:
            actual = outcome(mount, name, arguments)
        if layer.id in self._parents:
            allowed = {"EROFS", outcome(layer.tree.child(), name, arguments)} - {"success"}
            allowed |= {"success"} if name == "rename" else set()  # of two names of one file: nothing to do
            self._refused(actual, allowed, SEALED)
        elif actual == "EXDEV" and "rename" in self.limits and from_below(layer.tree, arguments.get("path", "")):
            self.lines[-1] = f"# {self.lines[-1]}: EXDEV"
        elif actual in ("ENOSPC", "EDQUOT"):
            self._no_room(layer, name, arguments["path"])
        else:
            self._refused(actual, {outcome(layer.tree, name, arguments)}, ERRORS)

    def _no_room(self, layer: Layer, name: str, path: str) -> None:
        """Nothing happened, but that open(2) may have made an empty file."""
        self.lines[-1] = f"# {self.lines[-1]}: no room"
        with self.driver.mounted(layer.id) as mount:
            if name in ("write", "append") and mount.exists(path) and layer.tree.key(path) not in layer.tree.nodes:
                layer.tree.write(path, 0, b"")

    def _refused(self, actual: str, allowed: set[str], promise: str) -> None:
        if actual not in allowed:
            raise Broken(promise, " or ".join(sorted(allowed)), actual)
        if actual != "success":
            self.lines[-1] = f"# {self.lines[-1]}: {actual}"

    # ---------------------------------------------------------------- comparison

    def check(self, layer: Layer) -> None:
        """Hold a layer against its flat tree."""
        with self.driver.mounted(layer.id) as mount:
            wanted = expected_rows(layer.tree, self.limits)
            self._compare(layer.id, wanted, rows(mount, wanted))

    def check_all(self) -> None:
        """Hold every layer against its flat tree."""
        for layer in self.layers:
            self.check(layer)

    def _compare(
        self, id: str, wanted: dict[str, Row], seen: dict[str, Row], promise: str = SHOWS, skip: tuple[str, ...] = ()
    ) -> None:
        for path in sorted(wanted.keys() | seen.keys()):
            expected, actual = difference(wanted.get(path), seen.get(path), skip)
            if expected != actual:
                where = os.path.dirname(path) or "/"
                look = f'listdir("{where}")' if None in (expected, actual) else f'stat("{path or "/"}", follow=False)'
                look = f'read_bytes("{path}")' if "content" in (expected or {}) else look
                raise Broken(f"{promise} ({id}:{path or '/'})", expected, actual, f'driver.get("{id}").{look}')


def call_of(act: Act, step: int) -> tuple[str, dict[str, Any]]:
    """An operation as a call of `Mount` (and of `FlatTree`)."""
    data = f"step {step}".encode()
    calls: dict[str, dict[str, Any]] = {
        "write": {"path": act.path, "offset": act.number, "data": data},
        "append": {"path": act.path, "data": data},
        "truncate": {"path": act.path, "size": act.number},
        "open": {"path": act.path, "flags": os.O_RDWR},
        "mkdir": {"path": act.path, "mode": act.number},
        "rename": {"path": act.path, "to": act.to},
        "link": {"path": act.path, "to": act.to},
        "symlink": {"target": act.to, "path": act.path},
        "chmod": {"path": act.path, "mode": act.number},
        "chown": {"path": act.path, "uid": act.number, "gid": act.number + 1},
        "utime": {"path": act.path, "mtime": act.number},
    }
    return act.verb, calls.get(act.verb, {"path": act.path})


def outcome(tree: Any, name: str, arguments: dict[str, Any]) -> str:
    """Call, and say how it ended: "success", or the name of the errno."""
    try:
        result = getattr(tree, name)(**arguments)
        if name == "open":
            result.close()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "success"


def from_below(tree: FlatTree, path: str) -> bool:
    """Is it a directory that an older layer made?"""
    node = tree.nodes.get(tree.key(path, follow=False))
    return node is not None and node.kind == "directory" and node.made != tree.layer
