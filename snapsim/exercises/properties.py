"""Exercise 3: properties that find planted bugs."""

from .exercise import Check, Exercise

_TEXT = """\
Write **tests** for volumes with snapshots. Each is a function with the parameter `make`, which gives a fresh volume
of zeros: `make(size)`, or `make(size, chunk_blocks)` for chunks of several blocks. It fails by an assertion. You
may use Hypothesis: `@given` fills the parameters behind `make`.

Your tests meet two correct volumes and 26 with one bug each. A test that fails on a correct volume is a false alarm
and counts for nothing; the score is the share of the bugs that the others find. Think of: several snapshots, small
writes into large chunks, the same block twice in one request, deletion, rollback, discard, and what the bill
(`volume.counting()`) says.

List your tests in `tests`.
"""

_SETUP = """\
from hypothesis import given
from hypothesis import strategies as st
"""

_STARTER = """\
def test_a_write_is_read(make):
    volume = make(4)
    volume.write(1, 7)
    assert volume.read(1) == 7


tests = [test_a_write_is_read]
"""

_SOLUTION = """\
from snapsim.testing import check_counts, check_volume


def test_by_the_kit(make):
    def factory(size, block_size, chunk_size):
        return make(size, chunk_size // block_size)
    check_volume(factory, examples=20)


tests = [test_by_the_kit]
"""

PROPERTIES = Exercise("properties", "Properties that find bugs", "tests", _TEXT, _SETUP, _STARTER, _SOLUTION, (
    Check("bugs found", "finds_bugs", 10),))
