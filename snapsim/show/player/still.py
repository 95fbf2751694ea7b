"""The last state of a story as one SVG without JavaScript: for static notebooks, mail and print.

It draws what the player draws, without arrows: the blocks of each volume and device that hold something.

>>> from snapsim.stories import tell
>>> still_picture(tell("thin-pool", "snapshot; write 3")).count("<rect")
25

What it leaves out: devices of which a story names more than `MOST` blocks are cut there.
"""

import html
from collections.abc import Iterator

from snapsim.show.colours import COLOURS, INK, PALE
from snapsim.stories.story import State, Story

MOST = 256
_CELL, _LEFT, _COLUMNS = 30, 80, 16
_TINTS = {"data": "#cfe3f1", "copy": "#fbe3b5", "metadata": "#bfe3d5", "zero": "#eeeeee"}


def still_picture(story: Story) -> str:
    """The picture, with a title and a description for those who do not see it."""
    state = story.state(len(story.frames) - 1)
    body, y = list[str](), 8
    for name, cells in _rows(story, state):
        body.append(f'<text x="{_LEFT - 8}" y="{y + 20}" text-anchor="end" font-size="13">{html.escape(name)}</text>')
        for number, (content, purpose, told) in enumerate(cells):
            x, top = _LEFT + number % _COLUMNS * _CELL, y + number // _COLUMNS * _CELL
            body.append(
                f"<g><title>{html.escape(told)}</title>"
                f'<rect x="{x}" y="{top}" width="{_CELL - 2}" height="{_CELL - 2}" '
                f'fill="{_TINTS.get(purpose, "#ffffff")}" stroke="{COLOURS.get(purpose, PALE)}"/>'
                f'<text x="{x + _CELL // 2 - 1}" y="{top + 18}" text-anchor="middle" font-size="11">'
                f"{html.escape(content.rpartition(' ')[2][:4])}</text></g>"
            )
        y += (len(cells) + _COLUMNS - 1) // _COLUMNS * _CELL + 10
    width = _LEFT + _COLUMNS * _CELL + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" role="img" '
        f'fill="{INK}" font-family="sans-serif"><title>{html.escape(story.title)}: the blocks at the end</title>'
        f"<desc>{html.escape(in_words(story, state))}</desc>{''.join(body)}</svg>"
    )


def in_words(story: Story, state: State) -> str:
    """What each row holds, in a sentence."""
    return " ".join(
        f"{name}: {', '.join(content or 'nothing' for content, _, _ in cells[:16])}"
        f"{' and so on' if len(cells) > 16 else ''}."
        for name, cells in _rows(story, state)
    )


def _rows(story: Story, state: State) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    for number, owner in enumerate(story.owners):
        if number in state.living and owner.blocks:
            places = [state.pointers.get((number, block), ("", 0)) for block in range(owner.blocks)]
            yield (
                owner.name,
                [
                    (*state.cells.get(place, ("", "")), f"block {block}: {place[0]} {place[1]}")
                    for block, place in enumerate(places)
                ],
            )
    for device in story.devices:
        cells = sorted(
            key
            for key, (content, purpose) in state.cells.items()
            if key[0] == device.name and purpose != "metadata" and content
        )
        if cells:
            yield (
                device.name,
                [(*state.cells[key], f"{key[0]} {key[1]}: {state.cells[key][0]}") for key in cells[:MOST]],
            )
