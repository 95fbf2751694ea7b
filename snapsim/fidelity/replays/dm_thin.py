"""Replays of dm-thin: the operations of a trace on a `ThinPool`, and the figures that the measurement has.

The status lines are those of `dmsetup status`; the other figures of a row are collected in `dm_thin_report`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NoSpace, NotFound, ReadOnly, Unsupported
from snapsim.base.schema import shown
from snapsim.block.device import BlockDevice
from snapsim.block.snapshots import ThinPool, ThinVolume
from snapsim.fidelity.replay import Player
from snapsim.fidelity.replays.dm_thin_report import Status, ThinReport
from snapsim.measure.trace import number, offsets, text

LEAVES_OUT = "seconds, and the commit that the kernel makes by itself once a second."
"""What this model leaves out, as `snapsim fidelity` lists it."""

_ERRORS: dict[type[Exception], tuple[str, str]] = {
    NoSpace: ("ENOSPC", "No space left on device"),
    ReadOnly: ("EIO", "Operation not supported"),  # of a request, of a message
    Unsupported: ("ENOTSUP", "Operation not supported"),
    AlreadyExists: ("EEXIST", "File exists"),
    InUse: ("EBUSY", "Device or resource busy"),
    NotFound: ("ENODATA", "No data available"),
}
_KINDS = tuple(_ERRORS)
_MANY = 4096  # requests that are given to the volume at once


class DmThinPlayer(Player):
    """Plays a dm-thin scenario."""

    pool: ThinPool

    def __init__(self, block_size: int) -> None:
        super().__init__(block_size)
        self._devices: dict[str, list[BlockDevice]] = {}
        self._thins: dict[str, ThinVolume] = {}
        self._grown: dict[str, int] = {}
        self._data_blocks = 0
        self._report = ThinReport({})

    def play(self, row: Mapping[str, Any], place: str) -> dict[str, Any]:
        """Play a row's trace and return its figures."""
        self._report = ThinReport(row)
        return super().play(row, place)

    def devices(self) -> Mapping[str, Sequence[BlockDevice]]:
        """The data and the metadata device, once there is a pool."""
        return self._devices

    # ---------------------------------------------------------------- operations

    def apply(self, op: Mapping[str, Any], place: str) -> None:
        """Do one operation of the vocabulary (see the header of a trace file: `trace_format`)."""
        kind = text(op, "op", place, list(self._operations()))
        if kind != "create_pool" and not self._devices:
            raise InvalidInput(f"{kind!r} comes before 'create_pool'", place)
        self._report.windows, self._report.inside = len(self.windows), self._open is not None
        if self._report.inside and self._report.results is not self.results:
            self._report.window(self.results, self._commits())
        self._report.operation(kind, self._commits())
        self._operations()[kind](op, place)

    def _operations(self) -> dict[str, Callable[[Mapping[str, Any], str], None]]:
        return {
            "create_pool": self._create_pool,
            "create_thin": self._create_thin,
            "create_snap": self._create_snap,
            "activate": self._activate,
            "close": self._close_thin,
            "delete": self._delete,
            "commit": self._commit,
            "suspend": self._suspend,
            "resume": self._resume,
            "grow": self._grow,
            "flush": self._flush,
            "read": self._request,
            "write": self._request,
            "discard": self._request,
        }

    def _create_pool(self, op: Mapping[str, Any], place: str) -> None:
        if self._devices:
            raise InvalidInput("there is a pool: one for each scenario", place)
        if not isinstance(op.get("zeroing", True), bool):
            raise InvalidInput(f"{shown(op['zeroing'])} is not allowed: true or false", f"{place}.zeroing")
        options: dict[str, Any] = {"zeroing": op["zeroing"]} if "zeroing" in op else {}
        options.update({key: text(op, key, place) for key in ("no_space", "discard") if key in op})
        options.update({key: number(op, key, place) for key in ("low_water", "no_space_timeout") if key in op})
        data, metadata = self._device(op, "data", place), self._device(op, "metadata", place)
        try:
            self.pool = ThinPool(data, metadata, number(op, "block", place), **options)
        except InvalidInput as error:
            raise InvalidInput(error.problem, place) from None
        self._devices, self._data_blocks = {"data": [data], "metadata": [metadata]}, data.size // self.pool.chunk_blocks

    def _device(self, op: Mapping[str, Any], name: str, place: str) -> BlockDevice:
        size, block_size = number(op, f"{name}_bytes", place), 4096 if name == "metadata" else self.block_size
        try:
            return BlockDevice(size // block_size, block_size, name)
        except MemoryError:
            raise InvalidInput(f"{size} bytes: too large for a model in memory", f"{place}.{name}_bytes") from None

    def _create_thin(self, op: Mapping[str, Any], place: str) -> None:
        id, size = self._id(op, place), number(op, "bytes", place) // self.block_size
        self._message("create_thin", lambda: self.pool.create(size, id))

    def _create_snap(self, op: Mapping[str, Any], place: str) -> None:
        id, origin = self._id(op, place), self._number(op, "of", place)
        self._message("create_snap", lambda: self.pool.snapshot(self._known(origin), id))

    def _delete(self, op: Mapping[str, Any], place: str) -> None:
        id = self._id(op, place)
        self._message("delete", lambda: self._known(id).delete())

    def _message(self, name: str, work: Callable[[], object]) -> None:
        """A pool message; what dmsetup says of it is its outcome."""
        error = _attempt(work)
        said = f"device-mapper: message ioctl on pool  failed: {error[1]}\nCommand failed." if error else "ok"
        if self._open is None:
            self._report.outcome(name, said)

    def _known(self, id: int) -> ThinVolume:
        if id not in self.pool.volumes:
            raise NotFound(f"thin device {id} does not exist")
        volume: ThinVolume = self.pool.volumes[id]
        return volume

    def _activate(self, op: Mapping[str, Any], place: str) -> None:
        id = self._id(op, place)
        if id not in self.pool.volumes:
            raise InvalidInput(f"{op['id']!r} does not exist", f"{place}.id")
        volume = self._thins[str(op["id"])] = self.pool.volumes[id]
        volume.resize(number(op, "bytes", place, op.get("bytes", volume.size * self.block_size)) // self.block_size)
        volume.active = True

    def _close_thin(self, op: Mapping[str, Any], place: str) -> None:
        self._active(op, "id", place).active = False
        del self._thins[str(op["id"])]

    def _commit(self, op: Mapping[str, Any], place: str) -> None:
        line, metadata = self.pool.status(), self.pool.metadata
        thins = {name: each.status() for name, each in sorted(self._thins.items())}
        mapped = sum(each.mapped for each in self.pool.volumes.values())
        self._report.status(Status(line, metadata.space.used, metadata.used, thins, mapped))

    def _grow(self, op: Mapping[str, Any], place: str) -> None:
        name = text(op, "id", place, ("pool", "tdata"))
        self._grown[name] = number(op, "bytes", place)

    def _suspend(self, op: Mapping[str, Any], place: str) -> None:
        if op.get("id") == "pool":
            _attempt(self.pool.commit)
        elif op.get("id") != "tdata":
            self._active(op, "id", place)

    def _resume(self, op: Mapping[str, Any], place: str) -> None:
        self._suspend(op, place) if op.get("id") != "pool" else None
        grown = self._grown.pop(str(op.get("id")), None)
        try:
            if op.get("id") == "tdata" and grown is not None:
                self.pool.data.grow(max(grown // self.block_size, self.pool.data.size))
            if op.get("id") == "pool":
                self._data_blocks = self._data_blocks if grown is None else grown // self.pool.chunk_size
                _attempt(lambda: self.pool.resume(self._data_blocks))
        except InvalidInput as error:
            raise InvalidInput(error.problem, place) from None
        except MemoryError:
            raise InvalidInput(f"{grown} bytes: too large for a model in memory", place) from None

    def _flush(self, op: Mapping[str, Any], place: str) -> None:
        _attempt(self._active(op, "to", place).flush)
        if self._open is not None:
            self._report.state(self.pool.status(commit=False))

    def _request(self, op: Mapping[str, Any], place: str) -> None:
        volume, blocks = self._active(op, "to", place), number(op, "bytes", place) // self.block_size
        firsts = [offset // self.block_size for offset in offsets(op, place)]
        if firsts and max(firsts) + blocks > volume.size:
            raise InvalidInput(f"a request ends outside: {op['to']} has {volume.size * self.block_size} bytes", place)
        done = 0
        while done < len(firsts):
            if op["op"] == "write" and blocks == 1 and self._quick(len(firsts) - done):
                done += self._many(volume, firsts[done : done + _MANY])
            else:
                self._one(op["op"], volume, slice(firsts[done], firsts[done] + blocks))
                done += 1

    def _quick(self, count: int) -> bool:
        """Whether many requests can be given in one array: no status is wanted between them, no metadata runs out."""
        return (
            count > 16
            and not self._report.wants("statuses")
            and self.pool.mode == "rw"
            and self.pool.metadata.enough_for(min(count, _MANY))
        )

    def _many(self, volume: ThinVolume, blocks: list[int]) -> int:
        done = len(blocks)
        try:
            volume.write(blocks)
        except NoSpace as error:
            done = error.done
        if self._open is not None:
            self.results += ["ok"] * done
        return done

    def _one(self, kind: str, volume: ThinVolume, run: slice) -> None:
        mapped = bool(volume.is_mapped(run.start))
        work: Callable[[slice], object] = {"read": volume.read, "write": volume.write, "discard": volume.discard}[kind]
        error = _attempt(lambda: work(run))
        outcome = error[0] if error else "ok"
        self._report.outcome(_name(kind, mapped), outcome)
        if self._open is not None and kind == "write" and (outcome != "ok" or self._report.wants("statuses")):
            self._report.line(self.pool.status(commit=False))

    def _active(self, op: Mapping[str, Any], key: str, place: str) -> ThinVolume:
        name = text(op, key, place)
        if name not in self._thins:
            raise InvalidInput(f"{name!r} is not active: {', '.join(self._thins) or 'nothing is'}", f"{place}.{key}")
        return self._thins[name]

    def _id(self, op: Mapping[str, Any], place: str) -> int:
        return self._number(op, "id", place)

    def _number(self, op: Mapping[str, Any], key: str, place: str) -> int:
        found = re.fullmatch(r"thin(\d{1,8})", text(op, key, place))
        if found is None:
            raise InvalidInput(f"{op[key]!r} is no thin device: 'thin' and its number", f"{place}.{key}")
        return int(found[1])

    def figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The counters of the last window, and what `dm_thin_report` says."""
        self._report.windows = len(self.windows)
        return {**(self.windows[-1] if self.windows else {}), **self._report.figures(self._commits())}

    def _commits(self) -> int:
        return self.pool.metadata.blocks.number if self._devices else 0


def _attempt(work: Callable[[], object]) -> tuple[str, str] | None:
    """Carry something out; returns the error, as the errno of a request and as the text of a message."""
    try:
        work()
    except _KINDS as error:
        return _ERRORS[type(error)]
    return None


def _name(kind: str, mapped: bool) -> str:
    if kind == "write":
        return "overwrite_mapped" if mapped else "write_new"
    return f"{kind}_{'mapped' if mapped else 'unmapped'}"
