"""aufs: the probes and rows of snapsim/data/measured/aufs-ext4.json, and what moby's driver adds."""

import errno
import os

import pytest
from rows import BLOCK, MIB, figures, look, observed, replay, same_look

from snapsim.base.errors import InvalidInput
from snapsim.block.device import BlockDevice
from snapsim.drivers.diff import Diff, Entry, diff_id
from snapsim.drivers.graphdrivers import Aufs
from snapsim.files.filesystems import Ext4
from snapsim.files.mounts.aufs import BASE, PSEUDO_LINKS, AufsMount
from snapsim.hosts.reading import load_host

STACK = "aufs-ext4"


def image(driver, *files, links=()):
    driver.create("image")
    entries = [Entry(f"/{path}", size=size) for path, size in files]
    driver.apply_diff("image", None, Diff((*entries, *(Entry(new, link=old) for old, new in links))))
    driver.create_read_write("box", "image")


def box(*files, links=()):
    """One layer of files ("path", size) with hard links, one container on it; all written back and cold."""
    driver = Aufs(auplink=False)  # the host of the measurements had no aufs-tools
    image(driver, *files, links=links)
    mount = driver.get("box")
    driver.sync()
    driver.drop_caches()
    return driver, mount


def again(driver):
    """Unmount, and mount again."""
    driver.put("box")
    return driver.get("box")


def number_of(call, *arguments):
    try:
        result = call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok" if result is None else result


# ---------------------------------------------------------------- rows


def expected(row):
    """Data and copied bytes (written data, written copy, read data, read copy) by the mechanism.

    A copy-up copies the file up to what is kept (truncate) and past no hole, and stays in the page cache: a block that
    the user writes before the next sync is written once, as data. So of `size` bytes of copy those blocks are missing.
    Opening for writing copies nothing.
    """
    what, params = row["workload"], row["params"]
    size = params.get("data_mib", params.get("file_mib", 0)) * MIB
    again_cold = (BLOCK, 0, BLOCK, 0)
    whole = (0, size, 0, size)
    tree = 10 * 64 * 1024
    return {
        "a-modify-1-byte": (BLOCK, size - BLOCK, 0, size),
        "b-modify-1-byte-again": again_cold,
        "c-random-4k-fsync-end": (100 * BLOCK, size - 100 * BLOCK, 0, size),
        "d-random-4k-fsync-each": (100 * BLOCK, 0, 0, 0)
        if params.get("touched_before")
        else (100 * BLOCK, size - BLOCK, 0, size),  # the first fsync writes all the rest
        "e-append-4k": (BLOCK, size, 0, size),
        "f-delete": (0, 0, 0, 0),
        "f-delete-many": (0, 0, 0, 0),
        "g-create-files": (1000 * BLOCK, 0, 0, 0),
        "h-chmod": whole,
        "h-utime": whole,
        "h-link": whole,
        "i-rename-file": whole,
        "i-rename-directory": (0, 0, 0, 0),
        "i-mv-directory": (0, tree, 0, tree),
        "j-truncate": (0, BLOCK, 0, BLOCK),
        "j-open-only": (0, 0, 0, 0),
        "j-modify-sparse": (BLOCK, size - BLOCK, 0, size),
        "k-read-cold": (0, 0, size, 0),
        "l-build-image": (1000 * BLOCK, 0, 0, 0),
        "l-make-snapshot": (0, 0, 0, 0),
        "l-make-snapshot-big": (0, 0, 0, 0),
    }[what]


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in figures(STACK)])
def test_rows(row):
    """Data and copy are what the mechanism says."""
    played = replay(STACK, row)
    assert tuple(
        played.counts.bytes(operation, purpose) for operation in ("write", "read") for purpose in ("data", "copy")
    ) == expected(row)


# ---------------------------------------------------------------- probes


