"""Exercises judged from files: the table of points for right, wrong, empty, endless and dishonest submissions."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from math import floor

import pytest
from submissions import KINDS, MESSAGES, SOLUTIONS, SUBMISSIONS, points

from snapsim.cli.main import main
from snapsim.course.exercises import EXERCISES, forget
from snapsim.course.exercises.files import mark_file
from snapsim.course.exercises.marking import check
from snapsim.testing import isolation

UNION = EXERCISES["union-mount"]
HIDES = """\
from snapsim.block.snapshots import ExceptionStore
hidden = {}
class MyVolume(Volume):
    @classmethod
    def new(cls, size, block_size=4096, chunk_size=None):
        return hidden(size, block_size, chunk_size)
"""
ALSO = {  # files alone, where no notebook stands between
    ("cow-volume", "as given"): (EXERCISES["cow-volume"].starter, (0, 1)),
    ("union-mount", "as given"): (UNION.starter, (0, 1)),
    ("properties", "as given"): (EXERCISES["properties"].starter, (0, 1)),
    ("cow-volume", "endless when it is read"): ("while True: pass", 0),
    ("cow-volume", "changes what judges"): (
        "import snapsim.testing.volumes.player as v\nv.play = lambda *a, **k: None\n" + EXERCISES["cow-volume"].starter,
        0,
    ),
    ("cow-volume", "changes a table"): (
        "import snapsim.course.exercises.marking as m\nm.JUDGES = {}\n" + SOLUTIONS["cow-volume"],
        0,
    ),
    ("cow-volume", "ends the process"): ("import os\nos._exit(0)", 0),
    ("cow-volume", "no Python"): ("class class", 0),
    ("cow-volume", "derives in two steps"): (
        "from snapsim.block.snapshots import ExceptionStore as Base\nclass Middle(Base): pass\n"
        "class MyVolume(Middle): pass\n",
        0,
    ),
    ("cow-volume", "asks an instance"): (
        "from snapsim.block.snapshots import ExceptionStore\nstore = ExceptionStore.new(8, store='N')\n"
        + SOLUTIONS["cow-volume"].replace("self.devices[0].write(asked, stamps)", "store.write(asked.blocks)"),
        0,
    ),
    ("cow-volume", "borrows by a method"): (HIDES.format("ExceptionStore.new"), 0),
    ("cow-volume", "borrows by a part"): (
        "from functools import partial\n" + HIDES.format("partial(ExceptionStore.new)"),
        0,
    ),
    ("cow-volume", "borrows by what is cached"): (
        "from functools import cache\n" + HIDES.format("cache(lambda *many: ExceptionStore.new(*many))"),
        0,
    ),
    ("cow-volume", "borrows by what holds it"): (
        "from collections import deque\n"
        + HIDES.format("deque([{ExceptionStore: 1}])").replace("return hidden", "return next(iter(hidden[0])).new"),
        0,
    ),
    ("cow-volume", "names modules in full"): (
        "import snapsim.block.device\n"
        + SOLUTIONS["cow-volume"].replace("BlockDevice(", "snapsim.block.device.BlockDevice("),
        10,
    ),
    ("cow-volume", "changes a property"): (
        "from snapsim.course.exercises import Exercise\nExercise.gives = property(lambda self: {'snapsim'})\n"
        + HIDES.format("ExceptionStore.new"),
        0,
    ),
    ("union-mount", "opens it while it is judged"): (
        """\
import sys
class MyUnion(Union):
    def __new__(cls, lowers):
        names = dict(globals())
        exec(sys.modules["snapsim.course.exercises"].EXERCISES["union-mount"].solution, names)
        return names["MyUnion"](lowers)
    read = write = unlink = names = None
