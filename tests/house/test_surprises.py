"""What real drivers do that one would not guess: each surprise on the model, beside what was measured.

docs/explanation/surprises.md has a section for each test here, which names it; its figures stand in the test as well,
where they are compared with the measured rows or the captures. Bytes of file systems' metadata are not held here (the
demands of `snapsim fidelity` do that), but for a factor of two where the metadata is the surprise.
"""

import inspect
import re
import sys

import pytest
from captures import CAPTURED, load_host, played, real
from places import DOCS
from rows import BLOCK, MIB, box, look, number_of, observed, replay, row_of, traced

from snapsim.base.errors import InvalidInput
from snapsim.block.device import BlockDevice, counting
from snapsim.docker.daemon import start
from snapsim.docker.disk_usage import usage
from snapsim.drivers.diff import Diff, Entry, diff_id
from snapsim.fidelity.prediction import predict
from snapsim.files.filesystems import Ext4
from snapsim.files.mounts.aufs import AufsMount
from snapsim.files.mounts.overlayfs import OverlayMount
from snapsim.lab.file_layout import look as where

PAGE = DOCS / "explanation" / "surprises.md"
KIB = 1024
FILE = 64 * MIB


def shown(stack, workload, **params):
    """A row's measured figures, and its trace on the model."""
    row = row_of(stack, workload, **params)
    return row["figures"], replay(stack, row)


def copied(played_row):
    """Bytes written because something was shared."""
    return played_row.counts.bytes("write", "copy")


