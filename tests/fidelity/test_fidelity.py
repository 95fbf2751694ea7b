"""Demands, judgements and what they add up to; no row of the shipped measurements gets worse; names do not matter."""

import dataclasses
import json
import math
import re

import fidelity_page
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.fidelity import summary as agreement
from snapsim.fidelity.comparison import ComparedTotal, Comparison, Figure, Moved, data_figure, metadata_figure
from snapsim.fidelity.fsync_pace import least_pace, pace, syncs_often
from snapsim.fidelity.judge import device_of, judge, judge_all
from snapsim.fidelity.prediction import predict
from snapsim.fidelity.ranking import differ, pairs
from snapsim.fidelity.tolerances import EXACT, FSYNC_EACH, METADATA, READS, SPACE, possible
from snapsim.lab.stacks import STACKS
from snapsim.measure.measurements import label, load, measured, names, shipped
from snapsim.measure.range import Range, spread
from snapsim.show import plots as plot

KIB, MIB = 1024, 1 << 20


def once(value):
    return Range(value, value, value)


# ---------------------------------------------------------------- demands


@pytest.mark.parametrize(
    ("demand", "told", "low", "high"),
    [
        (EXACT, once(4096), 4096, 4096),
        (METADATA["ext4"], once(40 * KIB), 30 * KIB, 50 * KIB),  # 25 % of 40 KiB are 10, more than 8
        (METADATA["ext4"], once(12 * KIB), 4 * KIB, 20 * KIB),  # 25 % are 3: 8 KiB
        (METADATA["btrfs"], Range(200 * KIB, 180 * KIB, 240 * KIB), 130 * KIB, 290 * KIB),  # 50, beyond the range
        (METADATA["zfs"], once(100 * KIB), 52 * KIB, 148 * KIB),
        (READS, once(64 * MIB), 64 * MIB - 6710886, 64 * MIB + 6710886),  # a tenth, rounded down
        (SPACE, once(0), -128 * KIB, 128 * KIB),
        (FSYNC_EACH, Range(720, 516, 1452), 516, 1452),  # 936 wide; 25 % of 720 twice: 360
        (FSYNC_EACH, Range(720, 700, 740), 540, 900),  # 40 wide: 360 are wider
        (METADATA["xfs"], once(-4 * KIB), -12 * KIB, 4 * KIB),  # more data predicted than measured at all
    ],
)
def test_bounds(demand, told, low, high):
    assert demand.bounds(told) == (low, high)


def test_data_among_metadata():
    """100 KiB predicted, of which 40 are metadata. Measured 90 to 95: 60 fit, the rest of 30 is possible.

    At 50 the data are too many; at 5 MiB the rest is more than 2 * 40 KiB and than 256 KiB, so that data are missing.
    With 1 MiB of metadata predicted, up to 2 MiB may be the rest.
    """
    found = Moved(60 * KIB, 40 * KIB)
    for told, ok in ((Range(92, 90, 95), True), (Range(52, 50, 55), False), (once(316), True), (once(317), False)):
        assert data_figure("x", found, Range(*(value * KIB for value in told))).ok == ok
    assert data_figure("x", Moved(60 * KIB, MIB), once(60 * KIB + 2 * MIB)).ok
    assert not data_figure("x", Moved(60 * KIB, MIB), once(60 * KIB + 2 * MIB)).ok_without
    assert possible(0).bounds(once(MIB)) == (MIB - 256 * KIB, MIB)


def test_metadata_is_what_the_data_leave():
    """Measured 100 to 110 KiB, 60 of data: 40 to 50. Predicted 55: 5 beyond, 25 % of 40 are allowed; none: 40 below."""
    figure = metadata_figure("x", Moved(60 * KIB, 55 * KIB), Range(100 * KIB, 100 * KIB, 110 * KIB), METADATA["ext4"])
    assert figure.measured == Range(40 * KIB, 40 * KIB, 50 * KIB)
    assert (figure.error, figure.allowed, figure.ok, figure.ok_without) == (5 * KIB, 10 * KIB, True, False)
    assert (dataclasses.replace(figure, predicted=61 * KIB).outside, figure.relative) == (KIB, 0.125)


