"""chmod, chown, chgrp, and modes in letters.

What it leaves out: the difference that -H, -L and -P make to links on the way.
"""

import re
from collections.abc import Callable

from snapsim.shell.commands.paths import below
from snapsim.shell.process import Command, Failure, Options, Process, parse

_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)")


_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007}


_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}


def changed_mode(text: str, mode: int, directory: bool, mask: int) -> int:
    """What chmod(1) makes of a mode.

    Raises
    ------
    Failure
        ``invalid mode '...'``

    Examples
    --------
    >>> [oct(changed_mode(text, 0o644, False, 0o022)) for text in ("755", "u+x,go=", "+x", "g=u")]
    ['0o755', '0o700', '0o755', '0o664']
    """
    if re.fullmatch("[0-7]{1,4}", text):
        return int(text, 8)
    for clause in text.split(","):
        found = _CLAUSE.fullmatch(clause)
        if not found:
            raise Failure(f"invalid mode '{text}'")
        who = found.group(1).replace("a", "ugo")
        reach = sum({_WHO[letter] for letter in who}) if who else 0o7777 & ~mask
        if who and "t" in clause:
            reach |= 0o1000
        for operator, letters in re.findall(r"([-+=])([rwxXstugo]*)", found.group(2)):
            if operator == "=":
                mode &= ~(reach & 0o777 if directory else reach)
            bits = _mode_bits(letters, mode, directory) & reach
            mode = mode & ~bits if operator == "-" else mode | bits
    return mode


def _mode_bits(letters: str, mode: int, directory: bool) -> int:
    if letters in ("u", "g", "o"):
        three = mode >> {"u": 6, "g": 3, "o": 0}[letters] & 7
        return three << 6 | three << 3 | three
    runs = directory or mode & 0o111
    return sum(_BITS.get(letter, 0o111 if runs else 0) for letter in set(letters.replace("X", "x" if runs else "")))


def chmod(process: Process) -> int:
    """chmod MODE FILE..."""
    arguments = list(process.arguments)
    mode = next((each for each in arguments if re.fullmatch(r"-[rwxXst]+", each)), "")
    if mode:
        arguments[arguments.index(mode)] = "a" + mode  # "-x" is a mode, not an option
    options = parse(arguments, "Rcvf", {"recursive": "R", "verbose": "v", "changes": "c", "quiet": "f"}, least=2)
    mode = options.operands.pop(0).removeprefix("a") if mode else options.operands.pop(0)

    def change(path: str) -> None:
        stat = process.files.stat(path)
        new = changed_mode(mode, stat.mode, stat.kind == "directory", process.files.mask)
        process.files.chmod(path, new)
        if "v" in options or ("c" in options and new != stat.mode):
            process.print(f"mode of '{path}' changed to {new:04o} ({mode_letters('file', new)[1:]})\n")

    return _each(process, options, change, links=False)


def chown(process: Process) -> int:
    """chown USER[:GROUP] FILE..."""
    options = parse(process.arguments, "RhLHPcvf", {"recursive": "R", "no-dereference": "h", "verbose": "v"}, least=2)
    owner = options.operands.pop(0)
    user, colon, group = owner.partition(":") if ":" in owner else owner.partition(".")
    uid = _number(process, "/etc/passwd", user, "user") if user else -1
    if colon and not group and user:
        gid = process.world.identity(user)[1] if uid in process.world.names("/etc/passwd") else uid
    else:
        gid = _number(process, "/etc/group", group, "group") if group else -1
    return _each(process, options, lambda path: _give(process, path, uid, gid, "h" not in options), links=True)


def chgrp(process: Process) -> int:
    """chgrp GROUP FILE..."""
    options = parse(process.arguments, "RhLHPcvf", {"recursive": "R", "no-dereference": "h", "verbose": "v"}, least=2)
    gid = _number(process, "/etc/group", options.operands.pop(0), "group")
    return _each(process, options, lambda path: _give(process, path, -1, gid, "h" not in options), links=True)


def _number(process: Process, file: str, name: str, word: str) -> int:
    found = process.world.number(file, name)
    if found is None:
        raise Failure(f"unknown {word} {name}")
    return found


def _give(process: Process, path: str, uid: int, gid: int, follow: bool) -> None:
    stat = process.files.stat(path, follow)
    process.files.chown(path, stat.uid if uid < 0 else uid, stat.gid if gid < 0 else gid, follow)


def _each(process: Process, options: Options, change: Callable[[str], None], links: bool) -> int:
    """Change files, and with -R what lies below; symbolic links on the way are not followed."""

    def walk(path: str, top: bool) -> bool:
        kind = process.files.kind(path, follow=False)
        if kind == "symlink" and not top and not links:
            return True
        with process.complaining(path=path) as wrong:
            change(path)
        done = not wrong or "f" in options
        if "R" in options and kind == "directory":
            inside = [walk(below(path, name), False) for name in process.files.listed(path)]
            done = done and all(inside)
        return done

    done = [walk(path, True) for path in options.operands]
    return int(not all(done))


def mode_letters(kind: str, mode: int) -> str:
    """A mode as ls(1) shows it.

    >>> mode_letters("directory", 0o1755), mode_letters("file", 0o4644)
    ('drwxr-xr-t', '-rwSr--r--')
    """
    letters = [{"directory": "d", "symlink": "l", "device": "c"}.get(kind, "-")]
    for shift, special, on, off in ((6, 0o4000, "s", "S"), (3, 0o2000, "s", "S"), (0, 0o1000, "t", "T")):
        three = mode >> shift & 7
        letters += ["r" if three & 4 else "-", "w" if three & 2 else "-"]
        letters.append((on if three & 1 else off) if mode & special else "x" if three & 1 else "-")
    return "".join(letters)


COMMANDS = {
    "chmod": Command(chmod, "[-Rcvf] MODE[,MODE]... FILE..."),
    "chown": Command(chown, "[-RhLHPcvf]... USER[:[GRP]] FILE..."),
    "chgrp": Command(chgrp, "[-RhLHPcvf]... GROUP FILE..."),
}
