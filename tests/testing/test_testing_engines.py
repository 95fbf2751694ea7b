"""The kit for engines: snapsim's passes on every driver, each planted bug is caught with at most five operations."""

import functools

import pytest
from planted import engines as planted
from reproducing import reproduced

from snapsim.docker.daemon_config import DaemonConfig
from snapsim.docker.engine import Engine
from snapsim.drivers.graphdrivers import DRIVERS
from snapsim.testing import check_engine, play_engine
from snapsim.testing.engines.images import IMAGES, unpacked
from snapsim.testing.engines.operations import chmod, commit, pull, rm, rmi, run, start, stop, unlink, write
from snapsim.testing.engines.stories import ENGINE_PROBES, ENGINE_STORIES

REAL = [name for name in DRIVERS if name != "plain"]
BY_OPERATIONS = [bug for bug in planted.BUGS if bug not in planted.PROBED]


def engine_on(name):
    return Engine(lambda driver, options: DRIVERS[driver](), DaemonConfig(name))


@pytest.mark.parametrize("name", REAL)
def test_snapsims_engine_passes_on_every_driver(name):
    """Probes, stories, every operation, random lists."""
    report = check_engine(functools.partial(engine_on, name), examples=5, length=1)
    assert (report.failures, len(report.passed)) == ((), len(ENGINE_PROBES) + len(ENGINE_STORIES) + 2)


def test_an_engine_passes_at_the_default_settings():
    """What was never reached is what a longer search can reach: random lists alone come to all of it but a handful."""
    report = check_engine(planted.Right)
    assert report.failures == ()
    assert len(report.unreached) <= 8


@pytest.mark.parametrize("bug", BY_OPERATIONS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_caught(bug):
    failure = check_engine(bug, raise_on_failure=False).shortest
    assert 1 <= len(failure.operations) <= 5
    assert play_engine(bug, failure.operations).promise == failure.promise
    assert reproduced(failure, **{bug.__name__: bug}) == ""


@pytest.mark.parametrize(("bug", "probe"), planted.PROBED.items(), ids=lambda each: getattr(each, "__name__", each))
def test_what_no_list_says_is_probed(bug, probe):
    report = check_engine(bug, examples=5, length=1, raise_on_failure=False)
    assert [failure.behaviour for failure in report.failures] == [probe]


def test_a_file_of_a_directory_that_the_image_lacks_is_not_written():
    """One of the images has no /d: that is no mistake of the engine's."""
    assert play_engine(functools.partial(engine_on, "vfs"), [pull(3), run(), write("/d/g"), write("/new")]) is None


def test_the_mode_that_a_file_has_is_no_change():
    """Neither moby's archive nor the kit's book has another layer for it."""
    story = [pull(0), run(), chmod("/f"), commit(), chmod("/f"), commit()]
    assert play_engine(functools.partial(engine_on, "vfs"), story) is None


@pytest.mark.parametrize(
    ("bug", "acts", "lines"),
    [
        (
            "ReleasesOneLayerOnly",
            [pull(1), rmi()],
            ["driver, layers: expected 0, got 1", "driver, space: expected 0, got 8192"],
        ),
        ("ContainersHaveOneLayer", [pull(1), run()], ["driver, layers: expected 4, got 3"]),
        ("SizeRwWithTheImage", [pull(1), run()], ["box0, SizeRw: expected 0, got 5114"]),
        (
            "StopForgetsTheChanges",
            [pull(1), run(), write("/new")],
            [
                "box0, path /new: expected b'step 3', got -",
                "box0, SizeRw: expected 6, got 0",
                "box0, diff: expected A /new, got none",
            ],
        ),
        ("DiffShowsAdditionsOnly", [pull(1), run(), write("/f")], ["box0, diff: expected C /f, got none"]),
    ],
)
def test_what_differs(bug, acts, lines):
    """Figures of images, containers and the driver, and files of containers.

    Image two has a layer of two small files (2 blocks, 104 bytes) and one of 10 and 5000 bytes; if the lower one stays,
    so do its 8192 bytes.
    """
    failure = play_engine(next(each for each in planted.BUGS if each.__name__ == bug), acts)
    assert list(failure.difference) == lines


def test_a_failure_prints_as_a_program_that_runs(capsys):
    """The image of a commit has the changes only: its Size lacks the 100 + 10 + 5000 + 4 bytes below."""
    failure = check_engine(planted.CommitStandsOnNothing, raise_on_failure=False).shortest
    exec(compile(str(failure), "pasted", "exec"), {})
    assert capsys.readouterr().out == "0\n"
    assert (failure.expected, failure.actual) == (5114, 0)


def test_a_long_life():
    """Everything in one list, on a driver that copies and on one that shares blocks."""
    story = [
        pull(0),
        pull(2),
        run(1),
        write("/f"),
        unlink("/two"),
        commit(),
        run(2),
        start(1),
        write("/new", 1),
        rm(1),
        stop(1),
        commit(1),
        rm(1),
        rm(0),
        rmi(2),
        rmi(1),
        run(0),
        write("/d/g"),
        rmi(1),
    ]
    for name in ("vfs", "btrfs"):
        assert play_engine(functools.partial(engine_on, name), story) is None


def test_the_trees_of_the_three_images():
    assert unpacked(IMAGES["two:1"]).nodes["/f"].content == b"second one"
    assert "/d/g" not in unpacked(IMAGES["three:1"]).nodes


def test_a_failure_at_the_closing_removal_shows_what_was_there_before_it():
    """Nobody asked for a removal: the kit's own, at the end, is the step that is shown, and the image was there."""
    bug = next(bug for bug in planted.BUGS if bug.__name__ == "ReleasesOneLayerOnly")
    failure = play_engine(bug, [pull(1)])
    assert failure.program[-1].startswith("engine.rmi(")
    assert (failure.before.rows["driver"]["layers"], failure.after.rows["driver"]["layers"]) == ("2", "1")