def like(model, measured):
    """Space, within the larger of 2 % and 128 KiB."""
    return abs(model - measured) <= max(measured // 50, 128 * KIB)


def moved(figures, device):
    """Bytes read and written."""
    return figures[device]["read_bytes"], figures[device]["written_bytes"]


def both(target, device, workload, **params):
    """Bytes read and written on a device, which model and measurement agree upon."""
    measured, model = traced(target, workload, **params)
    assert moved(model, device) == moved(measured, device)
    return moved(measured, device)


# ---------------------------------------------------------------- 1. copying up


def test_copy_up_on_xfs_is_a_clone():
    """1 byte of 64 MiB. ext4: 67,108,864 copied + 4096; XFS: 4096. Measured, with metadata: 67,215,360 and 7,168.

    vfs after the captured scenario: measured 531,267,584 on ext4 and 89,899,008 on XFS, less than 1 MiB of it not data.
    """
    for stack, copy, told in (("overlay2-ext4", FILE, 67_215_360), ("overlay2-xfs", 0, 7_168)):
        figures, found = shown(stack, "a-modify-1-byte", file_mib=64)
        assert figures["bytes_written"] == told
        assert (copied(found), found.moved("write")) == (copy, copy + BLOCK)
    for capture, told in (("vfs", 531_267_584), ("vfs-xfs", 89_899_008)):
        assert load_host(capture).scenario_space == told
        assert 0 < told - played(capture).engine.driver.space() < MIB


@pytest.mark.parametrize(
    ("workload", "params", "copy", "told"),
    [
        ("j-open-only", {"flags": ["O_RDWR"]}, FILE, 67_211_264),
        ("h-chmod", {}, FILE, 67_211_264),
        ("h-utime", {}, FILE, 67_211_264),
        ("h-link", {}, FILE, 67_211_264),
        ("i-rename-file", {}, FILE, 67_219_456),
        ("j-truncate", {"to_kib": 4}, FILE, 67_223_552),
        ("j-open-only", {"flags": ["O_WRONLY", "O_TRUNC"]}, 0, 61_440),
        ("j-modify-sparse", {"data_mib": 4}, 4 * MIB, 4_288_512),
    ],
    ids=["open", "chmod", "utime", "link", "rename", "truncate", "O_TRUNC", "holes"],
)
def test_copy_up_without_a_write(workload, params, copy, told):
    """overlay2 on ext4, 64 MiB: 67,108,864 copied in each case, none for O_TRUNC, 4,194,304 of a file with a hole of 60
    MiB. What was measured beyond data and copy is less than 256 KiB of metadata."""
    figures, found = shown("overlay2-ext4", workload, **params)
    assert figures["bytes_written"] == told
    assert copied(found) == copy
    assert 0 < told - found.moved("write") < 256 * KIB


def test_a_sparse_copy_takes_what_was_preallocated():
    """XFS without reflink: 4 MiB of data, a hole of 60. 8 MiB + 4096 written; measured 8,396,800, with a block of log.

    Held: 2 * 2048 blocks less 16 = 4080 blocks, 16,711,680 bytes, before and after a new mount.
    """
    row = row_of("overlay2-xfs-noreflink", "j-modify-sparse")
    found = predict(row["trace"], "overlay2-xfs-noreflink")
    assert row["figures"]["bytes_written"] == 8_396_800
    assert found.written.moved == 8 * MIB + BLOCK
    assert row["figures"]["space_delta"] == row["figures"]["space_delta_after_remount"] == 16_711_680
    assert like(found.space.total, 16_711_680)
    assert like(found.remounted.total, 16_711_680)


# ---------------------------------------------------------------- 2. names of a union


def test_an_old_descriptor_reads_the_new_data():
    """Opened to read, then the file is written through another descriptor: the first one sees "new" at once."""
    seen = observed("overlay2-ext4", "m-stale-fd")
    _, mount = box("overlay2-ext4", ("f", 65536))
    with mount.open("/f") as reader:
        old = reader.read(0, 4)[0]
        mount.write("/f", 0, 4)
        assert (reader.read(0, 4)[0] != old) == (seen["read_after_writer_closed"] == "new")
        assert reader.read(0, 4)[0] == mount.read("/f", 0, 4)[0]
    assert (seen["mmap_after_writer_closed"], seen["read_by_a_new_fd"]) == ("old", "new")


def test_copy_up_breaks_hard_links():
    """a and b are one inode, nlink 2. After a write through a: a has nlink 1, b still 2 and the old data."""
    seen = observed("overlay2-ext4", "n-hard-link")
    _, mount = box("overlay2-ext4", ("a", 65536), ("single", 65536), links=[("/a", "/b")])
    old, single = mount.read("/b")[0], mount.stat("/single").ino
    mount.write("/a", 0, 4)
    mount.write("/single", 0, 4)
    a, b = mount.stat("/a"), mount.stat("/b")
    assert {"a_and_b_one_inode_number": a.ino == b.ino, "nlink_a": a.nlink, "nlink_b": b.nlink} == seen["after_write"]
    assert (a.nlink, b.nlink) == (1, 2)
    assert ("old" if mount.read("/b")[0] == old else "new") == seen["data_through_other_name"] == "old"
    assert (mount.stat("/single").ino == single) is seen["inode_number_of_a_file_with_one_name_kept"] is True


def test_a_lower_directory_cannot_be_renamed():
    """rename: EXDEV and nothing written. mv copies 10 files of 64 KiB, 655,360 bytes; measured, with metadata, 753,664.

    A file of 64 MiB can be renamed: 67,108,864 copied, 67,219,456 measured.
    """
    figures, found = shown("overlay2-ext4", "i-rename-directory")
    assert found.notes == row_of("overlay2-ext4", "i-rename-directory")["notes"] == ["rename: EXDEV"]
    assert figures["bytes_written"] == found.counts.bytes("write") == 0
    for workload, copy, told in (("i-mv-directory", 655_360, 753_664), ("i-rename-file", FILE, 67_219_456)):
        figures, found = shown("overlay2-ext4", workload)
        assert (copied(found), figures["bytes_written"]) == (copy, told)


def test_metacopy_renames_a_directory():
    """The same rename with metacopy=on: ok, no data, no copies; measured 77,824 bytes, all of them metadata."""
    row = row_of("overlay2-ext4-metacopy", "i-rename-directory")
    found = replay("overlay2-ext4-metacopy", row)
    assert found.notes == row["notes"] == ["rename: ok"]
    assert (found.moved("write"), found.moved("read")) == (0, 0)
    assert row["figures"]["bytes_written"] == 77_824
    assert found.counts.bytes("write", "metadata") > 0


def test_whiteouts_share_one_inode():
    """Three names deleted: devices 0/0, one inode. dir made again is opaque; a copied-up file has an origin."""
    seen = observed("overlay2-ext4", "p-whiteout")
    names = ("gone1", "gone2", "gone3")
    driver, mount = box("overlay2-ext4", *((name, 4096) for name in (*names, "written", "dir/x")))
    for name in names:
        mount.unlink(f"/{name}")
    mount.remove_tree("/dir")
    mount.mkdir("/dir")
    mount.append("/written", 1)
    upper = look(driver._branch("box"))
    for tree in (upper, seen["upper"]):
        assert {(tree[name]["mode"], tree[name]["device"]) for name in names} == {("c---------", "0/0")}
        assert "trusted.overlay.opaque" in tree["dir"]["xattrs"]
        assert "trusted.overlay.origin" in tree["written"]["xattrs"]
    assert len({upper[name]["inode"] for name in names}) == seen["three_whiteouts_share_inodes"] == 1


@pytest.mark.parametrize(("stack", "capture"), [("overlay2-ext4", "overlay2"), ("btrfs", "btrfs"), ("vfs-ext4", "vfs")])
def test_how_many_layers(stack, capture):
    """overlayfs takes 500 lower directories, then EINVAL; an image has 125 layers, for 126 `max depth exceeded`."""
    seen = observed("overlay2-ext4", "o-layer-limit")
    most = seen["fsconfig(2) lowerdir+"]["most_accepted"]
    fs = Ext4(BlockDevice(64))
    lower, upper, work = (fs.create(fs.root, name, "directory") for name in ("lower", "upper", "work"))
    assert OverlayMount(fs, [lower] * most, upper, work).listdir("/") == []
    assert number_of(OverlayMount, fs, [lower] * (most + 1), upper, work) == "EINVAL"
    assert (most, seen["mount(2), Docker's names of 28 characters"]["most_accepted"]) == (500, 139)
    told = real("docker-layers", "layer-limit")["result"][capture]["outcome_by_number_of_image_layers"]
    layers = [Diff((Entry(f"/{number}", content=b"x", mtime=0),)) for number in range(126)]
    engine = start(stack=stack)
    assert len(engine.pull("deep:1", layers[:125]).layers()) == 125
    assert told["125"] == "built, container runs"
    with pytest.raises(InvalidInput, match=told["126"]):
        engine.pull("deeper:1", layers)


# ---------------------------------------------------------------- 3. reading


@pytest.mark.parametrize(
    ("stack", "times", "told"),
    [
        ("overlay2-ext4", 1, 67_141_632),
        ("overlay2-xfs", 1, 67_125_248),
        ("aufs-ext4", 1, 67_121_152),
        ("btrfs", 4, 268_517_376),
        ("vfs-ext4", 4, 268_472_320),
        ("xfs-reflink", 4, 268_500_992),
    ],
)
def test_one_page_cache_for_all_containers(stack, times, told):
    """Four containers read 64 MiB of the image: 67,108,864 on a union, four times that elsewhere, and metadata."""
    figures, found = shown(stack, "k-read-cold", snapshots=4)
    assert found.counts.bytes("read", "data") == times * FILE
    assert figures["bytes_read"] == told
    assert 0 < told - times * FILE < 128 * KIB


def test_a_first_read_also_writes():
    """relatime. btrfs: 139,264 bytes for one reader, 237,568 for four; the model within a factor of 2. overlayfs: 0."""
    for readers, told in ((1, 139_264), (4, 237_568)):
        figures, found = shown("btrfs", "k-read-cold", snapshots=readers)
        assert figures["bytes_written"] == told
        assert (found.counts.bytes("write", "data"), copied(found)) == (0, 0)
        assert told / 2 < found.counts.bytes("write") < told * 2
        figures, found = shown("overlay2-ext4", "k-read-cold", snapshots=readers)
        assert figures["bytes_written"] == found.counts.bytes("write") == 0


# ---------------------------------------------------------------- 4. aufs


def test_aufs_copies_at_the_first_write():
    """O_RDWR alone: 0 bytes, overlay2 67,108,864. Cut to 4 KiB: 4096 copied; measured, with metadata, 73,728."""
    figures, found = shown("aufs-ext4", "j-open-only", flags=["O_RDWR"])
    assert figures["bytes_written"] == found.counts.bytes("write") == 0
    assert copied(shown("overlay2-ext4", "j-open-only", flags=["O_RDWR"])[1]) == 67_108_864
    figures, found = shown("aufs-ext4", "j-truncate")
    assert (figures["bytes_written"], copied(found)) == (73_728, 4096)


def test_aufs_writes_its_copy_once():
    """64 MiB, 100 blocks changed. overlay2 syncs the copy, then writes 100 blocks again: 67,108,864 + 409,600. aufs has
    it in the page cache still: 67,108,864 in all. Measured 67,620,864 and 67,170,304; for 1 byte aufs 67,182,592."""
    for stack, data, told in (("overlay2-ext4", FILE + 100 * BLOCK, 67_620_864), ("aufs-ext4", FILE, 67_170_304)):
        figures, found = shown(stack, "c-random-4k-fsync-end")
        assert figures["bytes_written"] == told
        assert found.moved("write") == data
        assert found.counts.bytes("read", "copy") == FILE
    figures, found = shown("aufs-ext4", "a-modify-1-byte", file_mib=64)
    assert (figures["bytes_written"], figures["bytes_read"]) == (67_182_592, 67_112_960)
    assert (found.moved("write"), found.moved("read")) == (FILE, FILE)


def test_aufs_keeps_hard_links():
    """A write through a: b has the new data, both say nlink 2. The copy's second name lies under .wh..wh.plnk."""
    seen = observed("aufs-ext4", "n-hard-link")
    driver, mount = box("aufs-ext4", ("a", 65536), links=[("/a", "/b")], auplink=False)
    mount.write("/a", 0, 4)
    a, b = mount.stat("/a"), mount.stat("/b")
    assert {"a_and_b_one_inode_number": a.ino == b.ino, "nlink_a": a.nlink, "nlink_b": b.nlink} == seen["after_write"]
    assert (a.nlink, b.nlink, seen["data_through_other_name"]) == (2, 2, "new")
    assert mount.read("/a").tolist() == mount.read("/b").tolist()
    assert len(driver._branch("box").entries[".wh..wh.plnk"].entries) == 1


@pytest.mark.parametrize("layers", [1, 8, 32])
def test_aufs_marks_each_branch(layers):
    """Three names from the first mount on, whatever lies below. A container: measured 118,784 bytes at 1, 8, 32 layers.

    The first mount wrote 77,824 of them and holds 8,192: two directories of a block; the file is empty.
    """
    probe = observed("aufs-ext4", "r-metadata-files")["first_mount"]
    assert (probe["bytes_written"], probe["space_delta"]) == (77_824, 8_192)
    assert row_of("aufs-ext4", "l-make-snapshot", layers=layers)["figures"]["bytes_written"] == 118_784
    driver, _ = box("aufs-ext4", ("f", 1))
    parent = "image"
    for number in range(layers):
        driver.create(f"layer{number}", parent)
        parent = f"layer{number}"
    driver.create_read_write("last", parent)
    assert look(driver._branch("last")).keys() == {"."}
    with driver.mounted("last"):
        found = look(driver._branch("last"))
    assert found.keys() == probe["upper"].keys() == {".", ".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"}


def test_aufs_whiteouts_are_hard_links():
    """Three names deleted: .wh.NAME, one inode. A lower directory: EXDEV. 126 lower branches, then ENOSPC."""
    seen, limit = observed("aufs-ext4", "p-whiteout"), observed("aufs-ext4", "o-layer-limit")
    names = ("gone1", "gone2", "gone3")
    driver, mount = box("aufs-ext4", *((name, 4096) for name in (*names, "dir/x")))
    for name in names:
        mount.unlink(f"/{name}")
    upper = look(driver._branch("box"))
    for tree in (upper, seen["upper"]):
        assert len({tree[f".wh.{name}"]["inode"] for name in names} | {tree[".wh..wh.aufs"]["inode"]}) == 1
    assert number_of(mount.rename, "/dir", "/other") == "EXDEV"
    assert row_of("aufs-ext4", "i-rename-directory")["notes"] == ["rename: EXDEV"]
    told = limit["appended one by one, names of 1 to 3 characters"]
    assert (told["with_the_writable_one"], told["errno_beyond"]) == (127, "ENOSPC")
    fs = Ext4(BlockDevice(64))
    lower, upper = (fs.create(fs.root, name, "directory") for name in ("lower", "upper"))
    assert AufsMount(fs, [lower] * 126, upper).listdir("/") == []
    assert number_of(AufsMount, fs, [lower] * 127, upper) == "ENOSPC"


def test_aufs_numbers_inodes_itself():
    """The first name looked up is 11, the root 2; kept through copy-up; a new mount numbers in the order of look-up."""
    seen = observed("aufs-ext4", "r-inodes")
    driver, mount = box("aufs-ext4", ("f", 4096), ("d/1", 1), ("d/2", 1))

    def numbers(mount):
        return {name: mount.stat(f"/{path}").ino for name, path in (("f", "f"), ("d", "d"), ("root", ""))}

    def told(stage):
        return {name: seen[stage][name] for name in ("f", "d", "root")}

    assert numbers(mount) == told("before") == {"f": 11, "d": 12, "root": 2}
    mount.write("/f", 0, 1)
    assert numbers(mount) == told("after_copy_up")
    driver.put("box")
    mount = driver.get("box")
    for path in ("/d", "/d/1", "/d/2"):
        mount.stat(path)
    assert numbers(mount) == told("after_umount_and_mount_other_names_looked_up_first") == {"f": 14, "d": 11, "root": 2}


# ---------------------------------------------------------------- 5. extents, trees, records


def test_btrfs_moves_a_block_at_every_write():
    """Where the block lies before, after one and after two writes: three places on btrfs, two on XFS with reflink."""
    for stack, places in (("btrfs", 3), ("xfs-reflink", 2)):
        seen = observed(stack, "q-block-moves")
        driver, mount = box(stack, ("f", MIB))
        found = []
        for _ in range(3):
            found.append(where(driver, mount, "/f", 0, 4096).requests[0].first)
            mount.write("/f", 0, 4096)
            driver.freeze()
        told = [
            seen["physical_address"][f"snapshot_{when}"]
            for when in ("before", "after_first_write", "after_second_write")
        ]
        assert len(set(found)) == len(set(told)) == places
        assert (found[1] != found[2]) == seen["second_write_moved_block"] == (stack == "btrfs")


def test_xfs_reserves_128_kib_for_a_small_copy():
    """100 random blocks of 4 KiB: 11,931,648 bytes held, 29 a byte written; 413,696 once the inode was dropped."""
    row = row_of("xfs-reflink", "c-random-4k-fsync-end")
    found = predict(row["trace"], "xfs-reflink")
    assert row["figures"]["space_delta"] == 11_931_648
    assert row["figures"]["space_delta_after_remount"] == 413_696
    assert found.space.data == found.remounted.data == 409_600
    assert like(found.space.total, 11_931_648)
    assert like(found.remounted.total, 413_696)


def test_a_small_btrfs_commit_is_mostly_metadata():
    """chmod: 139,264 bytes, all metadata. 1 byte: 208,896. 100 writes, each with fsync: 7,675,904 for 409,600 of data.

    The model's data exactly; all bytes within a factor of two.
    """
    for workload, params, data, told in (
        ("h-chmod", {}, 0, 139_264),
        ("a-modify-1-byte", {"file_mib": 64}, BLOCK, 208_896),
        ("d-random-4k-fsync-each", {"touched_before": True}, 409_600, 7_675_904),
    ):
        figures, found = shown("btrfs", workload, **params)
        assert figures["bytes_written"] == told
        assert found.moved("write") == data
        assert told / 2 < found.counts.bytes("write") < told * 2


def test_zfs_writes_whole_records():
    """1 byte: a record of 131,072; measured, with indirect blocks and copies, 499,712. 100 random blocks (409,600)
    touch 92 of 512 records: 12,058,624, measured 12,439,552; 100 of 8 KiB: 819,200, measured 1,855,488. A zvol that is
    promised in full has used 71,303,168; its first snapshot promises 64 MiB again: 138,608,640."""
    for workload, size, records, told in (
        ("change_1_byte", "128K", 131_072, 499_712),
        ("overwrite_100_random_4k_one_txg", "128K", 12_058_624, 12_439_552),
        ("overwrite_100_random_4k_one_txg", "8K", 819_200, 1_855_488),
    ):
        figures, found = traced("zfs", workload, kind="dataset", recordsize=size)
        assert figures["vdev"]["written_bytes"] == told
        assert found["vdev_records"]["written_bytes"] == records
    for workload, told in (("fill_zvol_64m", 71_303_168), ("snapshot", 138_608_640)):
        figures, found = traced("zfs", workload, kind="zvol", volblocksize="8K", sparse=False)
        assert figures["properties"]["tank/v"]["used"] == told
        assert like(found["properties"]["tank/v"]["used"], told)


# ---------------------------------------------------------------- 6. exception stores


def test_dm_snapshot_copies_out_for_each_snapshot():
    """Chunk c = 65,536. 4 KiB to the origin: c read; a persistent store takes the copy and a metadata chunk, 131,072,
    a transient one 65,536. Overwriting a whole chunk reads it too. 8 snapshots, c = 16,384: 131,072 read, 262,144
    written. Making a store: 2c. 1024 chunks of 4 KiB: 2 * 4,194,304, and 4 areas (256 each) zeroed: 8,404,992."""
    for store, told in (("P", 131_072), ("N", 65_536)):
        params = {"store": store, "chunk_sectors": 128}
        assert both("dm-snapshot", "origin", "origin_first_write", **params) == (65_536, 4096)
        assert both("dm-snapshot", "cow", "origin_first_write", **params) == (0, told)
        assert both("dm-snapshot", "origin", "origin_first_write_of_whole_chunk", **params) == (65_536, 65_536)
    many = {"store": "P", "chunk_sectors": 32, "snapshots": 8}
    assert both("dm-snapshot", "origin", "n_snapshots_origin_first_write", **many) == (131_072, 4096)
    assert both("dm-snapshot", "cow", "n_snapshots_origin_first_write", **many) == (0, 262_144)
    assert both("dm-snapshot", "cow", "create_snapshot", store="P", chunk_sectors=128) == (65_536, 131_072)
    assert both("dm-snapshot", "cow", "origin_1024_sequential_4k", store="P", chunk_sectors=8) == (0, 8_404_992)


def test_writing_to_a_dm_snapshot():
    """c = 65,536, persistent. 4 KiB: c read of the origin, 2c + 4096 = 135,168 to the store. A whole chunk: 131,072."""
    params = {"store": "P", "chunk_sectors": 128}
    assert both("dm-snapshot", "origin", "snapshot_first_write", **params) == (65_536, 0)
    assert both("dm-snapshot", "cow", "snapshot_first_write", **params) == (0, 135_168)
    assert both("dm-snapshot", "origin", "snapshot_first_write_of_whole_chunk", **params) == (0, 0)
    assert both("dm-snapshot", "cow", "snapshot_first_write_of_whole_chunk", **params) == (0, 131_072)


def test_a_full_store():
    """24 chunks less header and area: 22 writes fit. P: Invalid, the origin goes on, each read is EIO. PO and a write
    to the snapshot: Overflow, reads work until the origin changes a new chunk. Opened again: Invalid."""
    small = {"chunk_sectors": 8, "cow_sectors": 192}
    for workload, store, word, fit, read in (
        ("overflow_by_origin_writes", "P", "Invalid", 32, "EIO"),
        ("overflow_by_snapshot_writes", "PO", "Overflow", 22, "ok"),
    ):
        measured, model = traced("dm-snapshot", workload, store=store, **small)
        for key in ("results", "statuses", "after", "reopened"):
            assert model[key] == measured[key]
        assert [measured["statuses"].index(f"0 131072 snapshot {word}"), measured["results"].count("ok")] == [23, fit]
        assert measured["after"]["read_snapshot_copied_chunk"] == read
        assert measured["after"]["write_origin_new_chunk"] == "ok"
        assert measured["after"]["status"].endswith("Invalid")
        assert measured["reopened"].endswith("Invalid")


def test_merging_runs_and_scattered_chunks():
    """64 chunks of 4 KiB: neighbours take one metadata write, 4,096; every other chunk its own, 64 * 4096 = 262,144."""
    for pattern, told in (("contiguous", 4_096), ("every_other", 262_144)):
        params = {"store": "P", "chunk_sectors": 8, "pattern": pattern}
        assert both("dm-snapshot", "cow", "merge", **params)[1] == told
        assert both("dm-snapshot", "origin", "merge", **params) == (0, 262_144)


# ---------------------------------------------------------------- 7. thin pools


def test_dm_thin_decides_sharing_by_time():
    """b = 65,536. The peer has broken sharing, the snapshot or the origin is deleted, 1 or 8 snapshots, a chain of 1 or
    4: the first 4 KiB cost b read and b + 4096 = 69,632 written. A whole block: nothing read, 65,536 written."""
    for workload, params in (
        ("shared_write_4k", {"zeroing": True}),
        ("snapshot_write_4k_where_origin_broke_sharing", {"zeroing": True}),
        ("write_4k_after_snapshot_deleted", {}),
        ("snapshot_write_4k_after_origin_deleted", {}),
        *(("n_snapshots_write_4k", {"snapshots_of_thin0": number}) for number in (1, 8)),
        *(("chain_write_4k_in_newest", {"depth": number}) for number in (1, 4)),
    ):
        assert both("dm-thin", "data", workload, block_sectors=128, **params) == (65_536, 69_632)
    assert both("dm-thin", "data", "shared_write_whole_block", block_sectors=128, zeroing=True) == (0, 65_536)


def test_provisioning_zeroes_the_block():
    """4 KiB to a new block of 65,536: 69,632 with zeroing, 4096 without; a second 4 KiB of it: 4096."""
    for zeroing, told in ((True, 69_632), (False, 4096)):
        params = {"block_sectors": 128, "zeroing": zeroing}
        assert both("dm-thin", "data", "provision_4k", **params) == (0, told)
        assert both("dm-thin", "data", "other_4k_of_same_block", **params) == (0, 4096)


def test_discards_free_whole_blocks():
    """b = 65,536. 4 KiB: nothing. 2.5 blocks: 131,072 = 2b. 4 shared blocks: nothing passed down, 262,144 with the
    second owner's discard; used blocks 25, 25, 21."""
    for workload, told, used in (
        ("discard_4k_of_unshared_block", 0, [32, 32]),
        ("discard_whole_unshared_block", 65_536, [32, 31]),
        ("discard_unaligned_two_and_a_half_blocks", 131_072, [27, 25]),
        ("discard_4_shared_blocks_in_origin", 0, [25, 25]),
        ("discard_same_blocks_in_snapshot", 262_144, [25, 21]),
    ):
        measured, model = traced("dm-thin", workload, block_sectors=128, mode="passdown")
        for figures in (measured, model):
            assert figures["data"].get("discarded_bytes", 0) == told
            assert figures["used_data_blocks"] == used


def test_a_full_pool_goes_on_with_what_it_has():
    """Flushes of both volumes, one changed: 1 commit; none changed: 0. Data full: 16 writes ok, then ENOSPC; mapped
    blocks and create_snap still work. Metadata full at 62 of 64 blocks: EIO, ro, needs_check; overwrites still ok."""
    for workload, commits in (("shared_write_4k", 1), ("same_4k_again_now_unshared", 0)):
        measured, model = traced("dm-thin", workload, block_sectors=128, zeroing=True)
        assert measured["commits"] == model["commits"] == commits
    measured, model = traced("dm-thin", "out_of_data_space", block_sectors=128, mode="queue")
    for figures in (measured, model):
        assert figures["results"] == ["ok"] * 16 + ["ENOSPC"] * 2
        assert figures["after"]["overwrite_mapped"] == figures["after"]["create_snap"] == "ok"
    measured, model = traced("dm-thin", "out_of_metadata_space")
    for figures in (measured, model):
        assert " 62/64 " in figures["pool_status"]
        assert "- ro " in figures["pool_status"]
        assert "needs_check" in figures["pool_status"]
        assert figures["states"][-1][1] == "EIO"
        assert figures["after"]["read_mapped"] == figures["after"]["overwrite_mapped"] == "ok"


def test_an_empty_pool_has_used_metadata():
    """min(4096, total // 10) blocks are kept back and told as used: of 4096 blocks 409, and 10 real ones, 419."""
    measured, model = traced("dm-thin", "commit_only", block_sectors=128, zeroing=True)
    assert measured["used_meta_blocks"] == model["used_meta_blocks"] == [min(4096, 4096 // 10) + 10] * 2
    assert measured["used_data_blocks"] == model["used_data_blocks"] == [0, 0]
    assert " 419/4096 0/4096 " in measured["pool_status"]


# ---------------------------------------------------------------- 8. Docker's own figures


def test_size_rw_is_not_space():
    """1 byte of 33,554,432 and 5,242,880 new: 38,797,312 on every driver. btrfs holds 5,242,880 + 4096 = 5,246,976."""
    for capture in CAPTURED:
        (told,) = (box["SizeRw"] for box in real("containers-size", capture)["containers"] if box["Names"] == ["/c5"])
        assert told == played(capture).engine.size_rw("c5") == 38_797_312
    layers = {(layer.get("container"), layer["role"]): layer for layer in real("docker-layers", "btrfs")["layers"]}
    rows = [row for row in played("btrfs").engine.ledger().rows() if row.kind == "layer"]
    assert layers["c5", "container layer"]["btrfs_exclusive"] == rows[-1].exclusive == 5_246_976


def test_a_container_is_two_layers():
    """4 layers of images and 5 containers: 14 on each driver. vfs copies the image for both layers of c1: measured
    80,658,432, of which 2 * 39,735,296 + 1,048,576 = 80,519,168 are data."""
    for capture in CAPTURED:
        assert len(real("docker-layers", capture)["layers"]) == len(played(capture).engine.driver.ids()) == 4 + 5 * 2
    (told,) = (row["space_delta"] for row in real("docker-layers", "vfs")["timeline"] if row["step"] == "container c1")
    space = list(played("vfs").space.values())
    image = space[3] - space[2]  # the last layer of the image is a copy of all of it
    assert (told, image, space[4] - space[3]) == (80_658_432, 39_735_296, 2 * image + MIB)


def test_a_run_step_copies_the_whole_file():
    """RUN changes 1 byte of 33,554,432: the image grows by 33,554,432 on all ten, on btrfs too."""
    for capture in CAPTURED:
        told = {
            row["CreatedBy"].split("-c ")[-1]: row["Size"]
            for row in real("containers-size", capture)["history"]["child:1"]
        }
        mine = {step.created_by.removeprefix("RUN "): size for step, size in played(capture).engine.history("child:1")}
        step = "printf X | dd of=/data/big bs=1 seek=1000 conv=notrunc"
        assert told[step] == mine[step] == 33_554_432


def test_asking_for_sizes_writes_nothing_here():
    """Measured: 7,667,712 bytes more in the pool at 64 KiB, 11,534,336 at 512 KiB, 253,952 on zfs. The model: none. It
    has no metadata of the XFS in a thin volume, nor what a mount changes on zfs; once it has, this test says so. (It
    reads dnodes and names of layers on zfs that their children have changed.)"""
    for capture, told in (("devicemapper", 7_667_712), ("devicemapper-direct-lvm", 11_534_336), ("zfs", 253_952)):
        steps = {row["step"]: row["space_delta"] for row in real("docker-layers", capture)["timeline"]}
        assert steps["sizes queried"] == told
        engine = played(capture).engine
        before = engine.driver.space()
        with counting(*engine.driver.devices) as io:
            usage(engine)
            engine.driver.sync()
        read = io.counts.bytes("read", "metadata") if capture == "zfs" else 0
        assert (io.counts.bytes(), engine.driver.space() - before) == (read, 0)


def test_an_image_layer_is_as_large_as_apply_diff_says():
    """14 links with targets of 7 bytes: 35,606,320 in files; overlay2, fuse-overlayfs and aufs add 98: 35,606,418.

    `docker info` counts two images that only the build needed: 4 for two tags.
    """
    unions = {"overlay2", "overlay2-xfs", "fuse-overlayfs", "aufs"}
    for capture in CAPTURED:
        told = {layer.get("size_recorded", 0) for layer in real("docker-layers", capture)["layers"]}
        base = 35_606_418 if capture in unions else 35_606_320
        engine = played(capture).engine
        assert base in told
        assert engine.image("base:1").layers()[0].size == base
        assert load_host(capture).images == engine.info()["Images"] == 4


def test_docker_diff_has_no_order():
    """Ten captures give c3 to c5 in more than one order, and one set. A DiffID of a tar is the same on every host; the
    three layers that were built have another one on each. The model's clock ticks: its RUN layers can be equal."""
    for name in ("c3", "c4", "c5"):
        listed = {
            capture: [change["Path"] for change in real("containers-size", capture)["changes"][name]]
            for capture in CAPTURED
        }
        for capture, paths in listed.items():
            assert sorted(paths) == sorted(change.path for change in played(capture).engine.diff(name))
    assert len({tuple(paths) for paths in listed.values()}) > 1
    chains = [real("docker-layers", capture)["rootfs"]["child:1"] for capture in CAPTURED]
    assert len({chain[0] for chain in chains}) == 2  # two files of random bytes, on ten hosts
    assert all(len({chain[number] for chain in chains}) == 10 for number in (1, 2, 3))
    tar = Diff((Entry("/a", content=b"A", mtime=0),))
    ids = {start(stack=stack).import_(tar, "a:1").layers()[0].diff_id for stack in ("overlay2-ext4", "btrfs", "zfs")}
    assert ids == {diff_id(tar)}
    pools = [played(capture).engine.image("child:1").layers()[3] for capture in CAPTURED if "devicem" in capture]
    assert len(pools) == 2
    assert pools[0].diff_id == pools[1].diff_id


# ---------------------------------------------------------------- the page

HEADING = re.compile(r"^### (\d+)\.(\d+) (.+)$", re.MULTILINE)
SECTIONS = HEADING.split(PAGE.read_text())[1:] if PAGE.exists() else []
SECTIONS = [(int(SECTIONS[at]), int(SECTIONS[at + 1]), SECTIONS[at + 3]) for at in range(0, len(SECTIONS), 4)]
TESTS = {
    name: test
    for name, test in vars(sys.modules[__name__]).items()
    if name.startswith("test_") and not name.startswith("test_page_")
}
NAMED = re.compile(r"^Test: `(test_\w+)`$", re.MULTILINE)


def test_page_names_every_test_once_and_in_order():
    """Section for section the tests of this file, and no other."""
    assert [NAMED.findall(text.partition("\n## ")[0]) for *_, text in SECTIONS] == [[name] for name in TESTS]
    assert len(TESTS) == 36


def test_page_is_numbered_by_topic():
    """1.1, 1.2, ..., 2.1, ...: the topics are numbered in their headings as well."""
    topics = [int(number) for number in re.findall(r"^## (\d+)\. ", PAGE.read_text(), re.MULTILINE)]
    assert topics == list(range(1, 9))
    for topic in topics:
        inside = [number for of, number, _ in SECTIONS if of == topic]
        assert inside == list(range(1, len(inside) + 1))


@pytest.mark.parametrize("name", TESTS)
def test_page_tells_question_prediction_measurement_and_reason(name):
    """In this order. Each figure with a comma stands in the test as well; a measured one in its code."""
    (text,) = (text for *_, text in SECTIONS if f"Test: `{name}`" in text)
    told = text.partition("Test: ")[0]
    assert re.findall(r"\*(\w+)\.\*", told) == ["Question", "Prediction", "Measured", "Reason"]
    source = inspect.getsource(TESTS[name])
    assert numbers(told) <= set(re.findall(r"\d+", source.replace("_", "").replace(",", "")))
    code = source.replace(TESTS[name].__doc__, "").replace("_", "").replace(",", "")
    assert numbers(told.partition("*Measured.*")[2].partition("*Reason.*")[0]) <= set(re.findall(r"\d+", code))


def numbers(text):
    """Those that are written with a comma, without it."""
    return {figure.replace(",", "") for figure in re.findall(r"\d{1,3}(?:,\d{3})+", text)}


def test_page_leads_somewhere():
    """Its links exist, and the table of contents leads to it."""
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target
    assert "(explanation/surprises.md)" in (PAGE.parent.parent / "README.md").read_text()
