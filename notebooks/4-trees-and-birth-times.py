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
# # Trees and birth times: btrfs and ZFS
#
# *`zfs list -t snapshot` shows ten snapshots, USED 0 each. You delete one and nothing comes free, as promised. You delete all
# ten, and 300 GB are free. Was the list lying? And how can btrfs take a snapshot of a terabyte in no time, when its map alone
# has millions of entries?*
#
# Two file systems, two ways to share: btrfs shares the **nodes of a tree**, ZFS compares **birth times**.
#
# Time: 30 to 45 minutes.

# %%
import numpy as np

from snapsim import CowBtree, InUse, Records, plot
from snapsim.course.notebooks import Sheet, cost, problem, story

# %% [markdown]
# ## 1. A second root
#
# The thin pool copies the map. The map of a large volume is large, so btrfs keeps it as a **B-tree** of nodes of 16 KiB, and
# a snapshot is a second **root** over the same nodes.
#
# *Predict:* a volume of 400 MB, written by single blocks in random order, so that its map has 100 000 entries. How much is
# written when a snapshot is taken: nothing, a few nodes, or a share of the map?

# %%
disk = CowBtree.new(1 << 20)
disk.write(np.random.default_rng(1).permutation(100_000))
disk.flush()
snapshot_bill = cost(disk.snapshot)
len(disk.extents()[0]), snapshot_bill

# %% [markdown]
# A few nodes: the new root, and what says that it exists. (Metadata is written twice, that is btrfs' default on one disk.)
#
# ## 2. The path from leaf to root
#
# A node that two trees share may not change. So the first write after a snapshot writes a **copy** of the leaf, which needs a new
# parent, and so on up to the root. *Predict:* the data of one block are 4 KiB. How much metadata comes with it when the
# transaction ends (`flush`)?

# %%
print(cost(disk.write, 500))
print(cost(disk.flush))

# %% [markdown]
# Fifty times as much as the data: that is the bill of a lonely write with `fsync` in a copy-on-write tree. But paths share
# their upper part. *Predict:* a thousand blocks in one transaction. Is the metadata a thousand times as large?

# %%
bill = cost(disk.write, np.arange(0, 100_000, 100)) + cost(disk.flush)
bill.bytes("write", "data"), bill.bytes("write", "metadata")

# %% [markdown]
# Four times as much as the data, and no longer fifty times. Nodes that were copied once in a transaction are changed in place until it ends. That is why file systems of this kind collect
# writes for seconds (btrfs 30, ZFS 5) before they write anything.
#
# ## 3. Every write moves
#
# The documents of btrfs call it *copy-on-write*. *Predict* what is read, and what is copied, when a shared block is overwritten; then
# the same block once more, when it is shared no longer.

# %%
disk = CowBtree.new(1000)
disk.write(slice(0, 100))
snapshot = disk.snapshot()
print(cost(disk.write, 50))
print(cost(disk.write, 50))

# %% [markdown]
# Nothing is read, nothing is copied: in the words of this course it is **redirect-on-write**. And it moves *always*, with a
# snapshot or without one. The price is scattering; the gain is that the old state stays whole until the new one is complete.

# %%
plot.block_map(*story("cow-btree")).figure

# %% [markdown]
# ## 4. The extent that stays
#
# The hundred blocks above were written in one go: they are **one extent**. Block 50 of it was replaced. *Predict:* the snapshot is
# deleted. How many blocks are in use then, for a volume of 100?

# %%
snapshot.delete()
disk.allocated() // 4096

# %% [markdown]
# 101. An extent is given back in whole or not at all, and 99 of its blocks are in use. The old block 50 can be seen by nobody and
# takes room all the same. *Predict* the worst case: how many blocks can be pinned if every block but the last is overwritten?

# %%
for block in range(99):
    disk.write(block)
disk.allocated() // 4096

