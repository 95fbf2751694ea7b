"""What the tests of drivers share: the drivers whose layers are whole trees, and how to look at a layer."""

import numpy as np
from places import DATA

from snapsim.base.units import MiB
from snapsim.block.device import counting
from snapsim.drivers.graphdrivers import Btrfs, DeviceMapper, Vfs, Zfs

DIRECT = {"dm.directlvm_device": "/dev/sdb"}

DRIVERS = {
    "vfs": Vfs,
    "vfs-xfs": lambda: Vfs("xfs", project_quotas=True),
    "btrfs": Btrfs,
    "zfs": Zfs,
    "devicemapper": DeviceMapper,
    "devicemapper-direct-lvm": lambda: DeviceMapper(DIRECT),
}


def tree(mount, directory=""):
    """Everything that a program can see: path -> kind, mode, owner, and content, target or device."""
    found = {}
    for name in mount.listdir(directory or "/"):
        path = f"{directory}/{name}"
        stat = mount.stat(path, follow=False)
        content = (
            mount.read(path).tolist()
            if stat.kind == "file"
            else mount.readlink(path)
            if stat.kind == "symlink"
            else stat.rdev
        )
        found[path] = (stat.kind, stat.mode, stat.uid, stat.gid, stat.size if stat.kind == "file" else 0, content)
        if stat.kind == "directory":
            found |= tree(mount, path)
    return found


def seen(driver, id):
    with driver.mounted(id) as mount:
        return tree(mount)


def lines(driver, id, parent=None):
    return [str(change) for change in driver.changes(id, parent)]


def balanced(driver):
    """The space book: what the layers say they hold is what the storage says is allocated."""
    driver.sync()
    held = [driver.places(id) for id in driver.ids()]
    union = np.unique(np.concatenate(held)).size if held else 0
    assert union * driver.place_size == driver.space()
    for id in driver.ids():
        usage = driver.usage(id)
        assert usage.allocated == usage.exclusive + usage.shared
    return True


def image(driver, size=MiB, name="/f"):
    """One layer with one file, all written and cold."""
    driver.create("image")
    with driver.mounted("image") as mount:
        mount.write(name, 0, size)
    quiet(driver)
    return driver


def quiet(driver):
    driver.sync()
    driver.drop_caches()


def write_one_byte(driver, id, path="/f", offset=5000):
    with counting(*driver.devices) as io:
        with driver.mounted(id) as mount:
            mount.write(path, offset, 1)
        driver.sync()
    return {cell: amount for cell, amount in io.counts.cells().items() if not cell.endswith("metadata")}


def captured(name):
    """The pairs that `docker info` of a real host printed under its storage driver."""
    lines = iter((DATA / "docker-info" / f"{name}.txt").read_text().splitlines())
    next(line for line in lines if line.startswith(" Storage Driver:"))
    pairs = []
    for line in lines:
        if not line.startswith("  "):
            return pairs
        key, _, value = line.strip().partition(": ")
        pairs.append((key, value))
    return pairs
