"""The logical clock that stamps a file system's times.

What it leaves out: seconds. A tick is a moment that is later than all before it.
"""

from collections.abc import Iterator


class LogicalClock(Iterator[int]):
    """A logical clock: each tick is later than all before, and than all times that were seen in archives.

    Examples
    --------
    >>> clock = LogicalClock()
    >>> next(clock), clock.see(40), next(clock)
    (1, None, 41)
    """

    def __init__(self) -> None:
        self.now = 0

    def __next__(self) -> int:
        self.now += 1
        return self.now

    def see(self, time: int | None) -> None:
        """Go on from there: a file from elsewhere must not look newer than what is written next (Lamport)."""
        self.now = max(self.now, time or 0)
