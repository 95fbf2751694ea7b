"""Reads a layer from its tar stream: each member becomes an entry of a `Diff`, and its bytes become stamps.

No file is written: a device is an entry that says "device", and a link is a text. What Docker unpacks is read, and what
Docker refuses is refused. The rules are those of moby ``pkg/archive`` (``diff.go`` `UnpackLayer`, ``archive.go``
`createTarFile`), tar-split ``tar/storage`` and containerd ``archive/tar.go``; each was tried on a daemon of Docker
20.10:

- an archive of no bytes, or of zeros alone, is a layer without entries; what follows the end mark is not looked at;
- **a path comes once** in a layer: ``a``, ``./a`` and ``x/../a`` are one path, ``/a`` is another (tar-split keeps the
  names, and has no second place for one); directories and whiteouts too;
- names at the root that begin with ``.wh..wh.`` are aufs' own and left out, but for the opaque mark. In
  ``.wh..wh.plnk`` aufs kept files of several names: what is linked to one is that file, which has to come first;
- a whiteout may be of any kind, a directory as well, and have content: only its name counts;
- a hard link is to something before it in this layer, and not to a directory;
- **extended attributes** are the pax records ``SCHILY.xattr.NAME``, which `createTarFile` sets after the owner:
  ``user.``, ``trusted.`` and ``security.`` (mostly ``security.capability``). Docker leaves out what the kernel answers
  with EPERM (``user.`` on a link or a device) or EOPNOTSUPP (a name of no class), and an empty value, which is none in
  a pax header. At any other error it refuses the layer (a name too long or without an end, a value over 64 KiB);
- the root is passed over, whatever it is; a contiguous file (type 7) and all else that `createTarFile` does not know is
  refused.

Three things that Docker accepts are refused here, since the simulated file systems follow links like real ones, and
reserve names: a member **below a name that this layer made something else than a directory**, a name that climbs
(Docker takes it from the root), a name below one that begins with ``.wh.``. So are more than 128 directories above one.

Content is kept as one stamp for each 4 KiB, a 64-bit hash: equal bytes are equal stamps, so copies are found in any
layer. Holes of a sparse file are zeros here, and take their full room when they are unpacked: Go's tar reader gives
zeros, and moby writes them (``/var/log/lastlog`` of a user with a high number is how people meet this).

>>> import io, tarfile
>>> with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
...     for name in ("etc/.wh.issue", "dev/.wh..wh..opq"):
...         archive.addfile(tarfile.TarInfo(name))
>>> read_layer(Stream(io.BytesIO(file.getvalue()), "layer.tar"), Budget()).diff.paths()
['/etc/.wh.issue', '/dev/.wh..wh..opq']

What it leaves out: pipes (counted), access control lists (``system.``), attributes of the root directory, extended
attributes that a hard link gives (those of the file it is a name of are the first name's), names of owners. Links to a
file in ``.wh..wh.plnk`` are one file here, as in Docker's size of the layer and under overlay2, which keeps that folder
as it is; drivers that unpack with `UnpackLayer`, and containerd, make a copy for each name.
"""

import os
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import shown
from snapsim.block.device import Stamps
from snapsim.drivers.diff import PAX_XATTR, Diff, Entry
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, WHITEOUT_PREFIX
from snapsim.files.mounts.xattr import CLASSES, LONGEST_NAME, LONGEST_VALUE
from snapsim.files.pages import digest_stamps
from snapsim.images.archives.limits import Budget
from snapsim.images.archives.members import members, stored
from snapsim.images.archives.names import LONGEST_PATH, clean
from snapsim.images.archives.stream import PIECE, Stream

BLOCK = 4096
_AUFS_LINKS = f"{AUFS_PRIVATE_PREFIX}plnk"
_LATEST = 1 << 60  # seconds; the logical clock goes on from there


@dataclass(frozen=True)
class Contents:
    """The content of a layer's archive.

    Attributes
    ----------
    diff : Diff
        Its entries.
    pipes : int
        Number of pipes, which were left out.
    holes : int
        Bytes of sparse files that the archive does not hold.
    """

    diff: Diff
    pipes: int = 0
    holes: int = 0


