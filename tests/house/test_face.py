"""The public face: `import snapsim` offers a few names, each of them with one home, and loads what is asked for."""

import ast
import importlib
import inspect
import re
import subprocess
import sys

import pytest
from places import ROOT

import snapsim
from snapsim.course import notebooks

INITS = sorted((ROOT / "snapsim").rglob("__init__.py"))


def package(path):
    return ".".join(path.parent.relative_to(ROOT).parts)


def exported(path):
    """The names that a package offers: its ``__all__``, or those that it loads when they are asked for."""
    module = importlib.import_module(package(path))
    return getattr(module, "__all__", None) or list(getattr(module, "_HOMES", ()))


@pytest.mark.parametrize("face", [snapsim, notebooks])
def test_every_name_is_there_and_has_a_docstring(face):
    assert dir(face) == sorted(face._HOMES)
    for name in dir(face):
        found = getattr(face, name)
        assert inspect.getdoc(found), name


@pytest.mark.parametrize("face", [snapsim, notebooks])
def test_type_checkers_see_the_same_names(face):
    """What stands under TYPE_CHECKING is what is loaded, from the same modules."""
    tree = ast.parse(inspect.getsource(face))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            seen.update({alias.name: node.module for alias in node.names})
    whole = {home.removesuffix(" as module") for home in face._HOMES.values() if home.endswith(" as module")}
    assert {f"{seen.pop(home.rpartition('.')[2])}.{home.rpartition('.')[2]}" for home in whole} == whole
    assert seen == {name: home for name, home in face._HOMES.items() if not home.endswith(" as module")}


def test_the_docstring_lists_the_names():
    listed = re.findall(r"^`(\w+)` ", snapsim.__doc__, re.M)
    assert sorted(listed) == dir(snapsim)


def test_a_name_is_the_same_thing_wherever_it_is_offered():
    """Two packages may offer one name, if it is one thing: a face, and the package where it lives."""
    things = {}
    for path in INITS:
        for name in exported(path):
            things.setdefault(name, set()).add(id(getattr(importlib.import_module(package(path)), name)))
    assert [name for name, found in things.items() if len(found) > 1] == []


def test_a_home_is_where_the_thing_is_written():
    for name, home in snapsim._HOMES.items():
        home = home.removesuffix(" as module")
        module = getattr(getattr(snapsim, name), "__module__", home)
        assert module == home, f"{name} is written in {module}"


def test_importing_it_loads_nothing():
    code = "import sys, snapsim; print(sorted(name for name in sys.modules if name.startswith(('snapsim.', 'numpy.'))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['snapsim.base', 'snapsim.base.lazy']\n"


def test_every_package_says_how_to_read_it():
    for path in INITS:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert text.strip(), path
        if path.parent.parent == ROOT / "snapsim":
            prose = [line for line in text.splitlines() if line.strip()]
            assert 3 <= len(prose) <= 22, path
