"""Figures: what is drawn is what the data say, labels are there and do not overlap, files are whole or not at all."""

import itertools
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Rectangle

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IO, IOCounts
from snapsim.block.volume import Usage
from snapsim.hosts.host import Host
from snapsim.hosts.reading import load_host
from snapsim.lab.result import Result, Run, Step
from snapsim.show import plots as plot
from snapsim.show.diagrams import BlockMap, Cell, Move
from snapsim.show.plots.style import COLOURS, HATCHES, MARKERS, new_figure

K, M = 1 << 10, 1 << 20


def run(
    stack: str,
    *,
    copy: int = 0,
    zero: int = 0,
    data: int = 484 * K,
    metadata: int = 0,
    exclusive: int = 66 * M,
    seeks: int = 7,
    ms: float = 1500.0,
    workload: str = "demo",
) -> Run:
    counts = IOCounts(
        write_data=(1, data),
        write_copy=(1, copy),
        write_metadata=(1, metadata),
        write_zero=(1, zero),
        read_data=(2, 128 * M),
        read_copy=(1, copy),
    )
    return Run(
        workload,
        stack,
        stack,
        "hdd",
        (Step("all", counts, seeks, ms),),
        Usage(exclusive + 74 * M, exclusive, 74 * M),
        exclusive,
        484 * K,
        128 * M,
        64 * M,
    )


RESULT = Result(
    (
        run("ext4-plain"),
        run("overlay2-ext4", copy=64 * M),
        run("vfs-ext4", copy=148 * M, metadata=96 * K),
        run("devicemapper-direct-lvm", copy=512 * K, metadata=120 * K),
    )
)


def panel_titles(ax: Axes) -> list[str]:
    return [panel.get_title(loc="left") for panel in ax.figure.axes]


def widths(ax: Axes) -> dict[str, list[int]]:
    return {str(bars.get_label()): [round(bar.get_width()) for bar in bars] for bars in ax.containers}


# -------------------------------------------------------------------- the bill


def test_bars_are_the_bytes_of_the_result() -> None:
    """Each bar's length is the Run's bytes of that purpose, and the next part starts where it ends."""
    ax = plot.io_bars(RESULT, "write")
    assert widths(ax) == {
        purpose: [item.counts.bytes("write", purpose) for item in RESULT] for purpose in ("data", "copy", "metadata")
    }
    for parts in zip(*ax.containers, strict=True):
        ends = itertools.accumulate(bar.get_width() for bar in parts)
        assert [bar.get_x() for bar in parts] == [0, *list(ends)[:-1]]
    assert ax.get_xlim()[0] == 0


def test_every_bar_says_its_total_and_its_parts() -> None:
    """484 KiB + 64 MiB = 64.5 MiB; the parts that are too thin to see are written out."""
    said = [text.get_text() for text in plot.io_bars(RESULT, "write").texts]
    assert said[2:4] == ["64.5 MiB", "484 KiB data + 64 MiB copy"]
    assert len(said) == 2 * len(RESULT)


def test_purposes_differ_in_colour_and_in_hatch() -> None:
    assert len(set(COLOURS.values())) == len(set(HATCHES.values())) == 4
    assert len(set(MARKERS.values())) == 3
    ax = plot.io_bars(RESULT)
    for bars in ax.containers:
        assert {to_hex(bar.get_facecolor()) for bar in bars} == {COLOURS[str(bars.get_label())].lower()}
        assert {bar.get_hatch() or "" for bar in bars} == {HATCHES[str(bars.get_label())]}


def test_purposes_differ_in_grey() -> None:
    """Luminance 0.2126 R + 0.7152 G + 0.0722 B of data, copy and zero differ by 0.1 at least; metadata has dots."""
    grey = {
        name: sum(weight * int(colour[i : i + 2], 16) / 255 for weight, i in ((0.2126, 1), (0.7152, 3), (0.0722, 5)))
        for name, colour in COLOURS.items()
    }
    assert grey["copy"] - grey["data"] > 0.1
    assert grey["zero"] - grey["data"] > 0.1
    assert grey["metadata"] - grey["data"] > 0.03


def test_rows_are_the_stacks_in_order() -> None:
    ax = plot.io_bars(RESULT)
    assert [label.get_text() for label in ax.get_yticklabels()] == [item.stack for item in RESULT]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top


