"""The kit for volumes: correct ones pass, each planted bug is caught with at most five operations."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from planted import volumes as missed_once
from profiles import PROFILE
from reproducing import reproduced

from snapsim.base.errors import InvalidInput, Unsupported
from snapsim.block.device import BlockDevice
from snapsim.block.snapshots import MECHANISMS, CowBtree, ExceptionStore, FullCopy, ThinPool, ThinVolume
from snapsim.testing import (
    CI,
    CheckFailed,
    Failure,
    Shape,
    check_counts,
    check_volume,
    delete,
    discard,
    every_list,
    few_operations,
    play,
    read,
    rollback,
    run_machine,
    snapshot,
    volume_machine,
    volume_operations,
    write,
)
from snapsim.testing.playing import LOOKS
from snapsim.testing.search import TimeLimit
from snapsim.testing.volumes import planted

# ---------------------------------------------------------------- correct volumes


@pytest.mark.parametrize("volume", planted.CORRECT, ids=lambda volume: volume.__name__)
def test_what_a_student_writes_passes(volume):
    report = check_volume(volume)
    assert report.failures == ()
    assert len(report.passed) > 25


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_passes(name):
    report = check_volume(MECHANISMS[name], examples=60)
    assert len(report.passed) > 25
    assert f"passes {len(report.passed)} of {len(report.passed)}" in str(report)


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_walks(name):
    """10 walks of 20 steps; in CI 100 walks of 50: 5000 steps a mechanism."""
    run_machine(volume_machine(MECHANISMS[name], Shape(4, 1)), PROFILE)
    assert CI.max_examples * CI.stateful_step_count == 5000


@pytest.mark.parametrize("volume", planted.CORRECT, ids=lambda volume: volume.__name__)
def test_every_list_of_three_operations(volume):
    """11 operations: 11 + 121 + 1331 = 1463 lists on two blocks in one chunk."""
    lists = list(every_list(few_operations(2), 3))
    assert len(lists) == 1463
    assert [failure for operations in lists if (failure := play(volume, operations, Shape(2, 2)))] == []


# ---------------------------------------------------------------- planted bugs

CAUGHT: dict[str, Failure] = {}


@pytest.mark.parametrize("bug", [*planted.BUGS, *missed_once.BUGS], ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    report = check_volume(bug, raise_on_failure=False)
    failure = report.shortest
    assert failure is not None
    assert 1 <= len(failure.operations) <= 5
    assert any(play(bug, failure.operations, shape_of(failure), looks=looks) for looks in LOOKS)  # it can be replayed
    assert reproduced(failure) == ""
    CAUGHT[bug.__name__] = failure


def shape_of(failure: Failure) -> Shape:
    """The shape that the first line of the program names: ``v0 = Bug.new(size, block_size, chunk_size)``."""
    first = next(line for line in failure.program if line.startswith("v0 = "))
    size, block_size, chunk_size = map(int, first.split("new(")[1].rstrip(")").split(", "))
    return Shape(size, chunk_size // block_size, block_size)


def test_table_of_planted_bugs(capsys):
    for name, failure in CAUGHT.items():
        print(f"{name:36} {len(failure.operations)} operations: {failure.promise}")
    assert len(capsys.readouterr().out.splitlines()) == len(CAUGHT)


@pytest.mark.parametrize(("bug", "probe"), missed_once.PROBED.items(), ids=lambda each: getattr(each, "__name__", each))
def test_what_no_list_says_is_probed(bug, probe):
    """No list of operations has stamps of 0 or of 64 bits, blocks outside, or volumes that are gone."""
    report = check_volume(bug, raise_on_failure=False)
    assert report.failures[0].behaviour == probe


def test_a_rollback_that_uses_its_snapshot_up_says_so():
    """dm-snapshot's merge does, and its limits name it; for others it is a failure."""
    assert ExceptionStore.limits["rollback keeps the snapshot"]
    failure = check_volume(missed_once.RollbackUsesTheSnapshotUp, raise_on_failure=False).shortest
    assert failure.promise == "a verb deletes no other volume"
    assert failure.operations[-1] == rollback(0)
    assert reproduced(failure) == ""


@pytest.mark.parametrize(
    "bug",
    [
        planted.OriginForgetsToCopyOut,
        planted.PartialWriteNotFilled,
        planted.RollbackHurtsOtherSnapshots,
        planted.CountsACopyTwice,
    ],
)
def test_the_search_alone_finds_it_too(bug, monkeypatch):
    """Without the named behaviours: every list of two operations, then random ones."""
    monkeypatch.setattr("snapsim.testing.volumes.check.STORIES", [])
    monkeypatch.setattr("snapsim.testing.volumes.check.PROBES", {})
    failure = check_volume(bug, examples=600, time_limit=300, raise_on_failure=False).shortest
    assert failure is not None
    assert len(failure.operations) <= 5


