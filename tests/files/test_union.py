"""What every union mount does, overlayfs, overlayfs with metacopy, fuse-overlayfs and aufs alike."""

import errno
import os

import numpy as np
import pytest

from snapsim.block.device import BlockDevice
from snapsim.drivers.graphdrivers.fuse_overlayfs import FuseOverlayMount
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.aufs import AufsMount
from snapsim.files.mounts.metacopy import MetacopyMount
from snapsim.files.mounts.overlayfs import OverlayMount
from snapsim.files.mounts.tree import TreeMount

KINDS = {"overlay": OverlayMount, "metacopy": MetacopyMount, "fuse-overlayfs": FuseOverlayMount, "aufs": AufsMount}
OVERLAYS = [kind for kind in KINDS if kind != "aufs"]
EVERY = pytest.mark.parametrize("kind", list(KINDS))


class Stage:
    """Layers on one file system: `lower(n)` to fill, then `mount` over all of them."""

    def __init__(self, kind, layers=1, size=8192, fs="ext4"):
        self.kind = kind
        self.fs = FILESYSTEMS[fs](BlockDevice(size))
        names = [f"layer{number}" for number in range(layers)]
        self.lowers = [self.fs.create(self.fs.root, name, "directory") for name in names]
        self.upper, self.work = (self.fs.create(self.fs.root, name, "directory") for name in ("upper", "work"))

    def lower(self, number=0):
        return TreeMount(self.fs, self.lowers[number])

    def mount(self):
        lowers = self.lowers[::-1]  # nearest first
        if self.kind == "aufs":
            return AufsMount(self.fs, lowers, self.upper)
        return KINDS[self.kind](self.fs, lowers, self.upper, self.work)

    def marks(self):
        """Names in the upper that are neither whiteouts nor aufs' own."""
        return sorted(
            name for name, inode in self.upper.entries.items() if not name.startswith(".wh.") and inode.kind != "device"
        )


def number_of(call, *arguments):
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return errno.errorcode[caught.value.errno]


def tree_of(mount, path="/"):
    """Kind, mode, owner and content of everything that a mount shows."""
    found = {}
    for name in mount.listdir(path):
        full = f"{path.rstrip('/')}/{name}"
        status = mount.stat(full, follow=False)
        content = (
            tuple(mount.read(full).tolist())
            if status.kind == "file"
            else mount.readlink(full)
            if status.kind == "symlink"
            else ()
        )
        found[full] = (status.kind, status.mode, status.uid, status.gid, content)
        if status.kind == "directory":
            found |= tree_of(mount, full)
    return found


def frozen(inode):
    """All that is in a layer's directory, to hold against the same later."""
    return (
        inode.kind,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.nlink,
        inode.size,
        inode.mtime,
        inode.rdev,
        inode.target,
        tuple(sorted(inode.xattrs.items())),
        tuple(inode.blocks.tolist()),
        tuple((name, frozen(child)) for name, child in sorted(inode.entries.items())),
    )


# ---------------------------------------------------------------- looking up


@EVERY
def test_the_first_hit_wins_and_directories_merge(kind):
    """Bottom: f=1, d/a, d/x. Middle: f=2, d/b. The union: f=2 and d with a, b, x."""
    stage = Stage(kind, layers=2)
    for number, names in enumerate((("f", "d/a", "d/x"), ("f", "d/b"))):
        stage.lower(number).mkdir("/d")
        for name in names:
            stage.lower(number).write(f"/{name}", 0, data=b"%d" % (number + 1))
    mount = stage.mount()
    assert mount.listdir("/") == ["d", "f"]
    assert mount.listdir("/d") == ["a", "b", "x"]
    assert mount.read_bytes("/f") == b"2"
    assert mount.read_bytes("/d/x") == b"1"


@EVERY
def test_a_file_and_a_directory_of_one_name(kind):
    """Whatever is on top hides the other kind below, and ends the search."""
    stage = Stage(kind, layers=3)
    stage.lower(0).mkdir("/n")
    stage.lower(0).write("/n/old", 0, data=b"o")
    stage.lower(1).write("/n", 0, data=b"file")
    stage.lower(2).mkdir("/n")
    mount = stage.mount()
    assert mount.listdir("/n") == []
    mount.rmdir("/n")
    assert mount.listdir("/") == []


