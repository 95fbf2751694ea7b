"""Mounted trees: what a program sees of files, by paths and system calls.

Read in this order: `mount` (the calls, and what a tree has to give), `paths` (how a path is walked), `tree` (a plain
tree), `union` (several trees as one), `overlayfs` and `aufs` (the kernel's two unions, with the marks of `marks`),
`copy_up` (how a lower file comes to the upper tree), `metacopy` (without its data).

Images and containers do not live here: which trees are mounted over each other is a driver's business.
"""
