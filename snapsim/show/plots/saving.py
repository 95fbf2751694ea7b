"""Figures are saved whole or not at all, each with a text for readers who do not see it.

The same figure gives the same bytes: no date is written, and the names inside an SVG are fixed.

What it leaves out: other formats that matplotlib knows.
"""

import html
import io
import os
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snapsim.base.atomic_write import replace_file
from snapsim.base.errors import InvalidInput
from snapsim.show.plots.alt import alt_text

_UNDATED: dict[str, dict[str, str | None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save(figure: Figure | Axes, path: str | os.PathLike[str], dpi: int = 150) -> None:
    """Write a figure as PNG, SVG or PDF, as the suffix says; an older file is replaced in one step.

    Parameters
    ----------
    figure : Figure or Axes
        An Axes stands for the whole figure that it is in.
    path : path
        Ends in .png, .svg or .pdf.
    dpi : int
        Dots an inch, of a PNG.

    Raises
    ------
    InvalidInput
        Another suffix, or a place where nothing can be written; no file was changed then.

    Examples
    --------
    >>> from snapsim.show.plots.style import new_figure
    >>> save(new_figure(1, 1), "costs.gif")
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: costs.gif: '.gif' is no format for figures: .png, .svg or .pdf
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in _UNDATED:
        raise InvalidInput(f"{target.suffix!r} is no format for figures: .png, .svg or .pdf", str(target))
    part = figure.figure
    if part is None:
        raise InvalidInput("Axes that stand in no figure", str(target))
    whole = part.figure  # of a subfigure its figure, of a figure itself
    page, said = io.BytesIO(), alt_text(whole)
    with rc_context({"svg.hashsalt": "snapsim"}):
        whole.savefig(page, format=kind, dpi=dpi, metadata={**_UNDATED[kind], **_with_text(kind, said)})
    replace_file(target, _described(page.getvalue(), said) if kind == "svg" else page.getvalue())


def _with_text(kind: str, said: str) -> dict[str, str | None]:
    """The alternative text, under the key of the format's metadata."""
    return {{"png": "Description", "svg": "Description", "pdf": "Subject"}[kind]: said} if said else {}


def _described(svg: bytes, said: str) -> bytes:
    """The SVG as one image with a title and a description, which screen readers read out."""
    head, tag, rest = svg.partition(b"<svg ")
    opening, end, body = rest.partition(b">")
    title = said.partition(".")[0] or "figure"
    words = f"\n <title>{html.escape(title)}</title>\n <desc>{html.escape(said)}</desc>"
    return head + tag + b'role="img" ' + opening + end + words.encode() + body
