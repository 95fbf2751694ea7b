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
# # Your own host: who pins this byte?
#
# *The disk of a Docker host is full. `docker system df` says 74 MB of images and 49 MB of containers, 36 MB of the images
# reclaimable. You prune, and less comes free than was promised. Which of the numbers lied? And would another driver have
# been better?*
#
# Time: 30 to 45 minutes. With a host of your own: `snapsim capture > host.json` there (`pip install docker`), and
# put the path in place of `overlay2` below. It keeps sizes and settings, nothing from inside a container.

# %%
from snapsim import load_host, plot, start, what_if
from snapsim.course.notebooks import Sheet, explore, problem

# %%
from snapsim.docker.df import SCENARIO, report
from snapsim.docker.disk_usage import usage
from snapsim.docker.scenario import load
from snapsim.docker.scenario_player import play
from snapsim.docker.who_pins import why
from snapsim.hosts.host import status_block
from snapsim.show.tables import space
from snapsim.show.tables import what_if as what_if_tables

# %%
HOST = "overlay2"  # or "host.json"; or another shipped capture: aufs, btrfs, devicemapper, zfs, vfs, ...

# %% [markdown]
# ## 1. What the daemon says of itself

# %%
host = load_host(HOST)
print(status_block(host))

# %% [markdown]
# Five lines. Two of them decide what things cost, and newer daemons add a third. *Predict:* which two, and what would change with
# the other value?
#
# * `Backing Filesystem: extfs`: no reflink, so a copy-up copies blocks. On xfs it copies pointers.
# * `Native Overlay Diff: true`: the daemon reads a layer's changes from its directory. With `false` it compares whole trees.
# * `Using metacopy` (newer daemons tell it): whether a `chmod` copies the file.
#
# ## 2. What `docker system df` says
#
# The host was captured after this scenario: a base image, a child image with three layers on it, five containers that write.
# The simulator plays the same scenario and prints what Docker's rules make of it.

# %%
print(report())

# %% [markdown]
# To the byte what the real daemon printed. Now *predict* four things before you read on:
#
# 1. Two images share a base of 36 MB. Is it counted once or twice in SIZE?
# 2. A container changed one byte of a file of 34 MB. How much does that add to the SIZE of the containers?
# 3. RECLAIMABLE of images is 36 MB, though the images share all they have. Can it be had?
# 4. Is the answer the same with btrfs?

# %%
print(report(driver="btrfs"))

# %% [markdown]
# 4: yes. The figures are **logical**: sums of the sizes of files that each layer changed. They know nothing of the driver, and none
# of them says what the disk holds. And 1: once; SIZE of the images counts each layer once.
#
# ## 3. The book
#
# The simulator knows for each block who points to it. Here is what each tool says, and beside it the book.


# %%
def examine(stack):
    engine = play(load(str(SCENARIO)), start(stack=stack))
    book = engine.ledger()
    return why(engine.driver, book, usage(engine), engine.version)


# %%
answer = examine("overlay2-ext4")
space.tools(answer["tools"], answer["basis"])

# %% [markdown]
# 3: no. Removing the unused image frees nothing, since every layer of it carries the other one as well. The rule counts layers of
# an image in use as reclaimable.
#
# The book in detail. *Predict* the column `frees` for the image `base:1` and for container `c5` before you look.

# %%
space.why(answer)

# %% [markdown]
# 2: container `c5` holds 37 MiB, since it changed a byte of a large file. And the last table is the one to remember: **files that
# occupy space unseen**. A file that a later layer overwrote or deleted is still there, twice in the case of `/data/big`.
#
# ## 4. The same scenario on another driver
#
# *Predict:* which containers shrink on btrfs, and which stay as they are? On vfs?


# %%
def holders(stack="overlay2-ext4"):
    found = examine(stack)
    parts = [(row["name"], row["exclusive"], row["shared"]) for row in found["owners"]]
    return plot.ledger_bars(parts, found["allocated"], title=f"Who holds what on {stack}").figure


explore(holders, stack=["overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "vfs-ext4"])

# %%
holders("btrfs")

# %%
holders("vfs-ext4")

# %% [markdown]
# On btrfs `c5` holds 5 MiB in place of 37: what it wrote, and not the whole file that it wrote into. On vfs nothing is shared at all: each layer is a copied tree, and each
# container two. The dashed line says how full the disk is.
#
# ## 5. What if?
#
# Your real host tells sizes of layers and no file trees. Some figures for another driver follow with certainty, for others only
# bounds do. *Predict:* which drivers will get an exact number for the space, and why is there none for btrfs?

# %%
rows = what_if(host)
what_if_tables.print_answer(host, rows)

# %%
plot.what_if_bars(rows, f"{host.name}: the same images and containers on each stack")

# %% [markdown]
# A driver that shares whole files keeps what Docker's sizes count: exact. btrfs would hold of each changed file only the changed
# blocks, and nobody has told how many these are: between nothing and all of it. **A bound is an answer, too.** A single number
# here would be a lie.
#
# The middle panel is often the one that decides: with one page cache for all containers, or one for each.
#
# ## 6. What comes next on a real host
#
# ```console
# $ docker system df -v          # each image: SHARED SIZE and UNIQUE SIZE
# $ docker ps -s                 # each container: its own, and "virtual" with its image
# $ docker diff NAME             # what a container changed
# $ snapsim why --image app.tar  # which files of a real image are hidden by later layers
# ```
#
# UNIQUE SIZE of an image is what its removal frees, if no container uses it. That is the column to look at before you prune.
#
# ## Exercises
#
# **1.** Do Docker's sums by hand (in KiB).

# %%
sheet = Sheet()
problem("docker-sizes", 7)

# %%
sheet.answer("docker-sizes", 7, 1, "state", a=None, b=None, c=None, d=None, e=None)

# %% [markdown]
# **2.** Somebody else did them.

# %%
problem("docker-sizes", 7, direction="mistake")

# %%
sheet.answer("docker-sizes", 7, 1, "mistake", a=None, b=None)

# %% [markdown]
# **3.** Memory: what would the page cache hold?

# %%
problem("page-cache", 7, level=2)

# %%
sheet.answer("page-cache", 7, 2, "state", a=None, b=None, c=None)

# %%
sheet
