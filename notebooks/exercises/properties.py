# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Properties that find bugs

# %% [markdown] tags=["task"]
# Write **tests** for volumes with snapshots. Each is a function with the parameter `make`, which gives a fresh volume
# of zeros: `make(size)`, or `make(size, chunk_blocks)` for chunks of several blocks. It fails by an assertion. You
# may use Hypothesis: `@given` fills the parameters behind `make`.
#
# Your tests meet two correct volumes and 26 with one bug each. A test that fails on a correct volume is a false alarm
# and counts for nothing; the score is the share of the bugs that the others find. Think of: several snapshots, small
# writes into large chunks, the same block twice in one request, deletion, rollback, discard, what the bill says
# (`with volume.counting() as bill:`, then `bill.counts`), and how much is in use (`volume.allocated()`). Not every
# volume has every verb: `Unsupported` is raised by those that have not.
#
# List your tests in `tests`. Of snapsim, use the module that is imported here and no others: tests that call the kit
# would earn no points.

# %% tags=["setup"]
from contextlib import suppress

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from snapsim import Unsupported


# %% tags=["work"] wanted="tests"
def test_a_write_is_read(make):
    volume = make(4)
    volume.write(1, 7)
    assert volume.read(1) == 7


tests = [test_a_write_is_read]

# More of them: tests.append(...), or tests += [...].
# BEGIN SOLUTION
ALL = [0, 1, 2, 3]
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "snapshot", "clone", "delete", "discard"]),
        st.integers(0, 3),
        st.lists(st.integers(0, 3), min_size=1, max_size=4),
    ),
    max_size=7,
)


@settings(max_examples=8, derandomize=True, database=None, phases=[Phase.generate])
@given(OPERATIONS, st.sampled_from([1, 2]))
def test_all_that_was_taken_keeps_its_content(make, operations, chunk_blocks):
    """A volume and all that was taken of it, each beside the contents that it should have."""
    pairs = [(make(4, chunk_blocks), [0, 0, 0, 0])]
    for number, (verb, which, blocks) in enumerate(operations):
        volume, content = pairs[which % len(pairs)]
        with suppress(Unsupported):
            if verb == "write" and not volume.read_only:
                stamps = range(10 * number + 1, 10 * number + 1 + len(blocks))
                volume.write(blocks, list(stamps))
                for block, stamp in zip(blocks, stamps, strict=True):
                    content[block] = stamp
            elif verb in ("snapshot", "clone"):
                pairs.append((getattr(volume, verb)(), list(content)))
            elif verb == "delete" and which % len(pairs):
                volume.delete()
                pairs.remove((volume, content))
            elif verb == "discard" and not volume.read_only:
                chunk = slice(blocks[0] // chunk_blocks * chunk_blocks, (blocks[0] // chunk_blocks + 1) * chunk_blocks)
                volume.discard(chunk)
                content[chunk] = [0] * chunk_blocks
    for volume, content in pairs:
        assert volume.read(ALL[::-1]).tolist() == content[::-1]


def test_snapshots_and_rollback(make):
    volume = make(4)
    volume.write(ALL, [1, 2, 3, 4])
    old = volume.snapshot()
    volume.write([0, 1], [5, 6])
    new = volume.snapshot()
    assert old.read_only
    assert new.read_only
    volume.rollback(old)
    assert [each.read(ALL).tolist() for each in (volume, old, new)] == [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 3, 4]]


def test_space_comes_back(make):
    """What is in use, in blocks, where a volume of its own has four."""
    volume = make(4)
    volume.write(ALL)
    volume.snapshot().delete()
    snapshot = volume.snapshot()
    volume.write([0, 1])
    assert volume.allocated() == 6 * 4096
    snapshot.delete()
    assert volume.allocated() == 4 * 4096
    snapshot = volume.snapshot()
    volume.write([0, 1])
    volume.rollback(snapshot)
    snapshot.delete()
    assert volume.allocated() == 4 * 4096
    with suppress(Unsupported):
        snapshot = volume.snapshot()
        volume.discard([1])
        assert volume.allocated() == 4 * 4096  # the snapshot has it still
        snapshot.delete()
        assert volume.allocated() == 3 * 4096


def test_the_bill(make):
    """Copy-on-write copies once for each snapshot, redirect-on-write never; both write the data once."""
    volume = make(4)
    volume.write(ALL)
    volume.snapshot(), volume.snapshot()
    with volume.counting() as first:
        volume.write(2)
    cells = first.counts.cells()
    assert cells.pop("write_data") == (1, 4096)
    assert cells in ({}, {"read_copy": (2, 8192), "write_copy": (2, 8192)})
    with volume.counting() as second:
        volume.write(2)
    assert second.counts.cells() == {"write_data": (1, 4096)}


def test_small_writes_into_large_chunks(make):
    volume = make(4, 2)
    volume.write(ALL, [1, 2, 3, 4])
    snapshot = volume.snapshot()
    volume.write(1, 5)
    assert volume.read(ALL).tolist() == [1, 5, 3, 4]
    assert snapshot.read(ALL).tolist() == [1, 2, 3, 4]
    with suppress(Unsupported):
        volume.discard(slice(0, 2))
        volume.write(0, 6)
        assert volume.read(ALL).tolist() == [6, 0, 3, 4]


tests += [
    test_all_that_was_taken_keeps_its_content,
    test_snapshots_and_rollback,
    test_space_comes_back,
    test_the_bill,
    test_small_writes_into_large_chunks,
]
# END SOLUTION

# %% [markdown]
# The kit runs your tests against the volumes. Of a bug that none of them finds it says what kind of thing is wrong.

# %% tags=["check"] judge="finds_bugs" points=10 title="bugs found"
from snapsim.course.exercises.marking import check

check("properties", "finds_bugs", globals())
