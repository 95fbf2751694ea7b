"""Images that engines are tried with, and what they show.

>>> sorted(unpacked(IMAGES["three:1"]).nodes)
['', '/d', '/f', '/three', '/two']

LEAVES OUT: hard links, symbolic links, opaque marks: `check_driver` has them.
"""

from collections.abc import Sequence

from snapsim.drivers.diff import Diff, Entry
from snapsim.files.mounts.marks import hidden
from snapsim.testing.drivers.flat_tree import FlatTree

_BASE = Diff(
    (
        Entry("/f", content=b"base"),
        Entry("/d", "directory", 0o750, uid=3),
        Entry("/d/g", content=b"below" * 20, mode=0o4711, uid=3, gid=4),
    )
)
_SECOND = Diff((Entry("/f", content=b"second one"), Entry("/two", content=b"2" * 5000, mode=0o600)))
_THIRD = Diff((Entry("/d", "directory", 0o750, uid=3), Entry("/d/.wh.g"), Entry("/three", content=b"3")))
_OTHER = Diff((Entry("/f", content=b"other"), Entry("/two", content=b"two")))
_FORK = Diff((Entry("/three", content=b"fork"), Entry("/.wh.f")))
DIFFS = (_BASE, _SECOND, _THIRD, _OTHER, _FORK)
IMAGES: dict[str, tuple[Diff, ...]] = {
    "one:1": (_BASE,),
    "two:1": (_BASE, _SECOND),
    "three:1": (_BASE, _SECOND, _THIRD),
    "other:1": (_OTHER,),
    "fork:1": (_BASE, _FORK),
    "moved:1": (_OTHER, _SECOND),
}
"""The second stands on the first, and the third on the second; one shares nothing, one only the base, and one has a
layer of the second on another base."""
PATHS = ("/f", "/d/g", "/two", "/three", "/new")
"""The files that are looked at: those of the images, and one that a container makes."""


def unpacked(layers: Sequence[Diff]) -> FlatTree:
    """The tree of an image, layer upon layer."""
    tree = FlatTree()
    for diff in layers:
        tree = tree.child()
        for entry in diff.entries:
            gone = hidden(entry.path)
            if gone:
                tree.unlink(gone)
            elif entry.kind == "directory":
                if entry.path not in tree.nodes:
                    tree.mkdir(entry.path)
                tree.chown(entry.path, entry.uid, entry.gid)
                tree.chmod(entry.path, entry.mode)  # last: a change of owner takes set-user-id away
            else:
                if entry.path in tree.nodes:
                    tree.unlink(entry.path)
                tree.write(entry.path, 0, entry.content or b"")
                tree.chown(entry.path, entry.uid, entry.gid)
                tree.chmod(entry.path, entry.mode)  # last: a change of owner takes set-user-id away
    return tree
