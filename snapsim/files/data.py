"""The data of files: a page cache over places on a volume.

A file is its pages, and the place of each of its blocks on the volume. A write changes pages only. What is dirty and
has no place yet is **promised** one, so that ENOSPC (and EDQUOT, of a quota) is an error of the write and not of the
write-back; at write-back it is given one, and neighbours on the volume go out as one request.

>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(64))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.write(file, 0, 8192); file.blocks.tolist(), fs.used                 # dirty pages, and no places yet
([-1, -1], 0)
>>> fs.fsync(file); fs.used
8192

Names are a level up, in `snapsim.files.filesystem`.
"""

import errno
import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from snapsim.base.errors import NoSpace
from snapsim.block.device import BlockDevice, Integers, Stamps, fresh_stamps
from snapsim.block.space_map import SpaceMap
from snapsim.block.volume import Volume
from snapsim.files.inode import Inode, fail
from snapsim.files.metadata import Metadata
from snapsim.files.pages import Pages, digest_stamps, runs

LEAVES_OUT = "read-ahead, write-back before a sync, and what fsync does to other files."
"""What this model leaves out, as `snapsim fidelity` lists it."""

LONGEST = 64 << 30
"""Bytes of the longest file: the model keeps an entry for each of its blocks, holes too (EFBIG beyond)."""


