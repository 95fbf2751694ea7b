"""What is known of a number of bytes: exactly, between two ends, or from one end on.

A size that Docker printed was rounded: it is divided by 1000 until it is below 1000, and the rest is printed with four
significant digits in ``docker info`` and ``docker system df``, with three in ``docker ps -s`` and ``docker images``,
trailing zeros cut off (docker/go-units ``size.go``, Go's ``%.4g``). The way back from the text leads to two ends. A
text does not say with how many digits it was printed: ``37.8MB`` is 37,800,000 +- 50,000 with three digits, +- 5,000
with four. The wider one is taken, as it holds the other.

Most figures of another driver have ends, too, since a host tells the sizes of its layers and not their files. A `Bound`
keeps both ends through sums and differences, and says which it has when it is printed, so that a bound never looks like
an exact figure. Printed ends are rounded outwards.

>>> print(printed_size("73.36MB"))
73.35MB to 73.37MB
>>> print(Bound(73_355_154, 73_355_154), Bound(73_355_154, None), Bound(0, 122_638_226), UNKNOWN, sep="; ")
73.36MB; at least 73.35MB; at most 122.7MB; not told

LEAVES OUT: that two figures of one host are not independent. What one layer has more another may have less, and a sum
of rounded sizes may be known better than its parts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor
from typing import TypedDict

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size

LARGEST = 2**63 - 1
FEWEST_DIGITS = 3
_DIGITS = 4
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_PRINTED = re.compile(r"(\d{1,4}(?:\.\d{1,6})?(?:e\+03)?) ?([kMGTPE]?B)", re.ASCII)
_NEGATIVE = re.compile(r"-(\d{1,4}(?:\.\d{1,3})?)(?:e\+(\d\d))? ?B", re.ASCII)
_FLOAT_ERROR = 50  # Go divides 64-bit floats, six times at most: off by less than one part in 2**50


class BoundRecord(TypedDict):
    """A `Bound` in terms of JSON."""

    low: int
    high: int | None
    exact: bool


@dataclass(frozen=True)
class Bound:
    """Bytes from `low` to `high`, both included; `high` is None where nothing is known above.

    Raises
    ------
    InvalidInput
        `low` is above `high`.

    Examples
    --------
    >>> size, shared = Bound(73_355_000, 73_365_000), Bound(35_605_000, 35_615_000)
    >>> size - shared, size + 1_000_000, 73_355_154 in size
    (Bound(low=37740000, high=37760000), Bound(low=74355000, high=74365000), True)
    >>> Bound(5, 7) + Bound(1, None), total([Bound(5, 7), Bound(5, 7)])
    (Bound(low=6, high=None), Bound(low=10, high=14))
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

    def __contains__(self, size: int) -> bool:
        return self.low <= size and (self.high is None or size <= self.high)

    def __add__(self, other: "Size") -> "Bound":
        other = bound(other)
        return Bound(self.low + other.low, None if self.high is None or other.high is None else self.high + other.high)

    __radd__ = __add__

    def __sub__(self, other: "Size") -> "Bound":
        """The difference of two sizes of which neither is a part of the other: it may be negative.

        Raises
        ------
        InvalidInput
            `other` has no upper end, so that the difference has no lower one.
        """
        other = bound(other)
        if other.high is None:
            raise InvalidInput(f"{self} less {other} has no lower end")
        return Bound(self.low - other.high, None if self.high is None else self.high - other.low)

    def __rsub__(self, other: int) -> "Bound":
        return bound(other) - self

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

    def record(self) -> BoundRecord:
        """For JSON."""
        return {"low": self.low, "high": self.high, "exact": self.exact}

    def __str__(self) -> str:
        if self.exact:
            return docker_size(self.low)
        if self.low < 0:
            return f"-{Bound(max(-(self.high or 0), 0), -self.low)}"
        if self.high is None:
            return f"at least {_down(self.low)}" if self.low else "not told"
        return f"{_down(self.low)} to {_up(self.high)}" if self.low else f"at most {_up(self.high)}"


ZERO, UNKNOWN = Bound(0, 0), Bound(0, None)

Size = int | Bound
"""Bytes as Docker told them: a number from its API, or the two ends that its text leaves open."""


def bound(size: Size | None) -> Bound:
    """A size as Docker told it, or did not.

    Examples
    --------
    >>> bound(5), bound(Bound(5, 7)), bound(None)
    (Bound(low=5, high=5), Bound(low=5, high=7), Bound(low=0, high=None))
    """
    return UNKNOWN if size is None else size if isinstance(size, Bound) else Bound(size, size)


