"""What if: bounds by hand, every shipped host against every real capture, and images that are really applied."""

import doctest
import json

import numpy as np
import pytest
from places import DOCS

from snapsim.base.errors import InvalidInput
from snapsim.base.units import MiB
from snapsim.cli.main import main
from snapsim.drivers.diff import Diff, Entry
from snapsim.hosts.host import ContainerSize, HistorySize, Host, ImageSize
from snapsim.hosts.inventory import inventory
from snapsim.hosts.reading import captures, load_host, parse_host
from snapsim.hosts.sizes import UNKNOWN, Bound
from snapsim.hosts.stack_probes import first_write, traits
from snapsim.hosts.what_if import CANDIDATES, of_images, runs_on, what_if
from snapsim.hosts.what_if_rules import XFS_LOG
from snapsim.lab.stacks import STACKS
from snapsim.show import plots as plot

CAPTURED = {stack.captured: stack.name for stack in reversed(STACKS.values()) if stack.captured}


def image(tag, *sizes, names="", shared=0, id=""):
    """An image of layers: a letter of `names` and bytes for each."""
    layers = tuple(f"sha256:{name * 64}" for name in names)
    steps = tuple(HistorySize("RUN x", size) for size in sizes) if names else ()
    return ImageSize(tag, sum(sizes), shared, None, id, None, layers, steps)


BASE, CHILD = image("base:1", 100, names="a", shared=100), image("child:1", 100, 40, 0, names="abc", shared=100)
LONER = image("loner:1", 30, names="d")
BOXES = (ContainerSize("x", "child:1", 7, 147, "running"), ContainerSize("y", "child:1", 5, 145, "exited"))
SMALL = Host(
    "small",
    "overlay2",
    images=3,
    containers=2,
    layers_size=170,
    image_sizes=(CHILD, BASE, LONER),
    container_sizes=BOXES,
    server_version="20.10.24",
)
BLIND = Host(
    "blind",
    "overlay2",
    layers_size=170,
    container_sizes=BOXES,
    image_sizes=(image("child:1", 140, shared=100), image("base:1", 100, shared=100), image("loner:1", 30)),
)


def rows(host, *stacks, **options):
    return {row.stack: row for row in what_if(host, stacks or CANDIDATES, **options)}


# ---------------------------------------------------------------- the rules, by hand


def test_whole_files_are_exact_and_shared_blocks_a_bound():
    """Layers 100 + 40 + 0 + 30 = 170, containers 7 + 5 = 12: overlay2 keeps 182, btrfs from 170 to 182."""
    found = rows(SMALL, "overlay2-ext4", "aufs-ext4", "btrfs", "zfs", "overlay2-xfs", "vfs-xfs")
    assert found["overlay2-ext4"].data == found["aufs-ext4"].data == Bound(182, 182)
    assert {found[name].data for name in ("btrfs", "zfs", "overlay2-xfs", "vfs-xfs")} == {Bound(170, 182)}


def test_copied_trees():
    """vfs. Layers show 100, 40 to 140, 0 to 140, and 30: 170 to 410. child:1 shows 0 to 140, so that its containers
    hold 7 to 287 and 5 to 285: in all 182 to 982. A new container copies two trees of the image that shows most, which
    are base:1's 100 at least and child:1's 140 at most."""
    row = rows(SMALL, "vfs-ext4")["vfs-ext4"]
    assert row.data == Bound(182, 982)
    assert row.new_container == Bound(200, 280)
    assert rows(SMALL, "btrfs")["btrfs"].new_container == Bound(0, 0)


def test_thin_pool():
    """Three layers of up to 64 KiB take a block each, the empty one none; 4 + 2 * 2 thin volumes clear a log each."""
    row = rows(SMALL, "devicemapper-loop-lvm")["devicemapper-loop-lvm"]
    assert row.data == row.on_disk == Bound(3 * 65536 + 8 * XFS_LOG, None)
    assert rows(SMALL, "devicemapper-direct-lvm")["devicemapper-direct-lvm"].data.low == 3 * 524288 + 8 * XFS_LOG


