"""The ledger: one book of who pins which bytes, and every tool's figure as a view of it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios import SCENARIO, built, played

from snapsim.base.errors import NotFound
from snapsim.base.units import KiB, MiB
from snapsim.block.snapshots import CowBtree
from snapsim.cli.main import main
from snapsim.docker.engine_labels import labels_of
from snapsim.docker.removal import prune_containers, prune_images, rmi
from snapsim.drivers.graphdrivers import Aufs, Btrfs, DeviceMapper, Overlay2, Vfs, Zfs
from snapsim.drivers.hidden_files import Tally, hidden_files, tally
from snapsim.drivers.ledger import Label, share_out, take
from snapsim.drivers.tool_figures import disk_usage, native, tool_figures, volume_figures
from snapsim.files.mounts.programs import copy_tree
from snapsim.lab.stacks import STACKS
from snapsim.show.plots import ledger_bars
from snapsim.testing import driver_operations
from snapsim.testing.drivers.layers import Layers

LAYERED = [name for name in STACKS if name != "ext4-plain"]  # plain keeps no layers
CONTAINERS = ("c1", "c2", "c3", "c4", "c5")
CHUNK = 64 * KiB
EVERYBODY = ("base:1", "child:1", *CONTAINERS)


def scenario(stack):
    driver = STACKS[stack].make()
    return driver, take(driver, played(driver))


def line(book, name):
    """The row of a layer, or of the image or container if no layer has that name."""
    return [row for row in book.rows() if row.name == name][-1]


# ---------------------------------------------------------------- the scenario, by hand

BASE = 484 * 4096 + 32 * MiB + 64 * KiB + 4096  # busybox is 1982256 bytes: 484 blocks


def test_the_scenario_on_overlay2():
    """A layer holds the files that its step wrote, whole: 32 MiB for one byte of RUN dd, and again in c5.

    base 484 blocks + 32 MiB + 64 KiB + 4 KiB; COPY 4 MiB; dd 32 MiB; rm nothing; c1 to c4: 1 to 4 MiB;
    c5: 5 MiB + 32 MiB. Nothing is shared between directories, so all is exclusive to its layer; the bytes of the image
    are pinned by the image and its five containers.
    """
    driver, book = scenario("overlay2-ext4")
    held = {
        "base-1.0": BASE,
        "child-1.0": 4 * MiB,
        "child-1.1": 32 * MiB,
        "child-1.2": 0,
        "c1": 1 * MiB,
        "c2": 2 * MiB,
        "c3": 3 * MiB,
        "c4": 4 * MiB,
        "c5": 37 * MiB,
    } | {f"{name}-init": 0 for name in CONTAINERS}
    assert {id: line(book, id).held for id in book.parents} == held
    assert all(line(book, id).exclusive == size for id, size in held.items())
    assert book.allocated == BASE + (4 + 32 + 1 + 2 + 3 + 4 + 37) * MiB
    child = line(book, "child:1")
    assert (child.held, child.exclusive, child.frees) == (BASE + 36 * MiB, 0, 0)
    assert (child.partners["base:1"], child.partners["c1"]) == (BASE, BASE + 36 * MiB)
    assert [book.frees(name) for name in CONTAINERS] == [1 * MiB, 2 * MiB, 3 * MiB, 4 * MiB, 37 * MiB]
    assert (book.frees(*CONTAINERS), book.frees("child:1", *CONTAINERS)) == (47 * MiB, 83 * MiB)
    assert book.frees(*EVERYBODY) == book.allocated
    assert tally(driver, book) == Tally(book.allocated, 0, 0)  # base:1 still shows what child:1 hides


def test_hidden_files_on_overlay2():
    """Each line by hand; a block of /data/big changed, so that 8191 of its 8192 are held twice with equal content."""
    driver, book = scenario("overlay2-ext4")
    found = [
        (file.path, file.holder, file.size, file.why, file.hider, file.hidden_from, file.seen_by, file.again)
        for file in hidden_files(driver, book)
    ]
    inside = ("child:1", *CONTAINERS)
    assert found == [
        ("/data/big", "base-1.0", 32 * MiB, "overwritten", "child-1.1", inside, ("base:1",), 8191 * 4096),
        ("/data/small", "base-1.0", 64 * KiB, "deleted", "child-1.2", inside, ("base:1",), 0),
        ("/etc/app.conf", "base-1.0", 4096, "deleted", "c3", ("c3",), ("base:1", "child:1", "c1", "c2", "c4", "c5"), 0),
        ("/data/big", "child-1.1", 32 * MiB, "deleted with /data", "c4", ("c4",), ("child:1", "c1", "c2", "c3"), 0),
        (
            "/data/four",
            "child-1.0",
            4 * MiB,
            "deleted with /data",
            "c4",
            ("c4",),
            ("child:1", "c1", "c2", "c3", "c5"),
            0,
        ),
        ("/data/big", "child-1.1", 32 * MiB, "overwritten", "c5", ("c5",), ("child:1", "c1", "c2", "c3"), 8191 * 4096),
    ]
    steps = {(file.step, file.hiding_step) for file in hidden_files(driver, book)}
    assert {("import", "RUN rm /data/small"), ("COPY four /data/four", "run c4")} <= steps


def test_the_scenario_on_devicemapper():
    """In pool blocks of 16 blocks; XFS puts files one behind the other, base in blocks 0 to 8692.

    base: 8693 blocks begin 544 pool blocks. COPY: 1024 blocks from 8693 (in pool block 543) to 9716 (in 607): 543 is
    shared and moves, 64 are new: 65. dd: file block 0 of /data/big is block 484, in pool block 30: 1 moves. rm: unmaps
    nothing. A container's file of n MiB goes from 9717 (in 607, shared, moves) to 9716 + 256 n:
    (9716 + 256 n) // 16 - 607 + 1 = 17, 33, 49, 65, 81; in c5 block 484 + 20000000 // 4096 = 5366 moves
    pool block 335: 82.
    """
    driver, book = scenario("devicemapper-loop-lvm")
    made = {
        "base-1.0": 544,
        "child-1.0": 65,
        "child-1.1": 1,
        "child-1.2": 0,
        "c1": 17,
        "c2": 33,
        "c3": 49,
        "c4": 65,
        "c5": 82,
    }
    assert {id: book.made(id) // CHUNK for id in made} == made
    assert book.allocated == sum(made.values()) * CHUNK == 856 * CHUNK
    mapped = {"base-1.0": 544, "child-1.0": 608, "child-1.1": 608, "c1": 608 + 16, "c5": 608 + 80}
    assert {id: line(book, id).held // CHUNK for id in mapped} == mapped
    assert [book.frees(name) // CHUNK for name in CONTAINERS] == [17, 33, 49, 65, 82]
    assert book.frees("child:1", *CONTAINERS) == (65 + 1 + 17 + 33 + 49 + 65 + 82) * CHUNK
    assert line(book, "base-1.0").exclusive == CHUNK  # its pool block 543; 30 is child-1.0's as well
    assert native(driver, "c5") == {"mapped": 688 * CHUNK, "exclusive": 82 * CHUNK}


def test_hidden_files_on_devicemapper():
    """A pool block moves whole: what else lies in it is hidden in its old place, though nobody touched it.

    dd changed block 0 of /data/big, block 484 of the volume: pool block 30 is blocks 480 to 495. 480 to 483 are the end
    of busybox (4 blocks, moved along), 484 to 495 are /data/big (12 blocks, one of them other data now).
    """
    driver, book = scenario("devicemapper-loop-lvm")
    by_dd = [
        (file.path, file.holder, file.size, file.why, file.again)
        for file in hidden_files(driver, book)
        if file.hider == "child-1.1"
    ]
    assert by_dd == [
        ("/bin/busybox", "base-1.0", 4 * 4096, "copied along", 4 * 4096),
        ("/data/big", "base-1.0", 12 * 4096, "overwritten", 11 * 4096),
    ]
    in_c5 = [
        (file.path, file.size, file.again)
        for file in hidden_files(driver, book)
        if file.hider == "c5" and file.why == "overwritten"
    ]
    assert in_c5 == [("/data/big", CHUNK, 15 * 4096)]
    counted = tally(driver, book)
    assert counted.unseen == 4 * 4096  # the copy of the end of /data/small that COPY moved along, and rm then hid
    assert sum(counted) == book.allocated


# ---------------------------------------------------------------- the scenario, by an engine


def by_step(book):
    """Bytes that each step brought in; a container is two layers."""
    found = {}
    for id, label in book.labels.items():
        step = label.users[0] if label.kind == "container" else label.step.split()[0]
        found[step] = found.get(step, 0) + book.made(id)
    return found


def test_the_engine_on_overlay2():
    """The builder's RUN is diffed and unpacked again, which changes nothing here: the file was copied whole anyway."""
    engine = built("overlay2-ext4")
    book = engine.ledger()
    assert by_step(book) == {
        "Imported": BASE,
        "COPY": 4 * MiB,
        "RUN": 32 * MiB,
        "c1": 1 * MiB,
        "c2": 2 * MiB,
        "c3": 3 * MiB,
        "c4": 4 * MiB,
        "c5": 37 * MiB,
    }
    assert book.frees("base:1", "child:1") == book.frees("child:1") == 0
    assert book.frees("c5") == 37 * MiB
    lost = [
        (file.path, file.size, file.why, file.hiding_step.split()[:2]) for file in hidden_files(engine.driver, book)
    ]
    assert lost == [
        ("/data/big", 32 * MiB, "overwritten", ["RUN", "printf"]),
        ("/data/small", 64 * KiB, "deleted", ["RUN", "rm"]),
        ("/etc/app.conf", 4096, "deleted", ["run", "c3"]),
        ("/data/big", 32 * MiB, "deleted with /data", ["run", "c4"]),
        ("/data/four", 4 * MiB, "deleted with /data", ["run", "c4"]),
        ("/data/big", 32 * MiB, "overwritten", ["run", "c5"]),
    ]


