"""A block of a btrfs tree in memory: a leaf with its items, or a node with its children.

>>> leaf = Block(0, address=0, generation=1)
>>> leaf.free                                      # 16 KiB less the header
16283

Source: fs/btrfs/ctree.h, include/uapi/linux/btrfs_tree.h (header 101 bytes, item header 25, key pointer 33).

What it leaves out: the content of items.
"""

from typing import Any

NODE_BYTES = 16384
LEAF_BYTES = NODE_BYTES - 101
ITEM_BYTES = 25
POINTERS = LEAF_BYTES // 33
Key = tuple[int, int, int]


class Block:
    """A block of a tree: a leaf (level 0) has `sizes` and `values` of its items, others have `children`."""

    __slots__ = (
        "address",
        "children",
        "generation",
        "keys",
        "level",
        "references",
        "sizes",
        "used",
        "values",
        "written",
    )

    def __init__(self, level: int, address: int, generation: int) -> None:
        self.level, self.address, self.generation, self.written, self.references = level, address, generation, False, 1
        self.keys: list[Key] = []
        self.children: list[Block] = []
        self.sizes: list[int] = []
        self.values: list[Any] = []
        self.used = 0

    @property
    def free(self) -> int:
        """Bytes of a leaf that are free."""
        return LEAF_BYTES - self.used

    def take(self, other: "Block", first: int, last: int, at: int) -> None:
        """Move items or children first <= n < last of another block here."""
        for name in ("keys", "sizes", "values") if not self.level else ("keys", "children"):
            row, theirs = getattr(self, name), getattr(other, name)
            row[at:at] = theirs[first:last]
            del theirs[first:last]
        if not self.level:
            moved = sum(self.sizes[at : at + last - first]) + ITEM_BYTES * (last - first)
            self.used, other.used = self.used + moved, other.used - moved
