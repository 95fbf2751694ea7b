"""A failure as a story to step through: a table of what is seen, one act for each operation.

>>> from snapsim.block.snapshots import FullCopy
>>> from snapsim.testing import snapshot, write
>>> from snapsim.testing.volumes.player import play
>>> class Forgets(FullCopy):
...     def _snapshot(self):
...         return self._forget(super()._snapshot())
...     def _forget(self, twin):
...         twin.devices[0].write(twin._first, 1)
...         return twin
>>> story = play(Forgets, [write(0, 0), snapshot()]).story()
>>> len(story.acts), story.acts[0].title, story.frames[-1].change.wrong[0].device
(2, 'v0.write(0, 100)', 'v1')

What it leaves out: requests of devices; the counter-example is about what is seen.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from snapsim.base.errors import InvalidInput
from snapsim.stories.story import Act, Change, Device, Frame, State, Story, Wrong, difference
from snapsim.testing.scene import MISSING, Scene

if TYPE_CHECKING:
    from snapsim.testing.failure import Failure


def story_of(failure: "Failure") -> Story:
    """The story of a failure.

    Raises
    ------
    InvalidInput
        No list of operations was played, so that there is nothing to step through.
    """
    after = failure.after
    if not failure.played or after is None:
        raise InvalidInput(
            f"{failure.mechanism}: no list of operations was played, so there is nothing to step through"
        )
    scenes = [played.scene for played in failure.played]
    columns = _columns([*scenes, after])
    rows = tuple(dict.fromkeys(row for scene in (*scenes, after) for row in (*scene.rows, *scene.wrong)))
    states = [_state(scene, columns) for scene in (*scenes, after)]
    ends = [*(played.lines for played in failure.played[1:]), len(failure.program)]
    acts = [
        Act("; ".join(failure.program[played.lines : end]) or f"step {number}", bill=False)
        for number, (played, end) in enumerate(zip(failure.played, ends, strict=True), 1)
    ]
    acts[-1] = acts[-1]._replace(
        says=(f"{failure.promise}: expected {failure.expected}, got {failure.actual}.", *after.lines())
    )
    frames = [
        Frame(number, "", sentence=_in_words(change, last=number == len(acts) - 1), change=change)
        for number, change in enumerate(difference(old, new) for old, new in pairwise(states))
    ]
    intro = (f"{failure.mechanism}: {failure.promise}", *failure.program[: failure.played[0].lines])
    return Story(
        f"{failure.mechanism}: {failure.promise}",
        failure.mechanism,
        intro=intro,
        devices=tuple(Device(row, len(columns), columns=columns) for row in rows),
        start=difference(State(), states[0]),
        acts=tuple(acts),
        frames=tuple(frames),
    )


def _columns(scenes: list[Scene]) -> tuple[str, ...]:
    names = {
        column for scene in scenes for rows in (scene.rows, scene.wrong) for row in rows.values() for column in row
    }
    return tuple(sorted(names, key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name)))


def _state(scene: Scene, columns: tuple[str, ...]) -> State:
    place: Mapping[str, int] = {column: number for number, column in enumerate(columns)}
    state = State()
    for row, cells in scene.rows.items():
        state.cells.update({(row, place[column]): (text, "data") for column, text in cells.items()})
    for row, cells in scene.wrong.items():
        state.wrong.update(
            {(row, place[column]): "nothing" if text == MISSING else text for column, text in cells.items()}
        )
    return state


def _in_words(change: Change, last: bool) -> str:
    wrong: tuple[Wrong, ...] = change.wrong
    if wrong:
        return f"{len(wrong)} of what is seen now {'is' if len(wrong) == 1 else 'are'} wrong"
    count = sum(len(cells.contents) for cells in change.cells)
    if last and not count:
        return "this step breaks the promise"
    return f"{count} of what should be seen {'has' if count == 1 else 'have'} changed" if count else "nothing changes"
