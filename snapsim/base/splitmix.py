"""Random numbers that are the same in every version of Python and NumPy: SplitMix64.

A workload that is generated from a seed must be the same file in ten years, and neither Python nor NumPy promises
that of its own generators. SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014) is a counter that goes through a mixing function: number i of a seed is ``mix(seed + (i + 1) * GAMMA)``
in arithmetic modulo 2**64. There is no state but the counter, so numbers come in whole arrays.

What is made of the 64 bits x of a number:

- a whole number below n (n up to 2**32): ``(x >> 32) * n >> 32``; no rejection, so every draw takes one number; some
  results are likelier than others by at most n / 2**32;
- a fraction in [0, 1): ``(x >> 11) / 2**53``;
- an order of n things: sorted by n numbers x, ties in their old order;
- a Zipf rank: see `SplitMix64.zipf`.

What it leaves out: security (the numbers can be predicted), streams that are split off, other distributions.
"""

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput

GAMMA, MIX1, MIX2 = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
MOST_RANKS = 1 << 24

Integers = npt.NDArray[np.int64]


class SplitMix64:
    """A stream of random numbers from a seed.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1.

    Raises
    ------
    InvalidInput
        The seed, or a bound given to a method, is out of range.

    Examples
    --------
    The numbers that the authors' own program prints for this seed:

    >>> SplitMix64(1234567).bits(3).tolist()
    [6457827717110365317, 3203168211198807973, 9817491932198370423]
    >>> stream = SplitMix64(7)
    >>> stream.below(6, 8).tolist(), stream.order(5).tolist()
    ([2, 0, 5, 3, 2, 1, 2, 1], [2, 0, 1, 4, 3])
    """

    def __init__(self, seed: int) -> None:
        if type(seed) is not int or not 0 <= seed < 1 << 64:
            raise InvalidInput(f"{seed!r} is not allowed: a whole number from 0 to 2**64 - 1", "seed")
        self.counter = seed

    def bits(self, count: int) -> npt.NDArray[np.uint64]:
        """The next numbers, 64 bits each."""
        x = np.uint64(self.counter) + GAMMA * np.arange(1, count + 1, dtype=np.uint64)
        self.counter = (self.counter + int(GAMMA) * count) % (1 << 64)
        x = (x ^ (x >> np.uint64(30))) * MIX1
        x = (x ^ (x >> np.uint64(27))) * MIX2
        return x ^ (x >> np.uint64(31))

    def below(self, bound: int, count: int) -> Integers:
        """Whole numbers from 0 to `bound` - 1, each as likely as any other (see the top of the file)."""
        if not 1 <= bound <= 1 << 32:
            raise InvalidInput(f"{bound} is not allowed: a bound from 1 to 2**32")
        return ((self.bits(count) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    def order(self, count: int) -> Integers:
        """The numbers 0 to `count` - 1 in random order."""
        return np.argsort(self.bits(count), kind="stable").astype(np.int64)

    def distinct(self, bound: int, count: int) -> list[int]:
        """`count` different numbers below `bound`, in the order in which they were first drawn.

        More than half of them are the head of an `order`; fewer are drawn by `below`, as many as are missing, again and
        again until they are different.
        """
        if count > bound:
            raise InvalidInput(f"{count} different numbers are not to be had: up to {bound}")
        if 2 * count > bound:
            return [int(number) for number in self.order(bound)[:count]]
        found: dict[int, None] = {}
        while len(found) < count:
            found.update(dict.fromkeys(self.below(bound, count - len(found)).tolist()))
        return list(found)

    def zipf(self, ranks: int, exponent: float, count: int) -> Integers:
        """Ranks from 0 on, rank r with a weight of 1 / (r + 1)**exponent.

        The cumulated weights are searched for a random fraction of their sum (inverse distribution function).
        Weights are rounded down to multiples of 2**-32 of the first: sums are then of whole numbers, and a power that
        differs in its last bit between two computers can shift a bound by 2**-32 of the first weight at most.

        Parameters
        ----------
        ranks : int
            How many there are, up to 2**24.
        exponent : float
            From 0 (all alike) on; web and storage traces have some 0.6 to 1.2.
        count : int
            How many to draw.

        Examples
        --------
        >>> SplitMix64(7).zipf(1000, 1.0, 10).tolist()
        [9, 0, 475, 43, 16, 3, 18, 6, 1, 11]
        """
        if not 1 <= ranks <= MOST_RANKS:
            raise InvalidInput(f"{ranks} ranks are not allowed: 1 to {MOST_RANKS}")
        weights = np.floor(2.0**32 * np.arange(1, ranks + 1, dtype=np.float64) ** -exponent)
        reached = np.cumsum(weights.astype(np.int64))
        fractions = (self.bits(count) >> np.uint64(11)).astype(np.float64) / 2.0**53
        return np.searchsorted(reached, np.floor(fractions * float(reached[-1])), side="right").astype(np.int64)
