"""Drivers with one bug each: a union mount, copied trees and subvolumes as a student might get them wrong."""

from planted.missed_drivers import (
    ArchivesNewDirectoriesEmpty,
    CleanupTakesOneUserAway,
    CopiesWithoutAttributes,
    CopyUpLosesAttributes,
    MergesThroughFiles,
    UnsealedByARemoval,
)

from snapsim.block.volume import Usage
from snapsim.drivers.diff import Change, Diff
from snapsim.drivers.graphdrivers.btrfs import Btrfs
from snapsim.drivers.graphdrivers.overlay2 import Overlay2
from snapsim.drivers.graphdrivers.vfs import Vfs
from snapsim.drivers.graphdrivers.zfs import Zfs
from snapsim.files.data import Files
from snapsim.files.mounts.mount import Mount
from snapsim.files.mounts.overlayfs import OverlayMount, OverlayTree
from snapsim.files.mounts.tree import TreeMount
from snapsim.files.mounts.union import Part


def with_mount(kind):
    """An Overlay2 whose unions are of that class: of mounts, or of trees that are mounted."""

    class Driver(Overlay2):
        def _union(self, lowers, upper=None, work=None):
            found = kind(self.fs, lowers, upper, work)
            return found if isinstance(found, Mount) else Mount(found)

    Driver.__name__ = Driver.__qualname__ = kind.__name__
    return Driver


# ---------------------------------------------------------------- a union mount


class ForgetsTheWhiteout(OverlayTree):
    def _cover(self, directory, name):
        pass


class WhiteoutLeaksIntoListings(OverlayTree):
    def _listing(self, directory):
        there, gone = super()._listing(directory)
        return [*there, *gone], set()


class WhiteoutForgottenInDeepStacks(OverlayTree):
    """Right with one lower layer, wrong with two."""

    def _is_below(self, directory, name):
        return len(directory.stack) < 3 and super()._is_below(directory, name)


class OpaqueIsForgotten(OverlayTree):
    def _set_opaque(self, directory):
        pass


class OpaqueIsNotRespected(OverlayTree):
    def _is_opaque(self, directory):
        return False


class OpaqueIsCopiedUp(OverlayTree):
    """The copy of a directory is opaque, as kernels before 4.8 made it."""

    def _put(self, copy, directory, name):
        super()._put(copy, directory, name)
        if copy.kind == "directory" and directory is not None:
            self._set_opaque(copy)


class RenameLeavesNoWhiteout(OverlayTree):
    def _is_below(self, directory, name):
        return not self.moving and super()._is_below(directory, name)

    moving = False

    def rename(self, old, name, node, new, to, over):
        self.moving = True
        super().rename(old, name, node, new, to, over)
        self.moving = False


class RenameOfALowerDirectorySucceeds(OverlayTree):
    """It moves the upper half only."""

    def _can_move(self, node):
        return True

    def _is_below(self, directory, name):
        return False


class CopyUpLosesTheMode(OverlayTree):
    def _copy(self, node, what, keep):
        copy = super()._copy(node, what, keep)
        copy.mode = 0o644 if copy.kind == "file" else 0o755
        return copy


class CopyUpLosesTheOwner(OverlayTree):
    def _copy(self, node, what, keep):
        copy = super()._copy(node, what, keep)
        copy.uid = copy.gid = 0
        return copy


class CopyUpLosesTheTime(OverlayTree):
    def _copy(self, node, what, keep):
        copy = super()._copy(node, what, keep)
        copy.mtime = self.fs.tick()
        return copy


class CopyUpLosesTheData(OverlayTree):
    """Only the first block is copied."""

    def _fill(self, copy, source, what, keep):
        super()._fill(copy, source, what, min(source.size, 4096) if keep is None else keep)


class ChangesTheLowerLayer(OverlayTree):
    """chmod and its kin do not copy up."""

    def change(self, node, what, keep=None):
        return self.inode(node) if what == "attributes" else super().change(node, what, keep)


class HardLinksHold(OverlayTree):
    """The copy-up of a file copies all its names in the directory."""

    def _copy_up(self, node, what="name", keep=None):
        old = self.inode(node)
        new = super()._copy_up(node, what, keep)
        if new is not old and old.kind == "file" and old.nlink > 1 and node.parent is not None:
            for name in self.names(node.parent):
                other = self.child(node.parent, name)
                if other is not None and self.inode(other) is old:
                    self.fs.link(new, self._copy_up(node.parent), name)
                    other.stack = [Part(0, new)]
        return new