# ---------------------------------------------------------------- failures are data


def first_failure_of(bug):
    with pytest.raises(CheckFailed) as caught:
        check_volume(bug, examples=10)
    return caught.value.failure


def test_a_failure_prints_as_a_program_that_runs(capsys):
    """Origin of 4 blocks: snapshot, write all (step 2: stamps 200 to 203). The snapshot should still show zeros."""
    failure = first_failure_of(planted.OriginForgetsToCopyOut)
    assert failure.operations == (snapshot(0), write(0, range(0, 4)))
    assert (failure.step, failure.expected, failure.actual) == (1, [0, 0, 0, 0], [200, 201, 202, 203])
    exec(compile(str(failure), "pasted", "exec"), {})
    assert capsys.readouterr().out == "[200, 201, 202, 203]\n"
    assert str(failure).splitlines()[1:4] == [
        "from snapsim.testing.volumes.planted.cow import OriginForgetsToCopyOut",
        "v0 = OriginForgetsToCopyOut.new(4, 4096, 4096)",
        "v1 = v0.snapshot()",
    ]


def test_which_blocks_differ():
    """Chunks of two blocks, one is written: the other one of the new chunk was not copied. In use is what should be."""
    failure = first_failure_of(planted.PartialWriteNotFilled)
    assert failure.operations == (write(0, range(0, 4)), snapshot(0), write(0, 0))
    assert failure.before.rows == {name: {str(block): str(100 + block) for block in range(4)} for name in ("v0", "v1")}
    assert failure.after.rows["v0"] == {"0": "300", "1": "0", "2": "102", "3": "103"}
    assert failure.difference == ("v0, block 1: expected 101, got 0",)
    assert failure.failing_step == "3 of 3: v0.write(0, 300)"


def test_a_leak_is_a_difference_of_the_storage():
    """Four chunks of 4096 bytes are held, and four that were copied for the snapshot are still allocated."""
    failure = first_failure_of(planted.LeaksAtDeletion)
    assert failure.difference == ("storage, allocated: expected 16384, got 32768",)


def test_a_failure_as_json():
    told = first_failure_of(planted.OriginForgetsToCopyOut).to_dict()
    assert told["mechanism"] == "OriginForgetsToCopyOut"
    assert told["after"]["wrong"] == {"v1": {"0": "0", "1": "0", "2": "0", "3": "0"}}
    assert told["before"]["unit"] == "block"
    assert told["operations"][1] == {"verb": "write", "volume": 0, "blocks": "0:4", "other": 0}


def test_an_exception_is_a_failure_with_the_line_it_came_from():
    failure = first_failure_of(planted.DividesByZeroAtTheSecondSnapshot)
    assert failure.actual.startswith("ZeroDivisionError: division by zero (row.py:")
    assert "1 / (3 - len(self.family))" in failure.actual


