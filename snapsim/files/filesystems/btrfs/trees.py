"""All trees of a btrfs file system and its transactions: what a commit writes.

**The rule.** Each change of an item shadows the blocks from its leaf to the root. A commit (1) brings delayed
references into the extent and the free-space tree, (2) carries out what inodes and directories had delayed (inode items
and directory indices), (3) makes pending snapshots, (4) sets the items of all block groups and roots that changed,
until nothing changes any more; then it writes all dirty blocks, twice with DUP, and the superblocks that the device is
large enough for (at 64 KiB, 64 MiB, 256 GiB). `sync` writes dirty blocks back before that, as it does with every dirty
page: a block that the commit changes again is written twice.

>>> trees = BtrfsTrees(2 << 30)
>>> trees.create_subvolume("layer0").name
256
>>> trees.write_dirty()                            # root, UUID, top directory and the subvolume's own root
4
>>> trees.commit()                                 # those of it that change again, extents and free space
>>> trees.written - 9                              # mkfs.btrfs wrote one for each of its trees
8

Source: fs/btrfs/transaction.c `btrfs_commit_transaction`, `create_pending_snapshot`; ioctl.c `create_subvol`.

What it leaves out: quota groups, the data-relocation tree's use, block-group tree, and the device statistics.
"""

from collections.abc import Callable

from snapsim.files.filesystems.btrfs.block_groups import BlockGroups
from snapsim.files.filesystems.btrfs.checksum_tree import Checksums
from snapsim.files.filesystems.btrfs.crc32c import name_hash
from snapsim.files.filesystems.btrfs.delayed_items import DIR_ITEM, INODE_ITEM, DelayedItems
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.references import BLOCK_GROUP_ITEM, BtrfsReferences
from snapsim.files.filesystems.btrfs.tree_block import NODE_BYTES, Block, Key
from snapsim.files.filesystems.btrfs.tree_blocks import TreeBlocks

INODE_REF, ROOT_ITEM, ROOT_BACKREF, ROOT_REF = 12, 132, 144, 156
DEV_EXTENT, CHUNK_ITEM, UUID_SUBVOL = 204, 228, 251
ROOT_DIRECTORY = 256
_COWONLY = {"root": 1, "extent": 2, "chunk": 3, "dev": 4, "csum": 7, "uuid": 9, "free": 10}
_TOP, _RELOCATION, _FIRST_SUBVOLUME = 5, (1 << 64) - 9, 256


