"""The naive diff and its archives, on every driver whose layers are whole trees."""

import numpy as np
import pytest
from trees import DRIVERS, lines, seen

from snapsim.base.units import MiB
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.naive_diff import lstat, remove_tree
from snapsim.files.mounts.marks import whiteout


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


def test_whiteouts_and_opaque_marks(driver):
    """A whiteout removes; an opaque mark empties what was below, and not what this archive brings."""
    driver.create("base")
    with driver.mounted("base") as mount:
        for path in ("/d", "/e"):
            mount.mkdir(path)
        for path in ("/d/old", "/e/old", "/gone"):
            mount.write(path, 0, 1)
    driver.create("layer", "base")
    size = driver.apply_diff(
        "layer",
        "base",
        Diff(
            (
                Entry("/d", "directory"),
                Entry("/d/new", size=5000),
                Entry("/d/.wh..wh..opq"),
                Entry(whiteout("/gone")),
                Entry(whiteout("/never-there")),
                Entry("/.wh..wh.plnk", "directory"),
            )
        ),
    )
    assert size == 5000
    assert list(seen(driver, "layer")) == ["/d", "/d/new", "/e", "/e/old"]
    assert lines(driver, "layer", "base") == ["C /d", "A /d/new", "D /d/old", "D /gone"]


def test_kinds_that_change(driver):
    """A file where a directory was and the other way round, a link for a file: all survive the archive."""
    driver.create("base")
    with driver.mounted("base") as mount:
        for name in ("dir", "link-to-dir"):
            mount.mkdir(f"/{name}")
            mount.write(f"/{name}/f", 0, 1)
        mount.write("/file", 0, 1)
        mount.write("/other", 0, 1)
    driver.create("upper", "base")
    with driver.mounted("upper") as mount:
        for path in ("/dir", "/link-to-dir", "/file", "/other"):
            remove_tree(mount, path)
        mount.write("/dir", 0, 1)
        mount.mkdir("/file")
        mount.write("/file/inside", 0, 1)
        mount.symlink("file", "/link-to-dir")
        mount.mknod("/other", 0o600, (1, 3))
    assert lines(driver, "upper", "base") == ["C /dir", "C /file", "A /file/inside", "C /link-to-dir", "C /other"]
    driver.create("sibling", "base")
    driver.apply_diff("sibling", "base", driver.diff("upper", "base"))
    assert seen(driver, "sibling") == seen(driver, "upper")
    assert driver.changes("sibling", "upper") == []


def test_an_archive_is_refused_nothing_it_needs(driver):
    """Parents that are missing are made; a file without bytes or stamps gets fresh ones; holes stay holes."""
    driver.create("layer")
    holes = np.array([False, True, True, False])
    entry = Entry("/a/b/f", size=16384, holes=holes, uid=7, mode=0o640)
    assert driver.apply_diff("layer", None, Diff((entry,))) == 16384
    with driver.mounted("layer") as mount:
        stat = mount.stat("/a/b/f")
        assert (stat.size, stat.uid, stat.mode) == (16384, 7, 0o640)
        assert (mount.read("/a/b/f") == 0).tolist() == holes.tolist()
        assert mount.stat("/a/b").mode == 0o755


def test_sparse_files_are_filled_by_an_archive(driver):
    """A tar has no holes: 1 MiB long with 128 KiB of data (256 sectors) is 2048 sectors in the copy."""
    driver.create("a")
    with driver.mounted("a") as mount:
        mount.write("/f", 0, 128 * 1024)
        mount.truncate("/f", MiB)
        before = mount.read("/f").tolist()
    driver.create("b")
    driver.apply_diff("b", None, driver.diff("a"))
    driver.sync()
    with driver.mounted("a") as old, driver.mounted("b") as new:
        assert new.read("/f").tolist() == before
        assert (old.stat("/f").blocks, new.stat("/f").blocks) == (256, 2048)


def test_times_travel(driver):
    """An unpacked file has its own time; what is written next is newer, also if the archive is from the future."""
    driver.create("base")
    driver.apply_diff(
        "base", None, Diff((Entry("/f", size=10, mtime=1_700_000_000), Entry("/l", "symlink", target="f", mtime=5)))
    )
    driver.create("child", "base")
    with driver.mounted("child") as mount:
        assert mount.stat("/f").mtime == 1_700_000_000
        assert lstat(mount, "/l").mtime == 5
        assert lines(driver, "child", "base") == []
        mount.write("/f", 0, 10)
        assert mount.stat("/f").mtime > 1_700_000_000
    assert lines(driver, "child", "base") == ["C /f"]


def test_a_change_that_keeps_size_and_time_is_missed(driver):
    """The naive diff asks stat alone: as moby's."""
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.write("/f", 0, 10)
    driver.create("child", "base")
    with driver.mounted("child") as mount:
        time = mount.stat("/f").mtime
        mount.write("/f", 0, 10)
        mount.utime("/f", time)
    assert driver.changes("child", "base") == []


def test_reading_a_diff_is_counted(driver):
    """Caches cold: the 2 MiB that were added are read, and nothing of what is only in the parent."""
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.write("/big", 0, 8 * MiB)
    driver.create("child", "base")
    with driver.mounted("child") as mount:
        mount.write("/new", 0, 2 * MiB)
    driver.sync()
    driver.drop_caches()
    with driver.devices[0].counting() as sized:
        assert driver.diff_size("child", "base") == 2 * MiB
    with driver.devices[0].counting() as read:
        driver.diff("child", "base")
    assert sized.counts.bytes("read") == sized.counts.bytes("read", "metadata")  # of ZFS, which keeps it in the pool
    assert read.counts.bytes("read", "data") == 2 * MiB


def test_symlinks_count_in_a_size_and_not_in_an_archive(driver):
    driver.create("base")
    driver.create("box", "base")
    with driver.mounted("box") as mount:
        mount.symlink("busybox", "/sh")
    assert driver.diff_size("box", "base") == 7
    driver.create("other", "base")
    assert driver.apply_diff("other", "base", driver.diff("box", "base")) == 0
