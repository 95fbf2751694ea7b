"""Files of a btrfs subvolume as items of its tree: what each system call changes, now or at the commit.

| item | key | bytes |
|---|---|---|
| inode | (inode, 1, 0) | 160 |
| its name in its directory | (inode, 12, directory) | 10 + name |
| extended attribute | (inode, 24, hash) | 30 + name + value |
| directory entry by hash, by number | (directory, 84, hash), (directory, 96, number) | 30 + name each |
| extent of a file | (inode, 108, offset) | 53; 21 + content for a symbolic link or a file that is inline |
| unlinked while in use | (-5, 48, inode) | 0 |

An inode's own item and the entry by number change at the commit (they are *delayed*), all others at once.

>>> from snapsim.drivers.graphdrivers import Btrfs
>>> driver = Btrfs()
>>> driver.create("layer0")
>>> with driver.mounted("layer0") as mount:
...     mount.write("/f", 0, 8192)
8192
>>> driver.sync()
>>> tree = driver.filesystems()[0].metadata.tree
>>> [(key[1], size) for key, size, _ in tree.range((257, 0, 0), (258, 0, 0))]
[(1, 160), (12, 11), (108, 53)]

Source: fs/btrfs/inode.c `btrfs_create_new_inode`, `btrfs_add_link`, `btrfs_unlink_inode`, file.c
`btrfs_drop_extents`; dir-item.c.
"""

import os
from copy import copy
from typing import TYPE_CHECKING

from snapsim.files.filesystems.btrfs.crc32c import name_hash
from snapsim.files.filesystems.btrfs.delayed_items import DIR_INDEX, DIR_ITEM, INODE_ITEM
from snapsim.files.filesystems.btrfs.tree_block import Key
from snapsim.files.filesystems.btrfs.tree_log import EXTENT_BYTES, EXTENT_DATA
from snapsim.files.filesystems.btrfs.trees import INODE_REF, ROOT_DIRECTORY
from snapsim.files.inode import Inode
from snapsim.files.metadata import Metadata

if TYPE_CHECKING:
    from snapsim.files.data import Files
    from snapsim.files.filesystems.btrfs.disk import BtrfsDisk

LEAVES_OUT = "ACLs, compression."
"""What this model leaves out, as `snapsim fidelity` lists it."""

XATTR_ITEM, ORPHAN_ITEM = 24, 48
_ORPHANS = (1 << 64) - 5


