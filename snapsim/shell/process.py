"""What a command is given, and how it reads its options: the frame of everything in `commands/`.

A command is a function that takes a `Process` and returns an exit status. It reads `process.stdin`, writes with
`process.print`, makes its system calls with `process.files`, and complains on standard error in the words of busybox.

>>> def hello(process):
...     options = parse(process.arguments, "n:")
...     process.print("hello " * int(options.get("n", "1")) + options.operands[0] + "\\n")
...     return 0
>>> COMMAND = Command(hello, "[-n N] NAME")
>>> parse(["-n2", "world", "-x"], "n:")
Traceback (most recent call last):
snapsim.shell.process.Usage: invalid option -- 'x'

What it leaves out: signals, process groups, and the ids of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from snapsim.shell.streams import PIECE, Null, Stream
from snapsim.shell.world import Files, World

if TYPE_CHECKING:
    from snapsim.shell.interpreter import Interpreter


class Failure(Exception):
    """A command ends: its complaint and its exit status."""

    def __init__(self, complaint: str, status: int = 1) -> None:
        super().__init__(complaint)
        self.status = status


class Usage(Exception):
    """Arguments that a command does not take; the complaint may be empty, then only the usage is printed."""


class WriteFailure(Exception):
    """Standard output cannot be written."""


class Command(NamedTuple):
    """An entry of the registry.

    Attributes
    ----------
    run : callable
        Takes a `Process`, returns the exit status.
    usage : str
        What stands behind the name in ``Usage: name ...``.
    usage_status : int
        The exit status for arguments that it does not take.
    builtin : bool
        The shell itself has it, so that its complaints begin with the shell's name.
    """

    run: Callable[[Process], int]
    usage: str = ""
    usage_status: int = 1
    builtin: bool = False


@dataclass
class Process:
    """A command while it runs.

    Attributes
    ----------
    name : str
        What its complaints begin with.
    arguments : list of str
        Without the name.
    environment : dict of str to str
    files : Files
        Its system calls, relative to its working directory.
    streams : dict of int to Stream
        Its open descriptors.
    spawn : callable
        Runs another program (its name and arguments) in this one's place; returns the exit status. Keywords:
        ``environment``, ``stdin``.
    step : callable
        Says that a loop of the command has gone round once more; the shell stops what has no end.
    known : callable
        Is there a program of this name? Its path, or nothing.
    shell : callable
        A new shell in this process's place: takes ``$0``, the arguments, and whether it reads a file.
    failed : bool
        Something was complained about: the exit status will be 1.
    """

    name: str
    arguments: list[str]
    environment: dict[str, str]
    files: Files
    streams: Mapping[int, Stream]
    spawn: Callable[..., int]
    step: Callable[[], None]
    known: Callable[[str], str]
    shell: Callable[..., Interpreter]
    failed: bool = False
    _held: list[bytes] = field(default_factory=list)
    _size: int = 0

    @property
    def world(self) -> World:
        """What it shares with the other processes."""
        return self.files.world

    @property
    def stdin(self) -> Stream:
        """Standard input."""
        return self.streams.get(0, Null())

    @property
    def stdout(self) -> Stream:
        """Standard output, for `transfer`; what was printed before goes first."""
        self.flush()
        return self.streams[1]

    def print(self, text: str | bytes) -> None:
        """Write to standard output, through a buffer as stdio has one."""
        data = encoded(text) if isinstance(text, str) else text
        self._held.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            self.step()
            self.flush()

    def flush(self) -> None:
        """Write what is in the buffer."""
        held, self._held, self._size = self._held, [], 0
        if held:
            with self.writing():
                if 1 not in self.streams:
                    raise OSError(9, os.strerror(9))
                self.streams[1].write(b"".join(held))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Errors of standard output, told from those of input."""
        try:
            yield
        except OSError as error:
            raise WriteFailure(error.strerror or "") from None

    def complain(self, complaint: str) -> int:
        """A line on standard error, behind the command's name; returns 1, the usual exit status."""
        self.error(f"{self.name}: {complaint}\n")
        return 1

    def error(self, text: str) -> None:
        """Text on standard error."""
        if 2 in self.streams:
            self.streams[2].write(encoded(text))

    @contextmanager
    def complaining(self, *, about: str = "{}", path: str = "") -> Iterator[list[int]]:
        """Turn an `OSError` into a complaint such as ``can't open 'x': No such file or directory``.

        Yields a list that holds an entry if there was one.
        """
        failed: list[int] = []
        try:
            yield failed
        except OSError as error:
            self.complain(f"{about.format(path)}: {error.strerror}")
            failed.append(1)


