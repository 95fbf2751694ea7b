"""Runs, comparisons and sweeps."""

import concurrent.futures
import csv
import io
import json
from dataclasses import replace
from functools import partial

import jsonschema
import pytest
from places import DOCS

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IOCounts
from snapsim.fidelity.prediction import Device, predict
from snapsim.lab import experiment
from snapsim.lab.generators import generate
from snapsim.lab.stacks import STACKS
from snapsim.lab.workload import parse

SCHEMA = json.loads((DOCS / "reference/result.schema.json").read_text())
MiB = 1 << 20


def one(ops, size=MiB, **more):
    return parse({"id": "w", "layers": [[{"path": "f", "size": size}]], "ops": ops, **more})[0]


WRITE = {"op": "write", "path": "f", "offsets": [512 * 1024], "length": 1}


@pytest.mark.parametrize(
    ("stack", "copied"),
    [
        ("overlay2-ext4", MiB),
        ("overlay2-xfs", 0),
        ("overlay2-xfs-noreflink", MiB),
        ("aufs-ext4", MiB - 4096),
        ("vfs-ext4", 0),
        ("btrfs", 0),
        ("zfs", 128 * 1024 - 4096),
        ("devicemapper-loop-lvm", 65536),
        ("devicemapper-direct-lvm", 524288),
        ("ext4-plain", 0),
        ("xfs-reflink", 0),
    ],
)
def test_one_byte_of_a_mebibyte(stack, copied):
    """data: the block of the byte. copy: overlay2 the whole file, synced first; aufs the file less the block that the
    byte changed while the copy was in the cache; ZFS the rest of its record; dm-thin its pool block; others nothing."""
    written = experiment.run(one([WRITE]), stack).record()["written"]
    assert (written["data"], written["copy"]) == (4096, copied)


def test_the_steps_add_up_and_end_with_a_sync():
    """Three operations and the sync: their counts together are the run's."""
    run = experiment.run(
        one([WRITE, {"op": "chmod", "path": "f", "mode": 384}, {"op": "read", "path": "f"}]), "overlay2-ext4"
    )
    assert [step.name for step in run.steps] == ["write f", "chmod f", "read f", "sync"]
    assert sum((step.counts for step in run.steps), IOCounts()) == run.counts
    assert run.asked_to_read == MiB
    assert (run.asked_to_write, run.record()["amplification"]["write"]) == (1, run.counts.bytes("write"))
    moved = run.counts.bytes("write", "copy"), run.counts.bytes("write", "data")
    assert moved == (MiB, 4096)


@pytest.mark.parametrize("stack", ["zfs", "btrfs"])
@pytest.mark.parametrize(
    "places",
    [{"ops": [WRITE | {"length": 32 * MiB}]}, {"ops": [], "prepare": [WRITE | {"length": 32 * MiB}]}],
    ids=["ops", "prepare"],
)
def test_a_pool_that_is_full_at_the_end(stack, places):
    """Clones share a pool that runs out at write-back, which the last sync or freeze does: a line, with the place."""
    small = replace(STACKS[stack], make=partial(STACKS[stack].make, device_bytes=16 * MiB))
    with pytest.raises(InvalidInput, match=r"^w.json: (sync|freeze): No space left on device"):
        experiment.run(one(**places), small, place="w.json")
    with pytest.raises(InvalidInput, match=r"^trace: (sync|freeze): No space left on device"):
        predict({"layers": [[{"path": "f", "size": MiB}]], **places}, stack, device=Device(16 * MiB))


def test_nothing_asked_for_has_no_amplification():
    run = experiment.run(one([{"op": "chmod", "path": "f", "mode": 384}]), "overlay2-ext4")
    assert run.record()["amplification"] == {"write": None, "read": None, "space": None}


def test_page_cache_shared_or_not():
    """Four containers read a file of 1 MiB: in memory once under a union, four times where each has its own inode."""
    names = ["s0", "s1", "s2", "s3"]
    reads = [{"op": "read", "in": name, "path": "f"} for name in names]
    for stack, times in (
        ("overlay2-ext4", 1),
        ("aufs-ext4", 1),
        ("btrfs", 4),
        ("vfs-ext4", 4),
        ("devicemapper-loop-lvm", 4),
    ):
        run = experiment.run(one(reads, snapshots=names), stack)
        assert (run.page_cache, run.counts.bytes("read", "data")) == (times * MiB, times * MiB), stack


def test_a_directory_of_a_lower_layer_cannot_be_renamed():
    (workload,) = parse(
        {"id": "w", "layers": [[{"path": "d/f", "size": 4096}]], "ops": [{"op": "rename", "path": "d", "to": "e"}]}
    )
    notes = {stack: experiment.run(workload, stack).notes for stack in ("overlay2-ext4", "aufs-ext4", "btrfs")}
    assert notes == {"overlay2-ext4": ("rename: EXDEV",), "aufs-ext4": ("rename: EXDEV",), "btrfs": ("rename: ok",)}


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_answers_and_its_books_balance(stack):
    """The demo: space is exclusive + shared, the totals are the sums of the purposes, and all of it fits the schema."""
    workload = generate("demo")
    (record,) = experiment.compare(workload, [stack]).records()
    jsonschema.validate([record], SCHEMA)
    assert record["space"]["allocated"] == record["space"]["exclusive"] + record["space"]["shared"]
    for side in ("written", "read"):
        assert record[side]["total"] == sum(record[side][purpose] for purpose in ("data", "copy", "metadata", "zero"))


