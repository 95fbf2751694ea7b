"""What an image shows, layer by layer, and which files each layer hides, from the entries alone and without a driver.

A file of a layer is **seen** as long as one of its names is visible; a hard link is one more name of the same file. A
layer above can remove the last name; the bytes then stay in their layer, hidden:

==================  ==================================================================================
overwritten         a file with other bytes has the name now
attributes only     a file with the same bytes has it: chmod, chown or touch made a whole copy
replaced            a directory, link or device has it
deleted             a whiteout of the name
deleted with D      a whiteout of a directory above it
behind opaque D     an opaque mark in a directory above it
==================  ==================================================================================

>>> from snapsim.drivers.diff import Diff, Entry
>>> from snapsim.files.mounts.marks import whiteout
>>> tree = ImageTree()
>>> tree.add(Diff((Entry("/etc", "directory"), Entry("/etc/motd", content=b"hello"))))
>>> tree.add(Diff((Entry(whiteout("/etc")),)))
>>> [(file.path, file.layer, file.why, file.hider) for file in tree.hidden()], sorted(tree.names)
([('/etc/motd', 0, 'deleted with /etc', 1)], [])

`snapsim.drivers.hidden_files` answers the same question for a driver, block by block, and differs on vfs, for example.

What it leaves out: what a driver makes of it, the bytes of names and attributes, and bytes that are in a file twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from snapsim.drivers.diff import Diff, Entry
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, hidden

BLOCK = 4096


@dataclass(eq=False)
class StoredFile:
    """A file of a layer (or a link, or a device, without bytes).

    Attributes
    ----------
    path : str
        Its first name.
    layer : int
        The layer that holds it, from 0.
    names : set of str
        The visible names; empty once the file is hidden.
    before : StoredFile or None
        What had the first name before this file.
    why, hider
        Once it is hidden: the reason, and the layer that hid it.
    """

    entry: Entry
    layer: int
    before: "StoredFile | None" = None
    names: set[str] = field(default_factory=set)
    why: str = ""
    hider: int = -1

    @property
    def path(self) -> str:
        """The first name of the file."""
        return self.entry.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.entry.tar_size

    @property
    def again(self) -> int:
        """Bytes in blocks that are equal to those of the file that had the name before, at the same offsets."""
        return 0 if self.before is None else equal_bytes(self.entry, self.before.entry)


def equal_bytes(entry: Entry, other: Entry) -> int:
    """Bytes of `entry` in blocks that are equal in both files; 0 if the content of one is not known.

    Examples
    --------
    >>> stamps = np.array([7, 8], np.uint64)
    >>> equal_bytes(Entry("/f", size=5000, stamps=stamps), Entry("/f", size=4096, stamps=stamps[:1]))
    4096
    """
    if entry.stamps is None or other.stamps is None:
        return len(entry.content or b"") if entry.content == other.content else 0
    both = min(entry.stamps.size, other.stamps.size)
    blocks = np.flatnonzero(entry.stamps[:both] == other.stamps[:both])
    return int(np.minimum(entry.size - blocks * BLOCK, BLOCK).sum())


@dataclass
class ImageTree:
    """The tree that the layers added so far show.

    Attributes
    ----------
    names : dict of str to StoredFile
        Every path that is no directory.
    files : list of StoredFile
        All files of all layers, visible or hidden, in the order of the layers.
    layers : int
        How many layers were added.
    """

    names: dict[str, StoredFile] = field(default_factory=dict)
    files: list[StoredFile] = field(default_factory=list)
    layers: int = 0
    _inside: dict[str, set[str]] = field(default_factory=lambda: {"": set()})  # directory -> names in it

    def add(self, diff: Diff) -> None:
        """Put one more layer on top."""
        for entry in diff.entries:
            gone, directory = hidden(entry.path), entry.path.rpartition("/")[0]
            if not entry.name.startswith(AUFS_PRIVATE_PREFIX) or entry.name == OPAQUE_NAME:
                self._make(directory)
            if entry.name == OPAQUE_NAME:
                self._clear(directory, f"behind opaque {directory or '/'}", below=True)
            elif gone is not None:
                self._remove(gone, "deleted", f"deleted with {gone}")
            elif not entry.name.startswith(AUFS_PRIVATE_PREFIX):
                self._place(entry)
        self.layers += 1

    def hidden(self) -> list[StoredFile]:
        """Hidden files that have bytes, the largest first."""
        return sorted((file for file in self.files if file.size and not file.names), key=lambda file: -file.size)

    def _place(self, entry: Entry) -> None:
        path, before = entry.path, self.names.get(entry.path)
        if entry.kind == "directory":
            self._make(path)
            return
        linked = self.names.get(entry.link) if entry.link else None
        file = linked or StoredFile(entry, self.layers, before)
        if path in self._inside:
            self._remove(path, "replaced", f"deleted with {path}")
        elif before is not None and before is not file:
            self._remove(path, _why(file.entry, before.entry), "")
        if linked is None:
            self.files.append(file)
        self._enter(path)
        self.names[path] = file
        file.names.add(path)

    def _make(self, directory: str) -> None:
        """Make the path a directory, and everything above it as well."""
        if directory in self._inside:
            return
        self._make(directory.rpartition("/")[0])
        if directory in self.names:
            self._remove(directory, "replaced", "")
        self._inside[directory] = set()
        self._enter(directory)

    def _enter(self, path: str) -> None:
        directory, _, name = path.rpartition("/")
        self._inside[directory].add(name)

    def _remove(self, path: str, why: str, why_inside: str) -> None:
        """Remove a name and everything below it."""
        if path in self._inside:
            self._clear(path, why_inside)
            del self._inside[path]
        elif path in self.names:
            self._forget(path, why)
        directory, _, name = path.rpartition("/")
        self._inside.get(directory, set()).discard(name)

    def _clear(self, directory: str, why: str, below: bool = False) -> None:
        """Remove everything in a directory; with `below` only what lower layers put there."""
        for path in list(self._walk(directory)):
            own = below and path in self.names and self.names[path].layer == self.layers
            if not own and not self._inside.get(path):
                self._remove(path, why, why)

    def _walk(self, directory: str) -> Iterator[str]:
        """Every path below, the deepest first."""
        for name in sorted(self._inside.get(directory, ())):
            yield from self._walk(f"{directory}/{name}")
            yield f"{directory}/{name}"

    def _forget(self, path: str, why: str) -> None:
        file = self.names.pop(path)
        file.names.discard(path)
        if not file.names:
            file.why, file.hider = why, self.layers


def _why(entry: Entry, before: Entry) -> str:
    if entry.kind != "file":
        return "replaced"
    same = entry.size == before.size == equal_bytes(entry, before)
    return "attributes only" if same and before.kind == "file" else "overwritten"
