"""ext4's metadata by hand: which blocks a transaction holds, and what they cost in the log and at home.

A transaction of k blocks costs k + 2 in the log (descriptor, commit block), 1 more if the log was empty (its
superblock), and k when it goes home: 2k + 3 blocks for an operation and a sync on a quiet file system.
"""

import functools

import numpy as np
import pytest

from snapsim.block.device import BlockDevice, recording
from snapsim.block.snapshots import ThinPool
from snapsim.files.filesystems import Ext4
from snapsim.files.filesystems.ext4.attributes import AttributeBlocks
from snapsim.files.filesystems.ext4.directory import Ext4Directory, entry_bytes
from snapsim.files.filesystems.ext4.extents import extent_count, leaves_of, tree_blocks
from snapsim.files.filesystems.ext4.inodes import InodeTables
from snapsim.files.filesystems.ext4.journal import REVOKES, TAGS, Journal
from snapsim.files.filesystems.ext4.layout import Ext4Layout, journal_blocks
from snapsim.files.inode import Inode
from snapsim.files.kernel_clock import KernelClock

DISK = 524288  # 2 GiB, as measured


def fresh(*names):
    """A quiet, cold file system of 2 GiB with a directory "d" and files of 1 MiB in it."""
    fs = Ext4(BlockDevice(DISK))
    directory = fs.create(fs.root, "d", "directory")
    files = [fs.create(directory, name, "file") for name in names]
    for file in files:
        fs.write(file, 0, 1 << 20)
    fs.freeze()
    fs.drop_caches()
    return fs, directory, *files


def blocks(fs, work, freeze=False):
    """Metadata blocks written and read by some work and a sync."""
    with fs.metadata.disk.counting() as io:
        work()
        fs.sync()
        if freeze:
            fs.freeze()
    return io.counts.bytes("write") // 4096, io.counts.bytes("read") // 4096


# ---------------------------------------------------------------- operations


def test_chmod_writes_one_block_five_times_around():
    """k = 1, the block of the inode table: superblock of the log, descriptor, block, commit; block home. Read: it."""
    fs, _, file = fresh("f")
    assert blocks(fs, lambda: fs.set_attributes(file, mode=0o600)) == (5, 1)


def test_link_and_rename_change_a_directory_too():
    """k = 2: directory block, inode table (both inodes are in one block). Read: the same two."""
    fs, directory, file = fresh("f")
    assert blocks(fs, lambda: fs.link(file, directory, "g")) == (2 * 2 + 3, 2)
    assert blocks(fs, lambda: fs.rename(directory, "g", directory, "h"))[0] == 2 * 2 + 2 + 0 * 1


def test_overwriting_changes_the_inode_alone():
    """k = 1, the time stamp; the data are the store's. Read: the inode."""
    fs, _, file = fresh("f")
    with fs.store.counting() as data:
        assert blocks(fs, lambda: fs.write(file, 0, 4096)) == (5, 1)
    assert data.counts.bytes("write") == 4096


def test_appending_takes_a_block():
    """k = 3: inode, block bitmap, group descriptor. Read: inode, bitmap (descriptors stay in memory)."""
    fs, _, file = fresh("f")
    assert blocks(fs, lambda: fs.write(file, 1 << 20, 4096)) == (2 * 3 + 3, 2)


def test_deleting_changes_six_blocks():
    """k = 6: directory, inode table, superblock (orphan list), block bitmap, inode bitmap, descriptor. Read: 4."""
    fs, directory, _ = fresh("f")
    assert blocks(fs, lambda: fs.unlink(directory, "f")) == (2 * 6 + 3, 4)


def test_truncating_changes_four():
    """k = 4: inode, superblock, block bitmap, descriptor."""
    fs, _, file = fresh("f")
    assert blocks(fs, lambda: fs.truncate(file, 0)) == (2 * 4 + 3, 2)


def test_a_new_directory_holds_a_block():
    """k = 6: parent's block and its own, inode table, inode bitmap, block bitmap, descriptor; 4096 bytes for df."""
    fs, directory = fresh()
    before = fs.metadata.space()
    assert blocks(fs, lambda: fs.create(directory, "e", "directory"))[0] == 2 * 6 + 3
    assert fs.metadata.space() - before == 4096


