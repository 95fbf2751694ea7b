"""Extents and places of files, beside those that the kernel told (FIEMAP; `extents` and `q-block-moves`)."""

from functools import cache

import pytest

from snapsim.block.device import IO
from snapsim.lab.file_layout import FileLayout, file_layout, look
from snapsim.lab.generators import generate
from snapsim.lab.stacks import STACKS
from snapsim.lab.workload import parse
from snapsim.measure.measurements import label, load, shipped

MOVING = ("overlay2-xfs", "btrfs", "xfs-reflink")  # a write goes to another place
STAYING = ("overlay2-ext4", "overlay2-ext4-metacopy", "overlay2-xfs-noreflink", "vfs-ext4", "ext4-plain", "aufs-ext4")


@cache
def rows(stack):
    return [row for row in load(shipped(stack))["rows"] if row.get("extents")]


@pytest.mark.parametrize("stack", [*MOVING, *STAYING])
def test_extents(stack):
    """Every measured file, within one extent: the kernel puts an appended block elsewhere where its neighbour is taken.

    aufs copies through the page cache, piece by piece, and its ext4 placed some copies in up to four extents.
    """
    seen = 0
    for row in rows(stack):
        (workload,) = parse({"id": "w", **row["trace"]})
        for name, told in row["extents"].items():
            container, _, path = name.partition("/")
            found = file_layout(workload, stack, path, container).extents
            assert abs(found - told) <= (3 if stack == "aufs-ext4" else 1), (label(row), found, told)
            seen += 1
    assert seen >= 13


@pytest.mark.parametrize("stack", MOVING)
def test_random_writes_scatter_a_file_that_shares(stack):
    """100 blocks in 100 places, none beside another in the order of writing, cut a file into 199 to 201 pieces."""
    told = [row for row in rows(stack) if len(row["trace"]["ops"][0].get("offsets", ())) == 100]
    assert len(told) == 3
    for row in told:
        (workload,) = parse({"id": "w", **row["trace"]})
        assert 199 <= file_layout(workload, stack).extents <= 201
        assert 199 <= row["extents"]["s0/f"] <= 201


@pytest.mark.parametrize("stack", [*MOVING, *STAYING])
def test_where_a_block_lies(stack):
    """The probe: block 0 of a lower file written twice; its neighbour at 512 KiB, and the origin's own block."""
    driver = STACKS[stack].make()
    driver.create("layer0")
    with driver.mounted("layer0") as mount:
        mount.write("/f", 0, 1 << 20)
    driver.create_read_write("s0", "layer0")
    driver.freeze()
    origin, snapshot = driver.get("layer0"), driver.get("s0")

    def place(mount, offset=0):
        return look(driver, mount, "/f", offset, 4096).requests[0].first

    def touched():
        with snapshot.open("/f", 1) as file:
            file.write(0, 4096)
            file.fsync()
        driver.freeze()
        return place(snapshot)

    before, beside = place(origin), place(snapshot, 524288)
    shared = before == place(snapshot)
    first = touched()
    second = touched()
    found = {
        "shared_with_origin_before": shared,
        "second_write_moved_block": first != second,
        "untouched_neighbour_moved": beside != place(snapshot, 524288),
        "origin_block_stayed": before == place(origin),
    }
    (told,) = (row["observed"] for row in load(shipped(stack))["rows"] if row["workload"] == "q-block-moves")
    assert found == {key: told[key] for key in found}
    if shared:
        assert (first != before) == told["first_write_moved_block"]


def test_runs_by_hand():
    """Blocks 0 to 4, 4 to 6 and 9: two runs of 6 and 1; of extents of 4 at most: 2 and 1."""
    ios = tuple(IO("disk", "read", first, length, "data", "", "") for first, length in ((0, 4), (4, 2), (9, 1)))
    assert (FileLayout(ios, None, 4096).extents, FileLayout(ios, 4, 4096).extents, FileLayout((), 4, 4096).extents) == (
        2,
        3,
        0,
    )


def test_the_price_of_a_later_read():
    """64 pieces more on a hard disk: 64 positionings of 7.4 + 4.16 ms more; the bytes are the same."""
    workload = generate("random", size="1M", writes=32, seed=5)
    plain, moved = (file_layout(workload, stack) for stack in ("ext4-plain", "btrfs"))
    more = moved.extents - plain.extents
    assert more > 40
    assert moved.read_time("hdd") - plain.read_time("hdd") == pytest.approx(more * 11.56)
    assert sum(io.length for io in moved.requests) == sum(io.length for io in plain.requests) == 256
    assert moved.read_time("nvme") - plain.read_time("nvme") < 10


@pytest.mark.parametrize(("stack", "chunk"), [("devicemapper-loop-lvm", 65536), ("devicemapper-direct-lvm", 524288)])
def test_thin_pieces_are_as_large_as_the_pools_blocks(stack, chunk):
    """100 writes of 4 KiB to 64 MiB, written back in the file's order: each touched block of the pool moves to the end.

    Touched blocks that are neighbours in the file stay so: one piece for each run of touched, of untouched blocks.
    """
    workload = generate("random", size="64M", writes=100, seed=5)
    touched = {offset // chunk for op in workload.ops for offset in op.offsets}
    runs = sum((number in touched) != (number - 1 in touched) for number in range(1, (64 << 20) // chunk))
    assert runs > 50
    assert file_layout(workload, stack).extents == runs + 1
