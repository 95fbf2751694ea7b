"""The kit for drivers: every driver passes, each planted bug is caught with at most five operations."""

import functools
import os

import pytest
from hypothesis import given, settings
from planted import drivers as planted
from profiles import PROFILE
from reproducing import reproduced

from snapsim.drivers.diff import Change
from snapsim.drivers.graphdrivers import DRIVERS, Aufs, Btrfs, Overlay2, Vfs
from snapsim.testing import (
    CheckFailed,
    check_driver,
    driver_machine,
    driver_operations,
    every_list,
    few_acts,
    play_driver,
    run_machine,
)
from snapsim.testing.drivers.flat_changes import flat_changes, size_bounds
from snapsim.testing.drivers.flat_tree import FlatTree
from snapsim.testing.drivers.layers import Layers
from snapsim.testing.drivers.operations import (
    apply,
    child,
    chmod,
    chown,
    hold,
    link,
    mkdir,
    remove,
    remove_tree,
    rename,
    renew,
    unlink,
    utime,
    write,
)
from snapsim.testing.playing import LOOKS

REAL = [name for name in DRIVERS if name != "plain"]
VARIANTS = {
    "overlay2-xfs": functools.partial(Overlay2, "xfs"),
    "overlay2-metacopy": functools.partial(Overlay2, metacopy=True),
    "aufs-xfs": functools.partial(Aufs, "xfs"),
    "vfs-xfs": functools.partial(Vfs, "xfs"),
    "vfs-quotas": functools.partial(Vfs, "xfs", project_quotas=True),
    "overlay2-quotas": functools.partial(Overlay2, "xfs", project_quotas=True),
}


# ---------------------------------------------------------------- correct drivers


@pytest.mark.parametrize("name", REAL)
def test_every_driver_passes(name):
    report = check_driver(DRIVERS[name], examples=60)
    assert report.failures == ()
    assert len(report.passed) >= 40


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_passes(name):
    report = check_driver(VARIANTS[name], examples=40, length=1)
    assert len(report.passed) >= 40
    assert ("a_quota_is_kept" in report.passed) == ("quotas" in name)


def test_the_ideal_baseline_is_no_driver():
    """plain overwrites in place: it says so in its limits, and nothing is claimed of it."""
    report = check_driver(DRIVERS["plain"])
    assert (report.passed, report.failures) == ((), ())
    assert "all layers are one directory" in report.skipped["everything"]


@pytest.mark.parametrize("name", ["vfs", "overlay2"])
def test_every_list_of_three_operations_on_two_files_and_two_layers(name):
    """11 operations: 11 + 121 + 1331 = 1463 lists, in a second layer over a file with two names."""
    lists = list(every_list(few_acts(), 3))
    assert len(lists) == 1463
    start = (write("/a"), link("/a", "/b"), child())
    assert [failure for acts in lists if (failure := play_driver(DRIVERS[name], (*start, *acts)))] == []


@pytest.mark.parametrize("name", REAL)
def test_every_driver_walks(name):
    """10 walks of 20 steps; in CI 100 walks of 50: 5000 steps a driver."""
    run_machine(driver_machine(DRIVERS[name]), PROFILE)


@pytest.mark.parametrize("driver", [Vfs, Overlay2, Aufs, Btrfs])
def test_drivers_that_are_often_full(driver):
    """A device of five blocks: out of space is the rule."""

    @settings(max_examples=40, derandomize=True, database=None, deadline=None)
    @given(operations=driver_operations(6, 14))
    def agrees(operations):
        failure = play_driver(functools.partial(driver, device_bytes=5 * 4096), operations)
        assert failure is None, str(failure)

    agrees()


def test_a_full_device_is_noticed():
    """Two files of two blocks each fit into five blocks, their copy for a child does not."""
    layers = Layers(functools.partial(Vfs, device_bytes=5 * 4096))
    for act in (write("/a", 4095), write("/b", 4095), child()):
        layers.do(act)
    layers.check_all()
    assert layers.lines[-1].endswith("no room")
    assert len(layers.layers) == 1


# ---------------------------------------------------------------- planted bugs


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    failure = check_driver(bug, examples=40, raise_on_failure=False).shortest
    assert failure is not None
    print(f"{bug.__name__:36} {len(failure.operations)} operations: {failure.promise}")
    assert 1 <= len(failure.operations) <= 5
    assert any(play_driver(bug, failure.operations, looks=looks) for looks in LOOKS)  # the data can be replayed
    assert reproduced(failure, **{bug.__name__: bug}) == ""


