"""Records, as ZFS: exact arithmetic by hand, births and deadlists, and a dictionary as oracle."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapsim.base.errors import InUse, InvalidInput, NoSpace, NotFound, ReadOnly, Unsupported
from snapsim.block.device import IOCounts, fresh_stamps, recording
from snapsim.block.snapshots import MECHANISMS, Records
from snapsim.block.snapshots.records.zpool import zvol_reservation
from snapsim.testing import check_volume

B = 4096
R = 131072  # a record of 32 blocks


def full(records=4, **options):
    """A dataset whose records are written and synced."""
    data = Records.new(32 * records, **options)
    data.write(slice(0, 32 * records))
    data.flush()
    return data


def data_of(counts):
    """Bytes by operation and purpose, metadata left out."""
    return {name: cell[1] for name, cell in counts.cells().items() if not name.endswith("metadata")}


def test_the_kit():
    """Every named behaviour, every list of two operations, some random lists."""
    assert check_volume(Records, examples=50, time_limit=30).failures == ()


def test_it_is_listed():
    assert MECHANISMS["records"] is Records


# ---------------------------------------------------------------- read-modify-write and transaction groups


def test_a_part_reads_the_record_once_a_group():
    """Cold cache. Blocks 3 and 5 of record 0: one read of 131072, one write of 131072: 8192 data, 122880 copy."""
    data = full()
    data.drop_caches()
    with data.counting() as io:
        data.write(np.array([3, 5]))
        data.flush()
    assert data_of(io.counts) == {"read_copy": R, "write_data": 2 * B, "write_copy": R - 2 * B}


def test_what_is_in_the_cache_is_not_read():
    """Written before: in the ARC. One block: 131072 written, nothing read; the same in a clone, whose record is the
    same."""
    data = full()
    clone = data.snapshot().clone()
    with data.counting() as io:
        clone.write(40)
        clone.flush()
    assert data_of(io.counts) == {"write_data": B, "write_copy": R - B}


def test_a_whole_record_is_not_read():
    """One request over record 1 and half of record 2, cold: only record 2 is read."""
    data = full()
    data.drop_caches()
    with data.counting() as io:
        data.write(slice(32, 80))
        data.flush()
    assert data_of(io.counts) == {"read_copy": R, "write_data": 48 * B, "write_copy": 16 * B}


def test_requests_that_fill_a_record_one_by_one_do_read_it():
    """32 requests of one block are 32 partial writes: the first one reads the record; written once, all of it data."""
    data = full()
    data.drop_caches()
    with data.counting() as io:
        data.write(np.arange(32))
        data.flush()
    assert data_of(io.counts) == {"read_copy": R, "write_data": R}


def test_a_new_record_is_filled_with_zeros():
    """One block of a record that was never written: nothing to read, 4096 of data and 126976 of zeros."""
    data = Records.new(64)
    with data.counting() as io:
        data.write(40)
        data.flush()
    assert data_of(io.counts) == {"write_data": B, "write_zero": R - B}
    assert data.read(39) == 0 != data.read(40)


def test_one_write_a_group_however_often_it_changes():
    """The same block three times in a group: one record written; in three groups: three."""
    data = full()
    with data.counting() as one:
        for _ in range(3):
            data.write(0)
        data.flush()
    with data.counting() as three:
        for _ in range(3):
            data.write(0)
            data.flush()
    assert one.counts.bytes("write", "copy") + one.counts.bytes("write", "data") == R
    assert three.counts.bytes("write", "copy") + three.counts.bytes("write", "data") == 3 * R


def test_what_goes_in_the_group_in_which_it_came_is_never_written():
    """A record written and discarded before the sync: no byte of it reaches the device, and its room is free after
    it."""
    data = Records.new(64)
    data.write(slice(0, 32))
    data.discard(slice(0, 32))
    with data.counting() as io:
        data.flush()
    assert data_of(io.counts) == {}
    assert (data.pool.records_written, data.pool.space.used) == (0, 0)


def test_a_sync_with_nothing_dirty_writes_nothing():
    data = full()
    with data.counting() as io:
        data.flush()
        data.flush()
    assert io.counts == IOCounts()


def test_a_read_takes_whole_records_into_the_cache():
    """Blocks 1 and 33, cold: two records are read: 8192 asked for, the rest copy; then they are there."""
    data = full()
    data.drop_caches()
    with data.counting() as io:
        data.read(np.array([1, 33]))
        data.read(slice(0, 64))
    assert data_of(io.counts) == {"read_data": 2 * B, "read_copy": 2 * R - 2 * B}


def test_neighbours_on_the_device_are_one_request():
    """4 records written in one group lie side by side: the vdev gets one request; after record 1 moved, reads become
    3."""
    data = Records.new(128)
    with recording(data.pool.device) as story:
        data.write(slice(0, 128))
        data.flush()
    assert [(io.first, io.length) for io in story if io.purpose == "data"] == [(0, 128)]
    data.write(32)
    data.drop_caches()
    with recording(data.pool.device) as story:
        data.read(slice(0, 128))
    assert [(io.first, io.length) for io in story] == [(0, 32), (64, 96)]


def test_metadata_of_a_group():
    """4 records under one indirect block: 4 x 32 bytes of checksums, a sector; with a sector of dnodes and one of the
    object set twice = 6, and 4 uberblocks: 10 sectors. 1024 records: 32768 bytes, 8 sectors: 2 x 10 + 4 = 24."""
    for records, sectors in ((4, 10), (1024, 24)):
        data = Records.new(records, chunk_size=B)
        data.write(slice(0, records))
        with data.counting() as io:
            data.flush()
        assert io.counts.bytes("write", "metadata") == sectors * B


# ---------------------------------------------------------------- small objects


def test_an_object_of_one_record_has_its_own_size():
    """3 blocks: 12288 held, and written. It grows to 5 blocks: read (cold) 3, written 5; an overwrite does not shrink
    it."""
    data = Records.new(1 << 20, device_size=1000)
    data.set_record_length(2, 3)
    data.write(slice(64, 67))
    data.drop_caches()
    assert data.allocated() == 3 * B
    data.set_record_length(2, 5)
    with data.counting() as io:
        data.write(slice(67, 69))
        data.flush()
    assert data_of(io.counts) == {"read_copy": 3 * B, "write_data": 2 * B, "write_copy": 3 * B}
    data.set_record_length(2, 1)
    data.write(64)
    data.flush()
    assert data.allocated() == 5 * B
    assert data.properties()["referenced"] == 5 * B


def test_it_grows_in_the_group_in_which_it_was_made():
    """2 blocks, then block 3 in the same group: 4 blocks written once: 3 of data, 1 of zeros."""
    data = Records.new(64)
    data.set_record_length(0, 2)
    with data.counting() as io:
        data.write(slice(0, 2))
        data.write(3)
        data.flush()
    assert data_of(io.counts) == {"write_data": 3 * B, "write_zero": B}


def test_discards():
    """A short record goes with its last block; of a long one a part becomes zeros, which rewrites the record."""
    data = full(2)
    data.set_record_length(1, 32)
    with data.counting() as part:
        data.discard(slice(0, 8))
        data.flush()
    assert data_of(part.counts) == {"write_zero": 8 * B, "write_copy": 24 * B}
    assert (data.read(slice(0, 8)) == 0).all()
    assert data.read(8) != 0
    data.discard(slice(0, 64))
    assert data.allocated() == 0
    assert (data.read(slice(0, 64)) == 0).all()


# ---------------------------------------------------------------- births, deadlists, who pays


def figures(volume, *names):
    """Properties in records."""
    return tuple(volume.properties()[name] // R for name in names)


def test_a_deadlist_by_hand():
    """Records 0-3 born before s1. Record 0 changes (dies after s1), s2, record 1 changes and 0 again, s3, 0 again. s1
    alone has the first 0 (it died before s2). s2 alone has the second 0 (it died before s3). The first 1 is in s1 and
    s2: nobody's alone. s3 alone has the third 0. Snapshots together hold 4 records that the dataset has no more."""
    data = full()
    one = data.snapshot()
    data.write(0)
    two = data.snapshot()
    data.write(np.array([0, 32]))
    three = data.snapshot()
    data.write(0)
    assert [figures(s, "used", "referenced", "written") for s in (one, two, three)] == [(1, 4, 4), (1, 4, 1), (1, 4, 2)]
    assert figures(data, "used", "usedbydataset", "usedbysnapshots", "written") == (8, 4, 4, 1)
    two.delete()  # frees the second 0; the first 1 is s1's alone now
    assert [figures(s, "used", "written") for s in (one, three)] == [(2, 4), (1, 2)]
    assert figures(data, "used", "usedbysnapshots") == (7, 3)
    assert data.allocated() == 7 * R
    one.delete()
    three.delete()
    assert data.allocated() == 4 * R == data.properties()["used"]


