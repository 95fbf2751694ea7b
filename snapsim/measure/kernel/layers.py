"""How image layers and containers are made on each stack, as Docker's drivers make them.

What it leaves out: the drivers' own bookkeeping (names of layers, links, mount options of SELinux), and aufs, ZFS and
device-mapper.
"""

# ruff: noqa: D102 (the methods are described once, in LayersOnDisk)

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from snapsim.measure.kernel import syscalls
from snapsim.measure.kernel.disk import MOUNTPOINT, command
from snapsim.measure.kernel.needs import Need

# Lazy initialisation would write to the device behind the measurement's back.
_MKFS_EXT4 = ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0")
EXT4 = Need("ext4", _MKFS_EXT4, "e2fsprogs")
XFS = Need("xfs", ("mkfs.xfs", "-q", "-f"), "xfsprogs")
XFS_NOREFLINK = Need("xfs", (*XFS.mkfs, "-m", "reflink=0"), "xfsprogs")
BTRFS = Need("btrfs", ("mkfs.btrfs", "-q", "-f"), "btrfs-progs")


@dataclass(frozen=True)
class Place:
    """A layer or container: the directory where it is read and written, and the one that holds what is its own."""

    path: str
    own: str
    lowers: tuple[str, ...] = ()


class LayersOnDisk(ABC):
    """The layers and containers on one disk."""

    describes: ClassVar[str]

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}

    def layer(self, name: str, parent: str | None) -> str:
        """Make an image layer; the directory to fill."""
        return self._keep(name, self._layer(name, self.places[parent] if parent else None))

    def snapshot(self, name: str, parent: str | None) -> str:
        """Make a container; the directory it works in."""
        return self._keep(name, self._snapshot(name, self.places[parent] if parent else None))

    def _keep(self, name: str, place: Place) -> str:
        self.places[name] = place
        return place.path

    @abstractmethod
    def _layer(self, name: str, parent: Place | None) -> Place: ...

    def _snapshot(self, name: str, parent: Place | None) -> Place:
        return self._layer(name, parent)

    def seal(self, name: str) -> None:
        """Turn a container into a layer, which is not written any more."""

    def close(self) -> None:
        """Unmount what is mounted above the file system."""

    def figures(self) -> dict[str, int]:
        """Figures that only this file system reports."""
        return {}

    def exclusive(self, name: str) -> dict[str, int]:
        """Bytes that a container holds exclusively, where the file system reports them."""
        return {}


def _directory(name: str) -> str:
    path = os.path.join(MOUNTPOINT, name)
    os.mkdir(path)
    return path


class Overlay(LayersOnDisk):
    """overlay2: a directory a layer, joined by a mount; a layer is unpacked straight into its directory."""

    describes = "mount -t overlay with Docker's options (index=off)"
    options = "index=off"

    def _layer(self, name: str, parent: Place | None) -> Place:
        _directory(name)
        diff = _directory(f"{name}/diff")
        return Place(diff, diff, (diff, *(parent.lowers if parent else ())))

    def _snapshot(self, name: str, parent: Place | None) -> Place:
        _directory(name)
        upper, work, merged = (_directory(f"{name}/{part}") for part in ("diff", "work", "merged"))
        lowers = parent.lowers if parent else (_directory(f"{name}/empty"),)
        syscalls.mount(
            "overlay", merged, "overlay", f"lowerdir={':'.join(lowers)},upperdir={upper},workdir={work},{self.options}"
        )
        return Place(merged, upper, (upper, *lowers))

    def seal(self, name: str) -> None:
        if os.path.ismount(self.places[name].path):
            syscalls.unmount(self.places[name].path)

    def close(self) -> None:
        for name in reversed(self.places):
            self.seal(name)


class Metacopy(Overlay):
    """overlay2 with metacopy, which Docker does not set."""

    describes = "as overlay2, with metacopy=on"
    options = "index=off,metacopy=on"


class Copies(LayersOnDisk):
    """vfs: every layer and container is a full copy."""

    describes = "cp -a of the whole tree"
    reflink = "never"

    def _layer(self, name: str, parent: Place | None) -> Place:
        if parent is None:
            path = _directory(name)
        else:
            path = os.path.join(MOUNTPOINT, name)
            command("cp", "-a", f"--reflink={self.reflink}", parent.path, path)
        return Place(path, path)


class Clones(Copies):
    """vfs where files can be cloned."""

    describes = "cp -a --reflink=always of the whole tree"
    reflink = "always"


class Subvolumes(LayersOnDisk):
    """btrfs: a snapshot of a subvolume."""

    describes = "subvolume snapshots"

    def _layer(self, name: str, parent: Place | None) -> Place:
        syscalls.make_subvolume(MOUNTPOINT, name, parent.path if parent else None)
        path = os.path.join(MOUNTPOINT, name)
        return Place(path, path)

    def figures(self) -> dict[str, int]:
        lines = command("btrfs", "filesystem", "df", "-b", MOUNTPOINT).splitlines()
        found = {f"btrfs_{line.split(',')[0].lower()}_used": int(line.rsplit("used=", 1)[1]) for line in lines}
        for line in command("btrfs", "filesystem", "usage", "-b", MOUNTPOINT).splitlines():
            label, _, value = line.strip().partition(":")
            if label in ("Device allocated", "Used"):
                found[f"btrfs_{label.lower().replace(' ', '_')}"] = int(value.split()[0])
        return found

    def exclusive(self, name: str) -> dict[str, int]:
        line = command("btrfs", "filesystem", "du", "-s", "--raw", self.places[name].path).splitlines()[-1]
        return {"btrfs_exclusive": int(line.split()[1])}


class InPlace(LayersOnDisk):
    """No copy-on-write: every container is the one directory itself."""

    describes = "one directory, written in place"

    def _layer(self, name: str, parent: Place | None) -> Place:
        return parent or Place(*(2 * (_directory(name),)))


def _on_overlay(need: Need) -> Need:
    return replace(need, also=("overlay",))


STACKS: dict[str, tuple[type[LayersOnDisk], Need]] = {
    "overlay2-ext4": (Overlay, _on_overlay(EXT4)),
    "overlay2-ext4-metacopy": (Metacopy, _on_overlay(EXT4)),
    "overlay2-xfs": (Overlay, _on_overlay(XFS)),
    "overlay2-xfs-noreflink": (Overlay, _on_overlay(XFS_NOREFLINK)),
    "btrfs": (Subvolumes, BTRFS),
    "vfs-ext4": (Copies, EXT4),
    "vfs-xfs": (Clones, XFS),
    "xfs-reflink": (Clones, XFS),
    "ext4-plain": (InPlace, EXT4),
}
"""The stacks that can be measured, by the names of `snapsim.lab.stacks`."""
