"""The table of points in otter-grader, without Docker: from the master notebook to points for each student."""

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

from places import DOCS
from profiles import needs
from submissions import KINDS, MESSAGES, SUBMISSIONS, points

from snapsim.cli.main import main
from snapsim.course.exercises import EXERCISES

PAGE = (DOCS / "how-to/set-up-grading.md").read_text()
TOP = "loops-at-the-top-of-a-cell"
GRADE_ALL = """\
import sys
from pathlib import Path
from otter.run import main
for path in sorted(Path("handed-in").glob("*.ipynb")):
    (Path("results") / path.stem).mkdir(parents=True)
    main(str(path), autograder=sys.argv[1], output_dir=f"results/{path.stem}", no_logo=True)
"""


def run(folder, *command):
    """A program of this environment that has to succeed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "SNAPSIM_PATIENCE": "4"},
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def from_page(language, word):
    """The example of the how-to that has a word in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(block for block in blocks if word in block)


def hand_in(folder, student, sources):
    """The student's notebook with the work filled in."""
    notebook = json.loads((folder / "dist/student/exercises.ipynb").read_text())
    starters = {exercise.starter.strip(): name for name, exercise in EXERCISES.items()}
    found = 0
    for cell in notebook["cells"]:
        name = starters.get("".join(cell["source"]).strip())
        found += name is not None
        cell["source"] = sources.get(name, cell["source"])
    assert found == len(EXERCISES), "the starter is not what snapsim prints"
    (folder / "handed-in").mkdir(exist_ok=True)
    (folder / "handed-in" / f"{student}.ipynb").write_text(json.dumps(notebook))


def grade(folder):
    """All three exercises as one notebook, handed in by everybody, graded."""
    assert main(["exercise", *EXERCISES, "--format", "otter", "-o", str(folder)]) == 0
    run(folder, "otter", "assign", "--no-run-tests", "exercises.ipynb", "dist")
    for kind in KINDS:
        hand_in(folder, kind, {name: source for name, (source, _) in SUBMISSIONS[kind].items()})
    (autograder,) = (folder / "dist/autograder").glob("*.zip")
    run(folder, sys.executable, "-c", GRADE_ALL, str(autograder))


def points_and_messages(assignment, kind):
    """Each check earns the whole points of what the judge gives."""
    tests = json.loads((assignment / "results" / kind / "results.json").read_text())["tests"]
    scores = {test["name"]: test for test in tests if "score" in test}
    assert sum(test["max_score"] for test in scores.values()) == 30
    for name, exercise in EXERCISES.items():
        parts = [scores[f"{name}-{check.judge}".replace("-", "_")] for check in exercise.checks]
        least, most = points(kind, name)
        assert math.floor(least) - len(parts) + 1 <= sum(part["score"] for part in parts) <= most
        assert MESSAGES.get(kind, "") in "".join(part["output"] for part in parts)


def a_counter_example_is_told_once(assignment):
    """The first point that is missing says why; each other one, and there are some, points to it."""
    tests = json.loads((assignment / "results/bug 1/results.json").read_text())["tests"]
    outputs = {test["name"]: test["output"] for test in tests if test.get("score")}
    assert outputs["cow_volume_keeps"].count("v0 = MyVolume.new") == 1
    pointers = {name: output.count("points: the first test that fails says why") for name, output in outputs.items()}
    assert pointers == {name: output.count("Test case failed") - 1 for name, output in outputs.items()}
    assert any(pointers.values())


def the_commands_of_the_how_to(assignment, tmp_path):
    """The loop over the class and the table; a notebook that never ends is given up, the others go on."""
    tmp_path.mkdir()
    (tmp_path / "dist").symlink_to(assignment / "dist")
    loop = from_page("sh", "otter run")
    hand_in(tmp_path, "ann", {"union-mount": "import time\nwhile True: time.sleep(1)"})
    assert "timeout 300" in loop
    assert "ann: no result" in run(tmp_path, "sh", "-c", loop.replace("timeout 300", "timeout 12"))
    (tmp_path / "handed-in/ann.ipynb").unlink()
    hand_in(tmp_path, "bob", dict.fromkeys(EXERCISES, ""))
    assert run(tmp_path, "sh", "-c", loop) == ""
    run(tmp_path, sys.executable, "-c", from_page("python", "results.json"))
    assert (tmp_path / "points.csv").read_text().split() == ["ann,0", "bob,0"]


def test_the_table_of_points(tmp_path):
    """One test, because several would grade the class once in each process that tests run in."""
    needs([] if importlib.util.find_spec("otter") else ["otter-grader is not installed"])
    assignment = tmp_path / "assignment"
    grade(assignment)
    for kind in KINDS:
        points_and_messages(assignment, kind)
    a_counter_example_is_told_once(assignment)
    the_commands_of_the_how_to(assignment, tmp_path / "again")
