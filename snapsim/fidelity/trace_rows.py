"""Rows of dm-snapshot, dm-thin and ZFS beside their replay, figure by figure.

There each device has its own counters, so that more can be told apart than on one disk: origin, COW device and the
data device of a thin pool hold data and copies alone (a COW device its own metadata too, exact by the same rule); the
metadata device of a pool holds metadata alone. A ZFS disk holds both, and is judged as any other disk.

A thin pool commits once a second by itself, which no trace tells: metadata is compared only where as many commits were
made as in the model.

What it leaves out: states and results, which are words; requests, which the disk's queue merges.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.fidelity.comparison import ComparedTotal, Comparison, Figure, Moved, data_figure, metadata_figure
from snapsim.fidelity.replay import replay
from snapsim.fidelity.replays import PLAYERS
from snapsim.fidelity.tolerances import EXACT, METADATA, READS, SPACE, up_to
from snapsim.measure.measurements import Row, label
from snapsim.measure.range import Range
from snapsim.measure.trace import check_rows

SECTOR, BLOCK = 512, 4096
_DISKS = ("origin", "cow", "data", "metadata", "vdev")
_BYTES = {"read_bytes": "read", "written_bytes": "written", "discarded_bytes": "discarded"}
_PROPERTIES = ("used", "referenced", "written")


def target_of(rows: Sequence[Row]) -> str:
    """The target that was measured, by the first scenario.

    Raises
    ------
    InvalidInput
        No scenario, or one of an unknown target.

    Examples
    --------
    >>> target_of([{"scenario": "dm-thin-001"}])
    'dm-thin'
    """
    name = next((row["scenario"] for row in rows if row.get("scenario")), None)
    for target in PLAYERS:
        if isinstance(name, str) and name.startswith(target):
            return target
    raise InvalidInput(f"{name!r} names no target: it starts with {', '.join(PLAYERS)}", "scenario")


def judge_traces(rows: Sequence[Row], target: str, place: str = "trace") -> list[Comparison]:
    """Play all rows of a measurement and judge each.

    Parameters
    ----------
    rows : sequence of mapping
        With `scenario`, `trace` and `figures`; the rows of a scenario in their order.
    target : str
        What was measured, as `target_of` says.
    place : str
        Where the rows stand, for errors.

    Raises
    ------
    InvalidInput
        A trace cannot be played, or a figure is no whole number or none of the model's.
    """
    told = check_rows(rows, place)
    played = replay(told, PLAYERS, place)
    bare = replay(told, PLAYERS, place, metadata=False)
    return [
        _judged(
            row,
            target,
            _Both(row.get("figures"), one["figures"], other["figures"], f"{place}: rows[{row['_row']}].figures"),
        )
        for row, one, other in zip(told, played, bare, strict=True)
    ]


class _Both(NamedTuple):
    """The figures of a row: measured, of the model, of the model without metadata; and where they stand."""

    real: Any
    model: Any
    bare: Any
    place: str

    def at(self, *path: str | int) -> tuple[int, int, int]:
        """One figure of each."""
        return (
            _at(self.real, path, self.place),
            _at(self.model, path, f"{self.place}, of the model"),
            _at(self.bare, path, f"{self.place}, of the model"),
        )

    def with_discards(self, name: str) -> "_Both":
        """The same, with 0 discarded bytes where the model says nothing of them."""
        model, bare = ({**all_, name: {"discarded_bytes": 0, **all_[name]}} for all_ in (self.model, self.bare))
        return self._replace(model=model, bare=bare)

    def has(self, *path: str | int) -> bool:
        """Whether there was such a measurement."""
        found = self.real
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found is not None


def _at(figures: Any, path: Sequence[str | int], place: str) -> int:
    found = figures
    for key in path:
        known = key in found if isinstance(found, dict) else isinstance(found, list) and 0 <= int(key) < len(found)
        found = found[key] if known else None
    if isinstance(found, bool) or not isinstance(found, int):
        raise InvalidInput(f"{found!r} is not allowed: a whole number", ".".join([place, *map(str, path)]))
    return found


def _judged(row: Row, target: str, both: _Both) -> Comparison:
    figures = tuple(_RULES[target](both))
    return Comparison(target, row["_row"], label(row), json.dumps(row["trace"]), _written(both), figures)


def _written(both: _Both) -> ComparedTotal | None:
    """Over whole disks: the slices of one (cow0, cow1) would count its bytes twice."""
    told = [both.at(name, "written_bytes") for name in _DISKS if both.has(name)]
    real, model, bare = (sum(column) for column in zip(*told, strict=True)) if told else (0, 0, 0)
    return ComparedTotal(model, bare, _once(real)) if told else None


def _once(value: int) -> Range:
    return Range(value, value, value)


def _exact(name: str, real: int, model: int, bare: int) -> Figure:
    return Figure("data", name, model, bare, _once(real), EXACT)


def _device(name: str, both: _Both) -> Iterator[Figure]:
    for key, word in _BYTES.items():
        if both.has(name, key):
            if key == "discarded_bytes":  # the model names it only where it discards
                both = both.with_discards(name)
            most = both.model[name].get("written_bytes_at_most") if key == "written_bytes" else None
            told, model, bare = both.at(name, key)
            if most is None:
                yield _exact(f"{name} {word}", told, model, bare)
            else:
                yield Figure("data", f"{name} {word}", model, bare, _once(told), up_to(most - model))


# ---------------------------------------------------------------- device mapper


def _snapshot(both: _Both) -> Iterator[Figure]:
    for name in both.real or {}:
        if both.has(name, "read_bytes"):
            yield from _device(name, both)
    if both.has("allocated_sectors"):
        used, own = both.at("allocated_sectors"), both.at("metadata_sectors")
        yield _exact("allocated_sectors", used[0] * SECTOR, used[1] * SECTOR, (used[1] - own[1]) * SECTOR)
        yield _exact("metadata_sectors", own[0] * SECTOR, own[1] * SECTOR, 0)


def _thin(both: _Both) -> Iterator[Figure]:
    yield from _device("data", both)
    if both.has("used_data_blocks"):
        yield _exact("used_data_blocks", *both.at("used_data_blocks", 1))
    if both.has("commits") and len(set(both.at("commits"))) == 1:
        told, written, _ = both.at("metadata", "written_bytes")
        yield metadata_figure("metadata written", Moved(0, written), _once(told), METADATA["dm-thin"])
    if both.has("used_meta_blocks"):
        told, used, _ = both.at("used_meta_blocks", 1)
        yield Figure("space", "used_meta_blocks", used * BLOCK, 0, _once(told * BLOCK), SPACE)


# ---------------------------------------------------------------- ZFS


def _zfs(both: _Both) -> Iterator[Figure]:
    if both.has("vdev"):
        told, model, bare = both.at("vdev", "written_bytes")
        yield data_figure("records written", Moved(bare, model - bare), _once(told))
        yield metadata_figure("vdev written", Moved(bare, model - bare), _once(told), METADATA["zfs"])
        told, model, bare = both.at("vdev", "read_bytes")
        yield data_figure("records read", Moved(bare, model - bare), _once(told))
        yield Figure("reads", "vdev read", model, bare, _once(told), READS)
    for name in both.real.get("properties", {}) if both.real else ():
        for key in _PROPERTIES:
            if both.has("properties", name, key):
                told, _, bare = both.at("properties", name, key)
                model = _at(both.model, ("space", name, key), f"{both.place}, of the model")
                yield Figure("space", f"{name} {key}", model, bare, _once(told), SPACE)


_RULES = {"dm-snapshot": _snapshot, "dm-thin": _thin, "zfs": _zfs}
