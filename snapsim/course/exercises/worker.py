"""The process in which a submission runs: it loads the file, carries out calls, and is believed in nothing.

It is a program (`main`) behind walls (`walls`), in a folder with nothing but a copy of the submission, and with a
snapsim that holds what the exercise gives and no more. It reads lines of JSON from its standard input and answers each
with one (`snapsim.testing.wire`). The first says what to load; then come calls of the methods of what the submission
makes. Which answers are right is known in the judge's process only (`remote`), so there is nothing here to cheat.

An exercise that asks for tests turns the direction round: while a test runs, what it does to a volume is a line to the
judge, who has the volume (`judges_volume`). Each test meets each volume in a process that is forked for it.

What it leaves out: trust. A submission can change all of this, and then its own answers are wrong.
"""

import contextlib
import importlib
import linecache
import os
import sys
import traceback
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from snapsim.course.exercises.judges_volume import Judge
from snapsim.testing.wire import as_text, decode, dump, encode, load

STATE = ("size", "block_size", "chunk_size", "read_only", "deleted", "limits")
"""What a judge is told of each volume, whenever it changes; besides its family, its origin and its devices."""

SPACE = ("places", "allocated", "usage")
"""What a volume need not have: the judge is told whether it is the contract's own, which refuses."""


class Line:
    """The line to the judge, on descriptors of its own: the standard streams lead nowhere."""

    def __init__(self) -> None:
        self._in, self._out = os.fdopen(os.dup(0), "rb"), os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)

    def ask(self) -> Any:
        """The next message; the end of the process where there is none."""
        line = self._in.readline()
        if not line:
            os._exit(0)
        return load(line)

    def say(self, message: dict[str, Any]) -> None:
        """Answer."""
        line = memoryview(dump(message))
        while line:
            line = line[os.write(self._out, line) :]


class Notes:
    """What is not allowed and was tried: a module that the exercise does not give, a file with solutions."""

    def __init__(self, given: Iterable[str], hidden: Iterable[str], solutions: Iterable[Any]) -> None:
        self.given, self.hidden = set(given), tuple(hidden)
        self.solutions = {tuple(each) for each in solutions}
        self.uses = self.opens = ""
        sys.meta_path.insert(0, self)
        sys.addaudithook(self._hook)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Python asks here first for each module: of snapsim there is what is given."""
        if name.partition(".")[0] == "snapsim" and name not in self.given:
            self.uses = self.uses or name
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if "notebooks/exercises" in path or self._is_solution(path):
                self.opens = self.opens or path
                raise PermissionError("solutions cannot be opened")
            if path.startswith(self.hidden):
                self.uses = self.uses or f"snapsim ({os.path.basename(path)})"
                raise PermissionError("this exercise gives no more of snapsim")

    def _is_solution(self, path: str) -> bool:
        try:
            told = os.stat(path)
        except (OSError, ValueError):  # whoever opens it is told
            return False
        return (told.st_dev, told.st_ino) in self.solutions

    def told(self) -> dict[str, str]:
        """What there is to say."""
        return {key: text for key, text in (("uses", self.uses), ("opens", self.opens)) if text}


def raised(error: BaseException, own: str) -> dict[str, Any]:
    """An exception as data: the class of the contract that it is of, its text, and where it arose."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ in ("snapsim.base.errors", "builtins")]
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: {frames[-1].line}" if frames else ""
    lines = [frame.lineno for frame in frames if frame.filename == own]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    try:
        last = traceback.format_exception_only(error)[-1].strip()
    except Exception:  # its text is the student's code
        last = type(error).__name__
    try:
        said = str(error)
    except Exception:
        said = ""
    return {"raised": {
        "kinds": kinds, "said": as_text(said), "last": as_text(last), "where": as_text(where), "line": line,
        "done": encode(getattr(error, "done", 0)),
    }}  # fmt: skip


