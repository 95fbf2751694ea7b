"""What btrfs writes beside data: trees of items, commits, logs; held against hand calculations and Linux 6.18."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
import rows

from snapsim.block.device import counting
from snapsim.drivers.graphdrivers import Btrfs
from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.references import EXTENT_ITEM, FREE_SPACE_EXTENT, METADATA_ITEM
from snapsim.files.filesystems.btrfs.tree_block import ITEM_BYTES, LEAF_BYTES, NODE_BYTES
from snapsim.files.filesystems.btrfs.tree_blocks import TreeBlocks
from snapsim.lab.experiment import prepare
from snapsim.lab.workload import parse

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
NODE, SUPERBLOCK = 2 * NODE_BYTES, 4096
ROWS = rows.figures("btrfs")


def image(files=(("/f", 64 * MIB),), **options):
    """One layer with files, one snapshot, all written and cold, as before the measurements."""
    driver = Btrfs(device_bytes=2 * GIB, **options)
    driver.create("layer0")
    with driver.mounted("layer0") as mount:
        for path, size in files:
            mount.write(path, 0, size)
    driver.create_read_write("s0", "layer0")
    driver.sync()
    driver.drop_caches()
    return driver


def written(driver, work):
    """Bytes of metadata that operations in s0 write, with the sync after them."""
    with counting(*driver.devices) as io:
        with driver.mounted("s0") as mount:
            work(mount)
        driver.sync()
    return io.counts.bytes("write", "metadata")


# ---------------------------------------------------------------- hand calculations


def test_chmod():
    """Leaves of the subvolume (inode item), extent, free-space and root tree; two superblocks on 2 GiB: 136 KiB."""
    assert written(image(), lambda mount: mount.chmod("/f", 0o600)) == 4 * NODE + 2 * SUPERBLOCK


def test_link():
    """The leaf with the new entry is dirty before the sync and written; the delayed entry changes it again: 5 nodes."""
    assert written(image(), lambda mount: mount.link("/f", "/g")) == 5 * NODE + 2 * SUPERBLOCK


def test_one_byte_of_a_big_file():
    """As chmod, and the checksum tree, which has two levels (65536 bytes of checksums): its root and a leaf."""
    assert written(image(), lambda mount: mount.write("/f", 32 * MIB, 1)) == 6 * NODE + 2 * SUPERBLOCK


def test_a_small_write_after_a_medium_one_allocates_a_chunk():
    """1 MiB makes the first data group one for medium extents; 4 KiB need another: chunk and device tree.

    Fs, checksum (one leaf), extent, free space, root: 5; chunk and device tree: 2; extent and free-space tree are
    dirty at the allocation, written, and change again: 2. Nine nodes.
    """
    driver = image((("/f", MIB),))
    assert written(driver, lambda mount: mount.write("/f", 512 * KIB, 1)) == 9 * NODE + 2 * SUPERBLOCK
    assert written(driver, lambda mount: mount.write("/f", 0, 1)) == 5 * NODE + 2 * SUPERBLOCK


def test_fsync_writes_the_log():
    """A leaf of the log and one of the log of logs, twice, and one superblock: 68 KiB each time."""
    driver = image()
    with driver.mounted("s0") as mount, counting(*driver.devices) as io:
        for block in range(3):
            mount.write("/f", 8 * KIB * block, 4 * KIB)
            mount.fsync("/f")
    assert io.counts.bytes("write", "metadata") == 3 * (2 * NODE + SUPERBLOCK)


def test_fsync_with_nothing_to_log():
    """Nothing changed since the last one: nothing is written."""
    driver = image()
    with driver.mounted("s0") as mount:
        mount.write("/f", 0, 4 * KIB)
        mount.fsync("/f")
        with counting(*driver.devices) as io:
            mount.fsync("/f")
    assert io.counts.bytes("write") == 0


def test_snapshot():
    """One commit: two roots that were one, root tree, top directory, UUIDs, extents, free space: 7 nodes, 232 KiB."""
    driver = Btrfs(device_bytes=2 * GIB)
    driver.create("layer0")
    with driver.mounted("layer0") as mount:
        mount.write("/f", 0, MIB)
    driver.sync()
    with counting(*driver.devices) as io:
        driver.create_read_write("s0", "layer0")
    assert io.counts.bytes("write") == 7 * NODE + 2 * SUPERBLOCK
    with counting(*driver.devices) as io:
        driver.sync()
    assert io.counts.bytes("write") == 0


def test_inline_files():
    """2048 bytes live in the tree and have no extent, 2049 are a block; both read back from a cold cache."""
    driver = image((("/small", 2048), ("/big", 2049)))
    assert driver.space() == 4096
    before = {}
    for _ in range(2):
        with driver.mounted("s0") as mount:
            stamps = {name: mount.read(name).tolist() for name in ("/small", "/big")}
        assert before in ({}, stamps)
        assert all(stamps["/small"])
        before = stamps
        driver.drop_caches()
    assert written(driver, lambda mount: mount.append("/small", 1)) > 0
    assert driver.space() == 8192


def test_files_of_one_tree_node_cost_no_space():
    """A leaf holds them all: the space of tree blocks does not change, and comes back after a removal."""
    driver = image((("/f", MIB),))
    before = driver.metadata_space()
    written(driver, lambda mount: [mount.write(f"/{number}", 0, 4096) for number in range(10)])
    assert driver.metadata_space() == before
    driver.create_read_write("s1", "layer0")
    assert driver.metadata_space() == before + NODE
    driver.remove("s1")
    driver.sync()
    assert driver.metadata_space() == before


# ---------------------------------------------------------------- the measured rows


@cache
def play(name):
    """Bytes of a row, and its change of space."""
    row = dict(ROWS)[name]
    (workload,) = parse({"id": "any", **row["trace"]})
    driver = Btrfs(device_bytes=2 * GIB)
    playing = prepare(workload, driver)
    before = driver.space() + driver.metadata_space()
    with counting(*driver.devices) as io:
        for number, op in enumerate(workload.ops):
            playing.run(op, f"ops[{number}]")
        driver.sync()
    return io.counts, driver.space() + driver.metadata_space() - before


def within(value, row, key, data, share, least):
    """Is a value as near to the range of the repetitions as is asked for?"""
    measured = [run[key] - data for run in row["repetitions"]]
    room = max(share * abs(row["figures"][key] - data), least)
    return min(measured) - room <= value <= max(measured) + room


OUTRUN = "g-create-files-1000-4"
"""Files are made faster than the worker carries out what waits: the kernel commits in between, which is left out."""


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_rows(name, row):
    """Metadata within 25 % (one: 35 %) or 48 KiB of what was measured, reads 10 % or 256 KiB, space 2 % or 128 KiB."""
    counts, space = play(name)
    data, share = counts.bytes("write", "data"), 0.35 if name == OUTRUN else 0.25
    assert within(counts.bytes("write", "metadata"), row, "bytes_written", data, share, 48 * KIB)
    assert within(counts.bytes("read"), row, "bytes_read", 0, 0.10, 256 * KIB)
    assert within(space, row, "space_delta", 0, 0.02, 128 * KIB)


def test_most_rows_are_exact():
    """Rows whose metadata repeat are predicted to the byte, but for one in ten."""
    repeating = [(name, row) for name, row in ROWS if len({run["bytes_written"] for run in row["repetitions"]}) == 1]
    exact = 0
    for name, row in repeating:
        counts, _ = play(name)
        exact += counts.bytes("write") == row["figures"]["bytes_written"]
    assert exact >= 0.9 * len(repeating)


# ---------------------------------------------------------------- the books of the trees


@pytest.mark.parametrize("seed", range(8))
def test_items_of_a_tree(seed):
    """Whatever is inserted and deleted: the items of a dictionary, in order, in leaves that are not too full."""
    random, tree, known = np.random.default_rng(seed), ItemTree(TreeBlocks(), "any"), {}
    for _ in range(3000):
        key = (int(random.integers(300)), 1, int(random.integers(10)))
        if key not in known:
            known[key] = int(random.integers(2000))
            tree.insert(key, known[key])
        elif random.random() < 0.5:
            tree.delete(key)
            del known[key]
        else:
            known[key] = int(random.integers(2000))
            tree.resize(key, known[key])
    leaves = list(tree.leaves())
    found = [(key, size) for leaf in leaves for key, size in zip(leaf.keys, leaf.sizes, strict=True)]
    assert found == sorted(known.items())
    for leaf in leaves:
        assert leaf.used == sum(leaf.sizes) + ITEM_BYTES * len(leaf.keys) <= LEAF_BYTES


def walk(tree, block, parents):
    """Count the pointers to each block below."""
    parents[block] += 1
    if parents[block] == 1:
        for key, child in zip(block.keys, block.children, strict=bool(block.level)):
            assert (child.keys[0], child.level) == (key, block.level - 1)
            walk(tree, child, parents)


def balanced(driver):
    """References, extent items and free space say the same as the trees."""
    trees = driver.disk.trees
    every = [
        trees.root,
        trees.extent,
        trees.chunk,
        trees.dev,
        trees.csum,
        trees.uuid,
        trees.free,
        trees.top,
        *(fs.items.tree for fs in driver.filesystems()),
    ]
    parents = Counter()
    for tree in every:
        walk(tree, tree.root, parents)
    assert all(block.references == count for block, count in parents.items())
    assert trees.held == len(parents) + 1  # the data-relocation tree's leaf
    extents = {value[0] for block in parents if not block.level for value in block.values if value is not None}
    items = trees.extent.range((0, 0, 0), (1 << 65, 0, 0))
    assert {key[0] for key, _, _ in items if key[1] == EXTENT_ITEM} == extents
    addresses = {key[0] for key, _, _ in items if key[1] == METADATA_ITEM}
    assert {block.address for block in parents} < addresses
    assert len(addresses) == trees.held
    used = sum(key[2] for key, _, _ in items if key[1] == EXTENT_ITEM) + NODE_BYTES * trees.held
    free = sum(key[2] for key, _, _ in trees.free.range((0, 0, 0), (1 << 65, 0, 0)) if key[1] == FREE_SPACE_EXTENT)
    assert used + free == sum(group.length for group in trees.groups.groups)
    return True


@pytest.mark.parametrize("seed", range(6))
def test_books_balance(seed):
    """Random operations on a chain of snapshots, some of which are removed."""
    random = np.random.default_rng(seed)
    driver = image([(f"/d{number}", int(random.choice([900, 4096, 300 * KIB]))) for number in range(60)])
    layers = ["s0"]
    for step in range(25):
        with driver.mounted(layers[-1]) as mount:
            path = f"/d{random.integers(60)}"
            try:
                verb = random.integers(7)
                if verb == 0:
                    mount.write(path, 4096 * int(random.integers(20)), int(random.integers(1, 20000)))
                elif verb == 1:
                    mount.truncate(path, int(random.integers(10000)))
                elif verb == 2:
                    mount.unlink(path)
                elif verb == 3:
                    mount.rename(path, f"/r{step}")
                elif verb == 4:
                    mount.link(path, f"/l{step}")
                elif verb == 5:
                    mount.fsync(path)
                else:
                    mount.write(f"/n{step}", 0, 5000)
            except FileNotFoundError:
                continue
        if step % 6 == 5:
            driver.create_read_write(f"c{step}", layers[-1])
            layers.append(f"c{step}")
    driver.sync()
    assert balanced(driver)
    driver.remove(layers.pop())
    driver.sync()
    assert balanced(driver)


# ---------------------------------------------------------------- what other workloads showed (Linux 6.18)


def data_written(driver, work):
    with driver.mounted("s0") as mount, driver.devices[0].counting() as io:
        work(mount)
        driver.sync()
    return io.counts.bytes("write", "data")


def test_a_file_that_grows_writes_the_rest_of_its_last_block():
    """10,000 bytes made longer: the third block; one that is cut within a block: nothing."""
    driver = image((("/f", 10000), ("/g", 10000)))
    assert data_written(driver, lambda mount: mount.truncate("/f", 50000)) == 4096
    assert data_written(driver, lambda mount: mount.truncate("/g", 9000)) == 0
    assert data_written(driver, lambda mount: mount.write("/g", 20480, 4096)) == 8192


def test_a_hole_at_the_end_is_written_as_well():
    driver = image((("/f", 4096),))
    assert data_written(driver, lambda mount: mount.truncate("/f", 10000)) == 0
    assert data_written(driver, lambda mount: mount.truncate("/f", 50000)) == 4096


def test_neighbours_in_a_file_are_one_extent():
    """Blocks of two files whose addresses alternate: what one write-back takes stays one extent, and is held whole."""
    driver = image((("/f", 6000), ("/g", 6000)))
    with driver.mounted("s0") as mount:
        for _ in range(6):
            for name in ("/f", "/g"):
                mount.append(name, 3000)
                mount.fsync(name)
    driver.sync()
    held = driver.space()
    with driver.mounted("s0") as mount:
        size = mount.stat("/f").size
    assert held > 2 * size


def test_many_new_files_are_written_before_any_sync():
    """Room for 640 KiB is kept for each; more than 128 MiB is too much."""
    driver = image((("/f", 1),))
    with driver.mounted("s0") as mount, driver.devices[0].counting() as io:
        for number in range(150):
            mount.write(f"/{number:04}", 0, 4096)
        assert io.counts.bytes("write", "data") == 0
        for number in range(150, 210):
            mount.write(f"/{number:04}", 0, 4096)
        assert io.counts.bytes("write", "data") >= 150 * 4096
