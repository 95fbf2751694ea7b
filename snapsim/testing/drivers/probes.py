"""Probes of drivers: named behaviours that a list of operations cannot say.

A probe is a function of a fresh driver; it raises `Broken`. Each names the test that holds it elsewhere.

>>> from snapsim.drivers.graphdrivers import Vfs
>>> create_empty(Vfs())

LEAVES OUT: what `driver_stories` says, and pairs of `docker info` (each driver's own).
"""

import errno
from collections.abc import Callable

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound, SnapsimError, Unsupported
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import Driver
from snapsim.testing.volumes.probes import expect, expect_error

DriverProbe = Callable[[Driver], None]
DRIVER_PROBES: dict[DriverProbe, str] = {}
"""Each probe, and the key of `limits` that makes it untellable, "" if nothing does."""
MANY, QUOTA = 128, 50 << 20


def probe(unless: str = "") -> Callable[[DriverProbe], DriverProbe]:
    """Register a probe: it takes a fresh driver and raises `Broken`."""

    def register(function: DriverProbe) -> DriverProbe:
        DRIVER_PROBES[function] = unless
        return function

    return register


# ---------------------------------------------------------------- layers


@probe()
def create_empty(driver: Driver) -> None:
    """A base is an empty directory of root's (moby `DriverTestCreateEmpty`, containerd `RootPermission`)."""
    driver.create("empty")
    expect("it exists", True, driver.exists("empty"))
    with driver.mounted("empty") as mount:
        stat = mount.stat("/")
        expect(
            "the root is empty, root's, 0755",
            ["directory", "0o755", 0, 0, []],
            [stat.kind, oct(stat.mode), stat.uid, stat.gid, mount.listdir("/")],
        )
    driver.remove("empty")
    expect("it is gone", (False, []), (driver.exists("empty"), driver.ids()))


@probe()
def an_id_is_taken_once(driver: Driver) -> None:
    """A key that is used fails, and is free after `remove` (containerd `PreareViewFailingtest`, `Remove`)."""
    driver.create("a")
    expect_error(AlreadyExists, driver.create, "a")
    expect_error(AlreadyExists, driver.create_read_write, "a")
    driver.remove("a")
    driver.create("a")
    expect("it is empty again", [], names_in(driver, "a"))


@probe()
def parents_are_recorded(driver: Driver) -> None:
    """A below B (containerd `TransitivityTest`, `Walk`; containers/storage `DriverTestListLayers`)."""
    driver.create("a")
    driver.create("b", parent="a")
    driver.create_read_write("c", parent="b")
    found = {id: driver.parent(id) for id in driver.ids()}
    expect("each layer knows its parent", {"a": None, "b": "a", "c": "b"}, found)


@probe()
def unknown_layers_are_refused(driver: Driver) -> None:
    """No such parent, no such layer (moby aufs `TestCreateWithInvalidParent`); nothing is made, and the rest stays."""
    driver.create("here")
    fill(driver, "here", "/f", 5)
    expect_error(NotFound, driver.create, "a", "nobody")
    expect_error(NotFound, driver.create_read_write, "a", "nobody")
    for verb in (driver.get, driver.put, driver.remove, driver.parent, driver.usage, driver.places, driver.metadata):
        expect_error(NotFound, verb, "nobody")
    for compares in (driver.changes, driver.diff, driver.diff_size):
        expect_error(NotFound, compares, "nobody")
    expect_error(NotFound, driver.apply_diff, "nobody", None, Diff())
    expect_error(NotFound, driver.apply_diff, "here", "nobody", Diff())
    expect("there is no such layer", False, driver.exists("nobody"))
    expect("what there was is as it was", [["here"], ["f"]], [driver.ids(), names_in(driver, "here")])


@probe()
def what_is_no_name_is_refused(driver: Driver) -> None:
    """An id is the name of a file: no path, nothing empty, 255 bytes at most; nothing is left behind."""
    for id in ("", ".", "..", "a/b", "/a", "../up", "a\0b", "n" * 256):
        expect_error(InvalidInput, driver.create, id)
        expect_error(InvalidInput, driver.create_read_write, id)
    expect("nothing is made", [], driver.ids())
    driver.create("n" * 200)
    expect("a long name is a name", ["n" * 200], driver.ids())


@probe()
def a_refused_layer_changes_nothing(driver: Driver) -> None:
    """An id that is taken, a layer that is needed, an option that nobody knows: what was written stays."""
    driver.create("a")
    fill(driver, "a", "/f", 5000)
    driver.create_read_write("b", parent="a")
    fill(driver, "b", "/g", 5000)
    expect_error(AlreadyExists, driver.create, "b", "a")
    expect_error(AlreadyExists, driver.create_read_write, "a", "b")
    expect_error(InUse, driver.remove, "a")
    expect_error(InvalidInput, driver.create_read_write, "c", "b", {"colour": "blue"})
    expect("both are there, and no third", ["a", "b"], driver.ids())
    expect("with their files", [["f"], ["f", "g"]], [names_in(driver, "a"), names_in(driver, "b")])
    fill(driver, "b", "/h", 5)
    expect("the container can be written as before", ["f", "g", "h"], names_in(driver, "b"))


