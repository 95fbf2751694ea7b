"""The books of a family of volumes: they balance after every step.

**Cause**: the recorded I/Os of a step sum up to what was counted, and each has a known purpose. **Copies**:
over a whole story, `data` is at most what was asked for, and what is copied to somewhere has been read before.
**Space**: the distinct places of the family are what the mechanism has allocated, `usage` is a view of them, and a
deletion frees what was exclusive.

LEAVES OUT: the size of metadata; exact figures (see `counts`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from snapsim.base.errors import Unsupported
from snapsim.block.device import PURPOSES, BlockDevice, IOCounts, Recording, recording
from snapsim.block.volume import Usage
from snapsim.testing.failure import Broken, same
from snapsim.testing.volumes.bills import Bills
from snapsim.testing.volumes.family import Family
from snapsim.testing.volumes.operations import Operation

CAUSE = "the recorded I/Os of a step sum up to its counts"
PURPOSE = "every I/O has a known purpose"
DATA = "over a whole story, I/O for data is at most what was asked for"
COPIES = "copies are read first"
SPACE = "distinct places x place size == allocated()"
USAGE = "usage() is (held, held alone, shared) by places()"
FREED = "a deletion frees what usage() called exclusive"
TOGETHER = "a deletion frees what it and the hidden snapshots that went with it held alone"


def step(family: Family, operation: Operation, bills: Bills | None = None, look: bool = True) -> None:
    """One operation with all checks after it; raises `Broken`. Without `look`, nothing is read and no book asked."""
    freed = _Deletion(family, operation) if operation.verb == "delete" and look else None
    due = bills.due(operation) if bills else None
    devices, asked = list(family.devices), family.asked["write"]
    start = counts_of(devices)
    with recording(*devices) as story:
        family.do(operation)
    check_cause(story, start, devices, family)
    if bills and due:
        bills.check(operation, due, counts_of(family.devices) - start, family.asked["write"] - asked)
    if not look:
        return
    family.check_all()
    _check_copies(family)
    _check_space(family)
    if freed:
        freed.check()


class _Deletion:
    """What a deletion should free, asked before it."""

    def __init__(self, family: Family, operation: Operation) -> None:
        self.family, self.members = family, len(family.members)
        self.before = _allocated(family)
        member = family.member(operation.volume)
        self.exclusive = member.volume.usage().exclusive if self.before else 0
        self.holders = {volume: set(volume.places().tolist()) for volume in family.ask.family} if self.before else {}

    def check(self) -> None:
        """Hold what is allocated now against that."""
        family = self.family
        if self.before is None or len(family.members) != self.members - 1:
            return
        gone = [volume for volume in self.holders if volume not in family.ask.family]
        if len(gone) > 1:  # the snapshot that a clone of a live volume was made of
            kept = set[int]().union(*(self.holders[volume] for volume in family.ask.family))
            held = set[int]().union(*(self.holders[volume] for volume in gone))
            self.exclusive = len(held - kept) * family.ask.place_size
        same(
            TOGETHER if len(gone) > 1 else FREED,
            self.before - self.exclusive,
            _allocated(family),
            f"{family.members[0].name}.allocated()",
        )


def counts_of(devices: Sequence[BlockDevice]) -> IOCounts:
    """All I/O of the devices since they were made."""
    return sum((device.counts for device in devices), IOCounts())


def check_cause(
    story: Recording, start: IOCounts, devices: Sequence[BlockDevice], family: Family | None = None
) -> None:
    """Hold what was recorded against what was counted since `start`; of a family, the program counts its last line."""
    sizes, requests, sums = {device.name: device.block_size for device in devices}, Counter[str](), Counter[str]()
    for io in story:
        if io.purpose not in PURPOSES:
            call = family.counted("bill.counts") if family else ""
            raise Broken(PURPOSE, f"one of {', '.join(PURPOSES)}", io.purpose, call)
        cell = f"{io.operation}_{io.purpose}"
        requests[cell] += 1
        sums[cell] += io.size or io.length * sizes[io.device]
    recorded: dict[str, Any] = {cell: (requests[cell], sums[cell]) for cell in requests}
    wanted, actual = IOCounts(**recorded).cells(), (counts_of(devices) - start).cells()
    if wanted != actual:
        raise Broken(CAUSE, wanted, actual, family.counted("bill.counts.cells()") if family else "")


def _check_copies(family: Family) -> None:
    counts = counts_of(family.devices)
    for verb in ("read", "write"):
        if counts.bytes(verb, "data") > family.asked[verb]:
            call = _all_counts(family, verb, "data")
            raise Broken(f"{DATA} ({verb})", f"at most {family.asked[verb]}", counts.bytes(verb, "data"), call)
    if COPIES in family.ask.limits:
        family.skipped[COPIES] = family.ask.limits[COPIES]
    elif counts.bytes("write", "copy") > counts.bytes("read", "copy"):
        call = _all_counts(family, "write", "copy")
        raise Broken(COPIES, f"at most {counts.bytes('read', 'copy')}", counts.bytes("write", "copy"), call)


def _all_counts(family: Family, verb: str, purpose: str) -> str:
    """An expression for all I/O of the program so far."""
    devices = ", ".join(f"*{member.name}.devices" for member in family.members)
    return f'sum(device.counts.bytes("{verb}", "{purpose}") for device in dict.fromkeys([{devices}]))'


def _allocated(family: Family) -> int | None:
    """What the mechanism says; None if it does not say."""
    try:
        family.ask.places()
        return int(family.ask.allocated())
    except Unsupported as error:
        family.skipped["space"] = str(error)
        return None


def _check_space(family: Family) -> None:
    allocated = _allocated(family)
    if allocated is None:
        return
    held = {place for volume in family.ask.family for place in volume.places().tolist()}
    same(SPACE, len(held) * family.ask.place_size, allocated, f"{family.members[0].name}.allocated()")


def check_usage(family: Family) -> None:
    """What the volumes say about themselves, at the end of a list."""
    if _allocated(family) is None:
        return
    owners = Counter(place for volume in family.ask.family for place in np.unique(volume.places()).tolist())
    family.asking = ""
    for member in family.members:
        mine, size = np.unique(member.volume.places()).tolist(), family.ask.place_size
        alone = sum(owners[place] == 1 for place in mine)
        wanted = Usage(*(count * size for count in (len(mine), alone, len(mine) - alone)))
        same(USAGE, wanted, member.volume.usage(), f"{member.name}.usage()")
