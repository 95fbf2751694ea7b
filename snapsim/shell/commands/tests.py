"""Commands that answer with their exit status: true, false, test and [.

What it leaves out: ``-t`` is always false, since no descriptor is a terminal here, and ``-r -w -x`` look at
root's permissions.
"""

from collections.abc import Callable

from snapsim.shell.process import Command, Failure, Process

_KINDS = {"f": "file", "d": "directory"}


def true(process: Process) -> int:
    """true."""
    return 0


def false(process: Process) -> int:
    """false."""
    return 1


def test(process: Process) -> int:
    """test EXPRESSION."""
    return int(not _Expression(process, process.arguments).value())


def bracket(process: Process) -> int:
    """[ EXPRESSION ]."""
    if process.arguments[-1:] != ["]"]:
        raise Failure("missing ]", 2)
    return int(not _Expression(process, process.arguments[:-1]).value())


class _Expression:
    """The expression of test(1): ``!`` binds closest, then ``-a``, then ``-o``; short ones as POSIX says."""

    def __init__(self, process: Process, words: list[str]) -> None:
        self.process, self.words, self.at = process, words, 0

    def value(self) -> bool:
        words = self.words
        if not words:
            return False
        if len(words) == 1:
            return words[0] != ""
        if len(words) == 3 and words[1] in _BINARY:
            return _BINARY[words[1]](self.process, words[0], words[2])
        if len(words) == 4 and words[0] == "!" and words[2] in _BINARY:
            return not _BINARY[words[2]](self.process, words[1], words[3])
        value = self.either()
        if self.at < len(words):
            raise Failure(f"{words[self.at]}: unknown operand", 2)
        return value

    def peek(self, ahead: int = 0) -> str | None:
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else None

    def either(self) -> bool:
        value = self.both()
        while self.peek() == "-o":
            self.at += 1
            value = self.both() or value
        return value

    def both(self) -> bool:
        value = self.negation()
        while self.peek() == "-a":
            self.at += 1
            value = self.negation() and value
        return value

    def negation(self) -> bool:
        if self.peek() == "!" and self.peek(1) is not None:
            self.at += 1
            return not self.negation()
        return self.primary()

    def primary(self) -> bool:
        word = self.peek()
        if word is None:
            raise Failure("argument expected", 2)
        operator = self.peek(1)
        if operator in _BINARY and self.peek(2) is not None:
            self.at += 3
            return _BINARY[operator](self.process, word, self.words[self.at - 1])
        if word == "(":
            self.at += 1
            value = self.either()
            if self.peek() != ")":
                raise Failure("closing paren expected", 2)
            self.at += 1
            return value
        if len(word) == 2 and word[0] == "-" and word[1] in _UNARY and operator is not None:
            self.at += 2
            return _UNARY[word[1]](self.process, operator)
        if operator in _BINARY:
            raise Failure(f"{operator}: argument expected", 2)
        self.at += 1
        return word != ""


def _whole(text: str) -> int:
    try:
        if "_" in text:
            raise ValueError
        return int(text)
    except ValueError:
        raise Failure(f"{text}: bad number", 2) from None


def _time(process: Process, path: str) -> int:
    return process.files.stat(path).mtime if process.files.exists(path) else -1


def _same(process: Process, left: str, right: str) -> bool:
    files = process.files
    return files.exists(left) and files.exists(right) and files.stat(left).ino == files.stat(right).ino


def _mode(bit: int) -> Callable[[Process, str], bool]:
    return lambda process, path: process.files.exists(path) and bool(process.files.stat(path).mode & bit)


def _runs(process: Process, path: str) -> bool:
    return process.files.exists(path) and bool(process.files.stat(path).mode & 0o111)


_BINARY: dict[str, Callable[[Process, str, str], bool]] = {
    "=": lambda process, left, right: left == right,
    "==": lambda process, left, right: left == right,
    "!=": lambda process, left, right: left != right,
    "<": lambda process, left, right: left < right,
    ">": lambda process, left, right: left > right,
    "-eq": lambda process, left, right: _whole(left) == _whole(right),
    "-ne": lambda process, left, right: _whole(left) != _whole(right),
    "-lt": lambda process, left, right: _whole(left) < _whole(right),
    "-le": lambda process, left, right: _whole(left) <= _whole(right),
    "-gt": lambda process, left, right: _whole(left) > _whole(right),
    "-ge": lambda process, left, right: _whole(left) >= _whole(right),
    "-nt": lambda process, left, right: _time(process, left) > _time(process, right),
    "-ot": lambda process, left, right: _time(process, left) < _time(process, right),
    "-ef": _same,
}
_UNARY: dict[str, Callable[[Process, str], bool]] = {
    "n": lambda process, text: text != "",
    "z": lambda process, text: text == "",
    "e": lambda process, path: process.files.exists(path),
    "f": lambda process, path: process.files.kind(path) == "file",
    "d": lambda process, path: process.files.kind(path) == "directory",
    "L": lambda process, path: process.files.kind(path, follow=False) == "symlink",
    "h": lambda process, path: process.files.kind(path, follow=False) == "symlink",
    "c": lambda process, path: process.files.kind(path) == "device",
    "b": lambda process, path: False,
    "p": lambda process, path: False,
    "S": lambda process, path: False,
    "t": lambda process, path: False,
    "s": lambda process, path: process.files.exists(path) and process.files.stat(path).size > 0,
    "r": lambda process, path: process.files.exists(path),
    "w": lambda process, path: process.files.exists(path),
    "x": _runs,
    "u": _mode(0o4000),
    "g": _mode(0o2000),
    "k": _mode(0o1000),
}
COMMANDS = {
    "true": Command(true, builtin=True),
    "false": Command(false, builtin=True),
    "test": Command(test, "EXPRESSION", 2, True),
    "[": Command(bracket, "EXPRESSION ]", 2, True),
}
