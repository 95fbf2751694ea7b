"""A copy-on-write B-tree of file extents, whose nodes are shared between trees until one of them changes.

A tree maps block numbers to parts of extents (`snapsim.block.snapshots.cow_btree.extents`) by items, kept in *leaves*
under a tree of keys. A snapshot is a second root over the same nodes. Before a node changes it is *shadowed*: the
change goes to a copy and so does the pointer to it in the parent, up to the root. A node that was shadowed in the
running transaction is simply changed again.

Two reference counts decide what is free: a node counts the parents that point to it, an extent the items in leaves that
point to it. When a shared node is shadowed, what it points to gains a reference, one level down and no further.

>>> forest = Forest()
>>> run = forest.extents.add(np.array([0]), np.array([100]), birth=1, owner=0)     # 100 blocks from device block 0 on
>>> tree = forest.edit(forest.leaf(), np.array([500]), np.array([600]), items([500], [100], run))
>>> forest.find(tree, np.array([499, 500, 599])).tolist()
[-1, 0, 99]
>>> one = forest.extents.add(np.array([100]), np.array([1]), birth=1, owner=0)     # overwrite block 550
>>> tree = forest.edit(tree, np.array([550]), np.array([551]), items([550], [1], one))
>>> tree.items.T.tolist()                                                          # head, new, tail
[[500, 50, 0, 0], [550, 1, 1, 0], [551, 49, 0, 51]]
>>> forest.extents.references([0, 1]).tolist()
[2, 1]

Sources: Rodeh, "B-trees, shadowing, and clones" (ACM TOS 2008); kdave/btrfs-progs Documentation/dev-btrfs-design.rst.
On-disk sizes: node 16 KiB, header 101 bytes, item header 25 and file extent 53 bytes, key pointer 33 bytes.

What it leaves out: merging of nodes that become sparse (an empty one goes), reading nodes from the device.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers
from snapsim.block.requests import spans
from snapsim.block.snapshots.cow_btree.extents import EXTENT, FIRST, LENGTH, OFFSET, START, Extents, items

NODE_BYTES = 16384
LEAF_ITEMS = (NODE_BYTES - 101) // (25 + 53)
NODE_POINTERS = (NODE_BYTES - 101) // 33
_BEYOND = np.iinfo(np.int64).max


class TreeNode:
    """A node of a tree: a leaf (level 0) has `items`, others have `children` and their `keys` (lowest starts)."""

    __slots__ = ("children", "items", "keys", "references")

    def __init__(self, items: Integers, children: "list[TreeNode]") -> None:
        self.references, self.items, self.children = 1, items, children
        self.index()

    def index(self) -> None:
        """Set the keys to the lowest starts of the children."""
        self.keys: Integers = (
            np.array([child.keys[0] for child in self.children], np.int64) if self.children else self.items[START]
        )


class Forest:
    """Trees that share nodes and extents.

    Attributes
    ----------
    generation : int
        The running transaction.
    dirty : set of TreeNode
        Nodes made in the running transaction: what a commit writes.
    """

    def __init__(self) -> None:
        self.extents, self.generation, self.dirty = Extents(), 1, set[TreeNode]()

    def leaf(self, found: Integers | None = None) -> TreeNode:
        """A new leaf with these items, made in the running transaction."""
        return self._new(np.zeros((4, 0), np.int64) if found is None else found, [])

    def _new(self, found: Integers, children: list[TreeNode]) -> TreeNode:
        node = TreeNode(found, children)
        self.dirty.add(node)
        return node

    def copy(self, node: TreeNode) -> TreeNode:
        """A copy of a node; everything that it points to gains a reference."""
        self.extents.take(node.items[EXTENT])
        for child in node.children:
            child.references += 1
        return self._new(node.items, list(node.children))

    def shadow(self, node: TreeNode) -> TreeNode:
        """The node that may be changed: this one if it is dirty and not shared, else one that takes its place."""
        if node.references > 1:
            node.references -= 1
            return self.copy(node)
        return node if node in self.dirty else self._new(node.items, node.children)

    def drop(self, node: TreeNode) -> None:
        """Drop a reference to the node; with the last one it is freed and drops its own references downwards."""
        node.references -= 1
        if not node.references:
            self.dirty.discard(node)
            self.extents.drop(node.items[EXTENT])
            for child in node.children:
                self.drop(child)

    # ---------------------------------------------------------------- changing

    def edit(self, root: TreeNode, low: Integers, high: Integers, new: Integers | None = None) -> TreeNode:
        """Cut runs of blocks out of a tree and put items there.

        Parameters
        ----------
        root : TreeNode
            The tree; the caller's reference to it passes on to the new root.
        low, high : ndarray of int64
            Runs low <= block < high, in order, none overlapping another.
        new : ndarray, shape (4, n), optional
            Items in order of start, each within a run.

        Returns
        -------
        TreeNode
            The new root.
        """
        nodes = self._edit(root, low, high, items([], [], []) if new is None else new)
        while len(nodes) > 1:
            nodes = self._split(self._new(np.zeros((4, 0), np.int64), nodes))
        root = nodes[0] if nodes else self.leaf()
        while len(root.children) == 1:
            above, root = root, root.children[0]
            root.references += 1
            self.drop(above)
        return root

    def _edit(self, node: TreeNode, low: Integers, high: Integers, new: Integers) -> list[TreeNode]:
        node = self.shadow(node)
        if node.children:
            self._edit_children(node, low, high, new)
        else:
            self._edit_items(node, low, high, new)
        return self._split(node)

    def _edit_items(self, leaf: TreeNode, low: Integers, high: Integers, new: Integers) -> None:
        merged = np.concatenate([_outside(leaf.items, low, high), new], axis=1)
        merged = merged[:, np.argsort(merged[START], kind="stable")]
        self.extents.take(merged[EXTENT])
        self.extents.drop(leaf.items[EXTENT])
        leaf.items = merged

    def _edit_children(self, node: TreeNode, low: Integers, high: Integers, new: Integers) -> None:
        """Pass each run on to the children whose key ranges it overlaps, clipped to these ranges."""
        ends = np.append(node.keys[1:], _BEYOND)
        first, last = np.searchsorted(ends, low, "right"), np.searchsorted(ends, high - 1, "right")
        met = np.zeros(ends.size + 1, np.int64)
        np.add.at(met, first, 1)
        np.subtract.at(met, last + 1, 1)
        met = np.cumsum(met)
        if not node.children[0].children:
            node.children = self._edit_leaves(node.children, np.flatnonzero(met[:-1]), ends, (low, high, new))
            return
        children: list[TreeNode] = []
        for number, child in enumerate(node.children):
            if not met[number]:
                children.append(child)
                continue
            left, right = (node.keys[number] if number else 0), ends[number]
            runs = slice(np.searchsorted(last, number), np.searchsorted(first, number, "right"))
            put = slice(*np.searchsorted(new[START], [left, right]))
            children += self._edit(child, np.maximum(low[runs], left), np.minimum(high[runs], right), new[:, put])
        node.children = children

    def _edit_leaves(
        self,
        leaves: list[TreeNode],
        met: Integers,
        ends: Integers,
        change: tuple[Integers, Integers, Integers],
    ) -> list[TreeNode]:
        """Change the leaves of one parent: those whose numbers are `met` as one table of items, cut up again after it.

        Each leaf keeps the items that start before its end (`ends`), so that it splits as if it were edited alone.
        """
        low, high, new = change
        numbers = met.tolist()
        old = [leaves[number] for number in numbers]
        table = np.concatenate([leaf.items for leaf in old], axis=1)
        cut, pieces = _cut(table, low, high)
        added = np.concatenate([pieces, new], axis=1)
        added = added[:, np.argsort(added[START], kind="stable")]
        kept = np.delete(table, cut, axis=1)
        into = np.searchsorted(kept[START], added[START])
        merged = np.insert(kept, into, added, axis=1)
        last = np.searchsorted(merged[START], ends[met])
        self._count(table, cut, added, old)
        changed: list[TreeNode] = list(leaves)
        for number, leaf, first, stop in zip(numbers, old, [0, *last.tolist()], last.tolist(), strict=False):
            if leaf.references > 1 or leaf not in self.dirty:
                leaf.references -= leaf.references > 1  # another tree keeps it
                leaf = changed[number] = self.leaf()
            leaf.items = merged[:, first:stop].copy()
        parts = {number: self._split(changed[number]) for number in numbers}
        return [part for number, leaf in enumerate(changed) for part in parts.get(number, (leaf,))]

    def _count(self, table: Integers, cut: Integers, added: Integers, old: list[TreeNode]) -> None:
        """Update reference counts of extents before leaves change; a leaf that another tree shares keeps its own."""
        shared = np.repeat([leaf.references > 1 for leaf in old], [leaf.items.shape[1] for leaf in old])
        self.extents.take(added[EXTENT])
        self.extents.take(table[EXTENT, shared])
        self.extents.drop(table[EXTENT, cut])

    def _split(self, node: TreeNode) -> list[TreeNode]:
        """Split a node into as many nodes as its content needs: none when it is empty."""
        count, room = (len(node.children), NODE_POINTERS) if node.children else (node.items.shape[1], LEAF_ITEMS)
        if not count:
            self.dirty.discard(node)
            return []
        if count <= room:
            node.index()
            return [node]
        cuts = np.linspace(0, count, -(-count // room) + 1).astype(int).tolist()
        parts = [node] + [self._new(node.items[:, a:b], node.children[a:b]) for a, b in pairwise(cuts[1:])]
        node.items, node.children = node.items[:, : cuts[1]], node.children[: cuts[1]]
        node.index()
        return parts

    # ---------------------------------------------------------------- looking

    def leaves(self, node: TreeNode, alone: bool = True) -> Iterator[tuple[TreeNode, bool]]:
        """All leaves of the tree, each with whether it belongs to this tree alone."""
        alone = alone and node.references == 1
        if not node.children:
            yield node, alone
        for child in node.children:
            yield from self.leaves(child, alone)

    def nodes(self, node: TreeNode, alone: bool = True) -> Iterator[bool]:
        """For each node of the tree, whether it belongs to this tree alone."""
        alone = alone and node.references == 1
        yield alone
        for child in node.children:
            yield from self.nodes(child, alone)

    def find(self, root: TreeNode, blocks: Integers) -> Integers:
        """Device blocks of the blocks, -1 for a hole; same shape."""
        extent, offset = self.items_of(root, blocks)
        return np.where(extent < 0, -1, self.extents.table[FIRST, extent] + offset)

    def items_of(self, root: TreeNode, blocks: Integers) -> tuple[Integers, Integers]:
        """Extent (-1: a hole) and offset in it of each block."""
        order = np.argsort(blocks, kind="stable")
        found = np.full((2, blocks.size), -1, np.int64)
        if blocks.size:
            found[:, order] = np.concatenate(list(_descend(root, blocks[order])), axis=1)
        return found[0], found[1]


def _descend(node: TreeNode, blocks: Integers) -> Iterator[Integers]:
    """(extent, offset) of blocks in order, leaf by leaf."""
    if not node.children:
        yield _in_leaf(node.items, blocks)
        return
    cuts = np.searchsorted(blocks, node.keys[1:])
    bounds = np.concatenate([[0], cuts, [blocks.size]])
    met = np.flatnonzero(np.diff(bounds)).tolist()
    if not node.children[0].children:
        yield _in_leaf(np.concatenate([node.children[number].items for number in met], axis=1), blocks)
        return
    for number in met:
        yield from _descend(node.children[number], blocks[bounds[number] : bounds[number + 1]])


def _in_leaf(found: Integers, blocks: Integers) -> Integers:
    if not found.size:
        return np.full((2, blocks.size), -1, np.int64)
    number = np.searchsorted(found[START], blocks, "right") - 1
    item = found[:, np.maximum(number, 0)]
    into = blocks - item[START]
    hole: npt.NDArray[np.bool_] = (number < 0) | (into >= item[LENGTH])
    return np.where(hole, -1, np.array([item[EXTENT], item[OFFSET] + into]))


def _cut(found: Integers, low: Integers, high: Integers) -> tuple[Integers, Integers]:
    """Which items overlap the runs low <= block < high, and what remains of them (heads and tails)."""
    end = found[START] + found[LENGTH]
    first, last = np.searchsorted(end, low, "right"), np.searchsorted(found[START], high)
    hit = np.maximum(last - first, 0)  # items that a run meets
    item = spans(first, hit)
    run = np.repeat(np.arange(low.size), hit)
    cut = item[np.append(True, np.diff(item) != 0)] if item.size else item
    # Of an item that several runs meet, each gap between two of them is left: it ends where the next run begins.
    same_before = np.append(False, np.diff(item) == 0)
    start = np.where(same_before, high[np.maximum(run - 1, 0)], found[START, item])
    heads = np.array([start, low[run] - start, found[EXTENT, item], found[OFFSET, item] + start - found[START, item]])
    final = np.append(np.diff(item) != 0, True)[: item.size]
    at, tail = item[final], high[run[final]]
    tails = np.array([tail, end[at] - tail, found[EXTENT, at], found[OFFSET, at] + tail - found[START, at]])
    left = np.concatenate([heads, tails], axis=1)
    return cut, left[:, left[LENGTH] > 0]


def _outside(found: Integers, low: Integers, high: Integers) -> Integers:
    """Items cut down to what lies outside the runs low <= block < high."""
    cut, left = _cut(found, low, high)
    return np.concatenate([np.delete(found, cut, axis=1), left], axis=1)
