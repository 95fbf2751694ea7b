"""btrfs: extents in copy-on-write B-trees; a snapshot is a second root.

Read in this order: `volume` (the mechanism), `tree` (its B-tree), `extents` (a table of extents), `store` (the device
that all trees share, and what a commit writes).
"""
