"""What people paste is a part of a host: rows without names, prompts of any shell, totals without lists, old tables."""

import json

import pytest
from places import DATA

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.hosts.host import ContainerSize, HistorySize, Host, ImageSize, UsageTotals
from snapsim.hosts.inventory import inventory
from snapsim.hosts.prompts import is_prompt
from snapsim.hosts.reading import parse_host
from snapsim.hosts.sizes import UNKNOWN, Bound
from snapsim.hosts.what_if import what_if


def read(text):
    return parse_host(text.encode(), "mine", "mine.txt")


def row(host, stack="overlay2-ext4", **options):
    return what_if(host, [stack], **options)[0]


def table(*rows):
    """Rows of cells, as Docker aligns them."""
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    return "".join("".join(map(str.ljust, cells, widths)).rstrip() + "\n" for cells in rows)


IMAGES = table(
    ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"),
    ("base", "3.5", "4a415e366388", "4 days ago", "3.98MB", "0B", "3.98MB", "0"),
    ("<none>", "<none>", "7c0dc97eb8c0", "2 weeks ago", "14.6MB", "0B", "14.6MB", "1"),
    ("<none>", "<none>", "e24ce78f9858", "2 weeks ago", "57.2MB", "0B", "57.2MB", "0"),
    ("team/app", "1", "cc8254dd08c6", "4 months ago", "47.8MB", "0B", "47.8MB", "2"),
)
LISTED = table(
    ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"), ("team/app", "1", "171e65262c80", "7 weeks ago", "100MB")
)
TOTALS = table(
    ("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"),
    ("Images", "3", "0", "300MB", "300MB (100%)"),
    ("Containers", "0", "0", "0B", "0B"),
    ("Build Cache", "0", "0", "0B", "0B"),
)
PROMPTS = [
    "[root@host ~]#",
    "-bash-4.2$",
    "bash-5.1$",
    "user@host:~/my dir$",
    "$",
    "#",
    "/ #",
    "/var/lib/docker #",
    "~ $",
    "PS C:\\Users\\some one>",
    "PS /home/u>",
    "C:\\Users\\u>",
    "user@host ~>",
    "user@host ~/w (main)>",
    "user@host /v/l/docker#",
    "host%",
    "user@host ~ %",
    "➜  ~",
    "➜  app git:(main) ✗",
    "❯",
    "╰─$",
    "└─$",
    "(venv) user@host:~$",
    "[12:00:01] user@host:~$",
]


# ---------------------------------------------------------------- rows, and what stands between them


def test_rows_without_names_are_rows():
    """All four, and the container's image by its id; the one that nobody names and nobody uses goes with prune."""
    host = read("Images space usage:\n\n" + IMAGES + "\nContainers space usage:\n\n" + table(
        ("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"),
        ("5d0c6a9c3c1e", "7c0dc97eb8c0", '"/entry.sh"', "1", "12.3MB", "2 weeks ago", "Up 2 weeks", "web"),
    ))  # fmt: skip
    assert [image.tag for image in host.image_sizes] == ["base:3.5", "<none>:<none>", "<none>:<none>", "team/app:1"]
    held = inventory(host)
    assert held.boxes[0].image == 1
    assert sum(box.count for box in held.boxes) == 3  # by the images' own counts
    assert row(host).prune.high is None  # two containers of which nothing is told
    assert row(host).prune.low == 57_150_000  # and no container has this image


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("command", ["", " docker system df", " sudo docker images -a", " ls -l | head"])
def test_prompts_are_no_rows(prompt, command):
    """Before, between and behind tables: the same host as without them."""
    lines = (prompt + command).rstrip() + "\n"
    assert is_prompt(lines)
    host = read(lines + TOTALS + lines + IMAGES + lines)
    assert host == read(TOTALS + IMAGES)
    assert len(host.image_sizes) == 4


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompts_before_json(prompt):
    """``docker info --format '{{json .}}'`` between other outputs."""
    info = json.dumps({"Driver": "btrfs", "Images": 9})
    host = read(
        f"{prompt} docker info --format '{{{{json .}}}}'\n{info}\n{prompt} docker system df\n{TOTALS}{prompt}\n"
    )
    assert (host.driver, host.images, host.layers_size) == ("btrfs", 9, Bound(299_500_000, 300_500_000))


def test_a_header_behind_its_command():
    """PowerShell's console pads lines to its width, and a copy joins them."""
    assert read("PS C:\\> docker images" + " " * 60 + LISTED).image_sizes == read(LISTED).image_sizes


