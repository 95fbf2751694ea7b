"""The words of a script: quotes, dollars, backquotes and backslashes, read character by character.

Under `parser`, which knows commands. What a character means depends on where it stands, and a ``$(...)`` holds whole
commands again; so the reader asks the parser for those.

>>> reader = WordReader("a'b c' rest")
>>> reader.word()
(Text(value='a', quoted=False), Text(value='b c', quoted=True))
>>> reader.text[reader.at :]
' rest'

What it leaves out: ``$'...'`` and brace expansion.
"""

import re
from collections.abc import Callable

from snapsim.shell.syntax import Arithmetic, Parameter, Part, Sequence, Substitution, Text, Word

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?$!-]")
_LONG_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_OPERATION = re.compile(r":-|:=|:\+|:\?|##|%%|//|[-=+?#%:/]")
_PLAIN = re.compile(r"[A-Za-z0-9_.,=+@%*?-]+")
_PLAIN_QUOTED = re.compile(r"[^\\$`\"]+")


class ShellSyntaxError(Exception):
    """A script that is none; `line` is where it was found."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


class Incomplete(ShellSyntaxError):
    """The text ends too early: a prompt asks for another line."""


class WordReader:
    """A text, and how far it has been read.

    Parameters
    ----------
    text : str
    line : int
        The number of its first line.
    script : callable, optional
        Reads the commands of ``$(...)``, up to the parenthesis that closes it.
    commands : callable, optional
        All the commands of a text and the number of its first line: what stands between backquotes.
    """

    def __init__(
        self,
        text: str,
        line: int = 1,
        script: Callable[[], Sequence] | None = None,
        commands: Callable[[str, int], Sequence] | None = None,
    ) -> None:
        self.text, self.at, self._first_line = text, 0, line
        self._script, self._commands = script, commands
        self._counted, self._lines = 0, 0

    @property
    def line(self) -> int:
        """Number of the line that is being read."""
        if self.at > self._counted:
            self._lines += self.text.count("\n", self._counted, self.at)
            self._counted = self.at
        return self._first_line + self._lines

    def word(self) -> Word:
        """A word, up to a blank or an operator."""
        return self._parts(" \t\n;&|<>()", False)

    def document(self) -> Word:
        """All that is left, as it stands in a here-document: double quotes are ordinary there."""
        return self._double_quoted("")

    def _parts(self, ends: str, quoted: bool) -> Word:
        """Parts up to one of the characters (which is not taken) or the end of the text."""
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] not in ends:
            character = self.text[self.at]
            if character == "'" and not quoted:
                end = self.text.find("'", self.at + 1)
                if end < 0:
                    raise Incomplete("syntax error: unterminated quoted string", self.line)
                parts.append(Text(self.text[self.at + 1 : end], True))
                self.at = end + 1
            elif character == '"':
                self.at += 1
                parts.extend(self._double_quoted('"'))
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif character == "\\":
                parts.append(Text(self.text[self.at + 1 : self.at + 2] or "\\", True))
                self.at += 2
            elif character in "$`":
                parts.append(self._dollar(quoted))
            else:
                parts.append(Text(self._ordinary(_PLAIN), quoted))
        return _joined(parts)

    def _ordinary(self, pattern: re.Pattern[str]) -> str:
        """A run of characters that mean nothing; at least one."""
        found = pattern.match(self.text, self.at)
        text = found.group() if found else self.text[self.at]
        self.at += len(text)
        return text

    def _double_quoted(self, end: str) -> Word:
        """What stands between double quotes; `end` is empty for a here-document."""
        parts: list[Part] = []
        while not end or not self.text.startswith(end, self.at):
            if self.at >= len(self.text):
                if not end:
                    break
                raise Incomplete("syntax error: unterminated quoted string", self.line)
            character = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if character == "\\" and following == "\n":
                self.at += 2
            elif character == "\\" and following and following in "$`\\" + end:
                parts.append(Text(following, True))
                self.at += 2
            elif character in "$`":
                parts.append(self._dollar(True))
            else:
                parts.append(Text(self._ordinary(_PLAIN_QUOTED), True))
        return _joined(parts) or (Text("", True),)

    def _dollar(self, quoted: bool) -> Part:
        """What a dollar or a backquote begins."""
        if self.text[self.at] == "`":
            return self._backquotes(quoted)
        if self.text.startswith("$((", self.at):
            start = self.at
            found = self._arithmetic(quoted)
            if found:
                return found
            self.at = start
        if self.text.startswith("$(", self.at):
            self.at += 2
            if self._script is None:
                raise ShellSyntaxError("syntax error: bad substitution", self.line)
            return Substitution(self._script(), quoted)
        if self.text.startswith("${", self.at):
            self.at += 2
            return self._braces(quoted)
        found_name = _PARAMETER.match(self.text, self.at + 1)
        if not found_name:
            self.at += 1
            return Text("$", quoted)
        self.at = found_name.end()
        return Parameter(found_name.group(), "", (), quoted)

    def _arithmetic(self, quoted: bool) -> Arithmetic | None:
        """``$((...))``; None if it is a substitution that begins with a subshell."""
        self.at += 3
        depth, parts = 0, list[Part]()
        while self.at < len(self.text):
            if depth == 0 and self.text.startswith("))", self.at):
                self.at += 2
                return Arithmetic(_joined(parts), quoted)
            character = self.text[self.at]
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth < 0:
                return None
            if character in "$`":
                parts.append(self._dollar(True))
            else:
                parts.append(Text("" if character == '"' else character, True))
                self.at += 1
        raise Incomplete('syntax error: unexpected end of file (expecting "))")', self.line)

    def _backquotes(self, quoted: bool) -> Substitution:
        end = self.at + 1
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise Incomplete("syntax error: EOF in backquote substitution", self.line)
        inner = re.sub(r'\\([$`\\"])' if quoted else r"\\([$`\\])", r"\1", self.text[self.at + 1 : end])
        if self._commands is None:
            raise ShellSyntaxError("syntax error: bad substitution", self.line)
        script = self._commands(inner, self.line)
        self.at = end + 1
        return Substitution(script, quoted)

    def _braces(self, quoted: bool) -> Parameter:
        length = re.compile(r"#(?=[A-Za-z_0-9@*?$!#-]+\})").match(self.text, self.at)
        self.at += bool(length)
        found = _LONG_PARAMETER.match(self.text, self.at)
        if not found:
            raise ShellSyntaxError("syntax error: bad substitution", self.line)
        self.at, name = found.end(), found.group()
        if length or self.text.startswith("}", self.at):
            self._expect_brace()
            return Parameter(name, "length" if length else "", (), quoted)
        operation = _OPERATION.match(self.text, self.at)
        if not operation:
            raise ShellSyntaxError("syntax error: bad substitution", self.line)
        self.at, operator = operation.end(), operation.group()
        between = {":": ":", "/": "/", "//": "/"}.get(operator, "")
        literal = quoted and operator not in ("#", "##", "%", "%%")
        words = [self._parts("}" + between, literal)]
        if between and self.text.startswith(between, self.at):
            self.at += 1
            words.append(self._parts("}", literal))
        self._expect_brace()
        return Parameter(name, operator, tuple(words), quoted)

    def _expect_brace(self) -> None:
        if not self.text.startswith("}", self.at):
            raise Incomplete(
                "syntax error: unterminated quoted string"
                if self.at >= len(self.text)
                else "syntax error: bad substitution",
                self.line,
            )
        self.at += 1


def _joined(parts: list[Part]) -> Word:
    """Neighbours of the same kind of text become one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text) and part.quoted == last.quoted:
            found[-1] = Text(last.value + part.value, part.quoted)
        else:
            found.append(part)
    return tuple(found)
