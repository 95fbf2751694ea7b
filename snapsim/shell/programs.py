"""Programs: how a name becomes something that runs, and what becomes of its errors.

A program is a command of the registry, or a script in the mount. A command needs no file of its own, as with a busybox
that has its applets inside; a script has to be there and to be executable. A binary of an image that the registry does
not know is "not found".

What it leaves out: the I/O of loading a binary, and set-user-id.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from snapsim.shell.process import Command, Failure, Process, Usage, WriteFailure
from snapsim.shell.streams import Input, Stream
from snapsim.shell.tasks import BrokenPipe
from snapsim.shell.world import Files

if TYPE_CHECKING:
    from snapsim.shell.interpreter import Interpreter

BANNER = "snapsim's shell, after BusyBox v1.35.0"
_FOLDERS = ("/bin", "/usr/bin", "/sbin", "/usr/sbin")


def run(
    shell: Interpreter,
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> int:
    """Run a program for a shell.

    Parameters
    ----------
    shell : Interpreter
        Gives the descriptors, the directory and, when left out, the environment.
    words : sequence of str
        Its name or path, and its arguments.
    environment : mapping of str to str, optional
    stdin : bytes, optional
        Standard input, in place of the shell's.

    Returns
    -------
    int
        Its exit status; 127 for what is not found, 126 for what may not be run.
    """
    name = words[0]
    if environment is None:
        environment = {key: shell.variables[key] for key in shell.exported if key in shell.variables}
    streams = shell.streams if stdin is None else {**shell.streams, 0: Input(stdin)}
    path = find(shell, name)
    command = shell.session.commands.get(os.path.basename(name) if path or "/" not in name else "")
    if "/" not in name and command:
        return _start(shell, command, words, environment, streams)
    text = _script(shell, path) if path else None
    if text is not None:
        return shell.fresh(environment, streams, path, words[1:], script=True).run_script(text)
    if path and command:
        return _start(shell, command, words, environment, streams)
    denied = not path and "/" in name and shell.files.kind(name) != ""
    shell.complain(f"{name}: {'Permission denied' if denied else 'not found'}")
    return 126 if denied else 127


def find(shell: Interpreter, name: str) -> str:
    """The path of a program; empty for what is not found."""
    known = shell.session.commands
    if "/" in name:
        there = os.path.dirname(name) in _FOLDERS and os.path.basename(name) in known
        return name if _may_run(shell, name) or (there and not shell.files.exists(name)) else ""
    for folder in (shell.get("PATH") or "").split(":"):
        path = f"{folder or '.'}/{name}"
        if _may_run(shell, path):
            return path
    return f"/bin/{name}" if name in known else ""


def _may_run(shell: Interpreter, path: str) -> bool:
    return shell.files.kind(path) == "file" and bool(shell.files.stat(path).mode & 0o111)


def _script(shell: Interpreter, path: str) -> str | None:
    """The text of a script; None for another kind of program."""
    if shell.files.kind(path) != "file":
        return None
    stream = shell.files.open(path)
    head = stream.read(256)
    stream.close()
    interpreter = head.partition(b"\n")[0].split()
    if b"\0" in head or (head.startswith(b"#!") and not interpreter[0].endswith((b"sh", b"env"))):
        return None
    return shell.text_of(path)


def _spawn(
    shell: Interpreter,
    streams: Mapping[int, Stream],
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> int:
    """A program for another one, such as ``env`` or ``xargs``: built-ins and functions of the shell are none."""
    child = shell.fork(streams)
    return child.isolated(lambda: child.program(words, environment, stdin))


def _start(
    shell: Interpreter,
    command: Command,
    words: Sequence[str],
    environment: Mapping[str, str],
    streams: Mapping[int, Stream],
) -> int:
    """A command of the registry, from its arguments to its exit status."""
    label = "sh" if command.builtin else os.path.basename(words[0])
    process = Process(
        label,
        list(words[1:]),
        dict(environment),
        Files(shell.session.world, shell.files.directory, shell.files.mask),
        streams,
        partial(_spawn, shell, streams),
        shell.session.step,
        shell.find,
        partial(shell.fresh, environment, streams),
    )
    try:
        status = command.run(process)
        process.flush()
        return status
    except Usage as usage:
        _flush(process)
        if str(usage):
            process.complain(str(usage))
        process.error(f"{BANNER}.\n\nUsage: {words[0]} {command.usage}\n")
        return command.usage_status
    except Failure as failure:
        _flush(process)
        process.complain(str(failure))
        return failure.status
    except WriteFailure as failure:
        process.complain(f"write error: {failure}")
        return 1
    except OSError as error:
        _flush(process)
        process.complain(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
        return 1
    except BrokenPipe:
        if command.builtin:  # it is the shell itself that writes, and it ends
            raise
        return 141


def _flush(process: Process) -> None:
    """What was printed before an error."""
    try:
        process.flush()
    except WriteFailure as failure:
        process.complain(f"write error: {failure}")
