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
# # Layers, copy-up, whiteouts: overlay2 and AUFS
#
# *Line 3 of your Dockerfile fetches an archive of 500 MB, line 5 deletes it. The image is as large as before. Then you add
# `RUN chmod -R g+w /app`, and it is twice as large. Neither line added a byte to any file. What is in those layers?*
#
# Time: 30 to 45 minutes.

# %%
from snapsim import Aufs, Overlay2, plot
from snapsim.course.notebooks import Sheet, copied, explore, layers, problem

# %% [markdown]
# ## 1. A layer over a layer
#
# A layer is a directory with the files that one step of the build added. A **union mount** shows several of them as one tree:
# the uppermost layer that has a name wins. The lower layers are only read, and all writes go to the **upper** one.

# %%
driver = Overlay2()
driver.create("base")
with driver.mounted("base") as root:
    root.write("/archive", 0, 500 << 20)
    root.mkdir("/lib"), root.write("/lib/a", 0, 1 << 20), root.write("/lib/b", 0, 1 << 20)

# %% [markdown]
# The next layer deletes the archive. *Predict:* how many MiB do the two layers take together, and what does the new layer hold?

# %%
driver.create("clean", parent="base")
with driver.mounted("clean") as root:
    root.unlink("/archive")
    print("a container sees", root.listdir("/"))
driver.sync()

# %%
driver.space() >> 20, driver.diff("clean", "base").paths()

# %% [markdown]
# All 502 MiB are still there. The lower layer cannot be changed, since other images may stand on it; so the new layer holds
# a **whiteout**, a mark that says "this name is deleted". In the archive of a layer, the form in which images travel, it is
# an empty file with the prefix `.wh.`. Deleting hides. To save room, fetch and delete in *one* `RUN`.
#
# ## 2. Opaque directories
#
# The next layer removes `/lib` with all that is in it and makes a new `/lib` with one file. *Predict:* a whiteout cannot cover
# the new directory. What keeps `a` and `b` from showing through?

# %%
driver.create("new", parent="clean")
with driver.mounted("new") as root:
    root.remove_tree("/lib"), root.mkdir("/lib"), root.write("/lib/c", 0, 4096)
    print("a container sees", root.listdir("/lib"))
driver.diff("new", "clean").paths()

# %% [markdown]
# A second kind of mark: the directory is **opaque** (`.wh..wh..opq` in it), nothing below it with the same name is shown. And what
# does `docker diff` say?

# %%
[str(change) for change in driver.changes("new", "clean")]

# %% [markdown]
# ## 3. Copy-up
#
# *Predict:* a container changes one byte of a file of 1 MiB of its image. How many bytes does overlay2 copy?

# %%
copied("overlay2-ext4", "write", offsets=[4096], length=1)

# %% [markdown]
# Not the block, not the file less the block: all of it, and then the block is written into the copy. overlay2
# knows files and not blocks: before a lower file is changed for the first time it is copied into the upper layer, **whole**.
# The second write costs nothing extra, as in chapter 1.
#
# Here are the layers of a container that has changed `app.db` and deleted `old.log`:

# %%
plot.layer_stack(layers("overlay2")).figure

# %% [markdown]
# ## 4. What copies, and what does not?
#
# *Predict for each line, on overlay2, before you run the cell:* does it copy the file up?
#
# | | your prediction |
# |---|---|
# | read it | |
# | open it for reading and writing, write nothing | |
# | open it and cut it to 0 bytes (`> file`) | |
# | `chmod` | |
# | make a hard link to it | |
# | rename it | |
# | delete it | |

# %%
acts = {
    "read": {},
    "open": {"flags": ["O_RDWR"]},
    "chmod": {"mode": 0o600},
    "link": {"to": "g"},
    "rename": {"to": "g"},
    "unlink": {},
}
for act, more in acts.items():
    print(f"{act:8} overlay2 {copied('overlay2-ext4', act, **more):9,}   aufs {copied('aufs-ext4', act, **more):9,}")

