"""From requests to frames: a recording that looks at what each request changed, and who reads what after an act.

A device tells its recordings of a request before it is carried out; so what a request wrote is seen when the next one
comes, or at the end. Contents are stamps; their names are given once the story is over, since a driver's file may get
its place late. Whoever tells a story says after each act who reads which block (`Reads`): that is the frame of
bookkeeping in which pointers move.

>>> from snapsim.block.device import BlockDevice
>>> disk = BlockDevice(4, name="disk")
>>> recorder = Recorder([disk])
>>> with recorder.act("Write block 2"):
...     disk.write(2, 7)
...     disk.write(3, disk.read(2, why="copy"), why="copy")
>>> story = recorder.story("A copy", "demo", {7: "A"})
>>> [(frame.operation, frame.runs, frame.source) for frame in story.frames]
[('write', ((2, 1),), ()), ('read', ((2, 1),), ()), ('write', ((3, 1),), (('disk', 2, 1),))]
>>> story.state(2).content("disk", 3)
'A'

What it leaves out: contents of more blocks than anybody could look at: of a request of more than `MOST` blocks, the
first `MOST` are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from snapsim.block.device import IO, BlockDevice, Recording, Requests, recording
from snapsim.block.requests import Runs
from snapsim.stories.narration import sentence
from snapsim.stories.story import Act, Cells, Change, Device, Frame, Owner, State, Story, difference, joined

MOST = 1 << 16
"""Blocks of one request whose contents are kept."""


@dataclass
class Reads:
    """Who reads what at one moment: `Story.State` without contents.

    Attributes
    ----------
    held : dict of (str, int) to tuple of int
        Device and block -> numbers of owners.
    pointers : dict of (int, int) to (str, int)
        Owner and block of a volume -> device and block.
    marks : dict of (int, str) to str
        Owner and path -> mark.
    living : set of int
    """

    held: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    pointers: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    marks: dict[tuple[int, str], str] = field(default_factory=dict)
    living: set[int] = field(default_factory=set)


class _Seen(NamedTuple):
    """A request, and the stamps that its blocks had when it was over."""

    act: int
    io: IO
    runs: tuple[tuple[int, int], ...]
    requests: int
    bytes: int
    device: BlockDevice
    blocks: tuple[int, ...]
    stamps: tuple[int, ...]


class Recorder(Recording):
    """Records requests act by act.

    Parameters
    ----------
    devices : sequence of BlockDevice
        What is there at the start, with its contents; devices that are made during an act come by themselves.

    Attributes
    ----------
    acts : list of Act
    owners : list of Owner
        Appended to by whoever tells the story.
    """

    def __init__(self, devices: Sequence[BlockDevice]) -> None:
        super().__init__()
        self.devices = list(devices)
        self._since: dict[str, int] = {}
        self.acts: list[Act] = []
        self.owners: list[Owner] = []
        self._steps: list[_Seen | tuple[int, Reads, str]] = []
        self._pending: list[tuple[BlockDevice, IO, Requests]] = []
        self._start: dict[tuple[str, int], int] = {}
        self._first = Reads()

    def begin(self, reads: Reads, shown: Mapping[str, Sequence[int]]) -> None:
        """Keep the contents of these blocks of the devices, by name, and who reads them, as the start."""
        self._first = reads
        for device in self.devices:
            wanted = np.array(sorted({*shown.get(device.name, ())}), np.int64)
            inside = wanted[wanted < device.size]
            stamps = device.peek(inside)
            self._start.update(
                {
                    (device.name, block): stamp
                    for block, stamp in zip(inside.tolist(), stamps.tolist(), strict=True)
                    if stamp
                }
            )

    @contextmanager
    def act(self, title: str, operation: str = "", bill: bool = True) -> Iterator[None]:
        """Record what happens in a ``with`` block as one act."""
        self.acts.append(Act(title, operation, bill=bill))
        with recording(*self.devices, into=self, new=True):
            try:
                yield
            finally:
                self._settle()
                for device in self.made:
                    self.devices.append(device)
                    self._since.setdefault(device.name, len(self.acts) - 1)

    def says(self, *lines: str) -> None:
        """What is said at the end of the present act."""
        self.acts[-1] = self.acts[-1]._replace(says=(*self.acts[-1].says, *lines))

    def now(self, reads: Reads, sentence: str = "") -> None:
        """A step of bookkeeping at the end of the present act: who reads what from now on."""
        self._steps.append((len(self.acts) - 1, reads, sentence))

    def note(self, device: BlockDevice, operation: str, asked: Requests, purpose: str, rule: str, size: int) -> None:
        """A device was handed requests, which it has not carried out yet."""
        self._settle()
        if asked.count:
            io = IO(device.name, operation, 0, asked.count, purpose, device.step, rule, size)
            self._pending.append((device, io, asked))

    def note_runs(self, device: BlockDevice, operation: str, runs: Runs, rule: str) -> None:
        """A device was handed requests that it carries out together: what they left is seen when all are done."""
        self._settle()
        for run, purpose in runs.requests():
            io = IO(device.name, operation, 0, run.stop - run.start, purpose, device.step, rule, 0)
            self._pending.append((device, io, Requests(run, device.size)))

    def _settle(self) -> None:
        """Look at what the last requests left."""
        pending, self._pending = self._pending, []
        for device, io, asked in pending:
            self._see(device, io, asked)

    def _see(self, device: BlockDevice, io: IO, asked: Requests) -> None:
        blocks = asked.blocks
        runs = (
            [(int(blocks[0]), asked.count)]
            if asked.one
            else [(first, asked.length) for first in blocks[:: asked.length].tolist()]
        )
        kept = blocks[:MOST]
        self._steps.append(
            _Seen(
                len(self.acts) - 1,
                io,
                tuple(runs),
                len(asked),
                io.size or asked.count * device.block_size,
                device,
                tuple(kept.tolist()),
                tuple(device.peek(kept).tolist()),
            )
        )

    # ---------------------------------------------------------------- the story

    def requests(self, act: int = -1) -> list[IO]:
        """The requests of an act one by one, as a `Recording` gives them: for seeks and service times."""
        number = len(self.acts) - 1 if act < 0 else act
        return [
            step.io._replace(first=first, length=length)
            for step in self._steps
            if isinstance(step, _Seen) and step.act == number
            for first, length in step.runs
        ]

    def story(
        self, title: str, subject: str, names: Mapping[int, str], intro: Sequence[str] = (), block_size: int = 4096
    ) -> Story:
        """All that was recorded.

        Parameters
        ----------
        title, subject : str
        names : mapping of int to str
            What contents are called, by stamp; others are "m" (metadata) or, where users' data lie, "?".
        intro : sequence of str
            Lines before the first act.
        block_size : int
            Bytes a block.
        """
        state = self._opening(names)
        start, copied = difference(State(), state), dict[int, tuple[str, int]]()
        frames = [
            self._bookkeeping(step, state) if not isinstance(step, _Seen) else self._io(step, state, names, copied)
            for step in self._steps
        ]
        devices: dict[str, int] = {}
        for device in self.devices:
            devices[device.name] = max(devices.get(device.name, 0), device.size)
        return Story(
            title,
            subject,
            block_size,
            tuple(intro),
            tuple(self.owners),
            tuple(Device(*each, self._since.get(each[0], -1)) for each in devices.items()),
            start,
            tuple(self.acts),
            tuple(frame for frame in frames if frame is not None),
        )

    def _opening(self, names: Mapping[int, str]) -> State:
        return State(
            {
                key: (names.get(stamp, "m"), "data" if stamp in names else "metadata")
                for key, stamp in self._start.items()
            },
            dict(self._first.held),
            dict(self._first.pointers),
            dict(self._first.marks),
            set(self._first.living),
        )

    def _bookkeeping(self, step: tuple[int, Reads, str], state: State) -> Frame | None:
        act, reads, words = step
        after = State(dict(state.cells), reads.held, reads.pointers, reads.marks, reads.living)
        change = difference(state, after)
        if change == Change():
            return None
        state.apply(change)
        return Frame(act, "", sentence=words or in_words(change, self.owners), change=change)

    def _io(self, step: _Seen, state: State, names: Mapping[int, str], copied: dict[int, tuple[str, int]]) -> Frame:
        """One request; a read for a copy is remembered as the source of the write that puts the same content."""
        io, source, cells = step.io, tuple[tuple[str, int, int], ...](), tuple[Cells, ...]()
        if (io.operation, io.purpose) == ("read", "copy"):
            copied.update({stamp: (io.device, block) for block, stamp in zip(step.blocks, step.stamps, strict=True)})
        if io.operation != "read":
            unknown = "m" if io.purpose == "metadata" else "?"
            found = {
                (io.device, block): names.get(stamp, unknown) if stamp else ""
                for block, stamp in zip(step.blocks, step.stamps, strict=True)
            }
            cells = tuple(
                Cells(device, first, tuple(found[device, block] for block in range(first, first + count)), io.purpose)
                for device, first, count, _ in joined(dict.fromkeys(found, True))
            )
        if (io.operation, io.purpose) == ("write", "copy"):
            from_where = dict.fromkeys((copied[stamp] for stamp in step.stamps if stamp in copied), True)
            source = tuple(part[:3] for part in joined(from_where))
        change = Change(cells=cells)
        state.apply(change)
        return Frame(
            step.act,
            io.operation,
            io.device,
            step.runs,
            io.purpose,
            io.rule,
            sentence(io),
            step.requests,
            step.bytes,
            source,
            change,
        )


def in_words(change: Change, owners: Sequence[Owner]) -> str:
    """What a step of bookkeeping changed, in one sentence.

    Examples
    --------
    >>> from snapsim.stories.story import Mark, Pointer
    >>> in_words(Change(pointers=(Pointer(0, 3, "data", 8),)), [Owner("v", "volume")])
    'block 3 of v is read from data 8 now'
    >>> in_words(Change(marks=(Mark(0, "/f", "whiteout"),)), [Owner("c1", "container")])
    'c1 has a whiteout for /f'
    """
    words = [f"{owners[number].name} is there now" for number in change.came]
    words += [f"{owners[number].name} is gone" for number in change.went]
    came = set(change.came) | set(change.went)
    words += [
        f"block {each.block} of {owners[each.owner].name} is read from {each.device} {each.place} now"
        for each in change.pointers
        if each.owner not in came and each.device
    ]
    verbs = {
        "": "no longer has",
        "whiteout": "has a whiteout for",
        "copy-up": "has a copy of",
        "opaque": "hides all of",
        "hidden": "no longer shows its",
        "shared": "shares",
        "file": "has",
        "directory": "has",
    }
    words += [
        f"{owners[each.owner].name} {verbs[each.mark]} {each.path}"
        for each in sorted(change.marks, key=lambda each: each.mark == "hidden")
        if each.owner not in came
    ]
    return (
        "; ".join(words[:4]) + (f"; and {len(words) - 4} more" if len(words) > 4 else "")
        or "who reads which block has changed"
    )
