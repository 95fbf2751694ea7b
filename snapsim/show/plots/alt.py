"""Alternative text of figures: a description for readers who do not see the figure, made from its data.

A function that draws a panel also describes it (`describe`); saving and showing a figure use the text of all its panels
(`alt_text`).

>>> from snapsim.show.plots.style import new_figure
>>> panel = new_figure(2, 2).add_subplot()
>>> _ = panel.set_title("Bytes", loc="left")
>>> describe(panel, {"btrfs": "3 B", "zfs": "5 B"})
>>> alt_text(panel.figure)
'Bytes. btrfs: 3 B; zfs: 5 B.'

What it leaves out: colours and places on paper, which say nothing that the text does not.
"""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes

LONGEST = 4000
"""Letters of the text of a figure."""

_SAID: "WeakKeyDictionary[Axes, str]" = WeakKeyDictionary()


def describe(ax: Axes, parts: Mapping[str, str] | str) -> None:
    """Attach a description to a panel: a sentence, or a text for each of its rows or curves."""
    _SAID[ax] = parts if isinstance(parts, str) else "; ".join(f"{name}: {said}" for name, said in parts.items())


def alt_text(figure: Any) -> str:
    """The text of a whole figure: the title and the description of each panel."""
    panels = [text for text in map(_of_panel, figure.axes) if text]
    heading = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
    text = " ".join([heading + "."] * bool(heading) + panels)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _of_panel(ax: Axes) -> str:
    title = " ".join((ax.get_title(loc="left") or ax.get_title()).split())
    said = _SAID.get(ax, "")
    if not said:  # drawn by somebody else: names of the axes at least
        said = ", ".join(label for label in (ax.get_xlabel(), ax.get_ylabel()) if label)
    return " ".join(f"{part.rstrip('.')}." for part in (title, said) if part)