def test_what_is_born_after_the_newest_snapshot_is_free_at_once():
    """A snapshot, and the same record 10 times, a group each: 4 + 1 records held, whatever the number of writes."""
    data = full()
    data.snapshot()
    for _ in range(10):
        data.write(7)
        data.flush()
    assert data.allocated() == 5 * R


def test_promote_exchanges_who_owns_the_snapshots():
    """s1, record 0 changes, s2, record 1 changes; a clone of s2, in which record 2 changes. Before: dataset 4 + 2,
    clone 1. Promoted: s1 and s2 are the clone's. It pays for its 4, and for what s1 and s2 hold: the first 0, and
    record 2 of s2 (both chains have left that); the dataset pays for its new record 1 only."""
    data = full()
    one = data.snapshot()
    data.write(0)
    two = data.snapshot()
    data.write(32)
    clone = two.clone()
    clone.write(64)
    assert (figures(data, "used"), figures(clone, "used")) == ((6,), (1,))
    clone.promote()
    assert clone.snapshots == [one, two]
    assert data.snapshots == []
    assert (clone.origin, data.origin) == (None, two)
    assert figures(clone, "used", "usedbydataset", "usedbysnapshots") == (6, 4, 2)
    assert figures(data, "used", "referenced", "written") == (1, 4, 1)
    assert one.origin is two.origin is clone
    with pytest.raises(InUse, match="dependent clones"):
        two.delete()
    data.delete()
    assert clone.pool.used * B == 6 * R == clone.properties()["used"]
    two.delete()  # frees nothing: its record 2 is in s1 too
    assert figures(clone, "used") == (6,)
    one.delete()
    assert figures(clone, "used") == (4,)
    assert clone.allocated() == 4 * R


