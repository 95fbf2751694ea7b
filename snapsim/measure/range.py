"""A measured figure and the spread of its repetitions.

>>> spread([3, 1, 2])
Range(median=2, least=1, most=3)
"""

from collections.abc import Iterable
from typing import NamedTuple


class Range(NamedTuple):
    """What was measured: the median of the repetitions, the least and the most, all in bytes."""

    median: int
    least: int
    most: int

    def less(self, other: int) -> "Range":
        """The same range, less so many bytes."""
        return Range(*(value - other for value in self))


def spread(values: Iterable[int], median: int | None = None) -> Range:
    """The range of repetitions.

    Examples
    --------
    >>> spread([3, 1, 2])
    Range(median=2, least=1, most=3)
    """
    told = sorted(values)
    return Range(told[(len(told) - 1) // 2] if median is None else median, told[0], told[-1])