class Objects:
    """What the submission made, by numbers, and what the judge was told of each."""

    def __init__(self, contract: type | None) -> None:
        self.inherited = {verb: getattr(contract, verb, None) for verb in SPACE}
        self.by_number: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._told: dict[int, Any] = {}
        self._glances: dict[int, Any] = {}
        self._known: set[int] = set()
        self._next = 0

    def number(self, thing: Any) -> int:
        """Its number, a new one for what is new."""
        if id(thing) not in self._numbers:
            self._next += 1
            self.by_number[self._next], self._numbers[id(thing)] = thing, self._next
        return self._numbers[id(thing)]

    def is_new(self, number: int) -> bool:
        """Whether nobody asked so before."""
        known = number in self._known
        self._known.add(number)
        return not known

    def drop(self, numbers: Iterable[int]) -> None:
        """The judge holds these no longer."""
        for number in numbers:
            thing = self.by_number.pop(number, None)
            self._numbers.pop(id(thing), None)
            self._told.pop(number, None)
            self._glances.pop(number, None)

    def around(self, number: int) -> list[Any]:
        """A volume, with the others of its family and the devices of them all; or a union."""
        thing = self.by_number.get(number)
        found = [] if thing is None else [thing]
        for name in ("family", "devices"):
            for each in list(found):
                with contextlib.suppress(Exception):  # attributes are the student's code
                    found += [other for other in getattr(each, name) if not any(other is one for one in found)]
        return found

    def devices(self, number: int) -> dict[int, Any]:
        """The devices among them, by their numbers."""
        return {self.number(each): each for each in self.around(number) if hasattr(each, "counts")}

    def news(self, number: int) -> list[Any]:
        """The state of each of them of which the judge does not know it."""
        found = []
        for thing in self.around(number):
            mine, glance = self.number(thing), _glance(thing)
            if glance is None or glance != self._glances.get(mine):
                self._glances[mine] = glance
                state = self._state(thing)
                if state != self._told.get(mine):
                    self._told[mine] = state
                    found.append([mine, state])
        return found

    def _state(self, thing: Any) -> dict[str, Any]:
        if hasattr(thing, "counts"):
            return {"size": encode(thing.size), "block_size": encode(thing.block_size), "name": encode(thing.name)}
        state = {}
        with contextlib.suppress(Exception):
            state = {name: encode(getattr(thing, name)) for name in STATE if hasattr(thing, name)}
            for name in ("upper", "copied", "lowers"):
                if hasattr(thing, name):
                    state[name] = encode(getattr(thing, name))
        for name in ("family", "devices"):
            with contextlib.suppress(Exception):
                state[name] = [self.number(other) for other in getattr(thing, name)]
        with contextlib.suppress(Exception):
            state["inherits"] = [verb for verb in SPACE if getattr(type(thing), verb) is self.inherited[verb]]
        with contextlib.suppress(Exception):
            state["origin"] = None if thing.origin is None else self.number(thing.origin)
        return state


def _glance(thing: Any) -> Any:
    """What cannot be the same if a volume is different, and is told fast; None for what has to be looked at."""
    try:
        if hasattr(thing, "counts"):
            return [thing.size, thing.block_size, thing.name]
        own = [getattr(thing, name) for name in STATE[:5]]
        near = [*thing.family, *thing.devices, thing.origin, thing.limits]
    except Exception:  # attributes are the student's code
        return None
    return own, list(map(id, near))