@probe()
def an_id_that_is_free_again_is_new(driver: Driver) -> None:
    """On another parent the same id shows that one, also if it was mounted before."""
    for parent in ("one", "two"):
        driver.create(parent)
        fill(driver, parent, f"/{parent}", 5)
        driver.create_read_write("box", parent=parent)
        expect("it shows its parent", [parent], names_in(driver, "box"))
        fill(driver, "box", "/own", 5)
        expect("and what is its own", sorted([parent, "own"]), names_in(driver, "box"))
        driver.remove("box")


@probe()
def layers_are_listed_as_they_were_made(driver: Driver) -> None:
    """In their order, not by name."""
    for id in ("m", "z", "a"):
        driver.create(id)
    expect("the order in which they were made", ["m", "z", "a"], driver.ids())


@probe()
def a_mounted_layer_stays(driver: Driver) -> None:
    """Two users, one mount; it goes with the second (moby aufs `TestRemoveMountedDir`, `TestMountedTrueResponse`)."""
    driver.create_read_write("a")
    expect("two users see one mount", True, driver.get("a") is driver.get("a"))
    expect_error(InUse, driver.remove, "a")
    driver.put("a")
    expect_error(InUse, driver.remove, "a")
    driver.put("a")
    expect_error(SnapsimError, driver.put, "a")
    driver.remove("a")


@probe()
def cleanup_twice(driver: Driver) -> None:
    """Stopping unmounts whatever the users, and is idempotent (containerd `CloseTwice`; aufs `TestCleanupWithDir`)."""
    driver.create("a")
    for _ in range(3):
        driver.get("a")
    driver.create_read_write("b", parent="a")
    driver.get("b").write("/f", 0, data=b"kept")
    driver.cleanup()
    expect_error(SnapsimError, driver.put, "a")
    driver.cleanup()
    with driver.mounted("b") as mount:
        expect("what was written is kept", b"kept", mount.read_bytes("/f"))
    driver.remove("b")
    driver.remove("a")


@probe()
def unknown_options_are_refused(driver: Driver) -> None:
    """An option that nobody knows leaves no layer behind."""
    expect_error(InvalidInput, driver.create_read_write, "a", None, {"colour": "blue"})
    expect("nothing is left of it", [], driver.ids())


@probe()
def removal_frees_everything(driver: Driver) -> None:
    """An empty driver holds nothing (moby aufs `TestRemoveImage`; dmtest `create_delete_cycle`)."""
    for _ in range(3):
        driver.create("image")
        fill(driver, "image", "/f", 100_000)
        driver.create_read_write("box", "image")
        fill(driver, "box", "/f", 5)
        driver.sync()
        for id in ("box", "image"):
            driver.remove(id)
        driver.sync()
        expect("nothing is allocated when all layers are gone", 0, driver.space())


@probe()
def a_stack_of_128_layers(driver: Driver) -> None:
    """128 layers can be read (moby `DriverTestDeepLayerRead`, containerd `128LayersMount`), or less: "depth"."""
    driver.create("l0")
    with driver.mounted("l0") as mount:
        mount.write("/base", 0, data=b"base")
        mount.write("/gone", 0, data=b"gone")
    top = 0
    for number in range(1, MANY):
        try:
            driver.create(f"l{number}", parent=f"l{number - 1}")
            with driver.mounted(f"l{number}") as mount:
                mount.write(f"/f{number}", 0, data=str(number).encode())
                if number == MANY // 4:
                    mount.unlink("/gone")
        except (OSError, InvalidInput):
            if "depth" not in driver.limits:
                raise
            break
        top = number
    if driver.exists(f"l{top + 1}"):
        driver.remove(f"l{top + 1}")
    expect("at least 120 layers fit", True, top >= 120)
    with driver.mounted(f"l{top}") as mount:
        expect("all files are seen", sorted(["base", *(f"f{each}" for each in range(1, top + 1))]), mount.listdir("/"))
        expect("the deepest one too", [b"base", b"1"], [mount.read_bytes("/base"), mount.read_bytes("/f1")])
        if top == MANY - 1:
            mount.write("/base", 0, data=b"BASE")
            expect("and can be changed", b"BASE", mount.read_bytes("/base"))


# ---------------------------------------------------------------- diffs and sizes


