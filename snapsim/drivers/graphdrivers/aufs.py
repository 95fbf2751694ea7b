"""aufs: Docker's first driver, until release 24.0 left it out; it was never in the kernel proper.

Under the driver's home::

    diff/ID      the layer's own files: a branch
    layers/ID    the ids of the layers below, nearest first, one a line
    mnt/ID       where it is mounted

Source: moby 20.10 `daemon/graphdriver/aufs`.

>>> driver = Aufs()
>>> driver.create("image"); driver.apply_diff("image", None, Diff((Entry("/f", size=1 << 20),)))
1048576
>>> driver.create_read_write("box", "image")
>>> with driver.mounted("box") as mount:
...     mount.unlink("/f"); mount.mkdir("/d")
>>> driver.diff("box", "image").paths(), [str(change) for change in driver.changes("box", "image")]
(['/.wh.f', '/d'], ['A /d', 'D /f'])
>>> driver.status()[2], driver.diff_size("box", "image")
(('Dirs', '2'), 0)
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB
from snapsim.drivers.diff import Change, Diff, Entry
from snapsim.drivers.driver import About, Options
from snapsim.drivers.graphdrivers.branches import BranchDriver, entry_of
from snapsim.drivers.naive_diff import differs, lstat, remove_tree
from snapsim.files.filesystem import Inode
from snapsim.files.mounts.aufs import AufsMount
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.tree import TreeMount

LEAVES_OUT = "the removal in two steps, and mounts in several pieces when the options outgrow a page."
"""What this model leaves out, as `snapsim fidelity` lists it."""

HOME = "/var/lib/docker"

__all__ = ["Aufs", "Diff", "Entry"]


class Aufs(BranchDriver):
    """aufs over ext4 or XFS.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" (copy-up clones) or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    auplink : bool
        ``auplink flush`` of aufs-tools runs before each unmount, as moby asks for; hosts without aufs-tools go on
        without it, and forget then which names are one file.

    Examples
    --------
    >>> Aufs().create_read_write("box", options={"size": "10G"})
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: aufs: --storage-opt is not supported for aufs
    """

    name = "aufs"
    about = About(
        "a union mount of branches (aufs, out of the kernel tree)",
        "files",
        "the whole file, at the first change",
        "deprecated 19.03, removed 24.0",
    )
    limits: ClassVar[Mapping[str, str]] = {
        "depth": "127 branches, 126 below the writable one, by the kernel's configuration: ENOSPC at the mount",
        "rename": "a directory of a lower branch that is not empty: EXDEV, and mv copies it",
        "names": "no name may start with .wh. (EPERM) or be longer than 242 bytes",
        "link space": "links hold through copy-up, but until the unmount a deleted copy keeps its space",
        "changes": "a walk of the layer's own files: one that was copied up is listed, changed or not",
        "directory nlink": "a directory that merges branches sums their links",
        "link counts": "a file of a lower branch counts the names that it has there, those that are gone included",
    }

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB, auplink: bool = True) -> None:
        super().__init__(fs, device_bytes)
        self.auplink = auplink
        self._diff, self._layers, self._mnt = (
            self.fs.create(self.fs.root, name, "directory", mode=0o700) for name in ("diff", "layers", "mnt")
        )

    def _check_options(self, options: Options, writable: bool) -> None:
        if options:
            raise InvalidInput("--storage-opt is not supported for aufs", self.name)

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        self._new_branch(self._diff, id, parent)
        self.fs.create(self._mnt, id, "directory")
        text = "".join(f"{each}\n" for each in (parent, *self.ancestors(parent))) if parent is not None else ""
        layers = self.fs.create(self._layers, id, "file")
        layers.content, layers.size = text.encode(), len(text)

    def _branch(self, id: str) -> Inode:
        return self._diff.entries[id]

    def _tree(self, id: str) -> Mount[Any]:
        lowers, branch = self._lowers(id), self._branch(id)
        if not lowers:
            return TreeMount(self.fs, branch)  # a base needs no union
        return AufsMount(self.fs, [branch, *lowers]) if id in self._sealed else AufsMount(self.fs, lowers, branch)

    def _below(self, id: str) -> Mount[Any] | None:
        lowers = self._lowers(id)
        return AufsMount(self.fs, lowers) if lowers else None

    def _seal(self, parent: str) -> None:
        if parent in self._mounts:
            self._flush(self._mounts[parent])
        super()._seal(parent)

    def _unmounted(self, id: str, mount: Mount[Any]) -> None:
        self._flush(mount)
        if isinstance(mount, AufsMount) and not mount.read_only:
            self.fs.sync()  # umount(2) of aufs syncs what its writable branch is on

    def _flush(self, mount: Mount[Any]) -> None:
        if self.auplink and isinstance(mount, AufsMount):
            mount.flush()

    def _remove(self, id: str) -> None:
        remove_tree(TreeMount(self.fs, self._diff), f"/{id}")
        self.fs.unlink(self._mnt, id)
        self.fs.unlink(self._layers, id)

    # ---------------------------------------------------------------- archives

    def _export(self, inode: Inode, path: str) -> Iterator[Entry]:
        """Marks are in the archive as they are on disk; aufs' own files are not."""
        name = path.rpartition("/")[2]
        if name.startswith(AUFS_PRIVATE_PREFIX) and name != OPAQUE_NAME:
            return
        if name.startswith(WHITEOUT_PREFIX):
            yield Entry(path, mode=inode.mode, size=0, mtime=inode.mtime)
            return
        yield entry_of(inode, path)

    def _put_whiteout(self, directory: Inode, name: str) -> Inode:
        return self.fs.create(directory, WHITEOUT_PREFIX + name, "file", mode=0o444)

    def _put_opaque(self, directory: Inode) -> Inode | None:
        if OPAQUE_NAME in directory.entries:
            return directory.entries[OPAQUE_NAME]
        return self.fs.create(directory, OPAQUE_NAME, "file", mode=0o444)

    def changes(self, id: str, parent: str | None = None) -> list[Change]:
        """What `docker diff` lists, from a walk of the layer's own files."""
        self._known(id)
        if not self._native(id, parent):
            return super().changes(id, parent)
        own = TreeMount(self.fs, self._branch(id))
        return sorted(self._changed(own, self._below(id), ""), key=lambda change: change.path)

    def _changed(self, own: TreeMount, below: Mount[Any] | None, directory: str) -> Iterator[Change]:
        for name in own.listdir(directory or "/"):
            path = f"{directory}/{name}"
            if name == OPAQUE_NAME and directory:  # moby takes it for the whiteout of a file with this name
                yield Change("D", f"{directory}/{OPAQUE_NAME.removeprefix(WHITEOUT_PREFIX)}")
            elif name.startswith(AUFS_PRIVATE_PREFIX):
                continue
            elif name.startswith(WHITEOUT_PREFIX):
                gone = f"{directory}/{name.removeprefix(WHITEOUT_PREFIX)}"
                if below is not None and lstat(below, gone) is not None:
                    yield Change("D", gone)
            else:
                yield from self._change(own, below, path)

    def _change(self, own: TreeMount, below: Mount[Any] | None, path: str) -> Iterator[Change]:
        stat, was = own.stat(path, follow=False), lstat(below, path) if below is not None else None
        if stat.kind != "directory":
            yield Change("C" if was else "A", path)
            return
        merges = was is not None and was.kind == "directory"
        inside = list(self._changed(own, below if merges else None, path))
        if was is None or not merges or inside or differs(stat, was):
            yield Change("C" if was else "A", path)
        yield from inside

    # ---------------------------------------------------------------- what is told to the engine

    def status(self) -> list[tuple[str, str]]:
        """The pairs of `docker info`; Dirs counts layers of images, of containers and their init layers."""
        return [
            ("Root Dir", f"{HOME}/{self.name}"),
            ("Backing Filesystem", self.fs.name),
            ("Dirs", str(len(self._layers.entries))),
            ("Dirperm1 Supported", "true"),
        ]
