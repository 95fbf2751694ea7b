"""What is installed elsewhere: the files of a release pass their checks, the wheel works away from the checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from places import ROOT

COMMANDS = (
    ("compare", "--stack", "all"),
    ("df", "--driver", "btrfs"),
    ("why", "--image"),
    ("image",),
    ("what-if", "--host", "devicemapper"),
    ("explain", "thin-pool"),
    ("replay", "dm-snapshot"),
    ("quiz", "all", "--seed", "3"),
    ("exercise", "union-mount"),
    ("notebooks", "course"),
)


def done(*command, cwd, **also):
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    found = subprocess.run([*map(str, command)], cwd=cwd, env={**clean, **also}, capture_output=True, text=True)
    assert found.returncode == 0, f"{command}: {found.stdout}{found.stderr}"
    return found.stdout


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The folder with the wheel and the source distribution, built from the files of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    done(*build, "--wheel", cwd=folder)
    done(*build, "--sdist", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(release, tmp_path_factory):
    """The Python of an environment with the wheel; what it depends on is borrowed from this one."""
    place = tmp_path_factory.mktemp("wheel") / "env"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    site = Path(done(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip())
    (wheel,) = release.glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--quiet")
    done(*pip, "--target", site, wheel, cwd=place)
    borrowed = [path for path in map(Path, sys.path) if path.name == "site-packages"]
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))  # whose own .pth files do not count
    return python


def test_both_files_pass_their_checks(release):
    said = done(sys.executable, "-m", "twine", "check", "--strict", *sorted(release.iterdir()), cwd=release)
    assert said.count("PASSED") == 2


def test_the_source_distribution_holds_the_project(release):
    (path,) = release.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for wanted in (
        "README.md",
        "LICENSE",
        "Makefile",
        "notebooks/exercises/cow-volume.py",
        "tests/house/test_wheel.py",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith((".venv", "out/", "dist/"))]


def test_the_wheel_holds_what_the_package_needs(release):
    (path,) = release.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    data = {f"snapsim/{file.relative_to(ROOT / 'snapsim')}" for file in (ROOT / "snapsim" / "data").rglob("*.json")}
    pages = {f"snapsim/data/docs/{file.relative_to(ROOT / 'docs')}" for file in (ROOT / "docs").rglob("*.md")}
    assert data | pages <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_it_is_the_wheel_that_is_imported(installed, tmp_path):
    told = done(installed, "-c", "import snapsim; print(snapsim.__file__)", cwd=tmp_path)
    assert Path(told.strip()).is_relative_to(installed.parents[1])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_commands_work_away_from_the_checkout(installed, tmp_path, command):
    assert done(installed, "-m", "snapsim", *command, cwd=tmp_path)


def test_chapters_bring_the_pages_that_they_name(installed, tmp_path):
    done(installed, "-m", "snapsim", "notebooks", "course", cwd=tmp_path)
    chapters = "".join(path.read_text() for path in (tmp_path / "course").glob("*.ipynb"))
    assert "docs/fidelity.md" in chapters
    assert (tmp_path / "course" / "docs" / "fidelity.md").read_text() == (ROOT / "docs" / "fidelity.md").read_text()
