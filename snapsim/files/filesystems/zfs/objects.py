"""The objects of a ZFS file system: which file, directory or link is which object, and what a group changes in it.

A file, a directory and a link are an object each, with a dnode; 32 dnodes are a block. A directory is a ZAP
(`snapsim.files.filesystems.zfs.zap`), whose blocks are written anew where a name came or went. A file's records are
those that its inode names, and its pointers are as they were at the end of the last group, so that what differs is
what a group changed. The pages of a file reach the pool at write-back, and its dnode goes with the group in which
they do.

Objects are numbered in the order in which they are made, in each dataset for itself; a clone has its origin's.

>>> from snapsim.files.filesystems import ZfsDataset
>>> from snapsim.block.snapshots.records.volume import Records
>>> from snapsim.files.filesystems.zfs.pool_metadata import PoolMetadata
>>> volume = Records.new(1 << 20, chunk_size=131072, device_size=4096)
>>> account = PoolMetadata(volume.pool)
>>> account.created(volume, files=True)
>>> fs = ZfsDataset(volume)
>>> fs.sync()
>>> for number in range(40):                       # 40 names, and two blocks of dnodes
...     fs.write(fs.create(fs.root, f"file{number}", "file"), 0, 4096)
>>> with volume.counting() as io:
...     fs.sync()
>>> blocks = 2 * (1 + 2 + 1 + 5 + 1) + 3 * 3 * 6 + 4       # names, dnodes, the root's, levels, object set; the pool's
>>> io.counts.bytes("write", "metadata") == blocks * 4096
True

Sources: openzfs module/os/linux/zfs/zfs_znode_os.c (`zfs_mknode`), zfs_dir.c (`zfs_link_create`),
module/zfs/dmu_object.c.

What it leaves out: access times, attributes of files beyond their dnode, the list of files that are unlinked and open,
numbers that are used again, and those that each CPU takes in chunks; which of a file's indirect blocks a read needs
(all of them are read with its first).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from snapsim.block.device import Integers
from snapsim.block.snapshots.records.volume import Records
from snapsim.files.filesystems.zfs.pointers import ObjectChange, indirect_keys
from snapsim.files.filesystems.zfs.pool_metadata import DNODES, ROOT, PoolMetadata
from snapsim.files.filesystems.zfs.shadows import Key
from snapsim.files.filesystems.zfs.zap import leaf_of, zap_blocks
from snapsim.files.inode import Inode
from snapsim.files.metadata import Metadata

_NONE: Integers = np.zeros(0, np.int64)
_BLOCK = "names"


class ZfsObjects(Metadata):
    """What the pool's account is told of the files of one dataset.

    Parameters
    ----------
    dataset : Records
        Where the files are.
    account : PoolMetadata
        Of its pool; it knows the dataset.
    """

    def __init__(self, dataset: Records, account: PoolMetadata) -> None:
        super().__init__(dataset)
        self.dataset, self.account, self._unit = dataset, account, dataset.chunk_blocks
        self._numbers: dict[int, int] = {}  # inode -> object
        self._next = 0
        self._rows: dict[int, Integers] = {}  # file -> its records at the end of the last group
        self._zaps: dict[int, Integers] = {}  # directory -> bytes of its blocks then
        self._touched: dict[int, Inode] = {}  # objects that the group changed
        self._waiting: dict[int, Inode] = {}  # files that have, or had, dirty pages
        self._names: dict[int, set[str]] = {}  # directory -> names that came or went in the group
        self._gone: set[int] = set()
        self._known: set[int] = set()  # objects whose dnode need not be read,
        self._mapped: set[int] = set()  # and whose pointers or names need not
        account.tell(dataset, self)

    def adopt(self, origin: "ZfsObjects") -> None:
        """The objects are those of another file system, of which this one is a clone; it has to be synced."""
        self._numbers, self._next = dict(origin._numbers), origin._next
        self._rows, self._zaps = dict(origin._rows), dict(origin._zaps)
        self._touched, self._names = {}, {}

    def _number(self, inode: Inode) -> int:
        return self._numbers[inode.number]

    # ---------------------------------------------------------------- what happens

    def made(self, inode: Inode, directory: Inode | None) -> None:
        """A new object; the root's was made with the file system."""
        if directory is None:
            self._numbers[inode.number] = ROOT
        else:
            self._numbers[inode.number] = self._next
            self._next += 1
            self.changed(inode)
        self._known.add(self._number(inode))

    def linked(self, directory: Inode, name: str, inode: Inode) -> None:
        """A name in a directory; links and times are in both dnodes."""
        self.changed(directory)
        self.changed(inode)
        self._names.setdefault(self._number(directory), set()).add(name)

    def unlinked(self, directory: Inode, name: str, inode: Inode) -> None:
        """The same."""
        self.linked(directory, name, inode)

    def gone(self, inode: Inode) -> None:
        """An object is free, and so are its blocks."""
        number = self._numbers.pop(inode.number)
        for kept in (self._touched, self._waiting, self._names):
            kept.pop(number, None)
        self._gone.add(number)

    def changed(self, inode: Inode) -> None:
        """The dnode changed."""
        self._touched[self._number(inode)] = inode

    def written(self, inode: Inode) -> None:
        """The dnode will change with the group in which the pages are written back."""
        self._waiting[self._number(inode)] = inode

    def placed(self, inode: Inode, blocks: Integers) -> None:
        """Pointers change."""
        self.changed(inode)

    def freed(self, inode: Inode, places: Integers) -> None:
        """The same."""
        self.changed(inode)

    # ---------------------------------------------------------------- what has to be known

    def looked_up(self, directory: Inode, name: str) -> None:
        """The directory's dnode and blocks, and the dnode of what it has under the name."""
        self.listed(directory)
        found = directory.entries.get(name)
        if found is not None:
            self._read_dnode(self._number(found))

    def listed(self, directory: Inode) -> None:
        """The directory's dnode and blocks."""
        number = self._number(directory)
        self._read(number, [(_BLOCK, number, block) for block in range(self._zaps.get(number, _NONE).size)])

    def mapped(self, inode: Inode) -> None:
        """A file's dnode and indirect blocks."""
        number = self._number(inode)
        self._read(number, indirect_keys(number, self._rows.get(number, _NONE).size))

    def _read(self, number: int, keys: list[Key]) -> None:
        """An object, with its blocks."""
        self._read_dnode(number)
        if number not in self._mapped:
            self._mapped.add(number)
            self.account.reading(self.dataset, keys)

    def _read_dnode(self, number: int) -> None:
        if number not in self._known:
            self._known.add(number)
            self.account.reading(self.dataset, [("dnodes", number // DNODES)])

    def dropped(self) -> None:
        """All has to be read again."""
        self._known.clear()
        self._mapped.clear()

    # ---------------------------------------------------------------- the group ends

    @property
    def dirty(self) -> bool:
        """Has the group changed any object?"""
        return bool(self._touched or self._gone)

    def changes(self, dataset: Records, records: Integers) -> Iterator[ObjectChange]:
        """See `Objects`."""
        for number in self._gone:
            yield self._freed(number)
        for number, inode in {**self._waiting, **self._touched}.items():
            if inode.kind == "directory":
                yield ObjectChange(number, blocks=self._directory(number, inode))
                continue
            change = self._file(number, inode, records)
            if change.changed.size or number in self._touched:
                yield change
        self._waiting = {number: inode for number, inode in self._waiting.items() if inode.pages.written}
        self._touched, self._names, self._gone = {}, {}, set()

    def _freed(self, number: int) -> ObjectChange:
        """All that an object had goes."""
        names, row = self._zaps.pop(number, _NONE), self._rows.pop(number, _NONE)
        return ObjectChange(
            number, np.arange(row.size), blocks={(_BLOCK, number, block): 0 for block in range(names.size)}
        )

    def _directory(self, number: int, directory: Inode) -> dict[Key, int]:
        """The blocks of a directory that are written anew."""
        names, before = self._names.get(number, set()), self._zaps.get(number, _NONE).size
        if not names:
            return {}
        sizes = self._zaps[number] = zap_blocks(directory.entries)
        written = {0, *(leaf_of(name, sizes.size) for name in names)} if sizes.size == before else range(sizes.size)
        return {(_BLOCK, number, block): int(sizes[block]) for block in written} | {
            (_BLOCK, number, block): 0 for block in range(sizes.size, before)
        }

    def _file(self, number: int, inode: Inode, records: Integers) -> ObjectChange:
        """What of a file (or link, which has no records) changed, by the records that the group wrote or gave up."""
        row, old = inode.blocks[:: self._unit] // self._unit, self._rows.get(number, _NONE)
        both = np.full((2, max(row.size, old.size)), -1)
        both[0, : row.size], both[1, : old.size] = row, old
        changed = np.flatnonzero((both[0] != both[1]) | _among(both[0], records))
        if not changed.size:
            return ObjectChange(number)
        self._rows[number] = row
        there = np.flatnonzero(row >= 0)
        there = there[self.dataset.device_blocks(row[there] * self._unit) >= 0]  # it has a place, and was written
        return ObjectChange(number, changed, there, row[there])


def _among(row: Integers, records: Integers) -> npt.NDArray[np.bool_]:
    """Which of a row are among sorted records."""
    if not records.size:
        return np.zeros(row.size, bool)
    found: npt.NDArray[np.bool_] = records[np.minimum(np.searchsorted(records, row), records.size - 1)] == row
    return found
