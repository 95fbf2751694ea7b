"""What can be done to a family of volumes, as plain data; strategies of lists of it.

A volume has a number, in the order in which the volumes were made, as in the names of programs (v0, v1). A number
whose volume does not live, or never came, is taken modulo those that live, and blocks are taken modulo the size, so
that every list is valid on every volume. Lists can be stored, replayed, drawn and made shorter.

>>> story = [write(0, range(0, 4)), snapshot(), write(0, 2), read(1, 2)]
>>> story[0]
Operation(verb='write', volume=0, blocks=range(0, 4), other=0)

LEAVES OUT: the content that is written (the player makes stamps from the number of the step).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from snapsim.testing.shrinking import Naming, Reference

Asked = int | range | tuple[int, ...]
VERBS = ("write", "read", "snapshot", "clone", "delete", "discard", "rollback", "flush")


class Operation(NamedTuple):
    """One operation.

    Attributes
    ----------
    verb : str
        One of `VERBS`.
    volume : int
        The number of the volume.
    blocks : int, range or tuple of int
        One request of one block, one request over a run, or many requests of one block.
    other : int
        Of `rollback`: index among the living snapshots of the volume.
    """

    verb: str
    volume: int = 0
    blocks: Asked = ()
    other: int = 0


def write(volume: int = 0, blocks: Asked = 0) -> Operation:
    """Write new content."""
    return Operation("write", volume, blocks)


def read(volume: int = 0, blocks: Asked = 0) -> Operation:
    """Read."""
    return Operation("read", volume, blocks)


def snapshot(volume: int = 0) -> Operation:
    """Take a snapshot."""
    return Operation("snapshot", volume)


def clone(volume: int = 0) -> Operation:
    """Take a clone."""
    return Operation("clone", volume)


def delete(volume: int) -> Operation:
    """Delete a volume (never the last one)."""
    return Operation("delete", volume)


def discard(volume: int = 0, blocks: Asked = 0) -> Operation:
    """Give blocks up."""
    return Operation("discard", volume, blocks)


def rollback(volume: int = 0, snapshot: int = 0) -> Operation:
    """Go back to one of the volume's living snapshots."""
    return Operation("rollback", volume, (), snapshot)


def flush(volume: int = 0) -> Operation:
    """Commit metadata."""
    return Operation("flush", volume)


def requests(size: int) -> list[Asked]:
    """Every block, every run, and arrays that turn back and repeat, of a volume of `size` blocks; simple ones first.

    Examples
    --------
    >>> requests(2)
    [0, 1, range(0, 2), (0, 0), (0, 1), (1, 0), (1, 0, 1)]
    """
    runs = [range(first, last) for first in range(size) for last in range(first + 2, size + 1)]
    arrays = dict.fromkeys([(0, 0), (0, size - 1), (size - 1, 0), (size - 1, 0, size - 1)])
    return [*range(size), *runs, *arrays]


def volume_operation(size: int) -> st.SearchStrategy[Operation]:
    """One operation on a family of volumes of `size` blocks."""

    def asking(verb: Callable[[int, Asked], Operation]) -> list[Operation]:
        return [verb(volume, blocks) for volume in range(4) for blocks in requests(size)]

    def plain(*verbs: Callable[[int], Operation]) -> list[Operation]:
        return [verb(volume) for volume in (0, 0, 1, 2, 3) for verb in verbs]

    back = [rollback(0, 0), rollback(0, 1), rollback(0, 2), rollback(1, 0)]
    groups = [
        asking(write),
        plain(snapshot),
        asking(write),
        plain(snapshot, clone),
        asking(discard),
        plain(delete),
        back,
        asking(read) + plain(flush),
    ]
    return st.sampled_from(groups).flatmap(st.sampled_from)


def volume_operations(size: int = 4, least: int = 1, most: int = 12) -> st.SearchStrategy[list[Operation]]:
    """Lists of `least` to `most` operations on a family of volumes of `size` blocks."""
    return st.lists(volume_operation(size), min_size=least, max_size=most)


def few_operations(size: int) -> tuple[Operation, ...]:
    """A small alphabet for `every_list`: one block, all blocks, and each verb on the first two volumes."""
    blocks: tuple[Asked, ...] = (0, range(0, size))
    asking = [verb(0, asked) for verb in (write, discard) for asked in blocks]
    return (*asking, write(1, 0), snapshot(0), snapshot(1), clone(0), delete(0), delete(1), rollback(0, 0))


def made_by(operation: Operation) -> str:
    """What kind of thing an operation makes: "volume", or nothing."""
    return "volume" if operation.verb in ("snapshot", "clone") else ""


def named_by(operation: Operation) -> Iterator[Reference]:
    """The things that it names."""
    yield Reference("volume", "volume", operation.volume)


def simpler(operation: Operation) -> Iterator[Operation]:
    """The same verb on fewer blocks."""
    blocks = operation.blocks
    if not isinstance(blocks, int) and len(blocks) > 0:
        yield operation._replace(blocks=0)
        yield operation._replace(blocks=blocks[0])
        yield from (operation._replace(blocks=blocks[:n]) for n in range(2, len(blocks)))
    elif blocks:
        yield operation._replace(blocks=0)


def with_numbers(operations: Sequence[Operation]) -> list[Operation]:
    """The same list with the number of a volume that lives in each operation.

    Examples
    --------
    >>> [each.volume for each in with_numbers([snapshot(), write(5), delete(1), snapshot(), write(1)])]
    [0, 1, 1, 0, 2]
    """
    living, made, found = [0], 1, list[Operation]()
    for operation in operations:
        number = operation.volume if operation.volume in living else living[operation.volume % len(living)]
        found.append(operation._replace(volume=number))
        if made_by(operation):
            living.append(made)
            made += 1
        elif operation.verb == "delete" and len(living) > 1:
            living.remove(number)
    return found


NAMING = Naming(made_by, named_by, {"volume": 1}, simpler, with_numbers)