def test_stale_fd():
    """m-stale-fd and r-stale-fd-more, all but the memory maps."""
    seen, more = observed(STACK, "m-stale-fd"), observed(STACK, "r-stale-fd-more")
    _, mount = box(*((name, 65536) for name in ("f", "g", "h", "k")))
    with mount.open("/f") as reader, mount.open("/f") as never_read:
        old = reader.read(0, 4)[0]
        with mount.open("/f", os.O_WRONLY) as writer:
            writer.write(0, 4)
            told = {"read_while_writer_open": reader.read(0, 4)[0]}
        told |= {"read_after_writer_closed": reader.read(0, 4)[0], "read_by_a_new_fd": mount.read("/f", 0, 4)[0]}
        told = {key: "old" if value == old else "new" for key, value in told.items()}
        assert told == {key: seen[key] for key in told}
        assert (reader.stat().ino == mount.stat("/f").ino) == seen["old_fd_and_path_have_one_inode_number"]
        assert more["fd_never_read_before"] == ("old" if never_read.read(0, 4)[0] == old else "new")
    with mount.open("/g") as reader:
        old = reader.read(0, 4)[0]
        mount.unlink("/g")
        assert more["fd_after_unlink"] == ("old" if reader.read(0, 4)[0] == old else "new")
        mount.write("/g", 0, 4)
        assert more["fd_after_unlink_and_create"] == ("old" if reader.read(0, 4)[0] == old else "new")
    with mount.open("/h") as reader:
        old = reader.read(0, 4)[0]
        assert more["fchmod_on_ro_fd"] == number_of(mount.chmod, "/h", 0o600)
        mount.write("/h", 0, 4)
        assert more["fd_after_fchmod_and_write"] == ("old" if reader.read(0, 4)[0] == old else "new")


def test_a_deleted_file_can_still_be_changed_through_its_descriptor():
    """Opened for writing (nothing copied), deleted, then written: the copy has no name and goes with the descriptor."""
    driver, mount = box(("f", 8192))
    with mount.open("/f", os.O_RDWR) as file:
        mount.unlink("/f")
        file.write(0, 1)
        driver.sync()
        assert driver.space() == 2 * 8192
        assert file.read().size == 2
    assert driver.space() == 8192
    assert mount.listdir("/") == []


def test_hard_link():
    """n-hard-link: both names go on being one file, with new data and nlink 2."""
    seen = observed(STACK, "n-hard-link")
    driver, mount = box(("a", 65536), ("single", 65536), links=[("/a", "/b")])

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
    told |= {
        "after_write_caches_dropped": names(),
        "inode_number_of_a_kept_caches_dropped": mount.stat("/a").ino == before,
        "inode_number_of_a_is_that_of_the_lower_file": before == driver._branch("image").entries["a"].number,
        "inode_number_of_a_file_with_one_name_kept": mount.stat("/single").ino == single,
    }
    assert told == {key: seen[key] for key in told}


def test_whiteout():
    """p-whiteout: names deleted, a tree deleted, a directory replaced, a file made again, and who may use .wh."""
    seen = observed(STACK, "p-whiteout")
    driver, mount = box(
        *(
            (name, 4096)
            for name in ("gone1", "gone2", "gone3", "written", "dir/x", "sub/y", "tree/t", "back", "empty/e")
        )
    )
    driver._branch("image").entries["empty"].entries.clear()
    same_look(look(driver._branch("box")), seen["upper_right_after_mount"])
    for name in ("gone1", "gone2", "gone3", "sub/y", "back"):
        mount.unlink(f"/{name}")
    mount.remove_tree("/dir")
    mount.mkdir("/dir")
    mount.remove_tree("/tree")
    mount.write("/back", 0, 10)
    mount.append("/written", 1)
    driver.sync()
    same_look(look(driver._branch("box")), seen["upper"])
    assert mount.listdir("/") == seen["union_lists"]
    assert number_of(mount.write, "/.wh.x", 0, 1) == seen["create_a_name_that_starts_with_.wh."]
    assert number_of(mount.stat, "/.wh.gone1") == seen["stat_.wh.gone1_through_the_union"]
    assert number_of(mount.stat, "/.wh..wh.aufs") == seen["stat_.wh..wh.aufs_through_the_union"]
    driver.put("box")
    same_look(look(driver._branch("box")), seen["upper_after_umount"])


def test_metadata_files():
    """r-metadata-files: made by the first mount only; 300 whiteouts are one inode with nlink 301."""
    seen = observed(STACK, "r-metadata-files")
    driver = Aufs()
    image(driver, *((f"d/{number:03d}", 1) for number in range(300)))
    assert driver._branch("box").entries == {}
    mount = driver.get("box")
    same_look(look(driver._branch("box")), seen["first_mount"]["upper"])
    mount = again(driver)
    same_look(look(driver._branch("box")), seen["umount"]["upper"])
    for number in range(300):
        mount.unlink(f"/d/{number:03d}")
    again(driver)
    third = dict(seen["third_mount"]["upper"])
    marks = seen["third_mount"]["upper_d_whiteouts"]
    upper = look(driver._branch("box"))
    whiteouts = {path: upper.pop(path) for path in list(upper) if path.startswith("d/")}
    assert len(whiteouts) == marks["entries"]
    assert len({entry["inode"] for entry in whiteouts.values()}) == marks["inodes"]
    assert {entry["nlink"] for entry in whiteouts.values()} == {marks["example"]["nlink"]}
    same_look(upper, third)


