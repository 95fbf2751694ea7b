"""overlayfs: the kernel's union mount, with its marks and its moment of copy-up.

What it adds to `snapsim.files.mounts.union`:

- A file is copied up **whole, when it is opened for writing**, even if nothing is written then; not at all with
  O_TRUNC. The copy is a file without a name (O_TMPFILE), synced before it gets one. Holes are skipped, but only where
  a piece of 1 MiB begins: data that end in the middle of one take the rest of it along, as zeros.
- A whiteout is a character device 0/0; all whiteouts of one mount are hard links of one inode. An opaque directory
  has the attribute ``trusted.overlay.opaque``.
- ``trusted.overlay.origin`` says what a copy was made of, so that a file keeps its inode number. A hard link is
  broken: the copy is a file of its own (index=off, as Docker mounts), with a new number and no origin.

Measured on Linux 6.18: snapsim/data/measured/overlay2-*.json. Source: Documentation/filesystems/overlayfs.rst.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(1024))
>>> lower, upper, work = (fs.create(fs.root, name, "directory") for name in ("lower", "upper", "work"))
>>> file = fs.create(lower, "f", "file"); fs.write(file, 0, 1 << 20); fs.sync(); fs.drop_caches()
>>> mount = OverlayMount(fs, [lower], upper, work)
>>> with fs.store.counting() as io:
...     mount.write("/f", 0, 1); mount.sync()          # one byte: the whole file, and its first block once more
1
>>> io.counts
IOCounts(read_copy=(1, 1048576), write_data=(1, 4096), write_copy=(1, 1048576))
>>> mount.unlink("/f"); mount.listdir("/"), upper.entries["f"].kind, upper.entries["f"].rdev
([], 'device', (0, 0))

What it leaves out: metacopy and redirect_dir (`snapsim.files.mounts.metacopy`), index=on, xino, nfs_export, volatile,
and data-only lowers.
"""

import errno
import itertools
import os
from collections.abc import Iterable, Sequence
from typing import ClassVar, Unpack

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode, fail
from snapsim.files.mounts.contract import Making, Stat
from snapsim.files.mounts.marks import OVERLAY_OPAQUE, OVERLAY_WHITEOUT
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.union import Node, Union

PREFIX = "trusted.overlay."
ESCAPED = PREFIX + "overlay."  # a program's own attribute of such a name, as a union inside a union leaves it
ORIGIN, IMPURE, UUID = PREFIX + "origin", PREFIX + "impure", PREFIX + "uuid"
KERNEL_LOWERS = 500  # OVL_MAX_STACK: more lower directories are EINVAL


def is_whiteout(inode: Inode) -> bool:
    """Is it overlayfs' mark for a name that is gone?"""
    return inode.kind == "device" and inode.rdev == OVERLAY_WHITEOUT


