"""Drivers whose layers are clones of volumes, each with a file system of its own: devicemapper, btrfs, zfs.

A base layer is an empty file system on a new volume; a child is a clone of its parent's volume, on which the same
files are found (`FileSystem.on`). Before the clone is taken all dirty pages are written, as the kernel does (btrfs
and ZFS commit, device-mapper suspends the device, which freezes the file system).

Each layer has a page cache of its own: two containers that read the same file of their image read it twice.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.volume import Volume
from snapsim.drivers.driver import Driver, Options
from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.mounts.tree import TreeMount

LEAVES_OUT = (
    "the names under which the volumes are mounted, mounting itself (no I/O here), and that btrfs and ZFS "
    "promise room in the pool at the write (see `limits`)."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""


class CloneDriver(Driver):
    """Layers on clones; a driver says how a base layer's file system is made.

    Parameters
    ----------
    devices : tuple of BlockDevice
        Where the I/O goes, in a fixed order.
    family : Volume
        A volume that shares storage with all layers, for the books.
    """

    limits: ClassVar[Mapping[str, str]] = {
        "room": "a pool that several layers share runs out at write-back: ENOSPC from fsync, sync or create, as with "
        "thin volumes, and not from the write",
    }

    def __init__(self, devices: tuple[BlockDevice, ...], family: Volume) -> None:
        super().__init__(devices)
        self.family = family
        self.volumes: dict[str, Volume] = {}
        self._files: dict[str, FileSystem] = {}

    @abstractmethod
    def _base(self) -> tuple[Volume, FileSystem]:
        """A volume for a base layer, with an empty file system."""

    def _settle(self, parent: str) -> None:
        """Before a layer is cloned: write what is dirty in it."""
        self._files[parent].sync()

    def _clone(self, parent: str) -> Volume:
        """A volume for a child; the parent's file system is synced."""
        return self.volumes[parent].clone()

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        if parent is None:
            volume, fs = self._base()
        else:
            self._settle(parent)
            volume = self._clone(parent)
            fs = self._files[parent].on(volume)
        fs.limit = None
        self.volumes[id], self._files[id] = volume, fs

    def _tree(self, id: str) -> TreeMount:
        return TreeMount(self._files[id], self._files[id].root)

    def _remove(self, id: str) -> None:
        self.volumes.pop(id).delete()
        del self._files[id]

    # ---------------------------------------------------------------- the books

    def filesystems(self) -> Sequence[FileSystem]:
        """One for each layer."""
        return tuple(self._files.values())

    def directory(self, id: str) -> Inode:
        """The root of the layer's file system."""
        self._known(id)
        return self._files[id].root

    @property
    def place_size(self) -> int:
        """Bytes a place of the volumes."""
        return self.family.place_size

    def _places(self, id: str) -> Integers:
        return self.volumes[id].places()

    def space(self) -> int:
        """Bytes that the store below counts as allocated for data."""
        return self.family.allocated()
