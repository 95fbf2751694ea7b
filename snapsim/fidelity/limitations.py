"""What a stack leaves out, in the words of its own source: the structural differences from a kernel.

A module of a model says in its `LEAVES_OUT` what of the kernel it leaves out, and a driver's `limits` name behaviours
that it does not have. This module collects both for a stack: for its driver, its file systems, their metadata, and the
mechanisms below.

>>> dict(left_out("dm-thin"))["snapsim.fidelity.replays.dm_thin"]
'seconds, and the commit that the kernel makes by itself once a second.'

What it leaves out: judging whether a difference matters for a figure.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from snapsim.base.choose import choose
from snapsim.drivers.driver import Driver
from snapsim.fidelity.replays import PLAYERS
from snapsim.lab.stacks import STACKS


def left_out(stack: str) -> list[tuple[str, str]]:
    """(module or behaviour, what is left out) of a stack, or of a target that traces are played on.

    Raises
    ------
    InvalidInput
        There is no such stack or target.
    """
    if stack in PLAYERS:
        return list(_said([PLAYERS[stack], *_used_by(PLAYERS[stack])]))
    driver: Driver = choose(stack, STACKS, "stack").make()
    driver.create("layer")
    parts = [part for fs in driver.filesystems() for part in (fs, fs.metadata, fs.store)]
    limits = [(f"{driver.name}: {name}", reason) for name, reason in driver.limits.items()]
    return [*_said(map(type, [driver, *parts])), *limits]


def _used_by(player: Any) -> list[type]:
    """The classes that a player's module works with."""
    return [each for each in vars(sys.modules[player.__module__]).values() if isinstance(each, type)]


def _said(kinds: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """What the modules of some classes leave out, and those of the classes that they are made from."""
    classes = [base for kind in kinds for base in inspect.getmro(kind)]
    for name in dict.fromkeys(each.__module__ for each in classes if each.__module__.startswith("snapsim.")):
        if text := getattr(sys.modules[name], "LEAVES_OUT", ""):
            yield name, text
