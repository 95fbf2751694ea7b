"""The space book of a volume: which places hold its content, alone and together with others.

A *place* is a piece of storage with a number. What two volumes share, both name by the same number; so the book of
any set of volumes is a matter of sets.

>>> import numpy as np
>>> class Held(SpaceBook):
...     chunk_size = 4096
...     def __init__(self, *places): self.held, self.family = np.array(places), []
...     def places(self): return self.held
>>> one, two = Held(1, 2, 3), Held(3, 4)
>>> one.family = two.family = [one, two]
>>> one.usage(), two.usage().exclusive
(Usage(allocated=12288, exclusive=8192, shared=4096), 4096)

What it leaves out: maps and other metadata of the mechanism.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snapsim.base.errors import Unsupported
from snapsim.block.requests import Integers


class Usage(NamedTuple):
    """Bytes of storage that a volume holds; `exclusive` is what its deletion would free."""

    allocated: int
    exclusive: int
    shared: int


class SpaceBook:
    """The part of a volume that says where its content lies.

    Attributes
    ----------
    chunk_size : int
        Bytes a chunk, the unit of sharing.
    family : sequence of SpaceBook
        All that share storage, this one included.
    """

    chunk_size: int
    family: Sequence["SpaceBook"]

    def usage(self) -> Usage:
        """Bytes that the volume holds, alone and with others of its family, by its `places`.

        Examples
        --------
        >>> from snapsim.block.snapshots import FullCopy
        >>> FullCopy.new(4).usage()
        Usage(allocated=16384, exclusive=16384, shared=0)
        """
        mine = np.unique(self.places())
        others = [volume.places() for volume in self.family if volume is not self]
        shared = int(np.isin(mine, np.concatenate(others)).sum()) if others else 0
        return Usage(*(count * self.place_size for count in (mine.size, mine.size - shared, shared)))

    @property
    def place_size(self) -> int:
        """Bytes that each of the `places` stands for: a chunk, unless a mechanism allocates smaller pieces."""
        return self.chunk_size

    def places(self) -> Integers:
        """Where the content lies: a number for each chunk of storage held, the same number for the same chunk.

        The space book: over a family, the distinct places times `place_size` are what is allocated.
        """
        raise Unsupported(f"{type(self).__name__} does not say where its chunks lie")

    def device_blocks(self, blocks: Integers) -> Integers:
        """Where each of the blocks lies on the first device, -1 where nothing was ever written; no I/O."""
        raise Unsupported(f"{type(self).__name__} does not say where its blocks lie")

    def allocated(self) -> int:
        """Bytes of storage that the mechanism itself has marked as in use for the whole family, maps not counted.

        It is kept apart from `places`, so that the two can be held against each other.
        """
        raise Unsupported(f"{type(self).__name__} does not count its allocations")
