"""Figures: functions that take plain data and, where wanted, an Axes; they return the Axes and keep no state.

No other package imports matplotlib, and `import snapsim` does not load this one. A figure is a
`matplotlib.figure.Figure` on the Agg canvas: it needs no display, `pyplot` does not know it, and a notebook shows it
when it is the last value of a cell (``plot.cost_bars(result).figure``).

Colours are those of Okabe and Ito, and a hatch, a marker or a label says the same again.

=====================  ==========================================================================
`cost_bars`            the bill of a `Result`; its panels alone: `io_bars`, `space_bars`, `time_bars`, `host_bars`
`amplification`        write amplification over the size of a write, a curve for each mechanism
`block_map`            the blocks before and after a write, with what was copied and redirected
`layer_stack`          layers and files, copy-ups, whiteouts, opaque directories
`fidelity`             predicted against measured, a mark for each row
`ledger_bars`          what each image, container or layer holds alone and with others
`io_over_time`         the requests of a recording: offset over request number
`failure`              a counter-example of `snapsim.testing`
`what_if_bars`         a host's images and containers on every stack, bounds as ranges
`save`                 to PNG, SVG or PDF
`alt_text`             what a figure shows, in words, made from its data; saved with it
=====================  ==========================================================================

What it leaves out: interaction and animation.
"""

from snapsim.show.plots.alt import alt_text
from snapsim.show.plots.bars import cost_bars, host_bars, io_bars, space_bars, time_bars
from snapsim.show.plots.curves import amplification, io_over_time
from snapsim.show.plots.failures import failure
from snapsim.show.plots.fidelity import fidelity
from snapsim.show.plots.ledger import ledger_bars
from snapsim.show.plots.maps import block_map, layer_stack
from snapsim.show.plots.saving import save
from snapsim.show.plots.what_if import bound_bars, what_if_bars

__all__ = [
    "alt_text",
    "amplification",
    "block_map",
    "bound_bars",
    "cost_bars",
    "failure",
    "fidelity",
    "host_bars",
    "io_bars",
    "io_over_time",
    "layer_stack",
    "ledger_bars",
    "save",
    "space_bars",
    "time_bars",
    "what_if_bars",
]
