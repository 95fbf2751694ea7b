"""A family of volumes beside the simplest thing that can be right: a dictionary for each volume.

`Family.do` carries out one operation on both and raises `Broken` where they part. The books are checked in
`volume_books`.

LEAVES OUT: which operations to do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from snapsim.base.errors import InUse, Invalidated, InvalidInput, NoSpace, ReadOnly, Unsupported
from snapsim.block.device import BlockDevice, Blocks
from snapsim.block.volume import Volume
from snapsim.testing.checking import importing
from snapsim.testing.failure import Broken, exact
from snapsim.testing.playing import refused
from snapsim.testing.scene import Scene, looked, scene_of
from snapsim.testing.volumes.operations import Asked, Operation

Factory = Callable[..., Volume] | type[Volume]

KEEPS = "every volume and snapshot shows what was written to it, whatever happens to the others"
READS = "a read gives the blocks in the order asked for"
REFUSES = "a snapshot refuses to be changed"
FULL = "out of space: what went before stands, and NoSpace.done says how many requests succeeded"
DISCARDED = "a discarded chunk reads as zeros"
DELETES = "a verb deletes no other volume"
NEEDED = "a volume can be deleted unless another one was made from it"
USED_UP = "rollback keeps the snapshot"
"""The key of `limits` that says that a rollback uses its snapshot up."""


class Shape(NamedTuple):
    """Blocks of a volume, blocks a chunk, bytes a block."""

    size: int = 4
    chunk_blocks: int = 1
    block_size: int = 4096


def make(factory: Factory, shape: Shape) -> Volume:
    """A fresh volume: of a class by its `new`, else by calling ``factory(size, block_size, chunk_size)``."""
    new: Callable[..., Volume] = getattr(factory, "new") if isinstance(factory, type) else factory  # noqa: B009
    return new(shape.size, shape.block_size, shape.chunk_blocks * shape.block_size)


def source(factory: Factory, shape: Shape) -> list[str]:
    """The lines of Python that make a fresh volume."""
    name, new = getattr(factory, "__qualname__", "factory"), ".new" if isinstance(factory, type) else ""
    sizes = (shape.size, shape.block_size, shape.chunk_blocks * shape.block_size)
    return [*importing(factory), f"v0 = {name}{new}{sizes}"]


@dataclass(eq=False)
class Member:
    """A living volume, what it should hold (a block that is missing was never written), and its name in programs."""

    volume: Volume
    content: dict[int, int]
    name: str
    origin: "Member | None" = None
    read_only: bool = False

    def values(self, blocks: range | tuple[int, ...]) -> list[int]:
        """What the blocks should hold."""
        return [self.content.get(block, 0) for block in blocks]


class Family:
    """The living volumes that come from one fresh volume.

    Attributes
    ----------
    members : list of Member
        Those that live, in the order in which they were made.
    lines : list of str
        The program so far.
    skipped : dict of str to str
        Verbs that the mechanism does not have, with its reason.
    asked : dict of str to int
        Bytes that were asked for, by "read" and "write".
    refused : bool
        Was the last operation refused, as it may be?
    asking : str
        The expression of the look that is going on.
    """

    def __init__(self, factory: Factory, shape: Shape) -> None:
        self.shape, self.lines = shape, source(factory, shape)
        self.members = [Member(make(factory, shape), {}, "v0")]
        self.skipped: dict[str, str] = {}
        self.asked = {"read": 0, "write": 0}
        self.steps, self._made, self.asking, self.refused = 0, 1, "", False
        self.devices: list[BlockDevice] = []
        self.note_devices()

    def note_devices(self) -> None:
        """Devices that came with new members are watched from now on."""
        self.devices += [
            device
            for device in dict.fromkeys(d for m in self.members for d in m.volume.devices)
            if device not in self.devices
        ]

    # ---------------------------------------------------------------- one operation

    def member(self, number: int) -> Member:
        """The volume that an operation names; modulo those that live, if that one does not."""
        living = [int(member.name.removeprefix("v")) for member in self.members]
        return self.members[living.index(number) if number in living else number % len(living)]

    def state(self, operation: Operation) -> str:
        """What an operation meets, for `coverage`."""
        member = self.member(operation.volume)
        kind = "a snapshot" if member.read_only else "a clone" if member.origin else "a volume"
        shared = any(other.origin is member for other in self.members)
        return f"{kind}{' with children' if shared else ' that shares nothing' if not member.origin else ''}"

    def do(self, operation: Operation) -> None:
        """Carry an operation out on the volumes and on the dictionaries."""
        member = self.member(operation.volume)
        self.steps += 1
        self.refused = False
        try:
            getattr(self, f"_{operation.verb}")(member, operation)
        except Unsupported as error:
            self.skipped[operation.verb] = member.volume.limits.get(operation.verb, str(error))
            self._refuses("Unsupported", str(error))
        except InUse as error:
            self._in_use(member, operation, error)
        except Invalidated:
            self._refuses("Invalidated", "the snapshot was given up")
        gone = [other.name for other in self.members if other.volume.deleted]
        if gone:
            raise Broken(
                DELETES,
                [False] * len(gone),
                [True] * len(gone),
                "[" + ", ".join(f"{name}.deleted" for name in gone) + "]",
            )
        self.note_devices()

    def _in_use(self, member: Member, operation: Operation, error: InUse) -> None:
        """A deletion may be refused while there are children, a rollback while there are newer ones; nothing else."""
        verb, limits = operation.verb, member.volume.limits
        has_children = any(other.origin is member for other in self.members)
        if verb not in limits and not (verb in ("delete", "rollback") and has_children):
            raise Broken(NEEDED, "no InUse", f"InUse: {error}") from error
        reason = limits.get(verb, str(error).replace(repr(member.volume), "it"))
        self.skipped[f"{verb} of what is in use"] = reason
        self._refuses("InUse", str(error))

    def _refuses(self, error: str, why: str) -> None:
        self.lines[-1] = refused(self.lines[-1], error, why)
        self.refused = True

    def _say(self, member: Member, call: str, result: str = "") -> None:
        self.lines.append(f"{result}{member.name}.{call}")

    def _write(self, member: Member, operation: Operation) -> None:
        asked, blocks = self.asked_blocks(operation.blocks)
        stamps = [100 * self.steps + number for number in range(len(blocks))]
        self._say(member, f"write({asked!r}, {stamps[0] if isinstance(asked, int) else stamps})")
        if member.read_only:
            return self._refused(member.volume.write, asked)
        self.asked["write"] += len(blocks) * self.shape.block_size
        before = dict(member.content)
        try:
            member.volume.write(asked, stamps[0] if isinstance(asked, int) else stamps)
        except NoSpace as error:
            self._refuses("NoSpace", "")
            done = error.done if isinstance(asked, list) else 0
            member.content.update(zip(blocks[:done], stamps[:done], strict=True))
            after = before | dict(zip(blocks, stamps, strict=True)) if isinstance(asked, slice) else {}
            self._either(member, blocks if isinstance(asked, slice) else (), after, FULL)
        else:
            member.content.update(zip(blocks, stamps, strict=True))

    def _read(self, member: Member, operation: Operation) -> None:
        asked, blocks = self.asked_blocks(operation.blocks)
        self.check(member, asked, blocks, READS)
        self._say(member, f"read({asked!r})")

    def _discard(self, member: Member, operation: Operation) -> None:
        asked, blocks = self.asked_blocks(operation.blocks)
        self._say(member, f"discard({asked!r})")
        if member.read_only:
            return self._refused(member.volume.discard, asked)
        member.volume.discard(asked)
        per, covered = self.shape.chunk_blocks, set(blocks) if isinstance(asked, slice) or self.shape[1] == 1 else set()
        whole = [b for b in blocks if covered >= set(range(b // per * per, (b // per + 1) * per))]
        member.content.update(dict.fromkeys(whole, 0))
        self._either(member, tuple(sorted(set(blocks) - set(whole))), {}, DISCARDED)

    def _snapshot(self, member: Member, operation: Operation) -> None:
        self._child(member, operation.verb)

    _clone = _snapshot

    def _child(self, member: Member, verb: str) -> None:
        name = f"v{self._made}"
        self._made += 1
        self._say(member, f"{verb}()", f"{name} = ")
        try:
            child = getattr(member.volume, verb)()
        except NoSpace:
            return self._refuses("NoSpace", "")
        self.members.append(Member(child, dict(member.content), name, member, verb == "snapshot"))

    def _delete(self, member: Member, operation: Operation) -> None:
        if len(self.members) > 1:
            self._say(member, "delete()")
            member.volume.delete()
            self.members.remove(member)

    def _rollback(self, member: Member, operation: Operation) -> None:
        mine = [other for other in self.members if other.origin is member and other.read_only]
        if not mine or member.read_only:
            return
        target = mine[operation.other % len(mine)]
        self._say(member, f"rollback({target.name})")
        member.volume.rollback(target.volume)
        member.content = dict(target.content)
        if USED_UP in member.volume.limits:
            self.members = [other for other in self.members if other is not target or not target.volume.deleted]

    def _flush(self, member: Member, operation: Operation) -> None:
        self._say(member, "flush()")
        member.volume.flush()

    # ---------------------------------------------------------------- comparison

    def asked_blocks(self, asked: Asked) -> tuple[int | slice | list[int], tuple[int, ...]]:
        """The request as a volume takes it, and its blocks, modulo the size."""
        size = self.shape.size
        if isinstance(asked, range):
            first = asked.start % size
            last = min(first + max(len(asked), 1), size)
            return slice(first, last), tuple(range(first, last))
        if isinstance(asked, int):
            return asked % size, (asked % size,)
        return [block % size for block in asked], tuple(block % size for block in asked)

    def _refused(self, verb: Callable[[Blocks], None], asked: Blocks) -> None:
        try:
            verb(asked)
        except ReadOnly:
            self._refuses("ReadOnly", "")
        else:
            raise Broken(REFUSES, "ReadOnly", "nothing")

    def _either(self, member: Member, blocks: tuple[int, ...], after: dict[int, int], promise: str) -> None:
        """Blocks that may hold the old or the new content: take over what they hold."""
        for block in blocks:
            call = f"{member.name}.read({block})"
            actual = exact(self.look(call, lambda block=block: member.volume.read(block)))  # type: ignore[misc]
            allowed = {member.content.get(block, 0), after.get(block, 0)}
            if actual not in allowed:
                raise Broken(promise, sorted(allowed), actual, f"{member.name}.read({block})")
            member.content[block] = actual
            self.asked["read"] += self.shape.block_size

    def look(self, call: str, look: Callable[[], Any]) -> Any:
        """Look at a volume; what is raised by it is shown with the expression."""
        self.asking = call
        found = look()
        self.asking = ""
        return found

    def counted(self, call: str) -> str:
        """Let the program count its last line; the expression is of that `bill`."""
        last, every = self.lines.pop(), dict.fromkeys(f"*{member.name}.devices" for member in self.members[:1])
        every |= dict.fromkeys(f"*{name}.devices" for name in self._named_in(last))
        self.lines += [
            "from snapsim.block.device import counting",
            f"with counting(*dict.fromkeys([{', '.join(every)}])) as bill:",
            f"    {last}",
        ]
        return call

    @staticmethod
    def _named_in(line: str) -> list[str]:
        return list(dict.fromkeys(re.findall(r"\b(v\d+)\.", line)))

    def check(self, member: Member, asked: int | slice | list[int], blocks: tuple[int, ...], promise: str) -> None:
        """Hold a read against the dictionary."""
        self.asked["read"] += len(blocks) * self.shape.block_size
        call = f"{member.name}.read({asked!r})"
        expected, actual = (
            np.array(member.values(blocks), np.uint64),
            exact(self.look(call, lambda: member.volume.read(asked))),
        )
        if np.shape(actual) not in ((), expected.shape) or not np.array_equal(expected, np.atleast_1d(actual)):
            call += ".tolist()" if isinstance(actual, np.ndarray | np.generic) and not isinstance(asked, int) else ""
            raise Broken(promise, expected[0] if isinstance(asked, int) else expected, actual, call)

    def check_all(self) -> None:
        """Hold every living volume against its dictionary; a snapshot that was given up is no member any more."""
        size = self.shape.size
        for member in list(self.members):
            try:
                self.check(member, slice(0, size), tuple(range(size)), KEEPS)
            except Invalidated:
                self.asking = ""
                if member.origin is None:
                    raise
                self.members.remove(member)
                self.lines.append(f"# {member.name} was given up: its store is full")

    def wanted_scene(self) -> Scene:
        """What each volume should show, block by block."""
        return scene_of("block", self._wanted())

    def _wanted(self) -> dict[str, dict[str, int]]:
        return {
            member.name: {str(block): member.content.get(block, 0) for block in range(self.shape.size)}
            for member in self.members
        }

    def seen_scene(self) -> Scene:
        """What each volume shows, and where that is wrong."""
        wanted = self._wanted()
        seen = {
            member.name: looked(
                lambda member=member: {  # type: ignore[misc]
                    str(block): int(stamp) for block, stamp in enumerate(member.volume.read(slice(0, self.shape.size)))
                },
                wanted[member.name],
            )
            for member in self.members
        }
        held, allocated = self._storage()
        differ = held != allocated
        return scene_of(
            "block",
            {**seen, **({"storage": {"allocated": allocated}} if differ else {})},
            {**wanted, **({"storage": {"allocated": held}} if differ else {})},
        )

    def _storage(self) -> tuple[int, int]:
        """Bytes in use for the whole family, by `places` and by `allocated`; zeros if the mechanism does not say."""
        try:
            held = {place for volume in self.ask.family for place in volume.places().tolist()}
            return len(held) * self.ask.place_size, int(self.ask.allocated())
        except (Exception, SystemExit):  # what is broken, or missing, may not be asked
            return 0, 0

    @property
    def ask(self) -> Any:
        """A living volume to ask about the family."""
        return self.members[0].volume


def possible(factory: Factory, shape: Shape) -> str:
    """Why the mechanism does not take this shape; empty if it does."""
    try:
        make(factory, shape)
    except InvalidInput as error:
        return str(error)
    return ""
