"""btrfs: every layer is a subvolume, a child a snapshot of its parent's: a second root over the same tree.

What is shared are extents; a write goes to a new extent and copies nothing, so a container costs what it writes
(and the path to the root). Removing a layer drops its tree. Source: moby `daemon/graphdriver/btrfs`.

>>> driver = Btrfs()
>>> driver.create("image")
>>> with driver.mounted("image") as mount:
...     mount.write("/bin", 0, 1 << 20)
1048576
>>> driver.create_read_write("box", "image")
>>> with driver.devices[0].counting() as io, driver.mounted("box") as mount:
...     mount.write("/bin", 0, 4096)
...     driver.sync()
4096
>>> io.counts.bytes("write", "data"), io.counts.bytes("write", "copy"), driver.usage("box")
(4096, 0, Usage(allocated=1052672, exclusive=4096, shared=1048576))
"""

from collections.abc import Mapping
from typing import ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB, TiB, docker_size, parse_size
from snapsim.block.snapshots import CowBtree
from snapsim.block.volume import Volume
from snapsim.drivers.clone_driver import CloneDriver
from snapsim.drivers.driver import About, Options
from snapsim.files.filesystem import FileSystem
from snapsim.files.filesystems import BtrfsSubvolume
from snapsim.files.filesystems.btrfs.disk import BtrfsDisk
from snapsim.files.filesystems.btrfs.subvolume import SubvolumeItems

LEAVES_OUT = "nested subvolumes, and that a quota group counts tree nodes too."
"""What this model leaves out, as `snapsim fidelity` lists it."""

_BLOCK = 4096


class Btrfs(CloneDriver):
    """Subvolumes of one btrfs file system.

    Parameters
    ----------
    device_bytes : int
        Room for data; memory is used for what is written.
    min_space : str
        ``btrfs.min_space``: the smallest ``size`` that a container can be given.
    versions : (str, str) or None
        Build and library version, as status shows them up to Docker 20.10; None shows what 23.0 and later show.
    nodatacow : bool
        Mounted so that data is overwritten in place where no snapshot needs it.

    Examples
    --------
    >>> driver = Btrfs(min_space="10G")
    >>> driver.create_read_write("box", options={"size": "1G"})
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: btrfs: storage-opt size: btrfs: storage size cannot be less than 10.74GB
    """

    name = "btrfs"
    about = About("a subvolume for each layer", "extents", "nothing; a write goes to a new extent", "kept")
    storage_options = ("size",)
    limits: ClassVar[Mapping[str, str]] = {
        **CloneDriver.limits,
        "directory nlink": "a directory says 1, as btrfs counts no subdirectories",
    }

    def __init__(
        self,
        device_bytes: int = 64 * GiB,
        min_space: str = "0",
        versions: tuple[str, str] | None = ("Btrfs v6.2", "102"),
        nodatacow: bool = False,
    ) -> None:
        self.top = CowBtree(16 * TiB // _BLOCK, _BLOCK, device_size=device_bytes // _BLOCK, nodatacow=nodatacow)
        super().__init__(self.top.devices, self.top)
        self.disk = BtrfsDisk(self.top.store, device_bytes)
        self.versions, self.min_space = versions, parse_size(min_space, "btrfs.min_space")

    def _check_options(self, options: Options, writable: bool) -> None:
        super()._check_options(options, writable)
        limit = self.size_option(options)
        if limit == 0:
            raise InvalidInput(f"btrfs: invalid storage size: {options['size']}", "btrfs: storage-opt size")
        if limit is not None and limit < self.min_space:
            raise InvalidInput(
                f"btrfs: storage size cannot be less than {docker_size(self.min_space)}", "btrfs: storage-opt size"
            )

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        self.disk.next_name = id
        super()._create(id, parent, options, writable)
        self._files[id].limit = self.size_option(options)  # quota group, max referenced: the parent's data count

    def _settle(self, parent: str) -> None:
        """Data alone are written; the commit that follows makes the snapshot."""
        self._fs(parent).write_data()
        self.disk.prepare_snapshot(self._items(parent))

    def _fs(self, id: str) -> BtrfsSubvolume:
        fs = self._files[id]
        assert isinstance(fs, BtrfsSubvolume)
        return fs

    def _items(self, id: str) -> SubvolumeItems:
        items = self._fs(id).items
        assert items is not None
        return items

    def _remove(self, id: str) -> None:
        self.disk.remove(self._items(id))
        super()._remove(id)

    def metadata_space(self) -> int:
        """Tree blocks, with their copies."""
        return self.disk.space()

    def _base(self) -> tuple[Volume, FileSystem]:
        volume = self.top.subvolume()
        return volume, BtrfsSubvolume(volume, clock=self.clock)

    def status(self) -> list[tuple[str, str]]:
        """Build and library version; from Docker 23.0 on a single key without value."""
        if self.versions is None:
            return [("Btrfs", "")]
        return list(zip(("Build Version", "Library Version"), self.versions, strict=True))
