"""Metadata of ZFS pools: by hand, and the measured rows (ZFS 2.1.11, kernel 6.1; snapsim/data/measured/zfs.json)."""

from pathlib import Path

import pytest

from snapsim.replay import load, replay
from snapsim.replays import PLAYERS
from snapsim.replays.zfs import Zfs

DATA = Path(__file__).parent.parent / "snapsim" / "data" / "measured" / "zfs.json"
ROWS = load(str(DATA))
PLAYED = [found["figures"] for found in replay(ROWS, PLAYERS)]
KIB, MIB, SECTOR = 1 << 10, 1 << 20, 4096
GROUP = (3 * 6 * 3 + 4) * SECTOR
"""The pool's own: three passes of six blocks, three copies each; the uberblock in four labels."""
CASES = list(zip(ROWS, PLAYED, strict=True))
WINDOWS = [(row, played) for row, played in CASES if "vdev" in row["figures"]]


def play(*ops):
    created = [{"op": "zpool_create", "pool": "p"}, {"op": "zfs_create", "dataset": "p/d", "recordsize": "128K"}]
    return Zfs(4096).play({"trace": [*created, *ops]}, "trace")


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
    assert figures["properties"]["p/d@s"]["used"] == 128 * KIB                     # of data alone


def test_an_unlinked_file_leaves_its_blocks_of_dnodes():
    """An empty file system: 4 blocks, two of dnodes, 5 levels, object set: 12 sectors, twice."""
    figures = play(*FILE, {"op": "unlink", "dataset": "p/d", "path": "f"}, SYNC)
    assert figures["space"]["p/d"]["used"] == figures["space"]["p/d"]["referenced"] == 24 * SECTOR


# ---------------------------------------------------------------- the measured rows


def is_file_row(row):
    return row["params"].get("kind") != "zvol"


@pytest.mark.parametrize(("row", "played"), WINDOWS, ids=[f"{row['_row']}-{row['workload']}" for row, _ in WINDOWS])
def test_rows(row, played):
    """Metadata within 25 % or 48 KiB, but for zvols that were filled or written at random with the intent log."""
    measured = row["figures"]["vdev"]["written_bytes"] - played["vdev_records"]["written_bytes"]
    if is_file_row(row) or row["workload"] not in ("fill_zvol_64m", "overwrite_100_random_4k_one_txg"):
        assert abs(metadata(played) - measured) <= max(0.25 * measured, 48 * KIB)


def test_share_of_rows():
    """All rows: at least 95 of 100 within the demand."""
    within = 0
    for row, played in WINDOWS:
        measured = row["figures"]["vdev"]["written_bytes"] - played["vdev_records"]["written_bytes"]
        within += abs(metadata(played) - measured) <= max(0.25 * measured, 48 * KIB)
    assert within >= 0.95 * len(WINDOWS)


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
    """They were filled with one byte a MiB, so that their indirect blocks take less than here: never more."""
    for row, played in CASES:
        for name, real in (row["figures"].get("properties") or {}).items() if not is_file_row(row) else ():
            for key in ("referenced", "written"):
                more = played["space"][name][key] - real[key]
                assert -2 * SECTOR <= more <= 2 * 8 * 9 * SECTOR
