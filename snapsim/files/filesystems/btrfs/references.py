"""Who points to an extent or a tree block of btrfs: the extent tree, the free-space tree, and delayed references.

Every extent of data and every tree block has an item in the extent tree that counts who points to it, and what is
free is in the free-space tree. Changes wait in memory (*delayed references*) until the commit, where those that cancel
each other are gone; to write the rest changes blocks of these very trees, and so makes new references, until none is
left.

>>> from snapsim.files.filesystems.btrfs.trees import BtrfsTrees
>>> trees = BtrfsTrees(2 << 30)
>>> extents = trees.references
>>> start = extents.new_data(4096, ("fs", 257, 0))
>>> trees.extent.size_of((start, EXTENT_ITEM, 4096))   # delayed
-1
>>> trees.commit()
>>> trees.extent.size_of((start, EXTENT_ITEM, 4096))   # 24 bytes, and 29 for who points to it
53

Source: fs/btrfs/delayed-ref.c, extent-tree.c `__btrfs_run_delayed_refs`, free-space-tree.c.

What it leaves out: bitmaps in the free-space tree, references that are split off into items of their own size by hash.
"""

from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

from snapsim.files.filesystems.btrfs.block_groups import BlockGroup, BlockGroups
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.tree_block import NODE_BYTES, Block, Key

if TYPE_CHECKING:
    from snapsim.files.filesystems.btrfs.trees import BtrfsTrees

EXTENT_ITEM, METADATA_ITEM, EXTENT_DATA_REF, BLOCK_GROUP_ITEM = 168, 169, 178, 192
FREE_SPACE_INFO, FREE_SPACE_EXTENT = 198, 199
_INLINE_BYTES = 992
_LAST = 1 << 64


class _Extent:
    """What is known of an extent: its key in the extent tree, who points to it, bytes of its item (0: none yet)."""

    __slots__ = ("key", "owners", "size")

    def __init__(self, key: Key) -> None:
        self.key, self.size = key, 0
        self.owners: Counter[Hashable] = Counter()

    @property
    def data(self) -> bool:
        return self.key[1] == EXTENT_ITEM

    @property
    def bytes(self) -> int:
        return self.key[2] if self.data else NODE_BYTES


