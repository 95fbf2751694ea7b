"""The three exercises that ask for an implementation: the task, what students begin with, a solution, the checks.

The contracts and the judges are those of `snapsim.testing`.

What it leaves out: dates, groups, late days: a platform's business.
"""

from .cow_volume import COW_VOLUME
from .exercise import Check, Exercise
from .properties import PROPERTIES
from .union_mount import UNION_MOUNT

EXERCISES: dict[str, Exercise] = {each.name: each for each in (COW_VOLUME, UNION_MOUNT, PROPERTIES)}

__all__ = ["EXERCISES", "Check", "Exercise"]
