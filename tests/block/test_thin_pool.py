"""dm-thin: what each write costs, what is shared, what is freed, and what happens at the limits.

The names in brackets are those of device-mapper-test-suite, whose behaviours these tests restate.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapsim.base.errors import AlreadyExists, InUse, InvalidInput, NoSpace, NotFound, ReadOnly, Unsupported
from snapsim.block.device import BlockDevice, IOCounts, recording
from snapsim.block.snapshots import ThinPool, ThinVolume
from snapsim.testing import check_volume

KIB = 1024
CHUNK = 16  # blocks of 4 KiB in a pool block of 64 KiB


def pool(chunks=64, metadata=4096, **options):
    """A pool of so many pool blocks of 64 KiB."""
    return ThinPool(BlockDevice(chunks * CHUNK, name="data"), BlockDevice(metadata, name="metadata"), **options)


def filled(chunks, of=64, **options):
    """A thin volume whose pool blocks are all written."""
    volume = pool(of, **options).create(chunks * CHUNK)
    volume.write(slice(0, volume.size))
    return volume


def data_bill(volume, work):
    with volume.devices[0].counting() as io:
        work()
    return io.counts


def used(volume):
    """Used pool blocks as the status has them, which commits."""
    return int(volume.pool.status().split()[5].split("/")[0])


def test_the_kit():
    """Every named behaviour, every list of two operations, some random lists."""
    assert check_volume(ThinVolume, examples=40, time_limit=10).failures == ()


def test_the_kit_without_zeroing_and_with_one_block_chunks():
    """A pool block of one block is always covered whole, so zeroing makes no difference to its content."""

    def volume(size, block_size, chunk_size):
        return ThinVolume.new(size, block_size, block_size, zeroing=False)

    assert check_volume(volume, examples=20, time_limit=10).failures == ()


# ---------------------------------------------------------------- what a write costs


@pytest.mark.parametrize(("zeroing", "zeros"), [(True, {"write_zero": (1, 65536)}), (False, {})])
def test_provisioning(zeroing, zeros):
    """A part: b zeros and 4096 (without zeroing only those). The next part: 4096. A whole pool block: b alone."""
    volume = pool(zeroing=zeroing).create(64)
    assert data_bill(volume, lambda: volume.write(0)) == IOCounts(write_data=1, **zeros)
    assert data_bill(volume, lambda: volume.write(2)) == IOCounts(write_data=1)
    assert data_bill(volume, lambda: volume.write(slice(16, 32))) == IOCounts(write_data=(1, 65536))


def test_only_the_first_request_for_a_pool_block_pays():
    """Four requests, two pool blocks: 2 b of zeros, 4 times 4096."""
    volume = pool().create(64)
    assert data_bill(volume, lambda: volume.write([3, 17, 3, 4])) == IOCounts(write_data=4, write_zero=(2, 131072))


def test_sixteen_requests_are_not_one():
    """One request over a shared pool block: b. Sixteen that fill it: the first copies b, then 16 times 4096."""
    volume = filled(2)
    volume.snapshot()
    assert data_bill(volume, lambda: volume.write(slice(0, 16))) == IOCounts(write_data=(1, 65536))
    assert data_bill(volume, lambda: volume.write(list(range(16, 32)))) == IOCounts(
        read_copy=(1, 65536), write_copy=(1, 65536), write_data=16
    )


def test_a_request_is_split_at_pool_blocks():
    """12 KiB over two shared pool blocks, 128 KiB each: 2 b read, 2 b copied, 4096 + 8192 of data."""
    thin = ThinPool(BlockDevice(1024), BlockDevice(1024), 128 * KIB).create(128)
    thin.write(slice(0, 128))
    thin.snapshot()
    assert data_bill(thin, lambda: thin.write(slice(31, 34))) == IOCounts(
        read_copy=(2, 262144), write_copy=(2, 262144), write_data=(2, 12288)
    )


@pytest.mark.parametrize("n", [1, 2, 8])
def test_the_cost_does_not_grow_with_snapshots(n):
    """b read, b + 4096 written, once, for n snapshots; then 4096."""
    volume = filled(4)
    for _ in range(n):
        volume.snapshot()
    bill = data_bill(volume, lambda: volume.write(0))
    assert (bill.bytes("read"), bill.bytes("write")) == (65536, 69632)
    assert data_bill(volume, lambda: volume.write(0)) == IOCounts(write_data=1)


def test_nor_with_depth():
    """0 <- 1 <- 2 <- 3 <- 4: a read at depth 4 is one request, a write there copies one pool block."""
    volume = filled(4)
    for _ in range(4):
        volume = volume.clone()
    assert data_bill(volume, lambda: volume.read(20)) == IOCounts(read_data=1)
    assert data_bill(volume, lambda: volume.write(20)).bytes("read") == 65536


def test_a_chain_whose_middle_goes():
    """4 blocks; 0 <- 1 <- 2 <- 3, and each writes its own block 0 after the next was taken of it: 4 + 3 = 7 used.

    Deleting 2 frees the copy that only it had (3 took its snapshot before): 6. Deleting 1: 5. The rest reads on.
    """
    chain = [filled(4)]
    for _ in range(3):
        chain.append(chain[-1].clone())
        chain[-2].write(0, data=len(chain))
    assert used(chain[0]) == 7
    chain[2].delete()
    assert used(chain[0]) == 6
    chain[1].delete()
    assert used(chain[0]) == 5
    assert (chain[0].read(0), chain[3].read(20) == chain[0].read(20)) == (2, True)


def test_sharing_is_decided_by_time():
    """The snapshot is gone, or has its own copy already: the first write of the origin copies all the same, once."""
    volume = filled(4)
    snapshot, copy = volume.snapshot(), volume.clone()
    snapshot.delete()
    copy.write(0)
    copy.delete()
    for _ in range(2):
        used(volume)
    assert data_bill(volume, lambda: volume.write(0)).bytes("read") == 65536
    assert data_bill(volume, lambda: volume.write(0)).bytes("read") == 0
    assert used(volume) == 4


def test_allocation_goes_on_behind_the_last_block_and_wraps_around():
    """8 pool blocks. 0 1 2 are written, 0 given up; the next is 3 though 0 is free; after 7 comes 0."""
    volume = pool(8, zeroing=False).create(8 * CHUNK)
    volume.write(slice(0, 3 * CHUNK))
    volume.discard(slice(0, CHUNK))
    volume.flush()
    with recording(volume.devices[0]) as story:
        for chunk in range(3, 9):
            volume.write((chunk % 8) * CHUNK)
    assert [io.first // CHUNK for io in story] == [3, 4, 5, 6, 7, 0]


def test_what_was_given_up_is_not_free_before_the_commit():
    """2 pool blocks, both used, one discarded: the next write makes the pool commit first, and then finds it."""
    volume = filled(2, of=2, zeroing=False)
    volume.flush()
    volume.discard(slice(0, CHUNK))
    assert volume.pool.status(commit=False).split()[5] == "2/2"
    with volume.devices[1].counting() as io:
        volume.write(0)
    assert io.counts.requests("write", "metadata") > 0
    assert used(volume) == 2


# ---------------------------------------------------------------- snapshots


def test_pattern_stomp():
    """[pattern_stomp_snap, pattern_stomp_origin] Neither sees what the other writes."""
    origin = filled(4)
    before = origin.read(slice(0, 64))
    clone = origin.clone()
    origin.write(slice(0, 32))
    clone.write(slice(32, 64))
    assert (clone.read(slice(0, 32)) == before[:32]).all()
    assert (origin.read(slice(32, 64)) == before[32:]).all()


def test_pool_utilization_block():
    """[pool_utilization_block] A pool of twice the volume is enough: write, snapshot, overwrite both; 2 n used."""
    origin = filled(8, of=16, no_space="error")
    clone = origin.clone()
    origin.write(slice(0, 64))
    clone.write(slice(64, 128))
    assert used(origin) == 16
    with pytest.raises(NoSpace):
        origin.write(slice(64, 128))


def test_many_snapshots_of_same_volume():
    """[many_snapshots_of_same_volume] 1000 of them: n used, b for the first write, and n again when all are gone."""
    origin = filled(2)
    snapshots = [origin.snapshot() for _ in range(1000)]
    assert used(origin) == 2
    before = snapshots[500].read(3)
    origin.write(3)
    assert (used(origin), snapshots[999].read(3) == before, origin.usage().exclusive) == (3, True, 65536)
    for snapshot in snapshots:
        snapshot.delete()
    assert used(origin) == 2


def test_rollback():
    """The volume is what the snapshot is, and both go on by themselves."""
    volume = filled(2)
    snapshot = volume.snapshot()
    before = snapshot.read(slice(0, 32))
    volume.write(slice(0, 32))
    volume.rollback(snapshot)
    assert (volume.read(slice(0, 32)) == before).all()
    volume.write(0)
    assert (snapshot.read(0) == before[0], used(volume), volume.usage().shared) == (True, 3, 65536)


def test_usage_of_a_family():
    """Volume of 4, snapshot, one rewritten: 4 allocated each, 3 shared, 1 exclusive each; 5 in the pool."""
    volume = filled(4)
    snapshot = volume.snapshot()
    volume.write(0)
    volume.flush()
    assert volume.usage() == (4 * 65536, 65536, 3 * 65536) == snapshot.usage()
    assert volume.allocated() == 5 * 65536


def test_a_petabyte_in_four_pool_blocks():
    """2**38 blocks of 4 KiB: the first and the last cost a pool block each, a snapshot nothing."""
    volume = pool(4, no_space="error").create(1 << 38)
    volume.write([0, (1 << 38) - 1], data=[1, 2])
    snapshot = volume.snapshot()
    volume.write((1 << 38) - 1)
    assert (used(volume), snapshot.read([0, 1 << 37, (1 << 38) - 1]).tolist()) == (3, [1, 0, 2])


def test_messages_to_a_pool():
    """`ThinPool.snapshot` and `delete` are the volume's own verbs, with a device number of choice."""
    volume = filled(2)
    child = volume.pool.snapshot(volume, id=7)
    assert (child.id, child.origin, volume.family) == (7, volume, [volume, child])
    volume.pool.delete(volume)
    assert (volume.deleted, child.family, used(child)) == (True, [child], 2)
    for refused in (lambda: child.pool.delete(volume), lambda: child.pool.snapshot(volume)):
        with pytest.raises(NotFound):
            refused()