def test_a_clone_of_a_dataset_makes_a_snapshot_that_goes_with_it():
    """What Docker's driver does: snapshot, clone, deferred destroy of the snapshot."""
    data = full()
    child = data.clone()
    assert data.snapshots == [child.origin]
    with pytest.raises(InUse, match="has children"):
        data.delete()
    data.write(0)
    child.delete()
    assert data.snapshots == []
    assert data.allocated() == 4 * R
    assert len(data.family) == 1


def test_delete_later():
    """With a clone it stays until the clone goes; without one it goes now."""
    data = full()
    first, second = data.snapshot(), data.snapshot()
    clone = first.clone()
    first.delete_later()
    second.delete_later()
    assert (first.deleted, second.deleted) == (False, True)
    clone.delete()
    assert first.deleted


def test_rollback_goes_to_the_newest_snapshot_only():
    data = full()
    older, newest = data.snapshot(), data.snapshot()
    picture = data.read(slice(0, 128))
    data.write(slice(0, 40))
    with pytest.raises(InUse, match="more recent"):
        data.rollback(older)
    data.rollback(newest)
    assert (data.read(slice(0, 128)) == picture).all()
    assert data.allocated() == 4 * R
    assert figures(data, "written") == (0,)


def test_a_zvol_that_is_not_sparse_doubles_at_the_first_snapshot():
    """64 MiB of 8 KiB blocks: 8192 pointers = 8 indirect blocks, 1 above, 7 for dnodes: 16 x 128 KiB x 2 copies: 4
    MiB more promised. Full: used is the promise. With a snapshot all of it is shared, and as much is promised
    again."""
    size = 64 << 20
    promise = zvol_reservation(size, 8192)
    assert promise == size + (4 << 20)
    zvol = Records.new(size // B, chunk_size=8192, refreservation=promise)
    zvol.write(slice(0, size // B))
    assert (zvol.properties()["used"], zvol.properties()["usedbyrefreservation"]) == (promise, 4 << 20)
    zvol.snapshot()
    assert zvol.properties()["used"] == size + promise
    zvol.write(0)
    assert zvol.properties()["usedbyrefreservation"] == promise - 8192


def test_datasets_share_a_pool():
    """A second dataset with records of 8 KiB: its own books, one device."""
    data = full()
    other = data.dataset(100, chunk_size=8192)
    other.write(slice(0, 3))
    assert other.devices == data.devices
    assert data.allocated() == 4 * R + 16384
    assert other.properties()["used"] == 16384


# ---------------------------------------------------------------- no room, bad input, huge volumes


def test_a_full_pool():
    """Room for 5 records, 4 written. A run over all of them needs 4 at once: nothing happens. One by one, each group
    frees what the one before replaced."""
    data = full(4, device_size=5 * 32)
    with pytest.raises(NoSpace) as refused:
        data.write(slice(0, 128))
    assert refused.value.done == 0
    data.write(np.array([0, 32, 64, 96]), 9)
    assert (data.read(np.array([0, 32, 64, 96])) == 9).all()
    assert data.allocated() == 4 * R


def test_done_counts_the_requests_that_stand():
    """Room for 6 records, 4 held by a snapshot: two requests in new records succeed, and one more in the first of
    them."""
    data = full(4, device_size=6 * 32)
    data.snapshot()
    with pytest.raises(NoSpace) as refused:
        data.write(np.array([0, 32, 1, 64]), np.array([5, 6, 7, 8]))
    assert refused.value.done == 3
    assert data.read(np.array([0, 32, 1])).tolist() == [5, 6, 7]


def test_what_it_refuses():
    data = full(1)
    snapshot = data.snapshot()
    with pytest.raises(InvalidInput, match="power of two"):
        Records.new(10, chunk_size=3 * B)
    with pytest.raises(InvalidInput, match="1 to 32"):
        data.set_record_length(0, 33)
    with pytest.raises(ReadOnly):
        snapshot.write(0)
    with pytest.raises(Unsupported, match="clone it"):
        snapshot.snapshot()
    with pytest.raises(NotFound, match="not a clone"):
        data.promote()
    snapshot.delete()
    with pytest.raises(NotFound):
        snapshot.properties()


def test_a_huge_volume_on_a_small_device():
    """2**40 blocks of addresses; a snapshot costs the pointers; discarding all of them costs what is there."""
    data = Records.new(1 << 40, device_size=1000)
    data.write(slice(1 << 30, (1 << 30) + 64))
    snapshot = data.snapshot()
    data.discard(slice(0, 1 << 40))
    assert data.properties()["referenced"] == 0
    assert snapshot.properties()["used"] == 2 * R == data.allocated()


# ---------------------------------------------------------------- a dictionary as oracle

SIZE = 44
runs = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted)
verbs = [
    "write",
    "scatter",
    "snapshot",
    "clone",
    "delete",
    "discard",
    "flush",
    "drop_caches",
    "promote",
    "rollback",
    "shorten",
]
operations = st.lists(
    st.tuples(st.sampled_from(verbs), st.integers(0, 5), runs, st.lists(st.integers(0, SIZE - 1), max_size=12)),
    max_size=30,
)


def put(volume, content, where, numbers):
    stamps = fresh_stamps(len(numbers))
    stands = len(numbers)
    try:
        volume.write(where, stamps)
    except NoSpace as error:
        stands = error.done  # requests: of a run, which is one, nothing
    numbers = numbers[:stands]
    content.update(zip(numbers, stamps.tolist(), strict=False))


def discard(volume, content, low, high):
    """May need room for the parts of records, as ZFS does: then nothing of the run is zeroed, or some of it."""
    try:
        volume.discard(slice(low, high))
    except NoSpace:
        left = {block for block in range(low, high) if volume.read(block) != 0}
    else:
        left = set()
    for block in set(range(low, high)) - left:
        content.pop(block, None)


def step(known, verb, which, run, scattered):
    volume = list(known)[which % len(known)]
    content = known[volume]
    if verb in ("snapshot", "clone") and len(known) < 6 and not (verb == "snapshot" and volume.read_only):
        child = getattr(volume, verb)()
        known.update(dict.fromkeys([v for v in volume.family if v not in known]))
        known.update({v: dict(content) for v in known if known[v] is None})
        assert child in known
    elif verb == "delete" and len(known) > 1:
        volume.delete()
    elif verb in ("flush", "drop_caches"):
        getattr(volume, verb)()
    elif not volume.read_only:
        if verb == "write":
            put(volume, content, slice(*run), range(*run))
        elif verb == "scatter":
            put(volume, content, np.array(scattered, int), scattered)
        elif verb == "discard":
            discard(volume, content, *run)
        elif verb == "promote":
            volume.promote()
        elif verb == "rollback" and volume.snapshots:
            snapshot = volume.snapshots[which % len(volume.snapshots)]
            volume.rollback(snapshot)
            content.clear()
            content.update(known[snapshot])
        elif verb == "shorten" and not any(block // 4 == which for block in content):
            volume.set_record_length(which, 1 + run[0] % volume.chunk_blocks)


def books_balance(known):
    """Contents, places and pool agree; properties by deadlists equal those by sets; the sum of `used` is what is
    held."""
    pool, held = next(iter(known)).pool, {}
    for volume, content in known.items():
        assert volume.read(slice(0, SIZE)).tolist() == [content.get(block, 0) for block in range(SIZE)]
        held[volume] = set(volume.places().tolist())
        assert len(held[volume]) == volume.referenced_blocks
    assert len(set().union(*held.values())) == pool.used
    assert sum(volume.properties()["used"] for volume in known if not volume.read_only) == pool.used * B
    for volume in known:
        if volume.read_only:
            chain = [*volume.origin.snapshots, volume.origin]
            after = held[chain[chain.index(volume) + 1]]
            before = chain[chain.index(volume) - 1] if volume is not chain[0] else volume.origin.origin
            alone = held[volume] - after - (held[before] if before else set())
            assert volume.properties()["used"] == len(alone) * B
        else:
            theirs = held[volume.origin] if volume.origin else set()
            assert volume.properties()["usedbydataset"] == len(held[volume] - theirs) * B
            lost = set().union(*(held[snapshot] for snapshot in volume.snapshots)) - held[volume] - theirs
            assert volume.properties()["usedbysnapshots"] == len(lost) * B
        others = set().union(*(held[other] for other in known if other is not volume))
        assert volume.usage().exclusive == len(held[volume] - others) * B
        assert volume.usage() == super(Records, volume).usage()


def apply(known, *one):
    """A step; what is refused (a snapshot with clones, a dataset with snapshots, not a clone) changes nothing."""
    with suppress(InUse, NotFound):
        step(known, *one)
    return {volume: content for volume, content in known.items() if not volume.deleted}


def test_long_lists_of_random_steps():
    """10 lists of 120 steps: chains of snapshots, clones of clones, promotions."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        known = {Records(SIZE, chunk_size=4 * B, device_size=200): {}}
        for number in range(120):
            run = sorted(random.integers(0, SIZE + 1, 2).tolist())
            scattered = random.integers(0, SIZE, random.integers(0, 12)).tolist()
            known = apply(known, verbs[random.integers(len(verbs))], int(random.integers(6)), run, scattered)
            if number % 5 == 4:
                books_balance(known)


@pytest.mark.parametrize("chunk", [1, 4])
@settings(max_examples=60, deadline=None)
@given(operations)
def test_agrees_with_a_dictionary(chunk, steps):
    """44 blocks in records of 1 or 4 on 100 blocks: space runs out, snapshots have clones, clones are promoted."""
    known = {Records(SIZE, chunk_size=chunk * B, device_size=100): {}}
    for one in steps:
        known = apply(known, *one)
    books_balance(known)
