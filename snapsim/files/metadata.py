"""THE CONTRACT of a file system's own metadata: what inodes, directories, maps and a journal cost.

`Files` and `FileSystem` tell their `Metadata` what happens, in the words of the kernel's VFS; a file system that
knows its rules (`snapsim.files.filesystems.ext4.metadata` and its siblings) overrides the hooks that concern it. The
class here costs nothing: it is what a file system without such rules has, and what every hook does unless overridden.

**Where the I/O goes.** To `BlockDevice` objects of its own, `devices`: they stand for the metadata blocks of the same
disk, so the places of `space` and of the data device stay those of data alone. A driver puts them behind its data
devices (``driver.devices``), so that they are counted and recorded with the rest. Every I/O there has the purpose
``metadata`` and names its rule. `region` makes one: its blocks are numbered on from the end of the data, and it has
the disk's name, so that the head of a disk moves from one to the other.

**When.** The hooks come after the change in memory, in the order in which the system calls make them. What a hook
does is either to read (a block that has to be known, and is not cached), to note what is dirty, or to write:

| hook | when | on ext4, for example |
|---|---|---|
| `looked_up`, `listed`, `accessed`, `mapped` | something has to be known | read, if cold |
| `made`, `linked`, `unlinked`, `gone`, `changed`, `placed`, `freed` | it changed | into the running transaction |
| `fsynced`, `synced` | it has to be safe | the transaction goes to the journal |
| `froze` | FIFREEZE, unmount | the journal is written home |
| `dropped` | caches are dropped | everything is cold |

A subclass gives what it has to, and is made in `Files.make_metadata`:

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystem import FileSystem
>>> class Counting(Metadata):
...     def __init__(self, store):
...         super().__init__(store)
...         self.disk = self.region(8)
...     def made(self, inode, directory):
...         self.disk.write(self.disk.size - 8 + inode.number, why="metadata", rule="each inode is written at once")
>>> class Toy(FileSystem):
...     def make_metadata(self):
...         return Counting(self.store)
>>> fs = Toy(BlockDevice(64))
>>> with fs.metadata.disk.counting() as io:
...     file = fs.create(fs.root, "f", "file")
>>> io.counts, fs.store.counts
(IOCounts(write_metadata=(1, 4096)), IOCounts())
"""

from typing import Any

import numpy as np

from snapsim.block.device import BlockDevice, Blocks, Integers, Requests, Stamps
from snapsim.block.volume import Volume
from snapsim.files.inode import Inode

LEAVES_OUT = (
    "file systems on a `Volume` (devicemapper) cost no metadata here, btrfs and ZFS excepted, whose trees are "
    "the volume's own."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""


class Region(BlockDevice):
    """A device whose I/O is counted and whose contents nobody looks at: they take no memory, and read as zeros.

    Examples
    --------
    >>> log = Region(1 << 40, name="log")
    >>> log.write(slice(0, 2), why="metadata")
    >>> log.counts
    IOCounts(write_metadata=(1, 8192))
    """

    def __init__(self, size: int, block_size: int = 4096, name: str = "disk") -> None:
        super().__init__(0, block_size, name)
        self.size = size

    def read(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> Stamps:
        """Count a read."""
        return np.zeros(self._count("read", blocks, why, rule).count, np.uint64)

    def write(self, blocks: Blocks | Requests, stamps: Any = None, why: str = "data", rule: str = "") -> None:
        """Count a write."""
        self._count("write", blocks, why, rule)

    def discard(self, blocks: Blocks | Requests, why: str = "data", rule: str = "") -> None:
        """Count a discard."""
        self._count("discard", blocks, why, rule)

    def peek(self, blocks: Blocks | Requests) -> Stamps:
        """Zeros."""
        return np.zeros(Requests(blocks, self.size).count, np.uint64)


class Metadata:
    """The metadata of one file system; this one costs nothing.

    Parameters
    ----------
    store : BlockDevice or Volume
        What the file system lies on.

    Attributes
    ----------
    devices : tuple of BlockDevice
        Where the metadata I/O is counted, beside the data's device.
    """

    def __init__(self, store: BlockDevice | Volume) -> None:
        self.store = store
        self.devices: tuple[BlockDevice, ...] = ()

    def region(self, blocks: int) -> BlockDevice:
        """A device for so many metadata blocks: the last `blocks` of it, numbered on from the data's end."""
        disk = Region(self.store.size + blocks, self.store.block_size, getattr(self.store, "name", "disk"))
        self.devices += (disk,)
        return disk

    # ---------------------------------------------------------------- something has to be known

    def looked_up(self, directory: Inode, name: str) -> None:
        """A name was resolved in a directory, found (``name in directory.entries``) or not."""

    def listed(self, directory: Inode) -> None:
        """All names of a directory were read."""

    def accessed(self, inode: Inode) -> None:
        """A program read a file, a directory or a link: its access time may change (relatime)."""

    def mapped(self, inode: Inode) -> None:
        """The places of a file's blocks are needed: to read, to overwrite, to place or to free."""

    # ---------------------------------------------------------------- something changed

    def made(self, inode: Inode, directory: Inode | None) -> None:
        """A new inode, for a name in `directory` (None: it is the root); `linked` follows."""

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """A name was put into a directory, which changed with it; link counts and times too."""

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """A name was taken out of a directory; link counts and times changed. A rename is this and `linked`."""

    def orphaned(self, inode: Inode) -> None:
        """An inode was `made` that has no name, or not yet (O_TMPFILE); `linked` may follow."""

    def gone(self, inode: Inode) -> None:
        """The last name and the last descriptor of an inode are gone; its places were `freed` before."""

    def changed(self, inode: Inode) -> None:
        """Size, times, mode, owner or extended attributes of an inode changed."""

    def written(self, inode: Inode) -> None:
        """write(2) changed pages in the cache, and so the times and perhaps the size of a file."""
        self.changed(inode)

    def placed(self, inode: Inode, blocks: Integers) -> None:
        """Blocks of a file got their places: ``inode.blocks[blocks]``."""

    def freed(self, inode: Inode, places: Integers) -> None:
        """Places that were a file's are free (or another file's alone)."""

    # ---------------------------------------------------------------- something has to be safe

    def fsynced(self, inode: Inode) -> None:
        """The dirty data of a file went out, by fsync(2)."""

    def paced(self, milliseconds: float) -> None:
        """What passes on average from a write with an fsync to the next is known: time stamps depend on it."""

    def synced(self) -> None:
        """All dirty data went out, by sync(2)."""

    def froze(self) -> None:
        """The file system is frozen (FIFREEZE) or unmounted: logs are written home."""

    def dropped(self) -> None:
        """Clean caches are gone."""

    # ---------------------------------------------------------------- books

    def space(self) -> int:
        """Bytes of metadata in use that ``df`` counts as used; what mkfs made is not among them."""
        return 0
