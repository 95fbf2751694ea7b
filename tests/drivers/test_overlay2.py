"""overlay2 and fuse-overlayfs: the probes and rows of snapsim/data/measured, and what moby's driver adds."""

import os

import pytest
from rows import (
    BLOCK,
    MIB,
    box,
    figures,
    look,
    number_of,
    observed,
    replay,
    same_look,
)

from snapsim.base.errors import InvalidInput
from snapsim.block.device import BlockDevice
from snapsim.drivers.diff import Diff, Entry, diff_id
from snapsim.drivers.graphdrivers import FuseOverlayfs, Overlay2
from snapsim.drivers.graphdrivers.overlay2 import short_name
from snapsim.files.filesystems import Ext4
from snapsim.files.mounts.marks import whiteout
from snapsim.files.mounts.metacopy import METACOPY, REDIRECT
from snapsim.files.mounts.overlayfs import OverlayMount
from snapsim.hosts.reading import load_host

STACKS_HERE = ("overlay2-ext4", "overlay2-ext4-metacopy", "overlay2-xfs", "overlay2-xfs-noreflink")
EVERY_STACK = pytest.mark.parametrize("stack", STACKS_HERE)
SPARSE = ("overlay2-xfs-noreflink", "j-modify-sparse")
ROWS = [
    pytest.param(stack, row, id=f"{stack}-{name}")
    for stack in STACKS_HERE
    for name, row in figures(stack)
    if (stack, row["workload"]) != SPARSE
]


# ---------------------------------------------------------------- rows


def expected(stack, row):
    """Data and copied bytes (written data, written copy, read data, read copy) by the mechanism, in words of the row.

    Every copy-up copies the whole file (the part that is no hole), which reflink spares; with metacopy only an open for
    writing or a truncation copies. A written block is 4096 bytes of data, and is read first where it is written in part
    and not in the cache: right after a copy by reading it is, after a clone or a cold start it is not.
    """
    what, params = row["workload"], row["params"]
    size = params.get("data_mib", params.get("file_mib", 0)) * MIB
    clone, bare = stack == "overlay2-xfs", "metacopy" in stack
    copy = 0 if clone else size
    edge = BLOCK if clone else 0
    attributes = (0, 0, 0, 0) if bare else (0, copy, 0, copy)
    tree = 0 if clone or bare else 10 * 64 * 1024
    return {
        "a-modify-1-byte": (BLOCK, copy, edge, copy),
        "b-modify-1-byte-again": (BLOCK, 0, BLOCK, 0),
        "c-random-4k-fsync-end": (100 * BLOCK, copy, 0, copy),
        "d-random-4k-fsync-each": (100 * BLOCK, *((0, 0, 0) if params.get("touched_before") else (copy, 0, copy))),
        "e-append-4k": (BLOCK, copy, 0, copy),
        "f-delete": (0, 0, 0, 0),
        "g-create-files": (1000 * BLOCK, 0, 0, 0),
        "h-chmod": attributes,
        "h-utime": attributes,
        "h-link": attributes,
        "i-rename-file": attributes,
        "i-rename-directory": (0, 0, 0, 0),
        "i-mv-directory": (0, tree, 0, tree),
        "j-truncate": (0, copy, 0, copy),
        "j-open-only": (0, 0, 0, 0) if "O_TRUNC" in params.get("flags", ()) else (0, copy, 0, copy),
        "j-modify-sparse": (BLOCK, copy, edge, copy),
        "k-read-cold": (0, 0, size, 0),  # one page cache for all containers
        "l-build-image": (1000 * BLOCK, 0, 0, 0),
        "l-make-snapshot": (0, 0, 0, 0),
        "l-make-snapshot-big": (0, 0, 0, 0),
    }[what]


@pytest.mark.parametrize(("stack", "row"), ROWS)
def test_rows(stack, row):
    """Data and copy are what the mechanism says."""
    played = replay(stack, row)
    assert tuple(
        played.counts.bytes(operation, purpose) for operation in ("write", "read") for purpose in ("data", "copy")
    ) == expected(stack, row)


