"""The story of a volume and its snapshots: a mechanism runs, and every request of its devices becomes a frame.

Where a block lies is found out by reading it and looking which request that makes: on a copy of everything, so that
looking changes nothing. Nothing here knows any mechanism.

>>> from snapsim.stories.operations import parse
>>> story = tell(ThinVolume, "thin-pool", parse("thin-pool", "snapshot; write 3"))
>>> [frame.sentence for frame in story.act(1) if frame.purpose != "metadata"]
["the user's data is written", 'block 3 of v is read from data 8 now']

What it leaves out: chunks of several blocks where the teller is not told so; where metadata of a mechanism lies, unless
it is written in the story.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from snapsim.base.errors import InvalidInput, SnapsimError
from snapsim.block.device import BlockDevice, Blocks, Requests, fresh_stamps, recording
from snapsim.block.snapshots import ThinVolume
from snapsim.block.volume import Volume
from snapsim.stories.operations import BLOCKS, Step
from snapsim.stories.recorder import Reads, Recorder
from snapsim.stories.story import Owner, Story

__all__ = ["ThinVolume", "VolumeTeller", "name_of_block", "tell"]


def name_of_block(block: int, version: int = 0) -> str:
    """The name of a content: a letter a block, a prime for each time it was overwritten.

    Examples
    --------
    >>> name_of_block(3), name_of_block(3, 2), name_of_block(3, 5), name_of_block(30)
    ('D', "D''", "D'5", 'b30')
    """
    letter = chr(ord("A") + block) if block < 26 else f"b{block}"
    return letter + ("'" * version if version <= 3 else f"'{version}")


class VolumeTeller:
    """Carries operations out on a family of volumes and records them.

    Parameters
    ----------
    volume : Volume
        Fresh; it is filled before the story begins.
    fill : bool
        Write every block once, before the first frame.

    Attributes
    ----------
    volumes : dict of str to Volume
        By name: v, s1, c1; those that live.
    recorder : Recorder
    """

    def __init__(self, volume: Volume, fill: bool = True) -> None:
        self.volumes: dict[str, Volume] = {"v": volume}
        self.size, self.names = volume.size, dict[int, str]()
        self._versions, self._numbers = [-1] * volume.size, {"v": 0}
        if fill:
            volume.write(slice(0, volume.size), self._stamps(slice(0, volume.size)))
            volume.flush()
        self.recorder = Recorder(volume.devices)
        self.recorder.owners.append(Owner("v", "volume", "the volume", volume.size))
        self.start()

    def start(self) -> None:
        """The story begins here, with the devices that there are now and what they hold."""
        devices = dict.fromkeys(device for volume in self.volumes.values() for device in volume.devices)
        self.recorder.devices = list(devices)
        shown = {device.name: range(min(device.size, 4 * self.size)) for device in devices if device.name != "metadata"}
        self.recorder.begin(self.reads(), shown)

    def _stamps(self, blocks: Blocks) -> Any:
        """Fresh contents with names, one a block."""
        asked = Requests(blocks, self.size)
        stamps = fresh_stamps(asked.count)
        for block, stamp in zip(asked.blocks.tolist(), stamps.tolist(), strict=True):
            self._versions[block] += 1
            self.names[stamp] = name_of_block(block, self._versions[block])
        return stamps

    # ---------------------------------------------------------------- acts

    def do(self, step: Step, title: str = "") -> None:
        """Carry one operation out and record it; what the mechanism refuses is said."""
        volume = self.volumes[step.name]
        work = getattr(self, f"_{step.verb}")
        with self.recorder.act(title or str(step), str(step)):
            try:
                work(volume, step)
                volume.flush() if not volume.deleted else self._any().flush()
            except SnapsimError as error:
                self.recorder.says(f"Refused: {error}")
        self.look()

    def act(self, title: str, work: Callable[[], object], operation: str = "", bill: bool = True) -> None:
        """Record anything that is done to the volumes."""
        with self.recorder.act(title, operation, bill):
            work()
            self._any().flush()
        self.look()

    def _any(self) -> Volume:
        return next(iter(self.volumes.values()))

    def _write(self, volume: Volume, step: Step) -> None:
        assert step.asked is not None
        volume.write(step.asked, self._stamps(step.asked))

    def _read(self, volume: Volume, step: Step) -> None:
        assert step.asked is not None
        volume.drop_caches()
        volume.read(step.asked)

    def _discard(self, volume: Volume, step: Step) -> None:
        assert step.asked is not None
        volume.discard(step.asked)

    def take(self, *names: str) -> None:
        """Snapshots of the volume under these names, without an act of their own."""
        for name in names:
            self._enter(name, self.volumes["v"].snapshot(), "snapshot")

    def _snapshot(self, volume: Volume, step: Step) -> None:
        self._enter(step.to, volume.snapshot(), "snapshot")

    def _clone(self, volume: Volume, step: Step) -> None:
        self._enter(step.to, volume.clone(), "clone")

    def _enter(self, name: str, volume: Volume, kind: str) -> None:
        self.volumes[name] = volume
        self._numbers[name] = len(self.recorder.owners)
        self.recorder.owners.append(Owner(name, kind, f"{kind} {name}", volume.size))

    def _delete(self, volume: Volume, step: Step) -> None:
        volume.delete()

    def _rollback(self, volume: Volume, step: Step) -> None:
        volume.rollback(self.volumes[step.to])

    # ---------------------------------------------------------------- who reads what

    def look(self) -> None:
        """A frame of bookkeeping, where a pointer moved or a volume came or went."""
        self.volumes = {name: volume for name, volume in self.volumes.items() if not volume.deleted}
        self.recorder.now(self.reads())

    def reads(self) -> Reads:
        """Where every living volume reads each of its blocks; what cannot be read is nowhere."""
        found, held = Reads(living={self._numbers[name] for name in self.volumes}), dict[tuple[str, int], set[int]]()
        twins = copy.deepcopy(self.volumes)
        for name, volume in twins.items():
            owner = self._numbers[name]
            for block in range(volume.size):
                where = _place(volume, block)
                if where is not None:
                    found.pointers[owner, block] = where
                    held.setdefault(where, set()).add(owner)
        found.held = {where: tuple(sorted(owners)) for where, owners in held.items()}
        return found

    def story(self, title: str, subject: str, intro: tuple[str, ...] = ()) -> Story:
        """All acts so far."""
        block_size = self._any().block_size if self.volumes else 4096
        return self.recorder.story(title, subject, self.names, intro, block_size)


def _place(volume: Volume, block: int) -> tuple[str, int] | None:
    """Device and block that a read of a block goes to; None where it goes nowhere, or cannot be read."""
    devices: tuple[BlockDevice, ...] = volume.devices
    try:
        volume.drop_caches()
        with recording(*devices) as requests:
            volume.read(block)
    except SnapsimError:
        return None
    found = [io for io in requests if io.operation == "read" and io.purpose != "metadata"]
    if not found:
        return None
    io = found[-1]
    stamps = {device.name: device for device in devices}
    wanted = np.uint64(volume.read(block))
    inside = np.flatnonzero(stamps[io.device].peek(slice(io.first, io.first + io.length)) == wanted)
    return io.device, io.first + int(inside[0] if inside.size else 0)


def fresh(mechanism: type[Volume], chunk_size: int = 4096) -> Volume:
    """A volume of `BLOCKS` blocks of 4 KiB, or of one chunk where that is more."""
    return mechanism.new(max(BLOCKS, chunk_size // 4096), chunk_size=chunk_size)


def tell(mechanism: type[Volume], subject: str, steps: list[Step], title: str = "") -> Story:
    """The story of operations on a volume of `BLOCKS` blocks, all written, with chunks of one block.

    Parameters
    ----------
    mechanism : type[Volume]
    subject : str
        Its name.
    steps : list of Step
    title : str, optional
    """
    teller = VolumeTeller(fresh(mechanism))
    for step in steps:
        if step.name not in teller.volumes or (step.verb == "rollback" and step.to not in teller.volumes):
            gone = step.to if step.name in teller.volumes else step.name
            raise InvalidInput(f"{str(step)!r}: {gone} does not live then: the mechanism refused it, or used it up")
        teller.do(step)
    return teller.story(
        title or f"{subject}: {'; '.join(map(str, steps))}",
        subject,
        (f"A volume of {BLOCKS} blocks of 4 KiB, all written; a chunk is one block.",),
    )
