"""Layers outside a driver: a list of changes, the tar archive that holds them, and the digests that name it.

A layer leaves a driver as a **diff**: a list of entries in the order of a tar file. A *whiteout* in it says that a name
is deleted, an *opaque mark* that a directory hides all that the layers below have in it. In an archive both are empty
files with reserved names (the AUFS form, which OCI took over); overlayfs keeps them as a device and an attribute on
disk. Sources: OCI image-spec `layer.md` and `config.md`; moby `go-archive` `whiteouts.go`.

>>> from snapsim.files.mounts.marks import hidden, whiteout
>>> diff = Diff((Entry("/etc", "directory"), Entry("/etc/motd", content=b"hello"), Entry(whiteout("/etc/issue"))))
>>> diff.tar_size, hidden("/etc/.wh.issue")
(5, '/etc/issue')
>>> chain_id([diff_id(diff)]) == diff_id(diff)         # the first layer's ChainID is its DiffID
True

What it leaves out: compression (a DiffID is of the uncompressed archive), and sparse entries: a
hole that is read becomes zeros, and zeros are written, as moby's archives do.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snapsim.base.errors import InvalidInput
from snapsim.block.device import Stamps

PAX_XATTR = "SCHILY.xattr."
_TAR_TYPES = {
    "file": tarfile.REGTYPE,
    "directory": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "device": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}
_DEFAULT_MODES = {"directory": 0o755, "symlink": 0o777}


class Change(NamedTuple):
    """A line of ``docker diff``: A(dded), C(hanged) or D(eleted), and a path.

    Examples
    --------
    >>> print(Change("A", "/etc/motd"))
    A /etc/motd
    """

    kind: str
    path: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


@dataclass(frozen=True, eq=False)
class Entry:
    """One entry of a layer's archive.

    Parameters
    ----------
    path : str
        From "/" on; "." and ".." are not allowed.
    kind : str
        "file", "directory", "symlink", "device" (of characters), "block" or "fifo"; a socket is in no archive.
    mode : int
        Permission bits; 0644, directories 0755, links 0777 when left out (-1).
    size : int
        Bytes of a file; of `content` when left out (-1).
    mtime : int, optional
        A tick of the logical clock; the time of unpacking when left out.
    target : str
        Of a symbolic link.
    rdev : (int, int)
        Of a device.
    link : str, optional
        For a hard link: the path of the inode's first name in this diff.
    stamps : ndarray of uint64, optional
        Content of a file, one stamp a block; when left out, fresh stamps are made at unpacking.
    holes : ndarray of bool, optional
        Blocks of a file that are not to be written.
    content : bytes, optional
        The real bytes of a file, where they are known; stamps then follow from them.
    xattrs : mapping of str to str
        Extended attributes, which an archive carries as PAX records ``SCHILY.xattr.NAME``; bytes as of `os.fsdecode`.

    Examples
    --------
    >>> b"SCHILY.xattr.user.note=1" in tar_bytes([Entry("/f", xattrs={"user.note": "1"})])
    True
    """

    path: str
    kind: str = "file"
    mode: int = -1
    uid: int = 0
    gid: int = 0
    size: int = -1
    mtime: int | None = None
    target: str = ""
    rdev: tuple[int, int] = (0, 0)
    link: str | None = None
    stamps: Stamps | None = None
    holes: npt.NDArray[np.bool_] | None = None
    content: bytes | None = None
    xattrs: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in (self.path, "/" if self.link is None else self.link):
            parts = path.split("/")
            if not path.startswith("/") or "\0" in path or ".." in parts or "." in parts:
                raise InvalidInput(f"{path!r} is no path of a layer: it starts at / and does not climb")
        if self.kind not in _TAR_TYPES:
            raise InvalidInput(f"{self.kind!r} is not archived: one of {', '.join(_TAR_TYPES)}", self.path)
        if self.mode < 0:
            object.__setattr__(self, "mode", _DEFAULT_MODES.get(self.kind, 0o644))
        if self.size < 0:
            object.__setattr__(self, "size", len(self.content or b""))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def tar_size(self) -> int:
        """The size in the tar header: 0 for all but files, and for a further name of a file."""
        return self.size if self.kind == "file" and self.link is None else 0


@dataclass(frozen=True)
class Diff:
    """A layer's archive: entries in the order in which they are unpacked.

    `digest` is the DiffID of an archive that was read, and empty for a diff that was made here.
    """

    entries: tuple[Entry, ...] = ()
    digest: str = ""

    @property
    def tar_size(self) -> int:
        """Sum of the sizes in the tar headers: what ApplyDiff of a naive driver returns, and Docker's size of an image
        layer.

        A symbolic link counts nothing here.
        """
        return sum(entry.tar_size for entry in self.entries)

    @property
    def apparent_size(self) -> int:
        """Sum over all entries but directories, each inode once: the naive DiffSize, and so a container's SizeRw.

        A symbolic link counts its target here.
        """
        return sum(
            len(e.target.encode()) if e.kind == "symlink" and e.link is None else e.tar_size for e in self.entries
        )

    def paths(self) -> list[str]:
        """The entries' paths, in order."""
        return [entry.path for entry in self.entries]


