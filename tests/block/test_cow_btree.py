"""CowBtree, as btrfs: exact arithmetic by hand, the scenarios of xfstests btrfs/301, and a dictionary as oracle."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snapsim.block.snapshots.cow_btree.tree
from snapsim.base.errors import InvalidInput, NoSpace, NotFound, ReadOnly, Unsupported
from snapsim.block.device import IOCounts, fresh_stamps, recording
from snapsim.block.snapshots import MECHANISMS, CowBtree
from snapsim.block.snapshots.cow_btree.extents import spans
from snapsim.block.snapshots.cow_btree.volume import Qgroup
from snapsim.testing import check_volume

B = 4096
NODE = 16384
FILL, EXTENT = 32 << 20, 128 << 20  # btrfs/301: 512 x 64 KiB, and one extent


def blocks(count):
    return count * B


# ---------------------------------------------------------------- the kit


@pytest.mark.parametrize("nodatacow", [False, True])
def test_the_kit(nodatacow):
    """Every named behaviour, every list of two operations, some random lists."""

    def make(size, block_size=B, chunk_size=None):
        return CowBtree(size, block_size, chunk_size, nodatacow=nodatacow)

    assert check_volume(make, examples=50, time_limit=20).failures == ()


def test_it_is_listed():
    assert MECHANISMS["cow-btree"] is CowBtree


# ---------------------------------------------------------------- extents


def test_every_write_moves():
    """10 blocks written three times: each time 10 blocks of data elsewhere, nothing copied (surprise: XFS moves
    once)."""
    disk = CowBtree.new(100)
    with recording(disk.store.device) as story:
        for _ in range(3):
            disk.write(slice(0, 10))
    assert [(io.first, io.length, io.purpose) for io in story] == [(0, 10, "data"), (10, 10, "data"), (20, 10, "data")]
    assert disk.allocated() == blocks(10)


def test_the_middle_of_an_extent_pins_it_in_full():
    """1 block inside an extent of 1000: head 0-499, new, tail 501-999; 1000 + 1 blocks for 1000 of content. Overwriting
    999 of them still pins all 1000, the last one frees the extent."""
    disk = CowBtree.new(1000)
    disk.write(slice(0, 1000))
    disk.write(500)
    leaves = [leaf.items[:2].T.tolist() for leaf, _ in disk.store.forest.leaves(disk.root)]
    assert leaves == [[[0, 500], [500, 1], [501, 499]]]
    assert disk.allocated() == blocks(1001)
    disk.write(slice(1, 1000))
    assert disk.allocated() == blocks(1000 + 999)  # the one-block extent is gone, block 0 holds the first one
    disk.write(0)
    assert disk.allocated() == blocks(999 + 1)


def test_an_extent_has_128_mib_at_most():
    """300 MiB in one request: extents of 128, 128 and 44 MiB, one after the other on the device: one request."""
    disk = CowBtree.new(300 << 8)
    with disk.counting() as io:
        disk.write(slice(0, 300 << 8))
    lengths = [leaf.items[1].tolist() for leaf, _ in disk.store.forest.leaves(disk.root)]
    assert io.counts == IOCounts(write_data=(1, 300 << 20))
    assert lengths == [[32768, 32768, 11264]]


def test_a_read_becomes_one_request_for_each_run():
    """Blocks 0-9, block 4 moved away: runs 0-3, 4, 5-9; a hole costs nothing."""
    disk = CowBtree.new(100)
    disk.write(slice(0, 10))
    disk.write(4)
    with recording(disk.store.device) as story:
        content = disk.read(slice(0, 20))
    assert [(io.first, io.length) for io in story] == [(0, 4), (10, 1), (5, 5)]
    assert (content[10:] == 0).all()
    assert np.unique(content[:10]).size == 10


def test_an_array_makes_one_extent_a_request_and_the_last_stamp_stays():
    """Blocks 7, 7, 9: three requests, two extents live; the first of the two for block 7 is dead at once."""
    disk = CowBtree.new(100)
    with disk.counting() as io:
        disk.write(np.array([7, 7, 9]), np.array([1, 2, 3]))
    assert io.counts == IOCounts(write_data=3)
    assert disk.allocated() == blocks(2)
    assert disk.read(np.array([9, 7])).tolist() == [3, 2]


def test_reflinks_cost_nothing_until_the_last_one_goes():
    """btrfs/301 reflink_accounting, delete_reflink: 16 reflinks of one extent cost 0; it goes with its last pointer."""
    disk = CowBtree.new(20000)
    disk.write(slice(0, 1000))
    for copy in range(1, 17):
        disk.reflink(slice(0, 1000), copy * 1000)
    assert disk.allocated() == blocks(1000)
    assert disk.simple_quota() == blocks(1000)
    disk.discard(slice(0, 16000))
    assert disk.allocated() == blocks(1000)
    disk.discard(slice(16000, 17000))
    assert disk.allocated() == 0


def test_a_reflink_over_its_own_source():
    """Blocks 0-5 shown again from 2 on: 0 1 0 1 2 3 4 5, from one extent of 6."""
    disk = CowBtree.new(10)
    disk.write(slice(0, 6), np.arange(10, 16))
    disk.reflink(slice(0, 6), 2)
    assert disk.read(slice(0, 8)).tolist() == [10, 11, 10, 11, 12, 13, 14, 15]
    assert disk.allocated() == blocks(6)


# ---------------------------------------------------------------- btrfs/301 (fill = 32 MiB, ext = 128 MiB)


def filled():
    """A subvolume with a fill file (block 0 on, 512 extents) and f (one extent behind it), and its snapshot."""
    volume = CowBtree.new(1 << 20, device_size=1 << 18)
    for first in range(0, FILL // B, 16):
        volume.write(slice(first, first + 16))
    volume.write(slice(FILL // B, (FILL + EXTENT) // B))
    return volume, volume.clone()


F = slice(FILL // B, (FILL + EXTENT) // B)


def test_301_basic_accounting():
    """fill + ext, then rm f: fill. A write over the limit of the device fails and changes nothing."""
    volume, snapshot = filled()
    snapshot.delete()
    assert volume.simple_quota() == FILL + EXTENT == volume.allocated()
    volume.discard(F)
    assert volume.simple_quota() == FILL == volume.usage().exclusive
    with pytest.raises(NoSpace) as refused:
        volume.write(slice(0, 1 << 19))
    assert refused.value.done == 0
    assert volume.allocated() == FILL


def test_301_snapshot_accounting():
    """After the snapshot fill+ext / 0; ext written in it: fill+ext / ext; rm snap/f: / 0; rm subv/f: fill / 0."""
    volume, snapshot = filled()
    assert (volume.simple_quota(), snapshot.simple_quota()) == (FILL + EXTENT, 0)
    assert volume.usage() == snapshot.usage() == (FILL + EXTENT, 0, FILL + EXTENT)
    snapshot.write(F)
    assert (volume.simple_quota(), snapshot.simple_quota()) == (FILL + EXTENT, EXTENT)
    assert volume.usage().exclusive == EXTENT == snapshot.usage().exclusive
    snapshot.discard(F)
    assert (volume.simple_quota(), snapshot.simple_quota()) == (FILL + EXTENT, 0)
    volume.discard(F)
    assert (volume.simple_quota(), snapshot.simple_quota(), volume.allocated()) == (FILL, 0, FILL)


def test_301_delete_snapshot_src_ref():
    """rm subv/f first: the owner still pays while the snapshot holds it; with the snapshot's f it goes."""
    volume, snapshot = filled()
    volume.discard(F)
    assert (volume.simple_quota(), volume.qgroup(nodes=False).referenced) == (FILL + EXTENT, FILL)
    assert snapshot.qgroup(nodes=False) == Qgroup(FILL + EXTENT, EXTENT)
    snapshot.discard(F)
    assert (volume.simple_quota(), volume.allocated()) == (FILL, FILL)


