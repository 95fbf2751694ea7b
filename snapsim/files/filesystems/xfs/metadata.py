"""What XFS's metadata costs: which buffers an operation has to know, and what it logs.

| an operation | reads, and logs |
|---|---|
| a new inode | AGI, finobt, inobt of its group; inode |
| where there is no free one | AGF, AGFL, cntbt, bnobt as well: 64 new inodes, two clusters |
| a name put in or taken out | inode of the directory (the names, in short form) or its blocks; inode of what is named |
| the last name taken away | AGI: the list of unlinked inodes |
| the inode freed, later | inobt, finobt, AGI; what the blocks need |
| blocks placed | AGF, AGFL, cntbt, bnobt of the inode's group; inode with its extents; leaves of the extent tree |
| a clone | AGF, refcountbt of the group of the blocks; both inodes |
| a write where there is room behind the end | when it goes out: the inode with its extents |
| room behind the end freed by a close or a cut | AGF, AGFL, cntbt, bnobt; inode with its extents |
| a shared block moves | refcountbt of its group, and of the group of its new place; and what any new place needs |
| attributes | inode |

A buffer is read before it is changed, unless it is cached or new. `Log` says when what was changed is written.
Inodes whose last name has gone are freed when 33 of them wait, or at a freeze (``xfs_inodegc``).

>>> from snapsim.files.filesystems import Xfs
>>> fs = Xfs(BlockDevice(524288))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.freeze(); fs.drop_caches()
>>> with fs.metadata.disk.counting() as io:
...     fs.set_attributes(file, mode=0o600); fs.sync()
>>> io.counts                                          # its cluster; a record of two sectors
IOCounts(read_metadata=(1, 16384), write_metadata=(1, 1024))

What it leaves out: the free-space trees beyond one leaf each, the reverse map (off by default), quotas, and what the
log worker writes every 30 seconds.
"""

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.files.filesystems.xfs.files import FileOnDisk
from snapsim.files.filesystems.xfs.inodes import XfsInodes
from snapsim.files.filesystems.xfs.layout import Group
from snapsim.files.inode import Inode
from snapsim.files.pages import Flags

__all__ = ["BlockDevice", "XfsMetadata"]


