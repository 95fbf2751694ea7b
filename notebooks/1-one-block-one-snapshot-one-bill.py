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
# # One block, one snapshot, one bill
#
# *You back up a database while it is running. The backup takes an hour, the database goes on writing. How can the
# backup see the data as it was at one moment, and what does the database pay for it?*
#
# The answer is a **snapshot**: the picture of a volume at one moment. It is taken in no time, because nothing is
# copied. The bill comes later, block by block, and who pays it depends on the mechanism.
#
# Time: 30 to 45 minutes. You need nothing but this notebook; each cell can be changed and run again.

# %%
from snapsim.device import recording
from snapsim.snapshots import ExceptionStore, FullCopy, ThinVolume

# %% [markdown]
# ## 1. The promise
#
# A volume is a row of blocks. Each write gives a block a new content; here a content is just a number that no other
# write has, a **stamp**. That is enough to see whether two blocks are equal.

# %%
volume = ExceptionStore.new(8, store="N")
volume.write(slice(0, 8))
snapshot = volume.snapshot()
volume.write(3)
volume.read(3) == snapshot.read(3), volume.read(4) == snapshot.read(4)

# %% [markdown]
# Block 3 differs now, block 4 does not: the snapshot keeps what was there. **Whatever is written to the volume, the
# snapshot goes on reading the same.** That is the promise, and all mechanisms of this course keep it.

# %% [markdown]
# ## 2. The bill of the first write
#
# *Predict before you run the cell.* One block of 4 KiB is overwritten once. How many reads and writes reach the disks
#
# * if the old block is **copied** aside first and then overwritten in place (*copy-on-write*)?
# * if the new block is written elsewhere and a pointer is **redirected** (*redirect-on-write*)?

# %%
cow = ExceptionStore.new(8, store="N")
row = ThinVolume.new(8, chunk_size=4096)
for name, volume in (("copy-on-write", cow), ("redirect-on-write", row)):
    volume.write(slice(0, 8))
    volume.snapshot()
    with volume.counting() as bill:
        volume.write(3)
    print(f"{name:18} {bill.counts}")

# %% [markdown]
# Copy-on-write: **1 read and 2 writes**. Redirect-on-write: **1 write**. Each number in brackets is (requests, bytes), and
# each I/O has a purpose: `data` is what you asked for, `copy` is what had to move because the block was shared.
#
# ## 3. The second write of the same block
#
# *Predict:* the same block again.

# %%
for name, volume in (("copy-on-write", cow), ("redirect-on-write", row)):
    with volume.counting() as bill:
        volume.write(3)
    print(f"{name:18} {bill.counts}")

# %% [markdown]
# One write each. The old content is safe already, so nothing has to move. A snapshot costs at the **first touch** of a
# block: that is why a database is slow right after a snapshot and recovers as its working set has been touched once.
#
# ## 4. Three snapshots
#
# *Predict:* two more snapshots are taken, then block 3 is written once more. Does the bill grow with their number?

# %%
for name, volume in (("copy-on-write", cow), ("redirect-on-write", row)):
    volume.snapshot(), volume.snapshot()
    with volume.counting() as bill:
        volume.write(3)
    print(f"{name:18} {bill.counts}")

# %% [markdown]
# Under dm-snapshot every snapshot has an **exception store** of its own, so the old block is copied once for each of them.
# The thin pool keeps one map for each volume and one copy of each block; the number of snapshots costs nothing.
#
# ## 5. What a deletion frees

# %%
for name, volume in (("copy-on-write", cow), ("redirect-on-write", row)):
    newest = volume.snapshot()
    volume.write(5)
    held = newest.usage().exclusive
    with volume.counting() as bill:
        newest.delete()
    print(f"{name:18} frees {held} bytes, data moved: {bill.counts.bytes(purpose='data') + bill.counts.bytes(purpose='copy')}")

# %% [markdown]
# Only what nobody else holds is freed: the one block that was kept for this snapshot alone.
#
# ## 6. The read that became a seek
#
# So redirecting is always better? Look where the blocks lie now. We read blocks 2, 3 and 4, which are neighbours in the
# volume, and record what the disk is asked for.

# %%
for name, volume in (("copy-on-write", cow), ("redirect-on-write", row)):
    with recording(*volume.devices) as story:
        volume.read(slice(2, 5))
    print(f"{name:18}", [f"{io.device} block {io.first}, {io.length} long" for io in story])

# %% [markdown]
# Copy-on-write left the volume in order: one request. Redirect-on-write scattered it: on a disk that turns each piece is a
# seek of some milliseconds. One mechanism makes *writes* dear, the other *reads*.
#
# ## 7. Chunks: when redirecting copies as well
#
# Real pools do not share blocks of 4 KiB but **chunks**: 64 KiB in dm-thin, 128 KiB records in ZFS. *Predict* the bill of
# 4 KiB written into a shared chunk of 64 KiB, and of 64 KiB that cover it.

# %%
pool = ThinVolume.new(64, chunk_size=65536)
pool.write(slice(0, 64))
pool.snapshot()
for what, blocks in (("4 KiB of a shared chunk", 0), ("a whole shared chunk", slice(16, 32))):
    with pool.counting() as bill:
        pool.write(blocks)
    print(f"{what:24} {bill.counts}")

# %% [markdown]
# A write that covers only a part of a shared chunk needs the rest too: it is read and written along (`copy`). A write of
# the whole chunk needs nothing of it.
#
# ## Exercises
#
# **1.** `FullCopy` copies everything when the snapshot is taken. Fill in how many bytes a snapshot of 8 blocks and the
# first write after it cost, then run the check.

# %%
snapshot_bytes = 2 * 8 * 4096      # read and written: change this line if you disagree
first_write_bytes = 4096

# %%
full = FullCopy.new(8)
with full.counting() as taking:
    full.snapshot()
with full.counting() as writing:
    full.write(0)
assert snapshot_bytes == taking.counts.bytes(), "read all, write all"
assert first_write_bytes == writing.counts.bytes(), "nothing is shared any more"

# %% [markdown]
# **2.** A persistent exception store (`store="P"`, the default of LVM) also writes down *which* chunk it saved. Which purpose
# does that show up under, and how many bytes is it with 4 KiB chunks?

# %%
purpose, size = "metadata", 4096   # change this line if you disagree

# %%
persistent = ExceptionStore.new(8, store="P")
persistent.write(slice(0, 8))
persistent.snapshot()
with persistent.counting() as bill:
    persistent.write(0)
assert bill.counts.bytes("write", purpose) == size, bill.counts

# %% [markdown]
# **3.** With *n* snapshots that are all older than the write, copy-on-write costs how many requests for one block? Put your
# formula in.

# %%
def requests(n):
    return n + n + 1               # reads, copies, the write itself


# %%
for n in range(5):
    many = ExceptionStore.new(8, store="N")
    for _ in range(n):
        many.snapshot()
    with many.counting() as bill:
        many.write(0)
    assert bill.counts.requests() == requests(n), (n, bill.counts)
