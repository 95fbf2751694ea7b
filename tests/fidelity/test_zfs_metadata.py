"""Metadata of ZFS pools: by hand, and the measured rows (ZFS 2.1.11, kernel 6.1; snapsim/data/measured/zfs.json)."""

import json

import pytest
from places import SHIPPED

from snapsim.fidelity.replay import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.fidelity.replays.zfs import ZfsPlayer
from snapsim.measure.trace import load

DATA = SHIPPED / "measured" / "zfs.json"
ROWS = load(str(DATA))
PLAYED = [found["figures"] for found in replay(ROWS, PLAYERS)]
KIB, MIB, SECTOR = 1 << 10, 1 << 20, 4096
GROUP = (3 * 6 * 3 + 4) * SECTOR
"""The pool's own: three passes of six blocks, three copies each; the uberblock in four labels."""
CASES = list(zip(ROWS, PLAYED, strict=True))
WINDOWS = [(row, played) for row, played in CASES if "vdev" in row["figures"]]


def play(*ops):
    created = [{"op": "zpool_create", "pool": "p"}, {"op": "zfs_create", "dataset": "p/d", "recordsize": "128K"}]
    return ZfsPlayer(4096).play({"trace": [*created, *ops]}, "trace")


def write(offset, size, **more):
    return {"op": "write", "dataset": "p/d", "path": "f", "offset": offset, "bytes": size, **more}


SYNC, BEGIN, END = {"op": "sync", "pool": "p"}, {"op": "begin"}, {"op": "end"}
FILE = [write(0, 64 * MIB, truncate=True), SYNC]


def metadata(figures):
    return figures["vdev"]["written_bytes"] - figures["vdev_records"]["written_bytes"]


def test_one_byte():
    """512 pointers of 42 bytes: 6 sectors; a block of dnodes, 5 levels, the object set: 13 sectors, twice."""
    assert metadata(play(*FILE, BEGIN, write(100, 1), SYNC, END)) == 2 * 13 * SECTOR + GROUP


def test_nothing_dirty():
    """No group has to be written."""
    assert metadata(play(*FILE, BEGIN, SYNC, END)) == 0


def test_two_levels():
    """Records of 8 KiB: 8 blocks of 1024 pointers (11 sectors each) and one above (1): one byte writes 11 + 1 + 7."""
    ops = [{"op": "zfs_create", "dataset": "p/e", "recordsize": "8K"}, {**FILE[0], "dataset": "p/e"}, SYNC]
    figures = play(*ops, BEGIN, {**write(100, 1), "dataset": "p/e"}, SYNC, END)
    assert metadata(figures) == 2 * 19 * SECTOR + GROUP
    assert figures["space"]["p/e"]["referenced"] == 64 * MIB + 2 * (8 * 11 + 1 + 12) * SECTOR


def test_a_command():
    """A group with a line of history for the event, and one with the command's line: 2 x (GROUP + 3 sectors)."""
    figures = play(*FILE, BEGIN, {"op": "snapshot", "name": "p/d@s"}, SYNC, END)
    assert metadata(figures) == 2 * (GROUP + 3 * SECTOR)


def test_a_snapshot_keeps_old_metadata():
    """One byte after a snapshot: the snapshot alone has a record and 13 sectors of metadata, twice."""
    figures = play(*FILE, {"op": "snapshot", "name": "p/d@s"}, write(100, 1), SYNC, write(200, 1), SYNC)
    kept = 128 * KIB + 2 * 13 * SECTOR
    space = figures["space"]
    assert (space["p/d@s"]["used"], space["p/d"]["written"], space["p/d"]["usedbysnapshots"]) == (kept, kept, kept)
    assert figures["properties"]["p/d@s"]["used"] == 128 * KIB  # of data alone


def test_an_unlinked_file_leaves_its_blocks_of_dnodes():
    """An empty file system: 4 blocks, two of dnodes, 5 levels, object set: 12 sectors, twice."""
    figures = play(*FILE, {"op": "unlink", "dataset": "p/d", "path": "f"}, SYNC)
    assert figures["space"]["p/d"]["used"] == figures["space"]["p/d"]["referenced"] == 24 * SECTOR


# ---------------------------------------------------------------- zvols and their log

ZVOL = {"op": "zvol_create", "volume": "p/v", "volblocksize": "8K", "bytes": 64 * MIB, "sparse": True}
FILL = {"op": "write", "to": "p/v", "offset": 0, "stride": MIB, "count": 64, "bytes": MIB}
CHAIN = 1 + 5 + 1
"""A block of dnodes, five levels, the object set."""


def zvol(*ops, **more):
    return ZfsPlayer(4096).play({"trace": [{"op": "zpool_create", "pool": "p"}, {**ZVOL, **more}, SYNC, *ops]}, "trace")


