"""Stories of drivers about files and names: what is changed, moved and linked in the layers above.

See `stories`. LEAVES OUT: sockets, labels, and what needs a running container (working directories).
"""

from snapsim.testing.drivers.operations import (
    Act,
    append,
    apply,
    child,
    chmod,
    chown,
    hold,
    link,
    mkdir,
    open_for_writing,
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
)
from snapsim.testing.drivers.stories import story

# ---------------------------------------------------------------- changes of files


@story
def layer_file_update() -> list[Act]:
    """Content and mode change in layer after layer (containerd `LayerFileupdate`, docker#21555)."""
    return [
        mkdir("/opt"),
        write("/opt/a"),
        write("/opt/b"),
        *(
            act
            for _ in range(5)
            for act in (child(), write("/opt/a", 2), chmod("/opt/a", 0o755), append("/opt/b"), apply())
        ),
    ]


@story
def update_in_the_middle() -> list[Act]:
    """A few bytes in the middle of a file, on sixteen layers (containerd's benchmark `updateFile`)."""
    return [write("/f", 16_000), *(act for n in range(16) for act in (child(), write("/f", 1000 * n)))]


@story
def chown_in_layers() -> list[Act]:
    """Owners of directories and files change in layer 2 (containerd `Chown`, docker#20240, #24913, #28391)."""
    return [
        mkdir("/opt"),
        mkdir("/opt/a"),
        write("/opt/a/b.txt"),
        child(),
        chown("/opt", 1),
        chown("/opt/a", 1),
        chown("/opt/a/b.txt", 1),
        apply(),
        child(),
    ]


@story
def directory_permission_on_commit() -> list[Act]:
    """Owners after remove and create, in three layers (containerd `DirectoryPermissionOnCommit`, docker#27298)."""
    return [
        *(act for n in range(1, 4) for act in (mkdir(f"/dir{n}"), chown(f"/dir{n}", n))),
        write("/dir1/f"),
        child(),
        remove_tree("/dir1"),
        mkdir("/dir1"),
        chown("/dir1", 5),
        write("/dir2/f"),
        chmod("/dir3", 0o700),
        child(),
        remove_tree("/dir1"),
        mkdir("/dir1"),
        chown("/dir1", 6),
        apply(-2),
        apply(),
    ]


@story
def parent_directory_permission() -> list[Act]:
    """A file below does not change the mode of its parents (continuity `ParentDirectoryPermission`)."""
    return [
        mkdir("/d", 0o700),
        mkdir("/d/e", 0o751),
        write("/d/e/f"),
        child(),
        write("/d/e/g"),
        apply(),
        child(),
        write("/d/e/f", 1),
        apply(),
    ]


@story
def attributes_survive_a_change() -> list[Act]:
    """Mode, owner and links outlive a write in the layer above (continuity `Update`)."""
    return [
        write("/a"),
        chmod("/a", 0o640),
        chown("/a", 3),
        utime("/a", 10**9),
        child(),
        chmod("/a", 0o600),
        child(),
        open_for_writing("/a"),
        child(),
        append("/a"),
        apply(),
        sync(),
    ]


@story
def truncated_in_a_child() -> list[Act]:
    """Shorter, longer, empty."""
    return [
        write("/a", 5000),
        write("/a"),
        child(),
        truncate("/a", 100),
        child(),
        truncate("/a", 9000),
        child(),
        truncate("/a", 0),
        child(),
        write("/a", 5000),
        apply(),
    ]


# ---------------------------------------------------------------- names


@story
def move_file_from_lower_layer() -> list[Act]:
    """Moved by hard link and removal, source gone, target has the content (containerd `MoveFileFromLowerLayer`)."""
    return [
        mkdir("/dir1"),
        write("/dir1/f1"),
        write("/dir1/f2"),
        mkdir("/dir2"),
        child(),
        link("/dir1/f1", "/dir2/f1"),
        unlink("/dir1/f1"),
        write("/dir2/f2"),
        unlink("/dir1/f2"),
        child(),
        apply(-2),
    ]


