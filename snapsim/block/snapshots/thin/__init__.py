"""dm-thin: volumes that take their blocks from one pool.

Read in this order: `pool` (what a pool is, and its messages), `volume` (requests through a map), `metadata` (what the
metadata device holds), `metadata_blocks` and `btree` (how it holds it). A pool makes volumes, and a volume that is made
alone makes its pool: `pool` and `volume` know each other.
"""
