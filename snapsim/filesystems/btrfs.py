"""btrfs: files in a subvolume; the copy-on-write B-tree below decides where their blocks really lie.

The file system gives each block an address in the subvolume's own space and never thinks of sharing: that is the
volume's business (`snapsim.snapshots.CowBtree`), which moves a block at every write and keeps what snapshots still
reference. What is freed is discarded, so that the tree drops its items.

>>> from snapsim.snapshots import CowBtree
>>> fs = Btrfs(CowBtree.new(1 << 20, device_size=4096))
>>> file = fs.create(fs.root, "f", "file")
>>> fs.write(file, 0, 65536), fs.sync()
(None, None)
>>> snapshot = fs.on(fs.store.clone())             # a subvolume snapshot: no data moves
>>> fs.write(file, 0, 1), fs.sync()
(None, None)
>>> fs.store.usage().exclusive                     # one new extent of 4 KiB
4096

A file that was cut to nothing is written back when it is closed, one that is moved over another that is not
empty at the rename, as on ext4.

What it leaves out: inline files (up to 2048 bytes they live in the tree), compression, and data checksums.
"""

from ..filesystem import FileSystem, Inode


class Btrfs(FileSystem):
    """A btrfs subvolume."""

    name = "btrfs"
    discards = True

    def flushes_at_close(self, old: int, new: int) -> bool:
        """A file that was cut to nothing."""
        return new == 0

    def flushes_at_rename(self, replaced: Inode) -> bool:
        """What is replaced was not empty."""
        return replaced.size > 0
