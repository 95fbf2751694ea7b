"""dm-thin's traces: every row that was measured on Linux 6.1, and traces made by hand."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHIPPED

from snapsim.base.errors import InvalidInput
from snapsim.fidelity.replay import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.measure.trace import load

MEASURED = SHIPPED / "measured" / "dm-thin.json"
KIB = 1024
NOT_MODELLED = {"seconds", "default_no_space_timeout", "timeout_used", "commits", "data", "metadata", "statuses"}


@pytest.fixture(scope="module")
def pairs():
    """(the measured figures, the model's) of each row, with its workload."""
    rows = load(str(MEASURED))
    return [
        (row["workload"], row["figures"], found["figures"])
        for row, found in zip(rows, replay(rows, PLAYERS), strict=True)
    ]


# ---------------------------------------------------------------- what was measured


@pytest.mark.parametrize("key", ["reads", "read_bytes", "written_bytes", "discarded_bytes"])
def test_data_device(pairs, key):
    """All 223 rows with counters, exactly. (Writes are not compared: the kernel counts empty flushes as writes.)"""
    both = [(real["data"].get(key, 0), model["data"].get(key, 0)) for _, real, model in pairs if "data" in real]
    assert len(both) == 223
    assert [pair for pair in both if pair[0] != pair[1]] == []


def test_all_other_figures(pairs):
    """Pool and thin status, used blocks, results, what was tried after the pool was full, curves, states: all equal."""
    compared = Counter()
    for workload, real, model in pairs:
        for key in real.keys() - NOT_MODELLED:
            assert model[key] == real[key], (workload, key)
            compared[key] += 1
    assert compared == {
        "pool_status": 227,
        "thin_status": 219,
        "used_data_blocks": 219,
        "used_meta_blocks": 219,
        "result": 36,
        "results": 4,
        "after": 5,
        "after_growing": 4,
        "states": 1,
        "mapped_blocks_vs_used_meta_blocks": 5,
        "used_meta_after_each_snapshot_and_after_a_write": 4,
    }


def test_statuses_between_writes(pairs):
    """The four out_of_data_space rows: equal but for commits of the one-second timer, which no trace can tell.

    In the middle of a transaction 4 more blocks are in use, 423; a status that the timer came before has 419. The
    runs took up to 5 s but for the write that waited, so that at most two of 19 statuses of a row are such.
    """
    rows = [(real["statuses"], model["statuses"]) for workload, real, model in pairs if "statuses" in real]
    assert len(rows) == 4
    for real, model in rows:
        differing = [(ours, theirs) for ours, theirs in zip(model, real, strict=True) if ours != theirs]
        assert all(ours.replace(" 423/", " 419/") == theirs for ours, theirs in differing)
        assert len(differing) <= 2


def test_metadata_bytes(pairs):
    """Written bytes of all 197 rows with no commit or one, exactly: new blocks and the superblock.

    Not compared: rows in which the timer added a commit (more than one), and the four create_pool, where the kernel
    writes 61440 bytes in its two first commits and the model 53248.
    """
    both = [
        (real["metadata"]["written_bytes"], model["metadata"]["written_bytes"])
        for _, real, model in pairs
        if real.get("commits", 2) < 2
    ]
    assert len(both) == 197
    assert [pair for pair in both if pair[0] != pair[1]] == []


def test_commits(pairs):
    """All 197 rows with no commit or one, and the row that runs out of metadata space: 899 commits, give or take 2.

    There the pool commits at each of the last 870 writes, since nothing but the reserve is left, and at 23 flushes;
    the run took 7 s, in which the timer may have come before some of them.
    """
    both = [(real["commits"], model["commits"]) for _, real, model in pairs if real.get("commits", 2) < 2]
    assert len(both) == 197
    assert [pair for pair in both if pair[0] != pair[1]] == []
    (full,) = [
        (real["commits"], model["commits"]) for workload, real, model in pairs if workload == "out_of_metadata_space"
    ]
    assert abs(full[0] - full[1]) <= 2, full


def test_more_commits_write_more(pairs):
    """Rows with timer commits: the kernel wrote as much as the model, or more, and at most that much a commit."""
    rows = [
        (real["commits"], real["metadata"]["written_bytes"], model["metadata"]["written_bytes"])
        for _, real, model in pairs
        if 1 < real.get("commits", 0) < 10
    ]
    assert len(rows) == 21
    assert all(ours <= theirs <= commits * ours for commits, theirs, ours in rows)


# ---------------------------------------------------------------- by hand


def create(block=128 * KIB, zeroing=True, data=16 << 20, **more):
    return {
        "op": "create_pool",
        "data_bytes": data,
        "metadata_bytes": 16 << 20,
        "block": block,
        "low_water": 0,
        "zeroing": zeroing,
        "no_space": "queue",
        "no_space_timeout": 60,
        "discard": "passdown",
        **more,
    }


def thin(number=0, size=8 << 20):
    return [
        {"op": "create_thin", "id": f"thin{number}", "bytes": size},
        {"op": "activate", "id": f"thin{number}", "bytes": size},
    ]


def snap(new, of):
    return [
        {"op": "suspend", "id": f"thin{of}"},
        {"op": "create_snap", "id": f"thin{new}", "of": f"thin{of}"},
        {"op": "resume", "id": f"thin{of}"},
        {"op": "activate", "id": f"thin{new}", "bytes": 8 << 20},
    ]


def request(kind, number, offset, size, **more):
    return {"op": kind, "to": f"thin{number}", "offset": offset, "bytes": size, **more}


def window(*ops):
    return [{"op": "commit"}, {"op": "begin"}, *ops, {"op": "end"}, {"op": "commit"}]


def run(*traces):
    rows = [{"scenario": "dm-thin-hand", "workload": str(n), "trace": trace} for n, trace in enumerate(traces)]
    return [found["figures"] for found in replay(rows, PLAYERS)]


@pytest.mark.parametrize(("zeroing", "written"), [(True, 2 * 131072 + 12288), (False, 12288)])
def test_12_kib_across_two_new_blocks(zeroing, written):
    """128 KiB blocks, 12 KiB at 124 KiB: two provisioned, 2 b of zeros where zeroing is on; then both are mapped."""
    ops = request("write", 0, 124 * KIB, 12 * KIB)
    first, again = run([create(zeroing=zeroing), *thin(), *window(ops)], window(ops))
    assert first["data"] == {"reads": 0, "read_bytes": 0, "writes": 2 * zeroing + 2, "written_bytes": written}
    assert (first["used_data_blocks"], first["thin_status"]) == ([0, 2], {"thin0": "0 16384 thin 512 511"})
    assert (again["data"]["written_bytes"], again["used_data_blocks"]) == (12288, [2, 2])


def test_a_chain_of_four_with_writes_in_between_and_the_middle_deleted():
    """64 blocks of 128 KiB, 8 written. For i in 0..3: thin i+1 of thin i, then 12 KiB at 124 KiB of thin i.

    Each write crosses into two shared blocks: 2 b read, 2 b + 12288 written, 2 more used: 8 + 4 * 2 = 16. Deleting
    thin2 (closed first) frees the two copies it made after thin3 was taken of it: 14. Its parent's are its own.
    """
    b = 128 * KIB
    traces = [[create(), *thin(), request("write", 0, 0, 8 * b)]]
    for i in range(4):
        traces.append([*snap(i + 1, i), *window(request("write", i, 124 * KIB, 12 * KIB))])
    traces.append([{"op": "close", "id": "thin2"}, *window({"op": "delete", "id": "thin2"})])
    found = run(*traces)
    for i, figures in enumerate(found[1:5]):
        assert (figures["data"]["read_bytes"], figures["data"]["written_bytes"]) == (2 * b, 2 * b + 12288)
        assert figures["used_data_blocks"] == [8 + 2 * i, 10 + 2 * i]
    assert (found[5]["data"], found[5]["used_data_blocks"]) == (
        {"reads": 0, "read_bytes": 0, "writes": 0, "written_bytes": 0},
        [16, 14],
    )
    assert list(found[5]["thin_status"]) == ["thin0", "thin1", "thin3", "thin4"]


class OneByOne:
    """dm-thin told one request at a time, with dictionaries: virtual block -> (pool block, time)."""

    def __init__(self, block, zeroing):
        self.block, self.zeroing, self.time, self.next = block, zeroing, 0, 0
        self.maps, self.snapped, self.bill = {0: {}}, {0: 0}, Counter()

    def snap(self, new, of):
        self.time += 1
        self.maps[new] = dict(self.maps[of])
        self.snapped[new] = self.snapped[of] = self.time

    def write(self, number, offset, size):
        while size:
            block, inside = divmod(offset, self.block)
            length = min(size, self.block - inside)
            place = self.maps[number].get(block)
            if place is None or place[1] < self.snapped[number]:
                if length < self.block and place is not None:
                    self.bill["read"] += self.block
                    self.bill["written"] += self.block
                elif length < self.block and self.zeroing:
                    self.bill["written"] += self.block
                self.maps[number][block] = (self.next, self.time)
                self.next += 1
            self.bill["written"] += length
            offset, size = offset + length, size - length

    def used(self):
        return len({place for each in self.maps.values() for place, _ in each.values()})


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([64, 128, 192]))
@settings(max_examples=15, deadline=None)
def test_random_chains_agree_with_one_request_at_a_time(seed, zeroing, block):
    """A chain of 4, 20 writes of 12 KiB after each snapshot to any of it, thin2 deleted: bytes and used blocks."""
    draw, oracle = random.Random(seed), OneByOne(block * KIB, zeroing)
    traces, wanted = [[create(block * KIB, zeroing, data=48 << 20), *thin()]], []
    for i in range(5):
        ops = [(draw.randrange(i + 1), draw.randrange(2045) * 4096) for _ in range(20)]
        traces.append([*(snap(i, i - 1) if i else []), *window(*[request("write", n, at, 12288) for n, at in ops])])
        if i:
            oracle.snap(i, i - 1)
        oracle.bill, before = Counter(), oracle.used()
        for number, offset in ops:
            oracle.write(number, offset, 12288)
        wanted.append((oracle.bill["read"], oracle.bill["written"], [before, oracle.used()]))
    traces.append([{"op": "close", "id": "thin2"}, *window({"op": "delete", "id": "thin2"})])
    before = oracle.used()
    del oracle.maps[2]
    wanted.append((0, 0, [before, oracle.used()]))
    assert [
        (f["data"]["read_bytes"], f["data"]["written_bytes"], f["used_data_blocks"]) for f in run(*traces)[1:]
    ] == wanted


