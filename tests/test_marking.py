"""Exercises: the table of points for right, wrong, empty, endless and dishonest submissions."""

import json

import pytest

from snapsim.cli import main
from snapsim.exercises import EXERCISES
from snapsim.marking import mark_file

COW, UNION, PROPERTIES = (EXERCISES[name] for name in ("cow-volume", "union-mount", "properties"))


def changed(exercise, old, new):
    """The solution with one line changed."""
    assert old in exercise.solution
    return exercise.solution.replace(old, new)


SUBMISSIONS = {
    ("cow-volume", "right"): (COW.solution, 10),
    ("cow-volume", "as given"): (COW.starter, (0, 5)),
    ("cow-volume", "empty"): ("", 0),
    ("cow-volume", "keeps for the newest snapshot only"): (
        changed(COW, "in self.snapshots:\n                snap", "in self.snapshots[-1:]:\n                snap"),
        (1, 9)),
    ("cow-volume", "copies after the write"): (changed(
        COW, "        for block in dict", "        self.devices[0].write(asked, stamps)\n        for block in dict"),
        (0, 8)),
    ("cow-volume", "copies again"): (changed(COW, "if block not in self.saved:", "if True:"), (0, 8)),
    ("cow-volume", "calls a copy data"): (changed(COW, ', "copy")\n\n    def _read', ")\n\n    def _read"), (0, 5)),
    ("cow-volume", "deletion fails"): (changed(COW, "snapshots.remove(self)", "snapshots.remove(0)"), (0.5, 9.9)),
    ("cow-volume", "endless"): (changed(
        COW, "    def keep(self, block):", "    def keep(self, block):\n        while True: pass"), 0),
    ("cow-volume", "endless when it is read"): ("while True: pass", 0),
    ("cow-volume", "changes the judge"): ("import snapsim.marking as m\nm.mark_check = lambda *a: (10.0, '')\n"
                                          "import snapsim.testing.volume_player as v\nv.play = lambda *a, **k: None\n"
                                          + COW.starter, 0),
    ("cow-volume", "ends the process"): ("import os\nos._exit(0)", 0),
    ("cow-volume", "no Python"): ("class class", 0),
    ("union-mount", "right"): (UNION.solution, 10),
    ("union-mount", "as given"): (UNION.starter, (0, 4)),
    ("union-mount", "empty"): ("", 0),
    ("union-mount", "no whiteout"): (changed(UNION, "self.upper[name] = None", "pass"), (0, 9)),
    ("union-mount", "whiteouts are listed"): (changed(UNION, " if content is not None)", ")"), (0, 9)),
    ("union-mount", "the lowest wins"): (
        changed(UNION, "(*self.lowers, self.upper)", "(*reversed(self.lowers), self.upper)"), (0, 9)),
    ("union-mount", "copies up again"): (changed(UNION, "        if name not in self.upper:\n            self.copied",
                                                 "        if True:\n            self.copied"), (1, 9.9)),
    ("union-mount", "whiteouts everywhere"): (
        changed(UNION, "if any(name in layer for layer in self.lowers):", "if True:"), (5, 9.9)),
    ("union-mount", "endless"): (changed(UNION, "        self.read(name)\n", "        while True: pass\n"), 0),
    ("properties", "the kit"): (PROPERTIES.solution, (8, 10)),
    ("properties", "as given"): (PROPERTIES.starter, (0, 3)),
    ("properties", "empty"): ("", 0),
    ("properties", "a false alarm"): ("def wrong(make):\n    assert make(2).read(0) == 1\ntests = [wrong]\n", 0),
    ("properties", "endless"): ("def test(make):\n    while True: pass\ntests = [test]\n", 0),
}


@pytest.mark.parametrize(("exercise", "kind"), SUBMISSIONS, ids=lambda text: text.replace(" ", "-"))
def test_table_of_points(exercise, kind, tmp_path):
    """A number, or between two; whatever is lost has a message."""
    source, wanted = SUBMISSIONS[exercise, kind]
    file = tmp_path / "submission.py"
    file.write_text(source)
    marks = mark_file(EXERCISES[exercise], str(file))
    low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    assert low <= marks.points <= high, marks
    assert marks.of == 10
    assert marks.points == 10 or any(len(line) > 20 for line in marks.lines)


def test_files_of_a_class(tmp_path, capsys):
    """One command, one line of JSON each."""
    for name, source in (("ann", UNION.solution), ("bob", "")):
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
    assert main(["mark", "union-mount", "/no/file.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 3
