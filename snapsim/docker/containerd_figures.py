"""How containerd's image store counts, which a fresh Docker 29 uses: what is allocated, directories included.

A graph driver's sizes are apparent bytes without directories; a snapshot's usage is what the file system says
is allocated (512-byte sectors), each inode once, **with** directories, so that an image has another size. Beside the
unpacked snapshots the store keeps the compressed blobs, which count as well.

**Bound or exact.** For snapshots on ext4 whose files have no holes: a file's blocks and one block for a directory are
exact, up to the names that fit in one block (15 of them do, however long); above, only an upper bound is given.
On XFS and btrfs a small directory takes nothing: the lower bound. The sizes of the compressed blobs depend on the
bytes and cannot be had from a model; where they are not given, all totals are lower bounds.
Source: containerd `core/snapshots`, continuity `fs/du_unix.go`, moby 29 `daemon/containerd`. Read, not measured.

>>> from snapsim.drivers.diff import Entry
>>> snapshot_usage(Diff((Entry("/etc", "directory"), Entry("/etc/motd", size=5))))
(4096, 12288)

What it leaves out: extended attributes that outgrow the inode, and file systems with other blocks than 4 KiB.
"""

from collections import Counter

from snapsim.drivers.diff import Diff, Entry

BLOCK = 4096
_SHORT_LINK = 60  # a shorter symbolic link lies in its inode (ext4)
_LONGEST_ENTRY = 255 + 9  # a name and its header, in a directory's block


def snapshot_usage(diff: Diff) -> tuple[int, int]:
    """Bytes that the snapshot of a layer is said to take: at least, and at most.

    Examples
    --------
    >>> snapshot_usage(Diff())                             # the root directory itself
    (0, 4096)
    """
    files = sum(_allocated(entry) for entry in diff.entries)
    directories = {"", *(entry.path for entry in diff.entries if entry.kind == "directory")}
    directories.update(parent for entry in diff.entries for parent in _parents(entry.path))
    names = Counter(path.rpartition("/")[0] for path in {entry.path for entry in diff.entries} | directories - {""})
    return files, files + sum(_directory(names[path]) for path in directories)


def _directory(names: int) -> int:
    """At most: every name may be as long as can be, and needs the header of its entry."""
    return BLOCK * max(-(-names // (BLOCK // _LONGEST_ENTRY)), 1)


def _allocated(entry: Entry) -> int:
    if entry.kind == "symlink":
        return BLOCK if len(entry.target.encode()) >= _SHORT_LINK else 0
    blocks = -(-entry.tar_size // BLOCK)
    return BLOCK * (blocks - (0 if entry.holes is None else int(entry.holes[:blocks].sum())))


def _parents(path: str) -> list[str]:
    """Every directory above, the root as the empty text."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
