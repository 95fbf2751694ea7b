"""overlayfs with metacopy=on: an inode can be copied up without its data, and a directory renamed without its tree.

What it adds to `snapsim.files.mounts.overlayfs`:

- chmod, chown, utime, link and rename of a lower file copy the inode alone, marked ``trusted.overlay.metacopy``. Its
  data stay below, and follow when it is first opened for writing.
- A directory of a lower layer can be renamed (metacopy=on turns redirect_dir=on as well). The upper directory gets
  ``trusted.overlay.redirect``: the name, or the path from the root, under which the layers below have it. Nothing that
  is in it moves.

Docker does not ask for it, and does no native diff where it is on: a layer's directory no longer says it all.

>>> import os
>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> fs = Ext4(BlockDevice(1024))
>>> lower, upper, work = (fs.create(fs.root, name, "directory") for name in ("lower", "upper", "work"))
>>> d = fs.create(lower, "d", "directory"); file = fs.create(d, "f", "file"); fs.write(file, 0, 1 << 20); fs.sync()
>>> mount = MetacopyMount(fs, [lower], upper, work)
>>> with fs.store.counting() as io:
...     mount.rename("/d", "/e"); mount.chmod("/e/f", 0o600); mount.sync()
>>> io.counts, upper.entries["e"].xattrs[REDIRECT], mount.stat("/e/f").size
(IOCounts(), 'd', 1048576)
>>> with fs.store.counting() as io:
...     mount.open("/e/f", os.O_RDWR).close()
>>> io.counts                                          # the page cache still had it
IOCounts(write_copy=(1, 1048576))

What it leaves out: see `snapsim.files.mounts.overlayfs`.
"""

from collections.abc import Sequence

from snapsim.files.filesystem import FileSystem
from snapsim.files.inode import Inode
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.overlayfs import PREFIX, OverlayTree
from snapsim.files.mounts.union import Node, Part

METACOPY, REDIRECT = PREFIX + "metacopy", PREFIX + "redirect"

__all__ = ["METACOPY", "REDIRECT", "MetacopyMount", "MetacopyTree", "path_below"]


class MetacopyTree(OverlayTree):
    """What ``mount -t overlay -o metacopy=on`` shows; see `OverlayTree`."""

    # ---------------------------------------------------------------- copy-up without data

    def _copy_up(self, node: Node, what: str = "name", keep: int | None = None) -> Inode:
        upper = super()._copy_up(node, what, keep)
        if what == "data" and METACOPY in upper.xattrs:
            self._bring_data(upper, self.data(node), keep)
        return upper

    def _fill(self, copy: Inode, source: Inode, what: str, keep: int | None) -> None:
        if what == "data":
            super()._fill(copy, source, what, keep)
        else:
            copy.size = source.size
            copy.content = None if source.content is None else bytes(source.size)

    def _copy(self, node: Node, what: str, keep: int | None) -> Inode:
        copy = super()._copy(node, what, keep)
        if copy.kind == "file" and what != "data":
            self.fs.set_xattr(copy, METACOPY, "")  # after the origin: that is how they share a block on ext4
        return copy

    def _bring_data(self, upper: Inode, source: Inode, keep: int | None) -> None:
        """The data of a file whose inode alone was copied up before."""
        size, time = upper.size, upper.mtime
        try:
            super()._fill(upper, source, "data", keep)
        except OSError:  # no room: it stays as it was
            self.fs.truncate(upper, 0)
            upper.size, upper.mtime = size, time
            raise
        self.fs.remove_xattr(upper, METACOPY)

    def _keeps_below(self, upper: Inode) -> bool:
        return METACOPY in upper.xattrs or super()._keeps_below(upper)

    def data(self, node: Node) -> Inode:
        """The inode that holds the data, which may lie below the one that is seen."""
        return node.stack[-1].inode if METACOPY in self.inode(node).xattrs else self.inode(node)

    # ---------------------------------------------------------------- following redirects

    def _look_up(self, directory: Node, name: str) -> list[Part]:
        """As in every union, but a redirect says under which name, or at which path, the layers below have it."""
        found: list[Part] = []
        places, path = list(directory.stack), [name]
        while places:
            layer, place = places.pop(0)
            inode, last = self._step(place, path)
            if inode is not None:
                if found and inode.kind != found[0].inode.kind:
                    break
                found.append(Part(layer, inode))
                last = last or self._is_last(inode)
                redirect = inode.xattrs.get(REDIRECT, "")
                if redirect.startswith("/"):
                    places, path = [part for part in self._top.stack if part.layer > layer], redirect.split("/")[1:]
                elif redirect:
                    path = [*path[:-1], redirect]
            if last:
                break
        return found

    def _is_last(self, inode: Inode) -> bool:
        """Is nothing below it to be seen?"""
        return self._is_opaque(inode) if inode.kind == "directory" else METACOPY not in inode.xattrs

    def _step(self, place: Inode, path: list[str]) -> tuple[Inode | None, bool]:
        """What one layer has at a path, and whether the layers below are hidden there."""
        opaque = False
        for name in path[:-1]:
            self.fs.look(place, name)
            directory = self._entry(place, name)
            if directory is None or directory.kind != "directory":
                return None, opaque or directory is not None or self._hides(place, name)
            place, opaque = directory, opaque or self._is_opaque(directory)
        self.fs.look(place, path[-1])
        return self._entry(place, path[-1]), opaque or self._hides(place, path[-1])

    # ---------------------------------------------------------------- leaving redirects

    def _new_is_opaque(self, directory: Node) -> bool:
        """It saves looking below, where changes behind the mount's back need not be allowed for."""
        return len(directory.stack) > 1

    def _can_move(self, node: Node) -> bool:
        return True

    def _about_to_move(self, node: Node, old: Node, new: Node) -> None:
        """As in every overlay; a file of which a lower layer has more names needs a path from the root."""
        super()._about_to_move(node, old, new)
        linked = len(node.stack) > 1 and node.stack[1].inode.kind != "directory" and node.stack[1].inode.nlink > 1
        self._redirect(node, node.name if old is new and not linked else path_below(node))

    def link(self, node: Node, directory: Node, name: str) -> None:
        """See `Union`; the new name may be anywhere, so that a redirect is a path."""
        super().link(node, directory, name)
        self._redirect(node, path_below(node))

    def _redirect(self, node: Node, where: str) -> None:
        """Remember where the layers below have it; a path from the root holds in every directory."""
        upper = self.inode(node)
        if METACOPY in upper.xattrs or (upper.kind == "directory" and len(node.stack) > 1):
            there = upper.xattrs.get(REDIRECT, "")
            if not there or (where.startswith("/") and not there.startswith("/")):
                self.fs.set_xattr(upper, REDIRECT, where)


class MetacopyMount(Mount[Node]):
    """``mount -t overlay -o metacopy=on``; parameters as of `OverlayTree`."""

    def __init__(
        self, fs: FileSystem, lowers: Sequence[Inode], upper: Inode | None = None, work: Inode | None = None
    ) -> None:
        super().__init__(MetacopyTree(fs, lowers, upper, work))


def path_below(node: Node) -> str:
    """The path at which the layers below have a node, by the redirects of its directories."""
    path, at = "", node
    while at.parent is not None and not path.startswith("/"):
        redirect = at.upper.xattrs.get(REDIRECT, "") if at.upper is not None else ""
        path = f"{redirect or at.name}/{path}" if path else redirect or at.name
        at = at.parent
    return path if path.startswith("/") else f"/{path}"
