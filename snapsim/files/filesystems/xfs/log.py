"""The log of XFS: what changed goes there first, many changes at once, and home much later.

**Delayed logging.** Transactions do not write. They leave what they changed in one list, the CIL; a thing that is
changed a hundred times is in it once. A **checkpoint** writes the list to the log:

| in it | bytes |
|---|---|
| start, header, end of the checkpoint | 12, 28, 12 |
| an inode | 68 (format), 188 (core); its extents, names or attributes if these changed: 12 and their bytes |
| a buffer (AGF, block of a B-tree or directory) | 36 (format); each run of changed chunks of 128 bytes: 12 and those |

and around it a header of 512 bytes for each log buffer of 32 KiB; a record ends at a full sector. What was logged once
and is not home yet is logged again as a whole when it changes again. Intents (EFI, CUI, BUI) cost nothing: what was
done within the checkpoint that promised it is not written ("whiteout").

**When.** fsync(2) writes a checkpoint if the inode is in the list, sync(2) if anything is. Nothing goes home then.
A list of 4 MiB is written without being asked.

**Home** all goes when the file system is frozen (``xfs_ail_push_all_sync``). Then the log is *covered*, so that it need
not be replayed: the superblock is logged and written, twice unless the log was covered already. A checkpoint of five
parts looks like a covering one, and leaves a covered log covered.

Source: Documentation/filesystems/xfs/xfs-delayed-logging-design.rst; sizes seen with xfs_logprint, Linux 6.18.

>>> disk = Sectors(1 << 16)
>>> log = Log(disk, first=0, sectors=131072)
>>> with disk.counting() as io:
...     log.change_inode(7, cluster=200000, parts=(188,)); log.checkpoint()    # 52 + 68 + 188 bytes, and the header
>>> io.counts.bytes("write")
1024
>>> with disk.counting() as io:
...     log.write_home()
>>> io.counts.bytes("write")                           # 32 inodes, for the sake of one
16384

What it leaves out: the log worker (every 30 seconds), a log that fills up, external logs, and stripe units.
"""

from collections.abc import Sequence

from snapsim.block.device import BlockDevice

SECTOR = 512
CHUNK = 128  # bytes for each bit of a buffer's map of changes
OP_HEADER = 12
RECORD = 32768 - SECTOR  # what a log buffer holds beside its header
FRAME = 3 * OP_HEADER + 16  # start, header, end
COVERING = 5  # parts of a checkpoint that logs the superblock alone
BACKGROUND = 4 << 20  # XLOG_CIL_SPACE_LIMIT
CLUSTER_SECTORS = 32  # 32 inodes of 512 bytes