def test_the_engine_on_devicemapper():
    """As above, but the archive of RUN dd has /data/big whole, which is written to new blocks: 9717 to 17908.

    They are in pool blocks 607 (shared, moves) to 1119: 513. A container's file goes from 17909, in 1119 (moves), to
    17908 + 256 n: again 17, 33, 49, 65, 81; in c5 block 9717 + 4882 moves pool block 912: 82. The old /data/big stays
    mapped, since XFS does not discard: it is hidden from the child, 8192 blocks.
    """
    engine = built("devicemapper-loop-lvm")
    book = engine.ledger()
    assert by_step(book) == {
        "Imported": 544 * CHUNK,
        "COPY": 65 * CHUNK,
        "RUN": 513 * CHUNK,
        "c1": 17 * CHUNK,
        "c2": 33 * CHUNK,
        "c3": 49 * CHUNK,
        "c4": 65 * CHUNK,
        "c5": 82 * CHUNK,
    }
    assert book.allocated == 1368 * CHUNK
    big = [file for file in hidden_files(engine.driver, book) if file.hiding_step.startswith("RUN printf")]
    assert [(file.path, file.size, file.why, file.again) for file in big] == [
        ("/data/big", 32 * MiB, "overwritten", 8191 * 4096),
        ("/data/four", 5 * 4096, "copied along", 5 * 4096),
    ]