def test_a_sparse_copy_takes_along_what_was_preallocated():
    """A sparse file on XFS without reflink: 8 MiB and a block are written for 4 MiB of data, and 8 MiB - 64 KiB held.

    The lower file was written in pieces of 1 MiB and then made longer, so it holds 2032 blocks, 1008 of them unwritten:
    no hole for the copy, whose read-ahead has their zeros in the cache. It goes on to the end of a piece, 2048 blocks,
    and is then made longer as well, which leaves it 4080 - 2048 = 2032 unwritten blocks of its own.
    """
    (row,) = (row for name, row in figures(SPARSE[0]) if row["workload"] == SPARSE[1])
    played = replay(SPARSE[0], row)
    assert played.moved("write") == 8 * MIB + BLOCK
    assert row["figures"]["bytes_written"] - played.moved("write") == BLOCK  # the log
    assert row["figures"]["space_delta"] - played.space == 2032 * BLOCK


# ---------------------------------------------------------------- probes


@EVERY_STACK
def test_stale_fd(stack):
    """m-stale-fd, all but the memory map: an old descriptor reads the new data, and has the path's inode number."""
    seen = observed(stack, "m-stale-fd")
    _, mount = box(stack, ("f", 65536))
    with mount.open("/f") as reader:
        old = reader.read(0, 4)[0]
        with mount.open("/f", os.O_WRONLY) as writer:
            writer.write(0, 4)
            told = {"read_while_writer_open": reader.read(0, 4)[0]}
        told |= {"read_after_writer_closed": reader.read(0, 4)[0], "read_by_a_new_fd": mount.read("/f", 0, 4)[0]}
        told = {key: "old" if value == old else "new" for key, value in told.items()}
        assert told == {key: seen[key] for key in told}
        assert (reader.stat().ino == mount.stat("/f").ino) == seen["old_fd_and_path_have_one_inode_number"]


@EVERY_STACK
def test_hard_link(stack):
    """n-hard-link: the copy of a is a file of its own, b keeps old data and nlink 2; a single file keeps its number."""
    seen = observed(stack, "n-hard-link")
    driver, mount = box(stack, ("a", 65536), ("single", 65536), links=[("/a", "/b")])

    def names():
        a, b = mount.stat("/a"), mount.stat("/b")
        return {"a_and_b_one_inode_number": a.ino == b.ino, "nlink_a": a.nlink, "nlink_b": b.nlink}

    before, single, old = mount.stat("/a").ino, mount.stat("/single").ino, mount.read("/b")[0]
    told = {"before_write": names()}
    for path in ("/a", "/single"):
        mount.write(path, 0, 4)
    told |= {
        "after_write": names(),
        "data_through_other_name": "old" if mount.read("/b")[0] == old else "new",
        "inode_number_of_a_kept": mount.stat("/a").ino == before,
    }
    driver.sync()
    driver.drop_caches()
    driver.put("box")
    mount = driver.get("box")
    lower = driver._branch("image").entries["a"].number
    told |= {
        "after_write_caches_dropped": names(),
        "inode_number_of_a_kept_caches_dropped": mount.stat("/a").ino == before,
        "inode_number_of_a_is_that_of_the_lower_file": before == lower,
        "inode_number_of_a_file_with_one_name_kept": mount.stat("/single").ino == single,
    }
    assert told == {key: seen[key] for key in told}


@EVERY_STACK
def test_whiteout(stack):
    """p-whiteout: three names deleted, a directory replaced, one name in a directory deleted, a file changed."""
    seen = observed(stack, "p-whiteout")
    driver, mount = box(stack, *((name, 4096) for name in ("gone1", "gone2", "gone3", "written", "dir/x", "sub/y")))
    for name in ("gone1", "gone2", "gone3"):
        mount.unlink(f"/{name}")
    mount.remove_tree("/dir")
    mount.mkdir("/dir")
    mount.unlink("/sub/y")
    mount.append("/written", 1)
    driver.sync()
    upper = look(driver._branch("box"))
    same_look(upper, seen["upper"])
    assert len({upper[name]["inode"] for name in ("gone1", "gone2", "gone3")}) == seen["three_whiteouts_share_inodes"]


def test_kernel_layer_limit():
    """o-layer-limit: 500 lower directories, then EINVAL."""
    seen = observed("overlay2-ext4", "o-layer-limit")["fsconfig(2) lowerdir+"]
    fs = Ext4(BlockDevice(64))
    lower, upper, work = (fs.create(fs.root, name, "directory") for name in ("lower", "upper", "work"))
    most = seen["most_accepted"]
    assert OverlayMount(fs, [lower] * most, upper, work).listdir("/") == []
    assert number_of(OverlayMount, fs, [lower] * (most + 1), upper, work) == seen["errno_beyond"]


