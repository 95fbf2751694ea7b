"""From text to the syntax tree, by recursive descent, one complete command at a time.

A shell reads a line, carries it out, and reads on: a syntax error in line 5 is found when lines 1 to 4 have been
carried out. So `Parser.command` returns the next complete command and no more. There is no separate list of
tokens, since what a character means depends on where it stands (in ``${...}``, in double quotes, in ``$((...))``).

>>> parser = Parser("echo a\\nif true; then")
>>> parser.command().words[1]
(Text(value='a', quoted=False),)
>>> parser.command()
Traceback (most recent call last):
snapsim.shell.words.Incomplete: syntax error: unexpected end of file (expecting "fi")

Messages and what is accepted are those of BusyBox ash 1.35; source of the grammar: POSIX.1-2017, XCU 2.

What it leaves out: aliases, ``[[ ]]`` as a keyword, and ``&`` (refused with words of its own).
"""

import re

from snapsim.shell.syntax import (
    AndOr,
    Case,
    Command,
    For,
    Function,
    Group,
    If,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Simple,
    Text,
    While,
    Word,
)
from snapsim.shell.words import Incomplete, ShellSyntaxError, WordReader

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = ("&&", "||", ";;", "&", "|", ";", "(", ")", "\n")
_REDIRECT = re.compile(r"(\d*)(<<-|<<|>>|<&|>&|<>|>\||<|>)")
_KEYWORDS = frozenset(
    ["if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}", "!", "in"]
)
_KEYWORD = re.compile(r"[a-z]+|[{}!]")
_CLOSERS = frozenset(("then", "elif", "else", "fi", "do", "done", "esac", "}", ")", ";;"))
_END = ""  # the token after the last character