def test_rows_of_several_workloads_and_of_a_sweep() -> None:
    several = Result((run("btrfs", workload="a"), run("btrfs", workload="b")))
    assert [label.get_text() for label in plot.io_bars(several).get_yticklabels()] == ["a, btrfs", "b, btrfs"]
    swept = Result((run("btrfs"), run("btrfs")), ({"length": 1}, {"length": 2}))
    assert [label.get_text() for label in plot.io_bars(swept).get_yticklabels()] == [
        "btrfs, length=1",
        "btrfs, length=2",
    ]


def test_the_whole_bill_has_four_panels_and_one_for_hosts() -> None:
    assert len(panel_titles(plot.cost_bars(RESULT))) == 4
    titles = panel_titles(plot.cost_bars(RESULT, hosts=[load_host("overlay2")]))
    assert len(titles) == 5
    assert "not the workload above" in titles[4]
    assert "stimated" in titles[3]


@pytest.mark.parametrize("stacks", [1, 4, 14])
@pytest.mark.parametrize("hosts", [(), ("overlay2", "devicemapper-direct-lvm")])
def test_the_bill_is_legible(stacks: int, hosts: tuple[str, ...]) -> None:
    runs = [
        run(f"a-stack-with-a-long-name-{number}", copy=number * 20 * M, metadata=1111 * K, zero=2 * M)
        for number in range(stacks)
    ]
    assert_legible(plot.cost_bars(Result(tuple(runs)), hosts=[load_host(name) for name in hosts]))


def test_space_and_time_bars() -> None:
    assert widths(plot.space_bars(RESULT)) == {"containers alone": [66 * M] * 4, "the rest": [74 * M] * 4}
    ax = plot.time_bars(RESULT)
    assert [bar.get_width() for bar in ax.patches] == [1.5] * 4
    assert "7 seeks" in [text.get_text() for text in ax.texts]
    assert "hdd" in ax.get_title(loc="left")


def test_host_bars_are_what_the_capture_says() -> None:
    """overlay2: written 178,163,712, taken 123,682,816, Docker 73,355,154 + 5 SizeRw of 49,283,072 = 122,638,226."""
    ax = plot.host_bars([load_host("overlay2")])
    assert [round(bars[0].get_width()) for bars in ax.containers] == [178_163_712, 123_682_816, 122_638_226]
    assert_legible(ax)


def test_a_host_that_told_little_has_no_bars() -> None:
    ax = plot.host_bars([Host("mine", "overlay2", images=3)])
    assert [text.get_text() for text in ax.texts].count("not told") == 3
    assert [bar.get_width() for bar in ax.patches] == [0, 0, 0]


def test_one_panel_goes_into_given_axes() -> None:
    ax = new_figure(6, 3).add_subplot()
    assert plot.cost_bars(RESULT, ax) is ax
    assert len(ax.figure.axes) == 1
    with pytest.raises(InvalidInput, match="panel of their own"):
        plot.cost_bars(RESULT, ax, hosts=[load_host("vfs")])


def test_nothing_to_draw() -> None:
    for draw in (
        lambda: plot.cost_bars(Result(())),
        lambda: plot.host_bars([]),
        lambda: plot.io_over_time([]),
        lambda: plot.amplification({}),
        lambda: plot.layer_stack([]),
    ):
        with pytest.raises(InvalidInput):
            draw()


def test_a_run_that_did_nothing() -> None:
    idle = Run("idle", "btrfs", "btrfs", "ssd", (Step("sync", IOCounts(), 0, 0.0),), Usage(0, 0, 0), 0, 0, 0, 0)
    assert_legible(plot.cost_bars(Result((idle,))))


# -------------------------------------------------------------------- curves and requests


def test_amplification_curves() -> None:
    """The lines are the data, on two logarithmic axes, with a label each; 1 is marked as the ideal."""
    sizes = [4096 << power for power in range(9)]
    curves = {
        name: (sizes, [1 + height * 4096 / size for size in sizes])
        for name, height in (("thin pool", 16), ("records", 31), ("full copy", 9999))
    }
    ax = plot.amplification(curves)
    assert [line.get_ydata().tolist() for line in ax.lines[:3]] == [values for _, values in curves.values()]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "logarithmic" in ax.get_xlabel()
    assert "logarithmic" in ax.get_ylabel()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(curves)
    assert len({line.get_marker() for line in ax.lines[:3]}) == 3
    assert_legible(ax)


@pytest.mark.parametrize(("sizes", "values"), [([1], [0]), ([1], [float("nan")]), ([1, 2], [1]), ([], []), ([-1], [1])])
def test_curves_that_no_logarithmic_axis_shows(sizes: list[float], values: list[float]) -> None:
    with pytest.raises(InvalidInput, match="mine"):
        plot.amplification({"mine": (sizes, values)})


