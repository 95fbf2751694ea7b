"""What the kernel said beside what the model said: the first difference, in words.

Both sides give, for each call, its result or the name of its errno, and the trees in the end: of a union what was seen
at first, what is seen at the end, the upper directory, the work directory, and what a new mount sees.

Not compared, since it is no rule: inode numbers themselves (only which are equal, within what is seen), the values of
``trusted.overlay.origin``, ``.uuid`` and ``.metacopy`` (only that they are there), and times of the clock (only whether
a time is one that a call set).
"""

import json
import subprocess
import sys
import traceback
from pathlib import Path

from differential import model

TREES = ("at first", "in the end", "upper", "work", "mounted anew")
OPAQUE_VALUES = ("trusted.overlay.origin", "trusted.overlay.uuid", "trusted.overlay.metacopy")


class Kernel:
    """The process that makes the calls on the running kernel."""

    def __init__(self, directory):
        worker = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, worker, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the worker did not start: {self.process.wait()}")

    def run(self, stack, layers, calls):
        request = {"stack": stack, "layers": layers, "calls": calls}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker died at {json.dumps(request)}")
        return normal(json.loads(answer))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def normal(answer):
    """An answer without what is no rule: numbers of inodes are the order in which they are first seen."""
    seen, below, found = {}, {}, []
    for number, tree in enumerate(answer["trees"]):
        classes = below if len(answer["trees"]) > 1 and number in (2, 3) else seen  # the layers' own numbers
        rows = []
        for path, ino, *row in tree:
            if isinstance(row[-1], dict):
                row[-1] = {name: "" if name in OPAQUE_VALUES else value for name, value in row[-1].items()}
            if number == 4 and len(row) > 1:
                row[8] = ""  # the trees were read before, which changes the access times of links
            temporary = number == 3 and path
            rows.append(["/temporary" if temporary else path, classes.setdefault(ino, len(classes)), *row])
        found.append(rows)
    return {"calls": answer["calls"], "trees": found}


def predicted(stack, layers, calls):
    """The model's answer."""
    return json.loads(json.dumps(normal(model.run(stack, layers, calls))))


def compare(kernel, case):
    """The first difference of a sequence on both sides, None if there is none; a crash of the model is one."""
    try:
        mine = predicted(*case)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"the model fails: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return difference(kernel.run(*case), mine, case[2])


FIELDS = (
    "path",
    "inode",
    "kind",
    "mode",
    "links",
    "uid",
    "gid",
    "size",
    "rdev",
    "mtime",
    "atime",
    "content",
    "attributes",
)


def difference(kernel, mine, calls):
    """The first difference of two answers, None if there is none."""
    for call, one, other in zip(calls, kernel["calls"], mine["calls"], strict=True):
        if one != other:
            return f"{json.dumps(call)}: the kernel {shown(one)}, the model {shown(other)}"
    names = TREES if len(kernel["trees"]) > 1 else ("in the end",)
    for name, one, other in zip(names, kernel["trees"], mine["trees"], strict=True):
        rows, others = {row[0]: row for row in one}, {row[0]: row for row in other}
        for path in sorted(rows.keys() | others.keys()):
            if rows.get(path) != others.get(path):
                return f"{name}, {path or '/'}: {_fields(rows.get(path), others.get(path))}"
    return None


def _fields(one, other):
    if one is None or other is None:
        return f"the kernel {shown(one)}, the model {shown(other)}"
    return "; ".join(
        f"{field}: the kernel {shown(a)}, the model {shown(b)}"
        for field, a, b in zip(FIELDS, one, other, strict=False)
        if a != b
    )


def shown(value):
    text = json.dumps(value)
    return text if len(text) < 200 else f"{text[:190]}..."