@pytest.mark.parametrize("stack", LAYERED)
def test_the_engine_frees_what_was_said(stack):
    """docker rm of one, container prune, image prune -a: each frees what the ledger said before."""
    engine = built(stack)
    agree(engine.driver, engine.ledger())
    steps = {
        ("c5",): lambda: engine.rm("c5"),
        CONTAINERS[:4]: lambda: prune_containers(engine),
        ("child:1",): lambda: rmi(engine, "child:1"),
        ("base:1",): lambda: prune_images(engine, all=True),
    }
    for names, act in steps.items():
        book = engine.ledger()
        said, before = book.frees(*names), book.allocated
        act()
        engine.driver.sync()
        assert before - engine.driver.space() == said, names
    assert (engine.driver.space(), labels_of(engine.home)) == (0, {})


def test_a_layer_of_two_images_belongs_to_both():
    """base:1 was given a second name, and child:1 stands on its layer; images without a tag have a part of their id."""
    engine = built("vfs-ext4")
    engine.tag("base:1", "old:1")
    labels = list(engine.ledger().labels.values())
    assert labels[0].users == ("base:1, old:1", "child:1")
    assert labels[3] == Label(("child:1",), "RUN rm /data/small")
    engine.tag("base:1", "child:1")  # the child loses its name
    label = labels_of(engine.home)[engine.driver.ids()[1]]
    assert [user[:7] for user in label.users] == ["<none>@"]