def test_modes_are_told_as_the_calls_have_them():
    """Octal, in the failure as in its program."""
    failure = check_driver(planted_union("CopyUpLosesTheMode"), examples=5, raise_on_failure=False).shortest
    assert (failure.expected, failure.actual) == ({"mode": "0o700"}, {"mode": "0o755"})


def test_what_was_never_reached_is_told():
    """Short lists of two layers make no device, and remove no layer that is held."""
    report = check_driver(Vfs, examples=1, length=1)
    assert report.coverage["write", "a layer, a file from below"] > 0
    assert ("remove", "a layer with children that is held, on another") in report.unreached
    assert not set(report.unreached) & report.coverage.keys()
    assert "never reached: " in str(report)


@pytest.mark.parametrize(("bug", "probe"), planted.PROBED.items(), ids=lambda each: getattr(each, "__name__", each))
def test_what_no_list_says_is_probed(bug, probe):
    report = check_driver(bug, examples=5, raise_on_failure=False)
    assert [failure.behaviour for failure in report.failures] == [probe]


def test_which_paths_differ():
    """A directory that is made anew shows what the layer below has in it; what changed is told wrong as well."""
    failure = check_driver(planted_union("OpaqueIsForgotten"), examples=5, raise_on_failure=False).shortest
    assert failure.operations[-1] == renew("/lib", 1)
    assert failure.difference == (
        "l1, path /lib/hidden: expected -, got file 644, 6 B b'step 2'",
        "l1, changes: expected C /lib, D /lib/hidden, got none",
    )
    assert failure.before.rows["l1"] == {"/": "dir 755", "/lib": "dir 755", "/lib/hidden": "file 644, 6 B b'step 2'"}
    report = check_driver(planted_union("CopyUpLosesTheMode"), examples=5, raise_on_failure=False)
    assert "  l1, path /d: expected mode 700, got mode 755" in str(report).splitlines()
    assert f"passes {len(report.passed)} of {len(report.passed) + len(report.failures)} (" in str(report)


def planted_union(name):
    """The driver with the union of that class."""
    return next(bug for bug in planted.BUGS if bug.__name__ == name)


def test_few_comparisons_find_what_many_find(monkeypatch):
    """A list is compared sparsely first: layers that no step named are looked at before one goes and at the end."""
    looked = []
    monkeypatch.setattr(Layers, "check", lambda self, layer: looked.append(layer.id))
    acts = [write("/a"), child(), write("/b"), child(), write("/c"), remove(), write("/d")]
    assert play_driver(Vfs, acts) is None
    assert looked == ["l0", "l1", "l1", "l2", "l2", "l0", "l1", "l2", "l1", "l0", "l1"]


@pytest.mark.parametrize(
    "bug",
    [
        bug
        for bug in planted.BUGS
        if bug.__name__
        in {
            "ForgetsTheWhiteout",
            "OpaqueIsForgotten",
            "RenameLeavesNoWhiteout",
            "CopyUpLosesTheMode",
            "LayersInReverse",
        }
    ],
)
def test_the_search_alone_finds_it_too(bug, monkeypatch):
    monkeypatch.setattr("snapsim.testing.drivers.check.DRIVER_STORIES", [])
    monkeypatch.setattr("snapsim.testing.drivers.check.DRIVER_PROBES", {})
    failure = check_driver(bug, examples=500, raise_on_failure=False).shortest
    assert failure is not None
    assert len(failure.operations) <= 5


def test_a_failure_prints_as_a_program_that_runs(capsys):
    """The child lacks the empty directory: its root has 2 links, not 3."""
    with pytest.raises(CheckFailed) as caught:
        check_driver(planted.ForgetsEmptyDirectories, examples=5)
    failure = caught.value.failure
    assert failure.operations[:2] == (mkdir("/d", layer=0), child(0))
    assert (failure.expected, failure.actual) == ({"nlink": 3}, {"nlink": 2})
    exec(compile(str(failure), "pasted", "exec"), {})
    assert "nlink=2" in capsys.readouterr().out
    assert failure.to_dict()["operations"][0] == {"verb": "mkdir", "path": "/d", "to": "", "number": 0o755, "layer": 0}


