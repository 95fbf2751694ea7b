"""The story of one block under a mechanism of snapshots: in words, and as a picture.

The mechanism runs and its devices are recorded (`snapsim.stories.volumes`); where a block lies is determined by reading
it and recording the request. Nothing here depends on the mechanism.

What it leaves out: chunks of several blocks, but for the one write at the end; writes to a clone.
"""

from collections.abc import Iterator, Sequence

from snapsim.base.units import KiB, format_size
from snapsim.block.costs import PROFILES, seeks, service_time
from snapsim.block.device import IO, BlockDevice, recording
from snapsim.block.snapshots import MECHANISMS
from snapsim.block.volume import Volume
from snapsim.show.diagrams import BeforeAfter, BlockMap, Cell, Move
from snapsim.stories.operations import Step
from snapsim.stories.story import Story
from snapsim.stories.text import lines
from snapsim.stories.volumes import VolumeTeller, fresh

SIZE, BLOCK = 8, 3
USUAL_CHUNKS = {"exception-store": 16 * KiB, "thin-pool": 64 * KiB, "records": 128 * KiB}
"""What a chunk is by default in the kernel, where it is more than one block of 4 KiB."""
_MORE = "Two more snapshots"


def tell(stories: Sequence[Story], level: str = "data", ask: bool = False) -> Iterator[str]:
    """The story, line by line: first write, second write, three snapshots, a read, a deletion, the usual chunk.

    Parameters
    ----------
    stories : sequence of Story
        The result of `frames`, and of `usual` where there is one.
    level : str
        One of `snapsim.stories.text.LEVELS`.
    ask : bool
        Leave the numbers out.
    """
    for told in stories:
        skip = [number for number, act in enumerate(told.acts) if act.title == _MORE]
        yield from lines(told, level, ask, skip=skip, pointers=False)


def frames(mechanism: str) -> Story:
    """The story as data, frame by frame."""
    teller = VolumeTeller(_fresh(mechanism))
    volume = teller.volumes["v"]
    teller.do(Step("snapshot", "v", to="s1", words="snapshot"), "Take a snapshot")
    snapshot = teller.volumes["s1"]
    _write(teller, f"The first write of block {BLOCK} since the snapshot", snapshot)
    _write(teller, "The second write of the same block", snapshot)
    teller.act(_MORE, lambda: teller.take("s2", "s3"), "snapshot; snapshot")
    _write(teller, "The same block again, after two more snapshots (three are alive)", snapshot)
    _read(teller, volume, "the volume")
    _read(teller, snapshot, "the first snapshot")
    _delete(teller, volume, snapshot)
    return teller.story(
        mechanism, mechanism, (f"A volume of {SIZE} blocks of 4 KiB, all written; a chunk is one block.",)
    )


def usual(mechanism: str) -> Story:
    """One write with the chunk that the kernel takes by default."""
    chunk = USUAL_CHUNKS[mechanism]
    teller = VolumeTeller(_fresh(mechanism, chunk))
    volume = teller.volumes["v"]
    teller.take("s1")
    volume.flush()
    volume.drop_caches()
    teller.start()
    teller.do(
        Step("write", "v", BLOCK, words=f"write {BLOCK}"),
        f"With the usual chunk of {format_size(chunk)}: the first write of one block of 4 KiB",
    )
    return teller.story(f"{mechanism}, chunks of {format_size(chunk)}", mechanism)


def _write(teller: VolumeTeller, title: str, snapshot: Volume) -> None:
    volume = teller.volumes["v"]
    old = place(volume, BLOCK)
    teller.do(Step("write", "v", BLOCK, words=f"write {BLOCK}"), title)
    new, kept = place(volume, BLOCK), place(snapshot, BLOCK)
    moved = "is where it was, overwritten in place" if new == old else f"was in {_in(old)} and is now in {_in(new)}"
    teller.recorder.says(f"Block {BLOCK} of the volume {moved}; the first snapshot's is in {_in(kept)}.")


def _read(teller: VolumeTeller, volume: Volume, whose: str) -> None:
    """A sequential read after the writes, and the number of seeks that it takes."""
    run = slice(BLOCK - 1, BLOCK + 2)
    volume.drop_caches()
    teller.act(
        f"Read blocks {run.start} to {run.stop - 1} of {whose} in one go",
        lambda: volume.read(run),
        f"read {run.start}-{run.stop - 1}",
        bill=False,
    )
    asked, disk = teller.recorder.requests(), PROFILES["hdd"]
    turns = seeks(asked)
    teller.recorder.says(
        f"{len(asked)} request{'s'[: len(asked) != 1]}, {turns} seek{'s'[: turns != 1]}, estimated "
        f"{service_time(asked, disk, volume.block_size):.1f} ms on a {disk.title}"
        + (": the blocks lie side by side as ever." if turns == 1 else ": what was one run is scattered.")
    )


def _delete(teller: VolumeTeller, volume: Volume, snapshot: Volume) -> None:
    before, kept = volume.allocated(), place(snapshot, BLOCK)
    alone = kept not in {place(other, BLOCK) for other in volume.family if other is not snapshot}
    teller.do(Step("delete", "s1", words="delete s1"), "Delete the first snapshot")
    freed = before - volume.allocated()
    teller.recorder.says(
        f"{format_size(freed)} free again."
        + (
            f" {_in(kept)}, which only it could read, is not: the extent is pinned, for other parts of it are in use."
            if alone and not freed
            else ""
        )
    )


def _fresh(mechanism: str, chunk_size: int = 4096) -> Volume:
    return fresh(MECHANISMS[mechanism], chunk_size)


def _filled(mechanism: str) -> Volume:
    volume = _fresh(mechanism)
    volume.write(slice(0, volume.size))
    volume.flush()
    return volume


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


def story(mechanism: str) -> BeforeAfter:
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
    return BeforeAfter(_padded(before, rows), _padded(after, rows), list(_moves(list(requests))))


def _map(volume: Volume, snapshot: Volume, names: dict[int, str]) -> BlockMap:
    """The map with the volume on top and the snapshot below; between them the devices that hold their content."""
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
    """Names of the contents of a device's first blocks; "m" is metadata: headers, areas, nodes."""
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