# ---------------------------------------------------------------- views agree with the book


def agree(driver, book):
    """Everything that can be said twice is said the same."""
    assert sum(book.shares.values()) + book.unowned == book.allocated == driver.space()
    assert sum(book.by_owner().values()) == sum(book.shares.values()) == sum(map(book.made, book.parents))
    rows = {row.name: row for row in book.rows() if row.name in book.parents and row.kind == "layer"}
    for id, row in rows.items():
        assert (row.held, row.exclusive, row.shared) == driver.usage(id)
        figures = native(driver, id)
        for name in ("referenced", "mapped"):
            assert figures.get(name, row.held) == row.held
        for name in ("squota", "used"):
            assert figures.get(name, book.made(id)) == book.made(id)
        if id not in book.parents.values():
            assert figures.get("exclusive", row.exclusive) == figures.get("written", row.exclusive) == row.exclusive
        if not figures and not getattr(driver.filesystems()[0], "reflink", False):
            assert disk_usage(driver, id) == row.held  # du sees all where nothing is shared below the inode


def balance_of_hiding(driver, book):
    """For each image and container: what its layers show somewhere, less what it shows itself, is what is hidden."""
    files = hidden_files(driver, book)
    for owner, top in book.tops().items():
        shown = {id: blocks_shown(driver, id) for id in book.chain(top)}
        lost = set().union(*shown.values()) - shown[top]
        assert sum(file.size for file in files if owner in file.hidden_from and file.hider in shown) == len(lost) * 4096
    counted = tally(driver, book)
    assert min(counted) >= 0
    assert sum(counted) == book.allocated


def blocks_shown(driver, id):
    with driver.mounted(id) as mount:
        return {block for _, inode in mount.files() for block in mount.fs.device_blocks(inode).tolist() if block >= 0}


@pytest.mark.parametrize("stack", LAYERED)
def test_views_of_the_scenario_agree(stack):
    """On every stack: the book against usage, space, quota groups, zfs, thin_ls and du."""
    driver, book = scenario(stack)
    agree(driver, book)
    balance_of_hiding(driver, book)
    assert [figures.layer for figures in tool_figures(driver, book)] == driver.ids()


@pytest.mark.parametrize("stack", LAYERED)
@pytest.mark.parametrize("goes", [("c1",), ("c5",), CONTAINERS, ("child:1", *CONTAINERS), EVERYBODY, ("child:1", "c1")])
def test_removal_frees_what_was_said(stack, goes):
    """Ask before, remove, and look at what the storage below says then."""
    driver, book = scenario(stack)
    said, before = book.frees(*goes), driver.space()
    assert book.frees_layers(*book.going(*goes)) == said
    for id in book.going(*goes):
        driver.remove(id)
    driver.sync()
    assert before - driver.space() == said


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([name for name in LAYERED if "noreflink" not in name]), driver_operations(), st.data())
def test_views_agree_after_random_operations(stack, operations, data):
    """Layers are made, written, held and removed at random; then some leaves go, and free what was said."""
    layers = Layers(STACKS[stack].make)
    for act in operations:
        layers.do(act)
    driver = layers.driver
    driver.cleanup()
    book = take(driver)
    assert book.unowned == 0
    agree(driver, book)
    balance_of_hiding(driver, book)
    goes = data.draw(st.sets(st.sampled_from(driver.ids())))
    said, before = book.frees(*goes), driver.space()
    for id in book.going(*goes):
        driver.remove(id)
    driver.sync()
    assert before - driver.space() == said


