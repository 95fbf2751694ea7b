"""A thin volume: how it serves requests by its map, which says in which pool block each of its blocks lies.

A mapping is one number: the pool block in its low 40 bits, above them the pool's time when it was made; -1 is no
mapping. So one comparison finds both what was never written and what is shared: such a mapping is below the time of the
device's newest snapshot, shifted likewise. On the common path a write is two indexed reads for the mappings, that
comparison, and the I/O.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from snapsim.base.errors import NoSpace, ReadOnly, Unsupported
from snapsim.base.units import KiB
from snapsim.block.device import BlockDevice, Integers, Requests, Stamps, distinct
from snapsim.block.paged_map import PagedMap
from snapsim.block.snapshots.thin.metadata import recommended
from snapsim.block.volume import Volume

if TYPE_CHECKING:
    from snapsim.block.snapshots.thin.pool import ThinPool

LEAVES_OUT = (
    "where pool blocks come from and what happens to those that are given up (`snapsim.block.snapshots.thin.pool`)."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

SECTOR = 512
TIME = 40  # bits of a mapping below its time: the pool block
BLOCK = (1 << TIME) - 1


class ThinVolume(Volume):
    """A thin volume of a pool; made by `ThinPool.create`, `snapshot` and `clone`, or with a pool of its own by `new`.

    Parameters
    ----------
    size : int
        Number of blocks, of the size that the pool's data device has.
    pool : ThinPool
        Gives pool blocks and takes them back.
    id : int
        Device number in the pool.

    Attributes
    ----------
    mappings : PagedMap
        Virtual block -> mapping.
    mapped : int
        How many virtual blocks have one.
    active : bool
        Whether a program has the device open, so that it cannot be deleted; false until it is set.
    changed : bool
        Whether its mappings changed since the last commit.

    Examples
    --------
    >>> volume = ThinVolume.new(64)
    >>> volume.write(slice(16, 48))
    >>> volume.status(), volume.pool.metadata.space.used
    ('0 512 thin 256 383', 2)
    """

    limits: ClassVar[Mapping[str, str]] = {
        "discard of a part of a chunk": "is ignored: a pool block is mapped or it is not, as in the kernel",
    }

    def __init__(self, size: int, pool: "ThinPool", id: int) -> None:
        super().__init__(size, pool.data.block_size, pool.chunk_size, (pool.data, pool.metadata_device))
        self.pool, self.id, self.active, self.changed, self.mapped = pool, id, False, False, 0
        self.mappings = PagedMap(-(-size // self.chunk_blocks))
        self._age = pool.time << TIME  # mappings from here on are not shared
        self.family = pool.family

    @classmethod
    def new(cls, size: int, block_size: int = 4096, chunk_size: int | None = None, **options: Any) -> Self:
        """A thin volume with a pool of its own, 16 times as large; see `ThinPool` for the options.

        Pool blocks are 64 KiB when left out, and may be smaller than the kernel allows, down to a block.
        """
        from snapsim.block.snapshots.thin.pool import ThinPool

        chunk_size = max(64 * KiB, block_size) if chunk_size is None else chunk_size
        chunks = 16 * (-(-size * block_size // chunk_size) + 1)
        data = BlockDevice(chunks * max(chunk_size // block_size, 1), block_size, "data")
        metadata = BlockDevice(4 * recommended(chunks) // 4096, 4096, "metadata")
        pool = ThinPool(data, metadata, chunk_size, **{"strict": False, **options})
        volume = cls(size, pool, 0)
        pool.attach(volume)
        return volume

    def lies(self, chunks: Integers) -> Integers:
        """The pool blocks of virtual blocks, which all have one."""
        return self.mappings.get(chunks) & BLOCK

    def is_mapped(self, block: int) -> bool:
        """Whether a block of the volume has a pool block."""
        return bool(self.mappings.get(np.array([block // self.chunk_blocks]))[0] >= 0)

    def share_with(self, child: "ThinVolume", time: int) -> None:
        """Give a snapshot the present mappings; those made before `time` are shared from now on."""
        child.mappings, child.mapped = self.mappings.share(), self.mapped
        child._age = self._age = time << TIME

    def resize(self, size: int) -> None:
        """Change the size, which is not kept in the pool: whoever opens a thin device states it."""
        self.size = self.mappings.length = int(size)

    def take_over(self, other: "ThinVolume") -> None:
        """Take over the device number and the mappings of another volume."""
        self.id, self.mappings, self.mapped = other.id, other.mappings, other.mapped
        self._age, self.changed = other._age, other.changed

    def remap(self, chunks: Integers, before: Integers, after: Integers) -> None:
        """Change mappings, and keep count of them."""
        self.mappings.set(chunks, after)
        self.mapped += int((before < 0).sum()) - int((after < 0).sum())

    def release(self) -> None:
        """Forget all mappings."""
        self.mappings.release()
        self.mapped = 0

    # ---------------------------------------------------------------- snapshots

    def _snapshot(self) -> "ThinVolume":
        return self.pool.duplicate(self)

    def _clone(self) -> "ThinVolume":
        return self.pool.duplicate(self)

    def _delete(self) -> None:
        self.pool.drop(self)

    def _rollback(self, snapshot: Volume) -> None:
        """As LVM does it: a new thin snapshot of the snapshot takes this volume's place, and the old device goes."""
        assert isinstance(snapshot, ThinVolume)
        self.pool.replace(self, self.pool.duplicate(snapshot))

    def flush(self) -> None:
        """Make the pool commit if the mappings of this volume changed since its last commit."""
        if self.changed:
            self.pool.commit()

    # ---------------------------------------------------------------- I/O

    def _read(self, asked: Requests) -> Stamps:
        chunk, at, length = self._split(asked)
        mappings = self.mappings.get(chunk)
        stamps = np.zeros(asked.count, np.uint64)
        if not asked.one:
            mapped = mappings >= 0
            stamps[mapped] = self.pool.data.read(self._places(mappings, chunk, at)[mapped])
            return stamps
        for places, which in self._runs(chunk, at, length, mappings):
            stamps[which] = self.pool.data.read(places).reshape(which.shape)
        return stamps

    def _write(self, asked: Requests, stamps: Stamps) -> None:
        chunk, at, length = self._split(asked)
        mappings = self.mappings.get(chunk)
        foreign = mappings < self._age
        if foreign.any():
            try:
                self._own(chunk, length, foreign)
            except (NoSpace, ReadOnly) as error:
                done = int(np.argmax(self.mappings.get(chunk) < self._age))
                self._put(asked.one, chunk[:done], at[:done], length[:done], stamps)
                raise NoSpace(str(error), 0 if asked.one else done) if isinstance(error, NoSpace) else error from None
            mappings = self.mappings.get(chunk)
        self._put(asked.one, chunk, at, length, stamps, mappings)

    def _split(self, asked: Requests) -> tuple[Integers, Integers, Integers]:
        """The requests as split at pool blocks: virtual block, first block of the volume, number of blocks."""
        if asked.one or asked.length != 1:  # rows are refused there
            chunk, first, length = asked.parts(self.chunk_blocks)
            return chunk, chunk * self.chunk_blocks + first, length
        blocks, bits = asked.blocks, self.chunk_blocks.bit_length() - 1
        chunk = blocks >> bits if self.chunk_blocks == 1 << bits else blocks // self.chunk_blocks
        return chunk, blocks, np.broadcast_to(np.int64(1), blocks.shape)

    def _own(self, chunk: Integers, length: Integers, foreign: Any) -> None:
        """Provide pool blocks for virtual blocks that have none or share one, when the first request reaches each."""
        whole = length[foreign] == self.chunk_blocks
        chunks = chunk[foreign]
        once = distinct(chunks)
        self.pool.provide(self, once, whole if once.size == chunks.size else whole[0])

    def _put(
        self,
        one: bool,
        chunk: Integers,
        at: Integers,
        length: Integers,
        stamps: Stamps,
        mappings: Integers | None = None,
    ) -> None:
        mappings = self.mappings.get(chunk) if mappings is None else mappings
        if not one:
            self.pool.data.write(self._places(mappings, chunk, at), stamps[: chunk.size])
            return
        for places, which in self._runs(chunk, at, length, mappings):
            self.pool.data.write(places, stamps[which].reshape(-1))

    def _places(self, mappings: Integers, chunk: Integers, at: Integers) -> Integers:
        places: Integers = mappings & BLOCK
        places -= chunk
        places *= self.chunk_blocks
        places += at
        return places

    def _runs(
        self, chunk: Integers, at: Integers, length: Integers, mappings: Integers
    ) -> Iterator[tuple[Integers, Integers]]:
        """The mapped parts of one request, which is split at pool blocks: rows of places, and of where in the request.

        Parts of one length go together: at most a head, whole pool blocks, and a tail.
        """
        places, which = self._places(mappings, chunk, at), np.cumsum(length) - length
        for part in np.split(np.arange(chunk.size), np.flatnonzero(np.diff(length)) + 1):
            part = part[mappings[part] >= 0]
            if part.size:
                along = np.arange(length[part[0]])
                yield places[part][:, None] + along, which[part][:, None] + along

    def _discard(self, asked: Requests) -> None:
        if self.pool.discard == "ignore_discard":
            raise Unsupported(f"{self.pool!r} ignores discards (EOPNOTSUPP)")
        chunk, _, length = self._split(asked)
        chunks = distinct(chunk[length == self.chunk_blocks])
        chunks = chunks[self.mappings.get(chunks) >= 0]
        if chunks.size and self.pool.mode != "ro":
            self.pool.forget(self, chunks)

    # ---------------------------------------------------------------- books

    def status(self) -> str:
        """The line of `dmsetup status`: mapped sectors, and the highest one."""
        chunks, sectors = self.mappings.items()[0], self.chunk_size // SECTOR
        highest = str((int(chunks[-1]) + 1) * sectors - 1) if chunks.size else "-"
        return f"0 {self.size * self.block_size // SECTOR} thin {self.mapped * sectors} {highest}"

    def places(self) -> Integers:
        """The distinct pool blocks that the volume maps."""
        return np.unique(self.mappings.values() & BLOCK)

    def device_blocks(self, blocks: Integers) -> Integers:
        """Blocks of the data device."""
        chunk = blocks // self.chunk_blocks
        mappings = self.mappings.get(chunk)
        return np.where(mappings < 0, -1, self._places(mappings, chunk, blocks))

    def allocated(self) -> int:
        """Bytes of the pool that are in use, by its space map."""
        metadata = self.pool.metadata
        return int(metadata.space.used - metadata.given_up) * self.chunk_size
