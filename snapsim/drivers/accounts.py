"""The books of a driver: what its layers hold, what is in the page cache, and the devices that count the I/O.

Two accounts of space are kept apart, so that they can be held against each other: what the layers say they hold
(`places`), and what the storage below has marked as allocated (`space`).

>>> from snapsim.drivers.graphdrivers import Vfs
>>> driver = Vfs()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/f", 0, 8192)
8192
>>> driver.sync(); driver.create("child", parent="base"); driver.sync()
>>> driver.usage("base"), driver.space()           # vfs shares nothing: the child has a copy of its own
(Usage(allocated=8192, exclusive=8192, shared=0), 16384)

What it leaves out: space for metadata of volumes (maps, trees), which is the mechanism's to know; what a file system's
own metadata hold is `metadata_space`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from snapsim.base.errors import NotFound, Unsupported
from snapsim.block.device import BlockDevice, Integers
from snapsim.block.volume import Usage
from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode


class Books(ABC):
    """Space and page cache of something that keeps layers.

    Attributes
    ----------
    devices : tuple of BlockDevice
        Where the I/O goes, in a fixed order.
    """

    devices: tuple[BlockDevice, ...]

    @abstractmethod
    def ids(self) -> list[str]:
        """All layers, in the order in which they were made."""

    @abstractmethod
    def filesystems(self) -> Sequence[FileSystem]:
        """Each file system once."""

    def directory(self, id: str) -> Inode:
        """The directory that holds the layer's own files, as `du` walks it: its whole tree, unless layers are stacked.

        Raises
        ------
        Unsupported
            The driver keeps layers in another way.
        """
        raise Unsupported(f"{type(self).__name__} has no directory for a layer")

    @abstractmethod
    def _places(self, id: str) -> Integers:
        """See `places`."""

    @property
    def place_size(self) -> int:
        """Bytes a place, the unit of `places`."""
        return self.devices[0].block_size

    def places(self, id: str) -> Integers:
        """Where the layer's own storage lies, each place once; layers that share storage name the same places.

        The union over all layers, times `place_size`, is `space()` once all is synced and no deleted file is open.

        Raises
        ------
        NotFound
            No such layer.
        """
        if id not in self.ids():
            raise NotFound(f"no layer {id!r}")
        return np.unique(self._places(id))

    def usage(self, id: str) -> Usage:
        """Bytes that the layer holds, alone and together with other layers, by their `places`."""
        mine = self.places(id)
        others = [self.places(other) for other in self.ids() if other != id]
        shared = int(np.isin(mine, np.concatenate(others)).sum()) if others else 0
        return Usage(*(count * self.place_size for count in (mine.size, mine.size - shared, shared)))

    def space(self) -> int:
        """Bytes that the storage below counts as allocated for data."""
        return sum(fs.used for fs in self.filesystems())

    def sync(self) -> None:
        """Write all dirty pages."""
        for fs in self.filesystems():
            fs.sync()

    def freeze(self) -> None:
        """Write everything, and the logs of the file systems home, as FIFREEZE and an unmount do."""
        for fs in self.filesystems():
            fs.freeze()

    def metadata_space(self) -> int:
        """Bytes that the file systems' own metadata hold since they were made; with `space` what ``df`` calls used."""
        return sum(fs.metadata.space() for fs in self.filesystems())

    def drop_caches(self) -> None:
        """Forget all clean pages."""
        for fs in self.filesystems():
            fs.drop_caches()

    def page_cache_bytes(self) -> int:
        """Bytes in the page caches."""
        return sum(fs.cached_bytes() for fs in self.filesystems())


def tree_places(directory: Inode) -> Integers:
    """The places of all files under a directory, each inode's once."""
    found: dict[int, Integers] = {}
    waiting = [directory]
    while waiting:
        inode = waiting.pop()
        found[inode.number] = inode.blocks[inode.blocks >= 0]
        waiting += inode.entries.values()
    return np.unique(np.concatenate(list(found.values())))
