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

A full leaf tries its neighbours before it splits: it pushes items to the right one, then to the left one. That is why
one insertion may write two leaves more than the one that it goes to. A leaf that is two thirds empty after a deletion
is merged into its neighbours in the same way (`Path`).

>>> tree = ItemTree(TreeBlocks(), "demo")
>>> for number in range(163):
...     tree.insert((number, 1, 0), 75)
>>> [len(leaf.keys) for leaf in tree.leaves()]     # 162 are full; of 163 items the last one splits them
[81, 82]
>>> for number in range(60):
...     tree.delete((number, 1, 0))
>>> [len(leaf.keys) for leaf in tree.leaves()]     # below a third: all of it fits into the right neighbour
[103]

Source: fs/btrfs/ctree.c (`__push_leaf_left`, `__push_leaf_right`, `split_leaf`, `split_node`, `btrfs_del_items`).

What it leaves out: pushing and balancing of nodes above leaves (they split only, and an empty one goes), the second try
before a leaf is split in three, locks, and what stands in an item beside its size and a value for the model's own use.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Protocol

from snapsim.files.filesystems.btrfs.tree_block import ITEM_BYTES, LEAF_BYTES, POINTERS, Block, Key


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

    def _path(self, key: Key, need: int = 0, extend: bool = False) -> "Path":
        return Path(self, key, need, extend)


