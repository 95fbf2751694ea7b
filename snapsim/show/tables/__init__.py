"""The tables of the terminal: one file a command; `table` makes and prints one.

No figure is calculated here: each cell is a field of a result of a lower package.
"""