@probe("diff")
def diff_size_of_a_file(driver: Driver) -> None:
    """1024 bytes are 1024, an empty child is 0 (moby aufs `TestDiffSize`, `TestChildDiffSize`)."""
    driver.create("a")
    fill(driver, "a", "/f", 1024)
    driver.create("b", parent="a")
    expect("1024 bytes, and nothing", [1024, 0], [driver.diff_size("a"), driver.diff_size("b", "a")])


@probe("diff")
def diff_apply(driver: Driver) -> None:
    """What `apply_diff` returns is `diff_size`; files and removals arrive (moby `DriverTestDiffApply`)."""
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.mkdir("/var")
        mount.mkdir("/var/lib")
        for number in range(10):
            mount.write(f"/f{number}", 0, data=b"seed 3")
    driver.create("upper", parent="base")
    with driver.mounted("upper") as mount:
        for number in range(9):
            mount.write(f"/f{number}", 0, data=b"seed 6!")
        mount.unlink("/f9")
        mount.remove_tree("/var")
    driver.create("sibling", parent="base")
    returned = driver.apply_diff("sibling", "base", driver.diff("upper", "base"))
    expect("sizes: 9 files of 7 bytes", [63, 63], [driver.diff_size("upper", "base"), returned])
    expect("9 names", [f"f{number}" for number in range(9)], names_in(driver, "sibling"))
    with driver.mounted("sibling") as mount:
        expect("new content", b"seed 6!", mount.read_bytes("/f8"))


@probe("changes")
def changes_are_exact(driver: Driver) -> None:
    """Of 20 files every third is modified, added, deleted (moby `DriverTestChanges`, which never runs there)."""
    driver.create("base")
    with driver.mounted("base") as mount:
        mount.mkdir("/d")
        for number in range(20):
            mount.write(f"/d/f{number:02}", 0, data=b"old")
    driver.create("upper", parent="base")
    wanted = ["C /d"]
    with driver.mounted("upper") as mount:
        for number in range(20):
            path = f"/d/f{number:02}"
            if number % 3 == 0:
                mount.write(path, 0, data=b"new")
            elif number % 3 == 1:
                path += "-new"
                mount.write(path, 0, data=b"new")
            else:
                mount.unlink(path)
            wanted.append(f"{'CAD'[number % 3]} {path}")
    expect("one line for each, and the directory", sorted(wanted), sorted(map(str, driver.changes("upper", "base"))))


@probe("diff")
def one_addition_in_each_layer(driver: Driver) -> None:
    """Each layer's changes are its own (moby aufs `TestChanges`, `TestGetDiff`)."""
    driver.create("l0")
    for number in range(1, 4):
        driver.create(f"l{number}", parent=f"l{number - 1}")
        fill(driver, f"l{number}", f"/f{number}", 10)
    expect(
        "one addition each",
        [[f"A /f{number}"] for number in range(1, 4)],
        [[str(change) for change in driver.changes(f"l{number}", f"l{number - 1}")] for number in range(1, 4)],
    )


@probe("diff")
def a_layer_from_elsewhere(driver: Driver) -> None:
    """An archive of a registry is unpacked: files, links, a whiteout (moby aufs `TestApplyDiff`)."""
    driver.create("a")
    driver.apply_diff("a", None, Diff((Entry("/f", content=b"hello"), Entry("/s", "symlink", target="f"))))
    driver.create("b", parent="a")
    above = Diff(
        (
            Entry("/.wh.f"),
            Entry("/d", "directory", 0o700, mtime=10**8),
            Entry("/d/g", size=9, mode=0o4755, uid=3, mtime=10**9),
            Entry("/d/h", link="/d/g"),
            Entry("/d/n", "device", 0o600, rdev=(1, 3)),
        )
    )
    returned = driver.apply_diff("b", "a", above)
    expect("the tree", (["d", "s"], 9), (names_in(driver, "b"), returned))
    with driver.mounted("b") as mount:
        file, directory, device = (mount.stat(path) for path in ("/d/g", "/d", "/d/n"))
        expect("two names of one file", (2, file.ino), (file.nlink, mount.stat("/d/h").ino))
        expect("mode, owner and time of a file", ("0o4755", 3, 10**9), (oct(file.mode), file.uid, file.mtime))
        expect("mode and time of a directory", ("0o700", 10**8), (oct(directory.mode), directory.mtime))
        expect("a device's numbers", (1, 3), device.rdev)
    expect("the layer below is as it was", ["f", "s"], names_in(driver, "a"))


