"""Files that occupy space and that nobody sees: which layer holds them, what hid them, and for whom.

A layer shows its parent's files, and its own changes. So compare what each layer shows with what its parent
shows, block by block of the device: **a block that the parent shows and the child does not is hidden by the child's
step**, from the child and all that stands on it. It stays allocated, since the parent keeps it. The rule needs to know
nothing of whiteouts and copy-up, and holds for pool blocks and extents as for files. Why it went is seen in the names:

================================  ===========================================================================
overwritten                       the path shows other data now: a file that was copied up, a pool block or extent
attributes only                   the same data once more, after chmod, chown, utime or a link
copied along                      the same data and attributes: vfs copies all, pool blocks move whole
renamed to P                      the same data under a name that is new
deleted, deleted with D           a whiteout, of the file or of a directory above it (or simply no name)
behind opaque D                   the directory was made anew
replaced                          by something that is no file
hard link broken: P               the copy is a file of its own; under its other name the old data are still seen
================================  ===========================================================================

>>> from snapsim.drivers import Overlay2
>>> driver = Overlay2()
>>> driver.create("base")
>>> with driver.mounted("base") as mount:
...     mount.write("/big", 0, 1 << 20)
1048576
>>> driver.create("child", "base")
>>> with driver.mounted("child") as mount:
...     mount.write("/big", 5000, 1)
1
>>> book = take(driver, {"base": Label(("base:1",), "import"), "child": Label(("child:1",), "RUN dd")})
>>> file, = hidden_files(driver, book)
>>> file.path, file.holder, file.size, file.why, file.hider, file.again
('/big', 'base', 1048576, 'overwritten', 'child', 1044480)
>>> file.hidden_from, file.seen_by
(('child:1',), ('base:1',))

What it leaves out: bytes in no file at all (the rest of a pool block behind a file's end, the part of a btrfs extent
that was overwritten): `tally` gives their sum. With metacopy=on a file that was copied up without its data hides none.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .device import Integers
from .driver import Driver
from .inode import Inode
from .layer import OPAQUE_NAME, OVERLAY_OPAQUE
from .ledger import Label, Ledger, take

__all__ = ["Hidden", "Label", "Tally", "hidden_files", "take", "tally"]

Flags = npt.NDArray[np.bool_]


class Hidden(NamedTuple):
    """A file, or a part of one, that one layer holds and the next does not show.

    `size` counts bytes of whole device blocks; `again` says how many of the file's bytes the hiding layer holds once
    more with equal content. `hidden_from` and `seen_by` name images and containers.
    """

    path: str
    holder: str
    step: str
    size: int
    why: str
    hider: str
    hiding_step: str
    hidden_from: tuple[str, ...]
    seen_by: tuple[str, ...]
    again: int


class Tally(NamedTuple):
    """Where the allocated bytes are: seen by some image or container, in files that none of them sees, in no file."""

    seen: int
    unseen: int
    in_no_file: int


class _View:
    """What a layer shows: its names, and where each file's blocks lie."""

    def __init__(self, driver: Driver, id: str) -> None:
        with driver.mounted(id) as mount:
            self.names: dict[str, Inode] = dict(mount.files())
            self.places = {inode.number: mount.fs.device_blocks(inode)
                           for inode in self.names.values() if inode.kind == "file"}
        every = np.concatenate([np.zeros(0, np.int64), *self.places.values()])
        self.blocks: Integers = np.unique(every[every >= 0])

    def at(self, path: str) -> Integers:
        return self.places[self.names[path].number] if self.has_file(path) else np.zeros(0, np.int64)

    def files(self) -> dict[int, list[str]]:
        """The names of each file."""
        found: dict[int, list[str]] = {}
        for path, inode in self.names.items():
            if inode.kind == "file":
                found.setdefault(inode.number, []).append(path)
        return found

    def shows(self, blocks: Integers) -> Flags:
        if not self.blocks.size:
            return np.zeros(blocks.size, bool)
        found: Flags = self.blocks[np.minimum(self.index(blocks), self.blocks.size - 1)] == blocks
        return found

    def index(self, blocks: Integers) -> Integers:
        """Positions in `blocks` of those that are shown."""
        return np.searchsorted(self.blocks, blocks)

    def has_file(self, path: str) -> bool:
        return path in self.names and self.names[path].kind == "file"


def hidden_files(driver: Driver, ledger: Ledger) -> list[Hidden]:
    """All of them, in the order of the layers that hide.

    Parameters
    ----------
    driver : Driver
    ledger : Ledger
        The driver's book of this moment.
    """
    views, pins = _views(driver, ledger), ledger.pins()
    steps = [_Step(driver, ledger, views, parent, id, pins[id])
             for id, parent in ledger.parents.items() if parent is not None]
    return [found for step in steps for found in step.hidden()]


def tally(driver: Driver, ledger: Ledger) -> Tally:
    """Split the allocated bytes; the three add up to ``ledger.allocated``."""
    views, size = _views(driver, ledger), driver.devices[0].block_size
    everything = _union([view.blocks for view in views.values()])
    seen = _union([views[top].blocks for top in ledger.tops().values()])
    return Tally(seen.size * size, (everything.size - seen.size) * size, ledger.allocated - everything.size * size)