class SubvolumeItems(Metadata):
    """The items of one subvolume.

    Parameters
    ----------
    fs : Files
    disk : BtrfsDisk
        The file system that the subvolume lives in.

    Attributes
    ----------
    tree : ItemTree
        The subvolume's tree.
    """

    def __init__(self, fs: "Files", disk: "BtrfsDisk") -> None:
        super().__init__(fs.store)
        self.fs, self.disk, self.trees, self.born = fs, disk, disk.trees, disk.trees.generation
        self.tree, parent = disk.open(self)
        self._new: set[int] = set()
        self._unlogged: set[int] = set()
        self._indices: dict[tuple[int, str], int] = {}
        self._accessed: dict[int, int] = {}
        self._xattrs: dict[int, dict[str, str]] = {}
        if parent is not None:
            self.born = 0
            for name in ("_indices", "_accessed", "_xattrs"):
                setattr(self, name, copy(getattr(parent, name)))

    def number(self, inode: Inode) -> int:
        """The number in the tree: 256 is the root directory."""
        return inode.number - 2 + ROOT_DIRECTORY

    # ---------------------------------------------------------------- something has to be known

    def looked_up(self, directory: Inode, name: str) -> None:
        """The entry by hash, and the inode."""
        self.tree.size_of((self.number(directory), DIR_ITEM, name_hash(name)))
        if name in directory.entries:
            self.tree.size_of((self.number(directory.entries[name]), INODE_ITEM, 0))

    def listed(self, directory: Inode) -> None:
        """All entries by number."""
        number = self.number(directory)
        self.tree.range((number, DIR_INDEX, 0), (number, DIR_INDEX + 1, 0))

    def accessed(self, inode: Inode) -> None:
        """relatime: a first read, or one after a change, sets the access time."""
        number = self.number(inode)
        if self._accessed.get(number, -1) < inode.mtime:
            self._accessed[number] = inode.mtime
            self.trees.delayed.put(self.tree, (number, INODE_ITEM, 0))

    def reading(self, inode: Inode, low: int, high: int) -> None:
        """The extents of a range of bytes, and the checksums of what they hold."""
        for key, _, extent in self._extents(self.number(inode), low, high):
            first, last = max(low, key[2]), min(high, key[2] + extent[2])
            self.trees.checksums.look(extent[0] + extent[1] + first - key[2], last - first)

    # ---------------------------------------------------------------- something changed

    def made(self, inode: Inode, directory: Inode | None) -> None:
        """Its items come with its name."""
        if directory is not None:
            self._new.add(self.number(inode))

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The inode's items if it is new, the back-reference, and the directory's two entries."""
        number, where = self.number(inode), self.number(directory)
        length = len(name.encode())
        if number in self._new and self.tree.size_of((number, INODE_ITEM, 0)) < 0:
            self.tree.insert_many([((number, INODE_ITEM, 0), 160), ((number, INODE_REF, where), 10 + length)])
            if inode.kind == "symlink":
                self.tree.insert((number, EXTENT_DATA, 0), 21 + inode.size)
        else:
            self._resize((number, INODE_REF, where), 10 + length)
        self._indices[where, name] = self.trees.delayed.add_name(self.tree, where, name)
        self.changed(inode)
        self.disk.relieve()

    def _resize(self, key: tuple[int, int, int], by: int) -> None:
        """Make an item longer (it may be new) or shorter (it may go)."""
        size = max(self.tree.size_of(key), 0)
        if not size:
            self.tree.insert(key, by)
        elif size + by > 0:
            self.tree.resize(key, size + by)
        else:
            self.tree.delete(key)

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """Entries and back-reference go; without names the inode is an orphan."""
        number, where = self.number(inode), self.number(directory)
        self.trees.delayed.remove_name(self.tree, where, name, self._indices.pop((where, name)))
        self._resize((number, INODE_REF, where), -10 - len(name.encode()))
        if inode.nlink <= 0:
            self.tree.insert((_ORPHANS, ORPHAN_ITEM, number), 0)
        self.changed(inode)
        self.disk.relieve()

    def gone(self, inode: Inode) -> None:
        """All its items go."""
        number = self.number(inode)
        self.trees.delayed.forget(self.tree, number)
        self.cut(inode, 0)
        for key, _, _ in self.tree.range((number, 0, 0), (number + 1, 0, 0)):
            self.tree.delete(key)
        self.tree.delete((_ORPHANS, ORPHAN_ITEM, number))
        for notes in (self._accessed, self._xattrs):
            notes.pop(number, None)
        self._unlogged.discard(number)
        self.disk.waits(self, number, dirty=False)
        self.disk.relieve()

    def written(self, inode: Inode) -> None:
        """Its item at the commit, and room for what its data will need; perhaps some of all that waits is too much."""
        self.changed(inode)
        self.disk.waits(self, self.number(inode), dirty=True)
        self.disk.relieve()

    def changed(self, inode: Inode) -> None:
        """Its item, at the commit; extended attributes at once."""
        number = self.number(inode)
        self._unlogged.add(number)
        if inode.xattrs != self._xattrs.get(number, {}):
            self._set_xattrs(number, inode.xattrs)
        self.trees.delayed.put(self.tree, (number, INODE_ITEM, 0))

    def _set_xattrs(self, number: int, xattrs: dict[str, str]) -> None:
        old = self._xattrs.get(number, {})
        for name in old.keys() | xattrs.keys():
            key = (number, XATTR_ITEM, name_hash(name))
            if name in old and old[name] != xattrs.get(name):
                self.tree.delete(key)
            if name in xattrs and old.get(name) != xattrs[name]:
                self.tree.insert(key, 30 + len(os.fsencode(name)) + len(os.fsencode(xattrs[name])))
        self._xattrs[number] = dict(xattrs)

    # ---------------------------------------------------------------- extents

    def _extents(self, number: int, low: int, high: int) -> list[tuple[Key, int, Key]]:
        """Items of extents that meet a range: key, size, (address, offset in the extent, length)."""
        first = self.tree.before((number, EXTENT_DATA, low))
        found = [] if first is None or first[0][:2] != (number, EXTENT_DATA) else [first]
        found += self.tree.range((number, EXTENT_DATA, low), (number, EXTENT_DATA, high))
        return [item for item in found if item[2] is not None and item[0][2] + item[2][2] > low]

    def drop_extents(self, number: int, low: int, high: int) -> None:
        """Cut a range out of a file: items go, get shorter, or are cut in two."""
        if not low:
            self._drop_inline(number)
        for key, _, (address, offset, length) in self._extents(number, low, high):
            first, end, owner = key[2], key[2] + length, (self.tree.name, number, key[2] - offset)
            tail = (number, EXTENT_DATA, high), EXTENT_BYTES, (address, offset + high - first, end - high)
            if first < low:
                self.tree.rekey(key, key, EXTENT_BYTES, (address, offset, low - first))
                if end > high:
                    self.tree.insert(*tail)
                    self.trees.references.change(address, owner, 1)
            elif end > high:
                self.tree.rekey(key, *tail)
            else:
                self.tree.delete(key)
                self.trees.references.change(address, owner, -1)

    def _drop_inline(self, number: int) -> None:
        key = (number, EXTENT_DATA, 0)
        if any(extent is None for _, _, extent in self.tree.range(key, (number, EXTENT_DATA, 1))):
            self.tree.delete(key)

    def cut(self, inode: Inode, size: int) -> None:
        """truncate(2) to no more than there is: the last item is looked for, what lies behind the last block goes."""
        keep, number = -(-size // self.fs.block_size) * self.fs.block_size, self.number(inode)
        self.disk.finish()
        self.tree.shadow((number, EXTENT_DATA, 1 << 62))
        self.drop_extents(number, keep, 1 << 62)

    def wrote(self, inode: Inode, low: int, high: int) -> None:
        """Bytes low to high were written back: they have new extents, whose items follow when the write is done."""
        self.disk.waits(self, self.number(inode), dirty=False)
        self.disk.order(self, self.number(inode), low, high)

    def wrote_inline(self, inode: Inode) -> None:
        """A file that fits was written back into the tree."""
        number = self.number(inode)
        self.disk.waits(self, number, dirty=False)
        self.drop_extents(number, 0, 1 << 62)
        self.tree.insert((number, EXTENT_DATA, 0), 21 + inode.size)

    def finish(self, number: int, low: int, size: int, address: int) -> None:
        """A write is done: the item of its extent, and its checksums."""
        self.drop_extents(number, low, low + size)
        self.tree.insert((number, EXTENT_DATA, low), EXTENT_BYTES, (address, 0, size))
        self.trees.checksums.add(address, size)
        self.trees.delayed.put(self.tree, (number, INODE_ITEM, 0))

    # ---------------------------------------------------------------- something has to be safe

    def fsynced(self, inode: Inode) -> None:
        """The log, or a commit where the subvolume or a chunk is of this transaction."""
        number = self.number(inode)
        if number not in self._unlogged:
            return
        self._unlogged.discard(number)
        if self.trees.generation in (self.born, self.trees.logs_refused):
            self.disk.finish()
            self.disk.store.commit()
        else:
            self.disk.log_inode(self, number, number in self._new)

    def committed(self) -> None:
        """The transaction is over: nothing is new, nothing has to be logged."""
        self._new.clear()
        self._unlogged.clear()

    def dropped(self) -> None:
        """Blocks of trees."""
        self.trees.drop_cache()
