"""Probes of volumes: named behaviours that a list of operations cannot say.

A probe is a function of a fresh volume; it raises `Broken`. Each names the conformance test that holds it
elsewhere, if one does (dmtest: device-mapper-test-suite).

>>> from snapsim.block.snapshots import FullCopy
>>> a_block_outside_is_refused(FullCopy.new(4))

LEAVES OUT: what `volume_stories` says.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snapsim.base.errors import InUse, InvalidInput, NotFound, ReadOnly, Unsupported
from snapsim.block.volume import Volume
from snapsim.testing.failure import Broken, plain

Probe = Callable[[Volume], None]
PROBES: dict[Probe, str] = {}
"""Each probe, and the part of the contract that it needs: "", "space" or "discard"."""


def probe(needs: str = "") -> Callable[[Probe], Probe]:
    """Register a probe: it takes a fresh volume and raises `Broken`."""

    def register(function: Probe) -> Probe:
        PROBES[function] = needs
        return function

    return register


def lacks(volume: Volume, needs: str) -> str:
    """Why the volume cannot be probed: it lacks what the probe needs; empty if it does not."""
    try:
        if needs == "discard":
            volume.discard(slice(0, 0))
        if needs:
            volume.places(), volume.allocated()
    except Unsupported as error:
        return str(error)
    return ""


def expect(promise: str, expected: Any, actual: Any) -> None:
    """Raise `Broken` unless they are equal."""
    if plain(expected) != plain(actual):
        raise Broken(promise, expected, actual)


def expect_error(
    kind: type[Exception] | tuple[type[Exception], ...], verb: Callable[..., Any], *arguments: Any
) -> None:
    """Raise `Broken` unless the call raises an error of this kind, or of one of these."""
    try:
        verb(*arguments)
    except kind:
        return
    call = f"{verb.__name__}({', '.join(map(repr, arguments))})"
    names = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
    raise Broken(f"{call} is refused", names, "no error")


@probe()
def one_content_three_requests(volume: Volume) -> None:
    """An int, a slice and an array of the same blocks give the same stamps."""
    volume.write(slice(0, volume.size), np.arange(1, volume.size + 1))
    by_int = [volume.read(block) for block in range(volume.size)]
    expect("reads by int and by slice agree", by_int, volume.read(slice(0, volume.size)))
    expect("reads by int and by array agree", by_int, volume.read(np.arange(volume.size)))
    expect("reads by int and by slice(None) agree", by_int, volume.read(slice(None)))
    expect("the read of an int is an int", "int", type(volume.read(0)).__name__)


@probe()
def fresh_stamps_differ(volume: Volume) -> None:
    """Two writes without data are two contents, and none of them is zero."""
    volume.write(0)
    first = volume.read(0)
    volume.write(0)
    expect("two writes give two contents, neither is zero", 3, len({0, first, volume.read(0)}))


@probe()
def stamps_have_64_bits(volume: Volume) -> None:
    """The highest stamp and the lowest are contents like any other, also where something was written before."""
    for stamp in (2**64 - 1, 2**32, 0):
        volume.write(0, np.uint64(stamp))
        expect("what is written is read", stamp, volume.read(0))


@probe()
def one_stamp_for_many_blocks(volume: Volume) -> None:
    """A scalar is written into every block of a request."""
    volume.write(slice(0, volume.size), 7)
    expect("a scalar fills the run", [7] * volume.size, volume.read(slice(0, volume.size)))


@probe()
def empty_requests_cost_nothing(volume: Volume) -> None:
    """No blocks, no I/O, no change."""
    volume.write(0, 5)
    with volume.counting() as bill:
        volume.write(slice(0, 0))
        volume.write(np.zeros(0, np.int64))
        expect("an empty read gives nothing", 0, len(volume.read(slice(0, 0))))
    expect("empty requests cost nothing", 0, bill.counts.requests())
    expect("an empty write changes nothing", 5, volume.read(0))


@probe()
def a_block_outside_is_refused(volume: Volume) -> None:
    """Past the end is an error and no wrap (dmtest `discard_past_the_end_fails`)."""
    for outside in (volume.size, -1, [0, -1], np.array([volume.size]), slice(0, volume.size + 1)):
        expect_error(InvalidInput, volume.read, outside)
        expect_error(InvalidInput, volume.write, outside)
    expect("a refused write changes nothing", [0] * volume.size, volume.read(slice(0, volume.size)))


@probe("discard")
def a_discard_outside_is_refused(volume: Volume) -> None:
    """Past the end is an error (dmtest `discard_past_the_end_fails`)."""
    volume.write(0, 5)
    volume.discard(slice(0, 0))
    expect_error(InvalidInput, volume.discard, slice(0, volume.size + 1))
    expect("a refused discard changes nothing", 5, volume.read(0))


@probe()
def a_snapshot_is_read_only(volume: Volume) -> None:
    """Writes to a snapshot are refused, and it knows its origin (containerd `ViewReadonly`)."""
    child = volume.snapshot()
    expect_error(ReadOnly, child.write, 0)
    expect("a snapshot knows that it is one, and of what", [True, True], [child.read_only, child.origin is volume])


@probe()
def a_deleted_volume_refuses_everything(volume: Volume) -> None:
    """Unknown devices cannot be used (dmtest `delete_unknown_devices`); neither can the last of a family."""
    child = volume.snapshot()
    child.delete()
    refused = {"read": (0,), "write": (0,), "snapshot": (), "delete": ()}
    for verb, arguments in refused.items():
        expect_error(NotFound, getattr(child, verb), *arguments)
    expect("it is no member of the family", [volume], volume.family)
    try:
        volume.delete()
    except (Unsupported, InUse):  # an origin may be there to stay
        refused.clear()
    for verb, arguments in refused.items():
        expect_error(NotFound, getattr(volume, verb), *arguments)


@probe()
def counters_are_python_numbers(volume: Volume) -> None:
    """What reaches the user is Python `int`, also where NumPy counted."""
    with volume.counting() as bill:
        volume.write(np.array([0, volume.size - 1]))
    numbers = [value for cell in bill.counts.cells().values() for value in cell]
    expect("counters are Python int", [], [type(value).__name__ for value in numbers if type(value) is not int])


@probe("space")
def everything_overwritten_is_two_copies(volume: Volume) -> None:
    """Volume and snapshot without a common block hold two volumes, no more (dmtest `pool_utilization_block`)."""
    volume.write(slice(0, volume.size))
    volume.flush()
    once = volume.allocated()
    volume.snapshot()
    volume.write(slice(0, volume.size))
    volume.flush()
    expect("two contents take twice the room of one", 2 * once, volume.allocated())


@probe("space")
def cycles_do_not_leak(volume: Volume) -> None:
    """Twenty rounds take no more room than one (dmtest `create_delete_cycle`)."""
    held = []
    for _ in range(20):
        volume.write(slice(0, volume.size))
        child = volume.snapshot()
        volume.write(slice(0, volume.size))
        child.delete()
        volume.flush()
        held.append(volume.allocated())
    expect("each round of write, snapshot, write, delete ends with the same room", held[:1] * 20, held)


@probe("discard")
def discard_frees(volume: Volume) -> None:
    """A discarded volume holds nothing; a shared one keeps all (dmtest `discard_origin_does_not_effect_snap`).

    Not told where the last chunk is short: whether that one can be discarded is the mechanism's.
    """
    whole = slice(0, volume.size - volume.size % volume.chunk_blocks)
    volume.flush()
    empty = volume.allocated()
    volume.write(whole)
    volume.flush()
    held = volume.allocated()
    child = volume.snapshot()
    volume.discard(whole)
    volume.flush()
    expect("a discard of shared chunks frees nothing", held, child.allocated())
    child.delete()
    volume.flush()
    expect("when the last owner is gone, the room is free", empty, volume.allocated())


@probe()
def a_strange_volume_is_no_snapshot(volume: Volume) -> None:
    """A rollback goes to a relative; a volume of another family is none, and nothing changes."""
    stranger = type(volume).new(volume.size, volume.block_size, volume.chunk_size)
    volume.write(0, 5)
    stranger.write(0, 7)
    expect_error((NotFound, Unsupported), volume.rollback, stranger)
    expect("both are as they were", [5, 7], [volume.read(0), stranger.read(0)])


@probe()
def wrong_stamps_are_refused(volume: Volume) -> None:
    """One stamp a block, or one for all; a refused write changes nothing."""
    volume.write(0, 5)
    expect_error(InvalidInput, volume.write, slice(0, volume.size), np.arange(volume.size + 1))
    expect("a refused write changes nothing", 5, volume.read(0))


@probe()
def what_is_deleted_is_refused_by_every_verb(volume: Volume) -> None:
    """Also as the target of a rollback, and the others go on as before."""
    volume.write(0, 5)
    child = volume.snapshot()
    child.delete()
    expect_error(NotFound, volume.rollback, child)
    for verb in (child.clone, child.snapshot, child.delete):
        expect_error(NotFound, verb)
    expect_error(NotFound, child.discard, 0)
    volume.write(0, 6)
    expect("the volume is as it was written", 6, volume.read(0))


@probe()
def what_is_given_is_not_kept(volume: Volume) -> None:
    """An array that the caller changes afterwards is the caller's."""
    given = np.arange(1, volume.size + 1, dtype=np.uint64)
    volume.write(slice(0, volume.size), given)
    child = volume.snapshot()
    given[:] = 99
    expect("the volume keeps its own", list(range(1, volume.size + 1)), volume.read(slice(0, volume.size)))
    expect("the snapshot, too", list(range(1, volume.size + 1)), child.read(slice(0, volume.size)))
