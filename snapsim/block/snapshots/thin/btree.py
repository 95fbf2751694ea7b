"""B-trees on a metadata device as device-mapper keeps them: never overwritten, shared between snapshots.

Nodes lie in `metadata_blocks`; to change one is to shadow the path from the root to it. A copy of a tree is one more
reference to its root. A node with several references is copied when one of the trees changes it, and then each of its
children gains a reference.

>>> blocks = counted_blocks(BlockDevice(64))
>>> tree = BTree(blocks, leaf_capacity=252)
>>> for key in range(1000):
...     tree.insert(key)
>>> blocks.commit()
>>> blocks.used                                    # superblock, bitmap, its index, counts; a root and 5 leaves
10
>>> twin = tree.copy()                             # no node: one owner more for the root
>>> blocks.used - 10                               # but the bitmap that counts owners is shadowed
1
>>> twin.insert(500)                               # another value for a key: root and leaf are copied
>>> blocks.used - 10
3

Insertion makes room as the kernel (drivers/md/persistent-data/dm-btree.c) does: entries move to a neighbour that is
not shared and has 8 places free, else one node is split into two, or, between two full neighbours, two into three.
Removal levels or merges the neighbours on its way down (dm-btree-remove.c).

What it leaves out: values (a tree knows which keys it has).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from math import inf

import numpy as np

from snapsim.block.device import BlockDevice, Integers
from snapsim.block.snapshots.thin.metadata_blocks import BLOCK_SIZE, Keys, MetadataBlocks, MetadataNode

INTERNAL_CAPACITY = 252  # entries of 16 bytes behind a header of 32, a multiple of 3
WORTH_MOVING = 8  # free places that make a neighbour worth moving entries to


def capacity(value_bytes: int) -> int:
    """Entries a leaf: 8 bytes of key and the value, behind a header of 32 bytes; a multiple of 3.

    Examples
    --------
    >>> [capacity(size) for size in (8, 4, 16, 24)]            # mappings, counts, bitmap index, device details
    [252, 336, 168, 126]
    """
    return (BLOCK_SIZE - 32) // (8 + value_bytes) // 3 * 3


class BTree:
    """A B-tree of keys whose copies share nodes.

    Parameters
    ----------
    blocks : MetadataBlocks
        Where its nodes lie.
    leaf_capacity : int
        Entries a leaf, see `capacity`.
    held, dropped : callable, optional
        Called with the keys of a leaf whose values gain or lose a reference, as the leaf is copied or freed.
    """

    def __init__(
        self,
        blocks: MetadataBlocks,
        leaf_capacity: int,
        root: MetadataNode | None = None,
        held: Callable[[Keys], object] | None = None,
        dropped: Callable[[Keys], object] | None = None,
    ) -> None:
        self._blocks, self.leaf_capacity, self._held, self._dropped = blocks, leaf_capacity, held, dropped
        self.root = self._new([]) if root is None else root
        self._last: tuple[MetadataNode, float, float, int] = (self.root, inf, inf, -1)

    def _new(self, keys: Keys, children: list[MetadataNode] | None = None) -> MetadataNode:
        return MetadataNode(self._blocks.new(), self._blocks.number, keys, children)

    def copy(
        self, held: Callable[[Keys], object] | None = None, dropped: Callable[[Keys], object] | None = None
    ) -> "BTree":
        """A tree of the same keys: one more reference to the root."""
        self._blocks.hold(self.root)
        self._last = (self.root, inf, inf, -1)
        return BTree(self._blocks, self.leaf_capacity, self.root, held, dropped)

    def delete(self) -> None:
        """Delete the tree: nodes without other references are freed, from the root down."""
        self._delete(self.root)

    def _delete(self, node: MetadataNode) -> None:
        if node.owners > 1:
            self._blocks.drop(node)
            return
        for child in node.children or ():
            self._delete(child)
        if node.children is None and self._dropped is not None:
            self._dropped(node.keys)
        self._blocks.drop(node)

    def _full(self, node: MetadataNode) -> bool:
        return len(node.keys) >= (self.leaf_capacity if node.children is None else INTERNAL_CAPACITY)

    def _shadow_child(self, parent: MetadataNode, at: int) -> MetadataNode:
        assert parent.children is not None
        parent.children[at] = child = self._blocks.shadow(parent.children[at], self._held)
        return child

    # ---------------------------------------------------------------- insertion

    def insert(self, key: int) -> None:
        """Put a key in, or change the value of a key that is there: in both cases the path to it is shadowed."""
        node, low, high, transaction = self._last
        if transaction != self._blocks.number or not low <= key < high or self._full(node):
            node = self._descend(key)
        at = bisect_left(node.keys, key)
        if at == len(node.keys) or node.keys[at] != key:
            node.keys.insert(at, key)

    def _descend(self, key: int) -> MetadataNode:
        """The leaf for a key, where it can be put in; the next key often belongs there too."""
        low, high = inf, inf
        node = self.root = self._blocks.shadow(self.root, self._held)
        if self._full(node) and not (node.children is None and _contains(node, key)):
            node = self._split_root(key)
            low, high = self._bounds(self.root, key, high)
        while node.children is not None:
            at = max(bisect_right(node.keys, key) - 1, 0)
            node.keys[0] = min(node.keys[0], key)
            child = self._shadow_child(node, at)
            if self._full(child) and not (child.children is None and _contains(child, key)):
                child = self._make_room(node, at, key)
            low, high = self._bounds(node, key, high)
            node = child
        self._last = (node, low, high, self._blocks.number)
        return node

    def _bounds(self, node: MetadataNode, key: int, high: float) -> tuple[float, float]:
        at = bisect_right(node.keys, key)
        return node.keys[max(at - 1, 0)], node.keys[at] if at < len(node.keys) else high

    def rewrite(self, keys: Integers) -> None:
        """Change the values of these keys, which are all there, in order, as `insert` does: only paths are shadowed."""
        if any(self._full(node) for node in self._internal(self.root)):
            for key in keys.tolist():  # a full node on the path is split all the same
                self.insert(key)
            return
        copied: Keys = []
        self.root = self._blocks.shadow(self.root, copied.extend)
        self._rewrite(self.root, keys, copied)
        if copied and self._held is not None:
            self._held(copied)

    def _rewrite(self, node: MetadataNode, keys: Integers, copied: Keys) -> None:
        if node.children is None:
            return
        bounds = np.searchsorted(keys, np.array(node.keys[1:], np.int64)).tolist()
        for at, (low, high) in enumerate(zip([0, *bounds], [*bounds, keys.size], strict=True)):
            if low < high:
                node.children[at] = child = self._blocks.shadow(node.children[at], copied.extend)
                self._rewrite(child, keys[low:high], copied)

    def _internal(self, node: MetadataNode) -> Iterator[MetadataNode]:
        if node.children is not None:
            yield node
            if node.children[0].children is not None:
                for child in node.children:
                    yield from self._internal(child)

    def _split_root(self, key: int) -> MetadataNode:
        """The root stays where it is and becomes the parent of its two halves."""
        root = self.root
        halves = [self._new([], root.children and []) for _ in range(2)]
        _spread([root], halves)
        root.children, root.keys = halves, [half.keys[0] for half in halves]
        return halves[key >= halves[1].keys[0]]

    def _make_room(self, parent: MetadataNode, at: int, key: int) -> MetadataNode:
        """Room in a full child: with a neighbour, or by splitting; returns the node where the key belongs."""
        assert parent.children is not None
        last = len(parent.children) - 1
        neighbours = [n for n in (at - 1, at + 1) if 0 <= n <= last]
        for n in neighbours:
            other = parent.children[n]
            room = (self.leaf_capacity if other.children is None else INTERNAL_CAPACITY) - len(other.keys)
            if other.owners == 1 and room >= WORTH_MOVING:
                return self._spread_children(parent, min(at, n), 2, 2, key)
        if last < 2 or at in (0, last) or any(parent.children[n].owners > 1 for n in neighbours):
            return self._spread_children(parent, at, 1, 2, key)
        return self._spread_children(parent, at - 1, 2, 3, key)

    def _spread_children(self, parent: MetadataNode, first: int, before: int, after: int, key: int) -> MetadataNode:
        """Spread the entries of `before` children evenly over `after`; a new one comes behind the first."""
        assert parent.children is not None
        old = [self._shadow_child(parent, first + n) for n in range(before)]
        new = old[:1] + [self._new([], old[0].children and []) for _ in range(after - before)] + old[1:]
        _spread(old, new)
        parent.children[first : first + before] = new
        parent.keys[first : first + before] = [parent.keys[first]] + [node.keys[0] for node in new[1:]]
        return new[max(bisect_right([node.keys[0] for node in new], key) - 1, 0)]

    # ---------------------------------------------------------------- removal

    def remove(self, key: int) -> None:
        """Take a key out; on the way down each child on the path is levelled or merged with its neighbours."""
        self._last = (self.root, inf, inf, -1)
        node = self.root = self._blocks.shadow(self.root, self._held)
        while node.children is not None:
            self._level(node, key)
            if node.children is not None:
                node = self._shadow_child(node, max(bisect_right(node.keys, key) - 1, 0))
        at = bisect_left(node.keys, key)
        if at < len(node.keys) and node.keys[at] == key:
            del node.keys[at]

    def _level(self, node: MetadataNode, key: int) -> None:
        assert node.children is not None
        if len(node.children) == 1:  # an only child's entries move up
            child = self._shadow_child(node, 0) if node.children[0].owners > 1 else node.children[0]
            node.keys, node.children = child.keys, child.children
            self._blocks.drop(child)
            return
        at, last = max(bisect_right(node.keys, key) - 1, 0), len(node.children) - 1
        first, count = (at - 1, 3) if 0 < at < last else (min(at, last - 1), 2)
        children = [self._shadow_child(node, first + n) for n in range(count)]
        third = (self.leaf_capacity if children[0].children is None else INTERNAL_CAPACITY) // 3
        total = sum(len(child.keys) for child in children)
        keep = children if total >= 2 * third * (count - 1) + 1 else [children[0], *children[2:]]
        if len(keep) == 2 and total < 2 * third + 1:
            keep = keep[:1]
        _spread(children, keep, larger_first=len(keep) == 3)
        for child in children:
            if child not in keep:
                self._blocks.drop(child)
        node.children[first : first + count] = keep
        node.keys[first : first + count] = [node.keys[first]] + [child.keys[0] for child in keep[1:]]


def counted_blocks(device: BlockDevice) -> MetadataBlocks:
    """The blocks of a fresh metadata device, with a tree for reference counts from 3 on."""
    blocks = MetadataBlocks(device)
    blocks.counts = BTree(blocks, capacity(4))
    return blocks


def _contains(node: MetadataNode, key: int) -> bool:
    at = bisect_left(node.keys, key)
    return at < len(node.keys) and node.keys[at] == key


def _spread(old: list[MetadataNode], new: list[MetadataNode], larger_first: bool = False) -> None:
    """Put all entries of the old nodes into the new ones, evenly; what is left over goes to the last (or first)."""
    keys = [key for node in old for key in node.keys]
    children = None if old[0].children is None else [child for node in old for child in node.children or ()]
    at = 0
    for n, node in enumerate(new):
        left = len(new) - n
        share = -(-(len(keys) - at) // left) if larger_first else (len(keys) - at) // left
        node.keys, node.children = keys[at : at + share], None if children is None else children[at : at + share]
        at += share
