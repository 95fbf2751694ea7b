"""Commands that look at trees: ls, stat, du, readlink.

Names come sorted where the real ones take the order of the directory. Times are those of the model: a tick of the
logical clock counts as a second, so that files of a real image have their real dates.

What it leaves out: columns and colours, access and change times (both are the time of the last change), and blocks that
directories hold, which the model counts elsewhere.
"""

import os
import re
import stat as modes
from collections.abc import Callable
from typing import NamedTuple

from snapsim.files.mounts.mount import Stat
from snapsim.shell.commands.dates import written
from snapsim.shell.commands.modes import mode_letters
from snapsim.shell.commands.paths import below
from snapsim.shell.process import Command, Failure, Options, Process, parse

_SIGNS = {"directory": "/", "symlink": "@"}
_FORMATS = {"directory": modes.S_IFDIR, "symlink": modes.S_IFLNK, "device": modes.S_IFCHR, "file": modes.S_IFREG}
_SIX_MONTHS = 3600 * 24 * 365 // 2


def human(size: int) -> str:
    """A size with one decimal and a letter.

    >>> human(100), human(3_000_000), human(1023 * 1024 + 1000)
    ('100', '2.9M', '1.0M')
    """
    tenths, letters = 0, ""
    while size >= 1024 and len(letters) < 6:
        tenths = (size % 1024 * 10 + 512) // 1024
        size //= 1024
        letters += "KMGTPE"[len(letters)]
    if tenths >= 10:
        size, tenths = size + 1, 0
        if size == 1024:
            size, letters = 1, letters + "KMGTPE"[len(letters)]
    return f"{size}.{tenths}{letters[-1]}" if letters else str(size)


# ---------------------------------------------------------------- ls


class _Entry(NamedTuple):
    name: str
    path: str
    stat: Stat


_LONG_LS = {
    "full-time": "E",
    "color": "N",
    "all": "a",
    "almost-all": "A",
    "human-readable": "h",
    "recursive": "R",
}


def ls(process: Process) -> int:
    """ls [FILE]..."""
    options = parse(process.arguments, "1AaCxdLHRFpElinshrSXvctukQNqw:T:", _LONG_LS)
    if "E" in options:
        options.add("l")
    return _Listing(process, options).all(options.operands or ["."])