class OverlayTree(Union):
    """What ``mount -t overlay -o lowerdir=A:B,upperdir=C,workdir=D`` shows; see `Union`.

    Parameters
    ----------
    fs, lowers, upper, work
        As of `Union`; `work` is the workdir, in which the kernel makes a directory of its own.

    Raises
    ------
    OSError
        EINVAL: more than 500 lower directories.
    """

    origin: ClassVar[str] = ORIGIN
    syncs: ClassVar[bool] = True  # a copy reaches the device before it gets its name
    piece: ClassVar[int] = 1 << 20  # OVL_COPY_UP_CHUNK_SIZE: one look for a hole, then so much
    nameless: ClassVar[bool] = True  # a copy has no name until it is finished (O_TMPFILE)

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        if len(lowers) > KERNEL_LOWERS:
            raise fail(errno.EINVAL)
        super().__init__(fs, lowers, upper, work)
        self._whiteout: Inode | None = None
        self._closing: list[Inode] = []  # copies whose descriptors the kernel has open
        self._numbers = itertools.count(1)
        if upper is not None and work is not None:
            self._work = self._fresh_work(work)
            self._mark_root(upper)

    def _fresh_work(self, work: Inode) -> Inode:
        """The kernel's own directory in the workdir; what an earlier mount left there goes."""
        if "work" in work.entries:
            for name in list(work.entries["work"].entries):
                self.fs.unlink(work.entries["work"], name)
            return work.entries["work"]
        return self.fs.create(work, "work", "directory", mode=0)

    def _mark_root(self, upper: Inode) -> None:
        """An upper that was never mounted gets an id of its own."""
        if IMPURE not in upper.xattrs and UUID not in upper.xattrs:
            self.fs.set_xattr(upper, UUID, f"{upper.number:016x}")

    # ---------------------------------------------------------------- marks

    def _entry(self, directory: Inode, name: str) -> Inode | None:
        inode = directory.entries.get(name)
        return None if inode is None or is_whiteout(inode) else inode

    def _hides(self, directory: Inode, name: str) -> bool:
        return name in directory.entries and is_whiteout(directory.entries[name])

    def _listing(self, directory: Inode) -> tuple[Iterable[str], Iterable[str]]:
        gone = {name for name, inode in directory.entries.items() if is_whiteout(inode)}
        return [name for name in directory.entries if name not in gone], gone

    def _is_opaque(self, directory: Inode) -> bool:
        name, value = OVERLAY_OPAQUE
        return directory.xattrs.get(name) == value

    def _set_opaque(self, directory: Inode) -> None:
        self.fs.set_xattr(directory, *OVERLAY_OPAQUE)

    def _cover(self, directory: Inode, name: str) -> None:
        assert self._work is not None
        if self._whiteout is None:
            self._whiteout = self._new_whiteout(self._work, f"#{next(self._numbers):x}")
        self.fs.link(self._whiteout, directory, name)

    def _new_whiteout(self, directory: Inode, name: str, group: Inode | None = None) -> Inode:
        group = directory if group is None else group
        gid = group.gid if group.mode & 0o2000 else 0  # as whatever is made there
        return self.fs.create(directory, name, "device", mode=0, gid=gid, rdev=OVERLAY_WHITEOUT)

    def _uncover(self, directory: Inode, name: str) -> None:
        self.fs.unlink(directory, name)

    def _clear(self, directory: Inode) -> None:
        for name in list(directory.entries):
            self.fs.unlink(directory, name)

    # ---------------------------------------------------------------- copy-up

    def opened(self, node: Node, flags: int) -> None:
        """A file that is opened for writing, or to be cut, is copied up now; without its data if it is cut."""
        if flags & (os.O_ACCMODE | os.O_TRUNC) and self.inode(node).kind == "file":
            copied = node.upper is None
            upper = self._copy_up(node, "data", 0 if flags & os.O_TRUNC else None)
            if copied and self.syncs:
                self.fs.flush_early(upper)  # it has closed its own descriptor

    def change(self, node: Node, what: str, keep: int | None = None) -> Inode:
        """truncate(2) copies all and cuts then; only O_TRUNC spares the copy."""
        copied = node.upper is None
        upper = self._copy_up(node, what)
        if copied and self.syncs and upper.kind == "file":
            self._closing.append(upper)
            if what != "data":
                self._close_copies()
        return upper

    def ended(self) -> None:
        """The kernel closes its own descriptor of a copy when the system call is over."""
        self._close_copies()

    def _close_copies(self) -> None:
        while self._closing:
            self.fs.flush_early(self._closing.pop())

    def accessed(self, node: Node) -> None:
        """The access time of the upper moves (ovl_file_accessed); the lowers are read with O_NOATIME."""
        if node.upper is not None and self.syncs:
            self.fs.access(node.upper)

    def to_sync(self, node: Node) -> Inode | None:
        """What is below is never synced: nobody has written to it."""
        return node.upper

    def _copy(self, node: Node, what: str, keep: int | None) -> Inode:
        if node.parent is not None and node.parent.upper is not None:
            self._set_impure(node.parent.upper)  # first of all, in case that the kernel dies on the way
        return super()._copy(node, what, keep)

    def _begin(self, source: Inode) -> Inode:
        if self.nameless and source.kind == "file" and self._work is not None:
            return self.fs.tmpfile(self._work, source.mode, source.uid, source.gid)
        return super()._begin(source)

    def _give_up(self, copy: Inode) -> None:
        if copy.nlink:
            super()._give_up(copy)
        else:
            self.fs.forget(copy)

    def _fill(self, copy: Inode, source: Inode, what: str, keep: int | None) -> None:
        super()._fill(copy, source, what, keep)
        if self.syncs and copy.size:
            if not self.fs.reflink:  # what was cloned need not be synced
                self.fs.fsync(copy)
            self.fs.truncate(copy, copy.size)  # ovl_set_size: zeros once more behind an end within a block

    def _copy_attributes(self, copy: Inode, source: Inode) -> None:
        for name, value in source.xattrs.items():
            if not name.startswith(PREFIX) or name.startswith(ESCAPED):
                self.fs.set_xattr(copy, name, value)
        if source.kind == "directory" or source.nlink == 1:
            self._set_origin(copy, source)

    def _set_origin(self, copy: Inode, source: Inode) -> None:
        self.fs.set_xattr(copy, self.origin, str(source.number))

    def _put(self, copy: Inode, directory: Inode | None, name: str) -> None:
        if copy.nlink:
            super()._put(copy, directory, name)
        elif directory is not None:
            times = {"mtime": directory.mtime, "atime": directory.atime}  # nothing happened that a user would see
            self.fs.link(copy, directory, name)
            self.fs.set_attributes(directory, **times)
            copy.flush_at_close = False  # the kernel has closed its own descriptor

    def _set_impure(self, directory: Inode) -> None:
        """The directory holds something whose number is that of its origin; readdir has to look."""
        if IMPURE not in directory.xattrs:
            self.fs.set_xattr(directory, IMPURE, "y")

    # ---------------------------------------------------------------- what is seen

    def stat(self, node: Node) -> Stat:
        """A copy keeps its origin's number; directories that merge say nlink 1."""
        stat, inode = super().stat(node), self.inode(node)
        if node.upper is not None and self.origin in inode.xattrs:
            stat = stat._replace(ino=int(inode.xattrs[self.origin]))
        if inode.kind == "directory" and len(node.stack) > 1:
            stat = stat._replace(nlink=1)
        return stat

    def listed(self, directory: Node) -> list[str]:
        """A directory that one layer alone has is read as it is: whiteouts are listed, and not found."""
        names, inode = self.names(directory), self.inode(directory)
        if len(directory.stack) > 1:
            return names
        self._purify(directory, inode)
        return list(inode.entries)

    def _purify(self, directory: Node, inode: Inode) -> None:
        """Listing a directory of the upper alone takes a mark of copies away that are gone (ovl_cache_get_impure)."""
        marked = self.syncs and directory.upper is not None and not self.read_only and IMPURE in inode.xattrs
        if marked and not any(self.origin in entry.xattrs for entry in inode.entries.values()):
            self.fs.remove_xattr(inode, IMPURE)

    def same(self, one: Node, other: Node) -> bool:
        """Two names of a lower file are two files (index=off), since each would be copied up by itself."""
        return one is other or (one.upper is not None and one.upper is other.upper)

    def attributes(self, node: Node) -> dict[str, str]:
        """All but overlayfs' own."""
        return {
            name.replace(ESCAPED, PREFIX, 1): value
            for name, value in self.inode(node).xattrs.items()
            if not name.startswith(PREFIX) or name.startswith(ESCAPED)
        }

    def stored_name(self, name: str) -> str:
        """A name that overlayfs itself could take gets another."""
        return name.replace(PREFIX, ESCAPED, 1) if name.startswith(PREFIX) else name

    # ---------------------------------------------------------------- names

    def create(self, directory: Node, name: str, kind: str, **attributes: Unpack[Making]) -> Node:
        """See `Union`; EPERM for a whiteout, which nobody but overlayfs makes."""
        if kind == "device" and attributes.get("rdev") == OVERLAY_WHITEOUT:
            raise fail(errno.EPERM, name)
        return super().create(directory, name, kind, **attributes)

    def link(self, node: Node, directory: Node, name: str) -> None:
        """See `Union`."""
        super().link(node, directory, name)
        if self._has_origin(node):
            self._set_impure(self.inode(directory))

    def rename(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node | None) -> None:
        """See `Tree`; ovl_rename() of fs/overlayfs/dir.c.

        What a lower layer has is covered: by a whiteout that the file system below makes in the same step
        (RENAME_WHITEOUT), or, where a whiteout stands at the new name, by that one: the two change places.
        """
        if not self._can_move(node):
            raise fail(errno.EXDEV, name)
        if over is not None and not over.is_pure_upper and self.inode(over).kind == "directory" and self.names(over):
            raise fail(errno.ENOTEMPTY, to)
        below = self._is_below(old, name)
        self._copy_up(node)
        source, target = self._copy_up(old), self._copy_up(new)
        self._about_to_move(node, old, new)
        if over is not None and self.inode(over).kind == "directory":
            if over.is_pure_upper and self.inode(over).entries:
                raise fail(self.fs.not_empty, to)
            if self._entry(target, to) is not None:  # with the marks that it holds
                self._drop(target, to)
        covered = self._hides(target, to)
        if covered and (below or self.inode(node).kind == "directory"):
            self.fs.exchange(source, name, target, to)
            if not below:
                self._uncover(source, name)
        else:
            self.fs.rename(source, name, target, to)
            if below:
                self._new_whiteout(source, name, target if self.fs.whiteout_at_target else source)
        if over is not None:
            self._forget(over)
        self._put_node(node, new, to)

    def exchange(self, old: Node, name: str, node: Node, new: Node, to: str, over: Node) -> None:
        """See `Tree`; both are copied up."""
        if not (self._can_move(node) and self._can_move(over)):
            raise fail(errno.EXDEV, name)
        self._copy_up(node)
        target = self._copy_up(new)
        self._copy_up(over)
        self._about_to_move(node, old, new)
        self._about_to_move(over, new, old)
        self.fs.exchange(self._copy_up(old), name, target, to)
        self._forget(node)
        self._put_node(over, old, name)
        node.name, node.parent, new.children[to] = to, new, node

    def _about_to_move(self, node: Node, old: Node, new: Node) -> None:
        """Marks that a move needs; they stay even if the file system below refuses it.

        A directory of the upper alone must not merge with what is below its new name, now or ever.
        """
        upper = self.inode(node)
        if old is not new and self._has_origin(node):
            self._set_impure(self.inode(new))
        if upper.kind == "directory" and node.is_pure_upper and len(new.stack) > 1 and not self._is_opaque(upper):
            self._set_opaque(upper)

    def _has_origin(self, node: Node) -> bool:
        return self.origin in self.inode(node).xattrs


class OverlayMount(Mount[Node]):
    """``mount -t overlay -o lowerdir=A:B,upperdir=C,workdir=D``; parameters as of `OverlayTree`."""

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(OverlayTree(fs, lowers, upper, work))
