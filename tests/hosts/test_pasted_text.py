"""Pasted text of Docker's command line: sizes as intervals, whole outputs of real hosts, and damaged ones."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from places import DATA

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size
from snapsim.hosts.host import HistorySize, ImageSize
from snapsim.hosts.reading import Host, load_host, parse_host, status_block
from snapsim.hosts.sizes import LARGEST, Bound, ends, printed_size

INFO = sorted(path.stem for path in (DATA / "docker-info-full").glob("*.txt"))
TEXT = sorted(path.stem for path in (DATA / "docker-text").glob("*.txt"))
INFO_TEXT = (DATA / "docker-info-full" / "devicemapper.txt").read_text()
DF_TEXT = (DATA / "docker-text" / "devicemapper.txt").read_text()


def read(text: str) -> Host:
    return parse_host(text.encode(), "mine", "mine.txt")


# --------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0B", 0, 0),  # whole bytes are exact
        ("999B", 999, 999),
        ("1kB", 1000, 1005),  # 999.5 would be printed in B; 1.005 is half way to 1.01
        ("100kB", 99_950, 100_500),  # below 100 three digits step by 0.1, above by 1
        ("2.1MB", 2_095_000, 2_105_000),  # three digits, as the text shows fewer
        ("73.36MB", 73_355_000, 73_365_000),  # four, as it shows four
        ("1e+03kB", 999_500, 999_999),  # three digits of 999.9; a million bytes are 1MB
        ("1000MB", 999_500_000, 999_999_999),
        ("9.223EB", 9_222_500_000_000_000_000 - (9_222_500_000_000_000_000 >> 50), LARGEST),
    ],
)
def test_a_printed_size_is_an_interval(text, low, high):
    """Half a unit of the last digit to both sides, within what the unit allows."""
    assert ends(printed_size(text)) == (low, high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "-1MB",
        "1000B",
        "0.5kB",
        "0kB",
        "1.5B",
        "9.3EB",
        "99EB",
        "1ZB",
        "1e99MB",
        "1.MB",
        "nanMB",
        "12345MB",
        "5 MiB",
        "٣MB",
    ],
)
def test_what_docker_never_prints(text):
    """Negative, fractions of a byte, in the wrong unit, above 2**63 - 1 (9.223EB), other digits, other units."""
    with pytest.raises(InvalidInput, match=r"is not a size that Docker prints, such as 73\.36MB$"):
        printed_size(text)


SIZES = st.integers(0, LARGEST) | st.builds(
    lambda thousandths, power, off: min(max(thousandths * 1000**power // 1000 + off, 0), LARGEST),
    st.integers(1, 10**7), st.integers(0, 6), st.integers(-2, 2))  # fmt: skip


@given(SIZES, st.sampled_from([3, 4]))
@example(999_999_999_999_999_999, 4)
def test_the_interval_holds_what_was_printed(size, digits):
    """Whatever is printed, and just beside the places where the digits or the unit change."""
    for interval in (
        ends(printed_size(docker_size(size, digits))),
        ends(printed_size(docker_size(size, digits), digits)),
    ):
        assert interval[0] <= size <= interval[1]


@given(SIZES.filter(lambda size: size < 10**15))
def test_the_interval_is_no_wider_than_it_must_be(size):
    """With the digits known, both ends print the same text, but for a tie that a float may round either way."""
    text = docker_size(size, 4)
    low, high = ends(printed_size(text, digits=4))
    assert text in (docker_size(low, 4), docker_size(low + 1, 4))
    assert text in (docker_size(high, 4), docker_size(high - 1, 4))


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=2, max_size=2))
def test_sums_and_differences_hold_the_exact_ones(parts):
    """Interval arithmetic: exact values inside give exact sums and differences inside; numbers mix in."""
    (a, below, above), (b, under, over) = parts
    first, second = Bound(a - below, a + above), Bound(b - under, b + over)
    assert a + b in first + second
    assert a - b in first - second
    assert a + b in a + second
    assert a - b in a - second


# ------------------------------------------------------------------ real text


@pytest.mark.parametrize("name", INFO)
def test_docker_info_of_real_hosts(name):
    """The status block comes out as it went in; a daemon after the scenario says what its JSON capture says."""
    text = (DATA / "docker-info-full" / f"{name}.txt").read_text()
    host = read(text)
    block = re.search(r"^ Storage Driver:.*?(?=^ Logging Driver:)", text, re.DOTALL | re.MULTILINE)
    assert status_block(host) == block[0]
    assert (host.root, host.server_version) == ("/var/lib/docker", "20.10.24+dfsg1")
    if not name.endswith("-empty"):
        captured = load_host(name)
        assert (host.driver, host.status, host.images, host.containers) == (
            captured.driver,
            captured.status,
            captured.images,
            captured.containers,
        )
        assert host.operating_system == captured.operating_system


@pytest.mark.parametrize("name", TEXT)
def test_tables_of_real_hosts_hold_the_exact_figures(name):
    """Every interval of the text contains the bytes that the API of the same host told, and none is exact but 0B."""
    host, exact = read((DATA / "docker-text" / f"{name}.txt").read_text()), load_host(name)
    assert [image.tag for image in host.image_sizes] == ["child:1", "base:1"]
    for told, real in zip(host.image_sizes, exact.image_sizes, strict=True):
        assert_holds((told.size, told.shared, told.unique), (real.size, real.shared, real.unique))
        assert told.containers == real.containers
    assert [container.name for container in host.container_sizes] == ["c5", "c4", "c3", "c2", "c1"]
    for told, real in zip(host.container_sizes, exact.container_sizes, strict=True):
        assert_holds((told.size_rw, told.size_root_fs), (real.size_rw, real.size_root_fs))
        assert (told.name, told.image, told.state) == (real.name, real.image, real.state)
    assert host.rounded


def assert_holds(told, real):
    for interval, size in zip(told, real, strict=True):
        assert ends(interval)[0] <= size <= ends(interval)[1]
        assert isinstance(interval, Bound) == (size != 0)


def test_several_outputs_in_one_paste_are_one_host():
    """Info and tables in one paste, as PowerShell saves it (UTF-16, CRLF): info counts 4 images, two have tags."""
    text = f"PS C:\\> docker info\n{INFO_TEXT}\n{DF_TEXT}".replace("\n", "\r\n")
    host = parse_host(text.encode("utf-16"), "mine", "mine.txt")
    assert (host.driver, host.images, len(host.image_sizes), len(host.container_sizes)) == ("devicemapper", 4, 2, 5)
    assert host.status_size("Data Space Used") == Bound(194_750_000, 194_850_000)
    assert host.status_size("Pool Name") is None


def test_totals_and_their_order():
    """``docker system df``: 16.43MB of layers in 5 images; a listing in the same paste counts less and does not win."""
    totals = "TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE\n" \
             "Images          5         2         16.43MB   11.63MB (70%)\n" \
             "Containers      2         0         212B      212B (100%)\n" \
             "Local Volumes   2         1         36B       0B (0%)\n"  # fmt: skip
    host = read(totals)
    assert (host.images, host.containers, host.layers_size) == (5, 2, Bound(16_425_000, 16_435_000))
    assert read(DF_TEXT + totals).images == 5


def test_old_and_new_layouts():
    """Before 18.09 no ``Server:`` and no indent; a fresh 29 names a snapshotter; zfs prints plain bytes."""
    old = read(
        "Containers: 0\nImages: 2\nServer Version: 17.03.2-ce\nStorage Driver: aufs\n Root Dir: /x\n Dirs: 9\nLogging "
        "Driver: json-file\n"
    )
    assert old.status == (("Root Dir", "/x"), ("Dirs", "9"))
    fresh = read(
        "Server:\n Server Version: 29.1.0\n Storage Driver: overlayfs\n  driver-type: "
        "io.containerd.snapshotter.v1\n Logging Driver: json-file\n"
    )
    assert fresh.containerd_store
    zfs = read((DATA / "docker-info-full" / "zfs.txt").read_text())
    assert type(zfs.status_size("Space Used By Parent")) is int
    assert zfs.status_size("Parent Quota") is None


def test_empty_hosts_and_states():
    """A header without rows is a host with nothing; ``docker ps`` without -s has no sizes."""
    empty = read("REPOSITORY   TAG       IMAGE ID   CREATED   SIZE      SHARED SIZE   UNIQUE SIZE   CONTAINERS\n")
    assert (empty.images, empty.containers, empty.rounded) == (0, None, False)
    states = {
        "Up 3 hours": "running",
        "Up 2 days (Paused)": "paused",
        "Created": "created",
        "Exited (1) now": "exited",
        "Restarting (1) 5 seconds ago": "restarting",
        "Dead": "dead",
        "Removal In Progress": "removing",
    }
    header = f"{'CONTAINER ID':15}{'IMAGE':10}{'STATUS':40}NAMES\n"
    rows = "".join(f"{number:<15}{'a:1':10}{status:40}n{number}\n" for number, status in enumerate(states))
    found = read(header + rows).container_sizes
    assert [container.state for container in found] == list(states.values())
    assert {container.size_rw for container in found} == {None}


# -------------------------------------------------------------- damaged text


@pytest.mark.parametrize(
    ("damage", "place", "problem"),
    [
        (lambda: "", "mine.txt", "not JSON"),
        (lambda: "hello\nworld\n", "mine.txt", "neither JSON nor the text of docker info, docker system df"),
        (
            lambda: "Server:\nERROR: Cannot connect to the Docker daemon\nerrors pretty printing info\n",
            "mine.txt",
            "no daemon answered docker info",
        ),
        (
            lambda: INFO_TEXT[: INFO_TEXT.index(" Storage Driver")],
            "mine.txt: line 5",
            "without its line 'Storage Driver'",
        ),
        (lambda: INFO_TEXT[: INFO_TEXT.index("Blocksize")], "mine.txt: line 14", "'Pool' is no 'key: value': cut off?"),
        (lambda: INFO_TEXT + INFO_TEXT, "mine.txt: line 79", "a second 'Storage Driver'"),
        (
            lambda: INFO_TEXT.replace("Images: 4", "Images: -4"),
            "mine.txt: docker info.Images",
            "-4 is not a whole number",
        ),
        (
            lambda: INFO_TEXT.replace("Images: 4", "Images: many"),
            "mine.txt: docker info.Images",
            '"many" is not a whole',
        ),
        (
            lambda: INFO_TEXT.replace("devicemapper\n", "\x1b[31mred\n", 1),
            "mine.txt: docker info.Driver",
            "one line of printable",
        ),
        (
            lambda: INFO_TEXT.replace("devicemapper\n", "\n", 1),
            "mine.txt: docker info.Driver",
            "name of a storage driver",
        ),
        (
            lambda: DF_TEXT.replace("73.36MB   35.61MB", "-3.36MB   35.61MB"),
            "mine.txt: line 5.Size",
            "'-3.36MB' is not a size",
        ),
        (
            lambda: DF_TEXT.replace("73.36MB   35.61MB", "99.99ZB   35.61MB"),
            "mine.txt: line 5.Size",
            "'99.99ZB' is not a size",
        ),
        (
            lambda: DF_TEXT.replace("child        1  ", "child  1  "),
            "mine.txt: line 5",
            "does not stand under its header",
        ),
        (lambda: DF_TEXT[: DF_TEXT.index("73.36MB")], "mine.txt: line 5", "this row has no Size: was it cut off?"),
        (lambda: re.sub(" +", " ", DF_TEXT), "mine.txt: line 4", "paste it with all its blanks"),
    ],
)
def test_damaged_text_is_one_line(damage, place, problem):
    """Empty, foreign, no daemon, cut before and inside the pairs, two hosts, edited numbers, colours, no columns."""
    with pytest.raises(InvalidInput) as error:
        read(damage())
    assert error.value.place == place
    assert problem in error.value.problem
    assert "\n" not in str(error.value)


def told(text):
    try:
        return status_block(read(text)).split("\n")
    except InvalidInput as error:
        return [str(error)]


@given(st.sampled_from([INFO_TEXT, DF_TEXT]), st.data())
def test_a_real_text_cut_and_edited_anywhere(text, data):
    """Some characters in the middle replaced by others, or by nothing: a host, or one line."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + data.draw(st.sampled_from([0, 1, 20, 2000])))))
    new = data.draw(st.text(max_size=8) | st.sampled_from(["-", "9" * 30, "   ", "\n", "TB", "NAMES", "TYPE   SIZE"]))
    assert all(line.isprintable() for line in told(text[:start] + new + text[end:]))


