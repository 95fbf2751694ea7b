"""One file for each command of the command line: TEXT (its help), `arguments` (its options), `run` (what it does).

The files are light; what a command needs beyond argparse it imports when it runs, so that ``snapsim --help`` is quick.

What they leave out: any calculation. Every figure that is printed can be had from the same functions in Python.
"""