def test_pseudo_links():
    """r-pseudo-link, stage by stage: three names of one lower file through copy-up, a new mount and their deletion."""
    seen = observed(STACK, "r-pseudo-link")
    driver, mount = box(("a", 65536), ("x/c", 65536), links=[("/a", "/b")])
    lower = driver._branch("image").entries
    driver.fs.unlink(lower["x"], "c")
    driver.fs.link(lower["a"], lower["x"], "c")
    paths = ("/a", "/b", "/x/c")
    contents = {}

    def check(stage, data=True, status=True):
        told = seen[stage]
        if data:
            assert {path[1:]: contents[mount.read(path)[0]] for path in paths} == told["data"], stage
        if status:
            stats = [mount.stat(path) for path in paths]
            assert len({stat.ino for stat in stats}) == told["inodes"], stage
            assert {path[1:]: stat.nlink for path, stat in zip(paths, stats, strict=True)} == told["nlink"], stage
        driver.sync()
        same_look(look(driver._branch("box")), told["upper"])

    contents[mount.read("/a")[0]] = "old"
    check("before")
    with mount.open("/a", os.O_WRONLY) as file:
        file.write(0, 4)
    contents[driver._branch("box").entries["a"].pages.stamps[0]] = "new"
    check("after_write_through_a_nothing_else_opened", data=False, status=False)
    (name,) = driver._branch("box").entries[PSEUDO_LINKS].entries
    assert name == f"{mount.stat('/a').ino}.{driver._branch('box').entries['a'].number}"
    check("after_stat_of_all", data=False)
    check("after_read_of_all")
    driver.drop_caches()
    check("caches_dropped")
    mount = again(driver)
    check("after_umount_and_mount")
    mount.write("/b", 0, 4)
    contents[mount.read("/b")[0]] = "second"
    check("after_write_through_b")
    mount.unlink("/a")
    check("after_unlink_of_a", data=False, status=False)
    space = driver.space()
    mount.unlink("/b")
    mount.unlink("/x/c")
    check("after_unlink_of_all", data=False, status=False)
    assert driver.space() - space == seen["after_unlink_of_all"]["space_delta_of_the_last_unlinks"]
    driver.put("box")
    same_look(look(driver._branch("box")), seen["after_umount"]["upper"])


def test_auplink_makes_links_of_pseudo_links():
    """With aufs-tools the unmount links all names: new data, nlink 2, and the space goes with the last one."""
    driver = Aufs()
    image(driver, ("a", 8192), links=[("/a", "/b")])
    with driver.mounted("box") as mount:
        mount.write("/a", 0, 4096)
        new = mount.read("/a").tolist()
    with driver.mounted("box") as mount:
        assert [mount.stat(path).nlink for path in ("/a", "/b")] == [2, 2]
        assert mount.read("/b").tolist() == new
        mount.unlink("/a")
        mount.unlink("/b")
    driver.sync()
    assert driver.space() == 8192


def test_without_auplink_a_new_mount_forgets():
    """b was not opened between: the next mount shows its old data again."""
    driver, mount = box(("a", 4096), links=[("/a", "/b")])
    old = mount.stat("/b").mtime
    mount.write("/a", 0, 4096)
    assert mount.stat("/b").mtime != old
    assert again(driver).stat("/b").mtime == old


def test_link_copies_up_under_the_new_name():
    """link f g: g is the copy, f follows when it is opened; both say nlink 2, the copy has a third name in .plnk."""
    driver, mount = box(("f", MIB))
    mount.link("/f", "/g")
    upper = driver._branch("box").entries
    assert ("f" in upper, upper["g"].nlink) == (False, 2)
    assert mount.stat("/f") == mount.stat("/g")
    assert mount.stat("/f").nlink == 2
    mount.read("/f")
    assert upper["f"] is upper["g"]
    driver.sync()
    assert driver.space() == 2 * MIB


