"""XFS's metadata by hand: what a checkpoint holds, what goes home, where inodes go, what is given in advance.

A checkpoint of an inode is 12 (start) + 28 (header) + 12 (end) + 68 (format) + 188 (core) = 308 bytes: with the header
of its record two sectors. Home go whole buffers: a sector of AGF or AGI, 4096 bytes of a B-tree, 16 KiB of inodes.
"""

import itertools

import numpy as np
import pytest

from snapsim.block.device import BlockDevice
from snapsim.block.snapshots import ThinPool
from snapsim.files.filesystems import Xfs
from snapsim.files.filesystems.xfs.btree import Leaves, chunks
from snapsim.files.filesystems.xfs.directory import XfsDirectory, hash_of
from snapsim.files.filesystems.xfs.filesystem import XfsNoReflink
from snapsim.files.filesystems.xfs.log import Log, Sectors
from snapsim.files.filesystems.xfs.preallocation import Preallocation

DISK = 524288  # 2 GiB, as measured
COVER = 2 * (1024 + 512)  # a log that was written to: two records, two superblocks
MIB = 1 << 20


def fresh(kind=Xfs, size=MIB):
    """A quiet, cold file system of 2 GiB: a directory and a file in it, both in the second group."""
    fs = kind(BlockDevice(DISK))
    fs.create(fs.root, "image", "directory")
    box = fs.create(fs.root, "box", "directory")
    file = fs.create(box, "f", "file")
    fs.write(file, 0, size)
    quiet(fs)
    return fs, box, file


def quiet(fs):
    fs.freeze()
    fs.drop_caches()
    fs.freeze()
    fs.drop_caches()


def bill(fs, work):
    """Metadata bytes: read, written until the end of a sync, and by the freeze behind it."""
    with fs.metadata.disk.counting() as io:
        work()
        fs.sync()
        synced = io.counts
        fs.freeze()
    return synced.bytes("read"), synced.bytes("write"), io.counts.bytes("write") - synced.bytes("write")


# ---------------------------------------------------------------- operations


def test_nothing_is_written_on_a_quiet_system_but_the_superblock():
    """A covered log is covered once more at each freeze: 1024 + 512."""
    fs, _, _ = fresh()
    assert bill(fs, lambda: None) == (0, 0, 1536)


def test_chmod():
    """Two sectors of log; then 16 KiB home. Five parts, as many as a covering record: the log stays covered."""
    fs, _, file = fresh()
    assert bill(fs, lambda: fs.set_attributes(file, mode=0o600)) == (16384, 1024, 16384 + 1536)


def test_link():
    """Both inodes are in one cluster: 52 + 256 + 256, and 12 + 6 + 2 * 9 bytes of names = 600: 512 + 1024."""
    fs, box, file = fresh()
    assert bill(fs, lambda: fs.link(file, box, "g")) == (16384, 1536, 16384 + COVER)


def test_unlink_frees_the_inode_at_the_freeze():
    """Sync: AGI, directory, inode: 52 + 176 + 256 + 20 + 256 = 760. Freeze: another record, then all goes home.

    Home: AGF, AGI (neighbours in no order that matters: 512 each), bnobt, cntbt, inobt, finobt, the cluster.
    """
    fs, box, _ = fresh(XfsNoReflink)
    read, synced, frozen = bill(fs, lambda: fs.unlink(box, "f"))
    assert (read, synced) == (16384 + 512, 512 + 1024)
    assert frozen - COVER - (2 * 512 + 4 * 4096 + 16384) == 512 + 1536  # 52 + 7 buffers of 176, one of 64 ...


def test_a_write_within_a_tick_needs_no_log():
    """fsync after each of two overwrites: the first finds a new time stamp, the second the same tick."""
    fs, _, file = fresh()
    fs.write(file, 0, 4096)
    with fs.metadata.disk.counting() as io:
        fs.fsync(file)
        fs.write(file, 0, 4096)
        fs.fsync(file)
    assert io.counts.bytes("write") == 1024


