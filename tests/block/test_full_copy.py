"""Full copy: everything is paid when the snapshot is taken."""

import numpy as np
import pytest

from snapsim.base.errors import InvalidInput, NoSpace, Unsupported
from snapsim.block.device import BlockDevice, IOCounts
from snapsim.block.snapshots import FullCopy
from snapsim.testing import check_volume


def test_the_kit():
    """Every named behaviour, every list of two operations, some random lists."""
    assert check_volume(FullCopy, examples=50, time_limit=10).failures == ()


def test_a_snapshot_costs_the_volume():
    """10 blocks of 4 KiB: one read and one write of 40960 bytes; afterwards a write is a write."""
    volume = FullCopy.new(10)
    with volume.counting() as taking:
        snapshot = volume.snapshot()
    with volume.counting() as writing:
        volume.write(slice(2, 5))
    assert taking.counts == IOCounts(read_copy=(1, 40960), write_copy=(1, 40960))
    assert writing.counts == IOCounts(write_data=(1, 3 * 4096))
    assert snapshot.read(3) == 0 != volume.read(3)


def test_a_clone_and_a_rollback_cost_the_same():
    """A clone copies 4 blocks there, a rollback copies 4 blocks back; the snapshot stays."""
    volume = FullCopy.new(4)
    volume.write(slice(0, 4))
    snapshot, picture = volume.snapshot(), volume.read(slice(0, 4))
    clone = volume.clone()
    clone.write(0)
    volume.write(np.array([3, 3, 1]))
    with volume.counting() as back:
        volume.rollback(snapshot)
    assert back.counts == IOCounts(read_copy=(1, 16384), write_copy=(1, 16384))
    assert (volume.read(slice(0, 4)) == picture).all()
    assert clone.read(0) != picture[0]
    assert not snapshot.deleted


def test_room_is_taken_in_whole_volumes():
    """5 blocks in chunks of 4: two chunks, 32 KiB a copy. Three copies fit; a fourth does when one is deleted."""
    volume = FullCopy.new(5, chunk_size=16384, copies=2)
    first = volume.snapshot()
    volume.snapshot()
    assert volume.allocated() == 3 * 32768
    with pytest.raises(NoSpace):
        volume.snapshot()
    first.delete()
    assert volume.allocated() == 2 * 32768
    assert set(volume.snapshot().places()) & set(first.places()) == {2, 3}


def test_no_discard():
    with pytest.raises(Unsupported, match="no map"):
        FullCopy.new(4).discard(0)


def test_bad_input():
    """A device with room for no copy at all; a chunk that is no whole number of blocks."""
    with pytest.raises(NoSpace):
        FullCopy(BlockDevice(3), 4)
    with pytest.raises(InvalidInput, match="whole number of blocks"):
        FullCopy.new(4, chunk_size=6000)