def test_medians_and_ranges():
    assert spread([5, 1, 9]) == Range(5, 1, 9)
    assert spread([4, 2]) == Range(2, 2, 4)
    row = {"figures": {"bytes_read": 7}, "repetitions": [{"bytes_read": 7}, {"bytes_read": 3}, {"bytes_read": 8}]}
    assert measured(row, "bytes_read") == Range(7, 3, 8)
    assert measured({"figures": {"bytes_read": 7}}, "bytes_read") == once(7)


@pytest.mark.parametrize(
    ("op", "often"),
    [({"fsync": None}, False), ({"fsync": "end"}, False), ({"fsync": "each"}, True), ({"fsync": 2}, True), ({}, False)],
)
def test_fsync_after_each(op, often):
    assert syncs_often([{"op": "write", "path": "f", "offsets": [0, 4096], "length": 1, **op}]) == often
    assert not syncs_often([{"op": "write", "path": "f", "offsets": [0], "length": 1, "fsync": "each"}])
    assert syncs_often([{"op": "fsync", "path": "f"}] * 2)


WRITES = {"op": "write", "path": "f", "offsets": list(range(0, 40960, 4096)), "length": 4096, "fsync": "each"}


def timed(*times, **trace):
    """A row of 10 writes with an fsync each, and how long its repetitions took."""
    runs = [{"bytes_written": 1 << 20, "bytes_read": 0, "op_ms": time} for time in times]
    return {
        "workload": "w",
        "trace": {"layers": [[{"path": "f", "size": MIB}]], "ops": [WRITES], **trace},
        "figures": runs[0],
        "repetitions": runs,
    }


def test_the_pace_is_told_by_rows_that_do_nothing_else():
    """12 ms for 10 fsyncs, 8 in the quickest repetition; not with a chmod beside, nor where a file is copied first."""
    row = timed(12.0, 8.0, 50.0)
    assert (pace(row, 0), least_pace(row, 0)) == (1.2, 0.8)
    assert pace(timed(12.0, ops=[WRITES, {"op": "chmod", "path": "f", "mode": 384}]), 0) is None
    assert pace(row, 4096) is pace(timed(None), 0) is pace(timed(True), 0) is None
    assert [pace(timed(time), 0) for time in (0, -1.0, float("nan"), float("inf"), 1.7e308, 10**400)] == [None] * 6
    measurement = {"header": {"disk_bytes": 1 << 33}, "rows": [row, timed(3.0), {"workload": "probe"}]}
    assert device_of(measurement, "ext4-plain") == (1 << 33, 0.3)
    assert device_of(measurement, "overlay2-ext4") == (1 << 33, None)  # both copy the file up
    touched = timed(2.0, prepare=[{"op": "append", "path": "f", "length": 1}])
    assert device_of({"header": {}, "rows": [row, touched]}, "overlay2-ext4") == (1 << 31, 0.2)
    assert device_of(measurement, "btrfs") == (1 << 33, None)  # no tick decides there


def test_the_pace_reaches_the_model():
    """10 fsyncs in 10 s: all find another tick; in 10 us none but the first. Log, of 3 blocks a commit."""
    slow, quick = (judge(timed(time), "ext4-plain").of("metadata")[0].predicted for time in (10_000.0, 0.01))
    assert slow - quick == 9 * 3 * 4096
    device = device_of({"header": {}, "rows": [timed(10_000.0, prepare=[WRITES])]}, "overlay2-ext4")
    found = [judge(timed(7.0), "overlay2-ext4", device=each).of("metadata")[0].predicted for each in (device, None)]
    assert found[0] > found[1]


# ---------------------------------------------------------------- prediction

ROW = {
    "workload": "mine",
    "trace": {
        "layers": [[{"path": "f", "size": MIB}]],
        "ops": [{"op": "write", "path": "f", "offsets": [0, 8192], "length": 4096}],
    },
}


def test_prediction_by_hand():
    """In place: 2 blocks, nothing read. overlay2 copies 1 MiB up; what the empty window moves is taken off."""
    found = predict(ROW["trace"], "ext4-plain")
    assert (found.written.moved, found.read.moved, found.space.data, found.notes) == (8192, 0, 0, ())
    assert found.frozen.metadata >= found.written.metadata >= 0
    found = predict(ROW["trace"], "overlay2-ext4")
    assert (found.written.moved, found.read.moved, found.space.data) == (MIB + 8192, MIB, MIB)
    assert predict({"ops": []}, "btrfs").written == Moved(0, 0)
    assert predict(ROW["trace"], "btrfs").exclusive == {"s0": 8192}


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_can_be_predicted(stack):
    """One byte of 1 MiB: a block of data, and no more copied than the file."""
    found = predict(ROW["trace"], stack)
    assert 8192 <= found.written.moved <= 8192 + MIB, found


