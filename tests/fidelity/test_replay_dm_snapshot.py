"""Traces of dm-snapshot: every row measured on Linux 6.1 (snapsim/data/measured), and traces made by hand."""

import json

import pytest
from places import SHIPPED

from snapsim.base.errors import InvalidInput
from snapsim.fidelity import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.fidelity.replays.dm_snapshot import DmSnapshotPlayer
from snapsim.measure import trace

MEASURED = SHIPPED / "measured" / "dm-snapshot.json"
ROWS = trace.load(str(MEASURED))
BYTES = ("read_bytes", "written_bytes")
KIB, MIB = 1024, 1 << 20

TIMING = (
    "a 1 MiB request has all its chunks on their way at once, and how many share a metadata write is a matter "
    "of timing: snapsim/data/measured says so in the row's note"
)
UNREPEATABLE = {
    ("dm-snapshot-005", "origin_4_sequential_1m"): TIMING,  # store P, chunks of 4 KiB
    ("dm-snapshot-010", "origin_4_sequential_1m"): TIMING,  # 16 KiB
    ("dm-snapshot-015", "origin_4_sequential_1m"): TIMING,
}  # 64 KiB
MERGING = {
    f"dm-snapshot-{number:03d}": "the states seen while a merge runs depend on when one looks, but for the last"
    for number in range(76, 85)
}


def name(row):
    return f"{row['scenario']}-{row['workload']}-{row['params']['store']}-{row['params']['chunk_sectors']}"


@pytest.fixture(scope="module")
def replayed():
    return [entry["figures"] for entry in replay.replay(ROWS, PLAYERS, MEASURED.name)]


def exact(figures):
    """What can be held against a measurement: bytes, states, results. (Requests merge in the disk's queue.)"""
    if isinstance(figures, dict) and "read_bytes" in figures:
        return {key: figures[key] for key in BYTES}
    if isinstance(figures, dict):
        return {key: exact(value) for key, value in figures.items()}
    return figures


def test_the_rows_are_all_there():
    """226 rows in 84 scenarios; three of them, and the states of nine, are named above as unrepeatable."""
    assert (len(ROWS), len({row["scenario"] for row in ROWS})) == (226, 84)
    named = {(row["scenario"], row["workload"]) for row in ROWS}
    assert set(UNREPEATABLE) <= named
    assert {(scenario, "merge") for scenario in MERGING} <= named


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[name(row) for row in ROWS])
def test_measured(number, replayed):
    """Every key of the measured figures: bytes of origin, cow and cowN, sectors, states, results."""
    row, found = ROWS[number], replayed[number]
    wanted = exact({key: value for key, value in row["figures"].items() if key != "figure_includes"})
    found = {key: found[key] for key in wanted}
    if (row["scenario"], row["workload"]) in UNREPEATABLE:
        wanted["cow"]["written_bytes"] = found["cow"]["written_bytes"]  # bounds: test_shared_commits
    if row["scenario"] in MERGING:
        assert len(found["statuses"]) == 1
        wanted["statuses"] = wanted["statuses"][-1:]
    got = {
        key: {inner: exact(value)[inner] for inner in wanted[key]} if isinstance(wanted[key], dict) else value
        for key, value in exact(found).items()
    }
    assert got == wanted