def test_a_table_in_an_indented_block():
    assert read("".join(f"    {line}\n" for line in IMAGES.splitlines())).image_sizes == read(IMAGES).image_sizes


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("damage", ["cut", "wrapped", "elided", "moved", "one blank"])
def test_losing_a_row_is_an_error_that_names_the_line(number, damage):
    """Each row of the table, damaged in five ways."""
    lines = IMAGES.splitlines()
    line = lines[number]
    lines[number : number + 1] = {
        "cut": [line[:45]],
        "wrapped": [line[:60], line[60:]],
        "elided": ["..."],
        "moved": [line.replace("   ", " ", 1)],
        "one blank": [" ".join(line.split())],
    }[damage]
    with pytest.raises(InvalidInput) as error:
        read("\n".join(lines))
    assert error.value.place == f"mine.txt: line {number + 1}"


def test_a_damaged_row_below_a_blank_line_is_no_prose():
    lines = IMAGES.splitlines()
    with pytest.raises(InvalidInput, match="line 4: "):
        read("\n".join([*lines[:2], "", lines[2].replace("14.6MB   0B", "14.6MB 0B")]))
    assert len(read("\n".join([*lines[:2], "", *lines[2:]])).image_sizes) == 4
    assert len(read(IMAGES + "\nThat is all that there is.\n").image_sizes) == 4


def test_two_names_of_one_image_are_two_rows_and_one_image():
    """So that a container of either is known to have it; ids of 64 and of 12 digits are one image."""
    long = "171e65262c80" + "0" * 52
    two = LISTED + LISTED.splitlines()[1].replace("1     ", "2     ", 1) + "\n"
    host = read(
        two + "\n" + LISTED.replace("171e65262c80", f"sha256:{long}").replace("IMAGE ID", "IMAGE ID" + " " * 59)
    )
    assert [image.tag for image in host.image_sizes] == ["team/app:1", "team/app:2"]
    assert inventory(host).content().low == 99_950_000
    both = parse_host(json.dumps([{"Id": long, "RepoTags": ["a:1", "b:2"], "Size": 5}]).encode(), "two")
    assert inventory(both).images[0].tags == ("a:1", "b:2")


def test_outputs_of_another_command_between():
    text = "$ docker images\n" + LISTED + "$ docker volume ls\nDRIVER    VOLUME NAME\nlocal     data\n$ free\n  total\n"
    assert len(read(text).image_sizes) == 1
    assert len(read(LISTED + "DRIVER    VOLUME NAME\nlocal     data\n" + TOTALS).image_sizes) == 1
    history = table(("IMAGE", "CREATED", "CREATED BY", "SIZE"), ("171e65262c80", "now", "RUN x", "5MB"))
    assert len(read(LISTED + history).image_sizes) == 1


def test_two_totals_that_differ_are_two_hosts():
    with pytest.raises(InvalidInput, match="a second 'docker system df'"):
        read(TOTALS + TOTALS.replace("300MB", "200MB"))
    assert read(TOTALS + TOTALS).images == 3


# ---------------------------------------------------------------- exists, and is not listed


def test_totals_without_a_list():
    """No container: all 300 MB go with prune -a; which of the images have a name is not told."""
    found = row(read(TOTALS))
    assert found.prune_all == found.data == Bound(299_500_000, 300_500_000)
    assert found.prune == Bound(0, 300_500_000)
    assert found.cache == Bound(0, 0)


def test_totals_of_the_api_without_a_list():
    usage = {"ActiveCount": 0, "TotalCount": 30, "Reclaimable": 5_698_000_000, "TotalSize": 5_698_000_000}
    raw = json.dumps({"ImageUsage": usage, "ContainerUsage": {}, "VolumeUsage": {}, "BuildCacheUsage": {}})
    found = row(parse_host(raw.encode(), "df"))
    assert (found.prune, found.prune_all) == (Bound(0, 5_698_000_000), Bound(5_698_000_000, 5_698_000_000))


def test_a_list_that_is_shorter_than_its_count():
    """One of three: it has a name and stays when prune goes; the other two may go."""
    host = read("$ docker system df\n" + TOTALS + "$ docker images team/app\n" + LISTED)
    assert (host.images, host.unlisted_images, len(host.image_sizes)) == (3, 2, 1)
    found = row(host)
    assert found.data == found.prune_all == Bound(299_500_000, 300_500_000)
    assert found.prune == Bound(0, 300_500_000 - 99_950_000)
    assert row(host, "vfs-ext4").new_container.high == 2 * 300_500_000