def test_removing_it_revokes_the_block():
    """k = 6: parent's block, inode table, superblock, both bitmaps, descriptor; the directory's block is revoked: + 1.

    The block of the freed directory goes neither to the log nor home.
    """
    fs, directory = fresh()
    fs.create(directory, "e", "directory")
    fs.freeze()
    assert blocks(fs, lambda: fs.unlink(directory, "e"))[0] == 2 * 6 + 3 + 1
    assert fs.metadata.space() == 4096  # "d"


def test_a_directory_of_1000_files():
    """1000 inodes of 16 a block; 5 blocks of names; the rest is 7 blocks.

    The directory is inode 13 (lost+found 11, "d" 12), so its block of the table holds 14 to 16 as well, and the files
    to number 1013 end in block 1012 // 16 = 63: 64 blocks of the table. Blocks of names: a root and 4 leaves of at
    most 340. 2 bitmaps of groups 0 and 1, the inode bitmap, the descriptor, the block of "d": k = 64 + 5 + 5 = 74.
    """
    fs, directory = fresh()

    def work():
        new = fs.create(directory, "new", "directory")
        for number in range(1000):
            fs.write(fs.create(new, f"{number:04}", "file"), 0, 4096)

    assert blocks(fs, work)[0] == 2 * 74 + 3


def test_reading_changes_the_access_time_once():
    """relatime: the first read after a change writes the inode, k = 1; the second nothing."""
    fs, _, file = fresh("f")
    assert blocks(fs, lambda: fs.metadata.accessed(file))[0] == 5
    assert blocks(fs, lambda: fs.metadata.accessed(file))[0] == 0
    fs.set_attributes(file, mode=0o600)
    fs.sync()
    assert blocks(fs, lambda: fs.metadata.accessed(file))[0] > 0


def test_inode_tables_are_read_ahead():
    """100 inodes are in use after 89 files: 12 + 89 = 101, whose last block is number 6: blocks 0 to 6 come at once."""
    fs, directory, *_ = fresh(*(str(number) for number in range(89)))
    with fs.metadata.disk.counting() as io:
        fs.lookup(directory, "0")
    assert io.counts.bytes("read") // 4096 == 1 + 7  # the block of names, and the table


def test_more_than_32_mib_at_once_revoke_a_block():
    """5 pieces of 8 MiB are 5 extents for a while, one more than the inode holds: one block of revoke records."""
    fs, directory = fresh()
    small, big = (fs.create(directory, name, "file") for name in "sb")
    fs.freeze()
    costs = []
    for file, size in ((small, 32 << 20), (big, 33 << 20)):
        costs.append(blocks(fs, functools.partial(fs.write, file, 0, size))[0])
        fs.freeze()
    assert costs[1] - costs[0] == 1


# ---------------------------------------------------------------- fsync and the clock


def test_fsync_commits_and_leaves_home_for_later():
    """fsync: superblock of the log, descriptor, inode, commit = 4. The sync then writes the inode home: 1."""
    fs, _, file = fresh("f")
    with fs.metadata.disk.counting() as io:
        fs.write(file, 0, 4096)
        fs.fsync(file)
    assert io.counts.bytes("write") // 4096 == 4
    assert blocks(fs, lambda: None)[0] == 1


def test_an_fsync_of_another_file_commits_nothing():
    """The inode that was fsynced did not change in the running transaction."""
    fs, _, one, two = fresh("f", "g")
    with fs.metadata.disk.counting() as io:
        fs.set_attributes(one, mode=0o600)
        fs.fsync(two)
    assert io.counts.bytes("write") == 0


def test_fsyncs_within_a_tick_commit_once():
    """A tick is 4 ms, an fsync takes 0.53 ms, one with a commit 1.08: from 100 writes with an fsync each, 100 x 0.53 =
    53 ms and 0.56 for each commit, n = 53 / (4 - 0.56) = 15.4 ticks. Each commit is 3 blocks, with 1 + 1 around."""
    fs, _, file = fresh("f")
    written, _ = blocks(fs, lambda: [(fs.write(file, n * 4096, 4096), fs.fsync(file)) for n in range(100)])
    assert (written - 2) % 3 == 0
    assert (written - 2) // 3 in (15, 16, 17)