@pytest.mark.parametrize("key", UNREPEATABLE, ids=lambda key: key[0])
def test_shared_commits(key, replayed):
    """4 MiB in chunks of c: n = 4 MiB / c copies of c, n // E areas zeroed; commits between sharing all and none.

    Sharing all: one a request, or one a full area. Sharing none: n. c = 4 KiB, E = 256: 1024 copies, 4 zeroed, 4 to
    1024 commits. Both the measured bytes and the model's lie there, the model's at the lower end.
    """
    number = next(n for n, row in enumerate(ROWS) if (row["scenario"], row["workload"]) == key)
    chunk = ROWS[number]["settings"]["chunk"]
    copies, per_area = 4 * MIB // chunk, chunk // 16
    least = chunk * (copies + copies // per_area + 4)
    most = chunk * (copies + copies // per_area + copies)
    measured, model = (figures["cow"]["written_bytes"] for figures in (ROWS[number]["figures"], replayed[number]))
    assert least == model <= measured <= most
    assert (measured - chunk * copies) % chunk == 0


def test_the_same_as_json(replayed):
    """What is printed is JSON: no numpy numbers."""
    assert json.loads(json.dumps(replayed)) == replayed


# -------------------------------------------------------------------- by hand

CHUNK = 32 * KIB  # 8 blocks, E = 2048


def create(number, store="P", cow_bytes=MIB, chunk=CHUNK):
    return {
        "op": "create_snapshot",
        "id": f"s{number}",
        "of": "origin",
        "store": store,
        "chunk": chunk,
        "cow_bytes": cow_bytes,
    }


def write(to, *at, size=8 * KIB):
    return {"op": "write", "to": to, "bytes": size, "offsets": list(at)}


def play(*traces, workload="by_hand", block_size=4096):
    """Rows of one scenario, each trace between begin and end; the figures of each row."""
    player = DmSnapshotPlayer(block_size)
    origin = [{"op": "create_origin", "id": "origin", "bytes": 4 * MIB}]
    rows = [
        {"workload": workload, "trace": [*first, {"op": "begin"}, *trace, {"op": "end"}]}
        for first, trace in zip([origin] + [[]] * len(traces), traces, strict=False)
    ]
    return [player.play(row, "trace") for row in rows]


def bytes_of(figures, *devices):
    return [tuple(figures[device][key] for key in BYTES) for device in devices]


def test_three_snapshots_of_32_kib():
    """c = 32 KiB. An 8 KiB write in chunk 1 at offset 40 KiB: 3c read, 8 KiB written; each store gets c + c.

    The second one, at 60 KiB, covers the ends of chunks 1 and 2: chunk 2 is new, so the same again. The third
    (0, chunk 0; it ends at 8 KiB) once more. Allocated: 2 + 3 chunks of 64 sectors.
    """
    made, wrote = play([create(0), create(1), create(2)], [write("origin", 40 * KIB, 60 * KIB, 0)])
    assert bytes_of(made, "origin", "cow", "cow0") == [(0, 0), (3 * CHUNK, 6 * CHUNK), (CHUNK, 2 * CHUNK)]
    assert bytes_of(wrote, "origin", "cow", "cow1") == [(9 * CHUNK, 24 * KIB), (0, 18 * CHUNK), (0, 6 * CHUNK)]
    assert wrote["status_all"] == ["0 8192 snapshot 320/2048 128"] * 3
    assert (wrote["status_before"], wrote["allocated_sectors"], wrote["metadata_sectors"]) == (
        "0 8192 snapshot 128/2048 128",
        320,
        128,
    )


def test_a_request_that_makes_two_exceptions():
    """8 KiB at 28 KiB cover the last block of chunk 0 and the first of chunk 1, both new.

    Origin: 2c read, 8 KiB written. Store: 2c copied and one shared commit, 3c; transient: 2c.
    """
    for store, written in (("P", 3 * CHUNK), ("N", 2 * CHUNK)):
        _, wrote = play([create(0, store)], [write("origin", 28 * KIB)])
        assert bytes_of(wrote, "origin", "cow") == [(2 * CHUNK, 8 * KIB), (0, written)]


def test_staggered_snapshots():
    """Chunk 0 before s1 exists: s0 copies. Again after: s1 copies, s0 has it. Chunk 3: both copy."""
    player = DmSnapshotPlayer(4096)
    figures = []
    for first, at in (
        ([{"op": "create_origin", "id": "origin", "bytes": 4 * MIB}, create(0)], 0),
        ([{"op": "suspend", "id": "origin"}, create(1), {"op": "resume", "id": "origin"}], 4096),
        ([], 3 * CHUNK),
    ):
        trace = [*first, {"op": "begin"}, write("origin", at), {"op": "end"}]
        figures.append(player.play({"trace": trace}, "trace"))
    assert [
        bytes_of(figure, "origin", *[device for device in ("cow0", "cow1") if device in figure]) for figure in figures
    ] == [
        [(CHUNK, 8 * KIB), (0, 2 * CHUNK)],
        [(CHUNK, 8 * KIB), (0, 0), (0, 2 * CHUNK)],
        [(2 * CHUNK, 8 * KIB), (0, 2 * CHUNK), (0, 2 * CHUNK)],
    ]
    assert "status_all" not in figures[0]
    assert figures[2]["status_all"] == ["0 8192 snapshot 256/2048 128"] * 2


def test_interleaved_writes():
    """Two snapshots, chunks of 32 KiB, 8 KiB requests.

    1. s0 at 28 KiB: parts of new chunks 0 and 1: 2c read of the origin, to cow0 2c copied, c committed, 8 KiB.
    2. origin at 28 KiB: s0 has both chunks; s1 copies two: 2c read, to cow1 2c and a commit of c; 8 KiB to the origin.
    3. s1 at 32 KiB: chunk 1, which it has: 8 KiB to cow1.
    4. a whole chunk (32 KiB at 64 KiB) to s0: no read; c of data, c committed.
    5. reading 8 KiB at 28 KiB of s0: 8 KiB from cow0; at 96 KiB: 8 KiB from the origin.
    """
    trace = [
        write("s0", 28 * KIB),
        write("origin", 28 * KIB),
        write("s1", 32 * KIB),
        write("s0", 64 * KIB, size=CHUNK),
        {"op": "read", "to": "s0", "bytes": 8 * KIB, "offset": 28 * KIB},
        {"op": "read", "to": "s0", "bytes": 8 * KIB, "offset": 96 * KIB},
    ]
    _, found = play([create(0), create(1)], trace)
    assert bytes_of(found, "origin", "cow0", "cow1") == [
        (2 * CHUNK + 2 * CHUNK + 8 * KIB, 8 * KIB),
        (8 * KIB, 3 * CHUNK + 8 * KIB + 2 * CHUNK),
        (0, 3 * CHUNK + 8 * KIB),
    ]
    assert found["cow"]["written_bytes"] == found["cow0"]["written_bytes"] + found["cow1"]["written_bytes"]
    assert found["status_all"] == ["0 8192 snapshot 320/2048 128", "0 8192 snapshot 256/2048 128"]


def test_one_block_requests_are_played_as_one_array():
    """Blocks 0, 1, 8 and 0 of 4 KiB, given as offsets or as stride and count: chunks 0 and 1, each with its commit."""
    _, found, strided = play(
        [create(0)],
        [write("origin", 0, 4 * KIB, CHUNK, 0, size=4096)],
        [{"op": "write", "to": "origin", "bytes": 4096, "offset": 3 * CHUNK, "stride": -4096, "count": 9}],
    )
    assert bytes_of(found, "origin", "cow") == [(2 * CHUNK, 4 * 4096), (0, 4 * CHUNK)]
    assert bytes_of(strided, "origin", "cow") == [(2 * CHUNK, 9 * 4096), (0, 4 * CHUNK)]  # chunks 3 and 2


def test_states_as_lists():
    """Where the row's own figures have a list of states, one per snapshot, so has the answer."""
    player = DmSnapshotPlayer(4096)
    trace = [
        {"op": "create_origin", "id": "origin", "bytes": 4 * MIB},
        create(0),
        create(1, "N"),
        {"op": "begin"},
        write("s1", 0),
        {"op": "end"},
    ]
    found = player.play({"trace": trace, "figures": {"status_before": [], "status_after": []}}, "trace")
    assert found["status_before"] == ["0 8192 snapshot 128/2048 128", "0 8192 snapshot 0/2048 0"]
    assert found["status_after"] == ["0 8192 snapshot 128/2048 128", "0 8192 snapshot 64/2048 0"]


def test_overflow_with_another_chunk():
    """A store of 4 chunks of 32 KiB has room for 2 exceptions; the third write of s0 fails, the origin's goes on."""
    player = DmSnapshotPlayer(4096)
    trace = [
        {"op": "create_origin", "id": "origin", "bytes": 4 * MIB},
        {"op": "begin"},
        create(0, "PO", 4 * CHUNK),
        {"op": "end"},
        {"op": "begin"},
        {"op": "write", "to": "s0", "bytes": 4096, "offset": 0, "stride": CHUNK, "count": 4},
        {"op": "end"},
        {"op": "read", "to": "s0", "bytes": 4096, "offsets": [0, 7 * CHUNK]},
        {"op": "write", "to": "origin", "bytes": 4096, "offset": 6 * CHUNK},
        {"op": "begin"},
        {"op": "write", "to": "origin", "bytes": 4096, "offset": 5 * CHUNK},
        {"op": "end"},
        {"op": "close", "id": "s0"},
        {"op": "reopen", "id": "s0"},
    ]
    found = player.play({"trace": trace}, "trace")
    start = "0 8192 snapshot"
    assert found["results"] == ["ok", "ok", "EIO", "EIO"]
    assert found["statuses"] == [
        f"{start} 128/256 128",
        f"{start} 192/256 128",
        f"{start} 256/256 128",
        f"{start} Overflow",
        f"{start} Overflow",
    ]
    assert (found["writes_ok"], found["first_write_with_changed_state"]) == (2, 3)
    assert found["after"] == {
        "read_snapshot_copied_chunk": "ok",
        "read_snapshot_unmodified": "ok",
        "write_origin_new_chunk": "ok",
        "status": f"{start} Invalid",
    }
    assert bytes_of(found["write_to_origin_when_invalid"], "origin", "cow") == [(0, 4096), (0, 0)]
    assert bytes_of(found, "origin", "cow") == [(2 * CHUNK, 0), (0, 4 * CHUNK + 2 * 4096)]
    assert (found["reopened"], found["write_to_origin_when_invalid"]["allocated_sectors"]) == (f"{start} Invalid", None)


def test_requests_that_fail_inside_an_array():
    """Outside overflow rows: room for 2 chunks of 8 writes, PO. Each failed write costs nothing: 2 (2c + 4 KiB)."""
    _, found = play(
        [create(0, "PO", 4 * CHUNK)],
        [{"op": "write", "to": "s0", "bytes": 4096, "offset": 0, "stride": CHUNK, "count": 8}],
    )
    assert bytes_of(found, "origin", "cow") == [(2 * CHUNK, 0), (0, 4 * CHUNK + 2 * 4096)]
    assert found["status_after"] == "0 8192 snapshot Overflow"


def test_merge():
    """Chunks 5, 6 and 2 in s0, closed, then merged: header and the only area inside 1 MiB (32 chunks) are read, 2c.

    Backwards: run {2}, then {5, 6}: 3c read and 3c written to the origin, 2 commits.
    """
    _, found = play(
        [
            create(0),
            {"op": "open_origin", "id": "origin"},
            write("s0", 5 * CHUNK, 6 * CHUNK, 2 * CHUNK),
            {"op": "close", "id": "origin"},
            {"op": "close", "id": "s0"},
        ],
        [{"op": "merge", "id": "s0", "into": "origin", "store": "P", "chunk": CHUNK}],
    )
    assert bytes_of(found, "origin", "cow") == [(0, 3 * CHUNK), (5 * CHUNK, 2 * CHUNK)]
    assert found["status_before_merge"] == "0 8192 snapshot 320/2048 128"
    assert found["statuses"] == ["0 8192 snapshot-merge 128/2048 128"]


# -------------------------------------------------------------------- bad input

GOOD = [{"op": "create_origin", "id": "origin", "bytes": MIB}, create(0)]


@pytest.mark.parametrize(
    ("op", "says"),
    [
        ({"op": "explode"}, r"row.trace\[2\].op: 'explode' is not allowed: create_origin, create_snapshot, merge"),
        ({}, r"row.trace\[2\].op: null"),
        ({"op": ["write"]}, r"row.trace\[2\].op"),
        (write("s7", 0), r"row.trace\[2\].to: 's7' is not allowed: origin, s0"),
        ({"op": "close", "id": "s1"}, r"row.trace\[2\].id: 's1'"),
        ({"op": "create_origin", "id": "origin", "bytes": MIB}, r"row.trace\[2\].op: there is an origin already"),
        (create(0), r"row.trace\[2\].id: 's0' is not allowed"),
        ({**create(1), "id": "../s1"}, r"row.trace\[2\].id"),
        (create(1, chunk=16 * KIB), r"row.trace\[2\].chunk: 16384 is not allowed: 32768, as before"),
        (create(1, "Q"), r"row.trace\[2\].store: 'Q' is not allowed: P, PO, N"),
        (create(1, cow_bytes=CHUNK), r"row.trace\[2\]: a COW device of 1 chunks"),
        (create(1, cow_bytes=1 << 49), r"row.trace\[2\].cow_bytes: 562949953421312 is not allowed"),
        (write("origin", 100), r"row.trace\[2\].offset: not every offset is a multiple of 4096"),
        (write("origin", MIB), r"row.trace\[2\]: block 257 is outside"),
        (write("origin", 0, size=0), r"row.trace\[2\].bytes: 0 is not allowed"),
        (write("origin", 0, size=2.5), r"row.trace\[2\].bytes: 2.5"),
        ({"op": "write", "to": "origin", "bytes": 4096, "offset": 0, "stride": 10**30, "count": 3}, "last offset"),
        ({"op": "write", "to": "origin", "bytes": 4096, "offset": float("nan")}, "offset: NaN"),
        ({"op": "reopen", "id": "s0"}, r"row.trace\[2\]: .* is open"),
        ({"op": "end"}, "'end' without 'begin'"),
    ],
)
def test_bad_operations(op, says):
    """The place, the value, and what is allowed."""
    with pytest.raises(InvalidInput, match=says):
        DmSnapshotPlayer(4096).play({"trace": [*GOOD, op]}, "row")


def test_nothing_before_the_origin():
    for op in (create(0), write("origin", 0)):
        with pytest.raises(InvalidInput, match="create_origin comes first"):
            DmSnapshotPlayer(4096).play({"trace": [op]}, "t")


def test_no_io_on_a_closed_snapshot():
    with pytest.raises(InvalidInput, match="is closed"):
        DmSnapshotPlayer(4096).play({"trace": [*GOOD, {"op": "close", "id": "s0"}, write("s0", 0)]}, "t")


def test_what_cannot_be_merged():
    """A transient store says so."""
    with pytest.raises(InvalidInput, match="transient"):
        DmSnapshotPlayer(4096).play({"trace": [GOOD[0], create(0, "N"), {"op": "merge", "id": "s0"}]}, "t")


def test_hostile_offsets():
    """A number where a list is wanted, found while the block size is sought."""
    row = {"scenario": "dm-snapshot-x", "trace": [*GOOD, {"op": "write", "to": "origin", "bytes": 4096, "offsets": 5}]}
    with pytest.raises(InvalidInput, match="offset"):
        replay.replay([row], PLAYERS)
