"""Stories of engines: named behaviours as lists of operations, and probes of what a list cannot say.

>>> [act.verb for act in commit_makes_a_layer()]
['pull', 'run', 'write', 'commit', 'run', 'write']

LEAVES OUT: what `docker system df` says (`snapsim.docker.disk_usage`), and builds.
"""

from collections.abc import Callable

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound
from snapsim.drivers.diff import Diff, Entry
from snapsim.testing.engines.contract import ContainerEngine
from snapsim.testing.engines.images import IMAGES
from snapsim.testing.engines.operations import EngineAct, chmod, commit, pull, rm, rmi, run, start, stop, unlink, write
from snapsim.testing.volumes.probes import expect, expect_error

EngineStory = Callable[[], list[EngineAct]]
ENGINE_STORIES: list[EngineStory] = []
EngineProbe = Callable[[ContainerEngine], None]
ENGINE_PROBES: list[EngineProbe] = []
MOST = 125
"""Layers of an image: a container adds two, and some drivers end at 127."""


def story(function: EngineStory) -> EngineStory:
    """Register a story."""
    ENGINE_STORIES.append(function)
    return function


def probe(function: EngineProbe) -> EngineProbe:
    """Register a probe: it takes a fresh engine."""
    ENGINE_PROBES.append(function)
    return function


# ---------------------------------------------------------------- images


@story
def a_pull_makes_layers() -> list[EngineAct]:
    """One for each archive; Size is their sum."""
    return [pull(2), pull(2)]


@story
def images_share_layers() -> list[EngineAct]:
    """An image on another one fetches only what is new, in either order."""
    return [pull(0), pull(1), pull(2), rmi(0), rmi(0), pull(0)]


@story
def an_image_goes_with_what_only_it_needs() -> list[EngineAct]:
    """The layers that others need stay."""
    return [pull(2), pull(0), rmi(0), rmi(0)]


# ---------------------------------------------------------------- containers


@story
def a_container_has_two_layers() -> list[EngineAct]:
    """And they go with it."""
    return [pull(1), run(), rm(), run(), run()]


@story
def a_container_sees_its_image() -> list[EngineAct]:
    """Also what a layer has deleted."""
    return [pull(2), run(), pull(0), run(1)]


@story
def two_containers_of_one_image() -> list[EngineAct]:
    """Neither sees what the other does, and the image changes for nobody."""
    return [pull(1), run(), run(), write("/f", 0), unlink("/two", 1), write("/new", 1), rm(0), run()]


@story
def changes_outlive_a_stop() -> list[EngineAct]:
    """A container that is started again has its files."""
    return [pull(1), run(), start(), write("/f"), write("/new"), stop(), start(), unlink("/d/g"), stop()]


@story
def what_a_container_changed() -> list[EngineAct]:
    """SizeRw and diff: added, changed, deleted."""
    return [pull(1), run(), write("/new"), write("/two"), unlink("/d/g"), unlink("/new"), write("/d/g")]


@story
def a_running_container_stays() -> list[EngineAct]:
    """It has to be stopped first."""
    return [pull(), run(), start(), rm(), stop(), rm()]


@story
def a_removal_frees_what_was_written() -> list[EngineAct]:
    """What the ledger said: no less, no more."""
    return [pull(1), run(), run(), write("/two"), write("/two", 1), write("/new"), rm(), rm(), rmi()]


# ---------------------------------------------------------------- both


@story
def commit_makes_a_layer() -> list[EngineAct]:
    """Of what the container changed, on what its image has."""
    return [pull(1), run(), write("/f"), commit(), run(1), write("/new", 1)]


@story
def commit_of_nothing() -> list[EngineAct]:
    """No changes, no layer: two images of one stack."""
    return [pull(1), run(), commit(), rm(), rmi(0)]


@story
def commit_twice() -> list[EngineAct]:
    """The same changes are the same layer."""
    return [pull(), run(), write("/f"), unlink("/d/g"), commit(), commit(), write("/f"), commit(), rm(), rmi(1), rmi(1)]


@story
def commit_of_a_running_container() -> list[EngineAct]:
    """It runs on."""
    return [pull(), run(), start(), write("/new"), commit(), write("/new"), rm(), stop()]


@story
def an_image_in_use_stays() -> list[EngineAct]:
    """While a container needs it; another image of the same layers may go."""
    return [pull(1), pull(2), run(0), rmi(0), rmi(1), start(), rmi(0), stop(), rm(), rmi(0)]


