"""Is the checker as it was? `seal` remembers how it was when it was imported, `tampered` says what is different.

What is looked at: functions and their code, classes and their methods, and tables: those that cannot change, and those
that do not, which are named in capitals, with what is in them.

>>> tampered()
''

LEAVES OUT: code that edits what is remembered here.
"""

import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple


class Seals(NamedTuple):
    """What is remembered.

    Attributes
    ----------
    parts : dict of str to tuple
        Dotted name -> the thing itself, and its code.
    classes : set of str
        The classes whose methods are among them.
    """

    parts: dict[str, tuple[object, object]]
    classes: set[str]


_remembered = Seals({}, set())


def remembered() -> Seals:
    """What `seal` has remembered so far; for code that was read from disk anew, and compares by itself."""
    return _remembered


def seal() -> None:
    """Remember the functions and classes of all parts of snapsim that are loaded, and the methods of the classes.

    What was sealed before stays as it was sealed first.
    """
    known = set(_remembered.classes)
    for name, holder in _holders():
        if name in known:
            continue
        _remembered.classes.update([name] if isinstance(holder, type) else [])
        for key in _parts(holder):
            value = vars(holder)[key]
            _remembered.parts.setdefault(f"{name}.{key}", (value, _code(value)))


def tampered(seals: Seals | None = None) -> str:
    """What is not as it was sealed, "" for nothing.

    Parameters
    ----------
    seals : Seals, optional
        What is remembered; by this module when left out.
    """
    parts, classes = _remembered if seals is None else seals
    holders = dict(_holders())
    for path, (value, code) in parts.items():
        name, _, key = path.rpartition(".")
        now = vars(holders[name]).get(key) if name in holders else None
        if now is not value or _code(now) != code:
            return f"{path} was replaced"
    return next(
        (
            f"{name}.{key} was added"
            for name, holder in holders.items()
            if isinstance(holder, type) and name in classes
            for key in _parts(holder)
            if f"{name}.{key}" not in parts
        ),
        "",
    )


def _parts(holder: Any) -> list[str]:
    """Names of what a checker is made of: functions, classes, and tables that do not change."""
    return [
        key
        for key, value in list(vars(holder).items())
        if (isinstance(value, dict | list | set) and key.isupper() and "testing" in holder.__name__)
        or isinstance(
            value, types.FunctionType | type | types.MappingProxyType | tuple | property | classmethod | staticmethod
        )
    ]


def _code(value: Any) -> object:
    """Of a function, or of the one inside of a property or method of the class; of a table what is in it."""
    if isinstance(value, dict):
        return frozenset((id(key), id(part)) for key, part in value.items())
    if isinstance(value, list | set):
        return frozenset(map(id, value))
    inside = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    return getattr(inside, "__code__", None)


def _holders() -> Iterator[tuple[str, Any]]:
    """The modules of snapsim and their classes, by their dotted names."""
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] == "snapsim" and isinstance(module, types.ModuleType):
            yield name, module
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{key}", value
