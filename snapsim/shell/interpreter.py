"""Carrying the syntax tree out: one `Interpreter` is one shell process, with its variables and descriptors.

A subshell, a part of a pipeline and a command substitution are copies of it (`fork`): what they change is lost when
they end, and what they write to files stays. Simple commands are looked for in POSIX's order: special built-ins,
functions, built-ins, and then programs: those of the registry, which take a `Process`, and scripts of the mount.

Messages are those of BusyBox ash; like it, a script's messages name the line and those of ``sh -c`` do not.

What it leaves out: signals, jobs, and permissions other than the execute bits of a script.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from snapsim.shell import compound, programs, redirection
from snapsim.shell.builtins import BUILTINS, SPECIAL, in_quotes
from snapsim.shell.control import Break, Complaint, Exit, Leave, Return
from snapsim.shell.expansion import Expansion, ExpansionFailure
from snapsim.shell.parser import Parser
from snapsim.shell.process import decoded, encoded
from snapsim.shell.redirection import RedirectFailure
from snapsim.shell.session import Session
from snapsim.shell.streams import Capture, Input, Stream, pieces
from snapsim.shell.syntax import Command as Tree
from snapsim.shell.syntax import (
    Group,
    Pipeline,
    Redirect,
    Simple,
    Substitution,
)
from snapsim.shell.tasks import BrokenPipe
from snapsim.shell.words import Incomplete, ShellSyntaxError
from snapsim.shell.world import Files

_DEEPEST = 120  # functions in functions, shells in shells


class Interpreter:
    """A shell process.

    Parameters
    ----------
    session : Session
    files : Files
        Its system calls and its working directory.
    environment : mapping of str to str
    streams : mapping of int to Stream
        Its descriptors.
    name : str
        ``$0``.
    arguments : sequence of str
        ``$1`` and on.
    script : bool
        It reads a file, so that messages name lines.
    """

    def __init__(
        self,
        session: Session,
        files: Files,
        environment: Mapping[str, str],
        streams: Mapping[int, Stream],
        name: str = "sh",
        arguments: Sequence[str] = (),
        script: bool = False,
    ) -> None:
        self.session, self.files, self.streams = session, files, dict(streams)
        self.name, self.arguments, self.script, self.interactive = name, list(arguments), script, False
        self.variables = {"IFS": " \t\n", **environment}
        self.exported, self.readonly = set(environment), set[str]()
        self.variables["PWD"] = files.directory
        self.exported.add("PWD")
        self.functions: dict[str, Tree] = {}
        self.flags: set[str] = set()
        self.frames: list[dict[str, str | None]] = []
        self.kept: list[Stream] = []
        self.status, self.loops, self.line, self.sourced = 0, 0, 1, ""
        self._tested, self._substituted = 0, 0
        self.expansion = Expansion(self)

    def fork(self, streams: Mapping[int, Stream]) -> Interpreter:
        """A copy that goes its own way."""
        child = copy.copy(self)
        child.files = Files(self.session.world, self.files.directory, self.files.mask)
        child.streams, child.variables, child.functions = dict(streams), dict(self.variables), dict(self.functions)
        child.exported, child.readonly, child.flags = set(self.exported), set(self.readonly), set(self.flags)
        child.arguments, child.frames, child.loops = list(self.arguments), [dict(each) for each in self.frames], 0
        child.kept = []
        child.expansion = Expansion(child)
        return child

    # ---------------------------------------------------------------- scripts

    def run_script(self, text: str) -> int:
        """All of a script, as a process of its own: errors are told, and become its exit status."""
        return self.isolated(lambda: self.run_text(text))

    def isolated(self, work: Callable[[], int]) -> int:
        """Something to its end, whatever ends it."""
        self.session.depth += 1
        try:
            if self.session.depth > _DEEPEST:
                raise ExpansionFailure("too many shells in one another")
            return work()
        except Leave as end:
            return end.status
        except Break:
            return 0
        except ShellSyntaxError as error:
            self.line = error.line
            self.complain(str(error))
            return 2
        except ExpansionFailure as failure:
            self.complain(str(failure))
            return 2
        except BrokenPipe:
            return 141
        finally:
            self.session.depth -= 1
            for stream in self.kept:
                stream.close()
            self.kept = []

    def run_text(self, text: str, line: int = 1) -> int:
        """Carry a text out, command by command."""
        parser, status = Parser(text, line), 0
        while command := parser.command():
            status = self.run(command)
        return status

    def run_stream(self, stream: Stream) -> int:
        """Commands from standard input: all of it, or line by line where somebody types them."""
        if not (isinstance(stream, Input) and stream.live):
            return self.run_text(decoded(b"".join(pieces(stream))))
        text, first = "", 1
        while line := decoded(stream.read_line()):
            text += line
            parser = Parser(text, first, partial=True)
            try:
                trees = []
                while tree := parser.command():
                    trees.append(tree)
            except Incomplete:
                continue
            first, text = first + text.count("\n"), ""
            for tree in trees:
                self.run(tree)
        self.run_text(text, first)
        return self.status

    def source(self, name: str, text: str, arguments: Sequence[str]) -> int:
        """``. name``: in this shell."""
        before, self.sourced = (self.sourced, self.arguments), name
        if arguments:
            self.arguments = list(arguments)
        try:
            with self._deeper():
                return self.run_text(text)
        except Return as end:
            return end.status
        except ShellSyntaxError as error:
            self.line = error.line
            self.complain(str(error))
            raise Exit(2) from None
        except ExpansionFailure as failure:
            self.complain(str(failure))
            raise Exit(2) from None
        finally:
            self.sourced = before[0]
            self.arguments = before[1] if arguments else self.arguments

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self.session.depth += 1
        try:
            if self.session.depth > _DEEPEST:
                raise ExpansionFailure("too many functions in one another")
            yield
        finally:
            self.session.depth -= 1

    def text_of(self, path: str) -> str:
        """A script in a file of the mount."""
        stream = self.files.open(path)
        try:
            return decoded(b"".join(pieces(stream)))
        finally:
            stream.close()

    # ---------------------------------------------------------------- the tree

    def run(self, tree: Tree) -> int:
        """Carry out any command, and leave where ``set -e`` says so."""
        self.status = self._simple(tree) if isinstance(tree, Simple) else compound.RUN[type(tree)](self, tree)
        if (
            self.status
            and "e" in self.flags
            and not self._tested
            and isinstance(tree, Simple | Pipeline | Group)
            and not (isinstance(tree, Pipeline) and tree.negated)
        ):
            raise Exit(self.status)
        return self.status

    def condition(self, tree: Tree) -> int:
        """A command whose failure is an answer, and not an error."""
        self._tested += 1
        try:
            return self.run(tree)
        finally:
            self._tested -= 1

    # ---------------------------------------------------------------- simple commands

    def _simple(self, tree: Simple) -> int:
        self.session.step()
        self.line, self._substituted = tree.line, 0
        words = self.expansion.arguments(tree.words)
        special = bool(words) and words[0] in SPECIAL
        try:
            with self.redirected(tree.redirects, keep=words == ["exec"]):
                values = [(name, self.expansion.text(word)) for name, word in tree.assignments] if words else []
                if not words:
                    for name, word in tree.assignments:
                        self.put(name, self.expansion.text(word))
                        self._trace([(name, self.variables[name])], [])
                    return self._substituted
                self._trace(values, words)
                return self._with_assignments(words, values, special)
        except RedirectFailure as failure:
            self.complain(str(failure))
            if special and not self.interactive:
                raise Exit(1) from None
            return 1

    def _with_assignments(self, words: list[str], values: list[tuple[str, str]], special: bool) -> int:
        """The command, in an environment that its assignments hold for."""
        if special or not values:
            for name, value in values:
                self.put(name, value)
            return self._command(words)
        before = {name: (self.variables.get(name), name in self.exported) for name, _ in values}
        for name, value in values:
            self.put(name, value)
            self.exported.add(name)
        try:
            return self._command(words)
        finally:
            for name, (old, exported) in before.items():
                self._restore(name, old)
                if not exported:
                    self.exported.discard(name)

    def _restore(self, name: str, value: str | None) -> None:
        if value is None:
            self.variables.pop(name, None)
        else:
            self.variables[name] = value

    def _command(self, words: list[str]) -> int:
        name = words[0]
        if name in SPECIAL:
            return self._builtin(SPECIAL[name], words)
        if name in self.functions:
            return self._call(self.functions[name], words[1:])
        return self._builtin(BUILTINS[name], words) if name in BUILTINS else self.program(words)

    def _builtin(self, builtin: Callable[[Interpreter, list[str]], int], words: list[str]) -> int:
        try:
            return builtin(self, words[1:])
        except Complaint as complaint:
            self.complain(str(complaint), words[0])
            if words[0] in SPECIAL and not self.interactive:
                raise Exit(complaint.status) from None
            return complaint.status
        except OSError as error:
            self.complain(f"write error: {error.strerror}", words[0])
            return 1

    def _call(self, body: Tree, arguments: list[str]) -> int:
        before, loops = self.arguments, self.loops
        self.arguments, self.loops = arguments, 0
        self.frames.append({})
        try:
            with self._deeper():
                return self.run(body)
        except Return as end:
            return end.status
        finally:
            self.arguments, self.loops = before, loops
            for name, value in self.frames.pop().items():
                self._restore(name, value)

    def _trace(self, values: Sequence[tuple[str, str]], words: Sequence[str]) -> None:
        if "x" in self.flags:
            shown = [*(f"{name}={_shown(value) if value else value}" for name, value in values), *map(_shown, words)]
            self.write(2, f"+ {' '.join(shown)}\n")

    # ---------------------------------------------------------------- programs

    def program(
        self, words: Sequence[str], environment: Mapping[str, str] | None = None, stdin: bytes | None = None
    ) -> int:
        """Run a program by name or path: a command of the registry, or a script of the mount."""
        return programs.run(self, words, environment, stdin)

    def find(self, name: str) -> str:
        """The path of a program: in the mount, or where a command of the registry would be; empty if nowhere."""
        return programs.find(self, name)

    def fresh(
        self,
        environment: Mapping[str, str],
        streams: Mapping[int, Stream],
        name: str = "sh",
        arguments: Sequence[str] = (),
        script: bool = False,
    ) -> Interpreter:
        """A shell that starts afresh: nothing of this one but the directory, the environment and the descriptors."""
        files = Files(self.session.world, self.files.directory, self.files.mask)
        return Interpreter(self.session, files, environment, streams, name, arguments, script)

    # ---------------------------------------------------------------- descriptors

    @contextmanager
    def redirected(self, redirects: Sequence[Redirect], keep: bool = False) -> Iterator[None]:
        """Other descriptors for a while, or for good."""
        if not redirects:
            yield
            return
        before, opened = self.streams, list[Stream]()
        self.streams = dict(before)
        try:
            for redirect in redirects:
                redirection.apply(self.streams, redirect, self.expansion.text(redirect.word), self.files, opened)
            if keep:
                self.kept += opened
                before, opened = self.streams, []
            yield
        finally:
            self.streams = before
            for stream in opened:
                stream.close()

    def write(self, descriptor: int, text: str) -> None:
        """Write to a descriptor of the shell."""
        if descriptor in self.streams:
            self.streams[descriptor].write(encoded(text))

    def complain(self, complaint: str, builtin: str = "") -> None:
        """An error message of the shell."""
        where = [self.name]
        numbered = self.script or bool(self.sourced)
        line = f"line {self.line if numbered else self.line - 1}"
        if builtin:
            where += [builtin] if self.interactive else [builtin, line]
        elif numbered:
            where += [self.sourced, line] if self.sourced else [line]
        self.write(2, ": ".join([*where, complaint]) + "\n")

    # ---------------------------------------------------------------- what expansions ask for

    def get(self, name: str) -> str | None:
        """A variable, or a special parameter."""
        if name.isdigit():
            number = int(name)
            if number == 0:
                return self.name
            return self.arguments[number - 1] if number <= len(self.arguments) else None
        special: dict[str, Callable[[], str]] = {
            "?": lambda: str(self.status),
            "#": lambda: str(len(self.arguments)),
            "$": lambda: "1",
            "-": lambda: "".join(sorted(self.flags)),
            "!": lambda: "",
        }
        return special[name]() if name in special else self.variables.get(name)

    def put(self, name: str, value: str) -> None:
        """Assign."""
        self.check_writable(name)
        self.variables[name] = value
        if "a" in self.flags:
            self.exported.add(name)

    def check_writable(self, name: str) -> None:
        """Refuse what is marked readonly."""
        if name in self.readonly:
            raise ExpansionFailure(f"{name}: is read only")

    def option(self, letter: str) -> bool:
        """Is an option of `set` on?"""
        return letter in self.flags

    def output_of(self, substitution: Substitution) -> str:
        """What commands write, without the last ends of lines."""
        capture = Capture()
        child = self.fork({**self.streams, 1: capture})
        child.flags.discard("e")  # as ash does it, and not as POSIX says
        self._substituted = child.isolated(lambda: child.run(substitution.script))
        return decoded(bytes(capture.data).replace(b"\0", b"")).rstrip("\n")

    def listed(self, directory: str) -> list[str]:
        """The names in a directory; none where it cannot be read."""
        try:
            return self.files.listed(directory or ".")
        except OSError:  # a pattern that leads nowhere matches nothing
            return []

    def exists(self, path: str) -> bool:
        """Is there such a path?"""
        return self.files.exists(path, follow=False)

    def change_directory(self, path: str) -> None:
        """The working directory, and PWD."""
        self.files.directory = path
        self.put("PWD", path)


def _shown(word: str) -> str:
    """A word, or the value of an assignment, as ``set -x`` shows it."""
    safe = all("+" <= character <= "z" and character not in ";<=>?`[\\" for character in word)
    return word if word and safe else in_quotes(word)
