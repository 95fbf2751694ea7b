"""The kit for thin pools: snapsim's and a student's pass, each planted bug is caught with at most five operations."""

import numpy as np
import pytest
from planted import pools as planted
from reproducing import reproduced

from snapsim.base.errors import InvalidInput, NoSpace, NotFound
from snapsim.testing import (
    CheckFailed,
    PoolAct,
    PoolShape,
    SmallThinPool,
    check_thin_pool,
    every_list,
    few_pool_acts,
    play_pool,
)
from snapsim.testing.pools.stories import POOL_PROBES, POOL_STORIES, create, delete, discard, snapshot, write

BY_OPERATIONS = [bug for bug in planted.BUGS if bug is not planted.AnyIdIsGood]


@pytest.mark.parametrize(("pool", "examples"), [(planted.Right, 200), (SmallThinPool, 100)])
def test_a_right_pool_passes(pool, examples):
    """Probes, stories, every list of up to three operations, random ones."""
    report = check_thin_pool(pool, examples=examples)
    assert (report.failures, len(report.passed)) == ((), len(POOL_PROBES) + len(POOL_STORIES) + 2)


@pytest.mark.parametrize("bug", BY_OPERATIONS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    failure = check_thin_pool(bug, raise_on_failure=False).shortest
    assert 1 <= len(failure.operations) <= 5
    first = next(line for line in failure.program if line.startswith("pool = "))
    shape = PoolShape(*map(int, first.split("(")[1].rstrip(")").split(", ")))
    assert reproduced(failure) == ""
    assert play_pool(bug, failure.operations, shape) == play_pool(bug, failure.operations, shape)
    assert play_pool(bug, failure.operations, shape).promise == failure.promise


@pytest.mark.parametrize(
    "bug",
    [
        planted.NeverBreaksSharing,
        planted.DeletionFreesWhatIsShared,
        planted.TornWhenFull,
        planted.StaleRestOfAFreshChunk,
        planted.DiscardOfAPartUnmaps,
    ],
)
def test_the_search_alone_finds_it_too(bug, monkeypatch):
    monkeypatch.setattr("snapsim.testing.pools.check.POOL_STORIES", [])
    monkeypatch.setattr("snapsim.testing.pools.check.POOL_PROBES", [])
    failure = check_thin_pool(bug, raise_on_failure=False).shortest
    assert len(failure.operations) <= 5


def test_what_reads_alike_is_told_apart():
    failure = check_thin_pool(planted.ReferencesAreText, raise_on_failure=False).shortest
    assert str(failure).endswith("print(pool.references(0))  # expected 1, got '1'")


def test_ids_are_probed():
    """2**24 is one too many: no list of operations would say so."""
    with pytest.raises(CheckFailed, match="create\\(16777216\\) is refused") as caught:
        check_thin_pool(planted.AnyIdIsGood)
    assert caught.value.failure.behaviour == "ids_have_24_bits"


def test_which_blocks_differ():
    """A write to a snapshot that goes to the shared pool block 0: the origin shows it, and nothing new is used."""
    failure = check_thin_pool(planted.NeverBreaksSharing, raise_on_failure=False).shortest
    assert failure.operations == (write(0, range(4)), snapshot(), write(1, [0]))
    assert failure.difference == (
        "thin 0, block 0: expected 100, got 300",
        "map of 1, block 0: expected new, got 0",
        "references, block 0: expected 1, got 2",
        "figures, used: expected 5, got 4",
        "figures, exclusive(0): expected 1, got 0",
        "figures, exclusive(1): expected 1, got 0",
    )
    assert failure.before.rows["references"] == {"0": "2", "1": "2", "2": "2", "3": "2"}


def test_the_report_reads_like_a_test_suite():
    report = check_thin_pool(planted.DiscardTakesItFromAll, raise_on_failure=False)
    lines = str(report).splitlines()
    assert lines[0].startswith("DiscardTakesItFromAll: passes 28 of 31 (")
    assert any(line.startswith("failed a_discard_of_a_shared_chunk: every thin volume shows") for line in lines)
    assert any(line.startswith("first failing step: 3 of 3: pool.discard(") for line in lines), lines
    assert lines[lines.index("what differs then:") + 1 :] == [
        f"  thin 1, block {block}: expected {100 + block}, got 0" for block in range(4)
    ]


def test_a_failure_prints_as_a_program_that_runs(capsys):
    failure = check_thin_pool(planted.CopiesWhatIsCovered, raise_on_failure=False).shortest
    exec(compile(str(failure), "pasted", "exec"), {})
    assert capsys.readouterr().out == "1\n"
    assert (failure.expected, failure.actual, failure.call) == (0, 1, "pool.copied")


def test_where_once_shared_a_chunk_may_stay_or_move():
    """dm-thin does not look whether the other owner still exists, a count of references does: both are right."""
    story = [write(0, [0, 1, 2, 3]), snapshot(), delete(1), write(0, [0]), write(0, [0])]
    for pool in (SmallThinPool, planted.Right):
        assert play_pool(pool, story, PoolShape(16, 2, 4)) is None


def test_thin_volumes_have_numbers():
    """Thin volume 5 never came: of two it is 5 modulo 2, block 6 of four is block 2; the last one stays."""
    acts = [create(), write(5, [6, 2]), PoolAct("read", 5, (6,)), delete(1), delete(0), discard(3, [4])]
    assert play_pool(planted.Right, acts, PoolShape(16, 1, 4)) is None


def test_every_list_of_two_operations_on_a_pool_that_is_soon_full():
    """9 + 81 lists on three pool blocks, for a volume of four."""
    for pool in (SmallThinPool, planted.Right):
        lists = [(write(0, [0, 1]), *acts) for acts in every_list(few_pool_acts(), 2)]
        assert len(lists) == 90
        assert [acts for acts in lists if play_pool(pool, acts, PoolShape(3, 1, 4))] == []


def test_runs_of_a_request():
    """Blocks in any order become requests of neighbours: 5 3 4 covers chunk 2 of two blocks, and a half of chunk 1."""
    pool = SmallThinPool(8, 2, 6)
    pool.create(0)
    pool.write(0, range(6), range(10, 16))
    pool.snapshot(1, 0)
    pool.write(1, [5, 3, 4], [25, 23, 24])
    assert pool.read(1, np.arange(6)) == [10, 11, 12, 23, 24, 25]
    assert (pool.copied, pool.used, pool.exclusive(0), pool.exclusive(1)) == (1, 5, 2, 2)
    with pytest.raises(InvalidInput):
        pool.write(0, [-1, 0], [1, 2])
    with pytest.raises(NotFound):
        pool.discard(2, [0])


def test_a_pool_that_was_full_has_room_after_a_discard_that_nobody_looked_at():
    """Looking commits, and a full pool would come back by that alone."""
    pool = SmallThinPool(3, 1, 4)
    pool.create(0)
    with pytest.raises(NoSpace):
        pool.write(0, [0, 1, 2, 3], [1, 2, 3, 4])
    pool.discard(0, [1])
    pool.write(0, [1], [5])
    assert pool.read(0, [0, 1, 2]) == [1, 5, 3]
