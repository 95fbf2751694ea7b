"""btrfs below its subvolumes: all its trees, item by item, so that what a commit writes follows from its rules.

Read in this order: `tree_block`, `item_tree` (a B-tree of items), `tree_blocks` (shadowing), `block_groups`,
`references`, `checksum_tree`, `delayed_items`, `reservations`, `trees` (all trees and the commit), `tree_log` (fsync),
`subvolume` (files), `disk` (sync).

The mechanism that all this serves is one file: `snapsim.block.snapshots.cow_btree.volume`.

What it leaves out: what a block looks like on the disk.
"""
