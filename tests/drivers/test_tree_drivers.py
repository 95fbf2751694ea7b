"""vfs, devicemapper, btrfs, zfs and plain: what each does by its own rules, by hand and against real kernels."""

import errno

import pytest
from trees import DIRECT, captured, image, quiet, write_one_byte

from snapsim.base.errors import InvalidInput
from snapsim.base.units import KiB, MiB
from snapsim.block.device import IOCounts
from snapsim.block.volume import Usage
from snapsim.drivers.graphdrivers import Btrfs, DeviceMapper, Plain, Vfs, Zfs

# ---------------------------------------------------------------- one byte, six ways


def test_one_byte_under_vfs():
    """The copy was paid when the layer was made: 1 MiB read and written. Then one block is read and written."""
    driver = image(Vfs())
    with driver.devices[0].counting() as io:
        driver.create_read_write("box", "image")
        driver.sync()
    assert io.counts == IOCounts(read_copy=(1, MiB), write_copy=(1, MiB))
    driver.drop_caches()
    assert write_one_byte(driver, "box") == {"read_data": (1, 4096), "write_data": (1, 4096)}
    assert driver.usage("box") == Usage(MiB, MiB, 0)


def test_one_byte_under_vfs_with_reflink():
    """The layer costs nothing; the block is read (4096), and written elsewhere (4096)."""
    driver = image(Vfs("xfs"))
    with driver.devices[0].counting() as io:
        driver.create_read_write("box", "image")
        driver.sync()
    assert io.counts == IOCounts()
    assert write_one_byte(driver, "box") == {"read_data": (1, 4096), "write_data": (1, 4096)}
    assert driver.usage("box") == Usage(MiB, 4096, MiB - 4096)


@pytest.mark.parametrize(("options", "block"), [({}, 64 * KiB), (DIRECT, 512 * KiB)])
def test_one_byte_under_devicemapper(options, block):
    """The file system reads a block and writes a block; the pool copies a pool block: 64 KiB, or 512 KiB."""
    driver = image(DeviceMapper(options))
    driver.create_read_write("box", "image")
    quiet(driver)
    assert write_one_byte(driver, "box") == {
        "read_data": (1, 4096),
        "read_copy": (1, block),
        "write_copy": (1, block),
        "write_data": (1, 4096),
    }
    assert write_one_byte(driver, "box") == {"read_data": (1, 4096), "write_data": (1, 4096)}  # cold, not shared
    assert driver.usage("box") == Usage(MiB, block, MiB - block)


def test_one_byte_under_btrfs():
    """A new extent of one block; each write moves it again, and the old one is free."""
    driver = image(Btrfs())
    driver.create_read_write("box", "image")
    for _ in range(2):
        quiet(driver)
        assert write_one_byte(driver, "box") == {"read_data": (1, 4096), "write_data": (1, 4096)}
        assert driver.usage("box") == Usage(MiB + 4096, 4096, MiB)


def test_one_byte_under_zfs():
    """A record of 128 KiB is read in whole and written anew: 1 block of data, 31 moved along."""
    driver = image(Zfs())
    driver.create_read_write("box", "image")
    quiet(driver)
    cells = write_one_byte(driver, "box")
    assert sum(amount for cell, (_, amount) in cells.items() if cell.startswith("read")) == 128 * KiB
    assert (cells["write_data"][1], cells["write_copy"][1]) == (4096, 31 * 4096)
    assert driver.usage("box") == Usage(MiB, 128 * KiB, MiB - 128 * KiB)


def test_one_byte_in_place():
    driver = image(Plain())
    driver.create_read_write("box", "image")
    assert write_one_byte(driver, "box") == {"read_data": (1, 4096), "write_data": (1, 4096)}
    assert driver.space() == MiB


# ---------------------------------------------------------------- sharing


@pytest.mark.parametrize(
    ("make", "read", "cached"),
    [
        (Plain, MiB, MiB),
        (Vfs, 4 * MiB, 4 * MiB),
        (lambda: Vfs("xfs"), 4 * MiB, 4 * MiB),
        (Btrfs, 4 * MiB, 4 * MiB),
        (Zfs, MiB, MiB),
    ],
)
def test_four_readers_of_one_image_file(make, read, cached):
    """One page cache a tree: four containers read 1 MiB four times; ZFS has one cache for all its datasets. It reads
    where the records are once as well: object set, 5 levels, dnodes of the directory and of the file, pointers."""
    driver = image(make())
    for number in range(4):
        driver.create_read_write(f"box{number}", "image")
    quiet(driver)
    with driver.devices[0].counting() as io:
        for number in range(4):
            with driver.mounted(f"box{number}") as mount:
                mount.read("/f")
    assert io.counts.bytes("read", "data") == read
    assert io.counts.bytes("read", "metadata") == (9 * 4096 if driver.name == "zfs" else 0)
    assert driver.page_cache_bytes() == cached