def test_info_counts_steps_of_builds_that_a_whole_list_has_not():
    info = "Server:\n Images: 9\n Storage Driver: overlay2\n  Backing Filesystem: extfs\n Logging Driver: json-file\n"
    assert read(info + IMAGES).unlisted_images == 0
    assert read(info + LISTED).unlisted_images == 8


def test_an_image_that_shares_with_none_of_the_list():
    """Docker itself says that the list is a part: 4.8 and 52.4 MB are shared with something."""
    part = IMAGES.replace("57.2MB   0B            57.2MB", "57.2MB   4.8MB         52.4MB")
    host = read(part)
    assert (host.images, host.unlisted_images) == (4, 1)
    assert row(host).data.low > 120_000_000


def test_active_and_reclaimable_of_containers():
    """7 containers, 6 run; those that do not have 5 of 67.35 MB. On btrfs at most that."""
    text = table(
        ("TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"),
        ("Images", "2", "2", "100MB", "0B (0%)"),
        ("Containers", "7", "6", "67.35MB", "5MB (7%)"),
        ("Build Cache", "0", "0", "0B", "0B"),
    )
    found = row(read(text))
    assert found.data == Bound(99_950_000 + 67_345_000, 100_500_000 + 67_355_000)
    assert found.prune.low == 4_995_000
    assert row(read(text), "btrfs").prune.low == 0
    # all containers run: Docker's RECLAIMABLE bounds what can go
    running = text.replace("6        67", "7        67").replace("5MB (7%)", "0B (0%)")
    info = "Server:\n Server Version: 24.0.7\n Storage Driver: btrfs\n  Btrfs: \n Logging Driver: json-file\n"
    assert row(read(info + running)).prune_all == Bound(0, 0)
    assert row(read(running)).prune_all.high == 100_500_000  # of a release that is not told


def test_containers_beside_their_totals():
    listed = (ContainerSize("x", "a:1", 10, 20, "running"), ContainerSize("y", "a:1", 5, 15, "exited"))
    image = ImageSize("a:1", 10, 0)
    host = Host("h", "overlay2", containers=5, image_sizes=(image,), container_sizes=listed,
                container_totals=UsageTotals(5, 2, 100, 45))  # fmt: skip
    held = inventory(host)
    assert [(box.runs, box.count, box.size_rw) for box in held.boxes[2:]] == [
        (True, 1, Bound(45, 45)),
        (False, 2, Bound(40, 40)),
    ]
    assert row(host).prune == Bound(45, 45)
    wrong = Host("h", "overlay2", containers=2, image_sizes=(image,), container_sizes=listed,
                 container_totals=UsageTotals(2, 1, 24_800, 0))  # fmt: skip
    with pytest.raises(
        InvalidInput, match=r"the sizes of the host's containers contradict each other: 15B, and 24\.8kB"
    ):
        row(wrong)


def test_docker_ps_without_a_lists_running_ones_alone():
    """Unless its command, or a row that does not run, says otherwise."""
    header = table(("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"))
    assert row(read("/ # docker ps\n" + header + LISTED)).prune.high is None
    assert row(read("/ # docker ps -a\n" + header + "/ # docker images\n" + LISTED)).prune == Bound(0, 0)
    assert row(read("$ docker container ls --all -s\n" + header + LISTED)).data.high == 100_500_000
    titles = ("CONTAINER ID", "IMAGE", "STATUS", "NAMES", "SIZE")
    rows = [titles, ("5d0c6a9c3c1e", "team/app:1", "Up 1 day", "w", "5MB")]
    assert row(read(table(*rows) + LISTED)).data.high is None
    rows.append(("6d0c6a9c3c1e", "team/app:1", "Exited (0) now", "v", "6MB"))
    assert row(read(table(*rows) + LISTED)).data.high is not None


def test_counts_without_end_take_no_room():
    host = Host("h", "btrfs", images=2**62, containers=2**62, layers_size=5, unlisted_images=2**62)
    assert row(host).data == Bound(5, None)


# ---------------------------------------------------------------- tables of other releases


