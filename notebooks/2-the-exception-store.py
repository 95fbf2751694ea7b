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
# # The exception store
#
# *At three in the morning the backup stops: `snapshot is invalid`. The volume itself is fine, the picture of it is gone.
# What is in that store, how large should it have been, and could you have seen it coming?*
#
# Last chapter: dm-snapshot (and LVM's classic snapshots on it) copies the old chunk aside before it is overwritten. Now we
# look at where it goes. Every snapshot has a **COW device** of its own, and on it an **exception store**: the copies, and
# a list that says which chunk was copied where. One entry of that list is an **exception**.
#
# Time: 30 to 45 minutes.

# %%
import numpy as np

from snapsim import ExceptionStore, Invalidated, recording
from snapsim.block.snapshots.exception_table import store_chunks
from snapsim.course.notebooks import Sheet, cost, exception_map, explore, problem

# %% [markdown]
# ## 1. An empty store is not empty
#
# An origin of 1024 blocks of 4 KiB, one snapshot, and the line that `dmsetup status` prints for it. The pair in the middle
# is *sectors in use / sectors in all* (of 512 bytes), the last number is how many of those used are for metadata.
#
# *Predict:* nothing was overwritten yet. How many sectors are in use?

# %%
origin = ExceptionStore.new(1024)
snapshot = origin.snapshot()
snapshot.status()

# %% [markdown]
# Sixteen sectors are 8 KiB, two chunks: a **header** in chunk 0, and in chunk 1 the first **area**, the place for the list.
# Both were written when the snapshot was made.
#
# *Predict:* now chunk 700 is overwritten, then chunk 3. Where on the COW device do the two old chunks go?

# %%
print(cost(origin.write, 700))
print(cost(origin.write, 3))
snapshot.status(), snapshot.table.places(np.array([700, 3])).tolist()

# %% [markdown]
# In chunks 2 and 3: **in the order in which they were overwritten**, wherever they came from. And the bill has grown by one
# purpose, `metadata`: the list on the disk has to name the copy before the origin may be overwritten, or a power cut would
# lose the old content. 1 read, 3 writes. (A store of kind "N" keeps the list in memory only, as chapter 1 did.)
#
# Here chunks are overwritten from the last one down. *Before you move a slider:* what changes with `store` N?

# %%
explore(exception_map, writes=(0, 8), store=["P", "N"])

# %% [markdown]
# ## 2. A list with a place for everything
#
# An exception takes 16 bytes (old chunk, new chunk), and an area is one chunk. So an area of 4 KiB lists 256 exceptions.
# When it is full, the next area follows behind the data of the first:
#
#     chunk 0   1        2 ... 257      258      259 ... 514     515
#     header    area 0   256 copies     area 1   256 copies      area 2
#
# *Predict:* which chunk holds the copy number 256, counted from 0? (Not 258!)

# %%
many = ExceptionStore.new(1024)
snapshot = many.snapshot()
many.write(np.arange(0, 300))
snapshot.table.places(np.array([0, 255, 256])).tolist(), snapshot.status()

# %% [markdown]
# Exception *i* lies in chunk *i + i // 256 + 2*. Nothing else has to be stored to find it again: that is why the format
# is so simple, and why chunks of a store are never freed one by one.
#
# ## 3. When is the list written?
#
# *Predict:* sixteen chunks are overwritten, one request after the other; and sixteen chunks in one large request. How often
# is the area written in each case?

# %%
print("one by one", cost(many.write, np.arange(400, 416)))
print("in one    ", cost(many.write, slice(500, 516)))

# %% [markdown]
# Sixteen times, and once. The kernel writes the area when no copy is on its way any more. Small scattered writes with
# nothing in between, the very pattern of a database, are the worst case: each one writes a whole chunk of metadata for
# an entry of 16 bytes.
#
# ## 4. Large chunks or small ones?
#
# LVM lets you choose: `lvcreate --chunksize`, from 4 to 512 KiB. *Predict* for sixteen scattered writes of 4 KiB: does
# a larger chunk write fewer or more bytes?

