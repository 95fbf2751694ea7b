"""A map that takes memory only where keys are set, and whose copies share it until one of them changes.

Maps of mechanisms (virtual block -> pool block, block -> extent) are kept as a *page table* over *leaves*: a leaf holds
the numbers of `leaf` keys in a row, the table says which leaf each page has. Copies share leaves until one of them is
written (copy-on-write in memory, as page tables do it); each leaf has a reference count. A look-up is two indexed reads
of arrays, for any number of keys at once.

>>> origin = PagedMap(1 << 34)                     # a petabyte in blocks of 64 KiB
>>> origin.set(np.array([5, 1 << 33]), np.array([50, 60]))
>>> snapshot = origin.share()
>>> origin.set(np.array([5]), np.array([51]))      # only now is one leaf copied
>>> snapshot.get(np.array([5, 6, 1 << 33])).tolist(), origin.get(np.array([5])).tolist(), origin.leaves
([50, -1, 60], [51], 3)

What it leaves out: sparse leaves (one key that is set costs a whole leaf, and 8 bytes a page below it, which the
operating system gives only when they are touched) and giving back a leaf whose keys are all unset again.
"""

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput
from snapsim.block.requests import ordered

_EMPTY = 0
Integers = npt.NDArray[np.int64]


class _Leaves:
    """The leaves of a map and of all its copies; pages where nothing is set point to leaf 0."""

    def __init__(self, leaf: int, fill: int) -> None:
        self.numbers = np.full((1, leaf), fill, np.int64)
        self.references = np.full(1, 2, np.int32)  # 2 and never less, so that leaf 0 is always copied
        self.unused = np.zeros(0, np.int64)

    def allocate(self, count: int) -> Integers:
        if self.unused.size < count:
            self._grow(max(count, self.references.size))
        found, self.unused = self.unused[:count], self.unused[count:]
        self.references[found] = 1
        return found

    def _grow(self, count: int) -> None:
        old = self.references.size
        self.numbers = np.concatenate([self.numbers, np.empty((count, self.numbers.shape[1]), np.int64)])
        self.references = np.concatenate([self.references, np.zeros(count, np.int32)])
        self.unused = np.concatenate([self.unused, np.arange(old, old + count)])

    def drop(self, slots: Integers) -> None:
        slots = slots[slots != _EMPTY]
        self.references[slots] -= 1
        self.unused = np.concatenate([self.unused, slots[self.references[slots] == 0]])


class PagedMap:
    """A map of the keys 0 to length - 1 to numbers.

    Parameters
    ----------
    length : int
        Number of keys.
    fill : int
        The number of a key that was never set.
    leaf : int
        Keys a leaf, a power of two.

    Raises
    ------
    InvalidInput
        A leaf that is no power of two, a negative length.

    Examples
    --------
    >>> squares = PagedMap(1000, fill=0)
    >>> squares.set(np.arange(10), np.arange(10) ** 2)
    >>> squares.get(np.array([[3, 4], [998, 999]])).tolist(), squares.values().tolist()
    ([[9, 16], [0, 0]], [1, 4, 9, 16, 25, 36, 49, 64, 81])
    """

    def __init__(self, length: int, fill: int = -1, leaf: int = 4096) -> None:
        if length < 0 or leaf < 1 or leaf & (leaf - 1):
            raise InvalidInput(f"a map of {length} keys in leaves of {leaf}: from 0 on, and a power of two")
        self.length, self.fill, self.leaf = int(length), int(fill), int(leaf)
        self._pool = _Leaves(self.leaf, self.fill)
        self._empty()

    def _empty(self) -> None:
        self._shift = np.int64(self.leaf.bit_length() - 1)
        self._table = np.zeros(1, np.int64)  # page -> slot of its leaf; the last entry stays 0, for pages beyond
        self._pages: list[int] = []  # those with a leaf of their own

    def get(self, keys: Integers) -> Integers:
        """The numbers of the keys (0 <= key < length, not checked), same shape."""
        slots = self._table.take(keys >> self._shift, mode="clip")
        return self._pool.numbers.reshape(-1).take(self._places(slots, keys))

    def set(self, keys: Integers, values: Integers | int) -> None:
        """Set the numbers of the keys, one each or one for all; of a key that is named twice the last number stays."""
        if not keys.size:
            return
        pages = keys >> self._shift
        self._reach(int(pages.max()))
        slots = self._table[pages]
        foreign = self._pool.references[slots] != 1
        if foreign.any():
            self._own(ordered(pages[foreign]))
            slots = self._table[pages]
        self._pool.numbers.reshape(-1)[self._places(slots, keys)] = values

    def _places(self, slots: Integers, keys: Integers) -> Integers:
        places: Integers = slots << self._shift
        places += keys & (self.leaf - 1)
        return places

    def _reach(self, page: int) -> None:
        """Extend the page table so that it includes the page."""
        if page + 1 >= self._table.size:
            pages = -(-self.length // self.leaf)
            table = np.zeros(min(max(page + 1, 2 * self._table.size), pages) + 1, np.int64)
            known = np.array(self._pages, np.int64)
            table[known] = self._table[known]
            self._table = table

    def _own(self, pages: Integers) -> None:
        """Give the pages leaves of their own: copy those that other maps reference too."""
        old, new = self._table[pages], self._pool.allocate(pages.size)
        self._pool.numbers[new] = self._pool.numbers[old]
        self._pool.drop(old)
        self._table[pages] = new
        self._pages += pages[old == _EMPTY].tolist()

    def share(self) -> "PagedMap":
        """A copy that shares all leaves (only the page table is copied); a change to one does not show in the other."""
        twin = PagedMap.__new__(PagedMap)
        twin.length, twin.fill, twin.leaf, twin._pool = self.length, self.fill, self.leaf, self._pool
        twin._empty()
        if self._pages:
            pages = np.array(self._pages, np.int64)
            twin._reach(int(pages.max()))
            twin._table[pages] = self._table[pages]
            self._pool.references[self._table[pages]] += 1
        twin._pages = list(self._pages)
        return twin

    def release(self) -> None:
        """Unset all keys; leaves that no copy references become free."""
        self._pool.drop(self._table[np.array(self._pages, np.int64)])
        self._empty()

    def items(self) -> tuple[Integers, Integers]:
        """Keys that are set to something else than `fill`, in order, and their numbers."""
        pages = np.sort(np.array(self._pages, np.int64))
        values = self._pool.numbers[self._table[pages]].reshape(-1)
        keys = ((pages << self._shift)[:, None] + np.arange(self.leaf)).reshape(-1)
        known: npt.NDArray[np.bool_] = values != self.fill
        return keys[known], values[known]

    def values(self) -> Integers:
        """The numbers that are set to something else than `fill`, in the order of their keys."""
        return self.items()[1]

    @property
    def leaves(self) -> int:
        """Number of leaves that this map and its copies take together."""
        return int(self._pool.references.size - 1 - self._pool.unused.size)

    def __repr__(self) -> str:
        return f"PagedMap({self.length}, fill={self.fill}, leaf={self.leaf})"
