"""vfs, xfs-reflink, btrfs and ext4-plain against what was measured on Linux 6.18 (snapsim/data/measured)."""

import pytest
import rows

from snapsim.device import counting
from snapsim.drivers import Vfs

# Has each layer inodes of its own, for all that its parent has?
COPIES = {"vfs-ext4": True, "xfs-reflink": True, "btrfs": False, "ext4-plain": False}
ROWS = [(stack, name, row) for stack in COPIES for name, row in rows.figures(stack)]


def files_of(specs):
    """Number of files, and their directories."""
    directories = {spec["path"].rpartition("/")[0] for spec in specs}
    return sum(spec.get("count", 1) for spec in specs), len(directories - {""})


def made(stack, trace):
    """Inodes that the operations of a row make, and how many of them are directories; layers that they make."""
    below, files, directories, layers = {None: (0, 0)}, 0, 0, 0
    parent = None
    for number, specs in enumerate(trace.get("layers", [])):
        own = files_of(specs)
        below[f"layer{number}"] = (below[parent][0] + own[0], below[parent][1] + own[1])
        parent = f"layer{number}"
    for op in trace["ops"]:
        own = files_of(op.get("files", []))
        if op["op"] in ("layer", "snapshot"):
            inherited = below[op["parent"]] if COPIES[stack] else (0, 0)
            own = (inherited[0] + own[0], inherited[1] + own[1])
            below[op["name"]] = own
            directories, layers = directories + 1, layers + 1
        files, directories = files + own[0], directories + own[1]
    return files + directories, directories, layers


def most_written(stack, inodes, directories, layers, fsyncs):
    """Bytes of metadata that a row can have written at most, by the terms of its file system.

    ext4: 16 inodes a block; at least 64 names a block, and one for each directory; two bitmaps, an inode table and a
    directory in each of the 16 block groups (2 GiB), group descriptors and superblock; all in the journal and perhaps
    at home as well; 4 blocks (descriptor, commit, inode, bitmap) for each fsync and for two commits.
    XFS (its log alone): 1 KiB of log items for each new inode, 8 KiB for each fsync and for two log writes.
    btrfs: eight trees of two levels, 16 KiB a node, twice, for each transaction (a snapshot makes one); 600 bytes of
    items an inode in leaves that are half full, twice; two log trees of a node, twice, for each fsync; 3 superblocks
    each.
    """
    if stack == "btrfs":
        transaction, fsync = 8 * 2 * 2 * 16384 + 3 * 4096, 2 * 2 * 16384 + 3 * 4096
        return (layers + 1) * transaction + inodes * 600 * 2 * 2 + fsyncs * fsync
    if stack == "xfs-reflink":
        return (fsyncs + 2) * 8192 + inodes * 1024
    groups = min(16, 1 + inodes)
    return 4096 * (2 * (inodes // 16 + 1 + inodes // 64 + 1 + directories + 4 * groups + 2) + 4 * (fsyncs + 2))


@pytest.mark.parametrize(("stack", "name", "row"), ROWS, ids=[f"{stack}-{name}" for stack, name, _ in ROWS])
def test_data_and_copies_fit_into_what_was_measured(stack, name, row):
    """Data + copy <= the bytes of each repetition, and what is left is no more than the row's metadata can be.

    Read: 1 KiB for each inode that there is (with its share of directories and tables), and 128 KiB for tables that
    are read ahead and for the roots of trees.
    """
    played = rows.replay(stack, row)
    inodes, directories, layers = made(stack, row["trace"])
    there = sum(files_of(specs)[0] for specs in row["trace"].get("layers", []))
    runs = [row["figures"], *row["repetitions"]]
    for operation, key, most in (
            ("write", "bytes_written", most_written(stack, inodes, directories, layers, played.terms.fsyncs)),
            ("read", "bytes_read", 1024 * (there + inodes) + 128 * 1024)):
        moved = played.moved(operation)
        assert moved <= min(run[key] for run in runs), operation
        assert max(run[key] for run in runs) - moved <= most, operation


@pytest.mark.parametrize("layers", [8, 32])
def test_space_of_an_image_on_vfs(layers):
    """Blocks of all files, each copied into each later layer, and one block for each directory: df's figure exactly.

    8 layers: 125 * (1 + 2 + ... + 8) = 4500 files, 8 roots and 1 + 2 + ... + 8 = 36 directories: 4544 blocks.
    (1000 names in one directory, the row with one layer, take more than a block.)
    """
    row, = (row for name, row in rows.figures("vfs-ext4") if name == f"l-build-image-{layers}-1000-4")
    played = rows.replay("vfs-ext4", row)
    _, directories, _ = made("vfs-ext4", row["trace"])
    assert played.space + 4096 * directories == row["figures"]["space_delta"]
    assert played.counts.bytes("write", "data") == 1000 * 4096
    assert played.moved("read") == 0                       # what is copied is still in the page cache


def test_a_copy_is_read_once_and_written_once():
    """l-make-snapshot-big: 256 MiB cold; measured 268,464,128 read and 268,550,144 written."""
    driver = Vfs()
    driver.create("layer0")
    with driver.mounted("layer0") as mount:
        mount.write("/f", 0, 256 << 20)
    driver.sync()
    driver.drop_caches()
    with counting(*driver.devices) as io:
        driver.create("s0", "layer0")
        driver.sync()
    (_, row), = (found for found in rows.figures("vfs-ext4") if found[0].startswith("l-make-snapshot-big"))
    for operation, key in (("read", "bytes_read"), ("write", "bytes_written")):
        assert io.counts.bytes(operation, "copy") == 256 << 20
        assert io.counts.bytes(operation, "data") == 0
        assert row["figures"][key] - (256 << 20) < 128 * 1024