@EVERY
def test_without_an_upper_nothing_can_be_written(kind):
    stage = Stage(kind)
    stage.lower().write("/f", 0, data=b"x")
    mount = KINDS[kind](stage.fs, stage.lowers)
    assert mount.read_bytes("/f") == b"x"
    for call in ((mount.write, "/f", 0, 1), (mount.unlink, "/f"), (mount.mkdir, "/d"), (mount.chmod, "/f", 0)):
        assert number_of(*call) == "EROFS"


# ---------------------------------------------------------------- copy-up


@EVERY
def test_parents_are_copied_up_first_with_their_attributes(kind):
    """One byte in a/b/f: a and b appear above with mode, owner and time as below; f holds what f held."""
    stage = Stage(kind)
    below = stage.lower()
    below.mkdir("/a", 0o750)
    below.mkdir("/a/b", 0o700)
    below.chown("/a/b", 7, 8)
    below.write("/a/b/f", 0, data=b"hello" + bytes(5000))
    before = [below.stat(path) for path in ("/a", "/a/b")]
    stage.mount().write("/a/b/f", 0, data=b"J")
    above = TreeMount(stage.fs, stage.upper)
    for path, old in zip(("/a", "/a/b"), before, strict=True):
        new = above.stat(path)
        assert (new.mode, new.uid, new.gid, new.mtime) == (old.mode, old.uid, old.gid, old.mtime)
    assert above.read_bytes("/a/b/f")[:5] == b"Jello"
    assert below.read_bytes("/a/b/f")[:5] == b"hello"


@EVERY
def test_holes_are_skipped(kind):
    """2 blocks of data at the start of a file of 64 MiB, 1 at the end: 3 blocks read.

    aufs and fuse-overlayfs write 3, and hold 3 and the one that is changed. overlayfs copies 1 MiB from where it finds
    data: 254 blocks of the hole come along with the first 2, so it writes 256 + 1, and holds one more.
    """
    stage = Stage(kind)
    with stage.lower().open("/f", os.O_WRONLY | os.O_CREAT) as file:
        file.write(0, 8192)
        file.write((64 << 20) - 4096, 4096)
    stage.fs.sync()
    stage.fs.drop_caches()
    mount = stage.mount()
    with stage.fs.store.counting() as io:
        mount.write("/f", 1 << 20, 4096)
        mount.sync()
    written = 256 + 1 if kind in ("overlay", "metacopy") else 3
    assert (io.counts.bytes("read", "copy"), io.counts.bytes("write", "copy")) == (12288, written * 4096)
    assert mount.stat("/f").blocks == (written + 1) * 8


@EVERY
def test_truncating_at_open_copies_nothing(kind):
    stage = Stage(kind)
    stage.lower().write("/f", 0, 1 << 20)
    stage.fs.sync()
    stage.fs.drop_caches()
    mount = stage.mount()
    with stage.fs.store.counting() as io:
        mount.open("/f", os.O_WRONLY | os.O_TRUNC).close()
        mount.sync()
    assert io.counts.requests() == 0
    assert mount.stat("/f").size == 0


@EVERY
def test_reflink_makes_it_a_clone(kind):
    """XFS: 1 byte of 1 MiB reads and writes one block; the other 255 stay shared with the lower file."""
    stage = Stage(kind, fs="xfs")
    stage.lower().write("/f", 0, 1 << 20)
    stage.fs.sync()
    stage.fs.drop_caches()
    mount = stage.mount()
    with stage.fs.store.counting() as io:
        mount.write("/f", 0, 1)
        mount.sync()
    assert (io.counts.bytes("read"), io.counts.bytes("write")) == (4096, 4096)
    assert stage.fs.used == (1 << 20) + 4096


@EVERY
def test_no_room_for_the_copy_leaves_nothing_behind(kind):
    """200 of 256 blocks are the lower file's: the copy needs 200 more. ENOSPC, and the lower file is still seen."""
    stage = Stage(kind, size=256)
    stage.lower().write("/f", 0, 200 * 4096)
    stage.fs.sync()
    mount = stage.mount()
    assert number_of(mount.write, "/f", 0, 1) == "ENOSPC"
    assert stage.marks() == []
    assert stage.fs.used == 200 * 4096
    assert mount.read("/f").size == 200


