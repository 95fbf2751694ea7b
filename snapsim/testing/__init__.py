"""The public kit that judges implementations of the contracts, one's own included.

The only part of snapsim that needs Hypothesis. One pack for each level: `check_volume` judges a `Volume`,
`check_thin_pool` a `Pool`, `check_union` a `Union`, `check_driver` a `Driver`, `check_engine` a container engine.
`check_counts` judges the bills of a teaching model, `check_properties` judges tests. What fails is plain data
(`Failure`) that prints as a program and draws as a picture.
Operations on volumes are named here, those on drivers in `snapsim.testing.on_drivers`.

Student code runs in a process of its own: it may hang, end the process, print, or change the checker.

LEAVES OUT: grading systems (docs/how-to).
"""

from .counts import check_counts
from .driver_player import play_driver
from .drivers import check_driver
from .engine_contract import ContainerEngine
from .engines import check_engine, play_engine
from .failure import CheckFailed, Failure, Report
from .isolation import seal
from .machines import CI, QUICK, driver_machine, run_machine, volume_machine
from .on_drivers import Act, act, driver_operations, few_acts
from .on_engines import EngineAct, engine_operations, few_engine_acts
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
from .pool import Pool, PoolShape, SmallThinPool
from .pool_book import PoolAct
from .pools import check_thin_pool, few_pool_acts, play_pool, pool_operations
from .properties import PropertiesReport, check_properties
from .scene import Scene
from .search import every_list
from .union import Union, UnionAct
from .unions import check_union, play_union, union_operations
from .volume_family import Shape
from .volume_player import play
from .volumes import check_volume

__all__ = ["CI", "QUICK", "Act", "CheckFailed", "ContainerEngine", "EngineAct", "Failure", "Operation", "Pool",
           "PoolAct", "PoolShape", "PropertiesReport", "Report", "Scene", "Shape", "SmallThinPool", "Union",
           "UnionAct", "act", "check_counts", "check_driver", "check_engine", "check_properties", "check_thin_pool",
           "check_union", "check_volume", "clone", "delete", "discard", "driver_machine", "driver_operations",
           "engine_operations", "every_list", "few_acts", "few_engine_acts", "few_operations", "few_pool_acts",
           "flush", "play", "play_driver", "play_engine", "play_pool", "play_union", "pool_operations", "read",
           "rollback",
           "run_machine", "snapshot", "union_operations", "volume_machine", "volume_operation", "volume_operations",
           "write"]

seal()
