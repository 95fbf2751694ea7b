"""The metadata of the zfs driver, by hand: commands, files, directories, clones, what goes, what is read."""

import json

import captures
import pytest
from scenarios import SCENARIO, built, work

from snapsim.base.units import KiB, MiB
from snapsim.drivers.graphdrivers import Zfs

SECTOR = 4096
GROUP = 3 * 3 * 6 + 4
"""Sectors of the pool's own: three passes of six blocks, three copies each; the uberblock in four labels."""
CHAIN = 5 + 1
"""Five levels above the dnodes, the object set."""


def driver_with(*files, id="image", driver=None):
    """A driver with a layer in which there are files of these sizes; all is written."""
    driver = driver or Zfs()
    driver.create(id)
    with driver.mounted(id) as mount:
        for number, size in enumerate(files):
            mount.write(f"/f{number}", 0, size)
    driver.sync()
    return driver


def cost(driver, change, id="image", verb="write"):
    """Sectors of metadata that a change in a layer and the sync after it write or read."""
    with driver.devices[0].counting() as io:
        with driver.mounted(id) as mount:
            change(mount)
        driver.sync()
    return io.counts.bytes(verb, "metadata") // SECTOR


def commands(driver, act):
    """Sectors that the pool writes for a command and the sync after it."""
    with driver.devices[0].counting() as io:
        act()
        driver.sync()
    return io.counts.bytes("write", "metadata") // SECTOR


# ---------------------------------------------------------------- commands


def test_a_base_layer():
    """`zfs create -o mountpoint=legacy`: two groups, and one more with its line of history (3 copies each of two). The
    new file system has 4 blocks of its own, a block of dnodes, the chain."""
    driver = Zfs()
    assert commands(driver, lambda: driver.create("a")) == 3 * GROUP + 2 * 3 + 2 * (4 + 1 + CHAIN)


def test_a_child():
    """snapshot, clone (two groups), destroy -d: 4 groups and 1 after; a line of history for each of 3 and the last."""
    driver = driver_with(MiB)
    assert commands(driver, lambda: driver.create_read_write("box", "image")) == 5 * GROUP + 4 * 3


def test_a_quota_is_a_command_more():
    driver = driver_with(MiB)
    plain = commands(driver, lambda: driver.create_read_write("box", "image"))
    assert commands(driver, lambda: driver.create_read_write("box2", "image", {"size": "1G"})) - plain == GROUP + 3


def test_removing_a_layer():
    """`zfs destroy -r`: a group and one after it, 3 copies of a line of history in each. The snapshot goes too."""
    driver = driver_with(MiB)
    driver.create_read_write("box", "image")
    driver.sync()
    assert commands(driver, lambda: driver.remove("box")) == 2 * GROUP + 2 * 3
    properties = driver.account.properties(driver.volumes["image"])
    assert properties["usedbysnapshots"] == 0


def test_nothing_changed():
    """No group is written, however often all is synced and frozen."""
    driver = driver_with(MiB, 3)
    with driver.devices[0].counting() as io:
        driver.sync()
        driver.freeze()
    assert io.counts.bytes() == 0


# ---------------------------------------------------------------- files


def test_one_byte():
    """8 pointers: a sector; the file's block of dnodes; the chain; twice."""
    driver = driver_with(MiB)
    assert cost(driver, lambda mount: mount.write("/f0", 0, 1)) == 2 * (1 + 1 + CHAIN) + GROUP


def test_a_file_of_one_record_has_no_indirect_block():
    driver = driver_with(5000)
    assert cost(driver, lambda mount: mount.write("/f0", 0, 1)) == 2 * (1 + CHAIN) + GROUP


def test_two_levels():
    """129 MiB are 1032 records: 1024 pointers of 42 bytes are 11 sectors, 8 pointers one; one block is above them."""
    driver = driver_with(129 * MiB)
    assert cost(driver, lambda mount: mount.write("/f0", 0, 1)) == 2 * (11 + 1 + 1 + CHAIN) + GROUP
    assert cost(driver, lambda mount: mount.write("/f0", 128 * MiB, 1)) == 2 * (1 + 1 + 1 + CHAIN) + GROUP


