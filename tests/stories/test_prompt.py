"""The sessions of docs/how-to/shell.md, typed again; and what `snapsim shell` prints and returns.

Run as a program, this file writes the page anew with the answers of today.
"""

import doctest
import io
import json
import re
import sys

import pytest
from places import DOCS

from snapsim.cli.main import main
from snapsim.stories.prompt import Prompt, commands

PAGE = DOCS / "how-to" / "shell.md"
SESSIONS = re.findall(r"^```console (\S+)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def typed_again(stack, session):
    """The session with what the prompt answers now."""
    prompt, lines = Prompt(stack), []
    for line in session.splitlines():
        if line.startswith("/ # "):
            out = []
            done = prompt.run(line.removeprefix("/ # "), out.append, out.append)
            lines += [line, *b"".join(out).decode().splitlines()]
            lines += [] if line == "/ # story" else [done.bill]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("stack", "session"), SESSIONS)
def test_the_sessions_of_the_page(stack, session):
    assert typed_again(stack, session) == session


def test_the_example_of_the_page():
    parsed = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, PAGE.name, 0)
    assert parsed.examples
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_a_script_is_billed_command_by_command(capsys):
    assert main(["shell", "-c", "echo a > /data/f\ncat /data/f\nfalse\n"]) == 1
    out, err = capsys.readouterr()
    assert [line.partition(" ")[0] for line in out.splitlines()] == [
        "Bill",
        "a",
        "Bill",
        "Bill:",
    ]  # reading moves the access time
    assert err == ""


def test_a_script_as_json(capsys):
    assert (
        main(["shell", "--stack", "vfs-ext4", "-c", "head -c 8192 /dev/zero > /data/f\nls /nosuch", "--format", "json"])
        == 1
    )
    first, second = json.loads(capsys.readouterr().out)
    assert first["bill"]["write_data"]["bytes"] == 8192
    assert (second["status"], second["stdout"], second["stderr"]) == (1, "", "ls: /nosuch: No such file or directory\n")


def test_a_script_from_a_file_ends_with_its_status(tmp_path, capsys):
    script = tmp_path / "s.sh"
    script.write_text("cd /data\npwd\nexit 3\necho never\n")
    assert main(["shell", str(script)]) == 3
    assert "never" not in capsys.readouterr().out


def test_standard_input_is_a_script_where_it_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("echo typed\n"))
    assert main(["shell"]) == 0
    assert capsys.readouterr().out.startswith("typed\n")


def test_a_prompt_asks_until_a_command_is_complete(monkeypatch, capsys):
    typed = iter(["cd /data", "if true; then", "echo yes; fi", "sleep infinity", "", "story", "exit 4"])
    asked = []

    def answer(prompt):
        asked.append(prompt)
        return next(typed)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr(sys, "stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})())
    assert main(["shell"]) == 4
    assert asked == ["/ # ", "/data # ", "> ", "/data # ", "/data # ", "/data # ", "/data # "]
    out, err = capsys.readouterr()
    assert "yes\n" in out
    assert err == "sleep infinity does not end: stopped\n"


def test_a_real_image(capsys):
    assert (
        main(
            ["shell", "--image", "--stack", "aufs-ext4", "-c", "cat /etc/motd; echo x >> /etc/motd; wc -l < /etc/motd"]
        )
        == 0
    )
    assert "Bill (requests)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--stack", "nosuch", "-c", ":"], "nosuch"),
        (["/nosuch/file"], "/nosuch/file: No such file or directory"),
        (["-c", ":", "file"], "-c: is not allowed with a FILE"),
        (["--image", "/nosuch.tar", "-c", ":"], "/nosuch.tar"),
    ],
)
def test_bad_input(arguments, complaint, capsys):
    assert main(["shell", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_pieces_of_a_script():
    text = "a\ncat <<E\nx\nE\nif b\nthen c\nfi; d\n"
    assert list(commands(text)) == ["a\n", "cat <<E\nx\nE\n", "if b\nthen c\nfi; d\n"]
    assert list(commands("a\n)")) == ["a\n", ")"]


if __name__ == "__main__":
    text = PAGE.read_text()
    for each in SESSIONS:
        text = text.replace("```console {}\n{}```".format(*each), f"```console {each[0]}\n{typed_again(*each)}```", 1)
    PAGE.write_text(text)
