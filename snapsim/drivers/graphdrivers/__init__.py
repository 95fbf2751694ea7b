"""The drivers behind `snapsim.driver.Driver`: one file each, one line each.

Siblings never import each other, but for `union`.
"""

from ..driver import Driver
from .aufs import Aufs
from .btrfs import Btrfs
from .devicemapper import DeviceMapper
from .fuse_overlayfs import FuseOverlayfs
from .overlay2 import Overlay2
from .plain import Plain
from .vfs import Vfs
from .zfs import Zfs

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
