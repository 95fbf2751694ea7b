"""cp and mv.

What it leaves out: backups and SELinux; ``-i`` asks on standard error and takes a line of standard input.
"""

import errno
import os
from collections.abc import Iterator

from snapsim.shell.commands.files import remove
from snapsim.shell.commands.paths import asked, below
from snapsim.shell.process import Command, Failure, Options, Process, Usage, parse
from snapsim.shell.streams import PIECE, transfer


def _pairs(process: Process, options: Options) -> Iterator[tuple[str, str]]:
    """Each source with the path that it goes to."""
    operands = options.operands
    target = options.get("t") or operands.pop()
    into = "T" not in options and process.files.kind(target) == "directory"
    if "T" in options and len(operands) > 1:
        raise Usage("")
    if into or len(operands) > 1 or "t" in options:
        for source in operands:
            yield source, below(target, os.path.basename(source.rstrip("/")) or "/")
    elif (
        "T" in options
        and process.files.kind(target) == "directory"
        and process.files.kind(operands[0]) not in ("directory", "")
    ):
        raise Failure(f"'{target}' is a directory")
    else:
        yield operands[0], target


def cp(process: Process) -> int:
    """cp SOURCE DEST, cp SOURCE... DIRECTORY."""
    options = parse(process.arguments, "arRPLHpfinlsTuvdt:", _LONG_COPY, least=1)
    if len(options.operands) + ("t" in options) < 2:
        raise Usage("")
    copy = _Copy(process, options)
    done = [copy.copy(source, target, top=True) for source, target in _pairs(process, options)]
    return int(not all(done))


_LONG_COPY = {
    "archive": "a",
    "recursive": "r",
    "preserve": "p",
    "force": "f",
    "interactive": "i",
    "no-clobber": "n",
    "link": "l",
    "symbolic-link": "s",
    "dereference": "L",
    "no-dereference": "P",
    "verbose": "v",
    "update": "u",
    "target-directory": "t",
    "no-target-directory": "T",
    "reflink": "q",
}


