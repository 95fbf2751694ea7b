"""The drawings behind `snapsim.plot`; only the files of this folder import matplotlib.

What it leaves out: nothing of its own is here.
"""
