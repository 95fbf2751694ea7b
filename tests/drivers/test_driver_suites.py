"""The suites of moby (graphtest) and containers/storage, on every driver whose layers are whole trees."""

import errno

import pytest
from trees import DRIVERS, balanced, lines, seen

from snapsim.base.units import MiB
from snapsim.drivers.diff import diff_id
from snapsim.drivers.naive_diff import remove_tree


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


def test_create_empty(driver):
    """DriverTestCreateEmpty: the root is a directory of root's, mode 0755, empty."""
    driver.create("empty")
    assert driver.exists("empty")
    with driver.mounted("empty") as mount:
        stat = mount.stat("/")
        assert (stat.kind, stat.mode, stat.uid, stat.gid, mount.listdir("/")) == ("directory", 0o755, 0, 0, [])
    driver.remove("empty")
    assert not driver.exists("empty")


def make_base(driver):
    driver.create_read_write("base")
    with driver.mounted("base") as mount:
        mount.mkdir("/a subdir")
        mount.chmod("/a subdir", 0o1705)
        mount.chown("/a subdir", 1, 2)
        mount.write("/a file", 0, data=b"Some data")
        mount.chmod("/a file", 0o4222)


def check_base(driver, id):
    assert {path: entry[:4] for path, entry in seen(driver, id).items()} == {
        "/a subdir": ("directory", 0o1705, 1, 2),
        "/a file": ("file", 0o4222, 0, 0),
    }
    with driver.mounted(id) as mount:
        assert mount.read_bytes("/a file") == b"Some data"


def test_create_base_and_snap(driver):
    """DriverTestCreateBase and CreateSnap, and a grandchild that inherits the root's mode (containers/storage)."""
    make_base(driver)
    check_base(driver, "base")
    driver.create("snap", "base")
    check_base(driver, "snap")
    with driver.mounted("snap") as mount:
        mount.chmod("/", 0o711)
    driver.create("grandchild", "snap")
    check_base(driver, "grandchild")
    with driver.mounted("grandchild") as mount:
        assert mount.stat("/").mode == 0o711


def test_deep_layer_read(driver):
    """DriverTestDeepLayerRead, 40 layers: the chain of ids can be walked from the top, and the base is readable."""
    driver.create("0")
    with driver.mounted("0") as mount:
        mount.write("/testfile.txt", 0, data=b"test data")
    for number in range(1, 41):
        driver.create(str(number), str(number - 1))
        with driver.mounted(str(number)) as mount:
            if mount.exists("/top-id"):
                mount.unlink("/top-id")
            mount.write("/top-id", 0, data=str(number).encode())
            mount.mkdir(f"/layer-{number}")
            mount.write(f"/layer-{number}/layer-id", 0, data=str(number).encode())
            mount.write(f"/layer-{number}/parent-id", 0, data=str(number - 1).encode())
    with driver.mounted("40") as mount:
        assert mount.read_bytes("/top-id") == b"40"
        assert mount.read_bytes("/testfile.txt") == b"test data"
        for number in range(1, 41):
            assert mount.read_bytes(f"/layer-{number}/layer-id") == str(number).encode()
            assert mount.read_bytes(f"/layer-{number}/parent-id") == str(number - 1).encode()
    assert balanced(driver)


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


def test_changes(driver):
    """DriverTestChanges: of 20 files every third is modified, the next added to, the next deleted."""
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.mkdir("/d")
        for number in range(20):
            mount.write(f"/d/{number:02d}", 0, 100)
    driver.create("upper", "base")
    expected = ["C /d"]
    with driver.mounted("upper") as mount:
        for number in range(20):
            path = f"/d/{number:02d}"
            if number % 3 == 0:
                mount.write(path, 0, 100)
                expected.append(f"C {path}")
            elif number % 3 == 1:
                mount.write(f"{path}-new", 0, 100)
                expected.append(f"A {path}-new")
            else:
                mount.unlink(path)
                expected.append(f"D {path}")
    assert lines(driver, "upper", "base") == expected
    assert len(lines(driver, "upper")) == 1 + 20 - 6 + 7  # without a parent all that is there is added


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
