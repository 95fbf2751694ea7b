"""Commands that make and remove files: rm, mkdir, rmdir, ln, touch, truncate.

What it leaves out: questions (``-i`` asks on standard error and takes standard input's word), backups, SELinux.
"""

import errno
import os

from snapsim.shell.commands.dates import moment
from snapsim.shell.commands.modes import changed_mode
from snapsim.shell.commands.paths import asked, below
from snapsim.shell.process import Command, Failure, Process, Usage, number, parse

# ---------------------------------------------------------------- cp and mv


# ---------------------------------------------------------------- rm, rmdir, mkdir


def rm(process: Process) -> int:
    """rm FILE..."""
    options = parse(process.arguments, "irRfv", {"recursive": "r", "force": "f", "interactive": "i", "verbose": "v"})
    if not options.operands and "f" not in options:
        raise Usage("")
    done = []
    for operand in options.operands:
        path = operand.rstrip("/") or "/"
        name = os.path.basename(path)
        if name in (".", ".."):
            process.complain("can't remove '.' or '..'")
            done.append(False)
            continue
        done.append(
            remove(
                process,
                path,
                "f" in options,
                "r" in options or "R" in options,
                options.last("if") == "i",
                "v" in options,
            )
        )
    return int(not all(done))


def remove(process: Process, path: str, force: bool, recursive: bool, ask: bool, tell: bool) -> bool:
    """Remove a file, or a tree; whether nothing is left of it."""
    files = process.files
    try:
        kind = files.stat(path.rstrip("/") or "/", follow=False).kind
    except OSError as error:
        if force and error.errno in (errno.ENOENT, errno.ENOTDIR):
            return True
        process.complain(f"can't remove '{path}': {error.strerror}")
        return False
    try:
        if kind != "directory":
            if ask and not asked(process, f"remove '{path}'"):
                return True
            files.unlink(path)
        else:
            if not recursive:
                process.complain(f"'{path}' is a directory")
                return False
            if ask and not asked(process, f"descend into directory '{path}'"):
                return True
            done = [remove(process, below(path, name), force, True, ask, tell) for name in files.listed(path)]
            if not all(done):
                return False
            if ask and not asked(process, f"remove directory '{path}'"):
                return True
            files.rmdir(path.rstrip("/") or "/")
    except OSError as error:
        process.complain(f"can't remove '{path}': {error.strerror}")
        return False
    if tell:
        process.print(f"removed {'directory: ' if kind == 'directory' else ''}'{path}'\n")
    return True


def rmdir(process: Process) -> int:
    """rmdir DIRECTORY..."""
    options = parse(process.arguments, "pv", {"parents": "p", "verbose": "v", "ignore-fail-on-non-empty": "v"}, least=1)
    failed = False
    for path in options.operands:
        while path:
            with process.complaining(about="'{}'", path=path) as wrong:
                process.files.rmdir(path)
            failed |= bool(wrong)
            path = os.path.dirname(path.rstrip("/")) if "p" in options and not wrong else ""
            path = "" if path in ("/", ".") else path
    return int(failed)


def mkdir(process: Process) -> int:
    """mkdir DIRECTORY..."""
    options = parse(process.arguments, "m:pv", {"mode": "m", "parents": "p", "verbose": "v"}, least=1)
    wanted = changed_mode(options.get("m"), 0o777, True, process.files.mask) if "m" in options else None
    failed = False
    for path in options.operands:
        failed |= not _make_directory(process, path, "p" in options, wanted, "v" in options)
    return int(failed)