@pytest.mark.parametrize(
    ("ops", "place"),
    [
        ([{"op": "unlink", "path": "none"}], r"^w.json.ops\[0\]: unlink none: No such file or directory$"),
        (
            [WRITE, {"op": "append", "path": "f", "length": 1 << 49}],
            r"^w.json.ops\[1\]: append .*No space left on device$",
        ),
    ],
)
def test_an_operation_that_cannot_be_done(ops, place):
    with pytest.raises(InvalidInput, match=place):
        experiment.run(one(ops), "overlay2-ext4", place="w.json")


def test_sizes_past_the_device():
    (workload,) = parse({"id": "w", "layers": [[{"path": "f", "size": 1 << 45}]], "ops": []})
    with pytest.raises(InvalidInput, match=r"^w.json.layer layer0: layer .*No space left on device"):
        experiment.run(workload, "overlay2-ext4", place="w.json")


def test_unknown_names():
    with pytest.raises(InvalidInput, match="'overlay3' is no stack: one of overlay2-ext4, "):
        experiment.run(one([]), "overlay3")
    with pytest.raises(InvalidInput, match="'tape' is no device profile: one of hdd, ssd, nvme, network"):
        experiment.run(one([]), "btrfs", "tape")


RANDOM = partial(generate, "random", size="1M", writes=8)


def test_a_sweep_in_processes_is_the_sweep_in_one():
    stacks, varied = ["overlay2-ext4", "devicemapper-loop-lvm"], {"length": [4096, 16384], "seed": [1, 2]}
    alone = experiment.sweep(RANDOM, stacks, varied, progress=False)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        together = experiment.sweep(RANDOM, stacks, varied, executor=pool, progress=False)
    assert together.records() == alone.records()
    assert len(alone) == 8


def test_curves_over_write_size():
    """8 writes into 1 MiB: overlay2 copies the file once, so its amplification falls as the writes grow."""
    curves = experiment.sweep(
        RANDOM, ["overlay2-ext4", "ext4-plain"], {"length": [4096, 65536]}, progress=False
    ).curves("length")
    sizes, amplification = curves["overlay2-ext4"]
    assert sizes == [4096, 65536]
    assert amplification[0] > amplification[1] > 1
    plain = curves["ext4-plain"][1]  # the data, and 5 blocks for the inode
    assert all(value < other for value, other in zip(plain, amplification, strict=True))


def test_csv_has_the_records():
    result = experiment.compare(one([WRITE]), ["overlay2-ext4", "btrfs"])
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    assert [row["stack"] for row in rows] == ["overlay2-ext4", "btrfs"]
    assert rows[0]["written.copy"] == str(MiB)


def test_the_same_seed_is_the_same_bill():
    first, second = (
        experiment.compare(generate("random", 3, size="1M", writes=16), ["zfs"]).records() for _ in range(2)
    )
    assert first == second


REPLACED = [
    operation
    for _ in range(3)
    for operation in (
        {"op": "create", "files": [{"path": "f.new", "size": MiB}]},
        {"op": "rename", "path": "f.new", "to": "f"},
    )
]


@pytest.mark.parametrize(
    ("stack", "times"),
    [
        ("ext4-plain", 3),
        ("vfs-ext4", 3),
        ("btrfs", 3),
        ("xfs-reflink", 3),
        ("overlay2-ext4", 2),
        ("overlay2-xfs", 3),
        ("zfs", 1),
    ],
)
def test_a_file_that_is_replaced_is_written_before_the_sync(stack, times):
    """f.new is moved over f three times. ext4 and btrfs write it back at the rename, if there is something to replace
    (under overlay2 the first f is in the lower layer, so that the upper has nothing yet); XFS at the close, since the
    harness ends each file with truncate(2) to its own size. The same was measured on Linux 6.18."""
    assert experiment.run(one(REPLACED), stack).counts.bytes("write", "data") == times * MiB


@pytest.mark.parametrize(("stack", "times"), [("ext4-plain", 3), ("btrfs", 3), ("xfs-reflink", 3), ("overlay2-xfs", 3)])
def test_a_file_that_is_cut_and_written_anew_is_written_at_close(stack, times):
    """Three times O_TRUNC and 1 MiB: three times on the device, though nobody asked for a sync."""
    again = [{"op": "create", "files": [{"path": "f", "size": MiB}]}] * 3
    assert experiment.run(one(again), stack).counts.bytes("write", "data") == times * MiB
