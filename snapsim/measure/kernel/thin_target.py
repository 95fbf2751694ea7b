"""dm-thin on the running kernel: a pool on two disks, and thin devices.

| mapping | table (lengths in sectors of 512 bytes) |
|---|---|
| tdata | ``linear DATADISK 0``: so that the pool's data device can grow |
| pool | ``thin-pool METADISK tdata BLOCK LOW_WATER OPTIONS`` |
| thinK | ``thin pool K`` |

A commit is requested by reading the pool's status, and can be recognized by two flushes of the metadata disk. The
kernel commits by itself once a second as well.

Source: Documentation/admin-guide/device-mapper/thin-provisioning.rst of the kernel.

What it leaves out: the machine's `no_space_timeout`, which is left as it is (it is every pool's): it is noted in the
header. External origins; metadata snapshots.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.measure.kernel.loop import SECTOR, Loop
from snapsim.measure.kernel.mapper import Refused
from snapsim.measure.kernel.target import Counters, Op, Target, Verb
from snapsim.measure.trace import number, text

TIMEOUT = Path("/sys/module/dm_thin_pool/parameters/no_space_timeout")
_FLUSHES = 2  # of the metadata disk, for each commit: before and after the superblock
_DISCARDS = ("passdown", "no_discard_passdown", "ignore_discard")


class Seen(NamedTuple):
    """The status of the pool after a requested commit, and where in the row that was.

    Attributes
    ----------
    windows, snapshots : int
        Windows that were closed, and snapshots that were made in the row before.
    inside : bool
        Whether a window was open.
    pool : str
        The pool's line of ``dmsetup status``.
    thins : mapping of str to str
        The lines of the active thin devices.

    Examples
    --------
    >>> line = "0 4096 thin-pool 0 419/4096 16/32 - rw discard_passdown queue_if_no_space - 1024"
    >>> seen = Seen(1, False, line, {"thin0": "0 262144 thin 2048 2047"}, 0)
    >>> seen.used(4), seen.used(5), seen.mapped(65536)
    (419, 16, 16)
    """

    windows: int
    inside: bool
    pool: str
    thins: dict[str, str]
    snapshots: int

    def used(self, word: int) -> int | None:
        """Used blocks: of metadata (4), of data (5). None: the pool failed, and says nothing."""
        words = self.pool.split()
        return int(words[word].partition("/")[0]) if len(words) > word and "/" in words[word] else None

    def mapped(self, block: int) -> int:
        """Blocks that active thin devices map."""
        words = [line.split() for line in self.thins.values()]
        return sum(int(told[3]) * SECTOR // block for told in words if told[3].isdigit())


class ThinTarget(Target):
    """The devices of a scenario of dm-thin."""

    modules: ClassVar = {"thin-pool": "dm-thin-pool", "thin": "dm-thin-pool", "linear": "dm-mod"}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._data: Loop | None = None
        self._metadata: Loop | None = None
        self._block, self._options = 0, ""
        self._sizes: dict[str, int] = {}  # of each thin device that was made
        self._refused: dict[str, str] = {}  # and what the pool said of one that was not
        self._active: list[str] = []
        self._seen: list[Seen] = []
        self._snapshots = 0

    def _start_row(self, asked: Mapping[str, Any]) -> None:
        super()._start_row(asked)
        self._seen, self._snapshots = [], 0

    def verbs(self) -> dict[str, Verb]:
        """As `snapsim.fidelity.replays.dm_thin` has them."""
        return {
            "create_pool": self._create_pool,
            "create_thin": self._create_thin,
            "create_snap": self._create_snap,
            "delete": lambda op, place: self._message(f"delete {self._id(op, 'id', place)}"),
            "activate": self._activate,
            "close": self._close,
            "suspend": lambda op, place: self.mapper.suspend(self._known(op, place)),
            "resume": lambda op, place: self.mapper.resume(self._known(op, place)),
            "grow": self._grow,
            "commit": self._commit,
        }

    def devices(self) -> Sequence[str]:
        """The active thin devices."""
        return self._active

    def disks(self) -> Counters:
        """Data and metadata, once there is a pool."""
        both = {"data": self._data, "metadata": self._metadata}
        return {name: loop.counters() for name, loop in both.items() if loop is not None}

    def states(self) -> list[str]:
        """The pool's line, without a commit."""
        return [] if self._data is None else [self.mapper.status("pool", flush=False)]

    # ---------------------------------------------------------------- operations

    def _create_pool(self, op: Op, place: str) -> None:
        if self._data is not None:
            raise InvalidInput("there is a pool: one for each scenario", place)
        size, self._block = self.size(op, "data_bytes", place), self.size(op, "block", place)
        grown = [self.size(one, "bytes", place) for one in self.ops if one.get("op") == "grow"]
        self._options = self._said(op, place)
        self._metadata = self.disk(self.size(op, "metadata_bytes", place))
        data = self.disk(max(size, *grown) if grown else size)
        self.mapper.create("tdata", _linear(size, data))
        self.mapper.create("pool", self._table(size))
        self._data = data

    def _said(self, op: Op, place: str) -> str:
        """Low-water mark and options of the table."""
        queue = text({"no_space": "queue", **op}, "no_space", place, ("queue", "error")) == "queue"
        if queue and TIMEOUT.exists() and TIMEOUT.read_text().strip() == "0":
            raise InvalidInput(f"a write into a full pool would wait for ever: {TIMEOUT} is 0", place)
        if not isinstance(op.get("zeroing", True), bool):
            raise InvalidInput(f"{op['zeroing']!r} is not allowed: true or false", f"{place}.zeroing")
        discard = text({"discard": "passdown", **op}, "discard", place, _DISCARDS)
        options = [
            *(["skip_block_zeroing"] if op.get("zeroing") is False else []),
            *([] if queue else ["error_if_no_space"]),
            *([discard] if discard != "passdown" else []),
        ]
        return " ".join(map(str, [number(op, "low_water", place, op.get("low_water", 0)), len(options), *options]))

    def _table(self, size: int) -> str:
        assert self._metadata is not None
        below = f"{self._metadata.path} {self.mapper.path('tdata')}"
        return f"0 {size // SECTOR} thin-pool {below} {self._block // SECTOR} {self._options}"

    def _message(self, words: str) -> str:
        """A pool message: "ok", or what dmsetup said of it."""
        try:
            self.mapper.message("pool", words)
        except Refused as error:
            return str(error)
        return "ok"

    def _id(self, op: Op, key: str, place: str) -> int:
        found = re.fullmatch(r"thin(\d{1,8})", text(op, key, place))
        if found is None:
            raise InvalidInput(f"{op[key]!r} is no thin device: 'thin' and its number", f"{place}.{key}")
        return int(found[1])

    def _create_thin(self, op: Op, place: str) -> str:
        new, size = self._id(op, "id", place), self.size(op, "bytes", place)
        return self._made(f"thin{new}", size, self._message(f"create_thin {new}"))

    def _create_snap(self, op: Op, place: str) -> str:
        new, origin = self._id(op, "id", place), self._id(op, "of", place)
        self._snapshots += 1
        size = self._sizes.get(f"thin{origin}", 0)
        return self._made(f"thin{new}", size, self._message(f"create_snap {new} {origin}"))

    def _made(self, name: str, size: int, said: str) -> str:
        """A thin device was made, or not; what the pool said of it."""
        if said == "ok":
            self._sizes[name] = size
        else:
            self._refused[name] = said
        return said

    def _activate(self, op: Op, place: str) -> None:
        id = self._id(op, "id", place)
        if f"thin{id}" not in self._sizes:
            said = self._refused.get(f"thin{id}", "nobody made it")
            raise InvalidInput(f"{op['id']!r} does not exist: {said}", f"{place}.id")
        size = self.size({"bytes": self._sizes[f"thin{id}"], **op}, "bytes", place)
        self.mapper.create(f"thin{id}", f"0 {size // SECTOR} thin {self.mapper.path('pool')} {id}")
        self._active.append(f"thin{id}")

    def _close(self, op: Op, place: str) -> None:
        name = text(op, "id", place, tuple(self._active))
        self.let_go(name)
        self._active.remove(name)

    def _known(self, op: Op, place: str) -> str:
        return text(op, "id", place, ("pool", "tdata", *self._active))

    def _grow(self, op: Op, place: str) -> None:
        name, size = text(op, "id", place, ("pool", "tdata")), self.size(op, "bytes", place)
        if self._data is None:
            raise InvalidInput("'grow' comes before 'create_pool'", place)
        self.mapper.load(name, self._table(size) if name == "pool" else _linear(size, self._data))

    def _commit(self, op: Op, place: str) -> None:
        line = self.mapper.status("pool")
        thins = {name: self.mapper.status(name, flush=False) for name in sorted(self._active)}
        self._seen.append(Seen(len(self.windows), self.window is not None, line, thins, self._snapshots))

    # ---------------------------------------------------------------- figures

    def figures(self) -> dict[str, Any]:
        """The counters of the last window, and what the pool said at the commits before and after it."""
        if not self.windows:
            return self._said_at(self._seen[-1:]) | self._curves()
        window, outside = self.windows[-1], [seen for seen in self._seen if not seen.inside]
        worked = set(window.verbs) - {"create_pool"}
        before = [seen for seen in outside if seen.windows < len(self.windows)]
        after = [seen for seen in outside if seen.windows == len(self.windows)]
        found: dict[str, Any] = dict(window.moved)
        if worked and "metadata" in window.moved:
            found["commits"] = window.moved["metadata"].get("flushes", 0) // _FLUSHES
        if worked and before and after:
            for key, word in (("used_data_blocks", 5), ("used_meta_blocks", 4)):
                pair = [before[-1].used(word), after[0].used(word)]
                found |= {} if None in pair else {key: pair}
        found |= self._said_at(after[:1] if worked else after[-1:])
        found |= {"result": window.results[-1]} if window.results else {}
        found |= {"statuses": window.statuses} if window.statuses else {}
        return found | self.result() | self._curves()

    @staticmethod
    def _said_at(seen: Sequence[Seen]) -> dict[str, Any]:
        return {"pool_status": seen[0].pool, "thin_status": seen[0].thins} if seen else {}

    def _curves(self) -> dict[str, Any]:
        """Used metadata as the mappings grow, and behind each snapshot, where the row wants that."""
        curve = [[seen.mapped(self._block), seen.used(4)] for seen in self._seen if seen.snapshots == 0]
        behind = [
            [seen.used(4) for seen in self._seen if seen.snapshots == count][:2]
            for count in range(1, self._snapshots + 1)
        ]
        told = {
            "mapped_blocks_vs_used_meta_blocks": curve,
            "used_meta_after_each_snapshot_and_after_a_write": behind,
        }
        return {key: value for key, value in told.items() if key in self.asked}


def _linear(size: int, disk: Loop) -> str:
    return f"0 {size // SECTOR} linear {disk.path} 0"
