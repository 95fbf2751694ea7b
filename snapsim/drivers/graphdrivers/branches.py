"""Layers as directories of one file system, and their archives read and written without a mount.

overlay2, fuse-overlayfs and aufs keep each layer in a directory that holds its own files and its marks for what is
gone, nothing else. So the directory *is* the diff: the archive of a layer is its walk, with the marks put into the
AUFS form, and an archive is unpacked straight into it. The price is the number of changed files, where the naive
diff looks at all files of both trees. Source: moby `daemon/graphdriver/overlay2`, `daemon/graphdriver/aufs`.
"""

import errno
import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB
from snapsim.block.device import BlockDevice, Integers
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import Driver
from snapsim.drivers.naive_diff import lstat, place, remove_tree
from snapsim.files.filesystem import CAPABILITY, FileSystem
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.inode import Inode, fail, tree_places
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, WHITEOUT_PREFIX, hidden
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.tree import TreeMount

LEAVES_OUT = (
    "the data blocks of the driver's own small files (``link``, ``lower``, ``layers/ID``); their inodes and "
    "names are counted."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

PLACES = ("ext4", "xfs", "xfs-noreflink")


class BranchDriver(Driver):
    """A driver whose layers are directories of one file system.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    """

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB) -> None:
        if fs not in PLACES:
            raise InvalidInput(
                f"{fs!r} is not what {self.name} can be put on here: one of {', '.join(PLACES)}", f"{self.name}: fs"
            )
        device = BlockDevice(device_bytes // 4096, name=fs)
        super().__init__((device,))
        self.fs = FILESYSTEMS[fs](device, clock=self.clock)
        self.devices += self.fs.metadata.devices

    def filesystems(self) -> Sequence[FileSystem]:
        """The one file system."""
        return (self.fs,)

    # ---------------------------------------------------------------- what a driver of this kind gives

    @abstractmethod
    def _branch(self, id: str) -> Inode:
        """The directory with the layer's own files."""

    @abstractmethod
    def _export(self, inode: Inode, path: str) -> Iterator[Entry]:
        """The archive's entries for a name of a branch, its data left out; what is private has none."""

    @abstractmethod
    def _put_whiteout(self, directory: Inode, name: str) -> Inode:
        """Mark a name as gone in a branch, where nothing has that name; returns the mark."""

    @abstractmethod
    def _put_opaque(self, directory: Inode) -> Inode | None:
        """Mark a directory of a branch; returns the mark if it is a file."""

    def _native(self, id: str, parent: str | None) -> bool:
        """Can the layer's directory stand for its diff?"""
        return parent == self.parent(id)

    # ---------------------------------------------------------------- layers

    def ancestors(self, id: str) -> list[str]:
        """The layers below, nearest first.

        Examples
        --------
        >>> from snapsim.drivers.graphdrivers import Overlay2
        >>> driver = Overlay2()
        >>> driver.create("a"); driver.create("b", "a"); driver.create("c", "b")
        >>> driver.ancestors("c")
        ['b', 'a']
        """
        found, at = [], self.parent(id)
        while at is not None:
            found.append(at)
            at = self.parent(at)
        return found

    def _new_branch(self, directory: Inode, name: str, parent: str | None) -> Inode:
        """A layer's directory. A union shows the root of its top layer, so mode and owner come from the parent.

        (containers/storage does so; moby makes each 0755.)
        """
        like = None if parent is None else self._branch(parent)
        mode, uid, gid = (0o755, 0, 0) if like is None else (like.mode, like.uid, like.gid)
        return self.fs.create(directory, name, "directory", mode, uid, gid)

    def _lowers(self, id: str) -> list[Inode]:
        return [self._branch(ancestor) for ancestor in self.ancestors(id)]

    def directory(self, id: str) -> Inode:
        """The branch: the layer's own files and marks, and nothing of the layers below."""
        self._known(id)
        return self._branch(id)

    def _places(self, id: str) -> Integers:
        return tree_places(self._branch(id))

    # ---------------------------------------------------------------- archives

    def diff(self, id: str, parent: str | None = None) -> Diff:
        """The layer's archive: a walk of its directory, its files read."""
        self._known(id)
        if not self._native(id, parent):
            return super().diff(id, parent)
        return Diff(tuple(self._walk(self._branch(id), "", {})))

    def _walk(self, directory: Inode, path: str, first: dict[int, str]) -> Iterator[Entry]:
        for name, inode in sorted(directory.entries.items()):
            if inode.kind == "socket":  # tar cannot hold one
                continue
            exported = list(self._export(inode, f"{path}/{name}"))
            for entry in exported:
                yield self._filled(entry, inode, first)
            if exported and inode.kind == "directory":
                yield from self._walk(inode, f"{path}/{name}", first)

    def _filled(self, entry: Entry, inode: Inode, first: dict[int, str]) -> Entry:
        if inode.kind == "directory" or entry.name.startswith(WHITEOUT_PREFIX):
            return entry  # marks are one inode on disk, and files of their own here
        name = first.setdefault(inode.number, entry.path)
        if name != entry.path:
            return replace(entry, link=name)
        return replace(entry, stamps=self.fs.read(inode), content=inode.content) if entry.tar_size else entry

    def diff_size(self, id: str, parent: str | None = None) -> int:
        """Apparent bytes of the layer's directory, each inode once; directories count nothing, links their target."""
        self._known(id)
        return self._directory_size(id) if self._native(id, parent) else super().diff_size(id, parent)

    def _directory_size(self, id: str) -> int:
        sizes: dict[int, int] = {}
        waiting = [self._branch(id)]
        while waiting:
            inode = waiting.pop()
            sizes[inode.number] = 0 if inode.kind == "directory" else inode.size
            waiting += inode.entries.values()
        return sum(sizes.values())

    def apply_diff(self, id: str, parent: str | None, diff: Diff) -> int:
        """Unpack an archive into the layer's directory; returns the directory's size.

        Raises
        ------
        OSError
            EROFS: the layer has, or had, a child; ENOSPC, EDQUOT.
        """
        self._known(id)
        if id in self._mounts or not self._unpacks(id, parent):
            return super().apply_diff(id, parent, diff)
        if id in self._sealed:
            raise fail(errno.EROFS, id)
        self._see(diff)
        self._unpack(id, TreeMount(self.fs, self._branch(id)), diff)
        return self._unpacked_size(id, diff)

    def _unpacked_size(self, id: str, diff: Diff) -> int:
        """What the engine is told."""
        return self._directory_size(id)

    def _unpacks(self, id: str, parent: str | None) -> bool:
        return self._native(id, parent)

    def _unpack(self, id: str, branch: TreeMount, diff: Diff) -> None:
        below = self._below(id)
        for entry in diff.entries:
            gone = hidden(entry.path)
            if gone is not None or entry.name == OPAQUE_NAME or not entry.name.startswith(AUFS_PRIVATE_PREFIX):
                self._make_parents(branch, below, os.path.dirname(entry.path))
            if entry.name == OPAQUE_NAME and below is not None:
                _date(self.fs, self._put_opaque(branch.node(os.path.dirname(entry.path))), entry)
            elif gone is not None:
                remove_tree(branch, gone)
                if below is not None:
                    mark = self._put_whiteout(branch.node(os.path.dirname(gone)), os.path.basename(gone))
                    _date(self.fs, mark, entry)
            elif not entry.name.startswith(AUFS_PRIVATE_PREFIX):
                place(branch, entry)
        for entry in diff.entries:  # last, since unpacking into a directory changes its time
            if entry.kind == "directory" and entry.mtime is not None and lstat(branch, entry.path):
                branch.utime(entry.path, entry.mtime)

    @abstractmethod
    def _below(self, id: str) -> Mount[Any] | None:
        """The tree below a layer, read-only; None for a base."""

    def _make_parents(self, branch: TreeMount, below: Mount[Any] | None, path: str) -> None:
        """Directories that the archive takes for granted look as they do in the layers below."""
        if path == "/" or lstat(branch, path) is not None:
            return
        self._make_parents(branch, below, os.path.dirname(path))
        branch.mkdir(path)
        stat = lstat(below, path) if below is not None else None
        if stat is not None and stat.kind == "directory":
            branch.chmod(path, stat.mode)
            branch.chown(path, stat.uid, stat.gid)
            branch.utime(path, stat.mtime)


def _date(fs: FileSystem, mark: Inode | None, entry: Entry) -> None:
    """A mark that was unpacked is as old as its entry says, and a file has the entry's mode."""
    if mark is not None:
        fs.set_attributes(
            mark,
            mode=entry.mode if mark.kind == "file" else mark.mode,
            mtime=mark.mtime if entry.mtime is None else entry.mtime,
        )


def entry_of(inode: Inode, path: str) -> Entry:
    """An archive's entry for an inode, without its data; of extended attributes moby keeps the capability."""
    kept = {name: value for name, value in inode.xattrs.items() if name == CAPABILITY}
    return Entry(
        path,
        inode.kind,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.size if inode.kind == "file" else 0,
        inode.mtime,
        inode.target,
        inode.rdev,
        xattrs=kept,
    )