@given(st.dictionaries(st.sampled_from("abcde"), st.sets(st.integers(0, 40)), max_size=5))
def test_share_out_against_counting_one_by_one(held):
    """The split into classes is what a dictionary of each place's holders gives."""
    wanted = {}
    for place in set().union(*held.values()):
        holders = frozenset(name for name, places in held.items() if place in places)
        wanted[holders] = wanted.get(holders, 0) + 1
    assert share_out({name: np.array(sorted(places), np.int64) for name, places in held.items()}) == wanted


# ---------------------------------------------------------------- why a file is hidden


def two_layers(driver, before, after):
    driver.create("base")
    for id, act in (("base", before), ("child", after)):
        if id == "child":
            driver.create("child", "base")
        with driver.mounted(id) as mount:
            act(mount)
            mount.sync()
    return driver, take(driver, {"base": Label(("a",), "one"), "child": Label(("b",), "two")})


def one_file(mount):
    mount.mkdir("/d")
    mount.write("/d/f", 0, MiB)


def again(mount):
    mount.remove_tree("/d")
    mount.mkdir("/d")


@pytest.mark.parametrize(
    ("act", "why", "equal"),
    [
        (lambda mount: mount.write("/d/f", 0, 1), "overwritten", MiB - 4096),
        (lambda mount: mount.chmod("/d/f", 0o600), "attributes only", MiB),
        (lambda mount: mount.rename("/d/f", "/d/g"), "renamed to /d/g", 0),
        (lambda mount: mount.unlink("/d/f"), "deleted", 0),
        (lambda mount: mount.remove_tree("/d"), "deleted with /d", 0),
        (again, "behind opaque /d", 0),
    ],
)
@pytest.mark.parametrize("make", [Overlay2, Aufs])
def test_why_a_file_is_hidden(make, act, why, equal):
    """One file of 1 MiB, hidden in whole by the one step; the copies that chmod and rename leave are the same again."""
    driver, book = two_layers(make(), one_file, act)
    (file,) = hidden_files(driver, book)
    assert (file.path, file.holder, file.size, file.why, file.again) == ("/d/f", "base", MiB, why, equal)
    assert (file.step, file.hiding_step, file.hidden_from, file.seen_by) == ("one", "two", ("b",), ("a",))


def test_a_broken_hard_link_hides_nothing_and_costs_the_copy():
    """/f and /g are one file of 1 MiB; one byte of /g is written: 255 of 256 blocks are held twice."""

    def linked(mount):
        mount.write("/f", 0, MiB)
        mount.link("/f", "/g")

    driver, book = two_layers(Overlay2(), linked, lambda mount: mount.write("/g", 0, 1))
    (file,) = hidden_files(driver, book)
    assert (file.path, file.size, file.why, file.again) == ("/g", 0, "hard link broken: /f", MiB - 4096)
    assert book.allocated == 2 * MiB


def test_two_clones_are_hidden_once():
    """/g is a reflink copy of /f, 1 MiB in all; both are deleted: the first hides 1 MiB, the second nothing more."""

    def cloned(mount):
        mount.write("/f", 0, MiB)
        copy_tree(mount, "/f", "/g")

    def both(mount):
        mount.unlink("/f")
        mount.unlink("/g")

    driver, book = two_layers(Overlay2("xfs"), cloned, both)
    assert [(file.path, file.size) for file in hidden_files(driver, book)] == [("/f", MiB)]
    balance_of_hiding(driver, book)


