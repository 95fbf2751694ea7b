"""The player of stories: one file to open, mail or project, and a widget in a notebook.

``player.js`` draws and steps, ``player.css`` sets the style; both are copied into the page unchanged, so that a reader
of the page's source finds the files of this folder.

>>> from snapsim.stories import tell
>>> story = tell("thin-pool", "snapshot; write 3")
>>> text = page([story])
>>> len(text) < MOST_BYTES, text.count("http:"), "</script><" in text.split("player-data")[1].split("</script>")[0]
(True, 1, False)

(The one ``http:`` is the name of SVG.)

What it leaves out: serving pages, and stories that grow while one looks.
"""

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snapsim.base.atomic_write import replace_file
from snapsim.base.errors import InvalidInput
from snapsim.show.player.still import still_picture
from snapsim.show.player.widget import player_widget
from snapsim.stories.story import Story
from snapsim.stories.text import LEVELS, lines, masked

MOST_BYTES = 400 * 1000
"""Of a page."""

_HERE = Path(__file__).parent


def script() -> str:
    """The player's module."""
    return (_HERE / "player.js").read_text(encoding="utf-8")


def style() -> str:
    """The player's style sheet."""
    return (_HERE / "player.css").read_text(encoding="utf-8")


def data(stories: Sequence[Story], beside: bool = False, level: str = "data", ask: bool = False) -> str:
    """The data that the player reads, as JSON.

    Parameters
    ----------
    stories : sequence of Story
        One after the other, or side by side.
    beside : bool
        Side by side and in step.
    level : str
        The level of detail to begin with.
    ask : bool
        Whether each step asks its reader for a prediction before it shows the figures.

    Raises
    ------
    InvalidInput
        No story, more than two side by side, or no such level.
    """
    if not stories or (beside and len(stories) != 2):
        raise InvalidInput(f"{len(stories)} stories: one or more are allowed, and two side by side")
    if level not in LEVELS:
        raise InvalidInput(f"{level!r} is not allowed: one of {', '.join(LEVELS)}", "level")
    told = {"stories": [story.to_dict() for story in stories], "beside": beside, "level": level, "ask": ask}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def page(stories: Sequence[Story], beside: bool = False, level: str = "data", ask: bool = False) -> str:
    """A page of HTML with the player in it, which needs neither the network nor another file.

    Where no JavaScript runs it shows the steps as text. Parameters and errors as of `data`; also:

    Raises
    ------
    InvalidInput
        The page would be larger than `MOST_BYTES`, even with one frame for each rule of the metadata.
    """
    for candidates in (stories, [story.shorter() for story in stories]):
        text = _page(candidates, beside, level, ask)
        if len(text.encode()) <= MOST_BYTES:
            return text
    raise InvalidInput(
        f"the page has {len(text.encode())} bytes: at most {MOST_BYTES} are allowed; tell fewer "
        "operations, or smaller files"
    )


def _page(stories: Sequence[Story], beside: bool, level: str, ask: bool) -> str:
    title = " | ".join(story.title for story in stories) if beside else stories[0].title
    held = data(stories, beside, level, ask).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    spoken = "\n\n".join(plain_text(story, level, ask) for story in stories)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title>",
            f"<style>\nbody {{ margin: 0; }}\n{style()}</style>",
            "</head>",
            "<body>",
            f'<main id="player"><pre>{html.escape(spoken)}</pre></main>',
            f'<script type="application/json" id="player-data">{held}</script>',
            f'<script type="module">\n{script()}',
            'const page = JSON.parse(document.getElementById("player-data").textContent);',
            'globalThis.player = mount(document.getElementById("player"), page);',
            "</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def plain_text(story: Story, level: str = "data", ask: bool = False) -> str:
    """Title and steps as text."""
    return "\n".join([masked(story.title) if ask and not story.acts else story.title, *lines(story, level, ask)])


def save_page(
    path: str | os.PathLike[str], stories: Sequence[Story], beside: bool = False, level: str = "data", ask: bool = False
) -> None:
    """Write `page` to a file, whole or not at all.

    Raises
    ------
    InvalidInput
        The file's name does not end in .html, or nothing can be written there.
    """
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(f"{target.suffix!r} is no format for a page: .html", str(target))
    replace_file(target, page(stories, beside, level, ask).encode())


class Player:
    """Stories to step through in a notebook: a widget by anywidget; text where no JavaScript runs.

    Parameters
    ----------
    stories : sequence of Story
    beside, level, ask
        As of `page`.

    Examples
    --------
    >>> from snapsim.stories import tell
    >>> print(Player([tell("full-copy", "write 3")]))
    full-copy: write 3
    A volume of 8 blocks of 4 KiB, all written; a chunk is one block.
    <BLANKLINE>
    write 3
      write  copies 3            4 KiB  data      the user's data is written
    Bill (requests): read nothing; written 4 KiB data (1)
    """

    def __init__(self, stories: Sequence[Story], beside: bool = False, level: str = "data", ask: bool = False) -> None:
        self.stories, self.beside, self.level, self.ask = tuple(stories), beside, level, ask
        self._data = data(stories, beside, level, ask)
        self._widget: Any = None

    def __str__(self) -> str:
        return "\n\n".join(plain_text(story, self.level, self.ask) for story in self.stories)

    def __repr__(self) -> str:
        return str(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the player as one file; see `save_page`."""
        save_page(path, self.stories, self.beside, self.level, self.ask)

    def widget(self) -> Any:
        """The widget, made once.

        Raises
        ------
        InvalidInput
            anywidget is not installed.
        """
        if self._widget is None:
            self._widget = player_widget(self._data)
        return self._widget

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The widget if there is one, and always a picture of the last state and the text."""
        still = f"{still_picture(self.stories[-1])}<pre>{html.escape(str(self))}</pre>"
        bundle = {"text/plain": str(self), "text/html": still}
        try:
            shown = self.widget()._repr_mimebundle_()
        except InvalidInput:
            return bundle
        found = shown[0] if isinstance(shown, tuple) else shown
        return {**found, **bundle} if found else bundle
