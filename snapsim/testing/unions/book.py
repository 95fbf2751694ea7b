"""A union beside the simplest thing that can be right: a dictionary of the files seen, and one of the upper layer.

LEAVES OUT: which lists to play (`unions`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from snapsim.testing.failure import Broken, same
from snapsim.testing.playing import refused
from snapsim.testing.scene import Scene, looked, scene_of
from snapsim.testing.unions.contract import Union, UnionAct

NAMES = ("a", "b", "c", "n")
"""The files that are looked at."""
STATES = (
    "a new name",
    "a file of the upper layer",
    "a file of a lower layer",
    "a name that a lower layer deletes",
    "a name that is deleted",
)
"""What an operation can meet."""


class UnionStage:
    """A union, and what it should hold."""

    def __init__(self, union: Union, book: "Book", lines: list[str]) -> None:
        self.union, self.book, self.lines, self.steps, self.asking = union, book, lines, 0, ""

    def do(self, act: UnionAct, look: bool = True) -> None:
        """One operation on both; before the first one, what is seen of the layers alone is compared."""
        if look and not self.steps:
            self.compare()
        self.steps += 1
        self.lines.append(str(act))
        if not self.book.do(self.union, act):
            self.lines[-1] = refused(str(act), "FileNotFoundError")
        if look:
            self.compare()

    def state(self, act: UnionAct) -> str:
        """What an operation meets, for `coverage`."""
        book = self.book
        if act.name in book.upper:
            return "a name that is deleted" if book.upper[act.name] is None else "a file of the upper layer"
        if act.name not in book.below:
            return "a new name"
        return "a name that a lower layer deletes" if book.below[act.name] is None else "a file of a lower layer"

    def compare(self) -> None:
        """Everything that can be seen."""
        self.book.compare(self.union, self.look)

    def look(self, call: str, look: Callable[[], Any]) -> Any:
        """Look at the union; what is raised by it is shown with the expression."""
        self.asking = call
        found = look()
        self.asking = ""
        return found

    def wanted_scene(self) -> Scene:
        """What is merged, and the layers, the topmost first."""
        return scene_of("name", self._wanted())

    def _wanted(self) -> dict[str, Mapping[str, Any]]:
        lowers = {f"lower {number}": _shown(layer) for number, layer in enumerate(self.book.lowers)}
        return {
            "merged": self.book.seen(),
            "upper": _shown(self.book.upper),
            **dict(reversed(lowers.items())),
            "copied up": {"bytes": self.book.copied},
        }

    def seen_scene(self) -> Scene:
        """The same of the union, and what is wrong about it."""
        wanted = self._wanted()
        seen: dict[str, Mapping[str, Any]] = {
            "merged": looked(lambda: {name: self.union.read(name) for name in self.union.names()}, wanted["merged"]),
            "upper": looked(lambda: _shown(self.union.upper), wanted["upper"]),
            **{f"lower {number}": _shown(layer) for number, layer in reversed([*enumerate(self.union.lowers)])},
            "copied up": {"bytes": self.union.copied},
        }
        return scene_of("name", seen, wanted)


def _shown(layer: Mapping[str, bytes | None]) -> dict[str, bytes | str]:
    return {name: "whiteout" if data is None else data for name, data in layer.items()}


class Book:
    """What a union should hold: the files that are seen, and what the upper layer has."""

    def __init__(self, lowers: Sequence[Mapping[str, bytes | None]]) -> None:
        self.lowers = [dict(layer) for layer in lowers]
        self.below: dict[str, bytes | None] = {}
        for layer in self.lowers:
            self.below.update(layer)
        self.upper: dict[str, bytes | None] = {}
        self.copied = 0

    def seen(self) -> dict[str, bytes]:
        """Names and contents."""
        merged = {**self.below, **self.upper}
        return {name: data for name, data in merged.items() if data is not None}

    def do(self, union: Union, act: UnionAct) -> bool:
        """One operation on both; did it succeed?"""
        there = self.seen()
        if act.verb == "write":
            union.write(act.name, act.offset, act.data)
            old = there.get(act.name, b"")
            if act.name in there and act.name not in self.upper:
                self.copied += len(old)
            self.upper[act.name] = (
                old[: act.offset].ljust(act.offset, b"\0") + act.data + old[act.offset + len(act.data) :]
            )
            return True
        try:
            union.unlink(act.name)
        except FileNotFoundError:
            if act.name in there:
                raise Broken("a file that is seen can be deleted", "no exception", "FileNotFoundError") from None
            return False
        if act.name not in there:
            raise Broken("what is not there cannot be deleted", "FileNotFoundError", "no exception")
        self.upper.pop(act.name, None)
        if any(act.name in layer for layer in self.lowers):
            self.upper[act.name] = None
        return True

    def compare(self, union: Union, look: Callable[[str, Callable[[], Any]], Any]) -> None:
        """Everything that can be seen of the union, and of its layers."""
        seen, names = self.seen(), look("u.names()", union.names)
        same(
            "the union shows the highest layer of each name",
            sorted(seen),
            list(names) if isinstance(names, Iterable) else names,
            "u.names()",
        )
        for name in NAMES:
            same(
                f"the content of {name}",
                seen.get(name, "FileNotFoundError"),
                look(f"u.read({name!r})", partial(_content, union, name)),
                f"u.read({name!r})",
            )
        same("lower layers are never changed", self.lowers, [dict(layer) for layer in union.lowers], "u.lowers")
        same(
            "the upper layer holds changed files, whole, and whiteouts of what is below",
            self._told(self.upper),
            self._told(look("u.upper", lambda: dict(union.upper))),
            "dict(sorted(u.upper.items()))",
        )
        same("each file of a lower layer is copied up once, whole", self.copied, union.copied, "u.copied")

    def _told(self, upper: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        """Without whiteouts of names that a lower layer deletes anyway: they may be there or not."""
        hidden = {name for name, data in self.below.items() if data is None}
        return {name: data for name, data in sorted(upper.items()) if data is not None or name not in hidden}


def _content(union: Union, name: str) -> Any:
    try:
        return union.read(name)
    except FileNotFoundError:
        return "FileNotFoundError"
