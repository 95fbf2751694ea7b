"""Volumes with one bug each that were missed once: what was added to the kit for them is general."""

import numpy as np

from snapsim.block.device import Requests
from snapsim.testing.volumes.planted.models import Row


class StampsOf32Bits(Row):
    def _write(self, asked, stamps):
        super()._write(asked, np.asarray(stamps) & 0xFFFFFFFF)


class ZeroIsNotWritten(Row):
    """A block of zeros is left as it was."""

    def _write(self, asked, stamps):
        written = np.asarray(stamps) != 0
        super()._write(Requests(asked.blocks[written], self.size), np.asarray(stamps)[written])


class RollbackUsesTheSnapshotUp(Row):
    """As a merge does; but its limits do not say so."""

    def _rollback(self, snapshot):
        super()._rollback(snapshot)
        snapshot.delete()


class NegativeNumbersWrap(Row):
    def read(self, blocks):
        return super().read(blocks % self.size if isinstance(blocks, int) and -self.size <= blocks < 0 else blocks)


class IsDeletedTwice(Row):
    """What is deleted is deleted once more without a word, and goes on to be read."""

    def _living(self):
        pass

    def delete(self):
        if not self.deleted:
            super().delete()


class ReadsWhatIsDeleted(Row):
    """The last volume of a family can be read after its deletion."""

    def _living(self):
        if self.origin is not None:
            super()._living()


PROBED = {
    StampsOf32Bits: "stamps_have_64_bits",
    ZeroIsNotWritten: "stamps_have_64_bits",
    NegativeNumbersWrap: "a_block_outside_is_refused",
    IsDeletedTwice: "a_deleted_volume_refuses_everything",
    ReadsWhatIsDeleted: "a_deleted_volume_refuses_everything",
}
"""Found by a probe, the one that is named: no list of operations says so."""
BUGS = (RollbackUsesTheSnapshotUp,)