def test_prune():
    """y (5) does not run. Its image runs in x, base:1 has no layer of its own; loner:1 (30) goes with -a. Trees: y
    holds 5 to 285."""
    found = rows(SMALL, "overlay2-ext4", "btrfs", "vfs-ext4")
    assert (found["overlay2-ext4"].prune, found["overlay2-ext4"].prune_all) == (Bound(5, 5), Bound(35, 35))
    assert (found["btrfs"].prune, found["btrfs"].prune_all) == (Bound(0, 5), Bound(30, 35))
    assert (found["vfs-ext4"].prune, found["vfs-ext4"].prune_all) == (Bound(5, 285), Bound(35, 315))


def test_prune_of_images_without_a_name():
    """An image without a name (30) goes without -a; where the container's state is not told it may go or stay."""
    nameless = Host(
        "n",
        "overlay2",
        image_sizes=(image("<none>:<none>", 30, names="d", id="0123456789ab"),),
        container_sizes=(ContainerSize("x", "0123456789ab", 5, 35, "", "", ""),),
    )
    assert rows(nameless, "overlay2-ext4")["overlay2-ext4"].prune == Bound(0, 35)
    alone = Host("n", "overlay2", image_sizes=nameless.image_sizes, containers=0)
    assert rows(alone, "overlay2-ext4")["overlay2-ext4"].prune == Bound(30, 30)


def test_page_cache():
    """Two containers of child:1 read what it shows, 0 to 140: once under overlay2 and zfs, twice under btrfs and vfs.
    Three of loner:1 alone read 30, of one layer: exact."""
    found = rows(SMALL)
    assert found["overlay2-ext4"].cache == found["zfs"].cache == Bound(0, 140)
    assert found["btrfs"].cache == found["vfs-ext4"].cache == found["devicemapper-loop-lvm"].cache == Bound(0, 280)
    assert {row.cached for row in found.values()} == {"once", "by each"}
    lone = rows(Host("l", image_sizes=(LONER,), containers=0), "overlay2-ext4", "btrfs", containers=3)
    assert (lone["overlay2-ext4"].cache, lone["btrfs"].cache) == (Bound(30, 30), Bound(90, 90))


