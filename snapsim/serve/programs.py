"""What a process of a container runs: a program of its image, found along PATH, carried out by the simulated shell.

A program is a file that can be executed. What it does is known by its name: the commands of `snapsim.shell`. A file
that begins with ``#!`` is a script. Anything else is in the image and not simulated.

What it leaves out: programs of other images, and environment that a program changes for others.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from snapsim.serve.errors import Refused
from snapsim.serve.processes import Process
from snapsim.serve.terminal import Terminal
from snapsim.shell import Command, Shell, StillRunning

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START = "unable to start container process: "
_CREATE = f"failed to create shim task: OCI runtime create failed: runc create failed: {_START}"
_EXEC = f"OCI runtime exec failed: exec failed: {_START}"


@dataclass
class Context:
    """Where a program runs: its tree, environment, directory, user, terminal or not, clock, more commands."""

    mount: Any
    env: dict[str, str]
    cwd: str = "/"
    user: str = ""
    tty: bool = False
    clock: Any = None
    commands: Mapping[str, Command] = field(default_factory=dict)


class NotStarted(Refused):
    """A program that cannot be started; `code` is the exit status that Docker gives the container."""

    def __init__(self, reason: str, code: int, exec: bool) -> None:
        super().__init__(400, f"{_EXEC if exec else _CREATE}exec: {reason}: unknown")
        self.code = code


def environment(config: Mapping[str, Any], hostname: str, tty: bool) -> dict[str, str]:
    """The environment of a container's first process."""
    env = {"PATH": PATH, "HOSTNAME": hostname, **({"TERM": "xterm"} if tty else {})}
    for item in config.get("Env") or ():
        name, equals, value = item.partition("=")
        if equals:
            env[name] = value
    return {**env, "HOME": env.get("HOME", "/root")}


def find(context: Context, word: str, exec: bool = False) -> str:
    """The path of the program that a word names; `NotStarted`, in runc's words, where it cannot be run."""
    if "/" in word:
        path = posixpath.normpath(posixpath.join(context.cwd, word))
        if not context.mount.exists(path):
            raise NotStarted(f'"{word}": stat {word}: no such file or directory', 127, exec)
        if not _runnable(context, path):
            raise NotStarted(f'"{word}": permission denied', 126, exec)
        return path
    for directory in context.env.get("PATH", PATH).split(":"):
        path = posixpath.join(directory or ".", word)
        if word and context.mount.exists(path) and _runnable(context, path):
            return path
    raise NotStarted(f'"{word}": executable file not found in $PATH', 127, exec)


def _runnable(context: Context, path: str) -> bool:
    stat = context.mount.stat(path)
    return bool(stat.kind == "file" and stat.mode & 0o111)


def check(context: Context, words: Sequence[str], exec: bool = False) -> None:
    """Refuse what cannot be started, before anything of it is seen."""
    if not words:
        raise Refused(400, "No command specified")
    find(context, words[0], exec)


# -------------------------------------------------------------------- carrying it out


def shell_of(context: Context, sleep: Callable[[float], None] | None = None) -> Shell:
    """The simulated shell of a context; LookupError, in Docker's words, where its user is unknown.

    Without `sleep` the clock of the files goes on, and no time passes.
    """
    name = context.env.get("HOSTNAME", "")
    return Shell(
        context.mount,
        context.env,
        context.cwd,
        context.user,
        context.commands,
        clock=context.clock,
        hostname=name,
        sleep=sleep,
    )


def carry_out(process: Process, words: Sequence[str], context: Context) -> int:
    """Run a program to its end, with the process's input and output; returns its exit status."""
    try:
        shell = shell_of(context, process.sleep)
    except LookupError as error:  # no such user, in Docker's words
        process.write(2, f"{error}\n".encode())
        return 126
    source = _Lines(process) if context.tty else _Input(process)
    streams = {"out": partial(process.write, 1), "err": partial(process.write, 2)}
    try:
        if context.tty and _is_prompt(words):
            return _prompt(shell, source, process, context)
        return shell.run(list(words), stdin=source, **streams)
    except StillRunning:
        process.sleep(float("inf"))
        return 0


def _is_prompt(words: Sequence[str]) -> bool:
    """A shell without a script, on a terminal: it asks for commands."""
    return posixpath.basename(words[0]) == "sh" and all(word in ("-i", "-l") for word in words[1:])


class _Input:
    """Standard input as the shell reads it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def read(self, size: int, /) -> bytes:
        return self._process.read(size)


class _Lines:
    """Standard input from a terminal: whole lines, as they are typed."""

    def __init__(self, process: Process) -> None:
        self._process, self._lines = process, list[bytes]()
        self._terminal = Terminal(lambda shown: process.write(0, shown))

    def read(self, size: int, /) -> bytes:
        while not self._lines:
            keys = self._process.read(4096)
            if not keys:
                return b""
            self._lines += self._terminal.typed(keys)
        return self._lines.pop(0)


def _prompt(shell: Shell, source: Any, process: Process, context: Context) -> int:
    """A shell that asks: a line, its commands, the next line, up to ``exit`` or the end of the input."""
    text = ""
    while not shell.exited:
        process.write(
            1, b"> " if text else f"{shell.cwd} {'#' if context.user in ('', 'root', '0') else '$'} ".encode()
        )
        line = source.read(4096)
        if not line:
            process.write(1, b"\n")
            break
        text += line.decode("utf-8", "surrogateescape")
        if shell.complete(text):
            try:
                shell.run(text, stdin=source, out=partial(process.write, 1), err=partial(process.write, 2))
            except StillRunning:
                process.sleep(float("inf"))
            text = ""
    return shell.status
