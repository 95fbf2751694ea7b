"""Sizes that Docker has rounded: the bytes that a text such as ``73.36MB`` can stand for.

Docker divides a size by 1000 until it is below 1000 and prints the rest with four significant digits in ``docker info``
and ``docker system df``, three in ``docker ps -s`` and ``docker images``, trailing zeros cut off (docker/go-units
``size.go``, Go's ``%.4g``). The way back leads to an interval, and sums and differences of intervals are intervals.

A text does not say with how many digits it was printed: ``37.8MB`` is 37,800,000 +- 50,000 with three digits, +- 5,000
with four. The wider one is taken, as it holds the other.

LEAVES OUT: that two figures of one host are not independent (a sum of rounded sizes may be known better than this).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor

from snapsim.base.errors import InvalidInput
from snapsim.base.units import docker_size

LARGEST = 2**63 - 1
FEWEST_DIGITS = 3
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_PRINTED = re.compile(r"(\d{1,4}(?:\.\d{1,6})?(?:e\+03)?) ?([kMGTPE]?B)", re.ASCII)
_FLOAT_ERROR = 50  # Go divides 64-bit floats, six times at most: off by less than one part in 2**50


@dataclass(frozen=True)
class Interval:
    """Bytes known to lie from `low` to `high`, both included.

    Parameters
    ----------
    low, high : int
        Bytes.

    Raises
    ------
    InvalidInput
        `low` is above `high`.

    Examples
    --------
    >>> size, shared = Interval(73_355_000, 73_365_000), Interval(35_605_000, 35_615_000)
    >>> size - shared
    Interval(low=37740000, high=37760000)
    >>> 73_355_154 in size, str(size + 1_000_000)
    (True, '74.355MB..74.365MB')
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise InvalidInput(f"from {self.low} to {self.high} is no interval: the lower end comes first")

    def __contains__(self, size: int) -> bool:
        return self.low <= size <= self.high

    def __add__(self, other: "Size") -> "Interval":
        low, high = ends(other)
        return Interval(self.low + low, self.high + high)

    __radd__ = __add__

    def __sub__(self, other: "Size") -> "Interval":
        low, high = ends(other)
        return Interval(self.low - high, self.high - low)

    def __rsub__(self, other: int) -> "Interval":
        return Interval(other - self.high, other - self.low)

    def __str__(self) -> str:
        return f"{docker_size(self.low, 6)}..{docker_size(self.high, 6)}"


Size = int | Interval
"""Bytes: exact, or as far as Docker's text tells."""


def ends(size: Size) -> tuple[int, int]:
    """The lowest and the highest that a size can be.

    Examples
    --------
    >>> ends(5), ends(Interval(5, 7))
    ((5, 5), (5, 7))
    """
    return (size.low, size.high) if isinstance(size, Interval) else (size, size)


def size_text(size: Size) -> str:
    """A size in Docker's decimal units: exact ones with four digits, intervals by their ends.

    Examples
    --------
    >>> size_text(73_355_154), size_text(Interval(73_355_000, 73_365_000))
    ('73.36MB', '73.355MB..73.365MB')
    """
    return str(size) if isinstance(size, Interval) else docker_size(size)


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
    (Interval(low=73355000, high=73365000), 212)
    >>> printed_size("2.1MB"), printed_size("2.1MB", digits=4)
    (Interval(low=2095000, high=2105000), Interval(low=2099500, high=2100500))
    >>> printed_size("-3MB", place="host.txt: line 4")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: host.txt: line 4: '-3MB' is not a size that Docker prints, such as 73.36MB
    """
    match = _PRINTED.fullmatch(text)
    low, high = _rounded_to(Decimal(match[1]), _UNITS.index(match[2]), digits) if match else (1, 0)
    if low > high:
        raise InvalidInput(f"{text[:60]!a} is not a size that Docker prints, such as 73.36MB", place)
    return low if low == high else Interval(low, high)


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