def test_first_write_is_exact():
    """One byte of 1 MiB: overlay2 copies 1 MiB and writes the block; aufs writes it into the copy; a pool block of 64
    KiB; a record of 128 KiB; on btrfs and in vfs' copy one block. No file of the host is larger than a layer of 100:
    one block and the changed one again."""
    found = rows(SMALL)
    assert {
        name: row.first_write.written
        for name, row in found.items()
        if row.stack in {"overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "zfs", "btrfs", "vfs-ext4"}
    } == {
        "overlay2-ext4": MiB + 4096,
        "aufs-ext4": MiB,
        "devicemapper-loop-lvm": 65536 + 4096,
        "zfs": 131072,
        "btrfs": 4096,
        "vfs-ext4": 4096,
    }
    assert found["overlay2-ext4"].worst == Bound(0, 8192)
    assert found["btrfs"].worst == Bound(0, 4096)
    assert rows(SMALL, "overlay2-ext4", file_size=64 * MiB)["overlay2-ext4"].first_write.written == 64 * MiB + 4096


@pytest.mark.parametrize("size", [0, -1, 2**60])
def test_first_write_of_a_file_that_cannot_be(size):
    with pytest.raises(InvalidInput, match="from 1 byte to 16 GiB"):
        first_write(STACKS["btrfs"], size)


def test_traits_need_no_name():
    """Each stack's traits come from probes; only vfs on ext4 copies trees, and only copy-up without clones holds files
    whole (metacopy copies no data for a mode)."""
    assert [name for name in CANDIDATES if traits(STACKS[name]).copies_trees] == ["vfs-ext4"]
    assert {name for name in CANDIDATES if traits(STACKS[name]).holds_whole} == {
        "overlay2-ext4",
        "overlay2-xfs-noreflink",
        "fuse-overlayfs",
        "aufs-ext4",
    }


# ---------------------------------------------------------------- a host that tells less


def test_layers_that_are_not_told():
    """Only sizes. The same 170 in all; vfs has no upper end. Without loner:1 the rest has 140 at least, its largest,
    and at most 170 less the 30 that loner:1 has alone."""
    held = inventory(BLIND)
    assert not held.settled
    assert held.content() == Bound(170, 170)
    assert held.content([0, 1]) == Bound(140, 140)
    assert rows(BLIND, "overlay2-ext4")["overlay2-ext4"].data == Bound(182, 182)
    assert rows(BLIND, "vfs-ext4")["vfs-ext4"].data == Bound(182, None)
    assert rows(BLIND, "overlay2-ext4")["overlay2-ext4"].prune_all == Bound(35, 35)


def test_layers_size_from_unique_and_shared():
    """No LayersSize: 40 + 0 + 30 are unique; of the shared, 100 at least, and (100 + 100) / 2 at most: 170."""
    held = inventory(Host("h", image_sizes=BLIND.image_sizes))
    assert held.content() == Bound(170, 170)


def test_rounded_text_is_never_exact():
    """73.36MB is 73,355,000 to 73,365,000; with a container of 1.05MB (1,045,000 to 1,055,000)."""
    host = Host(
        "t",
        "overlay2",
        image_sizes=(ImageSize("a:1", Bound(73_355_000, 73_365_000), 0),),
        container_sizes=(ContainerSize("x", "a:1", Bound(1_045_000, 1_055_000), None, "exited"),),
    )
    assert rows(host, "overlay2-ext4")["overlay2-ext4"].data == Bound(74_400_000, 74_420_000)
    assert not any(
        value["exact"]
        for row in what_if(host)
        for name, value in row.record().items()
        if name in {"data", "on_disk", "prune", "prune_all", "cache"}
    )


def test_containerds_sizes_bound_from_above():
    """They count blocks, directories and compressed blobs: files have 0 to 150 + 5."""
    pair = (("driver-type", "io.containerd.snapshotter.v1"),)
    host = Host(
        "c",
        "overlayfs",
        pair,
        image_sizes=(ImageSize("a:1", 150, 0),),
        layers_size=150,
        container_sizes=(ContainerSize("x", "a:1", 5, 155, "exited"),),
    )
    assert rows(host, "overlay2-ext4")["overlay2-ext4"].data == Bound(0, 155)
    assert not any(row.now for row in what_if(host))


def test_sizes_that_were_not_worked_out():
    """A container without a size, and one that no listing shows: nothing above."""
    without = Host("w", "btrfs", layers_size=30, image_sizes=(LONER,), containers=1)
    assert rows(without, "overlay2-ext4")["overlay2-ext4"].data == Bound(30, None)
    unsized = Host(
        "w",
        "btrfs",
        layers_size=30,
        image_sizes=(LONER,),
        container_sizes=(ContainerSize("x", "loner:1", None, None, "exited"),),
    )
    assert rows(unsized, "overlay2-ext4")["overlay2-ext4"].prune == UNKNOWN


def test_containers_that_no_output_lists():
    """``docker images`` alone does not say that there are none; an empty listing does."""
    images = Host("i", "btrfs", image_sizes=(LONER,))
    assert rows(images, "overlay2-ext4")["overlay2-ext4"].data == Bound(30, None)
    empty = Host("i", "btrfs", image_sizes=(LONER,), containers=0)
    assert rows(empty, "overlay2-ext4")["overlay2-ext4"].data == Bound(30, 30)
    nothing = Host("i", "btrfs", images=0, containers=0)
    assert {str(row.data) for row in what_if(nothing, ["overlay2-ext4", "btrfs", "vfs-ext4"])} == {"0B"}


def test_a_container_of_an_image_that_is_not_listed():
    """It may need any layer: pruning images frees nothing for certain, and its trees have no upper end."""
    host = Host(
        "g",
        "overlay2",
        layers_size=30,
        image_sizes=(LONER,),
        container_sizes=(ContainerSize("x", "gone:1", 5, 99, "running"),),
    )
    assert rows(host, "overlay2-ext4")["overlay2-ext4"].prune_all == Bound(0, 30)
    assert rows(host, "vfs-ext4")["vfs-ext4"].data == Bound(35, None)


def test_one_image_of_two_tags_counts_once():
    two = tuple(image(tag, 30, names="d", shared=0, id="sha256:0123456789ab") for tag in ("a:1", "a:2"))
    held = inventory(Host("t", image_sizes=two, container_sizes=(ContainerSize("x", "a:2", 1, 31, "exited"),)))
    assert held.content() == Bound(30, 30)
    assert held.readers() == {0: 1}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (Host("h", "btrfs"), "tells no sizes"),
        (Host("h", layers_size=5, image_sizes=(image("a:1", 30),)), "contradict each other"),
        (Host("h", image_sizes=(ImageSize("a:1", 31, 0, layers=LONER.layers, history=LONER.history),)), "contradict"),
        (Host("h", image_sizes=(ImageSize("a:1", 30, 40),)), "contradict"),
    ],
)
def test_hosts_that_cannot_be(host, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        what_if(host, place="--host h.json")
    assert str(caught.value).startswith("--host h.json: ")


def test_reclaimable_by_version():
    """Before 29: 170 less child:1's own 40. 29.0: 170 less the own parts of base:1 (0) and loner:1 (30): inverted. From
    29.4 on: those 30."""
    held = inventory(SMALL)
    assert [held.reclaimable(version)[0].low for version in ((20, 10), (29, 0, 0), (29, 4, 1))] == [130, 140, 30]
    assert held.reclaimable((20, 10))[1] == Bound(5, 5)


# ---------------------------------------------------------------- held against real daemons


@pytest.mark.parametrize("told_by", captures())
def test_every_capture_lies_within_the_bounds_from_every_other(told_by):
    """Ten daemons carried out the same scenario. What one of them tells bounds what all took on their disks: never less
    than `on_disk`, and no more than `data` and what no file is: up to 2.3 MB of metadata and of the daemon's own files
    (docs/reference/docker-figures.md; zfs has most)."""
    found = rows(load_host(told_by))
    for capture, name in CAPTURED.items():
        row, real = found[name], load_host(capture).scenario_space
        assert row.on_disk.low <= real, (told_by, name)
        assert row.data.high is None or real <= row.data.high + 2_300_000, (told_by, name)


@pytest.mark.parametrize("capture", captures())
def test_a_capture_stands_on_its_own_stack(capture):
    """XFS does not say whether it has reflink."""
    here = [name for name in CANDIDATES if runs_on(load_host(capture), STACKS[name])]
    assert here == ([CAPTURED[capture]] if capture != "overlay2-xfs" else ["overlay2-xfs", "overlay2-xfs-noreflink"])


def test_pools_gave_back_what_prune_promises_at_least():
    """rm of the five containers: 55,574,528 bytes at 64 KiB, where ten logs are 20,971,520."""
    for capture in ("devicemapper", "devicemapper-direct-lvm"):
        host = load_host(capture)
        freed = -sum(step.space_delta for step in host.timeline if step.name.startswith("rm "))
        assert rows(host, CAPTURED[capture])[CAPTURED[capture]].prune.low == 10 * XFS_LOG <= freed


def test_vfs_du_is_within_each_layers_bounds():
    """The captured vfs: du of all layer directories, less directories and links, lies between the ends; SizeRootFs does
    not help, as it is LayersSize and SizeRw added up."""
    host = load_host("vfs")
    row = rows(host, "vfs-ext4")["vfs-ext4"]
    assert row.data.low <= sum(dict(layer.figures)["du_apparent"] for layer in host.layers) <= row.data.high
    assert all(box.size_root_fs == box.size_rw + host.image_sizes[0].size for box in host.container_sizes)


# ---------------------------------------------------------------- images that are really applied


def drawn(seed):
    """Two images on one base: files of whole blocks, up to one ZFS record, some overwritten or removed above."""
    dice = np.random.default_rng(seed)
    base = [Entry(f"/f{number}", size=4096 * int(dice.integers(1, 33)), mtime=number) for number in range(6)]
    layers = [Diff(tuple(base))]
    for depth in range(2):
        changed = [
            Entry(f"/f{number}", size=4096 * int(dice.integers(1, 33)), mtime=10 + depth)
            for number in dice.choice(6, 2, replace=False)
        ]
        gone = {f"/.wh.f{number}" for number in dice.choice(6, 2)} - {f"/.wh.{entry.name}" for entry in changed}
        layers.append(Diff((*changed, *[Entry(path, mtime=0) for path in sorted(gone)])))
    return [("one:1", layers[:2]), ("two:1", [layers[0], layers[2]])]


@pytest.mark.parametrize("seed", range(3))
def test_real_trees_lie_within_the_bounds_of_their_sizes(seed):
    """The host tells the sizes of the layers alone; the trees are applied, with one container of each that did nothing.
    In a pool the logs are no data, and a new container has not been mounted: its low end is held less those."""
    images = drawn(seed)
    told = tuple(
        image(name, *[layer.tar_size for layer in layers], names="ab" if name == "one:1" else "ac")
        for name, layers in images
    )
    boxes = tuple(ContainerSize(f"c{name}", name, 0, None, "exited") for name, _ in images)
    bounds = rows(Host("h", "overlay2", image_sizes=told, container_sizes=boxes))
    for trial in of_images(images, CANDIDATES):
        data, logs = bounds[trial.stack].data, 7 * XFS_LOG if trial.driver == "devicemapper" else 0
        assert data.low - logs <= trial.images + trial.containers, trial
        assert data.high is None or trial.images + trial.containers <= data.high, trial
        cache = bounds[trial.stack].cache
        assert cache.low <= trial.cache <= cache.high, trial
        assert trial.first_write.written <= bounds[trial.stack].worst.high + 4096, trial
        assert trial.prune_all == trial.images + trial.containers + trial.prune - trial.containers, trial


def test_of_images_by_hand():
    """1 MiB, hidden by a whiteout, and 10 bytes: overlay2 holds 257 blocks, and a container nothing. vfs removed the
    file from its second copy: 256 + 1 blocks, and two copies of one block for the container."""
    layers = [Diff((Entry("/big", size=MiB),)), Diff((Entry("/.wh.big"), Entry("/small", size=10)))]
    one, two = of_images([("web:1", layers)], ["overlay2-ext4", "vfs-ext4"])
    assert (one.images, one.containers, one.cache) == (257 * 4096, 0, 4096)
    assert (two.images, two.containers, two.cache) == (257 * 4096, 8192, 4096)
    assert one.first_write == ("/small", 10, 4096, 8192)
    assert (one.prune, one.prune_all) == (4096, 258 * 4096)


def test_of_images_refuses():
    with pytest.raises(InvalidInput, match="1 at least of both"):
        of_images([])
    with pytest.raises(InvalidInput, match="no room on"):
        of_images([("a:1", [Diff((Entry("/f", size=2**46),))])], ["overlay2-ext4"])


# ---------------------------------------------------------------- the command


def test_table(capsys):
    assert main(["what-if", "--host", "overlay2", "--driver", "vfs", "--stack", "overlay2-ext4"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "122.6MB to 1.005GB" in out
    assert "rule b" in out
    assert "layers 73.36MB, containers 49.28MB" in out


def test_without_a_host_it_says_which_it_takes(capsys):
    assert main(["what-if", "--stack", "btrfs"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("No --host and no --docker: this is the shipped capture overlay2, of aufs, btrfs,")


def test_containerds_own_figures_are_told_as_they_are(tmp_path, capsys):
    """150 and 5 are what the daemon says; only what follows for files is a bound."""
    file = tmp_path / "c.json"
    status = [["driver-type", "io.containerd.snapshotter.v1"]]
    file.write_text(
        json.dumps(
            {
                "info": {"Driver": "overlayfs", "DriverStatus": status, "ServerVersion": "29.4.1"},
                "system_df": {
                    "LayersSize": 150,
                    "Images": [{"RepoTags": ["a:1"], "Size": 150, "SharedSize": 0}],
                    "Containers": [{"Names": ["/x"], "Image": "a:1", "SizeRw": 5, "SizeRootFs": 155}],
                },
            }
        )
    )
    assert main(["what-if", "--host", str(file), "--stack", "btrfs"]) == 0
    out = capsys.readouterr().out
    assert "layers 150B, containers 5B." in out
    assert "containerd's store counts blocks" in out


@pytest.mark.parametrize("capture", captures())
def test_json_of_each_shipped_host(capture, capsys):
    """A figure is called exact if, and only if, both ends are one number."""
    assert main(["what-if", "--host", capture, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["host"]["name"] == capture
    assert answer["daemon"]["disk"] == load_host(capture).scenario_space
    assert [row["stack"] for row in answer["stacks"]] == list(CANDIDATES)
    for row in answer["stacks"]:
        for name in ("data", "on_disk", "new_container", "worst", "cache", "prune", "prune_all"):
            figure = row[name]
            assert figure["exact"] == (figure["low"] == figure["high"])


def test_bill_and_figure(tmp_path, capsys):
    workload = tmp_path / "w.json"
    workload.write_text(
        json.dumps(
            {
                "id": "w",
                "layers": [[{"path": "f", "size": 8192}]],
                "ops": [{"op": "write", "path": "f", "offsets": [0], "length": 1}],
            }
        )
    )
    picture = tmp_path / "new" / "figure.png"
    arguments = ["what-if", "--host", "btrfs", "--stack", "btrfs", "--workload", str(workload), "--plot", str(picture)]
    assert main(arguments) == 0
    assert "asked to write 1 B" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*arguments, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bill"][0]["stack"] == "btrfs"


def test_pasted_text(capsys):
    assert main(["what-if", "--host", "tests/data/docker-text/zfs.txt", "--stack", "overlay2-ext4"]) == 0
    out = capsys.readouterr().out
    assert "printed these sizes rounded" in out
    assert "122.5MB to 122.8MB" in out
    assert "Which layers each image has is not told" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "no-such"],
        ["--host", "README.md"],
        ["--host", "tests/data/docker-info/zfs.txt"],
        ["--file-size", "x"],
        ["--file-size", "0"],
        ["--file-size", "1P"],
        ["--containers", "-1"],
        ["--stack", "nope"],
        ["--driver", "plain"],
        ["--docker", "unix:///no/such.sock"],
        ["--workload", "no-such.json"],
        ["--stack", "btrfs", "--plot", "x.gif"],
    ],
)
def test_bad_input_is_one_line(arguments, capsys):
    assert main(["what-if", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("snapsim: ")
    assert err.count("\n") == 1


def test_a_negative_size_names_its_place(tmp_path, capsys):
    bad = tmp_path / "bad.json"
    bad.write_text('{"LayersSize": -5, "Images": []}')
    assert main(["what-if", "--host", str(bad)]) == 2
    assert "LayersSize" in capsys.readouterr().err


def test_the_page_that_tells_how():
    """Its examples run."""
    page = (DOCS / "how-to/what-if.md").read_text()
    parsed = doctest.DocTestParser().get_doctest(page, {}, "what-if.md", "what-if.md", 0)
    assert len(parsed.examples) > 4
    assert doctest.DocTestRunner().run(parsed).failed == 0


# ---------------------------------------------------------------- the figure


def test_a_bound_is_drawn_as_a_range():
    """An exact bar has one patch, a bound two, one without an end an arrow; the words say the same."""
    ax = plot.bound_bars([Bound(5, 5), Bound(5, 9), Bound(0, 9), Bound(5, None)], list("abcd"))
    assert len(ax.patches) == 4 + 2
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["5B", "5B to 9B", "at most 9B", "at least 5B"]


def test_a_host_of_totals_alone():
    """``docker system df`` without -v: no images, no containers, only how many and how much: 73.36 and 49.28 MB."""
    host = parse_host(
        b'{"Type":"Images","TotalCount":"2","Size":"73.36MB"}\n{"Type":"Containers","TotalCount":"5","Size":"49.28MB"}',
        "df",
    )
    row = rows(host, "overlay2-ext4")["overlay2-ext4"]
    assert row.data == Bound(73_355_000 + 49_275_000, 73_365_000 + 49_285_000)
