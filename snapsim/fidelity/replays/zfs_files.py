"""The files of a ZFS dataset as a trace names them: each has a range of the dataset's addresses for itself.

An object of one record has a record of its own size, rounded up to the sector. With the second record, the first
becomes a full one, which rewrites it. All later ones are full from their first byte on.

>>> files = ZfsFiles(Records.new(1 << 40, device_size=1000))
>>> files.grow("f", 10, "trace[0]"), files.size("f")
(0, 10)
"""

from dataclasses import dataclass, replace

from snapsim.base.errors import InvalidInput
from snapsim.block.snapshots.records.volume import Records

LEAVES_OUT = "directories, attributes, objects between one record and the next power of two."
"""What this model leaves out, as `snapsim fidelity` lists it."""

FILE_BYTES = 64 << 30
"""Addresses that each file has."""
MOST_FILES = 1 << 12


@dataclass(frozen=True)
class ZfsFile:
    """Where a file's addresses begin (block), and its size in bytes."""

    base: int
    size: int


class ZfsFiles:
    """Names, addresses and sizes.

    Parameters
    ----------
    volume : Records
        The dataset or snapshot.
    known : dict of str to ZfsFile, optional
        Files that exist already, as in a snapshot or clone.
    """

    def __init__(self, volume: Records, known: dict[str, ZfsFile] | None = None) -> None:
        self.volume, self.known = volume, dict(known or {})
        self._stretch = FILE_BYTES // volume.block_size

    def size(self, path: str) -> int:
        """Bytes; 0 if there is no such file."""
        return self.known[path].size if path in self.known else 0

    def base(self, path: str) -> int:
        """The file's first block; 0 if there is no such file."""
        return self.known[path].base if path in self.known else 0

    def grow(self, path: str, end: int, place: str) -> int:
        """Make or extend a file so that it ends at this byte at least; returns its first block."""
        if end > FILE_BYTES:
            raise InvalidInput(f"a file ends at {FILE_BYTES} here, not {end}", place)
        file = self.known.get(path) or ZfsFile(self._free(place), 0)
        self.known[path] = replace(file, size=max(file.size, end))
        self._resize(file, self.known[path].size)
        return file.base

    def _free(self, place: str) -> int:
        taken = {file.base for file in self.known.values()}
        free = next((n * self._stretch for n in range(MOST_FILES) if n * self._stretch not in taken), None)
        if free is None:
            raise InvalidInput(f"more than {MOST_FILES} files in a dataset", place)
        return free

    def _resize(self, file: ZfsFile, size: int) -> None:
        full, sector = self.volume.chunk_blocks, self.volume.block_size
        self.volume.set_record_length(file.base // full, min(full, max(1, -(-size // sector))))
        if 0 < -(-file.size // sector) < full and size > self.volume.chunk_size:
            self.volume.write(file.base + full - 1, 0)

    def remove(self, path: str, place: str) -> None:
        """The file goes, and with it all its records."""
        if path not in self.known:
            raise InvalidInput(f"{path!r} is no file here", place)
        file, full = self.known.pop(path), self.volume.chunk_blocks
        records = max(1, -(-file.size // self.volume.chunk_size))
        self.volume.discard(slice(file.base, file.base + records * full))