class _Copy:
    """Copies as `cp` does, file by file; hard links stay hard links with -a."""

    def __init__(self, process: Process, options: Options) -> None:
        self.process, self.options, self.files = process, options, process.files
        self.recursive = any(letter in options for letter in "arR")
        self.keep = "a" in options or "p" in options
        self.links = options.last("PLHda" + ("rR" if options.last("PLHda") == "" else ""))
        self.copied: dict[int, str] = {}
        self.made: set[int] = set()

    def follows(self, top: bool) -> bool:
        return self.links in ("", "L") or (self.links == "H" and top)

    def copy(self, source: str, target: str, top: bool = False) -> bool:
        """One file or tree; whether it was copied."""
        try:
            stat = self.files.stat(source, self.follows(top))
        except OSError as error:
            why = "Path has non-directory component" if error.errno == errno.ENOTDIR else error.strerror
            self.process.complain(f"can't stat '{source}': {why}")
            return False
        there = self.files.kind(target, follow=False)
        if there and self.files.stat(target).ino == stat.ino and self.files.kind(target):
            self.process.complain(f"'{source}' and '{target}' are the same file")
            return False
        if stat.kind == "directory":
            return self._tree(source, target, stat.ino)
        if there and not self._over(source, target):
            return True
        if "v" in self.options:
            self.process.print(f"'{source}' -> '{target}'\n")
        if there and self.files.kind(target) == "directory":
            self.process.complain(f"can't create '{target}': Is a directory")
            return False
        return self._file(source, target, stat.kind, stat.ino, top)

    def _over(self, source: str, target: str) -> bool:
        if "n" in self.options:
            return False
        if "u" in self.options and self.files.stat(source).mtime <= self.files.stat(target).mtime:
            return False
        return "i" not in self.options or asked(self.process, f"overwrite '{target}'")

    def _tree(self, source: str, target: str, number: int) -> bool:
        if not self.recursive:
            self.process.complain(f"omitting directory '{source}'")
            return False
        if number in self.made:
            self.process.complain(f"recursion detected, omitting directory '{source}'")
            return False
        there = self.files.kind(target)
        if there and there != "directory":
            self.process.complain(f"target '{target}' is not a directory")
            return False
        stat = self.files.stat(source)
        if not there:
            try:
                self.files.mkdir(target, 0o777)
            except OSError as error:
                self.process.complain(f"can't create directory '{target}': {error.strerror}")
                return False
        self.made.add(self.files.stat(target).ino)
        done = [self.copy(below(source, name), below(target, name)) for name in self.files.listed(source)]
        if not there:
            self.files.chmod(target, stat.mode if self.keep else stat.mode & ~self.files.mask)
        self._attributes(source, target)
        return all(done)

    def _file(self, source: str, target: str, kind: str, number: int, top: bool) -> bool:
        try:
            if "l" in self.options or (self.keep and number in self.copied):
                self._replaced(target)
                self.files.link(self.copied.get(number, source), target)
            elif "s" in self.options:
                self._replaced(target)
                self.files.symlink(source, target)
            elif kind == "symlink":
                self._replaced(target)
                self.files.symlink(self.files.readlink(source), target)
            elif kind == "device" and self.recursive:
                stat = self.files.stat(source)
                self.files.mount.mknod(self.files.path(target), stat.mode, stat.rdev)
            else:
                self._data(source, target)
        except OSError as error:
            self.process.complain(f"can't create '{target}': {error.strerror}")
            return False
        self.copied[number] = target
        self._attributes(source, target)
        return True

    def _replaced(self, target: str) -> None:
        if self.files.exists(target, follow=False) and not {"f", "a", "d", "P", "r", "R"}.isdisjoint(
            self.options.values
        ):
            self.files.unlink(target)

    def _data(self, source: str, target: str) -> None:
        if target.endswith("/"):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        reading = self.files.open(source)
        new = not self.files.exists(target)
        try:
            mode = self.files.stat(source).mode & 0o7777
            writing = self.files.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode if new else 0o666)
            try:
                while transfer(reading, writing, PIECE):
                    self.process.step()
            finally:
                writing.close()
        finally:
            reading.close()

    def _attributes(self, source: str, target: str) -> None:
        if not self.keep or "l" in self.options or "s" in self.options:
            return
        stat = self.files.stat(source, follow=False)
        follow = stat.kind != "symlink"
        self.files.chown(target, stat.uid, stat.gid, follow)
        if follow:
            self.files.chmod(target, stat.mode)
        self.files.utime(target, stat.mtime, follow)


def mv(process: Process) -> int:
    """mv SOURCE DEST, mv SOURCE... DIRECTORY; across a union's layers it copies, as mv does after EXDEV."""
    options = parse(
        process.arguments,
        "finTuvt:",
        {
            "force": "f",
            "interactive": "i",
            "no-clobber": "n",
            "verbose": "v",
            "target-directory": "t",
            "no-target-directory": "T",
        },
        least=1,
    )
    if len(options.operands) + ("t" in options) < 2:
        raise Usage("")
    failed = False
    for source, target in _pairs(process, options):
        exists = process.files.exists(target, follow=False)
        if exists and "n" in options:
            continue
        if exists and "i" in options and not asked(process, f"overwrite '{target}'"):
            continue
        failed |= not _move(process, source, target)
        if not failed and "v" in options:
            process.print(f"'{source}' -> '{target}'\n")
    return int(failed)


def _move(process: Process, source: str, target: str) -> bool:
    try:
        process.files.rename(source.rstrip("/") or "/", target.rstrip("/") or "/")
    except OSError as error:
        if error.errno != errno.EXDEV:
            process.complain(f"can't rename '{source}': {error.strerror}")
            return False
        if not _Copy(process, parse(["-a", source, target], "a")).copy(source, target, top=True):
            return False
        return remove(process, source, force=True, recursive=True, ask=False, tell=False)
    return True


COMMANDS = {
    "cp": Command(cp, "[-arPLHpfinlsTu] SOURCE DEST"),
    "mv": Command(mv, "[-finT] SOURCE DEST"),
}
