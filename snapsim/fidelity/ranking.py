"""Which stack is cheaper: for each workload measured on several stacks, all pairs whose costs differ by more than
noise.

A pair counts where the ranges of its repetitions lie more than 15 % and more than 128 KiB apart, so that noise is not
taken for an order. The model has to put the two in the same order by the bytes written, by whatever margin; a tie is
wrong.

>>> cheap, dear = (Comparison(name, 0, "w", "{}", ComparedTotal(predicted, 0, Range(told, told, told)), ())
...                for name, predicted, told in (("btrfs", 300_000, 307_200), ("overlay2-ext4", 1_100_000, 1_142_784)))
>>> pairs([cheap, dear])
[Pair(workload='w', cheaper='btrfs', dearer='overlay2-ext4', ok=True, ok_without=False)]

What it leaves out: by how much, which the figures themselves say.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from snapsim.base.units import KiB
from snapsim.fidelity.comparison import ComparedTotal, Comparison
from snapsim.measure.range import Range

SHARE, LEAST = 0.15, 128 * KiB


class Pair(NamedTuple):
    """Two stacks whose measurements differ: whether the prediction has the same order, and one without metadata."""

    workload: str
    cheaper: str
    dearer: str
    ok: bool
    ok_without: bool


def pairs(rows: Iterable[Comparison]) -> list[Pair]:
    """All pairs of stacks with equal traces and different cost."""
    same: dict[str, list[Comparison]] = {}
    for row in rows:
        if row.written is not None:
            same.setdefault(row.workload, []).append(row)
    found = (
        _pair(*two)
        for group in same.values()
        for two in itertools.combinations(group, 2)
        if two[0].stack != two[1].stack
    )
    return [pair for pair in found if pair is not None]


def _pair(one: Comparison, other: Comparison) -> Pair | None:
    assert one.written is not None
    assert other.written is not None
    if not differ(one.written.measured, other.written.measured):
        return None
    (low, cheap), (high, dear) = sorted(((one, one.written), (other, other.written)), key=_cost)
    return Pair(low.name, low.stack, high.stack, cheap.predicted < dear.predicted, cheap.without < dear.without)


def _cost(each: tuple[Comparison, ComparedTotal]) -> int:
    return each[1].measured.median


def differ(one: Range, other: Range) -> bool:
    """Whether two measurements differ by more than noise.

    Examples
    --------
    >>> differ(Range(1_000_000, 1_000_000, 1_000_000), Range(1_200_000, 1_140_000, 1_300_000))
    False
    """
    low, high = sorted((one, other))
    gap = high.least - low.most
    return gap > LEAST and gap > SHARE * max(low.most, 0)


def of_stack(found: Sequence[Pair], stack: str) -> list[Pair]:
    """The pairs that a stack is part of."""
    return [pair for pair in found if stack in (pair.cheaper, pair.dearer)]
