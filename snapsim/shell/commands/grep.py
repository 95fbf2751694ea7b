"""grep: lines that match.

Basic expressions are made extended ones, and those are Python's but for classes such as ``[:digit:]``.

What it leaves out: context lines, binary files, and what Python's `re` means by ``\\d`` and its like.
"""

import re
from collections.abc import Iterator

from snapsim.shell.commands.paths import below
from snapsim.shell.commands.text import lines
from snapsim.shell.process import Command, Failure, Options, Process, Usage, decoded, encoded, parse
from snapsim.shell.streams import Null, Stream


def grep(process: Process) -> int:
    """grep PATTERN [FILE]...; 0 if a line was found, 1 if none, 2 after an error."""
    options = parse(
        process.arguments,
        "HhnlLoqvsrRiwFExcm:e:f:az",
        {
            "count": "c",
            "ignore-case": "i",
            "invert-match": "v",
            "quiet": "q",
            "recursive": "r",
            "line-number": "n",
            "only-matching": "o",
            "fixed-strings": "F",
            "extended-regexp": "E",
            "word-regexp": "w",
            "line-regexp": "x",
            "files-with-matches": "l",
            "no-filename": "h",
            "with-filename": "H",
            "max-count": "m",
            "color": "a",
        },
    )
    texts = [text for value in options.values.get("e", []) for text in value.split("\n")]
    for path in options.values.get("f", []):
        stream = process.files.open(path)
        texts += [decoded(line) for line in lines(process, stream, path)]
        stream.close()
    if "e" not in options and "f" not in options:
        if not options.operands:
            raise Usage("")
        texts = options.operands.pop(0).split("\n")
    return _Grep(process, options, texts).run()


class _Grep:
    def __init__(self, process: Process, options: Options, texts: list[str]) -> None:
        self.process, self.options = process, options
        self.pattern = _expression(texts, options)
        self.found, self.failed = False, False
        self.recursive = "r" in options or "R" in options
        operands = options.operands
        self.paths = list(self.files(operands)) if self.recursive else operands
        many = (self.recursive and any(process.files.kind(path) == "directory" for path in operands)) or len(
            operands
        ) > 1
        self.named = ("H" in options or many) and "h" not in options

    def files(self, paths: list[str]) -> Iterator[str]:
        for path in paths:
            if self.process.files.kind(path) == "directory":
                yield from self.files([below(path, name) for name in self.process.files.listed(path)])
            else:
                yield path

    def run(self) -> int:
        for path in self.paths or ["-"]:
            if path == "-":
                self.search(self.process.stdin, "(standard input)")
                continue
            try:
                stream = self.process.files.open(path)
            except OSError as error:
                if "s" not in self.options:
                    self.process.complain(f"{path}: {error.strerror}")
                self.failed = True
                continue
            try:
                directory = self.process.files.kind(path) == "directory"
                self.search(Null() if directory else stream, path)  # a directory has no lines
            finally:
                stream.close()
            if self.found and "q" in self.options:
                return 0
        if self.failed:
            return 2
        return int(not self.found)

    def search(self, stream: Stream, path: str) -> None:
        options, process = self.options, self.process
        most = int(options.get("m")) if options.get("m").isdigit() else -1
        prefix, count = f"{path}:" if self.named else "", 0
        for number, line in enumerate(lines(process, stream, path), 1):
            if count == most:
                break
            if bool(self.pattern.search(line)) == ("v" in options):
                continue
            count += 1
            self.found = True
            if "q" in options:
                return
            if not {"l", "L", "c"}.isdisjoint(options.values):
                continue
            numbered = prefix + (f"{number}:" if "n" in options else "")
            if "o" in options:
                for match in self.pattern.finditer(line) if "v" not in options else ():
                    process.print(encoded(numbered) + match.group() + b"\n" if match.group() else b"")
            else:
                process.print(encoded(numbered) + line + b"\n")
        if "c" in options:
            process.print(f"{prefix}{count}\n")
        elif ("l" in options and count) or ("L" in options and not count):
            process.print(f"{path}\n")


def _expression(texts: list[str], options: Options) -> re.Pattern[bytes]:
    parts = []
    for text in texts:
        if "F" in options:
            part = re.escape(text)
        else:
            part = text if "E" in options else basic(text)
            part = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], ""), part)
        if "x" in options:
            part = f"^(?:{part})$"
        parts.append(rf"(?<!\w)(?:{part})(?!\w)" if "w" in options else part)
    try:
        return re.compile(encoded("|".join(f"(?:{part})" for part in parts)), re.IGNORECASE if "i" in options else 0)
    except re.error as error:
        raise Failure(f"bad regex '{texts[0]}': {error}", 2) from None


_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9a-fA-F",
    "print": " -~",
}


def basic(text: str) -> str:
    r"""A basic regular expression as an extended one.

    >>> basic(r"a\(b\)*c+\{2\}[(+]^x$"), basic("*a")
    ('a(b)*c\\+{2}[(+]\\^x$', '\\*a')
    """
    found, at = "", 0
    while at < len(text):
        character = text[at]
        if character == "\\" and at + 1 < len(text):
            at += 1
            found += text[at] if text[at] in "(){}|+?" else "\\" + text[at]
        elif character == "[":
            end = text.find("]", at + 2 + (text[at + 1 : at + 2] == "^"))
            end = len(text) if end < 0 else end
            while text.count("[:", at + 1, end) > text.count(":]", at + 1, end + 1) and text.find("]", end + 1) > 0:
                end = text.find("]", end + 1)
            found += text[at : end + 1].replace("\\", "\\\\")
            at = end
        elif character in "(){}|+?" or (character == "*" and found in ("", "^", "(")):
            found += "\\" + character
        elif character == "^" and found not in ("", "("):
            found += "\\^"
        elif character == "$" and text[at + 1 : at + 2] not in ("", "\\"):
            found += "\\$"
        else:
            found += character
        at += 1
    return found


COMMANDS = {
    "grep": Command(
        grep, "[-HhnlLoqvsrRiwFEz] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...", 2
    ),
}
