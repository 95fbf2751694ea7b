"""The engine: what each verb does to layers, images, tags and events; on every driver where drivers could differ."""

import hashlib
import json

import pytest
from captures import real
from trees import balanced, lines

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NotFound
from snapsim.base.units import MiB
from snapsim.docker.build import BuildStep, build, import_image
from snapsim.docker.daemon import start
from snapsim.docker.daemon_config import DaemonConfig, choose_driver, read
from snapsim.docker.disk_usage import body, usage
from snapsim.docker.layer_store import MAX_DEPTH
from snapsim.docker.removal import prune_containers, prune_images, prune_system, prune_volumes, rmi
from snapsim.drivers.diff import Diff, Entry, chain_id, diff_id
from snapsim.lab.stacks import STACKS

STACK_NAMES = [name for name, stack in STACKS.items() if stack.captured]


def file(path, content=b"", **keys):
    return Diff((Entry(path, content=content, mtime=0, **keys),))


A, B, C = file("/a", b"A"), file("/b", b"BB"), file("/c", b"CCC")


def write(path, size=1, offset=0):
    return lambda mount: mount.write(path, offset, size)


@pytest.fixture
def engine():
    return start(stack="overlay2-ext4")


# ---------------------------------------------------------------- layers and names


def test_layers_of_real_bytes_have_dockers_names(engine):
    """DiffID: of the tar. ChainID 1 = DiffID 1; 2 = SHA-256 of "DiffID1 DiffID2"; 3 = of "ChainID2 DiffID3"."""
    layers = engine.pull("i:1", [A, B, C]).layers()
    first, second, third = (diff_id(diff) for diff in (A, B, C))
    two = "sha256:" + hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    three = "sha256:" + hashlib.sha256(f"{two} {third}".encode()).hexdigest()
    assert [layer.chain_id for layer in layers] == [first, two, three] == [chain_id([first]), two, three]
    assert all(layer.real for layer in layers)
    assert [layer.size for layer in layers] == [1, 2, 3]
    assert engine.image("i:1").size == 6


def test_digests_of_the_model_are_marked_through_the_whole_chain(engine):
    bottom, top = engine.pull("i:1", [Diff((Entry("/big", size=4096),)), A]).layers()
    assert not bottom.real
    assert not top.real
    assert top.chain_id.startswith("model:")
    assert top.diff_id == diff_id(A)


def test_two_images_share_the_layers_below_and_a_pull_fetches_them_once(engine):
    """i = A B, j = A C: the driver has three layers; A is held by its two children and by nobody else."""
    engine.pull("i:1", [A, B])
    engine.driver.sync()
    with engine.driver.devices[0].counting() as io:
        engine.pull("j:1", [A, B])  # all known: nothing is written
        engine.driver.sync()
    assert io.counts.bytes("write") == 0
    engine.pull("k:1", [A, C])
    assert len(engine.driver.ids()) == len(engine.home.layers.layers) == 3
    assert [layer.references for layer in engine.image("k:1").layers()] == [2, 1]
    assert engine.image("i:1") is engine.image("j:1")


def test_the_same_layer_made_twice_is_thrown_away_once_more(engine):
    """Registering unpacks first, and only then is the ChainID known: one layer of the driver stays."""
    store = engine.home.layers
    one, two = store.register(A), store.register(A)
    assert one is two
    assert one.references == 2
    assert engine.driver.ids() == [one.cache_id]
    assert store.release(one) == []
    assert store.release(one) == [one]
    assert engine.driver.ids() == []


@pytest.mark.parametrize("stack", STACK_NAMES)
def test_125_layers_and_not_one_more(stack):
    """A container on 125 layers makes 127: what aufs takes, and less than overlay2's 128."""
    engine = start(stack=stack)
    diffs = [file(f"/{number}", b"x") for number in range(MAX_DEPTH + 1)]
    with pytest.raises(InvalidInput, match=r"^max depth exceeded$"):
        engine.pull("i:1", diffs)
    assert engine.driver.ids() == []
    assert engine.home.layers.layers == {}
    engine.pull("i:1", diffs[:-1])
    with engine.running("i:1", "box") as mount:
        assert len(mount.listdir("/")) == 125 + 5  # the init layer: .dockerenv, dev, etc, proc, sys
    limit = real("docker-layers", "layer-limit")
    assert "max depth exceeded" in json.dumps(limit)
    assert "125" in json.dumps(limit)


