"""Stories of drivers about use: mounts that are held, refusals, blocks, and directories that move.

See `stories`. A layer is named by its number here, where it is not the newest.

LEAVES OUT: quotas, and names that are no ids (`probes`).
"""

from snapsim.testing.drivers.operations import (
    Act,
    append,
    apply,
    apply_held,
    child,
    chmod,
    chown,
    create_new,
    flatten,
    hold,
    mkdir,
    open_truncated,
    remove,
    remove_tree,
    rename,
    rmdir,
    symlink,
    sync,
    truncate,
    unlink,
    utime,
    write,
    write_nothing,
)
from snapsim.testing.drivers.stories import story

# ---------------------------------------------------------------- mounts and refusals


@story
def a_held_mount_turns_read_only() -> list[Act]:
    """A child is made while its parent is mounted: that mount refuses every change from then on."""
    return [
        write("/a"),
        hold(),
        write("/b"),
        child(),
        write("/a", 0, 0),
        unlink("/b", 0),
        mkdir("/e", layer=0),
        hold(0),
    ]


@story
def a_layer_that_is_held_stays() -> list[Act]:
    """Its removal is refused and changes nothing; when it is let go it can be removed."""
    return [write("/a"), child(), write("/b"), hold(), remove(), write("/b", 3), unlink("/a"), hold(), remove()]


@story
def a_refused_removal_changes_nothing() -> list[Act]:
    """Neither the layer nor its child, nor what is made later."""
    return [mkdir("/d"), write("/d/a"), child(), write("/b"), remove(0), unlink("/d/a"), child(0), remove(0), remove(1)]


@story
def sealed_for_ever() -> list[Act]:
    """A layer that had a child stays read-only when the child has gone."""
    return [write("/a"), child(), remove(), write("/a"), mkdir("/d"), child(), write("/a")]


@story
def what_is_held_and_filled() -> list[Act]:
    """Archives are unpacked into a layer that is mounted as into any other."""
    return [mkdir("/d"), write("/d/a"), child(), unlink("/d/a"), write("/d/b"), symlink("b", "/d/s"), apply_held()]


# ---------------------------------------------------------------- blocks


@story
def the_last_block_is_copied() -> list[Act]:
    """Of a file of three blocks, the last one not full; and at the edges of blocks."""
    return [
        write("/a", 9000),
        write("/b", 4090),
        write("/c", 4096),
        child(),
        append("/a"),
        write("/b", 4090),
        chmod("/c"),
        apply(),
        child(),
        write("/a", 4090),
        truncate("/c", 4096),
        flatten(),
        sync(),
    ]


@story
def cut_and_written_beyond() -> list[Act]:
    """What was cut off does not come back when something is written behind it."""
    return [
        write("/a", 5000),
        truncate("/a", 4097),
        write("/a", 9000),
        child(),
        truncate("/a", 3),
        write("/a", 4100),
        child(),
        truncate("/a", 0),
        write("/a", 5),
        apply(1),
        apply(2),
        sync(),
    ]


@story
def a_child_of_what_is_not_written_back() -> list[Act]:
    """A child is made while new content is in memory only, once and again."""
    return [
        write("/a", 5000),
        sync(),
        write("/a", 4090),
        write("/b"),
        child(),
        sync(),
        write("/a"),
        child(),
        write("/b", 9000),
        child(),
        sync(),
    ]


@story
def nothing_is_written() -> list[Act]:
    """Empty files, and writes of no bytes: the file is made, and nothing else changes."""
    return [
        write_nothing("/a"),
        write("/b"),
        utime("/b"),
        child(),
        write_nothing("/b", 5000),
        write_nothing("/a"),
        write_nothing("/c", 9),
        apply(),
        flatten(),
        child(),
        truncate("/b"),
        write("/a"),
        apply(),
    ]


@story
def opened_and_cut() -> list[Act]:
    """O_TRUNC of a file from below: it is empty, with its mode and owner; the layer below keeps all."""
    return [
        write("/a", 9000),
        chmod("/a", 0o640),
        chown("/a", 3),
        child(),
        open_truncated("/a"),
        apply(),
        write("/a", 3),
        child(),
        open_truncated("/a"),
        open_truncated("/x"),
        apply(),
    ]


@story
def made_only_if_it_is_new() -> list[Act]:
    """O_EXCL sees what is below, links that lead nowhere too; a name that was deleted is new."""
    return [
        write("/a"),
        symlink("/nowhere", "/s"),
        mkdir("/d"),
        child(),
        create_new("/a"),
        create_new("/s"),
        create_new("/d"),
        create_new("/x/y"),
        unlink("/a"),
        create_new("/a"),
        create_new("/d/b"),
        apply(),
    ]


# ---------------------------------------------------------------- names


@story
def a_directory_does_not_move_into_itself() -> list[Act]:
    """EINVAL, of a directory of the layer and of one from below; onto itself nothing happens."""
    return [
        mkdir("/d"),
        mkdir("/d/e"),
        rename("/d", "/d/x"),
        rename("/d", "/d/e"),
        child(),
        mkdir("/n"),
        mkdir("/n/m"),
        rename("/n", "/n/m/k"),
        rename("/n", "/n"),
        rename("/d", "/d/e/f"),
    ]


@story
def a_directory_moves_to_a_name_from_below() -> list[Act]:
    """What the layer below had under that name stays gone, in every layer above."""
    return [
        mkdir("/d"),
        write("/d/a"),
        mkdir("/d/e"),
        child(),
        remove_tree("/d"),
        mkdir("/n"),
        write("/n/b"),
        rename("/n", "/d"),
        apply(),
        child(),
        write("/d/c"),
        apply(),
        child(),
    ]


@story
def a_directory_moves_over_one_from_below() -> list[Act]:
    """Refused while that one has something in it; it may go when it is empty, and what was in it does not come back."""
    return [
        mkdir("/d"),
        write("/d/a"),
        child(),
        mkdir("/n"),
        write("/n/b"),
        rename("/n", "/d"),
        unlink("/d/a"),
        rename("/n", "/d"),
        apply(),
        child(),
        rmdir("/d"),
        remove_tree("/d"),
        mkdir("/d"),
        apply(),
    ]


@story
def deleted_at_many_depths() -> list[Act]:
    """Names that several layers have are gone for good, and what is made anew is new."""
    rounds = [
        act
        for _ in range(4)
        for act in (child(), write("/a", 3), write("/d/a"), child(), unlink("/a"), unlink("/d/a"), write("/d/b", 3))
    ]
    return [mkdir("/d"), write("/a"), write("/d/a"), *rounds, apply(), flatten(), child(), write("/a")]


@story
def unusual_names() -> list[Act]:
    """Blanks, dots, letters beyond ASCII, and as long as 200 bytes."""
    long = "/" + "n" * 200
    return [
        write("/a b "),
        write("/\u00fc\u00f1"),
        mkdir("/..."),
        write("/.../-x"),
        write(long),
        child(),
        unlink("/a b "),
        rename("/\u00fc\u00f1", "/.../\ud55c"),
        append(long),
        unlink("/.../-x"),
        apply(),
        flatten(),
    ]