@EVERY
@pytest.mark.parametrize("kind_below", ["symlink", "device"])
def test_what_is_no_file_is_copied_up_too(kind, kind_below):
    stage = Stage(kind)
    if kind_below == "symlink":
        stage.lower().symlink("target", "/n")
    else:
        stage.lower().mknod("/n", 0o600, (1, 3))
    mount = stage.mount()
    mount.chown("/n", 5, 6, follow=False)
    status = mount.stat("/n", follow=False)
    assert (status.kind, status.uid, status.gid) == (kind_below, 5, 6)
    assert stage.upper.entries["n"].target == ("target" if kind_below == "symlink" else "")


@EVERY
def test_an_old_descriptor_sees_the_new_data_but_not_a_new_file(kind):
    """After a copy-up the new data; after unlink, and after a new file of that name, what it had."""
    stage = Stage(kind)
    for name in ("f", "g"):
        stage.lower().write(f"/{name}", 0, 4096)
    mount = stage.mount()
    with mount.open("/f") as f, mount.open("/g") as g:
        old = g.read()[0]
        mount.write("/f", 0, 4096)
        assert f.read()[0] == mount.read("/f")[0]
        mount.unlink("/g")
        assert g.read()[0] == old
        mount.write("/g", 0, 4096)
        assert g.read()[0] == old != mount.read("/g")[0]


@EVERY
def test_a_deleted_upper_file_lives_while_it_is_open(kind):
    stage = Stage(kind)
    mount = stage.mount()
    mount.write("/f", 0, 8192)
    mount.sync()
    with mount.open("/f") as file:
        mount.unlink("/f")
        assert stage.fs.used == 8192
        assert file.read().size == 2
    assert stage.fs.used == 0


# ---------------------------------------------------------------- whiteouts and opaque directories


@EVERY
def test_a_deletion_of_what_is_only_above_leaves_no_whiteout(kind):
    stage = Stage(kind)
    mount = stage.mount()
    mount.write("/f", 0, 1)
    mount.unlink("/f")
    mount.mkdir("/d")
    mount.rmdir("/d")
    assert [name for name in stage.upper.entries if not name.startswith(".wh..wh.")] == []


@EVERY
def test_a_deleted_name_stays_deleted_and_can_come_back(kind):
    """Layer f, delete f, look from a new mount; make f again: the whiteout is gone and the old data with it."""
    stage = Stage(kind)
    stage.lower().write("/f", 0, data=b"old")
    mount = stage.mount()
    mount.unlink("/f")
    assert number_of(mount.stat, "/f") == "ENOENT"
    assert stage.mount().listdir("/") == []
    mount = stage.mount()
    mount.write("/f", 0, data=b"new")
    assert stage.mount().read_bytes("/f") == b"new"


@EVERY
def test_a_directory_made_again_is_empty(kind):
    """rm -r d, mkdir d: opaque, so that what was in d stays away, from later layers too."""
    stage = Stage(kind, layers=2)
    stage.lower(0).mkdir("/d")
    stage.lower(0).write("/d/old", 0, data=b"1")
    stage.lower(1).mkdir("/d")
    stage.lower(1).write("/d/also", 0, data=b"2")
    mount = stage.mount()
    mount.remove_tree("/d")
    mount.mkdir("/d")
    mount.write("/d/new", 0, data=b"3")
    assert mount.listdir("/d") == ["new"]
    stage.lowers.append(stage.upper)
    stage.upper = stage.fs.create(stage.fs.root, "upper2", "directory")
    assert stage.mount().listdir("/d") == ["new"]


@EVERY
def test_a_whiteout_ends_a_merge(kind):
    """Bottom d/a; middle whites out d; top makes d/b: only b is there, though the middle's mark is no directory."""
    stage = Stage(kind, layers=1)
    stage.lower().mkdir("/d")
    stage.lower().write("/d/a", 0, 1)
    stage.mount().remove_tree("/d")
    stage.lowers.append(stage.upper)
    stage.upper = stage.fs.create(stage.fs.root, "top", "directory")
    mount = stage.mount()
    assert mount.listdir("/") == []
    mount.mkdir("/d")
    mount.write("/d/b", 0, 1)
    assert mount.listdir("/d") == ["b"]


