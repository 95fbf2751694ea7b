"""aufs: the older union mount, with marks that are plain files, late copy-up, and hard links that hold.

What it adds to `snapsim.files.mounts.union` (the layers are called branches here):

- A lower file is copied up **at its first change**, not when it is opened; truncate(2) to n bytes copies n bytes only.
  The copy stays in the page cache, so that a block which is written again before the next sync reaches the device once.
- A whiteout of ``f`` is a file ``.wh.f``, a hard link of ``.wh..wh.aufs``; an opaque directory holds ``.wh..wh..opq``.
  Names that start with ``.wh.`` are nobody else's: EPERM.
- **Pseudo-links** keep the names of one lower file together. Its copy gets a second name in ``.wh..wh.plnk``; the other
  names are seen as the copy from then on, and become links in the upper directory when they are opened, even to read.
  link(2) copies up under the new name only. A new mount knows of none; `flush` makes links of all of them before.
- The first mount makes ``.wh..wh.aufs``, ``.wh..wh.orph`` and ``.wh..wh.plnk`` in the upper branch.
- Inode numbers are aufs' own, given out in the order of look-up; a copy keeps its number, a new mount starts again.

Measured on Linux 6.1 with aufs 6.1: snapsim/data/measured/aufs-ext4.json.

>>> import os
>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(1024))
>>> lower, upper = (fs.create(fs.root, name, "directory") for name in ("lower", "upper"))
>>> file = fs.create(lower, "f", "file"); fs.write(file, 0, 1 << 20); fs.sync(); fs.drop_caches()
>>> mount = AufsMount(fs, [lower], upper)
>>> mount.open("/f", os.O_RDWR).close(); sorted(upper.entries)
['.wh..wh.aufs', '.wh..wh.orph', '.wh..wh.plnk']
>>> with fs.store.counting() as io:
...     mount.write("/f", 0, 1); mount.sync()              # the first block is written once, with the user's byte
1
>>> io.counts.bytes("write", "copy"), io.counts.bytes("write", "data")
(1044480, 4096)
>>> mount.unlink("/f"); mount.listdir("/"), ".wh.f" in upper.entries
([], True)

What it leaves out: several writable branches, udba, and dirren.
"""

import errno
import itertools
from collections.abc import Iterable, Sequence

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts.contract import Stat
from snapsim.files.mounts.marks import OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.union import Node, Part, Union

BASE, ORPHANS, PSEUDO_LINKS = ".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"
MOST_BRANCHES = 127  # CONFIG_AUFS_BRANCH_MAX_127: more are ENOSPC
MOST_NAME = 242  # a whiteout of a whiteout has to fit: AUFS_MAX_NAMELEN
ROOT_NUMBER, FIRST_NUMBER = 2, 11