class Parser:
    """Commands of a text.

    Parameters
    ----------
    text : str
        A script, or what was typed.
    line : int
        The number of its first line.
    partial : bool
        More text may come: a here-document without its end is `Incomplete` too.
    """

    def __init__(self, text: str, line: int = 1, partial: bool = False) -> None:
        self.reader, self._partial = WordReader(text, line, self._substituted, all_commands), partial
        self._documents: list[tuple[Redirect, str, bool, bool]] = []

    def _substituted(self) -> Sequence:
        """The commands of ``$(...)``, and its parenthesis."""
        self._newlines()
        script = Sequence(()) if self._token() == ")" else self._list()
        self._expect(")")
        return script

    # ---------------------------------------------------------------- lists and pipelines

    def command(self) -> Command | None:
        """The next complete command; None at the end of the text.

        Raises
        ------
        ShellSyntaxError
            The text is no script; Incomplete, if more text could make it one.
        """
        self._newlines()
        if self._token() == _END:
            return None
        found = [self._and_or()]
        while self._operator(";"):
            if self._token() in ("\n", _END):
                break
            found.append(self._and_or())
        if self._token() not in ("\n", _END):
            raise self._unexpected()
        if not self._operator("\n"):
            self._read_documents()
        return found[0] if len(found) == 1 else Sequence(tuple(found))

    def _list(self) -> Sequence:
        """Commands up to a keyword or an operator that closes them, which the caller expects."""
        found: list[Command] = []
        self._newlines()
        while self._token() != _END:
            found.append(self._and_or())
            separated = self._operator(";")
            separated = self._newlines() or separated
            if not separated or self._token() in _CLOSERS:
                break
        return Sequence(tuple(found))

    def _and_or(self) -> Command:
        left = self._pipeline()
        while self._token() in ("&&", "||"):
            operator = self._token()
            self._operator(operator)
            self._newlines()
            left = AndOr(left, operator, self._pipeline())
        if self._token() == "&":
            raise ShellSyntaxError("&: background commands are not simulated: leave the & out", self.reader.line)
        return left

    def _pipeline(self) -> Command:
        negated = self._keyword("!")
        commands = [self._one_command()]
        while self._operator("|"):
            self._newlines()
            commands.append(self._one_command())
        return Pipeline(tuple(commands), negated) if negated or len(commands) > 1 else commands[0]

    # ---------------------------------------------------------------- commands

    def _one_command(self) -> Command:
        token = self._token()
        makers = {
            "if": self._if,
            "while": self._while,
            "until": self._while,
            "for": self._for,
            "case": self._case,
            "{": self._group,
            "(": self._group,
        }
        if token not in makers:
            if token in _KEYWORDS or token in _OPERATORS or token == _END:
                raise self._unexpected()
            return self._simple()
        command = makers[token]()
        redirects = []
        while redirect := self._redirect():
            redirects.append(redirect)
        return Redirected(command, tuple(redirects)) if redirects else command

    def _group(self) -> Command:
        subshell = self._operator("(")
        if not subshell:
            self._keyword("{")
        closer = ")" if subshell else "}"
        body = self._list()
        self._expect(closer)
        return Group(body, subshell)

    def _if(self) -> Command:
        branches = []
        opener = "if"
        while self._keyword(opener):
            condition = self._list()
            self._expect("then")
            branches.append((condition, self._list()))
            opener = "elif"
        otherwise = self._list() if self._keyword("else") else None
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _while(self) -> Command:
        until = self._keyword("until")
        if not until:
            self._keyword("while")
        condition = self._list()
        return While(condition, self._do(), until)

    def _do(self) -> Sequence:
        self._expect("do")
        body = self._list()
        self._expect("done")
        return body

    def _for(self) -> Command:
        self._keyword("for")
        name = self._word()
        if len(name) != 1 or not isinstance(name[0], Text) or not NAME.fullmatch(name[0].value):
            raise ShellSyntaxError("syntax error: bad for loop variable", self.reader.line)
        self._newlines()
        words: list[Word] | None = None
        if self._keyword("in"):
            words = []
            while self._token() not in (";", "\n"):
                if self._token() in _OPERATORS or self._token() == _END:
                    raise self._unexpected()
                words.append(self._word())
        self._operator(";")
        self._newlines()
        return For(name[0].value, None if words is None else tuple(words), self._do())

    def _case(self) -> Command:
        self._keyword("case")
        word = self._word()
        self._newlines()
        self._expect("in")
        self._newlines()
        clauses = []
        while not self._keyword("esac"):
            self._operator("(")
            patterns = [self._pattern()]
            while self._operator("|"):
                patterns.append(self._pattern())
            self._expect(")")
            self._newlines()
            body = Sequence(()) if self._token() in (";;", "esac") else self._list()
            clauses.append((tuple(patterns), body))
            if self._token() != "esac":
                self._expect(";;")
            self._newlines()
        return Case(word, tuple(clauses))

    def _pattern(self) -> Word:
        if self._token() in _OPERATORS or self._token() == _END:
            raise self._unexpected(")")
        return self._word()

    def _simple(self) -> Command:
        line = self.reader.line
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            redirect = self._redirect()
            if redirect:
                redirects.append(redirect)
                continue
            if self._token(keywords=False) in _OPERATORS or self._token(keywords=False) == _END:
                break
            word = self._word()
            name, value = _assignment(word)
            if name and not words:
                assignments.append((name, value))
                continue
            words.append(word)
            if len(words) == 1 and not assignments and not redirects and self._token() == "(":
                return self._function(word)
        if self._token() == "(":
            raise self._unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects), line)

    def _function(self, word: Word) -> Command:
        self._operator("(")
        if self._token(keywords=False) != ")":
            raise self._unexpected(")", keywords=False)
        self._operator(")")
        if len(word) != 1 or not isinstance(word[0], Text) or word[0].quoted:
            raise ShellSyntaxError("syntax error: bad function name", self.reader.line)
        self._newlines()
        return Function(word[0].value, self._one_command())

    def _redirect(self) -> Redirect | None:
        self._blanks()
        found = _REDIRECT.match(self.reader.text, self.reader.at)
        if not found:
            return None
        number, operator = found.groups()
        self.reader.at = found.end()
        descriptor = int(number) if number else int(operator[0] == ">")
        if self._token(keywords=False) in _OPERATORS or self._token(keywords=False) == _END:
            raise self._unexpected()
        start = self.reader.at
        word = self._word()
        if not operator.startswith("<<"):
            return Redirect(descriptor, operator, word)
        redirect = Redirect(descriptor, "<<")
        raw = self.reader.text[start : self.reader.at].strip()
        quoted = any(character in raw for character in "'\"\\")
        self._documents.append((redirect, re.sub(r"['\"\\]", "", raw), quoted, operator == "<<-"))
        return redirect

    def _read_documents(self) -> None:
        """The here-documents of the line that has just ended; one that nothing ends takes all that is left."""
        documents, self._documents = self._documents, []
        for redirect, delimiter, quoted, dedent in documents:
            lines = []
            while self.reader.at < len(self.reader.text):
                end = self.reader.text.find("\n", self.reader.at)
                end = len(self.reader.text) if end < 0 else end
                row, self.reader.at = self.reader.text[self.reader.at : end], min(end + 1, len(self.reader.text))
                row = row.lstrip("\t") if dedent else row
                if row == delimiter:
                    break
                lines.append(row + "\n")
            else:
                if self._partial:
                    raise Incomplete("syntax error: unterminated here-document", self.reader.line)
            body = "".join(lines)
            redirect.word = (
                (Text(body, True),) if quoted else Parser(body, self.reader.line - len(lines)).reader.document()
            )

    # ---------------------------------------------------------------- tokens

    def _blanks(self) -> None:
        while self.reader.at < len(self.reader.text):
            character = self.reader.text[self.reader.at]
            if character in " \t":
                self.reader.at += 1
            elif self.reader.text.startswith("\\\n", self.reader.at):
                self.reader.at += 2
                if self._partial and self.reader.at == len(self.reader.text):
                    raise Incomplete("syntax error: unexpected end of file", self.reader.line)
            elif character == "#":
                end = self.reader.text.find("\n", self.reader.at)
                self.reader.at = len(self.reader.text) if end < 0 else end
            else:
                return

    def _word(self) -> Word:
        """The next word; the token before it was looked at, so that there is one."""
        self._blanks()
        return self.reader.word()

    def _token(self, keywords: bool = True) -> str:
        """What comes next, without taking it: an operator, a keyword, "word", or nothing."""
        self._blanks()
        if self.reader.at >= len(self.reader.text):
            return _END
        for operator in _OPERATORS:
            if self.reader.text.startswith(operator, self.reader.at):
                return operator
        found = _KEYWORD.match(self.reader.text, self.reader.at) if keywords else None
        if found and found.group() in _KEYWORDS:
            behind = self.reader.text[found.end() : found.end() + 1]
            if behind in (*"\n \t;&|()<>", ""):
                return found.group()
        return "redirection" if _REDIRECT.match(self.reader.text, self.reader.at) else "word"

    def _operator(self, operator: str) -> bool:
        """Take an operator, if it comes next."""
        if self._token() != operator:
            return False
        self.reader.at += len(operator)
        if operator == "\n":
            self._read_documents()
        return True

    def _keyword(self, keyword: str) -> bool:
        if self._token() != keyword:
            return False
        self.reader.at += len(keyword)
        return True

    def _newlines(self) -> bool:
        found = False
        while self._operator("\n"):
            found = True
        return found

    def _expect(self, token: str) -> None:
        if self._token() != token:
            raise self._unexpected(token)
        self.reader.at += len(token)

    def _unexpected(self, wanted: str = "", keywords: bool = True) -> ShellSyntaxError:
        token = self._token(keywords)
        expecting = f' (expecting "{wanted}")' if wanted else ""
        if token == _END:
            return Incomplete(f"syntax error: unexpected end of file{expecting}", self.reader.line)
        shown = {"\n": "newline", "word": "word", "redirection": "redirection"}.get(token, f'"{token}"')
        return ShellSyntaxError(f"syntax error: unexpected {shown}{expecting}", self.reader.line)


def _assignment(word: Word) -> tuple[str, Word]:
    """Name and value, where a word is an assignment; else an empty name."""
    first = word[0]
    if not isinstance(first, Text) or first.quoted or "=" not in first.value:
        return "", word
    name, _, rest = first.value.partition("=")
    if not NAME.fullmatch(name):
        return "", word
    return name, ((Text(rest),) if rest else ()) + word[1:]


def all_commands(text: str, line: int = 1) -> Sequence:
    r"""All the commands of a text.

    >>> len(all_commands("a; b\nc").commands)
    2
    """
    parser, found = Parser(text, line), list[Command]()
    while command := parser.command():
        found.append(command)
    return Sequence(tuple(found))
