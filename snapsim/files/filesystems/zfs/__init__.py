"""ZFS above its records: objects, directories, indirect blocks, the intent log, and the metadata of a pool.

Read in this order: `filesystem` (a dataset with files), `objects` (what a file and a directory are), `zap` (names),
`pool_metadata` (what a transaction group writes), `pointers` and `indirect_block`, `intent_log` (fsync), `shadows` (how
metadata are shared with snapshots). The mechanism that all this serves is `snapsim.block.snapshots.records`.
"""

from snapsim.files.filesystems.zfs.filesystem import ZfsDataset

__all__ = ["ZfsDataset"]
