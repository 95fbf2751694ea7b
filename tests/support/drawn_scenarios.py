"""Scenarios drawn by Hypothesis that a real daemon can play: each operation is possible when its turn comes.

`Tree` knows which names there are, no more than is needed for that; what an operation costs is not its business.

LEAVES OUT: what `live_scenario` leaves out, and names that only a busybox in use would miss (``bin``, ``proc`` ...).
"""

from copy import deepcopy
from posixpath import dirname

from hypothesis import strategies as st

from snapsim.docker.scenario import parse

NAMES = ("f", "g", "h", "d", "e")
SIZES = (0, 1, 100, 4096, 5000, 70_000)
SOME = (1, 4096)
SECONDS = (1_500_000_000, 1_600_000_000)
STATES = ("exited", "exited", "created", "running", "paused")
BASE = [{"op": "create", "files": [{"path": "bin/busybox", "size": 1982256}]},
        {"op": "symlink", "path": "bin/sh", "target": "busybox"}, {"op": "mkdir", "path": "etc"}]  # fmt: skip


class Tree:
    """Names below the root and what they are: a file, a directory or a link."""

    def __init__(self):
        self.kinds = {}

    def of(self, *kinds):
        return sorted(path for path, kind in self.kinds.items() if kind in kinds)

    def below(self, directory):
        return [path for path in self.kinds if path.startswith(f"{directory}/")]

    def free(self):
        """Names that are not there yet, at most two directories deep."""
        places = ["", *(f"{path}/" for path in self.of("directory") if path.count("/") < 1)]
        return [place + name for place in places for name in NAMES if place + name not in self.kinds]

    def forget(self, path):
        for gone in [*self.below(path), path]:
            del self.kinds[gone]

    def move(self, path, to):
        for old in [*self.below(path), path]:
            self.kinds[to + old.removeprefix(path)] = self.kinds.pop(old)

    def possible(self):
        """Names of the operations that something is there for."""
        found = ["create", "create", "mkdir", "symlink"] if self.free() else []
        if self.of("file"):
            found += ["write", "write", "append", "truncate", "chmod", "utime", "read", "link", "mv"]
        if self.of("file", "link"):
            found.append("unlink")
        if self.of("directory"):
            found += ["chmod-directory", "mv-directory", "remove"]
        if any(not self.below(path) for path in self.of("directory")):
            found.append("rmdir")
        return found


@st.composite
def operation(draw, tree):
    """One operation that can be done in the tree, which then has it done."""
    name = draw(st.sampled_from(tree.possible()))
    made = _MAKES if name in ("create", "mkdir", "symlink") else _CHANGES
    return made[name](draw, tree)


def _create(draw, tree):
    path, size = draw(st.sampled_from(tree.free())), draw(st.sampled_from(SIZES))
    tree.kinds[path] = "file"
    return {"op": "create", "files": [{"path": path, "size": size}]}


def _mkdir(draw, tree):
    path = draw(st.sampled_from(tree.free()))
    tree.kinds[path] = "directory"
    return {"op": "mkdir", "path": path}


def _symlink(draw, tree):
    path = draw(st.sampled_from(tree.free()))
    tree.kinds[path] = "link"
    return {"op": "symlink", "path": path, "target": draw(st.sampled_from(("f", "/nowhere", "../" * 3 + "d")))}


def _file(draw, tree):
    return draw(st.sampled_from(tree.of("file")))


def _directory(draw, tree):
    return draw(st.sampled_from(tree.of("directory")))


def _write(draw, tree):
    offsets = draw(st.lists(st.sampled_from((0, 1, 4095, 9000)), min_size=1, max_size=2))
    length = draw(st.sampled_from((1, 4096, 4097)))
    return {"op": "write", "path": _file(draw, tree), "offsets": offsets, "length": length}


def _gone(op, path, tree):
    tree.forget(path)
    return {"op": op, "path": path}


