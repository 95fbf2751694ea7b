"""Stories of volumes: named behaviours as lists of operations.

A story is played beside dictionaries and with all books, so that no expected value is written by hand. Each
names the test of device-mapper-test-suite (dmtest, ``lib/dmtest/tests``) that holds it on the real thing, if one does.

>>> len(STORIES), deletion_frees(2)[1]
(30, Operation(verb='snapshot', volume=0, blocks=(), other=0))

LEAVES OUT: what only a pool has (its sizes, device ids, metadata snapshots, external origins).
"""

from collections.abc import Callable

from snapsim.testing.volumes.operations import Operation, clone, delete, discard, flush, read, rollback, snapshot, write

Story = Callable[[int], list[Operation]]
STORIES: list[Story] = []


def story(function: Story) -> Story:
    """Register a story: it takes the size of the volume in blocks."""
    STORIES.append(function)
    return function


# ---------------------------------------------------------------- the promise


@story
def snapshot_keeps_content(size: int) -> list[Operation]:
    """What a snapshot shows stays (dmtest `pattern_stomp_origin`: fork, stomp, verify)."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), write(0, range(0, size))]


@story
def second_snapshot_keeps_content(size: int) -> list[Operation]:
    """Each snapshot shows its own moment (dmtest `snapshot_tests`: verify(0,1), verify(0,2))."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), snapshot(0), write(0, 0), write(0, size - 1)]


@story
def snapshots_without_writes_between(size: int) -> list[Operation]:
    """Three snapshots of the same moment are three promises."""
    return [write(0, 0), snapshot(0), snapshot(0), snapshot(0), write(0, 0), delete(2), write(0, 0), delete(1)]


@story
def snapshot_of_a_fresh_volume(size: int) -> list[Operation]:
    """A snapshot of a volume that was never written shows zeros for ever."""
    return [snapshot(0), write(0, range(0, size)), read(1, range(0, size))]


@story
def snapshot_of_a_snapshot(size: int) -> list[Operation]:
    """A snapshot of a snapshot shows the same (dmtest `creation_tests`: recursive snaps)."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), snapshot(1), write(0, 0), snapshot(2), delete(1)]


@story
def writes_to_a_clone_stay_there(size: int) -> list[Operation]:
    """Writes to a clone do not show in its origin (dmtest `pattern_stomp_snap`)."""
    return [write(0, range(0, size)), clone(0), write(1, 0), write(1, range(0, size)), read(0, range(0, size))]


@story
def writes_to_the_origin_stay_there(size: int) -> list[Operation]:
    """Writes to the origin do not show in a clone (dmtest `pattern_stomp_origin`)."""
    return [write(0, range(0, size)), clone(0), write(0, 0), write(0, range(0, size)), read(1, range(0, size))]


@story
def clone_of_a_clone(size: int) -> list[Operation]:
    """Clones of clones are as good as the first (dmtest `ref_count_tree`)."""
    return [write(0, range(0, size)), clone(0), write(1, 0), clone(1), write(2, size - 1), write(1, 0), write(0, 0)]


@story
def snapshot_of_a_clone(size: int) -> list[Operation]:
    """A snapshot of a clone keeps what the clone was."""
    return [write(0, range(0, size)), clone(0), write(1, 0), snapshot(1), write(1, range(0, size)), write(0, 0)]


@story
def deep_chain_of_clones(size: int) -> list[Operation]:
    """Depth changes nothing (dmtest `creation_tests`: recursive snaps)."""
    return [step for n in range(10) for step in (write(n, n), clone(n))] + [delete(4), write(0, 0)]


@story
def deleting_a_snapshot_leaves_the_others(size: int) -> list[Operation]:
    """The middle one of three snapshots goes."""
    return [
        write(0, range(0, size)),
        snapshot(0),
        write(0, 0),
        snapshot(0),
        write(0, 0),
        snapshot(0),
        write(0, 0),
        delete(2),
    ]


@story
def the_origin_goes_first(size: int) -> list[Operation]:
    """A snapshot outlives the origin, where the mechanism lets it go."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), delete(0), read(0, range(0, size))]


@story
def rollback_brings_back_what_was(size: int) -> list[Operation]:
    """After a rollback the volume is what it was, and goes on from there."""
    return [write(0, range(0, size)), snapshot(0), write(0, range(0, size)), write(0, 0), rollback(0), write(0, 0)]