def test_several_files_in_one_group():
    """3 files of 8 records: an indirect block each, but their dnodes are in one block."""
    driver = driver_with(MiB, MiB, MiB)

    def change(mount):
        for number in range(3):
            mount.write(f"/f{number}", 0, 1)

    assert cost(driver, change) == 2 * (3 + 1 + CHAIN) + GROUP


def test_a_changed_mode_is_a_dnode():
    driver = driver_with(MiB)
    assert cost(driver, lambda mount: mount.chmod("/f0", 0o600)) == 2 * (1 + CHAIN) + GROUP


def test_two_datasets_in_one_group():
    """One sync for all: each dataset has its pointers, dnodes and chain; the pool's own are written once. What two
    clones let go of stays with their origin: a block of dead pointers, three times (8 records and 8 blocks are few)."""
    driver = driver_with(MiB)
    for box in ("a", "b"):
        driver.create_read_write(box, "image")
    driver.sync()
    with driver.devices[0].counting() as io:
        for box in ("a", "b"):
            with driver.mounted(box) as mount:
                mount.write("/f0", 0, 1)
        driver.sync()
    assert io.counts.bytes("write", "metadata") == (2 * 2 * (1 + 1 + CHAIN) + GROUP + 3) * SECTOR


# ---------------------------------------------------------------- directories


def test_a_few_names_are_in_the_dnode():
    """5 names of 2 letters are 5 x (6 + 2 + 1 + 2) + 19 = 74 bytes, at most 112: no block. The 9th makes one of 118."""
    driver = driver_with(*[1] * 5)
    two = 2 * (2 + CHAIN) + GROUP  # the file's block of dnodes, and the root's
    assert cost(driver, lambda mount: mount.write("/g0", 0, 0)) == two
    for number in range(1, 3):
        cost(driver, lambda mount, number=number: mount.write(f"/g{number}", 0, 0))
    assert cost(driver, lambda mount: mount.write("/g4", 0, 0)) == two + 2
    assert cost(driver, lambda mount: mount.unlink("/g4")) == two


def test_many_names_are_written_anew_together():
    """1000 names of 8 letters: 1000 x (6 + 2 + 1 + 8) + 19 bytes are 5 sectors; with 2500 names it is leaves."""
    driver = driver_with()

    def fill(count):
        def change(mount):
            for number in range(count[0], count[1]):
                mount.write(f"/{number:08}", 0, 0)

        return change

    cost(driver, fill((0, 1000)))
    assert cost(driver, fill((1000, 1001))) == 2 * (5 + 2 + CHAIN) + GROUP
    cost(driver, fill((1001, 2500)))
    # 2500 names of 3 chunks fill 12 leaves; one has some 208 names, of 17 + 8 + 3 x 5 bytes each: 3 sectors
    assert cost(driver, fill((2500, 2501))) - (2 * (1 + 2 + CHAIN) + GROUP) in {2 * 2, 2 * 3}


def test_a_directory_is_an_object():
    """Its dnode is in a block with the file's; the root's is in another."""
    driver = driver_with(1)
    assert cost(driver, lambda mount: mount.mkdir("/d")) == 2 * (2 + CHAIN) + GROUP
    assert cost(driver, lambda mount: mount.write("/d/f", 0, 0)) == 2 * (1 + CHAIN) + GROUP


# ---------------------------------------------------------------- what goes


def test_a_file_that_goes_takes_its_blocks():
    """The layer without its file refers to what it did before it had one."""
    driver = driver_with(1)
    before = driver.account.properties(driver.volumes["image"])["referenced"]
    cost(driver, lambda mount: mount.write("/big", 0, 2 * MiB))
    grown = driver.account.properties(driver.volumes["image"])["referenced"]
    assert grown - before == 2 * MiB + 2 * SECTOR  # records, and the block of 16 pointers
    assert cost(driver, lambda mount: mount.unlink("/big")) == 2 * (2 + CHAIN) + GROUP
    assert driver.account.properties(driver.volumes["image"])["referenced"] == before


