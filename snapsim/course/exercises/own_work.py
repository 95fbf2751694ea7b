"""What of snapsim does a submission use? An exercise that asks for a volume is not solved by one of snapsim's own.

From what was handed in, its base classes, methods and helpers are followed, through the globals and closures that
their code names, and through imports inside of them. Whatever of snapsim is met has to come from the modules that the
exercise gives.

>>> __name__ = "mine"
>>> from snapsim.block.snapshots import ExceptionStore
>>> class MyVolume(ExceptionStore):
...     pass
>>> borrowed(MyVolume, {"snapsim.block.volume", "snapsim.block.device"})
'snapsim.block.snapshots.exception_store.ExceptionStore'
>>> def helper():
...     import snapsim.block.snapshots
>>> def mine():
...     return helper()
>>> borrowed(mine, {"snapsim.block.volume"})
'snapsim.block.snapshots'
>>> def face():
...     from snapsim import ExceptionStore
>>> borrowed(face, {"snapsim.block.volume"})
'snapsim.block.snapshots.exception_store.ExceptionStore'
>>> borrowed({ExceptionStore.new: 8}, {"snapsim.block.volume"})
'snapsim.block.snapshots.exception_store.ExceptionStore'

What it leaves out: names that are put together or looked up while the code runs (``importlib``, ``getattr`` of text,
``__subclasses__``, annotations), other files that a submission imports, and ideas.
"""

import dis
import gc
import sys
import types
from collections.abc import Collection, Iterator
from typing import Any

import snapsim

_PLAIN = (str, bytes, int, float, complex, bool, type(None))
_RUNNING = (types.CodeType, types.FrameType, types.TracebackType)
"""They lead to whoever called."""


def borrowed(found: Any, given: Collection[str]) -> str:
    """The first thing of snapsim that is used and not given, as a dotted name; "" for none.

    Parameters
    ----------
    found : object
        What was handed in: a class, a function, or a list of them.
    given : collection of str
        Modules of snapsim that may be used, with all that is in them.
    """
    seen: dict[int, object] = {}  # kept, so that no other gets their ids
    waiting = [found]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (*_PLAIN, *_RUNNING)):
            continue
        seen[id(thing)] = thing
        name = thing if isinstance(thing, _Import) else _home(thing)
        if _of_snapsim(name.module):
            if not _is_given(name.module, given):
                return str(name)
        elif isinstance(thing, _Import):
            continue
        elif thing is found or _is_own(name.module, thing):
            waiting += _parts(thing)
    return ""


class _Import:
    """A module, or what is of it."""

    def __init__(self, module: str, name: str = "") -> None:
        self.module, self.name = module, name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


def _home(thing: Any) -> _Import:
    if isinstance(thing, types.ModuleType):
        return _Import(thing.__name__)
    named = thing if isinstance(thing, type | types.FunctionType) else type(thing)
    return _Import(str(getattr(named, "__module__", "")), str(getattr(named, "__name__", "")))


def _of_snapsim(module: str) -> bool:
    return module.partition(".")[0] == "snapsim"


def _is_given(module: str, given: Collection[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in given)


def _is_own(module: str, thing: Any) -> bool:
    """Written by the student: in no module that was imported from a file; or of Python's own types, such as a list."""
    if module == "__main__":
        return True
    if isinstance(thing, types.ModuleType):
        return False
    if isinstance(thing, type | types.FunctionType):
        return module not in sys.modules or (isinstance(thing, types.FunctionType) and hasattr(thing, "hypothesis"))
    return module not in sys.modules or module in sys.stdlib_module_names


def _parts(thing: Any) -> Iterator[Any]:
    """What a thing of the student's is made of."""
    if isinstance(thing, type):
        yield from (type(thing), *thing.__bases__)
        yield from list(vars(thing).values())
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, types.ModuleType):
        yield from list(vars(thing).values())
    else:
        yield type(thing)
        yield from gc.get_referents(thing)


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    yield from vars(function).values()
    yield getattr(getattr(function, "hypothesis", None), "inner_test", None)
    for code in _codes(function.__code__):
        yield from _named(code, function.__globals__)


def _named(code: types.CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """The globals that code names; of a module, what it takes from there: ``snapsim.block.device.BlockDevice``."""
    instructions = [*dis.get_instructions(code)]
    for number, instruction in enumerate(instructions):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            thing = names.get(instruction.argval)
            for after in instructions[number + 1 :]:
                if not isinstance(thing, types.ModuleType) or after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                thing = vars(thing).get(after.argval, thing)
            yield thing
        elif instruction.opname == "IMPORT_NAME":
            taken = _taken(instructions[number + 1 :]) if instruction.argval == "snapsim" else []
            yield from (getattr(snapsim, name, _Import("snapsim", name)) for name in taken)
            if not taken:
                yield _Import(str(instruction.argval))


def _taken(after: list[dis.Instruction]) -> list[str]:
    """The names that ``from snapsim import ...`` takes: each counts as what it is, wherever that is at home."""
    names = []
    for instruction in after:
        if instruction.opname == "IMPORT_FROM":
            names.append(str(instruction.argval))
        elif not instruction.opname.startswith("STORE_"):
            break
    return names


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
