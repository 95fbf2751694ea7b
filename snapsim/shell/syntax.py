"""The syntax tree of the shell: what a script is made of, after the parser and before anything happens.

A script is a list of commands. A *word* is a tuple of parts; text says whether it was quoted, since quoted text is
neither split into fields nor taken as a pattern. The names are those of POSIX, Shell Command Language, chapter 2.10.

>>> from snapsim.shell.parser import Parser
>>> Parser("echo 'a b'$x").command()
Simple(assignments=(), words=((Text(value='echo', quoted=False),), (Text(value='a b', quoted=True), \
Parameter(name='x', operator='', words=(), quoted=False))), redirects=(), line=1)

What it leaves out: background commands, aliases, and the job control that POSIX describes beside the grammar.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# ---------------------------------------------------------------- words


@dataclass(frozen=True)
class Text:
    """Literal characters."""

    value: str
    quoted: bool = False


@dataclass(frozen=True)
class Parameter:
    """``$name`` or ``${name...}``.

    Attributes
    ----------
    name : str
        A variable, a number, or one of ``@ * # ? $ ! -``.
    operator : str
        Empty, "length" for ``${#x}``, or what stands behind the name: ``:- - := = :+ + :? ? # ## % %% : / //``.
    words : tuple of Word
        What follows the operator: one word, two for ``${x:1:3}`` and ``${x/a/b}``.
    quoted : bool
        It stands in double quotes.
    """

    name: str
    operator: str = ""
    words: tuple[Word, ...] = ()
    quoted: bool = False


@dataclass(frozen=True)
class Substitution:
    """``$(script)``: the output of commands."""

    script: Sequence
    quoted: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """``$((expression))``; the expression is a word, since it is expanded before it is computed."""

    expression: Word
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic
Word = tuple[Part, ...]

# ---------------------------------------------------------------- commands


@dataclass
class Redirect:
    """``2> file``: a descriptor, an operator (``< > >> <> >| <& >& <<``), and a word.

    The word of ``<<`` is the here-document itself, which the parser fills in when it comes to the end of the line.
    """

    descriptor: int
    operator: str
    word: Word = ()


@dataclass(frozen=True)
class Simple:
    """Assignments, then a name with its arguments."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    line: int


@dataclass(frozen=True)
class Pipeline:
    """``a | b | c``, and ``! a``."""

    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True)
class AndOr:
    """``left && right`` or ``left || right``."""

    left: Command
    operator: str
    right: Command


@dataclass(frozen=True)
class Sequence:
    """Commands one after the other."""

    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Group:
    """``{ body; }``, or ``( body )`` where it is a subshell."""

    body: Sequence
    subshell: bool = False


@dataclass(frozen=True)
class If:
    """``if``, any number of ``elif``, and ``else``."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True)
class While:
    """``while``, or ``until`` where it goes on as long as the condition fails."""

    condition: Sequence
    body: Sequence
    until: bool = False


@dataclass(frozen=True)
class For:
    """``for name in words``; words is None for the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True)
class Case:
    """``case word in``, each clause with its patterns."""

    word: Word
    clauses: tuple[tuple[tuple[Word, ...], Sequence], ...]


@dataclass(frozen=True)
class Function:
    """``name() body``."""

    name: str
    body: Command


@dataclass(frozen=True)
class Redirected:
    """A compound command with redirections."""

    command: Command
    redirects: tuple[Redirect, ...] = field(default=())


Command = Simple | Pipeline | AndOr | Sequence | Group | If | While | For | Case | Function | Redirected
