"""Is the checker as it was? `seal` remembers how it was when it was imported, `tampered` says what is different.

What is looked at: functions and their code, classes and their methods, and tables that do not change.

>>> tampered()
''

LEAVES OUT: code that edits what is remembered here.
"""

import sys
import types
from collections.abc import Iterator
from typing import Any

_sealed: dict[str, tuple[object, object]] = {}
_classes: set[str] = set()


def seal() -> None:
    """Remember the functions and classes of all parts of snapsim that are loaded, and the methods of the classes.

    What was sealed before stays as it was sealed first.
    """
    known = set(_classes)
    for name, holder in _holders():
        if name in known:
            continue
        _classes.update([name] if isinstance(holder, type) else [])
        for key in _parts(holder):
            value = vars(holder)[key]
            _sealed.setdefault(f"{name}.{key}", (value, _code(value)))


def tampered() -> str:
    """What is not as it was sealed, "" for nothing."""
    holders = dict(_holders())
    for path, (value, code) in _sealed.items():
        name, _, key = path.rpartition(".")
        now = vars(holders[name]).get(key) if name in holders else None
        if now is not value or _code(now) is not code:
            return f"{path} was replaced"
    return next(
        (
            f"{name}.{key} was added"
            for name, holder in holders.items()
            if isinstance(holder, type) and name in _classes
            for key in _parts(holder)
            if f"{name}.{key}" not in _sealed
        ),
        "",
    )


def _parts(holder: Any) -> list[str]:
    """Names of what a checker is made of: functions, classes, and tables that do not change."""
    return [
        key
        for key, value in vars(holder).items()
        if isinstance(
            value, types.FunctionType | type | types.MappingProxyType | tuple | property | classmethod | staticmethod
        )
    ]


def _code(value: Any) -> object:
    """Of a function, or of the one inside of a property or method of the class; None of anything else."""
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
