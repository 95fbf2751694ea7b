"""What of snapsim does a submission use? An exercise that asks for a volume is not solved by one of snapsim's own.

From what was handed in, its base classes, methods and helpers are followed, through the globals and closures that
their code names, and through imports inside of them. Whatever of snapsim is met has to come from the modules that the
exercise gives.

>>> __name__ = "mine"
>>> from snapsim.snapshots import ExceptionStore
>>> class MyVolume(ExceptionStore):
...     pass
>>> borrowed(MyVolume, {"snapsim.volume", "snapsim.device"})
'snapsim.snapshots.exception_store.ExceptionStore'
>>> def helper():
...     import snapsim.snapshots
>>> def mine():
...     return helper()
>>> borrowed(mine, {"snapsim.volume"})
'snapsim.snapshots'

What it leaves out: names that are put together while the code runs (``importlib``, ``getattr`` of text), other files
that a submission imports, and ideas.
"""

import dis
import sys
import types
from collections.abc import Collection, Iterator
from typing import Any

_PLAIN = (str, bytes, int, float, complex, bool, type(None))


def borrowed(found: Any, given: Collection[str]) -> str:
    """The first thing of snapsim that is used and not given, as a dotted name; "" for none.

    Parameters
    ----------
    found : object
        What was handed in: a class, a function, or a list of them.
    given : collection of str
        Modules of snapsim that may be used, with all that is in them.
    """
    seen: set[int] = set()
    waiting = [found]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _PLAIN):
            continue
        seen.add(id(thing))
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
    """Written by the student: in no module that was imported from a file; containers are looked into always."""
    return isinstance(thing, list | tuple | set | frozenset | dict | staticmethod | classmethod | property) \
        or module == "__main__" or (module not in sys.modules and not isinstance(thing, types.ModuleType)) \
        or (isinstance(thing, types.FunctionType) and hasattr(thing, "hypothesis"))


def _parts(thing: Any) -> Iterator[Any]:
    """What a thing of the student's is made of."""
    if isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif isinstance(thing, property):
        yield from (thing.fget, thing.fset, thing.fdel)
    elif isinstance(thing, staticmethod | classmethod):
        yield thing.__func__
    elif isinstance(thing, type):
        yield from thing.__bases__
        yield from list(vars(thing).values())
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    else:
        yield type(thing)
        yield list(vars(thing).values()) if hasattr(thing, "__dict__") else None


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:                                     # not filled yet
            continue
    yield getattr(getattr(function, "hypothesis", None), "inner_test", None)
    for code in _codes(function.__code__):
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                yield function.__globals__.get(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                yield _Import(str(instruction.argval))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