@story
def a_container_outlives_other_images() -> list[EngineAct]:
    """Its layers stay when the images above and below go."""
    return [pull(0), pull(1), pull(2), run(1), rmi(0), rmi(1), write("/f"), write("/d/g")]


@story
def an_image_is_the_parent_of_another() -> list[EngineAct]:
    """The layers of a committed image outlive the tag below it."""
    return [pull(1), run(), write("/f"), commit(), rm(), rmi(0), run(0), write("/two"), rm(), rmi(0)]


@story
def images_that_share_a_part() -> list[EngineAct]:
    """The same archive on another base is another layer; a base with two children stays for both."""
    return [pull(1), pull(3), pull(5), pull(4), rmi(0), run(3), rmi(1), run(2), write("/two", 1)]


@story
def modes_at_a_commit() -> list[EngineAct]:
    """Modes and owners of the image, and those that a container sets, are in the committed image."""
    return [
        pull(1),
        run(),
        chmod("/d/g"),
        write("/two"),
        chmod("/f"),
        commit(),
        run(1),
        chmod("/two", 1),
        commit(1),
        run(2),
    ]


@story
def commits_of_commits() -> list[EngineAct]:
    """A chain of images, each made from a container of the one before."""
    return [
        pull(),
        run(),
        write("/new"),
        commit(),
        run(1),
        unlink("/f", 1),
        commit(1),
        run(2),
        write("/f", 2),
        write("/two", 2),
        commit(2),
        run(3),
        rm(1),
        rmi(1),
        rm(0),
        rmi(0),
    ]


@story
def started_twice() -> list[EngineAct]:
    """Refused the second time, and what it wrote is there; stopped twice, nothing happens."""
    return [pull(1), run(), start(), write("/f"), start(), write("/new"), stop(), stop(), start(), rm(), stop()]


@story
def sizes_after_every_change() -> list[EngineAct]:
    """SizeRw follows each write of a running container and each after it was stopped."""
    return [
        pull(1),
        run(),
        start(),
        write("/new"),
        write("/two"),
        unlink("/new"),
        stop(),
        write("/three"),
        unlink("/f"),
    ]


# ---------------------------------------------------------------- what a list cannot say


@probe
def a_tag_that_is_pulled_again(engine: ContainerEngine) -> None:
    """The tag means the new image from then on; a container keeps the one that it was made from."""
    engine.pull("app:1", IMAGES["two:1"])
    engine.create("app:1", "old")
    engine.pull("app:1", IMAGES["other:1"])
    engine.create("app:1", "new")
    contents = {}
    for name in ("old", "new"):
        contents[name] = engine.start(name).read_bytes("/f")
        engine.stop(name)
    expect("each shows its image", {"old": b"second one", "new": b"other"}, contents)
    expect("Size is that of the new one", sum(diff.tar_size for diff in IMAGES["other:1"]), engine.image("app:1").size)
    engine.start("old").write("/new", 0, data=b"mine")
    engine.stop("old")
    if "diff" not in engine.driver.limits and "changes" not in engine.driver.limits:
        expect("the old one has changed one file", ["A /new"], sorted(map(str, engine.diff("old"))))
        engine.commit("old", "kept:1")
        expect("its commit stands on its own image", 5114 + 4, engine.image("kept:1").size)


@probe
def an_image_that_loses_its_name(engine: ContainerEngine) -> None:
    """It stays with its layers, without a name (``<none>`` in `docker images`), and so does what it shares."""
    engine.pull("app:1", IMAGES["two:1"])
    engine.pull("app:1", IMAGES["one:1"])
    expect("the layers of both", 2, len(engine.driver.ids()))
    expect("Size is that of the new one", IMAGES["one:1"][0].tar_size, engine.image("app:1").size)
    engine.rmi("app:1")
    expect("the one without a name stays", 2, len(engine.driver.ids()))


@probe
def two_names_of_one_image(engine: ContainerEngine) -> None:
    """Either name can be taken away; the image goes with the second."""
    for name in ("here:1", "there:1"):
        engine.pull(name, IMAGES["two:1"])
    expect("one image, and its two layers", 2, len(engine.driver.ids()))
    size = engine.image("there:1").size
    engine.rmi("here:1")
    expect_error(NotFound, engine.image, "here:1")
    expect("it is there under its other name", size, engine.image("there:1").size)
    engine.create("there:1", "box")
    expect_error(InUse, engine.rmi, "there:1")
    engine.rm("box")
    engine.rmi("there:1")
    expect("it is gone", [], engine.driver.ids())


