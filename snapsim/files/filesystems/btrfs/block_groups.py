"""Block groups of btrfs: chunks of the address space for data, metadata or the system, and what is free in them.

Data go into groups by size: a group that holds extents of up to 128 KiB (small), 8 MiB (medium) or more (large) takes
others only when no chunk can be added to the file system. So the first small write after a large one may
allocate a chunk.

>>> groups = BlockGroups(2 << 30)                  # as mkfs.btrfs leaves a disk of 2 GiB
>>> [(group.kind, group.length >> 20) for group in groups.groups]
[('data', 8), ('system', 8), ('metadata', 102)]
>>> groups.allocate(1 << 20), len(groups.groups)   # 1 MiB: the group is one for medium extents from now on
(13631488, 3)
>>> groups.allocate(4096), len(groups.groups)      # 4 KiB: another chunk
(137756672, 4)

Source: fs/btrfs/extent-tree.c `find_free_extent`, block-group.h `btrfs_block_group_size_class`, volumes.c
`decide_stripe_size_regular`; btrfs-progs mkfs/main.c.

What it leaves out: chunks for metadata beyond the first, groups that are given back when they are empty, clusters,
the hint to lie near the file's other extents, and the end of the device (the store below knows what is free).
"""

from bisect import insort

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30
_FIRST_DATA = 13 * MiB
_SMALL, _MEDIUM = 128 * KiB, 8 * MiB


class BlockGroup:
    """A chunk and its free runs.

    Attributes
    ----------
    start, length : int
        Bytes, in the file system's own address space.
    kind : str
        "data", "metadata" or "system".
    holds : int or None
        Of data: the class of extents that are in it (0 small, 1 medium, 2 large).
    free : list of (int, int)
        Start and end of free runs, in order.
    """

    def __init__(self, start: int, length: int, kind: str) -> None:
        self.start, self.length, self.kind = start, length, kind
        self.holds: int | None = None
        self.free = [(start, start + length)]

    @property
    def used(self) -> int:
        """Bytes allocated."""
        return self.length - sum(end - start for start, end in self.free)

    def take(self, size: int) -> int | None:
        """So many bytes from the start of the largest free run, if they fit."""
        start, end = max(self.free, key=lambda run: run[1] - run[0], default=(0, 0))
        if end - start < size:
            return None
        self.free.remove((start, end))
        if end - start > size:
            insort(self.free, (start + size, end))
        return start

    def give(self, start: int, end: int) -> None:
        """A run is free again."""
        for run in [run for run in self.free if run[1] == start or run[0] == end]:
            self.free.remove(run)
            start, end = min(start, run[0]), max(end, run[1])
        insort(self.free, (start, end))
        if end - start == self.length:
            self.holds = None


class BlockGroups:
    """The block groups of a device, as mkfs.btrfs makes them and the allocator adds to them.

    Attributes
    ----------
    added : list of BlockGroup
        Groups that are new and not yet in the trees.
    """

    def __init__(self, device_bytes: int) -> None:
        self.device_bytes = device_bytes
        metadata = min(device_bytes // 20, 256 * MiB if device_bytes < 50 * GiB else GiB)
        metadata = max(metadata // (64 * KiB) * (64 * KiB), 32 * MiB)
        system, first = _FIRST_DATA + 8 * MiB, _FIRST_DATA + 16 * MiB
        self.groups = [
            BlockGroup(_FIRST_DATA, 8 * MiB, "data"),
            BlockGroup(system, 8 * MiB, "system"),
            BlockGroup(first, metadata, "metadata"),
        ]
        self.added: list[BlockGroup] = []

    def total(self, kind: str) -> int:
        """Bytes of the groups of a kind."""
        return sum(group.length for group in self.groups if group.kind == kind)

    def used(self, kind: str) -> int:
        """Bytes in use in them."""
        return sum(group.used for group in self.groups if group.kind == kind)

    def group_of(self, address: int) -> BlockGroup:
        """The group in which an address lies."""
        return next(group for group in reversed(self.groups) if group.start <= address)

    def reserve(self, size: int) -> None:
        """Add chunks until so many bytes of data fit beside what is in use."""
        while self.used("data") + size > self.total("data"):
            self.grow()

    def grow(self) -> None:
        """Add a chunk for data: a tenth of the device, up to a multiple of 16 MiB, at most 1 GiB."""
        length = min(-(-(self.device_bytes // 10) // (16 * MiB)) * 16 * MiB, GiB)
        last = self.groups[-1]
        self.groups.append(BlockGroup(last.start + last.length, max(length, 16 * MiB), "data"))
        self.added.append(self.groups[-1])

    def allocate(self, size: int) -> int:
        """Address of a new extent of data, in one piece; whether the disk has room is asked before (`ExtentStore`)."""
        wanted = 0 if size <= _SMALL else 1 if size <= _MEDIUM else 2
        found = self._take(size, wanted, wanted)
        found = self._take(size, wanted, None) if found is None else found
        while found is None:
            self.grow()
            found = self._take(size, wanted, None)
        return found

    def _take(self, size: int, wanted: int, holds: int | None) -> int | None:
        for group in self.groups:
            if group.kind == "data" and group.holds == holds:
                found = group.take(size)
                if found is not None:
                    group.holds = wanted
                    return found
        return None

    def free(self, start: int, length: int) -> None:
        """An extent of data is free again."""
        self.group_of(start).give(start, start + length)