class AufsTree(Union):
    """What ``mount -t aufs -o br:UPPER=rw:LOWER=ro+wh:...`` shows; see `Union`.

    Parameters
    ----------
    fs, lowers, upper
        As of `Union`.

    Raises
    ------
    OSError
        ENOSPC: more than 127 branches.
    """

    def __init__(self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None) -> None:
        if len(lowers) + (upper is not None) > MOST_BRANCHES:
            raise fail(errno.ENOSPC)
        super().__init__(fs, lowers, upper)
        self._upper_root = upper
        self._numbers = itertools.count(FIRST_NUMBER)
        self._known = {self._top.stack[0].inode.number: ROOT_NUMBER}  # inode number below -> aufs' own
        self._pseudo: dict[int, Inode] = {}  # number of a lower file with several names -> its copy
        self._links: dict[int, int] = {}  # aufs' own number -> names that a user sees
        if upper is not None:
            self._prepare(upper)

    def _prepare(self, upper: Inode) -> None:
        if BASE not in upper.entries:
            self.fs.create(upper, BASE, "file", mode=0o444)
            for name in (ORPHANS, PSEUDO_LINKS):
                self.fs.create(upper, name, "directory", mode=0o700)
        self._work = upper.entries[ORPHANS]

    # ---------------------------------------------------------------- marks

    def _entry(self, directory: Inode, name: str) -> Inode | None:
        return directory.entries.get(name)

    def _hides(self, directory: Inode, name: str) -> bool:
        return WHITEOUT_PREFIX + name in directory.entries

    def _listing(self, directory: Inode) -> tuple[Iterable[str], Iterable[str]]:
        marks = {name for name in directory.entries if name.startswith(WHITEOUT_PREFIX)}
        return [name for name in directory.entries if name not in marks], {
            name.removeprefix(WHITEOUT_PREFIX) for name in marks
        }

    def _is_opaque(self, directory: Inode) -> bool:
        return OPAQUE_NAME in directory.entries

    def _set_opaque(self, directory: Inode) -> None:
        if not self._is_opaque(directory):
            self._mark(directory, OPAQUE_NAME)

    def _cover(self, directory: Inode, name: str) -> None:
        self._mark(directory, WHITEOUT_PREFIX + name)

    def _mark(self, directory: Inode, name: str) -> None:
        assert self._upper_root is not None
        self.fs.link(self._upper_root.entries[BASE], directory, name)

    def _uncover(self, directory: Inode, name: str) -> None:
        self.fs.unlink(directory, WHITEOUT_PREFIX + name)

    def _clear(self, directory: Inode) -> None:
        for name in [name for name in directory.entries if name.startswith(WHITEOUT_PREFIX)]:
            self.fs.unlink(directory, name)

    # ---------------------------------------------------------------- look-up

    def child(self, directory: Node, name: str) -> Node | None:
        """See `Union`; EPERM for the name of a mark, ENAMETOOLONG for one whose whiteout would not fit."""
        if name.startswith(WHITEOUT_PREFIX):
            raise fail(errno.EPERM, name)
        if len(name.encode()) > MOST_NAME:
            raise fail(errno.ENAMETOOLONG, name)
        node = super().child(directory, name)
        if node is not None:
            self._number(self.inode(node))
        return node

    def _name(self, directory: Node, name: str, stack: list[Part]) -> Node:
        self._number(stack[0].inode)
        return super()._name(directory, name, stack)

    def _number(self, inode: Inode) -> int:
        if inode.number not in self._known:
            self._known[inode.number] = next(self._numbers)
        return self._known[inode.number]

    def inode(self, node: Node) -> Inode:
        """The copy, where the file was copied up under any of its names."""
        inode = node.stack[0].inode
        return self._pseudo.get(inode.number, inode)

    def stat(self, node: Node) -> Stat:
        """aufs' own number; a file's names as users see them, a directory's links summed over its branches."""
        inode = self.inode(node)
        number = self._number(inode)
        nlink = self._links.get(number, inode.nlink)
        if inode.kind == "directory":
            nlink += sum(part.inode.nlink - 2 for part in node.stack[1:])
        return super().stat(node)._replace(ino=number, nlink=nlink)

    # ---------------------------------------------------------------- copy-up and pseudo-links

    def opened(self, node: Node, flags: int) -> None:
        """A name of a file that was copied under another one is linked in the upper now."""
        if node.upper is None and self.inode(node) is not node.stack[0].inode and not self.read_only:
            self._copy_up(node)

    def _copy_up(self, node: Node, what: str = "name", keep: int | None = None) -> Inode:
        if node.upper is not None:
            return node.upper
        lower, copy = node.stack[0].inode, self.inode(node)
        if copy is not lower:  # copied under another name
            self._link_up(node, copy)
            return copy
        number = self._number(lower)
        upper = super()._copy_up(node, what, keep)
        self._known[upper.number] = number
        if lower.kind == "file" and lower.nlink > 1:
            self._pseudo_link(lower, upper)
        return upper

    def _link_up(self, node: Node, copy: Inode) -> None:
        if node.parent is not None:
            self.fs.link(copy, super()._copy_up(node.parent), node.name)
        node.stack = [Part(0, copy)]
        if self.descriptors[node]:
            self.hold(node)

    def _pseudo_link(self, lower: Inode, upper: Inode) -> None:
        """The copy stands for all names of the lower file from now on."""
        assert self._upper_root is not None
        number = self._number(lower)
        self._pseudo[lower.number], self._known[upper.number] = upper, number
        self._links.setdefault(number, lower.nlink)
        self.fs.link(upper, self._upper_root.entries[PSEUDO_LINKS], f"{number}.{upper.number}")

    def flush(self) -> None:
        """What ``auplink flush`` does: all names of copied files are linked in the upper, pseudo-links forgotten."""
        if self.read_only or not self._pseudo:
            return
        assert self._upper_root is not None
        self._link_all(self._top)
        place = self._upper_root.entries[PSEUDO_LINKS]
        for name in list(place.entries):
            self.fs.unlink(place, name)
        self._pseudo.clear()
        self._links.clear()

    def _link_all(self, directory: Node) -> None:
        for name in self.names(directory):
            node = self.child(directory, name)
            if node is not None and self.inode(node).kind == "directory":
                self._link_all(node)
            elif node is not None:
                self.opened(node, 0)

    # ---------------------------------------------------------------- names

    def link(self, node: Node, directory: Node, name: str) -> None:
        """See `Union`; a lower file is copied up under the new name."""
        if node.upper is not None or self.inode(node) is not node.stack[0].inode:
            inode = self.inode(node)
            self.fs.link(inode, self._make_room(directory, name)[0], name)
        else:  # the copy is made under the new name
            lower = node.stack[0].inode
            upper, _ = self._make_room(directory, name)
            inode = self._copy(node, "name", None)
            self._put(inode, upper, name)
            self._pseudo_link(lower, inode)
        self._name(directory, name, [Part(0, inode)])
        number = self._number(inode)
        if number in self._links:
            self._links[number] += 1

    def remove(self, directory: Node, name: str, node: Node) -> None:
        """See `Union`; the link count that is seen falls."""
        self._unlinked(node)
        super().remove(directory, name, node)

    def _unlinked(self, node: Node) -> None:
        number = self._number(self.inode(node))
        if number in self._links:
            self._links[number] -= 1

    def rename(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node | None) -> None:
        """The parents are copied up first, also when the rename is refused then."""
        for directory in (old, new):
            self._copy_up(directory)
        super().rename(old, name, node, new, to, over)
        node.stack = node.stack[:1]  # what the lower branches had was empty
        if over is not None:
            self._unlinked(over)

    def _can_move(self, node: Node) -> bool:
        """A directory may go if the lower branches have nothing in it."""
        if self.inode(node).kind != "directory":
            return True
        if node.upper is None:
            return not self.names(node)
        return not any(part.inode.entries for part in node.stack if part.layer)


class AufsMount(Mount[Node]):
    """``mount -t aufs -o br:UPPER=rw:LOWER=ro+wh:...``; parameters as of `AufsTree`."""

    def __init__(self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None) -> None:
        self.branches = AufsTree(fs, lowers, upper)
        super().__init__(self.branches)

    def flush(self) -> None:
        """See `AufsTree.flush`."""
        self.branches.flush()
