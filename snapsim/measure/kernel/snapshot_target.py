"""dm-snapshot on the running kernel: an origin, snapshots of it, and a COW disk cut in slices.

| mapping | table (lengths in sectors of 512 bytes) |
|---|---|
| origin | ``snapshot-origin DISK``: a write copies for all snapshots |
| cowK | ``linear COWDISK AT``: the slice of snapshot K |
| sK | ``snapshot DISK cowK STORE CHUNK`` |
| merged | ``snapshot-merge DISK cowK STORE CHUNK``: writes a snapshot home by itself |

Source: Documentation/admin-guide/device-mapper/snapshot.rst of the kernel.

What it leaves out: options of the tables (discard_zeroes_cow); more than one origin.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots.exception_table import STORES
from snapsim.measure.kernel.loop import SECTOR, Loop
from snapsim.measure.kernel.target import Counters, Op, Target, Verb, Window
from snapsim.measure.trace import text

_USAGE = re.compile(r"(\d+)/(\d+) (\d+)$")
_MERGED = "merged"
_LOOK_AGAIN = 0.02  # seconds


class SnapshotTarget(Target):
    """The devices of a scenario of dm-snapshot."""

    modules: ClassVar = {
        "snapshot": "dm-snapshot",
        "snapshot-origin": "dm-snapshot",
        "snapshot-merge": "dm-snapshot",
        "linear": "dm-mod",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._origin: Loop | None = None
        self._cow: Loop | None = None
        self._size, self._cut = 0, 0
        self._slices: set[str] = set()  # snapshots that have one
        self._mapped: list[str] = []  # origin, snapshots, merged: what can be read and written now
        self._said: dict[str, str] = {}  # the last word of a snapshot that was closed
        self._row: dict[str, Any] = {}

    def verbs(self) -> dict[str, Verb]:
        """As `snapsim.fidelity.replays.dm_snapshot` has them."""
        return {
            "create_origin": self._create_origin,
            "open_origin": self._open_origin,
            "create_snapshot": self._create_snapshot,
            "reopen": self._reopen,
            "close": self._close,
            "merge": self._merge,
            "suspend": lambda op, place: self.mapper.suspend(self._known(op, place)),
            "resume": lambda op, place: self.mapper.resume(self._known(op, place)),
        }

    def devices(self) -> Sequence[str]:
        """Origin, snapshots, a merging origin."""
        return self._mapped

    def disks(self) -> Counters:
        """Origin, COW disk, and its slices."""
        if self._origin is None or self._cow is None:
            return {}
        slices = {f"cow{name[1:]}": self.mapper.counters(f"cow{name[1:]}") for name in sorted(self._slices)}
        return {"origin": self._origin.counters(), "cow": self._cow.counters(), **slices}

    def states(self) -> list[str]:
        """The line of each open snapshot, the oldest first."""
        return [self.mapper.status(name) for name in self._mapped if name != "origin"]

    def _start_row(self, asked: Mapping[str, Any]) -> None:
        super()._start_row(asked)
        self._row = {}

    # ---------------------------------------------------------------- operations

    def _create_origin(self, op: Op, place: str) -> None:
        if self._origin is not None:
            raise InvalidInput("there is an origin already: one a scenario", f"{place}.op")
        self._size = self.size(op, "bytes", place)
        wanted = {
            text(one, "id", place): self.size(one, "cow_bytes", place)
            for one in self.ops
            if one.get("op") == "create_snapshot"
        }
        self._origin, self._cow = self.disk(self._size), self.disk(sum(wanted.values()) or SECTOR)

    def _map(self, name: str, target: str) -> None:
        self.mapper.create(name, f"0 {self._size // SECTOR} {target}")
        self._mapped.append(name)

    def _open_origin(self, op: Op, place: str) -> None:
        self._map("origin", f"snapshot-origin {self._disk(place)}")

    def _disk(self, place: str) -> str:
        if self._origin is None:
            raise InvalidInput("there is no origin yet: create_origin comes first", f"{place}.op")
        return self._origin.path

    def _create_snapshot(self, op: Op, place: str) -> None:
        name, disk, size = text(op, "id", place), self._disk(place), self.size(op, "cow_bytes", place)
        if not re.fullmatch(r"s\d{1,6}", name) or name in self._slices:
            raise InvalidInput(f"{name!r} is not allowed: s and a number that is not taken", f"{place}.id")
        assert self._cow is not None
        how = self._how(op, name, place)
        self.mapper.create(f"cow{name[1:]}", f"0 {size // SECTOR} linear {self._cow.path} {self._cut // SECTOR}")
        self._slices.add(name)
        self._cut += size
        self._map(name, f"snapshot {disk} {how}")

    def _how(self, op: Op, name: str, place: str) -> str:
        """The slice, the store and the chunk of a snapshot."""
        store, chunk = text(op, "store", place, STORES), self.size(op, "chunk", place)
        return f"{self.mapper.path('cow' + name[1:])} {store} {chunk // SECTOR}"

    def _known(self, op: Op, place: str) -> str:
        return text(op, "id", place, tuple(self._mapped))

    def _closed(self, op: Op, place: str) -> str:
        """A snapshot that has a slice, and is not open."""
        return text(op, "id", place, tuple(name for name in self._said if name not in self._mapped))

    def _reopen(self, op: Op, place: str) -> None:
        name = self._closed(op, place)
        self._map(name, f"snapshot {self._disk(place)} {self._how(op, name, place)}")
        self._row["reopened"] = self.mapper.status(name)

    def _close(self, op: Op, place: str) -> None:
        name = self._known(op, place)
        if name != "origin":
            self._said[name] = self.mapper.status(name)
        self.let_go(name)
        self._mapped.remove(name)

    def _merge(self, op: Op, place: str) -> None:
        name = self._closed(op, place)
        self._row["status_before_merge"] = self._said[name]
        self._map(_MERGED, f"snapshot-merge {self._disk(place)} {self._how(op, name, place)}")
        while (told := _USAGE.search(self.mapper.status(_MERGED))) and told[1] != told[3]:
            time.sleep(_LOOK_AGAIN)

    # ---------------------------------------------------------------- figures

    def figures(self) -> dict[str, Any]:
        """Of the last window; of the last but one where there are three, and then the last one's own."""
        several = len(self.windows) > 2
        found = _of(self.windows[-2 if several else -1]) if self.windows else {}
        if several:
            found |= _overflow(self.windows[-2]) | {"write_to_origin_when_invalid": _of(self.windows[-1])}
        if "status_before_merge" in self._row:
            found["statuses"] = self.states()[:1]
        return {**found, **self._row}


def _of(window: Window) -> dict[str, Any]:
    """The counters of a window, and the states before and after it."""
    found: dict[str, Any] = dict(window.moved)
    for key, lines in (("status_before", window.before), ("status_after", window.after)):
        found |= {key: lines[0]} if lines else {}
    if window.after:
        told = _USAGE.search(window.after[0])
        found |= {"allocated_sectors": told and int(told[1]), "metadata_sectors": told and int(told[3])}
    return found | ({"status_all": window.after} if len(window.after) > 1 else {})


def _overflow(window: Window) -> dict[str, Any]:
    """The outcome of each request, and the state after each write."""
    found: dict[str, Any] = {"results": window.results, "writes_ok": window.results.count("ok")}
    if window.statuses:
        changed = [at for at, line in enumerate(window.statuses) if not _USAGE.search(line)]
        found |= {"statuses": window.statuses, "first_write_with_changed_state": changed[0] if changed else None}
    return found
