"""fuse-overlayfs: overlayfs as a program in user space, for daemons without root. overlay2's layers, other marks.

How it differs from `snapsim.drivers.graphdrivers.overlay2`, as far as a daemon with root shows it (the capture
`fuse-overlayfs` in snapsim/data/hosts):

- It takes both forms of a mark: a device 0/0 or ``.wh.f``, the attribute or ``.wh..wh..opq``. Archives are unpacked in
  the AUFS form. Every new directory is opaque, in both forms.
- A copy is not synced, so that a copy-up which is deleted again before the next sync writes nothing.
- ``user.fuseoverlayfs.origin`` says what a file was copied from; directories and links have no origin, and keep their
  inode number until the next mount only.
- Docker never asks it for native diffs, and it takes no storage option.

Source: containers/fuse-overlayfs, moby `daemon/graphdriver/fuse-overlayfs`.

>>> driver = FuseOverlayfs()
>>> driver.create("image"); driver.create_read_write("box", "image")
>>> with driver.mounted("box") as mount:
...     mount.mkdir("/d"); mount.listdir("/d")
[]
>>> driver.status(), driver.diff("box", "image").paths()
([], ['/d'])
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from snapsim.base.units import GiB
from snapsim.drivers.driver import About
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts.contract import Stat
from snapsim.files.mounts.marks import OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.overlayfs import OverlayTree, is_whiteout
from snapsim.files.mounts.union import Node, Union

LEAVES_OUT = "the cost of leaving the kernel, id mapping, and its plugins."
"""What this model leaves out, as `snapsim fidelity` lists it."""

HIDDEN = ("user.fuseoverlayfs.", "user.containers.")
"""Beginnings of the names of extended attributes that are kept below and not shown."""


class FuseOverlayTree(OverlayTree):
    """A union as fuse-overlayfs makes it; see `OverlayTree`."""

    origin = "user.fuseoverlayfs.origin"
    syncs = False
    piece = 0
    nameless = False

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(fs, lowers, upper, work)
        self._shown: dict[int, int] = {}  # inode number of a copy -> the number that it goes on to show

    def _fresh_work(self, work: Inode) -> Inode:
        return work

    def _copy_up(self, node: Node, what: str = "name", keep: int | None = None) -> Inode:
        number = self.inode(node).number
        upper = super()._copy_up(node, what, keep)
        if upper.number != number:
            self._shown[upper.number] = number
        return upper

    def stat(self, node: Node) -> Stat:
        """As of `OverlayTree`; whatever was copied up in this mount keeps its number, until the next one."""
        found = super().stat(node)
        return found._replace(ino=self._shown.get(self.inode(node).number, found.ino))

    def _mark_root(self, upper: Inode) -> None:
        """No marks."""

    def _entry(self, directory: Inode, name: str) -> Inode | None:
        return None if name.startswith(WHITEOUT_PREFIX) else super()._entry(directory, name)

    def _hides(self, directory: Inode, name: str) -> bool:
        return super()._hides(directory, name) or WHITEOUT_PREFIX + name in directory.entries

    def _listing(self, directory: Inode) -> tuple[Iterable[str], Iterable[str]]:
        marks = {name for name in directory.entries if name.startswith(WHITEOUT_PREFIX)}
        gone = {name for name, inode in directory.entries.items() if is_whiteout(inode)}
        return [name for name in directory.entries if name not in marks | gone], gone | {
            name.removeprefix(WHITEOUT_PREFIX) for name in marks
        }

    def _is_opaque(self, directory: Inode) -> bool:
        return super()._is_opaque(directory) or OPAQUE_NAME in directory.entries

    def _set_opaque(self, directory: Inode) -> None:
        super()._set_opaque(directory)
        if OPAQUE_NAME not in directory.entries:
            self.fs.create(directory, OPAQUE_NAME, "file", mode=0o700)

    def _new_is_opaque(self, directory: Node) -> bool:
        return True

    def _cover(self, directory: Inode, name: str) -> None:
        self._new_whiteout(directory, name)

    def _uncover(self, directory: Inode, name: str) -> None:
        for mark in (name, WHITEOUT_PREFIX + name):
            if mark in directory.entries:
                self.fs.unlink(directory, mark)

    def _set_origin(self, copy: Inode, source: Inode) -> None:
        if source.kind == "file":
            super()._set_origin(copy, source)

    def _set_impure(self, directory: Inode) -> None:
        """No such mark."""

    def child(self, directory: Node, name: str) -> Node | None:
        """See `Union`; EINVAL for the name of a mark."""
        if name.startswith(WHITEOUT_PREFIX):
            raise fail(errno.EINVAL, name)
        return super().child(directory, name)

    def listed(self, directory: Node) -> list[str]:
        """The names: marks are never listed."""
        return self.names(directory)

    def same(self, one: Node, other: Node) -> bool:
        """Two names of one lower file are one file, as long as none of them is copied up."""
        return self.inode(one) is self.inode(other)

    def attributes(self, node: Node) -> dict[str, str]:
        """All but its own and those of containers/storage, which nobody sees (can_access_xattr() of main.c)."""
        found = super().attributes(node)
        return {name: value for name, value in found.items() if not name.startswith(HIDDEN)}

    def stored_name(self, name: str) -> str:
        """See `Tree`; EPERM for a name of its own."""
        if name.startswith(HIDDEN):
            raise fail(errno.EPERM, name)
        return super().stored_name(name)

    def to_sync(self, node: Node) -> Inode | None:
        """Whatever holds the data."""
        return self.data(node)

    def rename(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node | None) -> None:
        """As in every union: whiteouts are made by themselves, one for each name."""
        Union.rename(self, old, name, node, new, to, over)

    def _moved(self, node: Node, new: Node, covered: bool) -> None:
        if self.inode(node).kind == "directory" and node.is_pure_upper and len(new.stack) > 1:
            self._set_opaque(self.inode(node))


class FuseOverlayMount(Mount[Node]):
    """A union as fuse-overlayfs makes it; parameters as of `OverlayTree`."""

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(FuseOverlayTree(fs, lowers, upper, work))


class FuseOverlayfs(Overlay2):
    """fuse-overlayfs over ext4 or XFS.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    """

    name = "fuse-overlayfs"
    about = About(
        "OverlayFS in user space",
        "files",
        "the whole file, at open for writing",
        "kept, for rootless hosts on old kernels",
    )
    storage_options = ()
    refusal = "--storage-opt is not supported"
    limits: ClassVar[Mapping[str, str]] = {
        **{key: limit for key, limit in Overlay2.limits.items() if key != "linked names"},
        "names": "no name may start with .wh. (EINVAL)",
    }

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB) -> None:
        super().__init__(fs, device_bytes)

    def _union(self, lowers: list[Inode], upper: Inode | None = None, work: Inode | None = None) -> Mount[Node]:
        return FuseOverlayMount(self.fs, lowers, upper, work)

    def _native(self, id: str, parent: str | None) -> bool:
        return False

    def _unpacks(self, id: str, parent: str | None) -> bool:
        return parent == self.parent(id)

    def _put_whiteout(self, directory: Inode, name: str) -> Inode:
        return self.fs.create(directory, WHITEOUT_PREFIX + name, "file", mode=0)

    def _put_opaque(self, directory: Inode) -> Inode | None:
        if OPAQUE_NAME in directory.entries:
            return directory.entries[OPAQUE_NAME]
        return self.fs.create(directory, OPAQUE_NAME, "file", mode=0)

    def status(self) -> list[tuple[str, str]]:
        """Nothing is told."""
        return []
