# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A copy-on-write volume

# %% [markdown] tags=["task"]
# Write a volume with snapshots by **copy-on-write**: the origin is written in place; before a block is overwritten
# for the first time since a snapshot, the old block is copied to a store, and the snapshot reads it there.
#
# `asked.blocks` is an array of block numbers, in the order in which they are asked for; a request may name a block
# twice. Read and write through `self.devices`: `device.read(blocks, "copy")`, which gives an array with one stamp for
# each block, for a single block number too, and `device.write(blocks, stamps, "copy")` for what you copy, without a
# purpose for the data itself. The kit counts every byte by its purpose.
#
# There may be several snapshots, and each needs the old block. A snapshot is read-only: its `_write` is never called.
#
# Of snapsim, use the modules that are imported here and no others: its own volumes would earn no points.

# %% tags=["setup"]
from snapsim import BlockDevice, Unsupported, Volume


# %% tags=["work"] wanted="MyVolume"
class MyVolume(Volume):
    def __init__(self, size, block_size=4096, chunk_size=None):
        origin, store = BlockDevice(size, block_size, "origin"), BlockDevice(64 * size, block_size, "store")
        super().__init__(size, block_size, None, (origin, store))
        self.snapshots = []
        self.used = 0  # blocks of the store that are taken

    def _read(self, asked):
        return self.devices[0].read(asked)

    def _write(self, asked, stamps):
        # What has to be copied first?
        # BEGIN SOLUTION
        for block in dict.fromkeys(asked.blocks.tolist()):
            for snapshot in self.snapshots:
                if block not in snapshot.saved:
                    self.devices[1].write(self.used, self.devices[0].read(block, "copy"), "copy")
                    snapshot.saved[block] = self.used
                    self.used += 1
        # END SOLUTION
        self.devices[0].write(asked, stamps)

    def _snapshot(self):
        return MySnapshot(self)

    def _delete(self):
        raise Unsupported("the origin stays")


class MySnapshot(Volume):
    def __init__(self, origin):
        super().__init__(origin.size, origin.block_size, origin.chunk_size, origin.devices)
        self.origin = origin
        self.saved = {}  # block -> its place in the store
        origin.snapshots.append(self)

    def _read(self, asked):
        # Where does each block lie? An array or a list of stamps, one for each block that is asked for.
        # BEGIN SOLUTION
        origin, store = self.devices
        return [
            int(store.read(self.saved[block])[0] if block in self.saved else origin.read(block)[0])
            for block in asked.blocks.tolist()
        ]
        # END SOLUTION

    def _write(self, asked, stamps):
        raise AssertionError("a snapshot is read-only")

    def _snapshot(self):
        raise Unsupported("snapshots are taken of the origin")

    def _delete(self):
        # What does the origin no longer have to care for?
        # BEGIN SOLUTION
        self.origin.snapshots.remove(self)
        # END SOLUTION


# %% [markdown]
# The kit judges your class: it tries named behaviours, every short list of operations, and random ones. What fails is
# shown as a program of a few lines that can be pasted and run.

# %% tags=["check"] judge="keeps" points=6 title="every snapshot keeps its content"
from snapsim.course.exercises.marking import check

check("cow-volume", "keeps", globals())

# %% tags=["check"] judge="costs_as_cow" points=4 title="the bill is that of copy-on-write"
check("cow-volume", "costs_as_cow", globals())
