"""Files that occupy space although a higher layer hides them: which layer holds them, and which change hid them.

A layer shows its parent's files, and its own changes. So compare what each layer shows with what its parent shows,
block by block of the device: **a block that the parent shows and the child does not is hidden by the child's step**,
from the child and all that stands on it. It stays allocated, since the parent keeps it. The rule needs no knowledge of
whiteouts and copy-up, and holds for pool blocks and extents as for files. The reason follows from the names:

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

>>> from snapsim.drivers.graphdrivers import Overlay2
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

import functools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers
from snapsim.drivers.driver import Driver
from snapsim.drivers.ledger import Label, Ledger, take
from snapsim.files.inode import Inode
from snapsim.files.mounts.marks import OPAQUE_NAME, OVERLAY_OPAQUE

__all__ = ["Hidden", "Label", "Tally", "hidden_files", "take", "tally"]

Flags = npt.NDArray[np.bool_]


class Hidden(NamedTuple):
    """A file, or a part of one, that one layer holds and the next does not show.

    `size` counts bytes of whole device blocks, and is 0 for a broken hard link, whose old data are still seen. `again`
    says how many of the file's bytes the hiding layer holds once more with equal content. `hidden_from` and `seen_by`
    name images and containers.
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


_Line = tuple[Hidden, Integers]
"""A hidden file before it is known who sees its blocks, and the blocks."""


class Tally(NamedTuple):
    """The allocated bytes in three parts: visible in some image or container, in hidden files only, in no file."""

    seen: int
    unseen: int
    in_no_file: int


class _View:
    """What a layer shows: its names, and where each file's blocks lie.

    `blocks` has each block once, in ascending order, and `file` the index in `files` of the first file that has the
    block: of two clones in one layer, the first counts.
    """

    def __init__(self, driver: Driver, id: str) -> None:
        with driver.mounted(id) as mount:
            self.names: dict[str, Inode] = dict(mount.files())
            names: dict[int, list[str]] = {}
            for path, inode in self.names.items():
                if inode.kind == "file":
                    names.setdefault(inode.number, []).append(path)
            self.files = list(names.values())
            self.places = {number: mount.fs.device_blocks(self.names[paths[0]]) for number, paths in names.items()}
        every = np.concatenate([np.zeros(0, np.int64), *self.places.values()])
        file = np.repeat(np.arange(len(self.places)), [places.size for places in self.places.values()])
        self.blocks, first = np.unique(every[every >= 0], return_index=True)
        self.file: Integers = file[every >= 0][first]
        self.linked = [number for number, paths in enumerate(self.files) if len(paths) > 1]

    def at(self, path: str) -> Integers:
        return self.places[self.names[path].number] if self.has_file(path) else np.zeros(0, np.int64)

    def shows(self, blocks: Integers) -> Flags:
        if not self.blocks.size:
            return np.zeros(blocks.size, bool)
        found: Flags = self.blocks[self._index(blocks)] == blocks
        return found

    def first_in(self, file: int, blocks: Integers) -> Flags:
        """Which of these blocks, all of them visible, count as blocks of a file."""
        found: Flags = self.file[self._index(blocks)] == file
        return found

    def _index(self, blocks: Integers) -> Integers:
        return np.minimum(np.searchsorted(self.blocks, blocks), self.blocks.size - 1)

    def has_file(self, path: str) -> bool:
        return path in self.names and self.names[path].kind == "file"


Views = Mapping[str, _View]


def views_of(driver: Driver, ledger: Ledger) -> Views:
    """What each layer shows, for both functions below, so that the trees of a host are walked only once."""
    return {id: _View(driver, id) for id in ledger.parents}


def hidden_files(driver: Driver, ledger: Ledger, views: Views | None = None) -> list[Hidden]:
    """The hidden files of all layers, in the order of the layers that hide them.

    Parameters
    ----------
    driver : Driver
    ledger : Ledger
        The driver's ledger of this moment.
    views : mapping, optional
        What `views_of` returned for the two, if it was called before.
    """
    views, pins, tops = views or views_of(driver, ledger), ledger.pins(), ledger.tops()
    steps = [
        _Step(driver, ledger, views, parent, id, pins[id], tops)
        for id, parent in ledger.parents.items()
        if parent is not None
    ]
    return [found for step in steps for found in step.hidden()]


def tally(driver: Driver, ledger: Ledger, views: Views | None = None) -> Tally:
    """Split the allocated bytes; the three add up to ``ledger.allocated``."""
    views, size = views or views_of(driver, ledger), driver.devices[0].block_size
    everything = _union([view.blocks for view in views.values()])
    seen = _union([views[top].blocks for top in ledger.tops().values()])
    return Tally(seen.size * size, (everything.size - seen.size) * size, ledger.allocated - everything.size * size)


