"""Which group a block belongs to, and the refcountbt: one record for each run of blocks that have equally many owners.

Blocks with one owner have no record. A clone of a whole file is one record (or none: an existing one is counted up);
a block in the middle that gets one owner less makes two of one. Space that waits in a copy-on-write fork has records as
well, so that a crash does not lose it. Source: Documentation/filesystems/xfs, "reference count btree".

>>> layout = XfsLayout(Sectors(1 << 20), first=0, sectors=1 << 22)
>>> space = SpaceMap(64); references = XfsReferences(space, layout)
>>> places = space.allocate(8); references.place(places, group=1)
>>> space.take(places); references.changed(places); _ = references.settle()
>>> layout.groups[1].shared.keys.tolist()              # one record for the eight blocks
[0]
>>> _ = space.release(places[3:4]); references.changed(places[3:4]); _ = references.settle()
>>> layout.groups[1].shared.keys.tolist()              # blocks 0 to 2, blocks 4 to 7
[0, 4]

What it leaves out: the block in which the tree grows counts for ``df`` from the start (it is reserved), so not here.
"""

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers
from snapsim.block.space_map import SpaceMap
from snapsim.files.filesystems.xfs.btree import Change
from snapsim.files.filesystems.xfs.layout import Group, XfsLayout
from snapsim.files.filesystems.xfs.log import Sectors

__all__ = ["Sectors", "SpaceMap", "XfsLayout", "XfsReferences"]
Flags = npt.NDArray[np.bool_]
WAITING = 1 << 40  # records of blocks that wait sort behind all others


class XfsReferences:
    """The reference counts of one file system, as its groups keep them.

    Parameters
    ----------
    space : SpaceMap
        The counts themselves.
    layout : XfsLayout
    """

    def __init__(self, space: SpaceMap, layout: XfsLayout) -> None:
        self._space, self._layout = space, layout
        self._groups = np.zeros(0, np.int64)  # of each place; grows to the highest in use
        self._further = np.zeros(0, np.int64)  # blocks that each place lies behind where it would be
        self._changed: list[Integers] = []
        self._staged = 0

    # ---------------------------------------------------------------- groups

    def place(self, places: Integers, group: int, further: int = 0) -> None:
        """These places were taken from a group, so many blocks further back than they would be (`further_back`)."""
        end = int(places.max()) + 1
        if end > self._groups.size:
            more = np.zeros(max(end, 2 * self._groups.size) - self._groups.size, np.int64)
            self._groups, self._further = np.append(self._groups, more), np.append(self._further, more)
        self._groups[places], self._further[places] = group, further

    def further_back(self, place: int) -> int:
        """How far blocks that were not to be had have moved a place."""
        return int(self._further[place])

    def groups_of(self, places: Integers) -> list[Group]:
        """The groups of places, each once."""
        return [self._layout.groups[number] for number in np.unique(self._group(places)).tolist()]

    def _group(self, places: Integers) -> Integers:
        known = (places >= 0) & (places < self._groups.size)
        if not self._groups.size:
            none: Integers = np.full_like(places, -1)
            return none
        found: Integers = np.where(known, self._groups[np.where(known, places, 0)], -1)
        return found

    def on_disk(self, places: Integers) -> Integers:
        """Places as on a disk: those of different groups are never neighbours; -1 stays."""
        known = (places >= 0) & (places < self._further.size)
        further = self._further[np.where(known, places, 0)] * known if self._further.size else 0
        found: Integers = np.where(places >= 0, places + further + (self._group(places) << 40), -1)
        return found

    # ---------------------------------------------------------------- counts

    def are_shared(self, places: Integers) -> bool:
        """Has any of the places more than one owner?"""
        return bool((self._space.count(places) > 1).any())

    def unused(self, places: Integers) -> Integers:
        """Those that have no owner any more."""
        found: Integers = places[self._space.count(places) == 0]
        return found

    def changed(self, places: Integers) -> None:
        """Counts of places changed; `settle` works out what that means for the trees."""
        self._changed.append(places)

    def settle(self) -> list[Change]:
        """What changed in the trees since the last call."""
        if not self._changed:
            return []
        places, self._changed = np.unique(np.concatenate(self._changed)), []
        near = np.union1d(places, places + 1)
        begins, found = self._begins(near), []
        group, own = self._group(near), self._group(places)
        for number in np.unique(own).tolist():
            tree, here = self._layout.groups[number].shared, group == number
            known = np.isin(near, tree.keys)
            found += tree.remove(near[here & known & ~begins])
            found += tree.insert(near[here & begins & ~known])
            found += tree.touch(places[own == number])
        return found

    def _begins(self, places: Integers) -> Flags:
        """At which of the places a record begins."""
        count, before = self._space.count(places), self._space.count(np.maximum(places - 1, 0))
        alone = (self._group(places) != self._group(places - 1)) | (count != before)
        return np.asarray((count > 1) & alone)

    # ---------------------------------------------------------------- blocks that wait

    def stage(self, group: Group, windows: int) -> list[Change]:
        """Windows for shared blocks of which something is left, before and behind the block: a record for each."""
        keys = WAITING + self._staged + np.arange(max(2 * windows, 1))
        self._staged += keys.size
        changes = group.shared.insert(keys)
        return changes if windows else changes + group.shared.remove(keys)

    def touch_staged(self, group: Group) -> list[Change]:
        """The last window of a group gets smaller: its record."""
        return group.shared.touch(group.shared.keys[group.shared.keys >= WAITING][-1:])

    def unstage(self) -> None:
        """The inodes that had waiting blocks left the memory."""
        for group in self._layout.groups:
            group.shared.remove(group.shared.keys[group.shared.keys >= WAITING])