@probe
def the_size_of_links(engine: ContainerEngine) -> None:
    """Size is what the driver told when the layers were unpacked, for links of both kinds as well."""
    layers = [
        Diff((Entry("/f", content=b"file"), Entry("/s", "symlink", target="a longer target than its file"))),
        Diff((Entry("/g", content=b"other"), Entry("/h", link="/g"), Entry("/t", "symlink", target="g"))),
    ]
    driver, told = engine.driver, 0
    for number, diff in enumerate(layers):
        driver.create(f"alone{number}", f"alone{number - 1}" if number else None)
        told += driver.apply_diff(f"alone{number}", f"alone{number - 1}" if number else None, diff)
    for number in reversed(range(len(layers))):
        driver.remove(f"alone{number}")
    engine.pull("links:1", layers)
    expect("the sum of what was told", told, engine.image("links:1").size)


@probe
def the_ledger_of_several(engine: ContainerEngine) -> None:
    """What two images share is freed by neither alone, and by both together."""
    engine.pull("one:1", IMAGES["one:1"])
    engine.pull("two:1", IMAGES["two:1"])
    engine.create("two:1", "box")
    engine.driver.sync()
    book, space = engine.ledger(), engine.driver.space()
    expect("nothing goes with an image that another stands on", 0, book.frees("one:1"))
    expect("everything goes together", space, book.frees("one:1", "two:1", "box"))


@probe
def a_name_that_is_free_again(engine: ContainerEngine) -> None:
    """A container with the name of one that was removed is of the image that is asked for, and fresh."""
    engine.pull("one:1", IMAGES["one:1"])
    engine.pull("other:1", IMAGES["other:1"])
    for tag, content in (("one:1", b"base"), ("other:1", b"other")):
        engine.create(tag, "box")
        mount = engine.start("box")
        expect("it shows its image", content, mount.read_bytes("/f"))
        mount.write("/f", 0, data=b"changed")
        engine.stop("box")
        engine.rm("box")
    expect_error(NotFound, engine.container, "box")


@probe
def unknown_names_are_refused(engine: ContainerEngine) -> None:
    """No such image, no such container; nothing is made."""
    for verb, arguments in (
        (engine.image, ("nobody:1",)),
        (engine.create, ("nobody:1", "box")),
        (engine.rm, ("box",)),
        (engine.container, ("box",)),
        (engine.stop, ("box",)),
        (engine.diff, ("box",)),
        (engine.size_rw, ("box",)),
        (engine.start, ("box",)),
        (engine.commit, ("box", "x:1")),
        (engine.rmi, ("nobody:1",)),
    ):
        expect_error(NotFound, verb, *arguments)
    expect("nothing is made", [], engine.driver.ids())


@probe
def a_name_is_taken_once(engine: ContainerEngine) -> None:
    """The second container of that name is refused, and the first stays."""
    engine.pull("one:1", IMAGES["one:1"])
    engine.create("one:1", "box")
    engine.start("box").write("/f", 0, data=b"kept")
    engine.stop("box")
    layers = engine.driver.ids()
    expect_error(AlreadyExists, engine.create, "one:1", "box")
    expect("a refused container leaves nothing behind", layers, engine.driver.ids())
    expect("and what was written stays", b"kept", engine.start("box").read_bytes("/f"))
    engine.stop("box")
    engine.rm("box")
    engine.create("one:1", "box")


@probe
def at_most_125_layers(engine: ContainerEngine) -> None:
    """125 can be pulled and run; one more is ``max depth exceeded``, in a pull and in a commit."""
    layers = [Diff((Entry(f"/f{number}", content=b"x"),)) for number in range(MOST + 1)]
    engine.pull("deep:1", layers[:MOST])
    held = engine.driver.ids()
    expect("125 layers", MOST, len(held))
    expect_error(InvalidInput, engine.pull, "deeper:1", layers)
    expect("a refused pull leaves nothing behind", held, engine.driver.ids())
    engine.create("deep:1", "box")
    mount = engine.start("box")
    expect("the deepest file is seen", b"x", mount.read_bytes("/f0"))
    mount.write("/new", 0, data=b"y")
    engine.stop("box")
    if "diff" not in engine.driver.limits:
        expect_error(InvalidInput, engine.commit, "box", "deeper:1")