class Path:
    """A shadowed way to the leaf of a key, with room for so many bytes more.

    Attributes
    ----------
    above : list of (Block, int)
        Blocks above the leaf, and which child the way takes.
    leaf : Block
    slot : int
        Where the key is, or is to be put.
    """

    def __init__(self, tree: ItemTree, key: Key, need: int, extend: bool) -> None:
        self.tree, self.above = tree, list[tuple[Block, int]]()
        block = tree.root = self._shadowed(tree.root)
        while block.level:
            if need and len(block.children) >= POINTERS - 3:
                block = self._split_node(block, key)
            slot = max(bisect_right(block.keys, key) - 1, 0)
            child = block.children[slot] = self._shadowed(block.children[slot])
            self.above.append((block, slot))
            block = child
        self.leaf, self.slot = block, bisect_left(block.keys, key)
        if need > block.free:
            self._split_leaf(key, need, extend)

    def _shadowed(self, block: Block) -> Block:
        self.tree.blocks.visited(self.tree, block)
        return self.tree.blocks.shadow(self.tree, block)

    def lower_keys(self) -> None:
        """The blocks above are told the first key of what lies below."""
        below = self.leaf
        for block, slot in reversed(self.above):
            if not below.keys or block.keys[slot] == below.keys[0]:
                return
            block.keys[slot] = below.keys[0]
            below = block

    # ---------------------------------------------------------------- neighbours

    def _neighbour(self, step: int) -> Block | None:
        """The leaf beside, under the same parent, not shadowed yet."""
        if not self.above:
            return None
        parent, slot = self.above[-1]
        if not 0 <= slot + step < len(parent.children):
            return None
        found = parent.children[slot + step]
        self.tree.blocks.visited(self.tree, found)
        return found

    def _shadow_neighbour(self, step: int) -> Block:
        parent, slot = self.above[-1]
        found = parent.children[slot + step] = self.tree.blocks.shadow(self.tree, parent.children[slot + step])
        return found

    def _go(self, step: int) -> None:
        parent, slot = self.above[-1]
        self.above[-1] = (parent, slot + step)
        self.leaf = parent.children[slot + step]

    def _push(self, step: int, need: int, least: int, empty: bool) -> bool:
        """Push items to the neighbour on one side (-1 left, 1 right); has any moved?"""
        other = self._neighbour(step)
        if other is None or other.free < least:
            return False
        other, leaf = self._shadow_neighbour(step), self.leaf
        if step > 0 and self.slot == len(leaf.keys) and not empty:
            self._go(1)  # the new item goes there, nothing else has to move
            self.slot = 0
            return True
        count = self._count(other.free, step, need, empty)
        if not count:
            return False
        total = len(leaf.keys)
        if step > 0:
            other.take(leaf, total - count, total, 0)
        else:
            other.take(leaf, 0, count, len(other.keys))
        self._after_push(step, count, len(other.keys))
        return True

    def _count(self, room: int, step: int, need: int, empty: bool) -> int:
        """How many items of the leaf go to a neighbour with so much room, the new one counted where it goes along."""
        leaf, total, moved, count = self.leaf, len(self.leaf.keys), 0, 0
        if step > 0:
            order = range(total - 1, -1 if empty else 0, -1)
            moved = need if self.slot >= total else 0
        else:
            order = range(total if empty else total - 1)
        for item in order:
            if not empty and count:
                if (self.slot - item) * step > 0:
                    break
                if self.slot == item and leaf.free + 2 * moved > room:
                    break
            moved += need if self.slot == item else 0
            if moved + leaf.sizes[item] + ITEM_BYTES > room:
                break
            moved += leaf.sizes[item] + ITEM_BYTES
            count += 1
        return count

    def _after_push(self, step: int, count: int, there: int) -> None:
        """Keys above, and on which side the slot is now."""
        parent, at = self.above[-1]
        left, right = (self.leaf, parent.children[at + 1]) if step > 0 else (parent.children[at - 1], self.leaf)
        if right.keys:
            parent.keys[at + (step > 0)] = right.keys[0]
        if step > 0 and self.slot >= len(left.keys) and left.keys:
            self.slot -= len(left.keys)
            self._go(1)
        elif step < 0 and self.slot < count:
            self.slot += there - count
            self._go(-1)
        elif step < 0:
            self.slot -= count

    # ---------------------------------------------------------------- splitting

    def _split_leaf(self, key: Key, need: int, extend: bool) -> None:
        least = need - (self.leaf.free if self.slot < len(self.leaf.keys) else 0)
        if not self._push(1, least, least, False):
            least = need - (self.leaf.free if self.slot > 0 else 0)
            self._push(-1, least, least, False)
        if self.leaf.free >= need:
            self.lower_keys()
            return
        self._split_at(key, *self._middle(need, extend))
        if self.leaf.free < need:
            self._split_at(key, *self._middle(need, extend))

    def _middle(self, need: int, extend: bool) -> tuple[int, bool]:
        """Where to split; True: put an empty leaf there instead, on the side of the slot."""
        slot, total = self.slot, len(self.leaf.keys)
        middle = (total + 1) // 2
        if middle <= slot:
            if total > 1 and self._bytes(middle, total) + need <= LEAF_BYTES:
                return middle, False
            return (total, True) if slot >= total else (slot, False)
        if self._bytes(0, middle) + need <= LEAF_BYTES:
            return middle, False
        if slot == 0 and not extend:
            return 0, True
        return (1 if slot == 0 else slot), False

    def _bytes(self, first: int, last: int) -> int:
        return sum(self.leaf.sizes[first:last]) + ITEM_BYTES * (last - first)

    def _split_at(self, key: Key, middle: int, empty: bool) -> None:
        left, right = self.leaf, self.tree.blocks.new(self.tree, 0)
        if not self.above:
            self._new_root()
        parent, at = self.above[-1]
        before = empty and middle == 0
        right.take(left, middle, len(left.keys), 0) if not empty else None
        place = at if before else at + 1
        parent.children.insert(place, right)
        parent.keys.insert(place, right.keys[0] if right.keys else key)
        if before:
            parent.keys[at + 1] = left.keys[0]
            self.leaf = right
        elif self.slot >= middle:
            self.slot -= middle
            self._go(1)

    def _new_root(self) -> None:
        tree = self.tree
        old, root = tree.root, tree.blocks.new(tree, tree.root.level + 1)
        root.children, root.keys = [old], [old.keys[0]]
        tree.root = root
        self.above.insert(0, (root, 0))

    def _split_node(self, block: Block, key: Key) -> Block:
        """Split a node above leaves in the middle; returns the half in which the key lies."""
        right = self.tree.blocks.new(self.tree, block.level)
        right.take(block, len(block.keys) // 2, len(block.keys), 0)
        if not self.above:
            self._new_root()
        parent, at = self.above[-1]
        parent.children.insert(at + 1, right)
        parent.keys.insert(at + 1, right.keys[0])
        if key < right.keys[0]:
            return block
        self.above[-1] = (parent, at + 1)
        return right

    # ---------------------------------------------------------------- merging

    def merge(self) -> None:
        """After a deletion: push what is left to the neighbours, and drop the leaf if nothing is left."""
        leaf = self.leaf
        if leaf.keys:
            self._push(-1, 0, ITEM_BYTES + leaf.sizes[0], True)
        if self.leaf is leaf and leaf.keys:
            self._push(1, 0, leaf.used, True)
        if leaf.keys:
            return
        for number in range(len(self.above) - 1, -1, -1):
            parent = self.above[number][0]
            at = next(n for n, child in enumerate(parent.children) if child is leaf)
            del parent.children[at], parent.keys[at]
            self.tree.blocks.drop(self.tree, leaf)
            if parent.children or not number:
                break
            leaf = parent
        if not self.tree.root.keys and self.tree.root.level:
            self.tree.blocks.drop(self.tree, self.tree.root)
            self.tree.root = self.tree.blocks.new(self.tree, 0)
