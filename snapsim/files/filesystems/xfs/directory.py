"""Directories of XFS: from names in the inode to a tree of blocks, and what a name more or less changes.

| form | while | where |
|---|---|---|
| short form | 6 bytes and, for each name, 8 and its length fit into the inode (336, less attributes) | inode |
| block | entries (11 and the length, up to 8), 8 for each in an index by hash, and 72 fit into 4096 bytes | one block |
| leaf | the index (8 bytes a name) fits into a block of its own | data blocks, one index block |
| node | always | data blocks, index blocks, a block of free space and one root above the index |

A new name goes into the first data block with room; its place in the index follows from the hash of the name, and all
behind it moves. Source: fs/xfs/libxfs/xfs_dir2*.c; xfs_da_hashname.

>>> from itertools import count
>>> names = XfsDirectory(count(100).__next__)
>>> [len(names.add(f"{number:04d}", room=336)) for number in range(27)], names.form    # 6 + 27 * 12 = 330 bytes
([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'short')
>>> [block for block, _ in names.add("0027", room=336)], names.form
([100], 'block')
>>> for number in range(28, 1000):
...     _ = names.add(f"{number:04d}", room=336)
>>> names.form, len(names.blocks), len(names.index)    # 252 names in each data block
('node', 4, 5)

What it leaves out: names that collide in their hash, stale index entries, and blocks that shrink before they are empty.
"""

from bisect import bisect_left, insort
from collections.abc import Callable

from snapsim.files.filesystems.xfs.btree import BLOCK, Change, chunks

HEADER, TAIL = 64, 8
DOTS = 2 * 16  # bytes of the entries "." and ".."
INDEX = (BLOCK - HEADER) // 8  # names an index block


def hash_of(name: str) -> int:
    """The hash that the index is sorted by.

    Examples
    --------
    >>> hash_of("a"), hash_of("b") - hash_of("a"), hash_of("ab") == (ord("a") << 7) ^ ord("b")
    (97, 1, True)
    """
    value = 0
    for byte in name.encode():
        value = byte ^ ((value << 7 | value >> 25) & 0xFFFFFFFF)
    return value


