"""Every command and every example of the README is run."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from places import ROOT

from snapsim.cli.main import main

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.removeprefix("$ snapsim").partition("  #")[0].strip() for line in README.splitlines() if line.startswith("$ ")
]


def test_there_are_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, capsys, monkeypatch, tmp_path):
    """As typed, in a folder that holds what the README's folder holds; `> w.json` is done by hand."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    command = command.partition(" > w.json")[0]
    if "w.json" in command:
        assert main(["workload", "random", "--seed", "7"]) == 0
        Path("w.json").write_text(capsys.readouterr().out)
    assert main(shlex.split(command)) == 0
    out, err = capsys.readouterr()
    assert out
    assert err == ""


def test_examples():
    parsed = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    assert parsed.examples
    assert doctest.DocTestRunner().run(parsed).failed == 0


def test_links():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_examples_of_the_how_to():
    page = ROOT / "docs/how-to/add-a-mechanism-or-a-driver.md"
    parsed = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, page.name, 0)
    assert doctest.DocTestRunner().run(parsed).failed == 0


TEACHING = [*sorted((ROOT / "docs/course").glob("*.md")), *sorted((ROOT / "docs/how-to").glob("set-*.md"))]


@pytest.mark.parametrize("page", TEACHING, ids=lambda page: page.stem)
def test_course_pages(page):
    """Examples run, commands work, links lead somewhere."""
    parsed = doctest.DocTestParser().get_doctest(page.read_text(), {}, page.name, page.name, 0)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(parsed).failed == 0
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