@pytest.mark.parametrize(("mean", "commits"), [(0.4, 10.0), (1.0, 24.5), (4.0, 63.2), (20.0, 90.6), (4000.0, 100.0)])
def test_a_pace_that_is_known_decides_how_many_commit(mean, commits):
    """Gaps about a mean of m, ticks of 4 ms: 100 (m / 4) (1 - exp(-4 / m)) of 100 fsyncs; each is 3 blocks, with 1 + 1.

    Measured, with means of 4.6, 5.2 and 8.8 ms (emulated machine): 67, 69 and 82; the rule says 67, 70 and 80.
    """
    fs, _, file = fresh("f")
    fs.metadata.paced(mean)
    written, _ = blocks(fs, lambda: [(fs.write(file, n * 4096, 4096), fs.fsync(file)) for n in range(100)])
    assert (written - 2) % 3 == 0
    assert abs((written - 2) // 3 - commits) <= 3


def test_a_tick_passes_at_once_or_over_many_fsyncs():
    """40 ms are ten ticks whatever the gaps; at rest a tick is 7 fsyncs of 0.53 ms, or 3 of 1.08 with a commit."""
    clock = KernelClock()
    clock.pace(0.04)
    for _ in range(1000):
        clock.fsynced(committed=False)
    assert clock.tick in (9, 10)
    for committed, fsyncs in ((False, 8), (True, 4)):
        clock = KernelClock()
        for _ in range(fsyncs - 1):
            clock.fsynced(committed)
        before = clock.tick
        clock.fsynced(committed)
        assert (before, clock.tick) == (0, 1)


# ---------------------------------------------------------------- the journal


def journal():
    disk = BlockDevice(4096)
    return disk, Journal(disk, first=2048, length=2048)


def cost(disk, work):
    with disk.counting() as io:
        work()
    return io.counts.bytes("write") // 4096


def test_an_empty_commit_writes_nothing():
    disk, log = journal()
    assert cost(disk, log.commit) == cost(disk, log.write_home) == cost(disk, log.flush) == 0


def test_descriptors_hold_254_tags():
    """254 blocks: one descriptor; 255: two. Log: superblock, descriptors, blocks, commit."""
    for count, descriptors in ((TAGS, 1), (TAGS + 1, 2)):
        disk, log = journal()
        log.dirty(*range(count))
        assert cost(disk, log.commit) == 1 + descriptors + count + 1
    assert (TAGS, REVOKES) == (254, 509)


def test_emptying_the_log_moves_its_tail():
    """One transaction: the tail moves behind it, then "empty": 2. Two that share nothing: 3. Two of the same block:
    the first has none left and is dropped; the tail moves to the second, behind it, "empty": 3."""
    for second, writes in ((None, 2), (8, 3), (7, 3)):
        disk, log = journal()
        log.dirty(7)
        log.commit()
        if second is not None:
            log.dirty(second)
            log.commit()
        log.write_home()
        assert cost(disk, log.flush) == writes
        assert cost(disk, log.flush) == 0


def test_a_transaction_of_a_quarter_of_the_log_commits_itself():
    """512 of 2048 blocks: superblock, 3 descriptors, 512 blocks, commit."""
    disk, log = journal()
    assert cost(disk, lambda: log.dirty(*range(511))) == 0
    assert cost(disk, lambda: log.dirty(511)) == 1 + 3 + 512 + 1


def test_a_full_log_is_written_home():
    """Each commit takes 402 + 2 of 2047 blocks, so the sixth finds no room: home first, 400 blocks once each."""
    disk, log = journal()
    for _ in range(5):
        log.dirty(*range(400))
        log.commit()
    log.dirty(*range(400))
    assert cost(disk, log.commit) == 400 + 1 + 2 + 400 + 1


def test_a_revoked_block_does_not_go_home():
    disk, log = journal()
    log.dirty(7, 8)
    log.commit()
    log.revoke([8])
    log.commit()
    assert cost(disk, log.write_home) == 1
    assert log.holds(7) is False


def test_every_write_names_its_rule():
    fs, directory, _ = fresh("f")
    with recording(fs.metadata.disk) as story:
        fs.unlink(directory, "f")
        fs.freeze()
    assert all(io.purpose == "metadata" and io.rule for io in story)
    assert {io.device for io in story} == {fs.store.name}
    assert min(io.first for io in story) >= fs.store.size  # numbered on from the data


# ---------------------------------------------------------------- layout


@pytest.mark.parametrize(("gib", "journal_mib"), [(1, 32), (2, 64), (16, 128), (64, 512), (200, 1024)])
def test_journals_grow_with_the_disk(gib, journal_mib):
    assert journal_blocks(gib << 18) * 4096 >> 20 == journal_mib


def test_the_second_directory_of_the_root_is_in_the_next_group():
    """16 groups of 8192 inodes, one flex group. After one inode the flex group has less than the average that the
    counter knows, so single groups are looked at: the first with (131072 - 11) // 16 = 8191 free ones is group 1,
    which has 8192 and then 8191, and then group 2."""
    tables = InodeTables(Ext4Layout(DISK, 0))
    assert [tables.take(2, True, seed) for seed in range(4)] == [12, 8193, 8194, 16385]


def test_a_large_disk_has_flex_groups_to_spread_over():
    """64 GiB: 512 groups, 32 flex groups: directories of the root go to different ones, files stay with them."""
    tables = InodeTables(Ext4Layout(64 << 18, 0))
    numbers = [tables.take(2, True, seed) for seed in range(4)]
    assert len({(number - 1) // 8192 // 16 for number in numbers}) == 4
    assert tables.take(numbers[2], False, 0) == numbers[2] + 1


def test_a_full_group_gives_way_to_the_next():
    tables = InodeTables(Ext4Layout(DISK, 0))
    numbers = [tables.take(2, False, 0) for _ in range(8192)]
    assert numbers[8180] == 8192
    assert numbers[8181] == 8193


def test_small_disks_have_a_layout_too():
    fs = Ext4(BlockDevice(64))
    file = fs.create(fs.root, "f", "file")
    fs.write(file, 0, 4096)
    fs.freeze()
    assert fs.metadata.layout.groups == 1


# ---------------------------------------------------------------- directories, extents, attributes


def names(count):
    numbers = iter(range(1, 1 << 20))
    directory = Ext4Directory(0, lambda: next(numbers))
    for number in range(count):
        directory.add(f"{number:04}")
    return directory


def test_one_block_of_names():
    """4096 - 12 for the checksum - 24 for "." and ".." = 4060 bytes; 12 a name: 338 fit, with the 339th there are a
    root and two halves."""
    assert len(names(338).blocks) == 1
    assert len(names(339).blocks) == 3
    assert entry_bytes("0001") == 12
    assert entry_bytes("n" * 255) == 264


def test_names_are_found_where_they_were_put():
    directory = names(2000)
    leaves = {tuple(directory.find(f"{number:04}")) for number in range(2000)}
    assert all(len(found) == 2 and found[0] == 0 for found in leaves)
    assert len(leaves) == len(directory.blocks) - 1
    assert directory.remove("0007") == directory.find("0007")[1:]


def test_extents_are_runs():
    """0 1 2 | 10 11 | hole | 12: three extents; 32769 in a row: two, since one holds 32768."""
    assert extent_count(np.array([0, 1, 2, 10, 11, -1, 12])) == 3
    assert extent_count(np.arange(32768)) == 1
    assert extent_count(np.arange(32769)) == 2
    assert extent_count(np.full(8, -1)) == 0


def test_a_scattered_file_has_a_tree():
    """700 extents of one block: 3 leaves of 340, no index block; blocks 0, 340 and 699 are in leaves 0, 1 and 2."""
    places = np.arange(0, 1400, 2)
    assert tree_blocks(extent_count(places)) == 3
    assert leaves_of(places, np.array([0, 340, 699])) == {0, 1, 2}


def test_files_in_pieces_hold_tree_blocks():
    """Ten blocks with holes between them, placed next to each other on disk: still ten extents, one leaf: 4096."""
    fs, directory = fresh()
    file = fs.create(directory, "f", "file")
    before = fs.metadata.space()
    for number in range(10):
        fs.write(file, number * 8192, 4096)
    fs.sync()
    assert extent_count(file.blocks) == 10
    assert fs.metadata.space() - before == 4096
    fs.truncate(file, 0)
    assert fs.metadata.space() == before


def test_equal_attributes_share_a_block():
    """Three inodes with the same overflow: one block; the last to go frees it."""
    freed, numbers = [], iter(range(100))
    shared = AttributeBlocks(lambda group: next(numbers), lambda block, group: freed.append(block), lambda block: None)
    same = (("trusted.overlay.metacopy", ""),)
    held = [shared.replace(None, same, 0) for _ in range(3)]
    other = shared.replace(None, (("user.x", "y" * 80),), 0)
    assert (held, other) == ([0, 0, 0], 1)
    assert shared.replace(0, (), 0) is None
    shared.release(0, 0)
    assert freed == []
    shared.release(0, 0)
    assert freed == [0]


def test_long_links_hold_a_block():
    """A target of 59 bytes lies in the inode, one of 60 in a block."""
    fs, directory = fresh()
    before = fs.metadata.space()
    fs.create(directory, "short", "symlink", target="t" * 59)
    assert fs.metadata.space() == before
    fs.create(directory, "long", "symlink", target="t" * 60)
    assert fs.metadata.space() - before == 4096


# ---------------------------------------------------------------- the seam


def test_on_a_volume_it_costs_nothing():
    """devicemapper: what ext4 would write to a thin volume is not modelled."""
    pool = ThinPool(BlockDevice(4096), BlockDevice(4096), chunk_size=65536)
    fs = Ext4(pool.create(1 << 22) if hasattr(pool, "create") else pool.new_volume(1 << 22))
    assert fs.metadata.devices == ()


def test_an_unknown_inode_is_forgotten_quietly():
    fs, _, _ = fresh("f")
    fs.metadata.gone(Inode(999, "file", 0o644))
    assert blocks(fs, lambda: None) == (0, 0)


# ---------------------------------------------------------------- what other workloads showed (Linux 6.18)


def test_a_file_that_was_just_read_in_is_of_the_running_transaction():
    """ext4_iget sets i_sync_tid: nobody knows what changed the inode last, so its fsync commits what others changed."""
    fs, _, f, g = fresh("f", "g")
    fs.read(g, 0, 1)
    with fs.metadata.disk.counting() as io:
        fs.fsync(g)
    assert io.counts.bytes("write") == 0  # nothing is in the running transaction
    fs.freeze()
    fs.drop_caches()
    fs.set_attributes(f, mode=0o600)
    fs.read(g, 0, 1)
    with fs.metadata.disk.counting() as io:
        fs.fsync(g)
    assert io.counts.bytes("write") // 4096 == 4  # superblock of the log, descriptor, the inode of f, commit block


@pytest.mark.parametrize("size", [10000, 9000, 5])
def test_a_cut_puts_the_superblock_into_the_transaction(size):
    """Though the file keeps its size: it is in the list of orphans meanwhile. 28 KiB, as measured for 10,000 bytes."""
    fs, directory, _ = fresh("f")
    file = fs.create(directory, "k", "file")
    fs.write(file, 0, 10000)
    fs.freeze()
    fs.drop_caches()
    with recording(fs.metadata.disk) as story:
        fs.truncate(file, size)
        fs.sync()
    assert any(io.operation == "write" and io.first == fs.metadata.layout.superblock for io in story)


@pytest.mark.parametrize("grow", [lambda fs, f: fs.truncate(f, 50000), lambda fs, f: fs.write(f, 49152, 4096)])
def test_a_file_that_grows_past_a_partial_block_writes_its_tail(grow):
    fs, directory, _ = fresh("f")
    file = fs.create(directory, "k", "file")
    fs.write(file, 0, 10000)
    fs.freeze()
    fs.drop_caches()
    tail = int(file.blocks[2])
    with recording(fs.store) as story:
        grow(fs, file)
        fs.sync()
    assert any(io.operation == "write" and io.first <= tail < io.first + io.length for io in story)


def test_a_freed_inode_is_taken_again():
    fs, directory, f = fresh("f")
    number = fs.metadata._inodes[f.number].number
    fs.unlink(directory, "f")
    again = fs.create(directory, "g", "file")
    assert fs.metadata._inodes[again.number].number == number


def test_conversions_are_late_where_the_log_is_in_use():
    """A sync that finds the log in use commits twice: new extents stop being unwritten in the second."""
    fs, directory, f = fresh("f")

    def new():
        fs.write(fs.create(directory, "g", "file"), 0, 4096)

    in_time, _ = blocks(fs, new)
    fs.freeze()
    fs.set_attributes(f, mode=0o600)
    fs.fsync(f)
    before = fs.metadata._journal.running
    fs.write(fs.create(directory, "h", "file"), 0, 4096)
    fs.sync()
    assert in_time
    assert fs.metadata._journal.running == before + 2
