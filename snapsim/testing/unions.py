"""`check_union`: is this a union mount? The small contract of the exercise, held against a dictionary.

A union is made from its lower layers, the lowest first, each a mapping of names to bytes. Everything that a real union
mount does is there in small: the highest layer wins, lower layers never change, a file is copied up whole before
its first change, and a deletion of something below leaves a whiteout (``None``) in the upper layer.

>>> class Tiny(Union):
...     def read(self, name):
...         for layer in (self.upper, *reversed(self.lowers)):
...             if name in layer:
...                 if layer[name] is None:
...                     break
...                 return layer[name]
...         raise FileNotFoundError(name)
...     def write(self, name, offset, data):
...         below = name not in self.upper and any(name in layer for layer in self.lowers)
...         old = b"" if name not in self.names() else self.read(name)
...         self.copied += len(old) if below else 0
...         self.upper[name] = old[:offset].ljust(offset, b"\\0") + data + old[offset + len(data):]
...     def unlink(self, name):
...         self.read(name)
...         self.upper.pop(name, None)
...         if any(name in layer for layer in self.lowers):
...             self.upper[name] = None
...     def names(self):
...         seen = {}
...         for layer in (*self.lowers, self.upper):
...             seen.update(layer)
...         return sorted(name for name in seen if seen[name] is not None)
>>> check_union(Tiny).failures
()

LEAVES OUT: directories, modes, links and everything else of `snapsim.mount`, which `check_driver` judges.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from hypothesis import strategies as st

from .checking import Checking, told
from .failure import Broken, Failure, Report, broken_by
from .isolation import Doing, doing, judged
from .search import every_list, first_failure, random_failure, shrink


class Union(ABC):
    """THE CONTRACT of the exercise.

    Parameters
    ----------
    lowers : sequence of mapping of str to bytes
        The lower layers, the lowest first; they are never changed. None stands for a whiteout there, too.

    Attributes
    ----------
    upper : dict of str to bytes or None
        What the upper layer holds; None is a whiteout.
    copied : int
        Bytes that were copied up so far.
    """

    def __init__(self, lowers: Sequence[Mapping[str, bytes | None]]) -> None:
        self.lowers = list(lowers)
        self.upper: dict[str, bytes | None] = {}
        self.copied = 0

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The content of a file; FileNotFoundError if there is none."""

    @abstractmethod
    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write into a file, which is made if there is none; a gap before `offset` reads as zeros."""

    @abstractmethod
    def unlink(self, name: str) -> None:
        """Delete a file; FileNotFoundError if there is none."""

    @abstractmethod
    def names(self) -> list[str]:
        """All files that are seen, sorted."""


class UnionAct(NamedTuple):
    """One operation: "write" or "unlink"."""

    verb: str
    name: str
    offset: int = 0
    data: bytes = b""

    def __str__(self) -> str:
        return f"u.write({self.name!r}, {self.offset}, {self.data!r})" if self.verb == "write" else \
            f"u.unlink({self.name!r})"


Factory = Callable[[Sequence[Mapping[str, bytes | None]]], Union]
LOWERS: tuple[tuple[dict[str, bytes | None], ...], ...] = (
    ({"a": b"AAAA", "b": b"BB"},),
    ({"a": b"AAAA", "b": b"BB", "c": b"C"}, {"a": b"aa", "b": None}),
    ({"a": b"AAAA", "c": b"C"}, {"a": None}, {"c": b"cc"}),
    (),
)
_NAMES = ("a", "b", "c", "n")
_FEW = (UnionAct("write", "a", 1, b"x"), UnionAct("write", "n", 0, b"new"), UnionAct("unlink", "a"),
        UnionAct("unlink", "n"), UnionAct("write", "b", 3, b"y"))


def check_union(factory: Factory, *, examples: int = 200, seed: int = 0, time_limit: float = 30.0,
                raise_on_failure: bool = True) -> Report:
    """Judge an implementation of `Union`.

    Parameters
    ----------
    factory : type[Union] or callable
        Called with the lower layers.
    examples, seed, time_limit, raise_on_failure
        As for `check_volume`.

    Raises
    ------
    CheckFailed
        With all failures, the shortest of them as `failure`.
    """
    name = getattr(factory, "__name__", "factory")

    def run() -> Report:
        check = _UnionCheck(name, time_limit)
        check.factory = factory
        check.behaviours()
        check.search(examples, seed)
        return check.report()

    return told(judged(run, name, partial(_again, factory)), raise_on_failure)


def _again(factory: Factory, doing: Doing, acts: Sequence[UnionAct]) -> Failure | None:
    return play_union(factory, acts, doing.shape, doing.behaviour)


BEHAVIOURS: dict[str, tuple[UnionAct, ...]] = {
    "the layers are seen merged": (),
    "a new file is seen": (UnionAct("write", "n", 0, b"new"),),
    "a file is copied up before its first change": (UnionAct("write", "a", 1, b"x"),),
    "it is copied up once": (UnionAct("write", "a", 1, b"x"), UnionAct("write", "a", 0, b"y")),
    "a gap reads as zeros": (UnionAct("write", "n", 3, b"x"),),
    "what is deleted is gone": (UnionAct("unlink", "a"),),
    "a file of the upper layer alone leaves nothing behind": (UnionAct("write", "n", 0, b"n"), UnionAct("unlink", "n")),
    "a changed file can be deleted": (UnionAct("write", "a", 0, b"x"), UnionAct("unlink", "a")),
    "a deleted name can be used again": (UnionAct("unlink", "a"), UnionAct("write", "a", 0, b"z")),
    "what is not there cannot be deleted": (UnionAct("unlink", "nothing"),),
    "a name that a lower layer deleted can be used": (UnionAct("write", "b", 0, b"z"),),
}


class _UnionCheck(Checking):
    """One run of `check_union`."""

    factory: Factory

    def behaviours(self) -> None:
        """Each story over each set of lower layers."""
        for name, acts in BEHAVIOURS.items():
            self.note(name, first_failure([acts] * len(LOWERS), partial(self._next, iter(LOWERS), name), self.clock))

    def _next(self, lowers: Any, name: str, acts: Sequence[UnionAct]) -> Failure | None:
        return self.play(acts, next(lowers), name)

    def search(self, examples: int, seed: int) -> None:
        """Every list of up to three operations, then random ones; only as long as nothing failed."""
        if not self.failures:
            for lowers in LOWERS[:2]:
                found = first_failure(every_list(_FEW, 3), partial(self.play, lowers=lowers), self.clock)
                self.note(f"every list of up to 3 operations on {len(lowers)} layers", found)
        if not self.failures:
            pairs = st.tuples(st.sampled_from(LOWERS), union_operations())
            broken = random_failure(pairs, lambda pair: self.play(pair[1], pair[0]), examples, seed, self.clock)
            self.note(f"{examples} random lists of operations",
                      shrink(broken[1], partial(self.play, lowers=broken[0][0]), self.clock) if broken else None)

    def play(self, acts: Sequence[UnionAct], lowers: Sequence[Mapping[str, bytes | None]],
             behaviour: str = "") -> Failure | None:
        """One list on a fresh union."""
        self.played += 1
        return play_union(self.factory, acts, lowers, behaviour)


def union_operations(least: int = 4, most: int = 12) -> st.SearchStrategy[list[UnionAct]]:
    """Lists of operations, for properties of one's own."""
    names = st.sampled_from(_NAMES)
    writes = st.builds(UnionAct, st.just("write"), names, st.integers(0, 5), st.binary(min_size=1, max_size=3))
    return st.lists(st.one_of(writes, writes, st.builds(UnionAct, st.just("unlink"), names)), min_size=least,
                    max_size=most)


