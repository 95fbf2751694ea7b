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


def test_topics_are_listed(capsys):
    """When none is named."""
    main(["quiz"])
    assert len(capsys.readouterr().out.splitlines()) == len(TOPICS)
