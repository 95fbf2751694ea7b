"""Measuring dm-snapshot and dm-thin: what is asked of dmsetup, in which order, and that nothing is left of it.

Where there is device-mapper the last test measures with it; the others take a dmsetup that only notes what it is told
(`fake_dmsetup`), on real loop devices, so that they say the same on every kernel.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from fake_dmsetup import FakeDmsetup
from places import DATA
from profiles import needs as needed

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.cli.main import main
from snapsim.fidelity.judge import judge_all
from snapsim.measure.kernel import TARGETS, measure_trace, needs
from snapsim.measure.kernel.mapper import PREFIX, Mapper, clear, dmsetup
from snapsim.measure.measurements import load, shipped
from snapsim.measure.trace import check_rows

KIB, MIB = 1024, 1 << 20
BEGIN, END = {"op": "begin"}, {"op": "end"}
SNAPSHOT = {"op": "create_snapshot", "id": "s0", "of": "origin", "store": "P", "chunk": 16 * KIB, "cow_bytes": MIB}
SNAPSHOTS = [
    {
        "scenario": "dm-snapshot-hand",
        "workload": "hand",
        "trace": [
            {"op": "create_origin", "id": "origin", "bytes": 4 * MIB},
            BEGIN,
            SNAPSHOT,
            END,
            {"op": "open_origin"},
            {"op": "write", "to": "s0", "offset": 0, "bytes": 4 * KIB},
            {"op": "suspend", "id": "origin"},
            {**SNAPSHOT, "id": "s1", "store": "N"},
            {"op": "resume", "id": "origin"},
            BEGIN,
            {"op": "write", "to": "origin", "offset": MIB, "stride": 64 * KIB, "count": 3, "bytes": 8 * KIB},
            {"op": "read", "to": "origin", "offset": 0, "bytes": 512},
            END,
            {"op": "flush", "to": "origin"},
            {"op": "close", "id": "origin"},
            {"op": "close", "id": "s0"},
            {**SNAPSHOT, "op": "reopen"},
            {"op": "close", "id": "s0"},
            {"op": "close", "id": "s1"},
            {"op": "merge", "id": "s0", "into": "origin", "store": "P", "chunk": 16 * KIB},
        ],
    }
]
POOL = {
    "op": "create_pool",
    "data_bytes": 8 * MIB,
    "metadata_bytes": 2 * MIB,
    "block": 64 * KIB,
    "low_water": 4,
    "zeroing": False,
    "no_space": "error",
    "discard": "no_discard_passdown",
}
THINS = [
    {
        "scenario": "dm-thin-hand",
        "workload": "hand",
        "trace": [
            BEGIN,
            POOL,
            END,
            {"op": "create_thin", "id": "thin0", "bytes": 4 * MIB},
            {"op": "activate", "id": "thin0"},
            {"op": "commit"},
            BEGIN,
            {"op": "write", "to": "thin0", "offsets": [0, 65536], "bytes": 4 * KIB},
            {"op": "flush", "to": "thin0"},
            END,
            {"op": "commit"},
            {"op": "suspend", "id": "thin0"},
            {"op": "create_snap", "id": "thin1", "of": "thin0"},
            {"op": "resume", "id": "thin0"},
            {"op": "activate", "id": "thin1"},
            {"op": "discard", "to": "thin1", "offset": 0, "bytes": 64 * KIB},
            {"op": "close", "id": "thin1"},
            {"op": "delete", "id": "thin1"},
            {"op": "grow", "id": "tdata", "bytes": 9 * MIB},
            {"op": "suspend", "id": "tdata"},
            {"op": "resume", "id": "tdata"},
            {"op": "grow", "id": "pool", "bytes": 9 * MIB},
            {"op": "suspend", "id": "pool"},
            {"op": "resume", "id": "pool"},
        ],
    }
]


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A machine that seems to have device-mapper."""
    needed([] if os.geteuid() == 0 and os.path.exists("/dev/loop-control") else ["no root, or no loop devices"])
    found = FakeDmsetup(tmp_path / "dev")
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


