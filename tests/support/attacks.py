"""Submissions that are out to deceive: by kind, for which exercise, their source. None may earn what it did not do.

`UNION` does nothing right by itself, so whatever it earns above `NOTHING` points was got by the trick. ``{home}`` is
snapsim's own folder, ``{neighbour}`` a file of another student, ``{port}`` a port of this machine that somebody listens to.
"""

# ruff: noqa: E501 (a line of a submission is a line here)

from snapsim.course.exercises import EXERCISES

UNION = """
class MyUnion(Union):
    def read(self, name): return b""
    def write(self, name, offset, data): pass
    def unlink(self, name): pass
    def names(self): return []
"""
COW = """
class MyVolume(Volume):
    def __init__(self, size, block_size=4096, chunk_size=None):
        super().__init__(size, block_size, None, (BlockDevice(size, block_size, "origin"),))
    def _read(self, asked): return self.devices[0].read(asked)
    def _write(self, asked, stamps): self.devices[0].write(asked, stamps)
    def _snapshot(self): return MyVolume(self.size)
"""
FORGED = r"""
import json, os
LINES = [
    {"value": {"class": "MyUnion"}, {"ready": True}, {"points": 10, "of": 10, "lines": []},
    {"value": 10.0}, {"passed": ["all"], "failures": []},
]
def forge():
    for line in LINES:
        for descriptor in range(1, 64):
            try:
                os.write(descriptor, json.dumps(line).encode() + b"\n")
            except OSError:
                pass
"""
EQUAL = """
class Equal(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = str.__hash__
    def __iter__(self): return iter(())
    def __index__(self): return 0
    def __array__(self, *args, **more): raise TypeError
class Number(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __sub__(self, other): return 0
    __hash__ = int.__hash__
class Layers(dict):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
"""

