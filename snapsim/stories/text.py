"""A story in the terminal, at a level of detail, and as a problem whose numbers are left out.

=============  ==========================================================================================
``data``       data and copies request by request of one rule; metadata of one device summed up in a line
``metadata``   metadata too, one line for each rule
``all``        every single request
=============  ==========================================================================================

The player of a page steps by the same groups (`stops`).

>>> from snapsim.stories.operations import parse
>>> from snapsim.stories.volumes import ThinVolume, tell
>>> story = tell(ThinVolume, "thin-pool", parse("thin-pool", "snapshot; write 3"))
>>> print("\\n".join(lines(story)).split("\\n\\n")[2])
write 3
  write  data 8              4 KiB  data      the user's data is written
  write  metadata 0..34     32 KiB  metadata  changed metadata goes to new blocks; and 1 more (8 requests)
  pointer                                     block 3 of v is read from data 8 now
Bill (requests): read nothing; written 4 KiB data (1), 32 KiB metadata (8)
>>> print("\\n".join(lines(story, ask=True)).split("\\n\\n")[2])
write 3
  write  data ?                  ?  data      the user's data is written
  write  metadata ?              ?  metadata  changed metadata goes to new blocks; and ? more (? requests)
  pointer                                     block ? of v is read from data ? now
Bill (requests): read nothing; written ? KiB data (?), ? KiB metadata (?)

What it leaves out: pictures.
"""

import re
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.block.device import IO, IOCounts
from snapsim.stories.narration import bill, line
from snapsim.stories.story import Frame, Story

LEVELS = ("data", "metadata", "all")


def stops(story: Story, level: str = "data") -> list[tuple[int, ...]]:
    """The frames that are shown together at a level, group by group: numbers of frames.

    Raises
    ------
    InvalidInput
        No such level.
    """
    if level not in LEVELS:
        raise InvalidInput(f"{level!r} is not allowed: one of {', '.join(LEVELS)}", "level")
    numbered = groupby(range(len(story.frames)), lambda number: _group(story.frames[number], number, level))
    return [tuple(group) for _, group in numbered]


def _group(frame: Frame, number: int, level: str) -> tuple[object, ...]:
    if level == "all" or not frame.operation:
        return (number,)
    rule = "" if level == "data" and frame.purpose == "metadata" else frame.rule
    return frame.act, frame.operation, frame.device, frame.purpose, rule


def lines(
    story: Story, level: str = "data", ask: bool = False, skip: Collection[int] = (), pointers: bool = True
) -> Iterator[str]:
    """The story, line by line.

    Parameters
    ----------
    story : Story
    level : str
        One of `LEVELS`.
    ask : bool
        Leave out every number that follows from the operations: a ``?`` instead.
    skip : collection of int
        Acts that are not told.
    pointers : bool
        Tell the bookkeeping without I/O, too.
    """
    groups: dict[int, list[tuple[int, ...]]] = {number: [] for number in range(len(story.acts))}
    for group in stops(story, level):
        groups[story.frames[group[0]].act].append(group)
    yield from story.intro
    for number, act in enumerate(story.acts):
        if number in skip:
            continue
        yield f"\n{act.title}"
        yield from _told(story, number, groups[number], level, ask, pointers)


def _told(
    story: Story, number: int, groups: list[tuple[int, ...]], level: str, ask: bool, pointers: bool
) -> Iterator[str]:
    new = [device.name for device in story.devices if device.since == number] if level != "all" else []
    for group in groups:
        frames = [story.frames[each] for each in group]
        if frames[0].device not in new and (pointers or frames[0].operation):
            yield from _lines(frames, story.block_size, level, ask)
    act, total = story.acts[number], counts(story, number)
    rest = [f"  a new device, {name}. {bill(counts(story, number, name))}" for name in new]
    nothing = "no data moves" if story.owners and story.owners[0].kind == "image" else "nothing"
    if act.bill:
        rest.append(bill(total) if total != IOCounts() else f"Bill: {nothing}; no device saw a request")
    rest += act.says
    yield from map(masked, rest) if ask else rest


def _lines(frames: list[Frame], block_size: int, level: str, ask: bool) -> Iterator[str]:
    if not frames[0].operation:
        yield f"  {'pointer':43} {masked(frames[0].sentence) if ask else frames[0].sentence}"
        return
    ios = [
        IO(frame.device, frame.operation, first, length, frame.purpose, "", frame.rule)
        for frame in frames
        for first, length in frame.runs
    ]
    for group in [[io] for io in ios] if level == "all" else [ios]:
        told = line(group, block_size)
        yield _asked(told, group[0]) if ask else told


def _asked(told: str, io: IO) -> str:
    """The line without where and how much, in the same columns."""
    place = len(io.device) + 10
    rest = told[told.index(f"  {io.purpose}", 30) :]
    return f"{told[:place]}{'?':{max(26 - place, 1)}}{'?':>8}{masked(rest)}"


def counts(story: Story, act: int, device: str = "") -> IOCounts:
    """What an act cost, on all devices or on one."""
    total = IOCounts()
    for frame in story.act(act):
        if frame.operation and device in ("", frame.device):
            cells: dict[str, Any] = {f"{frame.operation}_{frame.purpose}": (frame.requests, frame.bytes)}
            total += IOCounts(**cells)
    return total


def masked(told: str) -> str:
    """The line without its numbers, names such as s1 and cow0 untouched.

    Examples
    --------
    >>> masked("Block 3 of s1 is in cow0 2: read 8 KiB (2)")
    'Block ? of s1 is in cow0 ?: read ? KiB (?)'
    """
    return re.sub(r"(?<![\w'/.])\d+(?:[.,\-]+\d+)*", "?", told)
