"""Every measured row of ZFS (2.1.11, kernel 6.1; snapsim/data/measured/zfs.json), and traces by hand.

Records are exact. What the vdev moves beyond them is metadata, bounded from below by the model and from above by the
structures that ZFS writes; no number below was fitted.
"""

import json

import pytest
from places import SHIPPED

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.base.units import parse_size
from snapsim.block.snapshots.records.zpool import zvol_reservation
from snapsim.fidelity.replay import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.fidelity.replays.zfs import ZfsPlayer
from snapsim.measure.trace import load

DATA = SHIPPED / "measured" / "zfs.json"
ROWS = load(str(DATA))
PLAYED = [found["figures"] for found in replay(ROWS, PLAYERS)]
NAMES = [
    f"{number}-{row['workload']}-{row['params'].get('recordsize') or row['params'].get('volblocksize')}"
    for number, row in enumerate(ROWS)
]
KiB, MiB = 1 << 10, 1 << 20
FILE = 64 * MiB
SECTOR, LEVELS, DNODES = 4 * KiB, 6, 16 * KiB  # ashift 12; a dnode object's levels above its blocks; a dnode block

GROUP = 4 * SECTOR + 3 * ((1 + LEVELS) * SECTOR + 12 * DNODES) + 2 * ((1 + LEVELS) * SECTOR + 2 * DNODES)
"""Most that one transaction group writes beside records and the indirect blocks above them: uberblocks in four labels;
the MOS in three copies (object set and the levels above its dnodes: few pointers each, a sector; blocks of dnodes,
directories, deadlists, space maps: 12 of 16 KiB); the dataset in two copies (the same, dnodes in 2 blocks)."""


def record_size(row):
    return parse_size(row["params"].get("recordsize") or row["params"].get("volblocksize") or 128 * KiB)


