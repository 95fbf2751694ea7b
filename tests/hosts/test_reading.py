"""Real hosts: the shipped captures, every shape that Docker prints, and input that lies."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import DATA, SHIPPED

from snapsim.base import foreign_json as jsonfile
from snapsim.base.errors import InvalidInput
from snapsim.hosts.reading import Host, captures, load_host, parse_host, status_block
from snapsim.hosts.sizes import Bound

MIB = 1 << 20
HOSTS = SHIPPED / "hosts"
INFO = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]], "Images": 3, "Containers": 2}
IMAGE = {"RepoTags": ["a:1"], "Size": 100, "SharedSize": 40, "Containers": 1}
CONTAINER = {"Names": ["/c1"], "Image": "a:1", "SizeRw": 7, "SizeRootFs": 107, "State": "exited"}


def parsed(*values: object) -> Host:
    return parse_host("\n".join(map(json.dumps, values)).encode(), "mine", "mine.json")


def test_ten_captures_ship():
    """aufs, btrfs, fuse-overlayfs and zfs once; overlay2 and vfs on two file systems; devicemapper in two modes: 10."""
    assert set(captures()) == {
        "aufs",
        "btrfs",
        "devicemapper",
        "devicemapper-direct-lvm",
        "fuse-overlayfs",
        "overlay2",
        "overlay2-xfs",
        "vfs",
        "vfs-xfs",
        "zfs",
    }


@pytest.mark.parametrize("name", captures())
def test_status_block_is_what_docker_info_printed(name):
    """The text was captured apart from the JSON, so the pairs, their order and their indent are all compared."""
    assert status_block(load_host(name)) == (DATA / "docker-info" / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", captures())
def test_docker_counts_the_same_on_every_driver(name):
    """Tags 2, and 2 intermediate images of the three build steps: 4. Containers 5.

    Unique to child: 4 MiB + a 32 MiB file copied for one byte + nothing = 36 MiB. Containers: 1 to 5 MiB, and the
    last also copies 32 MiB for one byte.
    """
    host = load_host(name)
    assert (host.images, host.containers, host.rounded) == (4, 5, False)
    assert {image.tag: (image.unique, image.containers) for image in host.image_sizes} == {
        "child:1": (36 * MIB, 5),
        "base:1": (0, 0),
    }
    assert {c.name: c.size_rw for c in host.container_sizes} == {
        "c1": MIB,
        "c2": 2 * MIB,
        "c3": 3 * MIB,
        "c4": 4 * MIB,
        "c5": 37 * MIB,
    }
    child = host.image_sizes[0].size
    assert host.layers_size == child
    assert all(c.size_root_fs == child + c.size_rw for c in host.container_sizes)


@pytest.mark.parametrize("name", captures())
def test_layers_are_the_image_chain_and_two_for_each_container(name):
    """4 image layers whose recorded sizes sum to the child's, then 5 containers with an init and a writable layer."""
    host = load_host(name)
    image_layers = [layer for layer in host.layers if layer.role == "image layer"]
    assert sum(layer.recorded for layer in image_layers) == host.image_sizes[0].size
    assert [layer.recorded for layer in image_layers][1:] == [4 * MIB, 32 * MIB, 0]
    assert [(layer.role, layer.name) for layer in host.layers[4:]] == [
        (f"container {kind}layer", f"c{number}") for number in range(1, 6) for kind in ("init ", "")
    ]
    assert all(layer.figures for layer in host.layers)


def test_space_on_disk_by_hand():
    """overlay2: 35680256 + 38010880 + 1187840 + 2236416 + 3289088 + 4333568 + 38944768 = 123682816.

    zfs: the steps of the image (35975168 + 4386816 + 33882112 + 204800) and of the containers
    (1232896 + 2301952 + 3411968 + 4481024 + 5681152) = 91557888; the daemon's start, queries and removals stay out.
    """
    assert load_host("overlay2").scenario_space == 123_682_816
    assert load_host("zfs").scenario_space == 91_557_888
    assert load_host("zfs").timeline[-1].space_delta == -35_913_728