@story
def rollback_spares_an_older_snapshot(size: int) -> list[Operation]:
    """Going back to the newer of two snapshots changes nothing in the older."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), snapshot(0), write(0, 0), rollback(0, 1)]


@story
def rollback_spares_a_newer_snapshot(size: int) -> list[Operation]:
    """Going back to the older of two snapshots changes nothing in the newer."""
    return [write(0, range(0, size)), snapshot(0), write(0, 0), snapshot(0), rollback(0, 0), write(0, 0)]


@story
def writes_to_a_snapshot_are_refused(size: int) -> list[Operation]:
    """A snapshot is read-only, and a refused write changes nothing (containerd `ViewReadonly`)."""
    return [write(0, range(0, size)), snapshot(0), write(1, 0), write(1, range(0, size)), write(0, 0)]


@story
def flush_changes_nothing(size: int) -> list[Operation]:
    """A commit of metadata is no change of content."""
    return [write(0, 0), flush(0), snapshot(0), flush(0), write(0, 0), flush(0), delete(1), flush(0)]


# ---------------------------------------------------------------- requests


@story
def last_of_two_equal_blocks_wins(size: int) -> list[Operation]:
    """Of a block that is named twice in one array the last stamp stays, also where it is shared."""
    return [write(0, (0, size - 1, 0)), snapshot(0), write(0, (0, 0, size - 1, 0))]


@story
def a_part_of_a_shared_chunk(size: int) -> list[Operation]:
    """The rest of a partly written chunk stays what it was (dmtest `break sharing`)."""
    return [write(0, range(0, size)), snapshot(0), write(0, 1 % size), write(0, range(size - 1, size))]


@story
def arrays_keep_their_order(size: int) -> list[Operation]:
    """An array is read and written in the order of its elements."""
    return [write(0, tuple(reversed(range(size)))), read(0, tuple(reversed(range(size)))), read(0, (0, 0))]


# ---------------------------------------------------------------- space


@story
def deletion_frees(size: int) -> list[Operation]:
    """Used, then deleted: nothing leaks (dmtest `delete_thin`, `create_delete_cycle`)."""
    return [
        write(0, range(0, size)),
        snapshot(0),
        write(0, range(0, size)),
        delete(1),
        write(0, 0),
        snapshot(0),
        write(0, 0),
        delete(1),
    ]


@story
def rolling_creation_and_deletion(size: int) -> list[Operation]:
    """Snapshots come and go in turn (dmtest `rolling_create_delete`)."""
    return [write(0, range(0, size)), snapshot(0)] + [
        step for n in range(10) for step in (write(0, n), snapshot(0), delete(1))
    ]


@story
def deleting_a_clone_frees_its_own(size: int) -> list[Operation]:
    """What only the clone held is free, what it shared is not (dmtest `create_many_thins_then_delete_them`)."""
    return [write(0, range(0, size)), clone(0), write(1, 0), clone(1), delete(1), write(0, 0), delete(1)]


# ---------------------------------------------------------------- discards


@story
def discard_one_chunk(size: int) -> list[Operation]:
    """One block goes, its neighbours stay (dmtest `discard_single_block`)."""
    return [write(0, range(0, size)), discard(0, 0), write(0, 0), discard(0, range(size - 1, size))]


@story
def discard_everything(size: int) -> list[Operation]:
    """All goes, twice (dmtest `discard_fully_provisioned_device`, `discard_same_blocks`)."""
    return [write(0, range(0, size)), discard(0, range(0, size)), discard(0, range(0, size)), write(0, 0)]


@story
def discard_an_empty_volume(size: int) -> list[Operation]:
    """Nothing was there (dmtest `discard_empty_device`)."""
    return [discard(0, range(0, size)), write(0, 0)]


@story
def discard_alternate_blocks(size: int) -> list[Operation]:
    """Every other block goes (dmtest `discard_alternate_blocks`)."""
    return [write(0, range(0, size)), *(discard(0, block) for block in range(0, size, 2)), write(0, 0)]


@story
def discard_a_shared_chunk(size: int) -> list[Operation]:
    """The snapshot keeps it (dmtest `discard_to_a_shared_block_doesnt_get_passed_down`)."""
    return [write(0, range(0, size)), snapshot(0), discard(0, range(0, size)), write(0, 0), delete(1)]


@story
def discard_what_was_shared(size: int) -> list[Operation]:
    """Once the snapshot is gone it is free (dmtest `discard_to_a_previously_shared_block_does_get_passed_down`)."""
    return [write(0, range(0, size)), snapshot(0), delete(1), discard(0, range(0, size)), write(0, 0)]


# ---------------------------------------------------------------- long ones


@story
def many_snapshots_of_one_volume(size: int) -> list[Operation]:
    """Forty snapshots, each of another moment (dmtest `many_snapshots_of_same_volume`)."""
    return [step for n in range(40) for step in (write(0, n), snapshot(0))] + [delete(7), delete(1), write(0, 0)]


LONG = (many_snapshots_of_one_volume,)
"""Stories that are not looked at after every step, and only played if nothing failed before."""