def test_a_clone_is_one_record():
    """A file of 1 MiB cloned: refcountbt and AGF of its group read; no data, no log before the sync."""
    fs, box, file = fresh()

    def clone():
        fs.copy_data(file, fs.create(box, "g", "file"))

    with fs.store.counting() as data:
        read, synced, _ = bill(fs, clone)
    assert data.counts.bytes() == 0
    assert read == 16384 + 512 + 4096 + 4096 + 512 + 4096  # cluster; AGI, finobt, inobt; AGF, refcountbt
    assert synced <= 2560
    assert fs.metadata.layout.groups[1].shared.keys.size == 1


# ---------------------------------------------------------------- where things are


def test_directories_go_round_the_groups_and_files_follow_them():
    fs = Xfs(BlockDevice(DISK))
    made = [fs.create(fs.root, str(number), "directory") for number in range(5)]
    files = [fs.create(directory, "f", "file") for directory in made]
    group = [fs.metadata._file(inode).slot.group.number for inode in made + files]
    assert group == [0, 1, 2, 3, 0] * 2


def test_64_inodes_are_made_at_once():
    """1000 files and their directory: 1001 inodes are 16 chunks of 8 blocks; 4 data and 5 index blocks of names.

    Measured (xfs-reflink, g-create-files): 4657152 bytes, 1000 * 4096 of data and 137 blocks.
    """
    fs = Xfs(BlockDevice(DISK))
    fs.create(fs.root, "a", "directory")  # the group of the root has a chunk already
    before = fs.metadata.space()
    new = fs.create(fs.root, "new", "directory")
    for number in range(1000):
        fs.create(new, f"{number:04d}", "file")
    assert fs.metadata.space() - before == 4657152 - 1000 * 4096 == (16 * 8 + 9) * 4096


def test_an_empty_chunk_is_given_back():
    """65 inodes in a group of its own are two chunks; without them there is none."""
    fs = Xfs(BlockDevice(DISK))
    fs.create(fs.root, "a", "directory")
    before = fs.metadata.space()
    new = fs.create(fs.root, "b", "directory")
    for number in range(64):
        fs.create(new, str(number), "file")
    assert fs.metadata.space() - before >= 2 * 8 * 4096
    for number in range(64):
        fs.unlink(new, str(number))
    fs.unlink(fs.root, "b")
    fs.freeze()
    assert fs.metadata.space() == before


def test_a_tiny_disk_has_room_for_its_metadata():
    """The metadata device grows when the inodes outgrow it: 200 directories of 40 names on 64 blocks."""
    fs = Xfs(BlockDevice(64))
    for number in range(200):
        directory = fs.create(fs.root, str(number), "directory")
        for name in range(40):
            fs.create(directory, str(name), "file")
    fs.freeze()
    assert fs.metadata.layout.blocks_held > 200 * 40 // 8


def test_on_a_volume_no_metadata_are_counted():
    """devicemapper's thin devices: what XFS writes for itself is left out, as the class says."""
    pool = ThinPool(BlockDevice(4096), BlockDevice(4096), chunk_size=65536)
    fs = Xfs(pool.create(4096))
    fs.create(fs.root, "f", "file")
    assert fs.metadata.devices == ()
    assert fs.metadata.space() == 0


# ---------------------------------------------------------------- given in advance