def test_rename():
    """r-rename: directories and files by where they are, and what the upper branch holds in the end."""
    seen = dict(observed(STACK, "r-rename"))
    driver, mount = box(
        *((path, 4096) for path in ("low/f", "both/f", "deep/sub/f", "opaque/f", "file1", "file2", "file3", "tgt/f"))
    )
    mount.write("/both/g", 0, 10)
    mount.mkdir("/new")
    mount.write("/new/f", 0, 10)
    mount.remove_tree("/opaque")
    mount.mkdir("/opaque")
    mount.write("/opaque/h", 0, 10)
    upper = seen.pop("upper")
    assert {
        "a directory that is only in the lower layer": number_of(mount.rename, "/low", "/low2"),
        "a directory that is in both": number_of(mount.rename, "/both", "/both2"),
        "a subdirectory of a lower directory": number_of(mount.rename, "/deep/sub", "/deep/sub2"),
        "a directory made in the upper layer": number_of(mount.rename, "/new", "/new2"),
        "a lower directory that was deleted and made again": number_of(mount.rename, "/opaque", "/opaque2"),
        "a lower file": number_of(mount.rename, "/file1", "/file1b"),
        "a lower file over another lower file": number_of(mount.rename, "/file2", "/file3"),
        "a lower file into an upper directory": number_of(mount.rename, "/tgt/f", "/new2/f2"),
    } == seen
    driver.sync()
    same_look(look(driver._branch("box")), upper)


def test_an_empty_lower_directory_can_be_renamed():
    """Nothing would have to be copied; a directory of both branches can go if the lower one is empty."""
    driver = Aufs()
    driver.create("image")
    driver.apply_diff("image", None, Diff((Entry("/one", "directory"), Entry("/two", "directory"))))
    driver.create_read_write("box", "image")
    mount = driver.get("box")
    mount.write("/two/f", 0, 1)
    mount.rename("/one", "/1")
    mount.rename("/two", "/2")
    assert mount.listdir("/") == ["1", "2"] == again(driver).listdir("/")
    assert driver.get("box").listdir("/2") == ["f"]


def test_inode_numbers():
    """r-inodes: 11 for what is looked up first, the root is 2; kept through copy-up, given out anew by a new mount."""
    seen = observed(STACK, "r-inodes")
    driver, mount = box(("f", 4096), ("d/1", 1), ("d/2", 1))

    def numbers():
        return {"f": mount.stat("/f").ino, "d": mount.stat("/d").ino, "root": mount.stat("/").ino}

    def told(stage):
        return {key: seen[stage][key] for key in ("f", "d", "root")}

    assert numbers() == told("before")
    with mount.open("/f") as file:
        mount.write("/f", 0, 1)
        assert file.stat().ino == seen["fstat_of_fd_from_before"]
    assert numbers() == told("after_copy_up")
    driver.sync()
    driver.drop_caches()
    assert numbers() == told("caches_dropped")
    mount = again(driver)
    assert numbers() == told("after_umount_and_mount")
    mount = again(driver)
    for path in ("/d", "/d/1", "/d/2"):
        mount.stat(path)
    assert numbers() == told("after_umount_and_mount_other_names_looked_up_first")


def test_block_moves():
    """q-block-moves: the whole file moves with the first write, and stays."""
    seen = observed(STACK, "q-block-moves")
    driver, mount = box(("f", MIB))
    lower = driver._branch("image").entries["f"]
    start = lower.blocks[[0, 128]].tolist()
    after = []
    for _ in range(2):
        mount.write("/f", 0, 4096)
        driver.sync()
        after.append(driver._branch("box").entries["f"].blocks[[0, 128]].tolist())
    assert {
        "first_write_moved_block": start[0] != after[0][0],
        "second_write_moved_block": after[0][0] != after[1][0],
        "untouched_neighbour_moved": start[1] != after[1][1],
        "origin_block_stayed": lower.blocks[[0, 128]].tolist() == start,
    }.items() <= seen.items()


def test_layer_limit():
    """o-layer-limit: 126 lower branches and the writable one, then ENOSPC; so the 128th layer cannot be mounted."""
    seen = observed(STACK, "o-layer-limit")["appended one by one, names of 1 to 3 characters"]
    fs = Ext4(BlockDevice(64))
    lower, upper = (fs.create(fs.root, name, "directory") for name in ("lower", "upper"))
    most = seen["most_lower_branches"]
    assert AufsMount(fs, [lower] * most, upper).listdir("/") == []
    assert number_of(AufsMount, fs, [lower] * (most + 1), upper) == seen["errno_beyond"]
    driver = Aufs()
    driver.create("0")
    for number in range(1, 128):
        driver.create(str(number), str(number - 1))
    driver.get("126")
    assert number_of(driver.get, "127") == "ENOSPC"


def test_names_are_shorter():
    """A whiteout of a whiteout has to fit: 255 - 2 * 4 - 1 - 4 = 242 bytes."""
    _, mount = box(("f", 1))
    mount.mkdir("/" + "n" * 242)
    assert number_of(mount.mkdir, "/" + "n" * 243) == "ENAMETOOLONG"


