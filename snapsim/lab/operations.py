"""The operations of a workload: what each one does, and which keys it takes.

`KEYS` says what each key may hold (one key, one meaning), `OPS` which keys each operation takes. Parser, JSON
Schema and documentation all follow from these two tables.

What it leaves out: how an operation is carried out (each driver's `Mount`), and file contents: a workload says how many
bytes, not which.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from posixpath import dirname
from posixpath import join as join_path
from typing import Any, NamedTuple

from snapsim.base.errors import InvalidInput
from snapsim.base.schema import (
    Boolean,
    Choice,
    Described,
    Either,
    Field,
    Integer,
    ListOf,
    Named,
    Record,
    Text,
    inside,
    refuse,
    shown,
)

LARGEST_SIZE = 1 << 50
"""Bytes: the largest size, length or offset (1 PiB)."""
MOST = 10**6
"""The longest list, and the most files that one workload makes."""

SIZE, LENGTH, NUMBER = Integer(0, LARGEST_SIZE), Integer(1, LARGEST_SIZE), Integer(0, MOST)
COMPONENT = r"(?!\.{1,2}(?![^/\0]))[^/\0]{1,255}"
BELOW_ROOT = 'a path below the root of the file system, without "..", ".", empty parts or NUL'
PATH = Text(f"{COMPONENT}(?:/{COMPONENT})*", 4095, BELOW_ROOT, 255)
ROOT_OR_PATH = Text(f"(?:{COMPONENT}(?:/{COMPONENT})*)?", 4095, BELOW_ROOT, 255)
NAME = Text(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}", 64, "a name of up to 64 letters, digits and _.-")
ACCESS = ("O_RDONLY", "O_WRONLY", "O_RDWR")


@dataclass(frozen=True)
class FileSpec:
    """One file or, with `count`, as many files as the pattern in `path` makes (``%d``, ``%04d``: from 0 on).

    `size` is in bytes; of these the first `data` bytes are written and the rest is a hole (None: no hole).
    """

    path: str
    size: int
    data: int | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if self.count is not None:
            _check_pattern(self.path, self.count)
        if self.data is not None and self.data > self.size:
            raise InvalidInput(f"{self.data} is more than the size of the file: 0 to {self.size}", "data")

    def expand(self) -> Iterator[tuple[str, int, int]]:
        """Each file as (path, size, data), sizes in bytes.

        Examples
        --------
        >>> list(FileSpec("d/%02d", 4096, count=2).expand())
        [('d/00', 4096, 4096), ('d/01', 4096, 4096)]
        """
        data = self.size if self.data is None else self.data
        for number in range(1 if self.count is None else self.count):
            yield (self.path if self.count is None else self.path % number), self.size, data


def _check_pattern(path: str, largest: int) -> None:
    if path.count("%") != 1 or not re.search(r"%(?:0?[1-9][0-9]?)?d", path):
        raise InvalidInput(f"{shown(path)} is not allowed: a path with exactly one %d or %04d", "path")
    try:
        PATH.read(path % largest)
    except InvalidInput as error:
        raise inside("path", error) from None


@dataclass(frozen=True)
class Op:
    """One operation: `op` names it, the other attributes are its keys in the file (``in`` is `in_`; see `KEYS`).

    An attribute that the operation does not take, or that the file does not give, has the default below.
    """

    op: str
    path: str = ""
    in_: str = "s0"
    offsets: tuple[int, ...] = ()
    length: int = 0
    fsync: str | int | None = None
    flags: tuple[str, ...] = ()
    numbers: tuple[int, ...] | None = None
    files: tuple[FileSpec, ...] = ()
    to: str = ""
    target: str = ""
    mode: int = 0
    size: int = 0
    seconds: int = 0
    uid: int = 0
    gid: int = 0
    recursive: bool = False
    attribute: str = ""
    value: str = ""
    kind: str = "fifo"
    major: int = 0
    minor: int = 0
    name: str = ""
    parent: str | None = None

    def __post_init__(self) -> None:
        if self.numbers is not None:
            _check_pattern(self.path, max(self.numbers, default=0))
        if self.offsets and max(self.offsets) + self.length > LARGEST_SIZE:
            raise InvalidInput(f"{max(self.offsets)} + length is past the largest file, {LARGEST_SIZE}", "offsets")
        if sum(flag in ACCESS for flag in self.flags) > 1:
            raise InvalidInput(f"only one of {', '.join(ACCESS)} can be given", "flags")

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that the operation acts on: one, or those that `numbers` make of the pattern."""
        return (self.path,) if self.numbers is None else tuple(self.path % number for number in self.numbers)

    @property
    def destination(self) -> str:
        """The path that `to` names (``rename``, ``mv``, ``link``): from the directory of `path` on, or from the root.

        Examples
        --------
        >>> Op("mv", "d/f", to="g").destination, Op("mv", "d/f", to="/e/f").destination
        ('d/g', 'e/f')
        """
        return self.to[1:] if self.to.startswith("/") else join_path(dirname(self.path), self.to)

    @property
    def logical_bytes(self) -> int:
        """Bytes that the application itself writes: the denominator of write amplification."""
        return (
            len(self.offsets) * self.length
            + (self.length if self.op == "append" else 0)
            + sum(file.size * (1 if file.count is None else file.count) for file in self.files)
        )

    @property
    def files_made(self) -> int:
        """Number of files that its `files` make."""
        return sum(1 if file.count is None else file.count for file in self.files)