def test_unmounting_a_thin_volume_empties_its_cache():
    """devicemapper deactivates the device: reading again after `put` is reading from the pool again."""
    driver = image(DeviceMapper())
    for _ in range(2):
        with driver.devices[0].counting() as io, driver.mounted("image") as mount:
            mount.read("/f")
            mount.read("/f")
            assert driver.page_cache_bytes() == MiB
        assert io.counts.bytes("read") == MiB
    assert driver.page_cache_bytes() == 0


def test_a_container_is_two_layers():
    """vfs copies the image twice; a thin pool, btrfs and zfs copy nothing."""
    for make, copied in ((Vfs, 2 * MiB), (lambda: Vfs("xfs"), 0), (DeviceMapper, 0), (Btrfs, 0), (Zfs, 0)):
        driver = image(make())
        before = driver.space()
        driver.create_read_write("box-init", "image")
        driver.create_read_write("box", "box-init")
        driver.sync()
        assert driver.space() - before == copied


def test_vfs_layers_hold_all_below():
    """Docker's manual: layers of 104M, 104M, 104M, 125M, 125M: what a layer adds is in all above it."""
    driver = Vfs()
    for number, added in enumerate((104, 0, 0, 21, 0)):
        driver.create(str(number), str(number - 1) if number else None)
        if added:
            with driver.mounted(str(number)) as mount:
                mount.write(f"/f{number}", 0, added * MiB)
        driver.sync()
    assert [driver.usage(id).exclusive // MiB for id in driver.ids()] == [104, 104, 104, 125, 125]


def test_deleting_a_file_frees_no_pool_block():
    """XFS is not mounted with discard, so the thin volume keeps the blocks; btrfs and zfs give them back."""
    for make, kept in ((DeviceMapper, MiB), (Btrfs, 0), (Zfs, 0)):
        driver = image(make())
        with driver.mounted("image") as mount:
            mount.unlink("/f")
        driver.sync()
        assert driver.space() == kept


def test_a_small_file_has_a_small_record():
    """5000 bytes are two sectors on zfs; the same file at 200,000 bytes is two records of 128 KiB."""
    driver = image(Zfs(), 5000)
    assert driver.usage("image").allocated == 8192
    with driver.mounted("image") as mount:
        mount.append("/f", 3000)
    driver.sync()
    assert driver.usage("image").allocated == 8192
    with driver.mounted("image") as mount:
        mount.write("/f", 0, 200_000)
    driver.sync()
    assert driver.usage("image").allocated == 256 * KiB


# ---------------------------------------------------------------- quotas


def test_a_project_quota_counts_shared_blocks():
    """XFS counts a cloned block for each file: 3 of 4 MiB are gone with the copy, and 1 MiB is left."""
    driver = image(Vfs("xfs", project_quotas=True), 3 * MiB)
    driver.create_read_write("box", "image", {"size": "4M"})
    with driver.mounted("box") as mount:
        mount.write("/g", 0, MiB)
        with pytest.raises(OSError) as failure:
            mount.write("/g", MiB, 1)
        assert failure.value.errno == errno.EDQUOT
        mount.write("/f", 0, 3 * MiB)  # moves, and counts the same
        mount.truncate("/f", MiB)
        mount.write("/g", MiB, 2 * MiB)


def test_a_quota_smaller_than_the_image():
    """The copy itself does not fit: EDQUOT, and nothing is left."""
    driver = image(Vfs("xfs", project_quotas=True), 3 * MiB)
    with pytest.raises(OSError) as failure:
        driver.create_read_write("box", "image", {"size": "2M"})
    assert failure.value.errno == errno.EDQUOT
    driver.sync()
    assert (driver.ids(), driver.space()) == (["image"], 3 * MiB)


def test_a_quota_group_counts_what_is_referenced_and_a_dataset_what_is_used():
    """3 MiB of the image and 2 MiB new: too much for 4 MiB on btrfs, 2 MiB of 4 on zfs."""
    for make, fits in ((Btrfs, False), (Zfs, True)):
        driver = image(make(), 3 * MiB)
        driver.create_read_write("box", "image", {"size": "4M"})
        with driver.mounted("box") as mount:
            if fits:
                mount.write("/g", 0, 2 * MiB)
                driver.sync()
            with pytest.raises(OSError) as failure:
                mount.write("/h", 0, 3 * MiB if fits else 2 * MiB)
            assert failure.value.errno == errno.EDQUOT


# ---------------------------------------------------------------- status and metadata


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("vfs", Vfs),
        ("vfs-xfs", lambda: Vfs("xfs")),
        ("btrfs", Btrfs),
        ("zfs", Zfs),
        ("devicemapper", DeviceMapper),
        ("devicemapper-direct-lvm", lambda: DeviceMapper(DIRECT)),
    ],
)
def test_status_has_the_keys_of_a_real_daemon(name, make):
    assert [key for key, _ in make().status()] == [key for key, _ in captured(name)]