def test_a_factory_that_fails_is_a_failure():
    report = check_driver(lambda: 1 // 0, raise_on_failure=False)
    assert "ZeroDivisionError" in report.failures[0].actual


def test_nothing_on_standard_error(capfd):
    first = check_driver(planted.NeverSeals, examples=5, raise_on_failure=False)
    assert first == check_driver(planted.NeverSeals, examples=5, raise_on_failure=False)
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------- the oracle


def tree(*calls):
    made = FlatTree()
    for name, *arguments in calls:
        getattr(made, name)(*arguments)
    return made


def test_a_flat_tree_fails_as_linux_does():
    made = tree(("mkdir", "/d"), ("write", "/d/f", 0, b"x"), ("write", "/a", 0, b"y"), ("symlink", "/d", "/s"))
    for error, name, *arguments in (
        (FileExistsError, "mkdir", "/a"),
        (NotADirectoryError, "rmdir", "/a"),
        (IsADirectoryError, "unlink", "/d"),
        (OSError, "rmdir", "/d"),
        (PermissionError, "link", "/d", "/e"),
        (NotADirectoryError, "write", "/a/b", 0, b""),
        (FileNotFoundError, "chmod", "/x", 0),
        (IsADirectoryError, "rename", "/a", "/d"),
        (NotADirectoryError, "rename", "/d", "/a"),
        (OSError, "rename", "/d", "/d/e"),
    ):
        with pytest.raises(error):
            getattr(made, name)(*arguments)
    with pytest.raises(NotADirectoryError):
        made.rename("/x", "/a/x")  # the directories are looked up before the names
    with pytest.raises(OSError, match="not empty"):
        made.rename("/d/f", "/d")  # the directory that it is in: not EISDIR
    with pytest.raises(PermissionError):
        made.mknod("/n"), made.setxattr("/n", "user.note", "1")
    with pytest.raises(OSError, match="No data"):
        made.removexattr("/a", "user.note")
    assert made.key("/s/f") == "/d/f"
    assert made.open("/s/f", os.O_RDWR) is made


def test_the_time_of_a_directory_goes_with_its_entries():
    """utime of a directory holds until a name comes or goes in it; a change of a file in it is none."""
    start = [mkdir("/d"), write("/d/a"), mkdir("/e"), utime("/d")]
    for acts in (
        [write("/d/b")],
        [unlink("/d/a")],
        [rename("/d/a", "/e/a"), write("/a")],
        [link("/d/a", "/d/c")],
        [child(), write("/d/a", 3)],
    ):
        for driver in (Vfs, Overlay2, Btrfs):
            assert play_driver(driver, [*start, *acts]) is None, acts


@pytest.mark.parametrize("driver", [Vfs, Overlay2, Aufs, Btrfs])
def test_another_owner_takes_set_user_id_away(driver):
    """Of files, and set-group-id of what the group may execute; directories keep theirs."""
    for mode, after in ((0o4755, 0o755), (0o6711, 0o711), (0o2640, 0o2640)):
        made = tree(("write", "/a", 0, b"x"), ("chmod", "/a", mode), ("chown", "/a", 7, 8))
        assert made.nodes["/a"].mode == after
        assert play_driver(driver, [write("/a"), chmod("/a", mode), child(), chown("/a")]) is None
    assert play_driver(driver, [mkdir("/d"), chmod("/d", 0o2755), chown("/d")]) is None


def test_names_that_aufs_links_at_the_unmount_are_not_missed_before():
    """A name of a file from below is copied up: the others follow when the layer is let go."""
    acts = [write("/a"), link("/a", "/b"), child(), hold(), write("/a"), apply(), hold(), apply()]
    assert play_driver(Aufs, acts) is None
    assert play_driver(Aufs, [*acts[:5], remove_tree("/b"), unlink("/a")]) is None


def test_names_of_one_file_and_a_copy_up_that_breaks_them():
    whole, broken = FlatTree(), FlatTree(breaks_links=True)
    for made in (whole, broken):
        made.write("/a", 0, b"old")
        made.link("/a", "/b")
    whole, broken = whole.child(), broken.child()
    for made in (whole, broken):
        made.write("/a", 0, b"new")
    assert [made.nodes["/b"].content for made in (whole, broken)] == [b"new", b"old"]


def test_changes_of_flat_trees():
    """A deleted tree is one line; what became a file is changed, and its children are not listed."""
    old = tree(
        ("mkdir", "/d"), ("mkdir", "/d/e"), ("write", "/d/e/f", 0, b""), ("mkdir", "/g"), ("write", "/g/h", 0, b"")
    )
    new = old.child()
    new.remove_tree("/d/e")
    new.remove_tree("/g")
    new.write("/g", 0, b"12345")
    assert flat_changes(new, old) == [Change("C", "/d"), Change("D", "/d/e"), Change("C", "/g")]
    assert size_bounds(new, old) == (5, 5)


def test_layers_have_numbers():
    """Layer 6 never came: of two it is 6 modulo 2, the older one, which is sealed; the newest is held, so it stays."""
    acts = [
        write("/a"),
        child(),
        write("/a", 0, 6),
        hold(),
        unlink("/a"),
        rename("/b", "/c"),
        remove_tree("/a"),
        apply(),
        remove(),
        hold(),
        remove(),
        remove(),
    ]
    assert play_driver(Overlay2, acts) is None
