"""find: the expression as one function of a file, and the walk through the tree.

Names come sorted where the real one takes the order of the directory. As in busybox, a size has to be met exactly:
``-size 1k`` is 1024 bytes.

What it leaves out: times, ``-regex``, ``-fstype``, and ``-quit``.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from snapsim.files.mounts.mount import Stat
from snapsim.shell.commands.paths import below
from snapsim.shell.patterns import matches
from snapsim.shell.process import Command, Failure, Process, Usage


class _Found(NamedTuple):
    path: str
    name: str
    stat: Stat
    level: int


Test = Callable[[_Found], bool]


def find(process: Process) -> int:
    """find [PATH]... [EXPRESSION]"""
    arguments = list(process.arguments)
    while arguments and arguments[0] in ("-L", "-H", "-P"):
        arguments.pop(0)
    paths = []
    while arguments and not (arguments[0].startswith("-") or arguments[0] in ("!", "(")):
        paths.append(arguments.pop(0))
    search = _Search(process, arguments, follow="-L" in process.arguments or "-follow" in process.arguments)
    for path in paths or ["."]:
        search.walk(path, os.path.basename(path.rstrip("/")) or path, 0)
    search.finish()
    return int(search.failed)


class _Search:
    """The expression of find(1) as one function, and the walk through the tree."""

    def __init__(self, process: Process, words: list[str], follow: bool) -> None:
        self.process, self.files, self.words, self.at, self.follow = process, process.files, words, 0, follow
        self.failed, self.acts, self.prune, self.depth_first = False, False, False, False
        self.least, self.most = 0, 1 << 30
        self.gathered: list[tuple[list[str], list[str]]] = []
        self.test = self.either() if words else lambda found: True
        if self.at < len(words):
            raise Usage(f"unrecognized: {words[self.at]}")

    def walk(self, path: str, name: str, level: int) -> None:
        self.process.step()
        try:
            found = _Found(path, name, self.files.stat(path, self.follow), level)
        except OSError as error:
            self.process.complain(f"{path}: {error.strerror}")
            self.failed = True
            return
        self.prune = False
        if not self.depth_first:
            self.look(found)
        if found.stat.kind == "directory" and level < self.most and not self.prune:
            for each in self.files.listed(path):
                self.walk(below(path, each), each, level + 1)
        if self.depth_first:
            self.look(found)

    def look(self, found: _Found) -> None:
        if found.level >= self.least and self.test(found) and not self.acts:
            self.process.print(found.path + "\n")

    def finish(self) -> None:
        """Run what ``-exec ... +`` has gathered."""
        for command, paths in self.gathered:
            if paths:
                self.process.flush()
                self.failed |= self.process.spawn([*command, *paths]) != 0

    # ---------------------------------------------------------------- the expression

    def either(self) -> Test:
        tests = [self.both()]
        while self.at < len(self.words) and self.words[self.at] in ("-o", "-or"):
            self.at += 1
            tests.append(self.both())
        return lambda found: any(test(found) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.at < len(self.words) and self.words[self.at] not in ("-o", "-or", ")"):
            if self.words[self.at] in ("-a", "-and"):
                self.at += 1
            tests.append(self.one())
        return lambda found: all(test(found) for test in tests)

    def one(self) -> Test:
        word = self.take("")
        if word in ("!", "-not"):
            test = self.one()
            return lambda found: not test(found)
        if word == "(":
            inner = self.either()
            if self.take(word) != ")":
                raise Failure("unpaired '('")
            return inner
        if word in ("-exec", "-ok"):
            return self.execute()
        if word not in _TESTS:
            raise Usage(f"unrecognized: {word}")
        value = self.take(word) if word in _TAKES else ""
        return _TESTS[word](self, value)

    def take(self, word: str) -> str:
        if self.at >= len(self.words):
            raise Usage(f"{word} requires an argument" if word else "bare argument")
        self.at += 1
        return self.words[self.at - 1]

    def execute(self) -> Test:
        self.acts, command = True, list[str]()
        while (word := self.take("-exec")) != ";":
            if word == "+" and command[-1:] == ["{}"]:
                return self.gather(command[:-1])
            command.append(word)

        def run(found: _Found) -> bool:
            self.process.flush()
            return self.process.spawn([word.replace("{}", found.path) for word in command]) == 0

        return run

    def gather(self, command: list[str]) -> Test:
        """``-exec command {} +``: all the files at once, in the end."""
        paths: list[str] = []
        self.gathered.append((command, paths))

        def add(found: _Found) -> bool:
            paths.append(found.path)
            return True

        return add

    def print(self, end: str) -> Test:
        self.acts = True

        def show(found: _Found) -> bool:
            self.process.print(found.path + end)
            return True

        return show

    def delete(self) -> Test:
        self.acts = self.depth_first = True

        def remove(found: _Found) -> bool:
            try:
                if found.path != ".":
                    (self.files.rmdir if found.stat.kind == "directory" else self.files.unlink)(found.path)
            except OSError as error:
                self.process.complain(f"{found.path}: {error.strerror}")
                self.failed = True
            return True

        return remove

    def pruned(self) -> Test:
        def prune(found: _Found) -> bool:
            self.prune = True
            return True

        return prune

    def bound(self, least: int | None, most: int | None) -> Test:
        self.least = self.least if least is None else least
        self.most = self.most if most is None else most
        return lambda found: True

    def first(self) -> Test:
        self.depth_first = True
        return lambda found: True

    def newer(self, path: str) -> Test:
        try:
            time = self.files.stat(path).mtime
        except OSError as error:
            raise Failure(f"can't stat '{path}': {error.strerror}") from None
        return lambda found: found.stat.mtime > time

    def empty(self, found: _Found) -> bool:
        if found.stat.kind == "directory":
            return not self.files.listed(found.path)
        return found.stat.kind == "file" and not found.stat.size


def _compared(text: str) -> Callable[[int], bool]:
    number = text.lstrip("+-")
    if not number.isdigit():
        raise Failure(f"invalid number '{text}'")
    wanted = int(number)
    return {"+": lambda value: value > wanted, "-": lambda value: value < wanted}.get(
        text[0], lambda value: value == wanted
    )


def _size(text: str) -> Test:
    """Of a size in bytes, busybox's way: the unit multiplies, and nothing is rounded up to it."""
    units = {"c": 1, "w": 2, "b": 512, "k": 1024}
    sign, unit = text[:1] if text[:1] in "+-" else "", units.get(text[-1:], 0)
    matched = _compared(sign + str(_number_of(text.lstrip("+-").rstrip("cwbk"), text) * (unit or 512)))
    return lambda found: matched(found.stat.size)


