"""What differs between two flat trees, and how many bytes that is.

LEAVES OUT: what a driver says of it (`books`).
"""

from snapsim.drivers.diff import Change
from snapsim.testing.drivers.flat_tree import FlatNode, FlatTree


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


def differs(new: FlatNode, old: FlatNode) -> bool:
    """By what stat tells; time and size do not count for directories."""
    if (new.kind, new.mode, new.uid, new.gid, new.rdev) != (old.kind, old.mode, old.uid, old.gid, old.rdev):
        return True
    return new.kind != "directory" and (size_of(new), new.mtime) != (size_of(old), old.mtime)


def size_of(node: FlatNode) -> int:
    """Bytes of a file, or of the text of a symbolic link."""
    return len(node.target.encode()) if node.kind == "symlink" else len(node.content)


def size_bounds(new: FlatTree, old: FlatTree) -> tuple[int, int]:
    """Bytes of what differs, and of what differs or was touched (a union copies that up)."""
    changed = {change.path for change in flat_changes(new, old) if change.kind != "D"}
    differing = {id(node): node for path, node in new.nodes.items() if path in changed}
    touched = {id(node): node for node in new.nodes.values() if node.changed == new.layer}
    low, high = (
        sum(size_of(node) for node in nodes.values() if node.kind != "directory")
        for nodes in (differing, {**differing, **touched})
    )
    return low, high
