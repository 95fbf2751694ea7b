"""What can be done to the layers of a driver, as plain data; strategies of lists of it.

Layers are counted from the newest (0) back, modulo the number of layers, so that every list is valid. What is
written follows from the number of the step.

>>> story = [write("/a"), child(), unlink("/a"), child()]
>>> story[2]
Act(verb='unlink', path='/a', to='', number=0, layer=0)

LEAVES OUT: options of layers, devices and extended attributes.
"""

from typing import NamedTuple

from hypothesis import strategies as st

FILES = ("/a", "/b", "/d/a", "/d/e/a")
DIRECTORIES = ("/d", "/d/e")


class Act(NamedTuple):
    """One operation.

    Attributes
    ----------
    verb : str
        A call of `Mount`, or "child", "apply", "remove", "hold", "sync".
    path, to : str
        Paths in the layer; of `symlink`, `to` is the link's text.
    number : int
        Offset, size, mode, owner or time.
    layer : int
        Which layer, from the newest (0) back.
    """

    verb: str
    path: str = ""
    to: str = ""
    number: int = 0
    layer: int = 0


def write(path: str, offset: int = 0, layer: int = 0) -> Act:
    """Write a few bytes; the file is made if it is not there."""
    return Act("write", path, "", offset, layer)


def append(path: str, layer: int = 0) -> Act:
    """Write a few bytes at the end."""
    return Act("append", path, "", 0, layer)


def truncate(path: str, size: int = 0, layer: int = 0) -> Act:
    """Cut or lengthen a file."""
    return Act("truncate", path, "", size, layer)


def open_for_writing(path: str, layer: int = 0) -> Act:
    """Open and close, without a write."""
    return Act("open", path, "", 0, layer)


def mkdir(path: str, mode: int = 0o755, layer: int = 0) -> Act:
    """Make a directory."""
    return Act("mkdir", path, "", mode, layer)


def rmdir(path: str, layer: int = 0) -> Act:
    """Remove an empty directory."""
    return Act("rmdir", path, "", 0, layer)


def unlink(path: str, layer: int = 0) -> Act:
    """Take a name away."""
    return Act("unlink", path, "", 0, layer)


def remove_tree(path: str, layer: int = 0) -> Act:
    """rm -r."""
    return Act("remove_tree", path, "", 0, layer)


def rename(path: str, to: str, layer: int = 0) -> Act:
    """Move a name."""
    return Act("rename", path, to, 0, layer)


def link(path: str, to: str, layer: int = 0) -> Act:
    """Another name for a file."""
    return Act("link", path, to, 0, layer)


def symlink(target: str, path: str, layer: int = 0) -> Act:
    """A symbolic link at `path`."""
    return Act("symlink", path, target, 0, layer)


def chmod(path: str, mode: int = 0o600, layer: int = 0) -> Act:
    """Set the mode."""
    return Act("chmod", path, "", mode, layer)


def chown(path: str, owner: int = 7, layer: int = 0) -> Act:
    """Set owner and group (owner + 1)."""
    return Act("chown", path, "", owner, layer)


def utime(path: str, time: int = 10**9, layer: int = 0) -> Act:
    """Set the time of the last change."""
    return Act("utime", path, "", time, layer)


def child(layer: int = 0) -> Act:
    """A new layer on top of one, which is sealed by it; two children of one layer are two containers."""
    return Act("child", layer=layer)


def apply(layer: int = 0) -> Act:
    """Export the layer, unpack it in a sibling, compare the two, and remove the sibling."""
    return Act("apply", layer=layer)


def remove(layer: int = 0) -> Act:
    """Destroy a layer (never the last one); refused if it has children."""
    return Act("remove", layer=layer)


def hold(layer: int = 0) -> Act:
    """Keep the layer mounted from now on, or let it go."""
    return Act("hold", layer=layer)


def sync() -> Act:
    """Write everything and forget the page cache."""
    return Act("sync")


def act() -> st.SearchStrategy[Act]:
    """One operation on a small tree."""
    paths = [*FILES, *DIRECTORIES]
    pairs = [("/a", "/b"), ("/a", "/d/a"), ("/d/a", "/a"), ("/d", "/c"), ("/d/e", "/e"), ("/c", "/d"), ("/a", "/d")]
    groups = [
        [write(path, offset) for path in FILES for offset in (0, 3, 5000)],
        [child(), child(), child(1), child(2)],
        [mkdir(path) for path in DIRECTORIES],
        [verb(path) for path in paths for verb in (unlink, remove_tree, remove_tree)] + [rmdir("/d"), rmdir("/d/e")],
        [remove_tree("/d"), mkdir("/d"), unlink("/a"), write("/a")],
        [verb(*pair) for pair in pairs for verb in (rename, rename, link)],
        [verb(path) for path in paths for verb in (chmod, chown, utime, truncate, append, open_for_writing)]
        + [truncate(path, size) for path in FILES for size in (3, 9000)],
        [
            symlink("/a", "/s"),
            symlink("d", "/s"),
            symlink("a", "/d/s"),
            write("/s"),
            write("/s/a"),
            chmod("/s"),
            rename("/s", "/d/s"),
            link("/s", "/d/s"),
        ],
        [apply(), remove(), remove(1), hold(), hold(1), sync()],
    ]
    return st.sampled_from(groups).flatmap(st.sampled_from)


def driver_operations(least: int = 1, most: int = 12) -> st.SearchStrategy[list[Act]]:
    """Lists of `least` to `most` operations."""
    return st.lists(act(), min_size=least, max_size=most)


def few_acts() -> tuple[Act, ...]:
    """A small alphabet for `every_list`: two files in two layers."""
    return (
        write("/a"),
        write("/b"),
        unlink("/a"),
        rename("/a", "/b"),
        link("/a", "/b"),
        chmod("/a"),
        truncate("/a", 2),
        mkdir("/a"),
        remove_tree("/a"),
        child(),
        apply(),
    )
