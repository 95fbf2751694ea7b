"""The naive diff: what changed between two mounted trees, found by looking at every name in both.

`docker diff`, commit and build use it wherever a driver does not know its changes itself (vfs, btrfs, zfs and
devicemapper always). Only the results of `stat` are compared, so that a change that keeps size and time is missed, and
the cost grows with the number of files, not of changes. Source: moby `daemon/graphdriver/fsdiff.go`, go-archive
`changes.go` and `diff.go`.

The clock is logical, so that there is no need to wait for the next second as moby does.

>>> from snapsim.block.device import BlockDevice
>>> from snapsim.files.filesystems import Ext4
>>> from snapsim.files.mounts.tree import TreeMount
>>> fs = Ext4(BlockDevice(1024))
>>> old, new = (TreeMount(fs, fs.create(fs.root, name, "directory")) for name in ("old", "new"))
>>> old.write("/gone", 0, data=b"1"); new.mkdir("/etc"); new.write("/etc/motd", 0, data=b"hello")
1
5
>>> [str(change) for change in changes(new, old)]
['A /etc', 'A /etc/motd', 'D /gone']
>>> unpack(old, archive(new, changes(new, old))), old.listdir("/"), old.read_bytes("/etc/motd")
(5, ['etc'], b'hello')

What it leaves out: pruning of subtrees with equal inodes (it saves work, and no I/O that is counted here),
extended attributes but ``security.capability`` (moby drops them as well), and the I/O of reading directories and
inodes.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from snapsim.drivers.diff import Change, Diff, Entry
from snapsim.files.filesystem import CAPABILITY
from snapsim.files.mounts.marks import AUFS_PRIVATE_PREFIX, OPAQUE_NAME, hidden, whiteout
from snapsim.files.mounts.mount import Mount, Stat
from snapsim.files.pages import runs

AnyMount = Mount[Any]


def lstat(mount: AnyMount, path: str) -> Stat | None:
    """`stat` without following symbolic links; None where there is no such name."""
    try:
        return mount.stat(path, follow=False)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
        return None


# ---------------------------------------------------------------- what changed


def changes(new: AnyMount, old: AnyMount | None) -> list[Change]:
    """The changes that lead from the old tree to the new one, sorted by path; without an old tree all is added.

    A directory whose children changed is listed as changed itself; a deleted tree is one deletion.
    """
    return sorted(_changes(new, old, ""), key=lambda change: change.path)


def _changes(new: AnyMount, old: AnyMount | None, directory: str) -> Iterator[Change]:
    before = set(old.listdir(directory or "/")) if old else set()
    names = new.listdir(directory or "/")
    yield from (Change("D", f"{directory}/{name}") for name in sorted(before.difference(names)))
    for name in names:
        yield from _change(new, old if name in before else None, f"{directory}/{name}")


def _change(new: AnyMount, old: AnyMount | None, path: str) -> Iterator[Change]:
    stat = new.stat(path, follow=False)
    was = old.stat(path, follow=False) if old else None
    inside: list[Change] = []
    if stat.kind == "directory":
        inside = list(_changes(new, old if was and was.kind == "directory" else None, path))
    if was is None or inside or differs(stat, was) or (old and capability(new, path) != capability(old, path)):
        yield Change("C" if was else "A", path)
    yield from inside


def differs(stat: Stat, was: Stat) -> bool:
    """Whether moby counts this as a change; time and size of a directory do not matter."""
    if (stat.kind, stat.mode, stat.uid, stat.gid, stat.rdev) != (was.kind, was.mode, was.uid, was.gid, was.rdev):
        return True
    return stat.kind != "directory" and (stat.size, stat.mtime) != (was.size, was.mtime)


def capability(mount: AnyMount, path: str) -> dict[str, str]:
    """What moby keeps of a file's extended attributes: ``security.capability``, where there is one."""
    found = mount.tree.attributes(mount.node(path, follow=False))
    return {CAPABILITY: found[CAPABILITY]} if CAPABILITY in found else {}


# ---------------------------------------------------------------- the archive


def headers(mount: AnyMount, changed: list[Change]) -> Diff:
    """The archive of changes without the content of its files; a socket is left out, as tar cannot hold one."""
    first: dict[int, str] = {}
    entries = (_header(mount, change, first) for change in changed)
    return Diff(tuple(entry for entry in entries if entry is not None))


def _header(mount: AnyMount, change: Change, first: dict[int, str]) -> Entry | None:
    path = change.path
    if change.kind == "D":
        return Entry(whiteout(path), mode=0, size=0)
    stat = mount.stat(path, follow=False)
    if stat.kind == "socket":
        return None
    link = first.setdefault(stat.ino, path) if stat.nlink > 1 and stat.kind != "directory" else path
    target = mount.readlink(path) if stat.kind == "symlink" else ""
    return Entry(
        path,
        stat.kind,
        stat.mode,
        stat.uid,
        stat.gid,
        stat.size,
        stat.mtime,
        target,
        stat.rdev,
        None if link == path else link,
        xattrs=capability(mount, path) if link == path else {},
    )