# %%
(
    copied("overlay2-ext4", "open", flags=["O_WRONLY", "O_TRUNC"]),
    copied("aufs-ext4", "open", flags=["O_WRONLY", "O_TRUNC"]),
)

# %% [markdown]
# `chmod` copies every byte: the mode belongs to the inode, and the inode of a lower file cannot be changed. There is the answer to
# `chmod -R`. The same holds for `chown` and `touch`, so use `COPY --chown` and `COPY --chmod`.
#
# overlay2 and AUFS differ in one line: overlay2 copies at `open`, before it knows whether anything will be written; AUFS waits for
# the first change. A file that is cut to nothing need not be copied at all.
#
# ## 5. Three ways out
#
# *Predict* for each of these what `chmod`, and what a write of one byte copies:
#
# * overlay2 with `metacopy=on`: the upper layer may hold an inode without data
# * overlay2 on XFS with reflink: a copy shares the blocks of the original
# * btrfs: no union mount at all

# %%
for stack in ("overlay2-ext4", "overlay2-ext4-metacopy", "overlay2-xfs", "btrfs"):
    one = copied(stack, "write", offsets=[4096], length=1)
    print(f"{stack:24} chmod {copied(stack, 'chmod', mode=0o600):9,}   one byte {one:9,}")

# %% [markdown]
# `metacopy` cures `chmod` and not the write, reflink cures both. Docker's overlay2 uses `metacopy` where the kernel has it on by
# default, and few kernels do.
#
# The copy grows with the **file**, not with the write. Say first, then move the slider:

# %%
explore(
    lambda stack="overlay2-ext4", file_mib=64: f"{copied(stack, 'append', file_mib << 20, length=1):,} bytes copied",
    stack=["overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs"],
    file_mib=(1, 256),
)

# %% [markdown]
# ## 6. Renaming a directory
#
# *Predict:* a container renames `/lib`, a directory of its image. What happens: the tree is copied, a mark is written, or an error?

# %%
driver.create_read_write("box", parent="new")

# %%
with driver.mounted("box") as root:
    try:
        root.rename("/lib", "/lib.old")
    except OSError as error:
        print(error)

# %% [markdown]
# An error, EXDEV, as if the two were on different disks. `mv` takes the hint and copies the tree file by file; a program that
# calls `rename(2)` and nothing else fails. AUFS gives the same error.
#
# ## 7. Where `.wh.` comes from
#
# *Predict:* in AUFS a container deletes `/lib/a` of its image. What lies in the container's own directory then?

# %%
aufs = Aufs()
aufs.create("image")
with aufs.mounted("image") as root:
    root.mkdir("/lib"), root.write("/lib/a", 0, 4096)

# %%
aufs.create_read_write("box", parent="image")
with aufs.mounted("box") as root:
    root.unlink("/lib/a")
aufs.diff("box", "image").paths(), [str(change) for change in aufs.changes("box", "image")]

# %% [markdown]
# On its disk AUFS really keeps files called `.wh.NAME`, and the archives of all drivers have inherited this form from it. On its disk
# overlay2 uses a character device with the numbers 0/0 instead.
#
# ## Exercises
#
# **1.** What is in the container's layer? (Names as a list: `["/a", "/b"]`; `[]` for none.)

# %%
sheet = Sheet()
problem("copy-up", 8)

# %%
sheet.answer("copy-up", 8, 1, "state", a=None, b=None, c=None)

# %% [markdown]
# **2.** Backwards: operations that lead to this layer, such as `["append /h", "rm /a"]`.

# %%
problem("copy-up", 7, direction="operations")

# %%
sheet.answer("copy-up", 7, 1, "operations", [])

# %% [markdown]
# **3.** What does `ls` show?

# %%
problem("listing", 7)

# %%
sheet.answer("listing", 7, 1, "state", a=None, b=None, c=None, d=None)

# %%
sheet