def test_301_delete_snapshot_src():
    """The subvolume goes: its usage stays with the deleted one (fill+ext / 0); rm snap/f: fill / 0; snapshot: 0 / 0."""
    volume, snapshot = filled()
    volume.delete()
    assert (volume.simple_quota(), snapshot.simple_quota()) == (FILL + EXTENT, 0)
    snapshot.discard(F)
    assert (volume.simple_quota(), snapshot.simple_quota()) == (FILL, 0)
    snapshot.delete()
    assert (volume.simple_quota(), volume.store.used) == (0, 0)


def test_301_delete_snapshot():
    """The snapshot goes: nothing changes; then the subvolume: 0 / 0."""
    volume, snapshot = filled()
    snapshot.delete()
    assert volume.allocated() == volume.simple_quota() == volume.usage().exclusive == FILL + EXTENT
    volume.delete()
    assert volume.store.used == 0
    assert list(volume.store.forest.extents.references(range(64))) == [0] * 64


def test_301_nested_accounting():
    """A subvolume of the same file system has books of its own; the group is the sum."""
    volume, _ = filled()
    nested = volume.subvolume(1000)
    nested.write(slice(0, 100))
    assert nested.qgroup(nodes=False) == Qgroup(blocks(100), blocks(100))
    assert nested.read(500) == 0
    assert volume.allocated() == FILL + EXTENT + blocks(100)


