"""Mounted trees: what a program sees of files, by paths and system calls.

Read in this order: `contract` (what a tree has to give), `namei` (how a path is walked), `mount` (the calls by path),
`open_file` (those by descriptor), `xattr` (those about extended attributes), `tree` (a plain tree), `union` (several
trees as one, and how a lower file comes to the upper tree), `overlayfs` and `aufs` (the kernel's two unions, with the
marks of `marks`), `metacopy` (a copy without its data).

Images and containers do not live here: which trees are mounted over each other is a driver's business.
"""
