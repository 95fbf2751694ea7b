"""Stories of drivers: named behaviours as lists of operations.

A story is played beside flat trees and with all books, after every step and in every layer, so that no
expected value is written by hand. Each names the test that holds it elsewhere: moby graphtest, containers/storage
graphtest, containerd's snapshotter suite, continuity's FSSuite.

>>> [act.verb for act in deleted_files_in_child_snapshot()]
['write', 'write', 'child', 'unlink', 'apply', 'child', 'child']

LEAVES OUT: what is done to files (`file_stories`), and mounts that are held and archives (`use_stories`).
"""

from collections.abc import Callable

from snapsim.testing.drivers.operations import (
    Act,
    apply,
    apply_far,
    child,
    chmod,
    chown,
    link,
    mkdir,
    remove,
    remove_tree,
    rename,
    renew,
    rmdir,
    symlink,
    sync,
    truncate,
    unlink,
    write,
)

DriverStory = Callable[[], list[Act]]
DRIVER_STORIES: list[DriverStory] = []


def story(function: DriverStory) -> DriverStory:
    """Register a story."""
    DRIVER_STORIES.append(function)
    return function


# ---------------------------------------------------------------- layers


@story
def create_base_and_snap() -> list[Act]:
    """A base with odd modes and owners, and a child (moby `DriverTestCreateBase`, `DriverTestCreateSnap`)."""
    return [
        mkdir("/a subdir", 0o1705),
        chown("/a subdir", 1),
        write("/a file"),
        chmod("/a file", 0o4222),
        child(),
        sync(),
    ]


@story
def root_mode_is_inherited() -> list[Act]:
    """chmod of a child's root is seen by a grandchild (containers/storage `DriverTestCreateSnap`)."""
    return [child(), chmod("/", 0o711), child(), write("/a"), child()]


@story
def deep_layer_read() -> list[Act]:
    """Twenty layers, each with a file of its own (moby `DriverTestDeepLayerRead`)."""
    return [
        write("/base"),
        *(act for n in range(20) for act in (child(), write("/top"), mkdir(f"/layer-{n}"), write(f"/layer-{n}/id"))),
    ]


@story
def basic() -> list[Act]:
    """Commit, commit, view; a parent stays until its child has gone (containerd `Basic`)."""
    return [
        write("/foo"),
        mkdir("/a"),
        mkdir("/a/b"),
        child(),
        write("/bar"),
        write("/a/b/c"),
        remove_tree("/a"),
        child(),
        remove(-2),
        remove(),
        remove(),
    ]


@story
def remove_intermediate_snapshot() -> list[Act]:
    """The middle one cannot go, from top to base they can (containerd `RemoveIntermediateSnapshot`)."""
    return [write("/a"), child(), write("/a"), child(), remove(-2), remove(-3), remove(), remove()]


@story
def two_containers_of_one_image() -> list[Act]:
    """Writes to one container are seen neither by the image nor by the other (moby's reason to be)."""
    return [
        write("/a"),
        child(),
        child(-2),
        write("/a", 3, -1),
        write("/b", 0, -2),
        unlink("/a", -2),
        write("/a", 0, -2),
    ]


@story
def many_containers_of_one_image() -> list[Act]:
    """Each is written to before the next is made, and the next shows the image as it was."""
    return [write("/a"), *(act for n in range(1, 5) for act in (child(0), write("/b"), write("/a", n, n)))]


@story
def view_is_read_only() -> list[Act]:
    """A layer with a child refuses every change (containerd `ViewReadonly`)."""
    return [
        write("/a"),
        mkdir("/d"),
        child(),
        write("/a", 0, -2),
        unlink("/a", -2),
        mkdir("/e", 0o755, -2),
        chmod("/a", 0, -2),
        rename("/a", "/b", -2),
        truncate("/a", 0, -2),
        link("/a", "/c", -2),
        rmdir("/d", -2),
        symlink("/a", "/s", -2),
    ]


# ---------------------------------------------------------------- deletions


@story
def deleted_files_in_child_snapshot() -> list[Act]:
    """Deleted in layer 2, still gone in layers 3 and 4 (containerd `DeletedFilesInChildSnapshot`)."""
    return [write("/a"), write("/b"), child(), unlink("/a"), apply(), child(), child()]


@story
def remove_directory_in_lower_layer() -> list[Act]:
    """rm -rf and mkdir: what was below stays hidden (containerd `RemoveDirectoryInLowerLayer`, docker#25244)."""
    return [
        mkdir("/lib"),
        write("/lib/hidden"),
        child(),
        remove_tree("/lib"),
        mkdir("/lib"),
        write("/lib/not-hidden"),
        child(),
        apply(-2),
        write("/lib/hidden"),
        apply(),
    ]


@story
def a_directory_made_anew() -> list[Act]:
    """The shortest way to an opaque directory in an archive (OCI image-spec `layer.md`, "Opaque Whiteout")."""
    return [mkdir("/lib"), write("/lib/hidden"), child(), renew("/lib"), apply(), remove_tree("/lib"), apply()]


@story
def against_the_layer_before_the_last() -> list[Act]:
    """An archive against the parent's parent has the parent's changes too, and goes into a sibling of the parent."""
    return [
        write("/a"),
        mkdir("/d"),
        write("/d/a"),
        child(),
        write("/b"),
        unlink("/a"),
        child(),
        apply_far(),
        write("/d/b"),
        chmod("/b"),
        remove_tree("/d/a"),
        apply_far(),
    ]


@story
def remove_and_make_again() -> list[Act]:
    """A name changes its kind from layer to layer (containers/storage `DriverTestEcho`)."""
    return [
        write("/a"),
        mkdir("/d"),
        write("/d/a"),
        child(),
        unlink("/a"),
        mkdir("/a"),
        remove_tree("/d"),
        write("/d"),
        child(),
        rmdir("/a"),
        symlink("d", "/a"),
        unlink("/d"),
        mkdir("/d"),
        apply(-2),
        apply(),
        child(),
    ]


@story
def echo_at_every_depth() -> list[Act]:
    """Deleted at a depth in layer 2, made again in layer 3 (containers/storage `DriverTestEcho`)."""
    paths = ["/1", "/1/2", "/1/2/3", "/1/2/3/4"]
    return [
        *map(mkdir, paths),
        write("/1/2/3/4/f"),
        child(),
        remove_tree(paths[2]),
        child(),
        mkdir(paths[2]),
        mkdir(paths[3]),
        write("/1/2/3/4/f"),
        child(),
    ]