@EVERY_STACK
def test_block_moves(stack):
    """q-block-moves: the first write moves the block (and without reflink all of the file), the second does not."""
    seen = observed(stack, "q-block-moves")
    driver, mount = box(stack, ("f", MIB))
    lower = driver._branch("image").entries["f"]
    start = lower.blocks[[0, 128]].tolist()

    def places():
        return mount.tree.data(mount.node("/f")).blocks[[0, 128]].tolist()

    before, after = places(), []
    for _ in range(2):
        mount.write("/f", 0, 4096)
        driver.sync()
        after.append(places())
    assert {
        "shared_with_origin_before": before == start,
        "first_write_moved_block": before[0] != after[0][0],
        "second_write_moved_block": after[0][0] != after[1][0],
        "untouched_neighbour_moved": before[1] != after[1][1],
        "origin_block_stayed": lower.blocks[[0, 128]].tolist() == start,
    }.items() <= seen.items()


# ---------------------------------------------------------------- what the probes leave open


def test_a_renamed_file_keeps_its_number_and_marks_its_new_directory():
    """The origin goes with the inode; the directory that it comes into is impure from then on."""
    driver, mount = box("overlay2-ext4", ("f", 4096))
    number = mount.stat("/f").ino
    mount.mkdir("/d")
    mount.rename("/f", "/d/f")
    assert mount.stat("/d/f").ino == number
    assert "trusted.overlay.impure" in driver._branch("box").entries["d"].xattrs
    assert driver._branch("box").entries["f"].nlink == 1  # rename(2)'s own whiteout, not the shared one


def test_a_link_to_a_lower_file_copies_it_once():
    """Both names are the copy, nlink 2, and keep the lower file's number."""
    driver, mount = box("overlay2-ext4", ("f", MIB))
    number = mount.stat("/f").ino
    mount.link("/f", "/g")
    assert [(mount.stat(path).nlink, mount.stat(path).ino) for path in ("/f", "/g")] == [(2, number)] * 2
    driver.sync()
    assert driver.space() == 2 * MIB


def test_a_merged_directory_has_one_link():
    _, mount = box("overlay2-ext4", ("d/f", 4096))
    mount.chmod("/d", 0o700)
    mount.mkdir("/new")
    assert (mount.stat("/d").nlink, mount.stat("/new").nlink, mount.stat("/").nlink) == (1, 2, 1)


def test_nobody_else_makes_whiteouts():
    _, mount = box("overlay2-ext4", ("f", 1))
    assert number_of(mount.mknod, "/w", 0o600, (0, 0)) == "EPERM"


def test_a_new_mount_forgets_the_shared_whiteout():
    """Two deletions in one mount: nlink 3 with the work directory's own; after the next mount 2, and a new inode."""
    driver, mount = box("overlay2-ext4", ("a", 1), ("b", 1), ("c", 1))
    mount.unlink("/a")
    mount.unlink("/b")
    upper = driver._branch("box").entries
    assert upper["a"].nlink == 3
    driver.put("box")
    driver.get("box").unlink("/c")
    assert (upper["a"].nlink, upper["c"].nlink, upper["a"] is upper["c"]) == (2, 2, False)


# ---------------------------------------------------------------- metacopy


