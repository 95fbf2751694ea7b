"""A machine that has only the clone: the README's path, word for word, in an empty environment, notebooks included."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from places import ROOT
from profiles import CI, PROFILE

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [line.removeprefix("$ ") for line in README.splitlines() if line.startswith("$ ")]
EXTRA = re.search(r"pip install (\"\.\[notebooks\]\")", README)

pytestmark = pytest.mark.skipif(PROFILE is not CI, reason="installs from the package index: SNAPSIM_PROFILE=ci runs it")


def typed(line, folder, **also):
    """What a line says when it is typed in a fresh shell with nothing of this environment."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "CI") if name in os.environ}
    clean["PATH"] = os.pathsep.join(part for part in clean["PATH"].split(os.pathsep) if ".venv" not in part)
    command = ["bash", "-euo", "pipefail", "-c", line]
    found = subprocess.run(command, cwd=folder, env={**clean, **also}, capture_output=True, text=True)
    assert found.returncode == 0, f"{line}\n{found.stdout[-3000:]}{found.stderr[-3000:]}"
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The files of this tree, in a folder called snapsim, after the README's first command."""
    folder = tmp_path_factory.mktemp("newcomer") / "snapsim"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    typed(f"make demo PYTHON={sys.executable}", folder)
    return folder


def test_the_first_command_draws_the_figure(clone):
    assert (clone / "out" / "compare.png").stat().st_size > 10_000


def test_every_command_works_as_it_stands(clone):
    """In their order, in one shell, in the environment that the README says to enter."""
    enter = next(line.strip() for line in README.splitlines() if line.strip().startswith(". .venv/bin/activate"))
    typed("\n".join([enter.partition("#")[0], *SHELL]), clone)
    assert (clone / "w.json").stat().st_size > 100


def test_chapters_and_exercises_run_with_the_extra(clone):
    """The exercises as they are given, up to the cell that judges, which says that something is missing."""
    assert EXTRA, "the README says how to install what notebooks need"
    typed(f". .venv/bin/activate; pip install --quiet --disable-pip-version-check {EXTRA[1]}", clone)
    typed(". .venv/bin/activate; test -d course || snapsim notebooks course", clone)
    run = "jupyter nbconvert --to notebook --execute --output-dir executed --log-level ERROR"
    for name in ("1-one-block*", "exercise-cow-volume", "exercise-union-mount", "exercise-properties"):
        typed(f". .venv/bin/activate; {run} course/{name}.ipynb", clone)
    assert len(list((clone / "executed").glob("*.ipynb"))) == 4