@probe("diff")
def a_whiteout_hides_what_is_below_only(driver: Driver) -> None:
    """A name that is hidden and made anew in one archive is there (OCI image-spec `layer.md`, "Whiteouts")."""
    driver.create("a")
    driver.apply_diff(
        "a", None, Diff((Entry("/s", "symlink", target="f"), Entry("/d", "directory"), Entry("/d/old", content=b"old")))
    )
    driver.create("b", parent="a")
    driver.apply_diff(
        "b",
        "a",
        Diff(
            (
                Entry("/.wh.s"),
                Entry("/s", content=b"file"),
                Entry("/d", "directory"),
                Entry("/d/.wh..wh..opq"),
                Entry("/d/new", content=b"new"),
            )
        ),
    )
    with driver.mounted("b") as mount:
        found = [mount.listdir("/"), mount.stat("/s", follow=False).kind, mount.listdir("/d")]
    expect("what the archive has is seen", [["d", "s"], "file", ["new"]], found)


@probe("diff")
def a_file_ends_what_is_below_it(driver: Driver) -> None:
    """A directory over a file over a directory begins anew, also if no archive has a whiteout for it."""
    driver.create("a")
    driver.apply_diff("a", None, Diff((Entry("/d", "directory"), Entry("/d/old", content=b"old"))))
    driver.create("b", parent="a")
    driver.apply_diff("b", "a", Diff((Entry("/d", content=b"file"),)))
    driver.create("c", parent="b")
    driver.apply_diff("c", "b", Diff((Entry("/d", "directory"), Entry("/d/new", content=b"new"))))
    with driver.mounted("c") as mount:
        expect("the directory has what the last archive brought", ["new"], mount.listdir("/d"))
    with driver.mounted("b") as mount:
        expect("the file below is there", b"file", mount.read_bytes("/d"))


@probe()
def an_open_file_outlives_its_name(driver: Driver) -> None:
    """A descriptor reads what was there when its name has gone (containerd issues `OpenFileInodeStability`)."""
    driver.create("a")
    fill(driver, "a", "/f", 5000)
    driver.create_read_write("b", parent="a")
    with driver.mounted("b") as mount:
        before = mount.read("/f").tolist()
        with mount.open("/f") as file:
            mount.unlink("/f")
            mount.write("/f", 0, data=b"other")
            expect("the old content", before, file.read().tolist())


@probe()
def a_quota_is_kept(driver: Driver) -> None:
    """Half of a container's size fits, all of it and more does not (moby `DriverTestSetQuota`).

    What is written again in place takes no more, what is deleted gives its room back, and one without a size has none.
    """
    with_quota(driver, "a")
    with driver.mounted("a") as mount:
        mount.write("/half", 0, QUOTA // 2)
        mount.sync()
        mount.write("/half", 0, QUOTA // 2)
        mount.sync()
    expect("a file of more than the size is refused", "EDQUOT or ENOSPC", filled_up(driver, "a", "/full", 2 * QUOTA))
    with driver.mounted("a") as mount:
        for name in ("full", "half"):
            if mount.exists(f"/{name}"):
                mount.unlink(f"/{name}")
        mount.sync()
        mount.write("/again", 0, QUOTA * 3 // 4)
        mount.sync()
    expect("half of the size is not left", "EDQUOT or ENOSPC", filled_up(driver, "a", "/more", QUOTA // 2))
    driver.create_read_write("b")
    expect("a layer without a size has no such bound", "success", filled_up(driver, "b", "/f", 2 * QUOTA))


@probe()
def a_quota_of_each(driver: Driver) -> None:
    """Two containers of one image have a size each, and the image is as large as it is."""
    driver.create("image")
    fill(driver, "image", "/f", 5000)
    for id in ("a", "b"):
        with_quota(driver, id, "image")
        expect("each has its own room", "success", filled_up(driver, id, "/own", QUOTA * 3 // 4))
    expect("and no more", "EDQUOT or ENOSPC", filled_up(driver, "b", "/more", QUOTA // 2))


def with_quota(driver: Driver, id: str, parent: str | None = None) -> None:
    """A container with the quota; Unsupported if the driver has none."""
    try:
        driver.create_read_write(id, parent, {"size": str(QUOTA)})
    except InvalidInput as error:
        raise Unsupported(str(error)) from None


def filled_up(driver: Driver, id: str, path: str, size: int) -> str:
    """Write and sync, and say how it ended."""
    with driver.mounted(id) as mount:
        try:
            mount.write(path, 0, size)
            mount.sync()
        except OSError as error:
            if error.errno not in (errno.EDQUOT, errno.ENOSPC):
                raise
            return "EDQUOT or ENOSPC"
    return "success"


def names_in(driver: Driver, id: str) -> list[str]:
    """What is in the layer's root directory."""
    with driver.mounted(id) as mount:
        return mount.listdir("/")


def fill(driver: Driver, id: str, path: str, size: int) -> None:
    """Write a file into the layer."""
    with driver.mounted(id) as mount:
        mount.write(path, 0, size)
