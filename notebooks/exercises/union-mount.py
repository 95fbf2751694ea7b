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
# # A union mount

# %% [markdown] tags=["task"]
# Write a **union mount**: layers of files seen as one. `self.lowers` are the lower layers, the lowest first, each a
# dictionary of names to bytes, in which `None` is a whiteout; `self.upper` is yours to write, a dictionary of the
# same kind.
#
# The highest layer that has a name wins. Lower layers are never changed. Before a file of a lower layer is changed
# for the first time, all of it is copied up, and its length is added to `self.copied`. A file of a lower layer that
# is deleted leaves a whiteout in `self.upper`; a file that only the upper layer had leaves nothing.
#
# Of snapsim, use the module that is imported here and no others: its own union mounts would earn no points.

# %% tags=["setup"]
from snapsim.testing import Union


# %% tags=["work"] wanted="MyUnion"
class MyUnion(Union):
    def seen(self):
        # A help for the others: a dictionary of all names, as the layers are seen together.
        # BEGIN SOLUTION
        merged = {}
        for layer in (*self.lowers, self.upper):
            merged.update(layer)
        return merged
        # END SOLUTION

    def read(self, name):
        # FileNotFoundError(name) if there is no such file.
        # BEGIN SOLUTION
        content = self.seen().get(name)
        if content is None:
            raise FileNotFoundError(name)
        return content
        # END SOLUTION

    def write(self, name, offset, data):
        # A gap before the offset reads as zeros: old.ljust(offset, b"\0").
        # BEGIN SOLUTION
        old = self.seen().get(name) or b""
        if name not in self.upper:
            self.copied += len(old)
        self.upper[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data) :]
        # END SOLUTION

    def unlink(self, name):
        # FileNotFoundError(name) if there is no such file.
        # BEGIN SOLUTION
        self.read(name)
        self.upper.pop(name, None)
        if any(name in layer for layer in self.lowers):
            self.upper[name] = None
        # END SOLUTION

    def names(self):
        # All names that are seen, sorted.
        # BEGIN SOLUTION
        return sorted(name for name, content in self.seen().items() if content is not None)
        # END SOLUTION


# %% [markdown]
# The kit judges your class: it tries named behaviours, every short list of operations, and random ones. What fails is
# shown as a program of a few lines that can be pasted and run.

# %% tags=["check"] judge="unites" points=10 title="the union behaves"
from snapsim.course.exercises.marking import check

check("union-mount", "unites", globals())