class _Listing:
    def __init__(self, process: Process, options: Options) -> None:
        self.process, self.options, self.files = process, options, process.files
        self.failed, self.begun = False, False
        self.users = self.groups = dict[int, str]()
        if "l" in options and "n" not in options:
            self.users, self.groups = process.world.names("/etc/passwd"), process.world.names("/etc/group")

    def all(self, paths: list[str]) -> int:
        follow = "l" not in self.options and "d" not in self.options and "F" not in self.options
        found = [entry for path in paths if (entry := self.entry(path, path, follow or "L" in self.options))]
        directories = [entry for entry in found if entry.stat.kind == "directory" and "d" not in self.options]
        plain = [entry for entry in found if entry not in directories]
        self.show(self.sorted(plain), total=False)
        headed = len(paths) > 1 or "R" in self.options
        for entry in self.sorted(directories):
            self.directory(entry, headed)
        return int(self.failed)

    def entry(self, path: str, name: str, follow: bool) -> _Entry | None:
        try:
            stat = self.files.stat(path, follow)
        except OSError as error:
            self.process.complain(f"{path}: {error.strerror}")
            self.failed = True
            return None
        return _Entry(name, path, stat)

    def directory(self, entry: _Entry, headed: bool) -> None:
        if headed:
            self.process.print(f"{chr(10) if self.begun else ''}{entry.path}:\n")
        self.begun = True
        try:
            names = self.files.listed(entry.path)
        except OSError as error:
            self.process.complain(f"{entry.path}: {error.strerror}")
            self.failed = True
            return
        if "a" in self.options:
            names = [".", "..", *names]
        elif "A" not in self.options:
            names = [name for name in names if not name.startswith(".")]
        follow = "L" in self.options
        inside = [found for name in names if (found := self.entry(below(entry.path, name), name, follow))]
        self.show(self.sorted(inside), total=True)
        if "R" in self.options:
            for each in self.sorted(inside):
                if each.stat.kind == "directory" and each.name not in (".", ".."):
                    self.directory(each, True)

    def sorted(self, entries: list[_Entry]) -> list[_Entry]:
        keys: dict[str, Callable[[_Entry], object]] = {
            "S": lambda entry: -entry.stat.size,
            "t": lambda entry: -entry.stat.mtime,
            "X": lambda entry: os.path.splitext(entry.name)[1],
        }
        found = sorted(entries, key=lambda entry: entry.name)
        key = keys.get(self.options.last("StX"))
        if key:
            found.sort(key=key)  # type: ignore[arg-type]
        return found[::-1] if "r" in self.options else found

    def show(self, entries: list[_Entry], total: bool) -> None:
        long = "l" in self.options or "n" in self.options
        if total and (long or "s" in self.options):
            self.process.print(f"total {sum(entry.stat.blocks for entry in entries) // 2}\n")
        for entry in entries:
            self.process.print(self.row(entry, long) + "\n")
            self.begun = True

    def row(self, entry: _Entry, long: bool) -> str:
        stat, options = entry.stat, self.options
        row = f"{stat.ino:7} " if "i" in options else ""
        if "s" in options:
            size = human(stat.blocks * 512) if "h" in options else str(stat.blocks // 2)
            row += f"{size:>6} "
        if long:
            user = self.users.get(stat.uid, str(stat.uid))
            group = self.groups.get(stat.gid, str(stat.gid))
            row += f"{mode_letters(stat.kind, stat.mode)} {stat.nlink:4} {user:8.8} {group:8.8} "
            if stat.kind == "device":
                row += f"{stat.rdev[0]:4}, {stat.rdev[1]:3} "
            else:
                row += f"{human(stat.size):>7} " if "h" in options else f"{stat.size:9} "
            row += f"{self.date(stat.mtime)} "
        row += entry.name
        if long and stat.kind == "symlink":
            row += f" -> {self.files.readlink(entry.path)}"
        if "F" in options or "p" in options:
            row += self.sign(entry)
        return row

    def date(self, when: int) -> str:
        if "E" in self.options:
            return written(when, "%Y-%m-%d %H:%M:%S +0000")
        age = self.process.world.clock.now - when
        return written(when, "%b %e %H:%M" if -900 <= age <= _SIX_MONTHS else "%b %e  %Y")

    def sign(self, entry: _Entry) -> str:
        if "F" not in self.options:
            return "/" if entry.stat.kind == "directory" else ""
        if entry.stat.kind == "symlink" and "l" in self.options:
            return ""
        runs = entry.stat.kind == "file" and entry.stat.mode & 0o111
        return "*" if runs else _SIGNS.get(entry.stat.kind, "")


# ---------------------------------------------------------------- stat


def stat(process: Process) -> int:
    """stat FILE..."""
    options = parse(process.arguments, "lLtfc:", {"format": "c", "dereference": "L", "terse": "t"}, least=1)
    if "f" in options:
        raise Failure("-f: statistics of the file system are df's here")
    users, groups = process.world.names("/etc/passwd"), process.world.names("/etc/group")
    form = options.get("c") or ("%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o" if "t" in options else "")
    failed = False
    for path in options.operands:
        try:
            found = process.files.stat(path, "L" in options or "l" in options)
        except OSError as error:
            process.complain(f"can't stat '{path}': {error.strerror}")
            failed = True
            continue
        fields = _fields(process, path, found, users, groups)
        process.print(_filled(form or _default(found), fields) + "\n")
    return int(failed)


def _default(found: Stat) -> str:
    device = "  Device type: %t,%T" if found.kind == "device" else ""
    return (
        "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Dh/%dd\tInode: %-10i  Links: %-5h"
        + device
        + "\nAccess: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z"
    )


def _fields(process: Process, path: str, found: Stat, users: dict[int, str], groups: dict[int, str]) -> dict[str, str]:
    when = written(found.mtime, "%Y-%m-%d %H:%M:%S.000000000 +0000")
    kinds = {
        "directory": "directory",
        "symlink": "symbolic link",
        "device": "character special file",
        "file": "regular file" if found.size else "regular empty file",
    }
    name = f"'{path}' -> '{process.files.readlink(path)}'" if found.kind == "symlink" else path
    return {
        "n": path,
        "N": name,
        "s": str(found.size),
        "b": str(found.blocks),
        "B": "512",
        "F": kinds[found.kind],
        "o": "4096",
        "a": f"{found.mode:o}",
        "A": mode_letters(found.kind, found.mode),
        "i": str(found.ino),
        "h": str(found.nlink),
        "u": str(found.uid),
        "g": str(found.gid),
        "U": users.get(found.uid, "UNKNOWN"),
        "G": groups.get(found.gid, "UNKNOWN"),
        "f": f"{_FORMATS[found.kind] | found.mode:x}",
        "d": "1",
        "D": "1",
        "t": f"{found.rdev[0]:x}",
        "T": f"{found.rdev[1]:x}",
        "x": when,
        "y": when,
        "z": when,
        **dict.fromkeys("XYZ", str(found.mtime)),
    }


def _filled(form: str, fields: dict[str, str]) -> str:
    def one(found: re.Match[str]) -> str:
        flags, width, letter = found.groups()
        if letter == "%":
            return "%"
        value = fields.get(letter, "?")
        size = int(width.partition(".")[0] or 0)
        return value.ljust(size) if "-" in flags else value.rjust(size, "0" if "0" in flags else " ")

    return re.sub(r"%([-0]*)([\d.]*)(.)", one, form)


def readlink(process: Process) -> int:
    """readlink FILE; -f: the whole path without symbolic links."""
    options = parse(process.arguments, "fnv", least=1, most=1)
    path = options.operands[0]
    if "f" in options:
        found = _resolved(process, path)
        if not process.files.exists(found):
            return 1
        process.print(found + ("" if "n" in options else "\n"))
        return 0
    try:
        process.print(process.files.readlink(path) + ("" if "n" in options else "\n"))
    except OSError:  # busybox says nothing either
        return 1
    return 0


def _resolved(process: Process, path: str) -> str:
    parts, done, links = process.files.path(path).split("/"), "", 0
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = os.path.dirname(done)
            continue
        here = f"{done}/{part}"
        if process.files.kind(here, follow=False) != "symlink" or links > 40:
            done = here
            continue
        target, links = process.files.readlink(here), links + 1
        done = "" if target.startswith("/") else done
        parts = [*target.split("/"), *parts]
    return done or "/"


# ---------------------------------------------------------------- du


def du(process: Process) -> int:
    """du [FILE]...: blocks that files hold, each hard link once."""
    options = parse(
        process.arguments,
        "aHLd:clsxhmkb",
        {"max-depth": "d", "human-readable": "h", "summarize": "s", "all": "a", "total": "c"},
    )
    depth = 0 if "s" in options else int(options.get("d")) if options.get("d").isdigit() else 1 << 30
    seen: set[int] = set()
    failed, total = False, 0

    def show(blocks: int, path: str) -> None:
        size = blocks * 512
        text = human(size) if "h" in options else str(-(-size >> 20) if "m" in options else -(-size >> 10))
        process.print(f"{text}\t{path}\n")

    def walk(path: str, level: int) -> int:
        nonlocal failed
        try:
            found = process.files.stat(path, "L" in options or ("H" in options and level == 0))
            names = process.files.listed(path) if found.kind == "directory" else []
        except OSError as error:
            process.complain(f"{path}: {error.strerror}")
            failed = True
            return 0
        if found.nlink > 1 and found.kind != "directory" and "l" not in options:
            if found.ino in seen:
                return 0
            seen.add(found.ino)
        blocks = found.blocks + sum(walk(below(path, name), level + 1) for name in names)
        if (found.kind == "directory" or "a" in options or level == 0) and level <= depth:
            show(blocks, path)
        return blocks

    for path in options.operands or ["."]:
        total += walk(path, 0)
    if "c" in options:
        show(total, "total")
    return int(failed)


# ---------------------------------------------------------------- find


COMMANDS = {
    "ls": Command(ls, "[-1AaCxdLHRFplinshrSXvctu] [-w WIDTH] [FILE]..."),
    "stat": Command(stat, "[-ltf] [-c FMT] FILE..."),
    "du": Command(du, "[-aHLdclsxhmk] [FILE]..."),
    "readlink": Command(readlink, "[-fnv] FILE"),
}
