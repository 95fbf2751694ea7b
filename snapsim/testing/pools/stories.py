"""Stories of thin pools: named behaviours as lists of operations, and probes of what a list cannot say.

Each names the test of device-mapper-test-suite (dmtest) that holds it elsewhere, if one does. A pool has one thin
volume to start with.

>>> [act.verb for act in sharing_breaks_with_one_copy(PoolShape(16, 2, 4))]
['write', 'snapshot', 'write', 'write']

LEAVES OUT: pool resizes, external origins, metadata snapshots.
"""

from collections.abc import Callable, Iterator, Sequence

from snapsim.base.errors import AlreadyExists, InvalidInput, NotFound
from snapsim.testing.pools.book import PoolAct
from snapsim.testing.pools.contract import Pool, PoolShape
from snapsim.testing.shrinking import Naming, Reference
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
    """A snapshot of a thin volume."""
    return PoolAct("snapshot", thin)


def create() -> PoolAct:
    """An empty thin volume."""
    return PoolAct("create")


def delete(thin: int) -> PoolAct:
    """A thin volume goes (never the last one)."""
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


@story
def a_long_chain_of_snapshots(shape: PoolShape) -> list[PoolAct]:
    """Each of the one before it, and each is written (dmtest `creation_tests`: recursive snaps)."""
    chain = [act for number in range(6) for act in (snapshot(number), write(number, [0]), write(number + 1, [0]))]
    return [write(0, _chunk(shape)), *chain, delete(2), write(3, [0]), delete(0), write(1, [0])]


@story
def a_pool_that_is_full_of_shared_blocks(shape: PoolShape) -> list[PoolAct]:
    """A write that covers a shared chunk needs a pool block as any other does."""
    return [*a_full_pool_refuses(shape), write(1, _chunk(shape)), discard(1, _chunk(shape)), write(1, _chunk(shape))]


# ---------------------------------------------------------------- discards


@story
def a_discard_in_any_order(shape: PoolShape) -> list[PoolAct]:
    """The blocks of a request are a set: backwards they cover the same chunks."""
    return [
        write(0, _all(shape)),
        snapshot(),
        discard(0, _all(shape)[::-1]),
        write(0, [0]),
        discard(1, _chunk(shape, 1)),
    ]


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
    """2**24 - 1 is the highest (dmtest `creation_tests`); for a snapshot as for a new volume."""
    pool.create(HIGHEST_ID)
    for id in (HIGHEST_ID + 1, -1):
        expect_error(InvalidInput, pool.create, id)
        expect_error(InvalidInput, pool.snapshot, id, HIGHEST_ID)
    expect("refused ids leave nothing behind", [HIGHEST_ID], list(pool.ids()))


@probe
def unknown_volumes_are_refused(pool: Pool) -> None:
    """By every verb; nothing is made, and what there is stays (dmtest `delete_unknown_devices`)."""
    pool.create(0)
    pool.write(0, [0], [5])
    expect_error(NotFound, pool.delete, 7)
    expect_error(NotFound, pool.snapshot, 1, 7)
    expect_error(NotFound, pool.write, 7, [0], [1])
    expect_error(NotFound, pool.read, 7, [0])
    expect_error(NotFound, pool.discard, 7, [0])
    expect_error(NotFound, pool.mapping, 7)
    expect_error(NotFound, pool.exclusive, 7)
    expect("nothing was made", [[0], 1], [list(pool.ids()), pool.used])
    expect("what was written stays", [5], [int(stamp) for stamp in pool.read(0, [0])])


@probe
def a_block_outside_is_refused(pool: Pool) -> None:
    """And nothing of the request is done, on an empty volume and a full one (dmtest `discard_past_the_end_fails`)."""
    pool.create(0)
    every = list(range(pool.size))
    for used in (0, pool.size // pool.chunk_blocks):
        for blocks in ([pool.size], [0, pool.size], [-1], [0, -1]):
            expect_error(InvalidInput, pool.write, 0, blocks, [1] * len(blocks))
            expect_error(InvalidInput, pool.read, 0, blocks)
            expect_error(InvalidInput, pool.discard, 0, blocks)
        expect("a refused request changes no pool block", used, pool.used)
        pool.write(0, every, [5] * len(every))
    expect("nor any content", [5] * len(every), [int(stamp) for stamp in pool.read(0, every)])


@probe
def a_refused_snapshot_changes_nothing(pool: Pool) -> None:
    """Onto an id that is taken: both volumes are as they were, and are written in place."""
    for id in (0, 1):
        pool.create(id)
        pool.write(id, [0], [5 + id])
    before = [pool.mapping(0), pool.mapping(1)]
    expect_error(AlreadyExists, pool.snapshot, 1, 0)
    expect_error(AlreadyExists, pool.create, 1)
    expect("contents", [[5], [6]], [[int(stamp) for stamp in pool.read(id, [0])] for id in (0, 1)])
    pool.write(0, [0], [7])
    expect("maps", before, [pool.mapping(0), pool.mapping(1)])
    expect("nothing is shared, and nothing copied", [1, 1, 0], [pool.exclusive(0), pool.exclusive(1), pool.copied])


@probe
def empty_requests_do_nothing(pool: Pool) -> None:
    """No blocks, no change, also of a volume that shares."""
    pool.create(0)
    pool.write(0, [], [])
    pool.write(0, [0], [5])
    pool.snapshot(1, 0)
    pool.write(1, [], [])
    pool.discard(1, [])
    expect("an empty read is empty", 0, len(pool.read(1, [])))
    expect("nothing is used, copied or moved", [1, 0, {0}], [pool.used, pool.copied, set(pool.mapping(1))])


@probe
def a_map_is_a_copy(pool: Pool) -> None:
    """What the caller does with it is the caller's."""
    pool.create(0)
    pool.write(0, [0], [5])
    pool.mapping(0).clear()
    expect("the pool keeps its own", [0], sorted(pool.mapping(0)))


@probe
def ids_are_sorted(pool: Pool) -> None:
    """Whatever the order in which they were made."""
    for id in (9, 3, 5):
        pool.create(id)
    pool.snapshot(4, 9)
    expect("sorted", [3, 4, 5, 9], list(pool.ids()))


def made_by(act: PoolAct) -> str:
    """What kind of thing an operation makes: "thin", or nothing."""
    return "thin" if act.verb in ("create", "snapshot") else ""


def named_by(act: PoolAct) -> Iterator[Reference]:
    """The things that it names."""
    if act.verb != "create":
        yield Reference("thin", "thin", act.thin)


def simpler(act: PoolAct) -> Iterator[PoolAct]:
    """The same verb on fewer blocks."""
    if len(act.blocks) > 1:
        yield from (act._replace(blocks=act.blocks[:length]) for length in range(1, len(act.blocks)))
    elif act.blocks and act.blocks != (0,):
        yield act._replace(blocks=(0,))


def with_numbers(acts: Sequence[PoolAct]) -> list[PoolAct]:
    """The same list with the number of a volume that lives in each operation.

    Examples
    --------
    >>> [act.thin for act in with_numbers([create(), write(5, [0]), delete(1), create(), write(1, [0])])]
    [0, 1, 1, 0, 2]
    """
    living, made, found = [0], 1, list[PoolAct]()
    for act in acts:
        number = act.thin if act.thin in living else living[act.thin % len(living)]
        found.append(act._replace(thin=number))
        if made_by(act):
            living.append(made)
            made += 1
        elif act.verb == "delete" and len(living) > 1:
            living.remove(number)
    return found


NAMING = Naming(made_by, named_by, {"thin": 1}, simpler, with_numbers)
