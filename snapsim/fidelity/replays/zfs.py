"""Traces of ZFS, played on `Records`: datasets with files, and zvols, in one pool on one disk (``vdev``).

A file's records lie at addresses of its own (`snapsim.fidelity.replays.zfs_files`). A write that does not begin and end
at a sector reads the record first, as any write of a part does. The figures of a row: the counters of the vdev between
the last ``begin`` and ``end`` (with the metadata that `snapsim.block.snapshots.records.zpool` models), the same without
metadata as ``vdev_records``, ``records_written`` and ``records_read``; the ``properties`` that the row has, of data
alone (`snapsim.block.snapshots.records.volume`); the ``message`` of a refused command.

A further figure, ``space``, is the properties with metadata (`snapsim.files.filesystems.zfs.pool_metadata`, which
says what is written too).

What a trace does not say follows from how the harness works: it opens a zvol for a run of requests, with O_DIRECT, and
closes it before the next command or reading of counters; all bytes of a request to a zvol have one value, which differs
between requests, so that only the records within a request are equal; a file holds random bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from snapsim.base.errors import InUse, InvalidInput
from snapsim.base.units import parse_size
from snapsim.block.device import BlockDevice, IOCounts, fresh_stamps
from snapsim.block.snapshots.records.volume import Records
from snapsim.block.snapshots.records.zpool import Zpool, zvol_reservation
from snapsim.fidelity.replay import Player
from snapsim.fidelity.replays.zfs_files import FILE_BYTES, MOST_FILES, ZfsFiles
from snapsim.fidelity.replays.zfs_report import properties, refusal
from snapsim.files.filesystems.zfs.pool_metadata import PoolMetadata
from snapsim.measure.trace import number, offsets, text

LEAVES_OUT = (
    "parts of a sector in logicalused; requests as the vdev merges them (bytes can be compared, requests "
    "cannot); fsync of a file."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

POOL_BYTES = 64 << 30
_WHILE_OPEN = ("write", "read", "discard", "flush", "sleep")
"""What can be done to a zvol between its opening and its close."""


class Mark(NamedTuple):
    """The pool's counters at one moment."""

    counts: IOCounts
    written: int
    read: int