class BtrfsReferences:
    """The delayed references of a file system, and the two trees that they end in.

    Attributes
    ----------
    dirty_groups : set of BlockGroup
        Groups whose used bytes changed in this transaction.
    """

    def __init__(self, trees: "BtrfsTrees", groups: BlockGroups) -> None:
        self.trees, self.groups, self.dirty_groups = trees, groups, set[BlockGroup]()
        self._extents: dict[int, _Extent] = {}
        self._delayed: dict[int, Counter[Hashable]] = {}
        self._pinned: list[tuple[int, int]] = []

    def new_data(self, size: int, owner: Hashable) -> int:
        """Address of a new extent of data."""
        start = self.groups.allocate(size)
        self._extents[start] = _Extent((start, EXTENT_ITEM, size))
        self.change(start, owner, 1)
        return start

    def new_block(self, block: Block, owner: Hashable) -> None:
        """A tree block has one more owner; it may be new."""
        if block.address not in self._extents:
            self._extents[block.address] = _Extent((block.address, METADATA_ITEM, block.level))
        self.change(block.address, owner, 1)

    def change(self, start: int, owner: Hashable, by: int) -> None:
        """One reference more or less, delayed."""
        delayed = self._delayed.setdefault(start, Counter())
        known = self._extents[start].owners
        if by < 0 and known[owner] + delayed[owner] <= 0:  # counted for another owner of the shared block
            owner = next((one for one in [*known, *delayed] if known[one] + delayed[one] > 0), owner)
        delayed[owner] += by

    @property
    def waiting(self) -> int:
        """Extents with delayed references, and blocks: of these only if the references do not cancel each other."""
        return sum(self._extents[start].data or any(changes.values()) for start, changes in self._delayed.items())

    def run(self) -> None:
        """Bring delayed references into the trees, by address, until none is left."""
        while self._delayed:
            for start in sorted(self._delayed):
                self._apply(start, self._delayed.pop(start))

    def _apply(self, start: int, changes: Counter[Hashable]) -> None:
        extent = self._extents[start]
        changed = any(changes.values())
        extent.owners.update(changes)
        extent.owners = +extent.owners
        size = (24 + (29 if extent.data else 9) * len(extent.owners)) if extent.owners else 0
        if not extent.size and size:
            self._appear(extent, size)
        elif extent.size and not size:
            self._vanish(extent)
        elif changed and size:
            self._resize(extent, size)
        if not size:
            del self._extents[start]
            if extent.data:
                self._pinned.append((start, extent.bytes))

    def _appear(self, extent: _Extent, size: int) -> None:
        self.trees.extent.insert(extent.key, min(size, _INLINE_BYTES))
        extent.size = size
        self._take_free(extent.key[0], extent.bytes)

    def _resize(self, extent: _Extent, size: int) -> None:
        """References beyond what fits into the item are items of their own, one more or less here."""
        if max(size, extent.size) <= _INLINE_BYTES:
            self.trees.extent.resize(extent.key, size)
        elif size > extent.size:
            self.trees.extent.insert((extent.key[0], EXTENT_DATA_REF, size), 28 if extent.data else 0)
        extent.size = size

    def _vanish(self, extent: _Extent) -> None:
        start = extent.key[0]
        for key, _, _ in self.trees.extent.range((start, 0, 0), (start, BLOCK_GROUP_ITEM, 0)):
            self.trees.extent.delete(key)
        if extent.data:
            self.trees.checksums.remove(start, extent.bytes)
        self._give_free(start, extent.bytes)

    def end(self) -> None:
        """The transaction is committed: what it freed may be used again."""
        for start, size in self._pinned:
            self.groups.free(start, size)
        self._pinned.clear()
        self.dirty_groups.clear()

    # ---------------------------------------------------------------- the free-space tree

    def add_group(self, group: BlockGroup) -> None:
        """A new block group: its item, and all of it is free."""
        self.trees.extent.insert((group.start, BLOCK_GROUP_ITEM, group.length), 24)
        self.trees.free.insert((group.start, FREE_SPACE_INFO, group.length), 8)
        self.trees.free.insert((group.start, FREE_SPACE_EXTENT, group.length), 0)

    def _touch_group(self, address: int) -> None:
        group = self.groups.group_of(address)
        self.dirty_groups.add(group)
        self.trees.free.touch((group.start, FREE_SPACE_INFO, group.length))

    def _take_free(self, start: int, size: int) -> None:
        tree, end = self.trees.free, start + size
        found = tree.before((start, FREE_SPACE_EXTENT, _LAST))
        assert found is not None
        (first, _, length), _, _ = found
        rest = first + length - end
        if first < start:
            tree.rekey(found[0], (first, FREE_SPACE_EXTENT, start - first), 0)
            if rest:
                tree.insert((end, FREE_SPACE_EXTENT, rest), 0)
        elif rest:
            tree.rekey(found[0], (end, FREE_SPACE_EXTENT, rest), 0)
        else:
            tree.delete(found[0])
        self._touch_group(start)

    def _give_free(self, start: int, size: int) -> None:
        tree, end, first = self.trees.free, start + size, start
        before = tree.before((start, FREE_SPACE_EXTENT, 0))
        if before is not None and before[0][1] == FREE_SPACE_EXTENT and sum(before[0][::2]) == start:
            first = before[0][0]
            tree.delete(before[0])
        for key, _, _ in tree.range((end, FREE_SPACE_EXTENT, 0), (end, FREE_SPACE_EXTENT, _LAST)):
            tree.delete(key)
            end += key[2]
        tree.insert((first, FREE_SPACE_EXTENT, end - first), 0)
        self._touch_group(start)

    # ---------------------------------------------------------------- what a leaf points to

    def share_leaf(self, tree: ItemTree, leaf: Block, by: int = 1) -> None:
        """The extents that a leaf's items point to have one reference more (or less) by the tree."""
        for key, extent in zip(leaf.keys, leaf.values, strict=not leaf.level):
            if extent is not None:
                self.change(extent[0], (tree.name, key[0], key[2] - extent[1]), by)