def test_chmod_moves_nothing_where_blocks_are_shared():
    """btrfs, zfs and devicemapper keep the data where they are; XFS clones it; vfs has copied all anyway."""
    for make in (Btrfs, Zfs, DeviceMapper, lambda: Overlay2("xfs")):
        assert hidden_files(*two_layers(make(), one_file, lambda mount: mount.chmod("/d/f", 0o600))) == []
    (file,) = hidden_files(*two_layers(Vfs(), one_file, lambda mount: mount.mkdir("/e")))
    assert (file.why, file.size, file.again) == ("copied along", MiB, MiB)


def test_unknown_names_are_refused():
    _, book = scenario("overlay2-ext4")
    with pytest.raises(NotFound, match="no image or container 'c9'"):
        book.frees("c9")
    with pytest.raises(NotFound, match="no layer 'c9'"):
        book.chain("c9")


def test_a_deleted_file_that_is_open_has_no_owner():
    """1 MiB is unlinked while it is open: df counts it, du and the layers do not, until it is closed."""
    driver = Overlay2()
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.write("/f", 0, MiB)
        mount.sync()
        with mount.open("/f"):
            mount.unlink("/f")
            book = take(driver)
            assert (book.allocated, book.unowned, disk_usage(driver, "base")) == (MiB, MiB, 0)
    assert take(driver).allocated == 0


# ---------------------------------------------------------------- btrfs/301: two ledgers over one state

FILL, EXTENT = 512 * 16, (128 * MiB) // 4096  # blocks: 512 files of 64 KiB, one extent of 128 MiB


class Quotas:
    """The files of btrfs/301 in a subvolume: `fill`, and `f` behind it."""

    def __init__(self):
        self.subvol = CowBtree.new(1 << 20, device_size=1 << 18)
        for number in range(512):
            self.subvol.write(slice(16 * number, 16 * number + 16))
        self.write(self.subvol)

    def write(self, volume):
        volume.write(slice(FILL, FILL + EXTENT))

    def rm(self, volume):
        volume.discard(slice(FILL, FILL + EXTENT))

    def check(self, subvol, snap=None, blocks=None):
        """Usage of the owner in blocks, and the book against qgroup."""
        assert self.subvol.simple_quota() == subvol * 4096
        if snap is not None:
            assert self.snap.simple_quota() == snap * 4096
        alive = {str(number): volume for number, volume in enumerate(self.subvol.family)}
        book = {names: count * 4096 for names, count in share_out({n: v.places() for n, v in alive.items()}).items()}
        for name, volume in alive.items():
            figures = volume_figures(volume)
            assert figures["referenced"] == sum(size for names, size in book.items() if name in names)
            assert figures["exclusive"] == book.get(frozenset([name]), 0)
        assert sum(book.values()) == self.subvol.allocated() == (subvol + (snap or 0)) * 4096


@pytest.fixture
def quotas():
    made = Quotas()
    made.check(FILL + EXTENT)
    return made


def test_301_basic_accounting(quotas):
    quotas.rm(quotas.subvol)
    quotas.check(FILL)


def test_301_snapshot_accounting(quotas):
    """The snapshot owns nothing; ext written in it is its own, until it is removed; then the origin's own goes."""
    quotas.snap = quotas.subvol.clone()
    quotas.check(FILL + EXTENT, 0)
    quotas.write(quotas.snap)
    quotas.check(FILL + EXTENT, EXTENT)
    quotas.rm(quotas.snap)
    quotas.check(FILL + EXTENT, 0)
    quotas.rm(quotas.subvol)
    quotas.check(FILL, 0)


def test_301_delete_snapshot_src_ref(quotas):
    """The owner pays for what it no longer has, while a snapshot holds it; qgroup says: referenced, not exclusive."""
    quotas.snap = quotas.subvol.clone()
    quotas.rm(quotas.subvol)
    quotas.check(FILL + EXTENT, 0)
    assert quotas.subvol.qgroup(nodes=False) == (FILL * 4096, 0)
    assert quotas.snap.qgroup(nodes=False) == ((FILL + EXTENT) * 4096, EXTENT * 4096)
    quotas.rm(quotas.snap)
    quotas.check(FILL, 0)


