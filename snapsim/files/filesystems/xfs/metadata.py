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
"""

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.space_map import SpaceMap
from snapsim.files.filesystems.xfs.btree import chunks
from snapsim.files.filesystems.xfs.buffers import Buffers
from snapsim.files.filesystems.xfs.files import FileOnDisk
from snapsim.files.filesystems.xfs.layout import Group
from snapsim.files.filesystems.xfs.log import CLUSTER_SECTORS
from snapsim.files.inode import Inode
from snapsim.files.kernel_clock import KernelClock
from snapsim.files.metadata import Metadata
from snapsim.files.pages import Flags

LEAVES_OUT = (
    "extended attributes that do not fit into an inode, the free-space trees beyond one leaf each, the reverse "
    "map (off by default), quotas, and what the log worker writes every 30 seconds."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

__all__ = ["BlockDevice", "XfsMetadata"]
AGI_LISTS = 40  # byte of the AGI at which the lists begin
WAITING = 32  # inodes to be freed that wait: those of a cluster


class XfsMetadata(Metadata):
    """The metadata of one XFS on a `BlockDevice`.

    Parameters
    ----------
    store : BlockDevice
    space : SpaceMap
        How many files have each block.

    Attributes
    ----------
    buffers : Buffers
        What is in memory; `disk`, `layout`, `log` and `references` are its own.
    """

    def __init__(self, store: BlockDevice, space: SpaceMap) -> None:
        super().__init__(store)
        self.buffers = Buffers(store, space)
        self.disk, self.layout, self.log = self.buffers.disk, self.buffers.layout, self.buffers.log
        self.references = self.buffers.references
        self.devices += (self.disk,)
        self._files: dict[int, FileOnDisk] = {}
        self._waiting: list[FileOnDisk] = []
        self._root: FileOnDisk | None = None
        self._clock = KernelClock()

    # ---------------------------------------------------------------- something has to be known

    def _change_inode(self, file: FileOnDisk) -> None:
        self.buffers.read(file.slot.cluster, CLUSTER_SECTORS, "inode cluster")
        self.log.change_inode(file.number, file.slot.cluster, file.parts())
        file.read_since_change = False

    def _file(self, inode: Inode) -> FileOnDisk:
        return self._files[inode.number]

    def _get(self, inode: Inode) -> FileOnDisk:
        """The inode in memory."""
        file = self._file(inode)
        if not file.in_memory:
            self.buffers.read(file.slot.cluster, CLUSTER_SECTORS, "inode cluster")
            file.in_memory = True
        return file

    def looked_up(self, directory: Inode, name: str) -> None:
        """Index and data block of a directory, and the cluster of what is found."""
        file = self._get(directory)
        if file.names is not None:
            self.buffers.read_blocks(file.names.find(name), "directory block of a name")
        if name in directory.entries:
            self._get(directory.entries[name])

    def listed(self, directory: Inode) -> None:
        """All data blocks of a directory."""
        file = self._get(directory)
        self.buffers.read_blocks(file.names.blocks if file.names else (), "directory blocks, to list the names")

    def mapped(self, inode: Inode) -> None:
        """The inode, and all leaves of its extent tree."""
        file = self._get(inode)
        self.buffers.read_blocks(file.tree.blocks if file.tree else (), "extent tree")

    def accessed(self, inode: Inode) -> None:
        """The first access after a change moves the access time (relatime): the inode is logged."""
        file = self._get(inode)
        if not file.read_since_change:
            self._change_inode(file)
            file.read_since_change = True

    # ---------------------------------------------------------------- inodes and names

    def made(self, inode: Inode, directory: Inode | None) -> None:
        """A free inode of the group in turn, or of the directory."""
        parent = None if directory is None else self._file(directory).slot
        group = self.layout.next_group(parent, inode.kind == "directory")
        if directory is not None:
            self.buffers.know_inodes(group)
        slot, new = self.layout.take(group, parent)
        file = self._files[inode.number] = FileOnDisk(inode, slot, lambda: self.buffers.new_block(slot.group))
        if directory is None:
            file.boundary, self._root = False, file
            return  # mkfs made it, so it costs nothing
        if new:
            self.buffers.allocate(group)
            for cluster in self.layout.clusters(slot):
                self.buffers.know(cluster)
                self.log.new_cluster(cluster)
        self._change_inodes_of(file)
        if not file.size_fits:
            self.buffers.change(file.long_target(), "target of a long link")
        self._change_inode(file)

    def _change_inodes_of(self, file: FileOnDisk) -> None:
        group = file.slot.group
        self.buffers.know_inodes(group)
        self.buffers.change_header(group.agi, "AGI: inodes of a group")
        group.changed_chunks.add(file.slot.chunk)

    def _list_unlinked(self, file: FileOnDisk) -> None:
        """64 lists of inodes without a name begin in the AGI; the only one of its list changes nothing else."""
        bucket = AGI_LISTS + 4 * (file.slot.number % 64)
        self.buffers.change_header(file.slot.group.agi, "AGI: inodes without a name", chunks(bucket, bucket + 4))

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The directory and its name, the inode; it leaves the list of those without a name."""
        parent, file = self._get(directory), self._get(inode)
        if parent.names is not None:
            self.buffers.read_blocks(parent.names.find(name), "directory block of a name")
            self.buffers.change(parent.names.add(name, parent.room), "directory block of a name")
        self._names_changed(parent)
        if file.unlinked:
            self._list_unlinked(file)
        file.unlinked = False
        self._change_inode(file)

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The directory and its name, the inode; without a name it goes into the list of such."""
        parent, file = self._get(directory), self._get(inode)
        if parent.names is not None:
            self.buffers.read_blocks(parent.names.find(name), "directory block of a name")
            self.buffers.change(parent.names.remove(name, parent.room), "directory block of a name")
            self.buffers.give_back(parent.slot.group, parent.names.take_freed())
        self._names_changed(parent)
        if inode.nlink <= 0:
            self._orphan(file)
        self._change_inode(file)

    def _names_changed(self, parent: FileOnDisk) -> None:
        parent.names_changed()
        self._change_inode(parent)

    def orphaned(self, inode: Inode) -> None:
        """The inode goes into the list of those without a name."""
        file = self._get(inode)
        file.boundary = False
        self._orphan(file)

    def _orphan(self, file: FileOnDisk) -> None:
        file.unlinked = True
        self._list_unlinked(file)

    def gone(self, inode: Inode) -> None:
        """The inode waits to be freed."""
        file = self._files.pop(inode.number, None)
        if file is None:
            return
        self._waiting.append(file)
        if len(self._waiting) > WAITING:
            self._inactivate()

    def _inactivate(self) -> None:
        """Free the inodes that wait, and what they had."""
        waiting, self._waiting = self._waiting, []
        for file in waiting:
            for places in file.freed:
                self._free(file, places)
            self.buffers.give_back(file.slot.group, file.blocks())
            self._list_unlinked(file)
            self._change_inodes_of(file)
            self._change_inode(file)
            self._free_inode(file)

    def _free_inode(self, file: FileOnDisk) -> None:
        if self.layout.give_back(file.slot):
            self.buffers.allocate(file.slot.group)
            self.log.forget(inode=file.number)
            for cluster in self.layout.clusters(file.slot):
                self.log.forget_cluster(cluster)

    def changed(self, inode: Inode) -> None:
        """The inode is logged, with its attributes if they changed."""
        file = self._get(inode)
        file.attributes_changed(inode)
        file.size = inode.size
        self._change_inode(file)

    def written(self, inode: Inode) -> None:
        """The inode is logged, if the clock has ticked since its time stamp."""
        file, tick = self._get(inode), self._clock.tick
        if file.tick != tick or file.size != inode.size:
            file.tick, file.size = tick, inode.size
            self._change_inode(file)

    def _free(self, file: FileOnDisk, places: Integers) -> None:
        if file.reflink:
            self.buffers.count_references(places)
        for group in self.references.groups_of(self.references.unused(places)):
            self.buffers.allocate(group)

    # ---------------------------------------------------------------- blocks

    def placed(self, inode: Inode, blocks: Integers) -> None:
        """Places of a group of its own, or counted once more if another file has them."""
        file, places = self._get(inode), inode.blocks[blocks]
        if not blocks.size:
            return
        if self.references.are_shared(places):
            self.buffers.count_references(places)
            file.reflink = True
        else:
            self._stage(file, blocks)
            file.ahead.fill(blocks)
            group = self._group_of(file, inode, blocks)
            self.references.place(places, group.number, self._further_back(file, inode, blocks))
            if not (file.ahead.has_place(blocks[0]) and file.ahead.has_place(blocks[-1])):
                self.buffers.allocate(group)
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
        self.buffers.change(changes, "leaf of an extent tree")
        self.buffers.give_back(file.slot.group, freed)
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
            self.buffers.allocate(file.slot.group)
            staged = self.references.stage(file.slot.group, file.windows)
            self.buffers.change(staged, "refcountbt: new places of shared blocks")
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
                self.buffers.allocate(file.slot.group)
                self.buffers.change(
                    self.references.touch_staged(file.slot.group), "refcountbt: places of a window are free"
                )
                self._map(file, inode, np.zeros(0, np.int64))

    def _freed_behind(self, file: FileOnDisk, inode: Inode, blocks: int) -> None:
        """So many blocks behind the end of a file that had places are free, and busy for now."""
        if blocks:
            file.busy = self.log.checkpoints, blocks
            last = self.references.groups_of(inode.blocks[inode.blocks >= 0][-1:])
            self.buffers.allocate(last[0] if last else file.slot.group)
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
            self.buffers.checkpoint()
        self._clock.fsynced(committed=changed)

    def paced(self, milliseconds: float) -> None:
        """To `kernel_clock`."""
        self._clock.pace(milliseconds)

    def synced(self) -> None:
        """A checkpoint."""
        self.buffers.checkpoint()

    def froze(self) -> None:
        """Inodes that wait are freed, a checkpoint, all goes home, the log is covered."""
        self._inactivate()
        self.buffers.checkpoint()
        self.log.write_home()
        for file in self._files.values():
            file.went_home()
        self.log.cover(self.layout.groups[0].superblock)

    def dropped(self) -> None:
        """No buffer and no inode is in memory; what files had in advance is free."""
        self.buffers.drop()
        self._clock.rested()
        self.references.unstage()
        for file in self._files.values():
            file.in_memory = file is self._root  # a mounted file system holds its root
            if file.ahead.blocks and file.ahead.drop():
                self.buffers.allocate(file.slot.group)

    def space(self) -> int:
        """Inode chunks, directories, extent trees, and what files have in advance."""
        ahead = sum(file.ahead.blocks + len(file.ahead.unwritten) for file in self._files.values())
        return (self.layout.blocks_held + ahead) * self.store.block_size