def test_a_model_that_copied_nothing_would_be_seen():
    """overlay2's 64 MiB copy-up, measured; ext4-plain's prediction in its place fails in data, both ways, and space."""
    row = load(shipped("overlay2-ext4"))["rows"][2]
    wrong = judge(row, "ext4-plain")
    assert [figure.ok for figure in wrong.of("data")] == [False, False]
    assert not wrong.of("space")[0].ok
    assert [figure.ok for figure in judge(row, "overlay2-ext4").of("data")] == [True, True]


# ---------------------------------------------------------------- names

NAMED = ["overlay2-ext4", "overlay2-xfs", "aufs-ext4", "btrfs"]
OTHER = {"f": "q", "d": "x", "e": "y", "g": "z", "s0": "t7", "s1": "t8", "s2": "t9", "s3": "u1", "layer0": "below5"}


def renamed(value):
    """Every path and id of a trace under another name of the same length."""
    if isinstance(value, list):
        return [renamed(each) for each in value]
    if isinstance(value, dict):
        found = {key: renamed(each) if key not in ("op", "fsync", "flags") else each for key, each in value.items()}
        return {"in": "t7", **found} if "op" in found and found["op"] not in ("layer", "snapshot") else found
    return "/".join(OTHER.get(part, part) for part in value.split("/")) if isinstance(value, str) else value


def with_snapshots(trace):
    """A trace that makes the container s0 by itself says so, that it can have another name."""
    return trace if "snapshots" in trace or "layers" not in trace else {**trace, "snapshots": ["s0"]}


@pytest.mark.parametrize("stack", NAMED)
def test_predictions_do_not_depend_on_names(stack):
    """Every shipped row of up to 16 files, with other names for its workload, files, layers and containers.

    (With many files names matter to real trees as well: entries are found by a hash of the name.)
    """
    seen = 0
    for row in load(shipped(stack))["rows"]:
        if not row.get("figures") or re.search(r'"count": \d{3}', json.dumps(row["trace"])) or "big" in row["workload"]:
            continue
        trace = with_snapshots(row["trace"])
        one, other = predict(trace, stack), predict(renamed(trace), stack)
        assert dataclasses.replace(one, exclusive={}, notes=()) == dataclasses.replace(other, exclusive={}, notes=())
        assert list(one.exclusive.values()) == list(other.exclusive.values())
        seen += 1
    assert seen > 15


@pytest.mark.parametrize("name", ["ext4-plain", "dm-snapshot", "zfs"])
def test_judgements_do_not_depend_on_the_name_of_the_workload(name):
    measurement = load(shipped(name))
    rows = measurement["rows"][:30] if name != "dm-snapshot" else measurement["rows"]
    other = [{**row, "workload": f"w{number}", "title": "t", "params": {}} for number, row in enumerate(rows)]
    one, two = (judge_all({**measurement, "rows": some}) for some in (rows, other))
    assert [row.figures for row in one] == [row.figures for row in two]
    assert len(one) >= 25


# ---------------------------------------------------------------- what rows add up to


