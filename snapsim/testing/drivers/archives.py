"""What an archive of a layer brings when it is unpacked elsewhere.

The changes of a layer are unpacked in a sibling, or its whole tree in a base, and the tree that is seen there is held
against that of the layer. Two things may differ, as they do with moby. A directory of which nothing but the time was
changed is no change by moby's rule (go-archive `changes_unix.go`, `statDifferent`: "don't look at size or modification
time for dirs"), so an archive need not have it, and the sibling's may have the time of the parent's. And a file with
names that are no changes is linked to them in the layer and not in the sibling. Extended attributes of users are not
compared: moby's archives leave them out.

LEAVES OUT: the order of the entries.
"""

from typing import TYPE_CHECKING, Any

from snapsim.drivers.driver import Driver
from snapsim.testing.drivers.flat_changes import flat_changes, size_bounds, size_of
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.drivers.seen import Seen, expected
from snapsim.testing.failure import Broken, same
from snapsim.testing.playing import refused

if TYPE_CHECKING:
    from snapsim.testing.drivers.layers import Layer, Layers

APPLIED = "a diff that is unpacked in a sibling makes the same tree"
FLATTENED = "a diff against nothing that is unpacked in a base makes the same tree"
IDS = "ids lists the layers in the order in which they were made"
RETURNED = "apply_diff returns the bytes of the files that it unpacked"


def apply(layers: "Layers", layer: "Layer", id: str, above: "Layer | None", held: bool) -> None:
    """Export a layer, unpack it in a new one, compare the two, and remove the new one.

    Parameters
    ----------
    layers : Layers
        The driver and its program.
    layer : Layer
        What is exported.
    id : str
        Of the new layer.
    above : Layer or None
        The changes against this layer into a child of it; the whole tree into a base where there is none.
    held : bool
        The new layer is mounted while it is filled.
    """
    driver = layers.driver
    parent = above.id if above else None
    below = f', parent="{parent}"' if parent else ""
    named = f'"{parent}"' if parent else "None"
    size = f'driver.apply_diff("{id}", {named}, driver.diff("{layer.id}", {named}))'
    layers.lines += [f'driver.create("{id}"{below})', *([f'driver.get("{id}")'] if held else []), f"size = {size}"]
    try:
        driver.create(id, parent=parent)
        layers.sibling = type(layer)(id, above, layer.tree)
        if held:
            driver.get(id)
        size_told = driver.apply_diff(id, parent, driver.diff(layer.id, parent))
    except OSError as error:
        if error.errno not in layers.no_room:
            raise
        del layers.lines[-1 - held :]
        layers.lines[-1] = refused(layers.lines[-1], "OSError", "no room for what is unpacked")
    else:
        _compare(layers, layer, id, above)
        low, high = _sizes(layer.tree, above.tree if above else None, type(driver).diff is Driver.diff)
        if not low <= size_told <= high:
            raise Broken(RETURNED, low if low == high else f"{low} to {high}", size_told, "size")
    if driver.exists(id):
        if held:
            driver.put(id)
        driver.remove(id)
        layers.lines.append(f'driver.put("{id}"); driver.remove("{id}")' if held else f'driver.remove("{id}")')
    layers.sibling = None


def _compare(layers: "Layers", layer: "Layer", id: str, above: "Layer | None") -> None:
    call, living = "driver.ids()", [*(each.id for each in layers.layers), id]
    same(IDS, living, layers.look(call, layers.driver.ids), call)
    source = f'driver.get("{id}")'
    with layers.look(source, lambda: layers.driver.mounted(id)) as mount:
        wanted = expected_after(layer.tree, above.tree if above else None, layers.limits)
        found = layers.everything(mount, wanted, source)
    for path in wanted.keys() & found.keys():
        wanted[path] = allowing(
            layer.tree, above.tree if above else None, path, wanted[path], found[path], layers.limits
        )
        if wanted[path].mtime is None:
            found[path] = found[path]._replace(mtime=None)
        wanted[path] = wanted[path]._replace(note=found[path].note)
    layers.hold_against(id, wanted, found, source, APPLIED if above else FLATTENED)


def expected_after(tree: FlatTree, parent: FlatTree | None, limits: Any) -> dict[str, Seen]:
    """What should be seen where a layer's changes, or the whole of it, were unpacked."""
    changed = (
        set(tree.nodes)
        if parent is None
        else {change.path for change in flat_changes(tree, parent) if change.kind != "D"}
    )
    wanted = expected(tree, limits)
    for path, right in wanted.items():
        node = tree.nodes[path]
        if right.kind == "file" and not all(name in changed for name in tree.paths_of(node)):
            wanted[path] = right._replace(nlink=None)
        if right.kind == "directory" and "directory nlink" in limits:
            wanted[path] = right._replace(nlink=None)  # a directory that was made anew may merge there
    wanted[""] = wanted[""]._replace(mtime=None)
    return wanted


def allowing(tree: FlatTree, parent: FlatTree | None, path: str, wanted: Seen, found: Seen, limits: Any) -> Seen:
    """The same, with the parent's time for a directory that is no change and shows that."""
    if wanted.kind != "directory" or parent is None or path not in parent.nodes or found.mtime == wanted.mtime:
        return wanted
    if "link space" in limits:
        return wanted._replace(mtime=found.mtime)
    is_change = any(change.path == path for change in flat_changes(tree, parent))
    before = parent.time_of(parent.nodes[path])
    return wanted if is_change or before not in (None, found.mtime) else wanted._replace(mtime=before)


def _sizes(tree: FlatTree, parent: FlatTree | None, naive: bool) -> tuple[int, int]:
    """Bytes that may be told: a symbolic link counts its text or nothing, another name of a file once more or not.

    Of the naive archive the sizes of the tar headers are told: files that are changed, and nothing for links.
    """
    if naive:
        changed = tree.nodes if parent is None else {change.path for change in flat_changes(tree, parent)}
        unpacked = {id(node): node for path, node in tree.nodes.items() if path in changed and node.kind == "file"}
        return (sum(map(size_of, unpacked.values())),) * 2
    if parent is not None:
        low, high = size_bounds(tree, parent)
        links = sum(size_of(node) for node in tree.nodes.values() if node.kind == "symlink")
        return max(low - links, 0), high
    files = {id(node): size_of(node) for node in tree.nodes.values() if node.kind == "file"}
    return sum(files.values()), sum(size_of(node) for node in tree.nodes.values() if node.kind != "directory")
