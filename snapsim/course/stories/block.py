"""The story of one block under a mechanism of snapshots: in words, and as a picture.

The mechanism runs and its devices are recorded; where a block lies is found out by reading it and looking which
request that made. Nothing here knows any mechanism.

What it leaves out: chunks of several blocks, but for the one write at the end; writes to a clone.
"""

from collections.abc import Callable, Iterator
from typing import Any

from snapsim.base.units import KiB, format_size
from snapsim.block.costs import PROFILES, seeks, service_time
from snapsim.block.device import IO, BlockDevice, IOCounts, counting, recording
from snapsim.block.snapshots import MECHANISMS
from snapsim.block.volume import Volume
from snapsim.course.stories.narration import bill, narrate
from snapsim.show.diagrams import BlockMap, Cell, Move, Story

SIZE, BLOCK = 8, 3
USUAL_CHUNKS = {"exception-store": 16 * KiB, "thin-pool": 64 * KiB, "records": 128 * KiB}
"""What a chunk is by default in the kernel, where it is more than one block of 4 KiB."""


def tell(mechanism: str) -> Iterator[str]:
    """The story, line by line: first write, second write, three snapshots, a read, a deletion.

    Parameters
    ----------
    mechanism : str
        One of `snapsim.block.snapshots.MECHANISMS`.
    """
    volume = _filled(mechanism)
    yield f"A volume of {SIZE} blocks of 4 KiB, all written; a chunk is one block."
    yield from _act("Take a snapshot", volume, volume.snapshot)
    snapshot = volume.family[-1]
    yield from _write(f"The first write of block {BLOCK} since the snapshot", volume, snapshot)
    yield from _write("The second write of the same block", volume, snapshot)
    volume.snapshot()
    volume.snapshot()
    volume.flush()
    yield from _write("The same block again, after two more snapshots (three are alive)", volume, snapshot)
    yield from _read(volume, "the volume")
    yield from _read(snapshot, "the first snapshot")
    yield from _delete(volume, snapshot)
    if mechanism in USUAL_CHUNKS:
        yield from _usual(mechanism)


