"""How figures look: colours, hatches and markers by purpose, figures that need no display and keep no state.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), which people with any kind of colour vision
tell apart; a hatch, marker or label says the same again, for print without colours. Nothing global is set: style
sheets and `pyplot` stay untouched.

What it leaves out: dark backgrounds, and fonts other than the one that matplotlib brings along.
"""

import base64
import html
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from snapsim.base.units import format_size
from snapsim.block.device import PURPOSES
from snapsim.show.colours import COLOURS as COLOURS
from snapsim.show.colours import HATCHES as HATCHES
from snapsim.show.colours import INK as INK
from snapsim.show.colours import OKABE_ITO as OKABE_ITO
from snapsim.show.colours import PALE as PALE
from snapsim.show.colours import WRONG as WRONG
from snapsim.show.plots.alt import alt_text

MARKERS = {"read": "o", "write": "s", "discard": "x"}
TEXT, LABEL, SMALL = 9, 8, 7.5


class Picture(Figure):
    """A matplotlib figure that a notebook shows by itself, and that `pyplot` knows nothing of.

    Names in it may come from files of any origin: a ``$`` is a letter and begins no formula, and a letter that the font
    does not have is drawn as a box, without a warning.
    """

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")
            super().draw(renderer)

    def alt_text(self) -> str:
        """A description for readers who do not see the figure, made from its data."""
        return alt_text(self)

    def _repr_png_(self) -> bytes:
        page = io.BytesIO()
        self.savefig(page, format="png", dpi=110, metadata={"Description": alt_text(self)})
        return page.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A picture with its text, for screen readers: as HTML, which JupyterLab shows, and beside the PNG."""
        said, png = alt_text(self), base64.b64encode(self._repr_png_()).decode()
        page = f'<img alt="{html.escape(said)}" src="data:image/png;base64,{png}">'
        return {"text/html": page, "image/png": png, "text/plain": said}, {"image/png": {"alt": said}}


def new_figure(width: float, height: float, constrained: bool = True) -> Picture:
    """An empty figure of so many inches; matplotlib finds room for labels and titles if it is constrained."""
    figure = Picture(figsize=(width, height), layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def axes_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    """The Axes that were given, or those of a new figure of so many inches."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def tidy(ax: Axes, title: str) -> None:
    """A title on the left, no frame but the axes, small ticks."""
    ax.set_title(title, loc="left", fontsize=TEXT + 1, fontweight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=SMALL, colors=INK)


def bare(ax: Axes, title: str) -> None:
    """Axes for a drawing: no ticks and no frame."""
    ax.set_title(title, loc="left", fontsize=TEXT + 1, fontweight="bold", color=INK)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def size_axis(axis: Axis, label: str) -> None:
    """Ticks in bytes with binary units, at most six of them."""
    axis.set_major_locator(_BinaryLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_size(value)))
    axis.set_label_text(label, fontsize=LABEL)


class _BinaryLocator(MaxNLocator):
    """Ticks at round numbers of the largest binary unit that fits: 0, 20 MiB, 40 MiB and not 19.1 MiB."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        unit = 1.0
        while max(abs(vmin), abs(vmax)) >= 2 * 1024 * unit:
            unit *= 1024
        return np.asarray(super().tick_values(vmin / unit, vmax / unit)) * unit


def purpose_legend(ax: Axes, present: Sequence[str]) -> None:
    """A legend of the purposes, colour and hatch, beside the title."""
    legend_above(
        ax,
        [
            Patch(facecolor=COLOURS[name], hatch=HATCHES[name], edgecolor="white", label=name)
            for name in PURPOSES
            if name in present
        ],
    )


def legend_above(ax: Axes, handles: Sequence[Artist]) -> None:
    """A legend of one line over the right end of the Axes, where it covers no data."""
    if handles:
        ax.legend(
            handles=list(handles),
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=len(handles),
            frameon=False,
            fontsize=SMALL,
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.1,
        )
