"""XFS: blocks are overwritten in place unless a reflink shares them; metadata go through a log.

Read in this order: `filesystem` (when data are written, reflink), `metadata` (which buffers an operation changes),
`buffers` (what is in memory of them), `log` (what a commit writes), then what the disk holds: `layout`, `directory`,
`files`, `btree`; and what happens in memory: `preallocation` (room behind the end of a file), `references` (reflink).
"""

from snapsim.files.filesystems.xfs.filesystem import Xfs, XfsNoReflink

__all__ = ["Xfs", "XfsNoReflink"]
