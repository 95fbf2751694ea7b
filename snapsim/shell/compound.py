"""Carrying out lists, pipelines and compound commands: if, while, for, case, groups and functions.

Each function takes the shell and a node of the tree, and returns the exit status; `RUN` says which one is for what.

What it leaves out: simple commands, which are the interpreter's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from snapsim.shell.control import Break, Continue
from snapsim.shell.patterns import matches
from snapsim.shell.redirection import RedirectFailure
from snapsim.shell.syntax import AndOr, Case, For, Function, Group, If, Pipeline, Redirected, While
from snapsim.shell.syntax import Command as Tree
from snapsim.shell.syntax import Sequence as Commands
from snapsim.shell.tasks import Pipe

if TYPE_CHECKING:
    from snapsim.shell.interpreter import Interpreter


def _sequence(shell: Interpreter, tree: Commands) -> int:
    for command in tree.commands:
        shell.run(command)
    return shell.status if tree.commands else 0


def _and_or(shell: Interpreter, tree: AndOr) -> int:
    status = shell.condition(tree.left)
    return shell.run(tree.right) if (status == 0) == (tree.operator == "&&") else status


def _pipeline(shell: Interpreter, tree: Pipeline) -> int:
    if len(tree.commands) == 1:
        status = shell.condition(tree.commands[0]) if tree.negated else shell.run(tree.commands[0])
    else:
        status = _parts(shell, tree.commands)
    return int(not status) if tree.negated else status


def _parts(shell: Interpreter, commands: Sequence[Tree]) -> int:
    """The parts of a pipeline, each a subshell; the exit status is the last one's."""
    pipes = [Pipe(shell.session.tasks) for _ in commands[1:]]
    status = [0] * len(commands)

    def part(number: int) -> None:
        streams = dict(shell.streams)
        if number:
            streams[0] = pipes[number - 1]
        if number < len(pipes):
            streams[1] = pipes[number]
        child = shell.fork(streams)
        try:
            status[number] = child.isolated(lambda: child.run(commands[number]))
        finally:
            if number:
                pipes[number - 1].close_reader()
            if number < len(pipes):
                pipes[number].close_writer()

    depth = shell.session.depth
    failures = shell.session.tasks.run([partial(part, number) for number in range(len(commands))])
    shell.session.depth = depth
    for failure in failures:
        if failure is not None:
            raise failure
    return next((each for each in reversed(status) if each), 0) if "P" in shell.flags else status[-1]


def _group(shell: Interpreter, tree: Group) -> int:
    if not tree.subshell:
        return shell.run(tree.body)
    child = shell.fork(shell.streams)
    return child.isolated(lambda: child.run(tree.body))


def _if(shell: Interpreter, tree: If) -> int:
    for condition, body in tree.branches:
        if shell.condition(condition) == 0:
            return shell.run(body)
    return shell.run(tree.otherwise) if tree.otherwise else 0


def _while(shell: Interpreter, tree: While) -> int:
    return _loop(shell, lambda: (shell.condition(tree.condition) == 0) != tree.until, tree.body)


def _for(shell: Interpreter, tree: For) -> int:
    values = iter(list(shell.arguments) if tree.words is None else shell.expansion.arguments(tree.words))

    def another() -> bool:
        for value in values:
            shell.put(tree.name, value)
            return True
        return False

    return _loop(shell, another, tree.body)


def _loop(shell: Interpreter, another: Callable[[], bool], body: Commands) -> int:
    """Rounds of a loop, as long as there is another."""
    status = 0
    shell.loops += 1
    try:
        while True:
            try:
                if not another():
                    return status
                shell.session.step()
                status = shell.run(body)
            except Continue as leave:
                if leave.loops > 1:
                    raise Continue(leave.loops - 1) from None
                status = 0
            except Break as leave:
                if leave.loops > 1:
                    raise Break(leave.loops - 1) from None
                return 0
    finally:
        shell.loops -= 1


def _case(shell: Interpreter, tree: Case) -> int:
    text = shell.expansion.text(tree.word)
    for alternatives, body in tree.clauses:
        if any(matches(shell.expansion.pattern(pattern), text) for pattern in alternatives):
            return shell.run(body)
    return 0


def _function(shell: Interpreter, tree: Function) -> int:
    shell.functions[tree.name] = tree.body
    return 0


def _redirected_command(shell: Interpreter, tree: Redirected) -> int:
    try:
        with shell.redirected(tree.redirects):
            return shell.run(tree.command)
    except RedirectFailure as failure:
        shell.complain(str(failure))
        return 1


RUN: dict[type, Callable[[Interpreter, Any], int]] = {
    Pipeline: _pipeline,
    AndOr: _and_or,
    Commands: _sequence,
    Group: _group,
    If: _if,
    While: _while,
    For: _for,
    Case: _case,
    Function: _function,
    Redirected: _redirected_command,
}