def archive(mount: AnyMount, changed: list[Change]) -> Diff:
    """The archive of changes, its files read (and the reads counted)."""
    return Diff(tuple(_filled(mount, entry) for entry in headers(mount, changed).entries))


def _filled(mount: AnyMount, entry: Entry) -> Entry:
    if not entry.tar_size:
        return entry
    return replace(entry, stamps=mount.read(entry.path), content=_content(mount, entry.path))


def _content(mount: AnyMount, path: str) -> bytes | None:
    try:
        return mount.read_bytes(path)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None


# ---------------------------------------------------------------- unpacking


def unpack(mount: AnyMount, diff: Diff) -> int:
    """Apply an archive to a tree; returns the size by the tar headers."""
    unpacked: set[str] = set()
    for entry in diff.entries:
        gone = hidden(entry.path)
        if gone is not None or entry.name == OPAQUE_NAME:
            _make_parents(mount, os.path.dirname(entry.path))
        if entry.name == OPAQUE_NAME:
            _empty(mount, os.path.dirname(entry.path), unpacked)
        elif gone is not None:
            remove_tree(mount, gone)
        elif not entry.name.startswith(AUFS_PRIVATE_PREFIX):
            place(mount, entry)
            unpacked.add(entry.path)
    for entry in diff.entries:  # last, since unpacking into a directory changes its time
        if entry.kind == "directory" and entry.mtime is not None and lstat(mount, entry.path):
            mount.utime(entry.path, entry.mtime)
    return diff.tar_size


def _empty(mount: AnyMount, directory: str, keep: set[str]) -> None:
    for name in mount.listdir(directory):
        path = f"{directory.rstrip('/')}/{name}"
        if path not in keep:
            remove_tree(mount, path)


def remove_tree(mount: AnyMount, path: str) -> None:
    """Remove a tree as ``rm -rf`` does: a missing one is no error."""
    stat = lstat(mount, path)
    if stat is None:
        return
    if stat.kind != "directory":
        mount.unlink(path)
        return
    for name in mount.listdir(path):
        remove_tree(mount, f"{path}/{name}")
    mount.rmdir(path)


def place(mount: AnyMount, entry: Entry) -> None:
    """Unpack one entry; what has its name is removed first, unless both are directories."""
    _make_parents(mount, os.path.dirname(entry.path))
    there = lstat(mount, entry.path)
    merge = there is not None and there.kind == entry.kind == "directory"
    if there is not None and not merge:
        remove_tree(mount, entry.path)
    if entry.link is not None:
        mount.link(entry.link, entry.path)
        return
    if not merge:
        _make(mount, entry)
    _set_attributes(mount, entry)


def _make_parents(mount: AnyMount, directory: str) -> None:
    if directory != "/" and lstat(mount, directory) is None:
        _make_parents(mount, os.path.dirname(directory))
        mount.mkdir(directory)


def _make(mount: AnyMount, entry: Entry) -> None:
    if entry.kind == "directory":
        mount.mkdir(entry.path, entry.mode)
    elif entry.kind == "symlink":
        mount.symlink(entry.target, entry.path)
    elif entry.kind == "file":
        _write(mount, entry)
    else:
        mount.mknod(entry.path, entry.mode, entry.rdev, entry.kind)


def _write(mount: AnyMount, entry: Entry) -> None:
    size, block = entry.size, mount.fs.block_size
    with mount.open(entry.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, entry.mode) as file:
        for first, last in _runs_to_write(entry, -(-size // block)):
            file.write(first * block, min(last * block, size) - first * block, _data(entry, first, last, block))
        if file.stat().size < size:
            file.truncate(size)


def _runs_to_write(entry: Entry, count: int) -> list[tuple[int, int]]:
    """Runs of blocks that are to be written."""
    if entry.holes is None:
        return [(0, count)] if count else []
    filled = np.flatnonzero(~entry.holes[:count])
    return [(int(filled[low]), int(filled[low]) + high - low) for low, high in runs(filled)]


def _data(entry: Entry, first: int, last: int, block: int) -> Any:
    if entry.content is not None:
        return entry.content[first * block : last * block]
    return None if entry.stamps is None else entry.stamps[first:last]


def _set_attributes(mount: AnyMount, entry: Entry) -> None:
    """Owner, extended attributes, mode, time, in moby's order; only what differs, since a union copies up for each."""
    path, stat = entry.path, mount.stat(entry.path, follow=False)
    if (stat.uid, stat.gid) != (entry.uid, entry.gid):
        mount.chown(path, entry.uid, entry.gid, follow=False)
        stat = mount.stat(path, follow=False)  # a change of the owner takes set-user-id bits away
    for name, value in entry.xattrs.items():
        mount.setxattr(path, name, value, follow=False)
    if stat.kind != "symlink" and stat.mode != entry.mode:
        mount.chmod(path, entry.mode)
    if entry.mtime is not None and stat.mtime != entry.mtime:
        mount.utime(path, entry.mtime, follow=False)
