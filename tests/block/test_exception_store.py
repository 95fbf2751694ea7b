"""dm-snapshot's exception store: by hand, and against the kernel's procedure written out one request at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snapsim.base.errors import InUse, Invalidated, InvalidInput, NoSpace, NotFound, Unsupported
from snapsim.block.device import BlockDevice, IOCounts, recording
from snapsim.block.snapshots import ExceptionSnapshot, ExceptionStore
from snapsim.block.snapshots.exception_table import ExceptionTable
from snapsim.testing import check_volume

KIB = 1024


def store_counts(snapshot):
    return snapshot.devices[1].counts


@pytest.mark.parametrize("store", ["P", "N"])
def test_the_kit(store):
    """Every named behaviour, every list of two operations, some random lists."""

    def volume(size, block_size, chunk_size):
        return ExceptionStore.new(size, block_size, chunk_size, store=store)

    assert check_volume(volume, examples=40, time_limit=10).failures == ()


# -------------------------------------------------------------------- the origin is written


def test_first_write_of_a_chunk():
    """Chunk c = 16 KiB, write of 4 KiB: origin c read and 4 KiB written; store c of copy and c of metadata."""
    origin = ExceptionStore.new(64, chunk_size=16 * KIB)
    snapshot = origin.snapshot()
    with origin.counting() as io:
        origin.write(5)
    assert io.counts == IOCounts(read_copy=(1, 16384), write_copy=(1, 16384), write_metadata=(1, 16384), write_data=1)
    with origin.counting() as io:
        origin.write(6)
    assert io.counts == IOCounts(write_data=1)
    assert snapshot.read(5) == 0


def test_a_whole_chunk_is_copied_out_too():
    """The old chunk is needed by the snapshot, however the new one is written: c read, 2c to the store, c data."""
    origin = ExceptionStore.new(64, chunk_size=16 * KIB)
    origin.snapshot()
    with origin.counting() as io:
        origin.write(slice(4, 8))
    assert io.counts == IOCounts(
        read_copy=(1, 16384), write_copy=(1, 16384), write_metadata=(1, 16384), write_data=(1, 16384)
    )


@pytest.mark.parametrize("n", [1, 2, 4, 8])
def test_n_snapshots_cost_n_copies(n):
    """n reads of the same chunk and, in each of n stores, a copy and a commit."""
    origin = ExceptionStore.new(16)
    snapshots = [origin.snapshot() for _ in range(n)]
    with origin.counting() as io:
        origin.write(3)
    assert io.counts == IOCounts(read_copy=n, write_copy=n, write_metadata=n, write_data=1)
    assert {snapshot.status() for snapshot in snapshots} == {"0 128 snapshot 24/144 16"}


def test_one_request_shares_a_commit_and_many_do_not():
    """Four new chunks: 4 copies in either case; as one request 1 commit, as four requests 4."""
    for blocks, commits in ((slice(0, 4), 1), (np.arange(4), 4)):
        origin = ExceptionStore.new(16)
        origin.snapshot()
        with origin.counting() as io:
            origin.write(blocks)
        assert io.counts.cells()["write_metadata"] == (commits, commits * 4096)
        assert io.counts.cells()["write_copy"] == (4, 4 * 4096)


def test_a_full_area():
    """Chunks of 512 bytes: E = 32. 70 chunks one by one: 70 commits, 2 areas zeroed; used 70 + 70 // 32 + 2 = 74.

    As one request: a commit when area 0 is full, one when area 1 is, one for the 6 that remain. 64 chunks as one
    request fill two areas exactly: 2 commits, nothing remains.
    """
    for blocks, commits in ((np.arange(70), 70), (slice(0, 70), 3), (slice(0, 64), 2)):
        origin = ExceptionStore.new(100, block_size=512)
        snapshot = origin.snapshot()
        with origin.counting() as io:
            origin.write(blocks)
        assert io.counts.requests("write", "metadata") == commits
        assert io.counts.bytes("write", "zero") == 2 * 512
    origin.write(slice(64, 70))
    assert snapshot.status() == f"0 100 snapshot 74/{1 + 100 + 3 + 1} 4"


def test_the_order_of_one_write():
    """Read the old chunk, put it into the first free chunk (2) of the store, list it in chunk 1 (area 0), write."""
    origin = ExceptionStore.new(16)
    origin.snapshot()
    with recording(*origin.devices) as story:
        origin.write(9)
    assert [(io.device, io.operation, io.first, io.purpose) for io in story] == [
        ("origin", "read", 9, "copy"),
        ("cow0", "write", 2, "copy"),
        ("cow0", "write", 1, "metadata"),
        ("origin", "write", 9, "data"),
    ]
    assert all(io.rule for io in story if io.purpose != "data")


def test_allocation_follows_the_first_touch():
    """Requests for blocks 9, 2, 9, 5: chunks 2, 3 and 4 of the store keep blocks 9, 2 and 5."""
    origin = ExceptionStore.new(16)
    snapshot = origin.snapshot()
    origin.write(np.array([9, 2, 9, 5]))
    assert snapshot.table.places(np.array([9, 2, 5])).tolist() == [2, 3, 4]


def test_a_last_chunk_that_is_short():
    """6 blocks in chunks of 4: chunk 1 has two blocks; 2 are read and 2 copied, the metadata chunk is whole."""
    origin = ExceptionStore.new(6, chunk_size=16 * KIB)
    snapshot = origin.snapshot()
    with origin.counting() as io:
        origin.write(5)
    assert io.counts == IOCounts(read_copy=(1, 8192), write_copy=(1, 8192), write_metadata=(1, 16384), write_data=1)
    with snapshot.counting() as io:
        assert snapshot.read(slice(0, 6)).tolist() == [0] * 6
    assert io.counts == IOCounts(read_data=(2, 6 * 4096))


def test_taking_a_snapshot():
    """A persistent store: c read (is there a header?), 2c written (header, zeroed area); a transient one: nothing."""
    origin = ExceptionStore.new(64, chunk_size=16 * KIB)
    with origin.counting() as io:
        snapshot = origin.snapshot()
    assert io.counts == IOCounts()
    assert store_counts(snapshot) == IOCounts(
        read_metadata=(1, 16384), write_metadata=(1, 16384), write_zero=(1, 16384)
    )
    assert snapshot.status() == "0 512 snapshot 64/576 64"
    assert store_counts(ExceptionStore.new(64, store="N").snapshot()) == IOCounts()


# -------------------------------------------------------------------- the snapshot is written


def test_part_of_a_chunk():
    """A new chunk: c read from the origin, c + c (copy, metadata) and 4 KiB to the store. The next write: 4 KiB."""
    clone = ExceptionStore.new(64, chunk_size=16 * KIB).clone()
    for wanted in (
        IOCounts(read_copy=(1, 16384), write_copy=(1, 16384), write_metadata=(1, 16384), write_data=1),
        IOCounts(write_data=1),
    ):
        with clone.counting() as io:
            clone.write(6)
        assert io.counts == wanted


def test_a_whole_chunk_needs_no_copy():
    """c of data and c of metadata."""
    clone = ExceptionStore.new(64, chunk_size=16 * KIB).clone()
    with clone.counting() as io:
        clone.write(slice(4, 8))
    assert io.counts == IOCounts(write_data=(1, 16384), write_metadata=(1, 16384))


def test_a_run_over_three_chunks():
    """Blocks 3 to 8 in chunks of 4: parts of chunks 0 and 2 (1 block each), chunk 1 whole.

    Two chunks are filled (2 x 16 KiB read and written), data are parts of 1, 4 and 1 blocks, and one commit covers all.
    """
    clone = ExceptionStore.new(64, chunk_size=16 * KIB).clone()
    with clone.counting() as io:
        clone.write(slice(3, 9), np.arange(101, 107))
    assert io.counts == IOCounts(
        read_copy=(2, 32768), write_copy=(2, 32768), write_data=(3, 6 * 4096), write_metadata=(1, 16384)
    )
    assert clone.read(slice(2, 10)).tolist() == [0, 101, 102, 103, 104, 105, 106, 0]


def test_a_clones_write_keeps_the_origin():
    """And a chunk that the clone has written is not copied out any more when the origin is written."""
    origin = ExceptionStore.new(16)
    clone = origin.clone()
    clone.write(3, 7)
    with origin.counting() as io:
        origin.write(3, 8)
    assert io.counts == IOCounts(write_data=1)
    assert (origin.read(3), clone.read(3)) == (8, 7)


# -------------------------------------------------------------------- no room


def small(store):
    """A store of 5 chunks: header, area and 3 exceptions when persistent; 5 exceptions when transient."""
    origin = ExceptionStore.new(16, store=store, store_size=5)
    return origin, origin.clone()


@pytest.mark.parametrize(("store", "room", "header"), [("P", 3, 1), ("PO", 3, 1), ("N", 5, 0)])
def test_the_origin_overruns_the_store(store, room, header):
    """Chunk number room + 1 makes the snapshot invalid; the origin writes all 8, and a header says so (P, PO)."""
    origin, clone = small(store)
    with origin.counting() as io:
        origin.write(np.arange(8))
    commits = room if store != "N" else 0
    assert io.counts.requests("read", "copy") == io.counts.requests("write", "copy") == room
    assert io.counts.requests("write", "metadata") == commits + header
    assert io.counts.requests("write", "data") == 8
    assert clone.status() == "0 128 snapshot Invalid"
    with origin.counting() as io:
        origin.write(12)
    assert io.counts == IOCounts(write_data=1)
    for verb in (clone.read, clone.write):
        with pytest.raises(Invalidated, match="cow0 had no room"):
            verb(0)


@pytest.mark.parametrize(("store", "room", "state"), [("P", 3, "Invalid"), ("PO", 3, "Overflow"), ("N", 5, "Invalid")])
def test_the_clone_overruns_its_store(store, room, state):
    """Of 8 one-block writes `room` succeed. P, N: all is lost. PO: it can be read till the origin has to copy out."""
    origin, clone = small(store)
    with pytest.raises(NoSpace, match=state) as caught:
        clone.write(np.arange(8), np.arange(101, 109))
    assert (caught.value.done, clone.status()) == (room, f"0 128 snapshot {state}")
    if store == "PO":
        assert clone.read(slice(0, 5)).tolist() == [101, 102, 103, 0, 0]
        with pytest.raises(NoSpace):
            clone.write(0)  # even where it has the chunk
        origin.write(1)  # the store has the chunk: no harm
        assert clone.status().endswith("Overflow")
        with origin.counting() as io:
            origin.write(7)
        assert io.counts == IOCounts(write_metadata=1, write_data=1)
    assert clone.status().endswith("Invalid")


def test_one_request_that_does_not_fit():
    """A run of 5 chunks with room for 3: no request succeeded (done = 0)."""
    _, clone = small("PO")
    with pytest.raises(NoSpace) as caught:
        clone.write(slice(0, 5))
    assert caught.value.done == 0


@pytest.mark.parametrize(("chunks", "room"), [(2, 0), (3, 1), (33, 31), (34, 31), (35, 32), (36, 33), (1030, 997)])
def test_room(chunks, room):
    """E = 32: of 2 + n chunks n are for data, minus an area every 33.

    34 chunks would hold 32 exceptions and leave no place for the area that has to be zeroed after them; 1030 chunks
    are the header, 31 areas of 33 chunks (1023: 992 exceptions) and 6 more with an area: 5.
    """
    assert ExceptionTable(BlockDevice(chunks, 512), 1, 2000).room == room


# -------------------------------------------------------------------- close, open, delete, merge


def test_reopening():
    """E = 32, store of 200 chunks, 40 exceptions: a header and areas 0 to 6, which lie inside (chunks 1, 34, ..., 199).

    A closed snapshot misses what the origin writes meanwhile, as in the kernel.
    """
    origin = ExceptionStore.new(100, block_size=512, store_size=200)
    snapshot = origin.snapshot()
    origin.write(slice(0, 40), 1)
    snapshot.close()
    with pytest.raises(NotFound, match="closed"):
        snapshot.read(0)
    origin.write(slice(39, 42), 2)
    with snapshot.counting() as io:
        snapshot.reopen()
    assert io.counts == IOCounts(read_metadata=(8, 8 * 512))
    assert snapshot.read(slice(38, 43)).tolist() == [0, 0, 2, 2, 0]
    with pytest.raises(InUse):
        snapshot.reopen()


def test_reading_ahead_is_bounded():
    """A large store: header, area 0 and 12 ahead are 14 chunks; with one full area, one more."""
    origin = ExceptionStore.new(1000, block_size=512)
    snapshot = origin.snapshot()
    for blocks, chunks in ((0, 14), (slice(1, 32), 15)):
        origin.write(blocks)
        snapshot.close()
        with snapshot.counting() as io:
            snapshot.reopen()
        assert io.counts == IOCounts(read_metadata=(chunks, chunks * 512))


def test_an_invalid_store_stays_invalid_and_a_transient_one_starts_again():
    """P: one header read tells. N: the table was in memory; the snapshot now shows the present origin."""
    for store, after, cost in (("P", "Invalid", 1), ("N", "0/40 0", 0)):
        origin, clone = small(store)
        origin.write(slice(0, 8), 5)
        clone.close()
        with clone.counting() as io:
            clone.reopen()
        assert clone.status() == f"0 128 snapshot {after}"
        assert io.counts.requests() == cost
    assert clone.read(3) == 5


def test_an_overflow_is_forgotten_when_the_store_is_opened_again():
    """PO: nothing on the device says so. It has the 3 chunks that it had; the next new one overflows it again."""
    _, clone = small("PO")
    with pytest.raises(NoSpace):
        clone.write(np.arange(4))
    clone.close()
    clone.reopen()
    assert clone.status() == "0 128 snapshot 40/40 16"
    with pytest.raises(NoSpace, match="Overflow"):
        clone.write(9)


def test_deletion_costs_nothing_and_frees_the_store():
    """3 chunks of the store and no I/O; an origin with snapshots cannot go."""
    origin = ExceptionStore.new(16)
    snapshot = origin.snapshot()
    origin.write(slice(0, 3))
    assert snapshot.usage() == (16 * 4096, 3 * 4096, 13 * 4096)
    with pytest.raises(InUse, match="1 snapshots"):
        origin.delete()
    with origin.counting() as io:
        snapshot.delete()
        origin.write(5)
    assert io.counts == IOCounts(write_data=1)
    assert origin.allocated() == 16 * 4096
    origin.delete()


@pytest.mark.parametrize(("chunks", "runs"), [(range(8), 1), (range(0, 16, 2), 8), (range(7, -1, -1), 8)])
def test_merging(chunks, runs):
    """8 chunks, in a row: 1 run, 1 commit; every other one or backwards: 8 runs, 8 commits. Data 8 read, 8 written."""
    origin = ExceptionStore.new(16)
    clone = origin.clone()
    clone.write(np.array(chunks), np.array(chunks) + 100)
    with origin.counting() as io:
        origin.rollback(clone)
    assert io.counts == IOCounts(read_copy=(runs, 8 * 4096), write_copy=(runs, 8 * 4096), write_metadata=runs)
    assert origin.read(np.array(chunks)).tolist() == [chunk + 100 for chunk in chunks]
    assert clone.deleted
    assert clone.status("snapshot-merge") == "0 128 snapshot-merge 16/144 16"


def test_merging_reads_areas_back():
    """E = 32, 70 neighbours: runs of 6, 32 and 32 (a run stays in its area), 3 commits, areas 1 and 0 read back."""
    origin = ExceptionStore.new(100, block_size=512)
    snapshot = origin.snapshot()
    origin.write(slice(0, 70))
    with origin.counting() as io:
        origin.rollback(snapshot)
    assert io.counts == IOCounts(
        block_size=512, read_copy=(3, 35840), write_copy=(3, 35840), write_metadata=3, read_metadata=2
    )
    assert not origin.read(slice(0, 70)).any()


def test_a_merged_table_is_empty():
    """40 exceptions, E = 32: runs of 8 and 32; nothing is held, 2 chunks are allocated; what was zeroed is area 1."""
    table = ExceptionTable(BlockDevice(100, 512, "cow"), 1, 50)
    with recording(table.device) as story:
        table.allocate(np.arange(40))
        table.commit(40, together=True)
    assert [(io.first, io.purpose) for io in story] == [(34, "zero"), (1, "metadata"), (34, "metadata")]
    assert [old.size for old, _ in table.merge_runs()] == [8, 32]
    assert table.lacks(np.arange(50)).all()
    assert table.usage() == (2, 2)


def test_merging_copies_out_to_other_snapshots():
    """Blocks 0 and 1 were written between two snapshots. When the old one is merged, the new one keeps 2, 1 commit."""
    origin = ExceptionStore.new(16)
    old = origin.snapshot()
    origin.write(slice(0, 2), 5)
    new = origin.snapshot()
    with origin.counting() as io:
        origin.rollback(old)
    assert io.counts.cells() == {
        "read_copy": (3, 4 * 4096),
        "write_copy": (3, 4 * 4096),
        "write_metadata": (2, 2 * 4096),
    }
    assert (origin.read(0), new.read(0)) == (0, 5)


def test_what_cannot_be_merged():
    """A transient store, an invalid one, the origin itself; the snapshot goes on as before."""
    origin = ExceptionStore.new(16, store="N")
    transient = origin.snapshot()
    with pytest.raises(Unsupported, match="transient"):
        origin.rollback(transient)
    origin.write(3, 9)
    assert transient.read(3) == 0
    with pytest.raises(Unsupported, match="not to itself"):
        origin.rollback(origin)
    full, clone = small("P")
    full.write(slice(0, 8))
    with pytest.raises(Invalidated):
        full.rollback(clone)


def test_bad_input():
    """Unknown store, chunk of three blocks, a store without room for header and area, snapshots of snapshots."""
    with pytest.raises(InvalidInput, match="one of P, PO, N"):
        ExceptionStore.new(16, store="X").snapshot()
    with pytest.raises(InvalidInput, match="power of two"):
        ExceptionStore.new(16, chunk_size=3 * 4096).snapshot()
    with pytest.raises(InvalidInput, match="header and first area"):
        ExceptionStore.new(16, store_size=1).snapshot()
    for verb in ("snapshot", "clone"):
        with pytest.raises(Unsupported, match="origin only"):
            getattr(ExceptionStore.new(16).clone(), verb)()
    with pytest.raises(Unsupported, match="no discards"):
        ExceptionStore.new(16).discard(0)


# -------------------------------------------------------------------- the kernel's procedure, request by request

BLOCK, SIZE = 512, 75  # chunks of 1 block: 32 exceptions an area; of 2: 64


class Kept:
    """One snapshot: a dictionary of what it should show, and the kernel's counters."""

    def __init__(self, origin, store, chunks, per):
        self.picture, self.store, self.size, self.per = list(origin), store, chunks, per
        self.area_of = per * BLOCK // 16
        self.where, self.order, self.state = {}, [], ""
        self.next_free, self.area, self.committed, self.in_flight = 0 if store == "N" else 2, 0, 0, 0
        self.read, self.written = (0, 0) if store == "N" else (per, 2 * per)

    def prepare(self, chunk):
        last_of_area = self.store != "N" and (len(self.order) + 1) % self.area_of == 0
        if self.size < self.next_free + 1 + last_of_area:
            return False
        self.where[chunk] = self.next_free
        self.order.append(chunk)
        self.next_free += 1
        if self.store != "N" and self.next_free % (self.area_of + 1) == 1:
            self.next_free += 1
        self.in_flight += 1
        return True

    def commit(self):
        if self.store == "N":
            self.in_flight = 0
        while self.in_flight:  # the last one on its way writes the area; so does a full one
            self.in_flight, self.committed = self.in_flight - 1, self.committed + 1
            if self.committed == self.area_of:
                self.written, self.area, self.committed = self.written + 2 * self.per, self.area + 1, 0
            elif not self.in_flight:
                self.written += self.per

    def invalidate(self):
        self.state = "Invalid"
        self.written += 0 if self.store == "N" else self.per

    def line(self):
        metadata = 0 if self.store == "N" else (self.area + 2) * self.per
        return f"0 {SIZE} snapshot {self.state or f'{self.next_free * self.per}/{self.size * self.per} {metadata}'}"


