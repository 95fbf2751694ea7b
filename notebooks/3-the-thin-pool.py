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
# # The thin pool
#
# *`docker info` says: Data Space Available: 1.2 GB. Inside each of your forty containers `df` says: 10 GB, 9.8 GB free.
# Both are right. How can a pool promise more than three hundred times what it has left, and what happens on the day it
# is asked to keep its word?*
#
# Time: 30 to 45 minutes.

# %%
from snapsim import BlockDevice, NoSpace, ThinPool, ThinVolume, plot, recording
from snapsim.course.notebooks import Sheet, chunk_sizes, cost, explore, problem, story

# %% [markdown]
# ## 1. A volume that holds nothing
#
# A **thin pool** cuts a device into **pool blocks** of 64 KiB (16 blocks of 4 KiB). A **thin volume** is a map: virtual block
# to pool block. What was never written has no entry and takes no room.
#
# A pool of 4 pool blocks, and three volumes of 3 each. *Predict:* how many pool blocks are in use?

# %%
pool = ThinPool(BlockDevice(64, 4096, "data"), BlockDevice(1024, 4096, "metadata"))
volumes = [pool.create(48) for _ in range(3)]
pool.status()

# %% [markdown]
# None: `0/4`. Nine were promised. Now the first volume is asked for one block of 4 KiB. *Predict* what the pool writes to
# its data device.

# %%
with pool.data.counting() as bill:
    volumes[0].write(5)
bill.counts, pool.status()

# %% [markdown]
# A whole pool block is given out, and since only 4 KiB of it were asked for, the rest must not show what a former owner left
# there: **zeros** come first. Docker's devicemapper driver switches that off (`skip_block_zeroing`), since nobody reads what
# the file system above has not written.
#
# ## 2. A snapshot is a copy of the map
#
# *Predict:* after the snapshot block 3 is written. Which of the two, volume or snapshot, points to the new place?

# %%
plot.block_map(*story("thin-pool")).figure

# %% [markdown]
# The volume does. Its map says "8" now, the snapshot's map still says "3". Nothing was copied, one write. (In this picture
# a pool block is one block, which the kernel does not allow and a drawing needs.)
#
# ## 3. The catch: a pool block is larger than your write
#
# *Predict* the bill of 4 KiB, written into a shared pool block of 64 KiB, on the data device.

# %%
disk = ThinVolume.new(64, chunk_size=65536)
disk.write(slice(0, 64))
snapshot = disk.snapshot()
print("first write of the pool block", cost(disk.write, 0))
print("second                       ", cost(disk.write, 1))

# %% [markdown]
# 64 KiB read, 68 KiB written, for 4 KiB. The **second** write finds the pool block its own already. Docker's production set-up
# (`direct-lvm`) used pool blocks of 512 KiB: *what would the first line be?*
#
# Move `chunk_kib`. *Say first* where the kink of the thin pool's curve goes, and whether the number of snapshots matters.

# %%
explore(chunk_sizes, chunk_kib=[64, 128, 256, 512], snapshots=(1, 6))

# %% [markdown]
# To the right of the kink a write covers whole pool blocks, and redirecting copies nothing: the curve lies at 1. Copying aside
# never gets below 2, and each further snapshot adds one.
#
# ## 4. A hundred snapshots, and snapshots of snapshots
#
# *Predict:* does the first write get dearer with a hundred snapshots, each a snapshot of the one before?

# %%
chain = disk
for _ in range(100):
    chain = chain.clone()
print(cost(chain.write, 0))

# %% [markdown]
# The same as for one. Every volume has a complete map of its own: there is no chain to follow. And how does the pool know that
# a block is shared? It does not ask who else has it. Each mapping remembers **when** it was made; if the volume has had
# a snapshot since, it counts as shared. That is cheap, and sometimes wrong:
#
# *Predict:* the snapshot is deleted, and nobody else has the block any more. Is the next write copied?

# %%
alone = ThinVolume.new(16, chunk_size=65536)
alone.write(slice(0, 16))
snapshot = alone.snapshot()
snapshot.delete()
print(cost(alone.write, 0))

# %% [markdown]
# It is copied all the same, for nobody. (The old pool block is free after that.)
#
# ## 5. The read that became a seek
#
# *Predict:* in how many requests does the pool read the four pool blocks of our disk, written in order once, and partly
# rewritten since?

# %%
with recording(disk.devices[0]) as requests:
    disk.read(slice(0, 64))
[f"blocks {io.first} to {io.first + io.length - 1}" for io in requests]

# %% [markdown]
# The first pool block lives elsewhere now. Every pool block of a thin volume may lie anywhere, and the more snapshots are taken
# and written, the more are scattered. That is the price of redirecting, and the larger the pool block, the smaller it is: the
# size is a compromise between the copies of section 3 and the seeks here.
#
# ## 6. Deleting files does not help
#
# A file system in a thin volume deletes a file by marking its blocks free *in its own books*. The pool never hears of it, unless
# the file system sends a **discard**. *Predict* which discards give a pool block back: of 4 KiB, of a whole pool block, of
# a whole pool block that a snapshot has too.

# %%
disk = ThinVolume.new(64, chunk_size=65536)
disk.write(slice(0, 32))
for blocks in (slice(0, 1), slice(0, 16)):
    disk.discard(blocks)
    print(blocks, disk.pool.status())

# %%
snapshot = disk.snapshot()
disk.discard(slice(16, 32))
disk.pool.status()

# %% [markdown]
# Only whole pool blocks that nobody else has. `2/...`, `1/...`, and with the snapshot still `1/...`. That is why a
# devicemapper host filled up although its users were tidy.
#
# ## 7. The day of reckoning
#
# Back to the pool of section 1: four pool blocks, nine promised, one given out. *Predict:* the second volume writes all its three,
# then the third volume writes one block. Who gets the error, and what do the others notice?

# %%
volumes[1].write(slice(0, 48))
try:
    volumes[2].write(0)
except NoSpace as error:
    print(error)

# %% [markdown]
# The last one to come gets it, whoever wasted the room. (The kernel lets the write wait for a minute first, hoping that somebody
# extends the pool.) What was mapped already can be read and written as ever. *Predict:* the first volume discards its pool
# block. Is the third volume's write possible at once?

# %%
volumes[0].write(5)
pool.status()

# %%
volumes[0].discard(slice(0, 16))
print(pool.status())
volumes[2].write(0)
pool.status()

# %% [markdown]
# Not quite at once: a pool block can be used again after the next **commit** of the pool's books, which asking for the status
# brings about. (Leave the line with `print` out and see.)
#
# Now compare with the exception store of the last chapter: there the *snapshot* was given up and the origin went on. Here all
# volumes are equal, so the *writer* has to wait. Watch `Data Space Available`, and set `dm.min_free_space`.
#
# ## Exercises
#
# **1.** Follow the map. (Write `-` for a virtual block that has no pool block: `["-", 1, 2]`.)

# %%
sheet = Sheet()
problem("thin-map", 7)

# %%
sheet.answer("thin-map", 7, 1, "state", a=None, b=None, c=None, d=None)

# %% [markdown]
# **2.** Backwards: find operations that lead to this map. Any list that does is right; put them into the brackets as text,
# such as `["snapshot", "write 2"]`.

# %%
problem("places", 7, direction="operations")

# %%
sheet.answer("places", 7, 1, "operations", [])

# %% [markdown]
# **3.** What does a deletion give back?

# %%
problem("deletion", 7)

# %%
sheet.answer("deletion", 7, 1, "state", a=None, b=None, c=None, d=None)

# %%
sheet
