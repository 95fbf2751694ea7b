"""A copy-on-write B-tree of extents, as btrfs: a snapshot is a second root over the same nodes.

**Every write moves**: it goes to a new extent, and the items of the old one are cut to a head and a tail. The old
extent stays allocated in full until no item points to any part of it. Nodes of the tree are shadowed from leaf to root
(`snapsim.block.snapshots.cow_btree.tree`), once a transaction.

>>> disk = CowBtree.new(1000)
>>> disk.write(slice(0, 100))                      # one extent
>>> snapshot = disk.snapshot()
>>> with disk.counting() as io:
...     disk.write(50)                             # shared: moves, nothing is copied
...     disk.write(50)                             # its own by now: moves again
>>> io.counts
IOCounts(write_data=(2, 8192))
>>> disk.qgroup(nodes=False), snapshot.qgroup(nodes=False)
(Qgroup(referenced=413696, exclusive=4096), Qgroup(referenced=409600, exclusive=0))
>>> snapshot.delete()
>>> disk.allocated() // 4096                       # block 50 of the old extent is pinned: 100 + 1
101

What a commit writes is described in `snapsim.block.snapshots.cow_btree.store`.

Sources: as `snapsim.block.snapshots.cow_btree.tree`; fs/btrfs/inode.c `can_nocow_extent`; btrfs-qgroup(8), btrfs(5)
"nodatacow".
"""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import ClassVar, NamedTuple

import numpy as np

from snapsim.base.errors import InvalidInput, NoSpace
from snapsim.block.device import Blocks, Integers, Requests, Stamps
from snapsim.block.requests import spans
from snapsim.block.snapshots.cow_btree.extents import (
    BIRTH,
    BLOCKS,
    EXTENT,
    FIRST,
    LENGTH,
    OWNER,
    REFERENCES,
    START,
    items,
    runs,
)
from snapsim.block.snapshots.cow_btree.store import ExtentStore
from snapsim.block.snapshots.cow_btree.tree import NODE_BYTES
from snapsim.block.volume import Usage, Volume

