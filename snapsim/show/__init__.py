"""Data in, pictures out: figures, diagrams, tables, text.

`plots/` holds the figures and is the only place that imports matplotlib, `tables/` the tables of the terminal, one
file a command; `diagrams` are pictures of blocks and layers as plain data, `terminal` prints text and JSON.

No figure is calculated here.
"""
