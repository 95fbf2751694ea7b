"""The commands that only the shell itself can have, since they change its state.

Each takes the interpreter and its arguments, and returns the exit status. `SPECIAL` are POSIX's special built-ins: an
error in one of them ends a script.

What it leaves out: ``trap`` (there are no signals), jobs, ``alias``, ``ulimit``, ``getopts``.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from snapsim.shell.control import Break, Complaint, Continue, Exit, Return
from snapsim.shell.parser import NAME
from snapsim.shell.process import decoded
from snapsim.shell.streams import Null

if TYPE_CHECKING:
    from snapsim.shell.interpreter import Interpreter

Builtin = Callable[["Interpreter", list[str]], int]
_LETTERS = {
    "errexit": "e",
    "xtrace": "x",
    "nounset": "u",
    "noglob": "f",
    "noexec": "n",
    "verbose": "v",
    "noclobber": "C",
    "allexport": "a",
    "pipefail": "P",
}


def _colon(shell: Interpreter, arguments: list[str]) -> int:
    return 0


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise Complaint(f"Illegal number: {text}")
    return int(text)


def _break(shell: Interpreter, arguments: list[str]) -> int:
    return _leave(shell, arguments, Break)


def _continue(shell: Interpreter, arguments: list[str]) -> int:
    return _leave(shell, arguments, Continue)


def _leave(shell: Interpreter, arguments: list[str], how: type[Break] | type[Continue]) -> int:
    loops = _number(arguments[0]) if arguments else 1
    if loops < 1:
        raise Complaint(f"Illegal number: {arguments[0]}")
    if not shell.loops:
        return 0
    raise how(min(loops, shell.loops))


def _return(shell: Interpreter, arguments: list[str]) -> int:
    raise Return(_number(arguments[0]) % 256 if arguments else shell.status)


def _exit(shell: Interpreter, arguments: list[str]) -> int:
    raise Exit(_number(arguments[0]) % 256 if arguments else shell.status)


def _cd(shell: Interpreter, arguments: list[str]) -> int:
    operands = [argument for argument in arguments if argument not in ("-P", "-L", "--")]
    target = operands[0] if operands else shell.get("HOME") or "/"
    if target == "-":
        target = shell.get("OLDPWD") or shell.files.directory
        shell.write(1, target + "\n")
    path = os.path.normpath(shell.files.path(target)) if target else shell.files.directory
    path = "/" + path.lstrip("/")
    try:
        if shell.files.stat(path).kind != "directory":
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as error:
        raise Complaint(f"can't cd to {target}: {error.strerror}") from None
    shell.put("OLDPWD", shell.files.directory)
    shell.change_directory(path)
    return 0


def _pwd(shell: Interpreter, arguments: list[str]) -> int:
    shell.write(1, shell.files.directory + "\n")
    return 0


def _eval(shell: Interpreter, arguments: list[str]) -> int:
    return shell.run_text(" ".join(arguments), shell.line)


def _source(shell: Interpreter, arguments: list[str]) -> int:
    if not arguments:
        raise Complaint("filename argument required")
    name = arguments[0]
    path = name
    if "/" not in name:
        folders = [f"{folder or '.'}/{name}" for folder in (shell.get("PATH") or "").split(":")]
        path = next((each for each in folders if shell.files.kind(each) == "file"), "")
    try:
        text = shell.text_of(path or name)
    except OSError as error:
        raise Complaint(f"can't open '{name}': {error.strerror}" if "/" in name else f"{name}: not found") from None
    if not path:
        raise Complaint(f"{name}: not found")
    return shell.source(name, text, arguments[1:])


def _exec(shell: Interpreter, arguments: list[str]) -> int:
    if not arguments:
        return 0
    raise Exit(shell.program(arguments))


def _export(shell: Interpreter, arguments: list[str]) -> int:
    return _mark(shell, arguments, shell.exported, "export")


def _readonly(shell: Interpreter, arguments: list[str]) -> int:
    return _mark(shell, arguments, shell.readonly, "readonly")


def _mark(shell: Interpreter, arguments: list[str], marked: set[str], word: str) -> int:
    if not arguments or arguments == ["-p"]:
        for name in sorted(marked):
            value = shell.variables.get(name)
            shell.write(1, f"{word} {name}\n" if value is None else f"{word} {name}={in_quotes(value)}\n")
        return 0
    remove = arguments[0] == "-n"
    for argument in arguments[1:] if remove else arguments:
        name, equals, value = argument.partition("=")
        if not NAME.fullmatch(name):
            raise Complaint(f"{argument}: bad variable name")
        if equals:
            shell.put(name, value)
        if remove:
            marked.discard(name)
        else:
            marked.add(name)
    return 0


def _local(shell: Interpreter, arguments: list[str]) -> int:
    if not shell.frames:
        raise Complaint("not in a function")
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not NAME.fullmatch(name):
            raise Complaint(f"{argument}: bad variable name")
        shell.frames[-1].setdefault(name, shell.variables.get(name))
        if equals:
            shell.put(name, value)
    return 0


def _unset(shell: Interpreter, arguments: list[str]) -> int:
    functions = arguments[:1] == ["-f"]
    for name in arguments[1:] if arguments[:1] in (["-f"], ["-v"]) else arguments:
        if functions:
            shell.functions.pop(name, None)
            continue
        if not NAME.fullmatch(name):
            raise Complaint(f"{name}: bad variable name")
        shell.check_writable(name)
        shell.variables.pop(name, None)
        shell.exported.discard(name)
    return 0


def _set(shell: Interpreter, arguments: list[str]) -> int:
    if not arguments:
        for name in sorted(shell.variables):
            shell.write(1, f"{name}={in_quotes(shell.variables[name])}\n")
        return 0
    rest = list(arguments)
    while rest and rest[0][:1] in "-+" and len(rest[0]) > 1:
        argument = rest.pop(0)
        if argument == "--":
            shell.arguments = rest
            return 0
        for letter in argument[1:]:
            if letter == "o":
                if not rest:
                    return 0
                name = rest.pop(0)
                if name not in _LETTERS:
                    raise Complaint(f"illegal option {argument[0]}o {name}")
                letter = _LETTERS[name]
            elif letter not in _LETTERS.values():
                raise Complaint(f"illegal option {argument[0]}{letter}")
            shell.flags.add(letter) if argument[0] == "-" else shell.flags.discard(letter)
    if rest:
        shell.arguments = rest
    return 0


def _shift(shell: Interpreter, arguments: list[str]) -> int:
    count = _number(arguments[0]) if arguments else 1
    if count > len(shell.arguments):
        return 1
    shell.arguments = shell.arguments[count:]
    return 0


def _read(shell: Interpreter, arguments: list[str]) -> int:
    raw, names = False, list(arguments)
    while names and names[0].startswith("-") and len(names[0]) > 1:
        option = names.pop(0)
        if option == "--":
            break
        if option == "-p" and names:
            shell.write(2, names.pop(0))
        elif option == "-r":
            raw = True
        else:
            raise Complaint(f"illegal option {option}")
    for name in names:
        if not NAME.fullmatch(name):
            raise Complaint(f"{name}: bad variable name")
    line, ended = _line(shell, raw)
    names = names or ["REPLY"]
    for name, value in zip(names, _cut(line, len(names), shell.get("IFS")), strict=True):
        shell.put(name, value)
    return 0 if ended else 1


def _line(shell: Interpreter, raw: bool) -> tuple[list[tuple[str, bool]], bool]:
    """Characters and whether a backslash quoted them, and whether the line was ended."""
    found: list[tuple[str, bool]] = []
    stream = shell.streams.get(0, Null())
    while True:
        try:
            text = decoded(stream.read_line())
        except OSError:  # a directory: ash says nothing, and there was no line
            return found, False
        ended = text.endswith("\n")
        text = text[:-1] if ended else text
        if raw:
            return [*found, *((character, False) for character in text)], ended
        goes_on = ended and len(text) - len(text.rstrip("\\")) & 1
        text = text[:-1] if goes_on else text
        found += [(part[-1], len(part) == 2) for part in re.findall(r"\\.|[^\\]", text, re.DOTALL)]
        if not goes_on:
            return found, ended


def _cut(line: list[tuple[str, bool]], count: int, given: str | None) -> list[str]:
    """The values of so many variables: the last one takes all that is left."""
    ifs = " \t\n" if given is None else given
    cuts = [character in ifs and not quoted for character, quoted in line]
    blank = [cut and character in " \t\n" for cut, (character, _) in zip(cuts, line, strict=True)]
    at, end = 0, len(line)
    while at < end and blank[at]:
        at += 1
    while end > at and blank[end - 1]:
        end -= 1
    values: list[str] = []
    while len(values) < count - 1:
        start = at
        while at < end and not cuts[at]:
            at += 1
        values.append("".join(character for character, _ in line[start:at]))
        while at < end and blank[at]:
            at += 1
        if at < end and cuts[at] and not blank[at]:
            at += 1
            while at < end and blank[at]:
                at += 1
    rest = line[at:end]
    if rest and cuts[end - 1] and not any(cuts[at : end - 1]):  # "a:" leaves "a", and "a:b:" leaves "a:b:"
        rest = rest[:-1]
    return [*values, "".join(character for character, _ in rest)]


def _command(shell: Interpreter, arguments: list[str]) -> int:
    if arguments[:1] in (["-v"], ["-V"]):
        found = 0
        for name in arguments[1:]:
            found |= _describe(shell, name, verbose=arguments[0] == "-V")
        return found
    rest = [argument for argument in arguments if argument != "-p"] if arguments[:1] == ["-p"] else arguments
    if not rest:
        return 0
    if rest[0] in BUILTINS:
        return BUILTINS[rest[0]](shell, rest[1:])
    return shell.program(rest)


def _type(shell: Interpreter, arguments: list[str]) -> int:
    return max((_describe(shell, name, verbose=True) for name in arguments), default=0)


def _describe(shell: Interpreter, name: str, verbose: bool) -> int:
    if name in BUILTINS or (name in shell.session.commands and shell.session.commands[name].builtin):
        special = "special " if name in SPECIAL else ""
        shell.write(1, f"{name} is a {special}shell builtin\n" if verbose else f"{name}\n")
    elif name in shell.functions:
        shell.write(1, f"{name} is a function\n" if verbose else f"{name}\n")
    elif name in shell.session.commands or shell.find(name):
        path = shell.find(name) or name
        shell.write(1, f"{name} is {path}\n" if verbose else f"{path}\n")
    else:
        if verbose:
            shell.write(1, f"{name}: not found\n")
        return 127
    return 0


def _umask(shell: Interpreter, arguments: list[str]) -> int:
    if not arguments:
        shell.write(1, f"{shell.files.mask:04o}\n")
        return 0
    if not re.fullmatch("[0-7]{1,4}", arguments[0]):
        raise Complaint(f"illegal mode: {arguments[0]}")
    shell.files.mask = int(arguments[0], 8)
    return 0


def _wait(shell: Interpreter, arguments: list[str]) -> int:
    return 0  # nothing runs in the background


def _trap(shell: Interpreter, arguments: list[str]) -> int:
    raise Complaint("signals are not simulated")


def in_quotes(text: str) -> str:
    """Text in single quotes, as the shell would read it again.

    >>> print(in_quotes("it's"))
    'it'"'"'s'
    """
    return "'" + text.replace("'", "'\"'\"'") + "'"


SPECIAL: dict[str, Builtin] = {
    ":": _colon,
    ".": _source,
    "source": _source,
    "break": _break,
    "continue": _continue,
    "eval": _eval,
    "exec": _exec,
    "exit": _exit,
    "export": _export,
    "readonly": _readonly,
    "return": _return,
    "set": _set,
    "shift": _shift,
    "trap": _trap,
    "unset": _unset,
}
BUILTINS: dict[str, Builtin] = {
    **SPECIAL,
    "cd": _cd,
    "command": _command,
    "local": _local,
    "pwd": _pwd,
    "read": _read,
    "type": _type,
    "umask": _umask,
    "wait": _wait,
}
