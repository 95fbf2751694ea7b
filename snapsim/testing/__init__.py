"""The public kit that judges implementations of the contracts, one's own included.

The only part of snapsim that needs Hypothesis. One pack for each level: `check_volume` judges a `Volume`,
`check_thin_pool` a `Pool`, `check_union` a `Union`, `check_driver` a `Driver`, `check_engine` a container engine.
`check_counts` judges the bills of a teaching model, `check_properties` judges tests. What fails is plain data
(`Failure`) that prints as a program and draws as a picture.
Operations on volumes are named here, those on drivers in `snapsim.testing.drivers.operations`.

Student code runs in a process of its own: it may hang, end the process, print, or change the checker.

LEAVES OUT: grading systems (docs/how-to).
"""

from snapsim.testing.drivers.check import check_driver
from snapsim.testing.drivers.operations import Act, act, driver_operations, few_acts
from snapsim.testing.drivers.player import play_driver
from snapsim.testing.engines.check import check_engine, play_engine
from snapsim.testing.engines.contract import ContainerEngine
from snapsim.testing.engines.operations import EngineAct, engine_operations, few_engine_acts
from snapsim.testing.failure import CheckFailed, Failure, Report
from snapsim.testing.machines import CI, QUICK, driver_machine, run_machine, volume_machine
from snapsim.testing.pools.book import PoolAct
from snapsim.testing.pools.check import check_thin_pool, few_pool_acts, play_pool, pool_operations
from snapsim.testing.pools.contract import Pool, PoolShape, SmallThinPool
from snapsim.testing.scene import Scene
from snapsim.testing.seals import seal
from snapsim.testing.search import every_list
from snapsim.testing.unions.check import check_union, play_union, union_operations
from snapsim.testing.unions.contract import Union, UnionAct
from snapsim.testing.volumes.check import check_volume
from snapsim.testing.volumes.counts import check_counts
from snapsim.testing.volumes.family import Shape
from snapsim.testing.volumes.operations import (
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
from snapsim.testing.volumes.player import play
from snapsim.testing.volumes.properties import PropertiesReport, check_properties

__all__ = [
    "CI",
    "QUICK",
    "Act",
    "CheckFailed",
    "ContainerEngine",
    "EngineAct",
    "Failure",
    "Operation",
    "Pool",
    "PoolAct",
    "PoolShape",
    "PropertiesReport",
    "Report",
    "Scene",
    "Shape",
    "SmallThinPool",
    "Union",
    "UnionAct",
    "act",
    "check_counts",
    "check_driver",
    "check_engine",
    "check_properties",
    "check_thin_pool",
    "check_union",
    "check_volume",
    "clone",
    "delete",
    "discard",
    "driver_machine",
    "driver_operations",
    "engine_operations",
    "every_list",
    "few_acts",
    "few_engine_acts",
    "few_operations",
    "few_pool_acts",
    "flush",
    "play",
    "play_driver",
    "play_engine",
    "play_pool",
    "play_union",
    "pool_operations",
    "read",
    "rollback",
    "run_machine",
    "snapshot",
    "union_operations",
    "volume_machine",
    "volume_operation",
    "volume_operations",
    "write",
]

seal()
