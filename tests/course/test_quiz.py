"""Worksheets: right by an oracle that knows no model, the same everywhere, none alike, graded without secrets."""

import hashlib
import json

import nbformat
import pytest
from nbclient import NotebookClient
from profiles import PROFILE
from quiz_oracles import ORACLES, answers

from snapsim.base.errors import InvalidInput
from snapsim.cli.main import main
from snapsim.course.quiz.grading import Sheet, grade_data, judge, read
from snapsim.course.quiz.problems import make
from snapsim.course.quiz.sheet import plain, written
from snapsim.course.quiz.topic import LEVELS, label
from snapsim.course.quiz.topics import TOPICS
from snapsim.testing import CI

SEEDS = 1000 if PROFILE is CI else 40


def solved(problem):
    """The right answers, as a sheet has them."""
    goal = problem.draft.goal
    return list(goal.example) if goal else {label(n): plain(q.answer) for n, q in enumerate(problem.questions)}


@pytest.mark.parametrize("topic", TOPICS)
def test_answers_are_those_of_an_oracle_that_knows_no_model(topic):
    """Hundreds of seeds in CI, at all levels."""
    for seed in range(SEEDS):
        problem = make(topic, seed, LEVELS[seed % 3])
        assert [question.answer for question in problem.questions] == answers(problem), problem


def test_every_topic_has_an_oracle():
    """And there are at least ten."""
    assert ORACLES.keys() == TOPICS.keys()
    assert len(TOPICS) >= 10


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("level", LEVELS)
def test_no_two_of_a_class_are_alike(topic, level):
    """Two hundred students with neighbouring numbers."""
    problems = (make(topic, 20260000 + number, level) for number in range(200))
    asked = {(problem.draft.story, *(question.prompt for question in problem.questions)) for problem in problems}
    assert len(asked) == 200


@pytest.mark.parametrize(
    ("topic", "direction"), [(topic, direction) for topic in TOPICS for direction in TOPICS[topic].directions]
)
def test_the_right_answers_are_worth_everything_and_none_nothing(topic, direction):
    """Whatever the direction; and no trap is right."""
    for seed in range(SEEDS // 10):
        problem = make(topic, seed, LEVELS[seed % 3], direction)
        marks = judge(problem, solved(problem))
        assert (marks.points, marks.lines) == (marks.of, ())
        assert judge(problem, [] if problem.draft.goal else {}).points < marks.of
        assert all(question.answer not in question.traps for question in problem.questions)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_known_mistake_gets_its_message(topic):
    """The message of the trap, and no full point."""
    problem = make(topic, 1, 2)
    number, question = next((n, q) for n, q in enumerate(problem.questions) if q.traps)
    trap, why = next(iter(question.traps.items()))
    marks = judge(problem, {**solved(problem), label(number): plain(trap)})
    assert marks.points < marks.of
    assert why in marks.lines[0]


def test_a_problem_is_the_same_on_every_machine():
    """One sum over all topics; it changes with `VERSION` only."""
    problems = [
        make(topic, 7, level, direction)
        for topic in TOPICS
        for level in LEVELS
        for direction in TOPICS[topic].directions
    ]
    assert hashlib.sha256(written(problems, "md", True).encode()).hexdigest() == DIGEST


DIGEST = "fb3f108069fc4ac038cc6e2b8d80cb43afbe77fc1b82fd19d0a9fdb7673f2ca9"


def test_another_list_that_leads_there_is_right():
    """Order among blocks that get the next places matters, repeats do not: each write twice leads to the same map."""
    problem = make("places", 3, 1, "operations")
    longer = [line for op in problem.draft.goal.example for line in ([op] if op == "snapshot" else [op, op])]
    assert judge(problem, longer).points == 1


def test_part_of_a_list_is_worth_part_of_a_point():
    """Two of eight places wrong: 0.75."""
    problem = make("places", 5, 1)
    right = list(problem.questions[0].answer)
    wrong = [right[0] + 99, right[1] + 99, *right[2:]]
    marks = judge(problem, {**solved(problem), "a": wrong})
    assert marks.points == round(marks.of - 2 / len(right), 2)


def test_names_in_any_order_and_form():
    """As a list, as text, in another order."""
    assert read("`/b`, /a", frozenset()) == read(["/a", "/b"], frozenset()) == frozenset({"/a", "/b"})


def test_the_way_of_a_class(tmp_path, capsys):
    """Print the sheet as JSON, fill it in, have it graded."""
    assert main(["quiz", "all", "--seed", "20231234", "--format", "json"]) == 0
    sheet = json.loads(capsys.readouterr().out)
    assert len(sheet["problems"]) == len(TOPICS)
    assert all(answer is None for row in sheet["problems"] for answer in row["answers"].values())
    for row in sheet["problems"]:
        row["answers"] = solved(make(row["topic"], row["seed"], row["level"], row["direction"]))
    sheet["problems"][0]["answers"]["a"] = 999
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(sheet))
    assert main(["grade", str(file), "--format", "json"]) == 0
    (marks,) = json.loads(capsys.readouterr().out)
    assert marks["points"] == marks["of"] - 1
    assert marks["problems"][0]["messages"][0].startswith("a: 999 is not right")


