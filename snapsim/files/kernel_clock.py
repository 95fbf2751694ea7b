"""The kernel's clock, as time stamps see it: it ticks 250 times a second; an fsync(2) takes part of a tick, or more.

A time stamp is that of the last tick. A write(2) within the tick of the one before changes no inode, so that an fsync
after it finds nothing to commit: **of writes with an fsync after each, as many commit as ticks pass between a write and
the next**. (Seen on Linux 6.18: a journal's count of transactions, beside the clock read before each write.)

So it is time that decides, and time is the device's. Either it is at rest:

* an SSD, an fsync is a write and a flush of the device, one with a commit two more writes and another flush;

or the mean time from one write to the next is known, as where it was measured (`KernelClock.pace`). The time between
two writes is then taken as *exponentially distributed* about that mean: what is known of a machine with other work is
the mean, and what else it does has no memory. With a mean of m and ticks of T, (m / T) (1 - exp(-T / m)) of the writes
find that the clock has ticked: nearly m / T where the device is quick, and fewer than all of them where m is above T.

>>> clock = KernelClock()
>>> clock.pace(1.0)
>>> ticks = set()
>>> for _ in range(1000):
...     ticks.add(clock.tick)
...     clock.fsynced(committed=True)
>>> len(ticks)                                         # (1 / 4) (1 - exp(-4)) = 24.5 %
245

What it leaves out: the time of anything but an fsync, a sync and a freeze; kernels with another frequency than 250 Hz;
and time stamps finer than a tick, which Linux gives since 6.13 to an inode whose time was asked for (stat) since it
last changed.
"""

import math

TICK_MS = 4.0  # CONFIG_HZ=250
FLUSH_MS, WRITE_MS = 0.5, 1000 / 36_000  # of an SSD; see `snapsim.block.costs`
_SPREAD = (math.sqrt(5) - 1) / 2  # multiples of it, less their whole parts, lie evenly in 0..1


class KernelClock:
    """The time since the file system was mounted."""

    def __init__(self) -> None:
        self._now, self._fsyncs = 0.0, 0
        self._mean: float | None = None

    def pace(self, milliseconds: float) -> None:
        """Say what passes on average from a write with an fsync to the next.

        Examples
        --------
        >>> clock = KernelClock()
        >>> clock.pace(40.0); clock.fsynced(committed=False); clock.tick
        9
        """
        self._mean = milliseconds

    @property
    def tick(self) -> int:
        """The number of the last tick."""
        return int(self._now // TICK_MS)

    def fsynced(self, committed: bool) -> None:
        """A write and its fsync came to an end.

        Parameters
        ----------
        committed : bool
            Whether the fsync had anything to commit.
        """
        if self._mean is None:
            self._now += (WRITE_MS + FLUSH_MS) + (2 * WRITE_MS + FLUSH_MS) * committed
        else:
            self._fsyncs += 1
            self._now -= self._mean * math.log(1 - self._fsyncs * _SPREAD % 1)

    def flushed(self, times: int) -> None:
        """The device was flushed so often, by a sync or a freeze."""
        self._now += times * FLUSH_MS

    def rested(self) -> None:
        """Something happened that takes longer than a tick."""
        self._now += TICK_MS
