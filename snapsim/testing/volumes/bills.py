"""What a step may cost: a bound for every mechanism, and the exact bill where one is stated.

**The bound.** A request copies no more than the chunks that it touches, once for each other volume of the family that
may share them (once at least: a mechanism need not know that nobody shares them any more). A snapshot, a clone or a
deletion copies no more than everything once, a rollback once for each volume. What is written later, as by a
transaction group, was paid for by the steps before.

**The bill** is that of a teaching model (`counts.MODELS`), in bytes of data and copies. It is followed until a clone
or a rollback comes, of whose cost the table says nothing.

LEAVES OUT: metadata, how many requests the bytes are, and the bill of a volume whose last chunk is short.
"""

from collections.abc import Mapping

from snapsim.block.device import IOCounts
from snapsim.testing.failure import Broken
from snapsim.testing.volumes.family import Family, Member
from snapsim.testing.volumes.operations import Operation

BOUND = "a request copies at most the chunks that it touches, once for each volume that may share them"
DATA = "I/O for data is at most what was asked for"
WRITTEN = 'bill.counts.bytes("write", "data")'
BILL = "an operation costs what the bill of its model says"


class Bills:
    """The bills of one family, step after step.

    Parameters
    ----------
    family : Family
        The volumes.
    like : str
        The model whose bill is exact, "" for the bound alone.
    """

    def __init__(self, family: Family, like: str = "") -> None:
        self.family, self.like = family, "" if family.shape.size % family.shape.chunk_blocks else like
        self.paid, self.data = 0, 0  # copies that were allowed and not made; data that were asked for and not written
        self.kept: dict[Member, set[int]] = {}  # what each snapshot has been given by copy-on-write

    def due(self, operation: Operation) -> tuple[int, Mapping[str, int] | None]:
        """What a step may copy, and its exact bill if it has one; to be asked before the step."""
        family = self.family
        member, shape = family.member(operation.volume), family.shape
        chunk, everything = shape.chunk_blocks * shape.block_size, -(-shape.size // shape.chunk_blocks)
        _, blocks = family.asked_blocks(operation.blocks)
        touched = {block // shape.chunk_blocks for block in blocks}
        others = max(len(family.members), len(family.ask.family)) - 1
        chunks = {
            "read": len(touched),
            "write": len(touched) * max(others, 1),
            "discard": len(touched) * max(others, 1),
            "rollback": everything * (others + 1),
            "flush": 0,
        }.get(operation.verb, everything)
        return chunks * chunk, self._exact(operation, member, touched, len(blocks)) if self.like else None

    def _exact(self, operation: Operation, member: Member, touched: set[int], count: int) -> Mapping[str, int] | None:
        verb, shape = operation.verb, self.family.shape
        if verb in ("clone", "rollback", "discard") or (verb == "snapshot" and member.origin is not None):
            self.like = ""  # the table says nothing of it, nor of what comes after
            return None
        block, chunk, copied = shape.block_size, shape.chunk_blocks * shape.block_size, 0
        if verb == "snapshot" and self.like == "full-copy":
            copied = shape.size * block
        if verb == "read" and not all(at in member.content for at in self.family.asked_blocks(operation.blocks)[1]):
            return None  # what was never written need not be read from anywhere
        if verb == "write" and self.like == "cow":
            children = [other for other in self.family.members if other.origin is member]
            for child in children:
                fresh = touched - self.kept.setdefault(child, set())
                self.kept[child] |= fresh
                copied += sum(min(chunk, (shape.size - at * shape.chunk_blocks) * block) for at in fresh)
        cells = {f"{verb}_data": count * block} if verb in ("read", "write") and count else {}
        return {**cells, **({"read_copy": copied, "write_copy": copied} if copied else {})}

    def check(
        self, operation: Operation, due: tuple[int, Mapping[str, int] | None], cost: IOCounts, asked: int
    ) -> None:
        """Hold what a step cost against what was due; `asked` are the bytes of data that it asked to write."""
        bound, exact = due
        allowed, written = self.paid + bound, cost.bytes("write", "data")
        if written > self.data + asked:
            raise Broken(f"{DATA} (write)", f"at most {self.data + asked}", written, self.family.counted(WRITTEN))
        self.data += asked - written
        for verb in ("read", "write"):
            copied = cost.bytes(verb, "copy")
            if copied > allowed:
                call = self.family.counted(f'bill.counts.bytes("{verb}", "copy")')
                raise Broken(f"{BOUND} ({verb})", f"at most {allowed}", copied, call)
        self.paid = allowed - cost.bytes("write", "copy") if self.data > 0 else 0
        if exact is None or self.family.refused:
            return
        cells = {name: size for name, (_, size) in cost.cells().items() if name.partition("_")[2] in ("data", "copy")}
        if cells != dict(exact):
            call = self.family.counted("{name: size for name, (_, size) in bill.counts.cells().items()}")
            raise Broken(f"{BILL} ({self.like})", dict(exact), cells, call)
