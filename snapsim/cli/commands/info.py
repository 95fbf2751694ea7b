"""``snapsim info``: the storage part of `docker info`, as the simulated driver prints it."""

import argparse
import sys

TEXT = "the storage part of `docker info`, as the simulated driver prints it"


def arguments(command: argparse.ArgumentParser) -> None:
    """Its options."""
    command.add_argument("driver", help="a driver or a stack")


def run(options: argparse.Namespace) -> None:
    """Carry it out."""
    from snapsim.base.choose import choose
    from snapsim.hosts.host import Host, status_block
    from snapsim.lab.stacks import FIRST, STACKS

    stack = choose(options.driver, {**FIRST, **STACKS}, "driver or stack")
    sys.stdout.write(status_block(Host("simulated", stack.driver, tuple(stack.make().status()))))
