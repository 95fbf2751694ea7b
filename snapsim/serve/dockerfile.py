"""Dockerfiles: instructions, variables, and what an instruction changes in an image's configuration.

>>> [(one.name, one.value) for one in parse("FROM base:1\\n# a comment\\nRUN a && \\\\\\n  b\\n")]
[('FROM', 'base:1'), ('RUN', 'a &&   b')]
>>> changed({}, ["CMD [\\"sh\\"]", "ENV A=1 B=2", "LABEL a=b"])
{'Cmd': ['sh'], 'Env': ['A=1', 'B=2'], 'Labels': {'a': 'b'}}

What it leaves out: here-documents, ``ONBUILD``, ``HEALTHCHECK``, and the flags of BuildKit (``RUN --mount``).
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from snapsim.serve.errors import Refused

MOST = 4 << 20
"""Bytes of a Dockerfile."""
NAMES = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_CHANGES = ("CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "USER", "VOLUME", "WORKDIR", "STOPSIGNAL")
_VARIABLE = re.compile(r"\\\$|\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:[-+])([^}]*))?\})")


@dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile: its name, its flags (``--from=x``), the rest, the line from 1 on, and all of it."""

    name: str
    value: str
    line: int = 1
    flags: Mapping[str, str] = field(default_factory=dict, hash=False)
    text: str = ""

    @property
    def words(self) -> list[str]:
        """The rest in words, of the JSON form or separated by blanks."""
        listed = json_list(self.value)
        return self.value.split() if listed is None else listed


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile; `Refused` (400), in the builder's words, for what is none."""
    found: list[Instruction] = []
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip() if not pending else raw.rstrip()
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        first = first if pending else number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        found.append(_instruction(pending + line, first))
        pending = ""
    if pending.strip():
        found.append(_instruction(pending, first))
    if not found:
        raise Refused(
            400, "file with no instructions" if text.strip() else "the Dockerfile (Dockerfile) cannot be empty"
        )
    return found


def _instruction(line: str, number: int) -> Instruction:
    name, _, rest = line.strip().partition(" ")
    if name.upper() not in NAMES:
        raise Refused(400, f"dockerfile parse error line {number}: unknown instruction: {name.upper()[:60]}")
    flags = {}
    rest = rest.strip()
    while name.upper() in ("ADD", "COPY", "FROM", "RUN") and rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        key, _, value = option[2:].partition("=")
        flags[key], rest = value, rest.strip()
    if not rest and name.upper() not in ("CMD", "ENTRYPOINT", "RUN"):
        raise Refused(400, f"dockerfile parse error line {number}: {name.upper()} requires at least one argument")
    return Instruction(name.upper(), rest, number, flags, line.strip())


def json_list(text: str) -> list[str] | None:
    """The words of the JSON form (``["a", "b"]``); None for the other form."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Variables replaced, as the builder does it.

    Examples
    --------
    >>> expand("$A/${B:-c} \\\\$A", {"A": "x"})
    'x/c $A'
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return "$"
        here = variables.get(name, "")
        if match[3] == ":-":
            return here or match[4]
        return (match[4] if here else "") if match[3] == ":+" else here

    return _VARIABLE.sub(value, text)


def pairs(text: str, place: str) -> list[tuple[str, str]]:
    """``A=1 B="two words"``, or the older form ``A the rest``; `Refused` (400)."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Refused(400, f"{place}: {error}") from None
    if words and "=" not in words[0]:
        name, _, rest = text.strip().partition(" ")
        if not rest:
            raise Refused(400, f"{place} must have two arguments")
        return [(name, rest.strip())]
    found = [word.partition("=") for word in words]
    if not all(equals and name for name, equals, _ in found):
        raise Refused(400, f"Syntax error - can't find = in {text[:60]!r}. Must be of the form: name=value")
    return [(name, value) for name, _, value in found]


def changed(config: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """A configuration after ``--change`` of commit and import; `Refused` (400)."""
    made = dict(config)
    for text in changes:
        for one in parse(text):
            if one.name not in _CHANGES:
                raise Refused(400, f"{one.name} is not a valid change command")
            made = apply(made, one)
    return made


def apply(config: Mapping[str, Any], one: Instruction, shell: Sequence[str] = ("/bin/sh", "-c")) -> dict[str, Any]:
    """The configuration after an instruction that changes nothing else."""
    made, value = dict(config), one.value
    if one.name in ("CMD", "ENTRYPOINT"):
        made[one.name.title() if one.name == "CMD" else "Entrypoint"] = _program(value, shell)
    elif one.name == "ENV":
        env = dict(item.partition("=")[::2] for item in made.get("Env") or ())
        env |= dict(pairs(value, "ENV"))
        made["Env"] = [f"{name}={text}" for name, text in env.items()]
    elif one.name == "LABEL":
        made["Labels"] = {**(made.get("Labels") or {}), **dict(pairs(value, "LABEL"))}
    elif one.name == "EXPOSE":
        ports: dict[str, Any] = {port if "/" in port else f"{port}/tcp": {} for port in value.split()}
        made["ExposedPorts"] = {**(made.get("ExposedPorts") or {}), **ports}
    elif one.name == "VOLUME":
        made["Volumes"] = {**(made.get("Volumes") or {}), **{place: {} for place in one.words}}
    elif one.name == "WORKDIR":
        here = made.get("WorkingDir") or "/"
        made["WorkingDir"] = value if value.startswith("/") else f"{here.rstrip('/')}/{value}"
    elif one.name == "USER":
        made["User"] = value
    elif one.name == "STOPSIGNAL":
        made["StopSignal"] = value
    return made


def _program(value: str, shell: Sequence[str]) -> list[str] | None:
    listed = json_list(value)
    if listed is not None:
        return listed or None
    return [*shell, value] if value else None
