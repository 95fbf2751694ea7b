"""A layer out of its tar stream: each member becomes an entry of a `Diff`, and its bytes become stamps.

Nothing is unpacked anywhere: a device is an entry that says "device", and a link is a text. What could still do harm is
refused, since the simulated file systems, like real ones, follow links: a member **below a name that this layer made
something else than a directory**, a hard link to what the layer does not have (yet), a name that climbs.

Content is kept as one stamp for each 4 KiB, a 64-bit hash: equal bytes are equal stamps, so copies are found in any
layer. Holes of a sparse file are zeros here, and take their full room when they are unpacked: Go's tar reader gives
zeros, and moby writes them (``/var/log/lastlog`` of a user with a high number is how people meet this).

>>> import io, tarfile
>>> with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
...     for name in ("etc/.wh.issue", "dev/.wh..wh..opq"):
...         archive.addfile(tarfile.TarInfo(name))
>>> read_layer(Stream(io.BytesIO(file.getvalue()), "layer.tar"), Budget()).diff.paths()
['/etc/.wh.issue', '/dev/.wh..wh..opq']

What it leaves out: pipes (counted), extended attributes, attributes of the root directory, the private files of aufs
(``.wh..wh.plnk``), names of owners.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.block.device import Stamps
from snapsim.drivers.diff import Diff, Entry
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.pages import digest_stamps
from snapsim.images.archives.limits import Budget
from snapsim.images.archives.members import members, stored
from snapsim.images.archives.names import LONGEST_PATH, clean
from snapsim.images.archives.stream import PIECE, Stream

BLOCK = 4096
_LATEST = 1 << 60  # seconds; the logical clock goes on from there


@dataclass(frozen=True)
class Contents:
    """What a layer's archive has.

    Attributes
    ----------
    diff : Diff
        Its entries.
    pipes : int
        Members that were left out.
    holes : int
        Bytes of sparse files that the archive did not hold.
    """

    diff: Diff
    pipes: int = 0
    holes: int = 0


def read_layer(stream: Stream, budget: Budget) -> Contents:
    """Read an uncompressed layer up to the end of its stream, whose digest then is the DiffID.

    Raises
    ------
    InvalidInput
        The archive is damaged, too large, or tries to leave its tree; names archive and member.
    """
    reader = _Reader(stream, budget)
    entries = tuple(reader.entries())
    stream.drain()
    return Contents(Diff(entries, "sha256:" + stream.digest("sha256")), reader.pipes, reader.holes)


class _Said(TypedDict):
    mode: int
    uid: int
    gid: int
    mtime: int


class _Reader:
    """One layer, as far as it was read: the kind of each name, so that links and parents can be checked."""

    def __init__(self, stream: Stream, budget: Budget) -> None:
        self.stream, self.budget, self.kinds, self.pipes, self.holes = stream, budget, {"/": "directory"}, 0, 0

    def entries(self) -> Iterator[Entry]:
        for member in members(self.stream):
            self.budget.member(self.stream.place)
            place = f"{self.stream.place}: {shown(member.name)}"
            path = clean(member.name, self.stream.place, self.budget.limits)
            if path == "/" or f"/{AUFS_PRIVATE_PREFIX}" in path.removesuffix(f"/{OPAQUE_NAME}"):
                continue
            self._check_parents(path, place)
            if member.isfifo():
                self.pipes += 1
                continue
            yield self._mark(member, path, place) if f"/{WHITEOUT_PREFIX}" in path else self._entry(member, path, place)

    def _check_parents(self, path: str, place: str) -> None:
        """Every directory above is none of a link; those that were seen to be good are remembered."""
        parent = path.rpartition("/")[0] or "/"
        if parent not in self.kinds:
            self._check_parents(parent, place)
            self.kinds[parent] = "directory"
        if self.kinds[parent] != "directory":
            raise InvalidInput(
                f"{shown(parent)} above it is a {self.kinds[parent]} in this layer: a directory is allowed", place
            )

    def _mark(self, member: tarfile.TarInfo, path: str, place: str) -> Entry:
        """A whiteout or an opaque mark: an empty file, whatever the archive says of its size."""
        directory, _, name = path.rpartition("/")
        gone = name.removeprefix(WHITEOUT_PREFIX)
        if f"/{WHITEOUT_PREFIX}" in directory or gone in ("", ".", "..") or member.isdir():
            raise InvalidInput(f"no whiteout: {WHITEOUT_PREFIX}NAME, a file, hides NAME beside it", place)
        self.kinds.pop(f"{directory}/{gone}", None)
        return Entry(path, size=0, **self._attributes(member, place))

    def _entry(self, member: tarfile.TarInfo, path: str, place: str) -> Entry:
        kind, was = _kind(member, place), self.kinds.get(path)
        if was is not None and (was == "directory") != (kind == "directory"):
            raise InvalidInput(f"a {was} and a {kind} of one name in one layer: one of them is allowed", place)
        said = self._attributes(member, place)
        if member.islnk():
            return self._link(member, path, place, said)
        self.kinds[path] = kind
        if kind == "file":
            return Entry(path, size=member.size, stamps=self._stamps(member, place), **said)
        target = self._target(member, place) if kind == "symlink" else ""
        rdev = (member.devmajor, member.devminor) if kind == "device" else (0, 0)
        return Entry(path, kind, target=target, rdev=rdev, **said)

    def _link(self, member: tarfile.TarInfo, path: str, place: str, said: "_Said") -> Entry:
        target = clean(member.linkname, place, self.budget.limits)
        if self.kinds.get(target, "directory") == "directory" or target == path:
            raise InvalidInput(
                f"a hard link to {shown(member.linkname)}: a file before it in this layer is allowed", place
            )
        self.kinds[path] = self.kinds[target]
        return Entry(path, self.kinds[target], link=target, size=0, **said)

    def _target(self, member: tarfile.TarInfo, place: str) -> str:
        if not member.linkname or "\0" in member.linkname or len(member.linkname.encode()) > LONGEST_PATH:
            raise InvalidInput(
                f"a symbolic link to {shown(member.linkname)}: from 1 to {LONGEST_PATH} bytes are allowed", place
            )
        return member.linkname

    def _attributes(self, member: tarfile.TarInfo, place: str) -> "_Said":
        # a time that is no number (NaN) is in no range
        values = {
            "uid": (member.uid, 1 << 32),
            "gid": (member.gid, 1 << 32),
            "mtime": (member.mtime, _LATEST),
            "devmajor": (member.devmajor, 1 << 32),
            "devminor": (member.devminor, 1 << 32),
        }
        for name, (value, most) in values.items():
            if not (-most if name == "mtime" else 0) <= value < most:
                raise InvalidInput(f"{value} as {name} is not allowed: whole numbers below {most}", place)
        return {"mode": member.mode & 0o7777, "uid": member.uid, "gid": member.gid, "mtime": int(member.mtime // 1)}

    def _stamps(self, member: tarfile.TarInfo, place: str) -> Stamps:
        self.budget.foresee(member.size, place)
        parts = stored(member, self.stream)
        holes = member.size - sum(size for _, size in parts)
        self.budget.spend(holes, place)
        self.holes += holes
        stamps = np.zeros(-(-member.size // BLOCK), np.uint64)
        for first, content in windows(parts, self.stream):
            count = -(-len(content) // BLOCK)
            stamps[first : first + count] = digest_stamps(content, 0, count, BLOCK)
        return stamps


def _kind(member: tarfile.TarInfo, place: str) -> str:
    """As entries call it; a hard link is of the kind of its target, which is no directory."""
    if member.isreg() or member.islnk():
        return "file"
    if member.isdir() or member.issym():
        return "directory" if member.isdir() else "symlink"
    if not member.isdev():
        raise InvalidInput(
            f"{member.type!r} is no type of a member: a file, directory, link, device or pipe is allowed", place
        )
    return "device"


def windows(parts: list[tuple[int, int]], stream: Stream) -> Iterator[tuple[int, bytes]]:
    """The stored parts of a file in runs of whole blocks: (first block, bytes); small holes are filled with zeros."""
    first, ahead = 0, bytearray()
    for offset, size in parts:
        end = first * BLOCK + len(ahead)
        if offset // BLOCK > end // BLOCK:
            yield first, bytes(ahead)
            first, ahead, end = offset // BLOCK, bytearray(), offset // BLOCK * BLOCK
        ahead += bytes(offset - end)
        for piece in stream.pieces(size):
            ahead += piece
            whole = len(ahead) // BLOCK * BLOCK if len(ahead) >= PIECE else 0
            yield first, bytes(ahead[:whole])
            first += whole // BLOCK
            del ahead[:whole]
    yield first, bytes(ahead)