def play(rows):
    """The figures of rows of one scenario, in this process."""
    target = TARGETS[next(name for name in TARGETS if rows[0]["scenario"].startswith(name))](rows, Mapper())
    try:
        return [target.play(row, "rows[0]") for row in rows]
    finally:
        target.close()


def that_act(calls):
    """Without the calls that only look."""
    return [call for call in calls if not call.startswith(("status", "info"))]


def test_the_tables_of_dm_snapshot(fake):
    """In this order: a slice before its snapshot, the origin suspended while one is made, all closed for a merge."""
    play(SNAPSHOTS)
    assert that_act(fake.calls()) == [
        "create cow0 --table 0 2048 linear DISK0 0",
        "create s0 --table 0 8192 snapshot DISK1 cow0 P 32",
        "create origin --table 0 8192 snapshot-origin DISK1",
        "suspend origin",
        "create cow1 --table 0 2048 linear DISK0 2048",
        "create s1 --table 0 8192 snapshot DISK1 cow1 N 32",
        "resume origin",
        "remove --retry origin",
        "remove --retry s0",
        "create s0 --table 0 8192 snapshot DISK1 cow0 P 32",
        "remove --retry s0",
        "remove --retry s1",
        "create merged --table 0 8192 snapshot-merge DISK1 cow0 P 32",
        "remove --deferred merged",
        "remove --deferred cow1",
        "remove --deferred cow0",
    ]
    assert fake.mappings() == []


def test_the_tables_of_dm_thin(fake):
    """The pool stands on a data device that can grow; a snapshot is taken while its origin is suspended."""
    play(THINS)
    options = "128 4 3 skip_block_zeroing error_if_no_space no_discard_passdown"
    assert that_act(fake.calls()) == [
        "create tdata --table 0 16384 linear DISK0 0",
        f"create pool --table 0 16384 thin-pool DISK1 tdata {options}",
        "message pool 0 create_thin 0",
        "create thin0 --table 0 8192 thin pool 0",
        "suspend thin0",
        "message pool 0 create_snap 1 0",
        "resume thin0",
        "create thin1 --table 0 8192 thin pool 1",
        "remove --retry thin1",
        "message pool 0 delete 1",
        "load tdata --table 0 18432 linear DISK0 0",
        "suspend tdata",
        "resume tdata",
        f"load pool --table 0 18432 thin-pool DISK1 tdata {options}",
        "suspend pool",
        "resume pool",
        "remove --deferred thin0",
        "remove --deferred tdata",
        "remove --deferred pool",
    ]
    assert fake.mappings() == []


def test_what_the_disks_moved_is_counted(fake):
    """The fake copies nothing, so that a window shows what was asked, and nothing else; requests, bytes, commits."""
    (found,) = play(SNAPSHOTS)
    assert found["origin"] == {"reads": 1, "read_bytes": 512, "writes": 3, "written_bytes": 24 * KIB}
    assert {found[name]["written_bytes"] for name in ("cow", "cow0", "cow1")} == {0}
    assert (found["allocated_sectors"], found["metadata_sectors"]) == (16, 16)
    assert found["status_all"] == ["0 8192 snapshot 16/8192 16"] * 2
    assert found["status_before_merge"] == found["reopened"] == "0 8192 snapshot 16/8192 16"
    assert found["statuses"] == ["0 8192 snapshot-merge 16/8192 16"]
    (found,) = play(THINS)
    assert found["data"]["written_bytes"] == 8 * KIB
    assert found["metadata"]["written_bytes"] == found["commits"] == 0
    assert (found["used_data_blocks"], found["used_meta_blocks"], found["result"]) == ([1, 1], [10, 10], "ok")
    assert found["thin_status"] == {"thin0": "0 8192 thin 128 127"}


