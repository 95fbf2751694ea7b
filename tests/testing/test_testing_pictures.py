"""The picture of a counter-example: before and after the failing step, with what is wrong marked three times over."""

import re

import pytest
from legible import assert_legible
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from planted import drivers, engines, pools, unions

from snapsim.show import plots as plot
from snapsim.show.plots.style import INK, WRONG
from snapsim.testing import check_driver, check_engine, check_thin_pool, check_union, check_volume
from snapsim.testing.volumes import planted as volumes


def named(bugs, name):
    return next(bug for bug in bugs if bug.__name__ == name)


FAILURES = {
    "volume": (check_volume, volumes.PartialWriteNotFilled),
    "volume's space": (check_volume, volumes.LeaksAtDeletion),
    "volume's bill": (check_volume, volumes.InventsAPurpose),
    "pool": (check_thin_pool, pools.NeverBreaksSharing),
    "union": (check_union, unions.NoWhiteout),
    "driver": (check_driver, named(drivers.BUGS, "CopyUpLosesTheMode")),
    "driver's size": (check_driver, drivers.SizeOfTheWholeTree),
    "engine": (check_engine, engines.CommitStandsOnNothing),
}


@pytest.fixture(scope="module")
def found():
    return {name: check(bug, examples=5, raise_on_failure=False).shortest for name, (check, bug) in FAILURES.items()}


def cells(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def marked(ax):
    return [cell for cell in cells(ax) if cell.get_hatch()]


def texts_in(ax, cell):
    x, y, width, height = cell.get_x(), cell.get_y(), cell.get_width(), cell.get_height()
    return [
        text.get_text()
        for text in ax.texts
        if x <= text.get_position()[0] <= x + width and y <= text.get_position()[1] <= y + height
    ]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("volume", [["✗ 0", "expected 101"]]),
        ("volume's space", [["✗ 32768", "expected 16384"]]),
        ("union", [["✗ b'AAAA'", "expected nothing"], ["✗ nothing", "expected whiteout"]]),
        ("driver", [["✗ mode 755", "expected mode 700"], ["✗ mode 755", "expected mode 751"]]),
        ("driver's size", [["✗ 6", "expected 0"]]),
        ("engine", [["✗ 0", "expected 5114"]]),
    ],
)
def test_what_is_wrong_is_marked(found, name, wrong):
    """By a hatch, a cross and words, and by a colour: nothing depends on the colour alone."""
    ax = plot.failure(found[name])
    assert [texts_in(ax, cell) for cell in marked(ax)] == wrong
    assert {to_hex(cell.get_edgecolor()).upper() for cell in marked(ax)} == {WRONG}
    assert ax.get_legend().get_texts()[0].get_text() == "✗ wrong"


@pytest.mark.parametrize("name", FAILURES)
def test_every_picture_is_legible(found, name):
    ax = plot.failure(found[name])
    assert_legible(ax)
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert bold[0].endswith("<- seen here")
    titles = [text.get_text() for text in ax.texts if text.get_fontstyle() == "italic"]
    assert titles[:2] == ["before this step", "after it"]
    assert marked(ax)


def test_before_and_after(found):
    """Chunks of two blocks: before the write all is as it was written; after it block 0 has a heavy frame."""
    ax = plot.failure(found["volume"])
    by_row = {}
    for cell in cells(ax):
        by_row.setdefault(cell.get_y(), []).append((cell.get_x(), texts_in(ax, cell)[0]))
    rows = [[text for _, text in sorted(row)] for _, row in sorted(by_row.items(), reverse=True)]
    before = [["100", "101", "102", "103"]] * 2
    assert rows == [*before, ["300", "✗ 0", "102", "103"], before[0]]
    heavy = [texts_in(ax, cell) for cell in cells(ax) if cell.get_linewidth() > 1 and not cell.get_hatch()]
    assert heavy == [["300"]]
    assert to_hex(next(cell for cell in cells(ax) if texts_in(ax, cell) == ["300"]).get_edgecolor()) == INK


def test_a_failure_without_a_wrong_cell_shows_what_came(found):
    """A purpose that nobody knows is in no block: it stands alone, below before and after, with what was asked."""
    ax = plot.failure(found["volume's bill"])
    assert [texts_in(ax, cell) for cell in marked(ax)] == [["✗ copy-out", "expected one of data, copy, m..."]]
    assert [text.get_text() for text in ax.texts if text.get_fontstyle() == "italic"][2] == "bill.counts"


def test_a_notebook_shows_the_picture(found):
    page = found["driver"]._repr_html_()
    assert page.startswith("<pre># CopyUpLosesTheMode")
    assert "data:image/png;base64," in page
    assert re.search('alt="[^"]*after it, l1:[^"]* expected ', page)