@EVERY
def test_a_directory_that_holds_whiteouts_only_can_go(kind):
    stage = Stage(kind)
    stage.lower().mkdir("/d")
    stage.lower().write("/d/a", 0, 1)
    mount = stage.mount()
    assert number_of(mount.rmdir, "/d") == "ENOTEMPTY"
    mount.unlink("/d/a")
    mount.rmdir("/d")
    assert mount.listdir("/") == [] == stage.mount().listdir("/")


# ---------------------------------------------------------------- rename


@EVERY
def test_renaming_a_lower_file_leaves_a_whiteout(kind):
    stage = Stage(kind)
    stage.lower().write("/f", 0, data=b"1")
    stage.lower().write("/g", 0, data=b"2")
    mount = stage.mount()
    mount.rename("/f", "/h")
    mount.rename("/h", "/g")
    assert mount.listdir("/") == ["g"] == stage.mount().listdir("/")
    assert stage.mount().read_bytes("/g") == b"1"


@pytest.mark.parametrize("kind", ["overlay", "fuse-overlayfs", "aufs"])
def test_renaming_a_lower_directory_is_refused(kind):
    """Only below, in both, a subdirectory of one below: EXDEV; made above, or deleted and made again: fine."""
    stage = Stage(kind)
    for path in ("/low", "/both", "/deep", "/deep/sub", "/again"):
        stage.lower().mkdir(path)
        stage.lower().write(f"{path}/f", 0, 1)
    mount = stage.mount()
    mount.write("/both/g", 0, 1)
    mount.mkdir("/new")
    mount.remove_tree("/again")
    mount.mkdir("/again")
    for path in ("/low", "/both", "/deep/sub"):
        assert number_of(mount.rename, path, "/elsewhere") == "EXDEV"
    mount.rename("/new", "/new2")
    mount.rename("/again", "/again2")
    assert mount.listdir("/") == ["again2", "both", "deep", "low", "new2"] == stage.mount().listdir("/")


@EVERY
def test_a_directory_renamed_over_a_deleted_one_does_not_merge_with_it(kind):
    """d is deleted; new is made with g and renamed to d: d holds g and not the old f, also after a new mount."""
    stage = Stage(kind)
    stage.lower().mkdir("/d")
    stage.lower().write("/d/f", 0, 1)
    mount = stage.mount()
    mount.remove_tree("/d")
    mount.mkdir("/new")
    mount.write("/new/g", 0, 1)
    mount.rename("/new", "/d")
    assert mount.listdir("/d") == ["g"] == stage.mount().listdir("/d")


@EVERY
def test_a_directory_renamed_over_an_empty_lower_one(kind):
    stage = Stage(kind)
    stage.lower().mkdir("/d")
    mount = stage.mount()
    mount.mkdir("/new")
    mount.write("/new/g", 0, 1)
    mount.rename("/new", "/d")
    assert mount.listdir("/") == ["d"] == stage.mount().listdir("/")
    assert mount.listdir("/d") == ["g"]


# ---------------------------------------------------------------- against a flat tree


class Lists:
    """Random operations, made from one generator, done to a mount and to a flat tree alike."""

    NAMES = ("/a", "/b", "/d", "/d/a", "/d/e", "/d/e/f", "/c", "/c/a")

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def path(self):
        return self.NAMES[self.random.integers(len(self.NAMES))]

    def next(self):
        what = self.random.choice(
            [
                "write",
                "write",
                "mkdir",
                "remove",
                "unlink",
                "rmdir",
                "rename",
                "chmod",
                "truncate",
                "append",
                "open",
                "symlink",
            ]
        )
        stamps = self.random.integers(1, 1 << 40, 3, dtype=np.uint64)
        offset = int(self.random.integers(3)) * 4096
        return {
            "write": ("write", self.path(), offset, 8192, stamps[:2]),
            "mkdir": ("mkdir", self.path()),
            "remove": ("remove_tree", self.path()),
            "unlink": ("unlink", self.path()),
            "rmdir": ("rmdir", self.path()),
            "rename": ("rename", self.path(), self.path()),
            "chmod": ("chmod", self.path(), int(stamps[0]) & 0o777),
            "truncate": ("truncate", self.path(), int(self.random.integers(4)) * 4096),
            "append": ("append", self.path(), 4096, stamps[:1]),
            "open": ("open", self.path(), os.O_RDWR),
            "symlink": ("symlink", "a", self.path()),
        }[what]


def outcome(mount, operation):
    name, *arguments = operation
    try:
        result = getattr(mount, name)(*arguments)
        if name == "open":
            result.close()
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]


