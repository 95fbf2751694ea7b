"""What is known of a number of bytes: exactly, between two ends, or from one end on.

A host tells the sizes of its layers and not their files, so that most figures of another driver have ends and no
value. A `Bound` keeps both ends through sums and differences, and says which it has when it is printed: a bound never
looks like a figure. Printed ends are rounded outwards.

>>> print(Bound(73_355_154, 73_355_154)); print(Bound(73_355_154, 122_638_226)); print(Bound(73_355_154, None))
73.36MB
73.35MB to 122.7MB
at least 73.35MB
>>> print(Bound(0, 122_638_226), Bound(0, None), sep="; ")
at most 122.7MB; not told

LEAVES OUT: that two bounds may hang together (what one layer has more another may have less).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size
from snapsim.hosts.sizes import Size, ends

_DIGITS = 4


@dataclass(frozen=True)
class Bound:
    """Bytes from `low` to `high`, both included; `high` is None where nothing is known above.

    Raises
    ------
    InvalidInput
        `low` is above `high`.

    Examples
    --------
    >>> Bound(5, 7) + Bound(1, 1), Bound(5, 7) + Bound(1, None), total([Bound(5, 7), Bound(5, 7)])
    (Bound(low=6, high=8), Bound(low=6, high=None), Bound(low=10, high=14))
    """

    low: int
    high: int | None

    def __post_init__(self) -> None:
        if self.high is not None and self.low > self.high:
            raise InvalidInput(f"at least {self.low} and at most {self.high} bytes: the lower end comes first")

    @property
    def exact(self) -> bool:
        """Is it one number?"""
        return self.low == self.high

    def __add__(self, other: "Bound") -> "Bound":
        return Bound(self.low + other.low, None if self.high is None or other.high is None else self.high + other.high)

    def less(self, other: "Bound") -> "Bound":
        """What is left of it without the other, which is a part of it.

        Examples
        --------
        >>> Bound(10, 12).less(Bound(3, 4)), Bound(10, 12).less(UNKNOWN), Bound(10, None).less(Bound(3, 3))
        (Bound(low=6, high=9), Bound(low=0, high=12), Bound(low=7, high=None))
        """
        low = 0 if other.high is None else max(self.low - other.high, 0)
        return Bound(low, None if self.high is None else max(self.high - other.low, low))

    def times(self, count: int) -> "Bound":
        """So many of it."""
        return Bound(self.low * count, None if self.high is None else self.high * count)

    def or_nothing(self) -> "Bound":
        """All of it, part of it, or nothing.

        Examples
        --------
        >>> Bound(5, 7).or_nothing()
        Bound(low=0, high=7)
        """
        return Bound(0, self.high)

    def meet(self, other: "Bound", what: str = "two figures", place: str = "") -> "Bound":
        """What both allow.

        Raises
        ------
        InvalidInput
            Nothing: one of them is wrong.

        Examples
        --------
        >>> Bound(5, None).meet(Bound(0, 9))
        Bound(low=5, high=9)
        >>> Bound(5, 5).meet(Bound(7, 7), "LayersSize and the sizes of the images")
        Traceback (most recent call last):
        snapsim.base.errors.InvalidInput: LayersSize and the sizes of the images contradict each other: 5B, and 7B
        """
        highs = [end for end in (self.high, other.high) if end is not None]
        low, high = max(self.low, other.low), min(highs, default=None)
        if high is not None and low > high:
            raise InvalidInput(f"{what} contradict each other: {self}, and {other}", place)
        return Bound(low, high)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"low": self.low, "high": self.high, "exact": self.exact}

    def __str__(self) -> str:
        if self.exact:
            return docker_size(self.low)
        if self.high is None:
            return f"at least {_down(self.low)}" if self.low else "not told"
        return f"{_down(self.low)} to {_up(self.high)}" if self.low else f"at most {_up(self.high)}"


ZERO, UNKNOWN = Bound(0, 0), Bound(0, None)


def bound(size: Size | None) -> Bound:
    """A size as Docker told it, or did not.

    Examples
    --------
    >>> from snapsim.hosts.sizes import Interval
    >>> bound(5), bound(Interval(5, 7)), bound(None)
    (Bound(low=5, high=5), Bound(low=5, high=7), Bound(low=0, high=None))
    """
    return UNKNOWN if size is None else Bound(*ends(size))


def total(bounds: Iterable[Bound]) -> Bound:
    """Their sum; nothing is 0 bytes."""
    found = list(bounds)
    highs = [each.high for each in found if each.high is not None]
    return Bound(sum(each.low for each in found), sum(highs) if len(highs) == len(found) else None)


def largest(bounds: Iterable[Bound]) -> Bound:
    """The largest of them.

    Examples
    --------
    >>> largest([Bound(3, 9), Bound(5, 7)]), largest([Bound(3, 3), UNKNOWN])
    (Bound(low=5, high=9), Bound(low=3, high=None))
    """
    found = [*bounds, ZERO]
    highs = [each.high for each in found if each.high is not None]
    return Bound(max(each.low for each in found), max(highs) if len(highs) == len(found) else None)


def _step(size: int) -> int:
    """Bytes that the last printed digit stands for."""
    return int(10 ** max(len(str(size)) - _DIGITS, 0))


def _down(size: int) -> str:
    return docker_size(size // _step(size) * _step(size), _DIGITS)


def _up(size: int) -> str:
    return docker_size(-(-size // _step(size)) * _step(size), _DIGITS)