def test_vfs_copies_and_others_share():
    """Docker reports equal sizes; the disk says vfs on ext4 takes over four times what overlay2 takes, on xfs less."""
    space = {name: load_host(name).scenario_space for name in captures()}
    assert space["vfs"] > 4 * space["overlay2"]
    assert space["vfs-xfs"] < space["overlay2"]
    assert all(load_host(name).scenario_written >= space[name] for name in captures())


def test_captures_carry_no_ids_or_times():
    """Nothing that looks like a digest, a container id or a time of day."""
    for name in captures():
        text = (HOSTS / f"{name}.json").read_text()
        assert "sha256:" not in text
        assert "2026-" not in text
        assert len(text) < 8192
        assert load_host(name).name == name
        assert load_host(name).origin.startswith("Docker Engine 20.10.24")


def test_backing_filesystem():
    """Docker's word, unless the capture states more: vfs reports nothing, and ``extfs`` could be ext2."""
    assert parsed(INFO).backing_filesystem == "extfs"
    assert load_host("overlay2").backing_filesystem == "ext4"
    assert load_host("vfs-xfs").backing_filesystem == "xfs"


def test_info_with_null_status_and_containerd():
    """vfs has null for its pairs; a fresh Docker 29 names a snapshotter as its driver."""
    assert parsed({"Driver": "vfs", "DriverStatus": None}).status == ()
    fresh = parsed({"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]})
    assert fresh.containerd_store
    assert not load_host("overlay2").containerd_store
    assert status_block(fresh) == " Storage Driver: overlayfs\n  driver-type: io.containerd.snapshotter.v1\n"


def test_system_df_old_and_new():
    """The body up to API 1.51, and the later one with a table of totals for each kind; neither names the driver."""
    old = parsed({"LayersSize": 100, "Images": [IMAGE], "Containers": [CONTAINER], "Volumes": None})
    new = parsed(
        {
            "ImageUsage": {"TotalSize": 100, "TotalCount": 1, "Items": [IMAGE]},
            "ContainerUsage": {"TotalCount": 1, "Items": [CONTAINER]},
        }
    )
    assert (new.image_totals.count, new.image_totals.size, new.container_totals.active) == (1, 100, 0)
    assert old == replace(new, image_totals=None, container_totals=None)
    assert old.driver == ""
    assert old.image_sizes[0].unique == 60
    totals = parsed({"ImageUsage": {"TotalSize": 100, "TotalCount": 4}})
    assert (totals.images, totals.layers_size, totals.image_sizes) == (4, 100, ())
    empty = parsed({"LayersSize": 0, "Images": None, "Containers": None})
    assert (empty.images, empty.containers, empty.layers_size) == (0, 0, 0)


def test_bodies_of_containers_and_images():
    """-1 is Docker's "not worked out". A SizeRw of zero is omitted; without size=1 both sizes are."""
    images = parsed([IMAGE | {"SharedSize": -1, "Containers": -1, "RepoTags": None}])
    assert (images.images, images.image_sizes[0].unique, images.image_sizes[0].tag) == (1, None, "<none>:<none>")
    untouched = {key: value for key, value in CONTAINER.items() if key != "SizeRw"}
    unasked = {"Names": ["/c2"], "Image": "a:1"}
    first, second = parsed([untouched, unasked]).container_sizes
    assert (first.size_rw, first.size_root_fs, second.size_rw, second.size_root_fs) == (0, 107, None, None)


def test_system_df_of_the_command_line():
    """Text with units of 1000, rounded: 73.36MB is 73,355,000 to 73,365,000; 38.8MB of three digits +- 50,000.

    Verbose is one object, brief four lines. UniqueSize is taken as printed: 37.75MB +- 5,000, tighter than
    Size - SharedSize, whose errors add up.
    """
    verbose = parsed(
        {
            "Images": [
                {
                    "Repository": "a",
                    "Tag": "1",
                    "Size": "73.36MB",
                    "SharedSize": "35.61MB",
                    "UniqueSize": "37.75MB",
                    "Containers": "5",
                },
                {"Repository": "b", "Tag": "1", "Size": "1kB", "SharedSize": "N/A"},
            ],
            "Containers": [{"Names": "c5", "Image": "a:1", "Size": "38.8MB (virtual 112MB)"}],
            "Volumes": [],
            "BuildCache": [],
        }
    )
    assert [(image.tag, image.unique, image.containers) for image in verbose.image_sizes] == [
        ("a:1", Bound(37_745_000, 37_755_000), 5),
        ("b:1", None, None),
    ]
    assert verbose.image_sizes[0].size == Bound(73_355_000, 73_365_000)
    container = verbose.container_sizes[0]
    assert (container.size_rw, container.size_root_fs) == (
        Bound(38_750_000, 38_850_000),
        Bound(111_500_000, 112_500_000),
    )
    assert verbose.rounded
    brief = parsed(
        {"Type": "Images", "TotalCount": "5", "Active": "2", "Size": "16.43MB", "Reclaimable": "0B (0%)"},
        {"Type": "Containers", "TotalCount": "2", "Active": "0", "Size": "212B", "Reclaimable": "0B"},
    )
    assert (brief.images, brief.containers, brief.layers_size, brief.rounded) == (
        5,
        2,
        Bound(16_425_000, 16_435_000),
        True,
    )


def test_outputs_one_after_the_other_join():
    """``docker info`` then ``docker system df`` in one file; info's count of images (3) wins over the listing's (1)."""
    host = parsed(INFO, {"LayersSize": 100, "Images": [IMAGE], "Containers": [CONTAINER]})
    assert (host.driver, host.images, host.layers_size, host.containers) == ("overlay2", 3, 100, 2)
    both = parsed({"info": INFO, "containers": [CONTAINER], "images": [IMAGE], "name": "lab", "origin": "ours"})
    assert (both.name, both.origin, both.container_sizes) == ("lab", "ours", host.container_sizes)


def test_files_standard_input_and_windows(tmp_path, monkeypatch):
    """A file is named by its stem, PowerShell's ``>`` writes UTF-16, and ``-`` is standard input."""
    raw = json.dumps(INFO)
    (tmp_path / "lab7.json").write_text(raw, encoding="utf-16")
    assert load_host(tmp_path / "lab7.json").name == "lab7"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw.encode())))
    assert load_host("-") == Host(**{**vars(parse_host(raw.encode(), "stdin")), "origin": "read from -"})


