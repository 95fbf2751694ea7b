"""Exercise 1: a copy-on-write volume in a dozen lines."""

from .exercise import Check, Exercise

_TEXT = """\
Write a volume with snapshots by **copy-on-write**: the origin is written in place; before a block is overwritten
for the first time since a snapshot, the old block is copied to a store, and the snapshot reads it there.

`asked.blocks` is an array of block numbers, in the order in which they are asked for; a request may name a block
twice. Read and write through `self.devices`: `device.read(blocks, "copy")` and `device.write(blocks, stamps,
"copy")` for what you copy, without a purpose for the data itself. The kit counts every byte by its purpose.

There may be several snapshots, and each needs the old block. A snapshot is read-only: its `_write` is never called.
"""

_SETUP = """\
from snapsim.device import BlockDevice
from snapsim.errors import Unsupported
from snapsim.volume import Volume
"""

_STARTER = """\
class MyVolume(Volume):
    def __init__(self, size, block_size=4096, chunk_size=None):
        origin, store = BlockDevice(size, block_size, "origin"), BlockDevice(64 * size, block_size, "store")
        super().__init__(size, block_size, None, (origin, store))
        self.snapshots = []

    def _read(self, asked):
        return self.devices[0].read(asked)

    def _write(self, asked, stamps):
        # Your work: what has to be copied first?
        self.devices[0].write(asked, stamps)

    def _snapshot(self):
        return MySnapshot(self)


class MySnapshot(Volume):
    def __init__(self, origin):
        super().__init__(origin.size, origin.block_size, origin.chunk_size, origin.devices)
        self.origin = origin
        origin.snapshots.append(self)

    def _read(self, asked):
        # Your work: where does each block lie?
        return self.devices[0].read(asked)

    def _write(self, asked, stamps):
        raise AssertionError("a snapshot is read-only")

    def _snapshot(self):
        raise Unsupported("snapshots are taken of the origin")
"""

_SOLUTION = """\
class MyVolume(Volume):
    def __init__(self, size, block_size=4096, chunk_size=None):
        origin, store = BlockDevice(size, block_size, "origin"), BlockDevice(64 * size, block_size, "store")
        super().__init__(size, block_size, None, (origin, store))
        self.snapshots, self.used = [], 0

    def _read(self, asked):
        return self.devices[0].read(asked)

    def _write(self, asked, stamps):
        for block in dict.fromkeys(asked.blocks.tolist()):
            for snapshot in self.snapshots:
                snapshot.keep(block)
        self.devices[0].write(asked, stamps)

    def _snapshot(self):
        return MySnapshot(self)

    def _delete(self):
        raise Unsupported("the origin stays")


class MySnapshot(Volume):
    def __init__(self, origin):
        super().__init__(origin.size, origin.block_size, origin.chunk_size, origin.devices)
        self.origin, self.saved = origin, {}
        origin.snapshots.append(self)

    def keep(self, block):
        if block not in self.saved:
            self.saved[block] = self.origin.used
            self.origin.used += 1
            self.devices[1].write(self.saved[block], self.devices[0].read(block, "copy"), "copy")

    def _read(self, asked):
        return [self.devices[1].read(self.saved[block])[0] if block in self.saved else self.devices[0].read(block)[0]
                for block in asked.blocks.tolist()]

    def _write(self, asked, stamps):
        raise AssertionError("a snapshot is read-only")

    def _snapshot(self):
        raise Unsupported("snapshots are taken of the origin")

    def _delete(self):
        self.origin.snapshots.remove(self)
"""

COW_VOLUME = Exercise("cow-volume", "A copy-on-write volume", "MyVolume", _TEXT, _SETUP, _STARTER, _SOLUTION, (
    Check("every snapshot keeps its content", "keeps", 6),
    Check("the bill is that of copy-on-write", "costs_as_cow", 4)))
