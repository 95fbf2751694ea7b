"""Files: the page cache, where blocks are placed, names and inodes, the file systems, and the trees that are mounted.

Read in this order: `pages` (what is in memory, and dirty), `data` (reading and writing a file's blocks), `filesystem`
(names and inodes, and the contract of a kind of file system), `metadata` (what a file system is told, so that it can
bill its journal, inodes and trees). Then a kind of file system in `filesystems/`, and in `mounts/` what a program
sees: paths and system calls, and how a union shows several trees as one.

What a container and an image are does not live here: a union mount is the kernel's, not Docker's.
"""
