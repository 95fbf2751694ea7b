"""The blocks of one ext4 directory: a list of names, and from the second block on a tree by hash (``dir_index``).

A name takes 8 bytes and its own length, padded to 4. When the first block is full, it becomes the root of an index,
its names go to a leaf, and a leaf that is full is split by hash into halves: so a directory that grew has leaves that
are half to wholly full. Source: Documentation/filesystems/ext4/directory.rst, fs/ext4/namei.c.

>>> import itertools
>>> numbers = itertools.count(100)
>>> directory = Ext4Directory(99, lambda: next(numbers))
>>> for number in range(1000):
...     touched = directory.add(f"{number:04}")
>>> len(directory.blocks), len(touched)                # a root and leaves of at most 340 names; one leaf changes
(5, 1)

A directory that shrinks keeps its blocks.

What it leaves out: the real hash (half MD4 with a seed of each file system; another one is as good), and indexes of
more than one level (from some 500 leaves on).
"""

import bisect
import hashlib
from collections.abc import Callable

ROOM = 4096 - 12  # the checksum takes 12 bytes
_DOTS = 24  # "." and ".."


class Ext4Directory:
    """Which block of a directory a name is in.

    Parameters
    ----------
    first : int
        Its first block.
    new_block : callable
        Gives the number of one more block.

    Attributes
    ----------
    blocks : list of int
        All blocks, in the order in which they came: the first is the root of the index, once there is one.
    """

    def __init__(self, first: int, new_block: Callable[[], int]) -> None:
        self._new_block = new_block
        self.blocks = [first]
        self._starts, self._leaves = [0], [_Leaf(self.blocks[0], _DOTS)]

    @property
    def indexed(self) -> bool:
        """Is there an index?"""
        return len(self.blocks) > 1

    def find(self, name: str) -> list[int]:
        """The blocks that are read to find a name, or to find that it is not there."""
        leaf = self._leaf(hash_of(name)).block
        return [self.blocks[0], leaf] if self.indexed else [leaf]

    def add(self, name: str) -> list[int]:
        """Put a name in; returns the blocks that changed."""
        hashed, size = hash_of(name), entry_bytes(name)
        changed: list[int] = []
        if not self.indexed and self._leaves[0].used + size > ROOM:
            changed += self._make_index() + self._split(hashed)
        while self._leaf(hashed).used + size > ROOM:
            changed += self._split(hashed)
        leaf = self._leaf(hashed)
        leaf.names[name], leaf.used = hashed, leaf.used + size
        return [*changed, leaf.block]

    def remove(self, name: str) -> list[int]:
        """Take a name out; returns the blocks that changed."""
        leaf = self._leaf(hash_of(name))
        if leaf.names.pop(name, None) is not None:
            leaf.used -= entry_bytes(name)
        return [leaf.block]

    def _leaf(self, hashed: int) -> "_Leaf":
        return self._leaves[bisect.bisect_right(self._starts, hashed) - 1]

    def _make_index(self) -> list[int]:
        """The names leave the first block, which is the root from now on."""
        leaf = self._leaves[0]
        leaf.block, leaf.used = self._grow(), leaf.used - _DOTS
        return [self.blocks[0], leaf.block]

    def _grow(self) -> int:
        self.blocks.append(self._new_block())
        return self.blocks[-1]

    def _split(self, hashed: int) -> list[int]:
        """The upper half of a leaf, by hash, moves to a new one."""
        old = self._leaf(hashed)
        names = sorted(old.names.items(), key=lambda entry: entry[1])
        upper = dict(names[len(names) // 2 :])
        new = _Leaf(self._grow(), 0)
        start = min(upper.values())
        at = bisect.bisect_right(self._starts, start)
        self._starts.insert(at, start)
        self._leaves.insert(at, new)
        for leaf, part in ((old, dict(names[: len(names) // 2])), (new, upper)):
            leaf.names, leaf.used = part, sum(map(entry_bytes, part))
        return [self.blocks[0], old.block, new.block]


class _Leaf:
    """A block of names, with their hashes."""

    def __init__(self, block: int, used: int) -> None:
        self.block, self.used = block, used
        self.names: dict[str, int] = {}


def entry_bytes(name: str) -> int:
    """Bytes of a name in a directory.

    Examples
    --------
    >>> entry_bytes("0001"), entry_bytes("f")
    (12, 12)
    """
    return 8 + -(-len(name.encode()) // 4) * 4


def hash_of(name: str) -> int:
    """Spreads names evenly over 32 bits; the same name always to the same place."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())
