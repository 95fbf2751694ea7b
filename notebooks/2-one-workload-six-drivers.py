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
# A colleague on another host does the same and sees 70 KiB. Who is right?*
#
# Both. Docker keeps layers with a **storage driver**, and each driver shares something else: whole files, chunks of
# 64 KiB, records of 128 KiB, single blocks, or nothing at all.
#
# Time: 30 to 45 minutes.

# %%
from snapsim import experiment, plot, tables
from snapsim.dockerdata import load_host
from snapsim.generators import generate
from snapsim.host import status_block
from snapsim.stacks import STACKS
from snapsim.workload import parse

SIX = ["overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "vfs-ext4", "ext4-plain"]

# %% [markdown]
# ## 1. One byte
#
# An image with one file of 64 MiB, one container, and one byte is changed in the middle. *Predict* for each driver how much
# is written: the block of 4 KiB that holds the byte (`data`), and what is moved along (`copy`).

# %%
one_byte = parse({"id": "one-byte", "title": "1 byte in the middle of 64 MiB",
                  "layers": [[{"path": "f", "size": 67108864}]],
                  "ops": [{"op": "write", "path": "f", "offsets": [33554432], "length": 1}]})
result = experiment.compare(one_byte, SIX)
tables.bill(result, one_byte)

# %% [markdown]
# overlay2 and aufs share whole **files**, so they copy the whole file up. devicemapper shares **pool blocks** of 64 KiB. ZFS
# shares **records** of 128 KiB and rewrites one. btrfs shares **extents** and writes only the block. vfs shares nothing:
# it copied everything when the container was made, so that the write itself is cheap.
#
# `ext4-plain` is no driver at all: the **ideal** that the others are measured against.

# %%
plot.cost_bars(result).figure

# %% [markdown]
# ## 2. The same with reflink
#
# XFS can clone files: two files share blocks until one is written. *Predict* what overlay2 copies up on XFS.

# %%
tables.bill(experiment.compare(one_byte, ["overlay2-ext4", "overlay2-xfs", "vfs-ext4", "vfs-xfs"]), one_byte)

# %% [markdown]
# ## 3. What does not write and copies all the same
#
# *Predict* which of these copy the file up on overlay2: opening it for writing, `chmod`, a hard link, reading it.

# %%
def copied(stack, op):
    workload, = parse({"id": "probe", "layers": [[{"path": "f", "size": 1048576}]], "ops": [{**op, "path": "f"}]})
    return experiment.run(workload, stack).record()["written"]["copy"]


probes = {"open for writing": {"op": "open", "flags": ["O_RDWR"]}, "open, cut to 0": {"op": "open", "flags": ["O_WRONLY", "O_TRUNC"]},
          "chmod": {"op": "chmod", "mode": 384}, "hard link": {"op": "link", "to": "g"}, "read": {"op": "read"}}
for name, op in probes.items():
    print(f"{name:18} overlay2 {copied('overlay2-ext4', op):8,}   aufs {copied('aufs-ext4', op):8,}   btrfs {copied('btrfs', op):8,}")

# %% [markdown]
# overlay2 copies at `open`, before it knows whether anything will be written; aufs waits for the first change.
#
# ## 4. A working day
#
# The workload that `snapsim compare` runs: a database file, configuration, new files, deletions, and two containers that
# read the same file.

# %%
day = [generate("demo")]
result = experiment.compare(day, SIX)
tables.bill(result, day)

# %% [markdown]
# Look at the column *cache*: the two containers on overlay2 and aufs read one file, so there is one copy in memory. With
# devicemapper, btrfs and vfs each container has a file of its own. That difference decides how many containers fit into
# a host's memory.
#
# ## 5. Beside a real host
#
# These are captures of real Docker daemons, each after a scenario of images and containers of its own. Compare what the
# real driver says of itself with what the simulated one says.

# %%
host = load_host("devicemapper")
print(status_block(host))
tables.hosts([host], result, in_detail=True)

# %% [markdown]
# The figures in the two columns are of different workloads; the keys, their order and their format are the same.
#
# ## Exercises
#
# **1.** How many bytes does overlay2 on ext4 copy if the container only *appends* 4 KiB to a file of 64 MiB?

# %%
answer = 67108864                  # change this line if you disagree

# %%
append, = parse({"id": "append", "layers": [[{"path": "f", "size": 67108864}]],
                 "ops": [{"op": "append", "path": "f", "length": 4096}]})
assert experiment.run(append, "overlay2-ext4").record()["written"]["copy"] == answer

# %% [markdown]
# **2.** Order these stacks by what one random write of 4 KiB into a fresh container costs: overlay2-ext4, btrfs, zfs,
# devicemapper-loop-lvm, devicemapper-direct-lvm. Cheapest first.

# %%
order = ["btrfs", "devicemapper-loop-lvm", "zfs", "devicemapper-direct-lvm", "overlay2-ext4"]

# %%
page = generate("random", size="64M", writes=1)
cost = {stack: run.counts.bytes("write", "data") + run.counts.bytes("write", "copy")
        for stack, run in zip(order, experiment.compare(page, order), strict=True)}
assert order == sorted(cost, key=cost.get), cost

# %% [markdown]
# **3.** Find a workload on which vfs is the cheapest of all. (A container that is made *before* counting starts has paid
# already.) Write it, then run the check.

# %%
yours, = parse({"id": "yours", "layers": [[{"path": "f", "size": 67108864}]],
                "ops": [{"op": "chmod", "path": "f", "mode": 384}]})

# %%
bills = {run.stack: run.counts.bytes("write") for run in experiment.compare(yours, SIX[:-1])}
assert bills["vfs-ext4"] == min(bills.values()), bills
print(bills, sorted(STACKS))
