"""The file systems behind `snapsim.files.filesystem.FileSystem`: one file each, one line each."""

from snapsim.files.filesystem import FileSystem
from snapsim.files.filesystems.btrfs.filesystem import Btrfs
from snapsim.files.filesystems.ext4.filesystem import Ext4
from snapsim.files.filesystems.xfs.filesystem import Xfs, XfsNoReflink
from snapsim.files.filesystems.zfs.filesystem import Zfs

FILESYSTEMS: dict[str, type[FileSystem]] = {
    "ext4": Ext4,
    "xfs": Xfs,
    "xfs-noreflink": XfsNoReflink,
    "btrfs": Btrfs,
    "zfs": Zfs,
}

__all__ = ["FILESYSTEMS", "Btrfs", "Ext4", "Xfs", "XfsNoReflink", "Zfs"]