def test_metacopy_brings_the_data_later():
    """chmod: 0 bytes copied, stat tells the whole size and blocks; the first open for writing copies all, once."""
    driver, mount = box("overlay2-ext4-metacopy", ("f", MIB))
    device = driver.devices[0]
    with device.counting() as io:
        mount.chmod("/f", 0o600)
        driver.sync()
    upper = driver._branch("box").entries["f"]
    assert io.counts.requests() == 0
    assert METACOPY in upper.xattrs
    assert (mount.stat("/f").size, mount.stat("/f").blocks, mount.stat("/f").mode) == (MIB, MIB // 512, 0o600)
    with device.counting() as io:
        for _ in range(2):
            mount.open("/f", os.O_RDWR).close()
    assert (io.counts.bytes("write", "copy"), METACOPY in upper.xattrs) == (MIB, False)


def test_metacopy_follows_redirects_through_layers_and_new_mounts():
    """/d/s/f; d renamed to e, then e/s to /t: in a third layer /t/f is found by its path below, and its data come."""
    driver, mount = box("overlay2-ext4-metacopy", ("d/s/f", 8192), ("d/g", 4096))
    stamps = mount.read("/d/s/f").tolist()
    mount.rename("/d", "/e")
    mount.rename("/e/s", "/t")
    mount.rename("/t/f", "/t/h")
    mount.chmod("/t/h", 0o600)
    upper = driver._branch("box").entries
    assert (upper["e"].xattrs[REDIRECT], upper["t"].xattrs[REDIRECT], upper["t"].entries["h"].xattrs[REDIRECT]) == (
        "d",
        "/d/s",
        "f",
    )
    driver.put("box")
    driver.create_read_write("next", "box")
    mount = driver.get("next")
    assert (mount.listdir("/"), mount.listdir("/e"), mount.listdir("/t")) == (["e", "t"], ["g"], ["h"])
    assert mount.read("/t/h").tolist() == stamps
    mount.append("/t/h", 4096)
    assert mount.read("/t/h").tolist()[:2] == stamps
    assert mount.stat("/t/h").mode == 0o600


def test_metacopy_without_room_stays_as_it_was():
    """200 of 256 blocks are taken: the data cannot come, the attributes and the data below stay in sight."""
    driver = Overlay2(device_bytes=256 * BLOCK, metacopy=True)
    driver.create("image")
    driver.apply_diff("image", None, Diff((Entry("/f", size=200 * BLOCK),)))
    driver.create_read_write("box", "image")
    mount = driver.get("box")
    mount.chmod("/f", 0o600)
    driver.sync()
    assert number_of(mount.open, "/f", os.O_RDWR) == "ENOSPC"
    assert (mount.read("/f").size, mount.stat("/f").mode, driver.space()) == (200, 0o600, 200 * BLOCK)


# ---------------------------------------------------------------- the driver


def test_layout():
    """A base has diff and link; a child lower and work too; its parent is committed; merged is there while mounted."""
    driver = Overlay2()
    driver.create("a")
    driver.create("b", "a")
    driver.create("c", "b")
    homes = {id: driver._home(id).entries for id in "abc"}
    assert sorted(homes["a"]) == ["committed", "diff", "link"]
    assert sorted(homes["c"]) == ["diff", "link", "lower", "work"]
    assert homes["c"]["lower"].content.decode() == f"l/{short_name('b')}:l/{short_name('a')}"
    assert driver.fs.root.entries["l"].entries[short_name("a")].target == "../a/diff"
    with driver.mounted("c"):
        assert "merged" in homes["c"]
    assert "merged" not in homes["c"]
    driver.remove("c")
    assert sorted(driver.fs.root.entries) == ["a", "b", "l"]
    assert short_name("c") not in driver.fs.root.entries["l"].entries


def test_max_depth():
    """128 lower directories work and are read through; the next layer is refused in moby's words."""
    driver = Overlay2()
    driver.create("0")
    driver.apply_diff("0", None, Diff((Entry("/bottom", size=1),)))
    for number in range(1, 129):
        driver.create(str(number), str(number - 1))
    with driver.mounted("128") as mount:
        assert mount.listdir("/") == ["bottom"]
    with pytest.raises(InvalidInput, match="max depth exceeded"):
        driver.create("129", "128")
    assert not driver.exists("129")


@pytest.mark.parametrize(
    ("make", "host"),
    [(Overlay2, "overlay2"), (lambda: Overlay2("xfs"), "overlay2-xfs"), (FuseOverlayfs, "fuse-overlayfs")],
)
def test_status_is_the_captured_hosts(make, host):
    assert make().status() == [tuple(pair) for pair in load_host(host).status]


def test_metadata():
    driver = Overlay2()
    driver.create("a")
    driver.create("b", "a")
    home = "/var/lib/docker/overlay2"
    assert driver.metadata("b") == {
        "WorkDir": f"{home}/b/work",
        "MergedDir": f"{home}/b/merged",
        "UpperDir": f"{home}/b/diff",
        "LowerDir": f"{home}/a/diff",
    }
    assert "LowerDir" not in driver.metadata("a")


def test_a_quota_is_for_xfs_with_project_quotas():
    """size=1M: half of it fits, all of it and one block do not (EDQUOT); a copy-up counts as well."""
    driver = Overlay2("xfs", project_quotas=True, size="512K")
    driver.create("image")
    driver.apply_diff("image", None, Diff((Entry("/big", size=2 * MIB),)))
    driver.create_read_write("box", "image", {"size": "1M"})
    with driver.mounted("box") as mount:
        mount.write("/half", 0, MIB // 2)
        assert number_of(mount.write, "/more", 0, MIB // 2 + BLOCK) == "EDQUOT"
    driver.create_read_write("default", "image")
    with driver.mounted("default") as mount:
        assert number_of(mount.write, "/f", 0, MIB) == "EDQUOT"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Overlay2("btrfs"), "'btrfs' is not what overlay2 can be put on here"),
        (lambda: Overlay2("ext4", project_quotas=True), "project quotas are for xfs"),
        (lambda: Overlay2("xfs", size="1G"), "overlay2.size"),
        (lambda: Overlay2().create("a", options={"size": "1G"}), "only supported for ReadWrite Layers"),
        (lambda: Overlay2("xfs").create_read_write("a", options={"size": "1G"}), "'pquota' mount option"),
        (lambda: Overlay2().create_read_write("a", options={"colour": "red"}), "Unknown option colour"),
        (lambda: FuseOverlayfs().create_read_write("a", options={"size": "1G"}), "--storage-opt is not supported"),
        (lambda: Overlay2().create("l"), "directory of the driver itself"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(InvalidInput, match=words):
        call()


# ---------------------------------------------------------------- archives

DRIVERS = pytest.mark.parametrize(
    "make", [Overlay2, FuseOverlayfs, lambda: Overlay2(metacopy=True)], ids=["overlay2", "fuse-overlayfs", "metacopy"]
)


def changed(driver):
    """A base, and a child that adds, changes, deletes, and replaces a directory."""
    driver.create("base")
    driver.apply_diff(
        "base",
        None,
        Diff(
            (
                Entry("/keep", content=b"k"),
                Entry("/gone", content=b"g"),
                Entry("/etc", "directory", mode=0o750),
                Entry("/etc/conf", content=b"old"),
                Entry("/lib", "directory"),
                Entry("/lib/hidden", content=b"h"),
            )
        ),
    )
    driver.create("child", "base")
    with driver.mounted("child") as mount:
        mount.unlink("/gone")
        mount.write("/etc/conf", 0, data=b"new!")
        mount.remove_tree("/lib")
        mount.mkdir("/lib")
        mount.write("/lib/shown", 0, data=b"s")
        mount.symlink("keep", "/link")
    return driver


@DRIVERS
def test_diff_and_apply(make):
    """The child's archive, unpacked into a sibling, gives the child's tree; marks travel in the AUFS form.

    The size: conf 4 + shown 1 + the link's target 4 = 9 bytes.
    """
    driver = changed(make())
    diff = driver.diff("child", "base")
    assert whiteout("/gone") in diff.paths()
    assert not any(entry.kind == "device" for entry in diff.entries)
    assert driver.diff_size("child", "base") == 9
    driver.create("sibling", "base")
    size = driver.apply_diff("sibling", "base", diff)
    assert size == (5 if driver.name == "overlay2" and driver.metacopy else 9)
    with driver.mounted("child") as one, driver.mounted("sibling") as two:
        for path in ("/", "/lib", "/etc"):
            assert one.listdir(path) == two.listdir(path)
        assert two.read_bytes("/etc/conf") == b"new!"
        assert two.stat("/etc").mode == 0o750
    assert driver.changes("sibling", "base") == driver.changes("child", "base")
    if driver._native("child", "base"):
        assert diff_id(driver.diff("sibling", "base")) == diff_id(diff)


@DRIVERS
def test_changes_are_naive(make):
    assert [str(change) for change in changed(make()).changes("child", "base")] == [
        "C /etc",
        "C /etc/conf",
        "D /gone",
        "C /lib",
        "D /lib/hidden",
        "A /lib/shown",
        "A /link",
    ]


def test_the_native_diff_says_opaque():
    """overlay2's own archive: one mark instead of a deletion for every name that was there."""
    assert changed(Overlay2()).diff("child", "base").paths() == [
        "/etc",
        "/etc/conf",
        whiteout("/gone"),
        "/lib",
        "/lib/.wh..wh..opq",
        "/lib/shown",
        "/link",
    ]
    assert "/lib/.wh.hidden" in changed(Overlay2(metacopy=True)).diff("child", "base").paths()


def test_the_size_of_a_container_is_no_space():
    """One byte of a 32 MiB file and 5 MiB new: 33,554,432 + 5,242,880 = 38,797,312, as the captured daemons say."""
    driver, mount = box("overlay2-ext4", ("data/big", 32 * MIB))
    mount.write("/new", 0, 5 * MIB)
    mount.write("/data/big", 1000, 1)
    assert driver.diff_size("box", "image") == 38_797_312


def test_parents_that_an_archive_takes_for_granted_look_as_below():
    driver = Overlay2()
    driver.create("base")
    driver.apply_diff("base", None, Diff((Entry("/etc", "directory", mode=0o700, uid=3),)))
    driver.create("child", "base")
    driver.apply_diff("child", "base", Diff((Entry("/etc/f", size=1),)))
    with driver.mounted("child") as mount:
        assert (mount.stat("/etc").mode, mount.stat("/etc").uid) == (0o700, 3)


def test_a_parent_cannot_be_changed():
    driver = changed(Overlay2())
    with driver.mounted("base") as mount:
        assert number_of(mount.write, "/keep", 0, 1) == "EROFS"
    assert number_of(driver.apply_diff, "base", None, Diff((Entry("/x", size=1),))) == "EROFS"


# ---------------------------------------------------------------- fuse-overlayfs


def test_fuse_overlayfs_as_captured():
    """A container's upper directory, as a daemon with root left it: which marks and attributes there are."""
    driver, mount = box("fuse-overlayfs", ("data/big", MIB), ("etc/app.conf", 4096), ("lib/f", 1))
    mount.unlink("/etc/app.conf")
    mount.write("/data/big", 0, 1)
    mount.remove_tree("/lib")
    mount.mkdir("/dev")
    seen = {path: (entry["mode"], entry["xattrs"]) for path, entry in look(driver._branch("box")).items()}
    assert seen == {
        ".": ("drwxr-xr-x", set()),
        "data": ("drwxr-xr-x", set()),
        "data/big": ("-rw-r--r--", {"user.fuseoverlayfs.origin"}),
        "dev": ("drwxr-xr-x", {"trusted.overlay.opaque"}),
        "dev/.wh..wh..opq": ("-rwx------", set()),
        "etc": ("drwxr-xr-x", set()),
        "etc/app.conf": ("c---------", set()),
        "lib": ("c---------", set()),
    }


def test_fuse_overlayfs_does_not_sync_a_copy():
    """A copy-up that is deleted again before the next sync: 1 MiB written by overlay2, nothing by fuse-overlayfs."""
    written = []
    for stack in ("overlay2-ext4", "fuse-overlayfs"):
        driver, mount = box(stack, ("f", MIB))
        with driver.devices[0].counting() as io:
            mount.write("/f", 0, 1)
            mount.unlink("/f")
            driver.sync()
        written.append(io.counts.bytes("write"))
    assert written == [MIB, 0]


def test_fuse_overlayfs_keeps_its_names():
    _, mount = box("fuse-overlayfs", ("f", 1))
    assert number_of(mount.write, "/.wh.f", 0, 1) == "EINVAL"


def test_fuse_overlayfs_keeps_its_attributes_to_itself():
    """As fuse-overlayfs 1.10 shows a copy: its mark is below and not listed, and nobody can set one of its names."""
    driver = FuseOverlayfs()
    driver.create("image")
    with driver.mounted("image") as mount:
        mount.write("/f", 0, data=b"hello")
        mount.setxattr("/f", "user.note", "1")
    driver.create_read_write("box", "image")
    with driver.mounted("box") as mount:
        mount.write("/f", 0, data=b"HELLO")
        assert mount.listxattr("/f") == ["user.note"]
        for name in ("user.fuseoverlayfs.origin", "user.containers.override_stat"):
            with pytest.raises(PermissionError):
                mount.setxattr("/f", name, "1")
            with pytest.raises(OSError, match="No data"):
                mount.getxattr("/f", name)
    assert "user.fuseoverlayfs.origin" in driver._branch("box").entries["f"].xattrs