# %%
for kib in (4, 16, 64):
    disk = ExceptionStore.new(1024, chunk_size=1024 * kib)
    disk.snapshot()
    print(f"{kib:3} KiB", cost(disk.write, np.arange(0, 1024, 64)))

# %% [markdown]
# Sixteen times as large a chunk: sixteen times the copies **and** sixteen times the metadata, since an area is one chunk.
# It pays only when writes are large or lie close together: then one copy serves many of them, and the list is shorter.
#
# ## 5. Reading a snapshot
#
# *Predict:* chunk 3 was overwritten after the snapshot. From which devices do blocks 2, 3 and 4 of the **snapshot** come?

# %%
origin = ExceptionStore.new(64)
snapshot = origin.snapshot()
origin.write(3)
with recording(*snapshot.devices) as requests:
    snapshot.read(slice(2, 5))

# %%
[f"{io.device} block {io.first}" for io in requests]

# %% [markdown]
# A snapshot is a patchwork: what was copied comes from the COW device, all the rest **from the origin itself**. So a
# snapshot is no backup. When the origin's disk dies, most of the snapshot dies with it.
#
# ## 6. Three in the morning
#
# A COW device of six blocks: header, area, four copies. *Predict* what happens at the fifth overwritten chunk. There are
# two candidates: the origin refuses the write, or something else is given up.

# %%
origin = ExceptionStore.new(64, store_size=6)
snapshot = origin.snapshot()
for block in range(6):
    origin.write(block)
    print(f"write {block}:", snapshot.status())

# %%
try:
    snapshot.read(40)
except Invalidated as error:
    print(error)

# %% [markdown]
# The origin goes on as if nothing had happened; the **snapshot is given up**, all of it, even block 40, which nobody
# touched. That is a decision of design: a full store must not stop the database.
#
# Could you have seen it coming? `24/48`, `32/48`, `40/48`: the status says so all the time. And how large is large enough?
# The worst case is that every chunk changes once. *Predict* for an origin of 1 TiB with chunks of 16 KiB: how much more
# than 1 TiB does the store need?

# %%
need = store_chunks(chunks=2**40 // 16384, chunk_size=16384) * 16384
print(f"{need / 2**40:.4f} TiB")

# %% [markdown]
# One per mille more, for the list. In practice one takes 10 to 20 % and watches the status (`lvs` shows it in percent), or
# lets LVM extend it by itself.
#
# ## 7. Going back
#
# A roll-back is a **merge**: the copies are written back into the origin. *Predict:* eight neighbouring chunks were
# overwritten. How many reads and writes does the merge take?

# %%
origin = ExceptionStore.new(64)
snapshot = origin.snapshot()
origin.write(slice(8, 16))
print(cost(origin.rollback, snapshot), snapshot.deleted)

# %% [markdown]
# One run, so one read and one write of data, and the area is rewritten. Afterwards the snapshot is used up. The cost of
# a roll-back is what has *changed*, not the size of the volume.
#
# ## 8. Several snapshots
#
# *Predict* the bill of one write with five snapshots, in requests: reads, and writes.

# %%
origin = ExceptionStore.new(64)
for _ in range(5):
    origin.snapshot()
bill = cost(origin.write, 0)
bill.requests("read"), bill.requests("write")

# %% [markdown]
# With *n* snapshots: *n* reads and *1 + 2n* writes. Every store takes its own copy and keeps its own list, so nobody keeps
# many classic snapshots for long. The next chapter has the mechanism that was built to repair this.
#
# ## Exercises
#
# Replace each `None`, run the cell, and it is judged; the last answer counts. Lists may be written as `[3, 0, 12]`.
#
# **1.** Where does each exception lie?

# %%
sheet = Sheet()
problem("exception-store", 7)

# %%
sheet.answer("exception-store", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** The same with chunks of two blocks.

# %%
problem("exception-store", 7, level=2)

# %%
sheet.answer("exception-store", 7, 2, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** A colleague's protocol, with one wrong line.

# %%
problem("exception-store", 9, direction="mistake")

# %%
sheet.answer("exception-store", 9, 1, "mistake", a=None, b=None)

# %%
sheet
