"""THE CONTRACT of targets: the trace of a scenario is carried out on real devices of device-mapper, and counted.

A trace is what `snapsim.fidelity.replay` plays on a model; here the kernel does it. Between ``begin`` and ``end`` lies
a *window*, in which the I/O of the disks below is counted. Disks are loop devices, fresh for each scenario.

What it leaves out: keeping udev away, which looks at a mapping that is made in a window; flushes of a disk's own cache
(a loop device passes them on); requests that are not multiples of a sector.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.measure.kernel.direct import LARGEST, Direct
from snapsim.measure.kernel.loop import SECTOR, Loop
from snapsim.measure.kernel.mapper import Mapper, Refused, settle
from snapsim.measure.trace import number, offsets, text

Op = Mapping[str, Any]
Verb = Callable[[Op, str], str | None]
Counters = dict[str, dict[str, int]]
_SETTLE = 0.05  # seconds: a request is counted a moment after the program has its answer
_KEYS = {
    "reads": "read_requests",
    "read_bytes": "bytes_read",
    "writes": "write_requests",
    "written_bytes": "bytes_written",
    "discarded_bytes": "bytes_discarded",
    "flushes": "flush_requests",
}
_ALWAYS = ("reads", "read_bytes", "writes", "written_bytes")


@dataclass
class Window:
    """What happened between ``begin`` and ``end``.

    Attributes
    ----------
    moved : mapping of str to mapping
        Disk -> reads, read_bytes, writes, written_bytes and, where there were any, discarded_bytes, flushes.
    before, after : list of str
        The status of the target.
    results : list of str
        Outcome of each read, write and discard: "ok", "EIO".
    statuses : list of str
        The status before them and after each write, where the row has such figures.
    verbs : list of str
        What was done.
    """

    before: list[str]
    moved: Counters = field(default_factory=dict)
    after: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)


class Target(ABC):
    """The devices of one scenario.

    Parameters
    ----------
    rows : sequence of mapping
        All rows of the scenario, so that the disks can be made as large as they will have to be.
    mapper : Mapper
        Makes the mappings.
    directory : str, optional
        Where the files below the disks lie.

    Attributes
    ----------
    modules : mapping of str to str
        The targets of device-mapper that are needed, and the modules that have them.
    """

    modules: ClassVar[Mapping[str, str]]

    def __init__(self, rows: Sequence[Mapping[str, Any]], mapper: Mapper, directory: str | None = None) -> None:
        self.ops = [op for row in rows for op in row["trace"]]
        self.mapper, self._directory = mapper, directory
        self._loops: list[Loop] = []
        self._open: dict[str, Direct] = {}
        self._start_row({})

    def close(self) -> None:
        """Take all down."""
        for device in self._open.values():
            device.close()
        self._open.clear()
        self.mapper.clear()
        for loop in self._loops:
            loop.close()

    # ---------------------------------------------------------------- what a target says

    @abstractmethod
    def verbs(self) -> dict[str, Verb]:
        """The operations, besides read, write and flush; each gives its outcome, or None if it cannot fail."""

    @abstractmethod
    def disks(self) -> Counters:
        """The counters of the disks that there are."""

    @abstractmethod
    def devices(self) -> Sequence[str]:
        """The mappings that can be read and written now."""

    @abstractmethod
    def states(self) -> list[str]:
        """The status of the target, read without changing anything."""

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """The figures of the row that has been played."""

    # ---------------------------------------------------------------- a row

    def _start_row(self, asked: Mapping[str, Any]) -> None:
        self.asked = asked
        self.windows: list[Window] = []
        self.window: Window | None = None
        self.errors: list[list[Any]] = []
        self._before: Counters = {}

    def play(self, row: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Carry a row's trace out and give its figures.

        Raises
        ------
        InvalidInput
            An operation that is none, or that the kernel does not carry out.
        """
        self._start_row(row.get("figures") or {})
        for at, op in enumerate(row["trace"]):
            where = f"{place}.trace[{at}]"
            if op.get("op") == "begin":
                self._begin()
            elif op.get("op") == "end":
                self._end(where)
            else:
                self._apply(op, at, where)
        return {**self.figures(), **({"errors": self.errors} if self.errors else {})}

    def _begin(self) -> None:
        settle()
        time.sleep(_SETTLE)
        said = self.states()
        self.window = Window(said, statuses=said[:1] if "statuses" in self.asked else [])
        self._before = self.disks()

    def _end(self, place: str) -> None:
        if self.window is None:
            raise InvalidInput("'end' without 'begin'", place)
        time.sleep(_SETTLE)
        self.window.moved = {name: _moved(self._before.get(name), now) for name, now in self.disks().items()}
        self.window.after = self.states()
        self.windows.append(self.window)
        self.window = None

    def _apply(self, op: Op, at: int, place: str) -> None:
        verbs = self.verbs()
        verb = text(op, "op", place, (*verbs, "read", "write", "discard", "flush"))
        if self.window:
            self.window.verbs.append(verb)
        if verb in verbs:
            self._fault(at, verb, self._done(verbs[verb], op, place))
        elif verb == "flush":
            self._fault(at, verb, self._device(op, place).request("flush"))
        else:
            self._requests(op, at, place)

    @staticmethod
    def _done(act: Verb, op: Op, place: str) -> str | None:
        try:
            return act(op, place)
        except Refused as error:
            raise InvalidInput(str(error), place) from None

    def _fault(self, at: int, verb: str, outcome: str | None) -> None:
        """Keep what the kernel refused; one entry for a run of the same."""
        if outcome in (None, "ok"):
            return
        if self.errors and self.errors[-1][:3] == [at, verb, outcome]:
            self.errors[-1][3] += 1
        else:
            self.errors.append([at, verb, outcome, 1])

    def _requests(self, op: Op, at: int, place: str) -> None:
        device, kind, length = self._device(op, place), op["op"], self.size(op, "bytes", place)
        if kind != "discard" and length > LARGEST:
            raise InvalidInput(f"{length} is not allowed: up to {LARGEST} bytes a request", f"{place}.bytes")
        for offset in offsets(op, place):
            if offset % SECTOR:
                raise InvalidInput(f"{offset} is not allowed: a multiple of {SECTOR}", f"{place}.offset")
            outcome = device.request(kind, offset, length)
            self._fault(at, kind, outcome)
            if self.window:
                self.window.results.append(outcome)
                self.window.statuses += self.states()[:1] if kind == "write" and "statuses" in self.asked else []

    def _device(self, op: Op, place: str) -> Direct:
        name = text(op, "to", place, tuple(self.devices()))
        if name not in self._open:
            self._open[name] = Direct(self.mapper.path(name))
        return self._open[name]

    # ---------------------------------------------------------------- for the operations of a target

    def size(self, op: Op, key: str, place: str) -> int:
        """A size of whole sectors, in bytes."""
        found = number(op, key, place)
        if found == 0 or found % SECTOR:
            raise InvalidInput(f"{found} is not allowed: a multiple of {SECTOR}", f"{place}.{key}")
        return found

    def disk(self, size: int) -> Loop:
        """A fresh disk; what udev reads from a new device is not counted."""
        self._loops.append(Loop(size, self._directory))
        settle()
        self._loops[-1].count_from_now()
        return self._loops[-1]

    def let_go(self, name: str) -> None:
        """Close a mapping that was read or written, and take it down."""
        if name in self._open:
            self._open.pop(name).close()
        self.mapper.remove(name)

    def result(self) -> dict[str, Any]:
        """The outcomes of the last window, where the row wants them."""
        return {"results": self.windows[-1].results} if "results" in self.asked and self.windows else {}


def _moved(before: Mapping[str, int] | None, now: Mapping[str, int]) -> dict[str, int]:
    told = {name: now[key] - (before or {}).get(key, 0) for name, key in _KEYS.items()}
    return {name: value for name, value in told.items() if value or name in _ALWAYS}
