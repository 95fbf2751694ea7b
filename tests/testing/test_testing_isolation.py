"""Code that hangs, ends its process, prints, eats memory or changes the checker does not take the checker down."""

import os
import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import snapsim.testing.volumes.player as player
from snapsim.base.errors import InvalidInput
from snapsim.drivers.graphdrivers import Vfs
from snapsim.testing import CheckFailed, check_counts, check_driver, check_properties, check_volume, isolation
from snapsim.testing.isolation import tampered
from snapsim.testing.volumes.family import Family
from snapsim.testing.volumes.planted import BUGS, Cow
from snapsim.testing.volumes.probes import PROBES


class HangsInARollback(Cow):
    def _rollback(self, snapshot):
        while True:
            pass


class HangsAndCatchesEverything(Cow):
    def _write(self, asked, stamps):
        while True:
            try:
                int("endless")
            except BaseException:
                continue


class EndsTheProcess(Cow):
    def _write(self, asked, stamps):
        os._exit(0)


class Exits(Cow):
    def _write(self, asked, stamps):
        sys.exit(0)


class EatsMemory(Cow):
    def _write(self, asked, stamps):
        self.pile = [bytearray(100 << 30)]


class HoardsMemory(Cow):
    def _write(self, asked, stamps):
        self.pile = []
        while True:
            self.pile.append(b"x" * (64 << 20))


class CallsItself(Cow):
    def _write(self, asked, stamps):
        self._write(asked, stamps)


class ChangesTheChecker(Cow):
    def _write(self, asked, stamps):
        player.play = lambda *args, **kwargs: None


class AsksTheUser(Cow):
    def _write(self, asked, stamps):
        input("what now? ")


class Talks(Cow):
    def _write(self, asked, stamps):
        print("written")
        sys.stderr.write("written\n")
        os.write(1, b"written\n")
        super()._write(asked, stamps)


@pytest.mark.parametrize(
    ("code", "promise"),
    [
        (HangsInARollback, "every call returns"),
        (HangsAndCatchesEverything, "every call returns"),
        (EndsTheProcess, "the process goes on"),
        (Exits, "no exception"),
        (EatsMemory, "no exception"),
        (HoardsMemory, "memory is bounded"),
        (CallsItself, "no exception"),
        (AsksTheUser, "no exception"),
        (ChangesTheChecker, "the checker is as it was"),
    ],
)
def test_it_is_a_failure_like_any_other(code, promise, monkeypatch):
    """With a counter-example of up to five operations, and the checker goes on judging others."""
    if code is HoardsMemory:
        monkeypatch.setattr(isolation, "MEMORY", 1 << 30)  # the whole 8 GiB take long to fill
    report = check_volume(code, raise_on_failure=False)
    assert report.shortest.promise.startswith(promise)
    assert len(report.shortest.operations) <= 5
    assert tampered() == ""


def test_a_hang_names_the_call():
    """A snapshot, then the rollback that never ends: two operations."""
    failure = check_volume(HangsInARollback, raise_on_failure=False).shortest
    assert [operation.verb for operation in failure.operations] == ["snapshot", "rollback"]
    assert "rollback" in failure.program[-1]


def test_what_is_printed_goes_nowhere(capfd):
    """Not even what is written past Python."""
    assert check_volume(Talks, examples=5).failures == ()
    assert capfd.readouterr() == ("", "")


def test_a_checker_that_was_changed_does_not_judge(monkeypatch):
    """Changed before the check, in this very process."""
    monkeypatch.setattr(player, "play", lambda *args, **kwargs: None)
    with pytest.raises(CheckFailed, match="play was replaced"):
        check_volume(Cow)
    with pytest.raises(CheckFailed, match="play was replaced"):
        check_counts(Cow, like="cow")


def test_methods_and_code_are_sealed_too(monkeypatch):
    """Of classes the methods, of functions the code object."""
    with monkeypatch.context() as changed:
        changed.setattr(Family, "do", lambda *args: None)
        assert tampered() == "snapsim.testing.volumes.family.Family.do was replaced"
    with monkeypatch.context() as changed:
        changed.setattr(Family, "__eq__", lambda *args: True)
        assert tampered() == "snapsim.testing.volumes.family.Family.__eq__ was added"
    with monkeypatch.context() as changed:
        changed.setattr(player.play, "__code__", (lambda *args: None).__code__)
        assert "play was replaced" in tampered()
    assert tampered() == ""


def test_tables_are_sealed_with_what_is_in_them(monkeypatch):
    """Also those that Python lets anybody change."""
    with monkeypatch.context() as changed:
        changed.delitem(PROBES, next(iter(PROBES)))
        assert "PROBES was replaced" in tampered()
        with pytest.raises(CheckFailed, match="PROBES"):
            check_volume(Cow)


class EqualToEverything(int):
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = int.__hash__


class SaysThatItIsRight(Cow):
    def read(self, blocks):
        found = super().read(blocks)
        return EqualToEverything() if isinstance(blocks, int) else [EqualToEverything() for _ in found]


def test_a_value_does_not_say_what_it_is_equal_to():
    """In the judge's own process as well, as in a notebook."""
    report = check_volume(SaysThatItIsRight, examples=5, raise_on_failure=False)
    assert "every volume and snapshot shows what was written to it" in str(report.shortest)


def test_drivers_are_isolated_too():
    """A driver that hangs when a layer is removed."""

    class Hangs(Vfs):
        def _remove(self, id):
            while True:
                pass

    failure = check_driver(Hangs, examples=1, length=1, raise_on_failure=False).shortest
    assert failure.promise == "every call returns"
    assert len(failure.operations) <= 5


def test_random_states_are_left_alone():
    """Those of random and of NumPy."""
    before = random.getstate(), np.random.get_state()[1].tolist()
    check_volume(Cow, examples=5)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# ---------------------------------------------------------------- tests of tests


def snapshot_keeps(make):
    volume = make(4, 2)
    volume.write(slice(0, 4))
    before = volume.read(slice(0, 4)).tolist()
    snapshots = [volume.snapshot(), volume.snapshot()]
    volume.write(1)
    volume.write(3)
    assert [snapshot.read(slice(0, 4)).tolist() for snapshot in snapshots] == [before, before]
    assert volume.read([0, 2]).tolist() == [before[0], before[2]]


def always_wrong(make):
    assert make(4).read(0) == 1


def hangs(make):
    while True:
        pass


@given(block=st.integers(0, 3))
def a_property(make, block):
    volume = make(4)
    snapshot = volume.snapshot()
    volume.write(block)
    assert snapshot.read(block) == 0


def test_tests_are_judged_by_what_they_find():
    """The one test finds bugs of copying out and of maps; a false alarm and a hang find nothing."""
    report = check_properties([snapshot_keeps, always_wrong, a_property])
    assert {"OriginForgetsToCopyOut", "CopiesOutForTheNewestOnly", "PartialWriteNotFilled"} <= set(report.found)
    assert len(report.false_alarms) == 1
    assert report.false_alarms[0].startswith("always_wrong: AssertionError")
    assert report.by_test["a_property"] >= 2
    assert report.points + len(report.survived) == report.of == len(BUGS)
    assert not any(bug.__name__ in " ".join(report.survived) for bug in BUGS)


def test_a_test_that_hangs_is_a_false_alarm():
    """It does not return on the correct volume either."""
    report = check_properties([hangs], bugs=BUGS[:1])
    assert (report.points, len(report.false_alarms)) == (0, 1)


def test_no_tests_at_all():
    """Says what is needed."""
    with pytest.raises(InvalidInput, match="make"):
        check_properties([])
