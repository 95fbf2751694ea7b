"""B-trees on a metadata device as device-mapper keeps them: never overwritten, shared between snapshots.

Level 1. The persistent-data library of the kernel stands under dm-thin. Its blocks (4 KiB) hold nodes of B-trees.
A node of the last transaction is never written in place: it is *shadowed*, that is, moved to a new block, and so is
the path from the root to it; a commit then writes the new blocks and, last, the superblock. A block that is left is
used again only after that commit. A copy of a tree is one more owner of its root: nodes that have several owners are
copied when one of them changes them, and then the children get one owner more.

>>> transactions = Transactions(BlockDevice(64))
>>> tree = BTree(transactions, leaf_capacity=252)
>>> for key in range(1000):
...     tree.insert(key)
>>> transactions.commit()
>>> transactions.used                              # superblock, bitmap, its index, counts; a root and 5 leaves
10
>>> twin = tree.copy()                             # no node: one owner more for the root
>>> transactions.used - 10                         # but the bitmap that counts owners is shadowed
1
>>> twin.insert(500)                               # another value for a key: root and leaf are copied
>>> transactions.used - 10
3

Insertion makes room as the kernel (dm-btree.c) does: entries move to a neighbour that is not shared and has 8 places
free, else one node is split into two, or, between two full neighbours, two into three.

What it leaves out: values (a tree knows which keys it has), checksums, and the bytes of a node.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator

import numpy as np

from .device import BlockDevice, Integers
from .errors import InvalidInput, NoSpace

BLOCK_SIZE = 4096
COUNTS_PER_BITMAP = (BLOCK_SIZE - 16) * 4      # 2 bits a block; counts from 3 on are in a tree of their own
INTERNAL_CAPACITY = 252                        # entries of 16 bytes behind a header of 32, a multiple of 3
WORTH_MOVING = 8                               # free places that make a neighbour worth moving entries to
Keys = list[int]


def capacity(value_bytes: int) -> int:
    """Entries a leaf: 8 bytes of key and the value, behind a header of 32 bytes; a multiple of 3.

    Examples
    --------
    >>> [capacity(size) for size in (8, 4, 16, 24)]            # mappings, counts, bitmap index, device details
    [252, 336, 168, 126]
    """
    return (BLOCK_SIZE - 32) // (8 + value_bytes) // 3 * 3


class Node:
    """A node in its block: sorted keys, and children unless it is a leaf."""

    __slots__ = ("block", "children", "keys", "owners", "transaction")

    def __init__(self, block: int, transaction: int, keys: Keys, children: "list[Node] | None" = None) -> None:
        self.block, self.transaction, self.keys, self.children, self.owners = block, transaction, keys, children, 1


class Transactions:
    """The blocks of a metadata device, allocated in transactions.

    Parameters
    ----------
    device : BlockDevice
        Of 4 KiB blocks; block 0 is the superblock.

    Attributes
    ----------
    used : int
        Blocks in use, those that this transaction gave up included: they are free when it is committed.

    Raises
    ------
    NoSpace
        By any method that needs a block when there is none.
    """

    def __init__(self, device: BlockDevice) -> None:
        if device.block_size != BLOCK_SIZE:
            raise InvalidInput(f"metadata in blocks of {device.block_size} bytes: {BLOCK_SIZE} it has to be")
        self.device, self.total, self.number = device, device.size, 0
        self._busy, self._cursor, self._committed = bytearray(device.size), 1, 1
        self._busy[:1] = b"\1"
        self._allocated: list[int] = []
        self._freed: list[int] = []
        self._bitmaps: dict[int, tuple[int, int]] = {}      # which -> block, transaction
        self._counts = BTree(self, capacity(4))
        for which in range(-(-self.total // COUNTS_PER_BITMAP)):
            self._touch(which * COUNTS_PER_BITMAP)
        self._index, self._index_of = self.new(), self.number

    @property
    def used(self) -> int:
        """Blocks in use, as `dmsetup status` counts them but for the reserve."""
        return self._committed + len(self._allocated)

    def new(self) -> int:
        """A block that is free now and was free before this transaction: from the last one on, then from the start."""
        block = self._busy.find(0, self._cursor)
        block = self._busy.find(0, 0, self._cursor) if block < 0 else block
        if block < 0:
            raise NoSpace(f"{self.device.name}: all {self.total} metadata blocks are in use")
        self._busy[block], self._cursor = 1, block + 1
        self._allocated.append(block)
        self._touch(block)
        return block

    def free(self, block: int) -> None:
        """Give a block up; it can be had again after the commit."""
        self._freed.append(block)
        self._touch(block)

    def _touch(self, block: int) -> None:
        """A count changes: the bitmap block that holds it is shadowed, once a transaction."""
        which = block // COUNTS_PER_BITMAP
        old, transaction = self._bitmaps.get(which, (-1, -1))
        if transaction != self.number:
            self._bitmaps[which] = (old, self.number)
            self._bitmaps[which] = (self.new(), self.number)
            if old >= 0:
                self.free(old)

    def hold(self, node: Node) -> None:
        """One owner more."""
        node.owners += 1
        self._touch(node.block)
        if node.owners > 2:
            self._counts.insert(node.block)

    def drop(self, node: Node) -> bool:
        """One owner less; says whether it was the last one, and the block was given up."""
        node.owners -= 1
        self._touch(node.block)
        if node.owners == 2:
            self._counts.remove(node.block)
        elif node.owners > 2:
            self._counts.insert(node.block)
        elif not node.owners:
            self.free(node.block)
        return not node.owners

    def shadow(self, node: Node, held: Callable[[Keys], object] | None = None) -> Node:
        """The node where it may be changed: itself if it is new, else moved, or copied if it has other owners."""
        if node.owners == 1 and node.transaction == self.number:
            return node
        block = self.new()
        if node.owners == 1:
            self.free(node.block)
            node.block, node.transaction = block, self.number
            return node
        self.drop(node)
        copy = Node(block, self.number, list(node.keys), None if node.children is None else list(node.children))
        for child in copy.children or ():
            self.hold(child)
        if copy.children is None and held is not None:
            held(copy.keys)
        return copy

    def commit(self) -> None:
        """Write what is new, then the superblock."""
        if (self._allocated or self._freed) and self._index_of != self.number:
            self.free(self._index)
            self._index, self._index_of = self.new(), self.number
        self.device.write(np.array(self._allocated, np.int64), why="metadata", rule="new metadata blocks")
        self.device.write(0, why="metadata", rule="superblock")
        for block in self._freed:
            self._busy[block] = 0
        self._committed += len(self._allocated) - len(self._freed)
        self._allocated, self._freed = [], []
        self.number += 1

    def abort(self) -> None:
        """Forget what was allocated since the last commit. Trees that changed since then are of no use any more."""
        self._allocated, self._freed = [], []


class BTree:
    """A B-tree of keys whose copies share nodes.

    Parameters
    ----------
    transactions : Transactions
        Where its blocks come from.
    leaf_capacity : int
        Entries a leaf, see `capacity`.
    held, dropped : callable, optional
        Called with the keys of a leaf whose values get one owner more or less, as the leaf is copied or freed.
    """

    def __init__(self, transactions: Transactions, leaf_capacity: int, root: Node | None = None,
                 held: Callable[[Keys], object] | None = None, dropped: Callable[[Keys], object] | None = None) -> None:
        self._blocks, self.leaf_capacity, self._held, self._dropped = transactions, leaf_capacity, held, dropped
        self.root = self._new([]) if root is None else root

    def _new(self, keys: Keys, children: list[Node] | None = None) -> Node:
        return Node(self._blocks.new(), self._blocks.number, keys, children)

    def copy(self, held: Callable[[Keys], object] | None = None,
             dropped: Callable[[Keys], object] | None = None) -> "BTree":
        """A tree of the same keys; costs one owner more for the root."""
        self._blocks.hold(self.root)
        return BTree(self._blocks, self.leaf_capacity, self.root, held, dropped)

    def delete(self) -> None:
        """Give the tree up: nodes that nobody else owns are freed, from the root down."""
        self._delete(self.root)

    def _delete(self, node: Node) -> None:
        if node.owners > 1:
            self._blocks.drop(node)
            return
        for child in node.children or ():
            self._delete(child)
        if node.children is None and self._dropped is not None:
            self._dropped(node.keys)
        self._blocks.drop(node)

    def _full(self, node: Node) -> bool:
        return len(node.keys) >= (self.leaf_capacity if node.children is None else INTERNAL_CAPACITY)

    def _shadow_child(self, parent: Node, at: int) -> Node:
        assert parent.children is not None
        parent.children[at] = child = self._blocks.shadow(parent.children[at], self._held)
        return child

    # ---------------------------------------------------------------- insertion

    def insert(self, key: int) -> None:
        """Put a key in, or change the value of a key that is there: in both cases the path to it is shadowed."""
        node = self.root = self._blocks.shadow(self.root, self._held)
        if self._full(node) and not (node.children is None and _contains(node, key)):
            node = self._split_root(key)
        while node.children is not None:
            at = max(bisect_right(node.keys, key) - 1, 0)
            node.keys[0] = min(node.keys[0], key)
            child = self._shadow_child(node, at)
            if self._full(child) and not (child.children is None and _contains(child, key)):
                child = self._make_room(node, at, key)
            node = child
        if not _contains(node, key):
            insort(node.keys, key)

    def rewrite(self, keys: Integers) -> None:
        """As `insert` of each of these keys, which are all there, in order: nothing moves but the paths to them."""
        if any(self._full(node) for node in self._internal(self.root)):
            for key in keys.tolist():                          # a full node on the path is split all the same
                self.insert(key)
            return
        self.root = self._blocks.shadow(self.root, self._held)
        self._rewrite(self.root, keys)

    def _rewrite(self, node: Node, keys: Integers) -> None:
        if node.children is None or not keys.size:
            return
        bounds = np.searchsorted(keys, np.array(node.keys[1:], np.int64)).tolist()
        for at, (low, high) in enumerate(zip([0, *bounds], [*bounds, keys.size], strict=True)):
            if low < high:
                self._rewrite(self._shadow_child(node, at), keys[low:high])

    def _internal(self, node: Node) -> Iterator[Node]:
        if node.children is not None:
            yield node
            if node.children[0].children is not None:
                for child in node.children:
                    yield from self._internal(child)

    def _split_root(self, key: int) -> Node:
        """The root stays where it is and becomes the parent of its two halves."""
        root = self.root
        halves = [self._new([], root.children and []) for _ in range(2)]
        _spread([root], halves)
        root.children, root.keys = halves, [half.keys[0] for half in halves]
        return halves[key >= halves[1].keys[0]]

    def _make_room(self, parent: Node, at: int, key: int) -> Node:
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

    def _spread_children(self, parent: Node, first: int, before: int, after: int, key: int) -> Node:
        """Spread the entries of `before` children evenly over `after`; a new one comes behind the first."""
        assert parent.children is not None
        old = [self._shadow_child(parent, first + n) for n in range(before)]
        new = old[:1] + [self._new([], old[0].children and []) for _ in range(after - before)] + old[1:]
        _spread(old, new)
        parent.children[first:first + before] = new
        parent.keys[first:first + before] = [parent.keys[first]] + [node.keys[0] for node in new[1:]]
        return new[max(bisect_right([node.keys[0] for node in new], key) - 1, 0)]

    # ---------------------------------------------------------------- removal

    def remove(self, key: int) -> None:
        """Take a key out; on the way down each child on the path is levelled or merged with its neighbours."""
        node = self.root = self._blocks.shadow(self.root, self._held)
        while node.children is not None:
            self._level(node, key)
            if node.children is not None:
                node = self._shadow_child(node, max(bisect_right(node.keys, key) - 1, 0))
        at = bisect_left(node.keys, key)
        if at < len(node.keys) and node.keys[at] == key:
            del node.keys[at]

    def _level(self, node: Node, key: int) -> None:
        assert node.children is not None
        if len(node.children) == 1:                            # an only child's entries move up
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
        node.children[first:first + count] = keep
        node.keys[first:first + count] = [node.keys[first]] + [child.keys[0] for child in keep[1:]]

    def leaves(self, node: Node | None = None) -> Iterator[Node]:
        """All leaves, in the order of their keys."""
        node = node or self.root
        if node.children is None:
            yield node
        for child in node.children or ():
            yield from self.leaves(child)


def _contains(node: Node, key: int) -> bool:
    at = bisect_left(node.keys, key)
    return at < len(node.keys) and node.keys[at] == key


def _spread(old: list[Node], new: list[Node], larger_first: bool = False) -> None:
    """Put all entries of the old nodes into the new ones, evenly; what is left over goes to the last (or first)."""
    keys = [key for node in old for key in node.keys]
    children = None if old[0].children is None else [child for node in old for child in node.children or ()]
    at = 0
    for n, node in enumerate(new):
        left = len(new) - n
        share = -(-(len(keys) - at) // left) if larger_first else (len(keys) - at) // left
        node.keys, node.children = keys[at:at + share], None if children is None else children[at:at + share]
        at += share
