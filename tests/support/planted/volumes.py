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


PROBED = (StampsOf32Bits, ZeroIsNotWritten)
BUGS = (RollbackUsesTheSnapshotUp,)