@pytest.mark.parametrize(
    ("value", "place", "problem"),
    [
        ({"Driver": 5}, "mine.json: Driver", "5 is not one line of printable text"),
        ({"Driver": ""}, "mine.json: Driver", "is not the name of a storage driver"),
        ({"Driver": "vfs\u001b[2J"}, "mine.json: Driver", "is not one line of printable text"),
        ({"Driver": "vfs", "DriverStatus": {}}, "mine.json: DriverStatus", "an object is not a list"),
        ({"Driver": "vfs", "DriverStatus": [["a"]]}, "mine.json: DriverStatus[0]", "a list is not a pair"),
        ({"Driver": "vfs", "DriverStatus": [["a", 1]]}, "mine.json: DriverStatus[0][1]", "1 is not one line"),
        ({"Driver": "vfs", "Images": True}, "mine.json: Images", "true is not a whole number from 0 to"),
        ({"Driver": "vfs", "Containers": 2**63}, "mine.json: Containers", "is not a whole number from 0 to"),
        ({"ServerErrors": ["Cannot connect"]}, "mine.json", 'no daemon answered docker info: "Cannot connect"'),
        ({"info": INFO, "timeline": [{"step": "a", "space_delta": 1.5}]}, "mine.json: timeline[0].space_delta", "1.5"),
        ({"info": INFO, "layers": [{"du": -1}]}, "mine.json: layers[0].du", "-1 is not a whole number"),
        ({"info": INFO, "layers": [{"\u001b": 1}]}, "mine.json: layers[0].a figure's name", "is not one line"),
        (
            {"system_df": {"Images": [{"Size": "big"}]}},
            "mine.json: system_df.Images[0].Size",
            "'big' is not a size that",
        ),
        ([{"Names": [1]}], "mine.json: [0].Names", "1 is not one line"),
        ([3], "mine.json: [0]", "3 is not an object"),
        ([], "mine.json", "allowed are docker info"),
        ({"Hello": 1}, "mine.json", "allowed are docker info"),
        (None, "mine.json", "null is not an object"),
    ],
)
def test_errors_name_file_key_and_what_is_allowed(value, place, problem):
    """One line each: the file, the key, the value, what is allowed."""
    with pytest.raises(InvalidInput) as error:
        parsed(value)
    assert error.value.place == place
    assert problem in error.value.problem
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe\xff",
        b"[NaN]",
        b"[" * 100_000,
        b"9" * 5000,
        b"1 " * 20_000,
        b'{"Driver": "\\ud800"}',
        b'{"Driver": "vfs", "Images": 1e400}',
    ],
)
def test_what_is_no_json(raw):
    """Cut off, not text, NaN, 100,000 levels deep, 5,000 digits, many values, half a character, infinity."""
    with pytest.raises(InvalidInput) as error:
        parse_host(raw, "mine", "mine.json")
    assert str(error.value).startswith("mine.json: ")
    assert "\n" not in str(error.value)