class BtrfsTrees(TreeBlocks):
    """The trees of a file system as mkfs.btrfs makes them.

    Parameters
    ----------
    device_bytes : int
        Size of the device.
    on_write, on_read : callable, optional
        Called for each block (of the tree of that name) that is written, and read.

    Attributes
    ----------
    held : int
        Tree blocks in use.
    changed : set of ItemTree
        Trees that changed in the running transaction.
    logs_refused : int
        The transaction in which the last chunk was allocated: an fsync in it is a commit.
    """

    def __init__(
        self,
        device_bytes: int,
        on_write: Callable[[str], None] | None = None,
        on_read: Callable[[], None] | None = None,
    ) -> None:
        self.groups = BlockGroups(device_bytes)
        metadata, system = self.groups.groups[2], self.groups.groups[1]
        super().__init__(metadata.start + NODE_BYTES)
        self._system_cursor, self.held, self._quiet = system.start + NODE_BYTES, 0, True
        self._on_write, self._on_read = on_write, on_read
        self.references, self.delayed = BtrfsReferences(self, self.groups), DelayedItems()
        self.changed: set[ItemTree] = set()
        self.logs_refused = 0
        self._names: dict[int, tuple[str, int]] = {}
        self._next_subvolume = _FIRST_SUBVOLUME
        self._make()

    def _make(self) -> None:
        self.root, self.extent, self.chunk, self.dev, self.csum, self.uuid, self.free = (
            ItemTree(self, name) for name in _COWONLY
        )
        self.checksums = Checksums(self.csum)
        self.top = ItemTree(self, _TOP)
        relocation = ItemTree(self, _RELOCATION)
        for tree in (self.top, relocation):
            tree.insert_many([((ROOT_DIRECTORY, INODE_ITEM, 0), 160), ((ROOT_DIRECTORY, INODE_REF, 256), 12)])
        for number in (*_COWONLY.values(), _TOP, _RELOCATION):
            if number not in (1, 3):
                self.root.insert((number, ROOT_ITEM, 0), 439)
        for key, size in (
            ((_TOP, INODE_REF, 6), 17),
            ((6, INODE_ITEM, 0), 160),
            ((6, INODE_REF, 6), 12),
            ((6, DIR_ITEM, name_hash("default")), 37),
        ):
            self.root.insert(key, size)
        self.uuid.insert((0, UUID_SUBVOL, 0), 8)
        self.dev.insert((0, 249, 1), 40)
        self.chunk.insert((1, 216, 1), 98)
        for group in self.groups.groups:
            self._add_chunk(group.start, group.length, 1 if group.kind == "data" else 2)
            self.references.add_group(group)
        self.commit()
        self._quiet = False

    def _add_chunk(self, start: int, length: int, copies: int) -> None:
        self.chunk.insert((ROOT_DIRECTORY, CHUNK_ITEM, start), 48 + 32 * copies)
        self.chunk.touch((1, 216, 1))
        for copy in range(copies):
            self.dev.insert((1, DEV_EXTENT, 2 * start + copy), 48)

    # ---------------------------------------------------------------- blocks

    def address(self, tree: ItemTree) -> int:
        """Where the next block goes: those of the chunk tree into the system's group."""
        if tree.name != "chunk":
            return super().address(tree)
        self._system_cursor += NODE_BYTES
        return self._system_cursor - NODE_BYTES

    def own(self, tree: ItemTree, block: Block) -> None:
        """A reference, delayed; blocks of a log have none."""
        if tree.logs:
            return
        self.changed.add(tree)
        self.held += block.references == 1 and block in self.dirty
        self.references.new_block(block, tree.name)

    def disown(self, tree: ItemTree, block: Block) -> None:
        """A reference less, delayed."""
        if tree.logs:
            return
        self.held -= not block.references
        self.references.change(block.address, tree.name, -1)

    def share(self, tree: ItemTree, block: Block, twin: Block) -> None:
        """The children, and the extents that a leaf points to, have one owner more."""
        super().share(tree, block, twin)
        self.references.share_leaf(tree, twin)

    def write(self, block: Block) -> None:
        """One block is written."""
        if self._on_write and not self._quiet:
            self._on_write("tree block")

    def read(self) -> None:
        """One block is read."""
        if self._on_read:
            self._on_read()

    # ---------------------------------------------------------------- subvolumes

    def create_subvolume(self, name: str) -> ItemTree:
        """A new subvolume in the top directory, with an empty root directory."""
        tree = ItemTree(self, self._new_number())
        self._name_subvolume(tree, name)
        tree.insert_many([((ROOT_DIRECTORY, INODE_ITEM, 0), 160), ((ROOT_DIRECTORY, INODE_REF, 256), 12)])
        return tree

    def _new_number(self) -> int:
        self._next_subvolume += 1
        return self._next_subvolume - 1

    def _name_subvolume(self, tree: ItemTree, name: str) -> None:
        number, length = int(tree.name), len(name.encode())
        self.root.insert((number, ROOT_ITEM, self.generation), 439)
        self.root.insert((number, ROOT_BACKREF, _TOP), 18 + length)
        self.root.insert((_TOP, ROOT_REF, number), 18 + length)
        self.uuid.insert(_uuid_key(number), 8)
        self._names[number] = name, self.delayed.add_name(self.top, ROOT_DIRECTORY, name)
        tree.root_key = (number, ROOT_ITEM, self.generation)

    def snapshot(self, parent: ItemTree, name: str) -> ItemTree:
        """A snapshot of a subvolume; making it commits the transaction."""
        twin = ItemTree(self, self._new_number(), parent.root)
        self.commit(lambda: self._snapshot(parent, twin, name))
        return twin

    def _snapshot(self, parent: ItemTree, twin: ItemTree, name: str) -> None:
        parent.root = self.shadow(parent, parent.root)
        twin.root = self.copy(twin, parent.root)
        self.share(twin, parent.root, twin.root)
        self._name_subvolume(twin, name)

    def delete_subvolume(self, tree: ItemTree) -> None:
        """Take a subvolume's name away and drop its tree."""
        number = int(tree.name)
        self.delayed.remove_name(self.top, ROOT_DIRECTORY, *self._names.pop(number))
        for key in ((number, ROOT_BACKREF, _TOP), (_TOP, ROOT_REF, number), self._root_key(tree)):
            self.root.delete(key)
        self.uuid.delete(_uuid_key(number))
        self.delayed.forget(tree)
        self._drop(tree, tree.root)
        self.changed.discard(tree)

    def _drop(self, tree: ItemTree, block: Block) -> None:
        self.drop(tree, block)
        if block.references:
            return
        self.references.share_leaf(tree, block, -1)
        for child in block.children:
            self._drop(tree, child)

    # ---------------------------------------------------------------- transactions

    def new_chunks(self) -> None:
        """Bring chunks that were allocated into the trees; no log is written before the next commit."""
        if self.groups.added:
            self.logs_refused = self.generation
        for group in self.groups.added:
            self._add_chunk(group.start, group.length, 1)
            self.references.add_group(group)
        self.groups.added.clear()

    def commit(self, pending: Callable[[], None] | None = None) -> None:
        """End the transaction, with a snapshot that waits for it; nothing is written if nothing changed."""
        if not (self.changed or self.delayed.waiting or self.references.waiting or pending):
            return
        self.references.run()
        self.delayed.run()
        if pending is not None:
            pending()
            self.delayed.run()
        self._settle()
        self.write_dirty()
        if self._on_write and not self._quiet:
            self._on_write("superblock")
        self.references.end()
        self.changed.clear()
        self.generation += 1

    def _settle(self) -> None:
        """Set root and block-group items until no block changes any more."""
        known: dict[ItemTree, Block] = {}
        while self.references.waiting or any(known.get(tree) is not tree.root for tree in self._rooted()):
            self.references.run()
            for group in sorted(self.references.dirty_groups, key=lambda group: group.start):
                self.extent.touch((group.start, BLOCK_GROUP_ITEM, group.length))
            for tree in self._rooted():
                known[tree] = tree.root
                self.root.touch(self._root_key(tree))

    def _rooted(self) -> list[ItemTree]:
        """Changed trees whose roots are in the root tree."""
        return [
            tree for tree in sorted(self.changed, key=lambda tree: str(tree.name)) if tree.name not in ("root", "chunk")
        ]

    def _root_key(self, tree: ItemTree) -> Key:
        number = _COWONLY.get(str(tree.name), tree.name)
        return tree.root_key or (int(number), ROOT_ITEM, 0)


def _uuid_key(subvolume: int) -> Key:
    """A UUID is random; here a number takes its place."""
    return name_hash(f"uuid {subvolume}"), UUID_SUBVOL, subvolume
