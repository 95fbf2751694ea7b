"""The figures of a measurement of dm-thin, collected while a row's trace is played on the model.

A part of `dm_thin`. What the figures are about follows from the trace alone:

* `used_data_blocks`, `used_meta_blocks` [before, after], `pool_status` and `thin_status` are about the last window
  (begin to end): *before* is the last status in front of it, *after* the first one behind it (the last one of the
  row, if the window only made the pool);
* `results` and `result` are the outcomes of the requests in it, `statuses` the last status in front of it and one
  after each of its writes, `states` one at each flush and at each write that failed: index, outcome, status;
* `after` is what was done between it and a `grow`, `after_growing` what came then;
* `mapped_blocks_vs_used_meta_blocks` has a pair for each status before the first snapshot,
  `used_meta_after_each_snapshot_and_after_a_write` the first two statuses behind each snapshot.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

LEAVES_OUT = "seconds, and in `commits` (of the last window) those that the kernel makes once a second."
"""What this model leaves out, as `snapsim fidelity` lists it."""


class Status(NamedTuple):
    """The status after a commit: the pool's line, its figures, and the lines of the active thin volumes."""

    line: str
    data: int
    metadata: int
    thins: dict[str, str]
    mapped: int


class _Seen(NamedTuple):
    """A status, and where in the row it was seen: windows that were closed, whether one was open, operations done."""

    windows: int
    inside: bool
    position: int
    status: Status


class ThinReport:
    """What was observed while one row was played.

    Parameters
    ----------
    row : mapping
        The measured row; lists that grow with the trace are returned only if its figures have them, or if it has no
        figures.

    Attributes
    ----------
    windows : int
        Windows that are closed.
    inside : bool
        Whether one is open.
    """

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._wanted = row.get("figures")
        self.windows, self.inside, self._position = 0, False, 0
        self._seen: list[_Seen] = []
        self._outcomes: list[tuple[int, str, str]] = []  # position, name, outcome
        self._snapshots: list[int] = []
        self._growth = 0  # position of the first `grow`
        self.window([], 0)

    def wants(self, key: str) -> bool:
        """Whether the row has a figure of this name."""
        return self._wanted is None or key in self._wanted

    # ---------------------------------------------------------------- what happens

    def window(self, results: list[str], commits: int) -> None:
        """A window opens after so many commits; `results` will have the outcomes of its requests."""
        self.results = results
        self._commits, self._closed = commits, -1  # before it, and when it had closed
        self._lines: list[str] = []
        self._states: list[list[Any]] = []
        self._worked = False  # it did more than make the pool

    def operation(self, kind: str, commits: int) -> None:
        """An operation begins after so many commits."""
        self._position += 1
        if not self.inside and self._closed < 0:
            self._closed = commits
        self._worked = self._worked or (self.inside and kind != "create_pool")
        if kind == "create_snap":
            self._snapshots.append(self._position)
        if kind == "grow":
            self._growth = self._growth or self._position

    def status(self, status: Status) -> None:
        """Record the status after a commit that the trace requested."""
        self._seen.append(_Seen(self.windows, self.inside, self._position, status))

    def outcome(self, name: str, outcome: str) -> None:
        """Record the outcome of a request or a message."""
        if self.inside:
            self.results.append(outcome)
        else:
            self._outcomes.append((self._position, name, outcome))

    def line(self, line: str) -> None:
        """The pool's line after a write in a window."""
        self._lines.append(line)
        if self.results[-1] != "ok":
            self.state(line)

    def state(self, line: str) -> None:
        """The pool's line after a flush in a window, or after a write that failed."""
        if self.results:
            self._states.append([len(self.results) - 1, self.results[-1], line])

    # ---------------------------------------------------------------- figures

    def figures(self, commits: int) -> dict[str, Any]:
        """All figures that the row has, given the number of commits until its end."""
        before, after = self._before(), self._after()
        found: dict[str, Any] = {"pool_status": after.status.line, "thin_status": after.status.thins} if after else {}
        if before and after:
            pair = before.status, after.status
            found.update(used_data_blocks=[s.data for s in pair], used_meta_blocks=[s.metadata for s in pair])
        if self.results:
            found["result"] = self.results[-1]
        if self._worked:
            found["commits"] = (commits if self._closed < 0 else self._closed) - self._commits
        return {**found, **{key: value for key, value in self._lists(before).items() if value and self.wants(key)}}

    def _lists(self, before: _Seen | None) -> dict[str, Any]:
        return {
            "results": self.results,
            "statuses": [*([before.status.line] if before else []), *self._lines],
            "states": self._states,
            "mapped_blocks_vs_used_meta_blocks": self._curve(),
            "used_meta_after_each_snapshot_and_after_a_write": self._after_snapshots(),
            "after": self._behind(),
            "after_growing": self._behind_growth(),
        }

    def _before(self) -> _Seen | None:
        seen = [each for each in self._seen if each.windows < self.windows and not each.inside]
        return seen[-1] if seen and self._worked else None

    def _after(self) -> _Seen | None:
        seen = [each for each in self._seen if each.windows == self.windows and not each.inside]
        return (seen[0] if self._worked else seen[-1]) if seen else None

    def _curve(self) -> list[list[int]]:
        end = self._snapshots[0] if self._snapshots else self._position + 1
        return [[each.status.mapped, each.status.metadata] for each in self._seen if each.position < end]

    def _after_snapshots(self) -> list[list[int]]:
        return [
            [each.status.metadata for each in self._seen if each.position > snapshot][:2]
            for snapshot in self._snapshots
        ]

    def _between(self, low: int, high: int) -> tuple[dict[str, str], list[str]]:
        lines = [each.status.line for each in self._seen if low < each.position < high]
        return {name: outcome for at, name, outcome in self._outcomes if low < at < high}, lines

    def _behind(self) -> dict[str, str]:
        after = self._after()
        if after is None:
            return {}
        found, lines = self._between(after.position, self._growth or self._position + 1)
        return {**found, "status": lines[-1]} if lines else found

    def _behind_growth(self) -> dict[str, str]:
        if not self._growth:
            return {}
        found, lines = self._between(self._growth, self._position + 1)
        return {**found, **dict(zip(("status", "status_then"), lines, strict=False))}