# ---------------------------------------------------------------- the tree and its bill


def test_a_small_commit():
    """One leaf is dirty: 1 + root, extent, free-space and checksum tree = 5 nodes of 16 KiB, twice, and a superblock of
    4 KiB: 167936 bytes. Without DUP 86016. Nothing dirty, nothing written."""
    for dup, written in ((True, 2 * 5 * NODE + B), (False, 5 * NODE + B)):
        disk = CowBtree.new(100, dup=dup)
        disk.write(0)
        with disk.counting() as io:
            disk.flush()
            disk.flush()
        assert io.counts.bytes() == io.counts.bytes("write", "metadata") == written


def test_a_path_is_shadowed_once_a_transaction():
    """1000 extents: 5 leaves or more under one root. One block: root and a leaf; a second one in that leaf: no more."""
    disk = CowBtree.new(2000)
    disk.write(np.arange(0, 2000, 2))
    disk.flush()
    leaves = [leaf for leaf, _ in disk.store.forest.leaves(disk.root)]
    assert len(leaves) == -(-1000 // 208)
    disk.write(100)
    assert len(disk.store.forest.dirty) == 2
    disk.write(102)
    assert len(disk.store.forest.dirty) == 2
    disk.write(1900)
    assert len(disk.store.forest.dirty) == 3


def test_a_snapshot_costs_a_root_and_the_first_write_takes_references():
    """Snapshot: both roots point to the same 5 leaves (2 references each, extents 1). A write in one leaf of 200
    items: that leaf is copied (199 extents with 2 items), the other 4 stay shared."""
    disk = CowBtree.new(2000)
    disk.write(np.arange(0, 2000, 2))
    snapshot = disk.snapshot()
    assert [leaf.references for leaf in disk.root.children] == [2] * 5
    assert disk.root is not snapshot.root
    disk.write(0)
    assert [leaf.references for leaf in disk.root.children] == [1, 2, 2, 2, 2]
    assert sorted(disk.store.forest.extents.references(range(1001)).tolist()) == [1] * 802 + [2] * 199
    assert snapshot.qgroup() == Qgroup(1000 * B + 6 * NODE, B + 2 * NODE)


def test_checksums_of_much_data_fill_more_leaves():
    """64 MiB: 16384 blocks x 4 bytes of checksum in leaves of 16384 - 126 bytes = 5; 1 + 2 + 1 + 5 nodes twice."""
    disk = CowBtree.new(1 << 14)
    disk.write(slice(0, 1 << 14))
    with disk.counting() as io:
        disk.flush()
    assert io.counts.bytes() == 2 * 9 * NODE + 2 * B  # the device is larger than 64 MiB: a second superblock


# ---------------------------------------------------------------- nodatacow


def test_nodatacow_moves_once_after_a_snapshot():
    """Before: in place. After a snapshot the block moves once (also when the snapshot is gone: decided by time, as
    can_nocow_extent does), then in place again."""
    disk = CowBtree.new(100, nodatacow=True)
    disk.write(slice(0, 10))
    with recording(disk.store.device) as before:
        disk.write(5)
    disk.snapshot().delete()
    with recording(disk.store.device) as story:
        disk.write(np.array([5, 5]))
        disk.write(slice(4, 7))
    assert [io.first for io in before] == [5]
    assert [(io.first, io.length) for io in story] == [(10, 1), (10, 1), (11, 1), (10, 1), (12, 1)]


# ---------------------------------------------------------------- no room


def test_a_full_device_moves_what_it_can():
    """10 blocks of room, 8 written. An array over all 8: two fit; the commit frees the two that they replaced, two
    more fit, and so on. A run is one request: it needs 8 at once and fails whole."""
    disk = CowBtree.new(8, device_size=10)
    disk.write(np.arange(8))
    with pytest.raises(NoSpace) as refused:
        disk.write(slice(0, 8))
    assert refused.value.done == 0
    disk.write(np.arange(8), 5)
    assert (disk.read(slice(0, 8)) == 5).all()
    assert disk.allocated() == blocks(8)


def test_done_counts_the_requests_that_stand():
    """8 of 10 blocks in one extent, pinned while any of it is left: two requests succeed, the third finds no room."""
    disk = CowBtree.new(8, device_size=10)
    disk.write(slice(0, 8))
    with pytest.raises(NoSpace) as refused:
        disk.write(np.array([3, 1, 2]), np.array([7, 8, 9]))
    assert refused.value.done == 2
    assert disk.read(np.array([3, 1])).tolist() == [7, 8]
    assert disk.read(2) not in (0, 9)


# ---------------------------------------------------------------- bad input, huge volumes


def test_what_it_refuses():
    disk = CowBtree.new(10)
    snapshot = disk.snapshot()
    with pytest.raises(InvalidInput, match="a chunk is a block"):
        CowBtree.new(10, chunk_size=8192)
    with pytest.raises(ReadOnly):
        snapshot.write(0)
    with pytest.raises(Unsupported, match="clones the snapshot"):
        disk.rollback(snapshot)
    snapshot.delete()
    with pytest.raises(NotFound):
        snapshot.qgroup()


def test_a_huge_volume_on_a_small_device():
    """2**40 blocks of addresses over 1000 of room; discarding all of them costs what is there."""
    disk = CowBtree.new(1 << 40, device_size=1000)
    disk.write(slice((1 << 39), (1 << 39) + 500))
    disk.write(np.array([3, (1 << 40) - 1]))
    assert disk.clone().read((1 << 40) - 1) == disk.read((1 << 40) - 1)
    disk.discard(slice(0, 1 << 40))
    assert disk.usage() == (0, 0, 0)
    assert disk.allocated() == blocks(502)


# ---------------------------------------------------------------- a dictionary as oracle

SIZE = 40
runs = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)
operations = st.lists(
    st.tuples(
        st.sampled_from(["write", "scatter", "snapshot", "clone", "delete", "discard", "reflink", "flush"]),
        st.integers(0, 5),
        runs,
        st.lists(st.integers(0, SIZE - 1), max_size=12),
    ),
    max_size=30,
)