""",
        0,
    ),
    ("properties", "reads the class"): (
        "def test(make):\n    assert type(make(1)).__name__ in ('Cow', 'Row')\ntests = [test]\n",
        0,
    ),
    ("properties", "a bad list"): ("tests = 7", 0),
}
TABLE = {
    (name, kind): (SUBMISSIONS[kind][name][0], points(kind, name))
    for kind in KINDS
    for name in EXERCISES
    if name != "properties" or kind not in ("right", "bug 2", "bug 3", "bug 4")
} | ALSO
"""What is left out takes longest; pytest judges it below by the same call."""


FILE_MESSAGES = MESSAGES | {"reads the solution": "", "changes the checker": "it uses snapsim."}
"""A file is judged where there is neither a solution nor a checker: it is told what it tried."""


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    """What loops is ended after a second of computing instead of 8."""
    monkeypatch.setattr(isolation, "PATIENCE", 1.0)


@pytest.mark.parametrize(("exercise", "kind"), TABLE, ids=lambda text: text.replace(" ", "-"))
def test_table_of_points(exercise, kind, tmp_path):
    """A number, or between two; whatever is lost has a message."""
    source, wanted = TABLE[exercise, kind]
    file = tmp_path / "submission.py"
    file.write_text(source)
    marks = mark_file(EXERCISES[exercise], str(file))
    low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    assert low <= marks.points <= high, marks
    assert marks.of == 10
    assert marks.points == 10 or any(len(line) > 20 for line in marks.lines)
    assert FILE_MESSAGES.get(kind, "") in str(marks)


def test_what_somebody_else_opened_does_not_count(tmp_path):
    """The instructor looks at a solution; what is judged then was written by somebody else."""
    assert UNION.solution
    (tmp_path / "ann.py").write_text(SOLUTIONS["union-mount"])
    assert mark_file(UNION, str(tmp_path / "ann.py")).points == 10


def test_table_of_points_in_pytest(tmp_path):
    """Each point is a test: what passes is what the judge gives, without fractions; the message is told once."""
    for kind in KINDS:
        assert main(["exercise", *EXERCISES, "--format", "pytest", "-o", str(tmp_path / kind)]) == 0
        for name in EXERCISES:
            (tmp_path / kind / f"{name.replace('-', '_')}.py").write_text(SUBMISSIONS[kind][name][0])
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--import-mode=importlib",
            "--junit-xml=report.xml",
            ".",
        ],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        env={**os.environ, "SNAPSIM_PATIENCE": "1"},
        timeout=600,
    )
    cases = list(ElementTree.parse(tmp_path / "report.xml").iter("testcase"))
    assert len(cases) == 30 * len(KINDS)
    for kind in KINDS:
        for name, exercise in EXERCISES.items():
            module = f"{kind}.test_{name.replace('-', '_')}"
            mine = [case for case in cases if case.get("classname", "").endswith(module)]
            failed = [case[0].get("message") + (case[0].text or "") for case in mine if len(case)]
            least, most = points(kind, name)
            assert len(mine) == 10
            assert floor(least) - len(exercise.checks) + 1 <= 10 - len(failed) <= most, (kind, name, failed)
            assert FILE_MESSAGES.get(kind, "") in "".join(failed)


def test_a_notebook_shows_the_counter_example():
    """Text, and the picture of the kit where there is a list of operations."""
    forget()
    names = {"__name__": "submission"}
    exec(UNION.setup + UNION.starter, names)
    shown = check("union-mount", "unites", names)
    assert "<pre>the union behaves: 0 of 10</pre>" in shown._repr_html_()
    assert "u = MyUnion" in shown._repr_html_()
    assert "u = MyUnion" in repr(shown)
    assert check("union-mount", "unites", {})._repr_html_().startswith("<pre>the union behaves: 0 of 10")


@pytest.mark.parametrize("arguments", [["union-mount", "no"], ["no", "unites"]])
def test_an_unknown_check(arguments):
    with pytest.raises(Exception, match=r"is no (check|exercise)"):
        check(*arguments, {})


def test_files_of_a_class(tmp_path, capsys):
    """One command, one line of JSON each."""
    for name, source in (("ann", SOLUTIONS["union-mount"]), ("bob", "")):
        (tmp_path / f"{name}.py").write_text(source)
    assert main(["mark", "union-mount", *map(str, sorted(tmp_path.glob("*.py"))), "--format", "json"]) == 0
    ann, bob = json.loads(capsys.readouterr().out)
    assert (ann["points"], bob["points"]) == (10, 0)
    assert bob["messages"] == ["the union behaves: 0 of 10: MyUnion is not defined"]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_an_exercise_prints_as_a_file_that_can_be_marked(exercise, tmp_path, capsys):
    """With the solution it earns the points of the solution."""
    assert main(["exercise", exercise.name]) == 0
    text = capsys.readouterr().out
    compile(text, "exercise", "exec")
    assert exercise.text.split()[0] in text
    assert main(["exercise", exercise.name, "--solution"]) == 0
    assert exercise.solution in capsys.readouterr().out


def test_an_unknown_exercise(capsys):
    """One line, status 2."""
    assert main(["mark", "no", "x.py"]) == 2
    assert main(["exercise", "no"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_file_that_cannot_be_read_is_its_own_result(tmp_path, capsys):
    """No points yet, which is no zero, a status of its own, and the next file is judged."""
    (tmp_path / "ann.py").write_text("")
    assert main(["mark", "union-mount", "/no/file.py", str(tmp_path), str(tmp_path / "ann.py")]) == 3
    told = capsys.readouterr().out
    assert "no points yet\n  could not judge: No such file or directory" in told
    assert "no points yet\n  could not judge: not a file" in told
    assert "union-mount: 0 of 10\n  the union behaves: 0 of 10: MyUnion is not defined" in told


@pytest.mark.parametrize(
    "more",
    [
        ["union-mount", "properties"],
        ["union-mount", "-o", "x"],
        ["union-mount", "--format", "otter"],
        ["union-mount", "--format", "otter", "-o", "x", "--solution"],
        ["union-mount", "--format", "otter", "-o", "/dev/null"],
        ["union-mount", "--format", "pytest", "-o", "/proc/nowhere"],
        ["--format", "otter", "-o", "x"],
        ["--solution"],
    ],
)
def test_exercise_refuses_in_one_line(more, tmp_path, monkeypatch, capsys):
    """Status 2, nothing written."""
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", *more]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            "class MyUnion(Union):\n    read = write = unlink = None\n"
            "    def names(self):\n        return self.lower\n",
            "s.py:4: return self.lower)",
        ),
        (UNION.starter, "print(u.names())  # expected ['a', 'b'], got None"),
        ("one = 1\nclass class\n", "SyntaxError: invalid syntax (line 2)"),
        ("one = 1\n\nprint(two)\n", "NameError: name 'two' is not defined (line 3)"),
        ("\0", "null bytes"),
    ],
)
def test_messages_name_the_line_of_the_file(source, says, tmp_path):
    """As its editor counts them, though the exercise's imports are given."""
    (tmp_path / "s.py").write_text(source)
    assert says in str(mark_file(UNION, str(tmp_path / "s.py")))


def test_a_notebook_is_no_file_of_python(tmp_path, capsys):
    """It says what makes one, instead of no points."""
    (tmp_path / "ann.ipynb").write_text("{}")
    assert main(["mark", "union-mount", str(tmp_path / "ann.ipynb")]) == 3
    assert "jupyter nbconvert" in capsys.readouterr().out


def test_bad_patience():
    """An environment that says nonsense is told so in a line."""
    done = subprocess.run(
        [sys.executable, "-m", "snapsim", "mark", "union-mount", "/dev/null"],
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "SNAPSIM_PATIENCE": "long"},
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "SNAPSIM_PATIENCE" in done.stderr