def entry_bytes(name: str) -> int:
    """Bytes of a name in a data block: inode number, length, name, type, tag; up to a multiple of 8."""
    return -(-(8 + 1 + len(name.encode()) + 1 + 2) // 8) * 8


class XfsDirectory:
    """Where the names of one directory are.

    Parameters
    ----------
    new : callable
        Gives the number of a new block.

    Attributes
    ----------
    blocks, index : list of int
        Data blocks; blocks of the index (with its root and the block of free space, where there are some).
    freed : list of int
        Blocks that became free since `take_freed`.
    short_bytes : int
        Bytes in the inode, if all names were there.
    """

    def __init__(self, new: Callable[[], int]) -> None:
        self._new = new
        self.blocks: list[int] = []
        self.index: list[int] = []
        self._used: list[int] = []  # bytes of entries in each data block
        self._names: dict[str, int] = {}  # name -> data block
        self._hashes: list[list[int]] = []  # of each index block, sorted
        self.freed: list[int] = []
        self.short_bytes, self._entries = 6, 0  # of all names in the inode, or in data blocks

    # ---------------------------------------------------------------- form

    @property
    def form(self) -> str:
        """One of short, block, leaf, node."""
        if not self.blocks:
            return "short"
        return ("block", "leaf", "node")[min(len(self.index), 2)]

    def find(self, name: str) -> list[int]:
        """Blocks that have to be known to find a name, or that it is not there."""
        if self.form in ("short", "block"):
            return self.blocks
        found = [self.index[self._leaf(hash_of(name))]]
        if self.form == "node":
            found.insert(0, self.index[-1])
        return [*found, self.blocks[self._names[name]]] if name in self._names else found

    def _leaf(self, value: int) -> int:
        """The index block of a hash."""
        return next(
            (number for number, hashes in enumerate(self._hashes) if hashes and value <= hashes[-1]),
            len(self._hashes) - 1,
        )

    # ---------------------------------------------------------------- names

    def add(self, name: str, room: int) -> list[Change]:
        """Put a name in; `room` is what the inode has for names. What changed beside the inode."""
        self._names[name] = 0
        self._count(name, 1)
        if not self.blocks:
            return [] if self.short_bytes <= room else self._to_block()
        changes = self._to_leaf(name) if self.form == "block" and self._block_bytes() > BLOCK else []
        return changes + self._place(name) + self._index(name)

    def _count(self, name: str, sign: int) -> None:
        self.short_bytes += sign * (8 + len(name.encode()))
        self._entries += sign * entry_bytes(name)

    def _block_bytes(self) -> int:
        return HEADER + TAIL + DOTS + self._entries + 8 * (len(self._names) + 2)

    def _to_block(self) -> list[Change]:
        self.blocks, self._used = [self._new()], [DOTS + self._entries]
        index = BLOCK - TAIL - 8 * (len(self._names) + 2)
        return [(self.blocks[0], chunks(0, HEADER + self._used[0]) | chunks(index, BLOCK))]

    def _to_leaf(self, new: str) -> list[Change]:
        self.index = [self._new()]
        self._hashes = [sorted(hash_of(name) for name in self._names if name != new)]
        return [(self.index[0], chunks(0, HEADER + 8 * len(self._hashes[0]))), (self.blocks[0], 1 | 1 << 31)]

    def _place(self, name: str) -> list[Change]:
        """The data block of a new name."""
        size = entry_bytes(name)
        room = BLOCK - HEADER if self.index else BLOCK
        number = next((n for n, used in enumerate(self._used) if used + size <= room), len(self.blocks))
        if number == len(self.blocks):
            self.blocks.append(self._new())
            self._used.append(0)
        start = HEADER + self._used[number]
        self._names[name], self._used[number] = number, self._used[number] + size
        space = [(self.index[-2], 1)] if self.form == "node" else []
        return [(self.blocks[number], 1 | chunks(start, max(min(start + size + 8, BLOCK), start + 1))), *space]

    def _index(self, name: str) -> list[Change]:
        """The index entry of a new name."""
        value = hash_of(name)
        if not self.index:
            return [(self.blocks[0], chunks(BLOCK - TAIL - 8 * (len(self._names) + 2), BLOCK))]
        number = self._leaf(value)
        hashes = self._hashes[number]
        insort(hashes, value)
        if len(hashes) > INDEX:
            return self._split(number)
        return [(self.index[number], 1 | chunks(HEADER + 8 * bisect_left(hashes, value), HEADER + 8 * len(hashes)))]

    def _split(self, number: int) -> list[Change]:
        """Cut an index block in two; the first time, a root and a block of free space come as well."""
        hashes = self._hashes[number]
        half = len(hashes) // 2
        self._hashes[number : number + 1] = [hashes[:half], hashes[half:]]
        self.index.insert(number + 1, self._new())
        if len(self.index) == 2:
            self.index += [self._new(), self._new()]
        full = chunks(0, HEADER + 8 * (len(hashes) - half))
        return [(self.index[number], full), (self.index[number + 1], full), (self.index[-1], 1), (self.index[-2], 1)]

    def remove(self, name: str, room: int) -> list[Change]:
        """Take a name out; what changed beside the inode."""
        number = self._names.pop(name)
        self._count(name, -1)
        if not self.blocks:
            return []
        if self.short_bytes <= room:
            self._to_short()
            return []
        start = HEADER + self._used[number]
        self._used[number] -= entry_bytes(name)
        return [(self.blocks[number], 1 | chunks(start - 8, start)), *self._unindex(name, number)]

    def _unindex(self, name: str, number: int) -> list[Change]:
        if not self.index:
            return [(self.blocks[number], 1 << 31)]
        leaf = self._leaf(hash_of(name))
        place = bisect_left(self._hashes[leaf], hash_of(name))
        del self._hashes[leaf][place]
        return [(self.index[leaf], 1 | chunks(HEADER + 8 * place, HEADER + 8 * place + 8))]

    def _to_short(self) -> None:
        """The names fit into the inode again."""
        self.freed += self.blocks + self.index
        self.blocks, self.index, self._used, self._hashes = [], [], [], []

    def take_freed(self) -> list[int]:
        """Blocks that became free since the last call."""
        freed, self.freed = self.freed, []
        return freed
