"""The books of a family of volumes: they balance after every step.

Level 9. **Cause**: the recorded I/Os of a step sum up to what was counted, and each has a known purpose. **Copies**:
over a whole story, `data` is at most what was asked for, and what is copied to somewhere has been read before.
**Space**: the distinct places of the family are what the mechanism has allocated, `usage` is a view of them, and a
deletion frees what was exclusive.

LEAVES OUT: the size of metadata; exact figures (see `counts`).
"""

from collections import Counter

import numpy as np

from ..device import PURPOSES, IOCounts, counting, recording
from ..errors import Unsupported
from ..volume import Usage
from .failure import Broken
from .volume_family import Family
from .volume_operations import Operation

CAUSE = "the recorded I/Os of a step sum up to its counts"
PURPOSE = "every I/O has a known purpose"
DATA = "over a whole story, I/O for data is at most what was asked for"
COPIES = "what is written as a copy has been read as a copy before"
SPACE = "distinct places x chunk size == allocated()"
USAGE = "usage() is (held, held alone, shared) by places()"
FREED = "a deletion frees what usage() called exclusive"


def step(family: Family, operation: Operation) -> None:
    """One operation with all checks after it; raises `Broken`."""
    before = _allocated(family) if operation.verb == "delete" else None
    exclusive = family.members[operation.volume % len(family.members)].volume.usage().exclusive if before else 0
    members, devices = len(family.members), list(family.devices)
    with recording(*devices) as story, counting(*devices) as bill:
        family.do(operation)
    _check_cause([(io.operation, io.purpose, io.length) for io in story], bill.counts, family.shape.block_size)
    family.check_all()
    _check_copies(family)
    _check_space(family)
    if before is not None and len(family.members) == members - 1:
        _compare(FREED, before - exclusive, _allocated(family), f"{family.members[0].name}.allocated()")


def _compare(promise: str, expected: object, actual: object, call: str = "") -> None:
    if expected != actual:
        raise Broken(promise, expected, actual, call)


def _check_cause(story: list[tuple[str, str, int]], counts: IOCounts, block_size: int) -> None:
    for _, purpose, _ in story:
        if purpose not in PURPOSES:
            raise Broken(PURPOSE, PURPOSES, purpose)
    requests = Counter(f"{operation}_{purpose}" for operation, purpose, _ in story)
    size: Counter[str] = Counter()
    for operation, purpose, length in story:
        size[f"{operation}_{purpose}"] += length * block_size
    _compare(CAUSE, {name: (requests[name], size[name]) for name in requests}, counts.cells())


def _check_copies(family: Family) -> None:
    counts = sum((device.counts for device in family.devices), IOCounts())
    for verb in ("read", "write"):
        if counts.bytes(verb, "data") > family.asked[verb]:
            raise Broken(f"{DATA} ({verb})", f"at most {family.asked[verb]} bytes", counts.bytes(verb, "data"))
    if counts.bytes("write", "copy") > counts.bytes("read", "copy"):
        raise Broken(COPIES, f"at most {counts.bytes('read', 'copy')} bytes", counts.bytes("write", "copy"))


def _allocated(family: Family) -> int | None:
    """What the mechanism says; None if it does not say."""
    try:
        family.ask.places()
        return family.ask.allocated()
    except Unsupported as error:
        family.skipped["space"] = str(error)
        return None


def _check_space(family: Family) -> None:
    allocated = _allocated(family)
    if allocated is None:
        return
    held = [np.unique(member.volume.places()) for member in family.members]
    chunk, owners = family.ask.chunk_size, Counter(place for places in held for place in places.tolist())
    _compare(SPACE, len(owners) * chunk, allocated, f"{family.members[0].name}.allocated()")
    for member, places in zip(family.members, held, strict=True):
        alone = sum(owners[place] == 1 for place in places.tolist())
        wanted = Usage(*(count * chunk for count in (places.size, alone, places.size - alone)))
        _compare(USAGE, wanted, member.volume.usage(), f"{member.name}.usage()")
