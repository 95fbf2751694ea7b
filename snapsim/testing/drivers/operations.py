"""What can be done to the layers of a driver, as plain data; strategies of lists of it.

A layer has a number, in the order in which the layers were made, as in the names of programs (l0, l1); a negative
number counts back from the newest one that lives, and -1 is the default. A number whose layer does not live, or never
came, is taken modulo those that live, so that every list is valid. What is written follows from the number of the step.

>>> story = [write("/a"), child(), unlink("/a"), child()]
>>> story[2]
Act(verb='unlink', path='/a', to='', number=0, layer=-1)

LEAVES OUT: options of layers, and extended attributes but ``user.note``.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from snapsim.testing.shrinking import Reference

FILES = ("/a", "/b", "/d/a", "/d/e/a")
DIRECTORIES = ("/d", "/d/e")
NEWEST = -1


class Act(NamedTuple):
    """One operation.

    Attributes
    ----------
    verb : str
        A call of `Mount`, or "child", "apply", "remove", "hold", "sync", "renew".
    path, to : str
        Paths in the layer; of `symlink`, `to` is the link's text; of `apply`, where the archive comes from and goes.
    number : int
        Offset, size, mode, owner, time, or device number.
    layer : int
        Which layer: its number, or from the newest one (-1) back.
    """

    verb: str
    path: str = ""
    to: str = ""
    number: int = 0
    layer: int = NEWEST


def write(path: str, offset: int = 0, layer: int = NEWEST) -> Act:
    """Write a few bytes; the file is made if it is not there."""
    return Act("write", path, "", offset, layer)


def append(path: str, layer: int = NEWEST) -> Act:
    """Write a few bytes at the end."""
    return Act("append", path, "", 0, layer)


def truncate(path: str, size: int = 0, layer: int = NEWEST) -> Act:
    """Cut or lengthen a file."""
    return Act("truncate", path, "", size, layer)


def open_for_writing(path: str, layer: int = NEWEST) -> Act:
    """Open and close, without a write."""
    return Act("open", path, "", 0, layer)


def mkdir(path: str, mode: int = 0o755, layer: int = NEWEST) -> Act:
    """Make a directory."""
    return Act("mkdir", path, "", mode, layer)


def rmdir(path: str, layer: int = NEWEST) -> Act:
    """Remove an empty directory."""
    return Act("rmdir", path, "", 0, layer)


def unlink(path: str, layer: int = NEWEST) -> Act:
    """Take a name away."""
    return Act("unlink", path, "", 0, layer)


def remove_tree(path: str, layer: int = NEWEST) -> Act:
    """rm -r."""
    return Act("remove_tree", path, "", 0, layer)


def rename(path: str, to: str, layer: int = NEWEST) -> Act:
    """Move a name."""
    return Act("rename", path, to, 0, layer)


def link(path: str, to: str, layer: int = NEWEST) -> Act:
    """Another name for a file."""
    return Act("link", path, to, 0, layer)


def symlink(target: str, path: str, layer: int = NEWEST) -> Act:
    """A symbolic link at `path`."""
    return Act("symlink", path, target, 0, layer)


def chmod(path: str, mode: int = 0o600, layer: int = NEWEST) -> Act:
    """Set the mode."""
    return Act("chmod", path, "", mode, layer)


def chown(path: str, owner: int = 7, layer: int = NEWEST) -> Act:
    """Set owner and group (owner + 1)."""
    return Act("chown", path, "", owner, layer)


def utime(path: str, time: int = 10**9, layer: int = NEWEST) -> Act:
    """Set the time of the last change."""
    return Act("utime", path, "", time, layer)


def write_nothing(path: str, offset: int = 0, layer: int = NEWEST) -> Act:
    """Write no bytes at all; the file is made if it is not there."""
    return Act("write_nothing", path, "", offset, layer)


def create_new(path: str, layer: int = NEWEST) -> Act:
    """Open with O_CREAT and O_EXCL: it has to be new."""
    return Act("create_new", path, "", 0, layer)


def open_truncated(path: str, layer: int = NEWEST) -> Act:
    """Open with O_TRUNC."""
    return Act("open_truncated", path, "", 0, layer)


def mknod(path: str, device: int = 7, layer: int = NEWEST) -> Act:
    """Make a device with the numbers (device, device + 1)."""
    return Act("mknod", path, "", device, layer)


def lchown(path: str, owner: int = 7, layer: int = NEWEST) -> Act:
    """Set the owner of a symbolic link itself."""
    return Act("lchown", path, "", owner, layer)


def lutime(path: str, time: int = 10**9, layer: int = NEWEST) -> Act:
    """Set the time of a symbolic link itself."""
    return Act("lutime", path, "", time, layer)


def setxattr(path: str, value: int = 1, layer: int = NEWEST) -> Act:
    """Set the extended attribute ``user.note``."""
    return Act("setxattr", path, "", value, layer)


def removexattr(path: str, layer: int = NEWEST) -> Act:
    """Take the extended attribute ``user.note`` away; ENODATA if there is none."""
    return Act("removexattr", path, "", 0, layer)


def child(layer: int = NEWEST) -> Act:
    """A new layer on top of one, which is sealed by it; two children of one layer are two containers."""
    return Act("child", layer=layer)


def apply(layer: int = NEWEST) -> Act:
    """Export the layer's changes, unpack them in a sibling, compare the two, and remove the sibling."""
    return Act("apply", layer=layer)


