"""Stories of thin pools: named behaviours as lists of operations, and probes of what a list cannot say.

Each names the test of device-mapper-test-suite (dmtest) that holds it elsewhere, if one does. A pool has one thin
volume to start with.

>>> [act.verb for act in sharing_breaks_with_one_copy(PoolShape(16, 2, 4))]
['write', 'snapshot', 'write', 'write']

LEAVES OUT: pool resizes, external origins, metadata snapshots.
"""

from collections.abc import Callable, Sequence

from snapsim.base.errors import AlreadyExists, InvalidInput, NotFound
from snapsim.testing.pools.book import PoolAct
from snapsim.testing.pools.contract import Pool, PoolShape
from snapsim.testing.volumes.probes import expect, expect_error

PoolStory = Callable[[PoolShape], list[PoolAct]]
POOL_STORIES: list[PoolStory] = []
PoolProbe = Callable[[Pool], None]
POOL_PROBES: list[PoolProbe] = []
HIGHEST_ID = (1 << 24) - 1


def story(function: PoolStory) -> PoolStory:
    """Register a story."""
    POOL_STORIES.append(function)
    return function


def probe(function: PoolProbe) -> PoolProbe:
    """Register a probe: it takes a fresh pool without thin volumes."""
    POOL_PROBES.append(function)
    return function


def write(thin: int, blocks: Sequence[int]) -> PoolAct:
    """One request for these blocks."""
    return PoolAct("write", thin, tuple(blocks))


def discard(thin: int, blocks: Sequence[int]) -> PoolAct:
    """One request for these blocks."""
    return PoolAct("discard", thin, tuple(blocks))


def snapshot(thin: int = 0) -> PoolAct:
    """A snapshot becomes the last of the thin volumes."""
    return PoolAct("snapshot", thin)


def create() -> PoolAct:
    """An empty thin volume becomes the last one."""
    return PoolAct("create")


def delete(thin: int) -> PoolAct:
    """A thin volume goes (never the last one); those behind it move up."""
    return PoolAct("delete", thin)


def _all(shape: PoolShape) -> range:
    return range(shape.size)


def _chunk(shape: PoolShape, number: int = 0) -> range:
    first = number % shape.chunks * shape.chunk_blocks
    return range(first, first + shape.chunk_blocks)


# ---------------------------------------------------------------- contents


@story
def what_is_written_is_read(shape: PoolShape) -> list[PoolAct]:
    """Blocks in any order; the rest of a fresh chunk is zeros."""
    return [write(0, [0]), write(0, [shape.size - 1, 0]), PoolAct("read", 0, (shape.size - 1, 0))]


@story
def two_volumes_have_nothing_in_common(shape: PoolShape) -> list[PoolAct]:
    """A second thin volume is empty, and each has its own blocks."""
    return [write(0, _all(shape)), create(), write(1, [0]), write(0, [0]), delete(0)]


@story
def writes_to_a_snapshot_stay_there(shape: PoolShape) -> list[PoolAct]:
    """A snapshot is a thin volume like any other (dmtest `pattern_stomp_snap`)."""
    return [write(0, _all(shape)), snapshot(), write(1, [0]), write(1, _all(shape))]


@story
def writes_to_the_origin_stay_there(shape: PoolShape) -> list[PoolAct]:
    """Nothing of it shows in the snapshot (dmtest `pattern_stomp_origin`)."""
    return [write(0, _all(shape)), snapshot(), write(0, [0]), write(0, _all(shape))]


@story
def snapshot_of_a_snapshot(shape: PoolShape) -> list[PoolAct]:
    """Depth changes nothing (dmtest `creation_tests`: recursive snaps)."""
    return [write(0, _all(shape)), snapshot(), write(1, [0]), snapshot(1), write(2, [0]), write(1, [0]), delete(1)]


@story
def snapshot_of_an_empty_volume(shape: PoolShape) -> list[PoolAct]:
    """There is nothing to share."""
    return [snapshot(), write(0, [0]), write(1, [0])]


# ---------------------------------------------------------------- sharing


@story
def sharing_breaks_with_one_copy(shape: PoolShape) -> list[PoolAct]:
    """The first write to a shared chunk copies it once, the second nothing (dmtest `break sharing`)."""
    return [write(0, _all(shape)), snapshot(), write(0, [0]), write(0, [0])]


@story
def a_covered_chunk_is_not_copied(shape: PoolShape) -> list[PoolAct]:
    """Of a chunk that the request covers nothing is copied; of its neighbour, the rest is."""
    part = [*_chunk(shape, 0), _chunk(shape, 1)[0]]
    return [write(0, _all(shape)), snapshot(), write(0, _chunk(shape)), snapshot(), write(0, part[::-1])]


@story
def three_snapshots_cost_one_copy(shape: PoolShape) -> list[PoolAct]:
    """However many share a chunk, a write to it copies once (dmtest `many_snapshots_of_same_volume`)."""
    return [write(0, _all(shape)), snapshot(), snapshot(), snapshot(), write(0, [0]), write(2, [0]), write(1, [0])]


@story
def a_chunk_is_shared_by_who_is_left(shape: PoolShape) -> list[PoolAct]:
    """Written by one of three, it is still shared by two (dmtest `ref_count_tree`)."""
    return [write(0, [0]), snapshot(), snapshot(), write(0, [0]), delete(0), write(0, [0]), delete(1)]


