"""What the suites of moby and containers/storage ask beyond the kit (`check_driver`), where layers are whole trees."""

import errno

import pytest
from trees import DRIVERS, balanced, lines, seen

from snapsim.base.units import MiB
from snapsim.drivers.diff import diff_id
from snapsim.drivers.naive_diff import remove_tree


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


def write_files(mount, count, seed):
    for number in range(count):
        mount.write(f"/file-{number}", 0, data=bytes([seed + number]) * (1000 * (number + 1)))


def test_diff_apply(driver):
    """DriverTestDiffApply: sizes 1000 + ... + 10000 = 55000; what is removed stays removed in the sibling."""
    driver.create("base")
    with driver.mounted("base") as mount:
        write_files(mount, 10, 3)
        mount.write("/file-remove.txt", 0, data=b"x")
        mount.mkdir("/var")
        mount.mkdir("/var/lib")
        mount.write("/var/lib/f", 0, data=b"x")
    driver.create("upper", "base")
    with driver.mounted("upper") as mount:
        write_files(mount, 10, 6)
        mount.unlink("/file-remove.txt")
        remove_tree(mount, "/var/lib")
    assert driver.diff_size("upper", "base") == 55000
    driver.create("sibling", "base")
    assert seen(driver, "sibling") == seen(driver, "base")
    diff = driver.diff("upper", "base")
    assert driver.apply_diff("sibling", "base", diff) == 55000 == diff.tar_size == diff.apparent_size
    assert seen(driver, "sibling") == seen(driver, "upper") != seen(driver, "base")
    assert driver.changes("sibling", "upper") == [] == driver.changes("upper", "sibling")
    assert lines(driver, "sibling", "base") == lines(driver, "upper", "base")
    assert (diff_id(diff) or "").startswith("sha256:")
    assert diff_id(driver.diff("sibling", "base")) == diff_id(diff)
    assert balanced(driver)


def test_echo(driver):
    """DriverTestEcho: one deletion, a change of each ancestor, and the additions when it is made again."""
    driver.create("1")
    with driver.mounted("1") as mount:
        for depth in range(1, 4):
            mount.mkdir("/a" * depth)
        mount.write("/a/a/a/f", 0, 10)
    driver.create("2", "1")
    with driver.mounted("2") as mount:
        remove_tree(mount, "/a/a/a")
    driver.create("3", "2")
    with driver.mounted("3") as mount:
        mount.mkdir("/a/a/a")
        mount.write("/a/a/a/g", 0, 10)
    assert lines(driver, "2", "1") == ["C /a", "C /a/a", "D /a/a/a"]
    assert lines(driver, "3", "2") == ["C /a", "C /a/a", "A /a/a/a", "A /a/a/a/g"]
    assert lines(driver, "3", "1") == ["C /a", "C /a/a", "C /a/a/a", "D /a/a/a/f", "A /a/a/a/g"]


@pytest.mark.parametrize("name", ["vfs-xfs", "btrfs", "zfs"])
def test_set_quota(name):
    """DriverTestSetQuota: 25 MB of 50 fit, 50 more do not; an image layer of vfs takes no quota."""
    driver = DRIVERS[name]()
    driver.create("image")
    driver.create_read_write("box", "image", {"size": "50M"})
    with driver.mounted("box") as mount:
        mount.write("/half", 0, 25 * MiB)
        with pytest.raises(OSError) as failure:
            mount.write("/full", 0, 50 * MiB)
        assert failure.value.errno == errno.EDQUOT
        mount.unlink("/half")
        mount.write("/full", 0, 50 * MiB)
    driver.create_read_write("other", "image")
    with driver.mounted("other") as mount:
        mount.write("/more", 0, 60 * MiB)
    assert balanced(driver)
