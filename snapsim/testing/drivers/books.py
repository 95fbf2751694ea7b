"""The books of a driver: I/O after every step; space, sizes and changes at the end of a list.

**Cause**: the recorded I/Os of a step sum up to what was counted, and each has a known purpose. **Space**:
the distinct places of all layers are what the storage below has allocated, and a removal frees what was exclusive.
**Sizes**: `diff_size` is at least what differs from the parent, and at most what was touched. **Changes** are those of
the flat trees.

LEAVES OUT: metadata, and exact figures of I/O.
"""

from snapsim.block.device import recording
from snapsim.block.volume import Usage
from snapsim.drivers.diff import Change
from snapsim.testing.drivers.flat_tree import FlatTree, Node
from snapsim.testing.drivers.layers import Layer, Layers
from snapsim.testing.drivers.operations import Act
from snapsim.testing.failure import Broken
from snapsim.testing.volumes.books import check_cause, counts_of

SPACE = "distinct places of all layers x place size == space(), once all is synced"
USAGE = "usage() is (held, held alone, shared) by places()"
FREED = "a removal frees what usage() called exclusive"
SIZE = "diff_size is the apparent size of what was added or changed, each inode once"
LOOK_AROUND = 10
PARENT = "each layer knows its parent"
CHANGES = "changes lists what differs from the parent"


def step(layers: Layers, act: Act, everything: bool = True) -> None:
    """One operation, and the checks after it; raises `Broken`.

    Without `everything`, of the trees only that of the layer that the operation names is compared; every layer is
    before one of them goes, and after every `LOOK_AROUND`-th step.
    """
    driver, freed, layer = layers.driver, None, layers.layer(act)
    if act.verb == "remove":
        if not everything:
            layers.check_all()
        driver.sync()
        freed = driver.space() - driver.usage(layers.layer(act).id).exclusive
    start, count = counts_of(driver.devices), len(layers.layers)
    with recording(*driver.devices) as story:
        layers.do(act)
    check_cause(story, start, driver.devices)
    if freed is not None and len(layers.layers) < count and driver.space() != freed:
        raise Broken(FREED, freed, driver.space(), "driver.space()")
    if everything or layers.steps % LOOK_AROUND == 0:
        layers.check_all()
    elif layer in layers.layers:
        layers.check(layers.layers[-1] if act.verb == "child" else layer)


def finish(layers: Layers) -> None:
    """Every layer, and what the driver says about them, at the end of a list."""
    layers.check_all()
    parents = {layer.id: layer.parent.id if layer.parent else None for layer in layers.layers}
    actual = {id: layers.driver.parent(id) for id in layers.driver.ids()}
    if parents != actual:
        raise Broken(PARENT, parents, actual, "{id: driver.parent(id) for id in driver.ids()}")
    for layer in layers.layers:
        if layer.parent is not None and "diff" not in layers.limits:
            _check_changes(layers, layer, layer.parent)
            _check_size(layers, layer, layer.parent)
    layers.driver.sync()
    _check_space(layers)


def _check_space(layers: Layers) -> None:
    driver = layers.driver
    held = {id: set(driver.places(id).tolist()) for id in driver.ids()}
    total, size = len(set().union(*held.values())) * driver.place_size, driver.place_size
    if total != driver.space():
        raise Broken(SPACE, total, driver.space(), "driver.space()")
    for id, mine in held.items():
        others: set[int] = set().union(*(places for other, places in held.items() if other != id))
        wanted = Usage(len(mine) * size, len(mine - others) * size, len(mine & others) * size)
        if wanted != driver.usage(id):
            raise Broken(USAGE, wanted, driver.usage(id), f'driver.usage("{id}")')


# ---------------------------------------------------------------- what changed


def _check_changes(layers: Layers, layer: Layer, parent: Layer) -> None:
    if "changes" in layers.limits:
        return
    wanted = [str(change) for change in flat_changes(layer.tree, parent.tree)]
    actual = [str(change) for change in layers.driver.changes(layer.id, parent.id)]
    if sorted(wanted) != sorted(actual):
        raise Broken(CHANGES, wanted, actual, f'driver.changes("{layer.id}", "{parent.id}")')


def flat_changes(new: FlatTree, old: FlatTree) -> list[Change]:
    """What makes one flat tree of another: of a tree that went only the top, of a changed directory all above it.

    Examples
    --------
    >>> old = FlatTree(); old.mkdir("/d"); old.write("/d/a", 0, data=b"")
    >>> new = old.child(); new.unlink("/d/a"); new.mkdir("/e")
    >>> [str(change) for change in flat_changes(new, old)]
    ['C /d', 'D /d/a', 'A /e']
    """
    kinds: dict[str, str] = {path: "A" for path in new.nodes if not _counterpart(path, new, old)}
    kinds |= {
        path: "C" for path, node in new.nodes.items() if path and path not in kinds and differs(node, old.nodes[path])
    }
    kinds |= {path: "D" for path in old.nodes if path not in new.nodes and _is_directory(new, path.rpartition("/")[0])}
    for path in list(kinds):
        above = path.rpartition("/")[0]
        while above:
            kinds.setdefault(above, "C")
            above = above.rpartition("/")[0]
    return [Change(kinds[path], path) for path in sorted(kinds)]


def _is_directory(tree: FlatTree, path: str) -> bool:
    return path in tree.nodes and tree.nodes[path].kind == "directory"


def _counterpart(path: str, new: FlatTree, old: FlatTree) -> bool:
    """Is there something in the old tree under that path, in directories that are directories in both?"""
    above = path.rpartition("/")[0]
    return path in old.nodes and (not path or (_is_directory(old, above) and _counterpart(above, new, old)))


def differs(new: Node, old: Node) -> bool:
    """By what stat tells; time and size do not count for directories."""
    if (new.kind, new.mode, new.uid, new.gid) != (old.kind, old.mode, old.uid, old.gid):
        return True
    return new.kind != "directory" and (_size(new), new.mtime) != (_size(old), old.mtime)


def _size(node: Node) -> int:
    return len(node.target.encode()) if node.kind == "symlink" else len(node.content)


# ---------------------------------------------------------------- sizes


def _check_size(layers: Layers, layer: Layer, parent: Layer) -> None:
    low, high = size_bounds(layer.tree, parent.tree)
    actual = layers.driver.diff_size(layer.id, parent.id)
    if not low <= actual <= high:
        expected = low if low == high else f"{low} to {high}"
        raise Broken(SIZE, expected, actual, f'driver.diff_size("{layer.id}", "{parent.id}")')


def size_bounds(new: FlatTree, old: FlatTree) -> tuple[int, int]:
    """Bytes of what differs, and of what differs or was touched (a union copies that up)."""
    changed = {change.path for change in flat_changes(new, old) if change.kind != "D"}
    differing = {id(node): node for path, node in new.nodes.items() if path in changed}
    touched = {id(node): node for node in new.nodes.values() if node.changed == new.layer}
    low, high = (
        sum(_size(node) for node in nodes.values() if node.kind != "directory")
        for nodes in (differing, {**differing, **touched})
    )
    return low, high
