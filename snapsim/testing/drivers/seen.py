"""What can be seen of a tree, path by path: of a mounted one, and of a flat one.

LEAVES OUT: inode numbers, and link counts that a driver's `limits` name.
"""

import errno
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from snapsim.files.mounts.mount import Mount, Stat
from snapsim.files.pages import digest_stamps
from snapsim.testing.drivers.flat_tree import NOTE, FlatNode, FlatTree
from snapsim.testing.failure import Broken

ONCE = "what is in a directory is seen once"
_SHOWN = 8
"""Bytes of a content that are shown."""


class Seen(NamedTuple):
    """What can be seen at a path; what is None is not compared.

    Attributes
    ----------
    kind, mode, uid, gid, nlink, size, mtime, rdev : as in stat(2)
    content : bytes or None
        The real bytes of a file.
    stamps : tuple of int
        The blocks of a file, as they are read: equal bytes have equal stamps; None for a block that was cut within.
    target : str
        Of a symbolic link.
    note : tuple of str
        The extended attributes in the name space ``user.``, and their values.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    nlink: int | None = None
    size: int | None = None
    content: bytes | None = None
    target: str = ""
    mtime: int | None = None
    rdev: tuple[int, int] = (0, 0)
    stamps: tuple[int | None, ...] = ()
    note: tuple[str, ...] = ()


def difference(expected: Seen | None, actual: Seen | None, skip: tuple[str, ...] = ()) -> tuple[Any, Any]:
    """The fields that differ, of both; what is missing is None."""
    if expected is None or actual is None:
        return (expected and expected.kind), (actual and actual.kind)
    if expected == actual:
        return {}, {}
    fields = [name for name in Seen._fields if getattr(expected, name) != getattr(actual, name) and name not in skip]
    fields = fields if fields != ["size", "content", "stamps"] else ["size", "content"]
    return {name: getattr(expected, name) for name in fields}, {name: getattr(actual, name) for name in fields}


def as_told(fields: Any) -> Any:
    """The fields that differ as a failure has them: a mode is octal, as in the calls of its program.

    Examples
    --------
    >>> as_told({"mode": 0o2750, "uid": 7}), as_told(None)
    ({'mode': '0o2750', 'uid': 7}, None)
    """
    if not isinstance(fields, dict) or "mode" not in fields:
        return fields
    return {**fields, "mode": oct(fields["mode"])}


@lru_cache(maxsize=4096)
def stamps_of(content: bytes, block_size: int) -> tuple[int, ...]:
    """The stamps of the blocks of real bytes.

    Examples
    --------
    >>> stamps_of(bytes(5000), 4096), len(stamps_of(b"x" * 4096, 4096))
    ((0, 0), 1)
    """
    return tuple(digest_stamps(content, 0, -(-len(content) // block_size), block_size).tolist())


def expected(tree: FlatTree, limits: Mapping[str, str], block_size: int = 4096) -> dict[str, Seen]:
    """What should be seen at every path of a flat tree, "" for its root."""
    found = {}
    for path, node in tree.nodes.items():
        is_file = node.kind == "file"
        size = len(node.content) if is_file else len(node.target.encode()) if node.kind == "symlink" else None
        found[path] = Seen(
            node.kind,
            node.mode,
            node.uid,
            node.gid,
            _links(tree, path, node, limits),
            size,
            node.content if is_file else None,
            node.target,
            tree.time_of(node),
            node.rdev,
            tuple(None if at in node.cut else stamp for at, stamp in enumerate(stamps_of(node.content, block_size))),
            () if node.note is None else (f"{NOTE}={node.note}",),
        )
    return found


def _links(tree: FlatTree, path: str, node: FlatNode, limits: Mapping[str, str]) -> int | None:
    """How many links it should have; None where the driver's limits say that this cannot be told."""
    new = node.made == tree.layer
    if node.kind == "directory":
        if "directory nlink" in limits:
            return None
        return 2 + sum(tree.nodes[below].kind == "directory" for below in tree.names(path))
    if node.kind != "file" or (("link counts" in limits or "hard links" in limits) and not new):
        return None
    return len(tree.paths_of(node))


def seen(
    mount: Mount[Any], wanted: Mapping[str, Seen], tell: Callable[[str], None] = lambda call: None
) -> dict[str, Seen]:
    """What is seen at every path of a mounted tree; link counts only where they are wanted.

    Each call of the mount is told before it is made.
    """
    tell('stat("/")')
    return {
        path: _look(mount, path, stat, wanted.get(path), tell) for path, stat in _walk(mount, "", mount.stat("/"), tell)
    }