def _moved(draw, tree, path):
    """To a free name in the same directory, as `to` counts from there."""
    prefix = f"{dirname(path)}/" if dirname(path) else ""
    to = next((name for name in (*NAMES, "x", "y", "z") if prefix + name not in tree.kinds), "w")
    tree.move(path, prefix + to)
    return {"op": "mv", "path": path, "to": to}


def _link(draw, tree):
    path = _file(draw, tree)
    prefix = f"{dirname(path)}/" if dirname(path) else ""
    to = next(name for name in (*NAMES, *map(str, range(99))) if prefix + name not in tree.kinds)
    tree.kinds[prefix + to] = "file"
    return {"op": "link", "path": path, "to": to}


def _mode(draw):
    return draw(st.sampled_from((0o600, 0o644, 0o755)))


_MAKES = {"create": _create, "mkdir": _mkdir, "symlink": _symlink}
_CHANGES = {
    "write": _write,
    "link": _link,
    "read": lambda draw, tree: {"op": "read", "path": _file(draw, tree)},
    "append": lambda draw, tree: {"op": "append", "path": _file(draw, tree), "length": draw(st.sampled_from(SOME))},
    "truncate": lambda draw, tree: {"op": "truncate", "path": _file(draw, tree), "size": draw(st.sampled_from(SIZES))},
    "chmod": lambda draw, tree: {"op": "chmod", "path": _file(draw, tree), "mode": _mode(draw)},
    "chmod-directory": lambda draw, tree: {"op": "chmod", "path": _directory(draw, tree), "mode": _mode(draw) | 0o100},
    "utime": lambda draw, tree: {"op": "utime", "path": _file(draw, tree), "seconds": draw(st.sampled_from(SECONDS))},
    "unlink": lambda draw, tree: _gone("unlink", draw(st.sampled_from(tree.of("file", "link"))), tree),
    "remove": lambda draw, tree: _gone("remove", _directory(draw, tree), tree),
    "mv": lambda draw, tree: _moved(draw, tree, _file(draw, tree)),
    "mv-directory": lambda draw, tree: _moved(draw, tree, _directory(draw, tree)),
    "rmdir": lambda draw, tree: _gone(
        "rmdir", draw(st.sampled_from([path for path in tree.of("directory") if not tree.below(path)])), tree),
}  # fmt: skip


def _work(draw, tree, least, most):
    return [draw(operation(tree)) for _ in range(draw(st.integers(least, most)))]


def _step(draw, tree):
    """COPY of new files, RUN of anything, or a line that makes no layer."""
    word = draw(st.sampled_from(("COPY", "RUN", "RUN", "ENV", "IDLE")))
    if word == "COPY" and tree.free():
        return {"created_by": "COPY", "ops": [_create(draw, tree)]}
    if word in ("ENV", "IDLE"):
        return {"created_by": "ENV a=b" if word == "ENV" else "RUN /bin/busybox true", "empty": True}
    return {"created_by": "RUN", "ops": _work(draw, tree, 1, 4)}


@st.composite
def scenarios(draw):
    """A base, one or two images that are built on what is there, and up to three containers."""
    trees = {"base:1": Tree()}
    images = [{"tag": "base:1", "layers": [{"created_by": "import", "ops": BASE + _work(draw, trees["base:1"], 3, 8)}]}]
    for tag in draw(st.sampled_from((("child:1",), ("child:1", "other:1")))):
        base = draw(st.sampled_from(sorted(trees)))
        trees[tag] = deepcopy(trees[base])
        layers = [_step(draw, trees[tag]) for _ in range(draw(st.integers(0, 3)))]
        images.append({"tag": tag, "from": base, "layers": layers})
    boxes = [_container(draw, number, trees) for number in range(draw(st.integers(1, 3)))]
    return parse({"images": images, "containers": boxes})


def _container(draw, number, trees):
    image, state = draw(st.sampled_from(sorted(trees))), draw(st.sampled_from(STATES))
    ops = [] if state == "created" else _work(draw, deepcopy(trees[image]), 0, 5)
    return {"name": f"c{number}", "image": image, "ops": ops, "state": state}