def test_three_windows_of_dm_snapshot(fake):
    """The second counts, request by request where the row asks; the third is the write when the snapshot is invalid."""
    write = {"op": "write", "to": "origin", "offset": 0, "stride": 4096, "count": 2, "bytes": 4096}
    row = {
        **SNAPSHOTS[0],
        "figures": {"statuses": []},
        "trace": [*SNAPSHOTS[0]["trace"][:5], BEGIN, write, END, BEGIN, {**write, "count": 1}, END],
    }
    (found,) = play([row])
    assert (found["results"], found["writes_ok"], len(found["statuses"])) == (["ok", "ok"], 2, 3)
    assert found["origin"]["written_bytes"] == 2 * found["write_to_origin_when_invalid"]["origin"]["written_bytes"]


@pytest.mark.parametrize("rows", [SNAPSHOTS, THINS], ids=["dm-snapshot", "dm-thin"])
def test_whichever_call_fails_nothing_is_left(rows, fake, monkeypatch):
    """Each call of dmsetup in turn fails: an error that says so, or an outcome; then no mapping is there any more."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    rows = [{**rows[0], "trace": [op for op in rows[0]["trace"] if op not in (BEGIN, END)]}]
    play(rows)
    count, failures = len(fake.calls()), 0
    assert count > 18
    for call in range(1, count + 1):
        fake.forget()
        fake.fail_at(call)
        try:
            (found,) = play(rows)
            failures += any("Input/output error" in said for _, _, said, _ in found.get("errors", []))
        except SnapsimError as error:
            failures += "Input/output error" in str(error)
        fake.fail_at(0)
        clear(PREFIX)  # what the reaper does
        assert fake.mappings() == [], call
    assert failures >= count - 4  # those of taking down are tried again


def test_a_device_that_is_in_use_is_named(fake):
    """It goes when it is let go; who waits is told."""
    mapper = Mapper()
    mapper.create("held", "0 8 linear /dev/null 0")
    dmsetup("create", "elsewhere", "--table", f"0 8 linear {mapper.path('held')} 0")
    with pytest.raises(SnapsimError, match=r"still in use, .*: snapsim-\d+-held$"):
        clear(PREFIX, patience=0.1)
    dmsetup("remove", "elsewhere")
    clear(PREFIX)
    assert fake.mappings() == []


def test_what_is_suspended_is_resumed_first(fake):
    """Or what waits for it would wait for ever."""
    mapper = Mapper()
    mapper.create("origin", "0 8 linear /dev/null 0")
    mapper.suspend("origin")
    fake.forget()
    clear(PREFIX)
    assert that_act(fake.calls()) == ["resume origin", "remove --deferred origin"]


# -------------------------------------------------------------------- the command


def trace_file(folder, rows):
    path = folder / "trace.json"
    path.write_text(json.dumps({"header": {}, "rows": rows}))
    return str(path)


def test_the_command_keeps_what_fidelity_reads(fake, tmp_path, capsys):
    """Each repetition on fresh disks; the model's figures lie beside those that were counted."""
    kept = str(tmp_path / "kept.json")
    rows = [
        {**row, "trace": [{**op, "error": "EIO"} if op["op"] == "delete" else op for op in row["trace"]]}
        for row in THINS
    ]
    assert main(["measure", trace_file(tmp_path, rows), "--stack", "dm-thin", "--repetitions", "2", "-o", kept]) == 0
    assert re.search(r"dm-thin-hand +hand +data +0 +8,192 +0 ", capsys.readouterr().out)
    found = load(kept)
    assert found["header"]["stack"] == "dm-thin"
    assert found["header"]["kernel"] == os.uname().release
    (row,) = found["rows"]
    assert len(row["repetitions"]) == 2
    assert row["trace"] == THINS[0]["trace"]  # what another kernel refused is not claimed of this one
    assert main(["fidelity", "--measured", kept, "--rows"]) == 0
    assert "data written" in capsys.readouterr().out
    assert main(["replay", kept]) == 0
    assert fake.mappings() == []


