"""What can be seen of a tree, path by path: of a mounted one, and of a flat one.

LEAVES OUT: times that `utime` did not set, inode numbers, and link counts that a driver's `limits` name.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..mount import Mount
from .failure import Broken
from .flat_tree import FlatTree

SEEN = "what is in a directory is seen once"


class Row(NamedTuple):
    """What can be seen at a path."""

    kind: str
    mode: int
    uid: int
    gid: int
    nlink: int | None
    size: int | None
    content: bytes | None
    target: str
    mtime: int | None


def difference(expected: Row | None, actual: Row | None, skip: tuple[str, ...]) -> tuple[Any, Any]:
    """The fields that differ, of both; a row that is missing is None."""
    if expected is None or actual is None:
        return (expected and expected.kind), (actual and actual.kind)
    fields = [name for name in Row._fields if getattr(expected, name) != getattr(actual, name) and name not in skip]
    return {name: getattr(expected, name) for name in fields}, {name: getattr(actual, name) for name in fields}


def expected_rows(tree: FlatTree, limits: Mapping[str, str]) -> dict[str, Row]:
    """Every path of a flat tree, "" for its root."""
    found = {}
    for path, node in tree.nodes.items():
        is_file, links = node.kind == "file", None
        if node.kind == "directory" and "directory nlink" not in limits:
            links = 2 + sum(tree.nodes[below].kind == "directory" for below in tree.names(path))
        elif is_file and "link counts" not in limits and "hard links" not in limits:
            links = len(tree.paths_of(node))
        size = len(node.content) if is_file else len(node.target) if node.kind == "symlink" else None
        found[path] = Row(node.kind, node.mode, node.uid, node.gid, links, size, node.content if is_file else None,
                          node.target, node.mtime if node.mtime > 0 else None)
    return found


def rows(mount: Mount[Any], tree: FlatTree, limits: Mapping[str, str]) -> dict[str, Row]:
    """Every path of a mounted tree, "" for its root; times only where the flat tree knows them."""
    wanted = expected_rows(tree, limits)
    return {path: _row(mount, path, wanted.get(path)) for path in _walk(mount, "")}


def _row(mount: Mount[Any], path: str, wanted: Row | None) -> Row:
    stat = mount.stat(path or "/", follow=False)
    content = mount.read_bytes(path) if stat.kind == "file" else None
    return Row(stat.kind, stat.mode, stat.uid, stat.gid, stat.nlink if wanted and wanted.nlink is not None else None,
               stat.size if stat.kind != "directory" else None, content,
               mount.readlink(path) if stat.kind == "symlink" else "",
               stat.mtime if wanted and wanted.mtime is not None else None)


def _walk(mount: Mount[Any], path: str) -> Iterator[str]:
    yield path
    names = mount.listdir(path or "/")
    if len(set(names)) != len(names):
        raise Broken(SEEN, sorted(set(names)), names)
    for name in names:
        below = f"{path}/{name}"
        if mount.stat(below, follow=False).kind == "directory":
            yield from _walk(mount, below)
        else:
            yield below