class ZfsPlayer(Player):
    """The player of scenarios that are called ``zfs...``.

    Examples
    --------
    >>> figures = ZfsPlayer(4096).play({"trace": [
    ...     {"op": "zpool_create", "pool": "tank", "ashift": 12},
    ...     {"op": "zfs_create", "dataset": "tank/d", "recordsize": "128K"},
    ...     {"op": "write", "dataset": "tank/d", "path": "f", "truncate": True, "offset": 0, "bytes": 1 << 20},
    ...     {"op": "snapshot", "name": "tank/d@s1"}, {"op": "begin"},
    ...     {"op": "write", "dataset": "tank/d", "path": "f", "offset": 500000, "bytes": 1},
    ...     {"op": "sync", "pool": "tank"}, {"op": "end"}]}, "trace")
    >>> figures["records_written"], figures["vdev_records"], figures["properties"]["tank/d@s1"]["used"]
    (1, {'read_bytes': 0, 'written_bytes': 131072}, 131072)
    """

    def __init__(self, block_size: int) -> None:
        super().__init__(block_size)
        self.pool: Zpool | None = None
        self.account: PoolMetadata
        self.volumes: dict[str, Records] = {}
        self.files: dict[str, ZfsFiles] = {}
        self.marks: list[Mark] = []

    def devices(self) -> Mapping[str, Sequence[BlockDevice]]:
        """The disk of the pool."""
        return {"vdev": [self.pool.device] if self.pool else []}

    def start_row(self) -> None:
        """Counters begin anew."""
        self.marks = []

    def _counts(self) -> dict[str, IOCounts]:
        if self.pool:
            self.account.closed()
            self.marks.append(Mark(self.pool.device.counts, self.pool.records_written, self.pool.records_read))
        return super()._counts()

    # ---------------------------------------------------------------- commands

    def apply(self, op: Mapping[str, Any], place: str) -> None:
        """Do one operation of ``trace_format``."""
        name = text(op, "op", place)
        verb = getattr(self, f"_do_{name}", None)
        if verb is None:
            known = [found[4:] for found in dir(self) if found.startswith("_do_")]
            raise InvalidInput(f"{name!r} is no operation: {', '.join(known)}", f"{place}.op")
        if name != "zpool_create" and self.pool is None:
            raise InvalidInput(f"{name!r} before zpool_create", f"{place}.op")
        if self.pool is not None and name not in _WHILE_OPEN:
            self.account.closed()
        verb(op, place)

    def _do_zpool_create(self, op: Mapping[str, Any], place: str) -> None:
        ashift = number(op, "ashift", place, op.get("ashift", 12))
        if not 9 <= ashift <= 16:
            raise InvalidInput(f"{ashift} is no ashift: 9 to 16", f"{place}.ashift")
        self.pool, self.volumes, self.files = Zpool(POOL_BYTES >> ashift, 1 << ashift), {}, {}
        self.account = PoolMetadata(self.pool, FILE_BYTES >> ashift)

    def _do_zfs_create(self, op: Mapping[str, Any], place: str) -> None:
        name, chunk = self._new(op, "dataset", place), self._chunk(op, "recordsize", place)
        sector = self._pool.device.block_size
        self.volumes[name] = Records(FILE_BYTES // sector * MOST_FILES, sector, chunk, pool=self._pool)
        self.files[name] = ZfsFiles(self.volumes[name])
        self.account.created(self.volumes[name], files=True)
        self.account.command(1 + bool(op.keys() - {"op", "dataset", "error"}))  # it is made, its properties are set

    def _do_zvol_create(self, op: Mapping[str, Any], place: str) -> None:
        name, chunk = self._new(op, "volume", place), self._chunk(op, "volblocksize", place)
        size = number(op, "bytes", place)
        if size % chunk or not 0 < size <= FILE_BYTES:
            raise InvalidInput(f"{size} is no size of a zvol: a multiple of {chunk} to {FILE_BYTES}", f"{place}.bytes")
        sector, promised = self._pool.device.block_size, 0 if op.get("sparse") else zvol_reservation(size, chunk)
        self.volumes[name] = Records(size // sector, sector, chunk, refreservation=promised, pool=self._pool)
        self.account.created(self.volumes[name], files=False)
        self.account.command(2 if promised else 1)  # it is made, then refreservation is set

    @property
    def _pool(self) -> Zpool:
        return cast(Zpool, self.pool)

    def _new(self, op: Mapping[str, Any], key: str, place: str) -> str:
        name = text(op, key, place)
        if name in self.volumes:
            raise InvalidInput(f"{name!r} exists", f"{place}.{key}")
        return name

    def _chunk(self, op: Mapping[str, Any], key: str, place: str) -> int:
        size = parse_size(op.get(key, "8K" if key == "volblocksize" else "128K"), f"{place}.{key}")
        sector = self._pool.device.block_size
        if size & (size - 1) or not sector <= size <= 16 << 20:
            raise InvalidInput(f"{size} is no {key} here: a power of two from {sector} to 16M", f"{place}.{key}")
        return size

    def _volume(self, op: Mapping[str, Any], key: str, place: str) -> tuple[str, Records]:
        name = text(op, key, place)
        if name not in self.volumes:
            raise InvalidInput(f"{name!r} does not exist: {', '.join(self.volumes) or 'none does'}", f"{place}.{key}")
        return name, self.volumes[name]

    def _do_snapshot(self, op: Mapping[str, Any], place: str) -> None:
        name = self._new(op, "name", place)
        dataset, volume = self._volume({"name": name.rpartition("@")[0]}, "name", place)
        if volume.read_only:
            raise InvalidInput(f"{dataset!r} is a snapshot", f"{place}.name")
        self._add(name, dataset, volume.snapshot())
        self.account.snapshot(volume, self.volumes[name])
        self.account.command()

    def _add(self, name: str, source: str, volume: Any) -> None:
        """A snapshot or clone, with the files of its source."""
        self.volumes[name] = volume
        if source in self.files:
            self.files[name] = ZfsFiles(volume, self.files[source].known)

    def _do_clone(self, op: Mapping[str, Any], place: str) -> None:
        name, (source, snapshot) = self._new(op, "dataset", place), self._volume(op, "of", place)
        if not snapshot.read_only:
            raise InvalidInput(f"{source!r} is no snapshot", f"{place}.of")
        self._add(name, source, snapshot.clone())
        self.account.clone(snapshot, self.volumes[name])
        self.account.command()

    def _do_promote(self, op: Mapping[str, Any], place: str) -> None:
        name, clone = self._volume(op, "dataset", place)
        if clone.read_only or clone.origin is None:
            self.results.append(f"cannot promote '{name}': not a cloned filesystem")
            return
        before = {volume: key for key, volume in self.volumes.items()}
        clone.promote()
        self.account.promoted(clone)
        self.account.command()
        for snapshot in clone.snapshots:
            old = before[snapshot]
            new = f"{name}@{old.rpartition('@')[2]}"
            self.volumes[new] = self.volumes.pop(old)
            if old in self.files:
                self.files[new] = self.files.pop(old)

    def _do_destroy(self, op: Mapping[str, Any], place: str) -> None:
        name, volume = self._volume(op, "dataset", place)
        try:
            volume.delete()
        except InUse:
            kind = "filesystem" if name in self.files else "volume"
            self.results.append(refusal(self.volumes, name, kind))
            return
        self.volumes.pop(name)
        self.files.pop(name, None)
        self.account.destroyed(volume)
        self.account.command()

    def _do_sync(self, op: Mapping[str, Any], place: str) -> None:
        self._pool.sync()

    def _do_zpool_export(self, op: Mapping[str, Any], place: str) -> None:
        self.account.drop_caches()

    def _do_zpool_import(self, op: Mapping[str, Any], place: str) -> None:
        for name, volume in self.volumes.items():
            if "@" not in name:
                self.account.mounted(volume)

    def _do_sleep(self, op: Mapping[str, Any], place: str) -> None:
        """A transaction group ends at a sync or a command that needs one, not with time."""

    def _do_flush(self, op: Mapping[str, Any], place: str) -> None:
        self.account.commit(self._target({"to": op.get("to")}, place))

    # ---------------------------------------------------------------- reading and writing

    def _do_write(self, op: Mapping[str, Any], place: str) -> None:
        volume, base, length = self._target(op, place), 0, number(op, "bytes", place)
        where = offsets(op, place)
        if "path" in op:
            files, path = self.files[text(op, "dataset", place)], text(op, "path", place)
            if path not in files.known or op.get("truncate"):
                self.account.named(volume)
            if op.get("truncate") and path in files.known:
                files.remove(path, place)
            base = files.grow(path, max(where, default=0) + length, place)
        elif where and max(where) + length > volume.size * volume.block_size:
            raise InvalidInput(f"{max(where) + length} is behind the end", f"{place}.offset")
        else:
            self._note(volume, [length] * len(where))
        sector = volume.block_size
        if length == sector and not any(offset % sector for offset in where):
            volume.write(base + np.array(where, np.int64) // sector)
            return
        for offset in where if length else ():
            end = offset + length
            for edge in {part // sector for part in (offset, end) if part % sector}:
                volume.read(base + edge)  # a part of a record: the rest has to be there
            alike = None if "path" in op else fresh_stamps(1)[0]
            volume.write(slice(base + offset // sector, base - (-end // sector)), alike)

    def _note(self, volume: Records, lengths: Sequence[int]) -> None:
        """Note writes to a zvol in its intent log."""
        log = self.account.log(volume)
        for length in lengths:
            log.write(length)

    def _target(self, op: Mapping[str, Any], place: str) -> Records:
        name, volume = self._volume(op, "dataset" if "path" in op else "to", place)
        if volume.read_only or (("path" in op) != (name in self.files)):
            raise InvalidInput(f"{name!r} cannot be written so: a dataset has files, a zvol has none", place)
        return volume

    def _do_read(self, op: Mapping[str, Any], place: str) -> None:
        name, volume = self._volume(op, "dataset" if "path" in op else "to", place)
        length, sector, base, size = number(op, "bytes", place), volume.block_size, 0, volume.size * volume.block_size
        if "path" in op and name in self.files:
            path = text(op, "path", place)
            base, size = self.files[name].base(path), self.files[name].size(path)
        for offset in offsets(op, place):
            end = min(offset + length, size)
            if offset < end:
                volume.read(slice(base + offset // sector, base - (-end // sector)))

    def _do_discard(self, op: Mapping[str, Any], place: str) -> None:
        volume, length = self._target({"to": op.get("to")}, place), number(op, "bytes", place)
        for offset in offsets(op, place):  # a zvol discards whole blocks of its own
            low, high = -(-offset // volume.chunk_size), (offset + length) // volume.chunk_size
            if low < high:
                self.account.log(volume).truncate()
                volume.discard(slice(low * volume.chunk_blocks, high * volume.chunk_blocks))

    def _do_unlink(self, op: Mapping[str, Any], place: str) -> None:
        self.account.named(self._target(op, place))
        self.files[text(op, "dataset", place)].remove(text(op, "path", place), f"{place}.path")

    # ---------------------------------------------------------------- figures

    def figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The figures that the row has, from the model."""
        asked = (row.get("figures") or {}).get("properties")
        names = [name for name in self.volumes if not isinstance(asked, dict) or name in asked]
        for name in names:
            self.account.asked(self.volumes[name])
        found = {
            "properties": {name: properties(self.volumes, name) for name in names},
            "space": {name: self.account.properties(self.volumes[name]) for name in names},
            **self._window(),
        }
        return {**found, "message": self.results[-1]} if self.results else found

    def _window(self) -> dict[str, Any]:
        if not self.windows or len(self.marks) < 2:
            return {}
        before, after = self.marks[-2:]
        counts = after.counts - before.counts
        moved = {verb: counts.bytes(verb) - counts.bytes(verb, "metadata") for verb in ("read", "write")}
        return {
            "vdev": self.windows[-1]["vdev"],
            "vdev_records": {"read_bytes": moved["read"], "written_bytes": moved["write"]},
            "records_written": after.written - before.written,
            "records_read": after.read - before.read,
        }