FILE = Named(
    "file",
    Record(
        "a file",
        {
            "path": Described(
                PATH, "from the root of the file system (or the path of `create`); with count, a pattern"
            ),
            "size": Described(SIZE, "bytes"),
        },
        {
            "data": Described(SIZE, "bytes written, from the start on; the rest is a hole"),
            "count": Described(NUMBER, "how many files: the pattern's number runs from 0 on"),
        },
        lambda keys: FileSpec(**keys),
    ),
)
_FLAG = Choice((*ACCESS, "O_APPEND", "O_CREAT", "O_EXCL", "O_TRUNC"))
_FSYNC = Either(
    (Choice(("end", "each", None)), Integer(1, MOST)), f'"end", "each", null or a whole number from 1 to {MOST}'
)
_TO = Text(f"/?{COMPONENT}(?:/{COMPONENT})*", 4095, BELOW_ROOT + '; "/" in front: from the root on', 255)
_OWNER = Integer(0, (1 << 32) - 2)
_ATTRIBUTE = Text(
    r"(?:user|trusted|security)\.[^\0]+", 255, "a name of 1 to 255 bytes that begins with user., trusted. or security."
)
_VALUE = Text(r"[^\0]*", 4000, "text of up to 4000 bytes without NUL")
_TARGET = Text(r"[^\0]+", 4095, "text of 1 to 4095 bytes without NUL")
_PARENT = Either((NAME, Choice((None,))), "null or " + NAME.allowed)

KEYS: Mapping[str, Described] = {
    "path": Described(PATH, "where, from the root of the file system"),
    "in": Described(NAME, 'the snapshot it runs in, "s0" unless told'),
    "offsets": Described(ListOf(SIZE, MOST), "bytes from the start of the file"),
    "length": Described(LENGTH, "bytes written (at each offset)"),
    "fsync": Described(_FSYNC, '"end": once, after the last write; "each": after every write; N: after every Nth'),
    "flags": Described(ListOf(_FLAG, 7), "of open(2); O_RDONLY unless told"),
    "numbers": Described(ListOf(NUMBER, MOST), "makes `path` a pattern with one %d, used with each of these"),
    "files": Described(ListOf(FILE, MOST), "files to make, their paths from `path` on"),
    "to": Described(_TO, 'the new path: from the directory of `path` on, or, with a "/" in front, from the root'),
    "target": Described(_TARGET, "what the link says; it may be absolute and may climb"),
    "mode": Described(Integer(0, 0o7777), "permission bits, as a decimal number"),
    "size": Described(SIZE, "bytes"),
    "uid": Described(_OWNER, "number of the owner"),
    "gid": Described(_OWNER, "number of the group"),
    "recursive": Described(Boolean(), "a directory with all that is in it, as chown -R; false unless told"),
    "attribute": Described(_ATTRIBUTE, "name of an extended attribute"),
    "value": Described(_VALUE, "what the attribute says"),
    "kind": Described(Choice(("device", "block", "fifo", "socket", "file")), '"device" is a character device'),
    "major": Described(Integer(0, 4095), "of a device's number; 0 unless told"),
    "minor": Described(Integer(0, (1 << 20) - 1), "of a device's number; 0 unless told"),
    "seconds": Described(Integer(0, (1 << 34) - 1), "seconds since 1970, for both times"),
    "name": Described(NAME, "of a layer or snapshot"),
    "parent": Described(_PARENT, "a layer or a sealed snapshot, null for none"),
}


class Operation(NamedTuple):
    """A row of `OPS`: keys required and optional (separated by spaces), and what the operation does."""

    required: str
    optional: str
    does: str


