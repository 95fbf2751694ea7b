"""`snapsim df -v`: the text of three real daemons, cell by cell, and the tables by hand."""

import re
from itertools import pairwise

import captures
import pytest
from places import DATA

from snapsim.cli.main import main
from snapsim.docker.disk_usage import usage
from snapsim.docker.figures import CacheUse, ContainerUse, DiskUsage, ImageUse, VolumeUse, columns
from snapsim.docker.listing import listing
from snapsim.hosts.reading import parse_host
from snapsim.hosts.sizes import ends

TEXT = DATA / "docker-text"
OUTSIDE = {"IMAGE ID", "CONTAINER ID", "COMMAND", "CREATED"}
"""Columns that rest on what is outside the model: random ids, programs, the clock."""

BY_HAND = """\
Images space usage:

REPOSITORY   TAG       IMAGE ID       CREATED   SIZE      SHARED SIZE   UNIQUE SIZE   CONTAINERS
child        1         cccccccccccc   N/A       40B       30B           10B           2
<none>       <none>    bbbbbbbbbbbb   N/A       30B       30B           0B            0

Containers space usage:

CONTAINER ID   IMAGE          COMMAND                  LOCAL VOLUMES   SIZE      CREATED   STATUS         NAMES
111111111111   child:1        "sh -c \\"a\\""            0               12.3kB    N/A       Up             up
222222222222   bbbbbbbbbbbb   "xxxxxxxxxxxxxxxxxxx…"   0               0B        N/A       Created        new
333333333333   child:1        ""                       2               0B        N/A       Exited (137)   bad
444444444444   child:1        ""                       0               0B        N/A       Up (Paused)    idle

Local Volumes space usage:

VOLUME NAME   LINKS     SIZE
v             1         12.35kB

Build cache usage: 12.35kB

CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED
l*         regular      1B        N/A                   1         true
m          regular      12.3kB    N/A                   0         false
"""


def printed(capture):
    """What `docker system df -v` printed: from its prompt to the next."""
    text = (TEXT / f"{capture}.txt").read_text()
    return re.search(r"^\$ docker system df -v\n(.*?)\n^\$ ", text, re.DOTALL | re.MULTILINE)[1]


def blocks(text):
    """Headings as text, tables as lists of rows."""
    return [part if part.rstrip().endswith(":") or part.startswith("Build cache usage") else rows(part)
            for part in text.strip("\n").split("\n\n")]  # fmt: skip


def rows(table):
    """The cells of a table: a column begins where its header does."""
    header, *lines = table.split("\n")
    names = [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", header)]
    edges = [*(start for start, _ in names), None]
    cut = [[line[first:last].strip() for first, last in pairwise(edges)] for line in lines]
    return [tuple(name for _, name in names), *map(tuple, cut)]


def within(table):
    """The cells without those that are outside the model; a status without its time."""
    header, *lines = table
    kept = [[cell for name, cell in zip(header, line, strict=True) if name not in OUTSIDE] for line in lines]
    return [header, *[[re.sub(r"^(Exited \(\d+\)) .*", r"\1", cell) for cell in line] for line in kept]]


@pytest.mark.parametrize("capture", sorted(path.stem for path in TEXT.glob("*.txt")))
def test_every_cell_of_a_real_daemon_is_equal(capture):
    """Headings, headers, order, names, sizes, counts, states; ids, commands and times are outside the model."""
    theirs, mine = blocks(printed(capture)), blocks(listing(usage(captures.played(capture).engine), (20, 10)))
    assert [block if isinstance(block, str) else within(block) for block in mine] == [
        block if isinstance(block, str) else within(block) for block in theirs
    ]
    assert len(mine) == 8


@pytest.mark.parametrize("capture", sorted(path.stem for path in TEXT.glob("*.txt")))
def test_columns_are_as_wide_as_docker_makes_them(capture):
    """The real cells, laid out by our rule (the widest cell and 3, 10 at least), give the real text, every blank."""
    told = [block if isinstance(block, str) else columns(block) for block in blocks(printed(capture))]
    assert "\n".join(f"{block.rstrip()}\n" for block in told) == re.sub(" +$", "", printed(capture), flags=re.M)


def test_each_table_by_hand():
    """12,345 bytes in three digits are 12.3kB, in four 12.35kB; 30 of c's 40 bytes are b's; l is in use, m is not."""
    images = (ImageUse("sha256:" + "c" * 64, ("docker.io/library/child:1", "x:2"), (("1", 30), ("2", 10)), 2),
              ImageUse("sha256:" + "b" * 64, (), (("1", 30),)))  # fmt: skip
    boxes = (ContainerUse("1" * 64, "up", "child:1", images[0].id, 12_345, 12_385, "running", command='sh -c "a"'),
             ContainerUse("2" * 64, "new", images[1].id, images[1].id, 0, 30, "created", command="x" * 21),
             ContainerUse("3" * 64, "bad", "child:1", images[0].id, 0, 40, "exited", 137, volumes=("v", "w")),
             ContainerUse("4" * 64, "idle", "child:1", images[0].id, 0, 40, "paused"))  # fmt: skip
    cache = (CacheUse("m", 12_345), CacheUse("l", 1, True, True))
    found = DiskUsage(images, boxes, (VolumeUse("v", 12_345, 1),), cache)
    assert listing(found, (20, 10)) == BY_HAND


def test_build_cache_of_29_counts_what_is_shared():
    """Up to 28 the command line leaves shared records out of the sum; 29's daemon adds up all: 7 + 5."""
    found = DiskUsage(build_cache=(CacheUse("k", 7), CacheUse("l", 5, shared=True)))
    assert "\nBuild cache usage: 7B\n" in listing(found, (28, 5))
    assert "\nBuild cache usage: 12B\n" in listing(found, (29, 4, 1))


def test_what_is_printed_can_be_read_as_a_host(capsys):
    """The text as a user would paste it: names and states are there, and each interval holds the engine's bytes."""
    assert main(["df", "-v", "--driver", "zfs"]) == 0
    host = parse_host(capsys.readouterr().out.encode(), "mine", "df.txt")
    exact = usage(captures.played("zfs").engine)
    assert [(image.tag, image.containers) for image in host.image_sizes] == [("child:1", 5), ("base:1", 0)]
    for told, real in zip(host.image_sizes, exact.images, strict=True):
        assert ends(told.size)[0] <= real.size <= ends(told.size)[1]
        assert ends(told.shared)[0] <= exact.shared(real) <= ends(told.shared)[1]
    for told, real in zip(host.container_sizes, exact.containers, strict=True):
        assert (told.name, told.state) == (real.name, real.state)
        assert ends(told.size_rw)[0] <= real.size_rw <= ends(told.size_rw)[1]


def test_the_basis_of_other_releases_stands_below(capsys):
    assert main(["df", "-v", "--docker-version", "29.4.1"]) == 0
    assert capsys.readouterr().out.endswith("real daemons were asked with 20.10 only.\n")
