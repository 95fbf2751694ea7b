"""The intent log of a ZFS dataset (ZIL): what has to be safe before its transaction group ends.

Each write is noted in memory. A **commit** (a flush, an fsync, the last close of a zvol) writes the notes of what is
not home yet into a chain of log blocks, each allocated before the one that points to it. A note has 192 bytes and the
data; a write of whole blocks of more than 32 KiB puts the data where they belong at once, so that the note has only a
pointer. When the group ends, all notes are home and forgotten.

How large the next block will be is guessed by what the commit has taken so far, in steps of 4 to 128 KiB; written is
only what is used, rounded up to 4 KiB.

>>> log = IntentLog(volblocksize=8192)
>>> log.write(4096)
>>> log.exists, log.commit()                       # no block is there yet: the group has to end, which brings all home
(False, [4096])
>>> log.write(4096)
>>> log.commit()                                   # 192 + 4096 do not fit the block that is there: it goes out empty
[4096, 8192]

Sources: openzfs module/zfs/zil.c (`zil_create`, `zil_lwb_commit`, `zil_lwb_write_issue`, ``zil_block_buckets``,
`zil_close`), zvol.c (`zvol_log_write`), include/sys/zil.h.

What it leaves out: a log device (slog), ``sync`` and ``logbias``, notes of names and attributes, replay.
"""

from collections import deque

CHAIN_BYTES, WRITE_BYTES, TRUNCATE_BYTES = 184, 192, 56
"""``zil_chain_t`` at the head of a log block, ``lr_write_t``, ``lr_truncate_t``."""
_UNIT, _LARGEST = 4096, 128 << 10
_BUCKETS = ((4096, 4096), (12288, 12288), (36864, 36864), (69632, 69632), (131072, 131072), (135168, 69632))
"""What the commit has taken (bytes, at most) -> bytes of the next block; the largest for more."""
_INDIRECT_ABOVE = 32 << 10
_ROOM = _LARGEST - CHAIN_BYTES - WRITE_BYTES
_WASTE = _ROOM // 8
"""A block may stay empty by so much where that saves a piece."""
_GUESSES = 16
"""The next block is as large as the largest of so many guesses (``ZIL_PREV_BLKS``)."""
_WORD = 8


class IntentLog:
    """Notes of one dataset, and the blocks of its log.

    Parameters
    ----------
    volblocksize : int
        Bytes a block of the zvol.

    Attributes
    ----------
    exists : bool
        Whether the log has a block; the first commit makes it, and waits for the group to end.
    """

    def __init__(self, volblocksize: int) -> None:
        self.volblocksize, self.exists = volblocksize, False
        self._notes: list[tuple[int, int]] = []  # bytes of the note, of data with it
        self._size, self._used = _UNIT, CHAIN_BYTES  # of the block that is there
        self._taken = 0  # by this commit
        self._guessed: deque[int] = deque(maxlen=_GUESSES)
        self._written: list[int] = []

    @property
    def pending(self) -> bool:
        """Whether a commit would write."""
        return bool(self._notes)

    def write(self, length: int) -> None:
        """Note a write of so many bytes."""
        if length >= self.volblocksize > _INDIRECT_ABOVE:
            self._notes += [(WRITE_BYTES, 0)] * -(-length // self.volblocksize)
        elif length:
            self._notes.append((WRITE_BYTES, -(-length // _WORD) * _WORD))

    def truncate(self) -> None:
        """Note that blocks were discarded."""
        self._notes.append((TRUNCATE_BYTES, 0))

    def home(self) -> None:
        """The group has ended: what was noted needs no log."""
        self._notes = []

    def close(self) -> None:
        """The device is closed: the sizes of the blocks before are forgotten, the block that is there stays."""
        self._guessed.clear()

    def commit(self) -> list[int]:
        """Write the notes; returns the bytes of each log block, in order.

        The first commit finds no block: it makes one and has to wait for the end of the group (which the caller ends
        before), so that nothing is left to note and the block is empty.
        """
        self._written, self._taken = [], 0
        notes, self._notes = self._notes if self.exists else [], []
        for note, data in notes:
            self._taken += note + data
            self._note(note, data)
        if notes or not self.exists:
            self._issue()
        self.exists = True
        return self._written

    def _note(self, note: int, data: int) -> None:
        """Put a note into the block that is there, with as much of its data as fits; the rest with another one."""
        while True:
            room = self._size - self._used
            if note > room or (note + data > room < _WASTE and (data % _ROOM == 0 or room < note + data % _ROOM)):
                self._issue()
                room = self._size - self._used
            now = min(data, room - note)
            self._used, data = self._used + note + now, data - now
            if not data:
                return
            self._taken += note

    def _issue(self) -> None:
        """Write the block that is there; the next one was allocated before."""
        self._written.append(-(-self._used // _UNIT) * _UNIT)
        need = self._taken + CHAIN_BYTES
        self._guessed.append(next((size for most, size in _BUCKETS if need <= most), _LARGEST))
        self._size, self._used = max(self._guessed), CHAIN_BYTES
