"""What shells that descend from one another share: the world, the registry of commands, and a bound on steps.

What it leaves out: everything that a shell has to itself (`interpreter`).
"""

from collections.abc import Mapping

from snapsim.shell.control import StepLimit
from snapsim.shell.process import Command
from snapsim.shell.tasks import Tasks
from snapsim.shell.world import World


class Session:
    """What all shells that descend from one another share.

    Parameters
    ----------
    world : World
    commands : mapping of str to Command
        The registry.
    most_steps : int
        How many commands, rounds of loops and pieces of endless output are allowed.
    """

    def __init__(self, world: World, commands: Mapping[str, Command], most_steps: int) -> None:
        self.world, self.commands, self.most_steps = world, commands, most_steps
        self.tasks, self.steps, self.depth = Tasks(), 0, 0

    def step(self) -> None:
        """One more; `StepLimit` beyond the bound."""
        self.steps += 1
        if self.steps > self.most_steps:
            raise StepLimit(f"stopped after {self.most_steps} steps: loops without end are bounded here")