def test_messages_that_fail_say_what_dmsetup_says():
    """A taken id, an unknown device, an active one: the figures of what came behind the window."""
    found = run(
        [
            create(),
            *thin(),
            {"op": "commit"},
            {"op": "begin"},
            {"op": "flush", "to": "thin0"},
            {"op": "end"},
            {"op": "commit"},
            {"op": "create_thin", "id": "thin0", "bytes": 4096},
            {"op": "create_snap", "id": "thin2", "of": "thin7"},
            {"op": "delete", "id": "thin0"},
        ]
    )[0]["after"]
    assert {name: text.split("failed: ")[1].split("\n")[0] for name, text in found.items()} == {
        "create_thin": "File exists",
        "create_snap": "No data available",
        "delete": "Device or resource busy",
    }


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("ops", "place"),
    [
        ([{"op": "write", "to": "thin0", "offset": 0, "bytes": 4096}], "trace[0]"),
        ([create(), create()], "trace[1]"),
        ([create(block=1000)], "trace[0]"),
        ([create(no_space="perhaps")], "trace[0]"),
        ([create(no_space=["queue"])], "trace[0]"),
        ([create(zeroing="no")], "trace[0].zeroing"),
        ([create(data=-1)], "trace[0].data_bytes"),
        ([create(metadata_bytes=8192)], "trace[0]"),
        ([create(), *thin(), {"op": "scribble"}], "trace[3].op"),
        ([create(), {"op": "activate", "id": "thin1", "bytes": 4096}], "trace[1].id"),
        ([create(), {"op": "create_thin", "id": "fat0", "bytes": 4096}], "trace[1].id"),
        ([create(), {"op": "flush", "to": "thin0"}], "trace[1].to"),
        ([create(), *thin(), {"op": "close", "id": "thin0"}, request("read", 0, 0, 4096)], "trace[4].to"),
        ([create(), *thin(), request("write", 0, 8 << 20, 4096)], "trace[3]"),
        ([create(), *thin(), request("discard", 0, -4096, 4096)], "trace[3].offset"),
        ([create(), {"op": "grow", "id": "thin0", "bytes": 1}], "trace[1].id"),
        ([create(), {"op": "grow", "id": "pool", "bytes": 32 << 20}, {"op": "resume", "id": "pool"}], "trace[2]"),
        ([create(), {"op": "grow", "id": "pool", "bytes": 0}, {"op": "resume", "id": "pool"}], "trace[2]"),
        ([create(), {"op": "end"}], "trace[1]"),
    ],
)
def test_operations_that_are_none_name_their_place(ops, place):
    with pytest.raises(InvalidInput) as caught:
        run(ops)
    assert f"rows[0].{place}" in str(caught.value)
