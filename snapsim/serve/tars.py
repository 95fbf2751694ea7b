"""Trees as tar archives, and back: what `docker cp`, `export`, `save` and `build` send.

Where the bytes of a file are not known, each of its blocks is written as its stamp, repeated: equal blocks give equal
bytes, a hole gives zeros, and the same tree gives the same archive each time.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024)); mount = TreeMount(fs, fs.root)
>>> mount.mkdir("/etc"); mount.write("/etc/motd", 0, data=b"hello")
5
>>> archive = io.BytesIO(b"".join(packed(mount, "/etc", "etc")))
>>> unpack(archive, mount, "/tmp", make=True); mount.read_bytes("/tmp/etc/motd")
b'hello'

What it leaves out: extended attributes, and sparse members (a hole is written as zeros).
"""

import errno
import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np

from snapsim.base.errors import InvalidInput
from snapsim.drivers.diff import Diff, Entry, header
from snapsim.drivers.naive_diff import lstat, remove_tree
from snapsim.files.mounts.mount import Mount, Stat
from snapsim.files.pages import digest_stamps
from snapsim.serve.errors import Refused

PIECE = 1 << 20
MOST_KNOWN = 4 << 20
"""Bytes of a file whose content is kept as it is; of a larger one the stamps of its blocks."""
_TYPES = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "device": tarfile.CHRTYPE}
END = b"\0" * 2 * tarfile.BLOCKSIZE


def packed(mount: Mount[Any], path: str, name: str) -> Iterator[bytes]:
    """A file or a whole tree as an archive in which it has this name.

    Raises
    ------
    OSError
        There is no such path.
    """
    yield from _pack(mount, path, name, {})
    yield END


def _pack(mount: Mount[Any], path: str, name: str, seen: dict[int, str]) -> Iterator[bytes]:
    stat = mount.stat(path, follow=False)
    link = seen.setdefault(stat.ino, name) if stat.kind == "file" and stat.nlink > 1 else name
    info = _header(mount, path, name, stat)
    if link != name:
        info.type, info.linkname, info.size = tarfile.LNKTYPE, link, 0
    yield info.tobuf(tarfile.PAX_FORMAT)
    if info.type == tarfile.REGTYPE:
        yield from contents(mount, path)
        yield bytes(-info.size % tarfile.BLOCKSIZE)
    if stat.kind == "directory":
        for child in mount.listdir(path):
            inner = posixpath.join(name, child) if name not in ("", ".") else child
            yield from _pack(mount, posixpath.join(path, child), inner, seen)


def _header(mount: Mount[Any], path: str, name: str, stat: Stat) -> tarfile.TarInfo:
    info = tarfile.TarInfo((name or ".") + ("/" if stat.kind == "directory" else ""))
    info.type, info.mode, info.uid, info.gid = _TYPES[stat.kind], stat.mode, stat.uid, stat.gid
    info.mtime, info.size = stat.mtime, stat.size if stat.kind == "file" else 0
    info.devmajor, info.devminor = stat.rdev
    if stat.kind == "symlink":
        info.linkname = mount.readlink(path)
    return info