ATTACKS = {  # name -> exercise, source
    "values equal to everything": (
        "union-mount",
        EQUAL
        + """
class MyUnion(Union):
    def __init__(self, lowers):
        self.lowers, self.upper, self.copied = Layers(), Layers(), Number()
    def read(self, name): return Equal()
    def write(self, name, offset, data): pass
    def unlink(self, name): pass
    def names(self): return Equal()
""",
    ),
    "stamps equal to everything": (
        "cow-volume",
        EQUAL
        + COW.replace("return self.devices[0].read(asked)", "return [Number() for _ in asked.blocks]")
        + "    read = lambda self, blocks: Number()\n",
    ),
    "a class that lies about its class": (
        "union-mount",
        "class Meta(type):\n    __mro__ = (object,)\n    def mro(cls): return [cls, *type.mro(cls)[1:]]\n"
        "    def __instancecheck__(cls, other): return True\n"
        "class Right:\n    __class__ = property(lambda self: Union)\n" + UNION + "MyUnion.__eq__ = lambda *a: True\n",
    ),
    "clears the dictionaries": (
        "union-mount",
        UNION.replace(
            "return []",
            "\n        for layer in self.lowers: layer.clear()\n        self.lowers.clear()\n        return []",
        ),
    ),
    "clears what the collector knows": (
        "union-mount",
        "import gc\ndef clear():\n    for thing in gc.get_objects():\n"
        "        if type(thing) is dict and ('a' in thing or 'lowers' in thing): thing.clear()\n"
        + UNION.replace("return []", "clear(); return []"),
    ),
    "walks up the frames": (
        "union-mount",
        "import sys\ndef walk():\n    frame = sys._getframe()\n    while frame:\n"
        "        for name, value in frame.f_locals.items():\n"
        "            if isinstance(value, dict) and 'value' in value: value['value'] = 10\n"
        "        frame = frame.f_back\nwalk()\n" + UNION.replace("return []", "walk(); return []"),
    ),
    "changes the worker": (
        "union-mount",
        "import sys\nworker = sys.modules['snapsim.course.exercises.worker']\n"
        "worker.Worker.answer = lambda self, message: {'value': None, 'points': 10}\n" + UNION,
    ),
    "replaces json and numpy": (
        "union-mount",
        "import json, numpy\njson.dumps = lambda *a, **k: '{\"value\": 10}'\nnumpy.array_equal = lambda *a: True\n"
        "numpy.ndarray = int\n" + UNION,
    ),
    "imports the checker": (
        "union-mount",
        "import snapsim.testing.unions.book as book\nbook.same = lambda *a: None\n" + UNION,
    ),
    "looks for the checker quietly": (
        "union-mount",
        "try:\n    import snapsim.testing.unions.check\nexcept ImportError:\n    pass\n" + EXERCISES["union-mount"].solution,
    ),
    "forges the answer and ends": ("union-mount", FORGED + UNION + "forge()\nos._exit(0)\n"),
    "forges the answer and goes on": ("union-mount", FORGED + UNION.replace("return []", "forge(); return []")),
    "forges the answer at exit": (
        "union-mount",
        FORGED + UNION + "import atexit, sys\natexit.register(forge)\nsys.exit(0)\n",
    ),
    "forges from a thread": (
        "union-mount",
        FORGED + UNION + "import threading\n"
        "def often():\n    while True: forge()\n"
        "threading.Thread(target=often, daemon=True).start()\n",
    ),
    "a pickle on the line": (
        "union-mount",
        FORGED + "import pickle\nclass Bad:\n    def __reduce__(self): return (os.system, ('echo 10 > /tmp/owned',))\n"
        "for descriptor in range(1, 64):\n    try: os.write(descriptor, pickle.dumps(Bad()))\n    except OSError: pass\n" + UNION,
    ),
    "a line without an end": (
        "union-mount",
        FORGED + "for descriptor in range(3, 64):\n    try:\n        while True: os.write(descriptor, b'9' * 65536)\n"
        "    except OSError: pass\n" + UNION,
    ),
    "answers too deep to read": (
        "union-mount",
        FORGED + "for descriptor in range(3, 64):\n    try: os.write(descriptor, b'[' * 500000 + b'\\n')\n"
        "    except OSError: pass\n" + UNION,
    ),
    "a number with a million digits": ("union-mount", UNION.replace("return []", "return [10 ** 1000000]")),
    "memory that is not its own": (
        "union-mount",
        "import ctypes\n" + UNION.replace("return []", "return ctypes.string_at(16)"),
    ),
    "all the memory there is": ("union-mount", "pile = [bytearray(1 << 30) for _ in range(99)]\n" + UNION),
    "names without an end": ("union-mount", "import itertools\n" + UNION.replace("return []", "return itertools.count()")),
    "a list within itself": ("union-mount", UNION.replace("return []", "a = []; a.append(a); return a")),
    "an exception whose text never ends": (
        "union-mount",
        "class Bad(Exception):\n    def __str__(self):\n        while True: pass\n" + UNION.replace("return []", "raise Bad"),
    ),
    "two that answer": ("union-mount", "import os\nos.fork()\n" + UNION),
    "closes the line": ("union-mount", "import os\nos.closerange(0, 64)\n" + UNION),
    "half a million signs": ("union-mount", "x = " + "-" * 500000 + "1\n" + UNION),
    "sleeps for ever": ("union-mount", "import time\n" + UNION.replace("return []", "time.sleep(1e6)")),
    "stops itself": (
        "union-mount",
        "import os, signal\n" + UNION.replace("return []", "os.kill(os.getpid(), signal.SIGSTOP)"),
    ),
    "kills itself": ("union-mount", "import os\n" + UNION + "os.kill(os.getpid(), 9)\n"),
    "raises what nobody catches": ("union-mount", "raise KeyboardInterrupt\n" + UNION),
    "ignores every signal": (
        "union-mount",
        "import signal\nfor number in range(1, 32):\n    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n" + UNION.replace("return []", "\n        while True: pass"),
    ),
    "opens the solution": (
        "union-mount",
        "text = open('{home}/../notebooks/exercises/union-mount.py').read()\n"
        "exec(text.partition('# %% tags=[\"check\"]')[0])\n",
    ),
    "another program opens the solution": (
        "union-mount",
        "import subprocess\ntext = subprocess.run(['cat', '{home}/../notebooks/exercises/union-mount.py'],\n"
        "                      capture_output=True, text=True).stdout\n"
        "exec(text.partition('# %% tags=[\"check\"]')[0] or 'raise SystemExit(99)')\n",
    ),
    "a mechanism under another name": (
        "cow-volume",
        "import importlib.util\nspec = importlib.util.spec_from_file_location('mine', '{home}/block/snapshots/__init__.py')\n"
        "mine = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(mine)\n"
        "class MyVolume(mine.ExceptionStore): pass\n",
    ),
    "a mechanism from its text": (
        "cow-volume",
        "names = {}\nexec(open('{home}/block/snapshots/exception_store.py').read(), names)\n"
        "MyVolume = names['ExceptionStore']\n",
    ),
    "a neighbour's file": ("union-mount", "exec(open('{neighbour}').read())\n"),
    "a neighbour's file by another program": (
        "union-mount",
        "import subprocess\n"
        "exec(subprocess.run(['cat', '{neighbour}'], capture_output=True, text=True).stdout or 'raise SystemExit(99)')\n",
    ),
    "another file's text from the network": (
        "union-mount",
        "import socket\nline = socket.create_connection(('127.0.0.1', {port}))\nexec(line.recv(65536))\n",
    ),
    "tests that count how often they run": (
        "properties",
        "import mmap\nruns = mmap.mmap(-1, 8)\n"
        "def test(make):\n    runs[0] += 1\n    assert runs[0] <= 2\ntests = [test]\n",
    ),
    "tests that look at classes": (
        "properties",
        "def test(make):\n    names = str([each.__name__ for each in type(make(1)).__mro__])\n"
        "    assert 'Cow' in names or 'Row' in names\ntests = [test]\n",
    ),
    "tests that ask the collector": (
        "properties",
        "import gc\ndef test(make):\n    make(1)\n"
        "    names = {type(each).__name__ for each in gc.get_objects()}\n"
        "    assert not names & {'CopiesOutAgain', 'LeaksAtDeletion', 'Cow', 'Row'}\n    assert False\ntests = [test]\n",
    ),
    "tests that answer for themselves": (
        "properties",
        FORGED + "def test(make):\n    forge()\n    os._exit(77)\ntests = [test]\n",
    ),
    "tests that replace hypothesis": (
        "properties",
        "import hypothesis\nhypothesis.given = hypothesis.settings = None\n"
        "def test(make):\n    raise AssertionError\ntests = [test]\n",
    ),
    "tests that ask for what is no volume": (
        "properties",
        "def test(make):\n    volume = make(10 ** 12)\ntests = [test]\n",
    ),
}  # fmt: skip
NOTHING = 2.5
"""Points that a union earns which does nothing, and more: half of the behaviours hold of it."""

NEEDS = {  # attacks that only walls keep out, and which
    "another program opens the solution": "no files but its own",
    "a neighbour's file": "no files but its own",
    "a neighbour's file by another program": "no files but its own",
    "another file's text from the network": "no network",
}