def test_zfs_status_is_of_the_daemons_start():
    """64 GiB are 68719476736 bytes; moby asks once: the pairs do not change with what is written."""
    driver = Zfs(fsname="tank/docker")
    before = driver.status()
    assert before[:3] == [("Zpool", "tank"), ("Zpool Health", "ONLINE"), ("Parent Dataset", "tank/docker")]
    assert dict(before)["Space Available"] == "68719476736"
    image(driver)
    assert driver.status() == before


def test_btrfs_status_by_version():
    assert Btrfs().status() == captured("btrfs")
    assert Btrfs(versions=None).status() == [("Btrfs", "")]


def test_metadata_names_the_storage():
    driver = Zfs(fsname="tank/docker")
    driver.create("a")
    assert driver.metadata("a") == {"Dataset": "tank/docker/a", "Mountpoint": "/var/lib/docker/zfs/graph/a"}
    thin = DeviceMapper()
    for id, parent in (("a", None), ("b", "a")):
        thin.create(id, parent)
    numbers = [thin.metadata(id)["DeviceId"] for id in ("a", "b")]
    assert len({*numbers, "0"}) == 3  # 0 is the base device
    assert set(thin.metadata("a")) == {"DeviceId", "DeviceName", "DeviceSize"}
    assert Vfs().status() == []


def test_what_file_systems_vfs_and_plain_take():
    for make in (Vfs, Plain):
        with pytest.raises(InvalidInput, match="ntfs"):
            make("ntfs")


def test_a_shared_block_needs_room_of_its_own():
    """XFS, 1 MiB, 640 KiB of it the image's: the clone is free, but only 384 KiB of it can be overwritten.

    The write that finds no room says so, as the kernel's does, and the clone still shows the image's blocks.
    """
    driver = image(Vfs("xfs", device_bytes=MiB), 640 * KiB)
    driver.create_read_write("box", "image")
    with driver.mounted("box") as mount:
        before = mount.read("/f")
        with pytest.raises(OSError) as failure:
            mount.write("/f", 0, 388 * KiB)
        assert failure.value.errno == errno.ENOSPC
        assert (mount.read("/f") == before).all()
        mount.write("/f", 0, 384 * KiB)
        mount.write("/f", 0, 384 * KiB)  # the same blocks again: they are its own by now
        driver.sync()
    assert driver.space() == MiB
    assert driver.usage("box") == Usage(640 * KiB, 384 * KiB, 256 * KiB)


def test_a_pool_that_is_full_leaves_other_layers_alone():
    """btrfs and zfs, 4 MiB: the write is taken, the sync fails; the image reads as before, and removal frees all."""
    for make in (Btrfs, Zfs):
        driver = image(make(device_bytes=4 * MiB), 3 * MiB)
        with driver.mounted("image") as mount:
            before = mount.read("/f").tolist()
        driver.create_read_write("box", "image")
        with driver.mounted("box") as mount:
            mount.write("/f", 0, 3 * MiB)
            with pytest.raises(OSError) as failure:
                driver.sync()
        assert failure.value.errno == errno.ENOSPC
        with driver.mounted("image") as mount:
            assert mount.read("/f").tolist() == before
        driver.remove("box")
        driver.sync()
        assert driver.space() == 3 * MiB