WORDS = st.sampled_from(
    [
        "REPOSITORY",
        "TAG",
        "SIZE",
        "CONTAINER ID",
        "NAMES",
        "STATUS",
        "TYPE",
        "TOTAL",
        "Images",
        "   ",
        "\n",
        "Storage Driver:",
        " ",
        "5",
        "1.5MB",
        "N/A",
        "$ docker ps",
        "Server:",
        "virtual",
        "(",
        ":",
        "\x1b",
    ]
)


@given(st.lists(WORDS | st.text(max_size=4), max_size=40).map("".join))
def test_any_text_is_a_host_or_invalid_input(text):
    """Docker's words in any order, and anything between them."""
    assert all(line.isprintable() for line in told(text))


# --------------------------------------------------------- layers and history


def test_which_step_made_which_layer():
    """Three steps, two layers: ENV makes none, so RUN rm made the empty one. WORKDIR or RUN rm: one did, and the layer
    is empty in both cases; with COPY between them, the empty layer may lie below or above it."""
    add, env, rm = HistorySize("ADD a /", 7), HistorySize("/bin/sh -c #(nop)  ENV A=1", 0), HistorySize("RUN rm /a", 0)

    def sizes(layers, *steps):
        return ImageSize("a:1", 7, layers=tuple(map(str, range(layers))), history=steps).layer_sizes

    assert sizes(2, add, env, rm) == (7, 0)
    assert sizes(3, add, env, rm) == (7, 0, 0)
    assert sizes(1, add, env, rm) == (7,)
    assert sizes(2, add, rm, HistorySize("WORKDIR /b", 0)) == (7, 0)
    assert sizes(3, add, HistorySize("WORKDIR /b", 0), HistorySize("COPY b /b", 5), rm) is None
    assert sizes(4, add, HistorySize("WORKDIR /b", 0), HistorySize("COPY b /b", 5), rm) == (7, 0, 5, 0)
    assert sizes(2, add) is None
    assert sizes(0) is None


def test_layers_that_contradict():
    """One ChainID with 5 and 6 bytes; two steps that added bytes on one layer; a layer that is no digest."""
    layer = "sha256:" + "a" * 64
    one, two = ({"Id": name, "RepoTags": [f"{name}:1"], "Layers": [layer], "History": [{"CreatedBy": "", "Size": size}]}
                for name, size in (("x", 5), ("y", 6)))  # fmt: skip
    for images, problem in (
        ([one, two], "y:1 and x:1 share the layer sha256:aaaaaaaaaaaa, but it has 6 bytes in one and 5 in the other"),
        ([{**one, "History": one["History"] * 2}], "2 steps of the history added bytes, but 1 layers are named"),
        ([{**one, "Layers": ["sha256:no"]}], '"sha256:no" is not a DiffID'),
        ([{**one, "History": [{"Size": -5}]}], "-5 is not a whole number"),
    ):
        with pytest.raises(InvalidInput, match=r"^mine\.json: ") as error:
            parse_host(json.dumps({"info": {"Driver": "vfs"}, "images": images}).encode(), "mine", "mine.json")
        assert problem in error.value.problem
