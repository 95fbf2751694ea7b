"""Inodes and names of XFS: what is read to find them, and what is logged when they come, change and go.

`XfsMetadata` adds their blocks, and says what has to be safe when.

>>> fs = XfsInodes(BlockDevice(4096), SpaceMap(4096))
>>> root, file = Inode(2, "directory", 0o755), Inode(3, "file", 0o644)
>>> fs.made(root, None); fs.made(file, root); fs.linked(root, "f", file)
>>> [fs._file(inode).slot.number for inode in (root, file)]           # mkfs took two more
[0, 3]

What it leaves out: extended attributes that do not fit into an inode, quotas.
"""

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.space_map import SpaceMap
from snapsim.files.filesystems.xfs.btree import chunks
from snapsim.files.filesystems.xfs.buffers import XfsBuffers
from snapsim.files.filesystems.xfs.files import FileOnDisk
from snapsim.files.filesystems.xfs.log import CLUSTER_SECTORS
from snapsim.files.inode import Inode
from snapsim.files.kernel_clock import Clock

__all__ = ["Inode", "XfsInodes"]
AGI_LISTS = 40  # byte of the AGI at which the lists begin
WAITING = 32  # inodes to be freed that wait: those of a cluster


class XfsInodes(XfsBuffers):
    """Inodes and directories of one XFS; see `XfsBuffers` for its parameters."""

    def __init__(self, store: BlockDevice, space: SpaceMap) -> None:
        super().__init__(store, space)
        self._files: dict[int, FileOnDisk] = {}
        self._waiting: list[FileOnDisk] = []
        self._root: FileOnDisk | None = None
        self._clock = Clock()

    # ---------------------------------------------------------------- something has to be known

    def _change_inode(self, file: FileOnDisk) -> None:
        self._read(file.slot.cluster, CLUSTER_SECTORS, "inode cluster")
        self.log.change_inode(file.number, file.slot.cluster, file.parts())
        file.read_since_change = False

    def _file(self, inode: Inode) -> FileOnDisk:
        return self._files[inode.number]

    def _get(self, inode: Inode) -> FileOnDisk:
        """The inode in memory."""
        file = self._file(inode)
        if not file.in_memory:
            self._read(file.slot.cluster, CLUSTER_SECTORS, "inode cluster")
            file.in_memory = True
        return file

    def looked_up(self, directory: Inode, name: str) -> None:
        """Index and data block of a directory, and the cluster of what is found."""
        file = self._get(directory)
        if file.names is not None:
            self._blocks(file.names.find(name), "directory block of a name")
        if name in directory.entries:
            self._get(directory.entries[name])

    def listed(self, directory: Inode) -> None:
        """All data blocks of a directory."""
        file = self._get(directory)
        self._blocks(file.names.blocks if file.names else (), "directory blocks, to list the names")

    def mapped(self, inode: Inode) -> None:
        """The inode, and all leaves of its extent tree."""
        file = self._get(inode)
        self._blocks(file.tree.blocks if file.tree else (), "extent tree")

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
            self._know_inodes(group)
        slot, new = self.layout.take(group, parent)
        file = self._files[inode.number] = FileOnDisk(inode, slot, lambda: self._new_block(slot.group))
        if directory is None:
            file.boundary, self._root = False, file
            return  # mkfs made it, so it costs nothing
        if new:
            self._allocate(group)
            for cluster in self.layout.clusters(slot):
                self._cached.add(cluster)
                self.log.new_cluster(cluster)
        self._change_inodes_of(file)
        if not file.size_fits:
            self._change(file.long_target(), "target of a long link")
        self._change_inode(file)

    def _change_inodes_of(self, file: FileOnDisk) -> None:
        group = file.slot.group
        self._know_inodes(group)
        self._header(group.agi, "AGI: inodes of a group")
        group.changed_chunks.add(file.slot.chunk)

    def _list_unlinked(self, file: FileOnDisk) -> None:
        """64 lists of inodes without a name begin in the AGI; the only one of its list changes nothing else."""
        bucket = AGI_LISTS + 4 * (file.slot.number % 64)
        self._header(file.slot.group.agi, "AGI: inodes without a name", chunks(bucket, bucket + 4))

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The directory and its name, the inode; it leaves the list of those without a name."""
        parent, file = self._get(directory), self._get(inode)
        if parent.names is not None:
            self._blocks(parent.names.find(name), "directory block of a name")
            self._change(parent.names.add(name, parent.room), "directory block of a name")
        self._names_changed(parent)
        if file.unlinked:
            self._list_unlinked(file)
        file.unlinked = False
        self._change_inode(file)

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The directory and its name, the inode; without a name it goes into the list of such."""
        parent, file = self._get(directory), self._get(inode)
        if parent.names is not None:
            self._blocks(parent.names.find(name), "directory block of a name")
            self._change(parent.names.remove(name, parent.room), "directory block of a name")
            self._give_back(parent.slot.group, parent.names.take_freed())
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
            self._give_back(file.slot.group, file.blocks())
            self._list_unlinked(file)
            self._change_inodes_of(file)
            self._change_inode(file)
            self._free_inode(file)

    def _free_inode(self, file: FileOnDisk) -> None:
        if self.layout.give_back(file.slot):
            self._allocate(file.slot.group)
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
            self._count_references(places)
        for group in self.references.groups_of(self.references.unused(places)):
            self._allocate(group)
