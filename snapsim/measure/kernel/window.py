"""One measurement: write back everything and drop the caches; then the operations, a sync, a freeze, and the counters.

A window without operations is measured before, and its bytes are subtracted: a file system writes a little by itself
when it is frozen.

What it leaves out: why a byte was written. The model says that; this says only how many there were.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from snapsim.lab.workload import Workload
from snapsim.measure.kernel import syscalls
from snapsim.measure.kernel.disk import MOUNTPOINT, Disk, command
from snapsim.measure.kernel.layers import STACKS, LayersOnDisk
from snapsim.measure.kernel.player import WorkloadPlayer

Figures = dict[str, Any]


def measure_once(workload: Workload, stack: str, size: int, directory: str | None) -> dict[str, Any]:
    """One repetition on a fresh disk: figures, those of the idle window, du of the containers, extents and notes."""
    kind, need = STACKS[stack]
    with Disk(need, size, directory) as disk:
        layers = kind()
        try:
            return _measure(workload, disk, layers, WorkloadPlayer(layers))
        finally:
            layers.close()


def _measure(workload: Workload, disk: Disk, layers: LayersOnDisk, player: WorkloadPlayer) -> dict[str, Any]:
    player.run([*workload.image_ops(), *workload.prepare])
    player.notes.clear()
    disk.quiesce()
    idle = _window(disk, lambda: None)
    space, told = disk.used(), layers.figures()
    figures = _window(disk, lambda: player.run(workload.ops))
    figures = {key: value - idle[key] if key.startswith("bytes_") else value for key, value in figures.items()}
    figures["logical_bytes"] = sum(op.logical_bytes for op in workload.ops)
    figures["space_delta"] = disk.used() - space
    figures |= {f"{key}_delta": value - told[key] for key, value in layers.figures().items()}
    syscalls.remount_without_access_times(MOUNTPOINT)
    found = {"snapshots": _own(workload, layers), "extents": _extents(workload, layers), "notes": player.notes}
    layers.close()
    disk.remount()
    figures["space_delta_after_remount"] = disk.used() - space
    return {"figures": figures, "idle": {key: idle[key] for key in idle if key.startswith("bytes_")}, **found}


def _window(disk: Disk, act: Callable[[], object]) -> Figures:
    for _ in range(2):  # dropping an inode may free its preallocation: a write again
        disk.quiesce()
        syscalls.drop_caches()
    before = disk.counters()
    op_ms, sync_ms = _timed(act), _timed(lambda: syscalls.sync_filesystem(MOUNTPOINT))
    synced = disk.counters()
    syscalls.freeze_and_thaw(MOUNTPOINT)
    frozen = disk.counters()["bytes_written"] - before["bytes_written"]
    return {
        **{key: synced[key] - before[key] for key in synced},
        "bytes_written_after_freeze": frozen,
        "op_ms": op_ms,
        "sync_ms": sync_ms,
    }


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return round((time.perf_counter() - start) * 1000, 3)


def _own(workload: Workload, layers: LayersOnDisk) -> dict[str, dict[str, int]]:
    containers = [
        name for name in layers.places if name not in {op.name for op in workload.image_ops() if op.op == "layer"}
    ]
    return {
        name: {
            "du": _du(layers.places[name].own),
            "du_apparent": _du(layers.places[name].own, "--apparent-size"),
            **layers.exclusive(name),
        }
        for name in containers
    }


def _du(path: str, *options: str) -> int:
    return int(command("du", "-s", "-B1", *options, path).split()[0])


def _extents(workload: Workload, layers: LayersOnDisk) -> dict[str, int]:
    """How many extents each file has that the operations wrote to."""
    written = {(op.in_, op.path) for op in workload.ops if op.op in ("write", "append", "truncate", "chmod")}
    files = {f"{name}/{path}": os.path.join(layers.places[name].own, path) for name, path in sorted(written)}
    return {name: len(syscalls.extents(file)) for name, file in files.items() if os.path.isfile(file)}
