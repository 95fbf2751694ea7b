"""The command line, one file for each command.

Read `main` (how a command is found, and how its errors are shown), then one file of `commands/`: its options, and what
it runs. `host_option` and `output` are what several commands have in common.

Nothing is calculated here: every figure that a command prints can be had from the same functions in Python.
"""
