"""A story of large devices, drawn in cells of many blocks, so that a map of a gigabyte can be looked at.

>>> from snapsim.stories.story import Act, Cells, Change, Device, Frame, Owner, Story
>>> fine = Story("t", "s", owners=(Owner("v", "volume"),), devices=(Device("disk", 100),), acts=(Act("write"),),
...              frames=(Frame(0, "write", "disk", ((8, 8),), "data", requests=1, bytes=32768,
...                            change=Change((Cells("disk", 8, tuple("abcdefgh")),))),))
>>> story = coarser(fine, 4)
>>> story.cell_blocks, story.frames[0].runs, story.frames[0].change.cells[0].contents, story.frames[0].bytes
(4, ((8, 8),), ('a', 'e'), 32768)

What it leaves out: which of the blocks of a cell changed; the bill counts them all the same.
"""

from dataclasses import replace

from snapsim.stories.story import Cells, Change, Held, Story, joined

READABLE = 512
"""Blocks of a device that a map can show."""


def readable(story: Story, most: int = READABLE) -> Story:
    """The story in cells so large that no device shows more than `most` of them, its metadata not counted."""
    widest = max((len(blocks) for blocks in _shown(story).values()), default=0)
    factor = 1
    while widest > most * factor:
        factor *= 2
    return coarser(story, factor) if factor > 1 else story


def _shown(story: Story) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for change in (story.start, *(frame.change for frame in story.frames)):
        for cells in change.cells:
            if cells.purpose != "metadata":
                found.setdefault(cells.device, set()).update(range(cells.first, cells.first + len(cells.contents)))
    return found


def coarser(story: Story, factor: int) -> Story:
    """The same story with contents and owners in cells of `factor` of its blocks; requests keep their blocks."""
    frames = tuple(frame._replace(change=_change(frame.change, factor)) for frame in story.frames)
    return replace(story, start=_change(story.start, factor), frames=frames, cell_blocks=story.cell_blocks * factor)


def _change(change: Change, factor: int) -> Change:
    contents: dict[tuple[str, int], tuple[str, str]] = {}
    for cells in change.cells:
        for block, content in enumerate(cells.contents, cells.first):
            contents.setdefault((cells.device, block // factor), (content, cells.purpose))
    held: dict[tuple[str, int], set[int]] = {}
    for each in change.held:
        for block in range(each.first // factor, (each.first + each.length - 1) // factor + 1):
            held.setdefault((each.device, block), set()).update(each.owners)
    pointers = {
        (each.owner, each.block // factor): each._replace(block=each.block // factor, place=each.place // factor)
        for each in change.pointers
    }
    return change._replace(
        cells=tuple(
            Cells(device, first, tuple(contents[device, block][0] for block in range(first, first + count)), purpose)
            for device, first, count, purpose in joined({key: found[1] for key, found in contents.items()})
        ),
        held=tuple(
            Held(device, first, count, owners)
            for device, first, count, owners in joined({key: tuple(sorted(owners)) for key, owners in held.items()})
        ),
        pointers=tuple(pointers.values()),
    )
