"""Where the blocks of files lie: places are promised when a page becomes dirty, and given at write-back.

A promise is what makes ENOSPC an error of the write and not of the write-back, on a file system with its own device.
Quotas of directories count here as well.

What it leaves out: pages and contents (`files`), names (`filesystem`).
"""

import errno
from typing import ClassVar

import numpy as np

from snapsim.base.errors import NoSpace
from snapsim.block.device import BlockDevice, Integers
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume
from snapsim.files.inode import Inode, fail
from snapsim.files.metadata import Metadata
from snapsim.files.pages import runs


class FilePlaces:
    """The places of all files of one file system."""

    name: ClassVar[str] = "fs"  # as Docker's "Backing Filesystem" calls it
    reflink: ClassVar[bool] = False  # two files may share a block until one is written
    counts_directories: ClassVar[bool] = True  # a directory's link count is that of its subdirectories and two
    keeps_time: ClassVar[bool] = False  # truncate(2) to the size that a file has leaves the time of its last change
    not_empty: ClassVar[int] = errno.ENOTEMPTY  # of rename(2) over a directory with names in it
    dates_exchanged: ClassVar[bool] = (
        False  # a directory that changes places with something elsewhere counts as changed
    )
    discards: ClassVar[bool] = False  # the store is told what was freed

    def __init__(self, store: BlockDevice | Volume, limit: int | None = None) -> None:
        self.store, self.block_size, self.limit = store, store.block_size, limit
        self.unit = self.allocation_unit()
        self.space = SpaceMap(store.size // self.unit, self.name)
        self._reserved = 0  # places promised to dirty pages that have none yet
        self._projects: dict[int, list[int]] = {}  # project -> most blocks, blocks held
        self.metadata = self.make_metadata()

    def make_metadata(self) -> Metadata:
        """What the file system's own metadata costs: nothing, unless a subclass knows the rules."""
        return Metadata(self.store)

    def allocation_unit(self) -> int:
        """Blocks that are given out together."""
        return 1

    def _placeless(self, inode: Inode, first: int, last: int) -> int:
        """Dirty pages that need a place at write-back."""
        return int((inode.pages.dirty(slice(first, last)) & (inode.blocks[first:last] < 0)).sum())

    def charged(self, inode: Inode) -> int:
        """Blocks that stat(2) counts: those that have a place, and those that were promised one at write-back.

        Source: Linux 6.18, `ext4_getattr` and `xfs_vn_getattr`, which add the blocks of delayed allocation.
        """
        return int((inode.blocks >= 0).sum()) + self._placeless(inode, 0, inode.blocks.size)

    def _reserve(self, inode: Inode, blocks: Integers) -> None:
        """Promise places to the blocks that have none of their own, so that write-back cannot fail.

        A block that another file has as well (reflink) gives its place up: it moves, once.
        """
        places = inode.blocks[blocks]
        shared = blocks[(places >= 0) & (self.space.count(np.maximum(places, 0)) > 1)] if self.reflink else blocks[:0]
        empty = int(((places < 0) & ~inode.pages.dirty(blocks)).sum())
        new = empty + shared.size
        if self.limit is not None and (self.held() + self._reserved + new) * self.block_size > self.limit:
            raise fail(errno.EDQUOT)
        if new + self._reserved > self.space.free * self.unit:
            raise fail(errno.ENOSPC)
        self._charge(inode, empty)
        self._reserved += new
        if shared.size:
            self.space.release(inode.blocks[shared])
            self.metadata.freed(inode, inode.blocks[shared])
            inode.blocks[shared] = -1

    def set_quota(self, directory: Inode, limit: int) -> None:
        """Most bytes that files made below a directory from now on may hold together (a project quota): EDQUOT beyond.

        A block that is shared counts for each file that has it, as XFS counts.
        """
        directory.project = len(self._projects) + 1
        self._projects[directory.project] = [limit // self.block_size, 0]

    def _charge(self, inode: Inode, blocks: int) -> None:
        """Count blocks of a file for its project."""
        if inode.project in self._projects:
            most, held = self._projects[inode.project]
            if blocks > 0 and held + blocks > most:
                raise fail(errno.EDQUOT)
            self._projects[inode.project][1] += blocks

    def held(self) -> int:
        """Blocks that files hold on the volume."""
        return self.space.used * self.unit

    def _place(self, inode: Inode, wanted: Integers) -> None:
        """Give every wanted block of the file that has none a place, as promised."""
        fresh = wanted[inode.blocks[wanted] < 0]
        if fresh.size:
            self._allocate(inode, fresh)
            self._reserved -= fresh.size
            self.metadata.placed(inode, fresh)

    def _allocate(self, inode: Inode, fresh: Integers) -> None:
        try:
            inode.blocks[fresh] = self.space.allocate(fresh.size)
        except NoSpace:
            raise fail(errno.ENOSPC) from None

    def _release(self, inode: Inode, places: Integers) -> None:
        if places.size:
            self.metadata.mapped(inode)
            self._free(places)
            self.metadata.freed(inode, places)

    def _free(self, places: Integers) -> None:
        freed = self.space.release(places)
        if self.discards and freed.size:
            for low, high in runs(freed):
                self.store.discard(slice(int(freed[low]), int(freed[low]) + high - low))

    def device_blocks(self, inode: Inode) -> Integers:
        """Where each block of a file lies on the device; -1 for a hole, and for a page never written back; no I/O."""
        if isinstance(self.store, BlockDevice):
            return inode.blocks
        places, there = np.full(inode.blocks.size, -1), inode.blocks >= 0
        places[there] = self.store.device_blocks(inode.blocks[there])
        return places

    @property
    def used(self) -> int:
        """Bytes in use for data, on this file system's own account."""
        return self.space.used * self.unit * self.block_size