# ---------------------------------------------------------------- deletion


def test_delete_thin():
    """[delete_thin] Used = size, after the deletion 0."""
    volume = filled(8)
    assert used(volume) == 8
    volume.delete()
    assert used(volume) == 0


def test_delete_unknown_devices():
    """[delete_unknown_devices] A volume that was deleted cannot be deleted again."""
    volume = filled(1)
    volume.delete()
    with pytest.raises(NotFound):
        volume.delete()


def test_delete_active_device_fails():
    """[delete_active_device_fails]"""
    volume = filled(1)
    volume.active = True
    with pytest.raises(InUse):
        volume.delete()
    volume.active = False
    volume.delete()


@pytest.mark.parametrize("no_space", ["queue", "error"])
def test_delete_after_out_of_space(no_space):
    """[delete_after_out_of_space] The pool is full; the deletion empties it and makes it writable."""
    volume = filled(4, of=4, no_space=no_space)
    other = volume.pool.create(16)
    with pytest.raises(NoSpace):
        other.write(0)
    assert volume.pool.mode == "out_of_data_space"
    volume.delete()
    assert (used(other), volume.pool.mode, f"{no_space}_if_no_space" in volume.pool.status()) == (0, "rw", True)
    other.write(0)


def test_rolling_create_delete():
    """[create_delete_cycle, rolling_create_delete, create_many_thins_then_delete_them] Nothing leaks."""
    shared = pool(16)
    empty = shared.status()
    for _ in range(50):
        volumes = [shared.create(4 * CHUNK) for _ in range(4)]
        for volume in volumes:
            volume.write(slice(0, 64))
        for volume in volumes:
            volume.delete()
    assert shared.status() == empty


