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
# # One workload, six drivers, beside a real host
#
# *Your container appends a line to a log file of 64 MiB that came with the image. The disk says that 64 MiB were written.
# A colleague on another host does the same and sees 100 KiB. Who is right?*
#
# Both. Docker keeps layers with a **storage driver**, and each driver shares something else: whole files, chunks of
# 64 KiB, records of 128 KiB, single blocks, or nothing at all.
#
# Two of the six are history in Docker: aufs was removed from Docker Engine 24.0, devicemapper from 25.0. They are worth
# learning all the same: images and fuse-overlayfs still spell a deleted file as aufs did, and thin pools are what
# the thin volumes of LVM stand on.
#
# Time: 30 to 45 minutes.

# %%
from snapsim import compare, generate, load_host, parse, plot
from snapsim.course.notebooks import SIX, Sheet, explore, growing, one_write, problem
from snapsim.hosts.host import status_block
from snapsim.show.tables import hosts as host_tables
from snapsim.show.tables import runs

# %% [markdown]
# ## 1. One byte
#
# An image with one file of 64 MiB, one container, and one byte is changed in the middle. *Predict* for each driver how much
# is written: the block of 4 KiB that holds the byte (`data`), and what is moved along (`copy`).
#
# | driver | shares | your prediction |
# |---|---|---|
# | overlay2, aufs | files | |
# | devicemapper | pool blocks of 64 KiB | |
# | btrfs | extents, by the block | |
# | zfs | records of 128 KiB | |
# | vfs | nothing | |

# %%
one_byte = parse(
    {
        "id": "one-byte",
        "title": "1 byte in the middle of 64 MiB",
        "layers": [[{"path": "f", "size": 67108864}]],
        "ops": [{"op": "write", "path": "f", "offsets": [33554432], "length": 1}],
    }
)
result = compare(one_byte, SIX)
runs.bill(result, one_byte)

# %% [markdown]
# overlay2 and aufs share whole **files**, so they copy the whole file up. devicemapper shares **pool blocks** of 64 KiB. ZFS
# shares **records** of 128 KiB and rewrites one. btrfs shares **extents** and writes only the block. vfs shares nothing:
# it copied everything when the container was made, so that the write itself is cheap.
#
# The column *other* is metadata: journals, inodes, trees. On btrfs it is many times the data, chapter 4 told why.
#
# `ext4-plain` is no driver at all: the **ideal** that the others are measured against.

# %%
plot.cost_bars(result).figure

# %% [markdown]
# ## 2. What does the bill depend on?
#
# *Before you move a slider, predict* which bars grow with the size of the file, with the size of a write, with the number of
# writes (all in random places, synced once at the end).

# %%
explore(one_write, file_mib=(1, 128), write_kib=[4, 16, 64, 256], writes=(1, 200))

# %% [markdown]
# The bars of overlay2 and aufs follow the file and hardly the writes; the others follow the writes and not the file. So there
# are workloads for either. *Predict:* for a single write of 4 KiB, from which size of file on does overlay2 lose against
# btrfs?

# %%
explore(growing, write_kib=[4, 16, 64, 256])

# %% [markdown]
# The curves of overlay2 and btrfs cross between 64 and 256 KiB: up to there the copied file is smaller than the tree paths of
# btrfs. Most files of an image are that small. It is the few large ones, databases and logs, that belong into a volume.
#
# ## 3. The same with reflink
#
# XFS can clone files: two files share blocks until one is written. *Predict* what overlay2 copies up on XFS.

# %%
runs.bill(compare(one_byte, ["overlay2-ext4", "overlay2-xfs", "vfs-ext4", "vfs-xfs"]), one_byte)

# %% [markdown]
# Nothing. The copy-up still happens, and it copies pointers. The same driver, the same Docker, another file system below.
#
# ## 4. A working day
#
# The workload that `snapsim compare` runs: a database file, configuration, new files, deletions, and two containers that
# read the same file. *Predict* the cheapest and the dearest driver.

# %%
day = [generate("demo")]
result = compare(day, SIX)
runs.bill(result, day)

# %% [markdown]
# Look at the column *cache*: the two containers on overlay2 and aufs read one file, so there is one copy in memory. With
# devicemapper, btrfs and vfs each container has a file of its own. That difference decides how many containers fit into
# a host's memory. There is no best driver, there are workloads.
#
# ## 5. Beside a real host
#
# These are captures of real Docker daemons, each after a scenario of images and containers of its own. Compare what the
# real driver says of itself with what the simulated one says. *Predict:* which of the keys of `docker info` can a simulator
# know, and which can it not?

# %%
host = load_host("devicemapper")
print(status_block(host))

# %%
host_tables.hosts([host], result, in_detail=True)

# %% [markdown]
# The figures in the two columns are of different workloads; the keys, their order and their format are the same.
#
# ## Exercises
#
# **1.** Which driver is cheapest here? (Sizes as whole numbers of KiB, the last answer as a name.)

# %%
sheet = Sheet()
problem("cheapest", 7)

# %%
sheet.answer("cheapest", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** Some places are written twice. What does that change?

# %%
problem("cheapest", 7, level=2)

# %%
sheet.answer("cheapest", 7, 2, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **3.** Who shares the page cache?

# %%
problem("page-cache", 7)

# %%
sheet.answer("page-cache", 7, 1, "state", a=None, b=None, c=None)

# %%
sheet

# %% [markdown]
# **To go on:** `chmod` is dear on overlay2. Change `ops` until overlay2 writes *less* than btrfs does; there are such workloads,
# and they are common. (`docs/reference/workload.md` lists the operations.)

# %%
yours = parse(
    {"id": "yours", "layers": [[{"path": "f", "size": 67108864}]], "ops": [{"op": "chmod", "path": "f", "mode": 0o600}]}
)
runs.bill(compare(yours, SIX), yours)