def test_a_container_is_two_layers(engine):
    engine.pull("i:1", [A])
    box = engine.create("i:1", "box")
    base = engine.image("i:1").layer.cache_id
    assert engine.driver.ids() == [base, f"{box.id}-init", box.id]
    assert engine.driver.parent(box.id) == f"{box.id}-init"
    assert engine.driver.parent(f"{box.id}-init") == base


@pytest.mark.parametrize(
    ("capture", "stack"), [("overlay2", "overlay2-ext4"), ("fuse-overlayfs", "fuse-overlayfs"), ("aufs", "aufs-ext4")]
)
def test_the_init_layer_is_the_captured_one(capture, stack):
    """Every name in the upper directory of c1-init, but for the driver's own marks."""
    (theirs,) = (
        layer["entries"]
        for layer in real("docker-layers", capture)["layers"]
        if layer["role"] == "container init layer" and layer["container"] == "c1"
    )
    engine = start(stack=stack)
    import_image(engine, "base:1", lambda mount: (mount.mkdir("/etc"), mount.write("/etc/app.conf", 0, 4096)))
    box = engine.create("base:1", "c1")
    diff = engine.driver.diff(f"{box.id}-init", engine.driver.parent(f"{box.id}-init"))
    kinds = {"-": "file", "d": "directory", "l": "symlink"}
    wanted = {
        entry["path"]: (kinds[entry["mode"][0]], entry["size"] if entry["mode"][0] == "l" else 0)
        for entry in theirs
        if ".wh." not in entry["path"]
    }
    assert {entry.path[1:]: (entry.kind, len(entry.target)) for entry in diff.entries} == wanted


def test_files_of_the_image_give_way_to_the_init_layer(engine):
    """A real daemon leaves /etc/hosts empty and makes /etc/mtab a link, whatever the image has there; conf stays."""
    names = ("hosts", "mtab", "conf")
    engine.pull("i:1", [Diff((Entry("/etc", "directory"), *(Entry(f"/etc/{name}", content=b"xx") for name in names)))])
    with engine.running("i:1", "box") as mount:
        assert mount.stat("/etc/hosts").size == 0
        assert mount.readlink("/etc/mtab") == "/proc/mounts"
        assert mount.read_bytes("/etc/conf") == b"xx"
    assert engine.diff("box") == []
    assert engine.size_rw("box") == 0


# ---------------------------------------------------------------- build, run, commit


@pytest.mark.parametrize("stack", STACK_NAMES)
def test_one_byte_in_a_run_step_is_a_whole_file_on_every_driver(stack):
    """The file is diffed and applied, so the image grows by 8 MiB, and its layer shares nothing with the one below."""
    engine = start(stack=stack)
    import_image(engine, "base:1", write("/f", 8 * MiB))
    engine.driver.sync()
    before = engine.driver.space()
    build(engine, "child:1", "base:1", [BuildStep("RUN x", write("/f", 1, 4 * MiB))])
    engine.driver.sync()
    assert engine.history("child:1")[0][1] == 8 * MiB
    assert engine.driver.space() - before >= 8 * MiB
    assert balanced(engine.driver)


@pytest.mark.parametrize("stack", STACK_NAMES)
def test_one_byte_in_a_container_is_a_whole_file_in_size_rw_on_every_driver(stack):
    """SizeRw is apparent bytes: 8 MiB and 5. What the driver keeps is less where blocks are shared."""
    engine = start(stack=stack)
    import_image(engine, "base:1", write("/f", 8 * MiB))
    with engine.running("base:1", "box") as mount:
        mount.write("/f", 4 * MiB, 1)
        mount.write("/new", 0, data=b"hello")
    assert engine.size_rw("box") == 8 * MiB + 5
    assert [str(change) for change in engine.diff("box")] == ["C /f", "A /new"]
    engine.driver.sync()
    exclusive = engine.driver.usage(engine.container("box").id).exclusive
    copies = {"overlay2-ext4", "fuse-overlayfs", "aufs-ext4", "vfs-ext4"}
    assert (exclusive >= 8 * MiB) == (stack.removesuffix("-metacopy") in copies)