def ends(size: Size) -> tuple[int, int]:
    """The lowest and the highest that a size can be.

    Raises
    ------
    InvalidInput
        It has no upper end.

    Examples
    --------
    >>> ends(5), ends(Bound(5, 7))
    ((5, 5), (5, 7))
    """
    found = bound(size)
    if found.high is None:
        raise InvalidInput(f"{found}: a size with two ends is allowed")
    return found.low, found.high


def size_text(size: Size) -> str:
    """A size in Docker's decimal units: an exact one with four digits, a rounded one by its two ends.

    Examples
    --------
    >>> size_text(73_355_154), size_text(Bound(73_355_000, 73_365_000))
    ('73.36MB', '73.355MB..73.365MB')
    """
    if isinstance(size, int):
        return docker_size(size)
    low, high = ends(size)
    if high < 0:
        return f"-{size_text(Bound(-high, -low))}"
    return f"{docker_size(low, 6)}..{docker_size(high, 6)}"


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


# ------------------------------------------------------------- from Docker's text


def printed_size(text: str, digits: int = FEWEST_DIGITS, place: str = "") -> Size:
    """The bytes that Docker may have printed as `text`; an `int` where only one number of bytes is possible.

    Parameters
    ----------
    text : str
        Such as ``73.36MB``.
    digits : int
        The significant digits that it was printed with, where known; else the fewest that Docker prints with.
        Never fewer than the text shows.
    place : str, optional
        Named in the error.

    Raises
    ------
    InvalidInput
        Docker prints no such size, or it is above 2**63 - 1 bytes.

    Examples
    --------
    >>> printed_size("73.36MB"), printed_size("212B")
    (Bound(low=73355000, high=73365000), 212)
    >>> printed_size("2.1MB"), printed_size("2.1MB", digits=4)
    (Bound(low=2095000, high=2105000), Bound(low=2099500, high=2100500))
    >>> printed_size("-3MB", place="host.txt: line 4")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: host.txt: line 4: '-3MB' is not a size that Docker prints, such as 73.36MB
    """
    match = _PRINTED.fullmatch(text)
    low, high = _rounded_to(Decimal(match[1]), _UNITS.index(match[2]), digits) if match else (1, 0)
    if low > high:
        raise InvalidInput(f"{text[:60]!a} is not a size that Docker prints, such as 73.36MB", place)
    return low if low == high else Bound(low, high)


def printed_difference(text: str, place: str = "") -> Size:
    """The bytes that Docker printed as a difference, which may be negative.

    go-units divides positive sizes alone, so a negative one is in bytes, with an exponent where it is long.

    Examples
    --------
    >>> printed_difference("-4.685e+08 B"), printed_difference("-250B"), printed_difference("11.63MB")
    (Bound(low=-468550000, high=-468450000), -250, Bound(low=11625000, high=11635000))
    """
    match = _NEGATIVE.fullmatch(text)
    if not match:
        return printed_size(text, place=place)
    shown, power = Decimal(match[1]), int(match[2] or 0)
    if power > 18 or (not power and shown != int(shown)):
        raise InvalidInput(f"{text[:60]!a} is not a size that Docker prints, such as -4.685e+08B", place)
    half = Decimal(10) ** (power - _DIGITS + 1) / 2 if power else Decimal(0)
    middle = shown.scaleb(power)
    low, high = -floor(middle + half), -ceil(middle - half)
    return low if low == high else Bound(low, high)


def _rounded_to(shown: Decimal, power: int, digits: int) -> tuple[int, int]:
    """The ends of what rounds to `shown` units of 1000**power bytes; low > high where nothing does."""
    unit = 1000**power
    if shown == 0:
        return (0, 0) if power == 0 else (1, 0)
    digits = max(digits, len(shown.normalize().as_tuple().digits))
    step = Decimal(10) ** (shown.adjusted() - digits + 1)
    below = step / 10 if shown.normalize().as_tuple().digits == (1,) else step  # 99.95 has a digit more than 100.5
    low, high = ceil((shown - below / 2) * unit), floor((shown + step / 2) * unit)
    low, high = max(low, unit), min(high, 1000 * unit - 1)  # else another unit would have been printed
    return low - (low >> _FLOAT_ERROR), min(high + (high >> _FLOAT_ERROR), LARGEST)
