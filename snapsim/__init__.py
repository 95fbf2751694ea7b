"""snapsim: storage drivers and snapshots, block by block, with the bill."""

__version__ = "0.1.0"
