"""Where the metadata of ZFS datasets lie, who has them, and which of them are in the cache.

Metadata of a dataset are shared with its snapshots and clones, block by block, and freed by the same rule as records
(`snapsim.block.snapshots.records.volume`). So each dataset has a **shadow**: a dataset of sectors that stand for its
metadata. A block of metadata is named by what it is, and lies twice (ditto copies); one copy is read.

A block has to be in the cache to be changed. Its buffer then becomes that of the new block, so that the old one is in
the cache no more, even where a snapshot still has it: whoever changes a clone reads it from the device.

>>> shadows = Shadows(4096)
>>> shadows.add("data")
>>> shadows.put("data", ("object set",), 1), shadows.sync()        # nothing to read; a block, twice
(0, 1)
>>> shadows.snapshot("data", "data@one")
>>> shadows.fetch("data@one", ("object set",))
0
>>> shadows.put("data", ("object set",), 1), shadows.sync()
(0, 1)
>>> shadows.fetch("data@one", ("object set",)), shadows.fetch("data@one", ("object set",))
(1, 0)
>>> shadows.of("data@one").properties()["used"]
8192

Sources: openzfs module/zfs/dbuf.c (`dbuf_release_bp`), arc.c (`arc_release`).

What it leaves out: which copy is read, the limit of the cache, reads ahead.
"""

from collections.abc import Hashable
from typing import Any, cast

import numpy as np

from snapsim.block.device import Integers
from snapsim.block.snapshots.records.volume import Records
from snapsim.block.snapshots.records.zpool import Zpool
from snapsim.files.filesystems.zfs.indirect_block import BLOCK_BYTES

COPIES = 2
_BLOCKS = 1 << 24

Key = tuple[Any, ...]


class Shadows:
    """The shadows of all datasets of a pool.

    Parameters
    ----------
    sector : int
        Bytes of a sector of the pool.
    """

    def __init__(self, sector: int) -> None:
        self.sector, self._most = sector, COPIES * BLOCK_BYTES // sector  # sectors of addresses for each block
        self._pool = Zpool(_BLOCKS, sector)
        self._shadows: dict[Hashable, Records] = {}
        self._addresses: dict[Key, int] = {}  # of each block, in any shadow

    def of(self, dataset: Hashable) -> Records:
        """The shadow of a dataset or snapshot."""
        return self._shadows[dataset]

    def alive(self, dataset: Hashable) -> bool:
        """Whether there is such a dataset or snapshot, and it was not deleted."""
        return dataset in self._shadows

    def add(self, dataset: Hashable) -> None:
        """A new dataset."""
        self._shadows[dataset] = Records(_BLOCKS * self._most, self.sector, self.sector, pool=self._pool)

    def snapshot(self, dataset: Hashable, snapshot: Hashable) -> None:
        """A snapshot was taken of what is on the device."""
        self._shadows[snapshot] = cast(Records, self._shadows[dataset].snapshot())

    def clone(self, snapshot: Hashable, clone: Hashable) -> None:
        """A clone was made."""
        self._shadows[clone] = cast(Records, self._shadows[snapshot].clone())

    def delete(self, dataset: Hashable) -> None:
        """A dataset or snapshot is gone."""
        self._shadows.pop(dataset).delete()
        self._shadows = {kept: shadow for kept, shadow in self._shadows.items() if not shadow.deleted}

    def space(self) -> int:
        """Bytes in use, those of a group that has not ended too."""
        return self._pool.used * self.sector

    # ---------------------------------------------------------------- blocks

    @property
    def dirty(self) -> bool:
        """Does the group write any?"""
        return self._pool.dirty

    def put(self, dataset: Hashable, key: Key, sectors: int) -> int:
        """Write a block anew, which may get longer or shorter, or go; returns the sectors read for that."""
        if not sectors and key not in self._addresses:
            return 0
        read = self.fetch(dataset, key)
        shadow, base = self._shadows[dataset], self._addresses.setdefault(key, len(self._addresses)) * self._most
        old, end = self._places(dataset, base), base + COPIES * sectors
        shadow.discard(slice(end, base + self._most))
        if sectors:
            shadow.write(slice(base, end))
        self._pool.forget(old[(old >= 0) & (old != self._places(dataset, base))])
        return read

    def fetch(self, dataset: Hashable, key: Key) -> int:
        """Have a block in the cache; returns the sectors read for that."""
        if key not in self._addresses:
            return 0
        base = self._addresses[key] * self._most
        held = self._places(dataset, base)
        copy = held[: np.count_nonzero(held >= 0) // COPIES]
        missing = int(np.count_nonzero(~self._pool.cached(copy)))
        if missing:
            self._shadows[dataset].read(slice(base, base + copy.size))
        return missing

    def _places(self, dataset: Hashable, base: int) -> Integers:
        return self._shadows[dataset].device_blocks(np.arange(base, base + self._most))

    def sync(self) -> int:
        """End the group; returns the sectors it writes, each in `COPIES` copies."""
        before = self._pool.device.counts
        self._pool.sync()
        return (self._pool.device.counts - before).bytes("write", "data") // self.sector // COPIES

    def drop_caches(self) -> None:
        """Nothing is in the cache."""
        self._pool.drop_caches()