@story
def rename_in_layers() -> list[Act]:
    """Over a lower file, of a lower file, of directories (containerd `Rename`, docker#25409)."""
    return [
        mkdir("/dir1"),
        mkdir("/somefiles"),
        write("/somefiles/f1"),
        write("/dir1/f1"),
        child(),
        rename("/somefiles/f1", "/dir1/f1"),
        write("/somefiles/f2"),
        child(),
        rename("/dir1/f1", "/somefiles/f2"),
        rename("/dir1", "/dir2"),
        mkdir("/dir3"),
        rename("/dir3", "/dir4"),
        rename("/somefiles", "/moved"),
        child(),
    ]


@story
def rename_over_what_was_deleted() -> list[Act]:
    """A new name where a lower one was deleted."""
    return [
        write("/a"),
        write("/b"),
        child(),
        unlink("/b"),
        rename("/a", "/b"),
        child(),
        rename("/b", "/a"),
        apply(-2),
        apply(),
    ]


@story
def hard_links_unmodified() -> list[Act]:
    """Two names in one layer, another change above (continuity `HardlinkUnmodified`, `HardlinkBeforeUnmodified`)."""
    return [write("/a"), link("/a", "/b"), child(), write("/c"), apply(), link("/b", "/d"), child(), unlink("/d")]


@story
def hard_link_before_modified() -> list[Act]:
    """A lower file with two names is changed through one (continuity `HardlinkBeforeModified`)."""
    return [write("/a"), link("/a", "/b"), child(), append("/a"), child(), unlink("/a"), child(), write("/b", 3)]


@story
def symbolic_links() -> list[Act]:
    """Through a link, to a file and to a directory of the layer below (fstest `Symlink`)."""
    return [
        mkdir("/d"),
        write("/d/f"),
        symlink("/d", "/s"),
        symlink("f", "/d/t"),
        child(),
        write("/s/f", 2),
        write("/s/t", 4),
        chmod("/s", 0o700),
        unlink("/s"),
        child(),
        symlink("/nowhere", "/s"),
        write("/s"),
        apply(-2),
    ]


@story
def symbolic_links_are_moved() -> list[Act]:
    """A lower link, moved or with another name, has the text that it had (fstest `Symlink`, `Rename`, `Link`)."""
    return [
        mkdir("/d"),
        symlink("f", "/d/t"),
        symlink("/d", "/s"),
        child(),
        rename("/d/t", "/t"),
        link("/s", "/r"),
        apply(),
        rename("/t", "/d/t"),
    ]


@story
def errors_are_linux_s() -> list[Act]:
    """What cannot be done fails with the right errno, on files from below too."""
    return [
        write("/a"),
        mkdir("/d"),
        write("/d/f"),
        child(),
        mkdir("/a"),
        rmdir("/a"),
        rmdir("/d"),
        unlink("/d"),
        write("/d"),
        write("/a/b"),
        unlink("/x"),
        rename("/x", "/y"),
        rename("/a", "/d"),
        rename("/d", "/a"),
        rename("/d", "/d/e"),
        link("/d", "/e"),
        link("/a", "/d"),
        truncate("/d"),
        write("/x/y"),
        chmod("/x"),
        symlink("/a", "/a"),
    ]


@story
def a_held_mount_sees_the_same() -> list[Act]:
    """A mount that is kept shows what a fresh one shows."""
    return [
        write("/a"),
        mkdir("/d"),
        write("/d/f"),
        child(),
        hold(),
        unlink("/a"),
        remove_tree("/d"),
        mkdir("/d"),
        write("/a"),
        rename("/a", "/d/a"),
        sync(),
        hold(),
        child(),
        hold(-2),
        write("/a"),
        remove(),
    ]
