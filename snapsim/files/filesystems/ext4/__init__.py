"""ext4: blocks are overwritten in place, and metadata go through a journal.

Read in this order: `filesystem` (when data are written), `metadata` (which blocks an operation changes), `journal`
(what a commit writes), then what the disk holds: `layout`, `inodes`, `directory`, `extents`, `blocks`, `attributes`.
"""

from snapsim.files.filesystems.ext4.filesystem import Ext4

__all__ = ["Ext4"]