def test_images_since_29():
    """DISK USAGE counts compressed blobs where CONTENT SIZE is not 0: files have that at most. U marks what is in use;
    a name may be one digest, or missing."""
    digest = "hello@sha256:" + "0" * 64
    text = " " * 60 + "i Info →   U  In Use\n" + table(
        ("IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA"),
        (digest, "09538a1f51d3", "20.6kB", "4.21kB", ""),
        ("team/buildkit:1", "0168606be231", "348MB", "105MB", "U"),
        ("<untagged>", "1168606be231", "48MB", "15MB", ""),
    )  # fmt: skip
    host = read(text)
    assert [(image.tag, image.used) for image in host.image_sizes] == [
        (digest, False),
        ("team/buildkit:1", True),
        ("<none>:<none>", False),
    ]
    assert host.containerd_store
    assert row(host).data == UNKNOWN  # containers are not told
    none = host.image_sizes[0].size.high + host.image_sizes[1].size.high + host.image_sizes[2].size.high
    assert inventory(host).content() == Bound(0, none)
    graph = text.replace("4.21kB", "0B".ljust(6)).replace("105MB", "0B   ").replace("15MB", "0B  ")
    assert not read(graph).containerd_store
    tree = "".join(line + "\n" + ("├─ linux/amd64   " + line[17:] + "\n" if line.startswith("team") else "")
                   for line in graph.splitlines())  # fmt: skip
    assert len(read(tree).image_sizes) == 3


def test_images_before_1_10():
    """VIRTUAL SIZE, and a blank before the unit."""
    text = table(
        ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "VIRTUAL SIZE"),
        ("busybox", "latest", "17583c7dd0da", "1 year ago", "1.109 MB"),
        ("<none>", "<none>", "27583c7dd0da", "1 year ago", "0 B"),
    )
    assert [image.size for image in read(text).image_sizes] == [Bound(1_108_500, 1_109_500), 0]


@pytest.mark.parametrize("printed", ["-4.685e+08 B (-11%)", "-4.685e+08B (-11%)", "-4.685e+08 B"])
def test_a_negative_reclaimable(printed, tmp_path, capsys):
    """1.13, and 23 to 25 with containerd's store: it is read, said as it stands, and bounds nothing."""
    file = tmp_path / "df.txt"
    file.write_text(TOTALS.replace("0        300MB   300MB (100%)", f"2        300MB   {printed}"))
    host = read(file.read_text())
    assert host.image_totals.reclaimable == Bound(-468_550_000, -468_450_000)
    assert row(host).prune_all.high == 300_500_000
    assert main(["what-if", "--host", str(file), "--stack", "btrfs"]) == 0
    assert "of images -468.45MB..468.55MB" in capsys.readouterr().out


def test_a_clients_warning_is_no_status_pair(tmp_path, capsys):
    """17.03 writes it between the pairs of devicemapper; the pairs below it stay pairs."""
    text = (
        "Containers: 0\nImages: 0\nServer Version: 17.03.1-ce\nStorage Driver: devicemapper\n"
        " Data Space Used: 11.16 GB\n"
        " WARNING: Usage of loopback devices is strongly discouraged: use another.\nWARNING: No swap limit support\n"
        " Metadata loop file: /x\nLogging Driver: json-file\n"
    )
    host = read(text)
    assert host.status == (("Data Space Used", "11.16 GB"), ("Metadata loop file", "/x"))
    assert host.warnings[0] == "Usage of loopback devices is strongly discouraged: use another."
    file = tmp_path / "info.txt"
    file.write_text(text)
    assert main(["what-if", "--host", str(file), "--stack", "btrfs"]) == 0
    assert "docker info warned: Usage of loopback devices" in capsys.readouterr().out.replace("\n", " ")


REAL = DATA / "docker-cli"


@pytest.mark.parametrize("name", ["28-vfs", "29-overlay2", "29-overlay2-buildkit", "29-containerd"])
def test_all_that_newer_clients_print(name):
    """Outputs of 28.5 and 29.7 one after the other (tables old and new, trees, JSON lines, histories): two images and
    five containers, in all forms the same. From 26 on SHARED SIZE counts steps of builds, too."""
    host = parse_host((REAL / f"{name}.txt").read_bytes(), name, name)
    assert sorted(image.tag for image in host.image_sizes) == ["base:1", "child:1"]
    assert (host.images, host.unlisted_images, host.containers, len(host.container_sizes)) == (2, 0, 5, 5)
    held = inventory(host)
    assert {box.image for box in held.boxes} == {[image.tags[0] for image in held.images].index("child:1")}
    assert host.containerd_store == (name == "29-containerd")
    if not host.containerd_store:
        assert 73_355_154 in row(host).data - 49_283_072
        assert row(host).prune_all.high == row(host).data.high + (4_194_500 if "buildkit" in name else 0)


# ---------------------------------------------------------------- what does not settle, and the build cache