def requests() -> list[IO]:
    return [
        IO("data", "write", 0, 64, "data", "", ""),
        IO("data", "read", 8, 16, "copy", "", ""),
        IO("data", "write", 64, 16, "copy", "", ""),
        IO("metadata", "write", 3, 1, "metadata", "", ""),
        IO("data", "discard", 0, 8, "data", "", ""),
    ]


def test_io_over_time_places_every_request() -> None:
    """Data device, 80 blocks: the first request's middle is (0 + 64) / 2 / 80 = 0.4; the metadata band starts at 1.25
    and its one request covers 3 to 4 of 4 blocks: 1.25 + 3.5 / 4."""
    ax = plot.io_over_time(requests())
    clouds = {
        str(cloud.get_label()): np.asarray(cloud.get_offsets())
        for cloud in ax.collections
        if isinstance(cloud, PathCollection)
    }
    assert clouds["write data"].tolist() == [[1, 0.4]]
    assert clouds["write metadata"].tolist() == [[4, 1.25 + 3.5 / 4]]
    assert sum(len(points) for points in clouds.values()) == 5
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["0 B", "data  160 KiB", "320 KiB", "0 B", "metadata  8 KiB", "16 KiB"]
    assert_legible(ax)


def test_io_over_time_of_many_requests() -> None:
    """20,000 requests: one cloud and one line, not 20,000 artists."""
    blocks = np.random.default_rng(3).integers(0, 9999, 20_000).tolist()
    many = [IO("disk", "read", block, 1, "data", "", "") for block in blocks]
    ax = plot.io_over_time(many)
    assert len(ax.collections) == len(ax.lines) == 1


# -------------------------------------------------------------------- maps

BEFORE = BlockMap(
    {"volume": ["A", "B"], "origin": ["A", "B"], "cow0": ["", ""], "snapshot": ["A", "B"]},
    [(Cell(row, number), Cell("origin", number)) for row in ("volume", "snapshot") for number in (0, 1)],
)
AFTER = BlockMap(
    {"volume": ["A", "B'"], "origin": ["A", "B'"], "cow0": ["B", ""], "snapshot": ["A", "B"]},
    [
        (Cell("volume", 0), Cell("origin", 0)),
        (Cell("volume", 1), Cell("origin", 1)),
        (Cell("snapshot", 0), Cell("origin", 0)),
        (Cell("snapshot", 1), Cell("cow0", 0)),
    ],
)
MOVES = [Move(Cell("origin", 1), Cell("cow0", 0), "copy"), Move(None, Cell("origin", 1), "data")]


def test_block_map_draws_cells_links_and_moves() -> None:
    """16 cells, 8 links, 2 arrows; heavy frames where the content changed: volume 1, origin 1, cow0 0."""
    ax = plot.block_map(BEFORE, AFTER, MOVES)
    cells = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert (len(cells), len(ax.lines), len(arrows)) == (16, 8, 2)
    assert sum(cell.get_linewidth() > 2 for cell in cells) == 3
    assert [to_hex(arrow.get_facecolor()) for arrow in arrows] == [COLOURS["copy"].lower(), COLOURS["data"].lower()]
    words = [text.get_text() for text in ax.texts]
    assert [word for word in words if word.islower()] == ["volume", "origin", "cow0", "snapshot", "before", "after"]
    assert words.count("B'") == 2
    assert_legible(ax)


def test_equal_content_has_one_colour_and_a_successor_keeps_it() -> None:
    cells = [patch for patch in plot.block_map(BEFORE, AFTER).patches if isinstance(patch, Rectangle)]
    colours = [to_hex(cell.get_facecolor()) for cell in cells]
    assert colours[0] == colours[2] == colours[6]  # A of volume, origin, snapshot
    assert colours[1] == colours[9]  # B before, B' after
    assert colours[0] != colours[1]


def test_a_link_to_nowhere() -> None:
    with pytest.raises(InvalidInput, match=r"\('pool', 9\) is no cell"):
        plot.block_map(BlockMap({"pool": ["A"]}, [(Cell("pool", 0), Cell("pool", 9))]), BlockMap({"pool": ["A"]}))


LAYERS = [
    ("container (upper)", {"app.db": "copy-up", "old.log": "whiteout", "srv": "opaque", "new": "file"}),
    ("image layer 2", {"old.log": "hidden", "srv/www": "hidden"}),
    ("image layer 1", {"app.db": "hidden", "etc": "file"}),
]


