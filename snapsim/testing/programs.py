"""Probes as programs: the lines of a function, to be pasted and run.

LEAVES OUT: functions that were typed where no source is kept.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def program_of(probe: Callable[..., Any]) -> list[str]:
    """The lines of a function's body, behind an import of what they use.

    The names of the parameters are taken for granted, and the docstring is left out. What a line does not keep by
    `expect`, it says by raising.

    Examples
    --------
    >>> from snapsim.testing.volumes.probes import one_stamp_for_many_blocks
    >>> print("\\n".join(program_of(one_stamp_for_many_blocks)))
    from snapsim.testing.volumes.probes import expect
    volume.write(slice(0, volume.size), 7)
    expect("a scalar fills the run", [7] * volume.size, volume.read(slice(0, volume.size)))
    """
    source = textwrap.dedent(inspect.getsource(probe))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    lines = textwrap.dedent("\n".join(source.splitlines()[body[0].lineno - 1 : body[-1].end_lineno])).splitlines()
    known = vars(inspect.getmodule(probe))
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    mine = sorted(name for name in used if name in known and not inspect.ismodule(known[name]))
    modules = sorted(name for name in used if name in known and inspect.ismodule(known[name]))
    imports = [
        f"import {known[name].__name__}{'' if known[name].__name__ == name else f' as {name}'}" for name in modules
    ]
    chosen = [name for name in mine if name not in _annotations(function)]
    return [*imports, *([f"from {probe.__module__} import {', '.join(chosen)}"] if chosen else []), *lines]


def _annotations(function: ast.FunctionDef) -> set[str]:
    """Names that only the signature and its decorators use."""
    inside = {node.id for line in function.body for node in ast.walk(line) if isinstance(node, ast.Name)}
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} - inside