# ---------------------------------------------------------------- discard


def mapped(volume):
    """Which virtual blocks are mapped."""
    return volume.mappings.items()[0].tolist()


def test_discard_single_block():
    """[discard_single_block] Used n, then n - 1; only block 0 is missing, and reads as zeros without I/O."""
    volume = filled(4)
    volume.discard(slice(0, CHUNK))
    assert (used(volume), mapped(volume)) == (3, [1, 2, 3])
    assert data_bill(volume, lambda: volume.read(slice(0, CHUNK))) == IOCounts()
    assert not volume.read(slice(0, CHUNK)).any()


def test_discard_partial_blocks():
    """[discard_partial_blocks] What does not cover a pool block unmaps nothing; 2.5 of them unaligned unmap 2."""
    volume = filled(4)
    volume.discard(slice(1, CHUNK))
    volume.discard(3)
    volume.discard(list(range(CHUNK)))
    assert mapped(volume) == [0, 1, 2, 3]
    volume.discard(slice(8, 3 * CHUNK))
    assert mapped(volume) == [0, 3]


def test_discard_alternate_blocks():
    """[discard_alternate_blocks] Only the odd ones remain."""
    volume = filled(8)
    for chunk in range(0, 8, 2):
        volume.discard(slice(chunk * CHUNK, (chunk + 1) * CHUNK))
    assert mapped(volume) == [1, 3, 5, 7]


