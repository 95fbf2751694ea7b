"""`check_union`: is this a union mount? The small contract of the exercise, held against a dictionary.

>>> from snapsim.testing.unions.contract import Union
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

LEAVES OUT: directories, modes, links and everything else of `snapsim.files.mounts.mount`, which `check_driver` judges.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from snapsim.testing.checking import Checking, conduct, importing, name_of
from snapsim.testing.failure import Failure, Report
from snapsim.testing.isolation import Doing
from snapsim.testing.playing import LOOKS, OFTEN, looks_after, play_list
from snapsim.testing.search import every_list
from snapsim.testing.shrinking import Naming
from snapsim.testing.unions.book import NAMES, STATES, Book, UnionStage
from snapsim.testing.unions.contract import UnionAct, UnionFactory

_LOWERS: tuple[tuple[dict[str, bytes | None], ...], ...] = (
    ({"a": b"AAAA", "b": b"BB"},),
    ({"a": b"AAAA", "b": b"BB", "c": b"C"}, {"a": b"aa", "b": None}),
    ({"a": b"AAAA", "c": b"C"}, {"a": None}, {"c": b"cc"}),
    (),
    ({"a": b"", "b": b"BBB"}, {"b": b"", "c": b"CC"}),
    ({"a": b"AAAA", "b": b"BB"}, {"a": None, "c": b"C"}, {"a": b"aaa", "b": None}, {"c": None}),
    ({"a": b"AAAA", "c": b""}, {"b": b"BB"}, {"b": b"b"}, {}),
)
LOWERS = tuple(tuple(map(MappingProxyType, lowers)) for lowers in _LOWERS)
_FEW = (
    UnionAct("write", "a", 1, b"x"),
    UnionAct("write", "n", 0, b"new"),
    UnionAct("unlink", "a"),
    UnionAct("unlink", "n"),
    UnionAct("write", "b", 3, b"y"),
)


def check_union(
    factory: UnionFactory,
    *,
    examples: int = 200,
    seed: int = 0,
    time_limit: float = 30.0,
    raise_on_failure: bool = True,
) -> Report:
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
    return conduct(_UnionCheck, factory, _again, time_limit, raise_on_failure, examples=examples, seed=seed)


def _again(factory: UnionFactory, doing: Doing, acts: Sequence[UnionAct]) -> Failure | None:
    lowers, looks = doing.shape
    return play_union(factory, acts, lowers, doing.behaviour, looks)


def simpler(act: UnionAct) -> Iterator[UnionAct]:
    """The same with less: at the start, and one byte."""
    if act.offset:
        yield act._replace(offset=0)
    if len(act.data) > 1:
        yield act._replace(data=act.data[:1])


_BEHAVIOURS: dict[str, tuple[UnionAct, ...]] = {
    "the layers are seen merged": (),
    "a new file is seen": (UnionAct("write", "n", 0, b"new"),),
    "a file is copied up before its first change": (UnionAct("write", "a", 1, b"x"),),
    "it is copied up once": (UnionAct("write", "a", 1, b"x"), UnionAct("write", "a", 0, b"y")),
    "a gap reads as zeros": (UnionAct("write", "n", 3, b"x"),),
    "a long file stays whole": (UnionAct("write", "n", 0, bytes(range(256))), UnionAct("write", "n", 100, b"xyz")),
    "what is written is in the upper layer, even if nothing is different": (UnionAct("write", "a", 0, b"AAAA"),),
    "what is deleted is gone": (UnionAct("unlink", "a"),),
    "a file of the upper layer alone leaves nothing behind": (UnionAct("write", "n", 0, b"n"), UnionAct("unlink", "n")),
    "a changed file can be deleted": (UnionAct("write", "a", 0, b"x"), UnionAct("unlink", "a")),
    "a deleted name can be used again": (UnionAct("unlink", "a"), UnionAct("write", "a", 0, b"z")),
    "what is not there cannot be deleted": (UnionAct("unlink", "nothing"),),
    "a name that a lower layer deleted can be used": (UnionAct("write", "b", 0, b"z"),),
    "a file may be empty": (UnionAct("write", "n", 0, b""), UnionAct("write", "a", 0, b""), UnionAct("unlink", "n")),
    "what is written in the middle leaves the rest": (
        UnionAct("write", "a", 1, b"xy"),
        UnionAct("write", "b", 0, b"z"),
    ),
    "what is below comes back by itself never": (
        UnionAct("write", "a", 0, b"x"),
        UnionAct("unlink", "a"),
        UnionAct("write", "a", 2, b"y"),
        UnionAct("unlink", "a"),
    ),
}
BEHAVIOURS = MappingProxyType(_BEHAVIOURS)


class _UnionCheck(Checking):
    """One run of `check_union`."""

    naming = Naming(simpler=simpler)

    def all(self, **options: Any) -> None:
        """Each story over each set of lower layers; then every short list, and random ones."""
        for name, acts in BEHAVIOURS.items():
            self.story(name, (((lowers, OFTEN), acts) for lowers in LOWERS))
        if not self.failures:
            for lowers in LOWERS[:2]:
                self.every(
                    f"every list of up to 3 operations on {len(lowers)} layers",
                    (((lowers, OFTEN), acts) for acts in every_list(_FEW, 3)),
                )
        if not self.failures:
            settings = st.tuples(st.sampled_from(LOWERS), st.sampled_from(LOOKS))
            self.random(options["examples"], options["seed"], st.tuples(settings, union_operations()))

    def play(self, operations: Sequence[UnionAct], setting: Any = None, behaviour: str = "") -> Failure | None:
        """One list on a fresh union."""
        lowers, looks = setting
        return play_union(self.factory, operations, lowers, behaviour, looks)

    def reachable(self) -> Iterator[tuple[str, str]]:
        """Each verb on each kind of name, wherever it comes from."""
        return itertools.product(("write", "unlink"), STATES) if not self.failures else iter(())


def union_operations(least: int = 4, most: int = 12) -> st.SearchStrategy[list[UnionAct]]:
    """Lists of operations, for properties of one's own."""
    names = st.sampled_from(NAMES)
    data = st.one_of(st.binary(min_size=1, max_size=3), st.sampled_from([b"AAAA", b"A", b"BB", bytes(40)]))
    writes = st.builds(UnionAct, st.just("write"), names, st.integers(0, 5), data)
    nothing = st.builds(UnionAct, st.just("write"), names, st.just(0), st.just(b""))
    return st.lists(
        st.one_of(writes, writes, nothing, st.builds(UnionAct, st.just("unlink"), names)), min_size=least, max_size=most
    )


def play_union(
    factory: UnionFactory,
    acts: Sequence[UnionAct],
    lowers: Sequence[Mapping[str, bytes | None]],
    behaviour: str = "",
    looks: str = OFTEN,
) -> Failure | None:
    """Play operations on a fresh union and on a dictionary; compare everything after each step, or as `looks` says.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    name = name_of(factory)
    lines = [*importing(factory), f"u = {name}({list(map(dict, lowers))!r})"]

    def begin() -> UnionStage:
        return UnionStage(factory([dict(layer) for layer in lowers]), Book(lowers), lines)

    def step(stage: UnionStage, act: UnionAct) -> None:
        stage.do(act, looks_after(looks, stage.steps + 1))

    return play_list(name, acts, begin, step, UnionStage.compare, lines, behaviour, (tuple(lowers), looks))
