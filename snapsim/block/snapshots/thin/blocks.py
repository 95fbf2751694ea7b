"""Where pool blocks come from, what fills them, and what happens when there are none: the lower half of a thin pool.

A part of `thin_pool`. A pool is in one of three modes. ``rw``: all is well. ``out_of_data_space``: a write found no
free pool block, not even after a commit; what is mapped can be written, messages work, and the pool comes back by
itself when blocks become free, or when it grows. ``ro``: there was no metadata block (or, at a commit, none but the
reserve); reads and writes to what is mapped and not shared go on, the rest fails until the pool is checked.

When a metadata block is missing, all mappings since the last commit are lost, as in a crash: nobody was promised
them, since a flush would have committed them.

What it leaves out: waiting. In queue mode a write waits for space until the time-out; here it fails at once, and the
pool is as it is after the time-out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snapsim.base.errors import InvalidInput, NoSpace, ReadOnly
from snapsim.block.device import BlockDevice, Integers
from snapsim.block.snapshots.thin.metadata import ThinMetadata
from snapsim.block.snapshots.thin.volume import BLOCK, TIME, Mapped
from snapsim.block.volume import Volume

AT_ONCE = 1 << 20  # blocks that are provided in one go


class PoolBlocks:
    """The blocks and the mode of a pool; `thin_pool.ThinPool` has the parameters."""

    def __init__(self, data: BlockDevice, metadata: BlockDevice, chunk_size: int) -> None:
        if chunk_size < data.block_size or chunk_size % data.block_size:
            raise InvalidInput(f"a pool block of {chunk_size} bytes on blocks of {data.block_size}: whole blocks")
        self.data, self.metadata_device, self.chunk_size = data, metadata, chunk_size
        self.chunk_blocks = chunk_size // data.block_size
        self.zeroing, self.discard, self.low_water, self.no_space, self.no_space_timeout = True, "", 0, "", 0
        self.mode, self.events, self.time, self.needs_check = "rw", 0, 0, False
        self.volumes: dict[int, Any] = {}
        self.family: list[Volume] = []
        self._low = self._timed_out = False
        self._changes: list[tuple[Mapped, Integers, Integers]] = []  # mappings as of the last commit
        try:
            self.metadata = ThinMetadata(metadata, data.size // self.chunk_blocks)
        except NoSpace:
            raise InvalidInput(f"a metadata device of {metadata.size} blocks: too small for an empty pool") from None

    def commit(self) -> None:
        """Write the metadata; blocks that were given up are free from here on."""
        if self.mode == "ro":
            return
        self._needs_metadata(lambda: self.metadata.commit(n for n, each in self.volumes.items() if each.changed))
        for volume in self.volumes.values():
            volume.changed = False
        self._changes = []
        if not self.metadata.room:
            self.mode = "ro"
        elif self.mode == "out_of_data_space" and self.metadata.space.free:
            self._writable()

    def _writable(self) -> None:
        self.mode, self._timed_out = "rw", False

    def _needs_metadata(self, work: Callable[[], None]) -> None:
        """Without a metadata block all is lost that was not committed, and the pool read-only until it is checked."""
        try:
            work()
        except NoSpace:
            self._abort()
            raise ReadOnly(f"{self!r}: out of metadata space, read-only until it is checked") from None

    def _abort(self) -> None:
        for volume, chunks, before in reversed(self._changes):
            volume.mappings.set(chunks, before)
        self._changes, self.mode, self.needs_check = [], "ro", True
        self.metadata.abort()

    def provide(self, volume: Mapped, chunks: Integers, whole: Any) -> None:
        """Give virtual blocks pool blocks of their own, in this order, and fill what the request leaves out.

        Raises
        ------
        NoSpace, ReadOnly
            No pool block is free, or no metadata block; what was provided before stays.
        """
        whole, done = np.broadcast_to(whole, chunks.shape), 0
        while done < chunks.size:
            step = slice(done, done + self._room(chunks.size - done))
            self._provide(volume, chunks[step], whole[step])
            done = step.stop

    def _room(self, wanted: int) -> int:
        """How many pool blocks can be had before something has to be looked at again."""
        if self.mode != "rw":
            raise ReadOnly(f"{self!r} is read-only") if self.mode == "ro" else NoSpace(f"{self!r} is full")
        space = self.metadata.space
        if not space.free:
            self._watch(0)
            self.commit()  # some may have been given up
        if not space.free:
            self.mode, self._timed_out = "out_of_data_space", self.no_space_timeout > 0
            raise NoSpace(f"{self!r}: all {space.size} pool blocks are in use")
        most = min(wanted, space.free, max(AT_ONCE // self.chunk_blocks, 1))
        return most if self.metadata.enough_for(most) else 1

    def _provide(self, volume: Mapped, chunks: Integers, whole: Any) -> None:
        self._watch(self.metadata.space.free - chunks.size + 1)
        before = volume.mappings.get(chunks)
        blocks = self._allocate(chunks.size)
        self._fill(before, blocks, whole)
        self._needs_metadata(lambda: self._redirect(volume, chunks, before))
        self._remember(volume, chunks, before)
        volume.remap(chunks, before, blocks | self.time << TIME)

    def _allocate(self, count: int) -> Integers:
        found: list[Integers] = []
        self._needs_metadata(lambda: found.append(self.metadata.allocate(count)))
        if not self.metadata.room:  # better now than when the reserve is used up too
            self.commit()
        return found[0]

    def _redirect(self, volume: Mapped, chunks: Integers, before: Integers) -> None:
        old = before[before >= 0] & BLOCK
        self.metadata.map(volume.id, chunks, new=old.size < before.size)
        if old.size:
            self.metadata.release(old)

    def forget(self, volume: Mapped, chunks: Integers) -> None:
        """Unmap virtual blocks that have pool blocks, in a discard; the data device learns which became free."""
        before = volume.mappings.get(chunks)
        freed: list[Integers] = []
        self._needs_metadata(lambda: freed.append(self._unmap(volume, chunks, before)))
        self._remember(volume, chunks, before)
        volume.remap(chunks, before, np.full(chunks.size, -1))
        if self.discard == "passdown" and freed[0].size:
            self.data.discard(self.rows(freed[0]), rule="passed down")

    def _unmap(self, volume: Mapped, chunks: Integers, before: Integers) -> Integers:
        self.metadata.unmap(volume.id, chunks)
        return self.metadata.release(before & BLOCK)

    def _watch(self, free: int) -> None:
        """One event when a block is asked for with so few free ones; the next one only after `resume`."""
        if not self._low and free <= self.low_water:
            self._low, self.events = True, self.events + 1

    def _fill(self, before: Integers, blocks: Integers, whole: Any) -> None:
        """The rest of new pool blocks: copied from the shared ones, or zeros."""
        copied = (before >= 0) & ~whole
        if copied.any():
            stamps = self.data.read(self.rows(before[copied] & BLOCK), why="copy", rule="break sharing")
            self.data.write(self.rows(blocks[copied]), stamps, why="copy", rule="break sharing")
        empty = (before < 0) & ~whole
        if self.zeroing and empty.any():
            self.data.write(self.rows(blocks[empty]), 0, why="zero", rule="provision")

    def rows(self, blocks: Integers) -> Integers:
        """The blocks of the data device that pool blocks cover, shape (pool blocks, blocks of each)."""
        rows: Integers = blocks[:, None] * self.chunk_blocks + np.arange(self.chunk_blocks)
        return rows

    def _remember(self, volume: Mapped, chunks: Integers, before: Integers) -> None:
        volume.changed = True
        self._changes.append((volume, chunks, before))