def test_discard_to_a_shared_block_is_not_passed_down():
    """[discard_to_a_shared_block_doesnt_get_passed_down] 1 block, snapshot, discard: used stays 1."""
    volume = filled(1)
    snapshot = volume.snapshot()
    assert data_bill(volume, lambda: volume.discard(slice(0, CHUNK))) == IOCounts()
    assert used(volume) == 1
    assert snapshot.read(0) != 0


def test_discard_to_a_previously_shared_block_is_passed_down():
    """[discard_to_a_previously_shared_block_does_get_passed_down] The snapshot goes first: b discarded, used 0."""
    volume = filled(1)
    volume.snapshot().delete()
    assert data_bill(volume, lambda: volume.discard(slice(0, CHUNK))) == IOCounts(discard_data=(1, 65536))
    assert used(volume) == 0


def test_the_last_owner_passes_it_down():
    """Origin and clone discard the same block: only the second one is told to the data device."""
    volume = filled(1)
    clone = volume.clone()
    volume.discard(slice(0, CHUNK))
    assert data_bill(volume, lambda: clone.discard(slice(0, CHUNK))) == IOCounts(discard_data=(1, 65536))


def test_discard_origin_does_not_effect_snap():
    """[discard_origin_does_not_effect_snap] Used is unchanged, the snapshot reads on."""
    volume = filled(4)
    snapshot = volume.snapshot()
    before = snapshot.read(slice(0, 64))
    volume.discard(slice(0, 64))
    assert used(volume) == 4
    assert (snapshot.read(slice(0, 64)) == before).all()


def test_discards_that_change_nothing():
    """[discard_empty_device, discard_same_blocks] Of an empty device, and a second time."""
    volume = pool().create(64)
    volume.discard(slice(0, 64))
    volume.write(slice(0, 64))
    volume.discard(slice(0, 64))
    volume.discard(slice(0, 64))
    assert used(volume) == 0


def test_discard_fully_provisioned_device():
    """[discard_fully_provisioned_device] 300 pool blocks, two leaves and more: all free, and the metadata too."""
    volume = pool(300).create(300 * CHUNK)
    empty = volume.pool.status()
    volume.write(slice(0, volume.size))
    volume.discard(slice(0, volume.size))
    assert volume.pool.status() == empty


def test_discard_past_the_end_fails():
    """[discard_past_the_end_fails]"""
    volume = pool().create(64)
    with pytest.raises(InvalidInput):
        volume.discard(slice(60, 80))


def test_discard_after_out_of_space():
    """[discard_after_out_of_space] A discard makes room, and the pool is writable after the commit."""
    volume = filled(4, of=4)
    other = volume.pool.create(16)
    with pytest.raises(NoSpace):
        other.write(0)
    volume.discard(slice(0, CHUNK))
    volume.flush()
    assert volume.pool.mode == "rw"
    other.write(0)
    assert used(other) == 4


def test_discard_modes():
    """Not passed down: unmapped and freed without a word to the device. Ignored: refused, nothing changes."""
    quiet = filled(2, discard="no_discard_passdown")
    assert data_bill(quiet, lambda: quiet.discard(slice(0, CHUNK))) == IOCounts()
    assert used(quiet) == 1
    ignored = filled(2, discard="ignore_discard")
    with pytest.raises(Unsupported):
        ignored.discard(slice(0, CHUNK))
    assert used(ignored) == 2


# ---------------------------------------------------------------- creation and limits


@pytest.mark.parametrize("sectors", [128 + 57, 64, (1 << 21) + 1])
def test_pool_blocks_that_are_refused(sectors):
    """[creation_tests] 128 + 57 sectors, 64 and 2**21 + 1 fail; the smallest is 128, the largest 2**21."""
    with pytest.raises(InvalidInput):
        ThinPool(BlockDevice(1 << 10, 512), BlockDevice(1024), sectors * 512)