class Files:
    """Files without names on a `BlockDevice` or a `Volume`: inodes are handed in, and a caller keeps them.

    `snapsim.files.filesystem.FileSystem` has the parameters and the names.
    """

    name: ClassVar[str] = "fs"  # as Docker's "Backing Filesystem" calls it
    reflink: ClassVar[bool] = False  # two files may share a block until one is written
    discards: ClassVar[bool] = False  # the store is told what was freed

    def __init__(
        self, store: BlockDevice | Volume, limit: int | None = None, clock: Iterator[int] | None = None
    ) -> None:
        self.store, self.block_size, self.limit = store, store.block_size, limit
        self.clock, self.now = itertools.count(1) if clock is None else clock, 0
        self.unit = self.allocation_unit()
        self.space = SpaceMap(store.size // self.unit, self.name)
        self._reserved = 0  # places promised to dirty pages that have none yet
        self._projects: dict[int, list[int]] = {}  # project -> most blocks, blocks held
        self._cached: dict[int, Inode] = {}  # inodes with pages in the cache
        self.metadata = self.make_metadata()

    # ---------------------------------------------------------------- what a kind of file system says

    def make_metadata(self) -> Metadata:
        """What the file system's own metadata costs: nothing, unless a subclass knows the rules."""
        return Metadata(self.store)

    def allocation_unit(self) -> int:
        """Blocks that are given out together."""
        return 1

    def flushes_at_close(self, old: int, new: int) -> bool:
        """Whether a file that was cut from `old` to `new` bytes is written back when it is closed."""
        return False

    def flushes_at_rename(self, replaced: Inode) -> bool:
        """Whether a file that is moved over another is written back at once."""
        return False

    def tick(self) -> int:
        """The next time of the logical clock (clones of a file system share it)."""
        self.now = next(self.clock)
        return self.now

    # ---------------------------------------------------------------- data

    def read(self, inode: Inode, offset: int = 0, length: int | None = None, why: str = "data") -> Stamps:
        """Stamps of the blocks that hold these bytes (to the end when left out); cached pages cost no I/O."""
        end = inode.size if length is None else min(offset + length, inode.size)
        first, last = offset // self.block_size, -(-end // self.block_size)
        if last <= first:
            return np.zeros(0, np.uint64)
        self._fetch(inode, first, last, why)
        return inode.pages.stamps[first:last].copy()

    def write(self, inode: Inode, offset: int, length: int, data: Any = None, why: str = "data") -> None:
        """Write bytes into the page cache.

        Parameters
        ----------
        offset, length : int
            Bytes.
        data : bytes, or stamps, one a block touched; optional
            Fresh stamps when left out. With real bytes the file keeps its `content`, as long as all of it is known.
        why : str
            "data", or "copy" when a driver moves a file.

        Raises
        ------
        OSError
            ENOSPC or EDQUOT; nothing was written.
        """
        if length <= 0:
            return
        first, last = offset // self.block_size, -(-(offset + length) // self.block_size)
        if last - max(first, inode.blocks.size) > self.space.free * self.unit:
            raise fail(errno.ENOSPC)
        self._grow(inode, last)
        self._fetch_edges(inode, offset, offset + length, first, last)
        self._reserve(inode, np.arange(first, last))
        inode.size = max(inode.size, offset + length)
        inode.content = patched(inode.content, offset, data)
        if isinstance(data, bytes | bytearray):
            data = None if inode.content is None else digest_stamps(inode.content, first, last, self.block_size)
        stamps = fresh_stamps(last - first) if data is None else np.asarray(data, np.uint64)
        inode.pages.put(slice(first, last), stamps, why)
        inode.mtime, inode.read_since_change = self.tick(), False
        self._cached[inode.number] = inode
        self.metadata.written(inode)

    def write_many(self, inode: Inode, offsets: Integers, length: int) -> None:
        """Write fresh contents at each of the offsets, in that order; whole blocks inside the file all at once."""
        whole = length % self.block_size == 0 and not (offsets % self.block_size).any()
        if not whole or (offsets.size and int(offsets.max()) + length > inode.size):
            for offset in offsets.tolist():
                self.write(inode, offset, length)
            return
        blocks = (offsets[:, None] // self.block_size + np.arange(length // self.block_size)).ravel()
        self._reserve(inode, np.unique(blocks))
        inode.pages.put(blocks, fresh_stamps(blocks.size), "data")
        inode.content, inode.mtime, inode.read_since_change = None, self.tick(), False
        self._cached[inode.number] = inode
        self.metadata.written(inode)

    def truncate(self, inode: Inode, size: int) -> None:
        """Cut a file, or extend it with a hole; what lies behind the end is free again."""
        keep = -(-size // self.block_size)
        self._grow(inode, keep)
        if size <= inode.size and size % self.block_size:
            self._cut_within(inode, keep - 1)
        placeless = self._placeless(inode, keep, inode.blocks.size)
        freed, inode.blocks = inode.blocks[keep:], inode.blocks[:keep]
        self._reserved -= placeless
        self._charge(inode, -placeless - int((freed >= 0).sum()))
        inode.pages.cut(keep)
        self._release(inode, freed[freed >= 0])
        self._grow(inode, keep)
        if inode.content is not None:
            inode.content = inode.content[:size].ljust(size, b"\0")
            if size % self.block_size and inode.pages.dirty(slice(keep - 1, keep)).any():
                inode.pages.stamps[keep - 1] = self._stamps_of(inode, keep - 1)[0]
        inode.flush_at_close |= self.flushes_at_close(inode.size, size)
        inode.size, inode.mtime, inode.read_since_change = size, self.tick(), False
        self.metadata.changed(inode)

    def _cut_within(self, inode: Inode, block: int) -> None:
        """The file ends in this block from now on; what is behind the end must not come back when it grows again."""
        self._zero_rest(inode, block)

    def _zero_end(self, inode: Inode, start: int) -> None:
        """Something will be behind the end of the file, from `start` on: the rest of its last block becomes zeros."""
        if start > inode.size and inode.size % self.block_size:
            self._zero_rest(inode, inode.size // self.block_size)

    def _zero_rest(self, inode: Inode, block: int) -> None:
        """The rest of the last block becomes zeros: a change of it, if it is no hole."""
        self._fetch(inode, block, block + 1, "data")
        if inode.blocks[block] >= 0 or inode.pages.dirty(slice(block, block + 1)).any():
            self._reserve(inode, np.array([block]))
            inode.pages.put(slice(block, block + 1), self._stamps_of(inode, block), "data")
            self._cached[inode.number] = inode

    def _stamps_of(self, inode: Inode, block: int) -> Stamps:
        """The stamp of a block: that of its real bytes where they are known, else a fresh one."""
        if inode.content is None:
            return fresh_stamps(1)
        return digest_stamps(inode.content, block, block + 1, self.block_size)

    def copy_data(self, source: Inode, target: Inode, length: int | None = None, piece: int = 1) -> None:
        """Fill an empty file with the first bytes of another of this file system: what copy-up and `cp` do.

        A clone where the file system has reflink (no data moves; what is dirty is written first), else read and
        write with purpose `copy`. Holes stay holes, unless `piece` is given: so many blocks are copied in one go from
        each place where data are found, with the holes that they contain.
        """
        length = source.size if length is None else min(length, source.size)
        count = -(-length // self.block_size)
        if self.reflink:
            self._write_all(source)
            self._charge(target, int((source.blocks[:count] >= 0).sum()))
            target.blocks = source.blocks[:count].copy()
            target.pages = Pages(count)
            self.space.take(target.blocks[target.blocks >= 0])
            self.metadata.mapped(source)
            self.metadata.placed(target, np.flatnonzero(target.blocks >= 0))
        else:
            self._grow(target, count)
            for low, high in self._filled(source, count, piece):
                stamps = self.read(source, low * self.block_size, (high - low) * self.block_size, "copy")
                self.write(target, low * self.block_size, (high - low) * self.block_size, stamps, "copy")
        content = source.content
        target.size, target.content = length, None if content is None else content[:length]
        self._grow(target, count)
        self.metadata.changed(target)

    def _filled(self, inode: Inode, count: int, piece: int) -> Iterator[tuple[int, int]]:
        """Runs of blocks that are no holes, or that lie in a piece that begins with one which is none."""
        filled = np.flatnonzero((inode.blocks[:count] >= 0) | inode.pages.dirty(slice(0, count)))
        if piece > 1:
            filled = _in_pieces(self._seen_as_data(inode, filled), count, piece)
        return ((int(filled[low]), int(filled[high - 1]) + 1) for low, high in runs(filled))

    def _seen_as_data(self, inode: Inode, filled: Integers) -> Integers:
        """The blocks in which a copy in pieces finds data, of those that are no holes."""
        return filled

    def _grow(self, inode: Inode, count: int) -> None:
        if count * self.block_size > LONGEST:
            raise fail(errno.EFBIG)
        if count > inode.blocks.size:
            inode.blocks = np.append(inode.blocks, np.full(count - inode.blocks.size, -1, np.int64))
        inode.pages.grow(count)

    # ---------------------------------------------------------------- places: promised, given, freed

    def _placeless(self, inode: Inode, first: int, last: int) -> int:
        """Dirty pages that need a place at write-back."""
        return int((inode.pages.dirty(slice(first, last)) & (inode.blocks[first:last] < 0)).sum())

    def charged(self, inode: Inode) -> int:
        """Blocks that stat(2) counts: those that have a place, and those that were promised one at write-back.

        Source: Linux 6.18, `ext4_getattr` and `xfs_vn_getattr`, which add the blocks of delayed allocation.
        """
        return int((inode.blocks >= 0).sum()) + self._placeless(inode, 0, inode.blocks.size)

    def _reserve(self, inode: Inode, blocks: Integers) -> None:
        """Promise places to the blocks that have none of their own, so that write-back cannot fail.

        A block that another file has as well (reflink) gives its place up: it moves, once.
        """
        places = inode.blocks[blocks]
        shared = blocks[(places >= 0) & (self.space.count(np.maximum(places, 0)) > 1)] if self.reflink else blocks[:0]
        empty = int(((places < 0) & ~inode.pages.dirty(blocks)).sum())
        new = empty + shared.size
        if self.limit is not None and (self.held() + self._reserved + new) * self.block_size > self.limit:
            raise fail(errno.EDQUOT)
        if new + self._reserved > self.space.free * self.unit:
            raise fail(errno.ENOSPC)
        self._charge(inode, empty)
        self._reserved += new
        if shared.size:
            self.space.release(inode.blocks[shared])
            self.metadata.freed(inode, inode.blocks[shared])
            inode.blocks[shared] = -1

    def set_quota(self, directory: Inode, limit: int) -> None:
        """Most bytes that files made below a directory from now on may hold together (a project quota): EDQUOT beyond.

        A block that is shared counts for each file that has it, as XFS counts.
        """
        directory.project = len(self._projects) + 1
        self._projects[directory.project] = [limit // self.block_size, 0]

    def _charge(self, inode: Inode, blocks: int) -> None:
        """Count blocks of a file for its project."""
        if inode.project in self._projects:
            most, held = self._projects[inode.project]
            if blocks > 0 and held + blocks > most:
                raise fail(errno.EDQUOT)
            self._projects[inode.project][1] += blocks

    def held(self) -> int:
        """Blocks that files hold on the volume."""
        return self.space.used * self.unit

    def _place(self, inode: Inode, wanted: Integers) -> None:
        """Give every wanted block of the file that has none a place, as promised."""
        fresh = wanted[inode.blocks[wanted] < 0]
        if fresh.size:
            self._allocate(inode, fresh)
            self._reserved -= fresh.size
            self.metadata.placed(inode, fresh)

    def _allocate(self, inode: Inode, fresh: Integers) -> None:
        try:
            inode.blocks[fresh] = self.space.allocate(fresh.size)
        except NoSpace:
            raise fail(errno.ENOSPC) from None

    def _release(self, inode: Inode, places: Integers) -> None:
        if places.size:
            self.metadata.mapped(inode)
            self._free(places)
            self.metadata.freed(inode, places)

    def _free(self, places: Integers) -> None:
        freed = self.space.release(places)
        if self.discards and freed.size:
            for low, high in runs(freed):
                self.store.discard(slice(int(freed[low]), int(freed[low]) + high - low))

    def device_blocks(self, inode: Inode) -> Integers:
        """Where each block of a file lies on the device; -1 for a hole, and for a page never written back; no I/O."""
        if isinstance(self.store, BlockDevice):
            return inode.blocks
        places, there = np.full(inode.blocks.size, -1), inode.blocks >= 0
        places[there] = self.store.device_blocks(inode.blocks[there])
        return places

    @property
    def used(self) -> int:
        """Bytes in use for data, on this file system's own account."""
        return self.space.used * self.unit * self.block_size

    # ---------------------------------------------------------------- cache and device

    def _fetch(self, inode: Inode, first: int, last: int, why: str) -> None:
        """Bring pages into the cache that are not there."""
        wanted = first + np.flatnonzero(~inode.pages.present(slice(first, last)))
        if wanted.size:
            self.metadata.mapped(inode)
        inode.pages.load(wanted, self._load(inode.blocks[wanted], why))
        self._cached[inode.number] = inode

    def _load(self, places: Integers, why: str) -> Stamps:
        """Stamps at the places, read in runs of neighbours; holes are zeros and cost nothing."""
        stamps, there = np.zeros(places.size, np.uint64), np.flatnonzero(places >= 0)
        for low, high in runs(places[there]):
            at = places[there[low]]
            stamps[there[low:high]] = self._read(slice(int(at), int(at) + high - low), why)
        return stamps

    def _read(self, run: slice, why: str) -> Stamps:
        if isinstance(self.store, BlockDevice):
            return self.store.read(run, why)
        stamps: Stamps = self.store.read(run)
        return stamps

    def _fetch_edges(self, inode: Inode, start: int, end: int, first: int, last: int) -> None:
        """Read the first and the last block of a write if it covers them only in part and they hold something."""
        if start % self.block_size and first * self.block_size < inode.size:
            self._fetch(inode, first, first + 1, "data")
        if end % self.block_size and end < inode.size:
            self._fetch(inode, last - 1, last, "data")

    def fsync(self, inode: Inode) -> None:
        """Write the dirty pages of a file, neighbours on the volume as one request."""
        self._write_all(inode)
        self.metadata.fsynced(inode)

    def _write_all(self, inode: Inode, first: int = 0) -> None:
        """Write the dirty pages of a file back, from a block on."""
        if not inode.pages.written:
            return
        copied, changed = (blocks[blocks >= first] for blocks in map(inode.pages.dirty_for, ("copy", "data")))
        if copied.size and changed.size:  # placed together, whatever they are written for
            self._place(inode, np.union1d(copied, changed))
        for why, wanted in (("copy", copied), ("data", changed)):
            self._write_back(inode, wanted, why)

    def flush_early(self, inode: Inode) -> None:
        """Write a file back before any sync, if it has blocks that have no place yet."""
        if self._placeless(inode, 0, inode.blocks.size):
            self._write_all(inode)

    def _write_back(self, inode: Inode, wanted: Integers, why: str) -> None:
        if not wanted.size:
            return
        self.metadata.mapped(inode)
        self._place(inode, wanted)
        places, stamps = inode.blocks[wanted], inode.pages.stamps[wanted]
        for low, high in runs(places):
            self._write(slice(int(places[low]), int(places[low]) + high - low), stamps[low:high], why)
        inode.pages.clean(wanted)

    def _write(self, run: slice, stamps: Stamps, why: str) -> None:
        try:
            if isinstance(self.store, BlockDevice):
                self.store.write(run, stamps, why)
            else:
                self.store.write(run, stamps)
        except NoSpace:
            raise fail(errno.ENOSPC) from None

    def sync(self) -> None:
        """Write all dirty pages and let the volume below commit."""
        for inode in list(self._cached.values()):
            self._write_all(inode)
        self.metadata.synced()
        if isinstance(self.store, Volume):
            self.store.flush()

    def freeze(self) -> None:
        """Write everything, and the logs home, as FIFREEZE and an unmount do."""
        self.sync()
        self.metadata.froze()

    def drop_caches(self) -> None:
        """Forget all clean pages."""
        for number, inode in list(self._cached.items()):
            if not inode.pages.drop_clean():
                del self._cached[number]
        self.metadata.dropped()

    def cached_bytes(self) -> int:
        """Bytes in the page cache."""
        return sum(inode.pages.count() for inode in self._cached.values()) * self.block_size


def _in_pieces(filled: Integers, count: int, piece: int) -> Integers:
    found, at = [filled[:0]], 0
    while at < filled.size:
        start = int(filled[at])
        found.append(np.arange(start, min(start + piece, count)))
        at = int(np.searchsorted(filled, start + piece))
    return np.concatenate(found)


def patched(content: bytes | None, offset: int, data: Any) -> bytes | None:
    """The real bytes after a write, or None where they are not known."""
    if content is None or not isinstance(data, bytes | bytearray):
        return None
    return content[:offset].ljust(offset, b"\0") + bytes(data) + content[offset + len(data) :]
