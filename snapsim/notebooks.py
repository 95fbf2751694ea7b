"""The chapters of the course, and copying them out as Jupyter notebooks.

Their sources are text (jupytext's percent form) in ``notebooks/`` of a checkout; a wheel carries them as
``snapsim/data/notebooks``. Chapters that a language does not have come in English.

>>> [path.name for path in sources("ko")][0]
'1-one-block-one-snapshot-one-bill.py'
>>> sources("ko")[0].parent.name, sources("ko")[1].parent.name
('ko', 'notebooks')

What it leaves out: the other way, from a notebook to its text (``jupytext --to py:percent``).
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .errors import InvalidInput

LANGUAGES = ("en", "ko")
_PLACES = (Path(__file__).parent / "data" / "notebooks", Path(__file__).parent.parent / "notebooks")


def sources(language: str = "en") -> list[Path]:
    """The texts of all chapters, in order.

    Raises
    ------
    InvalidInput
        No such language, or an installation without chapters.
    """
    if language not in LANGUAGES:
        raise InvalidInput(f"{language!r} is not allowed: one of {', '.join(LANGUAGES)}", "--language")
    home = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
    found = sorted(home.glob("[0-9]-*.py"))
    if not found:
        raise InvalidInput("no chapters here: install snapsim from its wheel or its sources", str(home))
    translated = {path.name: path for path in home.glob(f"{language}/*.py")}
    return [translated.get(path.name, path) for path in found]


def written(language: str = "en") -> dict[str, str]:
    """File name -> text of each notebook (nbformat 4), without outputs.

    Raises
    ------
    InvalidInput
        As of `sources`; or jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError:
        raise InvalidInput("jupytext is not installed: pip install 'snapsim[notebooks]'") from None
    return {f"{path.stem}.ipynb": str(jupytext.writes(jupytext.read(path), fmt="ipynb")) + "\n"
            for path in sources(language)}


def copy_out(folder: str | os.PathLike[str], language: str = "en") -> list[Path]:
    """Write all notebooks into a folder, which is made if it is missing; all of them or none.

    Raises
    ------
    InvalidInput
        One of the files is there already, or the folder cannot be written; then nothing was.
    """
    target, notebooks = Path(folder), written(language)
    there = [name for name in notebooks if os.path.lexists(target / name)]
    if there:
        raise InvalidInput("is there already, and your answers may be in it: choose another folder, or move it",
                           str(target / there[0]))
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(error, target) from None
    return _write_all(target, notebooks)


def _write_all(target: Path, notebooks: Mapping[str, str]) -> list[Path]:
    begun: list[Path] = []
    try:
        for name, text in notebooks.items():
            with open(target / name, "x", encoding="utf-8") as file:
                begun.append(target / name)
                file.write(text)
    except BaseException as error:
        for path in begun:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError):
            raise _unwritable(error, target) from None
        raise
    return begun


def _unwritable(error: OSError, target: Path) -> InvalidInput:
    return InvalidInput(f"{error.strerror}: a folder that can be written is needed", str(target))