def _union(parts: list[Integers]) -> Integers:
    return np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))


class _Step:
    """A layer and its parent, compared."""

    def __init__(
        self,
        driver: Driver,
        ledger: Ledger,
        views: Views,
        parent: str,
        child: str,
        pins: frozenset[str],
        tops: Mapping[str, str],
    ) -> None:
        self.driver, self.ledger, self.views, self.parent, self.child = driver, ledger, views, parent, child
        self.old, self.new, self.device, self.tops = views[parent], views[child], driver.devices[0], tops
        self.hidden_from = tuple(user for user in ledger.owners() if user in pins)

    def hidden(self) -> list[Hidden]:
        lines = [line for file, gone in self._changed() for line in self._lines(file, gone)]
        seen_by = self._seen_by([blocks for _, blocks in lines])
        return [line._replace(seen_by=users) for (line, _), users in zip(lines, seen_by, strict=True)]

    def _changed(self) -> Iterator[tuple[int, bool]]:
        """Files of the parent that lost blocks, and those with several names."""
        lost = set(self.old.file[~self.new.shows(self.old.blocks)].tolist())
        yield from ((file, file in lost) for file in sorted(lost.union(self.old.linked)))

    def _lines(self, file: int, gone: bool) -> Iterator[_Line]:
        paths = self.old.files[file]
        blocks = self.old.at(paths[0])
        yield from self._by_holder(file, blocks) if gone else self._broken_links(paths, blocks)

    def _by_holder(self, file: int, blocks: Integers) -> Iterator[_Line]:
        """The layer that holds each block: the lowest one that shows it."""
        path = self.old.files[file][0]
        gone = (blocks >= 0) & ~self.new.shows(blocks)
        gone[gone] = self.old.first_in(file, blocks[gone])
        equal, why = self._equal(path, path), self._why(path)
        for holder in reversed(self.ledger.chain(self.parent)):
            mine = gone & self.views[holder].shows(blocks)
            gone = gone & ~mine
            if mine.any():
                yield self._line(path, holder, int(mine.sum()), why, int((mine & equal).sum())), blocks[mine]

    def _broken_links(self, paths: list[str], blocks: Integers) -> Iterator[_Line]:
        kept = [path for path in paths if np.array_equal(self.new.at(path), blocks)]
        for path in paths:
            if kept and path not in kept and self.new.has_file(path):
                why = f"hard link broken: {kept[0]}"
                yield self._line(path, self._maker(blocks), 0, why, int(self._equal(path, path).sum())), blocks

    def _maker(self, blocks: Integers) -> str:
        """The lowest layer that shows the blocks of a file, which is the one that holds it."""
        placed = blocks[blocks >= 0]
        chain = reversed(self.ledger.chain(self.parent))
        return next((holder for holder in chain if self.views[holder].shows(placed).any()), self.parent)

    def _line(self, path: str, holder: str, count: int, why: str, again: int) -> Hidden:
        size, labels = self.device.block_size, self.ledger.labels
        return Hidden(
            path,
            holder,
            labels[holder].step,
            count * size,
            why,
            self.child,
            labels[self.child].step,
            self.hidden_from,
            (),
            again * size,
        )

    def _seen_by(self, parts: list[Integers]) -> list[tuple[str, ...]]:
        """For each of these lists of blocks, the images and containers that show a block of it."""
        part = np.repeat(np.arange(len(parts)), [blocks.size for blocks in parts])
        every = np.concatenate([np.zeros(0, np.int64), *parts])
        seen = (
            {
                user: np.bincount(part[self.views[top].shows(every)], minlength=len(parts))
                for user, top in self.tops.items()
            }
            if parts
            else {}
        )
        return [tuple(user for user, counts in seen.items() if counts[number]) for number in range(len(parts))]

    # ---------------------------------------------------------------- why

    def _equal(self, path: str, other: str) -> Flags:
        """Which blocks of a parent's file have the same content in a file of the child."""
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
        return "copied along" if _attributes(self.old, path) == _attributes(self.new, path) else "attributes only"

    @functools.cached_property
    def _arrivals(self) -> dict[int, list[str]]:
        """Files under names that the parent does not have, by size."""
        found: dict[int, list[str]] = {}
        for name, inode in self.new.names.items():
            if name not in self.old.names and inode.kind == "file":
                found.setdefault(inode.size, []).append(name)
        return found

    def _why_gone(self, path: str) -> str:
        alike = self._arrivals.get(self.old.names[path].size, ())
        moved = next((name for name in alike if self._same(path, name)), None)
        if moved:
            return f"renamed to {moved}"
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
