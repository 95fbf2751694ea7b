"""The small contract of a union mount: a right one passes, each planted bug is caught with at most five operations."""

import pytest

from snapsim.testing import Union, check_union


class Right(Union):
    def read(self, name):
        found = next((layer[name] for layer in (self.upper, *reversed(self.lowers)) if name in layer), None)
        if found is None:
            raise FileNotFoundError(name)
        return found

    def write(self, name, offset, data):
        old = self.read(name) if name in self.names() else b""
        if name not in self.upper:
            self.copy_up(name, old)
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]

    def copy_up(self, name, old):
        self.copied += len(old)

    def unlink(self, name):
        self.read(name)
        self.upper.pop(name, None)
        if any(name in layer for layer in self.lowers):
            self.upper[name] = None

    def names(self):
        seen = {}
        for layer in (*self.lowers, self.upper):
            seen.update(layer)
        return sorted(name for name in seen if seen[name] is not None)


class LowestWins(Right):
    def read(self, name):
        found = next((layer[name] for layer in (self.upper, *self.lowers) if name in layer), None)
        if found is None:
            raise FileNotFoundError(name)
        return found


class NoWhiteout(Right):
    def unlink(self, name):
        self.read(name)
        self.upper.pop(name, None)


class WhiteoutIsListed(Right):
    def names(self):
        return sorted({name for layer in (*self.lowers, self.upper) for name in layer})


class WritesTheLowerLayer(Right):
    def write(self, name, offset, data):
        super().write(name, offset, data)
        for layer in self.lowers:
            if name in layer:
                layer[name] = self.upper[name]


class CopiesUpAgain(Right):
    def write(self, name, offset, data):
        old = self.read(name) if name in self.names() else b""
        self.copied += len(old) if any(name in layer for layer in self.lowers) else 0
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]


class CountsNothing(Right):
    def copy_up(self, name, old):
        pass


class CopiesUpABlockOnly(Right):
    def write(self, name, offset, data):
        old = self.upper.get(name) or b""
        self.copy_up(name, data)
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]


class WhiteoutForEverything(Right):
    def unlink(self, name):
        self.read(name)
        self.upper[name] = None


class DeletesWhatIsNotThere(Right):
    def unlink(self, name):
        if name in self.names():
            super().unlink(name)


class DeletedContentComesBack(Right):
    def write(self, name, offset, data):
        if self.upper.get(name, b"") is None:
            old = next(layer[name] for layer in self.lowers if name in layer) or b""
            self.upper[name] = old[:offset] + data + old[offset + len(data) :]
        else:
            super().write(name, offset, data)


class Hangs(Right):
    def unlink(self, name):
        while name in self.names():
            pass


class Raises(Right):
    def names(self):
        return sorted(self.upper | self.lowers[0])


class UpperIsDroppedWhenEqual(Right):
    """What is written and equal to what is below is not kept."""

    def write(self, name, offset, data):
        super().write(name, offset, data)
        if self.upper[name] in [layer.get(name) for layer in self.lowers]:
            del self.upper[name]


class LongFilesAreCut(Right):
    def write(self, name, offset, data):
        super().write(name, offset, data)
        self.upper[name] = self.upper[name][:8]


BUGS = (
    LowestWins,
    NoWhiteout,
    WhiteoutIsListed,
    WritesTheLowerLayer,
    CopiesUpAgain,
    CountsNothing,
    CopiesUpABlockOnly,
    WhiteoutForEverything,
    DeletesWhatIsNotThere,
    DeletedContentComesBack,
    Hangs,
    Raises,
    UpperIsDroppedWhenEqual,
    LongFilesAreCut,
)


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
    assert (report.failures, len(report.passed)) == ((), 16)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    """With at most five operations, as a program that names the call."""
    failure = check_union(bug, raise_on_failure=False).shortest
    assert len(failure.operations) <= 5
    assert f"u = {bug.__name__}(" in failure.program[0]


def test_the_counter_example_is_the_shortest_one():
    """A deletion without a whiteout: one operation, and the name is still seen."""
    failure = check_union(NoWhiteout, raise_on_failure=False).shortest
    assert str(failure).splitlines()[1:] == [
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
    assert report[0].startswith("NoWhiteout: passes 10 of 13 (")
    assert report[-3:] == ["what differs then:", *(f"  {line}" for line in failure.difference)]
