"""btrfs: files in a subvolume; the copy-on-write B-tree below decides where their blocks really lie.

The file system gives each block an address in the subvolume's own space and never thinks of sharing: that is the
volume's business (`snapsim.block.snapshots.CowBtree`), which moves a block at every write and keeps what snapshots
still reference. What is freed is discarded, so that the tree drops its items.

>>> from snapsim.block.snapshots import CowBtree
>>> fs = BtrfsSubvolume(CowBtree.new(1 << 20, device_size=4096))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.write(file, 0, 65536), fs.sync()
(None, None)
>>> snapshot = fs.on(fs.store.clone())             # a subvolume snapshot: no data moves
>>> fs.write(file, 0, 1), fs.sync()
(None, None)
>>> fs.store.usage().exclusive                     # one new extent of 4 KiB
4096

A file that was cut to nothing is written back when it is closed, one that is moved over another that is not
empty at the rename, as on ext4.

On the subvolumes of a driver, whose file system is complete (`snapsim.files.filesystems.btrfs.disk`), it also tells
the trees what becomes of files, directories and extents (`snapsim.files.filesystems.btrfs.subvolume`); they say what
metadata cost. There a file of up to 2048 bytes is *inline*: it lives in the tree, and has an address but no extent.
"""

import errno
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from snapsim.base.errors import NoSpace
from snapsim.block.device import BlockDevice, Integers, Stamps
from snapsim.block.snapshots.cow_btree.volume import CowBtree
from snapsim.block.volume import Volume
from snapsim.files.filesystem import FileSystem, Inode, fail
from snapsim.files.filesystems.btrfs.disk import BtrfsDisk
from snapsim.files.filesystems.btrfs.subvolume import SubvolumeItems
from snapsim.files.metadata import Metadata
from snapsim.files.pages import runs

LEAVES_OUT = "compression, and that an inline file which grows behind its first block is written again."
"""What this model leaves out, as `snapsim fidelity` lists it."""

MOST_INLINE = 2048


class BtrfsSubvolume(FileSystem):
    """A btrfs subvolume.

    Attributes
    ----------
    items : SubvolumeItems or None
        The items of its tree, where the store below has trees for them.
    inline : dict of int to int
        Stamps of files that live in the tree, by the address of their block.
    """

    name = "btrfs"
    counts_directories = False
    keeps_time = True
    discards = True
    items: SubvolumeItems | None = None

    def __init__(
        self, store: BlockDevice | Volume, limit: int | None = None, clock: Iterator[int] | None = None
    ) -> None:
        self.inline: dict[int, int] = {}
        super().__init__(store, limit, clock)

    def on(self, volume: Volume) -> Self:
        """The same files on a clone of the volume below."""
        twin = super().on(volume)
        twin.inline = dict(self.inline)
        return twin

    def flushes_at_close(self, old: int, new: int) -> bool:
        """A file that was cut to nothing."""
        return new == 0

    def flushes_at_rename(self, replaced: Inode) -> bool:
        """What is replaced was not empty."""
        return replaced.size > 0

    # ---------------------------------------------------------------- the trees are told

    def make_metadata(self) -> Metadata:
        """The items of the subvolume, where the store below has trees for them."""
        disk = getattr(getattr(self.store, "store", None), "trees", None)
        if not isinstance(disk, BtrfsDisk):
            return super().make_metadata()
        self.items = SubvolumeItems(self, disk)
        return self.items

    def write_data(self) -> None:
        """Write all dirty pages, without a commit."""
        for inode in list(self._cached.values()):
            self._write_all(inode)

    def sync(self) -> None:
        """sync(2) is for the whole file system: all subvolumes, one commit."""
        if self.items is None:
            super().sync()
        else:
            self.items.disk.sync()
            self._flush()

    def _flush(self) -> None:
        assert isinstance(self.store, Volume)
        self.store.flush()

    def write(self, inode: Inode, offset: int, length: int, data: Any = None, why: str = "data") -> None:
        """As of `Files`; where it begins in a block behind the end, the rest of the last block is written as zeros."""
        if offset // self.block_size * self.block_size > inode.size:
            self._zero_end(inode, offset)
        super().write(inode, offset, length, data, why)

    def truncate(self, inode: Inode, size: int) -> None:
        """Cut a file, or extend it with a hole: then the rest of the last block is written as zeros."""
        cut = size <= inode.size
        self._zero_end(inode, size)
        super().truncate(inode, size)
        if self.items is not None and cut:
            self.items.cut(inode, size)

    def _cut_within(self, inode: Inode, block: int) -> None:
        """Nothing is written: it is zeroed when the file grows again (`_zero_end`), before that nobody sees it."""

    def _zero_rest(self, inode: Inode, block: int) -> None:
        """As of `Files`, but a hole is written as well."""
        self._fetch(inode, block, block + 1, "data")
        self._reserve(inode, np.array([block]))
        inode.pages.put(slice(block, block + 1), self._stamps_of(inode, block), "data")
        self._cached[inode.number] = inode

    def _write_back(self, inode: Inode, wanted: Integers, why: str) -> None:
        if self.items is not None and inode.size <= MOST_INLINE and wanted.size and not wanted[0]:
            self._write_inline(inode, wanted, self.items)
            return
        if not isinstance(self.store, CowBtree):
            super()._write_back(inode, wanted, why)
            return
        self._place(inode, wanted)
        for low, high in _spans(wanted):
            self._write_extent(inode, low, high, self.store)
        inode.pages.clean(wanted)

    def _write_extent(self, inode: Inode, low: int, high: int, store: CowBtree) -> None:
        """Neighbours in the file are one extent, whatever addresses they have here."""
        try:
            store.write_extent(inode.blocks[low:high], inode.pages.stamps[low:high])
        except NoSpace:
            raise fail(errno.ENOSPC) from None
        if self.items is not None:
            self.inline.pop(int(inode.blocks[low]), None)
            self.items.wrote(inode, low * self.block_size, high * self.block_size)

    def _write_inline(self, inode: Inode, wanted: Integers, items: SubvolumeItems) -> None:
        self._place(inode, wanted)
        place = int(inode.blocks[0])
        self.store.discard(slice(place, place + 1))
        self.inline[place] = int(inode.pages.stamps[0])
        inode.pages.clean(wanted)
        items.wrote_inline(inode)

    def _load(self, places: Integers, why: str) -> Stamps:
        stamps = super()._load(places, why)
        for number in np.flatnonzero(np.isin(places, list(self.inline))) if self.inline else ():
            stamps[number] = self.inline[int(places[number])]
        return stamps

    def _free(self, places: Integers) -> None:
        super()._free(places)
        for place in places.tolist() if self.inline else ():
            self.inline.pop(place, None)

    def _fetch(self, inode: Inode, first: int, last: int, why: str) -> None:
        if self.items is not None and not inode.pages.present(slice(first, last)).all():
            self.items.reading(inode, first * self.block_size, last * self.block_size)
        super()._fetch(inode, first, last, why)


def _spans(blocks: Integers) -> Iterator[tuple[int, int]]:
    """First and last + 1 of each run of neighbours."""
    return ((int(blocks[low]), int(blocks[high - 1]) + 1) for low, high in runs(blocks))
