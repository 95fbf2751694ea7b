"""One workload on one or many stacks: what each of them reads, writes and allocates for it.

`run` carries a workload out on one stack, in the same order as the measuring harness on a kernel: it makes image and
containers, writes all dirty pages back and drops the caches; then it counts the operations and a final sync. `compare`
does it for several stacks, `sweep` for varied parameters.

>>> from snapsim.lab.workload import parse
>>> workload, = parse({"id": "one-byte", "layers": [[{"path": "f", "size": 1048576}]],
...                    "ops": [{"op": "write", "path": "f", "offsets": [524288], "length": 1}]})
>>> for bill in compare(workload, ["overlay2-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "ext4-plain"]):
...     written = bill.record()["written"]
...     print(bill.stack, written["data"], written["copy"])
overlay2-ext4 4096 1048576
devicemapper-loop-lvm 4096 65536
btrfs 4096 0
zfs 4096 126976
ext4-plain 4096 0

What it leaves out: concurrency (operations come one after the other) and what the system itself writes meanwhile.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor as Pool
from functools import partial
from typing import Any

from snapsim.base.choose import choose
from snapsim.block.costs import PROFILES, DeviceProfile, seeks, service_time
from snapsim.block.device import BlockDevice, counting, recording
from snapsim.block.volume import Usage
from snapsim.drivers.diff import Diff
from snapsim.drivers.driver import Driver
from snapsim.lab.executor import Executor
from snapsim.lab.result import Result, Run, Step
from snapsim.lab.stacks import STACKS, USUAL, Assumed, Stack
from snapsim.lab.workload import Workload


def run(
    workload: Workload,
    stack: Stack | str,
    device: DeviceProfile | str = "ssd",
    place: str = "",
    image: Sequence[Diff] = (),
    assumed: Assumed = USUAL,
) -> Run:
    """Carry out a workload on one stack and count.

    Parameters
    ----------
    workload : Workload
    stack : Stack or str
        A name of `snapsim.lab.stacks.STACKS`.
    device : DeviceProfile or str
        What the service time is estimated on.
    place : str
        Where the workload stands, for errors.
    image : sequence of Diff
        Layers of a real image, bottom first: the workload's layers and containers stand on it.
    assumed : Assumed
        What is assumed of the disk.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput
        An operation that cannot be done, or a name that does not exist.
    """
    stack = choose(stack, STACKS, "stack") if isinstance(stack, str) else stack
    profile = choose(device, PROFILES, "device profile") if isinstance(device, str) else device
    driver = stack.on(assumed)
    playing = prepare(workload, driver, place, image)
    set_pace(driver, assumed.fsync_ms)
    before = driver.space()
    steps = []
    for number, op in enumerate(workload.ops):
        steps.append(
            _step(driver, f"{op.op} {op.path or op.name}".strip(), profile, partial(playing.run, op, f"ops[{number}]"))
        )
    steps.append(_step(driver, "sync", profile, partial(playing.settle, "sync")))
    return Run(
        workload.id,
        stack.name,
        stack.driver,
        profile.name,
        tuple(steps),
        _space(driver, playing),
        driver.space() - before,
        sum(op.logical_bytes for op in workload.ops),
        playing.read_bytes,
        driver.page_cache_bytes(),
        tuple(playing.notes),
        tuple(driver.status()),
    )


def set_pace(driver: Driver, fsync_ms: float | None) -> None:
    """Set how long a write with an fsync takes, where that is known."""
    if fsync_ms is not None:
        for fs in driver.filesystems():
            fs.metadata.paced(fsync_ms)


def prepare(workload: Workload, driver: Driver, place: str = "", image: Sequence[Diff] = ()) -> Executor:
    """Make image and containers and carry out the uncounted operations; then write back and drop the caches."""
    playing = Executor(driver, place)
    playing.unpack(image)
    for op in workload.image_ops():
        playing.run(op, f"{op.op} {op.name}")
    for number, op in enumerate(workload.prepare):
        playing.run(op, f"prepare[{number}]")
    playing.settle("freeze")
    driver.drop_caches()
    playing.notes.clear()
    playing.read_bytes = 0
    return playing


def _step(driver: Driver, name: str, profile: DeviceProfile, work: Callable[[], None]) -> Step:
    devices: Sequence[BlockDevice] = driver.devices
    for device in devices:
        device.step = name
    with counting(*devices) as count, recording(*devices) as story:
        work()
    return Step(name, count.counts, seeks(story), round(service_time(story, profile), 3))


def _space(driver: Driver, playing: Executor) -> Usage:
    """Bytes of all layers and containers, those that only the containers hold, and the rest."""
    allocated = driver.space()
    exclusive = sum(driver.usage(id).exclusive for id in playing.containers)
    return Usage(allocated, exclusive, allocated - exclusive)


def compare(
    workload: Workload | Iterable[Workload],
    stacks: Iterable[Stack | str] | None = None,
    device: DeviceProfile | str = "ssd",
    place: str = "",
    image: Sequence[Diff] = (),
    assumed: Assumed = USUAL,
) -> Result:
    """The same workloads on several stacks (all of them when left out), in that order.

    Examples
    --------
    >>> from snapsim.lab.generators import generate
    >>> result = compare(generate("sequential", size="1M"), ["vfs-ext4"])
    >>> result.records()[0]["written"]["total"] > 0
    True
    """
    workloads = [workload] if isinstance(workload, Workload) else list(workload)
    chosen = list(STACKS if stacks is None else stacks)
    several = len(workloads) > 1
    return Result(
        tuple(
            run(each, stack, device, f"{place}[{number}]" if several else place, image, assumed)
            for number, each in enumerate(workloads)
            for stack in chosen
        )
    )


def sweep(
    make: Callable[..., Workload],
    stacks: Iterable[str],
    varied: Mapping[str, Iterable[Any]],
    device: str = "ssd",
    executor: Pool | None = None,
    progress: bool = True,
) -> Result:
    """Every combination of parameters on every stack.

    Parameters
    ----------
    make : callable
        Gives a workload for one combination, such as ``functools.partial(generate, "random")``. For a pool of
        processes it has to be importable, not defined in a notebook.
    stacks : iterable of str
    varied : mapping of str to iterable
        Parameter name -> values.
    device : str
    executor : concurrent.futures.Executor, optional
        Threads, processes, or Dask's ``Client.get_executor()``; one after the other when left out.
    progress : bool
        Show a bar where there is a terminal or a notebook.

    Returns
    -------
    Result
        With `parameters`, in the order of the combinations.

    Examples
    --------
    >>> from functools import partial
    >>> from snapsim.lab.generators import generate
    >>> found = sweep(partial(generate, "random", size="1M", writes=4), ["overlay2-ext4", "btrfs"],
    ...               {"length": [4096, 65536]}, progress=False)
    >>> [(record["parameters"]["length"], record["stack"]) for record in found.records()]
    [(4096, 'overlay2-ext4'), (4096, 'btrfs'), (65536, 'overlay2-ext4'), (65536, 'btrfs')]
    """
    points = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    jobs = [(point, stack) for point in points for stack in stacks]
    work = partial(_point, make, device)
    results: Iterable[Run] = map(work, jobs) if executor is None else executor.map(work, jobs)
    if progress:
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        shown = console.is_terminal or console.is_jupyter
        results = track(results, "sweep", total=len(jobs), console=console, disable=not shown)
    return Result(tuple(results), tuple(point for point, _ in jobs))


def _point(make: Callable[..., Workload], device: str, job: tuple[dict[str, Any], str]) -> Run:
    point, stack = job
    return run(make(**point), stack, device)
