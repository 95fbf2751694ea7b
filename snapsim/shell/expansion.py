"""From words to arguments: parameters, substitutions and arithmetic, then fields, then names in directories.

The order is that of POSIX (XCU 2.6): what is substituted is split at the characters of IFS into fields unless it
stands in quotes; a field with an unquoted ``* ? [`` becomes the names that it matches. Each character is therefore kept
with the knowledge whether it was quoted, until the very end.

What it leaves out: ``~user`` (busybox in a container has no users to ask either), and brace expansion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from snapsim.shell import patterns
from snapsim.shell.arithmetic import ArithmeticFailure, evaluate
from snapsim.shell.syntax import Arithmetic, Parameter, Part, Substitution, Text, Word


class ExpansionFailure(Exception):
    """A word that cannot be expanded: the shell ends, or the command line of a prompt."""


class Variables(Protocol):
    """What an expansion asks of the shell."""

    arguments: list[str]

    def get(self, name: str) -> str | None:
        """The value of a variable or a special parameter, None where it is unset."""

    def put(self, name: str, value: str) -> None:
        """Assign to a variable."""

    def output_of(self, substitution: Substitution) -> str:
        """What the commands write."""

    def option(self, letter: str) -> bool:
        """Is this option of `set` on?"""

    def listed(self, directory: str) -> list[str]:
        """The names in a directory, none where it is no directory."""

    def exists(self, path: str) -> bool:
        """Is there such a path?"""


class _Fields:
    """Fields under construction; each is a list of (text, quoted)."""

    def __init__(self) -> None:
        self.done: list[list[tuple[str, bool]]] = []
        self.current: list[tuple[str, bool]] | None = None

    def add(self, text: str, quoted: bool) -> None:
        if self.current is None:
            self.current = []
        self.current.append((text, quoted))

    def end(self) -> None:
        if self.current is not None:
            self.done.append(self.current)
            self.current = None

    def split(self, value: str, ifs: str) -> None:
        """Add an unquoted value, cut at the characters of IFS; a run of blanks is one cut."""
        blanks, at = set(ifs) & set(" \t\n"), 0
        while at < len(value):
            start = at
            while at < len(value) and value[at] not in ifs:
                at += 1
            if at > start:
                self.add(value[start:at], False)
            if at == len(value):
                return
            at = _behind(value, at, blanks)
            hard = at < len(value) and value[at] in ifs and value[at] not in blanks
            if hard:
                at = _behind(value, at + 1, blanks)
                self.add("", False)
            self.end()


def _behind(value: str, at: int, blanks: set[str]) -> int:
    while at < len(value) and value[at] in blanks:
        at += 1
    return at


class Expansion:
    """Expands words for a shell."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    def arguments(self, words: Iterable[Word]) -> list[str]:
        """The arguments that words become: none, one or many each."""
        found: list[str] = []
        for word in words:
            if len(word) == 1 and isinstance(word[0], Text) and (word[0].quoted or word[0].value.isalnum()):
                found.append(word[0].value)  # the usual case, at once
                continue
            fields = _Fields()
            self._word(word, fields, split=True)
            fields.end()
            for field in fields.done:
                found.extend(self._names(field))
        return found

    def text(self, word: Word) -> str:
        """A word that stays one: the value of an assignment, the target of a redirection."""
        return "".join(text for text, _ in self._whole(word))

    def pattern(self, word: Word) -> str:
        """A word as a pattern."""
        return _pattern(self._whole(word))

    def _whole(self, word: Word) -> list[tuple[str, bool]]:
        fields = _Fields()
        self._word(word, fields, split=False)
        return fields.current or []

    def _names(self, field: list[tuple[str, bool]]) -> list[str]:
        plain = "".join(text for text, _ in field)
        if self._variables.option("f") or not any(not quoted and set(text) & set("*?[") for text, quoted in field):
            return [plain]
        pattern = _pattern(field)
        if not patterns.is_pattern(pattern):
            return [plain]
        return patterns.names(pattern, self._variables.listed, self._variables.exists) or [plain]

    # ---------------------------------------------------------------- parts

    def _word(self, word: Word, fields: _Fields, split: bool, quoted: bool = False, inner: bool = False) -> None:
        """Add the parts of a word; `inner`: it stands in ``${x:-word}``, so that its text is split as well."""
        for number, part in enumerate(word):
            if isinstance(part, Text):
                text = part.value
                if number == 0 and not part.quoted and not quoted and text.startswith("~"):
                    text = self._tilde(text, fields)
                if inner and split and not part.quoted and not quoted:
                    fields.split(text, self._ifs())
                elif text or part.quoted:
                    fields.add(text, part.quoted or quoted)
            else:
                self._substituted(part, fields, split and not quoted, quoted or part.quoted)

    def _tilde(self, text: str, fields: _Fields) -> str:
        user, slash, rest = text.partition("/")
        home = self._variables.get("HOME")
        if user != "~" or home is None:
            return text
        fields.add(home, True)
        return slash + rest

    def _substituted(self, part: Part, fields: _Fields, split: bool, quoted: bool) -> None:
        if isinstance(part, Parameter):
            every = part.name in ("@", "*") and part.operator in ("", ":-", "-", ":")
            if every and self._all_arguments(part, fields, split, quoted):
                return
            value = self._parameter(part, fields, split, quoted)
        elif isinstance(part, Substitution):
            value = self._variables.output_of(part)
        elif isinstance(part, Arithmetic):
            value = self._computed(self.text(part.expression))
        else:
            raise TypeError(part)
        if value is None:
            return
        if split and not quoted:
            fields.split(value, self._ifs())
        elif value or quoted:
            fields.add(value, quoted)

    def _computed(self, expression: str) -> str:
        try:
            return str(evaluate(expression, self._variables.get, self._variables.put))
        except ArithmeticFailure as failure:
            raise ExpansionFailure(str(failure)) from None

    def _ifs(self) -> str:
        ifs = self._variables.get("IFS")
        return " \t\n" if ifs is None else ifs

    def _all_arguments(self, part: Parameter, fields: _Fields, split: bool, quoted: bool) -> bool:
        """``$@`` and ``$*``; False where there are no arguments and a word for that case."""
        arguments: Sequence[str] = self._variables.arguments
        if part.operator == ":":
            start = int(self._computed(self.text(part.words[0])))
            count = int(self._computed(self.text(part.words[1]))) if len(part.words) > 1 else len(arguments) + 1
            arguments = [self._variables.get("0") or "", *arguments][start : start + count]
        if not arguments and part.operator in (":-", "-"):
            return False
        if part.name == "*" and quoted:
            fields.add(self._ifs()[:1].join(arguments), True)
        elif not split and not quoted:
            fields.add(" ".join(arguments), False)
        else:
            for number, argument in enumerate(arguments):
                if number:
                    fields.end()
                if quoted:
                    fields.add(argument, True)
                else:
                    fields.split(argument, self._ifs())
        return True

    # ---------------------------------------------------------------- ${...}

    def _parameter(self, part: Parameter, fields: _Fields, split: bool, quoted: bool) -> str | None:
        """The value; None if the fields have it already."""
        operator, name = part.operator, part.name
        value = self._value(name)
        missing = value is None or (operator.startswith(":") and len(operator) == 2 and value == "")
        if operator in (":-", "-", ":+", "+"):
            if missing != (operator[-1] == "-"):
                return value if operator[-1] == "-" else ""
            self._word(part.words[0], fields, split, quoted, inner=True)
            return None
        if operator in (":=", "="):
            if not missing:
                return value
            if not (name[0].isalpha() or name[0] == "_"):
                raise ExpansionFailure(f"{name}: bad variable name")
            self._variables.put(name, self.text(part.words[0]))
            return self._variables.get(name)
        if operator in (":?", "?"):
            if not missing:
                return value
            words = self.text(part.words[0])
            default = "parameter not set or null" if operator == ":?" else "parameter not set"
            raise ExpansionFailure(f"{name}: {words or default}")
        if value is None and self._variables.option("u") and name not in ("@", "*"):
            raise ExpansionFailure(f"{name}: parameter not set")
        return self._changed(part, value or "")

    def _value(self, name: str) -> str | None:
        if name in ("@", "*"):
            arguments = self._variables.arguments
            return " ".join(arguments) if arguments else None
        return self._variables.get(name)

    def _changed(self, part: Parameter, value: str) -> str:
        operator, words = part.operator, part.words
        if operator == "length":
            return str(len(self._variables.arguments) if part.name in ("@", "*") else len(value))
        if operator in ("#", "##", "%", "%%"):
            return patterns.strip(value, self.pattern(words[0]), operator)
        if operator in ("/", "//"):
            by = self.text(words[1]) if len(words) > 1 else ""
            return patterns.replace(value, self.pattern(words[0]), by, operator == "//")
        if operator == ":":
            start = int(self._computed(self.text(words[0])))
            start = max(len(value) + start, 0) if start < 0 else start
            length = int(self._computed(self.text(words[1]))) if len(words) > 1 else len(value)
            return value[start : start + length] if length >= 0 else value[start:length]
        return value


def _pattern(field: Sequence[tuple[str, bool]]) -> str:
    return "".join(patterns.quoted(text) if quoted else text for text, quoted in field)
