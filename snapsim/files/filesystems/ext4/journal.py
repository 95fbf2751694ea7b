"""jbd2, the journal of ext4: a metadata block goes to the log first, and home later.

Whoever changes a metadata block puts it into the **running transaction**; a block that changes a hundred times is in
it once. A **commit** writes the transaction to the log: descriptor blocks, whose tags say where each block belongs
(254 a block), the blocks themselves, a block of revoke records if metadata blocks were freed, and a commit block. So
a transaction of k blocks costs k + 2 in the log, and k more when it is written **home**: 2k + 2 in all. The journal's
superblock is written when the log stops being empty.

When (Linux 6.18, fs/jbd2; each rule was seen in traces of the block layer):

- fsync(2) commits if the inode changed in the running transaction, and writes nothing home;
- sync(2) commits, then writes home all that was ever committed and is not home yet (``sync_blockdev``);
- a freeze empties the log: one write of the journal's superblock each time that its tail moves, one to mark it empty.
  The tail moves when the oldest transaction has no block left that is not home, or that a later one has not taken over;
- a transaction that reaches a quarter of the log commits by itself.

>>> disk = BlockDevice(2048)
>>> journal = Journal(disk, first=1024, length=1024)
>>> with disk.counting() as io:
...     journal.dirty(7); journal.dirty(7); journal.dirty(8); journal.commit()
>>> io.counts.bytes("write") // 4096                   # superblock, descriptor, 2 blocks, commit
5
>>> with disk.counting() as io:
...     journal.write_home()
>>> io.counts.bytes("write") // 4096
2

What it leaves out: the commit that comes by itself after five seconds, fast commits (off by default), ``data=journal``,
and write-back of old buffers by the kernel's flusher threads (after 30 seconds).
"""

from collections.abc import Iterable

import numpy as np

from snapsim.block.device import BlockDevice

TAGS = (4096 - 12 - 4 - 16) // 16  # of a descriptor block: header, checksum and one UUID less
REVOKES = (4096 - 16 - 4) // 8  # records a block


class Journal:
    """The log of one file system.

    Parameters
    ----------
    disk : BlockDevice
    first, length : int
        Where the log lies on it; its first block is the journal's superblock.

    Attributes
    ----------
    running : int
        Number of the running transaction.
    """

    def __init__(self, disk: BlockDevice, first: int, length: int) -> None:
        self.disk, self.first, self.length = disk, first, length
        self.running, self._head = 1, 0
        self._dirty: set[int] = set()
        self._revoked: set[int] = set()
        self._not_home: set[int] = set()  # committed, and not written home
        self._checkpoints: dict[int, set[int]] = {}  # transactions in the log -> blocks that no later one has
        self._tail: int | None = None  # oldest transaction, as the superblock says; None: empty

    @property
    def in_use(self) -> bool:
        """Is anything in the log?"""
        return self._tail is not None

    @property
    def started(self) -> bool:
        """Is there anything in the running transaction?"""
        return bool(self._dirty or self._revoked)

    def dirty(self, *blocks: int) -> None:
        """Put blocks into the running transaction."""
        self._dirty.update(blocks)
        self._revoked.difference_update(blocks)
        if len(self._dirty) >= self.length // 4:
            self.commit()

    def revoke(self, blocks: Iterable[int]) -> None:
        """Metadata blocks were freed: they must neither go home nor be replayed."""
        gone = set(blocks)
        self._dirty -= gone
        self._not_home -= gone
        self._revoked |= gone

    def commit(self) -> None:
        """Write the running transaction to the log; nothing happens if it is empty."""
        if not self.started:
            return
        if self._tail is None:
            self._superblock("the log is no longer empty")
            self._tail = self.running
        self._make_room()
        self._log(-(-len(self._revoked) // REVOKES), "revoke records: freed metadata blocks are not to be replayed")
        self._log(-(-len(self._dirty) // TAGS), "descriptor: where the blocks of the transaction belong")
        self._log(len(self._dirty), "the metadata blocks of the transaction")
        self._log(1, "commit block")
        self._take_over()
        self._dirty, self._revoked, self.running = set(), set(), self.running + 1

    def _take_over(self) -> None:
        """A block belongs to the last transaction that changed it; those that have none left leave the log."""
        for tid, blocks in list(self._checkpoints.items()):
            blocks -= self._dirty
            blocks &= self._not_home
            if not blocks:
                del self._checkpoints[tid]
        self._checkpoints[self.running] = set(self._dirty)
        self._not_home |= self._dirty

    def _make_room(self) -> None:
        """A log that is full is emptied first: all goes home."""
        needed = len(self._dirty) + len(self._revoked) // REVOKES + len(self._dirty) // TAGS + 4
        if self._head + needed >= self.length:
            self.write_home()
            self._superblock("the log is full: its tail moves")
            self._checkpoints, self._head, self._tail = {}, 0, self.running

    def _log(self, count: int, rule: str) -> None:
        if count:
            start = self.first + 1 + self._head
            self.disk.write(slice(start, start + count), why="metadata", rule=f"journal: {rule}")
            self._head += count

    def _superblock(self, rule: str) -> None:
        self.disk.write(self.first, why="metadata", rule=f"journal superblock: {rule}")

    def write_home(self) -> None:
        """Write what was committed to where it belongs."""
        if self._not_home:
            self.disk.write(np.array(sorted(self._not_home)), why="metadata", rule="committed blocks are written home")
            self._not_home = set()

    def flush(self) -> None:
        """Commit, write home, and empty the log, as a freeze does."""
        self.commit()
        self.write_home()
        if self._tail is None:
            return
        waiting = sorted(self._checkpoints)
        tails = [*waiting, self.running]
        for tail in tails:
            if tail > self._tail:
                self._superblock("its tail moves")
                self._tail = tail
        self._superblock("the log is empty")
        self._checkpoints, self._tail, self._head = {}, None, 0

    def holds(self, block: int) -> bool:
        """Does the cache have to keep a block, because it is not home yet?"""
        return block in self._dirty or block in self._not_home
