"""What the chapters say in words after a cell is what the cell shows; a change of a model is noticed here."""

import ast
import contextlib
import io

import jupytext
import pytest
from places import ROOT

from snapsim.course.notebooks.figures import growing
from snapsim.course.notebooks.reader_prediction import measured_row
from snapsim.measure.measurements import load, shipped

CHAPTERS = ROOT / "notebooks"


def shown(number):
    """The cells of a chapter, carried out here: the words of each text cell, and the last value before it."""
    (path,) = CHAPTERS.glob(f"{number}-*.py")
    names, value, found = {}, None, []
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "markdown":
            found.append((" ".join(cell.source.split()), value, dict(names)))
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(tree, cell.source, "exec"), names)
            value = eval(compile(ast.Expression(last.value), cell.source, "eval"), names) if last else None
        value = printed.getvalue() if value is None else value
    return found


@pytest.fixture(scope="module")
def fourth():
    return shown(4)


def before(cells, words):
    """What the cell above these words showed."""
    (value,) = (value for text, value, _ in cells if words in text)
    return value


def test_chapter_4_counts_what_it_says(fourth):
    assert before(fourth, "101. An extent is given back in whole") == 101
    assert before(fourth, "holds the whole extent: 199 for 100") == 199
    data, metadata = before(fourth, "Four times as much as the data, and no longer fifty times")
    assert 3.5 < metadata / data < 4.5
    assert before(fourth, "Nothing came free, and now tuesday alone holds all of it") == (2 << 20, 2 << 20)


def test_chapter_4_knows_the_bill_of_a_lonely_write(fourth):
    """One block of data; the paths, twice each."""
    assert before(fourth, "Fifty times as much as the data").splitlines() == [
        "IOCounts(write_data=(1, 4096))",
        f"IOCounts(write_metadata=(14, {50 * 4096}))",
    ]


def test_chapter_6_knows_where_the_curves_cross():
    """overlay2 writes less up to 64 KiB, and more from 256 KiB on."""
    lines = {line.get_label(): dict(zip(*line.get_data(), strict=True)) for line in growing(4).axes[0].get_lines()}
    overlay2, btrfs = (
        next(points for name, points in lines.items() if name.startswith(stack)) for stack in ("overlay2", "btrfs")
    )
    cheaper = [size for size in overlay2 if overlay2[size] < btrfs[size]]
    assert (max(cheaper), min(set(overlay2) - set(cheaper))) == (64 << 10, 256 << 10), (overlay2, btrfs)


def test_chapter_8_quotes_its_measurements():
    assert measured_row("btrfs", 2)["figures"]["bytes_written"] == 204 * 1024
    assert len([row for row in load(shipped("overlay2-ext4"))["rows"] if row.get("figures")]) == 31
