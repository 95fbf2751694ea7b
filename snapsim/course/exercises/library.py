"""The snapsim that a submission sees: the modules that its exercise gives, what they import, and no more.

>>> from snapsim.course.exercises import EXERCISES
>>> [name for name in modules(library(EXERCISES["union-mount"])) if name.startswith("snapsim.testing")]
['snapsim.testing.unions.contract', 'snapsim.testing.wire', 'snapsim.testing.unions', 'snapsim.testing']

What it leaves out: imports inside of functions, which the given modules do not have.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path, PurePosixPath

from snapsim.course.exercises.exercise import Exercise
from snapsim.course.exercises.walls import PACKAGE

WORKER = "snapsim.course.exercises.worker"
_FOR_TESTS = ("snapsim.base.errors", "snapsim.block.counts", "snapsim.block.volume", "snapsim.testing.settled")
"""What the worker needs of its own for an exercise that asks for tests."""


def library(exercise: Exercise) -> dict[str, str]:
    """Path -> text of each file; packages are empty but for the names that the exercise imports from them."""
    homes: dict[str, list[str]] = {}
    waiting = [WORKER, *(_FOR_TESTS if exercise.contract == "tests" else ())]
    for node in ast.walk(ast.parse(exercise.setup)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("snapsim"):
            for alias in node.names:
                home = getattr(import_module(node.module), alias.name).__module__
                homes.setdefault(node.module, []).append(f"from {home} import {alias.name}\n")
                waiting.append(home)
    files: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path not in files:
            files[path] = (PACKAGE.parent / path).read_text(encoding="utf-8")
            waiting += _imports(files[path])
    for path in list(files):
        for parent in list(PurePosixPath(path).parents)[:-1]:
            files.setdefault(f"{parent}/__init__.py", "")
    for module, lines in homes.items():
        if f"{module.replace('.', '/')}/__init__.py" in files:
            files[f"{module.replace('.', '/')}/__init__.py"] = "".join(lines)
    return files


def _path(name: str) -> str:
    return Path(str(import_module(name).__file__)).resolve().relative_to(PACKAGE.parent).as_posix()


def _imports(text: str) -> Iterator[str]:
    """The modules of snapsim that a file imports at its top."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("snapsim"):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("snapsim"))


def modules(files: dict[str, str]) -> list[str]:
    """Their dotted names, without the worker's."""
    return [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files if "course" not in path
    ]
