"""The books of a driver: I/O after every step; space, sizes and changes at the end of a list.

**Cause**: the recorded I/Os of a step sum up to what was counted, and each has a known purpose. **Space**:
the distinct places of all layers are what the storage below has allocated, and a removal frees what was exclusive.
**Sizes**: `diff_size` is at least what differs from the parent, and at most what was touched. **Changes** are those of
the flat trees.

LEAVES OUT: metadata, and exact figures of I/O.
"""

from snapsim.block.device import recording
from snapsim.block.volume import Usage
from snapsim.testing.drivers.flat_changes import flat_changes, size_bounds
from snapsim.testing.drivers.layers import Layer, Layers
from snapsim.testing.drivers.operations import Act
from snapsim.testing.failure import Broken
from snapsim.testing.volumes.books import check_cause, counts_of

SPACE = "distinct places of all layers x place size == space(), once all is synced"
USAGE = "usage() is (held, held alone, shared) by places()"
FREED = "a removal frees what usage() called exclusive"
SIZE = "diff_size is the apparent size of what was added or changed, each inode once"
LOOK_AROUND = 10
PARENT = "each layer knows its parent, and ids lists them in the order in which they were made"
CHANGES = "changes lists what differs from the parent"
ALL_ADDED = "changes lists all that there is as added where no parent is given"


def step(layers: Layers, act: Act, everything: bool = True, look: bool = True) -> None:
    """One operation, and the checks after it; raises `Broken`.

    Without `everything`, of the trees only that of the layer that the operation names is compared; every layer is
    before one of them goes, and after every `LOOK_AROUND`-th step. Without `look`, no tree is.
    """
    driver, freed, layer = layers.driver, None, layers.layer(act)
    if act.verb == "remove" and look:
        if not everything:
            layers.check_all()
        driver.sync()
        freed = driver.space() - driver.usage(layer.id).exclusive
    start, count = counts_of(driver.devices), len(layers.layers)
    with recording(*driver.devices) as story:
        layers.do(act)
    check_cause(story, start, driver.devices)
    if freed is not None and len(layers.layers) < count and driver.space() != freed:
        raise Broken(FREED, freed, driver.space(), "driver.space()")
    if not look:
        return
    if everything or layers.steps % LOOK_AROUND == 0:
        layers.check_all()
    elif layer in layers.layers:
        layers.check(layers.layers[-1] if act.verb == "child" else layer)


def finish(layers: Layers) -> None:
    """Every layer, and what the driver says about them, at the end of a list."""
    layers.check_all()
    parents = {layer.id: layer.parent.id if layer.parent else None for layer in layers.layers}
    call = "{id: driver.parent(id) for id in driver.ids()}"
    actual = layers.look(call, lambda: {id: layers.driver.parent(id) for id in layers.driver.ids()})
    if list(parents.items()) != list(actual.items()):
        raise Broken(PARENT, parents, actual, call)
    for layer in layers.layers:
        if layer.parent is not None and "diff" not in layers.limits:
            _check_changes(layers, layer, layer.parent)
            if not layers.links_wait(layer):
                _check_size(layers, layer, layer.parent)
    if "diff" not in layers.limits:
        _check_against_others(layers, layers.layers[-1])
    layers.lines.append("driver.sync()")
    layers.driver.sync()
    _check_space(layers)


def _check_space(layers: Layers) -> None:
    driver = layers.driver
    held = layers.look("driver.space()", lambda: {id: set(driver.places(id).tolist()) for id in driver.ids()})
    total, size = len(set().union(*held.values())) * driver.place_size, driver.place_size
    if total != driver.space():
        raise Broken(SPACE, total, driver.space(), "driver.space()")
    for id, mine in held.items():
        others: set[int] = set().union(*(places for other, places in held.items() if other != id))
        wanted = Usage(len(mine) * size, len(mine - others) * size, len(mine & others) * size)
        call = f'driver.usage("{id}")'
        actual = layers.look(call, lambda id=id: driver.usage(id))  # type: ignore[misc]
        if wanted != actual:
            raise Broken(USAGE, wanted, actual, call)


# ---------------------------------------------------------------- what changed


def _check_changes(layers: Layers, layer: Layer, parent: Layer) -> None:
    if "changes" in layers.limits:
        return
    wanted = [str(change) for change in flat_changes(layer.tree, parent.tree)]
    call = f'sorted(map(str, driver.changes("{layer.id}", "{parent.id}")))'
    actual = layers.look(call, lambda: [str(change) for change in layers.driver.changes(layer.id, parent.id)])
    if sorted(wanted) != sorted(actual):
        raise Broken(CHANGES, sorted(wanted), sorted(actual), call)


def _check_against_others(layers: Layers, layer: Layer) -> None:
    """A layer against the parent of its parent, and against nothing."""
    above = layer.parent.parent if layer.parent else None
    if above is not None and above in layers.layers:
        _check_changes(layers, layer, above)
        if not layers.links_wait(layer):
            _check_size(layers, layer, above)
    if "changes" in layers.limits:
        return
    wanted = sorted(f"A {path}" for path in layer.tree.nodes if path)
    call = f'[str(change) for change in driver.changes("{layer.id}")]'
    actual = layers.look(call, lambda: sorted(map(str, layers.driver.changes(layer.id))))
    if wanted != actual:
        raise Broken(ALL_ADDED, wanted, actual, call)


# ---------------------------------------------------------------- sizes


def _check_size(layers: Layers, layer: Layer, parent: Layer) -> None:
    low, high = size_bounds(layer.tree, parent.tree)
    call = f'driver.diff_size("{layer.id}", "{parent.id}")'
    actual = layers.look(call, lambda: layers.driver.diff_size(layer.id, parent.id))
    if not low <= actual <= high:
        expected = low if low == high else f"{low} to {high}"
        raise Broken(SIZE, expected, actual, call)