def test_steps_that_change_nothing_make_an_image_and_no_layer(engine):
    """ENV, and a RUN that does nothing: as on a real daemon, where `docker rmi` then names images without a layer."""
    engine.pull("base:1", [A])
    build(
        engine,
        "child:1",
        "base:1",
        [
            BuildStep("ENV a=b"),
            BuildStep("RUN true", lambda mount: None),
            BuildStep("COPY b /", write("/b", 3)),
            BuildStep("LABEL x=y"),
        ],
    )
    assert [(step.created_by, step.empty, size) for step, size in engine.history("child:1")] == [
        ("LABEL x=y", True, 0),
        ("COPY b /", False, 3),
        ("RUN true", True, 0),
        ("ENV a=b", True, 0),
        ("", False, 1),
    ]
    assert len(engine.image("child:1").layers()) == 2
    assert engine.info()["Images"] == 5
    assert len(engine.images()) == 2
    assert [record.split(":")[0] for record in rmi(engine, "child:1")] == ["Untagged"] + ["Deleted"] * 5


def test_a_failed_step_leaves_no_container_and_keeps_the_images_before(engine):
    engine.pull("base:1", [A])
    with pytest.raises(FileNotFoundError):
        build(
            engine,
            "child:1",
            "base:1",
            [BuildStep("COPY b /", write("/b")), BuildStep("RUN x", lambda m: m.unlink("/x"))],
        )
    with pytest.raises(FileNotFoundError):
        build(engine, "child:1", "base:1", [BuildStep("COPY x /", lambda mount: mount.unlink("/x"))])
    assert engine.containers() == []
    assert engine.driver.ids() == [layer.cache_id for layer in engine.home.layers.layers.values()]
    with pytest.raises(NotFound, match="No such image: child:1"):
        engine.image("child:1")


def test_commit_makes_a_layer_of_a_containers_changes(engine):
    """a (1 byte) is deleted, d (5 bytes) is new: the layer has a whiteout and 5 bytes, the tree d alone."""
    engine.pull("base:1", [A])
    with engine.running("base:1", "box", command="work") as mount:
        mount.unlink("/a")
        mount.write("/d", 0, data=b"hello")
    image = engine.commit("box", "new:1")
    assert [step.created_by for step, _ in engine.history("new:1")] == ["work", ""]
    assert image.size == 6
    assert image.layers()[1].size == 5
    assert image.parent == engine.image("base:1").id
    with engine.running("new:1", "other") as mount:
        assert [name for name in mount.listdir("/") if name in "ad"] == ["d"]


def test_a_tag_that_moves_leaves_a_dangling_image(engine):
    engine.pull("i:1", [A])
    engine.pull("j:1", [B])
    old = engine.image("i:1")
    engine.tag("j:1", "i:1")
    assert engine.image("i:1") is engine.image("j:1")
    assert engine.home.images.dangling(old)
    assert body(usage(engine), (20, 10))["Images"][1]["RepoTags"] == ["<none>:<none>"]
    assert engine.image(old.id.removeprefix("sha256:")[:12]) is old


def test_what_is_not_there_and_what_is_there_already(engine):
    engine.pull("i:1", [A])
    engine.create("i:1", "box")
    with pytest.raises(NotFound, match="No such image: i:latest"):
        engine.create("i", "other")
    with pytest.raises(AlreadyExists, match='The container name "/box" is already in use'):
        engine.create("i:1", "box")
    with pytest.raises(NotFound, match="No such container: x"):
        engine.diff("x")
    with pytest.raises(InvalidInput, match="only a running container can end"):
        engine.finish("box")
    engine.start("box")
    with pytest.raises(InUse, match="box is running already"):
        engine.start("box")
    with pytest.raises(InUse, match="You cannot remove a running container"):
        engine.rm("box")


def test_storage_options_of_a_container_reach_the_driver():
    engine = start(stack="devicemapper-loop-lvm")
    engine.pull("i:1", [A])
    box = engine.create("i:1", "box", options={"size": "20G"})
    assert engine.driver.metadata(box.id)["DeviceSize"] == str(20 << 30)
    with pytest.raises(InvalidInput, match="Container size cannot be smaller than"):
        engine.create("i:1", "small", options={"size": "1G"})
    assert len(engine.driver.ids()) == 3
    assert [each.name for each in engine.containers()] == ["box"]


# ---------------------------------------------------------------- events, as a real daemon wrote them


def since(engine, work):
    start_at = len(engine.events)
    work()
    return engine.events.kinds(start_at)