class XfsMetadata(XfsInodes):
    """The metadata of one XFS on a `BlockDevice`; see `XfsBuffers` for its parameters."""

    # ---------------------------------------------------------------- blocks

    def placed(self, inode: Inode, blocks: Integers) -> None:
        """Places of a group of its own, or counted once more if another file has them."""
        file, places = self._get(inode), inode.blocks[blocks]
        if not blocks.size:
            return
        if self.references.are_shared(places):
            self._count_references(places)
            file.reflink = True
        else:
            self._stage(file, blocks)
            file.ahead.fill(blocks)
            group = self._group_of(file, inode, blocks)
            self.references.place(places, group.number, self._further_back(file, inode, blocks))
            if not (file.ahead.has_place(blocks[0]) and file.ahead.has_place(blocks[-1])):
                self._allocate(group)
                group.edge.taken(None)
            file.ahead.placed(-(-inode.size // self.store.block_size))
        self._map(file, inode, blocks)

    def _further_back(self, file: FileOnDisk, inode: Inode, blocks: Integers) -> int:
        """How much further back these blocks lie than their places say.

        What was freed is busy: it is not taken again before the checkpoint that says so is in the log
        (``xfs_extent_busy``). What was given behind the end follows the block before it, whatever came between.
        """
        before = int(inode.blocks[blocks[0] - 1]) if blocks[0] else -1
        if before < 0:
            return 0
        further, (checkpoint, busy) = self.references.further_back(before), file.busy
        if file.ahead.has_place(blocks[0]):
            return further + before + 1 - int(inode.blocks[blocks[0]])
        return further + busy * (checkpoint == self.log.checkpoints)

    def _group_of(self, file: FileOnDisk, inode: Inode, blocks: Integers) -> Group:
        """New blocks go where the last block before them is; without one, and for copies on write, to the inode."""
        before = inode.blocks[: blocks[0]]
        before = before[before >= 0][-1:]
        if not before.size or file.ahead.takes(blocks[0]):
            return file.slot.group
        return self.references.groups_of(before)[0]

    def _map(self, file: FileOnDisk, inode: Inode, blocks: Integers) -> None:
        """The extents of a file changed."""
        changes, freed = file.extents_changed(self.references.on_disk(inode.blocks), blocks)
        self._change(changes, "leaf of an extent tree")
        self._give_back(file.slot.group, freed)
        self._change_inode(file)

    def cloned(self, source: Inode) -> None:
        """A file shares its blocks from now on: a flag in its inode."""
        file = self._get(source)
        if not file.reflink:
            file.reflink = True
            self._change_inode(file)

    def moved(self, inode: Inode, blocks: Integers) -> None:
        """Shared blocks of a file are about to get places of its own (copy on write)."""
        file = self._get(inode)
        file.windows += file.ahead.copy_on_write(blocks)
        file.moving = np.union1d(file.moving, blocks)

    def _stage(self, file: FileOnDisk, blocks: Integers) -> None:
        """Shared blocks are written back: they get places, and so does what is around them."""
        if np.isin(file.moving, blocks).any():
            self._allocate(file.slot.group)
            staged = self.references.stage(file.slot.group, file.windows)
            self._change(staged, "refcountbt: new places of shared blocks")
            file.moving, file.windows = file.moving[:0], 0

    def extended(self, inode: Inode, places: Integers, waiting: Flags, old: int, piece: int) -> None:
        """Writes of `piece` bytes made a file longer than `old`; its blocks had these places, or waited for some."""
        self._get(inode).ahead.extended(self.references.on_disk(places), waiting, old, inode.size, piece)

    def lengthened(self, inode: Inode) -> None:
        """truncate(2) made a file longer."""
        self._file(inode).ahead.lengthened(-(-inode.size // self.store.block_size))

    def unwritten(self, inode: Inode) -> range:
        """Blocks in a file that take space and were never written."""
        return self._file(inode).ahead.unwritten

    def cut(self, inode: Inode) -> None:
        """A file was cut, perhaps to the size that it has: nothing is behind its end any more."""
        if inode.number in self._files:
            file, end = self._file(inode), -(-inode.size // self.store.block_size)
            file.moving = file.moving[file.moving < end]
            file.windows *= bool(file.moving.size)
            self._freed_behind(file, inode, file.ahead.cut(end))

    def closed(self, inode: Inode) -> None:
        """A descriptor of a file was closed."""
        if inode.number in self._files:
            file, end = self._file(inode), -(-inode.size // self.store.block_size)
            staged = not file.ahead.released and file.ahead.stages_behind(end)
            self._freed_behind(file, inode, file.ahead.closed(end))
            if staged:
                self._allocate(file.slot.group)
                self._change(self.references.touch_staged(file.slot.group), "refcountbt: places of a window are free")
                self._map(file, inode, np.zeros(0, np.int64))

    def _freed_behind(self, file: FileOnDisk, inode: Inode, blocks: int) -> None:
        """So many blocks behind the end of a file that had places are free, and busy for now."""
        if blocks:
            file.busy = self.log.checkpoints, blocks
            last = self.references.groups_of(inode.blocks[inode.blocks >= 0][-1:])
            self._allocate(last[0] if last else file.slot.group)
            self._map(file, inode, np.zeros(0, np.int64))

    def freed(self, inode: Inode, places: Integers) -> None:
        """At once, or with the inode if that is to be freed."""
        file = self._get(inode)
        if inode.nlink <= 0 and not inode.opened:
            file.freed.append(places)
        else:
            self._free(file, places)
            self._map(file, inode, np.zeros(0, np.int64))

    # ---------------------------------------------------------------- something has to be safe

    def fsynced(self, inode: Inode) -> None:
        """A checkpoint, if the inode is in the list."""
        changed = self.log.holds_inode(inode.number)
        if changed:
            self._checkpoint()
        self._clock.fsynced(committed=changed)

    def paced(self, milliseconds: float) -> None:
        """To `kernel_clock`."""
        self._clock.pace(milliseconds)

    def synced(self) -> None:
        """A checkpoint."""
        self._checkpoint()

    def froze(self) -> None:
        """Inodes that wait are freed, a checkpoint, all goes home, the log is covered."""
        self._inactivate()
        self._checkpoint()
        self.log.write_home()
        for file in self._files.values():
            file.went_home()
        self.log.cover(self.layout.groups[0].superblock)

    def dropped(self) -> None:
        """No buffer and no inode is in memory; what files had in advance is free."""
        self._cached = set()
        self._clock.rested()
        self.references.unstage()
        for file in self._files.values():
            file.in_memory = file is self._root  # a mounted file system holds its root
            if file.ahead.blocks and file.ahead.drop():
                self._allocate(file.slot.group)

    def space(self) -> int:
        """Inode chunks, directories, extent trees, and what files have in advance."""
        ahead = sum(file.ahead.blocks + len(file.ahead.unwritten) for file in self._files.values())
        return (self.layout.blocks_held + ahead) * self.store.block_size