def _make_directory(process: Process, path: str, parents: bool, mode: int | None, tell: bool) -> bool:
    files = process.files
    if parents:
        at = 0
        while (at := path.find("/", at + 1)) > 0:
            head = path[:at]
            if not head.strip("/") or not path[at:].strip("/"):
                continue
            kind = files.kind(head)
            if kind != "directory" and not _make_directory(process, head + "/", False, None, tell):
                return False
        if files.kind(path) == "directory":
            return True
    with process.complaining(about="can't create directory '{}'", path=path) as wrong:
        bare = path.rstrip("/") or "/"
        if path.endswith("/") and files.kind(bare) == "file":
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        files.mkdir(bare)
        if mode is not None:
            files.chmod(bare, mode)
    if tell and not wrong:
        process.print(f"created directory: '{path}'\n")
    return not wrong


# ---------------------------------------------------------------- ln, touch, truncate


def ln(process: Process) -> int:
    """ln TARGET... LINK."""
    options = parse(
        process.arguments,
        "sfnTtv",
        {"symbolic": "s", "force": "f", "no-dereference": "n", "verbose": "v", "no-target-directory": "T"},
        least=1,
    )
    files, operands = process.files, options.operands
    place = operands.pop() if len(operands) > 1 else os.path.basename(operands[0].rstrip("/"))
    kind = files.kind(place, follow="n" not in options)
    failed = False
    if len(operands) > 1 and kind != "directory":
        raise Failure(f"'{place}' is not a directory")
    for target in operands:
        name = (
            below(place, os.path.basename(target.rstrip("/"))) if kind == "directory" and "T" not in options else place
        )
        if "s" not in options and not files.exists(target, follow=False):
            process.complain(f"{target}: No such file or directory")
            failed = True
            continue
        if "f" in options and files.exists(name, follow=False):
            with process.complaining(path=name):
                files.unlink(name)
        if "v" in options:
            process.print(f"'{name}' -> '{target}'\n")
        with process.complaining(path=name) as wrong:
            files.symlink(target, name) if "s" in options else files.link(target, name)
        failed |= bool(wrong)
    return int(failed)


def touch(process: Process) -> int:
    """touch FILE..."""
    options = parse(
        process.arguments,
        "cfhamd:t:r:",
        {"no-create": "c", "date": "d", "reference": "r", "no-dereference": "h"},
        least=1,
    )
    files, when, failed = process.files, None, False
    if "r" in options:
        when = files.stat(options.get("r")).mtime
    if "d" in options or "t" in options:
        when = moment(options.get("d") or options.get("t"), process.world.clock.now)
    for path in options.operands:
        with process.complaining(path=path) as wrong:
            follow = "h" not in options
            if files.exists(path, follow):
                files.utime(path, files.mount.fs.tick() if when is None else when, follow)
            elif "c" not in options and follow:
                files.open(path, os.O_WRONLY | os.O_CREAT).close()
                if when is not None:
                    files.utime(path, when)
        failed |= bool(wrong)
    return int(failed)


def truncate(process: Process) -> int:
    """truncate -s SIZE FILE..."""
    options = parse(process.arguments, "cs:", {"no-create": "c", "size": "s"}, least=1)
    if "s" not in options:
        raise Usage("")
    size, failed = number(options.get("s")), False
    for path in options.operands:
        if "c" in options and not process.files.exists(path):
            continue
        with process.complaining(path=path) as wrong:
            try:
                process.files.open(path, os.O_WRONLY | (0 if "c" in options else os.O_CREAT)).close()
            except OSError as error:
                raise OSError(error.errno, f"open: {error.strerror}") from None
            process.files.truncate(path, size)
        failed |= bool(wrong)
    return int(failed)


# ---------------------------------------------------------------- chmod and chown


COMMANDS = {
    "rm": Command(rm, "[-irf] FILE..."),
    "rmdir": Command(rmdir, "[-p] DIRECTORY..."),
    "mkdir": Command(mkdir, "[-m MODE] [-p] DIRECTORY..."),
    "ln": Command(ln, "[-sfnbtv] [-S SUF] TARGET... LINK|DIR"),
    "touch": Command(touch, "[-cham] [-d DATE] [-t DATE] [-r FILE] FILE..."),
    "truncate": Command(truncate, "[-c] -s SIZE FILE..."),
}
