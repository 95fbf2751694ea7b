"""vfs: every layer is a whole copy of its parent. Nothing is shared, so nothing has to be copied later.

A layer is a directory of one file system; making one copies the parent's tree, with hard links, times and owners.
Where the file system has reflink (XFS) the files of the copy are clones: no data moves, and a block is copied when
it is first written. Source: moby `daemon/graphdriver/vfs`, `daemon/graphdriver/copy`.

>>> driver = Vfs()
>>> driver.create("image")
>>> with driver.mounted("image") as mount:
...     mount.write("/bin", 0, 1 << 20)
1048576
>>> driver.sync()
>>> driver.create_read_write("box-init", "image"); driver.create_read_write("box", "box-init")
>>> with driver.devices[0].counting() as io:
...     driver.sync()
>>> io.counts.bytes("write", "copy")                   # a container is two layers, so the image is copied twice
2097152
"""

from collections.abc import Sequence

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB
from snapsim.block.device import BlockDevice, Integers
from snapsim.drivers.driver import About, Driver, Options
from snapsim.drivers.naive_diff import remove_tree
from snapsim.files.filesystem import FileSystem, Inode
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.inode import tree_places
from snapsim.files.mounts.tree import TreeMount

LEAVES_OUT = (
    "that moby's copy (unlike `cp -a`, which was measured) fills holes with zeros, and keeps of the extended "
    "attributes only ``security.capability`` and ``trusted.overlay.opaque``."
)
"""What this model leaves out, as `snapsim fidelity` lists it."""

PLACES = ("ext4", "xfs", "xfs-noreflink")


class Vfs(Driver):
    """Copied directories of one file system.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    project_quotas : bool
        The file system is mounted so that a container can have a ``size``.

    Examples
    --------
    >>> Vfs().create_read_write("box", options={"size": "10G"})
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: vfs: storage-opt size: Filesystem does not support, or has not enabled quotas
    """

    name = "vfs"
    about = About(
        "each layer is a copy of its parent",
        "nothing (blocks, where the file system clones)",
        "the whole tree, when a layer is made",
        "kept, for tests and odd file systems",
    )
    storage_options = ("size",)
    refusal = "Storage opt {key} not supported"

    def __init__(self, fs: str = "ext4", device_bytes: int = 64 * GiB, project_quotas: bool = False) -> None:
        if fs not in PLACES:
            raise InvalidInput(f"{fs!r} is not what vfs can be put on here: one of {', '.join(PLACES)}", "vfs: fs")
        device = BlockDevice(device_bytes // 4096, name=fs)
        super().__init__((device,))
        self.fs, self.project_quotas = FILESYSTEMS[fs](device, clock=self.clock), project_quotas
        self.devices += self.fs.metadata.devices

    def filesystems(self) -> Sequence[FileSystem]:
        """The one file system."""
        return (self.fs,)

    def _check_options(self, options: Options, writable: bool) -> None:
        super()._check_options(options, writable)
        if options and not writable:
            raise InvalidInput("--storage-opt is not supported for vfs on read-only layers", self.name)
        if options and not self.project_quotas:
            raise InvalidInput("Filesystem does not support, or has not enabled quotas", "vfs: storage-opt size")

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        top = self.fs.create(self.fs.root, id, "directory")
        limit = self.size_option(options)
        if limit is not None:
            self.fs.set_quota(top, limit)
        if parent is not None:
            self._copy(id, self._top(parent), top)

    def _copy(self, id: str, source: Inode, top: Inode) -> None:
        try:
            copy_tree(self.fs, source, top)
        except OSError:  # full: leave nothing behind
            self._remove(id)
            raise

    def _top(self, id: str) -> Inode:
        return self.fs.root.entries[id]

    def _tree(self, id: str) -> TreeMount:
        return TreeMount(self.fs, self._top(id), name=id)

    def _remove(self, id: str) -> None:
        remove_tree(TreeMount(self.fs, self.fs.root), f"/{id}")

    def directory(self, id: str) -> Inode:
        """The copied tree."""
        self._known(id)
        return self._top(id)

    def _places(self, id: str) -> Integers:
        return tree_places(self._top(id))


def copy_tree(fs: FileSystem, source: Inode, target: Inode) -> None:
    """cp -a: what is in one directory into another, which is empty; then owner, mode and time of the directory.

    Examples
    --------
    >>> fs = FILESYSTEMS["xfs"](BlockDevice(64))
    >>> one, two = (fs.create(fs.root, name, "directory") for name in ("one", "two"))
    >>> file = fs.create(one, "f", "file")
    >>> fs.write(file, 0, 4096); fs.link(file, one, "g"); copy_tree(fs, one, two)
    >>> two.entries["f"] is two.entries["g"], two.entries["f"].blocks.tolist() == file.blocks.tolist()
    (True, True)
    """
    fs.access(source)
    _copy_into(fs, source, target, {})


def _copy_into(fs: FileSystem, source: Inode, target: Inode, copied: dict[int, Inode]) -> None:
    for name in fs.names(source):
        inode = source.entries[name]
        if inode.number in copied:
            fs.link(copied[inode.number], target, name)
            continue
        twin = copied[inode.number] = fs.create(target, name, inode.kind, target=inode.target, rdev=inode.rdev)
        if inode.kind != "file" or not fs.reflink:  # a clone is made without reading
            fs.access(inode)
        if inode.kind == "file":
            fs.copy_data(inode, twin)
        if inode.kind == "directory":
            _copy_into(fs, inode, twin, copied)
        _copy_attributes(fs, inode, twin)
    _copy_attributes(fs, source, target)


def _copy_attributes(fs: FileSystem, source: Inode, target: Inode) -> None:
    fs.set_attributes(target, mode=source.mode, uid=source.uid, gid=source.gid, mtime=source.mtime)
    for name, value in source.xattrs.items():
        fs.set_xattr(target, name, value)