def stands(volume, where, stamps):
    """Write; how many stamps stand: all, or those of the requests that succeeded."""
    try:
        volume.write(where, stamps)
    except NoSpace as error:
        return error.done
    return stamps.size


class Pair:
    """A volume and the dictionary that it has to agree with."""

    def __init__(self, volume, content):
        self.volume, self.content = volume, content

    def write(self, where, numbers):
        stamps = fresh_stamps(len(numbers))
        numbers = numbers[: stands(self.volume, where, stamps)]
        self.content.update(zip(numbers, stamps.tolist(), strict=False))

    def reflink(self, low, high):
        to = SIZE - (high - low)
        found = [self.content.get(block) for block in range(low, high)]
        self.volume.reflink(slice(low, high), to)
        for block, stamp in zip(range(to, SIZE), found, strict=True):
            self.content.pop(block, None)
            self.content.update({} if stamp is None else {block: stamp})


def step(pairs, verb, which, run, scattered):
    pair = pairs[which % len(pairs)]
    low, high = run
    if verb == "flush":
        pair.volume.flush()
    elif verb in ("snapshot", "clone") and len(pairs) < 6:
        pairs.append(Pair(getattr(pair.volume, verb)(), dict(pair.content)))
    elif verb == "delete" and len(pairs) > 1:
        pairs.remove(pair)
        pair.volume.delete()
    elif not pair.volume.read_only:
        if verb == "write":
            pair.write(slice(low, high), range(low, high))
        elif verb == "scatter":
            pair.write(np.array(scattered, int), scattered)
        elif verb == "reflink":
            pair.reflink(low, high)
        elif verb == "discard":
            pair.volume.discard(slice(low, high))
            pair.content = {block: stamp for block, stamp in pair.content.items() if not low <= block < high}


def books_balance(pairs):
    """Contents agree; places, space map and reference counts say the same."""
    forest, store = pairs[0].volume.store.forest, pairs[0].volume.store
    held = []
    for pair in pairs:
        assert pair.volume.read(slice(0, SIZE)).tolist() == [pair.content.get(block, 0) for block in range(SIZE)]
        held.append(pair.volume.places())
        assert pair.volume.usage() == super(CowBtree, pair.volume).usage()
    assert np.unique(np.concatenate(held)).size == store.used
    nodes = {leaf for pair in pairs for leaf, _ in forest.leaves(pair.volume.root)}
    counted = np.zeros(forest.extents.table.shape[1], int)
    for leaf in nodes:
        np.add.at(counted, leaf.items[2], 1)
    assert (counted == forest.extents.references(np.arange(counted.size))).all()
    pointers = Counter(pair.volume.root for pair in pairs)
    above = set(pointers)
    while above:  # level by level: each node once, however many point to it
        below = [child for node in above for child in node.children]
        above = set(below) - set(pointers)
        pointers.update(below)
    assert all(node.references == count for node, count in pointers.items())


