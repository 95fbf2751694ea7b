"""Full copy: a snapshot is a second volume, filled with everything the first one holds.

No map, no sharing, no surprise: the whole bill is paid when the snapshot is taken (each block is read and written
once), each write afterwards costs itself, and each snapshot takes as much room as the volume. It is what ``dd``
does, what Docker's vfs driver does with directories, and what all the others are measured against.

>>> volume = FullCopy.new(8)
>>> volume.write(slice(0, 8))
>>> with volume.counting() as taking:
...     snapshot = volume.snapshot()
>>> with volume.counting() as first:
...     volume.write(3)
>>> taking.counts, first.counts
(IOCounts(read_copy=(1, 32768), write_copy=(1, 32768)), IOCounts(write_data=(1, 4096)))
>>> volume.usage()
Usage(allocated=32768, exclusive=32768, shared=0)

What it leaves out: split mirrors and copies that are filled in the background.
"""

from typing import Any, ClassVar

import numpy as np

from snapsim.block.device import BlockDevice, Integers, Requests, Stamps
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume


class FullCopy(Volume):
    """A volume in one slot of a device that has equal slots.

    Parameters
    ----------
    device : BlockDevice
        Where all copies lie side by side.
    size : int
        Blocks of the volume; a slot has so many, rounded up to whole chunks.
    chunk_size : int, optional
        Bytes a chunk: only the unit in which room is counted.
    slots : SpaceMap, optional
        Which slots are taken; a snapshot is made with the map of its family.

    Raises
    ------
    NoSpace
        No slot is free.
    """

    limits: ClassVar[dict[str, str]] = {"discard": "a full copy has no map that a block could be missing from"}

    def __init__(
        self, device: BlockDevice, size: int, chunk_size: int | None = None, slots: SpaceMap | None = None
    ) -> None:
        super().__init__(size, device.block_size, chunk_size, (device,))
        self._chunks = -(-size // self.chunk_blocks)
        stride = self._chunks * self.chunk_blocks
        self._slots = SpaceMap(device.size // stride if stride else 1 << 30, device.name) if slots is None else slots
        self._slot = int(self._slots.allocate(1)[0])
        self._first = self._slot * stride

    @classmethod
    def new(
        cls, size: int, block_size: int = 4096, chunk_size: int | None = None, *, copies: int = 16, **options: Any
    ) -> "FullCopy":
        """A volume of zeros, on a device with room for it and `copies` snapshots.

        Examples
        --------
        >>> FullCopy.new(4, copies=0).snapshot()
        Traceback (most recent call last):
        snapsim.base.errors.NoSpace: copies: 1 blocks wanted, 0 of 1 free
        """
        chunk_blocks = max((chunk_size or block_size) // max(block_size, 1), 1)
        room = -(-size // chunk_blocks) * chunk_blocks * (copies + 1)
        return cls(BlockDevice(room, block_size, "copies"), size, chunk_size, **options)

    def _read(self, asked: Requests) -> Stamps:
        return self.devices[0].read(self._shift(asked))

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        self.devices[0].write(self._shift(asked), stamps)

    def _shift(self, asked: Requests) -> slice | Integers:
        if isinstance(asked.where, slice):
            return slice(asked.where.start + self._first, asked.where.stop + self._first)
        return asked.where + self._first

    def _snapshot(self) -> "FullCopy":
        twin = FullCopy(self.devices[0], self.size, self.chunk_size, self._slots)
        twin._fill(self, "a snapshot copies everything")
        return twin

    _clone = _snapshot

    def _rollback(self, snapshot: Volume) -> None:
        self._fill(snapshot, "a rollback copies everything back")

    def _fill(self, source: Volume, rule: str) -> None:
        assert isinstance(source, FullCopy)
        everything = Requests(slice(0, self.size), self.size)
        stamps = source.devices[0].read(source._shift(everything), "copy", rule)
        self.devices[0].write(self._shift(everything), stamps, "copy", rule)

    def _delete(self) -> None:
        self._slots.release(np.array([self._slot]))

    def places(self) -> Integers:
        """The chunks of this volume's slot."""
        return self._slot * self._chunks + np.arange(self._chunks)

    def allocated(self) -> int:
        """Bytes of all slots that are taken."""
        return self._slots.used * self._chunks * self.chunk_size
