"""State machines: Hypothesis chooses the next operation while the volume or the driver lives.

The second layer, for test suites with pytest. The first layer are lists of operations (`volumes`,
`drivers`), whose failures are data.

LEAVES OUT: named behaviours; a machine takes more and longer walks instead.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from snapsim.testing.drivers.books import finish
from snapsim.testing.drivers.books import step as driver_step
from snapsim.testing.drivers.layers import DriverFactory, Layers
from snapsim.testing.drivers.operations import Act, act
from snapsim.testing.volumes.books import check_usage, step
from snapsim.testing.volumes.family import Factory, Family, Shape
from snapsim.testing.volumes.operations import Operation, volume_operation

QUICK = settings(
    max_examples=10,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""200 steps or fewer: for every run of a test suite."""
CI = settings(QUICK, max_examples=100, stateful_step_count=50)
"""Thousands of steps: for continuous integration."""


def volume_machine(factory: Factory, shape: Shape = Shape(4, 2)) -> type[RuleBasedStateMachine]:  # noqa: B008
    """A state machine that walks through the operations on one family of volumes.

    Parameters
    ----------
    factory : type[Volume] or callable
        As for `check_volume`.
    shape : Shape
        Blocks of the volume, blocks a chunk, bytes a block.

    Returns
    -------
    type[RuleBasedStateMachine]
        Its ``TestCase`` is what pytest collects; `run_machine` runs it anywhere.

    Examples
    --------
    >>> from snapsim.block.snapshots import FullCopy
    >>> run_machine(volume_machine(FullCopy), settings(QUICK, max_examples=2))
    """

    class VolumeMachine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.family = Family(factory, shape)

        @rule(operation=volume_operation(shape.size))
        def do(self, operation: Operation) -> None:
            step(self.family, operation)

        def teardown(self) -> None:
            check_usage(self.family)

    return VolumeMachine


def driver_machine(factory: DriverFactory) -> type[RuleBasedStateMachine]:
    """A state machine that walks through the operations on the layers of one driver.

    The layer that a step names is compared after it, every layer after every tenth step and at the end.

    Parameters
    ----------
    factory : type[Driver] or callable
        As for `check_driver`.
    """

    class DriverMachine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.layers = Layers(factory)

        @rule(operation=act())
        def do(self, operation: Act) -> None:
            driver_step(self.layers, operation, everything=False)

        def teardown(self) -> None:
            finish(self.layers)

    return DriverMachine


def run_machine(machine: type[RuleBasedStateMachine], profile: Any = QUICK) -> None:
    """Run a machine's walks; raises what the first failing one raised."""
    case: Any = machine.TestCase
    case.settings = profile
    case().runTest()
