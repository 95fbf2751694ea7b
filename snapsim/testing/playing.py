"""Playing a list of operations on anything: the bridge from a `Broken` promise to a `Failure`.

What differs between volumes, pools, unions, drivers and engines is the *stage*: the thing that is judged beside the
simplest thing that can be right, the lines of a program so far, and what is seen of both.

LEAVES OUT: code that never returns (see `isolation`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from snapsim.testing.failure import Failure, Played, broken_by
from snapsim.testing.isolation import doing
from snapsim.testing.scene import Scene


class Stage(Protocol):
    """What a list is played on."""

    lines: list[str]

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
            step(stage, operation)
        doing(name, behaviour, operations, number, lines, shape)
        for _ in finish(stage) or ():
            before = stage.wanted_scene() if scenes else None
    except (Exception, SystemExit) as error:  # a student's code may raise anything
        broken = broken_by(error)
    else:
        return None
    program = tuple(lines)  # looking at the stage adds no lines to it
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
        tuple(played),
    )


def _look(stage: Stage) -> Scene | None:
    try:
        return stage.seen_scene()
    except (Exception, SystemExit):  # what is broken may not be looked at
        return None
