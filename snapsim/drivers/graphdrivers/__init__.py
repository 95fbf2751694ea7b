"""The drivers behind `snapsim.drivers.driver.Driver`: one file each, one line each.

Siblings never import each other, but for `union`.
"""

from snapsim.drivers.driver import Driver
from snapsim.drivers.graphdrivers.aufs import Aufs
from snapsim.drivers.graphdrivers.btrfs import Btrfs
from snapsim.drivers.graphdrivers.devicemapper import DeviceMapper
from snapsim.drivers.graphdrivers.fuse_overlayfs import FuseOverlayfs
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.drivers.graphdrivers.plain import Plain
from snapsim.drivers.graphdrivers.vfs import Vfs
from snapsim.drivers.graphdrivers.zfs import Zfs

DRIVERS: dict[str, type[Driver]] = {
    "plain": Plain,
    "vfs": Vfs,
    "overlay2": Overlay2,
    "fuse-overlayfs": FuseOverlayfs,
    "aufs": Aufs,
    "devicemapper": DeviceMapper,
    "btrfs": Btrfs,
    "zfs": Zfs,
}
