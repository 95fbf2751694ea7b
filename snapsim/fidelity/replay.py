"""THE CONTRACT of replays: a recorded trace of a real target is played on the model, and the same figures come out.

A trace file has the form of the measurements: ``{"header": ..., "rows": [...]}`` or a list of rows, each row with
``scenario`` (one set of fresh devices), ``workload`` and ``trace`` (all operations since the previous row of the
scenario, hidden ones included). `snapsim.fidelity.replays` holds a `Player` for each target, named by the scenario's
prefix.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.block.device import BlockDevice, IOCounts
from snapsim.measure.trace import block_size

LEAVES_OUT = "time. The real pool commits once a second whenever that falls; a trace does not say when."
"""What this model leaves out, as `snapsim fidelity` lists it."""


class Player(ABC):
    """Plays the operations of one scenario on a model.

    Parameters
    ----------
    block_size : int
        Bytes a block of the model: divides every size and offset of the scenario.

    Attributes
    ----------
    metadata : bool
        Whether windows count metadata; without it they show what a model that knows none would say.
    """

    metadata = True

    def __init__(self, block_size: int) -> None:
        self.block_size = block_size
        self.windows: list[dict[str, dict[str, int]]] = []
        self.results: list[str] = []
        self._open: dict[str, IOCounts] | None = None

    @abstractmethod
    def devices(self) -> Mapping[str, Sequence[BlockDevice]]:
        """The devices by the names that the figures have (one name may stand for several: a disk cut in slices)."""

    @abstractmethod
    def apply(self, op: Mapping[str, Any], place: str) -> None:
        """Do one operation; raise `InvalidInput` at `place` if it is none."""

    @abstractmethod
    def figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The figures that the row has, as the model gives them; called when the row's trace has been played."""

    def play(self, row: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Play a row's trace and return its figures."""
        self.windows, self.results = [], []
        self.start_row()
        for number, op in enumerate(row["trace"]):
            where = f"{place}.trace[{number}]"
            if op.get("op") == "begin":
                self._open, self.results = self._counts(), []
                self.start_window()
            elif op.get("op") == "end":
                self._close(where)
                self.end_window()
            else:
                self.apply(op, where)
        return self.figures(row)

    def start_window(self) -> None:
        """Called at ``begin``."""

    def end_window(self) -> None:
        """Called at ``end``."""

    def start_row(self) -> None:
        """Called before a row's trace is played: the moment of the figures that are called `before`."""

    def _counts(self) -> dict[str, IOCounts]:
        return {name: sum((device.counts for device in group), IOCounts()) for name, group in self.devices().items()}

    def _close(self, place: str) -> None:
        if self._open is None:
            raise InvalidInput("'end' without 'begin'", place)
        before, self._open = self._open, None
        moved = {name: now - before.get(name, IOCounts()) for name, now in self._counts().items()}
        self.windows.append(
            {name: _window(counts if self.metadata else _bare(counts)) for name, counts in moved.items()}
        )


def _bare(counts: IOCounts) -> IOCounts:
    cells: dict[str, Any] = {name: cell for name, cell in counts.cells().items() if not name.endswith("_metadata")}
    return IOCounts(**cells)


def _window(counts: IOCounts) -> dict[str, int]:
    """The counters of a device as /sys/block/DEV/stat names them."""
    found = {
        "reads": counts.requests("read"),
        "read_bytes": counts.bytes("read"),
        "writes": counts.requests("write"),
        "written_bytes": counts.bytes("write"),
    }
    return {**found, "discarded_bytes": counts.bytes("discard")} if counts.bytes("discard") else found


def replay(
    rows: Sequence[Mapping[str, Any]],
    players: Mapping[str, Callable[[int], Player]],
    place: str = "trace",
    metadata: bool = True,
) -> list[dict[str, Any]]:
    """Play rows on fresh models, one for each scenario.

    Parameters
    ----------
    rows : sequence of mapping
        As `load` returns them.
    players : mapping of str to callable
        Target (the scenario's prefix) -> what makes a `Player` for a block size; `snapsim.fidelity.replays.PLAYERS`.
    place : str
        Where the rows stand, for errors.
    metadata : bool
        Whether counters count it.

    Returns
    -------
    list of dict
        ``{"scenario", "row", "workload", "figures"}`` for each row, in their order.
    """
    scenarios: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        scenarios.setdefault(row["scenario"], []).append(row)
    playing: dict[str, Player] = {}
    found: list[dict[str, Any]] = []
    for row in rows:
        name = row["scenario"]
        where = f"{place}: rows[{row.get('_row', len(found))}]"
        if name not in playing:
            playing[name] = _player(name, players, where)(block_size(scenarios[name]))
            playing[name].metadata = metadata
        found.append(
            {
                "scenario": name,
                "row": row.get("_row", len(found)),
                "workload": row.get("workload"),
                "figures": playing[name].play(row, where),
            }
        )
    return found


def _player(scenario: str, players: Mapping[str, Callable[[int], Player]], place: str) -> Callable[[int], Player]:
    for target, make in players.items():
        if scenario.startswith(target):
            return make
    raise InvalidInput(f"{shown(scenario)} names no target: it starts with {', '.join(players)}", f"{place}.scenario")
