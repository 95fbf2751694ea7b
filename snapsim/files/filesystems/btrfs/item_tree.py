"""A B-tree of items with sizes, as btrfs keeps everything: leaves fill up, push to their neighbours, and split.

A key is three numbers (object, type, offset). A leaf of 16 KiB holds its items and 25 bytes of header for each; a node
above holds 33 bytes for each child. A block that an earlier transaction wrote is never changed: the change goes to a
new block (*shadowing*), and so does the pointer in the parent, up to the root. A block that was written early, in the
middle of the running transaction, is shadowed again.

>>> from snapsim.files.filesystems.btrfs.tree_blocks import TreeBlocks
>>> tree = ItemTree(TreeBlocks(), "demo")
>>> for number in range(300):
...     tree.insert((number, 1, 0), 75)            # 100 bytes with the header: 162 to a leaf
>>> [len(leaf.keys) for leaf in tree.leaves()]     # a leaf first splits in two halves, then pushes to the left
[162, 138]

Leaves that are filled in order are full, because a full leaf pushes to its left neighbour before it splits again.

Source: fs/btrfs/ctree.c (`split_leaf`, `push_leaf_left`, `push_leaf_right`, `btrfs_del_items`).

What it leaves out: balancing of nodes above leaves that become sparse (an empty one goes), locks, and what stands in an
item beside its size and a value for the model's own use.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Protocol

from snapsim.files.filesystems.btrfs.item_path import Path
from snapsim.files.filesystems.btrfs.tree_block import ITEM_BYTES, LEAF_BYTES, Block, Key


class Blocks(Protocol):
    """What a tree asks of the file system that its blocks live in."""

    def new(self, tree: "ItemTree", level: int) -> Block:
        """A new block, of the running transaction."""

    def shadow(self, tree: "ItemTree", block: Block) -> Block:
        """The block to be changed in place of this one: itself if it is of this transaction and not yet written."""

    def drop(self, tree: "ItemTree", block: Block) -> None:
        """The tree does not point to the block any more."""

    def visited(self, tree: "ItemTree", block: Block) -> None:
        """The block is looked at."""


class ItemTree:
    """A tree of items.

    Parameters
    ----------
    blocks : Blocks
        Where its blocks live.
    name : str or int
        The tree's name, or the number of the subvolume.
    root : Block, optional
        Its root; a new, empty leaf when left out.
    logs : bool
        It is the log of a running transaction: nobody counts who points to its blocks.

    Attributes
    ----------
    root_key : tuple or None
        Of a subvolume's tree, the key of its item in the tree of roots.
    """

    def __init__(self, blocks: Blocks, name: str | int, root: Block | None = None, logs: bool = False) -> None:
        self.blocks, self.name, self.logs = blocks, name, logs
        self.root_key: Key | None = None
        self.root = blocks.new(self, 0) if root is None else root

    # ---------------------------------------------------------------- looking

    def leaves(self, block: Block | None = None) -> Iterator[Block]:
        """All leaves, in order."""
        block = self.root if block is None else block
        if block.level:
            for child in block.children:
                yield from self.leaves(child)
        else:
            yield block

    def _leaf(self, key: Key) -> tuple[Block, Key | None]:
        """The leaf in which the key is or would be, and the first key of the next leaf."""
        block, after = self.root, None
        self.blocks.visited(self, block)
        while block.level:
            slot = max(bisect_right(block.keys, key) - 1, 0)
            after = block.keys[slot + 1] if slot + 1 < len(block.keys) else after
            block = block.children[slot]
            self.blocks.visited(self, block)
        return block, after

    def range(self, low: Key, high: Key) -> list[tuple[Key, int, Any]]:
        """Key, size and value of the items low <= key < high."""
        found: list[tuple[Key, int, Any]] = []
        after: Key | None = low
        while after is not None and after < high:
            leaf, after = self._leaf(max(low, after))
            first, last = bisect_left(leaf.keys, low), bisect_left(leaf.keys, high)
            found += zip(leaf.keys[first:last], leaf.sizes[first:last], leaf.values[first:last], strict=True)
        return found

    def before(self, key: Key) -> tuple[Key, int, Any] | None:
        """The last item whose key is smaller."""
        leaf, _ = self._leaf(key)
        slot = bisect_left(leaf.keys, key) - 1
        if slot < 0:
            first = leaf.keys[0] if leaf.keys else key
            leaf, _ = self._leaf((first[0], first[1], first[2] - 1))
            slot = bisect_left(leaf.keys, key) - 1
        return (leaf.keys[slot], leaf.sizes[slot], leaf.values[slot]) if slot >= 0 else None

    # ---------------------------------------------------------------- changing

    def insert(self, key: Key, size: int, value: Any = None) -> None:
        """A new item."""
        path = self._path(key, ITEM_BYTES + size)
        slot = path.slot
        leaf = path.leaf
        leaf.keys.insert(slot, key)
        leaf.sizes.insert(slot, size)
        leaf.values.insert(slot, value)
        leaf.used += ITEM_BYTES + size
        path.lower_keys()

    def insert_many(self, items: list[tuple[Key, int]]) -> None:
        """New items whose keys follow each other, room made for all at once."""
        self._path(items[0][0], sum(ITEM_BYTES + size for _, size in items))
        for key, size in items:
            self.insert(key, size)

    def touch(self, key: Key) -> int:
        """Change an item in place; returns its size."""
        path = self._path(key)
        return path.leaf.sizes[path.slot]

    def shadow(self, key: Key) -> None:
        """Look for an item with the intent to change or delete: the way there is shadowed, whatever is found."""
        self._path(key)

    def room(self, key: Key, grow: int) -> int:
        """Bytes free in the item's leaf, after making room for so many more."""
        return self._path(key, grow, extend=True).leaf.free

    def resize(self, key: Key, size: int, value: Any = None) -> None:
        """Make an item longer or shorter."""
        grow = size - self.size_of(key)
        path = self._path(key, max(grow, 0), extend=True)
        path.leaf.used += grow
        path.leaf.sizes[path.slot] = size
        path.leaf.values[path.slot] = value if value is not None else path.leaf.values[path.slot]

    def size_of(self, key: Key) -> int:
        """Size of an item, -1 where there is none."""
        leaf, _ = self._leaf(key)
        slot = bisect_left(leaf.keys, key)
        return leaf.sizes[slot] if slot < len(leaf.keys) and leaf.keys[slot] == key else -1

    def rekey(self, old: Key, new: Key, size: int, value: Any = None) -> None:
        """Give an item another key between the same neighbours, another size not above the old one, and a value."""
        path = self._path(old)
        leaf, slot = path.leaf, path.slot
        leaf.used += size - leaf.sizes[slot]
        leaf.keys[slot], leaf.sizes[slot], leaf.values[slot] = new, size, value
        path.lower_keys()

    def delete(self, key: Key) -> Any:
        """Take an item away; returns its value."""
        self._shrink_root()
        path = self._path(key)
        leaf, slot = path.leaf, path.slot
        value = leaf.values[slot]
        leaf.used -= ITEM_BYTES + leaf.sizes[slot]
        del leaf.keys[slot], leaf.sizes[slot], leaf.values[slot]
        path.lower_keys()
        if leaf.used < LEAF_BYTES // 3 and path.above:
            path.merge()
        return value

    def _shrink_root(self) -> None:
        while self.root.level and len(self.root.children) == 1:
            above, child = self.root, self.root.children[0]
            child = above.children[0] = self.blocks.shadow(self, child)
            self.blocks.drop(self, above)
            self.root = child

    def _path(self, key: Key, need: int = 0, extend: bool = False) -> Path:
        return Path(self, key, need, extend)