class Sectors(BlockDevice):
    """A device of 4 KiB blocks on which single sectors move: bytes are counted in sectors, places in blocks."""

    def move(self, operation: str, first: int, count: int, rule: str) -> None:
        """Read or write sectors, as metadata.

        Examples
        --------
        >>> disk = Sectors(2)
        >>> disk.move("write", 1, 2, "AGF and AGI")
        >>> disk.counts
        IOCounts(write_metadata=(1, 1024))
        """
        share = self.block_size // SECTOR
        blocks = slice(first // share, -(-(first + count) // share))
        self._count(operation, blocks, "metadata", rule, count * SECTOR)


class Log:
    """The log of one file system, and what is not home yet.

    Parameters
    ----------
    disk : Sectors
    first, sectors : int
        Where the log lies.

    Attributes
    ----------
    checkpoints : int
        How many there were.
    """

    def __init__(self, disk: Sectors, first: int, sectors: int) -> None:
        self.disk, self.first, self.sectors, self._head = disk, first, sectors, 0
        self._buffers: dict[int, tuple[int, int]] = {}  # not home: first sector -> sectors, map of changed chunks
        self._inodes: dict[int, tuple[int, Sequence[int]]] = {}  # not home: number -> cluster, bytes of its parts
        self._clusters: set[int] = set()  # not home: of inodes
        self._listed: set[tuple[str, int]] = set()  # the CIL
        self._bytes = 0  # of the CIL
        self._covered = True
        self.checkpoints = 0

    # ---------------------------------------------------------------- what changed

    def change_buffer(self, first: int, sectors: int, chunks: int) -> None:
        """Chunks of a buffer changed: bit n stands for bytes 128 n to 128 n + 127."""
        self._buffers[first] = (sectors, self._buffers.get(first, (0, 0))[1] | chunks)
        self._list("buffer", first)

    def change_inode(self, number: int, cluster: int, parts: Sequence[int]) -> None:
        """An inode changed; `parts` are the bytes of all that is logged of it, its core first."""
        self._inodes[number] = (cluster, parts)
        self._clusters.add(cluster)
        self._list("inode", number)

    def new_cluster(self, cluster: int) -> None:
        """32 new inodes: they are written as a whole, and not logged one by one."""
        self._clusters.add(cluster)

    def forget(self, buffers: Sequence[int] = (), inode: int | None = None) -> None:
        """Buffers that are free need not go home; nor an inode that is gone, but for its cluster."""
        for first in buffers:
            self._buffers.pop(first, None)
            self._listed.discard(("buffer", first))
        if inode is not None:
            self._inodes.pop(inode, None)
            self._listed.discard(("inode", inode))

    def forget_cluster(self, cluster: int) -> None:
        """A cluster whose inodes are all free."""
        self._clusters.discard(cluster)

    def _list(self, kind: str, key: int) -> None:
        if (kind, key) not in self._listed:
            self._listed.add((kind, key))
            self._bytes += sum(self._parts(kind, key))
            if self._bytes >= BACKGROUND:
                self.checkpoint()

    def _parts(self, kind: str, key: int) -> list[int]:
        """Bytes of each part that is logged of an inode or a buffer."""
        if kind == "inode":
            return [OP_HEADER + 56, *self._inodes[key][1]]
        sectors, chunks = self._buffers[key]
        words = -(-sectors * SECTOR // (CHUNK * 32))
        return [OP_HEADER + 20 + 4 * words, *(OP_HEADER + CHUNK * run for run in runs_of_bits(chunks))]

    def holds_inode(self, number: int) -> bool:
        """Does an fsync of this inode need a checkpoint?"""
        return ("inode", number) in self._listed

    def not_home(self, first: int) -> bool:
        """Does the cache have to keep a buffer?"""
        return first in self._buffers or first in self._clusters

    # ---------------------------------------------------------------- writing

    def checkpoint(self) -> None:
        """Write the list to the log; nothing happens if it is empty."""
        if not self._listed:
            return
        parts = [part for kind, key in self._listed for part in self._parts(kind, key)]
        self._write(FRAME + sum(parts))
        self._covered &= len(parts) + 3 == COVERING
        self.checkpoints += 1
        self._listed, self._bytes = set(), 0

    def _write(self, body: int) -> None:
        while body > 0:
            part = min(body, RECORD)
            sectors = 1 + -(-part // SECTOR)
            if self._head + sectors > self.sectors:
                self._head = 0
            self.disk.move("write", self.first + self._head, sectors, "log: a checkpoint, header and changes")
            self._head, body = self._head + sectors, body - part

    def write_home(self) -> None:
        """Write all that was logged to where it belongs; neighbours go as one request."""
        self.checkpoint()
        pieces = {(first, sectors) for first, (sectors, _) in self._buffers.items()}
        pieces |= {(cluster, CLUSTER_SECTORS) for cluster in self._clusters}
        for first, sectors in joined(sorted(pieces)):
            self.disk.move("write", first, sectors, "logged buffers and inode clusters go home")
        self._buffers, self._inodes, self._clusters = {}, {}, set()

    def cover(self, superblock: int) -> None:
        """Log and write the superblock until the log need not be replayed."""
        for _ in range(1 if self._covered else 2):
            self._write(FRAME + OP_HEADER + 24 + OP_HEADER + 3 * CHUNK)
            self.disk.move("write", superblock, 1, "superblock: the log is covered")
        self._covered = True


def runs_of_bits(bits: int) -> list[int]:
    """Lengths of the runs of ones.

    Examples
    --------
    >>> runs_of_bits(0b1101)
    [1, 2]
    """
    return [len(run) for run in bin(bits)[:1:-1].split("0") if run]


def joined(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours among sorted (first, length) made one.

    Examples
    --------
    >>> joined([(1, 1), (2, 1), (8, 8)])
    [(1, 2), (8, 8)]
    """
    found: list[tuple[int, int]] = []
    for first, length in pieces:
        if found and sum(found[-1]) == first:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((first, length))
    return found
