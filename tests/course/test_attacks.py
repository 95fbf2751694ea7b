"""Submissions that are out to deceive earn nothing, cost nobody else anything, and leave nothing running."""

import contextlib
import itertools
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attacks import ATTACKS, COW, NEEDS, NOTHING, UNION
from profiles import needs

import snapsim
from snapsim.cli.main import main
from snapsim.course.exercises import EXERCISES, session
from snapsim.course.exercises.files import LARGEST_FILE, mark_file
from snapsim.course.exercises.walls import BOUNDED, OTHER_USER, OWN_FILES, OWN_PROCESSES, candidates, strongest
from snapsim.testing import isolation
from snapsim.testing.processes import awake, descendants

EXERCISE = EXERCISES["union-mount"]
RIGHT = EXERCISE.solution
WALLS = strongest(os.environ.get("PATH", ""))
NO_WALLS = candidates()[-1]
HOME = str(Path(snapsim.__file__).parent)


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    """What loops or sleeps is ended after a second, or five, instead of 8 and 20."""
    monkeypatch.setattr(isolation, "PATIENCE", 1.0)


@pytest.fixture
def neighbour(tmp_path):
    """Another student's file, which is right."""
    folder = tmp_path / "others"
    folder.mkdir()
    (folder / "ann.py").write_text(RIGHT)
    return folder / "ann.py"


@contextlib.contextmanager
def listening():
    """A port of this machine that gives the solution to whoever asks, and who has asked."""
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    line, who = server.accept()
                    asked.append(who)
                    with line:
                        line.sendall(RIGHT.encode())

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1], asked


def placed(source, neighbour, port=1):
    for word, value in (("{home}", HOME), ("{neighbour}", neighbour), ("{port}", port)):
        source = source.replace(word, str(value))
    return source


def marked(tmp_path, source, exercise="union-mount", walls=WALLS):
    (tmp_path / "eve.py").write_text(source)
    return mark_file(EXERCISES[exercise], str(tmp_path / "eve.py"), walls)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda name: name.replace(" ", "-"))
def test_an_attack_earns_nothing(attack, tmp_path, neighbour):
    """Behind the walls of this machine; each is told why it has no points."""
    wall = NEEDS.get(attack)
    needs([f"a wall: {wall}"] if wall and not any(wall in each for each in WALLS.standing) else [])
    exercise, source = ATTACKS[attack]
    with listening() as (port, asked):
        marks = marked(tmp_path, placed(source, neighbour, port), exercise)
    assert marks.judged
    assert marks.points <= (NOTHING if UNION in source or "class MyUnion" in source else 0), marks
    assert any(len(line) > 10 for line in marks.lines)
    assert str(marks).replace("\n", "").isprintable()
    assert neighbour.read_text() == RIGHT
    assert asked == []
    assert not Path("/tmp/owned").exists()


@pytest.mark.parametrize(
    "attack", [name for name in ATTACKS if name not in NEEDS], ids=lambda name: name.replace(" ", "-")
)
def test_most_earn_nothing_without_walls(attack, tmp_path, neighbour):
    """A process of its own is enough for these: what is right is known nowhere else."""
    exercise, source = ATTACKS[attack]
    marks = marked(tmp_path, placed(source, neighbour), exercise, NO_WALLS)
    assert marks.points <= (NOTHING if "class MyUnion" in source else 0), marks


def test_a_neighbours_file_stays_as_it_is(tmp_path, neighbour):
    """Rewritten, deleted, renamed or closed: behind walls it is not even seen."""
    needs([] if OWN_FILES in WALLS.standing or OTHER_USER in WALLS.standing else ["walls"])
    neighbour.parent.chmod(0o777)
    neighbour.chmod(0o666)
    needs([] if OWN_FILES in WALLS.standing else ["a file system of its own"])
    for deed in (
        "open({0!r}, 'w').write('')",
        "os.remove({0!r})",
        "os.rename({0!r}, {0!r} + 'x')",
        "os.chmod({0!r}, 0)",
    ):
        deed = deed.format(str(neighbour))
        marked(tmp_path, f"import os\ntry:\n    {deed}\nexcept OSError:\n    pass\n")
    assert neighbour.read_text() == RIGHT


