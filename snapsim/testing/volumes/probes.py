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

from snapsim.base.errors import InvalidInput, NotFound, ReadOnly, Unsupported
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


def expect_error(kind: type[Exception], verb: Callable[..., Any], *arguments: Any) -> None:
    """Raise `Broken` unless the call raises an error of this kind."""
    try:
        verb(*arguments)
    except kind:
        return
    call = f"{verb.__name__}({', '.join(map(repr, arguments))})"
    raise Broken(f"{call} is refused", kind.__name__, "no error")


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
    expect_error(InvalidInput, volume.read, volume.size)
    expect_error(InvalidInput, volume.write, slice(0, volume.size + 1))
    expect_error(InvalidInput, volume.write, [0, -1])
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
    """Unknown devices cannot be used (dmtest `delete_unknown_devices`)."""
    child = volume.snapshot()
    child.delete()
    for verb, arguments in ((child.read, (0,)), (child.write, (0,)), (child.snapshot, ()), (child.delete, ())):
        expect_error(NotFound, verb, *arguments)
    expect("it is no member of the family", [volume], volume.family)


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
    once = volume.allocated()
    volume.snapshot()
    volume.write(slice(0, volume.size))
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
        held.append(volume.allocated())
    expect("each round of write, snapshot, write, delete ends with the same room", held[:1] * 20, held)


@probe("discard")
def discard_frees(volume: Volume) -> None:
    """A discarded volume holds nothing; a shared one keeps all (dmtest `discard_origin_does_not_effect_snap`).

    Not told where the last chunk is short: whether that one can be discarded is the mechanism's.
    """
    if volume.size % volume.chunk_blocks:
        return
    empty = volume.allocated()
    volume.write(slice(0, volume.size))
    held = volume.allocated()
    child = volume.snapshot()
    volume.discard(slice(0, volume.size))
    volume.flush()
    expect("a discard of shared chunks frees nothing", held, child.allocated())
    child.delete()
    expect("when the last owner is gone, the room is free", empty, volume.allocated())
