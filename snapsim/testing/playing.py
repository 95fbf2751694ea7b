"""Playing a list of operations on anything: the bridge from a `Broken` promise to a `Failure`.

What differs between volumes, pools, unions, drivers and engines is the *stage*: the thing that is judged beside the
simplest thing that can be right, the lines of a program so far, and what is seen of both.

LEAVES OUT: code that never returns (see `isolation`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from snapsim.testing.failure import Failure, Played, broken_by
from snapsim.testing.isolation import doing
from snapsim.testing.scene import Scene

reached: Counter[tuple[str, str]] = Counter()
"""How often each (verb, state) was played in this process: what a verb met."""


OFTEN, SELDOM, ONCE = "often", "seldom", "once"
"""When a list is looked at: after every step, after some steps, at the end only."""
LOOKS = (OFTEN, SELDOM, ONCE)


def looks_after(looks: str, number: int) -> bool:
    """Is everything looked at after the step of that number?

    Examples
    --------
    >>> [number for number in range(1, 20) if looks_after(SELDOM, number)]
    [2, 6, 9, 13, 16]
    """
    return looks == OFTEN or (looks == SELDOM and number % 7 in (2, 6))


def refused(line: str, error: str, why: str = "") -> str:
    """The line of a program for a call that is refused, which goes on behind it.

    Examples
    --------
    >>> print(refused("pool.delete(7)", "NotFound"))
    with suppress(NotFound): pool.delete(7)
    >>> print(refused('with driver.mounted("l0") as mount: mount.rmdir("/d")', "OSError", "ENOTEMPTY"))
    with suppress(OSError), driver.mounted("l0") as mount: mount.rmdir("/d")  # ENOTEMPTY
    """
    within = f", {line.removeprefix('with ')}" if line.startswith("with ") else f": {line}"
    return f"with suppress({error}){within}{f'  # {why}' if why else ''}"


def with_imports(lines: Sequence[str]) -> tuple[str, ...]:
    """The program, which first imports what `refused` uses."""
    errors = {match for line in lines for match in re.findall(r"with suppress\((\w+)\)", line)}
    ours = sorted(errors - {"OSError", "FileNotFoundError"})
    first = ["from contextlib import suppress"] if errors else []
    return (*first, *([f"from snapsim.base.errors import {', '.join(ours)}"] if ours else []), *lines)


class Stage(Protocol):
    """What a list is played on.

    Attributes
    ----------
    lines : list of str
        The program so far.
    asking : str
        The expression of the look that is going on, "" if none is.
    """

    lines: list[str]
    asking: str

    def state(self, operation: Any) -> str:
        """What an operation would meet now, in a few words."""

    def wanted_scene(self) -> Scene:
        """What should be seen now."""

    def seen_scene(self) -> Scene:
        """What is seen now, and where that is wrong."""


S = TypeVar("S", bound=Stage)


def play_list(
    name: str,
    operations: Sequence[Any],
    begin: Callable[[], S],
    step: Callable[[S, Any], None],
    finish: Callable[[S], Iterable[None] | None],
    lines: list[str],
    behaviour: str = "",
    shape: Any = None,
    scenes: bool = True,
) -> Failure | None:
    """Play the operations, one after the other.

    Parameters
    ----------
    name : str
        Of what is judged.
    operations : sequence
        What `step` takes.
    begin, step, finish : callable
        Gives a fresh stage; carries one operation out and compares everything; compares what is left for the end,
        or yields before each step that it takes for that. What they raise becomes the failure.
    lines : list of str
        The program as long as there is no stage.
    behaviour : str
        Named in the failure.
    shape : object
        Noted for a list that never ends, so that it can be played again.
    scenes : bool
        Keep what was seen before and after the step that broke.

    Returns
    -------
    Failure or None
        The first thing that broke.
    """
    number, before, stage, played = 0, None, None, list[Played]()
    doing(name, behaviour, operations, 0, lines, shape)
    try:
        stage = begin()
        lines = stage.lines
        for number, operation in enumerate(operations):
            doing(name, behaviour, operations, number, lines, shape)
            before = stage.wanted_scene() if scenes else None
            if before is not None:
                played.append(Played(len(lines), before))
            reached[operation.verb, stage.state(operation)] += 1
            step(stage, operation)
        doing(name, behaviour, operations, number, lines, shape)
        for _ in finish(stage) or ():
            before = stage.wanted_scene() if scenes else None
    except (Exception, SystemExit) as error:  # a student's code may raise anything
        broken = broken_by(error, stage.asking if stage is not None else "")
    else:
        return None
    program = with_imports(lines)  # looking at the stage adds no lines to it
    after = _look(stage) if scenes and stage is not None else None
    return Failure(
        name,
        broken.promise,
        tuple(operations[: number + 1]),
        number,
        broken.expected,
        broken.actual,
        program,
        broken.call,
        behaviour,
        before,
        after,
        tuple(Played(len(program) - len(lines) + each.lines, each.scene) for each in played),
    )


def _look(stage: Stage) -> Scene | None:
    try:
        return stage.seen_scene()
    except (Exception, SystemExit):  # what is broken may not be looked at
        return None
