"""Is a figure legible? No text covers another, and none leaves the paper."""

import itertools
from typing import Any

from matplotlib.axes import Axes


def overlaps(boxes: list[Any]) -> list[tuple[int, int]]:
    """Pairs of boxes that cover one another, a pixel allowed."""
    return [
        (i, j)
        for (i, a), (j, b) in itertools.combinations(enumerate(boxes), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


def assert_legible(ax: Axes) -> None:
    """No tick label covers another, no title covers the legend, no text leaves the figure."""
    figure = ax.figure
    figure.draw_without_rendering()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            shown = [label for label in ticks if label.get_visible() and label.get_text()]
            boxes = [label.get_window_extent() for label in shown if not label.get_rotation()]
            assert not overlaps(boxes), [label.get_text() for label in shown]
        legend = panel.get_legend()
        texts = [text for text in panel.texts if text.get_text()]
        if legend:
            assert not overlaps([legend.get_window_extent(), panel._left_title.get_window_extent()])
            covered = [
                text.get_text() for text in texts if overlaps([legend.get_window_extent(), text.get_window_extent()])
            ]
            assert not covered
        names = [
            label.get_window_extent()
            for other in figure.axes
            if other is not panel
            for label in other.get_yticklabels()
        ]
        for text in texts:
            box = text.get_window_extent()
            assert not any(overlaps([box, name]) for name in names), text.get_text()
            assert box.x0 >= -1, text.get_text()
            assert box.x1 <= figure.bbox.width + 1, text.get_text()
