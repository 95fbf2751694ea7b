"""Exercise 2: a union mount in small."""

from .exercise import Check, Exercise

_TEXT = """\
Write a **union mount**: layers of files seen as one. `self.lowers` are the lower layers, the lowest first, each a
dictionary of names to bytes, in which `None` is a whiteout; `self.upper` is yours to write, a dictionary of the
same kind.

The highest layer that has a name wins. Lower layers are never changed. Before a file of a lower layer is changed
for the first time, all of it is copied up, and its length is added to `self.copied`. A file of a lower layer that
is deleted leaves a whiteout in `self.upper`; a file that only the upper layer had leaves nothing.
"""

_SETUP = """\
from snapsim.testing import Union
"""

_STARTER = """\
class MyUnion(Union):
    def read(self, name):
        # Your work; FileNotFoundError(name) if there is no such file.
        return self.upper[name]

    def write(self, name, offset, data):
        # Your work; a gap before the offset reads as zeros: old.ljust(offset, b"\\\\0").
        self.upper[name] = data

    def unlink(self, name):
        # Your work.
        del self.upper[name]

    def names(self):
        # Your work: all names that are seen, sorted.
        return sorted(self.upper)
"""

_SOLUTION = """\
class MyUnion(Union):
    def read(self, name):
        content = self.seen().get(name)
        if content is None:
            raise FileNotFoundError(name)
        return content

    def seen(self):
        merged = {}
        for layer in (*self.lowers, self.upper):
            merged.update(layer)
        return merged

    def write(self, name, offset, data):
        old = self.seen().get(name) or b""
        if name not in self.upper:
            self.copied += len(old)
        self.upper[name] = old[:offset].ljust(offset, b"\\0") + data + old[offset + len(data):]

    def unlink(self, name):
        self.read(name)
        self.upper.pop(name, None)
        if any(name in layer for layer in self.lowers):
            self.upper[name] = None

    def names(self):
        return sorted(name for name, content in self.seen().items() if content is not None)
"""

UNION_MOUNT = Exercise("union-mount", "A union mount", "MyUnion", _TEXT, _SETUP, _STARTER, _SOLUTION, (
    Check("the union behaves", "unites", 10),))