RUN = [
    "container create",
    "container attach",
    "network connect",
    "container start",
    "container die",
    "network disconnect",
]


def test_events_are_those_of_a_real_daemon(engine):
    """Each list was written by Docker 20.10.24 for the same commands."""
    assert since(engine, lambda: import_image(engine, "base:1", write("/f"))) == ["image tag", "image import"]

    def run():
        with engine.running("base:1", "c1") as mount:
            mount.write("/x", 0, 5)

    assert since(engine, run) == RUN
    assert engine.events[-2].attributes == {"image": "base:1", "name": "c1", "exitCode": "0"}
    assert since(engine, lambda: engine.commit("c1", "com:1")) == ["image tag", "container commit"]
    assert since(engine, lambda: engine.tag("com:1", "com:2")) == ["image tag"]
    assert since(engine, lambda: rmi(engine, "com:2")) == ["image untag"]
    assert since(engine, lambda: rmi(engine, "com:1")) == ["image untag", "image delete"]
    assert since(engine, lambda: (engine.create("base:1", "c2"), engine.start("c2"))) == [RUN[0], *RUN[2:4]]
    assert since(engine, lambda: engine.stop("c2")) == [
        "container kill",
        "container die",
        "network disconnect",
        "container stop",
    ]
    assert since(engine, lambda: engine.rm("c1")) == ["container destroy"]
    assert since(engine, lambda: prune_system(engine)) == [
        "container destroy",
        "container prune",
        "network prune",
        "image prune",
        "builder prune",
    ]


def test_events_of_a_build(engine):
    """No commit is logged; COPY has no container, ENV one that never starts; the tag comes at the end."""
    engine.pull("base:1", [A])
    steps = [BuildStep("ENV a=b"), BuildStep("COPY f /", write("/f")), BuildStep("RUN x", write("/x"))]
    assert since(engine, lambda: build(engine, "child:1", "base:1", steps)) == [
        "container create",
        "container destroy",
        *RUN,
        "container destroy",
        "image tag",
    ]


def test_events_of_a_run_that_does_nothing(engine):
    """`RUN true` starts its container as any RUN does, though no layer comes of it."""
    engine.pull("base:1", [A])
    events = since(engine, lambda: build(engine, "child:1", "base:1", [BuildStep("RUN true")]))
    assert events == [*RUN, "container destroy", "image tag"]
    assert len(engine.image("child:1").layers()) == 1


def test_pause_and_commit(engine):
    """A commit pauses what runs, and lets what is paused or has ended alone."""
    engine.pull("base:1", [A])
    engine.create("base:1", "c1")
    engine.start("c1")
    assert since(engine, lambda: engine.commit("c1")) == ["container pause", "container commit", "container unpause"]
    assert since(engine, lambda: engine.pause("c1")) == ["container pause"]
    assert since(engine, lambda: engine.commit("c1")) == ["container commit"]
    with pytest.raises(InvalidInput, match="c1 is paused: only a running container can pause"):
        engine.pause("c1")
    assert since(engine, lambda: engine.unpause("c1")) == ["container unpause"]


def test_a_commit_is_a_new_image_each_time(engine):
    """The time is in an image's configuration: two commits are two images that share all layers; a pull is one."""
    engine.pull("base:1", [A])
    assert engine.pull("base:2", [A]) is engine.image("base:1")
    with engine.running("base:1", "c1") as mount:
        mount.write("/x", 0, 5)
    first, second = engine.commit("c1", "kept:1"), engine.commit("c1", "kept:2")
    assert first.id != second.id
    assert first.layer is second.layer


# ---------------------------------------------------------------- removal, as a real daemon did it


def test_rmi_by_tag_and_by_id(engine):
    """The words are those of 20.10.24; `base` stays as long as `child` is built on it, and then goes with it."""
    base = import_image(engine, "base:1", write("/f"))
    child = build(engine, "child:1", "base:1", [BuildStep("RUN x", write("/x")), BuildStep("ENV a=b")])
    short = {image.id: image.id[7:19] for image in (base, child)}
    with pytest.raises(InUse) as caught:
        rmi(engine, short[base.id])
    assert str(caught.value) == (
        f"conflict: unable to delete {short[base.id]} (cannot be forced) - image has dependent child images"
    )
    engine.tag("child:1", "child:2")
    with pytest.raises(InUse, match=r"\(must be forced\) - image is referenced in multiple repositories"):
        rmi(engine, short[child.id])
    assert rmi(engine, "base:1") == ["Untagged: base:1"]
    chain = [layer.chain_id for layer in child.layers()]
    assert rmi(engine, child.id, force=True) == [
        "Untagged: child:1",
        "Untagged: child:2",
        f"Deleted: {child.id}",
        f"Deleted: {child.parent}",
        f"Deleted: {chain[1]}",
        f"Deleted: {base.id}",
        f"Deleted: {chain[0]}",
    ]
    assert engine.driver.ids() == []
    assert engine.home.images.images == {}


