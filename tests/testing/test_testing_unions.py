"""The small contract of a union mount: a right one passes, each planted bug is caught with at most five operations."""

import pytest
from planted.unions import BUGS, NoWhiteout, Right
from reproducing import reproduced

from snapsim.testing import check_union


@pytest.mark.parametrize("name", [0, None, "\N{SUPERSCRIPT TWO}"])
def test_names_that_are_none(name):
    """Whatever a union lists, the report can be printed and shown."""

    class ListsIt(Right):
        def names(self):
            return [*super().names(), name]

        def read(self, name):
            return super().read(name) if isinstance(name, str) and name.isascii() else b"?"

    report = check_union(ListsIt, examples=1, raise_on_failure=False)
    assert f"merged, name {name}: expected -, got b'?'" in str(report)
    assert "data:image/png" in report.shortest._repr_html_()


def test_a_right_one_passes():
    """All behaviours, every list of up to three operations on one layer and two, random lists."""
    report = check_union(Right)
    assert (report.failures, len(report.passed)) == ((), 19)
    assert report.unreached == ()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    """With at most five operations, as a program that names the call."""
    failure = check_union(bug, raise_on_failure=False).shortest
    assert len(failure.operations) <= 5
    assert any(line.startswith(f"u = {bug.__name__}(") for line in failure.program)
    assert bug.__name__ == "Hangs" or reproduced(failure) == ""


def test_the_counter_example_is_the_shortest_one():
    """A deletion without a whiteout: one operation, and the name is still seen."""
    failure = check_union(NoWhiteout, raise_on_failure=False).shortest
    assert str(failure).splitlines()[1:] == [
        "from planted.unions import NoWhiteout",
        "u = NoWhiteout([{'a': b'AAAA', 'b': b'BB'}])",
        "u.unlink('a')",
        "print(u.names())  # expected ['b'], got ['a', 'b']",
    ]


def test_which_layers_differ():
    """The merged tree shows what should be gone, and the upper layer lacks the whiteout."""
    failure = check_union(NoWhiteout, raise_on_failure=False).shortest
    assert failure.difference == ("merged, name a: expected -, got b'AAAA'", "upper, name a: expected whiteout, got -")
    assert list(failure.before.rows) == ["merged", "upper", "lower 0", "copied up"]
    report = str(check_union(NoWhiteout, raise_on_failure=False)).splitlines()
    assert report[0].startswith("NoWhiteout: passes 12 of 16 (")
    assert report[-3:] == ["what differs then:", *(f"  {line}" for line in failure.difference)]
