"""The layers of a driver beside flat trees: one operation on both, and every difference between them.

A time is known from the first look on: it has to be another one than before the change, and from then on the same in
every layer that shows the same change.

What a driver's `limits` name is let through, and nothing else:

| key | what is let through |
|---|---|
| "rename" | EXDEV for a directory that came from below |
| "hard links" | a change of a file from below breaks its links |
| "linked names" | rename(2) of one name of a file from below onto another moves it |
| "link counts" | `nlink` of files from below is not compared |
| "directory nlink" | `nlink` of directories is not compared |
| "link space" | names are linked at the unmount: times of directories, and archives while it is held, are not told |
| "changes" | `changes` is not compared |
| "depth" | a deep stack is refused |

Where there is no room (ENOSPC, EDQUOT), nothing has happened.

LEAVES OUT: sizes and space (`books`), and what an archive brings (`archives`).
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
from snapsim.testing.drivers import archives
from snapsim.testing.drivers.flat_tree import NOTE, FlatTree
from snapsim.testing.drivers.operations import Act, living_number
from snapsim.testing.drivers.seen import Seen, as_told, difference, expected, seen
from snapsim.testing.failure import Broken
from snapsim.testing.playing import refused

DriverFactory = Callable[[], Driver]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SHOWS = "every layer shows its parent's tree with its own changes, and nothing else"
ERRORS = "a call succeeds, or fails with the errno that Linux gives"
SEALED = "a layer that has a child is read-only"
REMOVED = "a layer goes if it has no children and nobody holds it"
TIMES = "a change gives another time, and what did not change keeps its own"


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
        Those that live, in the order in which they were made.
    lines : list of str
        The program so far.
    steps : int
        Operations so far.
    asking : str
        The expression of the look that is going on.
    """

    def __init__(self, factory: DriverFactory) -> None:
        self.driver, self.lines = factory(), driver_source(factory)
        self.limits = self.driver.limits
        self._made, self.steps, self.asking = 0, 0, ""
        self.no_room = NO_ROOM
        self._parents: set[str] = set()
        self.layers: list[Layer] = []
        self.sibling: Layer | None = None  # in which a diff is unpacked just now
        self._add(None)

    def _add(self, parent: Layer | None) -> None:
        id, verb = f"l{self._made}", "create_read_write" if self._made % 2 else "create"
        self._made += 1
        below = "" if parent is None else f', parent="{parent.id}"'
        self.lines.append(f'driver.{verb}("{id}"{below})')
        try:
            getattr(self.driver, verb)(id, parent=parent and parent.id)
        except OSError as error:
            if error.errno not in NO_ROOM or parent is None:
                raise
            self.lines[-1] = refused(self.lines[-1], "OSError", "no room")
            return
        tree = (
            FlatTree("hard links" in self.limits, "linked names" in self.limits)
            if parent is None
            else parent.tree.child()
        )
        self.layers.append(Layer(id, parent, tree))

    def layer(self, act: Act) -> Layer:
        """The layer that an operation names."""
        living = [int(layer.id.removeprefix("l")) for layer in self.layers]
        return self.layers[living.index(living_number(act.layer, living))]

    def state(self, act: Act) -> str:
        """What an operation meets: the kind of its path and where it comes from, or of its layer; for `coverage`."""
        layer = self.layer(act)
        where = "a layer with children" if layer.id in self._parents else "a layer"
        where += " that is held" if layer.held else ""
        if not act.path:
            return f"{where}, {'a base' if layer.parent is None else 'on another'}"
        try:
            node = layer.tree.nodes.get(layer.tree.key(act.path, follow=False))
        except OSError:
            return f"{where}, below no directory"
        if node is None:
            return f"{where}, nothing there"
        return f"{where}, a {node.kind} {'of its own' if node.made == layer.tree.layer else 'from below'}"

    def look(self, call: str, look: Callable[[], Any]) -> Any:
        """Look at the driver; what is raised by it is shown with the expression."""
        self.asking = call
        found = look()
        self.asking = ""
        return found

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
        if layer.held:
            self.lines.append(f'driver.put("{layer.id}")')
            self.driver.put(layer.id)
            layer.held = None
        else:
            self.lines.append(f'held_{layer.id} = driver.get("{layer.id}")')
            layer.held = self.driver.get(layer.id)

    def _sync(self, act: Act) -> None:
        self.lines.append("driver.sync(); driver.drop_caches()")
        self.driver.sync()
        self.driver.drop_caches()

    def _remove(self, act: Act) -> None:
        layer = self.layer(act)
        if len(self.layers) == 1:
            return
        self.lines.append(f'driver.remove("{layer.id}")')
        needed = bool(layer.held) or any(other.parent is layer for other in self.layers)
        try:
            self.driver.remove(layer.id)
        except InUse:
            removed = False
        else:
            removed = True
        if removed == needed:
            raise Broken(REMOVED, "InUse" if removed else "removed", "removed" if removed else "InUse")
        if removed:
            self.layers.remove(layer)
        else:
            self.lines[-1] = refused(self.lines[-1], "InUse")

    def _apply(self, act: Act) -> None:
        layer, above = self.layer(act), None
        if act.to != "base":
            above = layer.parent and (layer.parent.parent if act.to == "far" else layer.parent)
            if above is None:
                return
        if "diff" not in self.limits and not self.links_wait(layer):
            archives.apply(self, layer, f"copy{self.steps}", above, act.to == "held")

    def links_wait(self, layer: Layer) -> bool:
        """Are names still to be linked into the layer, so that its archive and its size are not complete?"""
        return "link space" in self.limits and layer.held is not None

    def _renew(self, act: Act) -> None:
        self._call(act._replace(verb="remove_tree"))
        self._call(act._replace(verb="mkdir"))

    # ---------------------------------------------------------------- calls of the mount

    def _call(self, act: Act) -> None:
        layer, (name, arguments) = self.layer(act), call_of(act, self.steps)
        node = layer.tree.nodes.get(act.path)
        if act.verb == "truncate" and node is not None and len(node.content) == act.number:
            return  # whether that changes the time is the file system's: ext4 does, btrfs does not
        tail = ".close()" if name == "open" else ""
        call = f"{name}({in_python(arguments)}){tail}"
        self.lines.append(
            f"held_{layer.id}.{call}" if layer.held else f'with driver.mounted("{layer.id}") as mount: mount.{call}'
        )
        if layer.held:
            actual = outcome(layer.held, name, arguments)
        else:
            with self.driver.mounted(layer.id) as mount:
                actual = outcome(mount, name, arguments)
        if layer.id in self._parents:
            allowed = {"EROFS", outcome(layer.tree.child(), name, arguments)} - {"success"}
            allowed |= {"success"} if name == "rename" else set()  # of two names of one file: nothing to do
            self._refused(actual, allowed, SEALED)
        elif actual == "EXDEV" and "rename" in self.limits and from_below(layer.tree, arguments.get("path", "")):
            self.lines[-1] = refused(self.lines[-1], "OSError", "EXDEV")
        elif actual in ("ENOSPC", "EDQUOT"):
            self._no_room(layer, name, arguments["path"])
        else:
            wanted = outcome(layer.tree, name, arguments)
            self._refused(actual, {wanted, "EEXIST"} if wanted == "ENOTEMPTY" else {wanted}, ERRORS)  # XFS says EEXIST

    def _no_room(self, layer: Layer, name: str, path: str) -> None:
        """Nothing happened, but that open(2) may have made an empty file."""
        self.lines[-1] = refused(self.lines[-1], "OSError", "no room")
        with self.driver.mounted(layer.id) as mount:
            if name in ("write", "append") and mount.exists(path) and layer.tree.key(path) not in layer.tree.nodes:
                layer.tree.write(path, 0, b"")

    def _refused(self, actual: str, allowed: set[str], promise: str) -> None:
        if actual not in allowed:
            raise Broken(promise, " or ".join(sorted(allowed)), actual)
        if actual != "success":
            self.lines[-1] = refused(self.lines[-1], "OSError", actual)

    # ---------------------------------------------------------------- comparison

    def check(self, layer: Layer) -> None:
        """Hold a layer against its flat tree, through its mount if it is held, and through a fresh one."""
        if layer.held:
            self.compare(layer.id, layer.tree, layer.held, f"held_{layer.id}")
        source = f'driver.get("{layer.id}")'
        with self.look(source, lambda: self.driver.mounted(layer.id)) as mount:
            if mount is not layer.held:
                self.compare(layer.id, layer.tree, mount, source)

    def check_all(self) -> None:
        """Hold every layer against its flat tree."""
        for layer in self.layers:
            self.check(layer)

    def compare(self, id: str, tree: FlatTree, mount: Mount[Any], source: str) -> None:
        """Hold what a mount shows against a flat tree; times that are seen first are known from then on."""
        wanted = expected(tree, self.limits, mount.fs.block_size)
        found = self.everything(mount, wanted, source)
        unknown = {}
        for path in wanted.keys() & found.keys():
            node, time = tree.nodes[path], found[path].mtime
            if wanted[path].mtime is None or ("link space" in self.limits and node.kind == "directory"):
                unknown[path] = wanted[path].mtime is None
                wanted[path] = wanted[path]._replace(mtime=time)
        self.hold_against(id, wanted, found, source)
        for path in sorted(path for path, first in unknown.items() if first):
            time = found[path].mtime
            if not tree.see(tree.nodes[path], time or 0) and "link space" not in self.limits:
                call = f'{source}.stat("{path or "/"}", follow=False).mtime'
                raise Broken(f"{TIMES} ({id}:{path or '/'})", f"another time than {time}", time, call)

    def everything(self, mount: Mount[Any], wanted: dict[str, Seen], source: str) -> dict[str, Seen]:
        """What a mount shows; a call that raises is shown by the expression that begins with `source`."""

        def tell(call: str) -> None:
            self.asking = f"{source}.{call}"

        try:
            found = seen(mount, wanted, tell)
        except Broken as broken:
            raise Broken(broken.promise, broken.expected, broken.actual, f"{source}.{broken.call}") from None
        self.asking = ""
        return found

    def hold_against(
        self, id: str, wanted: dict[str, Seen], found: dict[str, Seen], source: str, why: str = SHOWS
    ) -> None:
        """Raise `Broken` for the first path that differs."""
        if wanted == found:
            return
        for path in sorted(wanted.keys() | found.keys()):
            right, actual = difference(wanted.get(path), found.get(path))
            if right != actual:
                call = f"{source}.{look_at(path, right, actual)}"
                raise Broken(f"{why} ({id}:{path or '/'})", as_told(right), as_told(actual), call)