def processes(fake):
    """All processes that use the fake."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"DM_DEV_DIR={fake.folder}\0".encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
        except OSError:  # it has just ended, or is not ours to look at
            continue
    return found


def left_behind(fake, disks):
    """Mappings, loop devices over files of a folder, and the files."""
    loops = subprocess.run(
        ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], capture_output=True, text=True, check=True
    ).stdout
    return [*fake.mappings(), *(line for line in loops.splitlines() if str(disks) in line), *os.listdir(disks)]


def interrupted(fake, tmp_path, calls, how, whom):
    """Measure, and send a signal when so many calls of dmsetup were made; what is left when all processes are gone."""
    disks = tmp_path / "disks"
    disks.mkdir()
    words = [
        sys.executable,
        "-m",
        "snapsim",
        "measure",
        trace_file(tmp_path, SNAPSHOTS),
        "--stack",
        "dm-snapshot",
        "--repetitions",
        "50",
        "--directory",
        str(disks),
        "--output",
        str(tmp_path / "out.json"),
    ]
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background may ignore it
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeds, start_new_session=True
    ) as process:
        until = time.monotonic() + 300  # others may be measuring: they take turns
        while len(fake.calls()) < calls and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        assert len(fake.calls()) >= calls, process.stderr.read()
        for number in whom(process.pid):
            with contextlib.suppress(ProcessLookupError):  # a dmsetup that has just ended
                os.kill(number, how)
        process.wait(60)
    until = time.monotonic() + 60
    while processes(fake) and time.monotonic() < until:
        time.sleep(0.02)
    assert not (tmp_path / "out.json").exists()
    return left_behind(fake, disks)


@pytest.mark.parametrize(
    ("how", "calls"), [(signal.SIGINT, 9), (signal.SIGTERM, 17), (signal.SIGKILL, 9), (signal.SIGKILL, 30)]
)
def test_whatever_interrupts_it_nothing_is_left(how, calls, fake, tmp_path):
    """The command alone gets the signal, in the midst of a scenario."""
    assert interrupted(fake, tmp_path, calls, how, lambda process: [process]) == []


def test_control_c_reaches_all_but_the_reaper(fake, tmp_path):
    """A terminal sends it to the whole group: the command, the measuring process, a dmsetup that runs."""
    assert interrupted(fake, tmp_path, 12, signal.SIGINT, lambda process: [-process]) == []


def test_the_next_measurement_removes_what_a_killed_reaper_left(fake, tmp_path):
    """All killed at once: mappings stay. Their names say whose they are, and the lock that nobody has them any more."""
    left = interrupted(fake, tmp_path, 12, signal.SIGKILL, lambda process: processes(fake))
    assert any(re.fullmatch(r"snapsim-\d+-\w+", name) for name in left)
    measure_trace(THINS, "dm-thin")
    assert fake.mappings() == []


# -------------------------------------------------------------------- what is refused


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    """The command, device-mapper itself, a target: each with the way to get it."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os.path, "exists", lambda path: True)
    modules = TARGETS["dm-snapshot"].modules
    for targets, said in (
        ([], "no device-mapper (device-mapper: no such device): modprobe dm-mod; where there is no "),
        (["linear"], "device-mapper has no snapshot: modprobe dm-snapshot"),
        (modules, None),
    ):
        fake = FakeDmsetup(tmp_path / str(len(targets)), targets)
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        assert (
            [line[: len(said)] for line in needs.missing_targets(modules)[:1]] == [said]
            if said
            else needs.missing_targets(modules) == []
        )
    monkeypatch.setattr(needs.shutil, "which", lambda *words, **more: None)
    assert needs.missing_targets(modules) == ["no dmsetup: apt-get install dmsetup"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert needs.missing_targets(modules)[0] == "not root: use sudo"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "leap"}, r"rows\[0\].trace\[6\].op: 'leap' is not allowed: create_pool, "),
        ({"op": "write", "to": "thin7", "offset": 0, "bytes": 512}, r"trace\[6\].to: 'thin7' is not allowed: thin0"),
        (
            {"op": "write", "to": "thin0", "offset": 0, "bytes": 2 * MIB},
            r"trace\[6\].bytes: 2097152 is not allowed: up",
        ),
        (
            {"op": "read", "to": "thin0", "offset": 100, "bytes": 512},
            r"trace\[6\].offset: 100 is not allowed: a multiple",
        ),
        ({"op": "activate", "id": "thin0", "bytes": 0}, r"trace\[6\].bytes: 0 is not allowed: a multiple of 512"),
        ({"op": "create_thin", "id": "thin 1", "bytes": 512}, r"trace\[6\].id: 'thin 1' is no thin device"),
        ({"op": "activate", "id": "thin3"}, r"trace\[6\].id: 'thin3' does not exist: nobody made it"),
        (POOL, r"trace\[6\]: there is a pool: one for each scenario"),
        (END, r"trace\[6\]: 'end' without 'begin'"),
    ],
)
def test_operations_that_are_none(change, said, fake):
    """Named by row and operation; and nothing is left."""
    row = {**THINS[0], "trace": [*THINS[0]["trace"][:6], change]}
    with pytest.raises(InvalidInput, match=said):
        play(check_rows([row], "rows"))
    assert fake.mappings() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["dm-thin", "--stack", "dm-snapshot"],
        ["dm-thin", "--stack", "dm-thin", "--disk", "2G"],
        ["dm-thin", "--stack", "dm-thin", "--scenario", "no"],
        ["dm-thin", "--stack", "dm-thin", "--repetitions", "0"],
        ["zfs", "--stack", "zfs"],
        ["dm-thin", "--stack", "ext4-plain"],
        ["nowhere.json", "--stack", "dm-thin"],
    ],
)
def test_arguments_that_are_not_allowed(arguments, capsys):
    """One line, status 2."""
    assert main(["measure", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("snapsim: ")
    assert err.count("\n") == 1


# -------------------------------------------------------------------- a real kernel

KEPT = DATA / "measured-dm"


def exact(measurement, place):
    """The figures that have to be exact, and are not: bytes of data and of COW devices, and sectors."""
    judged = judge_all(measurement, place)
    figures = [(row.name, figure) for row in judged for figure in row.of("data")]
    assert len(figures) > len(judged)
    return [(label, each.name, each.predicted, each.measured.median) for label, each in figures if not each.ok]


def moved(row):
    """Bytes by disk, but those of a pool's metadata: the kernel commits whenever a second is over."""
    keys = ("read_bytes", "written_bytes", "discarded_bytes")
    return {
        name: [figure.get(key, 0) for key in keys]
        for name, figure in row["figures"].items()
        if isinstance(figure, dict) and "written_bytes" in figure and name != "metadata"
    }


@pytest.mark.parametrize("target", TARGETS)
def test_what_linux_6_1_did(target):
    """Kept from `snapsim measure` on loop devices: exact, and the same bytes as the shipped one, of virtual disks."""
    measurement = load(str(KEPT / f"{target}.json"))
    assert measurement["header"]["kernel"] == "6.1.0-56-amd64"
    assert exact(measurement, target) == []
    rows = {(row["scenario"], row["workload"], str(row["params"])): row for row in load(shipped(target))["rows"]}
    for row in measurement["rows"]:
        before, now = moved(rows[row["scenario"], row["workload"], str(row["params"])]), moved(row)
        assert {name: now[name] for name in before} == before, row["workload"]
        assert len(row["repetitions"]) == 2
        assert moved({"figures": row["repetitions"][0]}) == moved({"figures": row["repetitions"][1]})


@pytest.mark.parametrize("target", TARGETS)
def test_device_mapper_where_there_is_any(target, capsys):
    """The first scenario of the shipped trace: the model's bytes; without device-mapper, one line that says so."""
    scenario = f"{target}-001"
    lacking = needs.missing_targets(TARGETS[target].modules)
    if lacking:
        assert main(["measure", target, "--stack", target, "--scenario", scenario]) == 2
        assert capsys.readouterr().err == f"snapsim: {target}: cannot be measured here: {'; '.join(lacking)}\n"
        return
    rows = [row for row in check_rows(load(shipped(target))["rows"], target) if row["scenario"] == scenario]
    assert exact(measure_trace(rows, target), target) == []
    assert not [name for name in os.listdir("/dev/mapper") if name.startswith(PREFIX)]