@EVERY
@pytest.mark.parametrize("seed", [*range(12), 1024, 1097])  # the last two: a lower file that is itself without data
def test_a_union_looks_like_a_flat_tree(kind, seed):
    """Three layers of 25 operations each, in a new mount every five; the layers below never change.

    A rename that a union refuses (EXDEV) is not done to the flat tree.
    """
    lists, stage = Lists(seed), Stage(kind, layers=1, size=65536)
    flat = TreeMount(stage.fs, stage.fs.create(stage.fs.root, "flat", "directory"))
    for layer in range(3):
        below = [frozen(inode) for inode in stage.lowers]
        for number in range(25):
            if number % 5 == 0:
                mount = stage.mount()
            operation = lists.next()
            done = outcome(mount, operation)
            if done != "EXDEV":
                assert outcome(flat, operation) == done, operation
            assert tree_of(mount) == tree_of(flat), operation
        assert tree_of(stage.mount()) == tree_of(flat)
        assert [frozen(inode) for inode in stage.lowers] == below
        stage.lowers.append(stage.upper)
        stage.upper = stage.fs.create(stage.fs.root, f"upper{layer}", "directory")
    stage.fs.sync()
    used = sum(int((inode.blocks >= 0).sum()) for inode in every_inode(stage.fs.root))
    assert stage.fs.used == used * 4096


def every_inode(directory):
    """Each inode below a directory once."""
    found, waiting = {}, [directory]
    while waiting:
        inode = waiting.pop()
        found[inode.number] = inode
        waiting += inode.entries.values()
    return found.values()


# ---------------------------------------------------------------- what costs nothing, what is remembered


@pytest.mark.parametrize("kind", ["overlay", "metacopy"])
def test_fsync_of_a_lower_file_does_nothing(kind):
    """Dirty data of a layer stay dirty: overlayfs syncs upper files only."""
    stage = Stage(kind)
    stage.lower().write("/f", 0, 8192)
    mount = stage.mount()
    with stage.fs.store.counting() as io:
        mount.fsync("/f")
        with mount.open("/f") as file:
            file.fsync()
    assert io.counts.requests() == 0


def test_reading_a_copied_file_changes_its_inode_once():
    """The access time of the upper moves with the first read after a change; a lower file is read with O_NOATIME."""
    stage = Stage("overlay")
    for name in ("f", "g"):
        stage.lower().write(f"/{name}", 0, 4096)
    mount = stage.mount()
    mount.chmod("/f", 0o600)
    mount.utime("/f", 1)
    changed = []
    stage.fs.metadata.accessed = changed.append
    for path in ("/f", "/f", "/g"):
        mount.read(path)
    assert {inode.number for inode in changed} == {stage.upper.entries["f"].number}
    assert stage.upper.entries["f"].atime > 1
    assert stage.upper.entries["f"].read_since_change
    assert not stage.lowers[0].entries["g"].read_since_change


@pytest.mark.parametrize("below", ["upper", "lower"])
def test_a_device_node_holds_nothing_that_is_written_to_it(below):
    """Written to, deleted, made again as a file, unmounted: nothing of it reaches the disk (ext4 fell over it once)."""
    stage = Stage("overlay")
    if below == "lower":
        stage.lower().mknod("/null", 0o666, (1, 3))
    mount = stage.mount()
    if below == "upper":
        mount.mknod("/null", 0o666, (1, 3))
    assert mount.write("/null", 0, 4096) == 4096
    assert mount.read("/null").size == 0
    stage.fs.sync()
    assert stage.fs.used == 0
    mount.unlink("/null")
    mount.write("/null", 0, 4096)
    stage.fs.freeze()
    assert stage.fs.used == 4096


def test_fuse_overlayfs_keeps_a_number_until_the_next_mount():
    """A link to a symbolic link of a layer: the copy shows the number of the lower one, a new mount its own."""
    stage = Stage("fuse-overlayfs")
    stage.lower().symlink("target", "/l")
    mount = stage.mount()
    before = mount.stat("/l", follow=False).ino
    mount.link("/l", "/m")
    assert {mount.stat(path, follow=False).ino for path in ("/l", "/m")} == {before}
    again = stage.mount()
    assert {again.stat(path, follow=False).ino for path in ("/l", "/m")} == {stage.upper.entries["l"].number}