def read_layer(stream: Stream, budget: Budget) -> Contents:
    """Read an uncompressed layer up to the end of its stream, whose digest then is the DiffID.

    Raises
    ------
    InvalidInput
        The archive is damaged, too large, or tries to leave its tree; the error names archive and member.
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
        self.stream, self.budget, self.pipes, self.holes = stream, budget, 0, 0
        self.kinds = {"/": "directory"}
        self.seen: set[str] = set()
        self.aufs_links: dict[str, Entry] = {}

    def entries(self) -> Iterator[Entry]:
        for member in members(self.stream):
            self.budget.member(self.stream.place)
            place = f"{self.stream.place}: {shown(member.name)}"
            path = clean(member.name, self.stream.place, self.budget.limits)
            self._check_name(member, path, place)
            if path == "/":
                continue
            if path.startswith(f"/{AUFS_PRIVATE_PREFIX}") and path != f"/{OPAQUE_NAME}":
                self._keep_aufs_link(member, path, place)
                continue
            self._check_parents(path, place)
            if member.isfifo():
                self.pipes += 1
                continue
            if posixpath.basename(path).startswith(AUFS_PRIVATE_PREFIX) and not path.endswith(f"/{OPAQUE_NAME}"):
                continue  # a whiteout of a name that begins with .wh., which there cannot be
            yield self._mark(member, path, place) if f"/{WHITEOUT_PREFIX}" in path else self._entry(member, path, place)

    def _check_name(self, member: tarfile.TarInfo, path: str, place: str) -> None:
        """Refuse a path that came before; as in tar-split, paths are cleaned but keep a leading slash."""
        kept = path if member.name.startswith("/") else path[1:]
        if kept in self.seen:
            raise InvalidInput("stands twice in one layer: Docker takes each path once", place)
        self.seen.add(kept)

    def _keep_aufs_link(self, member: tarfile.TarInfo, path: str, place: str) -> None:
        """Keep a file that aufs had moved aside, for the links to it; leave out all else that was aufs' own."""
        if path.startswith(f"/{_AUFS_LINKS}") and member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
            attributes = self._attributes(member, place)
            xattrs, stamps = self._xattrs(member, "file", place), self._stamps(member, place)
            self.aufs_links[posixpath.basename(path)] = Entry(
                path, size=member.size, stamps=stamps, xattrs=xattrs, **attributes
            )

    def _check_parents(self, path: str, place: str) -> None:
        """Refuse a name below something that is no directory; directories that passed the check are remembered."""
        parent = path.rpartition("/")[0] or "/"
        if parent not in self.kinds:
            self._check_parents(parent, place)
            self.kinds[parent] = "directory"
        if self.kinds[parent] != "directory":
            raise InvalidInput(
                f"{shown(parent)} above it is a {self.kinds[parent]} in this layer: a directory is allowed", place
            )

    def _mark(self, member: tarfile.TarInfo, path: str, place: str) -> Entry:
        """A whiteout or an opaque mark: an empty file, whatever the archive says of its kind and size."""
        directory, _, name = path.rpartition("/")
        gone = name.removeprefix(WHITEOUT_PREFIX)
        if f"/{WHITEOUT_PREFIX}" in directory or gone in ("", ".", ".."):
            raise InvalidInput(f"no whiteout: {WHITEOUT_PREFIX}NAME hides NAME beside it", place)
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
        xattrs = self._xattrs(member, kind, place)
        if kind == "file":
            return Entry(path, size=member.size, stamps=self._stamps(member, place), xattrs=xattrs, **said)
        target = self._target(member, place) if kind == "symlink" else ""
        rdev = (member.devmajor, member.devminor) if kind == "device" else (0, 0)
        return Entry(path, kind, target=target, rdev=rdev, xattrs=xattrs, **said)

    def _link(self, member: tarfile.TarInfo, path: str, place: str, said: "_Said") -> Entry:
        if posixpath.normpath(member.linkname).lstrip("/").startswith(_AUFS_LINKS):
            return self._aufs_link(member, path, place, said)
        target = clean(member.linkname, place, self.budget.limits)
        if self.kinds.get(target, "directory") == "directory" or target == path:
            raise InvalidInput(
                f"a hard link to {shown(member.linkname)}: a file before it in this layer is allowed", place
            )
        self.kinds[path] = self.kinds[target]
        return Entry(path, self.kinds[target], link=target, size=0, **said)

    def _aufs_link(self, member: tarfile.TarInfo, path: str, place: str, said: "_Said") -> Entry:
        """The first name of a file that aufs had moved aside is the file, each further one a hard link to it."""
        name = posixpath.basename(member.linkname)
        source = self.aufs_links.get(name)
        if source is None:
            raise InvalidInput(f"a hard link to {shown(member.linkname)}: a file before it is allowed", place)
        self.kinds[path] = "file"
        if source.path.startswith(f"/{_AUFS_LINKS}"):
            found = self.aufs_links[name] = replace(source, path=path)
            return found
        return Entry(path, link=source.path, size=0, **said)

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
            if not (0 if name.startswith("dev") else -most) <= value < most:
                raise InvalidInput(f"{value} as {name} is not allowed: whole numbers below {most}", place)
        uid, gid = member.uid % (1 << 32), member.gid % (1 << 32)  # what chown(2) makes of a negative number
        return {"mode": member.mode & 0o7777, "uid": uid, "gid": gid, "mtime": int(member.mtime // 1)}

    def _xattrs(self, member: tarfile.TarInfo, kind: str, place: str) -> dict[str, str]:
        """The extended attributes that the kernel takes for this kind of file."""
        found = {}
        for key, value in member.pax_headers.items():
            name = key.removeprefix(PAX_XATTR)
            if name == key or not value or not name.startswith(CLASSES):
                continue  # Go's reader takes an empty value for none
            if name.startswith("user.") and kind not in ("file", "directory"):
                continue
            if name in CLASSES or len(os.fsencode(name)) > LONGEST_NAME or "\0" in name:
                raise InvalidInput(
                    f"an extended attribute {shown(name)}: names of up to {LONGEST_NAME} bytes are allowed", place
                )
            size = len(os.fsencode(value))
            if size > LONGEST_VALUE:
                raise InvalidInput(
                    f"{size:,} bytes as {shown(name)}: an extended attribute of up to {LONGEST_VALUE:,} is allowed",
                    place,
                )
            self.budget.spend(size, place)
            found[name] = value
        return found

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
    """The kind of an entry; a hard link has the kind of its target, which is no directory."""
    if (member.isreg() and member.type != tarfile.CONTTYPE) or member.islnk():
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
