"""Stories of drivers about what a name stands for: kinds, modes, owners, times, extended attributes and links.

See `stories`. A layer is named by its number here, where it is not the newest.

LEAVES OUT: sockets, and attributes but ``user.note``.
"""

from snapsim.testing.drivers.operations import (
    Act,
    append,
    apply,
    child,
    chmod,
    chown,
    flatten,
    lchown,
    link,
    lutime,
    mkdir,
    mknod,
    remove_tree,
    removexattr,
    rename,
    renew,
    setxattr,
    symlink,
    unlink,
    utime,
    write,
)
from snapsim.testing.drivers.stories import story


@story
def a_name_changes_its_kind() -> list[Act]:
    """A file becomes a directory with something in it, a directory a file, a link a file; and in an archive."""
    return [
        write("/a"),
        mkdir("/d"),
        write("/d/a"),
        symlink("a", "/s"),
        child(),
        renew("/a"),
        write("/a/b"),
        apply(),
        remove_tree("/d"),
        write("/d"),
        unlink("/s"),
        write("/s"),
        apply(),
        flatten(),
        child(),
        remove_tree("/a"),
        write("/a"),
        apply(),
    ]


@story
def devices_keep_their_numbers() -> list[Act]:
    """Copied up, moved, archived, and made anew with others (moby `TestChangesWithChanges` has a device)."""
    return [
        mknod("/n"),
        mkdir("/d"),
        mknod("/d/n", 300),
        child(),
        chown("/n"),
        rename("/d/n", "/m"),
        apply(),
        flatten(),
        child(),
        unlink("/n"),
        mknod("/n", 9),
        mknod("/d/new", 12),
        apply(),
    ]


@story
def special_modes_survive() -> list[Act]:
    """Set-user-id, set-group-id and sticky bits through copy-up, copies and archives."""
    return [
        write("/a"),
        chmod("/a", 0o6755),
        mkdir("/d", 0o1777),
        mkdir("/e", 0o750),
        chmod("/e", 0o2750),
        child(),
        append("/a"),
        write("/d/a"),
        write("/e/a"),
        chmod("/e/a", 0o4711),
        apply(),
        flatten(),
        child(),
        utime("/a"),
        apply(),
    ]


@story
def notes_on_files_and_directories() -> list[Act]:
    """Extended attributes are inherited, changed and taken away in a child; a copy-up keeps them."""
    return [
        write("/a", 5000),
        mkdir("/d"),
        write("/d/a"),
        setxattr("/a"),
        setxattr("/d", 2),
        setxattr("/d/a", 3),
        child(),
        write("/a", 3),
        chmod("/d/a"),
        setxattr("/d", 4),
        child(),
        removexattr("/a"),
        removexattr("/a"),
        rename("/d/a", "/b"),
        setxattr("/x"),
        child(),
        unlink("/b"),
        write("/b"),
    ]


@story
def the_owner_of_a_link_itself() -> list[Act]:
    """lchown and lutime change the link and not what it leads to (docker#20240)."""
    return [
        write("/a"),
        symlink("/a", "/s"),
        lchown("/s"),
        lutime("/s"),
        child(),
        rename("/s", "/t"),
        apply(),
        child(),
        lchown("/t", 9),
        chmod("/t", 0o600),
        apply(),
        flatten(),
    ]


@story
def times_of_directories() -> list[Act]:
    """A change in a directory is its own time; a change of a file in it, and its copy-up, is none."""
    return [
        mkdir("/d"),
        mkdir("/d/e"),
        write("/d/e/a"),
        utime("/d", 7 * 10**8),
        utime("/d/e"),
        child(),
        chmod("/d/e/a"),
        write("/d/e/a", 3),
        apply(),
        child(),
        unlink("/d/e/a"),
        apply(),
        flatten(),
        child(),
        chmod("/d"),
        write("/d/b"),
        apply(),
    ]


@story
def only_the_time_of_a_directory() -> list[Act]:
    """By moby's rule that is no change; an archive may have it or not."""
    return [mkdir("/d"), write("/d/a"), child(), utime("/d"), apply(), child(), write("/d/b"), utime("/d", 5), apply()]


@story
def times_stay_when_nothing_changes() -> list[Act]:
    """A chmod, a chown, another name and a move leave the time of the last change alone."""
    return [
        write("/a", 5000),
        write("/b"),
        child(),
        chmod("/a"),
        link("/b", "/c"),
        child(),
        chown("/a"),
        rename("/c", "/d"),
        apply(),
        child(),
    ]


@story
def links_of_directories_that_move() -> list[Act]:
    """Each directory counts those in it, where they came from and where they went."""
    return [
        mkdir("/d"),
        mkdir("/d/e"),
        mkdir("/c"),
        rename("/d/e", "/c/e"),
        child(),
        mkdir("/f"),
        mkdir("/f/g"),
        mkdir("/h"),
        rename("/f/g", "/h/g"),
        rename("/f", "/h/f"),
        rename("/h/g", "/c/g"),
        child(),
        apply(1),
    ]


@story
def links_in_archives() -> list[Act]:
    """Names of one file arrive as names of one file."""
    return [
        write("/a", 5000),
        mkdir("/d"),
        link("/a", "/d/b"),
        child(),
        write("/c", 5000),
        link("/c", "/d/c"),
        link("/c", "/e"),
        apply(),
        flatten(0),
        child(),
        append("/e"),
        unlink("/c"),
        apply(),
    ]