def of_diff(diff: Diff) -> Iterator[bytes]:
    """A layer's archive, whiteouts and all, with bytes for every file."""
    for entry in diff.entries:
        yield header(entry).tobuf(tarfile.PAX_FORMAT)
        if entry.tar_size:
            content = from_stamps(entry.stamps)[: entry.size] if entry.content is None else entry.content
            yield content.ljust(-(-entry.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, b"\0")
    yield END


def contents(mount: Mount[Any], path: str) -> Iterator[bytes]:
    """The bytes of a file, in pieces; of blocks whose bytes are not known their stamps (the reads are counted)."""
    try:
        yield mount.read_bytes(path)
        return
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
    size, step = mount.stat(path).size, PIECE
    for offset in range(0, size, step):
        stamps = mount.read(path, offset, step)
        yield from_stamps(stamps, mount.fs.block_size)[: size - offset]


def from_stamps(stamps: Any, block: int = 4096) -> bytes:
    """Bytes for blocks whose own are not known.

    Examples
    --------
    >>> from_stamps(np.array([0, 513], np.uint64), 8)
    b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x02\\x00\\x00\\x00\\x00\\x00\\x00'
    """
    return np.repeat(np.asarray(stamps, "<u8"), block // 8).tobytes()


def file_of(chunks: Iterable[bytes]) -> BinaryIO:
    """The whole of an archive, in memory."""
    return io.BytesIO(b"".join(chunks))


# -------------------------------------------------------------------- into a tree


def members(archive: BinaryIO) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """The members of an archive, also a compressed one; `Refused` (400) where it is none."""
    try:
        with tarfile.open(fileobj=archive, mode="r:*") as tar:
            for member in tar:
                yield member, tar
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise Refused(400, f"Error processing tar file: {error}") from None


def unpack(
    archive: BinaryIO, mount: Mount[Any], directory: str, *, make: bool = False, overwrite: bool = True,
    owners: bool = True
) -> None:  # fmt: skip
    """Put the members of an archive into a directory.

    A name that climbs out of the directory is refused, and a link on the way is not followed out of it.

    Parameters
    ----------
    make : bool
        Make the directory if it is not there.
    overwrite : bool
        Whether a file may take the place of a directory, and a directory that of a file.
    owners : bool
        Whether owners are kept; else all is root's.

    Raises
    ------
    Refused
        No archive, a name that climbs, or a member of a kind that no layer has.
    OSError
        No room, or no such directory.
    """
    if make:
        make_directories(mount, directory)
    later: list[tuple[str, int]] = []
    for member, tar in members(archive):
        path = inside(directory, member.name)
        there = lstat(mount, path)
        if not overwrite and there is not None and (there.kind == "directory") != member.isdir():
            kinds = ("non-directory", "directory") if member.isdir() else ("directory", "non-directory")
            raise Refused(400, f"cannot overwrite {kinds[0]} {path!r} with {kinds[1]}")
        _place(mount, path, member, tar, directory, owners)
        if member.isdir():
            later.append((path, int(member.mtime)))
    for path, mtime in later:
        mount.utime(path, mtime)


def inside(directory: str, name: str) -> str:
    """The path of a member below a directory; `Refused` (400) if it climbs."""
    path = posixpath.normpath("/" + name.lstrip("/"))
    if ".." in name.split("/") or "\0" in name:
        raise Refused(400, f"Error processing tar file: {name!r} climbs out of its directory")
    return posixpath.normpath("/" + f"{directory}/{path}".lstrip("/"))


def make_directories(mount: Mount[Any], path: str) -> None:
    """mkdir -p."""
    parts = [part for part in path.split("/") if part]
    for count in range(1, len(parts) + 1):
        step = "/" + "/".join(parts[:count])
        if not mount.exists(step):
            mount.mkdir(step)


def _place(
    mount: Mount[Any], path: str, member: tarfile.TarInfo, tar: tarfile.TarFile, root: str, owners: bool
) -> None:
    there = lstat(mount, path)
    if there is not None and not (there.kind == "directory" and member.isdir()):
        remove_tree(mount, path)
    if not member.isdir() or there is None:
        _check_parents(mount, path, root)
    if member.isdir():
        if there is None or there.kind != "directory":
            mount.mkdir(path, member.mode & 0o7777)
    elif member.issym():
        mount.symlink(member.linkname, path)
    elif member.islnk():
        mount.link(inside(root, member.linkname), path)
    elif member.ischr() or member.isblk():
        mount.mknod(path, member.mode & 0o7777, (member.devmajor, member.devminor))
    elif member.isreg():
        write_file(mount, path, cast(BinaryIO, tar.extractfile(member)), member.size)
        mount.chmod(path, member.mode & 0o7777)
    else:
        raise Refused(400, f"Error processing tar file: {member.name!r} is of a kind that no layer has")
    if owners and (member.uid or member.gid):
        mount.chown(path, member.uid, member.gid, follow=False)
    if not member.isdir() and not member.islnk():
        mount.utime(path, int(member.mtime), follow=False)


def _check_parents(mount: Mount[Any], path: str, root: str) -> None:
    """Every directory from the root of the archive down is a directory and no link; what is missing is made."""
    step = posixpath.dirname(path)
    steps = []
    while step not in ("/", root) and step.startswith(root):
        steps.append(step)
        step = posixpath.dirname(step)
    for each in reversed(steps):
        stat = lstat(mount, each)
        if stat is None:
            mount.mkdir(each)
        elif stat.kind != "directory":
            raise Refused(400, f"Error processing tar file: {each!r} on the way is a {stat.kind}")


def write_file(mount: Mount[Any], path: str, source: BinaryIO, size: int) -> None:
    """Fill a new file: with its bytes where it is small, else with the stamps of its blocks."""
    if size <= MOST_KNOWN:
        mount.write(path, 0, data=source.read(size))
        return
    for offset in range(0, size, PIECE):
        piece = source.read(min(PIECE, size - offset))
        if not piece:
            raise Refused(400, f"Error processing tar file: {path!r} ends early")
        stamps = digest_stamps(piece, 0, -(-len(piece) // 4096), 4096)
        mount.write(path, offset, len(piece), stamps)


def entries(archive: BinaryIO) -> tuple[Entry, ...]:
    """The entries of a layer whose archive a client sends (`docker import`).

    Raises
    ------
    Refused
        No archive, or a name that climbs.
    """
    found = []
    for member, tar in members(archive):
        path = inside("", member.name)
        if path == "/":
            continue
        said: dict[str, Any] = {
            "mode": member.mode & 0o7777,
            "uid": member.uid,
            "gid": member.gid,
            "mtime": int(member.mtime),
        }
        try:
            if member.isdir():
                found.append(Entry(path, "directory", **said))
            elif member.issym():
                found.append(Entry(path, "symlink", target=member.linkname, **said))
            elif member.islnk():
                found.append(Entry(path, link=inside("", member.linkname), size=0, **said))
            elif member.ischr() or member.isblk():
                found.append(Entry(path, "device", rdev=(member.devmajor, member.devminor), **said))
            elif member.isreg():
                found.append(_file(path, cast(BinaryIO, tar.extractfile(member)), member.size, said))
        except InvalidInput as error:
            raise Refused(400, f"Error processing tar file: {error}") from None
    return tuple(found)


def _file(path: str, source: BinaryIO, size: int, said: dict[str, Any]) -> Entry:
    if size <= MOST_KNOWN:
        return Entry(path, content=source.read(size), **said)
    stamps = [digest_stamps(piece, 0, -(-len(piece) // 4096), 4096) for piece in iter(lambda: source.read(PIECE), b"")]
    return Entry(path, size=size, stamps=np.concatenate(stamps), **said)
