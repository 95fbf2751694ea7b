"""The three exercises that ask for an implementation: the task, what students begin with, a solution, the checks.

The contracts and the judges are those of `snapsim.testing`.

What it leaves out: dates, groups, late days: a platform's business.
"""

from collections.abc import Mapping
from types import MappingProxyType

from snapsim.course.exercises.exercise import Check, Exercise, read_exercise
from snapsim.course.exercises.opened import closed, forget, opened, watch
from snapsim.course.notebooks.shipped import exercise_sources

EXERCISES: Mapping[str, Exercise] = MappingProxyType({path.stem: read_exercise(path) for path in exercise_sources()})
watch(exercise.path for exercise in EXERCISES.values())

__all__ = ["EXERCISES", "Check", "Exercise", "closed", "forget", "opened"]