def test_the_largest_pool_block():
    """[creation_tests] 2**21 sectors are 1 GiB."""
    volume = ThinPool(BlockDevice(2 << 18), BlockDevice(1024), 1 << 30).create(1 << 18)
    volume.write(slice(0, 1 << 18))
    assert (used(volume), volume.status()) == (1, f"0 {1 << 21} thin {1 << 21} {(1 << 21) - 1}")


def test_device_ids():
    """[creation_tests] 2**24 - 1 is the last one; an id is taken once."""
    shared = pool()
    shared.create(16, id=(1 << 24) - 1)
    for wrong, error in ((1 << 24, InvalidInput), (-1, InvalidInput), ((1 << 24) - 1, AlreadyExists)):
        with pytest.raises(error):
            shared.create(16, id=wrong)


@pytest.mark.parametrize("wrong", [{"metadata": 4}, {"no_space": "wait"}, {"discard": "yes"}])
def test_pools_that_are_refused(wrong):
    """[creation_tests] 16 KiB of metadata are too small; an option is one of those there are."""
    with pytest.raises(InvalidInput):
        pool(**wrong)


def test_recursive_snapshots():
    """[recursive snaps] 100 deep: one pool block, and one more when the deepest writes."""
    deepest = filled(1)
    for _ in range(100):
        deepest = deepest.clone()
    assert used(deepest) == 1
    deepest.write(0)
    assert used(deepest) == 2


@pytest.mark.parametrize(("no_space", "shown"), [("queue", "error_if_no_space"), ("error", "error_if_no_space")])
def test_out_of_data_space(no_space, shown):
    """[out_of_data_space] 4 pool blocks, 6 asked for: 4 requests succeed. Mapped I/O and snapshots go on."""
    volume = pool(4, no_space=no_space).create(6 * CHUNK)
    with pytest.raises(NoSpace) as caught:
        volume.write(np.arange(6) * CHUNK, data=np.arange(1, 7))
    assert caught.value.done == 4
    assert volume.read(np.arange(6) * CHUNK).tolist() == [1, 2, 3, 4, 0, 0]
    assert volume.pool.status().split()[5:11] == ["4/4", "-", "out_of_data_space", "discard_passdown", shown, "-"]
    volume.write(0)
    assert volume.snapshot().read(CHUNK) == 2


def test_one_request_that_finds_no_space_half_way():
    """3 pool blocks, a request over 4: the parts before the full pool are written, the request failed."""
    volume = pool(3).create(4 * CHUNK)
    with pytest.raises(NoSpace) as caught:
        volume.write(slice(0, 4 * CHUNK), data=7)
    assert (caught.value.done, volume.read(slice(0, 64)).tolist()) == (0, [7] * 48 + [0] * 16)


def test_a_queue_without_time_out_waits_for_ever():
    """no_space_timeout 0: the pool goes on showing queue_if_no_space."""
    volume = filled(2, of=2, no_space_timeout=0)
    with pytest.raises(NoSpace):
        volume.pool.create(16).write(0)
    assert "queue_if_no_space" in volume.pool.status()


def test_resize_recovers():
    """[pool_resize_tests] The data device grows by 4 pool blocks: the write that failed works."""
    volume = filled(4, of=4)
    other = volume.pool.create(16)
    with pytest.raises(NoSpace):
        other.write(0)
    volume.devices[0].grow(8 * CHUNK)
    volume.pool.resume()
    other.write(0)
    assert volume.pool.status().split()[5:8] == ["5/8", "-", "rw"]


def test_low_water_mark():
    """8 pool blocks, mark 4: the event comes when a block is asked for and 4 are free, and only once."""
    volume = pool(8, low_water=4).create(8 * CHUNK)
    volume.write(np.arange(4) * CHUNK)
    assert volume.pool.events == 0
    volume.write(np.arange(4, 6) * CHUNK)
    assert volume.pool.events == 1
    volume.write(6 * CHUNK)
    volume.pool.resume()
    volume.write(7 * CHUNK)
    assert volume.pool.events == 2


def test_out_of_metadata_space():
    """40 metadata blocks. Writes fail for good; what was committed is read and overwritten; messages are refused.

    The last mapping that succeeded was not committed: it is lost, as after a crash, but its pool block is not free.
    """
    volume = pool(8192, metadata=40, zeroing=False).create(8192 * CHUNK)
    with pytest.raises(ReadOnly):
        volume.write(np.arange(8192) * CHUNK, data=np.arange(1, 8193))
    done = len(mapped(volume))
    assert volume.pool.status().split()[7:12] == ["ro", "discard_passdown", "queue_if_no_space", "needs_check", "10"]
    assert (mapped(volume), used(volume)) == (list(range(done)), done + 1)
    assert volume.read(np.arange(done) * CHUNK).tolist() == list(range(1, done + 1))
    volume.write(0, data=9)
    assert volume.read(0) == 9
    for refused in (lambda: volume.write(done * CHUNK), volume.snapshot, volume.delete):
        with pytest.raises(ReadOnly):
            refused()