@pytest.mark.parametrize("nodatacow", [False, True])
@settings(max_examples=60, deadline=None)
@given(operations)
def test_agrees_with_a_dictionary(nodatacow, steps):
    """Nodes of 4 items, so that trees are high; a device on which space runs out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapsim.block.snapshots.cow_btree.tree, "LEAF_ITEMS", 4)
        patch.setattr(snapsim.block.snapshots.cow_btree.tree, "NODE_POINTERS", 4)
        pairs = [Pair(CowBtree(SIZE, device_size=90, nodatacow=nodatacow), {})]
        for one in steps:
            step(pairs, *one)
        books_balance(pairs)


@pytest.mark.parametrize("nodatacow", [False, True])
def test_long_lists_of_random_steps(nodatacow, monkeypatch):
    """8 lists of 150 steps, so that trees of nodes of 4 items grow, shrink and share at several levels."""
    monkeypatch.setattr(snapsim.block.snapshots.cow_btree.tree, "LEAF_ITEMS", 4)
    monkeypatch.setattr(snapsim.block.snapshots.cow_btree.tree, "NODE_POINTERS", 4)
    verbs = ["write", "scatter", "scatter", "snapshot", "clone", "delete", "discard", "reflink", "flush"]
    for seed in range(8):
        random = np.random.default_rng(seed)
        pairs = [Pair(CowBtree(SIZE, device_size=150, nodatacow=nodatacow), {})]
        for number in range(150):
            run = sorted(random.integers(0, SIZE + 1, 2).tolist())
            scattered = random.integers(0, SIZE, random.integers(0, 20)).tolist()
            step(pairs, verbs[random.integers(len(verbs))], int(random.integers(6)), run, scattered)
            if number % 5 == 4:
                books_balance(pairs)


def test_a_root_with_one_child_gives_way_to_it():
    """500 items in 3 leaves, shared with a snapshot; all but the last leaf's blocks are discarded: the shared leaf is
    the new root, pointed to by the snapshot's root as well. A write then must not reach the snapshot."""
    disk = CowBtree.new(1000)
    disk.write(np.arange(500))
    snapshot = disk.snapshot()
    picture = snapshot.read(slice(0, 1000))
    last = int(disk.root.keys[-1])
    disk.discard(slice(0, last))
    assert (len(disk.root.children), disk.root.references) == (0, 2)
    disk.write(last)
    assert (snapshot.read(slice(0, 1000)) == picture).all()
    assert (disk.root.references, disk.qgroup(nodes=False).exclusive) == (1, B)


def test_a_shared_node_with_one_child_gives_way_too(monkeypatch):
    """Nodes of 4: root, nodes, leaves. One leaf is left under the last node, then comes a snapshot, then all but that
    leaf goes: root and shared node give way, and the leaf has two pointers: the shared node's and the new root's."""
    monkeypatch.setattr(snapsim.block.snapshots.cow_btree.tree, "LEAF_ITEMS", 4)
    monkeypatch.setattr(snapsim.block.snapshots.cow_btree.tree, "NODE_POINTERS", 4)
    disk = CowBtree.new(100)
    disk.write(np.arange(40))
    last = disk.root.children[-1]
    disk.discard(slice(int(last.keys[0]), int(last.keys[-1])))
    snapshot = disk.snapshot()
    picture = snapshot.read(slice(0, 100))
    assert len(disk.root.children[-1].children) == 1
    disk.discard(slice(0, int(last.keys[-1])))
    assert (len(disk.root.children), disk.root.references) == (0, 2)
    disk.write(39)
    disk.delete()
    assert (snapshot.read(slice(0, 100)) == picture).all()


def test_a_block_at_the_first_key_of_a_leaf():
    """A block that begins a leaf is overwritten there, not in the leaf before it."""
    disk = CowBtree.new(1000)
    disk.write(np.arange(0, 1000, 2))
    key = int(disk.root.keys[1])
    disk.write(key, 77)
    assert (disk.read(key), disk.read(key + 1), disk.read(key - 1)) == (77, 0, 0)
    assert disk.allocated() == blocks(500)


def test_spans():
    assert spans(np.array([5, 1, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
