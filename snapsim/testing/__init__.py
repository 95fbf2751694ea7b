"""The public kit that judges implementations of the contracts, one's own included.

The only part of snapsim that needs Hypothesis. `check_volume` judges a `Volume`, `check_driver` a `Driver`,
`check_counts` the bills of a teaching model. What fails is plain data (`Failure`) that prints as a program.
Operations on volumes are named here, those on drivers in `snapsim.testing.on_drivers`.

Student code runs in a process of its own: it may hang, end the process, print, or change the checker.

LEAVES OUT: grading systems (docs/how-to).
"""

from .counts import check_counts
from .driver_player import play_driver
from .drivers import check_driver
from .failure import CheckFailed, Failure, Report
from .isolation import seal
from .machines import CI, QUICK, driver_machine, run_machine, volume_machine
from .on_drivers import Act, act, driver_operations, few_acts
from .on_volumes import (
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
from .properties import PropertiesReport, check_properties
from .search import every_list
from .unions import Union, UnionAct, check_union, union_operations
from .volume_family import Shape
from .volume_player import play
from .volumes import check_volume

__all__ = ["CI", "QUICK", "Act", "CheckFailed", "Failure", "Operation", "PropertiesReport", "Report", "Shape", "Union",
           "UnionAct", "act", "check_counts", "check_driver", "check_properties", "check_union", "check_volume",
           "clone", "delete", "discard", "driver_machine", "driver_operations", "every_list", "few_acts",
           "few_operations",
           "flush", "play", "play_driver", "read", "rollback", "run_machine", "snapshot", "union_operations",
           "volume_machine", "volume_operation", "volume_operations", "write"]

seal()