def test_a_sheet_of_many_problems(capsys):
    """`--count` gives different problems, and neighbours get different ones."""
    main(["quiz", "writes", "--seed", "7", "--count", "3", "--format", "json"])
    mine = {row["story"] for row in json.loads(capsys.readouterr().out)["problems"]}
    main(["quiz", "writes", "--seed", "8", "--count", "3", "--format", "json"])
    others = {row["story"] for row in json.loads(capsys.readouterr().out)["problems"]}
    assert (len(mine), len(others), mine & others) == (3, 3, set())


def test_markdown_has_question_marks_and_then_answers(capsys):
    """And the rule only with `--answers`."""
    main(["quiz", "deletion", "--seed", "7"])
    asked = capsys.readouterr().out
    main(["quiz", "deletion", "--seed", "7", "--answers"])
    told = capsys.readouterr().out
    assert asked.count("| ? |") == told.count("\n| ") - 1 > 0
    assert ("Rule" in asked, "Rule" in told, "| ? |" in told) == (False, True, False)


def test_the_notebook_runs_and_judges():
    """Solved: all points. As given: none, with a message, and nothing on standard error."""
    problems = [make("writes", 7), make("places", 7, 1, "operations")]
    for done, last in ((True, "6 of 6 points"), (False, "0 of 6 points")):
        sheet = nbformat.reads(written(problems, "ipynb", done), as_version=4)
        nbformat.validate(sheet)
        NotebookClient(sheet, timeout=120).execute()
        outputs = [output for cell in sheet.cells if cell.cell_type == "code" for output in cell.outputs]
        assert not [output for output in outputs if output.get("name") == "stderr"]
        assert outputs[-1]["data"]["text/plain"] == last


