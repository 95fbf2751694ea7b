"""The file systems behind `snapsim.filesystem.FileSystem`: one file each, one line each.
"""

from ..filesystem import FileSystem
from .btrfs import Btrfs
from .ext4 import Ext4
from .xfs import Xfs, XfsNoReflink
from .zfs import Zfs

FILESYSTEMS: dict[str, type[FileSystem]] = {
    "ext4": Ext4,
    "xfs": Xfs,
    "xfs-noreflink": XfsNoReflink,
    "btrfs": Btrfs,
    "zfs": Zfs,
}

__all__ = ["FILESYSTEMS", "Btrfs", "Ext4", "Xfs", "XfsNoReflink", "Zfs"]
