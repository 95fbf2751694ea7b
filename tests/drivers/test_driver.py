"""The contract of drivers: the promise, ids, users, options, on every driver whose layers are whole trees."""

import errno

import pytest
from trees import DRIVERS, balanced, seen

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound
from snapsim.base.units import GiB, MiB
from snapsim.drivers.graphdrivers import Btrfs, DeviceMapper, Plain, Vfs


@pytest.fixture(params=DRIVERS)
def driver(request):
    return DRIVERS[request.param]()


# ---------------------------------------------------------------- the promise


def test_a_parent_is_sealed(driver):
    """Mounted or not, open descriptors included: from its first child on a layer cannot be written."""
    driver.create("parent")
    mount = driver.get("parent")
    mount.write("/f", 0, data=b"before")
    with mount.open("/f", 1) as file:
        driver.create("child", "parent")
        with pytest.raises(OSError) as failure:
            file.write(0, data=b"after")
        assert failure.value.errno == errno.EROFS
        with pytest.raises(OSError) as failure:
            file.truncate(0)
        assert failure.value.errno == errno.EROFS
    driver.put("parent")
    with driver.mounted("parent") as mount, pytest.raises(OSError) as failure:
        mount.mkdir("/d")
    assert failure.value.errno == errno.EROFS
    with driver.mounted("child") as mount:
        assert mount.read_bytes("/f") == b"before"


def test_hard_links_stay_hard_links(driver):
    """A second name is one inode in the child too: a write through one is read through the other."""
    driver.create("image")
    with driver.mounted("image") as mount:
        mount.write("/a", 0, data=b"old")
        mount.link("/a", "/b")
    driver.create("child", "image")
    with driver.mounted("child") as mount:
        mount.write("/a", 0, data=b"new")
        assert mount.read_bytes("/b") == b"new"
        assert mount.stat("/a").ino == mount.stat("/b").ino
    assert driver.diff_size("child", "image") == 3  # each inode once
    diff = driver.diff("child", "image")
    assert [entry.link for entry in diff.entries] == [None, "/a"]
    driver.create("sibling", "image")
    assert driver.apply_diff("sibling", "image", diff) == 3
    with driver.mounted("sibling") as mount:
        assert mount.stat("/b").nlink == 2


# ---------------------------------------------------------------- ids, users, options


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "../x", "a\0b", "x" * 256])
def test_ids_that_are_no_names(driver, id):
    with pytest.raises(InvalidInput, match="is not the id of a layer"):
        driver.create(id)
    assert driver.ids() == []


def test_unknown_and_taken_ids(driver):
    driver.create("a")
    for call in (driver.get, driver.put, driver.remove, driver.changes, driver.metadata, driver.places, driver.parent):
        with pytest.raises(NotFound):
            call("nobody")
    with pytest.raises(NotFound):
        driver.create("b", "nobody")
    for create in (driver.create, driver.create_read_write):
        with pytest.raises(AlreadyExists):
            create("a")
    assert driver.ids() == ["a"]
    assert not driver.exists("b")


def test_removal_is_refused_while_it_is_needed(driver):
    """containerd's Remove and RemoveIntermediateSnapshot: from the top down only; a key can be used again."""
    for id, parent in (("a", None), ("b", "a"), ("c", "b")):
        driver.create(id, parent)
    for id in ("a", "b"):
        with pytest.raises(InUse, match="parent"):
            driver.remove(id)
    driver.get("c")
    driver.get("c")
    driver.put("c")
    with pytest.raises(InUse, match="mounted"):
        driver.remove("c")
    driver.put("c")
    for id in ("c", "b", "a"):
        driver.remove(id)
    driver.create("c")
    assert seen(driver, "c") == {}


def test_users_are_counted(driver):
    driver.create("a")
    first = driver.get("a")
    assert driver.get("a") is first
    driver.put("a")
    driver.put("a")
    with pytest.raises(InvalidInput, match="not mounted"):
        driver.put("a")
    driver.get("a")
    driver.get("a")
    driver.cleanup()
    driver.remove("a")


def test_unknown_options_are_refused(driver):
    with pytest.raises(InvalidInput, match="colour"):
        driver.create_read_write("a", options={"colour": "red"})
    assert driver.ids() == []


@pytest.mark.parametrize("name", ["vfs-xfs", "btrfs", "zfs", "devicemapper"])
@pytest.mark.parametrize("size", ["", "much", "-1", "1e9"])
def test_sizes_that_are_none(name, size):
    driver = DRIVERS[name]()
    with pytest.raises(InvalidInput, match="size"):
        driver.create_read_write("a", options={"size": size})
    assert driver.ids() == []


def test_words_of_the_drivers():
    """Each driver refuses in its own words, and vfs takes no options for image layers."""
    for driver, options, words in (
        (Vfs(), {"x": "1"}, "Storage opt x not supported"),
        (Vfs(), {"size": "1G"}, "Filesystem does not support, or has not enabled quotas"),
        (Btrfs(), {"x": "1"}, "Unknown option x"),
        (Btrfs(), {"size": "0"}, "btrfs: invalid storage size: 0"),
        (Btrfs(min_space="1G"), {"size": "1M"}, "btrfs: storage size cannot be less than 1.074GB"),
        (DeviceMapper(), {"size": "1G"}, "devmapper: Container size cannot be smaller than 10.74GB"),
    ):
        with pytest.raises(InvalidInput, match=words):
            driver.create_read_write("box", options=options)
    with pytest.raises(InvalidInput, match="read-only layers"):
        Vfs("xfs", project_quotas=True).create("image", options={"size": "1G"})


def test_plain_keeps_no_promise():
    """All layers are one directory: `limits` says so, the parent can be written, and the last one empties it."""
    driver = Plain()
    driver.create("a")
    driver.create("b", "a")
    with driver.mounted("a") as mount:
        mount.write("/f", 0, 4096)
    assert "immutable" in driver.limits
    assert seen(driver, "b") == seen(driver, "a") != {}
    assert (driver.usage("a").shared, driver.places("a").tolist()) == (0, [])  # nothing is on disk yet
    driver.sync()
    assert driver.usage("a") == driver.usage("b") == (4096, 0, 4096)
    driver.remove("b")
    assert seen(driver, "a") != {}
    driver.remove("a")
    assert driver.space() == 0


def test_a_full_disk_leaves_nothing_behind():
    """8 MiB of 12 are the image's: its copy does not fit, and no part of it stays."""
    driver = Vfs(device_bytes=12 * MiB)
    driver.create("image")
    with driver.mounted("image") as mount:
        mount.mkdir("/d")
        for number in range(8):
            mount.write(f"/d/{number}", 0, MiB)
    driver.sync()
    with pytest.raises(OSError) as failure:
        driver.create("copy", "image")
    assert failure.value.errno == errno.ENOSPC
    assert driver.ids() == ["image"]
    assert balanced(driver)
    assert driver.space() == 8 * MiB
    with driver.mounted("image") as mount:
        mount.write("/e", 0, 4 * MiB)  # still writable: it has no child, and all room is back
    assert balanced(driver)


def test_default_devices_are_large_and_cost_little():
    assert all(make().devices[0].size * 4096 >= 64 * GiB for make in DRIVERS.values())
