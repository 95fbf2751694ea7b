"""The blocks that copy-on-write trees of items live in: addresses, the running transaction, and what is in the cache.

A block is *dirty* from its making until it is written. When one transaction needs a block that an earlier one wrote,
or that was written early in its own, a new block takes its place (`TreeBlocks.shadow`); when a snapshot shares it, the
old one stays and what it points to gains an owner, one level down and no further.

>>> from snapsim.files.filesystems.btrfs.item_tree import ItemTree
>>> blocks = TreeBlocks()
>>> tree = ItemTree(blocks, "demo")
>>> tree.insert((1, 1, 0), 100)
>>> blocks.write_dirty()                           # early: the transaction goes on
1
>>> tree.insert((2, 1, 0), 100)                    # so its leaf moves
>>> blocks.write_dirty(), blocks.written
(1, 2)

Source: fs/btrfs/ctree.c (`should_cow_block`, `update_ref_for_cow`).

What it leaves out: reuse of addresses that were freed since the mount (the kernel's allocator takes what was free at
the mount first, which is never used up here).
"""

from snapsim.files.filesystems.btrfs.item_tree import ItemTree
from snapsim.files.filesystems.btrfs.tree_block import NODE_BYTES, Block


class TreeBlocks:
    """Blocks with rising addresses.

    Attributes
    ----------
    generation : int
        The running transaction.
    dirty : dict of Block to ItemTree
        Blocks of the running transaction that are not written yet, oldest first.
    written : int
        Blocks written so far.
    """

    def __init__(self, first_address: int = 0) -> None:
        self.generation, self.written, self._cursor = 1, 0, first_address
        self.dirty: dict[Block, ItemTree] = {}
        self._cached: set[Block] = set()

    def address(self, tree: ItemTree) -> int:
        """Where the next block goes."""
        self._cursor += NODE_BYTES
        return self._cursor - NODE_BYTES

    def new(self, tree: ItemTree, level: int) -> Block:
        """A new block, of the running transaction."""
        block = Block(level, self.address(tree), self.generation)
        self.dirty[block] = tree
        self._cached.add(block)
        self.own(tree, block)
        return block

    def shadow(self, tree: ItemTree, block: Block) -> Block:
        """The block to be changed in place of this one."""
        if block.generation == self.generation and not block.written and block.references == 1:
            return block
        moved = self.copy(tree, block)
        if block.references > 1:
            self.share(tree, block, moved)
        self._let_go(tree, block)
        return moved

    def copy(self, tree: ItemTree, block: Block) -> Block:
        """A new block with the same content."""
        twin = self.new(tree, block.level)
        for name in ("keys", "children", "sizes", "values"):
            setattr(twin, name, list(getattr(block, name)))
        twin.used = block.used
        return twin

    def drop(self, tree: ItemTree, block: Block) -> None:
        """The tree does not point to the block any more."""
        self._let_go(tree, block)

    def _let_go(self, tree: ItemTree, block: Block) -> None:
        block.references -= 1
        self.disown(tree, block)
        if not block.references:
            self.dirty.pop(block, None)
            self._cached.discard(block)

    # ---------------------------------------------------------------- what a file system keeps books of

    def own(self, tree: ItemTree, block: Block) -> None:
        """The tree points to the block from now on."""

    def disown(self, tree: ItemTree, block: Block) -> None:
        """The tree does not point to the block any more; without references it is free."""

    def share(self, tree: ItemTree, block: Block, twin: Block) -> None:
        """What the block points to, its twin in the tree points to as well."""
        for child in twin.children:
            child.references += 1
            self.own(tree, child)

    # ---------------------------------------------------------------- the device

    def visited(self, tree: ItemTree, block: Block) -> None:
        """Read the block, unless it is in the cache."""
        if block not in self._cached:
            self._cached.add(block)
            if block is not tree.root:  # the root of a tree in use is always held
                self.read()

    def drop_cache(self) -> None:
        """Forget all blocks that are not dirty."""
        self._cached = set(self.dirty)

    def read(self) -> None:
        """One block is read."""

    def write(self, block: Block) -> None:
        """One block is written."""

    def write_dirty(self, logs: bool = False) -> int:
        """Write what is dirty, of logs or of the other trees; how many blocks those were."""
        dirty = [block for block, tree in self.dirty.items() if tree.logs == logs]
        for block in dirty:
            del self.dirty[block]
            block.written = True
            self.write(block)
        self.written += len(dirty)
        return len(dirty)