def test_rmi_of_an_image_in_use(engine):
    """A stopped container can be overridden, a running one cannot: then only the tag goes."""
    image = engine.pull("i:1", [A])
    box = engine.create("i:1", "box")
    message = f'conflict: unable to remove repository reference "i:1" (must force) - container {box.id[:12]} is using'
    with pytest.raises(InUse) as caught:
        rmi(engine, "i:1")
    assert str(caught.value).startswith(message)
    with pytest.raises(InUse, match=r"\(must be forced\) - image is being used by stopped container"):
        rmi(engine, image.id)
    engine.start("box")
    with pytest.raises(InUse, match=r"\(cannot be forced\) - image is being used by running container"):
        rmi(engine, image.id, force=True)
    assert rmi(engine, "i:1", force=True) == ["Untagged: i:1"]
    (shown,) = body(usage(engine), (20, 10))["Containers"]
    assert shown["Image"] == image.id  # its name is nobody's now
    engine.finish("box")
    assert rmi(engine, image.id, force=True) == [f"Deleted: {image.id}"]
    assert engine.size_rw("box") == 0
    assert engine.home.layers.size_below(box.id) == 1
    with pytest.raises(NotFound):
        engine.commit("box")
    engine.rm("box")
    assert engine.driver.ids() == []


def test_prunes_and_what_docker_says_they_freed(engine):
    """As 20.10.24 did it: a commit (5 bytes) whose tag moves is pruned at once; -a only untags a base with a child
    in use; the system's prune then takes a container (4), one that is empty, and the layers of 2 and 1 bytes."""
    import_image(engine, "base:1", write("/f"))
    build(engine, "child:1", "base:1", [BuildStep("RUN x", write("/x", 2))])
    engine.create("child:1", "ss")
    with engine.running("base:1", "ww") as mount:
        mount.write("/w", 0, 5)
    engine.commit("ww", "img:1")
    engine.tag("base:1", "img:1")
    assert prune_images(engine) == 5
    assert prune_images(engine) == 0
    engine.rm("ww")
    assert prune_images(engine, all=True) == 0
    assert [engine.home.images.tags_of(image.id) for image in engine.images(all=True)] == [["child:1"], []]
    engine.create("child:1", "vv")
    engine.start("vv").write("/v", 0, 4)
    assert rmi(engine, "child:1", force=True) == ["Untagged: child:1"]
    engine.finish("vv")
    assert prune_system(engine) == 7
    assert engine.images(all=True) == []
    assert engine.containers() == []
    assert engine.driver.ids() == []


def test_prune_leaves_what_runs_and_what_is_mounted(engine):
    engine.pull("i:1", [A])
    engine.volumes |= {"v": 9, "w": 5}
    engine.create("i:1", "box", volumes=["v"])
    engine.start("box")
    assert prune_containers(engine) == 0
    assert prune_volumes(engine) == 5
    assert prune_images(engine, all=True) == 0
    engine.rm("box", force=True)
    assert prune_volumes(engine) == 9
    assert engine.volumes == {}
    assert prune_images(engine, all=True) == 1


# ---------------------------------------------------------------- the configuration


def test_another_driver_hides_images_and_containers_and_the_first_shows_them_again():
    engine = start({"storage-driver": "overlay2"})
    engine.pull("i:1", [A])
    engine.create("i:1", "box")
    engine.start("box")
    engine.restart(read({"storage-driver": "vfs"}))
    assert engine.images() == engine.containers() == []
    assert engine.info()["Driver"] == "vfs"
    with pytest.raises(NotFound):
        engine.image("i:1")
    engine.pull("j:1", [B])
    engine.restart(read({"storage-driver": "overlay2"}))
    assert [image.size for image in engine.images()] == [1]
    assert [(box.name, box.state) for box in engine.containers()] == [("box", "exited")]