def test_a_factory_that_cannot_make_a_volume_is_a_failure():
    report = check_volume(lambda size, block_size, chunk_size: 1 // 0, raise_on_failure=False)
    assert report.passed == ()
    assert report.failures[0].behaviour == "make a fresh volume"
    assert "ZeroDivisionError" in report.failures[0].actual


def test_nothing_on_standard_error_and_no_global_random_state(capfd):
    random.seed(1)
    np.random.seed(1)
    before, numpy_before = random.getstate(), np.random.get_state()[1].tolist()
    first = check_volume(planted.FirstDuplicateWins, examples=20, raise_on_failure=False)
    random.seed(2)
    second = check_volume(planted.FirstDuplicateWins, examples=20, raise_on_failure=False)
    random.seed(1)
    assert first == second
    assert (random.getstate(), np.random.get_state()[1].tolist()) == (before, numpy_before)
    assert capfd.readouterr() == ("", "")


def test_the_time_limit_is_kept():
    """What there was no time for is reported as skipped."""
    report = check_volume(planted.Row, time_limit=0.2)
    assert "the time was over" in report.skipped.values()


# ---------------------------------------------------------------- the player


def test_volumes_have_numbers():
    """Volume 7 never came: of two it is 7 modulo 2, the snapshot, which refuses writes; block 9 of four is block 1."""
    assert play(FullCopy, [write(7, 9), snapshot(3), write(7, 9), delete(5), read(9, (9, 1)), rollback(2, 8)]) is None


def small_pool(size, block_size, chunk_size):
    """A thin volume on a pool of four pool blocks."""
    pool = ThinPool(
        BlockDevice(4 * chunk_size // block_size, block_size),
        BlockDevice(256),
        chunk_size,
        no_space="error",
        strict=False,
    )
    return pool.create(size)


def small_store(size, block_size, chunk_size):
    """Exception stores of four chunks: header, metadata, two exceptions."""
    return ExceptionStore(BlockDevice(size, block_size), chunk_size, store_size=4 * chunk_size // block_size)


def two_slots(size, block_size, chunk_size):
    """Room for the volume and one copy."""
    return FullCopy.new(size, block_size, chunk_size, copies=1)


def small_btrfs(size, block_size, chunk_size):
    """Six blocks for data."""
    return CowBtree.new(size, block_size, chunk_size, device_size=6)


def test_out_of_space_keeps_the_prefix():
    """A pool of 4 blocks: of 5 writes, one by one, 4 succeed; a snapshot then leaves no room to move to."""
    story = [write(0, (0, 1, 2, 3, 4)), write(0, 5), snapshot(0), write(0, (0, 1)), write(0, range(0, 4))]
    assert play(small_pool, story, Shape(8, 1)) is None
    assert play(small_pool, [*story, delete(1), discard(0, 0), write(0, 5)], Shape(8, 1)) is None


def test_a_full_exception_store_gives_its_snapshot_up():
    """Two chunks fit into the store, three have to be kept."""
    assert play(small_store, [snapshot(0), write(0, (0, 1, 2)), snapshot(0), write(0, 3)], Shape(8)) is None


@pytest.mark.parametrize("factory", [small_pool, small_store, two_slots, small_btrfs])
def test_volumes_that_are_often_full(factory):
    """Lists of operations where out of space is the rule."""

    @settings(max_examples=100, derandomize=True, database=None, deadline=None)
    @given(operations=volume_operations(4))
    def agrees(operations):
        failure = play(factory, operations, Shape(4, 1))
        assert failure is None, str(failure)

    agrees()


# ---------------------------------------------------------------- bills


@pytest.mark.parametrize(
    ("volume", "like"),
    [(planted.Cow, "cow"), (planted.Row, "row"), (ExceptionStore, "cow"), (ThinVolume, "row"), (FullCopy, "full-copy")],
)
def test_bills_of_the_teaching_models(volume, like):
    assert check_counts(volume, like=like).failures == ()


def test_a_bill_that_differs():
    """Copy-on-write billed as redirect-on-write: the first write reads and writes 4096 too much."""
    with pytest.raises(CheckFailed, match="first write since a snapshot") as caught:
        check_counts(planted.Cow, like="row")
    failure = caught.value.failure
    assert failure.expected == {"write_data": 4096}
    assert failure.actual == {"read_copy": 4096, "write_data": 4096, "write_copy": 4096}
    assert len(failure.operations) == 3


def test_a_volume_that_cannot_be_made_has_no_bill():
    class Refuses(planted.Cow):
        @classmethod
        def new(cls, *sizes):
            raise RuntimeError("no")

    failure = check_counts(Refuses, like="cow", raise_on_failure=False).shortest
    assert failure.promise == "make a fresh volume: no exception but those of the contract"


def test_an_unknown_model_is_refused():
    with pytest.raises(InvalidInput, match="'wal' is no model: one of full-copy, cow, row"):
        check_counts(planted.Cow, like="wal")


def test_a_machine_finds_a_bug():
    with pytest.raises(Exception, match="every volume and snapshot shows"):
        run_machine(volume_machine(planted.OriginForgetsToCopyOut), settings(CI, max_examples=20))


def test_other_work_on_the_machine_takes_no_time_from_the_search(monkeypatch):
    """An hour passes while the process computes for 29 s: of 30, one second is left."""
    now = {"wall": 0.0, "own": 0.0}
    monkeypatch.setattr("snapsim.testing.search.time.monotonic", lambda: now["wall"])
    monkeypatch.setattr("snapsim.testing.search.time.process_time", lambda: now["own"])
    limit = TimeLimit(30)
    now.update(wall=3600, own=29)
    assert not limit.over
    now.update(own=31)
    assert limit.over


def test_an_origin_may_be_there_to_stay():
    """As that of the exercise: who refuses its deletion is no deleted volume that goes on to be read."""

    class Stays(planted.Row):
        def _delete(self):
            if self.origin is None:
                raise Unsupported("the origin stays")
            super()._delete()

    assert check_volume(Stays, length=1, examples=5, raise_on_failure=False).failures == ()
