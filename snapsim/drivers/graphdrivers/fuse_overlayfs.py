"""fuse-overlayfs: overlayfs as a program in user space, for daemons without root. overlay2's layers, other marks.

How it differs from `snapsim.drivers.graphdrivers.overlay2`, as far as a daemon with root shows it (the capture
`fuse-overlayfs` in snapsim/data/hosts):

- It takes both forms of a mark: a device 0/0 or ``.wh.f``, the attribute or ``.wh..wh..opq``. Archives are unpacked in
  the AUFS form. Every new directory is opaque, in both forms.
- A copy is not synced, so that a copy-up which is deleted again before the next sync writes nothing.
- ``user.fuseoverlayfs.origin`` says what a file was copied from; directories have no origin.
- Docker never asks it for native diffs, and it takes no storage option.

Source: containers/fuse-overlayfs, moby `daemon/graphdriver/fuse-overlayfs`.

>>> driver = FuseOverlayfs()
>>> driver.create("image"); driver.create_read_write("box", "image")
>>> with driver.mounted("box") as mount:
...     mount.mkdir("/d"); mount.listdir("/d")
[]
>>> driver.status(), driver.diff("box", "image").paths()
([], ['/d'])

What it leaves out: the cost of leaving the kernel, id mapping, and its plugins.
"""

import errno
from collections.abc import Iterable, Mapping
from typing import ClassVar

from snapsim.base.units import GiB
from snapsim.drivers.driver import About
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.files.filesystem import Inode, fail
from snapsim.files.mounts.marks import OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.mounts.overlayfs import OverlayMount, is_whiteout
from snapsim.files.mounts.union import Node


class FuseOverlayMount(OverlayMount):
    """A union as fuse-overlayfs makes it; see `OverlayMount`."""

    origin = "user.fuseoverlayfs.origin"
    syncs = False
    piece = 0
    nameless = False

    def _fresh_work(self, work: Inode) -> Inode:
        return work

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

    def _child(self, directory: Node, name: str) -> Node | None:
        if name.startswith(WHITEOUT_PREFIX):
            raise fail(errno.EINVAL, name)
        return super()._child(directory, name)


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
        **Overlay2.limits,
        "names": "no name may start with .wh. (EINVAL)",
    }

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB) -> None:
        super().__init__(fs, device_bytes)

    def _union(self, lowers: list[Inode], upper: Inode | None = None, work: Inode | None = None) -> OverlayMount:
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