def test_another_data_root_is_another_place():
    engine = start({"storage-driver": "aufs", "data-root": "/srv/docker"})
    engine.pull("i:1", [A])
    assert engine.info()["DriverStatus"][0] == ["Root Dir", "/srv/docker/aufs"]
    engine.restart(read({"storage-driver": "aufs"}))
    assert engine.images() == []
    assert engine.info()["DockerRootDir"] == "/var/lib/docker"


def test_a_driver_with_layers_is_found_again_and_two_have_to_be_told_apart():
    """vfs is not looked for; what is left behind counts only if it has layers."""
    engine = start({"storage-driver": "zfs"})
    engine.pull("i:1", [A])
    engine.restart(DaemonConfig())
    assert engine.driver.name == "zfs"
    engine.restart(read({"storage-driver": "btrfs"}))
    engine.restart(DaemonConfig())
    assert engine.driver.name == "zfs"  # btrfs had nothing in it
    engine.restart(read({"storage-driver": "btrfs"}))
    engine.pull("i:1", [A])
    with pytest.raises(InvalidInput, match="contains several valid graphdrivers: btrfs, zfs"):
        engine.restart(DaemonConfig())
    assert engine.driver.name == "btrfs"
    assert len(engine.images()) == 1


@pytest.mark.parametrize(("version", "first"), [((20, 10), "btrfs"), ((23, 0), "overlay2"), ((29, 4, 1), "overlay2")])
def test_the_first_driver_by_release(version, first):
    assert choose_driver(DaemonConfig(), [], version) == first


def test_options_reach_the_driver_and_cannot_change_under_its_layers():
    engine = start({"storage-driver": "devicemapper", "storage-opts": ["dm.basesize=20G", "dm.blocksize=128K"]})
    assert dict(map(tuple, engine.info()["DriverStatus"]))["Pool Blocksize"] == "131.1kB"
    with pytest.raises(InvalidInput, match="devicemapper has layers that were made with"):
        engine.restart(read({"storage-driver": "devicemapper"}))
    assert engine.info()["Warnings"][0] == (
        "WARNING: the devicemapper storage-driver is deprecated, and will be removed in a future release."
    )
    assert "loopback devices" in engine.info()["Warnings"][1]
    assert start(stack="devicemapper-direct-lvm").info()["Warnings"] == engine.info()["Warnings"][:1]


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ([], ""),
        ({"storage-drivr": "zfs"}, ""),
        ({"storage-driver": 1}, "storage-driver"),
        ({"data-root": "x"}, "data-root"),
        ({"storage-opts": ["size"]}, "storage-opts[0]"),
        ({"storage-driver": "nope"}, "storage-driver"),
        ({"storage-driver": "vfs", "storage-opts": ["x=y"]}, "storage-opts"),
        ({"storage-driver": "overlay2", "storage-opts": ["overlay2.size=1G"]}, "overlay2.size"),
    ],
)
def test_a_bad_configuration_is_named(config, place):
    with pytest.raises(InvalidInput) as caught:
        start(config) if isinstance(config, dict) else read(config)
    assert caught.value.place == place


def test_info_counts_states(engine):
    engine.pull("i:1", [A])
    for name in ("a", "b", "c"):
        engine.create("i:1", name)
    engine.start("a")
    info = engine.info()
    assert [info[f"Containers{state}"] for state in ("", "Running", "Paused", "Stopped")] == [3, 1, 0, 2]


@pytest.mark.parametrize("stack", STACK_NAMES)
def test_the_books_balance_after_a_build_a_container_and_their_removal(stack):
    engine = start(stack=stack)
    import_image(engine, "base:1", write("/f", MiB))
    build(engine, "child:1", "base:1", [BuildStep("RUN x", write("/f", 1)), BuildStep("COPY g /", write("/g", 5000))])
    with engine.running("child:1", "box") as mount:
        mount.write("/h", 0, 9000)
    assert balanced(engine.driver)
    assert lines(engine.driver, engine.container("box").id, engine.driver.parent(engine.container("box").id)) == [
        "A /h"
    ]
    engine.rm("box")
    rmi(engine, "base:1")
    rmi(engine, "child:1")
    engine.driver.sync()
    assert engine.driver.ids() == []
    assert engine.driver.space() == 0