def play_union(factory: Factory, acts: Sequence[UnionAct], lowers: Sequence[Mapping[str, bytes | None]],
               behaviour: str = "") -> Failure | None:
    """Play operations on a fresh union and on a dictionary; compare everything after each step.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    name = getattr(factory, "__name__", "factory")
    lines, number = [f"u = {name}({list(map(dict, lowers))!r})"], 0
    doing(name, behaviour, acts, 0, lines, tuple(lowers))
    try:
        book = _Book(lowers)
        union = factory([dict(layer) for layer in lowers])
        book.compare(union)
        for number, act in enumerate(acts):
            doing(name, behaviour, acts, number, lines, tuple(lowers))
            lines.append(str(act))
            book.do(union, act)
            book.compare(union)
    except Broken as error:
        broken = error
    except (Exception, SystemExit) as error:               # a student's code may raise anything
        broken = broken_by(error)
    else:
        return None
    return Failure(name, broken.promise, tuple(acts[:number + 1]), number, broken.expected, broken.actual, tuple(lines),
                   broken.call, behaviour)


class _Book:
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

    def do(self, union: Union, act: UnionAct) -> None:
        """One operation on both."""
        there = self.seen()
        if act.verb == "write":
            union.write(act.name, act.offset, act.data)
            old = there.get(act.name, b"")
            if act.name in there and act.name not in self.upper:
                self.copied += len(old)
            self.upper[act.name] = (old[:act.offset].ljust(act.offset, b"\0") + act.data
                                    + old[act.offset + len(act.data):])
            return
        try:
            union.unlink(act.name)
        except FileNotFoundError:
            if act.name in there:
                raise Broken("a file that is seen can be deleted", "no exception", "FileNotFoundError") from None
            return
        if act.name not in there:
            raise Broken("what is not there cannot be deleted", "FileNotFoundError", "no exception")
        self.upper.pop(act.name, None)
        if any(act.name in layer for layer in self.lowers):
            self.upper[act.name] = None

    def compare(self, union: Union) -> None:
        """Everything that can be seen of the union, and of its layers."""
        seen = self.seen()
        self._same("the union shows the highest layer of each name", sorted(seen), list(union.names()), "u.names()")
        for name in _NAMES:
            self._same(f"the content of {name}", seen.get(name, "FileNotFoundError"), _content(union, name),
                       f"u.read({name!r})")
        self._same("lower layers are never changed", self.lowers, [dict(layer) for layer in union.lowers], "u.lowers")
        self._same("the upper layer holds changed files, whole, and whiteouts of what is below", self._told(self.upper),
                   self._told(union.upper), "u.upper")
        self._same("each file of a lower layer is copied up once, whole", self.copied, union.copied, "u.copied")

    def _told(self, upper: Mapping[str, bytes | None]) -> dict[str, bytes | str]:
        """Without whiteouts of names that a lower layer deletes anyway: they may be there or not."""
        hidden = {name for name, data in self.below.items() if data is None}
        return {name: "whiteout" if data is None else data for name, data in sorted(upper.items())
                if data is not None or name not in hidden}

    @staticmethod
    def _same(promise: str, expected: Any, actual: Any, call: str) -> None:
        if expected != actual:
            raise Broken(promise, expected, actual, call)


def _content(union: Union, name: str) -> Any:
    try:
        return union.read(name)
    except FileNotFoundError:
        return "FileNotFoundError"
