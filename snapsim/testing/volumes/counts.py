"""`check_counts`: the exact bills of the three mechanisms that are taught first.

Bytes of `data` and `copy` are compared, operation by operation; `metadata` and `zero` are the mechanism's.

| operation | full-copy | cow | row |
|---|---|---|---|
| snapshot | read and write everything | nothing | nothing |
| first write of a block since n snapshots | 1 write | n chunks read, n chunks written, 1 write | 1 write |
| the next write of it | 1 write | 1 write | 1 write |
| read of a block, of any volume | 1 read | 1 read | 1 read |
| delete a snapshot | nothing | nothing | nothing |

>>> from snapsim.block.snapshots import ExceptionStore
>>> check_counts(ExceptionStore, like="cow").failures
()

LEAVES OUT: redirect-on-write with chunks larger than a block (what a partial write copies differs between the kernels).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.block.device import counting
from snapsim.testing.checking import name_of, told
from snapsim.testing.failure import Broken, Failure, Report, broken_by
from snapsim.testing.isolation import doing, judged
from snapsim.testing.volumes.family import Factory, Family, Shape, source
from snapsim.testing.volumes.operations import Operation, delete, read, snapshot, write

MODELS = {"full-copy": (1, 4), "cow": (1, 4), "row": (1,)}
"""The models, and the chunk sizes (in blocks) at which their bills are exact."""


class Bill(NamedTuple):
    """What an operation costs in bytes, cell by cell; cells that are missing are 0."""

    title: str
    operation: Operation
    cells: dict[str, int]


def bills(like: str, shape: Shape) -> Iterator[Bill]:
    """The story of every bill of a model.

    Examples
    --------
    >>> [bill.cells for bill in bills("cow", Shape(8)) if bill.title == "first write since a snapshot"]
    [{'write_data': 4096, 'read_copy': 4096, 'write_copy': 4096}]
    """
    block, everything, chunk = shape.block_size, shape.size * shape.block_size, shape.block_size * shape.chunk_blocks
    taking = {"read_copy": everything, "write_copy": everything} if like == "full-copy" else {}

    def first(snapshots: int) -> dict[str, int]:
        copied = snapshots * chunk if like == "cow" else 0
        return {"write_data": block, **({"read_copy": copied, "write_copy": copied} if copied else {})}

    yield Bill("write everything", write(0, range(0, shape.size)), {"write_data": everything})
    yield Bill("take a snapshot", snapshot(0), taking)
    yield Bill("first write since a snapshot", write(0, 3), first(1))
    yield Bill("second write of the same block", write(0, 3), first(0))
    for _ in range(2):
        yield Bill("take two more snapshots", snapshot(0), taking)
    yield Bill("first write since two more snapshots", write(0, 3), first(2))
    yield Bill("a block that three snapshots share", write(0, shape.size - 1), first(3))
    for volume in range(3):
        yield Bill("read a block", read(volume, 3), {"read_data": block})
    yield Bill("delete a snapshot", delete(1), {})
    yield Bill("write after the deletion", write(0, 3), first(0))


def check_counts(factory: Factory, *, like: str, chunks: Sequence[int] = (), raise_on_failure: bool = True) -> Report:
    """Hold the data and copy bytes of an implementation against a model's.

    Parameters
    ----------
    factory : type[Volume] or callable
        As for `check_volume`.
    like : {"cow", "row", "full-copy"}
        The model.
    chunks : sequence of int
        Blocks a chunk; those of `MODELS` when left out.

    Raises
    ------
    CheckFailed
        An operation costs something else.
    InvalidInput
        There is no such model.
    """
    if like not in MODELS:
        raise InvalidInput(f"{like!r} is no model: one of {', '.join(MODELS)}", "like")

    def run() -> Report:
        found = {
            f"bills of {like}, {per} blocks a chunk": _compare(factory, like, Shape(8, per))
            for per in chunks or MODELS[like]
        }
        passed = tuple(name for name, failure in found.items() if failure is None)
        return Report(name_of(factory), passed, tuple(filter(None, found.values())), {}, len(found))

    return told(judged(run, name_of(factory)), raise_on_failure)


def _compare(factory: Factory, like: str, shape: Shape) -> Failure | None:
    done: list[Operation] = []
    lines, title = source(factory, shape), "make a fresh volume"
    try:
        family = Family(factory, shape)
        lines = family.lines
        for title, operation, expected in bills(like, shape):  # noqa: B007
            done.append(operation)
            doing(name_of(factory), f"counts like {like}", done, len(done) - 1, lines, shape)
            _check(family, operation, expected)
    except (Exception, SystemExit) as error:
        broken = broken_by(error)
    else:
        return None
    return Failure(
        name_of(factory),
        f"{title}: {broken.promise}",
        tuple(done),
        len(done) - 1,
        broken.expected,
        broken.actual,
        tuple(lines),
        broken.call,
        f"counts like {like}",
    )


def _check(family: Family, operation: Operation, expected: dict[str, int]) -> None:
    with counting(*family.devices) as bill:
        family.do(operation)
    cells = {name: size for name, (_, size) in bill.counts.cells().items()}
    actual = {name: size for name, size in cells.items() if name.partition("_")[2] in ("data", "copy")}
    if actual != expected:
        raise Broken("bytes of data and copies", expected, actual)