def test_what_is_no_file(tmp_path):
    """A missing file, a directory, a NUL, a name of two lines: one line, with the shipped names as what is allowed."""
    for path in (tmp_path / "none.json", tmp_path, "a\0b", "a\nb"):
        with pytest.raises(InvalidInput, match="a file, '-', or one of aufs, btrfs") as error:
            load_host(path, "--host")
        assert str(error.value).startswith("--host ")
        assert "\n" not in str(error.value)


def test_a_file_without_end(tmp_path, monkeypatch):
    """A limit of 10 bytes: 10 are read, 11 are refused (64 MiB in earnest; ``/dev/zero`` would never end)."""
    monkeypatch.setattr(jsonfile, "FILE_LIMIT", 10)
    (tmp_path / "ten").write_bytes(b"1234567890")
    (tmp_path / "eleven").write_bytes(b"12345678901")
    assert jsonfile.read_bytes(str(tmp_path / "ten"), "ten") == b"1234567890"
    with pytest.raises(InvalidInput, match=r"^eleven: larger than the 10 B that are allowed$"):
        jsonfile.read_bytes(str(tmp_path / "eleven"), "eleven")


KEYS = sorted(
    {
        *INFO,
        *IMAGE,
        *CONTAINER,
        "info",
        "system_df",
        "containers",
        "images",
        "layers",
        "timeline",
        "step",
        "LayersSize",
        "ImageUsage",
        "ContainerUsage",
        "Items",
        "TotalCount",
        "TotalSize",
        "Type",
        "Repository",
    }
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**65)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["vfs", "Images", "N/A", "1.5MB", "3", "\x1b[31m", "\ud800"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)


def told(read, *arguments):
    """What the user would see, line by line: the host's status, or the one line that says why there is none."""
    try:
        return status_block(read(*arguments)).split("\n")
    except InvalidInput as error:
        return [str(error)]


@given(JSON)
def test_any_json_is_a_host_or_invalid_input(value):
    """Keys that Docker uses, with values of any type beneath, at any depth."""
    assert all(line.isprintable() for line in told(parsed, value))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_host_or_invalid_input(raw):
    """Not even text."""
    assert all(line.isprintable() for line in told(parse_host, raw, "mine", "mine.json"))


@given(st.sampled_from(captures()), st.data())
def test_a_capture_with_one_value_replaced(name, data):
    """One value anywhere in a good file is replaced by anything: the rest of the file is no protection."""
    document = json.loads((HOSTS / f"{name}.json").read_text())
    where = document
    while isinstance(where, dict | list) and where:
        key = data.draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
        if not isinstance(where[key], dict | list) or not where[key] or data.draw(st.booleans()):
            where[key] = data.draw(JSON)
            break
        where = where[key]
    assert all(line.isprintable() for line in told(parsed, document))


def test_import_is_light():
    """Neither Docker's SDK nor a socket: a fresh interpreter loads the module and has none of them."""
    heavy = {"docker", "requests", "matplotlib", "hypothesis"}
    code = f"import sys, snapsim.hosts.reading; print(sorted({heavy} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HOSTS.parents[2])
    assert (found.stdout, found.stderr) == ("[]\n", "")