def _views(driver: Driver, ledger: Ledger) -> dict[str, _View]:
    return {id: _View(driver, id) for id in ledger.parents}


def _union(parts: list[Integers]) -> Integers:
    return np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))


class _Step:
    """A layer and its parent, compared."""

    def __init__(self, driver: Driver, ledger: Ledger, views: Mapping[str, _View], parent: str, child: str,
                 pins: frozenset[str]) -> None:
        self.driver, self.ledger, self.views, self.parent, self.child = driver, ledger, views, parent, child
        self.old, self.new, self.device = views[parent], views[child], driver.devices[0]
        self.hidden_from = tuple(user for user in ledger.owners() if user in pins)

    def hidden(self) -> Iterator[Hidden]:
        counted = np.zeros(self.old.blocks.size, bool)     # of two clones in one layer, the first has the blocks
        for paths in self.old.files().values():
            blocks = self.old.at(paths[0])
            gone = (blocks >= 0) & ~self.new.shows(blocks)
            gone[gone] = ~counted[self.old.index(blocks[gone])]
            counted[self.old.index(blocks[gone])] = True
            if gone.any():
                yield from self._by_holder(paths[0], blocks, gone)
            elif len(paths) > 1:
                yield from self._broken_links(paths)

    def _by_holder(self, path: str, blocks: Integers, gone: Flags) -> Iterator[Hidden]:
        """The lowest layer that shows a block is the one that made it."""
        equal, why = self._equal(path, path), self._why(path)
        for holder in reversed(self.ledger.chain(self.parent)):
            mine = gone & self.views[holder].shows(blocks)
            gone = gone & ~mine
            if mine.any():
                yield self._line(path, holder, int(mine.sum()), why, self._seen_by(blocks[mine]),
                                 int((mine & equal).sum()))

    def _broken_links(self, paths: list[str]) -> Iterator[Hidden]:
        blocks = self.old.at(paths[0])
        kept = [path for path in paths if np.array_equal(self.new.at(path), blocks)]
        for path in paths:
            if kept and path not in kept and self.new.has_file(path):
                yield self._line(path, self.parent, 0, f"hard link broken: {kept[0]}", self._seen_by(blocks),
                                 int(self._equal(path, path).sum()))

    def _line(self, path: str, holder: str, count: int, why: str, seen_by: tuple[str, ...], again: int) -> Hidden:
        size, labels = self.device.block_size, self.ledger.labels
        return Hidden(path, holder, labels[holder].step, count * size, why, self.child, labels[self.child].step,
                      self.hidden_from, seen_by, again * size)

    def _seen_by(self, blocks: Integers) -> tuple[str, ...]:
        return tuple(user for user, top in self.ledger.tops().items() if self.views[top].shows(blocks).any())

    # ---------------------------------------------------------------- why

    def _equal(self, path: str, other: str) -> Flags:
        """Which blocks of a file of the parent another of the child holds too, with the same content."""
        before, after = self.old.at(path), self.new.at(other)
        equal, both = np.zeros(before.size, bool), min(before.size, after.size)
        there = np.flatnonzero((before[:both] >= 0) & (after[:both] >= 0))
        equal[there] = self.device.peek(before[there]) == self.device.peek(after[there])
        return equal

    def _same(self, path: str, other: str) -> bool:
        was, now = self.old.names[path], self.new.names[other]
        return was.size == now.size and bool((self._equal(path, other) | (self.old.at(path) < 0)).all())

    def _why(self, path: str) -> str:
        if path not in self.new.names:
            return self._why_gone(path)
        if not self.new.has_file(path):
            return "replaced"
        if not self._same(path, path):
            return "overwritten"
        return "copied along" if _attributes(self.old, path) == _attributes(self.new, path) \
            else "attributes only"

    def _why_gone(self, path: str) -> str:
        moved = [name for name in self.new.names if name not in self.old.names and self.new.has_file(name)
                 and self._same(path, name)]
        if moved:
            return f"renamed to {moved[0]}"
        above = [path[:at] for at, letter in enumerate(path) if letter == "/" and at]
        gone = [directory for directory in above if directory not in self.new.names]
        if gone:
            return f"deleted with {gone[0]}"
        opaque = [directory for directory in above if self._is_opaque(directory)]
        return f"behind opaque {opaque[0]}" if opaque else "deleted"

    def _is_opaque(self, path: str) -> bool:
        inode = self.driver.directory(self.child)
        for name in path.split("/")[1:]:
            if name not in inode.entries:
                return False
            inode = inode.entries[name]
        return inode.xattrs.get(OVERLAY_OPAQUE[0]) == OVERLAY_OPAQUE[1] or OPAQUE_NAME in inode.entries


def _attributes(view: _View, path: str) -> tuple[int, int, int, int, int]:
    inode = view.names[path]
    return inode.mode, inode.uid, inode.gid, inode.mtime, inode.nlink