def test_each_file_is_judged_by_itself(tmp_path, capsys):
    """In one run: what is larger than 64 MiB, no file, no Python, killed, junk; and in between the right ones."""
    junk = ATTACKS["a pickle on the line"][1]
    made = {
        "a.py": RIGHT, "b.py": "import os\nos.kill(os.getppid(), 9)\n", "c.py": junk,
        "d.py": "\0", "e.py": "x = '" + "x" * (65 << 20) + "'", "g.py": RIGHT,
    }  # fmt: skip
    for name, source in made.items():
        (tmp_path / name).write_text(source)
    files = [str(tmp_path / name) for name in sorted([*made, "f.py"])]
    os.mkfifo(tmp_path / "f.py")
    assert main(["mark", "union-mount", *files, "--format", "json"]) == 3
    rows = json.loads(capsys.readouterr().out)
    assert [row["points"] for row in rows] == [10, 0, 0, 0, 0, None, 10]
    assert [row["judged"] for row in rows] == [True] * 5 + [False, True]
    assert "larger than the 1 MiB" in str(rows[4]["messages"])
    assert "not a file" in str(rows[5]["messages"])
    assert rows[0]["walls"] == list(WALLS.standing)


def test_a_result_is_written_as_it_comes(tmp_path):
    """The run is killed at its second file: the first one's result is there, as a line of its own."""
    (tmp_path / "a.py").write_text("")
    (tmp_path / "b.py").write_text("import time\ntime.sleep(10 ** 6)\n")
    run = subprocess.Popen(
        [sys.executable, "-m", "snapsim", "mark", "union-mount", "a.py", "b.py", "--format", "json"],
        cwd=tmp_path, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path(HOME).parent)},
    )  # fmt: skip
    assert run.stdout.readline() == b"[\n"
    assert json.loads(run.stdout.readline())["messages"] == ["the union behaves: 0 of 10: MyUnion is not defined"]
    run.send_signal(signal.SIGINT)
    run.communicate()


def test_nothing_is_left_running(tmp_path):
    """A program that left its parent and its session, and one that only waits."""
    source = """
import os, subprocess, time
subprocess.Popen(["sleep", "86399"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execlp("sleep", "sleep", "86399")
    os._exit(0)
"""
    for walls in (WALLS, NO_WALLS):
        marked(tmp_path, source, walls=walls)
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
        assert not [line for line in lines if line == b"sleep\08" + b"6399\0"]


def readable(path):
    with contextlib.suppress(OSError):
        path.read_bytes()
        return True
    return False


def test_processes_are_bounded(tmp_path):
    """Behind walls, where the number of processes is that of a user of its own."""
    needs([] if OWN_PROCESSES in WALLS.standing else ["processes of its own"])
    before = len(descendants(os.getpid()))
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    assert marked(tmp_path, bomb).points == 0
    assert len(descendants(os.getpid())) == before


def test_files_are_bounded(tmp_path):
    """A file of its own may be written, but the folder is small, and none is left when all is over."""
    needs([] if OWN_FILES in WALLS.standing else ["a file system of its own"])
    source = """
import errno
written = 0
try:
    for number in range(100):
        with open(f"pile{number}", "wb") as file:
            written += file.write(bytes(1 << 20))
except OSError as error:
    assert error.errno in (errno.ENOSPC, errno.EFBIG)
    raise SystemExit(f"{written >> 20} MiB")
"""
    marks = marked(tmp_path, source)
    assert "SystemExit: 1" in marks.lines[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eve.py"]


def test_walls_are_told(tmp_path, capsys):
    """The last line of the report."""
    (tmp_path / "a.py").write_text("")
    assert main(["mark", "union-mount", str(tmp_path / "a.py")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"judged behind walls: {'; '.join(WALLS.standing)}"


def test_walls_are_tried_and_not_guessed():
    """Where no program is found there are the limits alone; each candidate that is chosen works."""
    assert strongest("/nowhere").standing == (BOUNDED,)
    assert [walls.standing[-1] for walls in candidates()] == [BOUNDED] * len(candidates())


def test_behind_any_walls_a_right_answer_is_right(tmp_path):
    """And a wrong one has its counter-example; which walls can stand depends on where Python lies, and on who asks."""
    from snapsim.course.exercises.walls import _works

    (tmp_path / "a.py").write_text(UNION)
    standing = [walls for walls in candidates() if _works(walls, "")]
    assert standing
    for walls in standing:
        marks = mark_file(EXERCISE, str(tmp_path / "a.py"), walls)
        assert "u = MyUnion" in str(marks), walls.standing


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (b"\xef\xbb\xbf" + RIGHT.encode(), 10),
        (
            b"# -*- coding: latin-1 -*-\nname = '\xe4'\nassert name == '\\xe4'\nraise SystemExit('read')\n",
            "SystemExit: read",
        ),
        (b"one = 1\r\n\r\nprint(two)\r\n", "NameError: name 'two' is not defined (line 3)"),
        (b"name = '\xe4'\n", "SyntaxError"),
        (b"# coding: no-such\n", "SyntaxError"),
    ],
    ids=["BOM", "cookie", "CRLF", "no UTF-8", "unknown encoding"],
)
def test_files_are_read_as_python_reads_them(source, wanted, tmp_path):
    (tmp_path / "a.py").write_bytes(source)
    marks = mark_file(EXERCISE, str(tmp_path / "a.py"))
    assert marks.points == wanted if isinstance(wanted, int) else wanted in str(marks)


@pytest.mark.parametrize("walls", [WALLS, NO_WALLS], ids=["walls", "none"])
def test_text_of_a_student_is_shown_as_text(walls, tmp_path):
    """Newlines and escape codes of an exception, of a name, and of what is returned."""
    evil = "a\\n\\x1b[31mb\\u202e"
    for source in (
        f"raise ValueError('{evil}')",
        UNION.replace("return []", f"raise ValueError('{evil}')"),
        UNION.replace("return []", f"return ['{evil}']"),
        f"MyUnion = '{evil}'",
        f"class MyUnion(Union): pass\nMyUnion.__name__ = '{evil}'",
    ):
        (tmp_path / "a.py").write_text(source)
        told = str(mark_file(EXERCISE, str(tmp_path / "a.py"), walls))
        assert "\x1b" not in told
        assert "\u202e" not in told


def test_a_judge_that_fails_says_so(tmp_path, monkeypatch, capsys):
    """No process, or a mistake of its own: no points, a status of its own, and the next file."""
    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError(11, "no more processes")))
    assert main(["mark", "union-mount", str(tmp_path / "a.py"), str(tmp_path / "a.py")]) == 3
    told = capsys.readouterr().out
    assert told.count("no points yet\n  could not judge: no process for the judge: no more processes") == 2


