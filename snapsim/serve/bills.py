"""What each command cost: the I/O that it made, by operation and purpose, and the story of its requests.

A bill is open while its command runs; a process that waits has its bill paused, so that what others do meanwhile is on
theirs. When a command ends, everything dirty is written back, as the kernel does some seconds later: so the cost of a
write stands on the bill of who wrote it.

>>> from snapsim.block.device import BlockDevice
>>> disk = BlockDevice(8, name="disk")
>>> bills = Bills(lambda: [disk], lambda: None)
>>> with bills.of("exec box touch /f", "box"):
...     disk.write(3)
>>> [(bill.number, bill.what, bill.counts) for bill in bills.last(1)]
[(1, 'exec box touch /f', IOCounts(write_data=(1, 4096)))]
>>> bills.of_container("box")
IOCounts(write_data=(1, 4096))

What it leaves out: time, and the I/O of a write-back that comes before a command ends.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from snapsim.block.device import PURPOSES, BlockDevice, IOCounts, counting, recording
from snapsim.stories.narration import narrate

KEPT = 1000
"""Bills that are remembered."""
_LINES = 60


@dataclass
class Bill:
    """The cost of one command.

    Attributes
    ----------
    number : int
        From 1 on, in the order in which commands began.
    what : str
        The command, such as ``exec db dd if=/dev/zero of=/f``.
    container : str
        Its container's id; empty where it has none.
    counts : IOCounts
        What it made so far.
    story : list of str
        A line for each run of requests, the first of them.
    """

    number: int
    what: str
    container: str = ""
    counts: IOCounts = field(default_factory=IOCounts)
    story: list[str] = field(default_factory=list)
    more: int = 0

    def record(self) -> dict[str, Any]:
        """As plain data, in bytes and requests by operation and purpose."""
        cells = self.counts.cells()
        return {
            "Number": self.number,
            "Command": self.what,
            "Container": self.container,
            "Bytes": {name: size for name, (_, size) in cells.items()},
            "Requests": {name: count for name, (count, _) in cells.items()},
            "Story": [*self.story, *([f"  ... and {self.more} more lines"] if self.more else [])],
        }


class Bills:
    """All bills of a daemon.

    Parameters
    ----------
    devices : callable
        Gives the devices whose I/O counts.
    write_back : callable
        Writes everything dirty.
    """

    def __init__(self, devices: Callable[[], Sequence[BlockDevice]], write_back: Callable[[], None]) -> None:
        self._devices, self._write_back = devices, write_back
        self._bills: deque[Bill] = deque(maxlen=KEPT)
        self._containers: dict[str, IOCounts] = {}
        self._made = 0

    def open(self, what: str, container: str = "") -> Bill:
        """A new bill, to be run with `running` and to be ended with `close`."""
        self._made += 1
        bill = Bill(self._made, what, container)
        self._bills.append(bill)
        return bill

    @contextmanager
    def running(self, bill: Bill) -> Iterator[None]:
        """What happens inside goes on this bill."""
        devices = self._devices()
        with ExitStack() as stack:
            io = stack.enter_context(counting(*devices))
            story = stack.enter_context(recording(*devices))
            try:
                yield
            finally:
                stack.close()
                bill.counts += io.counts
                self._add(bill, narrate(story))
                if bill.container and io.counts != IOCounts():
                    self._containers[bill.container] = self.of_container(bill.container) + io.counts

    @staticmethod
    def _add(bill: Bill, lines: list[str]) -> None:
        free = max(0, _LINES - len(bill.story))
        bill.story += lines[:free]
        bill.more += len(lines[free:])

    def meter(self, bill: Bill) -> "Meter":
        """The same for one who goes and stops."""
        return Meter(self, bill)

    def close(self, bill: Bill) -> None:
        """The command has ended: what it left dirty is written back, on its bill."""
        with self.running(bill):
            self._write_back()

    @contextmanager
    def of(self, what: str, container: str = "") -> Iterator[Bill]:
        """A bill for the length of a ``with`` block."""
        bill = self.open(what, container)
        try:
            with self.running(bill):
                yield bill
        finally:
            self.close(bill)

    def last(self, count: int, container: str = "") -> list[Bill]:
        """The newest bills that cost anything, oldest first; those of one container's id if it is given."""
        found = [bill for bill in self._bills if bill.counts != IOCounts() and container in ("", bill.container)]
        return found[-count:] if count else []

    def of_container(self, id: str) -> IOCounts:
        """All that a container has cost so far."""
        return self._containers.get(id, IOCounts())

    def forget(self, id: str) -> None:
        """A container is gone."""
        self._containers.pop(id, None)


class Meter:
    """A bill that runs from `go` to `stop`, again and again."""

    def __init__(self, bills: Bills, bill: Bill) -> None:
        self._bills, self._bill, self._running = bills, bill, ExitStack()

    def go(self) -> None:
        """From here on."""
        self._running.enter_context(self._bills.running(self._bill))

    def stop(self) -> None:
        """Up to here."""
        self._running.close()


def by_purpose(counts: IOCounts) -> dict[str, tuple[int, int]]:
    """Bytes read and written for each purpose that has any.

    Examples
    --------
    >>> by_purpose(IOCounts(read_copy=1, write_copy=1, write_data=2))
    {'data': (0, 8192), 'copy': (4096, 4096)}
    """
    found = {purpose: (counts.bytes("read", purpose), counts.bytes("write", purpose)) for purpose in PURPOSES}
    return {purpose: sizes for purpose, sizes in found.items() if any(sizes)}