def row_of(stack, written, told, workload="{}", figures=()):
    return Comparison(stack, 0, "w", workload, ComparedTotal(written, written // 2, once(told)), tuple(figures))


def test_spearman_with_ties():
    """Ranks of (1, 2, 2, 4): 1, 2.5, 2.5, 4; of (1, 3, 2, 4): 1, 3, 2, 4. Less 2.5: (-1.5, 0, 0, 1.5), (-1.5, .5,
    -.5, 1.5): 4.5 / sqrt(4.5 * 5)."""
    assert math.isclose(agreement.spearman([1, 2, 2, 4], [10, 30, 20, 40]), 4.5 / math.sqrt(4.5 * 5))
    assert agreement.spearman([3, 2, 1], [1, 2, 3]) == pytest.approx(-1)
    assert agreement.spearman([1, 1], [1, 2]) is None


def test_mean_error():
    """|90 - 100| / 100 and |300 - 200| / 200, what was nothing left out: 30 %."""
    assert agreement.mean_absolute_percentage_error([90, 300, 7], [100, 200, 0]) == pytest.approx(30)
    assert agreement.mean_absolute_percentage_error([1], [0]) is None


def test_shares():
    """Two rows: one meets both classes with and without metadata, the other neither, only with metadata in one."""
    good = Figure("data", "a", 5, 5, once(5), EXACT)
    half = Figure("metadata", "b", 40 * KIB, 0, once(40 * KIB), METADATA["ext4"])
    bad = Figure("data", "a", 5, 5, once(6), EXACT)
    rows = [
        row_of("s", 1, 1, "1", [good, dataclasses.replace(half, without=40 * KIB)]),
        row_of("s", 1, 1, "2", [bad, half]),
    ]
    found = {share.kind: share[2:] for share in (*agreement.shares(rows), *agreement.whole(rows))}
    assert found == {"data": (2, 1, 1, 1, 1), "metadata": (2, 2, 1, 2, 2), "all": (2, 1, 1, 1, 1)}
    (miss,) = agreement.worst(rows)
    assert (miss.row, miss.figure, miss.times) == (rows[1], bad, 1 / 4096)


def test_order():
    """1 MB, 1.1 MB, 2 MB on three stacks: the first two are too near; of the others one pair is predicted equal."""
    rows = [
        row_of("a", 10, 1_000_000),
        row_of("b", 20, 1_100_000),
        row_of("c", 20, 2_000_000),
        row_of("d", 5, 1_000_000, workload="another"),
    ]
    assert [(pair.cheaper, pair.dearer, pair.ok) for pair in pairs(rows)] == [("a", "c", True), ("b", "c", False)]
    assert not differ(once(100_000), once(200_000))  # less than 128 KiB
    assert differ(once(0), once(200_000))


# ---------------------------------------------------------------- the shipped rows

WHOLE = {
    "aufs-ext4",
    "ext4-plain",
    "overlay2-ext4",
    "overlay2-ext4-metacopy",
    "vfs-ext4",
    "overlay2-xfs",
    "overlay2-xfs-noreflink",
    "xfs-reflink",
    "btrfs",
}

OUTRUN = {("btrfs", "g-create-files files=1000 file_kib=4")}
"""A program that makes files faster than the worker can carry out what waits: the kernel commits in between."""


@pytest.fixture(scope="module")
def all_rows():
    return fidelity_page.judged()


def test_no_row_is_worse_and_the_page_is_current(all_rows):
    """tests/data/fidelity.json holds by how much each figure was wrong; a block more is worse."""
    old, new = json.loads(fidelity_page.BASELINE.read_text()), fidelity_page.baseline(all_rows)
    assert fidelity_page.worse(old, new) == []
    assert old == new, "nothing is worse, something changed: make fidelity"
    missed = {(row.stack, row.name) for row in all_rows for figure in row.figures if not figure.ok}
    missed = {(stack, name) for stack, name in missed if stack in WHOLE}
    assert missed == OUTRUN  # on every stack, every figure of every other row is within
    assert fidelity_page.PAGE.read_text() == fidelity_page.page(all_rows), "make fidelity"
    assert len(all_rows) == 9 * 31 + 1 + 226 + 228 + 129


def test_what_is_worse_is_named():
    """A figure that is wrong by a block more, or falls out of its demand by a byte, or a pair in the wrong order."""
    old = {"s": {"0 w": {"reads x": [4096, True]}}, "order": {"w: a < b": True}}
    assert fidelity_page.worse(old, {"s": {"0 w": {"reads x": [8192, True]}}, "order": {"w: a < b": True}}) == []
    assert fidelity_page.worse(old, {"s": {"0 w": {"reads x": [8193, True]}}, "order": {}}) == [
        "s 0 w: reads x: 4096 -> 8193"
    ]
    assert fidelity_page.worse(old, {"s": {"0 w": {"space y": [1, False]}}, "order": {}}) == ["s 0 w: space y: 0 -> 1"]
    assert fidelity_page.worse(old, {"s": {}, "order": {"w: a < b": False}}) == ["w: a < b"]


def test_the_figure_has_a_mark_for_each_row():
    """Two stacks: three rows left, of these the two with metadata figures right; what is nothing lies at 512."""
    told = metadata_figure("bytes_written", Moved(4096, 0), once(12288), METADATA["ext4"])
    rows = [row_of("a", 4096, 12288, figures=[told]), row_of("a", 0, 8192), row_of("b", 9000, 9000, figures=[told])]
    left, right = plot.fidelity(rows).axes
    clouds = [[cloud.get_offsets().tolist() for cloud in panel.collections[1:]] for panel in (left, right)]
    assert clouds == [[[[12288, 4096], [8192, 512]], [[9000, 9000]]], [[[8192, 512]], [[8192, 512]]]]
    with pytest.raises(InvalidInput, match="no row to draw"):
        plot.fidelity([])


# ---------------------------------------------------------------- the command


def test_command(capsys, tmp_path):
    """One row of a measurement of one's own, as JSON and as a figure; then the table."""
    measurement = load(shipped("ext4-plain"))
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**measurement, "rows": measurement["rows"][:1]}))
    assert main(["fidelity", "--measured", str(path), "--format", "json", "--plot", str(tmp_path / "f.svg")]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert {figure["class"] for figure in row["figures"]} == {"data", "metadata", "reads", "space"}
    assert (tmp_path / "f.svg").read_text().startswith("<?xml")
    assert main(["fidelity", "--measured", str(path), "--rows"]) == 0
    assert "a-modify-1-byte" in capsys.readouterr().out
    assert label(measurement["rows"][0]) == row["workload"] == "a-modify-1-byte file_mib=1"


def test_structural_differences_are_printed(capsys):
    assert main(["fidelity", "--stack", "ext4-plain"]) == 0
    out = capsys.readouterr().out
    assert "what the model leaves out" in out
    assert "snapsim.drivers.graphdrivers.plain" in out


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "no measurement"),
        ({"header": {}}, "'rows' has to be a list"),
        ({"header": {}, "rows": [7]}, "rows.0.: is no row"),
        ({"header": {"stack": 3}, "rows": []}, "header.stack: 3 is no stack"),
        ({"header": {"stack": "ext3"}, "rows": [{**ROW, "figures": {"bytes_written": 1}}]}, "'ext3' is no stack"),
        (
            {"header": {"stack": "btrfs"}, "rows": [{**ROW, "figures": {"bytes_written": "1"}}]},
            "bytes_written: '1' is not",
        ),
        ({"header": {"stack": "btrfs"}, "rows": [{**ROW, "figures": {"bytes_written": 1}}]}, "bytes_read: None is not"),
        ({"header": {"stack": "btrfs"}, "rows": [{**ROW, "figures": 1}]}, "1 is not allowed: an object"),
        (
            {"header": {"stack": "btrfs"}, "rows": [{**ROW, "trace": [1], "figures": {"a": 1}}]},
            "trace: list is no trace",
        ),
        (
            {"header": {"stack": "btrfs"}, "rows": [{**ROW, "trace": {"ops": [{"op": "ch"}]}, "figures": {"a": 1}}]},
            "ops.0..op",
        ),
        ({"header": {}, "rows": [{"workload": "w", "scenario": "qcow2", "trace": []}]}, "'qcow2' names no target"),
        (
            {"header": {}, "rows": [{"workload": "w", "scenario": "zfs-1", "trace": [], "figures": {"vdev": {}}}]},
            "vdev.written_bytes: None is not allowed",
        ),
    ],
)
def test_bad_measurements(data, says, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InvalidInput, match=says):
        judge_all(load(str(path)), str(path))


def test_unreadable_measurements(tmp_path):
    (tmp_path / "bad.json").write_bytes(b"\xff{")
    for path, says in ((tmp_path / "none.json", "No such file"), (tmp_path / "bad.json", "not UTF-8: byte 0")):
        with pytest.raises(InvalidInput, match=says):
            load(str(path))
    assert "overlay2-ext4" in names()


def test_a_discard_that_the_model_does_not_make_is_a_figure_that_is_wrong():
    """Not an error in the file: the model names discarded bytes only where there are some."""
    measurement = load(shipped("dm-thin"))
    rows = [row for row in measurement["rows"] if row["scenario"] == "dm-thin-001"]
    plain = next(
        number
        for number, row in enumerate(rows)
        if row["figures"] and "data" in row["figures"] and "discarded_bytes" not in row["figures"]["data"]
    )
    rows[plain] = {
        **rows[plain],
        "figures": {**rows[plain]["figures"], "data": {**rows[plain]["figures"]["data"], "discarded_bytes": 4096}},
    }
    found = {figure.name: figure for figure in judge_all({**measurement, "rows": rows})[plain].figures}
    figure = found["data discarded"]
    assert (figure.predicted, figure.measured, figure.ok) == (0, once(4096), False)
