"""The chapters and the exercises of the course, and how they are written out as Jupyter notebooks.

Their sources are text (jupytext's percent form) in ``notebooks/`` of a checkout; a wheel carries them as
``snapsim/data/notebooks``. A chapter that is not translated into a language is taken in English. The exercises are in
English as well, and are written out without their solutions.

>>> [path.name for path in sources("ko")][0]
'1-one-block-one-snapshot-one-bill.py'
>>> sources("ko")[0].parent.name, sources("ko")[1].parent.name
('ko', 'notebooks')

A chapter may refer to a page of the documentation (``docs/...md``): such pages are written beside the chapters, under
the same name.

What it leaves out: the other way, from a notebook to its text (``jupytext --to py:percent``).
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from snapsim.base.errors import InvalidInput
from snapsim.base.shipped import SHIPPED
from snapsim.course.notebooks.cells import notebook, read_cells, student_cells

EXERCISES = ("cow-volume", "union-mount", "properties")
LANGUAGES = ("en", "ko")
_PLACES = (SHIPPED / "notebooks", SHIPPED.parent.parent / "notebooks")
_PAGES = (SHIPPED / "docs", SHIPPED.parent.parent / "docs")
_PAGE = re.compile(r"docs/([\w/-]+\.md)")


def sources(language: str = "en") -> list[Path]:
    """The texts of all chapters, in order.

    Raises
    ------
    InvalidInput
        No such language, or an installation without chapters.
    """
    if language not in LANGUAGES:
        raise InvalidInput(f"{language!r} is not allowed: one of {', '.join(LANGUAGES)}", "--language")
    home = _home()
    translated = {path.name: path for path in home.glob(f"{language}/*.py")}
    return [translated.get(path.name, path) for path in sorted(home.glob("[0-9]-*.py"))]


def exercise_sources() -> list[Path]:
    """The texts of the exercises, in the order of the course, with their solutions.

    Examples
    --------
    >>> [path.name for path in exercise_sources()]
    ['cow-volume.py', 'union-mount.py', 'properties.py']
    """
    return [_home() / "exercises" / f"{name}.py" for name in EXERCISES]


def _home() -> Path:
    home = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
    if not list(home.glob("[0-9]-*.py")):
        raise InvalidInput("no chapters here: install snapsim from its wheel or its sources", str(home))
    return home


def written(language: str = "en") -> dict[str, str]:
    """File name -> text: each notebook (nbformat 4), without outputs, and the pages that they name.

    Raises
    ------
    InvalidInput
        As of `sources`.
    """
    chapters = {f"{path.stem}.ipynb": notebook(read_cells(path.read_text("utf-8"))) for path in sources(language)}
    exercises = {
        f"exercise-{path.stem}.ipynb": notebook(student_cells(path.read_text(encoding="utf-8")))
        for path in exercise_sources()
    }
    return {**chapters, **exercises, **_pages("".join([*chapters.values(), *exercises.values()]))}


def _pages(text: str) -> dict[str, str]:
    """The pages that a text names, as they are."""
    home = next((place for place in _PAGES if place.is_dir()), _PAGES[0])
    return {f"docs/{name}": (home / name).read_text(encoding="utf-8") for name in sorted(set(_PAGE.findall(text)))}


def copy_out(folder: str | os.PathLike[str], language: str = "en") -> list[Path]:
    """Write all notebooks into a folder, which is made if it is missing; all of them or none.

    Raises
    ------
    InvalidInput
        One of the files exists already, or the folder cannot be written; nothing was written then.
    """
    return write_files(folder, written(language))


def write_files(folder: str | os.PathLike[str], files: Mapping[str, str]) -> list[Path]:
    """Write texts into a folder, which is made if it is missing; all of them or none.

    Parameters
    ----------
    folder : str or PathLike
    files : mapping of str to str
        Path below the folder -> text.

    Raises
    ------
    InvalidInput
        One of the files exists already with another text, or the folder cannot be written; nothing was written then.
    """
    target = Path(folder)
    there = [name for name in files if os.path.lexists(target / name)]
    changed = [name for name in there if not _holds(target / name, files[name])]
    if changed:
        raise InvalidInput(
            "is there already, and your answers may be in it: choose another folder, or move it",
            str(target / changed[0]),
        )
    new = {name: text for name, text in files.items() if name not in there}
    _write_all(target, new)
    return [target / name for name in files]


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _write_all(target: Path, files: Mapping[str, str]) -> None:
    begun: list[Path] = []
    try:
        for name, text in files.items():
            folders = [place for place in (target / name).parents if not place.exists()]
            for place in reversed(folders):
                place.mkdir()
                begun.append(place)
            with open(target / name, "x", encoding="utf-8") as file:
                begun.append(target / name)
                file.write(text)
    except BaseException as error:
        for path in reversed(begun):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise _unwritable(error, target) from None
        raise


def _unwritable(error: OSError, target: Path) -> InvalidInput:
    return InvalidInput(f"{error.strerror}: a folder that can be written is needed", str(target))
