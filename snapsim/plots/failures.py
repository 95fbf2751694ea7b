"""A counter-example as a picture: the operations, the step that failed, expected and actual content side by side.

It reads plain attributes (`operations`, `step`, `expected`, `actual`), so that it needs nothing of the kit that
found the failure.

What it leaves out: long operations, which are cut; ``print(failure)`` has the program in full.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .style import INK, PALE, SMALL, TEXT, WRONG, axes_or_new, bare

_MISSING = "-"
_LONGEST = 48


def failure(found: Any, ax: Axes | None = None) -> Axes:
    """Draw a failure of `snapsim.testing`: wrong blocks (or paths) are framed and marked.

    Parameters
    ----------
    found : object
        `operations` (a sequence), `step` (the index of the one after which it was seen), `expected` and `actual`
        (arrays of stamps, or mappings of a path to content; anything else is shown as one cell).
    ax : Axes, optional

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> found = SimpleNamespace(operations=[("write", 0), ("snapshot",), ("write", 1)], step=2,
    ...                         expected=[7, 8], actual=[7, 9])
    >>> panel = failure(found)
    >>> [text.get_text() for text in panel.texts if text.get_color() == WRONG]
    ["3  ('write', 1)  <- seen here", '9']
    """
    expected, actual = _cells(found.expected), _cells(found.actual)
    names = list(dict.fromkeys([*expected, *actual]))
    told = [line for line in getattr(found, "program", ()) if not line.startswith("from ")]
    lines = told or found.operations
    height = max(len(lines), 4)
    ax = axes_or_new(ax, 6.5 + 0.55 * len(names), 1 + 0.28 * height)
    for number, operation in enumerate(lines):
        here, words = number == (len(lines) - 1 if told else found.step), f"{number + 1}  {operation}"
        words = words if len(words) <= _LONGEST else words[:_LONGEST - 3] + "..."
        ax.text(0, -number, words + ("  <- seen here" if here else ""), fontsize=SMALL + 1,
                va="center", color=WRONG if here else INK, fontweight="bold" if here else "normal")
    for x, name in enumerate(names, 7):
        ax.text(x + 0.5, 0, name, ha="center", va="center", fontsize=SMALL, color=PALE)
        want, have = expected.get(name, _MISSING), actual.get(name, _MISSING)
        _cell(ax, x, -1.6, want, False)
        _cell(ax, x, -2.8, have, want != have)
    for label, y in (("expected", -1.1), ("actual", -2.3)):
        ax.text(6.8, y, label, ha="right", va="center", fontsize=TEXT, color=INK)
    bare(ax, f"{type(found).__name__}: {len(found.operations)} operations")
    ax.set_xlim(-0.2, 7.2 + len(names))
    ax.set_ylim(-height, 1)
    return ax


def _cells(content: Any) -> dict[str, str]:
    """Name of a block or path -> its content as text."""
    if isinstance(content, Mapping):
        return {str(name): str(value) for name, value in content.items()}
    if isinstance(content, np.ndarray | Sequence) and not isinstance(content, str | bytes):
        return {str(number): str(value) for number, value in enumerate(content)}
    return {"": str(content)}


def _cell(ax: Axes, x: float, y: float, text: str, wrong: bool) -> None:
    ax.add_patch(Rectangle((x, y), 1, 1, facecolor="#FBE9DF" if wrong else "white",
                           edgecolor=WRONG if wrong else PALE, linewidth=2 if wrong else 0.7, zorder=1 + wrong))
    ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=SMALL, color=WRONG if wrong else INK, zorder=3,
            fontweight="bold" if wrong else "normal")
    if wrong:
        ax.text(x + 0.5, y - 0.35, "wrong", ha="center", va="center", fontsize=SMALL - 1, color=INK)
