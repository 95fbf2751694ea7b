"""What ext4's metadata costs: which blocks an operation has to know, and which it puts into a transaction.

| an operation | changes these blocks |
|---|---|
| a new inode | inode bitmap, group descriptor, block of the inode table; a directory: its first block, block bitmap |
| a name put in or taken out | block of the directory, inodes of the directory and of what is named |
| the last name taken away | the superblock as well: the list of orphans begins there |
| the inode freed | inode bitmap, group descriptor; block bitmaps of its data; superblock |
| blocks placed | block bitmap of each group, group descriptor, inode, leaves of the extent tree |
| a file cut, perhaps to its own size | the same, and the superblock, since a crash has to find the file half cut |
| over 32 MiB placed at once | a block of extents for the time being, revoked: pieces of 8 MiB are extents at first |
| attributes | inode; a block of their own when they do not fit into it |
| a write(2) | inode, if the clock has ticked since its time stamp |

A block has to be read before it is changed, unless it is cached or new; the inode table is read ahead. `Journal` says
when what was changed is written.

New extents are marked as unwritten until their data are on the disk, and marking them otherwise changes the inode once
more. sync(2) does not wait for that before it starts a commit, so it is a race which transaction that goes into.
The model decides as was mostly seen: where the log is empty, the commit first writes the journal's superblock, and
the inodes are in time; where it is not, they are late, and a second commit follows at once.

A write within the same tick of the kernel's clock changes no inode, so an fsync(2) after it has nothing to commit:
`kernel_clock` says how often that is.

>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(524288))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.freeze(); fs.drop_caches()
>>> with fs.metadata.disk.counting() as io:
...     fs.set_attributes(file, mode=0o600); fs.sync()
>>> io.counts.bytes("write") // 4096                   # log: superblock, descriptor, inode, commit; then the inode home
5
"""

from snapsim.block.device import BlockDevice, Integers
from snapsim.files.filesystems.ext4.attributes import AttributeBlocks, overflow
from snapsim.files.filesystems.ext4.blocks import Ext4Blocks
from snapsim.files.filesystems.ext4.directory import Ext4Directory
from snapsim.files.filesystems.ext4.extents import IN_INODE, extent_count, leaf_count, leaves_of, tree_blocks
from snapsim.files.filesystems.ext4.inodes import InodeTables, OnDisk
from snapsim.files.filesystems.ext4.layout import FLEX, INODES_PER_BLOCK, PIECE, ROOT, SHORT_LINK, Ext4Layout
from snapsim.files.inode import Inode
from snapsim.files.kernel_clock import KernelClock
from snapsim.files.metadata import Metadata

