"""Volumes as a test meets them that is judged: each verb is carried out where the judge is, who knows which bug it has.

What a test holds tells nothing of what is behind it, neither by its class nor by what it is made of.

What it leaves out: the devices of a volume; `JudgesVolume.counting` has their sum.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from snapsim.testing.wire import decode, encode


class Judge:
    """The judge as a test sees it: who makes volumes.

    Parameters
    ----------
    ask : callable
        A message to the judge -> the answer, both in terms of JSON.
    """

    def __init__(self, ask: Callable[[dict[str, Any]], Any]) -> None:
        self._ask = ask
        self._volumes: dict[int, JudgesVolume] = {}

    def make(self, size: int, chunk_blocks: int = 1) -> Any:
        """A fresh volume of zeros."""
        return self.call(0, "make", size, chunk_blocks)

    def call(self, of: int, verb: str, *arguments: Any) -> Any:
        """Have a verb carried out; raises what it raises there."""
        plain = [part._number if isinstance(part, JudgesVolume) else part for part in arguments]
        told = self._ask({"ask": verb, "of": of, "with": encode(plain)})
        if "raised" in told:
            raise _rebuilt(told["raised"])
        return self._value(told["value"])

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict) and "object" in value:
            return self._volumes.setdefault(value["object"], JudgesVolume(self, value["object"]))
        if isinstance(value, dict) and "objects" in value:
            return [self._value({"object": number}) for number in value["objects"]]
        return decode(value)


def _rebuilt(told: dict[str, Any]) -> BaseException:
    """The exception of that name, of snapsim's or of Python's own."""
    import builtins

    from snapsim.base import errors

    kind: Any = getattr(errors, told["kind"], None) or getattr(builtins, told["kind"], Exception)
    error: BaseException = kind(told["said"])
    return error


class JudgesVolume:
    """A volume that is elsewhere: each verb of the contract is carried out there."""

    def __init__(self, judge: Judge, number: int) -> None:
        self._judge, self._number = judge, number

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in ASKED:
            return self._judge.call(self._number, name)
        if name not in VERBS:
            raise AttributeError(f"a volume of this exercise has no {name!r}: {', '.join((*VERBS, *ASKED))}, counting")
        return lambda *arguments: self._judge.call(self._number, name, *arguments)

    def read(self, blocks: Any) -> Any:
        """As of a volume."""
        return self._judge.call(self._number, "read", blocks)

    def write(self, blocks: Any, data: Any = None) -> None:
        """As of a volume."""
        self._judge.call(self._number, "write", blocks, data)

    def usage(self) -> Any:
        """As of a volume."""
        from snapsim.block.volume import Usage

        return Usage(*self._judge.call(self._number, "usage"))

    @contextlib.contextmanager
    def counting(self) -> Iterator["Bill"]:
        """As of a volume."""
        bill = Bill(self)
        try:
            yield bill
        finally:
            bill.stop()

    def __repr__(self) -> str:
        return f"<volume {self._number}>"


VERBS = ("read", "write", "discard", "snapshot", "clone", "delete", "rollback", "flush", "drop_caches", "usage",
         "places", "allocated")  # fmt: skip
ASKED = ("size", "block_size", "chunk_size", "chunk_blocks", "read_only", "deleted", "limits", "origin", "family",
         "place_size")  # fmt: skip


class Bill:
    """What `counting` yields."""

    def __init__(self, volume: JudgesVolume) -> None:
        self._volume, self._after = volume, None
        self._before = self._now()

    def _now(self) -> Any:
        from snapsim.block.counts import IOCounts

        return IOCounts(**self._volume._judge.call(self._volume._number, "counts"))

    @property
    def counts(self) -> Any:
        """What was counted since the start."""
        return (self._after or self._now()) - self._before

    def stop(self) -> None:
        """No more is added from here on."""
        self._after = self._now()