def test_a_directory_sums_the_links_of_its_branches():
    """d has one subdirectory below (nlink 3) and one above (3): 3 + 3 - 2 = 4."""
    _, mount = box(("d/below/f", 1))
    mount.mkdir("/d/above")
    assert mount.stat("/d").nlink == 4


# ---------------------------------------------------------------- the driver


def test_layout():
    """diff, layers and mnt; `layers` lists the ancestors, nearest first."""
    driver = Aufs()
    for id, parent in (("a", None), ("b", "a"), ("c", "b")):
        driver.create(id, parent)
    assert [sorted(directory.entries) for directory in driver.fs.root.entries.values()] == [["a", "b", "c"]] * 3
    assert driver.fs.root.entries["layers"].entries["c"].content == b"b\na\n"
    driver.remove("c")
    assert [sorted(directory.entries) for directory in driver.fs.root.entries.values()] == [["a", "b"]] * 3


def test_status_is_the_captured_hosts():
    """The captured host: 4 layers of images, 5 containers with an init layer each: 4 + 10 = 14 directories."""
    driver = Aufs()
    parent = None
    for number in range(4):
        driver.create(f"image{number}", parent)
        parent = f"image{number}"
    for number in range(5):
        driver.create_read_write(f"c{number}-init", parent)
        driver.create_read_write(f"c{number}", f"c{number}-init")
    assert driver.status() == [tuple(pair) for pair in load_host("aufs").status]
    assert driver.metadata("c0") == {}


@pytest.mark.parametrize("make", ["create", "create_read_write"])
def test_no_storage_options(make):
    with pytest.raises(InvalidInput, match="--storage-opt is not supported for aufs"):
        getattr(Aufs(), make)("a", options={"size": "1G"})
    with pytest.raises(InvalidInput, match="is not what aufs can be put on here"):
        Aufs("btrfs")


def changed():
    """A base, and a child that adds, changes, deletes, and replaces a directory."""
    driver = Aufs()
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


def test_diff_and_apply():
    """The branch is the archive, but for aufs' own files; conf 4 + shown 1 + the link's target 4 = 9 bytes."""
    driver = changed()
    diff = driver.diff("child", "base")
    assert diff.paths() == ["/.wh.gone", "/etc", "/etc/conf", "/lib", "/lib/.wh..wh..opq", "/lib/shown", "/link"]
    assert driver.diff_size("child", "base") == 9
    driver.create("sibling", "base")
    assert driver.apply_diff("sibling", "base", diff) == 9
    assert diff_id(driver.diff("sibling", "base")) == diff_id(diff)
    assert BASE not in driver._branch("sibling").entries  # unpacked without a mount
    with driver.mounted("sibling") as mount:
        assert (mount.listdir("/"), mount.listdir("/lib")) == (["etc", "keep", "lib", "link"], ["shown"])
        assert (mount.read_bytes("/etc/conf"), mount.stat("/etc").mode) == (b"new!", 0o750)
    assert driver.changes("sibling", "base") == driver.changes("child", "base")


def test_changes_are_a_walk():
    """What was done; the mark of a directory that was made anew, as moby names it; a file that was copied up."""
    driver = changed()
    wanted = ["C /etc", "C /etc/conf", "D /gone", "C /lib", "D /lib/.wh..opq", "A /lib/shown", "A /link"]
    assert [str(change) for change in driver.changes("child", "base")] == wanted
    with driver.mounted("child") as mount:
        mount.chmod("/keep", mount.stat("/keep").mode)
    assert [str(change) for change in driver.changes("child", "base")] == sorted(
        [*wanted, "C /keep"], key=lambda line: line.split()[1]
    )


def test_a_parent_gets_nothing_from_a_mount():
    """A layer that has a child is mounted read-only: no file of aufs' own is made in it."""
    driver = Aufs()
    driver.create("a")
    driver.create("b", "a")
    driver.create("c", "b")
    with driver.mounted("b") as mount:
        assert number_of(mount.mkdir, "/d") == "EROFS"
    assert driver._branch("b").entries == {}
    assert number_of(driver.apply_diff, "b", "a", Diff((Entry("/x", size=1),))) == "EROFS"


def test_an_unmount_syncs_the_branch():
    """What was written is on the disk when the last user has gone; a layer that is only read syncs nothing."""
    driver = Aufs()
    driver.create("base")
    driver.create_read_write("box", "base")
    mount = driver.get("box")
    mount.write("/f", 0, 8192)
    with driver.devices[0].counting() as io:
        driver.put("box")
    assert io.counts.bytes("write", "data") == 8192