def _look(mount: Mount[Any], path: str, stat: Stat, wanted: Seen | None, tell: Callable[[str], None]) -> Seen:
    content: bytes | None = None
    stamps: tuple[int | None, ...] = ()
    if stat.kind == "file":
        tell(f'read_bytes("{path}")')
        content, stamps = _bytes(mount, path), tuple(mount.read(path).tolist())
        known = wanted.stamps if wanted and len(wanted.stamps) == len(stamps) else stamps
        stamps = tuple(None if right is None else stamp for right, stamp in zip(known, stamps, strict=True))
    tell(f'readlink("{path}")')
    return Seen(
        stat.kind,
        stat.mode,
        stat.uid,
        stat.gid,
        stat.nlink if wanted and wanted.nlink is not None else None,
        stat.size if stat.kind in ("file", "symlink") else None,
        content,
        mount.readlink(path) if stat.kind == "symlink" else "",
        stat.mtime,
        stat.rdev,
        stamps,
        _notes(mount, path or "/", tell) if stat.kind in ("file", "directory") else (),
    )


def _notes(mount: Mount[Any], path: str, tell: Callable[[str], None]) -> tuple[str, ...]:
    """Extended attributes that users set."""
    tell(f'listxattr("{path}")')
    names = [name for name in mount.listxattr(path) if name.startswith("user.")]
    return tuple(f"{name}={mount.getxattr(path, name)}" for name in names)


def _bytes(mount: Mount[Any], path: str) -> bytes | None:
    """The real bytes; None where the tree says that it does not know them, which is wrong for what the kit wrote."""
    try:
        return mount.read_bytes(path)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None


def _walk(mount: Mount[Any], path: str, stat: Stat, tell: Callable[[str], None]) -> Iterator[tuple[str, Stat]]:
    """Each path once, and its stat: a directory's before what is in it."""
    yield path, stat
    if stat.kind != "directory":
        return
    tell(f'listdir("{path or "/"}")')
    names = mount.listdir(path or "/")
    if len(set(names)) != len(names):
        raise Broken(ONCE, sorted(set(names)), names, f'listdir("{path or "/"}")')
    for name in names:
        below = f"{path}/{name}"
        tell(f'stat("{below}", follow=False)')
        yield from _walk(mount, below, mount.stat(below, follow=False), tell)


def in_words(found: Seen) -> str:
    """What can be seen at a path, in a few words.

    Examples
    --------
    >>> in_words(Seen("file", 0o644, 0, 0, 1, 3, b"abc"))
    "file 644, 3 B b'abc'"
    >>> in_words(Seen("symlink", 0o777, 0, 0, 1, 1, None, "f")), in_words(Seen("device", 0o600, 0, 0, rdev=(1, 3)))
    ('link to f', 'device 1:3 600')
    """
    if found.kind == "symlink":
        return f"link to {found.target}"
    owner = f" of {found.uid}:{found.gid}" if found.uid or found.gid else ""
    links = f", {found.nlink} links" if found.nlink is not None and found.nlink > 1 and found.kind == "file" else ""
    size = f", {found.size} B {shown(found.content or b'')}" if found.kind == "file" else ""
    numbers = f" {found.rdev[0]}:{found.rdev[1]}" if found.kind == "device" else ""
    return f"{'dir' if found.kind == 'directory' else found.kind}{numbers} {found.mode:o}{owner}{links}{size}"


def shown(content: bytes) -> str:
    """A content, or the end of one, where what was written last often is.

    Examples
    --------
    >>> shown(b"0123456789abc")
    "b'..56789abc'"
    """
    return repr(content if len(content) <= _SHOWN else b".." + content[-_SHOWN:])


def fields_in_words(fields: Mapping[str, Any]) -> str:
    """The fields that differ, in a few words.

    Examples
    --------
    >>> fields_in_words({"mode": 0o600, "content": b"abc", "stamps": (7, 9)})
    "mode 600, content b'abc', stamps 7 9"
    """
    words = {
        "mode": lambda value: f"{value:o}",
        "content": lambda value: "unknown" if value is None else shown(value),
        "stamps": lambda value: " ".join(str(stamp)[-6:] for stamp in value) or "none",
    }
    return ", ".join(f"{name} {words.get(name, str)(value)}" for name, value in fields.items())
