"""The file systems behind `snapsim.files.filesystem.FileSystem`: one file each, one line each."""

from snapsim.files.filesystem import FileSystem
from snapsim.files.filesystems.btrfs.filesystem import BtrfsSubvolume
from snapsim.files.filesystems.ext4.filesystem import Ext4
from snapsim.files.filesystems.xfs.filesystem import Xfs, XfsNoReflink
from snapsim.files.filesystems.zfs.filesystem import ZfsDataset

FILESYSTEMS: dict[str, type[FileSystem]] = {
    "ext4": Ext4,
    "xfs": Xfs,
    "xfs-noreflink": XfsNoReflink,
    "btrfs": BtrfsSubvolume,
    "zfs": ZfsDataset,
}

__all__ = ["FILESYSTEMS", "BtrfsSubvolume", "Ext4", "Xfs", "XfsNoReflink", "ZfsDataset"]
