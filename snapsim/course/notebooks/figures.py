"""Figures that the chapters let their readers vary: each argument has a default, and may be a slider.

>>> panel = first_write(snapshots=3).axes[1]
>>> [round(bar.get_width() / 4096) for purpose in panel.containers for bar in purpose][:3]     # writes data
[1, 1, 1]

What it leaves out: the controls (`lesson`), and drawing (`snapsim.show.plots`).
"""

from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from snapsim.block.costs import PROFILES, seeks, service_time
from snapsim.block.device import BlockDevice, counting, recording
from snapsim.block.snapshots import MECHANISMS, ExceptionStore, ThinVolume
from snapsim.block.volume import Usage, Volume
from snapsim.lab.experiment import compare, sweep
from snapsim.lab.generators import generate
from snapsim.lab.result import Result, Run, Step
from snapsim.lab.workload import Workload
from snapsim.show import plots as plot
from snapsim.show.diagrams import BlockMap
from snapsim.show.plots.style import Picture, new_figure, tidy

SIX = ("overlay2-ext4", "aufs-ext4", "devicemapper-loop-lvm", "btrfs", "zfs", "vfs-ext4", "ext4-plain")
"""One stack of each driver, and the ideal."""
_NAMES = "ABCDEFGH"


def first_write(snapshots: int = 1, blocks: int = 1, chunk_kib: int = 4) -> Picture:
    """The I/O of a first write under copy-on-write and redirect-on-write, beside a volume that was copied in full.

    Parameters
    ----------
    snapshots : int
        Number of snapshots, all taken before the write.
    blocks : int
        Number of blocks of 4 KiB, written in one request.
    chunk_kib : int
        The unit of sharing.
    """
    runs = [_first_write(name, snapshots, blocks, chunk_kib) for name in ("exception-store", "thin-pool", "full-copy")]
    figure = new_figure(10, 1.9)
    read, write = figure.subplots(1, 2, sharey=True)
    plot.io_bars(Result(tuple(runs)), "read", read)
    plot.io_bars(Result(tuple(runs)), "write", write)
    for panel in (read, write):
        panel.set_xlabel("")
    return figure


def _first_write(mechanism: str, snapshots: int, blocks: int, chunk_kib: int) -> Run:
    options: dict[str, Any] = {"store": "N"} if mechanism == "exception-store" else {}
    volume: Volume = MECHANISMS[mechanism].new(256, chunk_size=1024 * chunk_kib, **options)
    volume.write(slice(0, 256))
    for _ in range(snapshots):
        volume.snapshot()
    volume.flush()
    with counting(*volume.devices) as bill, recording(*volume.devices) as story:
        volume.write(slice(0, blocks))
    step = Step("write", bill.counts, seeks(story), service_time(story, PROFILES["hdd"]))
    return Run("write", mechanism, mechanism, "hdd", (step,), Usage(0, 0, 0), 0, 4096 * blocks, 0, 0)


def exception_map(writes: int = 3, store: str = "P") -> Picture:
    """Where a COW device keeps the old chunks when the origin's chunks are overwritten from the last one down."""
    origin = ExceptionStore.new(8, store=store)
    table = origin.clone_on(BlockDevice(10, 4096, "cow"), store).table
    last, head = list(range(7, 7 - writes, -1)), ["header", "area 0"] if table.persistent else []
    origin.write(np.array(last, np.int64))
    device = [*head, *[""] * (10 - len(head))]
    for chunk, place in zip(last, table.places(np.array(last, np.int64)).tolist(), strict=True):
        device[place] = _NAMES[chunk]
    after = [name + "'" * (chunk in last) for chunk, name in enumerate(_NAMES)]
    return _figure_of(
        plot.block_map(
            BlockMap({"origin": list(_NAMES), "COW device": [*head, *[""] * (10 - len(head))]}),
            BlockMap({"origin": after, "COW device": device}),
        )
    )


def chunk_sizes(chunk_kib: int = 64, snapshots: int = 1) -> Picture:
    """Write amplification of a first write in a thin pool and over an exception store, over the size of the write."""
    sizes = [1 << power for power in range(12, 22)]
    curves = {
        "thin pool": _amplification(ThinVolume, sizes, chunk_kib, snapshots),
        "exception store": _amplification(ExceptionStore, sizes, chunk_kib, snapshots, store="N"),
    }
    return _figure_of(plot.amplification({name: (sizes, values) for name, values in curves.items()}))


def _amplification(kind: type[Volume], sizes: list[int], chunk_kib: int, snapshots: int, **options: Any) -> list[float]:
    ends = list(accumulate(max(size, 1024 * chunk_kib) // 4096 for size in sizes))
    volume = kind.new(ends[-1], chunk_size=1024 * chunk_kib, **options)
    volume.write(slice(0, ends[-1]))
    for _ in range(snapshots):
        volume.snapshot()
    volume.flush()
    values = []
    for size, end in zip(sizes, ends, strict=True):
        first = end - max(size, 1024 * chunk_kib) // 4096
        with counting(*volume.devices) as bill:
            volume.write(slice(first, first + size // 4096))
        values.append(bill.counts.bytes("write") / size)
    return values


def one_write(file_mib: int = 64, write_kib: int = 4, writes: int = 1) -> Picture:
    """Bytes that each driver writes when a container changes a file of its image in random places."""
    day = generate("random", size=file_mib << 20, length=write_kib << 10, writes=writes)
    return _figure_of(plot.io_bars(compare(day, SIX), "write"))


def growing(write_kib: int = 4) -> Picture:
    """Bytes written to the device for each byte of one such write, over the size of the file."""
    sizes = [size for size in (16 << power for power in range(0, 13, 2)) if size >= write_kib]
    found = sweep(partial(_one, write_kib), SIX, {"file_kib": sizes}, progress=False)
    curves = {
        stack: (
            [kib << 10 for kib in sizes],
            [run.counts.bytes("write") / (write_kib << 10) for run in found if run.stack == stack],
        )
        for stack in SIX
    }
    panel = plot.amplification(curves)
    tidy(panel, "Write amplification of one write over the size of the file")
    panel.set_xlabel("size of the file (logarithmic)")
    return _figure_of(panel)


def _one(write_kib: int, file_kib: int) -> Workload:
    return generate("random", size=file_kib << 10, length=write_kib << 10, writes=1)


def _figure_of(panel: Any) -> Picture:
    figure: Picture = panel.figure
    return figure