def _number_of(digits: str, text: str) -> int:
    if not digits.isdigit():
        raise Failure(f"invalid number '{text}'")
    return int(digits)


def _kind(text: str) -> Test:
    kinds = {"f": "file", "d": "directory", "l": "symlink", "c": "device"}
    if text not in (*kinds, "b", "p", "s"):
        raise Failure(f"invalid argument '{text}' to '-type'")
    return lambda found: found.stat.kind == kinds.get(text)


def _permissions(text: str) -> Test:
    if not text.lstrip("-/").isdigit():
        raise Failure(f"invalid mode '{text}'")
    wanted = int(text.lstrip("-/"), 8)
    if text[0] == "-":
        return lambda found: found.stat.mode & wanted == wanted
    return lambda found: bool(found.stat.mode & wanted) if text[0] == "/" else found.stat.mode == wanted


def _user(search: _Search, name: str, file: str, field: str) -> Test:
    wanted = search.process.world.number(file, name)
    if wanted is None:
        raise Failure(f"unknown {'user' if field == 'uid' else 'group'} {name}")
    return lambda found: getattr(found.stat, field) == wanted


def _count(field: str, text: str) -> Test:
    matched = _compared(text)
    return lambda found: matched(getattr(found.stat, field))


_TESTS: dict[str, Callable[[_Search, str], Test]] = {
    "-name": lambda search, text: lambda found: matches(text, found.name),
    "-iname": lambda search, text: lambda found: matches(text.lower(), found.name.lower()),
    "-path": lambda search, text: lambda found: matches(text, found.path),
    "-type": lambda search, text: _kind(text),
    "-size": lambda search, text: _size(text),
    "-perm": lambda search, text: _permissions(text),
    "-newer": lambda search, text: search.newer(text),
    "-links": lambda search, text: _count("nlink", text),
    "-inum": lambda search, text: _count("ino", text),
    "-user": lambda search, text: _user(search, text, "/etc/passwd", "uid"),
    "-group": lambda search, text: _user(search, text, "/etc/group", "gid"),
    "-maxdepth": lambda search, text: search.bound(None, int(text)),
    "-mindepth": lambda search, text: search.bound(int(text), None),
    "-print": lambda search, text: search.print("\n"),
    "-print0": lambda search, text: search.print("\0"),
    "-delete": lambda search, text: search.delete(),
    "-prune": lambda search, text: search.pruned(),
    "-depth": lambda search, text: search.first(),
    "-empty": lambda search, text: search.empty,
    "-follow": lambda search, text: lambda found: True,
    "-xdev": lambda search, text: lambda found: True,
    "-true": lambda search, text: lambda found: True,
    "-false": lambda search, text: lambda found: False,
}


_TAKES = {
    "-name",
    "-iname",
    "-path",
    "-type",
    "-size",
    "-perm",
    "-newer",
    "-links",
    "-inum",
    "-user",
    "-group",
    "-maxdepth",
    "-mindepth",
}


COMMANDS = {
    "find": Command(find, "[-HL] [PATH]... [OPTIONS] [ACTIONS]"),
}