def _filled(mechanism: str, chunk_size: int = 4096) -> Volume:
    volume = MECHANISMS[mechanism].new(max(SIZE, chunk_size // 4096), chunk_size=chunk_size)
    volume.write(slice(0, volume.size))
    volume.flush()
    return volume


def _act(title: str, volume: Volume, work: Callable[[], Any]) -> Iterator[str]:
    """Do something and tell which requests it made, on devices that were there and on new ones."""
    yield f"\n{title}"
    known = volume.devices
    with counting(*known) as io, recording(*known) as story:
        work()
        volume.flush()
    yield from narrate(story, volume.block_size)
    total = io.counts
    for device in (device for device in volume.devices if device not in known):
        total += device.counts
        yield f"  a new device, {device.name}. {bill(device.counts)}"
    yield bill(total) if total != IOCounts() else "Bill: nothing; no device saw a request"


def _write(title: str, volume: Volume, snapshot: Volume) -> Iterator[str]:
    old = place(volume, BLOCK)
    yield from _act(title, volume, lambda: volume.write(BLOCK))
    new, kept = place(volume, BLOCK), place(snapshot, BLOCK)
    moved = "is where it was, overwritten in place" if new == old else f"was in {_in(old)} and is now in {_in(new)}"
    yield f"Block {BLOCK} of the volume {moved}; the first snapshot's is in {_in(kept)}."


def _read(volume: Volume, whose: str) -> Iterator[str]:
    """The read that became a seek, or did not."""
    run = slice(BLOCK - 1, BLOCK + 2)
    volume.drop_caches()
    with recording(*volume.devices) as story:
        volume.read(run)
    turns, disk = seeks(story), PROFILES["hdd"]
    yield f"\nRead blocks {run.start} to {run.stop - 1} of {whose} in one go"
    yield from narrate(story, volume.block_size)
    yield (
        f"{len(story)} request{'s'[: len(story) != 1]}, {turns} seek{'s'[: turns != 1]}, estimated "
        f"{service_time(story, disk, volume.block_size):.1f} ms on a {disk.title}"
        + (": the blocks lie side by side as ever." if turns == 1 else ": what was one run is scattered.")
    )


def _delete(volume: Volume, snapshot: Volume) -> Iterator[str]:
    before, kept = volume.allocated(), place(snapshot, BLOCK)
    alone = kept not in {place(other, BLOCK) for other in volume.family if other is not snapshot}
    yield from _act("Delete the first snapshot", volume, snapshot.delete)
    freed = before - volume.allocated()
    yield f"{format_size(freed)} free again." + (
        f" {_in(kept)}, which only it could read, is not: the extent is pinned, for other parts of it are in use."
        if alone and not freed
        else ""
    )


def _usual(mechanism: str) -> Iterator[str]:
    chunk = USUAL_CHUNKS[mechanism]
    volume = _filled(mechanism, chunk)
    volume.snapshot()
    volume.flush()
    volume.drop_caches()
    yield from _act(
        f"With the usual chunk of {format_size(chunk)}: the first write of one block of 4 KiB",
        volume,
        lambda: volume.write(BLOCK),
    )


# -------------------------------------------------------------------- where a block lies


def place(volume: Volume, block: int) -> Cell:
    """Where the volume's content of a block lies: the device and the block that a read of it goes to.

    Examples
    --------
    >>> from snapsim.block.snapshots import ThinVolume
    >>> volume = ThinVolume.new(4, chunk_size=4096)
    >>> volume.write(2)
    >>> place(volume, 2)
    Cell(row='data', number=0)
    """
    volume.drop_caches()
    with recording(*volume.devices) as story:
        volume.read(block)
    found = [io for io in story if io.operation == "read" and io.purpose != "metadata"]
    return Cell(found[-1].device, found[-1].first)


def _in(cell: Cell) -> str:
    return f"{cell.row} {cell.number}"


# -------------------------------------------------------------------- as a picture


def story(mechanism: str) -> Story:
    """The first write of a block after a snapshot, for `snapsim.show.plots.block_map`.

    Examples
    --------
    >>> before, after, moves = story("exception-store")
    >>> "".join(before.rows["origin"]), "".join(after.rows["volume"])
    ('ABCDEFGH', "ABCD'EFGH")
    >>> [f"{move.purpose} to {move.target.row}" for move in moves]
    ['copy to cow0', 'data to origin']
    """
    volume = _filled(mechanism)
    snapshot = volume.snapshot()
    names = {volume.read(block): "ABCDEFGH"[block] for block in range(SIZE)}
    before = _map(volume, snapshot, names)
    with recording(*volume.devices) as requests:
        volume.write(BLOCK)
        volume.flush()
    names[volume.read(BLOCK)] = "ABCDEFGH"[BLOCK] + "'"
    after = _map(volume, snapshot, names)
    rows = {name: max(len(before.rows[name]), len(after.rows[name])) for name in after.rows}
    return Story(_padded(before, rows), _padded(after, rows), list(_moves(list(requests))))


def _map(volume: Volume, snapshot: Volume, names: dict[int, str]) -> BlockMap:
    """Volume on top, snapshot below, between them the devices that hold the content of either."""
    both = {"volume": volume, "snapshot": snapshot}
    links = [(Cell(name, block), place(one, block)) for name, one in both.items() for block in range(SIZE)]
    devices = {
        device.name: _cells(device, [cell.number for _, cell in links if cell.row == device.name], names)
        for device in dict.fromkeys(volume.devices + snapshot.devices)
        if device.name != "metadata"
    }
    top, bottom = ([names[one.read(block)] for block in range(SIZE)] for one in both.values())
    return BlockMap({"volume": top, **devices, "snapshot": bottom}, links)


def _cells(device: BlockDevice, used: list[int], names: dict[int, str]) -> list[str]:
    """Names of a device's first blocks; "m" is content that is no user's: headers, areas, nodes."""
    stamps = device.peek(slice(0, min(max([SIZE, *(number + 1 for number in used)]), device.size))).tolist()
    return [names.get(stamp, "m") if stamp else "" for stamp in stamps]


def _padded(picture: BlockMap, rows: dict[str, int]) -> BlockMap:
    return BlockMap(
        {name: [*row, *[""] * (rows[name] - len(row))] for name, row in picture.rows.items()}, picture.links
    )


def _moves(requests: list[IO]) -> Iterator[Move]:
    sources = iter([io for io in requests if (io.operation, io.purpose) == ("read", "copy")])
    for io in requests:
        if io.operation == "write" and io.purpose in ("copy", "data"):
            source = next(sources) if io.purpose == "copy" else None
            yield Move(source and Cell(source.device, source.first), Cell(io.device, io.first), io.purpose)