# ---------------------------------------------------------------- space


@story
def a_deletion_frees_all(shape: PoolShape) -> list[PoolAct]:
    """Used is what it was (dmtest `delete_thin`)."""
    return [create(), write(1, _all(shape)), delete(1)]


@story
def a_deletion_frees_only_what_is_exclusive(shape: PoolShape) -> list[PoolAct]:
    """Of a snapshot that differs in one chunk one pool block is freed (dmtest `create_many_thins_then_delete_them`)."""
    return [write(0, _all(shape)), snapshot(), write(1, [0]), delete(1), write(0, [0])]


@story
def the_origin_goes_first(shape: PoolShape) -> list[PoolAct]:
    """The snapshot keeps everything."""
    return [write(0, _all(shape)), snapshot(), delete(0), write(0, [0])]


@story
def create_delete_cycle(shape: PoolShape) -> list[PoolAct]:
    """No leak (dmtest `create_delete_cycle`, `rolling_create_delete`)."""
    return [write(0, _all(shape)), *(act for _ in range(5) for act in (snapshot(), write(0, [0]), delete(1)))]


@story
def a_full_pool_refuses(shape: PoolShape) -> list[PoolAct]:
    """NoSpace, what went before stands, and what is mapped can be written (dmtest `out_of_data_space`)."""
    many = -(-shape.blocks // shape.chunks)
    fill = [act for number in range(many) for act in (create(), write(1 + number, _all(shape)))]
    return [*fill, write(0, _all(shape)), write(1, _all(shape)), snapshot(1), write(1, [0])]


@story
def a_deletion_helps_a_full_pool(shape: PoolShape) -> list[PoolAct]:
    """After it there is room (dmtest `delete_after_out_of_space`)."""
    return [*a_full_pool_refuses(shape)[:-2], delete(1), write(0, [0])]


# ---------------------------------------------------------------- discards


@story
def a_discard_frees_one_chunk(shape: PoolShape) -> list[PoolAct]:
    """One pool block less, its neighbours stay (dmtest `discard_single_block`)."""
    return [write(0, _all(shape)), discard(0, _chunk(shape)), write(0, [0])]


@story
def a_discard_of_a_part_does_nothing(shape: PoolShape) -> list[PoolAct]:
    """A chunk that is not covered stays as it is (dmtest `discard_partial_blocks`)."""
    return [write(0, _all(shape)), discard(0, _all(shape)[1:]), discard(0, _all(shape)[:-1])]


@story
def a_discard_of_a_shared_chunk(shape: PoolShape) -> list[PoolAct]:
    """The snapshot keeps it (dmtest `discard_to_a_shared_block_doesnt_get_passed_down`)."""
    return [write(0, _all(shape)), snapshot(), discard(0, _all(shape)), write(0, [0]), delete(1)]


@story
def a_discard_of_what_was_shared(shape: PoolShape) -> list[PoolAct]:
    """Once the snapshot is gone it is free (dmtest `discard_to_a_previously_shared_block_does_get_passed_down`)."""
    return [write(0, _all(shape)), snapshot(), delete(1), discard(0, _all(shape)), discard(0, _all(shape))]


# ---------------------------------------------------------------- what a list cannot say


@probe
def an_id_is_taken_once(pool: Pool) -> None:
    """And free again after a deletion; the volume is empty then."""
    pool.create(3)
    expect_error(AlreadyExists, pool.create, 3)
    expect_error(AlreadyExists, pool.snapshot, 3, 3)
    pool.write(3, [0], [5])
    pool.delete(3)
    pool.create(3)
    expect("a volume that is made anew is empty", [0], [int(stamp) for stamp in pool.read(3, [0])])


@probe
def ids_have_24_bits(pool: Pool) -> None:
    """2**24 - 1 is the highest (dmtest `creation_tests`)."""
    pool.create(HIGHEST_ID)
    expect_error(InvalidInput, pool.create, HIGHEST_ID + 1)
    expect_error(InvalidInput, pool.create, -1)
    expect("refused ids leave nothing behind", [HIGHEST_ID], list(pool.ids()))


@probe
def unknown_volumes_are_refused(pool: Pool) -> None:
    """Nothing is made by it (dmtest `delete_unknown_devices`)."""
    expect_error(NotFound, pool.delete, 7)
    expect_error(NotFound, pool.snapshot, 1, 7)
    expect_error(NotFound, pool.write, 7, [0], [1])
    expect_error(NotFound, pool.read, 7, [0])
    expect("nothing was made", [[], 0], [list(pool.ids()), pool.used])


@probe
def a_block_outside_is_refused(pool: Pool) -> None:
    """And nothing of the request is done (dmtest `discard_past_the_end_fails`)."""
    pool.create(0)
    for blocks in ([pool.size], [0, pool.size], [-1]):
        expect_error(InvalidInput, pool.write, 0, blocks, [1] * len(blocks))
        expect_error(InvalidInput, pool.read, 0, blocks)
        expect_error(InvalidInput, pool.discard, 0, blocks)
    expect("a refused write takes no pool block", 0, pool.used)