def at(offset, size=SECTOR):
    return {"op": "write", "to": "p/v", "offset": offset, "bytes": size}


def test_the_first_close_makes_the_log():
    """64 requests, each of one byte value: 1024 pointers at 5 bytes and a bit, and 36 more for each of 8 values, make
    2 sectors; 8 such blocks, one above. The group ends; a block of the log, empty; a group for the object set alone."""
    first = 2 * (8 * 2 + 1 + CHAIN) * SECTOR + GROUP
    assert metadata(zvol(BEGIN, FILL, SYNC, END)) == first + SECTOR + 2 * SECTOR + GROUP


def test_a_written_zvol_is_logged_when_it_is_closed():
    """The block that is there (4 KiB) is too small for 192 + 4096: it goes out empty, the next one has two sectors.
    With it: 2 sectors of pointers, one above, the chain. Then the block that is there is large enough."""
    group = 2 * (2 + 1 + CHAIN) * SECTOR + GROUP
    assert metadata(zvol(FILL, SYNC, BEGIN, at(0), SYNC, END)) == group + 3 * SECTOR
    assert metadata(zvol(FILL, SYNC, at(0), SYNC, BEGIN, at(0), SYNC, END)) == group + 2 * SECTOR


def test_a_flush_commits_what_the_close_would():
    """Nothing is left to log at the close. A command or the end of the counters closes as a sync does."""
    told = [
        metadata(zvol(FILL, SYNC, BEGIN, at(0), *ops, END))
        for ops in ([SYNC], [{"op": "flush", "to": "p/v"}, SYNC], [])
    ]
    assert told[0] == told[1] == told[2]


def test_large_blocks_are_not_logged_twice():
    """volblocksize 64 KiB, 1 MiB: 16 notes of 192 bytes point to the blocks where they belong: a sector of log."""
    large = {"volblocksize": "64K"}
    figures = zvol(FILL, SYNC, BEGIN, at(0, MIB), SYNC, END, **large)
    assert figures["vdev_records"]["written_bytes"] == MIB
    assert metadata(figures) == 2 * (2 + CHAIN) * SECTOR + GROUP + SECTOR


def test_a_discard_is_noted():
    """56 bytes and 184 of the chain fit the block that is there. 8 KiB fewer, and a pointer to nothing: 2 sectors."""
    ops = [BEGIN, {"op": "discard", "to": "p/v", "offset": 0, "bytes": 8192}, SYNC, END]
    assert metadata(zvol(FILL, SYNC, *ops)) == 2 * (2 + 1 + CHAIN) * SECTOR + GROUP + SECTOR


def test_a_clone_has_no_log():
    """Where the snapshot shows a log, the clone writes an object set of its own; nothing else is its alone. Its first
    write makes a log, as in a new zvol; what the snapshot keeps goes on a deadlist (a block, three times)."""
    ops = [{"op": "snapshot", "name": "p/v@s"}, {"op": "clone", "of": "p/v@s", "dataset": "p/c"}, SYNC]
    assert zvol(FILL, SYNC, *ops)["space"]["p/c"]["used"] == 2 * SECTOR
    assert zvol(*ops)["space"]["p/c"]["used"] == 0
    more = {**at(0), "to": "p/c"}
    first = metadata(zvol(FILL, SYNC, *ops, BEGIN, more, SYNC, END))
    assert first == 2 * (2 + 1 + CHAIN) * SECTOR + GROUP + 3 * SECTOR + SECTOR + 2 * SECTOR + GROUP


def test_create_is_a_group_more_with_properties():
    """`zfs create` makes the dataset, and then sets what was given."""
    pool, create = {"op": "zpool_create", "pool": "p"}, {"op": "zfs_create", "dataset": "p/d"}
    bare, given = (
        metadata(ZfsPlayer(4096).play({"trace": [pool, BEGIN, op, SYNC, END]}, "trace"))
        for op in (create, {**create, "recordsize": "128K"})
    )
    assert given - bare == GROUP


def test_names_do_not_matter():
    """The same rows under other names: the same figures."""
    scenario = next(row["scenario"] for row in ROWS if row["params"].get("kind") == "zvol")
    rows = [row for row in ROWS if row["scenario"] == scenario]
    text = json.dumps([row["trace"] for row in rows])
    for old, new in (("tank/vc", "x/1"), ("tank/v", "x/2"), ("@s1", "@now")):
        text = text.replace(old, new)
    player = ZfsPlayer(4096)
    for row, trace in zip(rows, json.loads(text), strict=True):
        played = player.play({"trace": trace, "workload": "w", "params": {}}, "trace")
        assert played["vdev"] == PLAYED[row["_row"]]["vdev"]


# ---------------------------------------------------------------- reads