class LinkMakesACopy(OverlayTree):
    """link(2) of an upper file makes an independent file."""

    def link(self, node, directory, name):
        inode = self.change(node, "name")
        upper, _ = self._make_room(directory, name)
        copy = self.fs.create(upper, name, "file", inode.mode, inode.uid, inode.gid)
        self.fs.copy_data(inode, copy)
        self._name(directory, name, [Part(0, copy)])


class ListsNamesTwice(OverlayTree):
    """A name is listed for each layer that has it."""

    def listed(self, directory):
        seen = self.names(directory)
        return [name for _, place in directory.stack for name in self._listing(place)[0] if name in seen]


class GivesAnotherErrno(OverlayMount):
    def free_name(self, path, directory=False):
        try:
            return super().free_name(path, directory)
        except FileExistsError as error:
            raise PermissionError(1, "no", path) from error


class TruncateKeepsTheTail(OverlayMount):
    """A file that is made longer shows old bytes where zeros are due."""

    def truncate(self, path, size):
        old = self.read_bytes(path) if self.exists(path) and self.stat(path).kind == "file" else b""
        super().truncate(path, size)
        if size > len(old) > 0:
            self.write(path, len(old), data=old[:1])


class CopyUpOfALinkMakesItAbsolute(OverlayTree):
    def _copy(self, node, what, keep):
        copy = super()._copy(node, what, keep)
        if copy.kind == "symlink":
            copy.target = "/" + copy.target.lstrip("/")
        return copy


# ---------------------------------------------------------------- layers


class ForgetsParentsOfManyLayers(Vfs):
    """The table of parents has room for three."""

    def parent(self, id):
        parent = super().parent(id)
        return parent if len(self.ids()) < 4 else None


class WhiteoutsAreAppliedLast(Vfs):
    """What an archive hides and makes anew is gone."""

    def apply_diff(self, id, parent, diff):
        return super().apply_diff(id, parent, Diff(tuple(sorted(diff.entries, key=lambda each: "/.wh." in each.path))))


class LayersInReverse(Overlay2):
    def _lowers(self, id):
        return super()._lowers(id)[::-1]


class SkipsTheMiddleLayer(Overlay2):
    """Only the parent and the base are stacked."""

    def _lowers(self, id):
        lowers = super()._lowers(id)
        return lowers if len(lowers) < 3 else [lowers[0], lowers[-1]]


class SizeCountsLinksTwice(Overlay2):
    def diff_size(self, id, parent=None):
        with self.mounted(id) as mount:
            return sum(
                mount.stat(change.path, follow=False).size
                for change in self.changes(id, parent)
                if change.kind != "D" and mount.stat(change.path, follow=False).kind == "file"
            )


class SizeOfTheWholeTree(Overlay2):
    def diff_size(self, id, parent=None):
        return (
            super(Overlay2, self).diff_size(id, None)
            if parent is None
            else sum(super(SizeOfTheWholeTree, self).diff_size(each, self.parent(each)) for each in (id, parent))
        )


class RemovesParents(Vfs):
    def remove(self, id):
        self._known(id)
        self._remove(id)
        del self._parents[id]


class NeverSeals(Vfs):
    def _seal(self, parent):
        pass


class SharesTheTree(Vfs):
    """The child of a layer is the layer."""

    def _create(self, id, parent, options, writable):
        if parent is None:
            super()._create(id, parent, options, writable)
        else:
            self.fs.root.entries[id] = self._top(parent)


class ForgetsEmptyDirectories(Vfs):
    def _create(self, id, parent, options, writable):
        super()._create(id, parent, options, writable)
        top = self._top(id)
        for name in [name for name, inode in top.entries.items() if inode.kind == "directory" and not inode.entries]:
            self.fs.unlink(top, name)


class ChangesForgetsTheDirectory(Vfs):
    """Lists what is in a directory and not the directory itself."""

    def changes(self, id, parent=None):
        found = super().changes(id, parent)
        return [
            change
            for change in found
            if change.kind != "C" or not any(other.path.startswith(f"{change.path}/") for other in found)
        ]


class ChangesCallsAdditionsChanges(Vfs):
    def changes(self, id, parent=None):
        return [Change(change.kind.replace("A", "C"), change.path) for change in super().changes(id, parent)]


class DiffForgetsDeletions(Vfs):
    def diff(self, id, parent=None):
        found = super().diff(id, parent)
        return type(found)(tuple(entry for entry in found.entries if "/.wh." not in entry.path))


