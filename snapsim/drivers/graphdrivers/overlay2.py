"""overlay2: Docker's driver for overlayfs, and its default.

Under the driver's home each layer has a directory::

    l/2XGQ... (26 letters)   a link to ../ID/diff: short names make room for 128 in one page of mount options
    ID/diff                  the layer's own files: the upper directory
    ID/link                  the short name
    ID/lower                 the short names of the layers below, nearest first; a base layer has none
    ID/work, ID/merged       what overlayfs needs, and where it is mounted
    ID/committed             the layer has a child; it is mounted read-only from now on

A base layer needs no union: `get` gives the directory itself. Source: moby `daemon/graphdriver/overlay2/overlay.go`.

>>> driver = Overlay2()
>>> driver.create("image"); driver.apply_diff("image", None, Diff((Entry("/f", size=1 << 20),)))
1048576
>>> driver.sync(); driver.drop_caches(); driver.create_read_write("box", "image")
>>> with driver.devices[0].counting() as io, driver.mounted("box") as mount:
...     mount.write("/f", 524288, 1); driver.sync()        # one byte in the middle of 1 MiB
1
>>> io.counts.bytes("write", "copy"), io.counts.bytes("write", "data"), io.counts.bytes("read")
(1048576, 4096, 1048576)
>>> driver.diff_size("box", "image"), driver.diff("box", "image").paths()
(1048576, ['/f'])
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from snapsim.base.errors import InvalidInput
from snapsim.base.units import GiB, parse_size
from snapsim.drivers.diff import Diff, Entry
from snapsim.drivers.driver import About, Options
from snapsim.drivers.graphdrivers.branches import BranchDriver, entry_of
from snapsim.drivers.naive_diff import remove_tree
from snapsim.files.filesystem import Inode
from snapsim.files.mounts.marks import OPAQUE_NAME, OVERLAY_OPAQUE, OVERLAY_WHITEOUT, whiteout
from snapsim.files.mounts.metacopy import MetacopyMount
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.overlayfs import OverlayMount, OverlayTree, is_whiteout
from snapsim.files.mounts.tree import TreeMount
from snapsim.files.mounts.union import Node

LEAVES_OUT = "SELinux labels, user namespaces, and mounting by relative paths when the options outgrow a page."
"""What this model leaves out, as `snapsim fidelity` lists it."""

MAX_LOWERS = 128
HOME = "/var/lib/docker"

__all__ = ["Diff", "Entry", "Overlay2"]


class Overlay2(BranchDriver):
    """overlayfs over ext4 or XFS.

    Parameters
    ----------
    fs : str
        "ext4", "xfs" (copy-up clones) or "xfs-noreflink".
    device_bytes : int
        Size of the device; memory is used for what is written.
    metacopy : bool
        The kernel's metacopy=on, with redirect_dir=on (Docker does not ask for it); diffs are naive then.
    project_quotas : bool
        XFS is mounted with pquota, so that a container can have a ``size``.
    size : str, optional
        The daemon's ``overlay2.size``: the quota of each container that has none of its own.
    release : str
        Whose `docker info` is printed: "20.10", or a later one, which adds "Using metacopy".

    notes : bool
        Docker's own files beside the layers (`l`, `link`, `lower`, `committed`); without them the layers are mounted as
        mount(8) would.

    Examples
    --------
    >>> Overlay2().create_read_write("box", options={"size": "10G"})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    snapsim.base.errors.InvalidInput: overlay2: storage-opt size: --storage-opt is supported only ...
    """

    name = "overlay2"
    about = About(
        "a union mount of directories (OverlayFS)",
        "files",
        "the whole file, at open for writing (a clone on XFS)",
        "the default; in containerd's store it is called overlayfs",
    )
    storage_options: ClassVar[tuple[str, ...]] = ("size",)
    limits: ClassVar[Mapping[str, str]] = {
        "depth": "128 lower directories (moby's maxDepth): as many short names as fit a page of mount options",
        "rename": "a directory of a lower layer: EXDEV without metacopy, and mv copies it",
        "hard links": "broken by copy-up: the other names keep the old data (index=off)",
        "linked names": "two names of a file of the image are two files: rename(2) of one onto the other moves it",
        "directory nlink": "a directory that merges layers says 1",
    }

    def __init__(
        self,
        fs: str = "ext4",
        device_bytes: int = 64 * GiB,
        metacopy: bool = False,
        project_quotas: bool = False,
        size: str | None = None,
        release: str = "20.10",
        notes: bool = True,
    ) -> None:
        super().__init__(fs, device_bytes)
        if project_quotas and self.fs.name != "xfs":
            raise InvalidInput(f"project quotas are for xfs here, not for {fs}", f"{self.name}: project_quotas")
        if size is not None and not project_quotas:
            raise InvalidInput("not supported: the filesystem has no project quotas (xfs with pquota)", "overlay2.size")
        self.metacopy, self.project_quotas, self.release = metacopy, project_quotas, release
        self._size = None if size is None else parse_size(size, "overlay2.size")
        self.notes = notes
        if notes:
            self._links = self.fs.create(self.fs.root, "l", "directory", mode=0o700)

    # ---------------------------------------------------------------- layers

    def _check_options(self, options: Options, writable: bool) -> None:
        super()._check_options(options, writable)
        if options and not writable:
            raise InvalidInput("--storage-opt size is only supported for ReadWrite Layers", self.name)
        if options and not self.project_quotas:
            raise InvalidInput(
                "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
                f"{self.name}: storage-opt size",
            )

    def _create(self, id: str, parent: str | None, options: Options, writable: bool) -> None:
        if id in self.fs.root.entries:
            raise InvalidInput(f"{id!r} is a directory of the driver itself", self.name)
        if parent is not None and len(self.ancestors(parent)) + 1 > MAX_LOWERS:
            raise InvalidInput("max depth exceeded", f"{self.name}: {id} over {parent}")
        home = self.fs.create(self.fs.root, id, "directory", mode=0o710)
        limit = self.size_option(options) or (self._size if writable else None)
        if limit:
            self.fs.set_quota(home, limit)
        self._new_branch(home, "diff", parent)
        if self.notes:
            self._take_notes(home, id, parent)

    def _take_notes(self, home: Inode, id: str, parent: str | None) -> None:
        link = short_name(id)
        self.fs.create(self._links, link, "symlink", target=f"../{id}/diff")
        self._note(home, "link", link)
        if parent is not None:
            self._note(home, "lower", ":".join(f"l/{short_name(each)}" for each in (parent, *self.ancestors(parent))))
            self.fs.create(home, "work", "directory", mode=0o700)
            self._commit(parent)

    def _commit(self, parent: str) -> None:
        if "committed" not in self._home(parent).entries:
            self._note(self._home(parent), "committed", "")

    def _note(self, home: Inode, name: str, text: str) -> None:
        """One of the driver's own small files: known, but no data of anybody's."""
        note = self.fs.create(home, name, "file")
        note.content, note.size = text.encode(), len(text)
        self.fs.metadata.changed(note)

    def _home(self, id: str) -> Inode:
        return self.fs.root.entries[id]

    def _branch(self, id: str) -> Inode:
        return self._home(id).entries["diff"]

    def _tree(self, id: str) -> Mount[Any]:
        home = self._home(id).entries
        if not self.ancestors(id):
            return TreeMount(self.fs, home["diff"])
        for name in ("work", "merged"):
            if name not in home:
                self.fs.create(self._home(id), name, "directory", mode=0o700)
        for ancestor in self.ancestors(id):
            self._resolve(ancestor)
        if id in self._sealed:
            return self._union([home["diff"], *self._lowers(id)])
        return self._union(self._lowers(id), home["diff"], home["work"])

    def _below(self, id: str) -> Mount[Any] | None:
        lowers = self._lowers(id)
        return self._union(lowers) if len(lowers) > 1 else TreeMount(self.fs, lowers[0]) if lowers else None

    def _union(self, lowers: list[Inode], upper: Inode | None = None, work: Inode | None = None) -> Mount[Node]:
        return (MetacopyMount if self.metacopy else OverlayMount)(self.fs, lowers, upper, work)

    def _resolve(self, id: str) -> None:
        """mount(2) walks the path of a lower directory: a short link, the layer's directory, what is in it."""
        if self.notes:
            self.fs.look(self._links, short_name(id))
        self.fs.look(self.fs.root, id)
        self.fs.look(self._home(id), "diff")

    def _unmounted(self, id: str, mount: Mount[Any]) -> None:
        if isinstance(mount.tree, OverlayTree) and mount.tree.syncs and not mount.read_only:
            self.fs.sync()  # umount(2) of an overlay syncs what its upper layer is on
        if "merged" in self._home(id).entries:
            self.fs.unlink(self._home(id), "merged")

    def _remove(self, id: str) -> None:
        if self.notes:
            self.fs.unlink(self._links, short_name(id))
        remove_tree(TreeMount(self.fs, self.fs.root), f"/{id}")

    # ---------------------------------------------------------------- archives

    def _native(self, id: str, parent: str | None) -> bool:
        return not self.metacopy and super()._native(id, parent)

    def _unpacks(self, id: str, parent: str | None) -> bool:
        """With metacopy=on as well, as the measurements did (moby would mount the layer for it, which costs more)."""
        return super()._native(id, parent)

    def _unpacked_size(self, id: str, diff: Diff) -> int:
        return diff.tar_size if self.metacopy else super()._unpacked_size(id, diff)

    def _export(self, inode: Inode, path: str) -> Iterator[Entry]:
        if is_whiteout(inode):
            yield Entry(whiteout(path), mode=0, size=0, mtime=inode.mtime)
            return
        yield entry_of(inode, path)
        if inode.xattrs.get(OVERLAY_OPAQUE[0]) == OVERLAY_OPAQUE[1]:
            yield Entry(f"{path}/{OPAQUE_NAME}", mode=0, size=0, mtime=inode.mtime)

    def _put_whiteout(self, directory: Inode, name: str) -> Inode:
        return self.fs.create(directory, name, "device", mode=0, rdev=OVERLAY_WHITEOUT)

    def _put_opaque(self, directory: Inode) -> Inode | None:
        self.fs.set_xattr(directory, *OVERLAY_OPAQUE)
        return None

    # ---------------------------------------------------------------- what is told to the engine

    def status(self) -> list[tuple[str, str]]:
        """The pairs of `docker info`.

        Examples
        --------
        >>> Overlay2("xfs").status()[0], Overlay2(metacopy=True, release="24.0").status()[2:4]
        (('Backing Filesystem', 'xfs'), [('Using metacopy', 'true'), ('Native Overlay Diff', 'false')])
        """
        metacopy = [] if self.release == "20.10" else [("Using metacopy", _word(self.metacopy))]
        return [
            ("Backing Filesystem", self.fs.name),
            ("Supports d_type", "true"),
            *metacopy,
            ("Native Overlay Diff", _word(not self.metacopy)),
            ("userxattr", "false"),
        ]

    def metadata(self, id: str) -> dict[str, str]:
        """`GraphDriver.Data`: the directories of the layer, and those below it."""
        self._known(id)
        home = f"{HOME}/{self.name}"
        lowers = ":".join(f"{home}/{ancestor}/diff" for ancestor in self.ancestors(id))
        own = {"WorkDir": f"{home}/{id}/work", "MergedDir": f"{home}/{id}/merged", "UpperDir": f"{home}/{id}/diff"}
        return own | ({"LowerDir": lowers} if lowers else {})


def short_name(id: str) -> str:
    """26 characters of base 32 for a layer (moby takes random ones).

    Examples
    --------
    >>> len(short_name("image")), (len("l/") + 26) * 128
    (26, 3584)
    """
    return base64.b32encode(hashlib.sha256(id.encode()).digest()).decode()[:26]


def _word(value: bool) -> str:
    return str(value).lower()