class Worker:
    """One submission, and the calls that the judge makes.

    Parameters
    ----------
    line : Line
    task : dict
        What to load: ``file`` (its name), ``source`` (bytes), ``setup``, ``wanted``, ``contract``, ``given``,
        ``hidden``, ``solutions``.
    """

    def __init__(self, line: Line, task: dict[str, Any]) -> None:
        self.line, self.task = line, task
        self.names: dict[str, Any] = {"__name__": "submission"}
        self.record: Any = None
        contract = None
        if task["contract"] == "Volume":
            self.record = importlib.import_module("snapsim.block.device").recording
            contract = importlib.import_module("snapsim.block.volume").Volume
        self.objects = Objects(contract)
        exec(task["setup"], self.names)  # by itself: lines are counted in the student's file
        if task["contract"] == "tests":
            importlib.import_module("snapsim.testing.settled").settle()
        self.notes = Notes(task["given"], task["hidden"], task["solutions"])

    def load(self) -> dict[str, Any]:
        """Run the file, and say what it defines."""
        source, own = self.task["source"], self.task["file"]
        text = source.decode("utf-8", "replace")
        Path(own).write_bytes(source)
        linecache.cache[own] = (len(text), None, text.splitlines(keepends=True), own)
        try:
            exec(compile(source, own, "exec"), self.names)  # bytes: Python's own rules for BOM, encoding, line ends
        except BaseException as error:
            return raised(error, own)
        return {"value": self._described()}

    def _described(self) -> dict[str, Any]:
        wanted, contract = self.task["wanted"], self.task["contract"]
        if wanted not in self.names:
            return {"missing": True}
        found = self.names[wanted]
        self.found = found
        try:
            if contract == "tests":
                right = isinstance(found, list | tuple) and all(callable(each) for each in found)
                tests = [str(getattr(each, "__name__", f"test {number}")) for number, each in enumerate(found)]
                return {"tests": tests} if right else {"not": as_text(repr(found))}
            kinds = [kind.__name__ for kind in found.__mro__] if isinstance(found, type) else []
            if contract not in kinds:
                return {"not": as_text(repr(found))}
            return {"class": as_text(found.__name__)}
        except Exception as error:  # what describes it is the student's code
            return {"not": as_text(type(error).__name__)}

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Carry out a call, and tell what came of it: a value, what was done to the devices, what is different."""
        self.objects.drop(message.get("drop", ()))
        number = message["of"]
        devices = self.objects.devices(number)
        with contextlib.ExitStack() as stack:
            story = stack.enter_context(self.record(*devices.values())) if devices else ()
            try:
                told = {"value": self._called(message)}
            except BaseException as error:  # whatever it raises is data
                told = raised(error, self.task["file"])
        numbers = {device.name: each for each, device in devices.items()}
        told["io"] = [
            [numbers[io.device], io.operation, int(io.first), int(io.length), str(io.purpose), int(io.size)]
            for io in story
        ]
        made = told.get("value")
        number = made["object"] if isinstance(made, dict) and "object" in made else number
        told["news"] = self.objects.news(number)
        told["born"] = [
            [each, encode(device.counts.cells())]
            for each, device in self.objects.devices(number).items()
            if self.objects.is_new(each)
        ]
        return told

    def _called(self, message: dict[str, Any]) -> Any:
        verb = message["call"]
        arguments = [self._argument(part) for part in message["with"]]
        if verb == "make":
            make = getattr(self.found, "new", self.found) if self.task["contract"] == "Volume" else self.found
            return self._made(make(*arguments))
        thing = self.objects.by_number[message["of"]]
        found = getattr(thing, verb)
        value = found(*arguments) if callable(found) else found
        if verb in ("snapshot", "clone"):
            return self._made(value)
        if verb == "names" and isinstance(value, Iterable):
            value = list(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            value = tuple(value)
        return encode(value)

    def _argument(self, part: Any) -> Any:
        is_object = isinstance(part, dict) and "object" in part
        return self.objects.by_number[part["object"]] if is_object else decode(part)

    def _made(self, thing: Any) -> Any:
        plain = thing is None or isinstance(thing, bool | int | float | str | bytes | list | tuple | dict)
        return encode(thing) if plain else {"object": self.objects.number(thing)}

    # ---------------------------------------------------------------- tests

    def test(self, number: int) -> dict[str, Any] | None:
        """Run a test in a process of its own, which answers by itself; the answer is given here if it cannot."""
        process = os.fork()
        if process == 0:
            self.line.say({**self._tested(self.found[number]), **self.notes.told()})
            os._exit(77)
        ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return None if ended == 77 else {"gone": ended}

    def _tested(self, test: Any) -> dict[str, Any]:
        try:
            test(make=Judge(lambda message: self._asked(message)).make)
        except BaseException as error:
            return raised(error, self.task["file"])
        return {"value": None}

    def _asked(self, message: dict[str, Any]) -> Any:
        self.line.say(message)
        return self.line.ask()


def bound(limits: dict[str, int]) -> None:
    """Bound what the process and those that it starts may use, by the names of ``resource``."""
    import resource

    for name, most in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard - 10)
        with contextlib.suppress(ValueError, OSError):  # a system that does not know it
            resource.setrlimit(kind, (most, most + 10 if name == "RLIMIT_CPU" else most))


def end_with_the_judge() -> None:
    """Ask Linux to end this process when the judge ends."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main() -> None:
    """Load a submission, then carry out calls until nobody asks."""
    line = Line()
    task = decode(line.ask())
    end_with_the_judge()
    bound(task["limits"])
    worker = Worker(line, task)
    line.say({"ready": True})  # what was imported so far is no time of the submission's
    line.ask()
    line.say({**worker.load(), **worker.notes.told()})
    while True:
        message = line.ask()
        told = worker.test(message["test"]) if "test" in message else worker.answer(message)
        if told is not None:
            line.say({**told, **worker.notes.told()})
