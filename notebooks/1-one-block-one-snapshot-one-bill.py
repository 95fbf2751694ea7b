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
from snapsim import ExceptionStore, FullCopy, ThinVolume, plot, recording
from snapsim.course.notebooks import Sheet, cost, explore, first_write, problem, story

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
# *Predict before you run the cells.* One block of 4 KiB is overwritten once. How many reads and writes reach the disks
#
# * if the old block is **copied** aside first and then overwritten in place (*copy-on-write*)?
# * if the new block is written elsewhere and a pointer is **redirected** (*redirect-on-write*)?

# %%
pair = {"copy-on-write": ExceptionStore.new(8, store="N"), "redirect-on-write": ThinVolume.new(8, chunk_size=4096)}
for volume in pair.values():
    volume.write(slice(0, 8))
    volume.snapshot()

# %%
for name, volume in pair.items():
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# Copy-on-write: **1 read and 2 writes**. Redirect-on-write: **1 write**. Each number in brackets is (requests, bytes), and
# each I/O has a purpose: `data` is what you asked for, `copy` is what had to move because the block was shared.
#
# The same as a picture, before and after. Grey lines say from where a volume or snapshot reads a block.

# %%
plot.block_map(*story("exception-store")).figure

# %%
plot.block_map(*story("thin-pool")).figure

# %% [markdown]
# In the first picture the volume's row still points straight down: it was overwritten in place, and the snapshot is the
# one that reads elsewhere. In the second it is the other way round. (The first two blocks of `cow0` are kept for a list of what
# was copied; the next chapter opens it.)
#
# ## 3. The second write of the same block
#
# *Predict:* the same block again.

# %%
for name, volume in pair.items():
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# One write each. The old content is safe already, so nothing has to move. A snapshot costs at the **first touch** of a
# block: that is why a database is slow right after a snapshot and recovers as its working set has been touched once.
#
# ## 4. Three snapshots
#
# *Predict:* two more snapshots are taken, then block 3 is written once more. Does the bill grow with their number?

# %%
for name, volume in pair.items():
    volume.snapshot(), volume.snapshot()
    print(f"{name:18} {cost(volume.write, 3)}")

# %% [markdown]
# Under dm-snapshot every snapshot has an **exception store** of its own, so the old block is copied once for each of them.
# The thin pool keeps one map for each volume and one copy of each block; the number of snapshots costs nothing.
#
# Now vary it yourself. *Before you move a slider, say which bar will grow.* `blocks` are written in one request; `chunk_kib`
# is the unit of sharing, which section 7 explains. The third bar had its copy made when the snapshot was taken.

# %%
explore(first_write, snapshots=(0, 8), blocks=(1, 64), chunk_kib=[4, 16, 64, 128])

# %% [markdown]
# ## 5. What a deletion frees
#
# *Predict:* one more snapshot is taken, block 5 is written, and that newest snapshot is deleted. How many bytes are free
# again, and how many have to move for it?

# %%
for name, volume in pair.items():
    newest = volume.snapshot()
    volume.write(5)
    alone, moved = newest.usage().exclusive, cost(newest.delete)
    print(f"{name:18} frees {alone} bytes; data moved: {moved.bytes(purpose='data') + moved.bytes(purpose='copy')}")

# %% [markdown]
# Nothing moves. What is freed is what **nobody else holds**. Each exception store has a copy of its own, so deleting one
# always gives its copy back. In the thin pool the older snapshots hold the very same old block 5: nothing comes free.
#
# ## 6. The read that became a seek
#
# So redirecting is always better? Look where the blocks lie now. *Predict:* blocks 2, 3 and 4 are neighbours in the
# volume. How many requests does it take to read them?

# %%
for name, volume in pair.items():
    with recording(*volume.devices) as requests:
        volume.read(slice(2, 5))
    print(f"{name:18}", [f"{io.device} block {io.first}, {io.length} long" for io in requests])

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
print("4 KiB of a shared chunk", cost(pool.write, 0))
print("a whole shared chunk   ", cost(pool.write, slice(16, 32)))

# %% [markdown]
# A write that covers only a part of a shared chunk needs the rest too: it is read and written along (`copy`). A write of
# the whole chunk needs nothing of it. "Redirect-on-write never copies" is true for whole chunks only.
#
# ## 8. The third way: copy everything at once
#
# *Predict* the bill of taking the snapshot, and of the first write after it.

# %%
full = FullCopy.new(8)
print("taking the snapshot", cost(full.snapshot))
print("the first write    ", cost(full.write, 0))

# %% [markdown]
# The snapshot itself pays for all blocks, whether they will ever change or not; after that nothing is shared.
#
# ## Exercises
#
# Replace each `None` by your answer and run the cell: it is judged at once, and the last answer counts. Do them on paper
# first. Another number in place of 7 gives another problem of the same kind, in both cells.
#
# **1.** Count the writes.

# %%
sheet = Sheet()
problem("writes", 7)

# %%
sheet.answer("writes", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** The same with two snapshots.

# %%
problem("writes", 7, level=2)

# %%
sheet.answer("writes", 7, 2, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** Somebody else's solution. Answer with the letter of the wrong line, and with the right figure.

# %%
problem("writes", 8, direction="mistake")

# %%
sheet.answer("writes", 8, 1, "mistake", a=None, b=None)

# %%
sheet
