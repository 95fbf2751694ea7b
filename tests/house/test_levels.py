"""The house is a table of packages in rows: a package imports from lower rows only."""

import ast
import subprocess
import sys
from pathlib import Path

import house_picture
import pytest
from places import ROOT

PACKAGE = ROOT / "snapsim"
ORDER = (  # from the ground up; two packages of one row do not know each other
    {"base"},
    {"block"},
    {"files"},
    {"drivers"},
    {"lab", "images", "shell"},
    {"docker", "measure", "stories"},
    {"hosts", "fidelity"},
    {"show"},
    {"serve"},
    {"testing"},
    {"course"},
    {"cli"},
)
ROW = {name: number for number, names in enumerate(ORDER) for name in names}
IMPLEMENTATIONS = {  # beside a contract, the folder of what keeps it
    "block": "snapshots",
    "files": "filesystems",
    "drivers": "graphdrivers",
}
CIRCLES = {("block/snapshots/thin/volume.py", "block/snapshots/thin/pool.py")}  # their package's docstring says why
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def at_run_time(node):
    """The nodes of a file without what stands under ``if TYPE_CHECKING``."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from at_run_time(child)


def imports(name, walk=ast.walk):
    """The modules that a file imports, as tuples below snapsim: those in functions and under TYPE_CHECKING too."""
    for node in walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno}: an import is written from the top, as a reader would type it"
            modules = [node.module or ""]
            if (PACKAGE.parent / (node.module or "").replace(".", "/")).is_dir():
                modules = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from (tuple(module.split(".")[1:]) for module in modules if module.split(".")[0] == "snapsim")


def outside(name):
    """The packages from elsewhere that a file imports."""
    for node in ast.walk(ast.parse((PACKAGE / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)


def module_of(name):
    """block/device.py -> ("block", "device")"""
    return tuple(Path(name).with_suffix("").parts)


@pytest.mark.parametrize("name", [name for name in FILES if "/" in name])
def test_imports_go_down(name):
    here = module_of(name)[0]
    for used in imports(name):
        if used and used[0] != here and used[0] in ROW:
            assert ROW[used[0]] < ROW[here], f"{name} (row {ROW[here]}) imports {'.'.join(used)} (row {ROW[used[0]]})"


def test_every_package_has_its_row():
    assert {name.split("/")[0] for name in FILES if "/" in name} == set(ROW)


@pytest.mark.parametrize("package", IMPLEMENTATIONS)
def test_a_contract_does_not_know_its_implementations(package):
    folder = IMPLEMENTATIONS[package]
    for name in FILES:
        if name.startswith(f"{package}/") and not name.startswith((f"{package}/{folder}/", f"{package}/__init__")):
            assert not [used for used in imports(name) if used[:2] == (package, folder)], name


def test_there_is_no_circle_of_files():
    """But those whose package says so."""
    known = {module_of(name): name for name in FILES}
    graph = {name: set() for name in FILES}
    for name in FILES:
        for used in imports(name, at_run_time):
            found = next(
                (used[:n] for n in range(len(used), 0, -1) if used[:n] in known or (*used[:n], "__init__") in known),
                None,
            )
            if found:
                target = known.get(found) or known[*found, "__init__"]
                if target != name and not target.endswith("__init__.py") and (name, target) not in CIRCLES:
                    graph[name].add(target)
    done, walked = set(), []

    def visit(name):
        if name in walked:
            raise AssertionError("a circle: " + " -> ".join([*walked[walked.index(name) :], name]))
        if name not in done:
            walked.append(name)
            for target in sorted(graph[name]):
                visit(target)
            done.add(walked.pop())

    for name in FILES:
        visit(name)


def test_private_modules_stay_in_their_package():
    for name in FILES:
        for used in imports(name):
            private = next(
                (n for n, part in enumerate(used) if part.startswith("_") and not part.startswith("__")), None
            )
            if private is not None and private < len(used) - 1:
                assert module_of(name)[:private] == used[:private], f"{name} imports {'.'.join(used)}"


def test_import_is_light():
    """`import snapsim` loads NumPy at most; the command line and the plots load what they need when they are called."""
    code = "import snapsim, snapsim.block.device, sys\n"
    code += "print({'matplotlib', 'hypothesis', 'docker', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_only_the_plots_import_matplotlib_and_only_the_kit_hypothesis():
    for name in FILES:
        used = set(outside(name))
        assert "matplotlib" not in used or name.startswith("show/plots/"), name
        assert "hypothesis" not in used or name.startswith("testing/"), name


def test_the_picture_of_the_house_is_current():
    assert house_picture.PICTURE.read_text(encoding="utf-8") == house_picture.drawn(ORDER), "make picture"
