"""Drivers with one bug each that were missed once: what was added to the kit for them is general."""

from snapsim.drivers.diff import Diff
from snapsim.drivers.graphdrivers.btrfs import Btrfs
from snapsim.drivers.graphdrivers.vfs import Vfs
from snapsim.files.mounts.overlayfs import OverlayTree
from snapsim.files.mounts.union import Part


class CopyUpLosesAttributes(OverlayTree):
    """Of the extended attributes a copy has overlayfs' own only."""

    def _copy_attributes(self, copy, source):
        self._set_origin(copy, source)


class CopiesWithoutAttributes(Vfs):
    """Copied trees have no extended attributes."""

    def _copy(self, id, source, top):
        super()._copy(id, source, top)
        for inode in below(top):
            inode.xattrs.clear()


def below(inode):
    yield inode
    for each in inode.entries.values() if inode.kind == "directory" else ():
        yield from below(each)


class UnsealedByARemoval(Btrfs):
    """A layer can be written again when its last child is removed."""

    def remove(self, id):
        parent = self.parent(id)
        super().remove(id)
        if parent not in self._parents.values():
            self._sealed.discard(parent)


class ArchivesNewDirectoriesEmpty(Vfs):
    """A file that became a directory is archived without what is in it."""

    def diff(self, id, parent=None):
        found = super().diff(id, parent)
        with self._pair(id, parent) as (_, old):
            turned = [
                entry.path
                for entry in found.entries
                if entry.kind == "directory" and old and old.exists(entry.path) and old.stat(entry.path).kind == "file"
            ]
        return Diff(tuple(e for e in found.entries if not any(e.path.startswith(f"{path}/") for path in turned)))


class CleanupTakesOneUserAway(Vfs):
    """Whoever was mounted three times is mounted twice then."""

    def cleanup(self):
        for id in list(self._mounts):
            self.put(id)


class MergesThroughFiles(OverlayTree):
    """A directory over a file over a directory merges with the lowest."""

    def _look_up(self, directory, name):
        found = []
        for layer, place in directory.stack:
            inode = self._entry(place, name)
            if inode is not None and not (found and inode.kind != "directory"):
                found.append(Part(layer, inode))
            ends = found and found[-1].inode.kind != "directory"
            if ends or self._hides(place, name) or (inode is not None and self._is_opaque(inode)):
                break
        return found
