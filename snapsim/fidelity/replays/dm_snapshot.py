"""Traces of dm-snapshot, played on `ExceptionStore`.

One origin, and snapshots s0, s1, ..., each on its own slice cow0, cow1, ... of one COW disk. In the figures the
disk is ``cow`` and its slices ``cowK``; states are the lines of ``dmsetup status``. Snapshots of dm-snapshot can be
written, so that each is a clone in this model.

Figures cover what lies between the last ``begin`` and ``end``. In a row of three pairs they cover the second, request
by request: ``results`` of the writes, ``statuses`` before them and after each one, and ``after``, what was tried
between it and the third; the third is ``write_to_origin_when_invalid``.

Exceptions that one request makes share a commit or not, as it happens: ``written_bytes`` is the least, and where it may
be more ``written_bytes_at_most`` says how much.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from snapsim.base.errors import Invalidated, InvalidInput, NoSpace, SnapsimError
from snapsim.block.device import BlockDevice, Integers, Requests
from snapsim.block.snapshots.exception_store import ExceptionSnapshot, ExceptionStore
from snapsim.block.snapshots.exception_table import STORES
from snapsim.block.volume import Volume
from snapsim.fidelity.replay import Player
from snapsim.measure.trace import number, offsets, text

LEAVES_OUT = (
    "the merging of neighbouring requests by the disk's queue, so that bytes can be held against a measurement "
    "but numbers of requests cannot; the states that are seen while a merge runs."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

LARGEST = 1 << 36
"""Bytes of the largest device that is played."""


class Moment(NamedTuple):
    """The output of dmsetup at one moment: the line of each snapshot, and the sectors of the first."""

    statuses: list[str]
    allocated: int | None
    metadata: int | None


@dataclass
class SnapshotWindow:
    """What happened between ``begin`` and ``end``, and what was tried after it."""

    before: Moment
    after: Moment
    results: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    tried: dict[str, str] = field(default_factory=dict)


class DmSnapshotPlayer(Player):
    """The player of scenarios that are called ``dm-snapshot...``.

    Examples
    --------
    >>> write = {"op": "write", "to": "origin", "offset": 0, "bytes": 4096}
    >>> figures = DmSnapshotPlayer(4096).play({"trace": [
    ...     {"op": "create_origin", "id": "origin", "bytes": 1 << 20},
    ...     {"op": "create_snapshot", "id": "s0", "of": "origin", "store": "P", "chunk": 16384, "cow_bytes": 1 << 20},
    ...     {"op": "begin"}, write, {"op": "end"}]}, "trace")
    >>> figures["origin"]["read_bytes"], figures["cow0"]["written_bytes"], figures["status_after"]
    (16384, 32768, '0 2048 snapshot 96/2048 64')
    """

    def __init__(self, block_size: int) -> None:
        super().__init__(block_size)
        self.origin: ExceptionStore | None = None
        self.snapshots: dict[str, ExceptionSnapshot] = {}
        self._one_by_one = False
        self.start_row()

    def play(self, row: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Play a row's trace and return its figures."""
        self._one_by_one = sum(op.get("op") == "begin" for op in row["trace"]) > 2
        return super().play(row, place)

    def devices(self) -> Mapping[str, Sequence[BlockDevice]]:
        """The origin, the COW disk, and its slices."""
        slices = {f"cow{name[1:]}": [volume.table.device] for name, volume in self.snapshots.items()}
        disks = [] if self.origin is None else [self.origin.devices[0]]
        return {"origin": disks, "cow": [disk for group in slices.values() for disk in group], **slices}

    # ---------------------------------------------------------------- what is remembered on the way

    def start_row(self) -> None:
        """Nothing has been seen yet."""
        self._seen: list[SnapshotWindow] = []
        self._during: SnapshotWindow | None = None
        self._before_merge: str | None = None
        self._reopened: str | None = None

    def start_window(self) -> None:
        """The moment of ``status_before``."""
        self._spared = self._spare()
        now = self._now()
        self._during = SnapshotWindow(now, now, statuses=now.statuses[:1])

    def end_window(self) -> None:
        """The moment of ``status_after``."""
        for name, spared in self._spare().items():
            if self.metadata and (more := spared - self._spared.get(name, 0)):
                written = self.windows[-1][name]["written_bytes"]
                self.windows[-1][name]["written_bytes_at_most"] = written + more
        if self._during is not None:
            self._seen.append(replace(self._during, after=self._now()))
        self._during = None

    def _spare(self) -> dict[str, int]:
        """Bytes that the COW disk and its slices were spared, since exceptions shared commits."""
        slices = {f"cow{name[1:]}": volume.table.spared for name, volume in self.snapshots.items()}
        return {"cow": sum(slices.values()), **slices}

    def _now(self) -> Moment:
        volumes = [volume for volume in self.snapshots.values() if volume.opened or volume.deleted]
        if not volumes:
            return Moment([], None, None)
        sectors = volumes[0].table.usage() if "/" in self._status(volumes[0]) else (None, None)
        return Moment([self._status(volume) for volume in volumes], *sectors)

    @staticmethod
    def _status(volume: ExceptionSnapshot) -> str:
        return volume.status("snapshot-merge" if volume.deleted else "snapshot")

    # ---------------------------------------------------------------- operations

    def apply(self, op: Mapping[str, Any], place: str) -> None:
        """Do one operation."""
        verbs = {
            "create_origin": self._create_origin,
            "create_snapshot": self._create_snapshot,
            "merge": self._merge,
            "reopen": self._reopen,
            "close": self._close_device,
            "open_origin": self._known,
            "suspend": self._known,
            "resume": self._known,
            "flush": self._flush,
            "write": self._io,
            "read": self._io,
        }
        verb = text(op, "op", place, tuple(verbs))
        try:
            verbs[verb](op, place)
        except SnapsimError as error:
            if isinstance(error, InvalidInput) and error.place:
                raise
            raise InvalidInput(str(error), place) from None

    def _create_origin(self, op: Mapping[str, Any], place: str) -> None:
        if self.origin is not None:
            raise InvalidInput("there is an origin already: one a scenario", f"{place}.op")
        disk = BlockDevice(self._blocks(op, "bytes", place), self.block_size, "origin")
        self.origin = ExceptionStore(disk, self.block_size)  # the first snapshot says the chunk

    def _origin(self, place: str) -> ExceptionStore:
        if self.origin is None:
            raise InvalidInput("there is no origin yet: create_origin comes first", f"{place}.op")
        return self.origin

    def _create_snapshot(self, op: Mapping[str, Any], place: str) -> None:
        name, chunk = text(op, "id", place), number(op, "chunk", place)
        store, size = text(op, "store", place, STORES), self._blocks(op, "cow_bytes", place)
        if not re.fullmatch(r"s\d{1,6}", name) or name in self.snapshots:
            raise InvalidInput(f"{name!r} is not allowed: s and a number that is not taken", f"{place}.id")
        origin = self._origin(place)
        if not self.snapshots:
            self.origin = origin = ExceptionStore(origin.devices[0], chunk)
        if chunk != origin.chunk_size:
            raise InvalidInput(f"{chunk} is not allowed: {origin.chunk_size}, as before", f"{place}.chunk")
        self.snapshots[name] = origin.clone_on(BlockDevice(size, self.block_size, f"cow{name[1:]}"), store)

    def _blocks(self, op: Mapping[str, Any], key: str, place: str) -> int:
        size = number(op, key, place)
        if not 0 < size <= LARGEST or size % self.block_size:
            allowed = f"a multiple of {self.block_size} up to {LARGEST}"
            raise InvalidInput(f"{size} is not allowed: {allowed}", f"{place}.{key}")
        return size // self.block_size

    def _snapshot(self, op: Mapping[str, Any], place: str, key: str = "id") -> ExceptionSnapshot:
        return self.snapshots[text(op, key, place, tuple(self.snapshots))]

    def _known(self, op: Mapping[str, Any], place: str) -> None:
        """Check that the device exists; nothing else is to do, since the model has no queue that could be suspended."""
        text(op, "id", place, ("merged", *self.devices(), *self.snapshots))

    def _flush(self, op: Mapping[str, Any], place: str) -> None:
        """Do nothing: there is no cache to flush, since exceptions are committed before a write ends."""
        text(op, "to", place, ("origin", *self.snapshots))

    def _close_device(self, op: Mapping[str, Any], place: str) -> None:
        self._known(op, place)
        volume = self.snapshots.get(op["id"])
        if volume is not None:
            volume.close()

    def _reopen(self, op: Mapping[str, Any], place: str) -> None:
        volume = self._snapshot(op, place)
        volume.reopen()
        self._reopened = volume.status()

    def _merge(self, op: Mapping[str, Any], place: str) -> None:
        volume = self._snapshot(op, place)
        self._before_merge = volume.status()
        volume.parent.rollback(volume)

    # ---------------------------------------------------------------- reads and writes

    def _io(self, op: Mapping[str, Any], place: str) -> None:
        origin, to = self._origin(place), text(op, "to", place, ("origin", *self.snapshots))
        volume = self.snapshots.get(to, origin)
        for blocks in self._requests(op, place):
            key = self._key(op["op"], volume, blocks) if isinstance(blocks, slice) else None
            result = self._attempt(op["op"], volume, blocks)
            if key:
                self._note(op["op"], key, result)

    def _requests(self, op: Mapping[str, Any], place: str) -> Sequence[slice | Integers]:
        """One-block requests as one array, where no status is wanted between them; larger requests as slices."""
        size, starts = self._blocks(op, "bytes", place), np.array(offsets(op, place), np.int64)
        if (starts % self.block_size).any():
            raise InvalidInput(f"not every offset is a multiple of {self.block_size}", f"{place}.offset")
        first = starts // self.block_size
        if size == 1 and not self._one_by_one:
            return [first]
        return [slice(block, block + size) for block in first.tolist()]

    @staticmethod
    def _attempt(verb: str, volume: Volume, blocks: slice | Integers) -> str:
        """The outcome of requests; after the first failure in an array no later one can succeed or cost anything."""
        try:
            volume.read(blocks) if verb == "read" else volume.write(blocks)
        except (NoSpace, Invalidated):
            return "EIO"
        return "ok"

    def _note(self, verb: str, key: str, result: str) -> None:
        if self._during is None and self._seen:
            self._seen[-1].tried[key] = result
        elif self._during is not None and verb == "write":
            self._during.results.append(result)
            self._during.statuses += self._now().statuses[:1] if self._one_by_one else []

    def _key(self, verb: str, volume: Volume, blocks: slice) -> str:
        """What was tried, in words: where, and whether a snapshot keeps the chunk already."""
        if isinstance(volume, ExceptionSnapshot):
            kept = "copied_chunk" if self._keeps(volume, blocks) else "unmodified"
            return f"read_snapshot_{kept}" if verb == "read" else "write_snapshot"
        kept = "copied_chunk" if any(self._keeps(one, blocks) for one in self.snapshots.values()) else "new_chunk"
        return "read_origin" if verb == "read" else f"write_origin_{kept}"

    @staticmethod
    def _keeps(snapshot: ExceptionSnapshot, blocks: slice) -> bool:
        return not snapshot.table.lacks(Requests(blocks, snapshot.size).parts(snapshot.chunk_blocks)[0]).any()

    # ---------------------------------------------------------------- figures

    def figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """As in the measured rows; a state is a list of one per snapshot where the row's own figure is a list."""
        at = -2 if self._one_by_one and len(self._seen) > 1 else -1
        found = self._figures_of(at, row.get("figures"))
        if self._one_by_one and self._seen:
            found |= self._overflow(at)
        if self._before_merge is not None:
            found |= {"status_before_merge": self._before_merge, "statuses": self._now().statuses[:1]}
        return found | ({} if self._reopened is None else {"reopened": self._reopened})

    def _figures_of(self, at: int, own: Any = None) -> dict[str, Any]:
        """The counters of a window, and the states before and after it."""
        now = self._now()
        window = self._seen[at] if self._seen else SnapshotWindow(now, now)
        found: dict[str, Any] = dict(self.windows[at]) if self.windows else {}
        for key, statuses in (("status_before", window.before.statuses), ("status_after", window.after.statuses)):
            several = isinstance(own, Mapping) and isinstance(own.get(key), list)
            if statuses:
                found[key] = statuses if several else statuses[0]
        if window.after.statuses:
            found |= {"allocated_sectors": window.after.allocated, "metadata_sectors": window.after.metadata}
        return found | ({"status_all": window.after.statuses} if len(window.after.statuses) > 1 else {})

    def _overflow(self, at: int) -> dict[str, Any]:
        window, last = self._seen[at], self._seen[-1]
        changed = [number_ for number_, status in enumerate(window.statuses) if "/" not in status]
        after = last.before if at == -2 else self._now()
        found = {
            "results": window.results,
            "statuses": window.statuses,
            "writes_ok": window.results.count("ok"),
            "first_write_with_changed_state": changed[0] if changed else None,
            "after": {**window.tried, "status": "".join(after.statuses[:1])},
        }
        return found | ({"write_to_origin_when_invalid": self._figures_of(-1)} if at == -2 else {})