def diff_id(diff: Diff) -> str | None:
    """SHA-256 of the layer's uncompressed tar, as it was read or as it is written here.

    None if the real bytes of some file are not known.

    The same entries give the same id, everywhere and for ever. It differs from the id that moby gives to such a
    layer, since headers can be written in more than one way.

    Examples
    --------
    >>> diff_id(Diff((Entry("/f", content=b"A", mtime=0),)))[:23]
    'sha256:e60fe865aa37a0c3'
    >>> diff_id(Diff((Entry("/f", size=1),))) is None
    True
    """
    if diff.digest or any(entry.tar_size and entry.content is None for entry in diff.entries):
        return diff.digest or None
    return "sha256:" + hashlib.sha256(tar_bytes(diff.entries)).hexdigest()


def tar_bytes(entries: Iterable[Entry]) -> bytes:
    """The uncompressed archive: headers as POSIX has them, content in 512-byte units, two empty units at the end."""
    archive = io.BytesIO()
    for entry in entries:
        archive.write(header(entry).tobuf(tarfile.PAX_FORMAT))
        content = (entry.content or b"") if entry.tar_size else b""
        archive.write(content.ljust(-(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, b"\0"))
    archive.write(b"\0" * 2 * tarfile.BLOCKSIZE)
    return archive.getvalue()


def header(entry: Entry) -> tarfile.TarInfo:
    """The header of an entry in a tar file."""
    info = tarfile.TarInfo(entry.path.lstrip("/") + ("/" if entry.kind == "directory" else ""))
    info.type = _TAR_TYPES[entry.kind] if entry.link is None else tarfile.LNKTYPE
    info.linkname = entry.target if entry.link is None else entry.link.lstrip("/")
    info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
    info.size, info.mtime = entry.tar_size, entry.mtime or 0
    info.devmajor, info.devminor = entry.rdev
    info.pax_headers = {PAX_XATTR + name: value for name, value in entry.xattrs.items() if entry.link is None}
    return info


def chain_id(diff_ids: Sequence[str]) -> str:
    """The ChainID of a stack of layers: the first DiffID, then SHA-256 over "ChainID DiffID" for each layer above.

    Parameters
    ----------
    diff_ids : sequence of str
        From the lowest layer up, with their ``sha256:``.

    Raises
    ------
    InvalidInput
        No layer: an empty stack has no ChainID.

    Examples
    --------
    >>> letters = ["sha256:" + hashlib.sha256(letter).hexdigest() for letter in (b"A", b"B", b"C")]
    >>> chain_id(letters[:2])[:20], chain_id(letters)[:20]
    ('sha256:ac8b22cdada70', 'sha256:328be8fe76954')
    """
    if not diff_ids:
        raise InvalidInput("no layers: a ChainID is of one DiffID or more")
    chain = diff_ids[0]
    for next_id in diff_ids[1:]:
        chain = "sha256:" + hashlib.sha256(f"{chain} {next_id}".encode()).hexdigest()
    return chain


@dataclass(frozen=True)
class HistoryStep:
    """A row of `docker history`: the step's command, whether it made no layer, and when (nanoseconds since 1970)."""

    created_by: str
    empty: bool = False
    comment: str = ""
    made: int = 0
