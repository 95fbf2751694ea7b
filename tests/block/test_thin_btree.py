"""B-trees of device-mapper's metadata: the kernel's rules of splitting, and their books, which must balance."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.block.device import BlockDevice
from snapsim.block.snapshots.thin.btree import BTree, capacity, counted_blocks


def nodes(tree):
    """All nodes of a tree, root first."""
    found = [tree.root]
    for node in found:
        found += node.children or []
    return found


def keys(tree):
    return [key for node in nodes(tree) if node.children is None for key in node.keys]


def fresh(blocks=1024, leaf=252):
    store = counted_blocks(BlockDevice(blocks))
    return store, BTree(store, leaf)


def test_a_root_that_splits_is_the_parent_of_its_halves():
    """252 keys fill a leaf. The next one makes two leaves of 126 below the old root, and joins the right one."""
    _, tree = fresh()
    for key in range(252):
        tree.insert(key)
    assert len(nodes(tree)) == 1
    tree.insert(252)
    assert [len(node.keys) for node in nodes(tree)] == [2, 126, 127]


def test_sequential_keys_fill_leaves_by_levelling():
    """Right leaf full at 378 keys: the left one has 126 free, so both get 189; at 441, 220 and 221; and so on.

    Only when the left one has fewer than 8 free is the right one split; so 4096 keys take 17 leaves and a root.
    """
    _, tree = fresh()
    for key in range(379):
        tree.insert(key)
    assert [len(node.keys) for node in nodes(tree)] == [2, 189, 190]
    for key in range(379, 4096):
        tree.insert(key)
    assert len(nodes(tree)) == 18


def test_two_full_neighbours_become_three():
    """Leaves of 3 ... 252 entries: three leaves, all full; a key for the middle one spreads two of them over three."""
    _, tree = fresh()
    for key in range(0, 3 * 504, 2):
        tree.insert(key)
    while len(tree.root.children) < 3 or any(len(child.keys) < 245 for child in tree.root.children[:3]):
        tree.insert(max(keys(tree)) + 2)
    middle = tree.root.children[1]
    odd = [key + 1 for key in middle.keys]
    before = len(tree.root.children)
    for key in odd:
        tree.insert(key)
        if len(tree.root.children) > before:
            break
    sizes = [len(child.keys) for child in tree.root.children]
    assert len(sizes) == before + 1
    assert max(sizes[:3]) - min(sizes[:3]) <= 2


def test_a_neighbour_that_is_shared_is_not_touched():
    """After a copy of the tree both leaves are shared: the full right one is split, the left one stays as it is."""
    store, tree = fresh()
    for key in range(378):
        tree.insert(key)
    left = tree.root.children[0]
    store.commit()
    tree.copy()
    tree.insert(378)
    assert (tree.root.children[0], left.owners) == (left, 2)
    assert [len(child.keys) for child in tree.root.children] == [126, 126, 127]


def test_a_block_is_used_again_only_after_the_commit():
    """A path of one node is shadowed in each transaction: root and bitmap, and the index at the commit. 3 at a time."""
    store, tree = fresh(blocks=8)
    for _ in range(20):
        tree.insert(1)
        store.commit()
    assert store.used == 5  # superblock, bitmap, index, counts, root
    with pytest.raises(NoSpace):
        [tree.copy().insert(n) for n in range(8)]


def test_who_holds_a_leaf_is_told():
    """Three owners of one leaf: each copy that is written takes the leaf's keys once, the last tree drops them."""
    store, _ = fresh()
    told = []
    first = BTree(
        store,
        252,
        None,
        lambda leaf: told.append(("held", list(leaf))),
        lambda leaf: told.append(("dropped", list(leaf))),
    )
    first.insert(7)
    second = first.copy(first._held, first._dropped)
    second.insert(8)
    first.insert(9)
    assert told == [("held", [7])]
    first.delete()
    assert told[1:] == [("dropped", [7, 9])]
    second.delete()
    assert told[2:] == [("dropped", [7, 8])]


def test_capacities_and_devices():
    """(4096 - 32) / (8 + value), down to a multiple of 3. Other block sizes there are not."""
    assert [capacity(n) for n in (8, 4, 16, 24)] == [252, 336, 168, 126]
    with pytest.raises(InvalidInput):
        counted_blocks(BlockDevice(64, 512))


STEP = st.tuples(
    st.sampled_from(["insert", "run", "rewrite", "remove", "copy", "delete", "commit"]),
    st.integers(0, 9),
    st.integers(0, 400),
)


def check(trees, store):
    """The keys are those of the oracle, and owners and used blocks those that the trees make."""
    for tree, wanted in trees:
        assert keys(tree) == sorted(wanted)
    owners = {}
    for tree, _ in trees:
        owners[id(tree.root)] = owners.get(id(tree.root), 0) + 1
    seen, waiting = {}, [tree.root for tree, _ in trees]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            for child in node.children or []:
                owners[id(child)] = owners.get(id(child), 0) + 1
                waiting.append(child)
    assert {number: node.owners for number, node in seen.items()} == owners
    assert len({node.block for node in seen.values()}) == len(seen)
    return len(seen)


@given(st.lists(STEP, max_size=60), st.sampled_from([6, 12, 252]))
@settings(max_examples=60, deadline=None)
def test_trees_agree_with_sets(steps, leaf):
    """After every step: keys, order, owners; and after a commit nothing leaks: used = nodes + 3 + counts' tree."""
    store, tree = fresh(leaf=leaf)
    trees = [(tree, set())]
    for kind, which, key in steps:
        tree, wanted = trees[which % len(trees)]
        if kind in ("insert", "run"):
            for each in range(key, key + (1 if kind == "insert" else 40)):
                tree.insert(each)
                wanted.add(each)
        elif kind == "rewrite" and wanted:
            tree.rewrite(np.array(sorted(random.Random(key).sample(sorted(wanted), len(wanted) // 2 + 1))))
        elif kind == "remove":
            for each in [each for each in sorted(wanted) if each >= key][:20]:
                tree.remove(each)
                wanted.discard(each)
        elif kind == "copy":
            trees.append((tree.copy(), set(wanted)))
        elif kind == "delete" and len(trees) > 1:
            tree.delete()
            trees = [each for each in trees if each[0] is not tree]
        found = check(trees, store)
        if kind == "commit":
            store.commit()
            assert store.used == found + 3 + len(nodes(store.counts))