def test_100_random_writes_hold_their_windows():
    """100 blocks of a clone of 64 MiB in w windows of 32: 32 w blocks and one leaf of extents; later 100 and the leaf.

    Measured with 91 windows: 11931648 = (91 * 32 + 1) * 4096, and 413696 = 101 * 4096.
    """
    fs, box, file = fresh(size=64 * MIB)
    twin = fs.create(box, "g", "file")
    fs.copy_data(file, twin)
    fs.sync()
    before = fs.used + fs.metadata.space()
    blocks = np.random.default_rng(7).choice(16384, 100, replace=False)
    windows = len(np.unique(blocks // 32))
    fs.write_many(twin, blocks * 4096, 4096)
    fs.sync()
    assert fs.used + fs.metadata.space() - before == (32 * windows + 1) * 4096
    quiet(fs)
    assert fs.used + fs.metadata.space() - before == 101 * 4096


def test_the_first_close_cuts_what_is_behind_the_end():
    """A file of 34 blocks: window 32 to 63, of which 32 and 33 are left after a close (measured: 8192 bytes)."""
    ahead = Preallocation()
    ahead.copy_on_write(np.array([33]))
    assert ahead.blocks == 31
    ahead.closed(34)
    assert ahead.blocks == 1


def test_the_second_append_keeps_64_kib():
    """64 MiB, two appends of 4 KiB: 16 blocks from the last multiple of 64 KiB on (measured: 65536 bytes held)."""
    fs, _, file = fresh(size=64 * MIB)
    before = fs.used + fs.metadata.space()
    for _ in range(2):
        fs.open(file)
        fs.write(file, file.size, 4096)
        fs.close(file)
    fs.sync()
    assert fs.used + fs.metadata.space() - before == 65536
    quiet(fs)
    assert fs.used + fs.metadata.space() - before == 8192


def test_pieces_double_what_is_behind_the_end():
    """64 KiB at a time to 4 MiB: 16, 48, 112, 240, 496, 1008, 2032 blocks; truncate(2) takes the rest into the file."""
    ahead = Preallocation()
    nothing = np.zeros(0, np.int64)
    ahead.extended(nothing, nothing.astype(bool), 0, 4 * MIB, 65536)
    assert ahead.blocks == 2032 - 1024
    ahead.lengthened(16384)
    assert ahead.blocks == 0
    assert ahead.unwritten == range(1024, 2032)
    ahead.cut(1500)
    assert ahead.unwritten == range(1024, 1500)


def append(fs, file, length=4096):
    """As a program that logs: open, append, close."""
    fs.open(file)
    fs.write(file, file.size, length)
    fs.close(file)


def test_what_is_written_into_room_behind_the_end_needs_no_place():
    """fsync after each append of a block. The first close frees the room, so the first two need places, and log
    52 + 256 and 28 of extents, and AGF, cntbt and bnobt of 176 each: 864, two sectors and the header. From the third
    on the room is there, placed with the second: 336, one sector (measured: 1536, then 1024 each)."""
    fs, _, file = fresh(XfsNoReflink)
    costs = []
    for _ in range(5):
        with fs.metadata.disk.counting() as io:
            append(fs, file)
            fs.fsync(file)
        costs.append(io.counts.bytes("write"))
    assert costs == [1536, 1536, 1024, 1024, 1024]
    assert fs.metadata._file(file).ahead.has_place(300)
    assert not fs.metadata._file(file).ahead.has_place(256)


def test_what_was_freed_is_busy_until_the_checkpoint():
    """A copy of 1 MiB in pieces of 64 KiB is given 496 blocks; the cut behind it frees 240, and the checkpoint that
    says so is not written when the next block is placed: it lies behind them, an extent of its own. So the room for
    appends grows from nothing: to 257, 272, 304, 368, 496 blocks (measured on overlay2-xfs-noreflink)."""
    fs, box, file = fresh(XfsNoReflink)
    copy = fs.create(box, "copy", "file")
    before = fs.used + fs.metadata.space()
    fs.copy_data(file, copy)
    fs.fsync(copy)
    assert (fs.used + fs.metadata.space() - before) // 4096 == 496
    fs.truncate(copy, copy.size)
    held = []
    for _ in range(113):
        append(fs, copy)
        fs.fsync(copy)
        held.append((fs.used + fs.metadata.space() - before) // 4096)
    assert [held[number - 1] for number in (1, 2, 16, 17, 48, 49, 112, 113)] == [257, 272, 272, 304, 304, 368, 368, 496]
    assert fs.metadata.references.on_disk(copy.blocks)[256] - fs.metadata.references.on_disk(copy.blocks)[255] == 241


def test_after_a_checkpoint_the_place_is_to_be_had():
    """The same with a sync between the cut and the append: one extent, of 257 blocks, and as much room again: 512."""
    fs, box, file = fresh(XfsNoReflink)
    copy = fs.create(box, "copy", "file")
    fs.copy_data(file, copy)
    fs.fsync(copy)
    fs.truncate(copy, copy.size)
    fs.sync()
    before = fs.used + fs.metadata.space()
    for _ in range(2):
        append(fs, copy)
        fs.fsync(copy)
    assert (fs.used + fs.metadata.space() - before) // 4096 == 512


# ---------------------------------------------------------------- parts


def test_log_records_of_32_kib():
    """1000 inodes: 52 + 1000 * 256 bytes = 7 records of 32256 bytes, and 30260 in the eighth."""
    disk = Sectors(1 << 16)
    log = Log(disk, 0, 131072)
    for number in range(1000):
        log.change_inode(number, 200000 + number // 32 * 32, (188,))
    log.checkpoint()
    assert disk.counts.bytes("write") == 7 * 32768 + 512 + 30720


def test_what_was_logged_is_logged_again_until_it_is_home():
    """A chunk of a buffer, another, a third: 36 + 3 * 140 bytes; once it is home, 36 + 140."""
    disk = Sectors(1 << 16)
    log = Log(disk, 0, 131072)
    for chunk in (0, 5):
        log.change_buffer(8, 8, 1 << chunk)
        log.checkpoint()
    log.change_buffer(8, 8, 1 << 9)
    assert sum(log._parts("buffer", 8)) == 36 + 3 * 140
    log.write_home()
    log.change_buffer(8, 8, 1 << 9)
    assert sum(log._parts("buffer", 8)) == 36 + 140


def test_a_full_leaf_is_cut():
    """(4096 - 56) // 12 = 336 records; the 337th makes two leaves of 168 and 169, both changed from the start."""
    tree = Leaves(12, 56, itertools.count(1).__next__)
    tree.insert(np.arange(336))
    assert tree.blocks == [1]
    assert tree.insert(np.array([336])) == [(1, chunks(0, 56 + 168 * 12)), (2, chunks(0, 56 + 169 * 12))]
    assert tree.blocks_of(np.array([0, 167, 168])) == [1, 2]


def test_names_leave_the_inode_and_come_back():
    """336 bytes: 6 + 27 * 12 = 330 fit, the 28th does not; without it they fit again."""
    names = XfsDirectory(itertools.count(1).__next__)
    for number in range(28):
        names.add(f"{number:04d}", 336)
    assert names.form == "block"
    names.remove("0003", 336)
    assert names.form == "short"
    assert names.take_freed() == [1]


def test_hash_of_names():
    """Four bytes: each rolls the ones before by 7 bits."""
    assert hash_of("abcd") == (97 << 21) ^ (98 << 14) ^ (99 << 7) ^ 100


# ---------------------------------------------------------------- what other workloads showed (Linux 6.18)


def test_names_beyond_192_bytes_leave_the_inode():
    """A new directory has a boundary between its forks; 15 and 200 bytes of names do not fit, as was measured."""
    fs, box, _ = fresh()
    before = fs.metadata.space()
    fs.create(box, "n" * 200, "file")
    assert fs.metadata.space() - before == 4096


@pytest.mark.parametrize(("length", "blocks"), [(336, 0), (337, 1)])
def test_a_long_link_has_a_block(length, blocks):
    fs, box, _ = fresh()
    before = fs.metadata.space()
    fs.create(box, "l", "symlink", target="t" * length)
    assert fs.metadata.space() - before == 4096 * blocks


def test_a_truncate_that_zeroes_a_tail_writes_it_at_once():
    fs, box, _ = fresh()
    file = fs.create(box, "k", "file")
    fs.write(file, 0, 10000)
    quiet(fs)
    with fs.store.counting() as io:
        fs.truncate(file, 20000)
    assert io.counts.bytes("write", "data") == 4096
    with fs.store.counting() as io:
        fs.sync()
    assert io.counts.bytes("write") == 0


def test_three_busy_blocks_force_the_log():
    """Directories that get a block and give it back, one after the other: the fourth cannot find a free one."""
    fs, box, _ = fresh()
    before, forced = fs.metadata.log.checkpoints, []
    for _ in range(5):
        fs.create(box, "n" * 200, "file")
        fs.unlink(box, "n" * 200)
        forced.append(fs.metadata.log.checkpoints - before)
    assert forced == [0, 0, 0, 1, 1]


def test_shared_blocks_that_are_cut_before_they_are_written_get_no_places():
    """A copy that is cut to nothing at once: no AGF, no refcountbt of its own group is logged."""
    fs, box, file = fresh(size=10000)
    copy = fs.create(box, "copy", "file")
    fs.copy_data(file, copy)
    quiet(fs)
    fs.write(copy, 8192, 100)
    fs.truncate(copy, 0)
    assert not copy.pages.count()
    assert fs.metadata.references._staged == 0
