"""Every chapter is executed, as a reader would, and with the right answers filled in; nothing on standard error."""

import ast
import re
import sys
from dataclasses import replace

import jupytext
import nbclient
import nbformat
import pytest

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.course.notebooks.cells import cleared, notebook, read_cells
from snapsim.course.notebooks.cells import solved as solved_source
from snapsim.course.notebooks.figures import chunk_sizes, exception_map, first_write, growing, one_write
from snapsim.course.notebooks.lesson import explore
from snapsim.course.notebooks.measure_again import measure_again
from snapsim.course.notebooks.reader_prediction import guess, measured_row
from snapsim.course.notebooks.shipped import copy_out, exercise_sources, sources
from snapsim.course.quiz.problems import make
from snapsim.course.quiz.sheet import plain
from snapsim.fidelity.judge import judge

CHAPTERS = sources()
EXERCISES = exercise_sources()
KOREAN = [path for path in sources("ko") if path.parent.name == "ko"]
LOGIC = 5


def code(path):
    """The sources of the cells of code."""
    return [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One kernel for all chapters that a worker executes, as starting one takes seconds."""
    found = nbclient.NotebookClient(jupytext.reads("", "py:percent"), kernel_name="python3", timeout=120)
    with found.setup_kernel(cwd=str(tmp_path_factory.mktemp("notebooks"))):
        yield found


def execute(notebook, client):
    """Run all cells, the names of an earlier chapter forgotten; gives their outputs."""
    forget = jupytext.reads("get_ipython().run_line_magic('reset', '-f')", "py:percent").cells
    client.nb = notebook
    notebook.cells = [*forget, *notebook.cells]
    client.reset_execution_trackers()
    for number, cell in enumerate(notebook.cells):
        client.execute_cell(cell, number)
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def on_stderr(outputs):
    return [output.text for output in outputs if output.get("name") == "stderr"]


def shown(outputs):
    """The text of the last value that was shown."""
    return [output["data"]["text/plain"] for output in outputs if "data" in output][-1]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, client):
    """With no answers, as the reader finds it: nothing on standard error, and each exercise gave no point."""
    outputs = execute(jupytext.read(path), client)
    assert not on_stderr(outputs)
    marks = [output["data"]["text/plain"] for output in outputs if re.search(r": 0 of \d+$", text_of(output))]
    assert len(marks) == 3
    controls = [output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
    assert len(controls) == sum("explore(" in source for source in code(path))


def text_of(output):
    return output.get("data", {}).get("text/plain", "").partition("\n")[0]


# ------------------------------------------------------------------ with the right answers


def solved(source):
    """The cell with every answer filled in: of a worksheet by its own solution, of a measured row by the model."""
    last = ast.parse(source).body[-1]
    call = ast.unparse(last.value.func) if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else ""
    if call not in ("sheet.answer", "guess"):
        return source
    arguments = [each.value for each in last.value.args if isinstance(each, ast.Constant)]
    if call == "guess":
        return source.replace("None", str(judge(measured_row(*arguments[:2]), arguments[0]).written.predicted))
    problem = make(*arguments[:4])
    if problem.draft.goal:
        return source.replace("[]", repr(list(problem.draft.goal.example)))
    answers = [repr(plain(question.answer)) for question in problem.questions]
    assert source.count("None") == len(answers), f"not each question is asked for: {source}"
    return re.sub("None", lambda _: answers.pop(0), source)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_right_answers_are_worth_all_points(path, client):
    """Only the exercises are run: the cells that make a sheet, ask, judge, and import what they need."""
    notebook = jupytext.read(path)
    cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and re.match(r"(from|import|sheet|problem|guess)\b", cell.source)
    ]
    for cell in cells:
        cell.source = solved(cell.source)
    notebook.cells = cells
    points = re.fullmatch(r"(\d+) of (\d+) points", shown(execute(notebook, client)))
    assert points
    assert points[1] == points[2] != "0"


# ------------------------------------------------------------------ exercises


def exercise_notebook(path, edit):
    """The notebook that students get, or with the solution."""
    cells = [replace(cell, source=edit(cell.source)) for cell in read_cells(path.read_text())]
    return nbformat.reads(notebook(cells), as_version=4)


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_as_it_is_given(path, client):
    """It runs to its end; each check shows what is missing, and nothing comes on standard error."""
    outputs = execute(exercise_notebook(path, cleared), client)
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    shown = [output["data"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(shown) == path.read_text().count('tags=["check"]')
    for each in shown:
        points, of = re.search(r": ([\d.]+) of (\d+)", each["text/plain"]).groups()
        assert float(points) < 0.1 * int(of)
        assert re.search("expected .*, got|not found", each["text/plain"])
        assert each["text/html"].startswith("<pre>")


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_with_its_solution(path, client):
    """All points."""
    outputs = execute(exercise_notebook(path, solved_source), client)
    assert not on_stderr(outputs)
    shown = [output["data"]["text/plain"] for output in outputs if "data" in output]
    assert [text for text in shown if not re.search(r": (\d+) of \1$", text)] == []
    assert len(shown) == path.read_text().count('tags=["check"]')


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_is_in_the_text_form_of_jupytext(path):
    """Jupytext reads the same cells as the small reader here."""
    theirs = jupytext.read(path)
    ours = read_cells(path.read_text())
    assert [cell.source for cell in theirs.cells] == [cell.source for cell in ours]
    assert [cell.cell_type == "code" for cell in theirs.cells] == [cell.code for cell in ours]
    spacing = {"lines_to_next_cell": 1}
    assert [{**cell.metadata, **spacing} for cell in theirs.cells] == [{**cell.facts, **spacing} for cell in ours]
    assert [cell for cell in ours if cell.has("work") and cleared(cell.source) == solved_source(cell.source)] == []


# ------------------------------------------------------------------ form


def logic(source):
    """Statements of a cell that do something: no import, no comment; one that is broken over lines is one."""
    kept = [node for node in ast.parse(source).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return [node for top in kept for node in ast.walk(top) if isinstance(node, ast.stmt)]


@pytest.mark.parametrize("path", [*CHAPTERS, *KOREAN], ids=lambda path: f"{path.parent.name}-{path.stem[:1]}")
def test_is_text_and_calls(path):
    """No cell has more than five statements but where it writes plain data; the text form survives a round trip."""
    notebook = jupytext.read(path)
    assert [source for source in code(path) if len(logic(source)) > LOGIC] == []
    again = jupytext.reads(jupytext.writes(notebook, "py:percent"), "py:percent")
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]


@pytest.mark.parametrize("path", [*CHAPTERS, *KOREAN], ids=lambda path: f"{path.parent.name}-{path.stem[:1]}")
def test_opens_with_a_question_and_lets_predict(path):
    """The first cell asks; at least four times something is to be predicted; three exercises end it."""
    notebook = jupytext.read(path)
    predict, exercise = ("예측", "문제") if path.parent.name == "ko" else ("redict", "Exercises")
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert "?" in text[0]
    assert sum(predict in source for source in text) >= 4
    last = "\n".join(text).partition(f"## {exercise}")[2]
    assert [mark for mark in ("**1.**", "**2.**", "**3.**", "**4.**") if mark in last] == ["**1.**", "**2.**", "**3.**"]


@pytest.mark.parametrize("path", KOREAN, ids=lambda path: path.stem)
def test_korean_chapters_have_the_same_code(path):
    """Cell by cell, of the same kind and in the same order; the code is equal."""
    english, korean = jupytext.read(path.parent.parent / path.name), jupytext.read(path)
    assert [cell.cell_type for cell in korean.cells] == [cell.cell_type for cell in english.cells]
    assert code(path) == code(path.parent.parent / path.name)


def test_there_are_eight_and_two():
    assert [path.name[0] for path in CHAPTERS] == list("12345678")
    assert [path.name[0] for path in KOREAN] == ["1", "6"]


def test_no_outputs_in_the_repository():
    assert not list(CHAPTERS[0].parent.rglob("*.ipynb"))


# ------------------------------------------------------------------ snapsim notebooks


def test_copies_all_out_and_says_what_next(tmp_path, capsys):
    assert main(["notebooks", str(tmp_path / "course"), "--language", "ko"]) == 0
    copied = sorted((tmp_path / "course").glob("*.ipynb"))
    assert [path.name for path in copied] == [path.stem + ".ipynb" for path in CHAPTERS] + sorted(
        f"exercise-{path.stem}.ipynb" for path in EXERCISES
    )
    assert not [path for path in copied if "BEGIN SOLUTION" in path.read_text()]
    notebook = jupytext.read(copied[0])
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == code(CHAPTERS[0])
    assert "스냅샷" in notebook.cells[0].source
    printed = capsys.readouterr()
    assert f"jupyter lab {copied[0]}" in printed.out
    assert "8 chapters (6 of them in English) and 3 exercises" in printed.out
    assert not printed.err


def test_overwrites_nothing_and_leaves_nothing_half_written(tmp_path, capsys):
    mine = tmp_path / "6-one-workload-six-drivers.ipynb"
    mine.write_text("my answers")
    assert main(["notebooks", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (mine.read_text(), list(tmp_path.iterdir())) == ("my answers", [mine])


@pytest.mark.parametrize("arguments", [["/dev/null"], ["/proc/nowhere"], ["out", "--language", "fr"]])
def test_refuses_in_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["notebooks", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_takes_back_the_others(tmp_path, monkeypatch):
    """The third file finds the disk full: the two before it go, and so does the part of the third."""
    import builtins
    import errno

    real = open

    def full(path, *arguments, **more):
        if "3-" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *arguments, **more)

    monkeypatch.setattr(builtins, "open", full)
    with pytest.raises(Exception, match="No space left"):
        copy_out(tmp_path)
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ controls and figures


def test_the_default_is_shown_outside_a_notebook():
    assert explore(lambda a=3: a + 1, a=(0, 9)) == 4


def test_the_default_is_shown_where_ipywidgets_is_not_installed(monkeypatch):
    monkeypatch.setattr("snapsim.course.notebooks.lesson._in_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert explore(lambda a=3: a + 1, a=(0, 9)) == 4


def test_a_control_is_shown_in_a_notebook(monkeypatch):
    """With the default as its value; the function is called when the slider is let go, not on its way."""
    monkeypatch.setattr("snapsim.course.notebooks.lesson._in_notebook", lambda: True)

    def function(a=3):
        return a + 1

    assert explore(function, a=(0, 9)) is None
    slider = function.widget.children[0]
    assert (slider.min, slider.value, slider.max, slider.continuous_update) == (0, 3, 9, False)


def widths(panel):
    return [round(bar.get_width()) for purpose in panel.containers for bar in purpose]


def test_first_write_counts_as_the_contract_says():
    """Three snapshots, one block: 3 copies are read and 3 written under copy-on-write; 1 write each of data."""
    read, write = first_write(snapshots=3).axes[:2]
    assert widths(read) == [3 * 4096, 0, 0]
    assert widths(write) == [4096, 4096, 4096, 3 * 4096, 0, 0]


def test_exception_map_keeps_the_order_of_overwriting():
    """Chunks 7, 6, 5 of A...H: H, G, F behind header and area; without them in a store that is not persistent."""
    assert [text.get_text() for text in exception_map(3).axes[0].texts][-12:-2] == [
        "header",
        "area 0",
        "H",
        "G",
        "F",
        "",
        "",
        "",
        "",
        "",
    ]
    assert [text.get_text() for text in exception_map(2, "N").axes[0].texts][-12:-9] == ["H", "G", ""]


def test_chunk_sizes_have_their_kink_at_the_chunk():
    """4 KiB of 64: 68 / 4 = 17 in both; 64 KiB: 1 for redirecting, 2 for copying aside; 3 with two snapshots."""
    pool, store = (line.get_ydata() for line in chunk_sizes(64, 2).axes[0].lines[:2])
    assert (pool[0], store[0]) == (17, 33)
    assert (pool[4], store[4], pool[9], store[9]) == (1, 3, 1, 3)


def test_bars_of_one_write_follow_the_file_or_the_write():
    """overlay2 copies 8 MiB; devicemapper 64 KiB a place, btrfs nothing."""
    copies = [round(bar.get_width()) for bar in one_write(8).axes[0].containers[1]]
    assert copies[:4] == [8 << 20, (8 << 20) - 4096, 65536, 0]
    assert len(growing().axes[0].lines) >= 7


def test_measured_again_falls_back_on_the_shipped_row(monkeypatch):
    """Where this machine cannot measure, the row is the shipped one, and the words say why."""

    def refuse(*arguments):
        raise InvalidInput("cannot be measured here: not root: use sudo")

    monkeypatch.setattr("snapsim.course.notebooks.measure_again.measure", refuse)
    row, where = measure_again("overlay2-ext4", 0)
    assert row == measured_row("overlay2-ext4", 0)
    assert re.match(r"not on this machine \(.*not root.*the shipped measurement, of Linux 6", where)


def test_measured_again_carries_out_the_same_trace(monkeypatch):
    """What is measured is the trace of the shipped row, so often as was asked for."""
    asked = []

    def count(workload, stack, repetitions):
        asked.append((workload.ops[0].op, stack, repetitions))
        return {"header": {"kernel": "7.0"}, "rows": ["a row"]}

    monkeypatch.setattr("snapsim.course.notebooks.measure_again.measure", count)
    assert tuple(measure_again("overlay2-ext4", 12, repetitions=2)) == ("a row", "on this machine, Linux 7.0")
    assert asked == [("chmod", "overlay2-ext4", 2)]


@pytest.mark.parametrize("number", [-1, 99, 31])
def test_a_row_that_counts_nothing_is_refused(number):
    with pytest.raises(InvalidInput, match="a row of 36 that has figures"):
        measured_row("overlay2-ext4", number)


def test_a_guess_is_judged_by_the_measurement():
    """67,215,360 bytes were written: 64 MiB is near, 40 MiB half a point, 4 KiB nothing."""
    assert [guess("overlay2-ext4", 2, said).points for said in ("64M", "40M", "4K", None)] == [1, 0.5, 0, 0]
    assert "too little" in guess("overlay2-ext4", 2, "4K").lines[1]