LEAVES_OUT = (
    "inline files, compression, RAID profiles, the background cleaner (deletion is done at once), and autodefrag."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

LONGEST_EXTENT = 128 << 20


class Qgroup(NamedTuple):
    """Bytes as a classic quota group counts them: all that a subvolume references, and what it alone references."""

    referenced: int
    exclusive: int


class CowBtree(Volume):
    """A subvolume of a btrfs file system.

    Parameters
    ----------
    size : int
        Number of blocks that can be addressed; costs nothing.
    block_size : int
        Bytes a block (a sector).
    chunk_size : int, optional
        One block: btrfs shares and moves blocks.
    device_size : int, optional
        Blocks for data on the device; 16 times `size` when left out, at most 2**24.
    nodatacow : bool
        Overwrite in place, except where a snapshot was taken since the extent was written: then the first write moves.
    dup : bool
        Write metadata twice (the default on one device).
    store : ExtentStore, optional
        The file system of an existing subvolume, in which to create this one; it then has that one's options.

    Examples
    --------
    >>> disk = CowBtree.new(1 << 40, device_size=1000, nodatacow=True)
    >>> disk.write(slice(0, 100))
    >>> snapshot = disk.snapshot()
    >>> with disk.counting() as io:
    ...     disk.write(7)
    ...     disk.write(7)
    >>> io.counts.bytes("write"), disk.allocated() // 4096    # moved once, then in place
    (8192, 101)
    """

    limits: ClassVar[Mapping[str, str]] = {
        "rollback": "btrfs has no such verb: one deletes the subvolume and clones the snapshot",
        "chunk": "extents are shared and moved by the block, so a chunk is a block",
    }

    def __init__(
        self,
        size: int,
        block_size: int = 4096,
        chunk_size: int | None = None,
        *,
        device_size: int | None = None,
        nodatacow: bool = False,
        dup: bool = True,
        store: ExtentStore | None = None,
    ) -> None:
        if chunk_size not in (None, block_size):
            raise InvalidInput(f"chunks of {chunk_size} bytes: {self.limits['chunk']}, {block_size} bytes")
        device_size = min(16 * size, 1 << 24) if device_size is None else device_size
        self.store = store or ExtentStore(device_size, block_size, dup, checksums=not nodatacow)
        super().__init__(size, block_size, block_size, (self.store.device,))
        self.nodatacow, self.root = nodatacow, self.store.forest.leaf()
        self.id, self.last_snapshot = self.store.subvolume_id(), 0
        self.family = self.store.volumes
        self.family.append(self)

    def subvolume(self, size: int | None = None) -> "CowBtree":
        """A new, empty subvolume of the same file system."""
        size = self.size if size is None else size
        return CowBtree(size, self.block_size, nodatacow=self.nodatacow, store=self.store)

    # ---------------------------------------------------------------- reading and writing

    def _read(self, asked: Requests) -> Stamps:
        place = self.store.forest.find(self.root, asked.blocks)
        stamps, known = np.zeros(asked.count, np.uint64), np.flatnonzero(place >= 0)
        for part, where in _requests(asked, place[known], known):
            stamps[known[part]] = self.store.device.read(where)
        return stamps

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        done, blocks = 0, asked.blocks
        while done < asked.count:
            fit = self._fitting(blocks[done:])
            if not fit or (asked.one and fit < asked.count):
                raise NoSpace(f"btrfs: {self.store.space.free} of {self.store.space.size} blocks free", done=done)
            self._put(asked if asked.one else Requests(blocks[done : done + fit], self.size), stamps[done : done + fit])
            done += fit

    def write_extent(self, blocks: Integers, data: Stamps) -> None:
        """Write blocks as one extent, though their numbers do not follow each other: neighbours in a file, for example.

        Parameters
        ----------
        blocks : ndarray of int64, shape (blocks,)
            Distinct block numbers, in the order in which the blocks lie in the extent.
        data : ndarray of uint64, shape (blocks,)

        Raises
        ------
        NoSpace
            Nothing was written.

        Examples
        --------
        >>> disk = CowBtree.new(100)
        >>> disk.write_extent(np.array([9, 3]), np.array([1, 2], np.uint64))
        >>> disk.write(9)                              # the other block keeps the extent
        >>> disk.allocated() // 4096, int(disk.read(3))
        (3, 2)
        """
        self._living()
        if self.nodatacow:
            for run in runs(blocks):
                self.write(slice(int(blocks[run.start]), int(blocks[run.stop - 1]) + 1), data[run])
            return
        if not self.store.room_for(blocks.size):
            raise NoSpace(f"btrfs: {self.store.space.free} of {self.store.space.size} blocks free", done=0)
        place, extents = self.store.space.allocate(blocks.size), self.store.forest.extents
        longest = LONGEST_EXTENT // self.block_size
        whole = [part.start + n for part in runs(place) for n in range(0, part.stop - part.start, longest)]
        first = np.array(whole, np.int64)
        numbers = extents.add(place[first], np.diff([*whole, blocks.size]), self.store.forest.generation, self.id)
        start = np.union1d(first, [part.start for part in runs(blocks)])
        within = np.searchsorted(first, start, "right") - 1
        new = items(blocks[start], np.diff(np.append(start, blocks.size)), numbers[within], start - first[within])
        new = new[:, np.argsort(new[START])]
        self.store.new_extents += first.size
        self.store.new_blocks += blocks.size
        self._cut(new[START], new[START] + new[LENGTH], new)
        for part in runs(place):
            self.store.device.write(slice(int(place[part.start]), int(place[part.stop - 1]) + 1), data[part])

    def _moving(self, blocks: Integers) -> tuple[Integers, Integers]:
        """Which of the requests move their block (positions), and where the blocks lie now."""
        if not self.nodatacow:
            return np.arange(blocks.size), np.full(blocks.size, -1)
        extent, offset = self.store.forest.items_of(self.root, blocks)
        table = self.store.forest.extents.table[:, extent]
        moves = (extent < 0) | (table[BIRTH] <= self.last_snapshot)
        first = np.zeros(blocks.size, bool)
        first[np.unique(blocks, return_index=True)[1]] = True  # the same block again: in place by then
        return np.flatnonzero(moves & first), table[FIRST] + offset

    def _fitting(self, blocks: Integers) -> int:
        """How many of the requests fit into the free space."""
        moves = self._moving(blocks)[0]
        return blocks.size if self.store.room_for(moves.size) else int(moves[self.store.space.free])

    def _put(self, asked: Requests, stamps: Stamps) -> None:
        moves, place = self._moving(asked.blocks)
        if moves.size:
            place[moves] = self.store.space.allocate(moves.size)
            self._point(asked, asked.blocks[moves], place[moves])
        if self.nodatacow and not asked.one:
            place = self.store.forest.find(self.root, asked.blocks)
        for part, where in _requests(asked, place, asked.blocks):
            self.store.device.write(where, stamps[part])

    def _point(self, asked: Requests, blocks: Integers, place: Integers) -> None:
        """Make extents of new places, and items that point to them."""
        longest = LONGEST_EXTENT // self.block_size
        cuts = (
            [part.start + n for part in runs(place, blocks) for n in range(0, part.stop - part.start, longest)]
            if asked.one
            else np.arange(blocks.size)
        )
        start = np.array(cuts, np.int64)
        length = np.diff(np.append(start, blocks.size))
        extents = self.store.forest.extents
        new = items(blocks[start], length, extents.add(place[start], length, self.store.forest.generation, self.id))
        last = blocks.size - 1 - np.unique(blocks[start][::-1], return_index=True)[1] if not asked.one else slice(None)
        self.store.new_extents += start.size
        self.store.new_blocks += blocks.size
        self._cut(new[START, last], new[START, last] + new[LENGTH, last], new[:, last])
        extents.reap(new[EXTENT])  # those that a later request overwrote

    def _cut(self, low: Integers, high: Integers, new: Integers | None = None) -> None:
        self.root = self.store.forest.edit(self.root, low, high, new)

    def _discard(self, asked: Requests) -> None:
        if isinstance(asked.where, slice):
            low, high = np.array([asked.where.start]), np.array([asked.where.stop])
        else:
            low = np.unique(asked.where)
            high = low + 1
        if asked.count:
            self._cut(low, high)

    def reflink(self, source: slice, to: int) -> None:
        """Share the extents of the source run with the blocks from `to` on (``cp --reflink``): only items are written.

        With nodatacow, the extents count as written before the newest snapshot from then on: each write moves.

        Examples
        --------
        >>> disk = CowBtree.new(100)
        >>> disk.write(slice(0, 10))
        >>> disk.reflink(slice(2, 6), 50)
        >>> disk.allocated() // 4096, disk.read(53) == disk.read(5)
        (10, True)
        """
        self._living()
        blocks = Requests(source, self.size).blocks
        target = Requests(slice(to, to + blocks.size), self.size).blocks
        extent, offset = self.store.forest.items_of(self.root, blocks)
        known = np.flatnonzero(extent >= 0)
        parts = runs(offset[known], known, same=extent[known])
        start = known[[part.start for part in parts]]
        new = items(target[start], [part.stop - part.start for part in parts], extent[start], offset[start])
        extents = self.store.forest.extents
        extents.take(new[EXTENT])  # the target may cover the source
        extents.table[BIRTH, new[EXTENT]] = 0
        if target.size:
            self._cut(target[:1], target[-1:] + 1, new)
        extents.drop(new[EXTENT])

    # ---------------------------------------------------------------- snapshots

    def _snapshot(self) -> "CowBtree":
        """A second root node over the same children; making a snapshot commits the transaction."""
        twin = copy(self)
        twin.root, twin.id = self.store.forest.copy(self.root), self.store.subvolume_id()
        twin.last_snapshot = self.last_snapshot = self.store.forest.generation
        self.store.commit()
        return twin

    _clone = _snapshot

    def _delete(self) -> None:
        self.store.forest.drop(self.root)

    def flush(self) -> None:
        """Commit the transaction of the file system."""
        self.store.commit()

    # ---------------------------------------------------------------- the space book

    def _pointers(self) -> Iterator[tuple[Integers, bool]]:
        for leaf, alone in self.store.forest.leaves(self.root):
            yield leaf.items, alone

    def extents(self) -> tuple[Integers, Integers]:
        """Numbers of the extents that the subvolume references, and of those that it alone references."""
        found = list(self._pointers())
        every = np.unique(np.concatenate([table[EXTENT] for table, _ in found]))
        mine = [table[EXTENT] if alone else table[EXTENT, :0] for table, alone in found]
        own, count = np.unique(np.concatenate(mine), return_counts=True)
        return every, own[count == self.store.forest.extents.references(own)]

    def _bytes(self, extents: Integers) -> int:
        return int(self.store.forest.extents.table[BLOCKS, extents].sum()) * self.block_size

    def qgroup(self, nodes: bool = True) -> Qgroup:
        """The classic quota group of the subvolume: bytes of whole extents, and of tree nodes unless switched off."""
        self._living()
        every, own = self.extents()
        alone = list(self.store.forest.nodes(self.root)) if nodes else []
        return Qgroup(self._bytes(every) + len(alone) * NODE_BYTES, self._bytes(own) + sum(alone) * NODE_BYTES)

    def simple_quota(self) -> int:
        """Bytes of allocated extents that this subvolume *made*, also if only others reference them by now."""
        table = self.store.forest.extents.table
        return int(table[BLOCKS, (table[OWNER] == self.id) & (table[REFERENCES] > 0)].sum()) * self.block_size

    def usage(self) -> Usage:
        """Bytes of the whole extents that the subvolume references; exclusive: those that it alone references."""
        referenced, exclusive = self.qgroup(nodes=False)
        return Usage(referenced, exclusive, referenced - exclusive)

    def shown_alone(self) -> int:
        """What ``btrfs filesystem du`` calls exclusive: bytes that are in files, of extents that no other subvolume
        references.

        Examples
        --------
        >>> disk = CowBtree.new(1000)
        >>> disk.write(slice(0, 100)); disk.write(slice(0, 40))
        >>> disk.shown_alone() // 4096, disk.usage().exclusive // 4096
        (100, 140)
        """
        alone = self.extents()[1]
        shown = sum(int(table[LENGTH, np.isin(table[EXTENT], alone)].sum()) for table, _ in self._pointers())
        return shown * self.block_size

    def places(self) -> Integers:
        """Device blocks of the extents that are referenced, also of parts that no item points to."""
        table = self.store.forest.extents.table[:, self.extents()[0]]
        return spans(table[FIRST], table[BLOCKS])

    def device_blocks(self, blocks: Integers) -> Integers:
        """Device block of each block, as the items of the tree say."""
        return self.store.forest.find(self.root, blocks)

    def allocated(self) -> int:
        """Bytes that the space map has in use for living extents."""
        return self.store.used * self.block_size


def _requests(asked: Requests, place: Integers, blocks: Integers) -> list[tuple[slice, Blocks]]:
    """Requests to the device: one for each block of an array, or one for each run of neighbours within a run."""
    if not asked.one:
        return [(slice(None), place)]
    return [(part, slice(int(place[part.start]), int(place[part.stop - 1]) + 1)) for part in runs(place, blocks)]