def test_a_judge_that_is_killed_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("snapsim.course.exercises.files._marked", lambda *args: os.kill(os.getpid(), signal.SIGKILL))
    (tmp_path / "a.py").write_text("")
    marks = mark_file(EXERCISE, str(tmp_path / "a.py"))
    assert (marks.judged, marks.to_dict()["points"]) == (False, None)
    assert "ended with status -9" in str(marks)


def test_a_link_to_a_neighbours_file_is_not_followed(tmp_path, neighbour):
    """No zero, since it may be the grader's own; and no points for what another wrote."""
    (tmp_path / "eve.py").symlink_to(neighbour)
    marks = mark_file(EXERCISE, str(tmp_path / "eve.py"), WALLS)
    assert (marks.judged, marks.points) == (False, 0)
    assert "a symbolic link" in str(marks)


def test_who_sleeps_a_little_in_each_call_is_not_judged(tmp_path, monkeypatch, capsys):
    """Neither its processor time nor its silence bounds it; no zero, and a status of its own."""
    needs([] if awake([]) is not None else ["a system that tells how long processes wait for a processor"])
    monkeypatch.setattr(session, "SLEEP", 1.5)
    (tmp_path / "a.py").write_text("import time\n" + RIGHT.replace("merged = {}", "time.sleep(0.02); merged = {}"))
    (tmp_path / "b.py").write_text(RIGHT)
    assert main(["mark", "union-mount", str(tmp_path / "a.py"), str(tmp_path / "b.py"), "--format", "json"]) == 3
    rows = json.loads(capsys.readouterr().out)
    assert [row["points"] for row in rows] == [None, 10]
    assert "could not judge: it slept for 1.5 s" in rows[0]["messages"][0]


def test_want_of_memory_in_the_middle_is_no_zero(tmp_path, monkeypatch):
    """The machine kills the process in a call: what the kit makes of exceptions there is not what is told."""
    read_text, kills = Path.read_text, itertools.count()

    def told(path, *args, **kwargs):
        return f"oom_kill {next(kills)}\n" if str(path) == "/proc/vmstat" else read_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", told)  # not the judge's own functions: it would notice
    source = "import os\n" + RIGHT.replace("self.read(name)", "os.kill(os.getpid(), 9)")
    marks = marked(tmp_path, source, walls=NO_WALLS)
    assert (marks.judged, marks.to_dict()["points"]) == (False, None)
    assert "short of memory" in str(marks)


def test_a_mistake_of_the_judge_is_no_zero(tmp_path, monkeypatch):
    monkeypatch.setattr("snapsim.course.exercises.files._marked", lambda *args: 1 // 0)
    (tmp_path / "a.py").write_text("")
    assert "a mistake of the judge: ZeroDivisionError" in str(mark_file(EXERCISE, str(tmp_path / "a.py")))


def test_answers_are_no_pickles():
    """Nothing that is judged sends what could execute."""
    for path in (
        "testing/isolation.py",
        "testing/wire.py",
        "course/exercises/session.py",
        "course/exercises/worker.py",
    ):
        assert pickle.__name__ not in [
            line.split()[-1] for line in Path(HOME, path).read_text().splitlines() if "import" in line
        ]
    assert LARGEST_FILE < 65 << 20
    assert COW
    assert time
