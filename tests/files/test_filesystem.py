"""Files on a device: what reaches it, by hand."""

import errno

import numpy as np
import pytest

from snapsim.block.device import BlockDevice, IOCounts
from snapsim.files.filesystems import Ext4, Xfs
from snapsim.files.mounts.programs import copy_tree
from snapsim.files.mounts.tree import TreeMount


def fresh(kind=Ext4, blocks=256, **options):
    fs = kind(BlockDevice(blocks), **options)
    return fs, TreeMount(fs, fs.root)


def quiet(fs):
    fs.sync()
    fs.drop_caches()


def test_one_byte_in_the_middle_of_a_block():
    """Cold cache: the block is read (4096), changed in memory, and written at the sync (4096)."""
    fs, mount = fresh()
    mount.write("f", 0, 16384)
    quiet(fs)
    with fs.store.counting() as io:
        mount.write("f", 5000, 1)
        fs.sync()
    assert io.counts == IOCounts(read_data=1, write_data=1)


def test_a_write_of_whole_blocks_reads_nothing():
    fs, mount = fresh()
    mount.write("f", 0, 16384)
    quiet(fs)
    with fs.store.counting() as io:
        mount.write("f", 4096, 8192)
        fs.sync()
    assert io.counts == IOCounts(write_data=(1, 8192))


def test_an_append_reads_the_last_block_only_if_it_is_partly_full():
    """5000 bytes: the second block holds 904 of them, so that an append of 1 byte reads it; at 8192 it would not."""
    fs, mount = fresh()
    mount.write("f", 0, 5000)
    mount.write("g", 0, 8192)
    quiet(fs)
    with fs.store.counting() as io:
        mount.append("f", 1)
        mount.append("g", 1)
        fs.sync()
    assert io.counts.bytes("read") == 4096
    assert io.counts.bytes("write") == 2 * 4096


def test_holes_cost_nothing():
    """64 KiB long, 4 KiB written: one block on the device; reading the hole reads nothing."""
    fs, mount = fresh()
    mount.write("f", 0, 4096)
    mount.truncate("f", 65536)
    quiet(fs)
    assert (fs.used, mount.stat("f").size, mount.stat("f").blocks) == (4096, 65536, 8)
    with fs.store.counting() as io:
        assert mount.read("f").tolist()[1:] == [0] * 15
    assert io.counts == IOCounts(read_data=1)


def test_truncate_frees_and_extends_with_zeros():
    fs, mount = fresh()
    mount.write("f", 0, 16384)
    fs.sync()
    mount.truncate("f", 4096)
    assert fs.used == 4096
    mount.truncate("f", 8192)
    assert mount.read("f")[1] == 0


def test_unlink_frees_when_the_last_descriptor_closes():
    fs, mount = fresh()
    mount.write("f", 0, 8192)
    fs.sync()
    with mount.open("f") as file:
        mount.unlink("f")
        assert fs.used == 8192
        assert file.read().size == 2
    assert fs.used == 0


def test_no_space_is_told_at_the_write():
    """16 blocks: a file of 17 is refused before anything is written, though places are given out later only."""
    fs, mount = fresh(blocks=16)
    with pytest.raises(OSError, match="No space left") as error:
        mount.write("f", 0, 17 * 4096)
    assert error.value.errno == errno.ENOSPC
    mount.write("f", 0, 16 * 4096)
    fs.sync()
    assert fs.used == 16 * 4096


def test_a_quota():
    """12 KiB: the fourth block is EDQUOT; overwriting a block that is there is not."""
    _fs, mount = fresh(limit=12288)
    mount.write("f", 0, 12288)
    with pytest.raises(OSError) as error:
        mount.append("f", 1)
    assert error.value.errno == errno.EDQUOT
    mount.write("f", 0, 4096)


def test_reflink_moves_a_block_once():
    """A clone of 4 blocks, one overwritten twice: 1 new block, and it stays where it is at the second write."""
    fs, mount = fresh(Xfs)
    mount.write("f", 0, 16384)
    copy_tree(mount, "f", "g")
    assert fs.used == 16384
    for _ in range(2):
        mount.write("g", 0, 4096)
        fs.sync()
        assert fs.used == 5 * 4096
    assert mount.read("f")[0] != mount.read("g")[0]
    assert (mount.read("f")[1:] == mount.read("g")[1:]).all()
    mount.unlink("f")
    assert fs.used == 16384