class Machine:
    """An origin and its snapshots in lists and dictionaries, block by block."""

    def __init__(self, per):
        self.per, self.blocks, self.snapshots = per, [0] * SIZE, []
        self.read = self.written = 0

    def length(self, chunk):
        return min(self.per, SIZE - chunk * self.per)

    def copy_out(self, chunks, spare=None):
        for one in self.snapshots:
            if one is spare or one.state == "Invalid":
                continue
            fits = True
            for chunk in chunks:
                if chunk in one.where or not fits:
                    continue
                fits = one.prepare(chunk)
                self.read += self.length(chunk) if fits else 0
                one.written += self.length(chunk) if fits else 0
            one.commit()
            if not fits:
                one.invalidate()

    def write_origin(self, request, stamps):
        self.copy_out(list(dict.fromkeys(block // self.per for block in request)))
        for block, stamp in zip(request, stamps, strict=True):
            self.blocks[block] = stamp
        self.written += len(request)
        for one in self.snapshots:  # what it lacks it reads from the origin, and it is unchanged
            assert one.state == "Invalid" or all(block // self.per in one.where for block in request)

    def write_snapshot(self, one, request, stamps):
        if one.state:
            return False
        new = list(zip(request, stamps, strict=True))
        for chunk in dict.fromkeys(block // self.per for block in request):
            part = [(block, stamp) for block, stamp in new if block // self.per == chunk]
            if chunk not in one.where:
                if not one.prepare(chunk):
                    one.commit()
                    if one.store == "PO":
                        one.state = "Overflow"
                    else:
                        one.invalidate()
                    return False
                if len(part) < self.length(chunk):
                    self.read += self.length(chunk)
                    one.written += self.length(chunk)
            one.written += len(part)
            for block, stamp in part:
                one.picture[block] = stamp
        one.commit()
        return True

    def merge(self, one):
        while one.order:
            area, in_area = divmod(len(one.order), one.area_of)
            if not in_area:
                area, in_area = area - 1, one.area_of
                one.read += self.per
            run = [one.order.pop()]
            while len(run) < in_area and one.order[-1] == run[-1] - 1:
                run.append(one.order.pop())
            self.copy_out(sorted(run), spare=one)
            for chunk in run:
                for block in range(chunk * self.per, chunk * self.per + self.length(chunk)):
                    self.blocks[block] = one.picture[block]
                one.read += self.length(chunk)
                self.written += self.length(chunk)
            one.written += self.per
        assert self.blocks == one.picture
        self.snapshots.remove(one)


runs = st.tuples(st.integers(0, SIZE - 1), st.integers(1, 40)).map(lambda run: range(run[0], min(sum(run), SIZE)))
requests = st.one_of(runs, st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=40))
steps = st.one_of(
    st.tuples(st.just("origin"), st.just(0), requests),
    st.tuples(st.just("clone"), st.integers(0, 3), requests),
    st.tuples(st.just("take"), st.sampled_from(["P", "PO", "N"]), st.integers(2, 110)),
    st.tuples(st.just("delete"), st.integers(0, 3), st.none()),
    st.tuples(st.just("merge"), st.integers(0, 3), st.none()),
)


class Pair:
    """The same operations on the model and on the machine."""

    def __init__(self, per):
        self.origin = ExceptionStore.new(SIZE, BLOCK, per * BLOCK)
        self.machine, self.volumes, self.stamp = Machine(per), [], 1
        self.overflows = 0

    def do(self, verb, which, what):
        if verb == "take":
            device = BlockDevice(what * self.machine.per, BLOCK, "cow")
            self.volumes.append(self.origin.clone_on(device, which))
            self.machine.snapshots.append(Kept(self.machine.blocks, which, what, self.machine.per))
        elif verb == "origin":
            self.write(self.origin, self.machine.write_origin, what)
        elif self.volumes:
            which %= len(self.volumes)
            getattr(self, verb)(self.volumes[which], self.machine.snapshots[which], what)

    def write(self, volume, write, what):
        asked, pieces = self.requests(what)
        assert self.try_write(volume, what, pieces) is None
        for request, piece in zip(asked, pieces, strict=True):
            write(request, piece)

    def requests(self, what):
        """One request for a run, else one a block; with fresh stamps."""
        stamps = list(range(self.stamp, self.stamp + len(what)))
        self.stamp += len(what)
        if isinstance(what, range):
            return [list(what)], [stamps]
        return [[block] for block in what], [[stamp] for stamp in stamps]

    @staticmethod
    def try_write(volume, what, pieces):
        """None, or how many requests succeeded before one failed."""
        run = isinstance(what, range)
        try:
            volume.write(slice(what.start, what.stop) if run else np.array(what), np.concatenate(pieces))
        except NoSpace as error:
            return error.done
        except Invalidated:
            return 0
        return None

    def clone(self, volume, one, what):
        asked, pieces, before = *self.requests(what), one.state
        done = []
        for request, piece in zip(asked, pieces, strict=True):
            done.append(self.machine.write_snapshot(one, request, piece))
            if not done[-1]:
                self.overflows += not before
                break
        succeeded = self.try_write(volume, what, pieces)
        assert succeeded == (None if all(done) else len(done) - 1)

    def delete(self, volume, one, what):
        self.volumes.remove(volume)
        self.machine.snapshots.remove(one)
        volume.delete()

    def merge(self, volume, one, what):
        if one.store == "N" or one.state == "Invalid":
            with pytest.raises((Unsupported, Invalidated)):
                self.origin.rollback(volume)
            return
        self.origin.rollback(volume)
        self.volumes.remove(volume)
        self.machine.merge(one)
        self.check_bytes(volume.devices[1], one)

    def check(self):
        everything = slice(0, SIZE)
        self.check_bytes(self.origin.devices[0], self.machine)
        assert self.origin.devices[0].peek(everything).tolist() == self.machine.blocks
        for volume, one in zip(self.volumes, self.machine.snapshots, strict=True):
            assert volume.status() == one.line()
            self.check_bytes(volume.devices[1], one)
            if one.state != "Invalid":
                before = [device.counts for device in volume.devices]
                assert volume.read(everything).tolist() == one.picture
                assert volume.read(np.arange(SIZE)).tolist() == one.picture
                kept = sum(self.machine.length(chunk) for chunk in one.where)
                origin, store = (device.counts - count for device, count in zip(volume.devices, before, strict=True))
                assert (origin.bytes("read"), store.bytes("read")) == (2 * (SIZE - kept) * BLOCK, 2 * kept * BLOCK)
                self.machine.read += 2 * (SIZE - kept)
                one.read += 2 * kept
        places = np.concatenate([volume.places() for volume in (self.origin, *self.volumes)])
        assert np.unique(places).size * self.origin.chunk_size == self.origin.allocated()

    @staticmethod
    def check_bytes(device, one):
        assert (device.counts.bytes("read"), device.counts.bytes("write")) == (one.read * BLOCK, one.written * BLOCK)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([1, 2]), st.lists(steps, min_size=1, max_size=14))
def test_against_the_kernels_procedure(per, operations):
    """Contents, bytes of each device and status lines, after each of a list of random operations."""
    pair = Pair(per)
    pair.do("take", "P", 110)
    for operation in operations:
        pair.do(*operation)
        pair.check()


def test_the_procedure_sees_everything():
    """The comparison above is no empty one: a fixed run with areas that fill, all stores that overflow, and a merge."""
    pair = Pair(1)
    for operation in [
        ("take", "P", 110),
        ("take", "PO", 20),
        ("take", "N", 10),
        ("clone", 1, range(0, 30)),
        ("clone", 2, [5] * 3 + list(range(40))),
        ("origin", 0, range(3, 73)),
        ("take", "P", 110),
        ("clone", 0, [70, 0, 1, 2, 74]),
        ("merge", 1, None),
        ("merge", 0, None),
        ("origin", 0, [0, 9]),
    ]:
        pair.do(*operation)
        pair.check()
    assert pair.overflows == 2
    assert [one.state for one in pair.machine.snapshots] == ["Invalid", "Invalid", ""]
    assert isinstance(pair.volumes[2], ExceptionSnapshot)
