"""The drawings behind `snapsim.plot`; only the files of this folder import matplotlib."""
