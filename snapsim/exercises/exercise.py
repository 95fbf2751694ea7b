"""What an exercise is made of.

What it leaves out: how it is judged (`marking`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One judgement, worth some points.

    Attributes
    ----------
    title : str
    judge : str
        The function of `snapsim.marking` that gives a report.
    points : int
    """

    title: str
    judge: str
    points: int


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    name, title : str
    wanted : str
        The name that a submission has to define.
    text : str
        The task, in Markdown.
    setup : str
        Imports that are given.
    starter : str
        What students begin with.
    solution : str
        One right answer.
    checks : tuple of Check
    """

    name: str
    title: str
    wanted: str
    text: str
    setup: str
    starter: str
    solution: str
    checks: tuple[Check, ...]

    @property
    def points(self) -> int:
        """All that can be had."""
        return sum(check.points for check in self.checks)