def apply_held(layer: int = NEWEST) -> Act:
    """As `apply`, into a sibling that is mounted already."""
    return Act("apply", to="held", layer=layer)


def flatten(layer: int = NEWEST) -> Act:
    """Export the whole tree of the layer, unpack it in a base, compare the two, and remove the base."""
    return Act("apply", to="base", layer=layer)


def apply_far(layer: int = NEWEST) -> Act:
    """As `apply`, against the parent of the parent, in a sibling of the parent."""
    return Act("apply", to="far", layer=layer)


def renew(path: str, layer: int = NEWEST) -> Act:
    """rm -r and mkdir: a directory is made anew."""
    return Act("renew", path, "", 0o755, layer)


def remove(layer: int = NEWEST) -> Act:
    """Destroy a layer (never the last one); refused if it has children or is held."""
    return Act("remove", layer=layer)


def hold(layer: int = NEWEST) -> Act:
    """Keep the layer mounted from now on, or let it go."""
    return Act("hold", layer=layer)


def sync() -> Act:
    """Write everything and forget the page cache."""
    return Act("sync")


def act() -> st.SearchStrategy[Act]:
    """One operation on a small tree."""
    paths = [*FILES, *DIRECTORIES]
    pairs = [("/a", "/b"), ("/a", "/d/a"), ("/d/a", "/a"), ("/d", "/c"), ("/d/e", "/e"), ("/c", "/d"), ("/a", "/d")]
    pairs += [("/d", "/d/e/d"), ("/d/e", "/d"), ("/c", "/d/e"), ("/n", "/d/n")]
    groups = [
        [write(path, offset) for path in FILES for offset in (0, 3, 4090, 5000)],
        [child(), child(), child(-2), child(-3)],
        [mkdir(path) for path in (*DIRECTORIES, "/c")],
        [verb(path) for path in paths for verb in (unlink, remove_tree, remove_tree)] + [rmdir("/d"), rmdir("/d/e")],
        [remove_tree("/d"), mkdir("/d"), unlink("/a"), write("/a")],
        [verb(*pair) for pair in pairs for verb in (rename, rename, link)],
        [verb(path) for path in paths for verb in (chmod, chown, utime, truncate, append, open_for_writing)]
        + [truncate(path, size) for path in FILES for size in (3, 4096, 9000)],
        [verb(path) for path in FILES for verb in (write_nothing, create_new, open_truncated)]
        + [
            setxattr("/a"),
            setxattr("/d", 2),
            removexattr("/a"),
            chmod("/a", 0o4711),
            chmod("/d", 0o1777),
            mknod("/n"),
            mknod("/d/n"),
            unlink("/n"),
            chown("/n"),
        ],
        [
            symlink("/a", "/s"),
            symlink("d", "/s"),
            symlink("a", "/d/s"),
            write("/s"),
            write("/s/a"),
            chmod("/s"),
            lchown("/s"),
            lutime("/s"),
            rename("/s", "/d/s"),
            link("/s", "/d/s"),
        ],
        [apply(), flatten(), apply_held(), apply_far(), remove(), remove(-2), hold(), hold(), hold(-2), sync()],
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


def reachable_pairs() -> Iterator[tuple[str, str]]:
    """The verbs, and what they can meet.

    Examples
    --------
    >>> [state for verb, state in reachable_pairs() if verb == "child"][:2]
    ['a layer, a base', 'a layer, on another']
    """
    kinds, held = ("a layer", "a layer with children"), ("", " that is held")
    layers = [f"{kind}{how}" for kind in kinds for how in held]
    bases = [f"{layer}, {base}" for layer in layers for base in ("a base", "on another")]
    yield from itertools.product(["child", "apply", "hold", "remove"], bases)
    calls = ["write", "append", "truncate", "open", "write_nothing", "create_new", "open_truncated", "mkdir", "rmdir"]
    calls += ["unlink", "remove_tree", "rename", "link", "chmod", "chown", "utime"]
    nodes = [f"a {kind} {of}" for kind in ("file", "directory") for of in ("of its own", "from below")]
    states = [f"a layer, {node}" for node in ("nothing there", "below no directory", *nodes)]
    yield from itertools.product(calls, states)


def made_by(act: Act) -> str:
    """What kind of thing an operation makes: "layer", or nothing."""
    return "layer" if act.verb == "child" else ""


def named_by(act: Act) -> Iterator[Reference]:
    """The things that it names."""
    if act.verb != "sync":
        yield Reference("layer", "layer", act.layer)


def with_numbers(acts: Sequence[Act]) -> list[Act]:
    """The same list with a number for each layer that it names, so that it stays the same if others go.

    Examples
    --------
    >>> [act.layer for act in with_numbers([write("/a"), child(), write("/a"), write("/a", 0, -2), child(5)])]
    [0, 0, 1, 0, 1]
    """
    living, parents, made, found = [0], dict[int, int](), 1, list[Act]()
    for act in acts:
        number = living_number(act.layer, living)
        found.append(act if act.verb == "sync" else act._replace(layer=number))
        if act.verb == "child":
            parents[made] = number
            living.append(made)
            made += 1
        elif act.verb == "remove" and len(living) > 1 and number not in [parents.get(each) for each in living]:
            living.remove(number)
    return found


def living_number(wanted: int, living: Sequence[int]) -> int:
    """The number of a layer that lives, for one that an operation names."""
    return wanted if wanted in living else living[wanted % len(living)]