def steps(*sizes):
    return tuple(HistorySize(name, size) for name, size in sizes)


def test_what_does_not_settle_widens_only_what_depends_on_it():
    """WORKDIR of a directory that exists beside RUN rm -rf: one of them made a layer of 0 bytes. The image keeps 94.65
    MB whichever it was; only where another image parts the two is it open."""
    open_ = steps(("ADD", 90), ("WORKDIR /app", 0), ("COPY", 4), ("RUN rm -rf", 0), ("CMD", 0))
    image = ImageSize("a:1", 94, 0, 0, "a", None, ("sha256:1", "sha256:2", "sha256:3"), open_)
    other = ImageSize("b:1", 200, 0, 0, "b", None, ("sha256:9",), steps(("ADD", 200)))
    host = Host("h", "overlay2", images=2, containers=0, layers_size=294, image_sizes=(image, other),
                cache_totals=UsageTotals(0, 0, 0, 0))  # fmt: skip
    found = row(host)
    assert (found.data, found.prune_all) == (Bound(294, 294), Bound(294, 294))
    assert row(host, "vfs-ext4").data.low == 294
    part = ImageSize("c:1", 90, 90, 1, "c", None, ("sha256:1", "sha256:2"), open_[:2])
    both = Host("h", "overlay2", containers=1, image_sizes=(image, part), cache_totals=UsageTotals(0, 0, 0, 0),
                container_sizes=(ContainerSize("x", "c:1", 0, 90, "running"),))  # fmt: skip
    assert row(both).data == Bound(94, 94)
    assert row(both).prune_all in (Bound(4, 4), Bound(0, 4))


def test_a_capture_is_not_told_to_make_a_capture(tmp_path, capsys):
    layers = [f"sha256:{number:064x}" for number in (1, 2, 3)]
    history = [{"CreatedBy": by, "Size": size}
               for by, size in (("RUN rm -rf /x", 0), ("COPY", 4), ("WORKDIR /app", 0), ("ADD", 90))]  # fmt: skip
    kept = {
        "info": {"Driver": "overlay2", "ServerVersion": "24.0.7"},
        "system_df": {
            "LayersSize": 94,
            "Images": [{"Id": "sha256:a", "RepoTags": ["a:1"], "Size": 94, "SharedSize": 0}],
            "Containers": [],
            "BuildCache": [{"Size": 3, "InUse": False, "Shared": False}, {"Size": 90, "InUse": False, "Shared": True}],
        },
        "images": [{"Id": "sha256:a", "RepoTags": ["a:1"], "Layers": layers, "History": history}],
    }
    file = tmp_path / "host.json"
    file.write_text(json.dumps(kept))
    assert main(["what-if", "--host", str(file), "--stack", "overlay2-ext4"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "a file of snapsim capture tells it" not in out
    assert "leaves open which step made which layer of a:1" in out
    assert "Of the build cache (3B) files have what images share" in out
    found = row(parse_host(file.read_bytes(), "h"))
    assert (found.data, found.prune, found.prune_all) == (Bound(94, 94), Bound(0, 3), Bound(97, 97))


@pytest.mark.parametrize(
    "text",
    [
        TOTALS.replace("Build Cache   0       0        0B      0B", "Build Cache   7       1        8MB     3MB"),
        IMAGES.replace("1\n", "0\n").replace("2\n", "0\n") + "\nContainers space usage:\n\n"
        + table(("CONTAINER ID", "IMAGE", "LOCAL VOLUMES", "SIZE", "NAMES"))
        + "\nBuild cache usage: 8MB\n\n"
        + table(
            ("CACHE ID", "CACHE TYPE", "SIZE", "SHARED"),
            ("ab", "regular", "3MB", "false"),
            ("cd*", "regular", "2MB", "false"),
            ("ef", "regular", "3MB", "true"),
        ),
    ],
)  # fmt: skip
def test_the_build_cache_is_in_prune(text):
    """By RECLAIMABLE, or by its rows: a star marks what is in use; what is shared are layers of images. On vfs its
    records are trees, without an upper end."""
    host = read(text)
    images = inventory(host).content()
    added = row(host).prune_all.high - images.high
    assert added == 3_005_000
    assert row(host, "vfs-ext4").prune_all.high is None


def test_cache_that_is_not_told_is_named(tmp_path, capsys):
    file = tmp_path / "images.txt"
    file.write_text(LISTED)
    assert main(["what-if", "--host", str(file), "--stack", "btrfs"]) == 0
    assert "Build cache is not told" in capsys.readouterr().out