def test_a_cut_file_has_fewer_pointers():
    """2 MiB to 128 KiB: one record, and no indirect block any more."""
    driver = driver_with(2 * MiB)
    assert cost(driver, lambda mount: mount.truncate("/f0", 128 * KiB)) == 2 * (1 + CHAIN) + GROUP


def test_space_in_use_is_the_metadata_of_all_datasets():
    """4 blocks of the file system, two of dnodes, chain, pointers; a changed clone: dnodes, chain, pointers; twice."""
    driver = driver_with(MiB)
    assert driver.metadata_space() == 2 * (4 + 2 + CHAIN + 1) * SECTOR
    driver.create_read_write("box", "image")
    driver.sync()
    before = driver.metadata_space()
    assert before == 2 * (4 + 2 + CHAIN + 1) * SECTOR
    cost(driver, lambda mount: mount.write("/f0", 0, 1), "box")
    assert driver.metadata_space() - before == 2 * (1 + 1 + CHAIN) * SECTOR
    driver.remove("box")
    driver.sync()
    assert driver.metadata_space() == before


# ---------------------------------------------------------------- reads


@pytest.mark.parametrize(("size", "blocks"), [(5000, 0), (MiB, 1), (129 * MiB, 11 + 1 + 1)])
def test_a_cold_read(size, blocks):
    """Object set and levels, the root's and the file's dnodes, the indirect blocks; once."""
    driver = driver_with(size)
    driver.drop_caches()
    assert cost(driver, lambda mount: mount.read("/f0", 0, 1), verb="read") == CHAIN + 2 + blocks
    assert cost(driver, lambda mount: mount.read("/f0", 0, 1), verb="read") == 0


def test_a_cold_directory():
    """20 names in the root are a block, and so are those in /d, which is object 19; /d/19 is object 39."""
    driver = driver_with(*[1] * 19)

    def fill(mount):
        mount.mkdir("/d")
        for number in range(20):
            mount.write(f"/d/{number}", 0, 1)

    cost(driver, fill)
    driver.drop_caches()
    # object set and levels, the root's dnode and names, objects 0 to 31; the names in /d; objects 32 to 63
    assert cost(driver, lambda mount: mount.stat("/d"), verb="read") == CHAIN + 1 + 1 + 1
    assert cost(driver, lambda mount: mount.listdir("/d"), verb="read") == 1
    assert cost(driver, lambda mount: mount.stat("/d/19"), verb="read") == 1


def test_a_changed_clone_takes_the_buffers_of_its_image():
    """The blocks above what a first clone changed are in the cache no more, and the second one has to read them: the
    object set, levels and dnodes when it is mounted, which is in its making, and the pointers when it changes them."""
    driver = driver_with(MiB)
    driver.create_read_write("box", "image")
    cost(driver, lambda mount: mount.write("/f0", 0, 1), "box")
    with driver.devices[0].counting() as io:
        driver.create_read_write("other", "image")
    assert io.counts.bytes("read", "metadata") == (CHAIN + 1) * SECTOR
    assert cost(driver, lambda mount: mount.write("/f0", 0, 1), "other", "read") == 1


# ---------------------------------------------------------------- beside a daemon


def test_containers_beside_a_real_daemon():
    """tests/data/docker-layers/zfs.json, which no rule was made from: what five containers took in the pool, read and
    wrote. The daemon's own files were in the same pool, and a group ended every 5 of some 18 s: it wrote more."""
    scenario = json.loads(SCENARIO.read_text())
    engine = built("zfs", {**scenario, "containers": []})
    real = {row["step"]: row for row in captures.real("docker-layers", "zfs")["timeline"]}
    for container in scenario["containers"]:
        engine.driver.sync()
        before = engine.driver.space() + engine.driver.metadata_space()
        with engine.driver.devices[0].counting() as io:
            with engine.running(container["image"], container["name"]) as mount:
                work(container["ops"], mount)
            engine.driver.sync()
        row = real[f"container {container['name']}"]
        grown = engine.driver.space() + engine.driver.metadata_space() - before
        assert 0 <= row["space_delta"] - grown <= 128 * KiB
        assert 0 <= row["bytes_read"] - io.counts.bytes("read") <= 8 * KiB
        assert 0.4 < io.counts.bytes("write") / row["bytes_written"] < 1
