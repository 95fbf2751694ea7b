"""Views of the ledger against real daemons: du, thin_ls, btrfs and zfs of each layer after the same scenario.

tests/data/docker-layers has what these tools said (Docker 20.10). The engine's layers come in the same order.
"""

import json
from functools import cache

import pytest
from places import DATA
from scenarios import built

from snapsim.drivers.tool_figures import disk_usage
from snapsim.lab.stacks import STACKS

CAPTURES = DATA / "docker-layers"
STEPS = ("base", "COPY", "dd", "rm", *(f"c{n}{part}" for n in range(1, 6) for part in ("-init", "")))


@cache
def compared(stack):
    """Engine, ledger, and for each step the layer's id, its row, and what was captured."""
    engine = built(stack)
    book = engine.ledger()
    rows = {row.name: row for row in book.rows() if row.kind == "layer"}
    layers = json.loads((CAPTURES / f"{STACKS[stack].captured}.json").read_text())["layers"]
    return (
        engine.driver,
        book,
        {
            step: (id, rows[id], captured)
            for step, id, captured in zip(STEPS, book.parents, in_order(layers), strict=True)
        },
    )


def in_order(layers):
    """Captured layers: the images' from the base up, then init and writable layer of each container."""
    parent, found = None, []
    while above := [
        layer for layer in layers if layer["role"] == "image layer" and layer.get("parent_chain_id") == parent
    ]:
        found += above
        parent = above[0]["chain_id"]
    return found + [
        layer
        for number in range(1, 6)
        for role in ("container init layer", "container layer")
        for layer in layers
        if (layer["role"], layer.get("container")) == (role, f"c{number}")
    ]


def count(directory, kind):
    """Inodes of a kind in a tree, its root included."""
    return (directory.kind == kind) + sum(count(inode, kind) for inode in directory.entries.values())


def stacks(*names):
    return pytest.mark.parametrize(("stack", "step"), [(name, step) for name in names for step in STEPS])


@stacks("overlay2-ext4", "fuse-overlayfs", "aufs-ext4", "vfs-ext4")
def test_du_on_ext4(stack, step):
    """Data, and 4096 bytes for each directory; overlay2's synced copy-up in c5 took one more block, for its extents."""
    driver, _, layers = compared(stack)
    id, _, captured = layers[step]
    rest = captured["du"] - disk_usage(driver, id) - 4096 * count(driver.directory(id), "directory")
    assert rest == (4096 if (stack, step) == ("overlay2-ext4", "c5") else 0)


@stacks("overlay2-xfs", "vfs-xfs")
def test_du_on_xfs(stack, step):
    """Data alone, small directories being in their inodes; clones count in each layer that has them.

    c5 wrote one block of a clone: XFS takes 128 KiB at a time for that, 31 blocks more than are written.
    """
    driver, _, layers = compared(stack)
    id, _, captured = layers[step]
    assert captured["du"] - disk_usage(driver, id) == (31 * 4096 if step == "c5" else 0)


@stacks("btrfs")
def test_du_and_exclusive_bytes_on_btrfs(stack, step):
    """du: data, and 4096 for each symbolic link, which is inline; exclusive: as the book has it."""
    driver, _, layers = compared(stack)
    id, row, captured = layers[step]
    assert captured["du"] - disk_usage(driver, id) == 4096 * count(driver.directory(id), "symlink")
    assert captured["btrfs_exclusive"] == row.exclusive


@stacks("devicemapper-loop-lvm", "devicemapper-direct-lvm")
def test_mapped_blocks_of_devicemapper(stack, step):
    """What a layer maps beyond its parent is equal; below the base lies what mkfs.xfs wrote, which is not modelled.

    An init layer has ten names, no data: with pool blocks of 64 KiB two more of them hold inodes and directories.
    """
    _, book, layers = compared(stack)
    id, row, captured = layers[step]
    if step == "base":
        assert captured["mapped_bytes"] > row.held
        return
    parent_row, parent = next(each[1:] for each in layers.values() if each[0] == book.parents[id])
    inodes = 2 * 65536 if step.endswith("-init") and stack == "devicemapper-loop-lvm" else 0
    assert captured["mapped_bytes"] - parent["mapped_bytes"] == row.held - parent_row.held + inodes


@stacks("zfs")
def test_used_and_referenced_on_zfs(stack, step):
    """Records as the book has them, and metadata above: 72 to 168 KiB for each dataset (indirect blocks, dnodes)."""
    _, book, layers = compared(stack)
    id, row, captured = layers[step]
    for name, size in (("used", book.made(id)), ("referenced", row.held)):
        assert 72 * 1024 <= captured[name] - size <= 168 * 1024


@stacks("zfs")
def test_metadata_on_zfs(stack, step):
    """What a dataset refers to is 2 sectors beside the capture at most, a block of dnodes or of names. Of what is its
    alone it is 4 sectors; but each init layer has as much again: it was mounted after its child had been made, when
    sizes were asked for, and what a mount changes is left out."""
    driver, _, layers = compared(stack)
    id, _, captured = layers[step]
    told = driver.account.properties(driver.volumes[id])
    assert abs(told["referenced"] - captured["referenced"]) <= 2 * 4096
    more = 20 * 4096 if step.endswith("init") else 0
    assert abs(told["used"] + more - captured["used"]) <= 4 * 4096