class LeaksAtRemoval(Btrfs):
    """The subvolume's name goes, its files stay allocated."""

    def _remove(self, id):
        pass


class UsageCountsSharedAsOwn(Btrfs):
    def usage(self, id):
        allocated, *_ = super().usage(id)
        return Usage(allocated, allocated, 0)


class StealsABlock(Vfs):
    """An inode that nobody sees holds room."""

    def _create(self, id, parent, options, writable):
        super()._create(id, parent, options, writable)
        if parent is not None:
            Files.write(self.fs, self.fs.create(self.fs.root, f".{id}", "file"), 0, 1)


class CrashesOnTheThirdLayer(Vfs):
    def _create(self, id, parent, options, writable):
        assert len(self.ids()) < 2, "no room in the table"
        super()._create(id, parent, options, writable)


class ForgetsHeldMounts(Vfs):
    """Every `get` gives a tree of its own, and a removed one is still seen."""

    def _tree(self, id):
        return TreeMount(self.fs, self.fs.root if id.endswith("1") else self._top(id))


class ApparentReturned(Vfs):
    """What an archive brings counts the text of symbolic links, which the tar headers do not."""

    def apply_diff(self, id, parent, diff):
        super().apply_diff(id, parent, diff)
        return diff.apparent_size


class SharedSibling(Zfs):
    """The second container of an image starts as the first one is now."""

    def _clone(self, parent):
        first = next((id for id in self.ids() if self.parent(id) == parent and id in self._writable), parent)
        return super()._clone(first)

    def _create(self, id, parent, options, writable):
        super()._create(id, parent, options, writable)
        if writable:
            self._writable.add(id)

    @property
    def _writable(self):
        return self.__dict__.setdefault("_containers", set())


class DiffParentIgnored(Overlay2):
    """The archive against any layer is that against the parent."""

    def _native(self, id, parent):
        return parent is not None


class NoOpaqueExported(Overlay2):
    def _export(self, inode, path):
        return (entry for entry in super()._export(inode, path) if not entry.path.endswith("/.wh..wh..opq"))


class IdsSorted(Vfs):
    def ids(self):
        return sorted(super().ids())


class StaleTree(Overlay2):
    """Mounts are kept after their last user has gone, and used again: also after an archive was unpacked below them."""

    def _tree(self, id):
        kept = self.__dict__.setdefault("_kept", {})
        return kept.setdefault((id, id in self._sealed), super()._tree(id))


UNIONS = (
    ForgetsTheWhiteout,
    WhiteoutLeaksIntoListings,
    WhiteoutForgottenInDeepStacks,
    OpaqueIsForgotten,
    OpaqueIsNotRespected,
    OpaqueIsCopiedUp,
    RenameLeavesNoWhiteout,
    RenameOfALowerDirectorySucceeds,
    CopyUpLosesTheMode,
    CopyUpLosesTheOwner,
    CopyUpLosesTheTime,
    CopyUpLosesTheData,
    ChangesTheLowerLayer,
    HardLinksHold,
    LinkMakesACopy,
    ListsNamesTwice,
    GivesAnotherErrno,
    TruncateKeepsTheTail,
    CopyUpOfALinkMakesItAbsolute,
    CopyUpLosesAttributes,
)
BUGS = (
    *map(with_mount, UNIONS),
    LayersInReverse,
    SkipsTheMiddleLayer,
    SizeCountsLinksTwice,
    SizeOfTheWholeTree,
    RemovesParents,
    NeverSeals,
    SharesTheTree,
    ForgetsEmptyDirectories,
    ChangesForgetsTheDirectory,
    ChangesCallsAdditionsChanges,
    DiffForgetsDeletions,
    LeaksAtRemoval,
    UsageCountsSharedAsOwn,
    StealsABlock,
    CrashesOnTheThirdLayer,
    ForgetsHeldMounts,
    ForgetsParentsOfManyLayers,
    ApparentReturned,
    SharedSibling,
    DiffParentIgnored,
    NoOpaqueExported,
    IdsSorted,
    StaleTree,
    CopiesWithoutAttributes,
    UnsealedByARemoval,
    ArchivesNewDirectoriesEmpty,
)
PROBED = {
    WhiteoutsAreAppliedLast: "a_whiteout_hides_what_is_below_only",
    CleanupTakesOneUserAway: "cleanup_twice",
    with_mount(MergesThroughFiles): "a_file_ends_what_is_below_it",
}
"""Found by a probe, the one that is named: no list of operations says so."""