# ---------------------------------------------------------------- status


def test_status_lines():
    """64 KiB are 128 sectors; of 4096 metadata blocks 409 are the reserve, 9 an empty pool, 1 a volume's mappings."""
    shared = pool(64)
    assert shared.status() == "0 8192 thin-pool 0 418/4096 0/64 - rw discard_passdown queue_if_no_space - 1024"
    volume = shared.create(32 * CHUNK)
    assert volume.status() == "0 4096 thin 0 -"
    volume.write(5 * CHUNK)
    assert volume.status() == "0 4096 thin 128 767"
    assert shared.status() == "0 8192 thin-pool 0 419/4096 1/64 - rw discard_passdown queue_if_no_space - 1024"


def test_a_flush_commits_only_if_that_volume_changed():
    """The other's flush writes nothing; its own: mappings, devices, details, 2 bitmaps, 2 indexes, superblock."""
    volume = pool().create(64)
    other = volume.pool.create(64)
    volume.write(0)
    with volume.devices[1].counting() as io:
        other.flush()
    assert io.counts == IOCounts()
    with volume.devices[1].counting() as io:
        volume.flush()
    assert io.counts == IOCounts(write_metadata=8)


# ---------------------------------------------------------------- against a dictionary

CHUNKS = 6
STEP = st.tuples(
    st.sampled_from(["write", "run", "discard", "snapshot", "clone", "delete", "flush", "rollback"]),
    st.integers(0, 99),
    st.integers(0, CHUNKS * 4 - 1),
    st.integers(1, 9),
)


def play(step, family, space):
    """One step on both: volumes and their dictionaries (block -> value)."""
    kind, which, block, value = step
    volume, content = family[which % len(family)]
    if kind in ("write", "run") and not volume.read_only:
        asked = slice(block, min(block + value, volume.size)) if kind == "run" else [block, (block * 7) % volume.size]
        blocks = list(range(asked.start, asked.stop)) if isinstance(asked, slice) else asked
        try:
            volume.write(asked, data=value)
            content.update(dict.fromkeys(blocks, value))
        except NoSpace as error:
            assert volume.pool.metadata.space.used == space
            written = (
                blocks[: error.done]
                if kind == "write"
                else [b for b in blocks if b < next(c for c in blocks if not volume.is_mapped(c) or shared(volume, c))]
            )
            content.update(dict.fromkeys(written, value))
    elif kind == "discard" and not volume.read_only:
        low, high = -(-block // 4), min(block + value, volume.size) // 4
        volume.discard(slice(block, min(block + value, volume.size)))
        content.update(dict.fromkeys(range(low * 4, high * 4), 0))
    elif kind in ("snapshot", "clone"):
        family.append((getattr(volume, kind)(), dict(content)))
    elif kind == "delete" and len(family) > 1:
        volume.delete()
        family.remove((volume, content))
    elif kind == "rollback" and not volume.read_only:
        other, its = family[(which + block) % len(family)]
        volume.rollback(other)
        its = dict(its)
        content.clear()
        content.update(its)
    elif kind == "flush":
        volume.flush()


def shared(volume, block):
    return bool(volume.mappings.get(np.array([block // 4]))[0] < volume._age)


@given(st.lists(STEP, max_size=40), st.integers(CHUNKS, 3 * CHUNKS))
@settings(max_examples=150, deadline=None)
def test_volumes_agree_with_dictionaries(steps, space):
    """After every step each volume reads as its dictionary, and the pool's used blocks are those that maps name."""
    shared_pool = ThinPool(BlockDevice(space * 4), BlockDevice(1024), 16 * KIB, strict=False)
    family = [(shared_pool.create(CHUNKS * 4), {})]
    for step in steps:
        play(step, family, space)
        for volume, content in family:
            assert volume.read(slice(0, volume.size)).tolist() == [content.get(b, 0) for b in range(volume.size)]
        places = np.unique(np.concatenate([volume.places() for volume, _ in family]))
        assert family[0][0].allocated() == places.size * 16 * KIB
