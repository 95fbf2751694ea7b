"""What is demanded of a prediction, class by class.

Bytes at a block device do not say what they are. What can be told apart, and how:

* **data** (with copies): a mechanism's rule gives them exactly. Where the kernel counts them alone (a data device, an
  origin, a COW device, the data of btrfs) they must be equal. Elsewhere they must not be more than was measured in any
  repetition, and the rest must be possible as metadata: no more than twice what is predicted, or 256 KiB.
* **metadata**: what was measured less the data and copies.
* **reads** from a cold cache, **space**: as measured.
* **order**: which of two stacks is cheaper (`stack_order`).

A demand is a share of the measurement or a number of bytes, whichever is more, beyond the range of the repetitions.

>>> METADATA["ext4"].bounds(Range(median=53248, least=49152, most=57344))      # 25 % of 52 KiB are 13 KiB
(35840, 70656)

What it leaves out: time, which no one demands.
"""

from dataclasses import dataclass

from snapsim.base.units import KiB
from snapsim.measure.range import Range

CLASSES = ("data", "metadata", "reads", "space", "order")
"""All classes, in the order of tables."""


@dataclass(frozen=True)
class Demand:
    """How far a prediction may be from a measurement.

    Attributes
    ----------
    share : float
        Of the median of the measurement.
    least : int
        Bytes that are allowed in any case.
    wider : bool
        Within the range or the share, whichever is wider, in place of the share beyond the range.
    words : str
        The same for a reader.
    """

    share: float
    least: int
    words: str
    wider: bool = False

    def bounds(self, measured: Range) -> tuple[int, int]:
        """The least and the most that a prediction may be.

        Examples
        --------
        >>> told = Range(100, 90, 140)
        >>> Demand(0.1, 0, "10 %").bounds(told), Demand(0.1, 0, "", wider=True).bounds(told)
        ((80, 150), (90, 140))
        """
        allowed = self.allowed(measured)
        if not self.wider:
            return measured.least - allowed, measured.most + allowed
        if measured.most - measured.least > 2 * allowed:
            return measured.least, measured.most
        return measured.median - allowed, measured.median + allowed

    def allowed(self, measured: Range) -> int:
        """Bytes beyond the range, or around the median."""
        return max(int(self.share * max(measured.median, 0)), self.least)


EXACT = Demand(0.0, 0, "equal")
READS = Demand(0.10, 256 * KiB, "10 % or 256 KiB")
SPACE = Demand(0.02, 128 * KiB, "2 % or 128 KiB")
FSYNC_EACH = Demand(0.25, 0, "the range of the repetitions, or 25 % if that is wider", wider=True)
METADATA = {
    **dict.fromkeys(("ext4", "xfs", "dm-thin"), Demand(0.25, 8 * KiB, "25 % or 8 KiB")),
    **dict.fromkeys(("btrfs", "zfs"), Demand(0.25, 48 * KiB, "25 % or 48 KiB")),
}
"""By what the metadata belongs to."""


@dataclass(frozen=True)
class Possible(Demand):
    """Data among bytes that may be metadata: no more than was measured, and the rest no more than `rest`."""

    rest: int = 0

    def bounds(self, measured: Range) -> tuple[int, int]:
        """All that the cheapest repetition moved, or up to `rest` less."""
        return measured.least - self.rest, measured.least

    def allowed(self, measured: Range) -> int:
        """How much less than what was measured."""
        return self.rest


def up_to(more: int) -> Possible:
    """The demand on a figure whose least is predicted, and which may be so much more.

    Examples
    --------
    >>> up_to(8192).bounds(Range(20480, 20480, 20480))
    (12288, 20480)
    """
    return Possible(0.0, 0, f"no more than measured; that is up to {more} more", rest=more)


def possible(metadata: int) -> Possible:
    """The demand on data where so much metadata is predicted beside it."""
    rest = max(2 * metadata, 256 * KiB)
    return Possible(0.0, 0, "no more than measured; the rest no more than twice the metadata, or 256 KiB", rest=rest)