# %% [markdown]
# One block left in use holds the whole extent: 199 for 100. `btrfs filesystem defragment` cures that, and **breaks the sharing
# with snapshots** while it does.
#
# ## 5. ZFS: records
#
# A file in ZFS is a row of **records** of 128 KiB, and a record is written anew in whole. *Predict:* 4 KiB are changed in a cold
# cache. What is read at once, and what is written when the transaction group ends?

# %%
data = Records.new(1024, chunk_size=131072)
data.write(slice(0, 1024))
data.flush()
data.drop_caches()

# %%
print(cost(data.write, 5))
print(cost(data.flush))

# %% [markdown]
# The whole record is read, since the rest of it is needed; and written, 4 KiB of it `data` and 124 KiB `copy`. There is no snapshot
# here at all! For a database with pages of 16 KiB one sets `recordsize=16k`.
#
# *Predict:* ten blocks of that one record are changed, one after the other, then the group ends.

# %%
for block in range(10):
    data.write(block)
print(cost(data.flush))

# %% [markdown]
# One record, written once. *Predict* before you look: in what will the picture of ZFS (with records of one block) differ from that of
# btrfs above?

# %%
plot.block_map(*story("records")).figure

# %% [markdown]
# In nothing. Where the blocks go is the same in both; what differs is how each knows what it may give back.
#
# ## 6. Born after the newest snapshot?
#
# How does ZFS know whether an old record may be freed? It counts no references. Each pointer holds the number of the transaction
# group in which its block was **born**, and a snapshot is a number too. *Born after the newest snapshot:* nobody else can have
# it, free it. *Born before:* put it on the **deadlist**, the list of what the live data gave up and a snapshot still holds.
#
# Now the riddle from the top, with two snapshots. *Predict* USED of each, and what both together hold.

# %%
data = Records.new(1024, chunk_size=131072)
data.write(slice(0, 1024))
monday, tuesday = data.snapshot(), data.snapshot()
data.write(slice(0, 512))
data.flush()

# %%
print("monday ", monday.properties())
print("tuesday", tuesday.properties())
print("data   ", data.properties())

# %% [markdown]
# USED 0 and 0, and `usedbysnapshots` 2 MiB. The old half is held by both: deleting one frees nothing, since the other still has it.
# `used` of a snapshot is **what deleting this one alone would free**. Adding these figures up means nothing.
#
# *Predict* tuesday's USED after monday was deleted.

# %%
monday.delete()
tuesday.properties()["used"], data.properties()["usedbysnapshots"]

# %% [markdown]
# Nothing came free, and now tuesday alone holds all of it. Ask the dataset (`usedbysnapshots`), not the snapshots; or
# `zfs destroy -nv first%last`, which tells what a range would free together.
#
# ## 7. Clones turn the tree upside down
#
# Docker's ZFS driver makes each layer a **clone** of a snapshot of its parent. *Predict:* may a snapshot be deleted that has
# a clone?

# %%
clone = tuesday.clone()
try:
    tuesday.delete()
except InUse as error:
    print(error)

# %% [markdown]
# A clone depends on its snapshot. `zfs promote` turns that round: afterwards the snapshot belongs to the clone, and the former
# dataset depends on it. *Predict* how `used` of the two changes.

# %%
before = data.properties()["used"], clone.properties()["used"]
clone.promote()
before, (data.properties()["used"], clone.properties()["used"])

# %% [markdown]
# Not a byte moved, and the bill changed hands: `used` says who is *charged*, not who *has*.
#
# ## Exercises
#
# **1.** Which nodes are written anew?

# %%
sheet = Sheet()
problem("path-copying", 7)

# %%
sheet.answer("path-copying", 7, 1, "state", a=None, b=None, c=None)

# %% [markdown]
# **2.** USED, REFER, WRITTEN.

# %%
problem("zfs-space", 7)

# %%
sheet.answer("zfs-space", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** Which line is wrong?

# %%
problem("zfs-space", 7, direction="mistake")

# %%
sheet.answer("zfs-space", 7, 1, "mistake", a=None, b=None)

# %%
sheet
