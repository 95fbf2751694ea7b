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
# # Measure it yourself: a prediction and a kernel
#
# *A simulator has told you for seven chapters what a write costs. A vendor's white paper does the same. Why should you believe either?
# What would you have to see before you choose the storage of a hundred hosts by such a number?*
#
# You would want to see the prediction **beside a measurement**, for cases that the model was not built from, with its failures
# listed. Here is how to do that.
#
# Time: 30 to 45 minutes. As root on Linux with loop devices (a virtual machine will do) you measure on your own kernel; anywhere
# else the notebook uses the measurements that snapsim brings along.

# %%
from snapsim import judge, judge_all, plot
from snapsim.course.notebooks import Sheet, guess, measure_again, measured_row
from snapsim.fidelity import summary
from snapsim.fidelity.limitations import left_out
from snapsim.measure.measurements import label, load, shipped
from snapsim.show.tables import fidelity as fidelity_tables

# %% [markdown]
# ## 1. What a measurement is
#
# A block device counts what reaches it (`/sys/block/NAME/stat`). So: make a fresh file system on a loop device, make an image and
# a container, write everything back, drop the caches; read the counters; do the thing; sync; read them again.
#
# The shipped measurements have a row for each thing that was done. This one changes one byte of a file of 64 MiB on btrfs.

# %%
row = measured_row("btrfs", 2)
print(row["trace"])
print(row["figures"])

# %% [markdown]
# `trace` is a workload file: whoever has it can repeat the row, on a kernel or on the model. *Predict* before you go on: 4 KiB of data
# were written, and 204 KiB reached the disk. What is the rest?
#
# Chapter 4: the paths of several trees from leaf to root, each node twice.
#
# ## 2. Once is never
#
# *Predict:* the same is done three times on fresh disks. Does the kernel write the same number of bytes each time?

# %%
for name, number in (("btrfs", 2), ("ext4-plain", 11), ("ext4-plain", 7)):
    row = measured_row(name, number)
    print(f"{name:12}", label(row), [run["bytes_written"] for run in row["repetitions"]])

# %% [markdown]
# Sometimes to the byte, sometimes with a spread (a thousand files, an `fsync` after each write: it depends on when the journal's timer
# fires). **A prediction can be no better than the measurement repeats.** So a row is judged against the range of its repetitions.
#
# ## 3. The model beside it
#
# *Predict:* how near is the model in the case of btrfs?

# %%
fidelity_tables.rows([judge(measured_row("btrfs", 2), "btrfs")])

# %% [markdown]
# `data` and `copy` follow from the mechanism. A device does not tell which of its bytes are metadata; so `data written` may not be more than
# was measured, and the rest has to be possible as metadata. `metadata` follow from rules (how many items fit into a node, what a journal block
# holds), and may be 25 % off. The last column is the important one: `bare` asks whether a model **without any metadata** would have passed as
# well. Where it says yes, passing proves nothing.
#
# ## 4. On your own kernel
#
# One byte of a file of 1 MiB on overlay2, three times, each on a fresh disk. *Predict* the bytes written (chapter 5 has the rule) before you
# run the cell.

# %%
again = measure_again("overlay2-ext4", 0)
print("measured", again.where)
fidelity_tables.rows([judge(again.row, "overlay2-ext4")])

# %% [markdown]
# Another kernel may give other metadata, and that is worth knowing. `snapsim measure WORKLOAD --stack S` does the same for any workload.
#
# ## 5. All rows of a stack
#
# One row that fits may be luck. *Predict:* of the 31 rows of overlay2 on ext4, how many fit in every figure? And how many would without
# metadata?

# %%
judged = judge_all(load(shipped("overlay2-ext4")))
fidelity_tables.shares([*summary.shares(judged), *summary.whole(judged)])

# %% [markdown]
# In brackets is the model that knows no metadata. In the classes `reads` and `space` it passes nearly as often, so that passing there
# says little; `metadata` is the test. Every figure that a model should be praised for needs such a **baseline** beside it.

# %%
plot.fidelity(judged)

# %% [markdown]
# On the left all points lie on the diagonal, and that means little: whatever copies 64 MiB lies there. *Predict* what the right panel, the
# metadata alone, will show before you look at it closely: points on the line, in the grey band, or beside it?
#
# ## 6. Where it fails
#
# A list of failures is worth more than a percentage. These are the rows that are furthest outside what is demanded, of dm-snapshot:

# %%
fidelity_tables.worst(summary.worst(judge_all(load(shipped("dm-snapshot")))))

# %%
fidelity_tables.differences(left_out("dm-snapshot"), "dm-snapshot")

# %% [markdown]
# The second table says what the model leaves out on purpose. When a model and a measurement disagree, one of three things is true: the
# model is wrong, the measurement is wrong, or they answer different questions. *Which one do you suspect here?* (One request of 1 MiB covers
# many chunks; look in the second table for what the model does not have in flight together, and ask yourself whether the kernel would write
# the same number twice.) And be wary of a report without such a list.
#
# There is a harder question than "does it fit the rows that we have": **does it fit rows that nobody had seen when the rules were found?**
# `docs/explanation/holdout.md` asks it, with 450 workloads that were drawn afterwards, and there the list is longer.
#
# All stacks together: `snapsim fidelity`, and `docs/fidelity.md`.
#
# ## Exercises
#
# Your own head against the kernel. Each row was measured on Linux; say how many bytes reached the disk, as a number or as `"64M"`,
# `"200K"`. Within 10 % or 64 KiB is right, within a factor of two is half a point.
#
# **1.** `chmod` of a file of 64 MiB of the image, in a container on overlay2 (ext4).

# %%
sheet = Sheet()
guess("overlay2-ext4", 12, None, sheet)

# %% [markdown]
# **2.** The same container deletes that file.

# %%
guess("overlay2-ext4", 10, None, sheet)

# %% [markdown]
# **3.** One byte in the middle of a file of 64 MiB, again on overlay2, but on XFS with reflink.

# %%
guess("overlay2-xfs", 2, None, sheet)

# %%
sheet
