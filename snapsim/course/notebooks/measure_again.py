"""A row of a shipped measurement, repeated on the running kernel where that is possible.

>>> from snapsim.fidelity.judge import judge
>>> row, where = measure_again("zfs-on-paper", 0)
Traceback (most recent call last):
snapsim.base.errors.InvalidInput: 'zfs-on-paper' was not measured: one of aufs-ext4, btrfs, ext4-plain, overlay2-ext4, \
overlay2-ext4-metacopy, overlay2-xfs, overlay2-xfs-noreflink, vfs-ext4, xfs-reflink, dm-snapshot, dm-thin, zfs

What it leaves out: rows of dm-snapshot, dm-thin and ZFS, which belong to a scenario and mean nothing without it.
"""

from typing import NamedTuple

from snapsim.base.errors import SnapsimError
from snapsim.course.notebooks.reader_prediction import measured_row
from snapsim.lab.workload import parse
from snapsim.measure.kernel import measure
from snapsim.measure.measurements import Row, load, shipped


class Again(NamedTuple):
    """A row, and where it was measured, in words."""

    row: Row
    where: str


def measure_again(stack: str, number: int, repetitions: int = 3) -> Again:
    """Measure the trace of a shipped row on this machine; returns the shipped row itself where that is not possible.

    Parameters
    ----------
    stack : str
        A shipped measurement of a stack.
    number : int
        Its row.
    repetitions : int
        Each on a fresh disk of 2 GiB, a sparse file.

    Raises
    ------
    InvalidInput
        No such measurement or row.
    """
    row = measured_row(stack, number)
    (workload,) = parse({**row["trace"], "id": "again"})
    try:
        found = measure(workload, stack, repetitions)
    except SnapsimError as error:
        kernel = load(shipped(stack))["header"]["kernel"]
        return Again(row, f"not on this machine ({error}); the shipped measurement, of Linux {kernel}")
    return Again(found["rows"][0], f"on this machine, Linux {found['header']['kernel']}")
