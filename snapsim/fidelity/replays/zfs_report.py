"""What ``zfs get`` and a refused ``zfs destroy`` say of the datasets of a replay.

>>> from snapsim.block.snapshots.records.volume import Records
>>> data = Records.new(64, chunk_size=131072)
>>> data.write(slice(0, 64))
>>> volumes = {"p/d": data, "p/d@s": data.snapshot()}
>>> print(refusal(volumes, "p/d", "filesystem"))
cannot destroy 'p/d': filesystem has children
use '-r' to destroy the following datasets:
p/d@s
>>> properties(volumes, "p/d@s")["referenced"]
262144

What it leaves out: metadata in the properties (`snapsim.files.filesystems.zfs.pool_metadata` adds them).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from snapsim.block.snapshots.records.volume import Records


def refusal(volumes: Mapping[str, Records], name: str, kind: str) -> str:
    """What ``zfs destroy`` says of a dataset or snapshot that others depend on.

    Parameters
    ----------
    volumes : mapping of str to Records
        All datasets and snapshots of the pool by name.
    name : str
        What was to be destroyed.
    kind : str
        "filesystem" or "volume", of a dataset.
    """
    volume = volumes[name]
    if volume.read_only:
        kind = "snapshot"
    why, option = ("dependent clones", "-R") if volume.read_only else ("children", "-r")
    return "\n".join(
        [
            f"cannot destroy '{name}': {kind} has {why}",
            f"use '{option}' to destroy the following datasets:",
            *_dependents(volumes, volume),
        ]
    )


def _dependents(volumes: Mapping[str, Records], volume: Records) -> Iterator[str]:
    """Names of what depends on a snapshot (its clones, with their snapshots), or of a dataset's snapshots."""
    for clone in volume.clones:
        for snapshot in clone.snapshots:
            yield from _dependents(volumes, snapshot)
        yield from (_name(volumes, found) for found in (*clone.snapshots, clone))
    yield from (_name(volumes, snapshot) for snapshot in volume.snapshots)


def _name(volumes: Mapping[str, Records], volume: Any) -> str:
    return next(name for name, found in volumes.items() if found is volume)


def properties(volumes: Mapping[str, Records], name: str) -> dict[str, Any]:
    """What ``zfs get -p`` says of a dataset or snapshot, of data alone.

    Parameters
    ----------
    volumes : mapping of str to Records
        All datasets and snapshots of the pool by name.
    name : str
        Which one.
    """
    volume = volumes[name]
    found = {**volume.properties(), "logicalreferenced": volume.properties()["referenced"]}
    if volume.read_only:
        clones = [_name(volumes, clone) for clone in volume.clones]
        return {**found, "clones": ",".join(clones)} if clones else found
    found |= {"usedbychildren": 0, "logicalused": found["used"] - found["usedbyrefreservation"]}
    return {**found, "origin": _name(volumes, volume.origin)} if volume.origin is not None else found
