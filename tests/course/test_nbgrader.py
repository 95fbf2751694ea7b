"""The table of points in nbgrader, headless: from the instructor's source to feedback and a CSV file."""

import csv
import importlib.util
import json
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
COMMANDS = [
    line.partition("#")[0].replace("cow-volume", "exercises").split()[1:]
    for line in PAGE.splitlines()
    if line.startswith("nbgrader ")
]
TOP = "loops at the top of a cell"


def run(folder, *command):
    """A command of nbgrader that has to succeed; its settings are those of the folder alone."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader looks for alembic there
    environment = {
        **os.environ,
        "PATH": path,
        "SNAPSIM_PATIENCE": "4",
        "JUPYTER_CONFIG_DIR": str(folder / "no-settings"),
        "JUPYTER_DATA_DIR": str(folder / "no-data"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def hand_in(folder, student, sources):
    """The released notebook with the work filled in."""
    notebook = json.loads((folder / "release/exercises/exercises.ipynb").read_text())
    for cell in notebook["cells"]:
        name = cell["metadata"]["nbgrader"]["grade_id"].removesuffix("-work")
        if name in sources:
            cell["source"] = sources[name]
    place = folder / "submitted" / student / "exercises"
    place.mkdir(parents=True)
    (place / "exercises.ipynb").write_text(json.dumps(notebook))


def grade(folder):
    """All three exercises as one assignment, handed in by everybody, graded by the commands of the how-to."""
    assert main(["exercise", *EXERCISES, "--format", "nbgrader", "-o", str(folder)]) == 0
    generate, autograde, feedback, export = COMMANDS
    run(folder, *generate)
    for kind in KINDS:
        hand_in(folder, kind, {name: source for name, (source, _) in SUBMISSIONS[kind].items()})
    hand_in(folder, TOP, {"union-mount": "while True: pass"})
    run(folder, *autograde, f"--CourseDirectory.student_id_exclude={TOP}")
    run(folder, *autograde, f"--student={TOP}", "--Execute.timeout=5")
    run(folder, *feedback, "--student=bug 1")
    run(folder, *export)


def graded(course, kind):
    """Text and score of each test cell."""
    notebook = json.loads((course / "autograded" / kind / "exercises/exercises.ipynb").read_text())
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["outputs"]
        for cell in notebook["cells"]
        if cell["metadata"]["nbgrader"]["grade"]
    }


def students_get_the_starter_and_no_solution(course):
    notebook = json.loads((course / "release/exercises/exercises.ipynb").read_text())
    work = {
        cell["metadata"]["nbgrader"]["grade_id"].removesuffix("-work"): "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["metadata"]["nbgrader"]["solution"]
    }
    assert work == {name: exercise.starter.strip() for name, exercise in EXERCISES.items()}


def points_and_messages(course, kind):
    """The sum of the checks of each exercise; the judge writes nothing to standard error and ends with a number."""
    for name, exercise in EXERCISES.items():
        cells = [graded(course, kind)[f"{name}-{check.judge}"] for check in exercise.checks]
        assert {output["output_type"] for cell in cells for output in cell} == {"stream", "execute_result"}
        assert all(output.get("name") != "stderr" for cell in cells for output in cell)
        earned = sum(float("".join(cell[-1]["data"]["text/plain"])) for cell in cells)
        least, most = points(kind, name)
        assert least <= earned <= most, (name, cells)
        assert MESSAGES.get(kind, "") in "".join(str(output.get("text")) for cell in cells for output in cell)


def the_csv_file_has_the_sums(course):
    """One row for each student, between the sums of the table."""
    rows = {row["student_id"]: row for row in csv.DictReader((course / "grades.csv").read_text().splitlines())}
    assert set(rows) == {*KINDS, TOP}
    for kind in KINDS:
        least, most = (sum(each) for each in zip(*(points(kind, name) for name in EXERCISES), strict=True))
        assert least <= float(rows[kind]["score"]) <= most
        assert float(rows[kind]["max_score"]) == 30
    assert float(rows[TOP]["score"]) == 0


def feedback_has_the_counter_example(course):
    page = (course / "feedback/bug 1/exercises/exercises.html").read_text()
    assert "MyVolume.new" in page
    assert re.search(r"every snapshot keeps its content: [\d.]+ of 6", page)


def a_loop_at_the_top_of_a_cell_ends_by_the_time_limit_of_cells(course):
    """Then the name is not defined; what the other cells are worth is not touched."""
    cells = graded(course, TOP)
    assert "MyUnion is not defined" in str(cells["union-mount-unites"])
    assert cells["cow-volume-keeps"][-1]["output_type"] == "execute_result"


def the_settings_are_kept(course, other):
    """A second exercise goes into the same course; settings that were changed are not overwritten."""
    assert main(["exercise", "union-mount", "--format", "nbgrader", "-o", str(course)]) == 0
    assert Path(course / "source/union-mount/union-mount.ipynb").is_file()
    other.mkdir()
    (other / "nbgrader_config.py").write_text("mine")
    assert main(["exercise", "union-mount", "--format", "nbgrader", "-o", str(other)]) == 2
    assert [path.name for path in other.iterdir()] == ["nbgrader_config.py"]


def test_the_table_of_points(tmp_path):
    """One test, because several would grade the class once in each process that tests run in."""
    needs([] if importlib.util.find_spec("nbgrader") else ["nbgrader is not installed"])
    course = tmp_path / "course"
    grade(course)
    students_get_the_starter_and_no_solution(course)
    for kind in KINDS:
        points_and_messages(course, kind)
    the_csv_file_has_the_sums(course)
    feedback_has_the_counter_example(course)
    a_loop_at_the_top_of_a_cell_ends_by_the_time_limit_of_cells(course)
    the_settings_are_kept(course, tmp_path / "other")