def look_at(path: str, right: Any, actual: Any) -> str:
    """The call of a mount that shows a difference."""
    if right is None or actual is None:
        return f'listdir("{os.path.dirname(path) or "/"}")'
    if "content" in right and actual["content"] is not None:
        return f'read_bytes("{path}")'
    if "stamps" in right and "content" not in right:
        return f'read("{path}").tolist()'
    if "note" in right:
        both = right["note"] and actual["note"]
        return f'getxattr("{path or "/"}", "{NOTE}")' if both else f'listxattr("{path or "/"}")'
    return f'readlink("{path}")' if "target" in right else f'stat("{path or "/"}", follow=False)'


def in_python(arguments: dict[str, Any]) -> str:
    """Arguments as a program has them; modes are octal."""
    named = ("data", "follow", "rdev")
    texts = {key: oct(value) if key == "mode" else repr(value) for key, value in arguments.items()}
    return ", ".join(f"{key}={text}" if key in named else text for key, text in texts.items())


def call_of(act: Act, step: int) -> tuple[str, dict[str, Any]]:
    """An operation as a call of `Mount` (and of `FlatTree`)."""
    data = f"step {step}".encode()
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "write": ("write", {"path": act.path, "offset": act.number, "data": data}),
        "write_nothing": ("write", {"path": act.path, "offset": act.number, "data": b""}),
        "append": ("append", {"path": act.path, "data": data}),
        "truncate": ("truncate", {"path": act.path, "size": act.number}),
        "open": ("open", {"path": act.path, "flags": os.O_RDWR}),
        "create_new": ("open", {"path": act.path, "flags": os.O_WRONLY | os.O_CREAT | os.O_EXCL}),
        "open_truncated": ("open", {"path": act.path, "flags": os.O_WRONLY | os.O_TRUNC}),
        "mkdir": ("mkdir", {"path": act.path, "mode": act.number}),
        "mknod": ("mknod", {"path": act.path, "mode": 0o640, "rdev": (act.number, act.number + 1)}),
        "rename": ("rename", {"path": act.path, "to": act.to}),
        "link": ("link", {"path": act.path, "to": act.to}),
        "symlink": ("symlink", {"target": act.to, "path": act.path}),
        "chmod": ("chmod", {"path": act.path, "mode": act.number}),
        "chown": ("chown", {"path": act.path, "uid": act.number, "gid": act.number + 1}),
        "lchown": ("chown", {"path": act.path, "uid": act.number, "gid": act.number + 1, "follow": False}),
        "utime": ("utime", {"path": act.path, "mtime": act.number}),
        "setxattr": ("setxattr", {"path": act.path, "name": NOTE, "value": str(act.number)}),
        "removexattr": ("removexattr", {"path": act.path, "name": NOTE}),
        "lutime": ("utime", {"path": act.path, "mtime": act.number, "follow": False}),
    }
    return calls.get(act.verb, (act.verb, {"path": act.path}))


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