def test_301_delete_snapshot_ref(quotas):
    quotas.snap = quotas.subvol.clone()
    quotas.rm(quotas.snap)
    quotas.check(FILL + EXTENT, 0)
    quotas.rm(quotas.subvol)
    quotas.check(FILL, 0)


def test_301_delete_snapshot_src(quotas):
    """Usage stays with the id that is gone; qgroups then say that the snapshot holds all of it, alone."""
    quotas.snap = quotas.subvol.clone()
    quotas.subvol.delete()
    quotas.check(FILL + EXTENT, 0)
    assert quotas.snap.qgroup(nodes=False) == ((FILL + EXTENT) * 4096,) * 2
    quotas.rm(quotas.snap)
    quotas.check(FILL, 0)
    quotas.snap.delete()
    quotas.check(0, 0)


def test_301_delete_snapshot(quotas):
    quotas.snap = quotas.subvol.clone()
    quotas.snap.delete()
    quotas.check(FILL + EXTENT, 0)
    quotas.subvol.delete()
    quotas.check(0, 0)


@pytest.mark.parametrize("first", ["source", "copy"])
def test_301_reflinks(quotas, first):
    """16 reflinks cost nothing; of two references to ext the first that goes frees nothing, the second frees it."""
    for number in range(16):
        quotas.subvol.reflink(slice(FILL, FILL + EXTENT), FILL + (number + 1) * EXTENT)
    quotas.check(FILL + EXTENT)
    quotas.subvol.discard(slice(FILL + 2 * EXTENT, FILL + 17 * EXTENT))
    for place in (0, 1) if first == "source" else (1, 0):
        quotas.check(FILL + EXTENT)
        quotas.subvol.discard(slice(FILL + place * EXTENT, FILL + (place + 1) * EXTENT))
    quotas.check(FILL)


# ---------------------------------------------------------------- the command and the figure


def run(capsys, *arguments):
    assert main(["why", str(SCENARIO), *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_says_what_the_ledger_says(capsys, tmp_path):
    """JSON has the very figures, the table the same in words, the figure a bar of two parts for each of 7 owners."""
    answer = json.loads(run(capsys, "--driver", "overlay2", "--format", "json"))
    book = built("overlay2-ext4").ledger()
    assert (answer["stack"], answer["allocated"], answer["du"]) == ("overlay2-ext4", book.allocated, book.allocated)
    assert {row["name"]: row["frees"] for row in answer["owners"]} == {name: book.frees(name) for name in EVERYBODY}
    assert answer["prune"] == {"containers": 47 * MiB, "everything": book.allocated}
    assert [row["made"] for row in answer["layers"]] == [book.made(id) for id in book.parents]
    assert (len(answer["hidden"]), answer["hidden"][0]["size"]) == (6, 32 * MiB)
    table = run(capsys, "--stack", "overlay2-ext4", "--plot", str(tmp_path / "f.png"))
    assert "all containers together give 47 MiB" in table
    small = next(text for text in table.splitlines() if text.startswith(" /data/small"))
    assert ("RUN rm /data/small" in small, "64 KiB" in small, "base:1" in small) == (True, True, True)
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_du_adds_up_to_more_than_the_disk_holds_where_sharing_is_invisible(capsys):
    """btrfs: the seven trees of base to rm and containers, each counted in whole by du, in 85 MiB of the disk."""
    answer = json.loads(run(capsys, "--driver", "btrfs", "--format", "json"))
    assert answer["du"] > 5 * answer["allocated"]
    for row in answer["layers"]:
        assert (row["referenced"], row["squota"]) == (row["held"], row["made"])
    assert sum(row["squota"] for row in answer["layers"]) == answer["allocated"]


def test_bars_are_as_long_as_the_bytes():
    ax = ledger_bars([("a", 10, 30), ("b", 0, 30)], 40)
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 10), (10, 30), (0, 0), (0, 30)]