OPS: Mapping[str, Operation] = {
    "write": Operation("path offsets length", "fsync in", "overwrite `length` bytes at each offset, opened once"),
    "append": Operation("path length", "in", "write at the end of the file"),
    "open": Operation("path flags", "in", "open with these flags and close again"),
    "read": Operation("path", "in", "read the whole file"),
    "unlink": Operation("path", "numbers in", "delete a file, or those that `numbers` name"),
    "create": Operation("files", "path in", "write new files, parents included, below `path`"),
    "rename": Operation("path to", "in", "rename(2); an error is noted, as EXDEV for a lower directory"),
    "mv": Operation("path to", "in", "mv(1): copies and deletes where rename(2) is refused"),
    "chmod": Operation("path mode", "in", "set the permission bits"),
    "chown": Operation("path uid gid", "recursive in", "chown(2), or chown -R: set the owner and the group"),
    "setxattr": Operation("path attribute value", "in", "give a file an extended attribute, or another value of one"),
    "removexattr": Operation("path attribute", "in", "take an extended attribute away"),
    "mknod": Operation("path kind", "major minor mode in", "make a node that is no directory and no link"),
    "truncate": Operation("path size", "in", "truncate(2)"),
    "utime": Operation("path seconds", "in", "set access and modification time"),
    "link": Operation("path to", "in", "make a hard link to `path`"),
    "symlink": Operation("path target", "in", "make a symbolic link at `path`"),
    "mkdir": Operation("path", "in", "make one directory"),
    "rmdir": Operation("path", "in", "delete an empty directory"),
    "remove": Operation("path", "in", "delete a file or a whole directory, as rm -r"),
    "fsync": Operation("path", "in", "fsync(2): what was written to the file reaches the device"),
    "sync": Operation("", "in", "syncfs(2): everything does"),
    "layer": Operation("name parent", "files", "make an image layer"),
    "snapshot": Operation("name parent", "files", "make a container, writable"),
    "seal": Operation("name", "", "no more operations in this snapshot: it may be a parent now"),
}


_ATTRIBUTES = {"in": "in_"}


def _record(name: str) -> Record:
    """The keys of one operation as a field; it reads an object into an `Op`."""
    row = OPS[name]
    required: dict[str, Field] = {"op": Choice((name,)), **{key: KEYS[key] for key in row.required.split()}}
    optional: dict[str, Field] = {key: KEYS[key] for key in row.optional.split()}
    if name == "create":
        optional["path"] = Described(ROOT_OR_PATH, "the directory that `files` count from, the root unless told")
    return Record(name, required, optional, _op)


def _op(keys: dict[str, Any]) -> Op:
    return Op(**{_ATTRIBUTES.get(key, key): value for key, value in keys.items()})


class AnyOperation:
    """The field of one operation: the key "op" decides which other keys there are."""

    def __init__(self) -> None:
        self.records = {name: _record(name) for name in OPS}

    def read(self, value: object) -> Op:
        """Return the operation, or raise `InvalidInput`."""
        if not isinstance(value, dict):
            refuse(value, 'an object with the key "op"')
        if "op" not in value:
            raise InvalidInput(f'"op" is missing: one of {", ".join(OPS)}')
        name = value["op"]
        if not isinstance(name, str) or name not in OPS:
            raise InvalidInput(f"{shown(name)} is no operation: one of {', '.join(OPS)}", "op")
        op: Op = self.records[name].read(value)
        return op

    def schema(self) -> dict[str, Any]:
        """Describe the same in JSON Schema."""
        return {"oneOf": [{"description": OPS[name].does, **record.schema()} for name, record in self.records.items()]}


_ANY = AnyOperation()
OPERATION = Named("operation", _ANY)


def file_object(file: FileSpec) -> dict[str, Any]:
    """The JSON object that `FILE` reads."""
    return {key: value for key in ("path", "size", "data", "count") if (value := getattr(file, key)) is not None}


def op_object(op: Op) -> dict[str, Any]:
    """The JSON object that `OPERATION` reads; optional keys that hold their default are left out."""
    record, unset = _ANY.records[op.op], Op(op.op)
    found: dict[str, Any] = {}
    for key in (*record.required, *record.optional):
        value = getattr(op, _ATTRIBUTES.get(key, key))
        if key in record.required or value != getattr(unset, _ATTRIBUTES.get(key, key)):
            found[key] = [file_object(file) for file in value] if key == "files" else value
    return found
