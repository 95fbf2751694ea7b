"""`predict`: what a measured workload would have cost, figure by figure as the measurement has them.

The model repeats the steps of the measuring harness on the kernel: it makes image and containers and carries out the
uncounted operations; it writes everything back and drops the caches; it counts a window without operations, then one
with the operations and a sync, then a freeze. The bytes of the empty window are subtracted, as they are there.

>>> trace = {"layers": [[{"path": "f", "size": 1048576}]],
...          "ops": [{"op": "write", "path": "f", "offsets": [524288], "length": 1, "fsync": None}]}
>>> found = predict(trace, "overlay2-ext4")
>>> found.written.moved, found.read.moved                  # the copy-up, and the block that was changed
(1052672, 1048576)

What it leaves out: `measured/dm-*` and `zfs`, which have traces of another kind (`trace_figures`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from snapsim.base.choose import choose
from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB
from snapsim.block.device import IOCounts, counting
from snapsim.block.snapshots import CowBtree
from snapsim.drivers.clone_driver import CloneDriver
from snapsim.drivers.driver import Driver
from snapsim.fidelity.comparison import Moved
from snapsim.lab.executor import Executor
from snapsim.lab.experiment import prepare, set_pace
from snapsim.lab.stacks import STACKS, Assumed
from snapsim.lab.workload import Workload, parse


class Device(NamedTuple):
    """What is known of the device that was measured.

    Attributes
    ----------
    disk_bytes : int
        Size of the device: on a larger one ext4 spreads directories wider, and XFS has larger allocation groups.
    fsync_ms : float or None
        Milliseconds from a write with an fsync to the next, on average; None: those of an SSD.
    """

    disk_bytes: int = 2 * GiB
    fsync_ms: float | None = None


class Space(NamedTuple):
    """Change of the space in use: for data, and for the file system's own metadata; in bytes."""

    data: int
    metadata: int

    @property
    def total(self) -> int:
        """What `df` would show."""
        return self.data + self.metadata


@dataclass(frozen=True)
class Prediction:
    """What a workload costs on a stack.

    Attributes
    ----------
    written, frozen, read : Moved
        Written until the end of the sync; written until the end of the freeze after it; read until the end of the sync.
    copied : int
        Bytes that were read for a copy-up.
    space, remounted : Space
        After the freeze, and after a remount, which drops everything from memory.
    exclusive : mapping of str to int
        Bytes that each container holds alone; on btrfs those that its files show, as ``btrfs filesystem du`` counts.
    notes : tuple of str
        What the executor noted, such as ``rename: EXDEV``.
    """

    written: Moved
    frozen: Moved
    read: Moved
    copied: int
    space: Space
    remounted: Space
    exclusive: Mapping[str, int]
    notes: tuple[str, ...]


def predict(
    trace: Mapping[str, Any] | Workload, stack: str, place: str = "trace", device: Device | None = None
) -> Prediction:
    """Carry out the trace of a row on the model of a stack.

    Parameters
    ----------
    trace : mapping or Workload
        `layers`, `snapshots`, `prepare`, `ops`, as in a workload file.
    stack : str
        A name of `snapsim.lab.stacks.STACKS`.
    place : str
        Where the trace stands, for errors.
    device : Device, optional
        What was measured; that of the shipped measurements when left out.

    Raises
    ------
    InvalidInput
        The trace is no workload, or cannot be carried out; or there is no such stack.
    """
    workload = trace if isinstance(trace, Workload) else _workload(trace, place)
    device = device or Device()
    # overlayfs was mounted by hand, without the files in which Docker's driver keeps its notes
    driver = choose(stack, STACKS, "stack").on(Assumed(device.disk_bytes, notes=False))
    playing = prepare(workload, driver, place)
    set_pace(driver, device.fsync_ms)
    idle = _window(playing, lambda: None)
    before = _space(driver)
    synced, frozen = _window(playing, lambda: _carry_out(workload, playing))
    space = _space(driver)
    exclusive = {name: _alone(driver, name) for name in playing.containers}
    driver.drop_caches()
    return Prediction(
        _moved(synced - idle[0], "write"),
        _moved(frozen - idle[1], "write"),
        _moved(synced - idle[0], "read"),
        (synced - idle[0]).bytes("read", "copy"),
        _difference(space, before),
        _difference(_space(driver), before),
        exclusive,
        tuple(playing.notes),
    )


def _workload(trace: Mapping[str, Any], place: str) -> Workload:
    """No name of a workload reaches the model."""
    if not isinstance(trace, dict):
        raise InvalidInput(f"{type(trace).__name__} is no trace: an object with 'ops' is wanted", place)
    return parse({**trace, "id": "measured"}, place)[0]


def _carry_out(workload: Workload, playing: Executor) -> None:
    for number, op in enumerate(workload.ops):
        playing.run(op, f"ops[{number}]")


def _window(playing: Executor, act: Callable[[], None]) -> tuple[IOCounts, IOCounts]:
    """I/O until the end of a sync, and until the end of a freeze, beginning with no dirty pages and cold caches."""
    for _ in range(2):  # dropping an inode may free what it had preallocated
        playing.settle("freeze")
        playing.driver.drop_caches()
    with counting(*playing.driver.devices) as io:
        act()
        playing.settle("sync")
        synced = io.counts
        playing.settle("freeze")
    return synced, io.counts


def _alone(driver: Driver, name: str) -> int:
    volume = driver.volumes[name] if isinstance(driver, CloneDriver) else None
    return volume.shown_alone() if isinstance(volume, CowBtree) else driver.usage(name).exclusive


def _moved(counts: IOCounts, operation: str) -> Moved:
    metadata = counts.bytes(operation, "metadata")
    return Moved(counts.bytes(operation) - metadata, metadata)


def _space(driver: Driver) -> Space:
    return Space(driver.space(), driver.metadata_space())


def _difference(after: Space, before: Space) -> Space:
    return Space(after.data - before.data, after.metadata - before.metadata)
