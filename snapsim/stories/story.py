"""A story as plain data: what every request and every moved pointer changed, one frame for each.

A story begins with a state (which content lies in which block, who reads it there, which layer has which file) and
goes on in **frames**. A frame is one request that a device was handed, or one step of bookkeeping without I/O: it
says what was read or written where, its purpose, rule and sentence, what it costs, and **what changed**. States are
not written out: the state after a frame is the start with all changes up to there, so a story stays small.

>>> story = Story("One write", "demo", 4096, owners=(Owner("v", "volume", "the volume", 2),),
...               devices=(Device("disk", 2),), start=Change(cells=(Cells("disk", 0, ("A", "B"), "data"),)),
...               acts=(Act("Write block 1"),),
...               frames=(Frame(0, "write", "disk", ((1, 1),), "data", requests=1, bytes=4096,
...                             change=Change(cells=(Cells("disk", 1, ("B'",), "data"),))),))
>>> state = story.state(0)
>>> state.content("disk", 1), story.bill(0)
("B'", {'write_data': (1, 4096)})

The JSON of a story (`to_dict`, and `format.load` for the way back) is versioned. Who makes stories: `volumes`,
`drivers`, `workloads`, and the kit of its failures; who shows them: `text`, and the player of a page or a notebook.

What it leaves out: time. A frame has a place in an order, no duration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

FORMAT, VERSION = "snapsim-story", 1

KINDS = ("volume", "snapshot", "clone", "image", "container", "row")
MARKS = ("", "file", "copy-up", "whiteout", "opaque", "hidden", "shared", "directory")
"""What a layer may have under a path; "" is nothing (any more)."""


class Owner(NamedTuple):
    """Who holds blocks: a volume and its snapshots, or a layer; `blocks` is how many a volume shows (0 for a layer)."""

    name: str
    kind: str
    title: str = ""
    blocks: int = 0


class Device(NamedTuple):
    """A device; of its blocks a story shows those that it names. `since` is the act that brought it, if one did.

    With `columns` it is the row of a table, and these are the names of its blocks.
    """

    name: str
    size: int
    since: int = -1
    columns: tuple[str, ...] = ()


class Cells(NamedTuple):
    """Neighbouring blocks of a device, and what they hold from now on; "" is nothing."""

    device: str
    first: int
    contents: tuple[str, ...]
    purpose: str = "data"


class Held(NamedTuple):
    """Neighbouring blocks of a device, and who reads them from now on: numbers of owners."""

    device: str
    first: int
    length: int
    owners: tuple[int, ...]


class Pointer(NamedTuple):
    """A block of a volume (number of the owner), and where it is read from now on; the device is "" for nowhere."""

    owner: int
    block: int
    device: str
    place: int


class Mark(NamedTuple):
    """A path in a layer (number of the owner), and what the layer has there from now on."""

    owner: int
    path: str
    mark: str


class Wrong(NamedTuple):
    """A block of a device that should hold something else."""

    device: str
    block: int
    expected: str


class Change(NamedTuple):
    """What one frame changes. `came` and `went` are owners; `wrong` counts for this frame alone."""

    cells: tuple[Cells, ...] = ()
    held: tuple[Held, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    marks: tuple[Mark, ...] = ()
    came: tuple[int, ...] = ()
    went: tuple[int, ...] = ()
    wrong: tuple[Wrong, ...] = ()


NOTHING = Change()
"""No change."""


class Frame(NamedTuple):
    """One request, or one step of bookkeeping.

    Attributes
    ----------
    act : int
        Number of the act that it belongs to.
    operation : str
        "read", "write" or "discard"; "" for bookkeeping, which costs no I/O.
    device : str
    runs : tuple of (int, int)
        First block and length, one for each request.
    purpose, rule, sentence : str
        What the request was for, and by which rule of the mechanism.
    requests, bytes : int
        Its part of the bill.
    source : tuple of (str, int, int)
        For a copy: device, first block and length of where the content came from.
    change : Change
    """

    act: int
    operation: str
    device: str = ""
    runs: tuple[tuple[int, int], ...] = ()
    purpose: str = ""
    rule: str = ""
    sentence: str = ""
    requests: int = 0
    bytes: int = 0
    source: tuple[tuple[str, int, int], ...] = ()
    change: Change = NOTHING


class Act(NamedTuple):
    """One operation: its title, as one would type it, and what is said when it is over; `bill` is left out if False."""

    title: str
    operation: str = ""
    says: tuple[str, ...] = ()
    bill: bool = True


@dataclass(frozen=True)
class Story:
    """A story; see the top of this file.

    Attributes
    ----------
    title : str
        One line.
    subject : str
        The mechanism, driver or class that it is about.
    block_size : int
        Bytes a block.
    cell_blocks : int
        Blocks that are one cell of the map, where a device is too large to draw each; changes then number cells, and
        requests blocks.
    intro : tuple of str
        Lines before the first act.
    owners, devices : tuple
        All that ever appear.
    start : Change
        From nothing to the state before the first frame.
    acts : tuple of Act
    frames : tuple of Frame
    """

    title: str
    subject: str
    block_size: int = 4096
    intro: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    devices: tuple[Device, ...] = ()
    start: Change = NOTHING
    acts: tuple[Act, ...] = ()
    frames: tuple[Frame, ...] = ()
    cell_blocks: int = 1

    def act(self, number: int) -> tuple[Frame, ...]:
        """The frames of one act."""
        return tuple(frame for frame in self.frames if frame.act == number)

    def bill(self, frame: int) -> dict[str, tuple[int, int]]:
        """The running bill after a frame: "write_copy" -> (requests, bytes), cells that are not empty."""
        total: dict[str, tuple[int, int]] = {}
        for each in self.frames[: frame + 1]:
            if each.operation:
                cell = f"{each.operation}_{each.purpose}"
                requests, size = total.get(cell, (0, 0))
                total[cell] = requests + each.requests, size + each.bytes
        return total

    def state(self, frame: int = -1) -> "State":
        """The state after a frame; before the first one for -1."""
        state = State()
        state.apply(self.start)
        for each in self.frames[: frame + 1]:
            state.apply(each.change)
        return state

    def shorter(self) -> "Story":
        """The same with one frame for neighbouring requests of one rule of the metadata: a smaller story."""
        frames: list[Frame] = []
        for frame in self.frames:
            last = frames[-1] if frames else None
            if last and frame.purpose == "metadata" and _rule(last) == _rule(frame):
                cells = last.change.cells + frame.change.cells
                frames[-1] = last._replace(
                    runs=last.runs + frame.runs,
                    requests=last.requests + frame.requests,
                    bytes=last.bytes + frame.bytes,
                    change=Change(cells),
                )
            else:
                frames.append(frame)
        return replace(self, frames=tuple(frames))

    def to_dict(self) -> dict[str, Any]:
        """The story in terms of JSON; what is empty is left out."""
        head = {"format": FORMAT, "version": VERSION}
        return head | {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


def _rule(frame: Frame) -> tuple[object, ...]:
    return frame.act, frame.operation, frame.device, frame.purpose, frame.rule


@dataclass
class State:
    """What lies where at one moment.

    Attributes
    ----------
    cells : dict of (str, int) to (str, str)
        Device and block -> content and the purpose that it was written for.
    held : dict of (str, int) to tuple of int
        Device and block -> who reads it.
    pointers : dict of (int, int) to (str, int)
        Owner and block of a volume -> device and block.
    marks : dict of (int, str) to str
        Owner and path -> mark.
    living : set of int
    wrong : dict of (str, int) to str
        Device and block -> what should be there.
    """

    cells: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    held: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    pointers: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    marks: dict[tuple[int, str], str] = field(default_factory=dict)
    living: set[int] = field(default_factory=set)
    wrong: dict[tuple[str, int], str] = field(default_factory=dict)

    def content(self, device: str, block: int) -> str:
        """What a block holds."""
        return self.cells.get((device, block), ("", ""))[0]

    def apply(self, change: Change) -> None:
        """Go on by one frame."""
        for cells in change.cells:
            for number, content in enumerate(cells.contents, cells.first):
                self.cells[cells.device, number] = content, cells.purpose
        for held in change.held:
            self.held.update(
                {(held.device, block): held.owners for block in range(held.first, held.first + held.length)}
            )
        self.pointers.update({(each.owner, each.block): (each.device, each.place) for each in change.pointers})
        self.marks.update({(each.owner, each.path): each.mark for each in change.marks})
        self.living = (self.living | set(change.came)) - set(change.went)
        self.wrong = {(each.device, each.block): each.expected for each in change.wrong}


def difference(before: State, after: State) -> Change:
    """The change that leads from one state to another; what `after` does not have ends."""
    cells = {key: after.cells.get(key, ("", "data")) for key in {**before.cells, **after.cells}}
    held = {key: after.held.get(key, ()) for key in {**before.held, **after.held}}
    pointers = {key: after.pointers.get(key, ("", 0)) for key in {**before.pointers, **after.pointers}}
    marks = {key: after.marks.get(key, "") for key in {**before.marks, **after.marks}}
    return Change(
        tuple(_cells({key: new for key, new in cells.items() if new != before.cells.get(key, ("", "data"))})),
        tuple(
            Held(device, first, count, owners)
            for device, first, count, owners in joined(
                {key: new for key, new in held.items() if new != before.held.get(key, ())}
            )
        ),
        tuple(Pointer(*key, *new) for key, new in pointers.items() if new != before.pointers.get(key, ("", 0))),
        tuple(Mark(*key, new) for key, new in marks.items() if new != before.marks.get(key, "")),
        tuple(sorted(after.living - before.living)),
        tuple(sorted(before.living - after.living)),
        tuple(Wrong(*key, expected) for key, expected in after.wrong.items()),
    )


def _cells(found: Mapping[tuple[str, int], tuple[str, str]]) -> Iterator[Cells]:
    for device, first, count, purpose in joined({key: purpose for key, (_, purpose) in found.items()}):
        yield Cells(device, first, tuple(found[device, block][0] for block in range(first, first + count)), purpose)


def joined(found: Mapping[tuple[str, int], Any]) -> Iterator[tuple[str, int, int, Any]]:
    """Neighbouring blocks with equal values as one run: device, first block, length, value.

    Examples
    --------
    >>> list(joined({("d", 4): "x", ("d", 5): "x", ("d", 7): "x", ("e", 8): "x"}))
    [('d', 4, 2, 'x'), ('d', 7, 1, 'x'), ('e', 8, 1, 'x')]
    """
    run: tuple[str, int, int, Any] | None = None
    for (device, block), value in sorted(found.items(), key=lambda item: item[0]):
        if run and run[0] == device and run[1] + run[2] == block and run[3] == value:
            run = device, run[1], run[2] + 1, value
        else:
            if run:
                yield run
            run = device, block, 1, value
    if run:
        yield run


def _plain(value: Any) -> Any:
    """Named tuples as objects without their defaults, other tuples as lists."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        defaults: Mapping[str, Any] = getattr(value, "_field_defaults", {})
        return {
            name: _plain(each)
            for name, each in zip(value._fields, value, strict=True)
            if name not in defaults or each != defaults[name]
        }
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
