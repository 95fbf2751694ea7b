"""ZFS: records with birth times, in a pool that writes all changes of a transaction group together.

Read in this order: `volume` (datasets, snapshots, clones), `pointers` (where their records lie), `zpool` (the pool).
"""
