"""The public kit that judges implementations of the contracts, one's own included.

Level 9; the only part of snapsim that needs Hypothesis. `check_volume` judges a `Volume`; what fails is plain data
(`Failure`) that prints as a program.
"""

from .counts import check_counts
from .failure import CheckFailed, Failure, Report
from .machines import CI, QUICK, run_machine, volume_machine
from .search import every_list
from .volume_family import Shape
from .volume_operations import (
    Operation,
    clone,
    delete,
    discard,
    few_operations,
    flush,
    read,
    rollback,
    snapshot,
    volume_operation,
    volume_operations,
    write,
)
from .volume_player import play
from .volumes import check_volume

__all__ = ["CI", "QUICK", "CheckFailed", "Failure", "Operation", "Report", "Shape", "check_counts", "check_volume",
           "clone", "delete", "discard", "every_list", "few_operations", "flush", "play", "read", "rollback",
           "run_machine", "snapshot", "volume_machine", "volume_operation", "volume_operations", "write"]
