"""Every figure says what it shows, in words made from its data, wherever it is saved or shown."""

import base64
import re
import xml.etree.ElementTree as ElementTree
import zlib

import pytest

from snapsim.block.device import IO, IOCounts
from snapsim.block.volume import Usage
from snapsim.course.notebooks import figures
from snapsim.course.stories.explain import layers, story
from snapsim.fidelity.comparison import ComparedTotal, Comparison
from snapsim.hosts.reading import load_host
from snapsim.hosts.what_if import what_if
from snapsim.lab.result import Result, Run, Step
from snapsim.measure.range import Range
from snapsim.show import plots as plot
from snapsim.show.diagrams import BlockMap, Cell, Move
from snapsim.show.plots.alt import LONGEST, alt_text
from snapsim.show.plots.style import new_figure
from snapsim.testing import Failure
from snapsim.testing.scene import Scene

COUNTS = IOCounts(write_data=(1, 4096), write_copy=(1, 65536), read_copy=(1, 65536))
RESULT = Result(
    (Run("w", "btrfs", "btrfs", "ssd", (Step("all", COUNTS, 7, 1500.0),), Usage(8192, 4096, 4096), 0, 0, 0, 0),)
)
FAILURE = Failure(
    "Mine",
    "a snapshot keeps its content",
    ("a",),
    0,
    7,
    9,
    ("v1 = v0.snapshot()",),
    "v1.read(0)",
    "",
    Scene("block", {"v0": {"0": "7"}}),
    Scene("block", {"v1": {"0": "9"}}, {"v1": {"0": "7"}}),
)
BLOCKS = (
    BlockMap({"origin": ["A"], "store": [""]}),
    BlockMap({"origin": ["A'"], "store": ["A"]}),
    [Move(Cell("origin", 0), Cell("store", 0), "copy"), Move(None, Cell("origin", 0), "data")],
)
FIGURES = {
    "io_bars": (lambda: plot.io_bars(RESULT), ["Bytes written", "btrfs: 68 KiB = 4 KiB data + 64 KiB copy"]),
    "space_bars": (lambda: plot.space_bars(RESULT), ["btrfs: 8 KiB = 4 KiB containers alone + 4 KiB the rest"]),
    "time_bars": (lambda: plot.time_bars(RESULT), ["btrfs: 1.5 s, 7 seeks"]),
    "cost_bars": (
        lambda: plot.cost_bars(RESULT, hosts=[load_host("btrfs")]),
        ["Bytes written", "Bytes read", "Space held", "Estimated service time", "Real hosts", "on its disk"],
    ),
    "host_bars": (lambda: plot.host_bars([load_host("overlay2")]), ["written to its disk", "Docker's sizes"]),
    "ledger_bars": (
        lambda: plot.ledger_bars([("base:1", 0, 1 << 20), ("c1", 4096, 1 << 20)], 1 << 21),
        ["base:1: 0 B alone, 1 MiB shared; c1: 4 KiB alone", "disk in use: 2 MiB"],
    ),
    "what_if_bars": (
        lambda: plot.what_if_bars(what_if(load_host("overlay2"), ["btrfs"])),
        ["files kept on disk: btrfs", "page cache, all containers read all: btrfs"],
    ),
    "amplification": (
        lambda: plot.amplification({"pool": ([4096, 65536], [17.0, 1.0])}),
        ["pool: 17 at 4 KiB, 1 at 64 KiB"],
    ),
    "io_over_time": (
        lambda: plot.io_over_time([IO("d", "read", 0, 1, "copy", "", "")] * 2),
        ["read copy on d: 2 requests"],
    ),
    "fidelity": (
        lambda: plot.fidelity(
            [Comparison("btrfs", 0, "w", "{}", ComparedTotal(4096, 4096, Range(4096, 4096, 4096)), ())]
        ),
        ["All bytes written. btrfs: 1 of 1 rows predicted within 25% of what was measured"],
    ),
    "block_map": (
        lambda: plot.block_map(*BLOCKS),
        [
            "Blocks before: origin holds A; store holds nothing",
            "origin 0 is copied to store 0. New data goes to origin 0",
        ],
    ),
    "layer_stack": (
        lambda: plot.layer_stack(layers("overlay2")),
        ["container (upper): app.db copied up, old.log whiteout"],
    ),
    "failure": (lambda: plot.failure(FAILURE), ["a snapshot keeps its content", "after it, v1: 0 ✗ 9 expected 7"]),
}

TOTAL = ComparedTotal(4096, 4096, Range(4096, 4096, 4096))


@pytest.fixture(params=FIGURES)
def drawn(request):
    make, said = FIGURES[request.param]
    found = make()
    return getattr(found, "figure", found), said


def test_every_drawing_of_the_package_is_looked_at():
    not_drawn = {"save", "alt_text", "bound_bars"}  # bound_bars is a panel of what_if_bars
    assert set(FIGURES) == set(plot.__all__) - not_drawn


def test_a_figure_says_what_it_shows(drawn):
    figure, wanted = drawn
    text = alt_text(figure)
    for part in wanted:
        assert part in text
    assert len(text) <= LONGEST


def test_a_saved_figure_keeps_its_text(drawn, tmp_path):
    figure, _ = drawn
    text = alt_text(figure)
    for kind in ("svg", "png", "pdf"):
        plot.save(figure, tmp_path / f"figure.{kind}")
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert (root.get("role"), root.find(f"{space}desc").text) == ("img", text)
    assert text.startswith(root.find(f"{space}title").text)
    assert _texts((tmp_path / "figure.png").read_bytes())["Description"] == text


def _texts(png: bytes) -> dict[str, str]:
    """The texts of a PNG: chunks tEXt and iTXt, as the PNG specification has them."""
    found, at = {}, 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        name, _, rest = png[at + 8 : at + 8 + length].partition(b"\0")
        if kind == b"tEXt":
            found[name.decode()] = rest.decode("latin-1")
        elif kind == b"iTXt":
            packed, text = rest[0], rest[2:].split(b"\0", 2)[2]
            found[name.decode()] = (zlib.decompress(text) if packed else text).decode()
        at += 12 + length
    return found


def test_a_notebook_gets_the_text_with_the_picture():
    data, metadata = figures.first_write()._repr_mimebundle_()
    assert "exception-store: " in metadata["image/png"]["alt"]
    assert re.search('^<img alt="[^"]*exception-store: [^"]*" src="data:image/png;base64,[^"]*">$', data["text/html"])
    assert data["text/plain"] == metadata["image/png"]["alt"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_the_text_of_the_story_is_that_of_the_run():
    """Under an exception store block 3 goes to the COW device, and is overwritten in place."""
    text = alt_text(plot.block_map(*story("exception-store")).figure)
    assert "origin 3 is copied to cow0 2. New data goes to origin 3." in text


def test_axes_that_somebody_else_drew_are_named():
    panel = new_figure(2, 2).add_subplot()
    panel.set_xlabel("bytes")
    assert alt_text(panel.figure) == "bytes."


def test_a_failure_in_a_notebook_has_the_text():
    assert re.search('<img alt="[^"]*v1: 0 ✗ 9 expected 7', FAILURE._repr_html_())