def test_layer_stack() -> None:
    """8 cells; one arrow, from app.db in layer 1 (middle at -1.5) up to the container's row (at 0.3)."""
    ax = plot.layer_stack(LAYERS)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(ax.patches) == 8 + len(arrows) == 9
    assert arrows[0]._posA_posB[0][1] == -1.5
    assert arrows[0]._posA_posB[1][1] == pytest.approx(0.3)
    assert [label.get_text() for label in ax.get_yticklabels()] == [name for name, _ in LAYERS]
    assert sorted(text.get_text() for text in ax.texts) == [
        "copied up",
        "file",
        "file",
        "hidden",
        "hidden",
        "hidden",
        "opaque",
        "whiteout",
    ]
    assert_legible(ax)
    with pytest.raises(InvalidInput, match="'gone' is no mark"):
        plot.layer_stack([("upper", {"f": "gone"})])


# -------------------------------------------------------------------- failures, files, state


@pytest.mark.parametrize(
    ("expected", "actual", "wrong"),
    [
        (np.array([1, 2, 3]), np.array([1, 9, 3]), ["✗ 9"]),
        ({"/f": "A"}, {"/f": "A", "/g": "B"}, ["✗ B"]),
        ("EIO", "7", ["✗ 7"]),
        ([1, 2], [1], ["✗ nothing"]),
    ],
)
def test_failure_marks_what_is_wrong(expected: Any, actual: Any, wrong: list[str]) -> None:
    found = SimpleNamespace(operations=[("write", 0), ("read", 1)], step=1, expected=expected, actual=actual)
    ax = plot.failure(found)
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert bold == ["2  ('read', 1)  <- seen here", *wrong]
    assert_legible(ax)


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_save_by_suffix(tmp_path: Any, suffix: str, magic: bytes) -> None:
    """Twice the same figure gives twice the same bytes, and nothing else is left in the folder."""
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        plot.save(plot.amplification({"thin pool": ([4096, 8192], [17, 9])}), path)
    assert paths[0].read_bytes().startswith(magic)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == paths


def test_save_replaces_and_takes_a_figure(tmp_path: Any) -> None:
    path = tmp_path / "costs.png"
    path.write_bytes(b"old")
    plot.save(plot.io_bars(RESULT).figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_save_takes_axes_of_a_subfigure_and_no_orphans(tmp_path: Any) -> None:
    ax = plot.io_bars(RESULT, "read", new_figure(6, 3).subfigures(1, 2)[0].add_subplot())
    plot.save(ax, tmp_path / "half.png")
    assert (tmp_path / "half.png").stat().st_size > 1000
    ax.remove()
    with pytest.raises(InvalidInput, match="in no figure"):
        plot.save(ax, tmp_path / "none.png")


@pytest.mark.parametrize("path", ["costs.gif", "costs", "no/such/place/costs.png", "folder.png", "nul\0.svg"])
def test_save_refuses_and_leaves_nothing(tmp_path: Any, path: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InvalidInput, match=r"costs|folder|nul"):
        plot.save(plot.io_bars(RESULT), tmp_path / path)
    assert [item.name for item in tmp_path.iterdir()] == ["folder.png"]


def test_a_figure_shows_itself_in_a_notebook() -> None:
    assert plot.io_bars(RESULT).figure._repr_png_().startswith(b"\x89PNG")


def test_no_global_state() -> None:
    """Drawing imports no pyplot, and leaves all of matplotlib's settings as they were."""
    # To read the setting "backend" would choose one, and import pyplot.
    program = (
        "import sys, matplotlib\n"
        "settings = lambda: {key: matplotlib.rcParams[key] for key in matplotlib.rcParams if key != 'backend'}\n"
        "before = settings()\n"
        "from snapsim import plot; from snapsim.block.device import IO\n"
        "plot.io_over_time([IO('disk', 'read', 0, 1, 'data', '', '')])\n"
        "assert settings() == before and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_the_line_of_the_ledger_crosses_no_figure() -> None:
    """Bars shorter and longer than what is in use: every text lies beside the line."""
    for allocated in (900 * K, 1100 * K, 2 * M):
        ax = plot.ledger_bars([("a", 0, M), ("b", 300 * K, 700 * K), ("c", 10, 5)], allocated)
        ax.figure.draw_without_rendering()
        (line,) = ax.lines
        place = ax.transData.transform((line.get_xdata()[0], 0))[0]
        for text in ax.texts:
            box = text.get_window_extent()
            assert not box.x0 < place < box.x1, text.get_text()