def test_many_writes_at_once_are_many_writes():
    """write_at of 3 offsets, one of them twice: the same state and the same bill as three writes."""
    fs, mount = fresh()
    mount.write("f", 0, 65536)
    quiet(fs)
    with fs.store.counting() as io, mount.open("f", 2) as file:
        file.write_at(np.array([0, 8192, 0]), 4096)
        file.fsync()
    assert io.counts == IOCounts(write_data=(2, 8192))


def test_real_bytes_and_equal_stamps():
    """Equal bytes have equal stamps, in two files and at two offsets; bytes are lost when only a length is known."""
    _, mount = fresh()
    mount.write("f", 0, data=b"x" * 8192)
    mount.write("g", 0, data=b"x" * 4096)
    assert set(mount.read("f").tolist()) == set(mount.read("g").tolist())
    assert mount.read_bytes("f") == b"x" * 8192
    mount.write("f", 0, 1)
    with pytest.raises(OSError) as error:
        mount.read_bytes("f")
    assert error.value.errno == errno.ENODATA


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (lambda m: m.read("none"), errno.ENOENT),
        (lambda m: m.read("d"), errno.EISDIR),
        (lambda m: m.mkdir("d"), errno.EEXIST),
        (lambda m: m.mkdir("f/x"), errno.ENOTDIR),
        (lambda m: m.rmdir("f"), errno.ENOTDIR),
        (lambda m: m.rmdir("d"), errno.ENOTEMPTY),
        (lambda m: m.rmdir("/"), errno.EBUSY),
        (lambda m: m.unlink("d"), errno.EISDIR),
        (lambda m: m.link("d", "n"), errno.EPERM),
        (lambda m: m.link("d", "e"), errno.EEXIST),
        (lambda m: m.link("f", "d"), errno.EEXIST),
        (lambda m: m.rename("d", "d/sub"), errno.EINVAL),
        (lambda m: m.rename("d", "f"), errno.ENOTDIR),
        (lambda m: m.rename("f", "d"), errno.EISDIR),
        (lambda m: m.rename("e", "d"), errno.ENOTEMPTY),
        (lambda m: m.readlink("f"), errno.EINVAL),
        (lambda m: m.open("loop"), errno.ELOOP),
        (lambda m: m.open("f", 0o302), errno.EEXIST),
        (lambda m: m.open("d", 1), errno.EISDIR),
        (lambda m: m.truncate("f", -1), errno.EINVAL),
        (lambda m: m.mkdir("n" * 256), errno.ENAMETOOLONG),
        (lambda m: m.read("a\0b"), errno.EINVAL),
    ],
)
def test_errnos(call, number):
    _, mount = fresh()
    mount.write("f", 0, 1)
    mount.mkdir("d")
    mount.mkdir("e")
    mount.write("d/x", 0, 1)
    mount.symlink("loop", "loop")
    with pytest.raises(OSError) as error:
        call(mount)
    assert error.value.errno == number


def test_paths_and_links():
    """/d/../f, a link to a directory on the way, a relative and an absolute target, and a dangling one."""
    _, mount = fresh()
    mount.mkdir("/d")
    mount.write("/d/f", 0, data=b"1")
    mount.symlink("d", "l")
    mount.symlink("/d/f", "d/abs")
    mount.symlink("nowhere", "dangling")
    assert mount.read_bytes("l/f") == mount.read_bytes("/d/../d/./f") == mount.read_bytes("d/abs") == b"1"
    assert mount.stat("l").kind == "directory"
    assert mount.stat("l", follow=False).kind == "symlink"
    assert not mount.exists("dangling")
    assert mount.listdir("l") == ["abs", "f"]


def test_rename_over_and_nlink():
    _, mount = fresh()
    mount.mkdir("a")
    mount.mkdir("a/b")
    mount.mkdir("c")
    mount.rename("a/b", "c/b")
    assert (mount.stat("a").nlink, mount.stat("c").nlink, mount.stat("/").nlink) == (2, 3, 4)
    mount.write("f", 0, data=b"f")
    mount.write("g", 0, data=b"g")
    mount.rename("f", "g")
    assert mount.read_bytes("g") == b"f"
    assert mount.listdir() == ["a", "c", "g"]