def read(figures):
    return figures["vdev"]["read_bytes"] - figures["vdev_records"]["read_bytes"]


def test_a_block_that_was_rewritten_is_not_in_the_cache():
    """One byte after a snapshot; the clone of it needs the old block of dnodes and five levels to be mounted (the
    object set came with the snapshot's properties), and the old indirect block (6 sectors) to be changed."""
    shot, clone = {"op": "snapshot", "name": "p/d@s"}, {"op": "clone", "of": "p/d@s", "dataset": "p/c"}
    player = ZfsPlayer(4096)
    first = [{"op": "zpool_create", "pool": "p"}, {"op": "zfs_create", "dataset": "p/d"}, *FILE, shot]
    player.play({"trace": [*first, write(100, 1), SYNC]}, "trace")
    assert read(player.play({"trace": [BEGIN, clone, SYNC, END]}, "trace")) == (1 + 5) * SECTOR
    change = {**write(200000, 1), "dataset": "p/c"}
    assert read(player.play({"trace": [BEGIN, change, SYNC, END]}, "trace")) == 6 * SECTOR
    assert read(player.play({"trace": [BEGIN, change, SYNC, END]}, "trace")) == 0


def test_an_import_reads_the_dnodes():
    """Cold: the indirect block, one copy of 6 sectors; the chain came with the mount, before the counters."""
    cold = [{"op": "zpool_export", "pool": "p"}, {"op": "zpool_import", "pool": "p"}]
    assert read(play(*FILE, *cold, BEGIN, write(100, 1), SYNC, END)) == 6 * SECTOR
    assert read(play(*FILE, BEGIN, write(100, 1), SYNC, END)) == 0


# ---------------------------------------------------------------- the measured rows


def is_file_row(row):
    return row["params"].get("kind") != "zvol"


@pytest.mark.parametrize(("row", "played"), WINDOWS, ids=[f"{row['_row']}-{row['workload']}" for row, _ in WINDOWS])
def test_rows(row, played):
    """Metadata within 25 % or 48 KiB, and never more than measured: what is missed are blocks of the pool's dnodes."""
    measured = row["figures"]["vdev"]["written_bytes"] - played["vdev_records"]["written_bytes"]
    assert abs(metadata(played) - measured) <= max(0.25 * measured, 48 * KIB)
    assert metadata(played) <= measured


@pytest.mark.parametrize(("row", "played"), WINDOWS, ids=[f"{row['_row']}-{row['workload']}" for row, _ in WINDOWS])
def test_reads(row, played):
    """To the byte; but udev reads a new zvol here and there."""
    probed = row["params"].get("kind") == "zvol" and row["workload"] == "clone"
    more = row["figures"]["vdev"]["read_bytes"] - played["vdev"]["read_bytes"]
    assert more > 0 if probed else more == 0


def test_space_of_file_systems_is_exact():
    """used, referenced and written of each file system, snapshot and clone, to the byte."""
    compared = 0
    for row, played in CASES:
        for name, real in (row["figures"].get("properties") or {}).items() if is_file_row(row) else ():
            for key in ("used", "referenced", "written"):
                if key in real:
                    assert played["space"][name][key] == real[key], (row["_row"], name, key)
                    compared += 1
    assert compared >= 480


def test_space_of_zvols():
    """Exact, but for one sector twice at 64 KiB, where two measurements of the same differ by as much."""
    compared = 0
    for row, played in CASES:
        for name, real in (row["figures"].get("properties") or {}).items() if not is_file_row(row) else ():
            for key in ("used", "referenced", "written"):
                less = real[key] - played["space"][name][key]
                allowed = {0, 2 * SECTOR} if row["params"]["volblocksize"] == "64K" else {0}
                assert less in allowed, (row["_row"], name, key)
                compared += 1
    assert compared == 270


def test_small_sectors():
    """ashift 9: an indirect block of 512 pointers, 6 sectors of 4 KiB, is some 42 of 512 bytes; space is in those."""
    ops = [{"op": "zpool_create", "pool": "p", "ashift": 9}, {"op": "zfs_create", "dataset": "p/d"}, *FILE]
    figures = ZfsPlayer(4096).play({"trace": ops}, "trace")
    assert 64 * MIB + 2 * 40 * 512 < figures["space"]["p/d"]["referenced"] < 64 * MIB + 2 * 60 * 512


def test_what_is_destroyed_in_the_group_in_which_it_changed():
    """Its records and metadata are not written: the group has the command's line of history (a block) and no more."""
    destroy = {"op": "destroy", "dataset": "p/d"}
    quiet, dirty = (metadata(play(*FILE, BEGIN, *ops, destroy, SYNC, END)) for ops in ([], [write(100, 1)]))
    assert quiet == dirty == 2 * (GROUP + 3 * SECTOR)