def encoded(text: str) -> bytes:
    """Text as the bytes that it was read from."""
    return text.encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    """Bytes as text, those that are no UTF-8 kept."""
    return data.decode("utf-8", "surrogateescape")


# ---------------------------------------------------------------- options


class Options:
    """Options that were given, by letter, and the operands."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}
        self.order: list[tuple[str, str]] = []
        self.operands: list[str] = []

    def add(self, letter: str, value: str = "") -> None:
        """One more."""
        self.values.setdefault(letter, []).append(value)
        self.order.append((letter, value))

    def __contains__(self, letter: str) -> bool:
        return letter in self.values

    def get(self, letter: str, default: str = "") -> str:
        """The value of the last one."""
        return self.values[letter][-1] if letter in self.values else default

    def last(self, letters: str) -> str:
        """Which of some letters came last; empty if none."""
        return next((letter for letter, _ in reversed(self.order) if letter in letters), "")


def parse(
    arguments: Sequence[str],
    letters: str,
    long: Mapping[str, str] | None = None,
    mixed: bool = True,
    least: int = 0,
    most: int | None = None,
) -> Options:
    """Read options as getopt_long(3) does.

    Parameters
    ----------
    arguments : sequence of str
    letters : str
        Those that are allowed, a colon behind one that takes a value.
    long : mapping of str to str
        Long names and the letters that they stand for.
    mixed : bool
        Options may stand behind operands.
    least, most : int
        How many operands are allowed.

    Raises
    ------
    Usage
        With the words of getopt.
    """
    options, rest = Options(), list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            options.operands += rest
            break
        if argument.startswith("--"):
            _long_option(argument, rest, letters, long or {}, options)
        elif argument.startswith("-") and argument != "-":
            _letters(argument[1:], rest, letters, options)
        else:
            options.operands.append(argument)
            if not mixed:
                options.operands += rest
                break
    if len(options.operands) < least or (most is not None and len(options.operands) > most):
        raise Usage("")
    return options


def _letters(given: str, rest: list[str], letters: str, options: Options) -> None:
    while given:
        letter, given = given[0], given[1:]
        at = letters.find(letter) if letter != ":" else -1
        if at < 0:
            raise Usage(f"invalid option -- '{letter}'")
        if letters[at + 1 : at + 2] != ":":
            options.add(letter)
            continue
        if not given and not rest:
            raise Usage(f"option requires an argument -- '{letter}'")
        options.add(letter, given or rest.pop(0))
        return


def _long_option(argument: str, rest: list[str], letters: str, long: Mapping[str, str], options: Options) -> None:
    name, equals, value = argument[2:].partition("=")
    fitting = [known for known in long if known.startswith(name)]
    if name in long:
        fitting = [name]
    if len(fitting) != 1:
        raise Usage(f"unrecognized option '--{name}'")
    letter = long[fitting[0]]
    takes = letters[letters.find(letter) + 1 :][:1] == ":"
    if takes and not equals:
        if not rest:
            raise Usage(f"option '--{name}' requires an argument")
        value = rest.pop(0)
    elif equals and not takes:
        raise Usage(f"option '--{name}' doesn't allow an argument")
    options.add(letter, value)


_SUFFIXES = {
    "": 1,
    "c": 1,
    "w": 2,
    "b": 512,
    "kD": 1000,
    "k": 1024,
    "K": 1024,
    "KB": 1000,
    "kB": 1000,
    "MD": 10**6,
    "m": 1 << 20,
    "M": 1 << 20,
    "MB": 10**6,
    "g": 1 << 30,
    "G": 1 << 30,
    "GB": 10**9,
    "T": 1 << 40,
}


def number(text: str, suffixes: bool = True) -> int:
    """A size as busybox reads it: ``64``, ``4k``, ``1M``.

    Raises
    ------
    Failure
        ``invalid number '...'``
    """
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    suffix = text[len(digits) :]
    if not digits or (suffix and not suffixes) or suffix not in _SUFFIXES:
        raise Failure(f"invalid number '{text}'")
    return int(digits) * _SUFFIXES[suffix]
