"""The command line: what it prints, and how it says no."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from snapsim.cli.commands.compare import DEFAULT_STACKS
from snapsim.cli.main import main

SCHEMA = json.loads((ROOT / "docs/reference/result.schema.json").read_text())
SMALL = {
    "id": "w",
    "layers": [[{"path": "f", "size": 65536}]],
    "ops": [{"op": "write", "path": "f", "offsets": [0], "length": 1}],
}


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "w.json"
    path.write_text(json.dumps(SMALL))
    return str(path)


def refused(capsys, *arguments):
    """Exit status 2, one line on standard error that starts with the program's name, nothing on standard output."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("snapsim: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_compare_prints_a_row_for_each_driver(capsys):
    assert main(["compare"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(f"\n {stack} " in out for stack in DEFAULT_STACKS)
    assert "Real Docker hosts" in out


def test_compare_as_json_fits_the_schema(capsys, small):
    assert main(["compare", small, "--stack", "all", "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    jsonschema.validate(records, SCHEMA)
    assert len(records) == 14


def test_compare_as_csv(capsys, small):
    assert main(["compare", small, "--driver", "overlay2", "--format", "csv", "--device", "hdd"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("schema,snapsim,workload,stack,driver,written.data")
    assert [line.split(",")[3] for line in lines[1:]] == [
        "overlay2-ext4",
        "overlay2-ext4-metacopy",
        "overlay2-xfs",
        "overlay2-xfs-noreflink",
    ]


def test_compare_with_a_host_shows_both_status_blocks(capsys, small):
    assert main(["compare", small, "--stack", "devicemapper-loop-lvm", "--host", "devicemapper"]) == 0
    out = capsys.readouterr().out
    assert "Thin Pool Minimum Free Space" in out
    assert "10.74GB" in out


def test_compare_writes_a_figure(capsys, small, tmp_path):
    path = tmp_path / "deep" / "figure.png"
    assert main(["compare", small, "--stack", "btrfs", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(
    "driver", ["overlay2", "aufs", "btrfs", "zfs", "vfs", "fuse-overlayfs", "devicemapper-direct-lvm"]
)
def test_info_prints_the_keys_of_the_real_daemon_in_their_order(capsys, driver):
    """The captured `docker info` of the same driver has the same keys in the same order."""
    from snapsim.hosts.reading import load_host

    assert main(["info", driver]) == 0
    keys = [line.split(":")[0].strip() for line in capsys.readouterr().out.splitlines()[1:]]
    assert keys == [key for key, _ in load_host(driver).status]


@pytest.mark.parametrize(
    "command",
    [
        ["drivers"],
        ["drivers", "--format", "json"],
        ["workload"],
        ["explain"],
        ["explain", "exception-store"],
        ["workload", "zipf", "--seed", "7", "--set", "writes=3"],
    ],
)
def test_the_other_commands(capsys, command):
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert len(out) > 50
    assert err == ""


def test_a_generated_workload_can_be_compared(capsys, tmp_path):
    assert main(["workload", "random", "--seed", "7", "--set", "size=1M", "--set", "writes=2"]) == 0
    path = tmp_path / "w.json"
    path.write_text(capsys.readouterr().out)
    assert main(["compare", str(path), "--stack", "zfs", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["written"]["data"] == 8192


def test_replay_prints_an_object_for_each_row(capsys):
    assert main(["replay", str(ROOT / "snapsim/data/measured/dm-snapshot.json"), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert set(rows[0]) == {"scenario", "row", "workload", "figures"}
    assert rows[1]["figures"]["cow"]["written_bytes"] == 8192
    assert len(rows) == 226


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "none.json"], "none.json: "),
        (["compare", "--stack", "overlay3"], "'overlay3' is no stack: one of overlay2"),
        (["compare", "--driver", "overlay3"], "is no driver"),
        (["compare", "--device", "tape"], "is no device profile"),
        (["compare", "--host", "none.json"], "--host"),
        (["compare", "--plot", "/proc/none/x.png"], "/proc/none"),
        (["compare", "--plot", "x.gif"], "x.gif"),
        (["workload", "rumour"], "rumour"),
        (["workload", "random", "--set", "x"], "--set"),
        (["workload", "random", "--set", "writes=-1"], "writes"),
        (["workload", "random", "--set", "writes=--1"], "writes"),
        (["workload", "random", "--set", "writes=\N{SUPERSCRIPT TWO}"], "writes"),
        (["workload", "random", "--set", "writes=" + 5000 * "9"], "writes"),
        (["workload", "random", "--seed", "-1"], "seed"),
        (["explain", "rumour"], "rumour"),
        (["info", "overlay3"], "is no driver or stack"),
        (["replay", "none.json"], "none.json: no such file: a trace file, - or one of dm-snapshot"),
        (["compare", "--measured", "m.json", "--stack", "btrfs"], "--stack: is not allowed with --measured"),
        (["compare", "--measured", "m.json", "--host", "zfs"], "--host: is not allowed with --measured"),
        (["compare", "--measured", "m.json", "--docker"], "--docker: is not allowed with --measured"),
        (["compare", "--measured", "m.json", "--format", "csv"], "--format: csv is not allowed with --measured"),
        (["replay", str(ROOT / "README.md")], "README.md"),
        (["compare", str(ROOT)], ""),
    ],
)
def test_one_line_and_status_2(capsys, arguments, words):
    assert words in refused(capsys, *arguments)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full: not Linux")
@pytest.mark.parametrize("arguments", [["compare", "--stack", "ext4-plain"], ["info", "btrfs"], ["workload", "demo"]])
def test_a_full_disk_behind_standard_output(arguments):
    """A table, some lines, and a file of JSON: one line, and status 2."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "snapsim", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.stderr == "snapsim: standard output: cannot be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "null",
        "NaN",
        '{"rows": 3}',
        "[" * 100_000,
        '{"id": "w", "ops": [{"op": "fly"}]}',
        '[{"scenario": "dm-thin-1", "trace": [{"op": "write", "to": "thin9", "bytes": 1, "offset": 0}]}]',
        '[{"scenario": "dm-snapshot-1", "trace": [{"op": "create_origin", "id": "origin", "bytes": -1}]}]',
        '[{"scenario": "zfs-1", "trace": [{"op": "snapshot", "name": "tank/none@s"}]}]',
        '[{"scenario": "tape-1", "trace": []}]',
        '[{"scenario": "zfs-1", "trace": [3]}]',
    ],
)
def test_malformed_files(capsys, tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    assert "bad.json" in refused(capsys, "compare", str(path))
    assert "bad.json" in refused(capsys, "replay", str(path))


TRACE_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-10, 1 << 60)
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers(0, 99))
)
TRACE_OPS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(
            [
                "create_origin",
                "create_snapshot",
                "open_origin",
                "write",
                "read",
                "discard",
                "flush",
                "create_pool",
                "create_thin",
                "create_snap",
                "activate",
                "delete",
                "merge",
                "reopen",
                "close",
                "suspend",
                "resume",
                "grow",
                "commit",
                "begin",
                "end",
                "zpool_create",
                "zfs_create",
                "snapshot",
                "clone",
                "promote",
                "destroy",
                "sync",
            ]
        )
    },
    optional=dict.fromkeys(
        (
            "id",
            "of",
            "to",
            "bytes",
            "offset",
            "offsets",
            "stride",
            "count",
            "chunk",
            "block",
            "store",
            "cow_bytes",
            "data_bytes",
            "metadata_bytes",
            "dataset",
            "path",
            "name",
            "recordsize",
        ),
        TRACE_VALUES,
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["dm-snapshot-1", "dm-thin-1", "zfs-1"]), st.lists(TRACE_OPS, max_size=6))
def test_a_hostile_trace_gives_rows_or_one_line(tmp_path_factory, scenario, trace):
    """Whatever the operations say: figures, or status 2 with one line; never a traceback."""
    path = tmp_path_factory.mktemp("trace") / "t.json"
    path.write_text(json.dumps([{"scenario": scenario, "trace": trace}]))
    assert main(["replay", str(path), "--format", "json"]) in (0, 2)


HOSTILE = st.sampled_from(
    [None, True, -1, 0, 1, 511, 4097, 1 << 49, 1 << 70, 0.5, "", "s0", "thin0", "../x", [], [-1], {}, "\0"]
)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(["dm-snapshot", "dm-thin", "zfs"]),
    st.integers(0, 400),
    st.integers(0, 30),
    st.integers(0, 9),
    HOSTILE,
)
def test_a_real_trace_with_one_value_spoilt(tmp_path_factory, target, row, op, key, value):
    """The first rows of a measured scenario, one value of one operation replaced or taken away."""
    rows = json.loads((ROOT / f"snapsim/data/measured/{target}.json").read_text())["rows"]
    rows = [each for each in rows if each["trace"]]
    chosen = [each for each in rows if each["scenario"] == rows[row % len(rows)]["scenario"]][:3]
    trace = chosen[-1]["trace"]
    spoilt = trace[op % len(trace)]
    spoilt[sorted(spoilt)[key % len(spoilt)]] = value
    path = tmp_path_factory.mktemp("trace") / "t.json"
    path.write_text(json.dumps(chosen))
    assert main(["replay", str(path), "--format", "json"]) in (0, 2)


def test_no_partial_figure_and_no_lost_one(capsys, tmp_path, small):
    """A figure that cannot be drawn leaves the old file as it was."""
    path = tmp_path / "old.png"
    path.write_bytes(b"old")
    refused(capsys, "compare", small, "--stack", "none", "--plot", str(path))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old.png", "w.json"] or sorted(os.listdir(tmp_path)) == ["old.png", "w.json"]


def test_a_closed_pipe_is_no_error():
    """`snapsim workload random | head -c 1`: quiet, and status 0."""
    command = f"{sys.executable} -m snapsim workload random | head -c 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_is_quick_to_import():
    """The command line pulls in no NumPy, no matplotlib and no tables before it knows what to do."""
    code = "import sys, snapsim.cli.main; snapsim.cli.main.parser(); print({'numpy', 'rich'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_compare_says_what_it_assumes(capsys, small):
    """Disk, notes and pace are in the caption; a smaller disk without notes costs something else on ext4."""
    assert main(["compare", small, "--stack", "overlay2-ext4"]) == 0
    usual = " ".join(capsys.readouterr().out.split())
    assert "Assumed: a disk of 64 GiB (devicemapper: 100 GiB), Docker's own notes beside the layers, the pace" in usual
    words = ["compare", small, "--stack", "overlay2-ext4", "--disk", "2G", "--no-notes", "--pace", "20"]
    assert main(words) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Assumed: a disk of 2 GiB, no notes of Docker, 20 ms from an fsync to the next." in told
    assert main(["compare", small, "--stack", "overlay2-ext4", "--notes"]) == 0
    assert " ".join(capsys.readouterr().out.split()) == usual


def test_the_pace_decides_how_many_fsyncs_commit(capsys, tmp_path):
    write = {"op": "write", "path": "f", "offsets": list(range(0, 100 * 4096, 4096)), "length": 4096, "fsync": "each"}
    path = tmp_path / "w.json"
    path.write_text(json.dumps({"id": "w", "layers": [[{"path": "f", "size": 1 << 20}]], "ops": [write]}))
    written = []
    for pace in ("0.1", "100"):
        assert main(["compare", str(path), "--stack", "ext4-plain", "--pace", pace, "--format", "json"]) == 0
        (run,) = json.loads(capsys.readouterr().out)
        written.append(run["written"]["metadata"])
    assert written[1] > 10 * written[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--disk", "1M"], "--disk: 1M is not allowed: 300 MiB to 16 TiB"),
        (["--disk", "17T"], "--disk: 17T is not allowed: 300 MiB to 16 TiB"),
        (["--disk", "much"], "--disk: 'much' is not a size"),
        (["--pace", "0"], "--pace: '0' is not allowed: milliseconds, above 0"),
        (["--pace", "nan"], "--pace: 'nan' is not allowed"),
        (["--measured", "m.json", "--pace", "3"], "--pace: is not allowed with --measured"),
        (["--measured", "m.json", "--no-notes"], "--notes/--no-notes: is not allowed with --measured"),
    ],
)
def test_what_is_assumed_is_checked(capsys, small, words, said):
    assert main(["compare", small, *words]) == 2
    assert said in capsys.readouterr().err