def indirect_blocks(row, records):
    """Most indirect blocks above so many records: one each, at most all of the file (1024 pointers each) and one
    above."""
    every = -(-(FILE // record_size(row) + 1) // 1024)
    return min(records, every) + (1 if records and every > 1 else 0)


def groups(row):
    """Transaction groups in the window: each flushes the disk twice, before and after the uberblock."""
    return -(-row["figures"]["vdev"].get("flushes", 0) // 2)


MEASURED = [pytest.param(row, played, id=name) for row, played, name in zip(ROWS, PLAYED, NAMES, strict=True)]
WINDOWS = [case for case in MEASURED if "vdev" in case.values[0]["figures"]]
BOOKS = [case for case in MEASURED if case.values[0]["figures"].get("properties")]


def touched(row):
    """Distinct records that the trace of a row changes in each transaction group, by its offsets alone, and their
    bytes: a file that is shorter than a record has a record of its own length, in sectors."""
    size, dirty, total, short, inside = record_size(row), set(), 0, 0, False
    for op in row["trace"]:
        if op["op"] in ("begin", "end"):
            inside = op["op"] == "begin"
        elif op["op"] == "write" and inside:
            first = op.get("offset", 0)
            where = op.get("offsets") or [first + n * op.get("stride", 0) for n in range(op.get("count", 1))]
            spans = [range(at // size, -(-(at + op["bytes"]) // size)) for at in where]
            dirty |= {(op.get("path"), record) for span in spans for record in span}
            short += size - -(-op["bytes"] // SECTOR) * SECTOR if op.get("truncate") and op["bytes"] < size else 0
        elif op["op"] == "sync":
            total, dirty = total + len(dirty), set()
    return total, total * size - short


@pytest.mark.parametrize(("row", "played"), WINDOWS)
def test_records_are_written_once_a_group(row, played):
    """Records written = distinct records in each group, whole ones of recordsize but for short files. Measured
    minus these is metadata: at least what the model counts, at most GROUP a group, and 2 copies of 128 KiB for each
    indirect block."""
    records, moved = touched(row)
    assert (played["records_written"], played["vdev_records"]["written_bytes"]) == (records, moved)
    metadata = row["figures"]["vdev"]["written_bytes"] - moved
    least = played["vdev"]["written_bytes"] - moved
    syncs = max(1, sum(op["op"] == "sync" for op in row["trace"][row["trace"].index({"op": "begin"}) :]))
    most = groups(row) * GROUP + syncs * 2 * 128 * KiB * indirect_blocks(row, -(-records // syncs))
    assert 0 <= metadata <= most
    assert 0 <= least <= metadata
    assert "distinct_records" not in row["params"] or row["params"]["distinct_records"] == records


@pytest.mark.parametrize(("row", "played"), WINDOWS)
def test_records_are_read_where_the_cache_is_cold(row, played):
    """A byte changed after export and import reads its record; nothing else does. What is read beside it is metadata:
    the indirect blocks above the records that change or go, and four blocks of dnodes or of the pool; and where a
    zvol was cloned, udev reads the new device here and there (not in the trace): at most 8 of its records."""
    cold = any(op["op"] == "zpool_export" for op in row["trace"])
    assert played["records_read"] == (1 if cold else 0)
    moved = played["vdev_records"]["read_bytes"]
    assert moved == played["records_read"] * record_size(row)
    gone = any(op["op"] == "unlink" for op in row["trace"])
    changed = FILE // record_size(row) if gone else played["records_written"]
    probed = 8 * record_size(row) if row["params"].get("kind") == "zvol" and row["trace"][1]["op"] == "clone" else 0
    metadata = row["figures"]["vdev"]["read_bytes"] - moved
    assert 0 <= metadata <= 128 * KiB * indirect_blocks(row, changed) + 4 * DNODES + probed


@pytest.mark.parametrize(("row", "played"), BOOKS)
def test_properties_differ_by_metadata_only(row, played):
    """A dataset's own metadata, 2 copies: its indirect blocks, object set, dnodes of it and of 4 objects (root
    directory, master node, attributes, quota) with the levels above. `used` holds this once for the dataset and once
    for each snapshot at most; what is promised to a zvol shrinks by the metadata that is its own. A part of a sector
    counts in logicalused only."""
    objects = 2 * ((1 + LEVELS) * SECTOR + 4 * DNODES)
    own = objects + 2 * 128 * KiB * indirect_blocks(row, FILE // record_size(row))
    for name, measured in row["figures"]["properties"].items():
        model = played["properties"][name]
        assert set(model) == set(measured) or set(measured) - set(model) == {"usedbyrefreservation"}
        snapshots = sum("@" in other for other in row["figures"]["properties"]) + 1
        for key, value in measured.items():
            if isinstance(value, str):
                assert model[key] == value, key
            elif key == "usedbyrefreservation":
                assert -own <= value - model[key] <= 0
            else:
                times = snapshots if key.startswith(("used", "logicalused")) else 1
                assert -SECTOR <= value - model[key] <= own * times, key


def only_overwrites(row):
    return all(op["op"] in ("begin", "end", "sync", "write") and not op.get("truncate") for op in row["trace"])


def test_differences_are_record_arithmetic():
    """Where one indirect block covers the file (records of 128 KiB and 1 MiB), it is new after the first change that
    follows a snapshot or clone. From then on every difference between two rows is records alone, to the byte."""
    compared = 0
    for before, after in zip(range(len(ROWS)), range(1, len(ROWS)), strict=False):
        rows = ROWS[before], ROWS[after]
        if rows[0]["scenario"] != rows[1]["scenario"] or record_size(rows[1]) < 128 * KiB:
            continue
        if not all(only_overwrites(row) for row in rows):
            continue
        for name in rows[1]["figures"]["properties"].keys() & rows[0]["figures"]["properties"].keys():
            for key in ("used", "referenced", "written", "usedbydataset", "usedbysnapshots"):
                real = [row["figures"]["properties"][name].get(key, 0) for row in rows]
                model = [PLAYED[number]["properties"][name].get(key, 0) for number in (before, after)]
                assert real[1] - real[0] == model[1] - model[0], (rows[1]["workload"], name, key)
                compared += 1
    assert compared >= 80


def test_the_promise_to_a_zvol_is_exact():
    """usedbyrefreservation right after creation, plus what the zvol has: volsize and its metadata by
    zvol_reservation."""
    found = 0
    for row, played in zip(ROWS, PLAYED, strict=True):
        if row["workload"] == "create_zvol" and not row["params"]["sparse"]:
            measured = row["figures"]["properties"]["tank/v"]
            promise = measured["usedbyrefreservation"] + measured["usedbydataset"]
            assert promise == zvol_reservation(FILE, record_size(row)) == played["properties"]["tank/v"]["used"]
            found += 1
    assert found == 3


def test_the_words_of_a_refused_destroy():
    said = [
        (row["figures"]["message"], played["message"])
        for row, played in zip(ROWS, PLAYED, strict=True)
        if "message" in row["figures"]
    ]
    assert len(said) == 4
    assert all(real == model for real, model in said)


# ---------------------------------------------------------------- by hand

POOL = {"op": "zpool_create", "pool": "p", "ashift": 12}
SYNC, BEGIN, END = {"op": "sync", "pool": "p"}, {"op": "begin"}, {"op": "end"}


def play(*ops):
    return ZfsPlayer(4096).play({"trace": [POOL, *ops]}, "trace")


def file(record, size, path="f"):
    return [
        {"op": "zfs_create", "dataset": "p/d", "recordsize": record},
        {"op": "write", "dataset": "p/d", "path": path, "truncate": True, "offset": 0, "bytes": size},
        SYNC,
    ]


def change(offset, size=1, dataset="p/d", **more):
    where = {} if offset is None else {"offset": offset}
    return {"op": "write", "dataset": dataset, "path": "f", "bytes": size, **where, **more}


def test_a_write_across_two_records():
    """Records of 32 KiB, cold. 8 KiB from 28 KiB on: 4 KiB in each of two: both read, both written: 65536 each way."""
    figures = play(
        *file("32K", MiB),
        {"op": "zpool_export", "pool": "p"},
        {"op": "zpool_import", "pool": "p"},
        BEGIN,
        change(28 * KiB, 8 * KiB),
        SYNC,
        END,
    )
    assert figures["vdev_records"] == {"read_bytes": 64 * KiB, "written_bytes": 64 * KiB}


def test_a_record_overwritten_to_the_last_byte_but_one_is_read():
    """131071 of 131072 bytes, cold: the last byte is missing, so the record is read; all 131072: it is not."""
    for size, read in ((128 * KiB - 1, 128 * KiB), (128 * KiB, 0)):
        figures = play(*file("128K", MiB), {"op": "zpool_export", "pool": "p"}, BEGIN, change(0, size), SYNC, END)
        assert figures["vdev_records"] == {"read_bytes": read, "written_bytes": 128 * KiB}


def test_interleaved_groups_and_snapshots():
    """Records of 64 KiB, file of 4. s1; record 0 twice in a group, record 1 and 0 in the next; s2; record 0. Written:
    1, 2, 1. s1 has the first 0 and 1 alone: the dataset replaced both before s2. s2 has the second 0 alone."""
    figures = play(
        *file("64K", 256 * KiB),
        {"op": "snapshot", "name": "p/d@s1"},
        BEGIN,
        change(None, 1, offsets=[0, 5000]),
        SYNC,
        change(None, 1, offsets=[70000, 1]),
        SYNC,
        {"op": "snapshot", "name": "p/d@s2"},
        change(9),
        SYNC,
        END,
    )
    assert figures["records_written"] == 4
    books = figures["properties"]
    assert [books[f"p/d@{s}"]["used"] for s in ("s1", "s2")] == [128 * KiB, 64 * KiB]
    assert (books["p/d"]["used"], books["p/d"]["written"]) == (448 * KiB, 64 * KiB)
    assert books["p/d@s2"]["written"] == 128 * KiB


def test_a_small_file_grows():
    """10 bytes: a record of one sector. To 5000: two sectors, written anew. To 200000 (records of 128 KiB): the first
    record becomes full, the second is new and full: 262144."""
    figures = play(*file("128K", 10), BEGIN, change(10, 4990, append=True), SYNC, END)
    assert figures["vdev_records"]["written_bytes"] == 8 * KiB == figures["properties"]["p/d"]["used"]
    figures = play(*file("128K", 10), BEGIN, change(199999, append=True), SYNC, END)
    assert figures["vdev_records"]["written_bytes"] == 256 * KiB == figures["properties"]["p/d"]["used"]


def test_a_file_made_anew_leaves_its_records_to_the_snapshot():
    """A file of 3 records in a snapshot is emptied and has 1 byte: 1 sector in the dataset, 3 records in the
    snapshot."""
    figures = play(*file("128K", 384 * KiB), {"op": "snapshot", "name": "p/d@s"}, change(0, truncate=True), SYNC)
    books = figures["properties"]
    assert (books["p/d"]["referenced"], books["p/d"]["usedbysnapshots"]) == (4 * KiB, 384 * KiB)
    assert books["p/d@s"]["used"] == 384 * KiB


def test_a_zvol_discards_whole_blocks():
    """volblocksize 8 KiB, 4 blocks written, 20 KiB discarded from 4 KiB on: blocks 1 and 2 lie inside: 2 are left."""
    zvol = {"op": "zvol_create", "volume": "p/v", "volblocksize": "8K", "bytes": MiB, "sparse": True}
    figures = play(
        zvol,
        {"op": "write", "to": "p/v", "offset": 0, "bytes": 32 * KiB},
        {"op": "discard", "to": "p/v", "offset": 4 * KiB, "bytes": 20 * KiB},
        {"op": "flush", "to": "p/v"},
        SYNC,
    )
    assert figures["properties"]["p/v"]["used"] == 16 * KiB


def test_reads_of_files_and_what_is_behind_their_end():
    """Cold, 1 byte in the second of two records: one record; behind the end: nothing."""
    figures = play(
        *file("128K", 256 * KiB),
        {"op": "zpool_export", "pool": "p"},
        BEGIN,
        {"op": "read", "dataset": "p/d", "path": "f", "offset": 140000, "bytes": 1},
        {"op": "read", "dataset": "p/d", "path": "f", "offset": MiB, "bytes": 1},
        END,
    )
    assert figures["vdev_records"] == {"read_bytes": 128 * KiB, "written_bytes": 0}
    assert figures["records_read"] == 1


def test_refusals_name_what_depends():
    """A dataset with a snapshot, a snapshot with a clone that has one; a promoted clone takes the snapshot along."""
    ops = [
        *file("128K", 10),
        {"op": "snapshot", "name": "p/d@s"},
        {"op": "clone", "of": "p/d@s", "dataset": "p/c"},
        {"op": "snapshot", "name": "p/c@t"},
    ]
    assert (
        play(*ops, {"op": "destroy", "dataset": "p/d"})["message"]
        == "cannot destroy 'p/d': filesystem has children\nuse '-r' to destroy the following datasets:\np/d@s"
    )
    assert (
        play(*ops, {"op": "destroy", "dataset": "p/d@s"})["message"]
        == "cannot destroy 'p/d@s': snapshot has dependent clones\n"
        "use '-R' to destroy the following datasets:\np/c@t\np/c"
    )
    figures = play(*ops, {"op": "promote", "dataset": "p/c"}, {"op": "destroy", "dataset": "p/d"}, SYNC)
    assert set(figures["properties"]) == {"p/c", "p/c@s", "p/c@t"}
    assert "message" not in figures


@pytest.mark.parametrize(
    ("op", "place"),
    [
        ({"op": "scrub"}, "trace[1].op"),
        ({"op": 3}, "trace[1].op"),
        ({"op": "snapshot", "name": "p/x@s"}, "trace[1].name"),
        ({"op": "zfs_create", "dataset": "p/d", "recordsize": "100K"}, "trace[1].recordsize"),
        ({"op": "zfs_create", "dataset": "p/d", "recordsize": "1K"}, "trace[1].recordsize"),
        ({"op": "zfs_create", "dataset": None}, "trace[1].dataset"),
        ({"op": "zvol_create", "volume": "p/v", "bytes": 5000}, "trace[1].bytes"),
        ({"op": "zvol_create", "volume": "p/v", "bytes": 1 << 50}, "trace[1].bytes"),
        ({"op": "destroy", "dataset": "p/d"}, "trace[1].dataset"),
        ({"op": "write", "to": "p/v", "offset": 0, "bytes": 1}, "trace[1].to"),
        ({"op": "zpool_create", "ashift": 40}, "trace[1].ashift"),
    ],
)
def test_bad_input_names_the_place(op, place):
    with pytest.raises(InvalidInput) as refused:
        play(op)
    assert str(refused.value).startswith(f"trace.{place}: ")


@pytest.mark.parametrize(
    "op",
    [
        change(1 << 49),
        change(-1),
        change(0, -5),
        change(0, "x"),
        change(None, 1, offsets=[0, -4]),
        change(0, path=7),
        {"op": "unlink", "dataset": "p/d", "path": "g"},
        {"op": "unlink", "dataset": "p/d"},
        {"op": "discard", "dataset": "p/d", "path": "f", "offset": 0, "bytes": 4096},
        {"op": "flush", "to": "p/d"},
        {"op": "flush"},
        {"op": "write", "to": "p/d", "offset": 0, "bytes": 4096},
        {"op": "clone", "of": "p/d", "dataset": "p/c"},
    ],
)
def test_bad_writes(op):
    with pytest.raises(InvalidInput):
        play(*file("128K", 10), op)


def test_before_the_pool():
    with pytest.raises(SnapsimError, match="before zpool_create"):
        ZfsPlayer(4096).play({"trace": [{"op": "sync", "pool": "p"}]}, "trace")


def test_figures_are_json():
    assert json.loads(json.dumps(PLAYED)) == PLAYED
