r"""Patterns: ``* ? [...]``, for ``case``, for ``${x#pattern}``, and for names in directories.

A pattern is text in which a backslash makes the next character an ordinary one; `quoted` makes such text of what stood
in quotes.

>>> bool(matches("*.t[x-z]t", "a.txt")), bool(matches(quoted("*"), "a")), strip("abcabc", "*b", "##")
(True, False, 'c')

What it leaves out: equivalence classes and collating symbols (``[[=a=]]``): the locale is C.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": "\\s",
    "xdigit": "0-9a-fA-F",
    "punct": "!-/:-@\\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": "\\0-\\x1f",
}
_BRACKET = re.compile(r"\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]", re.DOTALL)
_SPECIAL = re.compile(r"[*?\[\\]")


def quoted(text: str) -> str:
    r"""Text as a pattern that matches itself only.

    >>> quoted("a*b")
    'a\\*b'
    """
    return re.sub(r"([*?\[\]\\!^-])", r"\\\1", text)


def plain(pattern: str) -> str:
    """The text of a pattern whose special characters stand for themselves."""
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def is_pattern(pattern: str) -> bool:
    """Does it hold a special character that is not quoted?"""
    return bool(re.search(r"[*?]|\[.*\]", re.sub(r"\\.", "", pattern, flags=re.DOTALL), re.DOTALL))


@lru_cache(1024)
def _source(pattern: str, lazy: bool = False) -> str:
    """The same as a regular expression of Python."""
    found, at, more = [], 0, "*?" if lazy else "*"
    while at < len(pattern):
        character = pattern[at]
        bracket = _BRACKET.match(pattern, at) if character == "[" else None
        if bracket:
            at = bracket.end()
            found.append(_bracket(bracket.group(1), bracket.group(2)))
            continue
        if character == "\\" and at + 1 < len(pattern):
            at += 1
            character = re.escape(pattern[at])
        elif character == "*":
            character = "." + more
        elif character == "?":
            character = "."
        else:
            character = re.escape(character)
        found.append(character)
        at += 1
    return "".join(found)


def _bracket(negated: str, inside: str) -> str:
    def part(found: re.Match[str]) -> str:
        name, escaped, other = found.groups()
        if name:
            return _CLASSES.get(name, "")
        return re.escape(escaped) if escaped else other if other == "-" else re.escape(other)

    body = re.sub(r"\[:(\w+):\]|\\(.)|(.)", part, inside, flags=re.DOTALL)
    try:
        re.compile(f"[{body}]")
    except re.error:  # a range that ends before it begins matches nothing
        return "(?!)"
    return f"[{'^' if negated else ''}{body}]"


def matches(pattern: str, text: str) -> bool:
    """Does the whole text match?"""
    return re.fullmatch(_source(pattern), text, re.DOTALL) is not None


def strip(text: str, pattern: str, operator: str) -> str:
    """``${x#p} ${x##p} ${x%p} ${x%%p}``: the text without its shortest or longest head or tail that matches."""
    lengths: Iterable[int] = range(len(text) + 1)
    if len(operator) == 2:
        lengths = reversed(range(len(text) + 1))
    expression = re.compile(_source(pattern), re.DOTALL)
    for length in lengths:
        if operator[0] == "#" and expression.fullmatch(text, 0, length):
            return text[length:]
        if operator[0] == "%" and expression.fullmatch(text, len(text) - length):
            return text[: len(text) - length]
    return text


def replace(text: str, pattern: str, by: str, everywhere: bool) -> str:
    """``${x/p/by}``: the first longest match, or with ``//`` each one."""
    if not pattern:
        return text
    return re.sub(_source(pattern), lambda _: by, text, count=0 if everywhere else 1, flags=re.DOTALL)


def names(pattern: str, listed: Callable[[str], list[str]], exists: Callable[[str], bool]) -> list[str]:
    """The paths that a pattern matches, sorted; a leading dot has to be matched by a dot.

    Parameters
    ----------
    listed, exists : callable
        The names in a directory (none where it is no directory), and whether a path is there.

    Examples
    --------
    >>> tree = {"": ["a", "b", ".c"], "a/": ["x", "y"]}
    >>> names("*/[x]", lambda path: tree.get(path, []), lambda path: False), names("*", tree.get, bool)
    (['a/x'], ['a', 'b'])
    """
    found = [""]
    parts = re.split(r"(/+)", pattern)
    for number, part in enumerate(parts):
        if number % 2 or not is_pattern(part):
            found = [path + plain(part) for path in found]
            continue
        hidden = part.startswith((".", "\\."))
        found = [
            path + name
            for path in found
            for name in [*([".", ".."] if hidden else []), *listed(path)]
            if (hidden or not name.startswith(".")) and matches(part, name)
        ]
    return sorted(path for path in found if is_pattern(parts[-1]) or exists(path))
