"""devicemapper: its pool, options and status, by hand and against real daemons."""

import errno

import pytest
from trees import DIRECT, captured, image, write_one_byte

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.base.units import GiB, KiB, MiB
from snapsim.drivers.graphdrivers import DeviceMapper


def test_status_of_loop_lvm():
    """64 KiB; base 10 GiB = 10.74 GB; 100 GiB = 107.4 GB; 2 GiB = 2.147 GB; 10 % of 1,638,400 blocks = 10.74 GB."""
    driver = DeviceMapper(host="docker-254:0-131096", host_free=10_900_000_000)
    status, real = dict(driver.status()), dict(captured("devicemapper"))
    measured = {"Data Space Used", "Metadata Space Used", "Metadata Space Available", "Deferred Deleted Device Count"}
    assert {key: value for key, value in status.items() if key not in measured} == {
        key: value for key, value in real.items() if key not in measured
    }
    assert status["Data Space Used"] == "0B"


def test_metadata_that_a_new_loop_pool_reports():
    """Metadata used starts with the reserve of 4096 blocks (16.78 MB); a real empty pool said 17.38 MB."""
    used = float(dict(DeviceMapper().status())["Metadata Space Used"].removesuffix("MB"))
    assert 16.78 <= used <= 17.38


def test_status_of_direct_lvm():
    """A disk of 12 GiB is 3071 extents of 4 MiB: 2917 (95 %) = 12.23 GB for data, 30 (1 %) = 125.8 MB for metadata.

    10 % of 23336 pool blocks are 2333 blocks = 1.223 GB. Nothing of loop files.
    """
    status, real = dict(DeviceMapper(DIRECT, disk_bytes=12 * GiB).status()), dict(captured("devicemapper-direct-lvm"))
    same = {
        "Pool Name",
        "Pool Blocksize",
        "Base Device Size",
        "Backing Filesystem",
        "Data Space Total",
        "Metadata Space Total",
        "Thin Pool Minimum Free Space",
        "Library Version",
        "Udev Sync Supported",
    }
    assert {key: status[key] for key in same} == {key: real[key] for key in same}


def test_space_in_the_status_follows_the_pool():
    """16 pool blocks of 64 KiB for 1 MiB: 1.049 MB; the container's one changed byte takes one more: 1.114 MB."""
    driver = image(DeviceMapper())
    assert dict(driver.status())["Data Space Used"] == "1.049MB"
    driver.create_read_write("box", "image")
    write_one_byte(driver, "box")
    assert dict(driver.status())["Data Space Used"] == "1.114MB"
    assert dict(driver.status())["Data Space Available"] == "107.4GB"


def test_a_thin_device_can_only_grow():
    """20 GiB where the base has 10: the device is longer, and so is its file system; 11 files of 1 GiB fit."""
    driver = DeviceMapper()
    driver.create("image")
    driver.create_read_write("small", "image")
    driver.create_read_write("box", "image", {"size": "20G"})
    assert driver.metadata("box")["DeviceSize"] == str(20 * GiB)
    assert driver.metadata("image")["DeviceSize"] == str(10 * GiB)
    with driver.mounted("small") as mount:
        with pytest.raises(OSError) as failure:
            mount.write("/f", 0, 10 * GiB + 1)
        assert failure.value.errno == errno.ENOSPC
    with driver.mounted("box") as mount:
        for number in range(11):
            mount.write(f"/{number}", 0, GiB)
        driver.sync()
        last = mount.read("/10", GiB - 4096, 4096)
    driver.create("child", "box")
    with driver.mounted("child") as mount:
        assert mount.read("/10", GiB - 4096, 4096) == last


def test_docker_refuses_layers_when_the_pool_is_nearly_full():
    """160 pool blocks, least 16 free: 145 in use leave 15."""
    driver = DeviceMapper({"dm.loopdatasize": "10M", "dm.loopmetadatasize": "2M"})
    driver.create("image")
    with driver.mounted("image") as mount:
        mount.write("/f", 0, 145 * 64 * KiB)
    with pytest.raises(NoSpace, match="Thin Pool has 15 free data blocks which is less than minimum required 16 free"):
        driver.create_read_write("box", "image")
    assert driver.ids() == ["image"]
    relaxed = DeviceMapper({"dm.loopdatasize": "10M", "dm.loopmetadatasize": "2M", "dm.min_free_space": "0%"})
    relaxed.create("image")
    with relaxed.mounted("image") as mount:
        mount.write("/f", 0, 160 * 64 * KiB)
    relaxed.create_read_write("box", "image")


def test_a_full_pool_fails_at_write_back():
    """The file system believes in 10 GiB, the pool has 10 MiB: the write goes to the cache, the sync fails."""
    driver = DeviceMapper({"dm.loopdatasize": "10M", "dm.loopmetadatasize": "2M"})
    driver.create("image")
    mount = driver.get("image")
    mount.write("/f", 0, 11 * MiB)
    with pytest.raises(OSError) as failure:
        driver.sync()
    assert failure.value.errno == errno.ENOSPC


def test_options_of_devicemapper():
    for options, words in (
        ({"dm.colour": "red"}, "devmapper: Unknown option dm.colour"),
        ({"dm.fs": "btrfs"}, "'btrfs' is not allowed: xfs or ext4"),
        ({"dm.basesize": "huge"}, "'huge' is not a size"),
        ({"dm.min_free_space": "100%"}, "no percentage"),
        ({"dm.use_deferred_removal": "maybe"}, "true or false"),
        ({"dm.blocksize": "48K"}, "multiple of 64K"),
    ):
        with pytest.raises(InvalidInput, match=words):
            DeviceMapper(options)


def test_options_of_devicemapper_are_heeded():
    driver = DeviceMapper(
        {
            "dm.basesize": "20G",
            "dm.blocksize": "128K",
            "dm.fs": "ext4",
            "dm.loopdatasize": "1G",
            "dm.min_free_space": "5",
            "dm.use_deferred_removal": "false",
        }
    )
    status = dict(driver.status())
    assert [
        status[key]
        for key in (
            "Base Device Size",
            "Pool Blocksize",
            "Backing Filesystem",
            "Data Space Total",
            "Deferred Removal Enabled",
        )
    ] == ["21.47GB", "131.1kB", "ext4", "1.074GB", "false"]
    assert status["Thin Pool Minimum Free Space"] == "53.61MB"  # 8192 * 5 // 100 = 409 blocks of 128 KiB


def test_removal_discards_only_on_loop_files():
    """dm.blkdiscard is on with loop files: the data device is told of what was the layer's alone."""
    for options, told in (
        ({}, MiB),
        (DIRECT, 0),
        ({**DIRECT, "dm.blkdiscard": "true"}, MiB),
        ({"dm.blkdiscard": "false"}, 0),
    ):
        driver = image(DeviceMapper(options))
        with driver.devices[0].counting() as io:
            driver.remove("image")
        assert (io.counts.bytes("discard"), driver.space()) == (told, 0)
