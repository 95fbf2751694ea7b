"""plain: no layers at all. Every layer is the one directory, changed in place: the ideal that others are held against.

It is no driver of Docker's and keeps no promise (see `limits`); it is what a write costs when nothing is ever
preserved.

>>> driver = Plain()
>>> driver.create("image"); driver.create_read_write("box", "image")
>>> with driver.mounted("box") as mount:
...     mount.write("/f", 0, 4096)
4096
>>> with driver.mounted("image") as mount:
...     mount.listdir("/")                             # the image has it as well
['f']
>>> driver.changes("box", "image")                     # so nothing differs
[]
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB
from snapsim.block.device import BlockDevice, Integers
from snapsim.drivers.driver import About, Driver, Options
from snapsim.drivers.naive_diff import remove_tree
from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.inode import tree_places
from snapsim.files.mounts.tree import TreeMount

LEAVES_OUT = "everything a driver is for."
"""What this model leaves out, as `snapsim fidelity` lists it."""

PLACES = ("ext4", "xfs", "xfs-noreflink")


class Plain(Driver):
    """One directory on one file system, under any number of names.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    """

    name = "plain"
    about = About(
        "no driver: every layer and container is the one directory, written in place (the ideal)",
        "nothing",
        "nothing",
        "never was one",
    )
    limits: ClassVar[Mapping[str, str]] = {
        "immutable": "all layers are one directory, so that a write to one is a write to all",
        "diff": "a layer never differs from its parent",
        "remove": "the directory goes with the last layer",
    }

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB) -> None:
        if fs not in PLACES:
            raise InvalidInput(f"{fs!r} is not for files in place: one of {', '.join(PLACES)}", "plain: fs")
        device = BlockDevice(device_bytes // 4096, name=fs)
        super().__init__((device,))
        self.fs = FILESYSTEMS[fs](device, clock=self.clock)
        self.devices += self.fs.metadata.devices
        self._name = ""  # of the one directory: that of the first layer

    def filesystems(self) -> Sequence[FileSystem]:
        """The one file system."""
        return (self.fs,)

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        if not self._name:
            self.fs.create(self.fs.root, id, "directory")
            self._name = id

    def _top(self) -> Inode:
        return self.fs.root.entries[self._name]

    def _tree(self, id: str) -> TreeMount:
        return TreeMount(self.fs, self._top(), name=self._name)

    def _remove(self, id: str) -> None:
        if self.ids() == [id]:
            remove_tree(TreeMount(self.fs, self.fs.root), f"/{self._name}")
            self._name = ""

    def directory(self, id: str) -> Inode:
        """The one directory."""
        self._known(id)
        return self._top()

    def _places(self, id: str) -> Integers:
        return tree_places(self._top())