def test_a_notebook_shows_marks_as_they_come():
    """The last ones count."""
    sheet = Sheet()
    problem = make("writes", 7)
    assert sheet.answer("writes", 7, 1, "state", a=-1).points == 0
    assert sheet.answer("writes", 7, 1, "state", **solved(problem)).points == problem.draft.questions.__len__()
    assert str(sheet) == "5 of 5 points"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        7,
        "x",
        {},
        {"snapsim_quiz": 99},
        {"snapsim_quiz": 1},
        {"snapsim_quiz": 1, "problems": 3},
        {"snapsim_quiz": 1, "problems": [3]},
        {"snapsim_quiz": 1, "problems": [{}]},
        {"snapsim_quiz": 1, "problems": [{"topic": "no", "seed": 1, "level": 1, "direction": "state", "answers": {}}]},
        {"snapsim_quiz": 1, "problems": [{"topic": [], "seed": 1, "level": 1, "direction": "state", "answers": {}}]},
        {
            "snapsim_quiz": 1,
            "problems": [{"topic": "writes", "seed": -1, "level": 1, "direction": "state", "answers": 1}],
        },
        {
            "snapsim_quiz": 1,
            "problems": [{"topic": "writes", "seed": 1, "level": [], "direction": "state", "answers": 1}],
        },
        {
            "snapsim_quiz": 1,
            "problems": [{"topic": "writes", "seed": 1, "level": 1, "direction": "operations", "answers": []}],
        },
        {
            "snapsim_quiz": 1,
            "problems": [{"topic": "writes", "seed": 1.5, "level": 1, "direction": "state", "answers": 1}],
        },
    ],
)
def test_what_is_no_sheet_is_one_line(data):
    """With the place of the mistake."""
    with pytest.raises(InvalidInput, match=r"s\.json"):
        grade_data(data, "s.json")


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        [],
        {},
        {"a": None},
        {"a": [[]]},
        {"a": {"b": 1}},
        {"a": True},
        {"a": 1e400},
        {"a": float("nan")},
        {"a": "9" * 5000},
        {"b": "x, " * 10000},
        "abc",
        7,
        [3],
        ["rm /"],
    ],
)
@pytest.mark.parametrize("direction", ["state", "operations", "mistake"])
def test_whatever_is_answered_is_judged(said, direction):
    """No exception, no points, a message."""
    marks = judge(make("copy-up", 3, 2, direction), said)
    assert marks.points == 0
    assert marks.lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["writes", "--level", "9"],
        ["writes", "--direction", "up"],
        ["writes", "--seed", "-3"],
        ["writes", "--count", "0"],
    ],
)
def test_arguments_that_are_not_allowed(arguments, capsys):
    """One line, status 2."""
    assert main(["quiz", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


CLASS = 'name = "Operating systems"\nsecret = "as long as it has to be"\nstudents = ["ann", "bob"]\n'
SALTED = ["quiz", "writes", "places", "--count", "2", "--level", "2"]


@pytest.fixture
def course(tmp_path):
    """The file that only the instructor has."""
    (tmp_path / "course.toml").write_text(CLASS)
    return str(tmp_path / "course.toml")


def sheet_of(student, course, capsys, *more):
    """What a student is given."""
    assert main([*SALTED, "--class", course, "--student", student, "--format", "json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_sheet_of_a_class_tells_no_seed(course, capsys):
    """Neither as JSON nor as Markdown, nor by its marks; each student has other problems, and the same ones again."""
    ann, bob = (sheet_of(student, course, capsys) for student in ("ann", "bob"))
    assert sheet_of("ann", course, capsys) == ann
    assert "seed" not in json.dumps(ann)
    assert len(ann["problems"]) == 4
    stories = [{(row["topic"], row["story"]) for row in sheet["problems"]} for sheet in (ann, bob)]
    assert len(stories[0] | stories[1]) == 8
    assert main([*SALTED, "--class", course, "--student", "ann"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# Operating systems: ann\n")
    assert "seed" not in text


def test_the_way_of_a_class_with_a_secret(course, tmp_path, capsys):
    """The instructor's answers earn everything; nobody else's sheet, no changed one, no second one, and no seeds."""
    solved = {student: sheet_of(student, course, capsys, "--answers") for student in ("ann", "bob")}
    theirs = {**solved["ann"], "student": "bob"}
    easier = json.loads(json.dumps(solved["bob"]))
    easier["problems"][0]["level"] = 1
    fewer = {**solved["bob"], "problems": solved["bob"]["problems"][:1]}
    main(["quiz", "writes", "--seed", "7", "--answers", "--format", "json"])
    salted = json.loads(capsys.readouterr().out)
    sheets = {"ann": solved["ann"], "theirs": theirs, "easier": easier, "fewer": fewer, "salted": salted}
    sheets |= {"again": solved["ann"], "bob": solved["bob"]}
    for name, sheet in sheets.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(sheet))
    files = [str(tmp_path / f"{name}.json") for name in sheets]
    assert main(["grade", "--class", course, *files, "--format", "json"]) == 2
    told = capsys.readouterr()
    rows = json.loads(told.out)
    assert [(row["student"], row["points"] == row["of"]) for row in rows] == [("ann", True), ("bob", True)]
    assert "seed" not in told.out
    errors = told.err.splitlines()
    assert len(errors) == 5
    assert all("the seal does not fit" in line for line in errors[:3])
    assert "names its seeds" in errors[3]
    assert "a second sheet of ann" in errors[4]


def test_another_secret_makes_other_problems(course, tmp_path, capsys):
    (tmp_path / "other.toml").write_text(CLASS.replace("as long", "a long"))
    (tmp_path / "ann.json").write_text(json.dumps(sheet_of("ann", course, capsys)))
    assert sheet_of("ann", str(tmp_path / "other.toml"), capsys) != json.loads((tmp_path / "ann.json").read_text())
    assert main(["grade", "--class", str(tmp_path / "other.toml"), str(tmp_path / "ann.json")]) == 2
    assert main(["grade", str(tmp_path / "ann.json")]) == 2
    assert "--class FILE is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CLASS.replace("secret", "secrets"), "is not allowed: name, secret, students"),
        ('name = "a"\n', "secret: is missing: the instructor's file has it"),
        ('name = "a"\nsecret = "short"\n', "at least 16 letters"),
        ('secret = "as long as it has to be"\n', "name"),
        (CLASS.replace('["ann", "bob"]', "[1]"), "students"),
        (CLASS.replace('"ann", ', ""), "'ann' is nobody of Operating systems"),
        ("= [", "no TOML"),
    ],
)
def test_a_class_that_is_not_allowed(text, says, tmp_path, capsys):
    """One line, status 2; above all, no answers without a secret."""
    (tmp_path / "c.toml").write_text(text)
    for more in ([], ["--answers"]):
        assert main([*SALTED, "--class", str(tmp_path / "c.toml"), "--student", "ann", *more]) == 2
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert says in told.err


@pytest.mark.parametrize(
    "more", [["--student", ""], ["--student", "ann", "--seed", "7"], ["--student", "ann", "--format", "ipynb"], []]
)
def test_arguments_that_are_not_allowed_with_a_class(more, course, capsys):
    assert main([*SALTED, "--class", course, *more]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_student_needs_a_class(capsys):
    assert main(["quiz", "writes", "--student", "ann"]) == 2
    assert "--class FILE is needed" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["json", "ipynb", "md"])
@pytest.mark.parametrize("direction", ["state", "operations", "mistake"])
def test_every_form_that_is_written_is_graded(form, direction, tmp_path, capsys):
    """Solved: everything. As given: nothing, and no error."""
    for more, share in ((["--answers"], 1), ([], 0)):
        assert main(["quiz", "all", "--seed", "12", "--direction", direction, "--format", form, *more]) == 0
        (tmp_path / f"sheet.{form}").write_text(capsys.readouterr().out)
        assert main(["grade", str(tmp_path / f"sheet.{form}"), "--format", "json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        assert (told["points"], told["of"] > 0) == (share * told["of"], True)


@pytest.mark.parametrize(
    "text",
    [
        "# no sheet",
        '{"cells": []}',
        '{"cells": 3}',
        '{"cells": [{"cell_type": "code", "source": "sheet.answer(1)"}]}',
        '{"cells": [{"cell_type": "code", "source": ["sheet.answer(\'writes\', 7, 1, \'state\', a=open(1))"]}]}',
        '{"cells": [{"cell_type": "code", "source": "class class"}]}',
        "*topic writes, seed 7, level 1, direction state, version 99*",
    ],
)
def test_a_file_of_another_form_is_one_line(text, tmp_path, capsys):
    (tmp_path / "s").write_text(text)
    assert main(["grade", str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_one_bad_sheet_costs_nobody_else(tmp_path, capsys):
    """The others are graded; the status says that one was not."""
    main(["quiz", "writes", "--seed", "7", "--answers", "--format", "json"])
    (tmp_path / "a.json").write_text(capsys.readouterr().out)
    (tmp_path / "b.json").write_text("{}")
    assert main(["grade", str(tmp_path / "b.json"), str(tmp_path / "a.json")]) == 2
    told = capsys.readouterr()
    assert "5 of 5 points" in told.out
    assert told.err.count("\n") == 1


def test_topics_are_listed(capsys):
    """When none is named."""
    main(["quiz"])
    assert len(capsys.readouterr().out.splitlines()) == len(TOPICS)
