"""What can be seen of a tree, path by path: of a mounted one, and of a flat one.

LEAVES OUT: times that `utime` did not set, inode numbers, and link counts that a driver's `limits` name.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from snapsim.files.mounts.mount import Mount, Stat
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.failure import Broken

SEEN = "what is in a directory is seen once"
_SHOWN = 8
"""Bytes of a content that are shown."""


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
        found[path] = Row(
            node.kind,
            node.mode,
            node.uid,
            node.gid,
            links,
            size,
            node.content if is_file else None,
            node.target,
            node.mtime if node.mtime > 0 else None,
        )
    return found


def rows(mount: Mount[Any], wanted: Mapping[str, Row]) -> dict[str, Row]:
    """Every path of a mounted tree, "" for its root; times and link counts only where they are wanted."""
    return {path: _row(mount, path, stat, wanted.get(path)) for path, stat in _walk(mount, "", mount.stat("/"))}


def _row(mount: Mount[Any], path: str, stat: Stat, wanted: Row | None) -> Row:
    content = mount.read_bytes(path) if stat.kind == "file" else None
    return Row(
        stat.kind,
        stat.mode,
        stat.uid,
        stat.gid,
        stat.nlink if wanted and wanted.nlink is not None else None,
        stat.size if stat.kind != "directory" else None,
        content,
        mount.readlink(path) if stat.kind == "symlink" else "",
        stat.mtime if wanted and wanted.mtime is not None else None,
    )


def _walk(mount: Mount[Any], path: str, stat: Stat) -> Iterator[tuple[str, Stat]]:
    """Each path once, and its stat: a directory's before what is in it."""
    yield path, stat
    if stat.kind != "directory":
        return
    names = mount.listdir(path or "/")
    if len(set(names)) != len(names):
        raise Broken(SEEN, sorted(set(names)), names)
    for name in names:
        below = f"{path}/{name}"
        yield from _walk(mount, below, mount.stat(below, follow=False))


def in_words(row: Row, skip: tuple[str, ...] = ()) -> str:
    """What can be seen at a path, in a few words.

    Examples
    --------
    >>> in_words(Row("file", 0o644, 0, 0, 1, 3, b"abc", "", None))
    "file 644, 3 B b'abc'"
    >>> in_words(Row("symlink", 0o777, 0, 0, 1, 1, None, "f", None))
    'link to f'
    """
    if row.kind == "symlink":
        return f"link to {row.target}"
    owner = f" of {row.uid}:{row.gid}" if row.uid or row.gid else ""
    links = f", {row.nlink} links" if row.nlink is not None and row.nlink > 1 and row.kind == "file" else ""
    size = f", {row.size} B {shown(row.content or b'')}" if row.kind == "file" else ""
    return f"{'dir' if row.kind == 'directory' else row.kind} {row.mode:o}{owner}{links}{size}"


def shown(content: bytes) -> str:
    """A content, or the end of one, where what was written last often is.

    Examples
    --------
    >>> shown(b"0123456789abc")
    "b'..56789abc'"
    """
    return repr(content if len(content) <= _SHOWN else b".." + content[-_SHOWN:])


def fields_in_words(fields: Mapping[str, Any]) -> str:
    """The fields of rows that differ, in a few words.

    Examples
    --------
    >>> fields_in_words({"mode": 0o600, "content": b"abc"})
    "mode 600, content b'abc'"
    """
    words = {"mode": lambda value: f"{value:o}", "content": shown}
    return ", ".join(f"{name} {words.get(name, str)(value)}" for name, value in fields.items())