LEAVES_OUT = (
    "Orlov's search beyond its first choice, block groups that mkfs left uninitialised, quotas, the effect of "
    "directories and extent trees on where the data lie, and commits by time (every five seconds)."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

_NAME = "directory block of a name"


class Ext4Metadata(Metadata):
    """The metadata of one ext4 on a `BlockDevice`; the hooks are those of `Metadata`.

    Attributes
    ----------
    disk : BlockDevice
        The metadata blocks.
    layout : Ext4Layout
    """

    def __init__(self, store: BlockDevice) -> None:
        super().__init__(store)
        self.layout = Ext4Layout(store.size, store.size)
        self.disk = self.region(self.layout.free - store.size + max(store.size // 8, 4096))
        self._blocks = Ext4Blocks(self.layout, self.disk)
        self._journal, self._tables = self._blocks.journal, InodeTables(self.layout)
        self._attributes = AttributeBlocks(
            self._blocks.take,
            lambda block, group: self._blocks.free([block], group),
            lambda block: self._blocks.change(block, rule="extended attributes"),
        )
        self._inodes: dict[int, OnDisk] = {}
        self._clock = KernelClock()
        self._unwritten: dict[int, OnDisk] = {}  # files with new places whose data are on their way
        self._era = 0  # how often the caches were dropped

    # ---------------------------------------------------------------- reading

    def _read_inode(self, disk: OnDisk) -> None:
        """Bring an inode into memory; nobody remembers which transaction changed it last, so the running one counts."""
        if disk.era != self._era:
            disk.era = self._era
            if self._journal.started:
                disk.transaction = self._journal.running
        if not self._blocks.is_cached(disk.block):
            window = self.layout.table_window(disk.block, self._tables.used(disk.group))
            self._blocks.read(*window, rule="inode table, 32 blocks ahead")

    def looked_up(self, directory: Inode, name: str) -> None:
        """The block of the directory, and the inode of what is found."""
        self._read_name(directory, name)
        if name in directory.entries:
            self._read_inode(self._inodes[directory.entries[name].number])

    def _read_name(self, directory: Inode, name: str) -> Ext4Directory:
        names = self._inodes[directory.number].names
        assert names is not None
        self._blocks.read(*names.find(name), rule=_NAME)
        return names

    def listed(self, directory: Inode) -> None:
        """All blocks of the directory."""
        names = self._inodes[directory.number].names
        self._blocks.read(*(names.blocks if names else ()), rule="directory blocks, to list the names")

    def mapped(self, inode: Inode) -> None:
        """The inode, and the extent tree if it has blocks of its own."""
        disk = self._inodes[inode.number]
        self._read_inode(disk)
        self._blocks.read(*disk.tree, rule="extent tree")

    def accessed(self, inode: Inode) -> None:
        """The access time is written once after each change."""
        disk = self._inodes[inode.number]
        self._read_inode(disk)
        if not disk.accessed:
            self._change_inode(disk)
            disk.accessed = True

    # ---------------------------------------------------------------- names and inodes

    def _change_inode(self, disk: OnDisk) -> None:
        self._read_inode(disk)
        self._journal.dirty(disk.block)
        disk.transaction, disk.accessed = self._journal.running, False

    def _orphan(self, disk: OnDisk, orphan: bool) -> None:
        """Put an inode into the list of those to be deleted after a crash, or take it out."""
        if disk.orphan != orphan:
            disk.orphan = orphan
            self._journal.dirty(self.layout.superblock)

    def made(self, inode: Inode, directory: Inode | None) -> None:
        """An inode is taken; mkfs made the root, so that costs nothing."""
        if directory is None:
            disk = self._new(inode, ROOT)
            disk.names = Ext4Directory(self._blocks.number(), lambda: self._blocks.take(0))
            disk.names.add("lost+found")
            return
        parent = self._inodes[directory.number].number
        disk = self._new(inode, self._tables.take(parent, inode.kind == "directory" and parent == ROOT, inode.number))
        self._blocks.change_bitmap(self.layout.inode_bitmap(disk.group), disk.group)
        if disk.number % INODES_PER_BLOCK == 1:  # nobody else is in its block
            self._blocks.know(disk.block)
        self._change_inode(disk)
        if inode.kind == "directory":
            disk.names = Ext4Directory(self._blocks.take(disk.home), lambda: self._blocks.take(disk.home))
        elif inode.kind == "symlink" and inode.size >= SHORT_LINK:
            disk.tree.append(self._blocks.take(disk.home))

    def _new(self, inode: Inode, number: int) -> OnDisk:
        group = self.layout.group_of_inode(number)
        home = min(group - group % FLEX + (inode.kind == "file"), self.layout.groups - 1)
        disk = self._inodes[inode.number] = OnDisk(number, self.layout.inode_block(number), group, home)
        disk.era = self._era
        return disk

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The block of the directory, and both inodes."""
        self._blocks.change(*self._read_name(directory, name).add(name), rule=_NAME)
        self._change_inode(self._inodes[directory.number])
        self._change_inode(self._inodes[inode.number])
        self._orphan(self._inodes[inode.number], False)

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The same; what has no name left is an orphan."""
        self._blocks.change(*self._read_name(directory, name).remove(name), rule=_NAME)
        self._change_inode(self._inodes[directory.number])
        self._change_inode(self._inodes[inode.number])
        self._orphan(self._inodes[inode.number], inode.nlink <= 0)

    def orphaned(self, inode: Inode) -> None:
        """O_TMPFILE: an orphan from the beginning."""
        self._orphan(self._inodes[inode.number], True)

    def gone(self, inode: Inode) -> None:
        """The inode and the blocks of its own are free."""
        disk = self._inodes.pop(inode.number, None)
        if disk is None:
            return
        self._orphan(disk, False)
        self._tables.free(disk.number)
        self._blocks.change_bitmap(self.layout.inode_bitmap(disk.group), disk.group)
        self._change_inode(disk)
        self._blocks.free([*(disk.names.blocks if disk.names else ()), *disk.tree], disk.home)
        if disk.attributes is not None:
            self._attributes.release(disk.attributes, disk.home)

    # ---------------------------------------------------------------- files

    def changed(self, inode: Inode) -> None:
        """The inode; a block of attributes if they outgrow it."""
        disk = self._inodes[inode.number]
        self._change_inode(disk)
        disk.size = inode.size
        if inode.xattrs or disk.attributes is not None:
            disk.attributes = self._attributes.replace(disk.attributes, overflow(inode.xattrs), disk.home)

    def cut(self) -> None:
        """truncate(2) to no more than the file had: a crash has to find it half cut, so it is an orphan meanwhile."""
        self._journal.dirty(self.layout.superblock)

    def written(self, inode: Inode) -> None:
        """The inode, if the clock has ticked or the file has grown."""
        disk, tick = self._inodes[inode.number], self._clock.tick
        if disk.tick != tick or inode.size != disk.size:
            disk.tick, disk.size = tick, inode.size
            self._change_inode(disk)

    def placed(self, inode: Inode, blocks: Integers) -> None:
        """Bitmaps and descriptors of the groups, the inode, the extent tree."""
        disk = self._inodes[inode.number]
        self._change_groups(inode.blocks[blocks])
        self._change_inode(disk)
        if blocks.size > IN_INODE * PIECE and not disk.tree:
            self._blocks.free([self._blocks.take(disk.home)], disk.home)
        self._change_tree(inode, disk, blocks)
        self._unwritten[inode.number] = disk

    def arrived(self, inode: Inode) -> None:
        """The data of a file are on the disk, and its new extents no longer marked as unwritten."""
        self._unwritten.pop(inode.number, None)

    def freed(self, inode: Inode, places: Integers) -> None:
        """The same, and the superblock: until all is freed the inode is an orphan."""
        disk = self._inodes[inode.number]
        self._change_groups(places)
        self._change_inode(disk)
        self._journal.dirty(self.layout.superblock)
        self._change_tree(inode, disk, inode.blocks[:0])

    def _change_groups(self, places: Integers) -> None:
        for group in self.layout.groups_of(places).tolist():
            self._blocks.change_bitmap(self.layout.block_bitmap(group), group)

    def _change_tree(self, inode: Inode, disk: OnDisk, blocks: Integers) -> None:
        """The leaves that hold the extents of these blocks; the tree grows or shrinks as it has to."""
        extents = extent_count(inode.blocks)
        needed = tree_blocks(extents)
        while len(disk.tree) < needed:
            disk.tree.append(self._blocks.take(disk.home))
        gone, disk.tree = disk.tree[needed:], disk.tree[:needed]
        self._blocks.free(gone, disk.home)
        if needed and blocks.size:
            last = leaf_count(extents) - 1
            self._blocks.change(
                *(disk.tree[min(leaf, last)] for leaf in leaves_of(inode.blocks, blocks)), rule="leaf of an extent tree"
            )

    # ---------------------------------------------------------------- safe

    def fsynced(self, inode: Inode) -> None:
        """A commit, if the inode changed in the running transaction."""
        self.arrived(inode)
        changed = self._inodes[inode.number].transaction == self._journal.running
        if changed:
            self._journal.commit()
        self._clock.fsynced(committed=changed)

    def paced(self, milliseconds: float) -> None:
        """To `kernel_clock`."""
        self._clock.pace(milliseconds)

    def synced(self) -> None:
        """A commit, perhaps two, and all goes home."""
        late = [disk for number, disk in self._unwritten.items() if number in self._inodes and self._journal.in_use]
        self._unwritten.clear()
        self._journal.commit()
        for disk in late:
            self._change_inode(disk)
        self._journal.commit()
        self._journal.write_home()
        self._clock.flushed(2)

    def froze(self) -> None:
        """The log is emptied; the superblock says so, and at the thaw that it is no longer."""
        self._journal.flush()
        self._clock.flushed(4)
        for rule in ("frozen: the file system needs no recovery", "thawed: it may need recovery again"):
            self.disk.write(self.layout.superblock, why="metadata", rule=f"superblock, {rule}")

    def dropped(self) -> None:
        """Everything is cold; that takes longer than a tick."""
        self._blocks.drop()
        self._era += 1
        self._clock.rested()

    def space(self) -> int:
        """Blocks of directories, extent trees, attributes and long links."""
        return self._blocks.held * self.store.block_size
