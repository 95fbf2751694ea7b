"""Where COPY and ADD have their files from: the archive that a client sends, or the tree of another image.

>>> import io, tarfile
>>> with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
...     archive.addfile(tarfile.TarInfo("app/a.py"))
>>> with Context(file).opened() as tree:
...     [found.path for found in tree.find(["app/*.py"], "COPY")]
['/app/a.py']

What it leaves out: links that lead out of the context (they are not followed), and files that a client excluded.
"""

import fnmatch
import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from snapsim.block.device import BlockDevice
from snapsim.drivers.driver import Driver
from snapsim.drivers.naive_diff import lstat
from snapsim.files.filesystems import FILESYSTEMS
from snapsim.files.mounts.tree import TreeMount
from snapsim.serve import tars
from snapsim.serve.dockerfile import MOST
from snapsim.serve.errors import Refused

_BLOCKS = 1 << 22


@dataclass(frozen=True)
class Found:
    """A source: its path in the tree, and whether it is a directory, whose contents are copied."""

    path: str
    directory: bool


class Tree:
    """A tree that files are copied from; `name` is what errors call it."""

    def __init__(self, mount: Any, context: bool) -> None:
        self.mount, self.context = mount, context

    def find(self, patterns: Sequence[str], instruction: str) -> list[Found]:
        """The files and directories that the words of an instruction name; `Refused` where one names none."""
        found: list[Found] = []
        for pattern in patterns:
            if pattern.startswith(("http://", "https://")):
                raise Refused(400, f"{instruction} of a URL is not simulated")
            path = posixpath.normpath("/" + pattern.lstrip("/"))
            if ".." in pattern.split("/"):
                raise Refused(400, f"{instruction} failed: forbidden path outside the build context: {pattern} ()")
            names = self._match(path) if any(letter in path for letter in "*?[") else [path]
            here = [name for name in names if lstat(self.mount, name) is not None]
            if not here:
                raise Refused(
                    400,
                    f"{instruction} failed: no source files were specified"
                    if len(names) != 1 or names[0] != path
                    else f"{instruction} failed: file not found in build context or excluded by .dockerignore: stat "
                    f"{path[1:]}: file does not exist",
                )
            found += [Found(name, self.mount.stat(name, follow=False).kind == "directory") for name in here]
        return found

    def _match(self, pattern: str) -> list[str]:
        depth = pattern.count("/")
        every = (path for path, _ in self.mount.files())
        return sorted(path for path in every if path.count("/") == depth and fnmatch.fnmatchcase(path, pattern))


class Context:
    """The archive of a build, unpacked into a tree of no driver: what is read there costs nothing on the daemon's."""

    def __init__(self, file: BinaryIO) -> None:
        fs = FILESYSTEMS["ext4"](BlockDevice(_BLOCKS))
        self._mount = TreeMount(fs, fs.root)
        file.seek(0)
        tars.unpack(file, self._mount, "/", owners=False)

    def text(self, name: str) -> str:
        """The Dockerfile; `Refused` (400) where it is missing or too large."""
        path = posixpath.normpath("/" + name.lstrip("/"))
        if lstat(self._mount, path) is None:
            raise Refused(400, f"Cannot locate specified Dockerfile: {name}")
        if self._mount.stat(path).size > MOST:
            raise Refused(400, f"a Dockerfile of more than {MOST} bytes is not taken")
        return self._mount.read_bytes(path).decode("utf-8", "replace")

    @contextmanager
    def opened(self) -> Iterator[Tree]:
        """The tree of the archive."""
        yield Tree(self._mount, True)

    @staticmethod
    @contextmanager
    def of_layer(driver: Driver, layer: str) -> Iterator[Tree]:
        """The tree of an image."""
        with driver.mounted(layer) as mount:
            yield Tree(mount, False)


def digest(tree: Tree, files: Sequence[Found]) -> tuple[str, str]:
    """``file``, ``dir`` or ``multi``, and a digest of names, modes and contents."""
    made = hashlib.sha256()
    for found in files:
        for chunk in tars.packed(tree.mount, found.path, "" if found.directory else posixpath.basename(found.path)):
            made.update(chunk)
    kind = "multi" if len(files) > 1 else "dir" if files[0].directory else "file"
    return kind, made.hexdigest()


def copy(tree: Tree, files: Sequence[Found], mount: Any, target: str, many: bool, *, extract: bool, owner: str) -> None:
    """Copy sources to a target: into it if it is a directory or more than one is copied, else under its name."""
    there = lstat(mount, target.rstrip("/") or "/")
    into = many or (there is not None and there.kind == "directory")
    uid, gid = owner_of(mount, owner)
    for found in files:
        if found.directory:
            tars.make_directories(mount, target)
            _unpack(tars.file_of(tars.packed(tree.mount, found.path, "")), mount, target, uid, gid)
            continue
        content = b"".join(tars.contents(tree.mount, found.path)) if extract and tree.context else b""
        if content and _is_archive(content):
            tars.make_directories(mount, target)
            tars.unpack(io.BytesIO(content), mount, target)
            continue
        name = posixpath.basename(found.path) if into else posixpath.basename(target.rstrip("/"))
        directory = target if into else posixpath.dirname(target.rstrip("/"))
        tars.make_directories(mount, directory)
        _unpack(tars.file_of(tars.packed(tree.mount, found.path, name)), mount, directory or "/", uid, gid)


def _unpack(archive: BinaryIO, mount: Any, directory: str, uid: int, gid: int) -> None:
    names = [member.name for member, _ in tars.members(archive)]
    archive.seek(0)
    tars.unpack(archive, mount, posixpath.normpath("/" + directory.lstrip("/")), owners=False)
    if uid or gid:
        for name in names:
            path = tars.inside(directory, name)
            if path != posixpath.normpath(directory):
                mount.chown(path, uid, gid, follow=False)


def _is_archive(content: bytes) -> bool:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)):
            return True
    except (tarfile.TarError, EOFError, OSError):
        return False


def owner_of(mount: Any, text: str) -> tuple[int, int]:
    """The numbers of ``--chown``: of names they are looked up in the image."""
    if not text:
        return 0, 0
    user, _, group = text.partition(":")
    uid = _number(mount, "/etc/passwd", user)
    return uid, _number(mount, "/etc/group", group) if group else uid


def _number(mount: Any, file: str, name: str) -> int:
    if name.isascii() and name.isdigit():
        return int(name)
    if mount.exists(file):
        for line in mount.read_bytes(file).decode(errors="replace").splitlines():
            row = line.split(":")
            if row[0] == name and len(row) > 2 and row[2].isdigit():
                return int(row[2])
    raise Refused(400, f"unable to convert uid/gid chown string to host mapping: can't find uid for user {name}")
